"""INT 21h's calls that begin and end processes: 00h, 26h, 31h, 4Bh to 4Dh, 50h, 51h, 55h, 62h."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from construct import Int16ul, Struct

from blink16.dos import processes
from blink16.dos.errors import CallFailed, Code, DosError
from blink16.dos.executable import FAR_POINTER, MAX_EXE_SIZE, PSP_SIZE, is_mz, parse
from blink16.dos.interrupts import lead, push_frame, vector
from blink16.dos.processes import Fcbs, ProgramEntry
from blink16.dos.system import DosSystem, path_argument
from blink16.hostfs.files import FileKind
from blink16.memory import PARAGRAPH, linear
from blink16.services import DONE, Exit, Guest, Outcome, caller_address

LOAD_AND_RUN, LOAD, LOAD_OVERLAY, SET_STATE = 0, 1, 3, 5
MIN_RESIDENT = 6
"""Paragraphs of a PSP that DOS keeps in any case."""
MAX_PROGRAM = MAX_EXE_SIZE + 0x10000

EXEC_BLOCK = Struct(
    "environment" / Int16ul,  # 0: the parent's
    "tail" / FAR_POINTER,
    "fcb1" / FAR_POINTER,
    "fcb2" / FAR_POINTER,
)
"""What ES:BX points at; 4B01h appends the child's SS:SP and CS:IP."""
LOADED_BLOCK = Struct("stack" / FAR_POINTER, "entry" / FAR_POINTER)
OVERLAY_BLOCK = Struct("segment" / Int16ul, "factor" / Int16ul)


class ExitKind(IntEnum):
    """How a process ended, in AH of 4Dh."""

    NORMAL = 0
    CONTROL_C = 1
    CRITICAL_ERROR = 2
    RESIDENT = 3


def exec_(dos: DosSystem, guest: Guest) -> Outcome:
    """4Bh: load DS:DX with the block ES:BX: and run it (AL 0), just load it (1), an overlay (3)."""
    r = guest.registers
    match r.al:
        case 0x00 | 0x01:
            return _load_program(dos, guest, run=r.al == LOAD_AND_RUN)
        case 0x03:
            return _load_overlay(dos, guest)
        case 0x05:
            return DONE  # the state that a loader of its own prepares
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)


SHELL = "COMMAND.COM"
"""What COMSPEC names, and programs take for granted: C's `system`, an editor's way to DOS."""


def _content(dos: DosSystem, guest: Guest) -> tuple[str, bytes]:
    """Return the path, as DOS writes it whole, and content of the program at DS:DX."""
    r = guest.registers
    name = path_argument(guest, r.ds, r.dx)
    try:
        place = dos.locate(name)
        node = place.node()
    except CallFailed:
        if name.upper().endswith(SHELL):
            dos.tell_no_shell(guest, name)
        raise
    if place.files.stat(node).kind is not FileKind.FILE:
        raise CallFailed(Code.ACCESS_DENIED)
    size = min(place.files.size(node), MAX_PROGRAM)
    return place.volume.full_path(place.real), place.files.read(node, 0, size)


def _load_program(dos: DosSystem, guest: Guest, *, run: bool) -> Outcome:
    r, memory = guest.registers, guest.memory
    path, content = _content(dos, guest)
    program = processes.read_program(dos, guest, content, path)
    where = memory.linear(r.es, r.bx)
    block = EXEC_BLOCK.parse(memory.read(where, EXEC_BLOCK.sizeof()))
    environment = block.environment or memory.read_word(
        linear(dos.state.psp, processes.ENVIRONMENT)
    )
    fcbs = Fcbs(
        *(memory.read(_at(guest, fcb), processes.FCB_SIZE) for fcb in (block.fcb1, block.fcb2))
    )
    parent = dos.state.psp
    strings = processes.environment_strings(memory, environment) if environment else b"\0"
    processes.keep_stack(dos, guest)
    back = caller_address(guest)
    entry = processes.load(
        dos,
        guest,
        program,
        path,
        strings,
        parent=parent,
        back=back,
        tail=memory.read(_at(guest, block.tail), processes.TAIL_SIZE),
        fcbs=fcbs,
    )
    lead(guest, processes.DOS_VECTORS[0], back)  # from which 55h takes it
    if run:
        stub = r.cs, r.ip
        processes.enter(guest, entry)
        r.cs, r.ip = stub
        push_frame(guest, entry.cs, entry.ip, processes.STARTING_FLAGS)
        push_frame(guest, *dos.exec_stub)
    else:
        _tell_entry(guest, where + EXEC_BLOCK.sizeof(), entry)
    return DONE


def _at(guest: Guest, pointer: Any) -> int:
    return guest.linear(pointer.segment, pointer.offset)


def _tell_entry(guest: Guest, where: int, entry: ProgramEntry) -> None:
    """Write where a loaded program starts, with AX on its stack as DOS leaves it."""
    sp = (entry.sp - 2) & 0xFFFF
    guest.memory.write_word(guest.linear(entry.ss, sp), entry.ax)
    raw = LOADED_BLOCK.build(
        {
            "stack": {"segment": entry.ss, "offset": sp},
            "entry": {"segment": entry.cs, "offset": entry.ip},
        }
    )
    guest.memory.write(where, raw)


def _load_overlay(dos: DosSystem, guest: Guest) -> Outcome:
    r, memory = guest.registers, guest.memory
    _, content = _content(dos, guest)
    block = OVERLAY_BLOCK.parse(memory.read(memory.linear(r.es, r.bx), OVERLAY_BLOCK.sizeof()))
    if is_mz(content):
        try:
            image = parse(content).relocated(block.factor)
        except DosError:
            raise CallFailed(Code.INVALID_FORMAT) from None
    else:
        image = content
    memory.write(memory.linear(block.segment, 0), image)
    return DONE


# -- the end of a process --------------------------------------------------------------------


def end_process(
    dos: DosSystem,
    guest: Guest,
    code: int,
    kind: ExitKind = ExitKind.NORMAL,
    *,
    resident: int | None = None,
) -> Outcome:
    """End the current process with a status; the program itself if nobody waits for it."""
    if not processes.leave(dos, guest, resident=resident):
        return Exit(code)
    dos.change(exit_code=code, exit_kind=kind)
    return DONE


def terminate(dos: DosSystem, guest: Guest) -> Outcome:
    """00h: end the process with status 0."""
    return end_process(dos, guest, 0)


def terminate_with_status(dos: DosSystem, guest: Guest) -> Outcome:
    """4Ch: end the process with status AL."""
    return end_process(dos, guest, guest.registers.al)


def stay_resident(dos: DosSystem, guest: Guest) -> Outcome:
    """31h: end the process with status AL, DX paragraphs of it staying in memory."""
    r = guest.registers
    size = max(r.dx, MIN_RESIDENT)
    return end_process(dos, guest, r.al, ExitKind.RESIDENT, resident=size)


def stay_resident_bytes(dos: DosSystem, guest: Guest) -> Outcome:
    """INT 27h: end the process, what lies below CS:DX staying in memory."""
    size = -(-guest.registers.dx // PARAGRAPH)
    return end_process(dos, guest, 0, ExitKind.RESIDENT, resident=max(size, MIN_RESIDENT))


def child_status(dos: DosSystem, guest: Guest) -> Outcome:
    """4Dh: the status of the last child in AL, how it ended in AH; once."""
    state = dos.state
    guest.registers.ax = state.exit_kind << 8 | state.exit_code
    dos.change(exit_code=0, exit_kind=0)
    return DONE


# -- program segment prefixes ----------------------------------------------------------------


def copy_psp(dos: DosSystem, guest: Guest) -> Outcome:
    """26h: make a PSP at segment DX that is like the current one."""
    memory, target = guest.memory, guest.linear(guest.registers.dx, 0)
    memory.write(target, memory.read(linear(dos.state.psp, 0), PSP_SIZE))
    for number, kept in enumerate(processes.DOS_VECTORS):
        memory.write(target + processes.TERMINATE + 4 * number, memory.read(kept * 4, 4))
    return DONE


def child_psp(dos: DosSystem, guest: Guest) -> Outcome:
    """55h: make a PSP at segment DX for a child with memory up to segment SI; it is current."""
    r, parent = guest.registers, dos.state.psp
    processes.keep_stack(dos, guest)
    jft = processes.inherited(dos, guest)
    back = vector(guest, processes.DOS_VECTORS[0])
    processes.write_psp(dos, guest, r.dx, parent=parent, end=r.si, jft=jft, back=back)
    memory = guest.memory
    environment = memory.read_word(linear(parent, processes.ENVIRONMENT))
    memory.write_word(memory.linear(r.dx, processes.ENVIRONMENT), environment)
    dos.change(psp=r.dx)
    return DONE


def set_psp(dos: DosSystem, guest: Guest) -> Outcome:
    """50h: BX is the current process."""
    processes.keep_stack(dos, guest, calling=False)
    dos.change(psp=guest.registers.bx)
    return DONE


def get_psp(dos: DosSystem, guest: Guest) -> Outcome:
    """51h, 62h: the current process in BX."""
    guest.registers.bx = dos.state.psp
    return DONE


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x00: terminate,
    0x26: copy_psp,
    0x31: stay_resident,
    0x4B: exec_,
    0x4C: terminate_with_status,
    0x4D: child_status,
    0x50: set_psp,
    0x51: get_psp,
    0x55: child_psp,
    0x62: get_psp,
}
