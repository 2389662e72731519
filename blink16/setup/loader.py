"""Which kind of program is this, and a machine ready to run it.

A program is found by name (`find`), read once (`read`) and put into a machine as often as
wanted (`load`), so that a server can give each debugger a fresh one.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from blink16 import bios, dos, elks, symbolfiles
from blink16.bios.geometry import BOOT_SIGNATURE, MAX_IMAGE_SIZE, SECTOR_SIZE
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.models import DEFAULT
from blink16.dos.executable import COM_ORIGIN, MAX_COM_SIZE, is_mz
from blink16.dos.volume import letter
from blink16.hostfiles import is_folder, is_there, read_at_most
from blink16.hostfs.files import FileTree
from blink16.hostfs.hostfolder import HostAnswers
from blink16.machine import Machine
from blink16.memory import PARAGRAPH, linear
from blink16.setup import dos as dos_setup
from blink16.setup import finding, pc, poweron
from blink16.setup.dos import DosSetup
from blink16.setup.sinks import open_sinks
from blink16.symbols import SymbolTable
from blink16.words.complaints import USAGE
from blink16.words.texts import meant

MAX_PROGRAM_SIZE = 1 << 20
"""Bytes: no executable that fits into 1 MiB of memory is larger on disk."""
FLOPPY_SIZES = frozenset(kib << 10 for kib in (160, 180, 320, 360, 720, 1200, 1440, 2880))
ELKS_MAGIC = b"\x01\x03"
HOST_MAGICS = (b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf")
"""How programs of today's hosts begin: ELF, scripts, Mach-O."""
RECORDING_MAGIC = b"BLINK16\x1a"
"""How recordings of sessions begin."""

ELKS_ENVIRONMENT = {"PATH": "/bin:/usr/bin", "HOME": "/", "TERM": "vt100"}
PSP_PARAGRAPHS = 0x10
"""An .EXE's image lies behind its PSP, to which DS points at the start."""
NOT_FOUND = 127
"""Exit status when there is no such program, as a shell gives it."""


class LoadError(Exception):
    """A program that can't be run: one line for the user, and the exit status it deserves."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class ProgramKind(Enum):
    """What a program was made for."""

    ELKS = "ELKS executable"
    DOS_EXE = "DOS .EXE"
    DOS_COM = "DOS .COM"
    BOOT = "boot image"


@dataclass(frozen=True, slots=True)
class Options:
    """How to set up the machine around a program."""

    root: Path | None = Path()
    """The folder that the guest sees as its file system; None: only what is in ``answers``."""
    writable: bool = False
    """Whether the guest's writes reach that folder, or only an overlay in memory."""
    engine: str = engines.DEFAULT
    cpu: str = DEFAULT.name
    """The processor: a name of `blink16.cpu.models.MODELS`."""
    fpu: bool = False
    """Whether there is an 8087, or beside an 80286 an 80287."""
    epoch_ns: int = 0
    """When the machine starts, in nanoseconds since the Unix epoch."""
    symbols: tuple[symbolfiles.SymbolSource, ...] = ()
    """Files with names for the program's addresses."""
    setup: pc.PcSetup = pc.PcSetup()  # noqa: RUF009 - frozen
    """The PC around a boot image."""
    console: elks.ConsoleKind = elks.ConsoleKind()  # noqa: RUF009 - frozen
    """What the standard streams of an ELKS program are."""
    network: bool = False
    """Whether an ELKS program may have sockets (`hostnetwork`)."""
    port_offset: int = 0
    """How much more the ports at which it listens are on this computer."""
    real_calls: bool = False
    """Whether calls of DOS or ELKS take the guest's time, as on the real system, or none."""
    poweron: int | None = None
    """The seed of what memory and registers hold at first; None: zeros."""
    sinks: tuple[tuple[str, Path], ...] = ()
    """Files to which channels go, ``lpt1`` as it is and ``speaker`` as WAV."""
    strict: bool = False
    """Whether the machine stops where its guest uses what it lacks."""
    dos: DosSetup = DosSetup()  # noqa: RUF009 - frozen
    """What a DOS program finds around it."""
    answers: HostAnswers | None = None
    """What the host's file system has said; what it says to the guest is added.

    A recording takes it from here, and a replay finds it here.  None: begin with nothing.
    """


@dataclass(frozen=True, slots=True)
class Program:
    """A program file's name as the user gave it, and its content."""

    name: str
    kind: ProgramKind
    image: bytes
    path: Path | None = None
    """Where it was found."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A machine that stands before its program's first instruction."""

    machine: Machine
    console: Console
    symbols: SymbolTable
    debug: tuple[symbolfiles.DebugInformation, ...] = ()
    """Debugging information in DWARF, from the program and the symbol files that have it."""
    notices: tuple[str, ...] = ()
    """What its user ought to know of how it was loaded, a line each."""
    port_offset: int = 0
    """As in its `Options`."""


def find(name: str) -> Path:
    """Return the file that a program's name means.

    The name as a path comes first, then with ``.com`` and ``.exe`` behind it; then the sample
    of that name; then, for a bare name, the folders of $PATH, where only 8086 programs count.
    LoadError (127) if there is none.
    """
    try:
        path = next(finding.candidates(name, _is_ours), None)
    except OSError as error:
        raise LoadError(f"{name}: {error.strerror}") from None
    if path is not None:
        return path
    if not name:
        raise LoadError("the program's name is empty", NOT_FOUND)
    if is_folder(Path(name)):
        raise LoadError(f"{name}: this is a folder, not a program")
    if Path(name).is_symlink():
        raise LoadError(f"{name}: this link leads to no file", NOT_FOUND)
    nearest = meant(name, finding.neighbours(Path(name)))
    raise LoadError(f"{name}: there is no such program{nearest}", NOT_FOUND)


def read(name: str) -> Program:
    """Find a program and read it, LoadError if that can't be done."""
    path = find(name)
    image = content(path, name)
    return Program(name, _checked_kind(name, path.name, image), image, path)


def content(path: Path, name: str) -> bytes:
    """Return what a program, disk or ROM file holds; LoadError, by ``name``, if there is none."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise LoadError(f"{name}: this is a device, not a program")
            if status.st_size > MAX_IMAGE_SIZE:
                raise LoadError(f"{name}: {status.st_size} bytes are more than any disk holds")
            return read_at_most(file, MAX_IMAGE_SIZE)
    except OSError as error:
        raise LoadError(f"{name}: can't read it: {error.strerror}") from None


def identify(image: bytes, name: str) -> ProgramKind | None:
    """Say what a program is, by its content first and then by its name; None if nothing fits."""
    suffix = Path(name).suffix.lower()
    if image.startswith(ELKS_MAGIC):
        return ProgramKind.ELKS
    if is_mz(image):
        return ProgramKind.DOS_EXE
    if len(image) in FLOPPY_SIZES or _has_boot_signature(image):
        return ProgramKind.BOOT
    if suffix in (".com", ".exe"):
        return ProgramKind.DOS_COM  # DOS runs an .EXE without the MZ as a .COM
    if suffix in (".img", ".ima", ".bin", ".flp"):
        return ProgramKind.BOOT
    return None


def settled(program: Program, options: Options) -> Options:
    """Return options that say where a DOS program is, on whatever host."""
    if program.kind not in (ProgramKind.DOS_COM, ProgramKind.DOS_EXE):
        return options
    setup = dos_setup.settled(options.dos, options.root, program.path, program.name)
    return replace(options, dos=setup)


def shared(program: Program, options: Options) -> Options:
    """Return options that say where all is, and into which goes what the host answers."""
    options = settled(program, options)
    return options if options.answers is not None else replace(options, answers={})


def alike(program: Program, arguments: Sequence[str], options: Options) -> Machine:
    """Return a machine like the one that `load` made with `shared` options.

    It touches no file: of the host's it knows what the other was told.  LoadError as by `load`.
    """
    drives = tuple(replace(drive, folder=None) for drive in options.dos.drives)
    dos = replace(options.dos, drives=drives)
    inward = replace(options, root=None, writable=False, sinks=(), symbols=(), dos=dos)
    return load(program, arguments, inward).machine


def load(program: Program, arguments: Sequence[str], options: Options) -> Loaded:
    """Return a new machine with the program in it, LoadError if it doesn't fit or lies."""
    try:
        machine = _machine(options)
    except ValueError as error:
        raise LoadError(str(error), USAGE) from None
    console = Console()
    if options.poweron is not None:
        poweron.fill_memory(machine, options.poweron)
    told = _doubts(program)
    machine.on_notice = told.append
    if isinstance(options.poweron, poweron.DrawnSeed):
        told.append(options.poweron.told())
    try:
        symbols = _LOADERS[program.kind](machine, console, program, arguments, options)
    except (elks.ElksError, dos.DosError, bios.BootError) as error:
        raise LoadError(f"{program.name}: {error}") from None
    except OSError as error:
        raise LoadError(f"{error.filename or options.root}: {error.strerror}") from None
    if options.poweron is not None and program.kind is ProgramKind.BOOT:
        poweron.fill_registers(machine, options.poweron)
    try:
        open_sinks(machine, options.sinks)
    except OSError as error:
        raise LoadError(f"{error.filename}: can't write it: {error.strerror}") from None
    machine.watch_for_lacks(strict=options.strict)
    loaded = Loaded(machine, console, symbols, (), tuple(told), options.port_offset)
    loaded = _with_own_information(loaded, program)
    place = _place(loaded.machine, program.kind)
    if program.kind is ProgramKind.DOS_COM:
        place = replace(place, end=linear(place.text, COM_ORIGIN) + len(program.image))
    return _named(loaded, place, options.symbols)


def _with_own_information(loaded: Loaded, program: Program) -> Loaded:
    """Add what an .EXE tells of itself; if that is damaged, the program runs without."""
    if program.kind is not ProgramKind.DOS_EXE:
        return loaded
    try:
        told = symbolfiles.find_embedded(program.image)
        if told is None:
            return loaded
        image = _place(loaded.machine, program.kind).image * PARAGRAPH
        file = symbolfiles.symbol_file(told, image, Path(program.name).parent.absolute())
    except symbolfiles.SymbolFileError as error:
        damaged = f"{program.name}: {error}; it runs without names"
        return replace(loaded, notices=(*loaded.notices, damaged))
    debug = () if file.debug is None else (file.debug,)
    return replace(loaded, symbols=SymbolTable([*loaded.symbols, *file.symbols]), debug=debug)


def with_symbols(
    loaded: Loaded, kind: ProgramKind, sources: tuple[symbolfiles.SymbolSource, ...]
) -> Loaded:
    """Add what symbol files say, LoadError if one is of no use."""
    return _named(loaded, _place(loaded.machine, kind), sources)


def _named(
    loaded: Loaded,
    place: symbolfiles.LoadSegments,
    sources: tuple[symbolfiles.SymbolSource, ...],
) -> Loaded:
    place = replace(place, names=tuple(loaded.symbols))
    debug = list(loaded.debug)
    try:
        for source in sources:
            file = symbolfiles.read(source, place)
            place = replace(place, names=(*place.names, *file.symbols))
            debug += [] if file.debug is None else [file.debug]
    except symbolfiles.SymbolFileError as error:
        raise LoadError(str(error), USAGE) from None
    symbols, debug = SymbolTable(place.names), list(dict.fromkeys(debug))
    return replace(loaded, symbols=symbols, debug=tuple(debug))


# -- identifying -----------------------------------------------------------------------------


def _is_ours(path: Path) -> bool:
    """Whether a file is a program for an 8086."""
    try:
        with path.open("rb") as file:
            return identify(file.read(SECTOR_SIZE), path.name) is not None
    except OSError:
        return False


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe without a writer doesn't make us wait."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _has_boot_signature(image: bytes) -> bool:
    return len(image) >= SECTOR_SIZE and image[SECTOR_SIZE - 2 : SECTOR_SIZE] == BOOT_SIGNATURE


def _doubts(program: Program) -> list[str]:
    """Say why a boot image will hardly boot: else its user sees where the processor got lost."""
    image = program.image
    if program.kind is not ProgramKind.BOOT or _has_boot_signature(image):
        return []
    if not any(image[:SECTOR_SIZE]):
        return [f"{program.name}: its first sector is empty, and so nothing boots from it"]
    if len(image) > MAX_COM_SIZE:
        return []  # a disk: those of the first years have no signature
    return [
        f"{program.name}: it is taken for a boot sector by its name alone, without 55h AAh at the "
        "sector's end; a DOS program's name must end in .com"
    ]


def _is_text(image: bytes) -> bool:
    start = image[:SECTOR_SIZE]
    return all(byte in b"\t\n\f\r" or 0x20 <= byte < 0x7F for byte in start)


def _checked_kind(name: str, file_name: str, image: bytes) -> ProgramKind:
    if not image:
        raise LoadError(f"{name}: the file is empty")
    kind = identify(image, file_name)
    if kind is None and image.startswith(HOST_MAGICS):
        raise LoadError(f"{name}: this is a program for this computer, not for an 8086")
    if kind is None and image.startswith(RECORDING_MAGIC):
        raise LoadError(f"{name}: this is a recording: blink16-server --replay shows it")
    if kind is None and _is_text(image):
        raise LoadError(f"{name}: this is text, not a program; its assembler or compiler makes one")
    if kind is None:
        raise LoadError(
            f"{name}: no 8086 program is known by this content (ELKS a.out, MZ, boot sector) "
            "or name (.com, .exe, .img, .bin)"
        )
    if kind is not ProgramKind.BOOT and len(image) > MAX_PROGRAM_SIZE:
        raise LoadError(f"{name}: {len(image)} bytes are more than an 8086 can address")
    return kind


# -- loading ---------------------------------------------------------------------------------


def _machine(options: Options) -> Machine:
    """Return a machine of the speed that its user wants."""
    return Machine(
        options.engine,
        cpu=options.cpu,
        fpu=options.fpu,
        epoch_ns=options.epoch_ns,
        clock_hz=options.setup.clock_hz,
    )


def _load_elks(
    machine: Machine,
    console: Console,
    program: Program,
    arguments: Sequence[str],
    options: Options,
) -> SymbolTable:
    argv = [program.name, *arguments]
    files = _files(machine, options)
    kind = options.console
    machine.sinks[elks.NETWORK] = lambda order: None  # until the host's network is there
    return elks.load(
        *(machine, program.image, argv, ELKS_ENVIRONMENT, files, console, kind),
        network=options.network,
    )


def _load_dos(
    machine: Machine,
    console: Console,
    program: Program,
    arguments: Sequence[str],
    options: Options,
) -> SymbolTable:
    setup = settled(program, options).dos
    disks = pc.disks_of(options.setup)
    _check_letters([d.drive for d in setup.drives], {d.drive for d in disks if d.is_floppy})
    found = list(dos_setup.volumes(setup, _files(machine, options), machine, options.answers))
    for name, tree, _ in found:
        machine.add_component(name, tree)
    volumes = {volume.drive: volume for *_, volume in found}
    cards = options.setup.cards
    if setup.ems_kib:
        cards = cards._replace(ems=False)  # the driver that is there has memory of its own
    standing = bios.stand_by(
        machine,
        console,
        disks,
        adapter=options.setup.adapter,
        roms=options.setup.roms,
        cards=cards,
        memory_kib=setup.memory_kib,
    )
    # DOS has a drive A whether a floppy drive is there or not (FreeDOS' initdisk.c: 2 units)
    floppies = {pc.DRIVE_A, *(disk.drive for disk in disks if disk.is_floppy)} - volumes.keys()
    for drive in floppies:
        volumes[drive] = dos_setup.floppy(machine, drive)
    start = dos_setup.start(setup, volumes, tuple(arguments), real_calls=options.real_calls)
    dos.load(machine, standing, program.image, start, list(volumes.values()), console)
    return SymbolTable([])


def _check_letters(folders: list[int], floppies: set[int]) -> None:
    """Refuse two drives of the same letter."""
    for drive, times in Counter([*folders, *floppies]).items():
        if times > 1:
            raise LoadError(f"drive {letter(drive)}: is given {times} times")


def _load_boot(
    machine: Machine,
    console: Console,
    program: Program,
    arguments: Sequence[str],
    options: Options,
) -> SymbolTable:
    if arguments:
        raise LoadError(f"{program.name}: a boot image takes no arguments", USAGE)
    pc.boot(machine, program.image, console, options.setup, program.name)
    return SymbolTable([])


def _place(machine: Machine, kind: ProgramKind) -> symbolfiles.LoadSegments:
    """Return the segments that a program's symbols are about, if its user doesn't say."""
    registers = machine.registers
    match kind:
        case ProgramKind.DOS_EXE:
            image = registers.ds + PSP_PARAGRAPHS
            return symbolfiles.LoadSegments(image, image, image, entry=registers.cs)
        case ProgramKind.BOOT:
            return symbolfiles.LoadSegments(0, 0, 0)
    return symbolfiles.LoadSegments(registers.cs, registers.ds, registers.cs)


def _files(machine: Machine, options: Options) -> FileTree:
    if options.root is not None and not is_folder(options.root):
        what = "this is a file, no folder" if is_there(options.root) else "there is no such folder"
        raise LoadError(f"{options.root}: {what} to be the guest's root")
    return FileTree(
        options.root,
        writable=options.writable,
        effect=machine.effect,
        clock=lambda: machine.nanoseconds() // 1_000_000_000,
        notice=machine.notice,
        now=lambda: machine.icount + 1,
        answers=options.answers,
    )


_LOADERS = {
    ProgramKind.ELKS: _load_elks,
    ProgramKind.DOS_EXE: _load_dos,
    ProgramKind.DOS_COM: _load_dos,
    ProgramKind.BOOT: _load_boot,
}
