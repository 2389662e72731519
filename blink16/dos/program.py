"""How the first program comes into a machine, and DOS with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from blink16.bios import StandBy
from blink16.console import Console
from blink16.dos import call_times, country_calls, layout, processes
from blink16.dos.calls import hang, int21, multiplex
from blink16.dos.ems import Ems
from blink16.dos.errors import CallFailed, Code, DosError
from blink16.dos.executable import parse
from blink16.dos.handles import standard_files
from blink16.dos.interrupts import vector
from blink16.dos.mouse import IRQ, Mouse
from blink16.dos.names import CODE_PAGE
from blink16.dos.process_table import DosProcessTable
from blink16.dos.processes import Fcbs
from blink16.dos.system import COMPONENT, VERSION, DosState, DosSystem
from blink16.dos.upper_memory import UpperMemory
from blink16.dos.volume import DRIVE_C, Volume
from blink16.dos.xms import Xms
from blink16.memory import PARAGRAPH
from blink16.services import Chassis

UPPER_MEMORY, BESIDE_EMS = range(0xD0000, 0xE0000), range(0xE0000, 0xF0000)
"""Where a card's RAM is: behind the frame of expanded memory, if there is one."""
MAX_TAIL = 126
"""Characters on a command line, behind the program's name."""
TRANSFER_AREA = 0x80
MAX_ENVIRONMENT = 32000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the first program finds around it."""

    path: str
    r"""Its file, as DOS writes it: ``C:\BIN\PROG.COM``."""
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    drive: int = DRIVE_C
    """The current one, from 0 for A."""
    folder: str = "/"
    """Its current directory, a path of the drive's tree."""
    version: tuple[int, int] = VERSION
    """Major and minor, as DOS tells them."""
    xms_kib: int = 0
    ems_kib: int = 0
    """Extended and expanded memory; none: no driver is there."""
    real_calls: bool = False
    """Whether calls take the guest what they take it on FreeDOS, or no time (`call_times`)."""


def load(
    chassis: Chassis,
    standing: StandBy,
    image: bytes,
    start: Surroundings,
    volumes: Sequence[Volume],
    console: Console,
) -> DosSystem:
    """Put DOS and a .COM or MZ .EXE program, told apart by content, into a PC that stands by.

    ``console`` is a part of the PC already; the volumes' file trees are somebody's.  DosError
    says why a program can't be loaded.
    """
    program = parse(image)
    if program.missing:
        chassis.notice(processes.shortage(start.path, program))
    tail = _command_tail(start.arguments)
    strings = _environment(start.environment)
    _encoded(start.path, "the program's name")
    memory = chassis.memory
    upper = standing.devices.cards.umb
    layout.install(memory, standing.memory_kib, start.version, upper=upper)
    country_calls.install(memory)
    state = DosState(
        psp=0,
        first_mcb=layout.FIRST_MCB,
        dta_segment=0,
        dta_offset=TRANSFER_AREA,
        drive=start.drive,
        cwds=((start.drive, start.folder),),
    )
    dos = DosSystem(
        *(state, volumes, console, chassis.bus, standing.pipe),
        chassis.registers.state,
        start.version,
    )
    dos.sft.extend(standard_files())
    chassis.add_component(COMPONENT, dos)
    hang(chassis, dos, standing)
    if start.real_calls:
        call_times.install(chassis, dos, standing.rom, partial(int21, dos))
    else:
        dos.text.begin(chassis)
    dos.upper_memory = _add_drivers(chassis, standing, start)
    dos.has_ems = bool(start.ems_kib)
    chassis.tell_processes(DosProcessTable(dos))
    try:
        entry = processes.load(
            dos,
            chassis,
            program,
            start.path,
            strings,
            parent=0,
            back=vector(chassis, 0x22),
            tail=bytes((len(tail),)) + tail + b"\r",
            fcbs=Fcbs.of_tail(tail),
            room=layout.PSP_SEGMENT - layout.FIRST_FREE - 2,
        )
    except CallFailed as failure:
        raise DosError(_complaint(failure, len(program.image))) from None
    processes.enter(chassis, entry)
    return dos


def _add_drivers(chassis: Chassis, standing: StandBy, start: Surroundings) -> UpperMemory | None:
    """Put the drivers for the mouse and for memory beyond DOS' into the machine; return such."""
    upper = None
    if standing.devices.cards.umb:
        upper = UpperMemory(BESIDE_EMS if start.ems_kib else UPPER_MEMORY)
        upper.plug(chassis.memory)
    xms = Xms(start.xms_kib, upper) if start.xms_kib or upper is not None else None
    if xms is not None:
        chassis.add_component(Xms.COMPONENT, xms)
        xms.install(chassis, standing.rom)
    chassis.hang_service(0x2F, partial(multiplex, xms))
    if start.ems_kib:
        ems = Ems(start.ems_kib)
        chassis.add_component(Ems.COMPONENT, ems)
        ems.install(chassis)
    mouse = Mouse(chassis, chassis.bus, standing.devices.pic.line(IRQ))
    chassis.add_component(Mouse.CHANNEL, mouse)
    mouse.install(chassis, standing.rom)
    return upper


def _complaint(failure: CallFailed, size: int) -> str:
    if failure.code is not Code.NOT_ENOUGH_MEMORY:
        return f"can't be loaded: {failure.code.name.lower().replace('_', ' ')}"
    room = (failure.bx or 0) * PARAGRAPH
    return f"not enough memory: there are {room} bytes for a program of {size} and what it asks for"


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


def _environment(variables: Mapping[str, str]) -> bytes:
    """Return an environment's strings, each with a zero behind it."""
    strings = [_encoded(f"{key}={value}", "the environment") for key, value in variables.items()]
    # without any strings there are two zeros all the same
    block = b"".join(string + b"\0" for string in strings) or b"\0"
    if len(block) > MAX_ENVIRONMENT:
        raise DosError(f"the environment is {len(block)} bytes long, at most {MAX_ENVIRONMENT}")
    return block
