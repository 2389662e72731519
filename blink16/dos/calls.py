"""The interrupts of DOS: INT 20h to 2Fh, and INT 21h's table of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from blink16 import faults
from blink16.bios import StandBy
from blink16.bios.rom import HLT, SEGMENT, STI, goto, interrupt, jump
from blink16.bios.tables import DISKETTE_PARAMETERS, DISKETTE_VECTOR
from blink16.cpu.registers import CF, Cell
from blink16.dos import (
    call_traits,
    console_calls,
    country_calls,
    critical,
    directory_calls,
    disk_calls,
    dos_calls,
    exec_calls,
    fcb_calls,
    fcb_name_calls,
    file_calls,
    hooked_output,
    ioctl_calls,
    memory_calls,
    processes,
)
from blink16.dos.call_traits import FIRST_CARRY_CALL
from blink16.dos.errors import CallFailed, Code, CriticalError, call_failed
from blink16.dos.interrupts import far_pointer
from blink16.dos.layout import DISKETTE_TABLE, INDOS
from blink16.dos.system import DosDevice, DosSystem
from blink16.dos.terminal import show, shown_channel, shown_device, sleep, write_device
from blink16.dos.xms import Xms
from blink16.memory import MEMORY_SIZE, linear
from blink16.services import (
    CALLER_FLAGS,
    DONE,
    WAIT,
    Chassis,
    Done,
    Exit,
    Guest,
    Outcome,
    Wait,
    set_caller_flag,
)

FAILED = 0xFF
"""What most calls before those have in AL when they fail: CP/M's file calls, drive data."""
IDLE_VECTOR = 0x28
INSTALLED, XMS_INSTALLED = 0xFF, 0x80
PSP_CALLS = (0x50, 0x51, 0x62)
"""Calls that leave no trace of their caller's stack."""
DIVIDE_STATUS = 0xFF
ABSENT = (0x18, 0x1D, 0x1E, 0x20, 0x61, 0x64, 0x6B, 0x6D, 0x6E, 0x6F, 0x73)
"""Calls that DOS 5 has only as numbers: they do nothing and return 0 in AL."""
LAST_CALL = 0x6C
"""Greater numbers do the same, but for 71h."""

CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    **console_calls.CALLS,
    **exec_calls.CALLS,
    **memory_calls.CALLS,
    **dos_calls.CALLS,
    **country_calls.CALLS,
    **file_calls.CALLS,
    **fcb_calls.CALLS,
    **fcb_name_calls.CALLS,
    **disk_calls.CALLS,
    **ioctl_calls.CALLS,
    **directory_calls.CALLS,
}


_SS, _SP, _AH = int(Cell.SS), int(Cell.SP), 2 * Cell.AX + 1


def int21(dos: DosSystem, guest: Guest) -> Outcome:
    """Do the call in AH; failures are CF and a code in AX."""
    outcome = _traced(dos, guest) if guest.traces_calls else _int21(dos, guest)
    if outcome is WAIT and dos.pipe.is_interrupted:
        outcome = sleep(dos, guest)
    return hooked_output.divert(dos, guest, outcome) if dos.state.kept else outcome


def _traced(dos: DosSystem, guest: Guest) -> Outcome:
    """Do a call, and tell it once it is done."""
    r = guest.registers
    number, before, who = r.ah, call_traits.values(guest), dos.process_name()
    text = call_traits.called(guest, number, before)
    place = r.cs, r.ip
    outcome = _int21(dos, guest)
    if isinstance(outcome, Exit):
        guest.trace_call(f"{who} {text} = exit {outcome.status}")
    elif isinstance(outcome, Done) and (r.cs, r.ip) == place:
        # else it waits, and comes again
        moved = dos.process_name() != who
        answer = f"in {dos.process_name()}" if moved else call_traits.result(guest, number, before)
        guest.trace_call(f"{who} {text} = {answer}")
    return outcome


def _int21(dos: DosSystem, guest: Guest) -> Outcome:
    r = guest.registers
    number = r.state[_AH]  # quicker than by name, as the next two
    before = dos.last_stack[0]
    if number not in PSP_CALLS:
        cells = r.cells
        dos.last_stack[0] = cells[_SS] | cells[_SP] << 16
    try:
        call = CALLS.get(number)
        outcome = _do_without(dos, guest, number) if call is None else call(dos, guest)
    except CallFailed as failure:
        return _fail(dos, guest, number, failure)
    except CriticalError as error:
        return critical.ask(dos, guest, error)
    except OSError as error:
        return _fail(dos, guest, number, call_failed(error))
    if number >= FIRST_CARRY_CALL and (outcome is DONE or isinstance(outcome, Done)):
        cells = r.cells
        flags = (cells[_SS] << 4) + (cells[_SP] + CALLER_FLAGS & 0xFFFF)
        if flags >= MEMORY_SIZE or guest.memory.whole[flags] & CF:  # most often it is clear
            set_caller_flag(guest, CF, False)
    if outcome is not DONE and isinstance(outcome, Wait | Exit):
        dos.last_stack[0] = before  # the machine is left before this call
    return outcome


def _do_without(dos: DosSystem, guest: Guest, number: int) -> Outcome:
    """Answer a call that isn't here."""
    if number not in ABSENT and number not in dos.told:
        dos.told.add(number)
        guest.notice(f"INT 21h/{number:02X}h is a DOS call that is not here; it returns 0 in AL")
    if number in ABSENT or number > LAST_CALL:
        guest.registers.al = 0
        return DONE
    raise CallFailed(Code.INVALID_FUNCTION)


def _fail(dos: DosSystem, guest: Guest, number: int, failure: CallFailed) -> Outcome:
    if dos.state.error != failure.code:
        dos.change(error=failure.code)
    if number < FIRST_CARRY_CALL:
        guest.registers.al = FAILED
    else:
        guest.registers.ax = failure.code
        set_caller_flag(guest, CF, True)
    if failure.bx is not None:
        guest.registers.bx = failure.bx
    return DONE


def terminate(guest: Guest) -> Outcome:
    """INT 22h: where the end of the first process leads."""
    return Exit(0)


def break_default(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 23h as DOS has it: Ctrl-C ends the process."""
    return exec_calls.end_process(dos, guest, 0, exec_calls.ExitKind.CONTROL_C)


def break_returned(dos: DosSystem, guest: Guest) -> Outcome:
    """Go on after an INT 23h: IRET begins the call anew, RETF with CF ends the process."""
    r = guest.registers
    if r.sp == (dos.state.break_stack - 2) & 0xFFFF:
        r.sp += 2
        if r.flags & CF:
            return exec_calls.end_process(dos, guest, 0, exec_calls.ExitKind.CONTROL_C)
    return int21(dos, guest)


def critical_answered(dos: DosSystem, guest: Guest) -> Outcome:
    """Go on after an INT 24h with what it wants in AL."""
    answer = critical.answer(dos, guest)
    match answer.action:
        case critical.Action.RETRY:
            return int21(dos, guest)
        case critical.Action.ABORT:
            return exec_calls.end_process(dos, guest, 0, exec_calls.ExitKind.CRITICAL_ERROR)
        case critical.Action.IGNORE:
            return _ignored(guest)
    failure = CallFailed(Code(answer.code))
    outcome = _fail(dos, guest, guest.registers.ah, failure)
    dos.change(error=Code.FAIL_ON_INT_24)
    return outcome


def _ignored(guest: Guest) -> Outcome:
    """End a call as if the drive had read or written what it could not."""
    r = guest.registers
    if r.ah in critical.COUNTED_CALLS:
        r.ax = r.cx
        set_caller_flag(guest, CF, False)
    else:
        r.al = 0
    return DONE


def divide_error(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 0: a signal to whoever debugs; else the end of the process."""
    trap = faults.divide_error(guest)

    def end() -> None:
        write_device(dos, guest, DosDevice.CON, b"\r\nDivide overflow\r\n")
        exec_calls.end_process(dos, guest, DIVIDE_STATUS)

    if guest.memory.read_word(linear(dos.state.psp, processes.PARENT)) == dos.state.psp:
        return trap
    return replace(trap, resumable=True, then=end)


def critical_error(guest: Guest) -> Outcome:
    """INT 24h: nobody is there to ask."""
    guest.registers.al = critical.Action.FAIL
    return DONE


def fast_output(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 29h: show AL, a tab (`hooked_output.FAST_OUTPUT`); by INT 10h if that is hooked."""
    if dos.hooks.video_is_hooked(guest):
        goto(guest, dos.hooks.teletype)
    else:
        show(dos, guest, shown_device(dos), bytes((guest.registers.al,)))
    return DONE


def nothing(guest: Guest) -> Outcome:
    """INT 28h (idle), 2Ah (network): nobody is there."""
    return DONE


def multiplex(xms: Xms | None, guest: Guest) -> Outcome:
    """INT 2Fh: who is installed?  XMS may be, DOS is, the rest leaves the registers alone."""
    r = guest.registers
    match r.ax:
        case 0x1200:
            r.al = INSTALLED
        case 0x1680:
            r.al = 0  # the time slice was given up
            guest.looked_in_vain()
        case 0x4300 if xms is not None:
            r.al = XMS_INSTALLED
        case 0x4310 if xms is not None:
            r.es, r.bx = xms.entry
        case 0x4A01 | 0x4A02:
            r.bx, r.es, r.di = 0, 0xFFFF, 0xFFFF  # no high memory area
    return DONE


def break_pressed(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 1Bh: Ctrl-Break was pressed; the next call that looks for it does INT 23h."""
    dos.change(break_pressed=True)
    return DONE


def _again(dos: DosSystem, guest: Guest) -> Outcome:
    """Go on with a call that has waited."""
    guest.memory[linear(*INDOS)] = 0
    return int21(dos, guest)


def _move_diskette_table(chassis: Chassis) -> None:
    """Bring INT 1Eh's table where programs like FORMAT can change it, as DOS does."""
    segment, offset = far_pointer(chassis.memory, DISKETTE_VECTOR * 4)
    table = chassis.memory.read(linear(segment, offset), DISKETTE_PARAMETERS.sizeof())
    chassis.memory.write(linear(*DISKETTE_TABLE), table)
    chassis.set_vector(DISKETTE_VECTOR, *DISKETTE_TABLE)


def hang(chassis: Chassis, dos: DosSystem, standing: StandBy) -> None:
    """Point DOS' vectors at its services."""
    rom = standing.rom
    _move_diskette_table(chassis)
    _, again = chassis.add_stub("int21-again", partial(_again, dos))
    dos.wait_routine = rom.add(STI + interrupt(IDLE_VECTOR) + HLT + jump(SEGMENT, again))
    chassis.hang_service(0x1B, partial(break_pressed, dos))
    dos.critical_stub = chassis.add_stub("int24-done", partial(critical_answered, dos))
    dos.exec_stub = chassis.add_stub("exec")
    dos.break_stub = chassis.add_stub("int23-done", partial(break_returned, dos))
    chassis.hang_service(0x00, partial(divide_error, dos))
    chassis.hang_service(0x20, partial(exec_calls.terminate, dos))
    chassis.hang_service(0x22, terminate)
    chassis.hang_service(0x23, partial(break_default, dos))
    chassis.hang_service(0x27, partial(exec_calls.stay_resident_bytes, dos))
    chassis.hang_service(0x21, partial(int21, dos))
    chassis.hang_service(0x24, critical_error)
    chassis.hang_service(0x25, partial(disk_calls.absolute, dos, write=False))
    chassis.hang_service(0x26, partial(disk_calls.absolute, dos, write=True))
    chassis.hang_service(0x29, partial(fast_output, dos))
    for vector in (0x28, 0x2A):
        chassis.hang_service(vector, nothing)
    rom.precede(hooked_output.FAST_OUTPUT_VECTOR, hooked_output.FAST_OUTPUT)
    dos.hooks = hooked_output.OutputHooks(chassis, dos, rom)
    standing.outlet.channel = partial(shown_channel, dos)
