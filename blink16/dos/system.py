"""DOS' state, which changes in place as calls come in loops, and is saved as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter
from typing import Any, NamedTuple

from blink16.bios.program_keys import PipedKeys
from blink16.bus import Bus
from blink16.console import Console
from blink16.devices.cells import USUAL_SHOWN, USUAL_TEXT
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fat import FatTree
from blink16.dos.hooked_output import OutputHooks, Showing
from blink16.dos.line_editor import Line
from blink16.dos.names import from_dos, upper
from blink16.dos.upper_memory import UpperMemory
from blink16.dos.usual_text import UsualText
from blink16.dos.volume import DRIVE_C, HIDDEN, SYSTEM, Entry, Tree, Volume, device_of, letter
from blink16.hostfs.files import MAX_FILE_SIZE
from blink16.services import Guest

COMPONENT = "dos"
VERSION = (5, 0)
"""Major and minor: the last DOS without long file names, which most programs accept."""
MIN_LAST_DRIVE = 5
MAX_PATH = 128
"""Bytes in a path that a program passes, with its terminating zero."""
SEGMENT = 0x10000
NANOSECONDS = 1_000_000_000


class DosDevice(IntEnum):
    """Character devices, by the numbers that `SftEntry.device` has."""

    FILE = 0  # none of them
    CON = 1
    CON_ERROR = 2  # CON as standard error has it
    AUX = 3
    PRN = 4
    NUL = 5


@dataclass(slots=True, eq=False)
class SftEntry:
    """An entry of the system file table: an open file, which changes with each read and write."""

    device: int
    node: int = 0  # FILE: its node in the file tree
    access: int = 2  # 0 read, 1 write, 2 both
    position: int = 0
    references: int = 1  # handles that mean this entry
    written: bool = False
    raw: bool = False  # CON: binary mode
    drive: int = DRIVE_C  # FILE: whose file tree that is
    private: bool = False  # children don't get it
    owner: int = 0  # by_fcb: the process
    by_fcb: bool = False

    def written_to(self, position: int) -> None:
        """Note that the file was written up to a position."""
        self.position, self.written = position, True


_saved_entry = attrgetter(*(field.name for field in fields(SftEntry)))
"""Returns an entry as plain data."""


class Located(NamedTuple):
    """Where a path leads."""

    volume: Volume
    real: str
    """The path in the volume's tree."""

    @property
    def files(self) -> Tree:
        """The volume's tree."""
        return self.volume.files

    def node(self) -> int:
        """Return the node there; DOS' error if there is none."""
        return self.volume.node(self.real)

    def entry(self) -> Entry:
        """Describe what is there."""
        return self.volume.entry(self.real)


class Search(NamedTuple):
    """A search that INT 21h/4Eh began: the names that were there then."""

    number: int
    drive: int
    directory: str
    names: tuple[str, ...]
    attributes: int


class Process(NamedTuple):
    r"""A program in memory."""

    psp: int
    path: str
    r"""Its file, like ``C:\\PROG.COM``."""
    image: int
    """The segment at which its image lies."""
    is_com: bool
    dta_segment: int  # of its parent, when it began
    dta_offset: int


@dataclass(slots=True, eq=False)
class DosState:
    """Everything that DOS remembers outside the guest's memory; each field is plain data."""

    psp: int
    first_mcb: int
    dta_segment: int
    dta_offset: int
    drive: int = DRIVE_C  # the current one
    cwds: tuple[tuple[int, str], ...] = ()  # drives' current directories but for the root
    labels: tuple[tuple[int, bytes], ...] = ()  # of drives that are folders
    searches: tuple[Search, ...] = ()
    next_search: int = 1
    line: bytes = b""  # what is left of a line read from CON
    edited: Line | None = None  # a line that is being typed
    scan_code: int = 0  # of a key without a character, which comes as 0 and this
    break_pressed: bool = False  # Ctrl-Break, since the last look
    paused: bool = False  # Ctrl-S stopped the output
    inputs_past_end: int = 0  # characters asked for after the end of input
    clock_offset: int = 0  # nanoseconds that a program moved the clock by
    error: int = 0  # the last failure's code, for 59h
    break_check: int = 0
    verify: int = 0
    strategy: int = 0
    upper_mcb: int = 0  # upper memory's first control block, once DOS has it
    upper_linked: bool = False
    processes: tuple[Process, ...] = ()  # in the order in which they were loaded
    exit_code: int = 0  # of the last process that ended, until 4Dh asks for it
    exit_kind: int = 0
    break_stack: int = 0  # SP at the call that Ctrl-C interrupted
    critical: int = 0  # the code of the error that INT 24h asks about
    left: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Processes that made another the current one (50h), and their registers then."""
    kept: bytes = b""  # what a call shows, for hooks of INT 29h, 10h or 17h
    kept_for: int = 0  # the offset of the routine in ROM that shows it
    showing: tuple[Showing, ...] = ()  # calls whose characters go through hooks


_saved_state = attrgetter(*(field.name for field in fields(DosState)))
"""Returns the state as plain data."""


class DosSystem:
    """DOS, as its calls see it.  A component (`services.Component`)."""

    def __init__(
        self,
        state: DosState,
        volumes: Iterable[Volume],
        console: Console,
        bus: Bus,
        pipe: PipedKeys,
        packed: bytearray,
        version: tuple[int, int] = VERSION,
    ) -> None:
        """``console``: standard input; ``bus``: of the display; ``pipe``: where keys come from;
        ``packed``: the machine's packed state.
        """
        self.state = state
        self.volumes = {volume.drive: volume for volume in volumes}
        """By drive, from 0 for A."""
        self.console = console
        self.bus = bus
        self.pipe = pipe
        self.version = version
        self.sft: list[SftEntry | None] = []
        """The system file table.  It changes too often to be a field of the state."""
        self.has_ems = False
        self.upper_memory: UpperMemory | None = None
        """What DOS can have of upper memory."""
        self.text = UsualText(packed)
        self.last_stack, self._usual = self.text.last_stack, self.text.usual
        self.exec_stub = self.break_stub = self.critical_stub = (0, 0)
        """Where a child's first instruction, and the ways back from INT 23h and 24h, go through."""
        self.hooks: OutputHooks
        self.wait_routine = 0
        """The offset of the routine in ROM that waits for an interrupt and comes again."""
        self.told: set[int] = set()
        """Calls that the user was told DOS hasn't got: once each, in replays too."""
        self._full: set[int] = set()
        """Drives of which the user was told that they are full."""
        self._unkept: set[int] = set()
        """Drives of which the user was told that they don't keep all attributes."""
        self._shell_is_told = False
        self._long: set[tuple[int, int]] = set()

    def change(self, **changes: Any) -> None:
        """Change fields of the state."""
        usual, state = self._usual, self.state
        usual[USUAL_TEXT] = usual[USUAL_SHOWN] = 0  # quicker than `forbid`
        for name, value in changes.items():
            setattr(state, name, value)

    @property
    def last_drive(self) -> int:
        """How many drive letters there are."""
        return max(MIN_LAST_DRIVE, max(self.volumes) + 1)

    def allow_text(self, guest: Guest, file: int) -> None:
        """Let native code show what comes next on CON, a ``file`` of this number, if it may."""
        state = self.state
        if not (state.break_pressed or state.paused or state.kept or state.showing):
            self.text.allow(guest, state.psp, file)

    def process_name(self) -> str:
        """Return what users call the current process: its program and its PSP's segment."""
        return f"{self.program_name()}[{self.state.psp:04X}]"

    def program_name(self) -> str:
        """Return the file name of the current process' program."""
        psp = self.state.psp
        path = next((p.path for p in self.state.processes if p.psp == psp), "?")
        return path.rpartition("\\")[2]

    # -- drives ------------------------------------------------------------------------------

    def volume(self, number: int) -> Volume:
        """Return a drive (0: the current one, 1: A); error 15 if it isn't there."""
        volume = self.volumes.get(number - 1 if number else self.state.drive)
        if volume is None:
            raise CallFailed(Code.INVALID_DRIVE)
        return volume

    def tree(self, entry: SftEntry) -> Tree:
        """Return the file tree that an open file lies in."""
        return self.volumes[entry.drive].files

    def cwd(self, volume: Volume) -> str:
        """Return a drive's current directory, a path of its tree."""
        drive = volume.drive
        for other, folder in self.state.cwds:
            if other == drive:
                return folder
        return "/"

    def locate(self, path: str) -> Located:
        """Return what DOS' path means; its last name need not exist.  Error 3 if nothing."""
        if ":" in path:
            head, _, path = path.rpartition(":")
            volume = self.volumes.get(ord(upper(head or "?")[0]) - ord("A"))
            if len(head) > 1:
                volume = None
        else:
            volume = self.volumes.get(self.state.drive) if path else None
        if volume is None:
            raise CallFailed(Code.PATH_NOT_FOUND)
        return Located(volume, volume.locate(path, self.cwd(volume)))

    def device_at(self, path: str) -> str | None:
        """Return which character device a path names; error 3 if it is in no folder.

        A folder DEV is in every root, as far as devices go.
        """
        device = device_of(path)
        if device is None:
            return None
        folder = upper(path.replace("/", "\\")).rpartition("\\")[0]
        if folder.rpartition(":")[2] not in ("", "\\DEV"):
            place = self.locate(folder)
            try:
                place.volume.names(place.real)
            except CallFailed:
                raise CallFailed(Code.PATH_NOT_FOUND) from None
        return device

    def tell_full(self, guest: Guest, drive: int) -> None:
        """Tell the user, once, that a program could not write all that it wanted to a drive."""
        if drive not in self._full:
            self._full.add(drive)
            guest.notice(f"drive {letter(drive)}: is full; a write failed, as its program was told")

    def tell_long(self, guest: Guest, drive: int, node: int) -> None:
        """Tell the user, once, that a program could not read a file, which is too long."""
        if (drive, node) not in self._long:
            self._long.add((drive, node))
            most = f"longer than {MAX_FILE_SIZE >> 20} MiB"
            guest.notice(f"drive {letter(drive)}: a file is {most}; a read failed with error 5")

    def tell_unkept(self, guest: Guest, place: Located, attributes: int) -> None:
        """Tell the user, once, that a file's folder can't keep all of its attributes."""
        drive = place.volume.drive
        told = isinstance(place.files, FatTree) or drive in self._unkept
        if attributes & (HIDDEN | SYSTEM) and not told:
            self._unkept.add(drive)
            unkept = "is a folder, which keeps no attribute hidden or system"
            guest.notice(f"drive {letter(drive)}: {unkept}; a file was to have one")

    def tell_no_shell(self, guest: Guest, name: str) -> None:
        """Tell the user, once, that a program can't run the command interpreter."""
        if not self._shell_is_told:
            self._shell_is_told = True
            guest.notice(
                f"{name} is not there, by which a program wants to run a command; "
                "put one, FreeDOS' for instance, into the folder that is drive C"
            )

    def label(self, volume: Volume) -> bytes:
        """Return a volume's label, eleven bytes at most; empty if it has none."""
        return volume.label() or dict(self.state.labels).get(volume.drive, b"")

    def set_label(self, volume: Volume, label: bytes) -> None:
        """Set a volume's label, or (empty) take it away.  A folder keeps it only in the state."""
        label = label.rstrip()
        if volume.set_label(label):
            return
        labels = {**dict(self.state.labels), volume.drive: label}
        self.change(labels=tuple(sorted(labels.items())))

    def nanoseconds(self, guest: Guest) -> int:
        """Return DOS' own time, in nanoseconds since the Unix epoch."""
        return guest.nanoseconds() + self.state.clock_offset

    def save(self) -> Any:
        """Return the state."""
        files = tuple([entry and _saved_entry(entry) for entry in self.sft])
        return _saved_state(self.state), self.text.stack, files

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        kept, self.text.stack = DosState(*state[0]), tuple(state[1])
        self.sft = [None if entry is None else SftEntry(*entry) for entry in state[2]]
        kept.searches = tuple(Search(*search) for search in kept.searches)
        kept.processes = tuple(Process(*process) for process in kept.processes)
        kept.left = tuple((psp, tuple(registers)) for psp, registers in kept.left)
        kept.showing = tuple(Showing(rest, tuple(past), *by) for rest, past, *by in kept.showing)
        kept.edited = None if kept.edited is None else Line(*kept.edited)
        self.state = kept
        self.text.forbid()


def string_before(guest: Guest, segment: int, offset: int, end: bytes, limit: int) -> bytes | None:
    """Return the guest's bytes before the byte ``end``; None if it isn't among ``limit``."""
    memory = guest.memory
    return memory.read_before(end, memory.linear(segment, offset), limit)


def path_argument(guest: Guest, segment: int, offset: int) -> str:
    """Return the zero-terminated path at an address; error 3 if it's longer than DOS' paths."""
    memory = guest.memory
    raw = memory.read_before(b"\0", memory.linear(segment, offset), MAX_PATH)
    if raw is None:
        raise CallFailed(Code.PATH_NOT_FOUND)
    return from_dos(raw)
