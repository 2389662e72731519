"""How a DOS program comes into a machine: memory blocks, environment, PSP, image, registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blink16.bios import StandBy
from blink16.console import Console
from blink16.dos import arena, country_calls, layout
from blink16.dos.arena import MemoryBlock
from blink16.dos.calls import hang
from blink16.dos.errors import DosError
from blink16.dos.executable import (
    CLOSED,
    JFT_SIZE,
    PARAGRAPH,
    PSP,
    PSP_SIZE,
    MzExecutable,
    is_mz,
    parse,
)
from blink16.dos.handles import STANDARD_FILES, STANDARD_JFT
from blink16.dos.names import CODE_PAGE, parse_fcb, split, truncated, upper
from blink16.dos.system import COMPONENT, VERSION, DosState, DosSystem
from blink16.dos.volume import DRIVE, DRIVE_NUMBER
from blink16.files import FileTree
from blink16.memory import Memory, linear
from blink16.services import Chassis

MAX_TAIL = 126
"""Characters on a command line, behind the program's name."""
MAX_ENVIRONMENT = 32768
PSP_PARAGRAPHS = PSP_SIZE // PARAGRAPH
STARTING_FLAGS = 0x0200  # interrupts on
TRANSFER_AREA = 0x80


@dataclass(frozen=True, slots=True)
class Placement:
    """The segments at which a program lies."""

    environment: int
    psp: int
    image: int
    end: int
    """The segment behind its memory."""


def load(
    chassis: Chassis,
    standing: StandBy,
    image: bytes,
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: FileTree,
    console: Console,
) -> None:
    """Put a .COM or MZ .EXE program, told apart by content, and DOS into a PC that stands by.

    ``name``: the program's file name, as it stands in its environment.  The file tree becomes a
    part of the machine.  DosError says why a program can't be loaded.
    """
    program = parse(image)
    tail = _command_tail(arguments)
    variables = _environment(environment, name)
    place = _place(program, -(-len(variables) // PARAGRAPH), is_mz(image))
    memory = chassis.memory
    state = DosState(
        psp=place.psp,
        first_mcb=place.environment - 1,
        dta_segment=place.psp,
        dta_offset=TRANSFER_AREA,
        sft=STANDARD_FILES,
    )
    layout.install(memory, state.first_mcb)
    country_calls.install(memory)
    _write_blocks(memory, place, split(upper(truncated(name)))[0])
    chassis.add_component(FileTree.COMPONENT, files)
    dos = DosSystem(state, files, console, chassis.bus, standing.pipe)
    chassis.add_component(COMPONENT, dos)
    hang(chassis, dos, standing.rom)
    memory.write(linear(place.environment, 0), variables)
    memory.write(linear(place.psp, 0), _psp(memory, place, tail))
    memory.write(linear(place.image, 0), program.relocated(place.image))
    _set_registers(chassis, program, place, is_mz(image), tail)


def _encoded(text: str, what: str) -> bytes:
    try:
        raw = text.encode(CODE_PAGE)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise DosError(f"{what} has a character that DOS lacks: {character!r}") from None
    if b"\0" in raw or b"\r" in raw:
        raise DosError(f"{what} has a zero or a carriage return in it")
    return raw


def _command_tail(arguments: Sequence[str]) -> bytes:
    """Return the command line behind the program's name, with its leading space."""
    tail = b"".join(b" " + _encoded(argument, "an argument") for argument in arguments)
    if len(tail) > MAX_TAIL:
        raise DosError(f"the arguments are too long: {len(tail)} bytes, DOS takes {MAX_TAIL}")
    return tail


def _environment(variables: Mapping[str, str], name: str) -> bytes:
    """Return the environment: strings, a zero, a count of one, the program's path."""
    strings = [_encoded(f"{key}={value}", "the environment") for key, value in variables.items()]
    path = _encoded(f"{DRIVE}:\\{upper(truncated(name))}", "the program's name")
    # without any strings there are two zeros all the same
    block = b"".join(string + b"\0" for string in strings) or b"\0"
    block += b"\0" + (1).to_bytes(2, "little") + path + b"\0"
    if len(block) > MAX_ENVIRONMENT:
        raise DosError(f"the environment is {len(block)} bytes long, at most {MAX_ENVIRONMENT}")
    return block


# -- memory ----------------------------------------------------------------------------------


def _place(program: MzExecutable, environment_size: int, is_exe: bool) -> Placement:
    """Lay a program out; the environment lies below the PSP, each behind its control block."""
    psp = layout.PSP_SEGMENT
    environment = psp - 1 - environment_size
    room = layout.MEMORY_END - psp
    needed = PSP_PARAGRAPHS + program.paragraphs + program.minalloc
    if needed > room:
        raise DosError(
            f"not enough memory: the program needs {needed * PARAGRAPH} bytes, "
            f"there are {room * PARAGRAPH}"
        )
    if not is_exe:
        return Placement(environment, psp, psp + PSP_PARAGRAPHS, layout.MEMORY_END)
    if program.minalloc == program.maxalloc == 0:  # wants to lie at the end of memory
        image = layout.MEMORY_END - program.paragraphs
        return Placement(environment, psp, image, layout.MEMORY_END)
    wanted = PSP_PARAGRAPHS + program.paragraphs + max(program.minalloc, program.maxalloc)
    return Placement(environment, psp, psp + PSP_PARAGRAPHS, psp + min(wanted, room))


def _write_blocks(memory: Memory, place: Placement, name: str) -> None:
    """Write the chain: environment, program, and what is left free."""
    environment = place.environment - 1
    arena.put(memory, MemoryBlock(environment, place.psp - 2 - environment, place.psp, False))
    rest = layout.MEMORY_END - place.end
    program = MemoryBlock(place.psp - 1, place.end - place.psp, place.psp, not rest, name)
    arena.put(memory, program)
    if rest:
        arena.put(memory, MemoryBlock(program.next, rest - 1, arena.FREE, True))


def _psp(memory: Memory, place: Placement, tail: bytes) -> bytes:
    def vector(number: int) -> dict[str, int]:
        offset, segment = memory.read_word(number * 4), memory.read_word(number * 4 + 2)
        return {"offset": offset, "segment": segment}

    first, second = _fcbs(tail)
    raw: bytes = PSP.build(
        {
            "memory_end": place.end,
            "int22": vector(0x22),
            "int23": vector(0x23),
            "int24": vector(0x24),
            "parent": place.psp,  # its own parent, as a shell is: nobody waits for it
            "jft": [*STANDARD_JFT, *[CLOSED] * (JFT_SIZE - len(STANDARD_JFT))],
            "environment": place.environment,
            "stack": {"offset": 0, "segment": place.psp},
            "jft_pointer": {"offset": 0x18, "segment": place.psp},
            "version": VERSION[1] << 8 | VERSION[0],
            "fcb1": first,
            "fcb2": second,
            "tail_length": len(tail),
            "tail": (tail + b"\r").ljust(127, b"\0"),
        }
    )
    return raw


def _fcbs(tail: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the FCBs of the first two arguments."""
    fcbs: list[dict[str, Any]] = []
    for word in [*tail.split(), b"", b""][:2]:
        name = parse_fcb(word)
        fcbs.append({"drive": name.drive or 0, "name": name.name, "extension": name.extension})
    return fcbs[0], fcbs[1]


# -- registers -------------------------------------------------------------------------------


def _set_registers(
    chassis: Chassis, program: MzExecutable, place: Placement, is_exe: bool, tail: bytes
) -> None:
    """Set the registers as COMMAND.COM leaves them: what small programs silently rely on."""
    r = chassis.registers
    r.ds = r.es = r.dx = place.psp
    if is_exe:
        r.cs, r.ip = place.image + program.cs, program.ip
        r.ss, r.sp = place.image + program.ss, program.sp
    else:
        r.cs = r.ss = place.psp
        r.ip = program.ip
        r.sp = program.sp
        chassis.memory.write_word(linear(r.ss, r.sp), 0)  # RET leads to PSP:0, INT 20h
    r.ax = _drive_check(tail)
    r.bx, r.cx, r.bp = 0, 0x00FF, 0
    r.si, r.di = r.ip, r.sp
    r.flags = STARTING_FLAGS


def _drive_check(tail: bytes) -> int:
    """Return FFh in AL (first) and AH (second argument) where a drive doesn't exist."""
    first, second = _fcbs(tail)
    invalid = [0xFF if f["drive"] not in (0, DRIVE_NUMBER + 1) else 0 for f in (first, second)]
    return invalid[1] << 8 | invalid[0]
