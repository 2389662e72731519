"""The interrupts of DOS: INT 20h to 2Fh, and INT 21h's table of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from blink16 import faults
from blink16.bios.rom import HLT, SEGMENT, STI, Rom, interrupt, jump
from blink16.cpu.registers import CF
from blink16.dos import (
    console_calls,
    country_calls,
    directory_calls,
    dos_calls,
    exec_calls,
    file_calls,
    processes,
)
from blink16.dos.errors import CallFailed, Code, call_failed
from blink16.dos.layout import INDOS
from blink16.dos.system import DosDevice, DosSystem
from blink16.dos.terminal import write_device
from blink16.memory import linear
from blink16.services import DONE, Chassis, Done, Exit, Guest, Outcome, set_caller_flag

FIRST_CARRY_CALL = 0x38
"""Calls from here on tell success by CF, those before have ways of their own."""
FAILED = 0xFF
"""What most calls before those have in AL when they fail: CP/M's file calls, drive data."""
IDLE_VECTOR = 0x28
PSP_CALLS = (0x50, 0x51, 0x62)
"""Calls that leave no trace of their caller's stack."""
DIVIDE_STATUS = 0xFF
FAIL_CALL = 3
"""INT 24h's answer: the call that met the error shall fail."""

CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    **console_calls.CALLS,
    **exec_calls.CALLS,
    **dos_calls.CALLS,
    **country_calls.CALLS,
    **file_calls.CALLS,
    **directory_calls.CALLS,
}


def int21(dos: DosSystem, guest: Guest) -> Outcome:
    """Do the call in AH; failures are CF and a code in AX."""
    r = guest.registers
    number = r.ah
    if number not in PSP_CALLS:
        dos.stack = r.ss, r.sp
    try:
        outcome = _call(dos, guest, number)
    except CallFailed as failure:
        return _fail(dos, guest, number, failure)
    except OSError as error:
        return _fail(dos, guest, number, call_failed(error))
    if number >= FIRST_CARRY_CALL and isinstance(outcome, Done):
        set_caller_flag(guest, CF, False)
    return outcome


def _call(dos: DosSystem, guest: Guest, number: int) -> Outcome:
    call = CALLS.get(number)
    if call is not None:
        return call(dos, guest)
    if number not in dos.told:
        dos.told.add(number)
        guest.notice(f"INT 21h/{number:02X}h is a DOS call that is not here; it fails")
    if number < FIRST_CARRY_CALL:
        guest.registers.al = FAILED
        return DONE
    raise CallFailed(Code.INVALID_FUNCTION)


def _fail(dos: DosSystem, guest: Guest, number: int, failure: CallFailed) -> Outcome:
    dos.change(error=failure.code)
    if number >= FIRST_CARRY_CALL:
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
    guest.registers.al = FAIL_CALL
    return DONE


def fast_output(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 29h: show AL."""
    write_device(dos, guest, DosDevice.CON, bytes((guest.registers.al,)))
    return DONE


def nothing(guest: Guest) -> Outcome:
    """INT 28h (idle), 2Ah (network), 2Fh (multiplex: nobody is installed)."""
    return DONE


def break_pressed(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 1Bh: Ctrl-Break was pressed; the next call that looks for it does INT 23h."""
    dos.change(break_pressed=True)
    return DONE


def _again(dos: DosSystem, guest: Guest) -> Outcome:
    """Go on with a call that has waited."""
    guest.memory[linear(*INDOS)] = 0
    return int21(dos, guest)


def hang(chassis: Chassis, dos: DosSystem, rom: Rom) -> None:
    """Point DOS' vectors at its services."""
    _, again = chassis.add_stub("int21-again", partial(_again, dos))
    dos.wait_routine = rom.add(STI + interrupt(IDLE_VECTOR) + HLT + jump(SEGMENT, again))
    chassis.hang_service(0x1B, partial(break_pressed, dos))
    dos.exec_stub = chassis.add_stub("exec")
    dos.break_stub = chassis.add_stub("int23-done", partial(break_returned, dos))
    chassis.hang_service(0x00, partial(divide_error, dos))
    chassis.hang_service(0x20, partial(exec_calls.terminate, dos))
    chassis.hang_service(0x22, terminate)
    chassis.hang_service(0x23, partial(break_default, dos))
    chassis.hang_service(0x27, partial(exec_calls.stay_resident_bytes, dos))
    chassis.hang_service(0x21, partial(int21, dos))
    chassis.hang_service(0x24, critical_error)
    chassis.hang_service(0x29, partial(fast_output, dos))
    for vector in (0x28, 0x2A, 0x2F):
        chassis.hang_service(vector, nothing)
