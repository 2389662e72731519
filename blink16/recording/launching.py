"""From what a recorded machine was made, and how that stands in a file.

The first record says how many bytes each file has and what their SHA-256 is, so that a disk
that is there twice is written once.  The contents follow, cut into pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from blink16.bios import OptionRom
from blink16.bios.geometry import MAX_IMAGE_SIZE
from blink16.cpu.models import DEFAULT, MODELS
from blink16.devices.cards import XT, Cards
from blink16.devices.video import Adapter
from blink16.dos.volume import DRIVE_LETTERS
from blink16.elks import ConsoleKind
from blink16.recording.records import Record, RecordingError, RecordKind
from blink16.recording.shapes import alone, check, shaped, strings
from blink16.setup.dos import MAX_BEYOND_KIB, MEMORY_KIB, MIN_MEMORY_KIB, DosDrive, DosSetup, Spot
from blink16.setup.loader import ProgramKind
from blink16.setup.pc import DiskImage, PcSetup

PIECE = 1 << 20
MAX_CONTENT = MAX_IMAGE_SIZE + (64 << 20)
"""Bytes of all files together: a hard disk as large as can be, and some floppies."""
MAX_SPEED = 10**12
"""Clock cycles a second, far beyond any machine's."""


@dataclass(frozen=True, slots=True)
class RecordedLaunch:
    """From what a machine was made, so that it can be made again anywhere."""

    name: str
    kind: str
    image: bytes
    arguments: tuple[str, ...]
    epoch_ns: int
    clock_hz: int
    setup: PcSetup = PcSetup()  # noqa: RUF009 - frozen
    dos: DosSetup = DosSetup()  # noqa: RUF009 - frozen
    console: ConsoleKind = ConsoleKind()  # noqa: RUF009 - frozen
    """What the console was to an ELKS program."""
    cpu: str = DEFAULT.name
    """The processor, by name."""
    network: bool = False
    """Whether an ELKS program had sockets."""
    real_calls: bool = False
    """Whether the system's calls took the guest's time."""
    fpu: bool = False
    """Whether there was an 8087."""


# -- writing ---------------------------------------------------------------------------------


def launch_records(launch: RecordedLaunch) -> Iterator[Record]:
    """Return the records of a launch, a batch each; RecordingError if they are too large."""
    setup = launch.setup
    files = [
        launch.image,
        *(d.content for d in setup.disks),
        *(r.image for r in setup.roms),
        setup.bios,
    ]
    contents = {_key(content): content for content in files}
    total = sum(map(len, contents.values()))
    if total > MAX_CONTENT:
        raise RecordingError(f"its files have {total} bytes, a recording at most {MAX_CONTENT}")
    yield (
        RecordKind.LAUNCH,
        launch.name,
        launch.kind,
        _key(launch.image),
        launch.arguments,
        launch.epoch_ns,
        launch.clock_hz,
        (
            repr(setup.mhz),
            setup.adapter.name,
            tuple((d.drive, str(d.path), d.read_only, _key(d.content)) for d in setup.disks),
            tuple((rom.address, _key(rom.image)) for rom in setup.roms),
            *((tuple(setup.cards), _key(setup.bios)) if setup.cards != XT or setup.bios else ()),
        ),
        _dos_fields(launch.dos),
        astuple(launch.console),
        *_unusual(launch.cpu, launch.network, launch.real_calls, launch.fpu),
    )
    for content in contents.values():
        for start in range(0, len(content), PIECE):
            yield RecordKind.CONTENT, content[start : start + PIECE]


def _dos_fields(setup: DosSetup) -> tuple[object, ...]:
    program = setup.program
    return (
        setup.environment,
        setup.version,
        (setup.memory_kib, setup.xms_kib, setup.ems_kib),
        tuple((drive.drive, drive.writable) for drive in setup.drives),
        () if program is None else (program.drive, program.path),
        (setup.folder.drive, setup.folder.path),
    )


def _unusual(*options: object) -> tuple[object, ...]:
    """Return the last fields of a launch without those at the end that are as usual."""
    count = len(options)
    while count and options[count - 1] == _USUAL[count - 1]:
        count -= 1
    return options[:count]


def _key(content: bytes) -> tuple[int, bytes]:
    return len(content), sha256(content).digest()


# -- reading ---------------------------------------------------------------------------------


def parse_launch(batches: Iterator[tuple[object, ...]]) -> RecordedLaunch:
    """Read a launch from the first batches; RecordingError if it is missing or damaged."""
    fields = alone(next(batches, ()), RecordKind.LAUNCH)
    dos = _dos_setup(fields[_FIELDS_WITHOUT_DOS]) if len(fields) > _FIELDS_WITHOUT_DOS else None
    console = ConsoleKind()
    if len(fields) > _FIELDS_WITHOUT_DOS + 1:
        shape = (bool, bool, bool, bool, int, int)
        console = ConsoleKind(*shaped(fields[_FIELDS_WITHOUT_DOS + 1], *shape))
    rest = fields[_FIELDS_WITHOUT_CPU:]
    cpu, network, real_calls, fpu = shaped((*rest, *_USUAL[len(rest) :]), str, bool, bool, bool)
    check(cpu in MODELS, "it is of an unknown processor")
    name, kind, key, arguments, epoch, speed, setup = shaped(
        fields[:_FIELDS_WITHOUT_DOS], str, str, tuple, *_REST, tuple
    )
    _check_machine(kind, speed)
    parts = _SetupFields.of(setup)
    files = _Files([key, *parts.keys()], batches)
    pc = parts.with_files(files)
    return RecordedLaunch(
        name,
        kind,
        files[key],
        strings(arguments),
        epoch,
        speed,
        pc,
        dos or DosSetup(),
        console,
        cpu,
        network,
        real_calls,
        fpu,
    )


class _SetupFields(NamedTuple):
    """A PC's setup as it is written, with keys for the contents of files."""

    mhz: str
    adapter: str
    disks: list[tuple[Any, ...]]
    """Drive, path, whether it is read-only, and the key of each."""
    roms: list[tuple[Any, ...]]
    """Address and key of each."""
    cards: Cards
    bios: tuple[Any, ...]

    @classmethod
    def of(cls, fields: tuple[object, ...]) -> _SetupFields:
        """Take them apart; RecordingError if they are damaged."""
        mhz, adapter, disks, roms = shaped(fields[:_FIELDS_OF_SETUP], str, str, tuple, tuple)
        cards, bios = XT, (0, sha256(b"").digest())
        if rest := fields[_FIELDS_OF_SETUP:]:
            fitted, bios = shaped(rest, tuple, tuple)
            cards = Cards(*shaped(fitted, *(bool,) * len(XT)))
        disks = [shaped(disk, int, str, bool, tuple) for disk in disks]
        return cls(mhz, adapter, disks, [shaped(rom, int, tuple) for rom in roms], cards, bios)

    def keys(self) -> list[tuple[Any, ...]]:
        """Return the keys of all files, in the order in which they are written."""
        return [*(disk[-1] for disk in self.disks), *(rom[-1] for rom in self.roms), self.bios]

    def with_files(self, files: _Files) -> PcSetup:
        """Return the setup; RecordingError if there is no such PC."""
        try:
            disks = tuple(
                DiskImage(drive, Path(path), files[key], read_only)
                for drive, path, read_only, key in self.disks
            )
            roms = tuple(OptionRom(address, files[key]) for address, key in self.roms)
            adapter, bios = Adapter[self.adapter], files[self.bios]
            return PcSetup(float(self.mhz), adapter, disks, roms, self.cards, bios)
        except (ValueError, LookupError):
            raise RecordingError("its launch is damaged") from None


def _dos_setup(fields: object) -> DosSetup:
    """Return what a DOS program had around it, but for the host's folders."""
    variables, version, memory, drives, program, folder = shaped(
        fields, tuple, tuple, tuple, tuple, tuple, tuple
    )
    conventional, xms, ems = shaped(memory, int, int, int)
    environment = tuple(shaped(strings(variable), str, str) for variable in variables)
    major, minor = shaped(version, int, int)
    letters = [shaped(drive, int, bool) for drive in drives]
    check(all(0 <= drive < DRIVE_LETTERS for drive, _ in letters), "it has an impossible drive")
    possible = MIN_MEMORY_KIB <= conventional <= MEMORY_KIB
    possible = possible and min(xms, ems) >= 0 and max(xms, ems) <= MAX_BEYOND_KIB
    check(possible, "its machine's memory is impossible")
    found = tuple(DosDrive(drive, None, writable) for drive, writable in letters)
    spot = Spot(*shaped(program, int, str)) if program else None
    here = Spot(*shaped(folder, int, str))
    version = major, minor
    return DosSetup(environment, version, conventional, xms, ems, found, spot, here)


def _check_machine(kind: str, speed: int) -> None:
    check(kind in ProgramKind.__members__, "it is of an unknown kind of program")
    check(0 < speed <= MAX_SPEED, "its machine's speed is impossible")


_USUAL = DEFAULT.name, False, False, False
"""The processor, whether there is a network, and whether calls take time."""
_FIELDS_OF_SETUP = 4
_FIELDS_WITHOUT_DOS = 7
_FIELDS_WITHOUT_CPU = _FIELDS_WITHOUT_DOS + 2
_REST = (tuple, int, int)


class _Files:
    """The contents of a launch's files, by their size and digest."""

    def __init__(self, keys: list[Any], batches: Iterator[tuple[object, ...]]) -> None:
        self._contents: dict[object, bytes] = {}
        wanted = {shaped(key, int, bytes): None for key in keys}
        check(all(size >= 0 for size, _ in wanted), "a file's size is wrong")
        check(sum(size for size, _ in wanted) <= MAX_CONTENT, "its files are too large")
        for size, digest in wanted:
            self._contents[size, digest] = _content(size, digest, batches)

    def __getitem__(self, key: object) -> bytes:
        return self._contents[key]


def _content(size: int, digest: bytes, batches: Iterator[tuple[object, ...]]) -> bytes:
    content = bytearray()
    while len(content) < size:
        (piece,) = shaped(alone(next(batches, ()), RecordKind.CONTENT), bytes)
        check(0 < len(piece) <= PIECE, "a piece of a file has a wrong size")
        content += piece
    whole = bytes(content)
    check(len(whole) == size and sha256(whole).digest() == digest, "a file's digest is wrong")
    return whole
