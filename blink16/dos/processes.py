"""Processes: a program into memory with its PSP and environment, and out of it again.

Source: MS-DOS Programmer's Reference; Ralf Brown's Interrupt List, INT 21h/26h, 4Bh, 4Ch, 55h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blink16.dos import arena, handles, memory_areas
from blink16.dos.arena import MemoryBlock
from blink16.dos.errors import CallFailed, Code, DosError
from blink16.dos.executable import (
    CLOSED,
    JFT_SIZE,
    PSP,
    PSP_SIZE,
    MzExecutable,
    is_mz,
    parse,
)
from blink16.dos.interrupts import (
    SAVED_SIZE,
    far_pointer,
    load_registers,
    registers_of,
    save_registers,
    set_registers,
    vector,
)
from blink16.dos.names import parse_fcb, split
from blink16.dos.system import DosSystem, Process
from blink16.memory import PARAGRAPH, Memory, linear
from blink16.services import Guest

PSP_PARAGRAPHS = PSP_SIZE // PARAGRAPH
STARTING_FLAGS = 0x0200  # interrupts on
TRANSFER_AREA = 0x80
MAX_ENVIRONMENT = 32768
MAX_LEFT = 16
"""Processes that made another the current one, of which the registers are kept."""
MIN_COM_STACK = 0x100
"""Bytes that a .COM program has at least above its image."""

# offsets in a PSP
MEMORY_END, TERMINATE, PARENT, JFT, ENVIRONMENT, STACK = 0x02, 0x0A, 0x16, 0x18, 0x2C, 0x2E
FIRST_FCB, SECOND_FCB, TAIL, TAIL_SIZE, FCB_SIZE = 0x5C, 0x6C, 0x80, 0x80, 12
DOS_VECTORS = (0x22, 0x23, 0x24)
"""Those that a PSP keeps, from `TERMINATE` on, and that go back to what they were at the end."""


@dataclass(frozen=True, slots=True)
class ProgramEntry:
    """Where a program starts, and with which stack and AX."""

    psp: int
    cs: int
    ip: int
    ss: int
    sp: int
    ax: int


@dataclass(frozen=True, slots=True)
class Fcbs:
    """The beginnings of a PSP's two FCBs."""

    first: bytes
    second: bytes

    @classmethod
    def of_tail(cls, tail: bytes) -> Fcbs:
        """Return the FCBs of a command line's first two arguments."""
        names = [parse_fcb(word) for word in [*tail.split(), b"", b""][:2]]
        first, second = (bytes((name.drive or 0,)) + name.name + name.extension for name in names)
        return cls(first, second)

    def drive_check(self, dos: DosSystem) -> int:
        """Return FFh in AL (first) and AH (second) where a drive doesn't exist."""
        absent = [
            0xFF if fcb[0] and fcb[0] - 1 not in dos.volumes else 0
            for fcb in (self.first, self.second)
        ]
        return absent[1] << 8 | absent[0]


def read_program(dos: DosSystem, guest: Guest, image: bytes, name: str) -> MzExecutable:
    """Read a program file's content; error 11 or 8 if DOS can't load it, with a notice."""
    try:
        program = parse(image)
    except DosError as error:
        guest.notice(f"{name}: {error}")
        code = Code.INVALID_FORMAT if is_mz(image) else Code.NOT_ENOUGH_MEMORY
        raise CallFailed(code) from None
    if program.missing:
        guest.notice(shortage(name, program))
    return program


def shortage(name: str, program: MzExecutable) -> str:
    """Return what there is to tell of a file that is too short."""
    return f"{name}: its header promises {program.missing} bytes more than there are"


def load(
    dos: DosSystem,
    guest: Guest,
    program: MzExecutable,
    path: str,
    environment: bytes,
    *,
    parent: int,
    back: tuple[int, int],
    tail: bytes,
    fcbs: Fcbs,
    room: int = 0,
) -> ProgramEntry:
    r"""Put a program into memory; error 8 or 10 if that can't be, and nothing is allocated.

    ``path``: as it stands behind the environment (``C:\PROG.COM``).  ``environment``: its
    strings.  ``parent``: a PSP, 0 for none: the process is its own.  ``back``: INT 22h, where the
    end of the process leads.  ``tail``: 128 bytes, a length, the command line and a CR.  ``room``:
    paragraphs that the environment has at least.
    """
    memory = guest.memory
    block = environment + b"\0" + (1).to_bytes(2, "little") + path.encode("cp437") + b"\0"
    if len(block) > MAX_ENVIRONMENT:
        raise CallFailed(Code.INVALID_ENVIRONMENT)
    variables, place = _allocated(dos, memory, program, max(room, -(-len(block) // PARAGRAPH)))
    size = place.size
    psp = place.data
    name = split(path.rpartition("\\")[2])[0]
    arena.put(memory, variables.owned(psp))
    arena.put(memory, place.owned(psp, name))
    memory.write(linear(variables.data, 0), block)
    jft = inherited(dos, guest) if parent else bytes((*handles.STANDARD_JFT,))
    write_psp(dos, guest, psp, parent=parent or psp, end=psp + size, jft=jft, back=back)
    memory.write_word(linear(psp, ENVIRONMENT), variables.data)
    memory.write(linear(psp, FIRST_FCB), fcbs.first)
    memory.write(linear(psp, SECOND_FCB), fcbs.second)
    memory.write(linear(psp, TAIL), tail[:TAIL_SIZE].ljust(TAIL_SIZE, b"\0"))
    image = psp + size - program.paragraphs if program.is_high else psp + PSP_PARAGRAPHS
    memory.write(linear(image, 0), program.relocated(image))
    state = dos.state
    process = Process(psp, path, image, program.is_com, state.dta_segment, state.dta_offset)
    others = tuple(p for p in state.processes if p.psp != psp)
    dos.change(psp=psp, dta_segment=psp, dta_offset=TRANSFER_AREA, processes=(*others, process))
    return _entry(memory, program, psp, size, image, fcbs.drive_check(dos))


def _allocated(
    dos: DosSystem, memory: Memory, program: MzExecutable, room: int
) -> tuple[MemoryBlock, MemoryBlock]:
    """Return a block for an environment and one for the program; error 8 without either."""
    variables = memory_areas.allocate(dos, memory, room, 0xFFFF)
    try:
        return variables, memory_areas.allocate(dos, memory, _size(dos, memory, program), 0xFFFF)
    except CallFailed:
        arena.release(memory, memory_areas.first_of(dos, variables.data), variables.data)
        raise


def _size(dos: DosSystem, memory: Memory, program: MzExecutable) -> int:
    """Return how many paragraphs a program gets; error 8 if there aren't enough."""
    needed = PSP_PARAGRAPHS + program.paragraphs + program.minalloc
    if program.is_com:
        needed = PSP_PARAGRAPHS + -(-(len(program.image) + MIN_COM_STACK) // PARAGRAPH)
    largest = memory_areas.largest(dos, memory, needed)
    if needed > largest:
        raise CallFailed(Code.NOT_ENOUGH_MEMORY, bx=largest)
    if program.is_com or program.is_high:
        return largest
    wanted = PSP_PARAGRAPHS + program.paragraphs + max(program.minalloc, program.maxalloc)
    return min(wanted, largest)


def _entry(
    memory: Memory, program: MzExecutable, psp: int, size: int, image: int, ax: int
) -> ProgramEntry:
    if not program.is_com:
        cs, ss = image + program.cs & 0xFFFF, image + program.ss & 0xFFFF
        return ProgramEntry(psp, cs, program.ip, ss, program.sp, ax)
    sp = min(program.sp, size * PARAGRAPH - 2)
    memory.write_word(linear(psp, sp), 0)  # RET leads to PSP:0, INT 20h
    return ProgramEntry(psp, psp, program.ip, psp, sp, ax)


def enter(guest: Guest, entry: ProgramEntry) -> None:
    """Set the registers as COMMAND.COM leaves them: what small programs silently rely on."""
    r = guest.registers
    r.ds = r.es = r.dx = entry.psp
    r.cs, r.ip, r.ss, r.sp, r.ax = entry.cs, entry.ip, entry.ss, entry.sp, entry.ax
    r.bx, r.cx, r.bp = 0, 0x00FF, 0
    r.si, r.di = r.ip, r.sp
    r.flags = STARTING_FLAGS


# -- the program segment prefix --------------------------------------------------------------


def write_psp(
    dos: DosSystem,
    guest: Guest,
    psp: int,
    *,
    parent: int,
    end: int,
    jft: bytes,
    back: tuple[int, int],
) -> None:
    """Write a PSP without environment and arguments."""

    def pointer(where: tuple[int, int]) -> dict[str, int]:
        return {"segment": where[0], "offset": where[1]}

    fcb: dict[str, Any] = {}
    major, minor = dos.version
    raw = PSP.build(
        {
            "memory_end": end & 0xFFFF,
            "int22": pointer(back),
            "int23": pointer(vector(guest, 0x23)),
            "int24": pointer(vector(guest, 0x24)),
            "parent": parent,
            "jft": jft.ljust(JFT_SIZE, bytes((CLOSED,))),
            "environment": 0,
            "stack": {"offset": 0, "segment": psp},
            "jft_pointer": {"offset": JFT, "segment": psp},
            "version": minor << 8 | major,
            "fcb1": fcb,
            "fcb2": fcb,
            "tail_length": 0,
            "tail": b"\r".ljust(TAIL_SIZE - 1, b"\0"),
        }
    )
    guest.memory.write(linear(psp, 0), raw)


def inherited(dos: DosSystem, guest: Guest) -> bytes:
    """Return a child's job file table: the current process's open files, held once more."""
    jft = bytearray()
    for handle in range(JFT_SIZE):
        try:
            index, entry = handles.lookup(dos, guest, handle)
        except CallFailed:
            jft.append(CLOSED)
            continue
        if entry.private:
            jft.append(CLOSED)
            continue
        entry.references += 1
        jft.append(index)
    return bytes(jft)


def keep_stack(dos: DosSystem, guest: Guest, *, calling: bool = True) -> None:
    """Note in the current PSP where its last call's stack is.

    ``calling``: this is that call, and the registers are put below it; else what lies there may
    be the program's by now, and the state keeps them.
    """
    ss, sp = dos.text.stack
    sp = (sp - SAVED_SIZE) & 0xFFFF
    left = tuple(entry for entry in dos.state.left if entry[0] != dos.state.psp)
    if calling:
        save_registers(guest, ss, sp)
    else:
        left = (*left, (dos.state.psp, registers_of(guest)))[-MAX_LEFT:]
    dos.change(left=left)
    where = linear(dos.state.psp, STACK)
    guest.memory.write_word(where, sp)
    guest.memory.write_word(where + 2, ss)


def environment_strings(memory: Memory, segment: int) -> bytes:
    """Return an environment's strings, each with its zero; error 10 if they have no end."""
    start = memory.linear(segment, 0)
    raw = bytes(memory.ram[start : start + MAX_ENVIRONMENT])
    if raw.startswith(b"\0"):
        return b"\0"
    end = raw.find(b"\0\0")
    if end < 0:
        raise CallFailed(Code.INVALID_ENVIRONMENT)
    return memory.read(start, end + 1)


# -- the end ---------------------------------------------------------------------------------


def leave(dos: DosSystem, guest: Guest, *, resident: int | None = None) -> bool:
    """End the current process: back to its parent, with the registers of the parent's last call.

    ``resident``: paragraphs that stay in memory, with all that is open; None: nothing stays.
    False, and nothing is done, if it is its own parent: nobody waits for it.
    """
    memory, psp = guest.memory, dos.state.psp
    parent = memory.read_word(linear(psp, PARENT))
    if parent == psp:
        return False
    back = far_pointer(memory, linear(psp, TERMINATE))
    for number, kept in enumerate(DOS_VECTORS):
        memory.write(kept * 4, memory.read(linear(psp, TERMINATE + 4 * number), 4))
    if resident is None:
        handles.close_all(dos, guest)
    _free(dos, guest, psp, resident)
    _to_parent(dos, guest, psp, parent, keep=resident is not None)
    ss, sp = far_pointer(memory, linear(parent, STACK))
    guest.registers.ss, guest.registers.sp = ss, sp
    registers = dict(dos.state.left).get(parent)
    if registers is None:
        load_registers(guest, ss, sp)
    else:
        set_registers(guest, registers)
    sp = (sp + SAVED_SIZE) & 0xFFFF
    guest.registers.sp = sp
    for at, value in ((0, back[1]), (2, back[0]), (4, STARTING_FLAGS | 0xF002)):
        memory.write_word(memory.linear(ss, sp + at), value)
    return True


def _free(dos: DosSystem, guest: Guest, psp: int, resident: int | None) -> None:
    memory = guest.memory
    try:
        if resident is None:
            memory_areas.release_all(dos, memory, psp)
        else:
            arena.resize(memory, memory_areas.first_of(dos, psp), psp, resident)
    except CallFailed as failure:
        if failure.code is Code.MEMORY_DESTROYED:
            guest.notice("a program has destroyed DOS' memory blocks; its memory is not freed")


def _to_parent(dos: DosSystem, guest: Guest, psp: int, parent: int, *, keep: bool) -> None:
    state = dos.state
    if state.showing:  # it may have ended in its hook
        dos.change(showing=tuple(call for call in state.showing if call.psp != psp))
    ended = next((p for p in state.processes if p.psp == psp), None)
    if ended is not None:
        dos.change(dta_segment=ended.dta_segment, dta_offset=ended.dta_offset)
        if not keep:
            dos.change(processes=tuple(p for p in state.processes if p.psp != psp))
    dos.change(psp=parent)
