"""Where machines come from: programs, programs that are recorded, recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

from blink16 import recording, symbolfiles
from blink16.debugger import Debugger
from blink16.history.checkpoints import DEFAULT_LIMIT
from blink16.history.terms import TimelineError
from blink16.recording import Recorder, RecordingError
from blink16.setup import loader
from blink16.setup.loader import Loaded, LoadError, Options, Program, ProgramKind
from blink16.words.complaints import USAGE

Say = Callable[[str], None]


Recorded = tuple[Loaded, Debugger, Recorder]
Edition = tuple[tuple[int, int] | None, ...]
"""Of each file the time of its last change in nanoseconds, and its size in bytes; None if it is
not there."""


class MachineSource(Protocol):
    """Makes machines of one program, as many as wanted."""

    @property
    def name(self) -> str:
        """What users call the program."""

    @property
    def kind(self) -> ProgramKind:
        """What the program was made for."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The program's arguments, unless somebody wants others."""

    @property
    def images(self) -> tuple[Path, ...]:
        """The files that its disks come from and go to when a machine ends, PROGRAM's first;
        none if what the guest writes is not to be kept.
        """

    def make(self, arguments: Sequence[str]) -> tuple[Loaded, Debugger]:
        """Return a machine before its first instruction.  LoadError if that can't be."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that its user builds: the program, and those with its names."""

    def edition(self) -> Edition:
        """Return what tells those files from others in their place."""

    def close(self) -> None:
        """Make no more."""


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """A program as a user gave it on the command line."""

    program: Program
    arguments: tuple[str, ...]
    options: Options
    history_limit: int = DEFAULT_LIMIT
    """Bytes that a machine's history may take."""
    images: tuple[Path, ...] = ()
    """Those of its disks that are read anew for each machine: an earlier one may have written
    them.  PROGRAM itself, and the files with its names, always are: somebody may have built it."""

    @property
    def name(self) -> str:
        """The program's file name."""
        return PurePosixPath(self.program.name).name

    @property
    def kind(self) -> ProgramKind:
        """What the program was made for."""
        return self.program.kind

    def make(self, arguments: Sequence[str]) -> tuple[Loaded, Debugger]:
        """Load the program into a new machine."""
        program, options = self._as_they_are()
        options = loader.shared(program, options)
        loaded = loader.load(program, arguments, options)
        try:
            debugger = Debugger(loaded.machine, history_limit=self.history_limit)
        except TimelineError as error:
            raise LoadError(str(error), USAGE) from None
        debugger.names.symbols = loaded.symbols
        debugger.send_scouts(partial(loader.alike, program, arguments, options))
        return loaded, debugger

    def record(self, path: Path, arguments: Sequence[str]) -> Recorded:
        """Load the program into a new machine and record it."""
        program, options = self._as_they_are()
        return recording.record(path, program, arguments, options, history_limit=self.history_limit)

    @property
    def files(self) -> tuple[Path, ...]:
        """The program, unless it came with us, and what its symbols come from."""
        own = () if self.program.path is None else (self.program.path,)
        return (*own, *(source.path for source in self.options.symbols))

    def edition(self) -> Edition:
        """Tell what is built by now."""
        return tuple(map(_edition, self.files))

    def _as_they_are(self) -> tuple[Program, Options]:
        """Return the program and its disks as their files hold them now.  LoadError."""
        program, options = self.program, self.options
        if program.path is not None:
            program = loader.read(program.name)
        if not self.images:
            return program, options
        images = self.images[1:] if self.kind is ProgramKind.BOOT else self.images
        contents = (loader.content(path, str(path)) for path in images)
        disks = zip(options.setup.disks, contents, strict=True)
        setup = replace(
            options.setup, disks=tuple(replace(disk, content=held) for disk, held in disks)
        )
        return program, replace(options, setup=setup)

    def close(self) -> None:
        """Nothing is open."""


class RecordedSource:
    """A source whose first machine is recorded; a file holds one history, so later ones aren't.

    Raises LoadError, also if the file can't be written.
    """

    def __init__(self, source: ProgramSource | ReplayedSource, path: Path, say: Say) -> None:
        self._source = source
        self._path = path
        self._say = say
        self._recorder: Recorder | None = None
        self._recorded = False
        self.name = source.name
        self.kind = source.kind
        self.arguments = source.arguments
        self.images = source.images
        self.files = source.files

    def make(self, arguments: Sequence[str]) -> tuple[Loaded, Debugger]:
        """Load the program; the first time, record it."""
        if self._recorded:
            self.close()
            made = self._source.make(arguments)
            self._say(f"{self._path} holds the first session; from here on nothing is recorded")
            return made
        try:
            loaded, debugger, self._recorder = self._source.record(self._path, arguments)
        except (RecordingError, TimelineError) as error:
            raise LoadError(str(error)) from None
        self._recorded = True
        return loaded, debugger

    def edition(self) -> Edition:
        """Tell what its source does."""
        return self._source.edition()

    def close(self) -> None:
        """End the recording."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None


class ReplayedSource:
    """A recording, which needs none of the program's files."""

    images: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()

    def __init__(
        self,
        path: Path,
        engine: str,
        *,
        symbols: tuple[symbolfiles.SymbolSource, ...] = (),
        history_limit: int = DEFAULT_LIMIT,
        say: Say,
    ) -> None:
        """Read the recording; LoadError if it is none.  Damage is said."""
        self._engine = engine
        self._symbols = symbols
        self._history_limit = history_limit
        try:
            self._recording = recording.open_recording(path)
        except RecordingError as error:
            raise LoadError(str(error)) from None
        damage = self._recording.damage
        if damage is not None:
            end = self._recording.end
            say(f"warning: {path} is damaged: {damage}; the session is shown up to {end}")
        self.name = PurePosixPath(self._recording.launch.name).name
        self.kind = ProgramKind[self._recording.launch.kind]
        self.arguments = self._recording.launch.arguments

    def make(self, arguments: Sequence[str]) -> tuple[Loaded, Debugger]:
        """Return the recorded machine with its whole history ahead."""
        self._check(arguments)
        try:
            loaded, debugger = recording.replay(
                self._recording, self._engine, history_limit=self._history_limit
            )
        except (RecordingError, TimelineError) as error:
            raise LoadError(str(error)) from None
        return self._named(loaded, debugger), debugger

    def record(self, path: Path, arguments: Sequence[str]) -> Recorded:
        """Return the recorded machine and record on, in another file."""
        self._check(arguments)
        loaded, debugger, recorder = recording.record_again(
            path, self._recording, self._engine, history_limit=self._history_limit
        )
        return self._named(loaded, debugger), debugger, recorder

    def _check(self, arguments: Sequence[str]) -> None:
        if tuple(arguments) != self.arguments:
            raise LoadError(f"{self.name}: a recording has no other arguments than its own")

    def _named(self, loaded: Loaded, debugger: Debugger) -> Loaded:
        """Add the names from symbol files."""
        loaded = loader.with_symbols(loaded, self.kind, self._symbols)
        debugger.names.symbols = loaded.symbols
        return loaded

    def edition(self) -> Edition:
        """There is but one."""
        return ()

    def close(self) -> None:
        """Nothing is open."""


def _edition(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
