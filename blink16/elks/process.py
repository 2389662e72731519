"""What an ELKS kernel remembers of the one process there is."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any, NamedTuple

from blink16.console import Console
from blink16.elks.abi import INITIAL_TERMIOS, Open
from blink16.files import FileTree
from blink16.hostfolder import os_error

MAX_DESCRIPTORS = 20
MEMORY_END = 0xA000
"""The segment where memory for programs ends (640 KiB)."""
STDERR = "stderr"
NULL = "null"
"""The channel of /dev/null, which goes nowhere."""
PID, PARENT_PID = 2, 1


@dataclass(frozen=True, slots=True)
class DataSegment:
    """How the data segment is divided; all offsets in it."""

    data_end: int
    """Behind data and bss, where the heap begins."""
    end: int
    stack_top: int
    """SP at the start; the arguments lie there."""
    min_stack: int
    """Bytes below ``stack_top`` that the heap must leave alone."""
    low_stack: bool = False
    """The stack lies below the data."""

    def break_limit(self) -> int:
        """Return how far the break may be moved."""
        return self.end if self.low_stack else self.stack_top - self.min_stack


class OpenFile(NamedTuple):
    """An open file; several descriptors may share it.  Plain data."""

    node: int
    """In the file tree; 0 for a device, which has a channel."""
    flags: int
    offset: int = 0
    channel: str = ""
    listing: tuple[str, ...] = ()
    """DIRECTORY: its names as they were when it was opened or rewound."""


class Process:
    """Open files, memory, signal handlers and the terminal's modes (`services.Component`)."""

    COMPONENT = "elks"

    def __init__(
        self,
        console: Console,
        files: FileTree,
        segment: DataSegment,
        *,
        first_free: int,
        old_abi: bool,
    ) -> None:
        """Begin with the console as descriptors 0, 1 and 2.

        ``first_free``: the segment behind the program, where far memory begins.
        ``old_abi``: the program was made with dev86's libc.
        """
        self.console = console
        self.files = files
        self.segment = segment
        self.first_free = first_free
        self.old_abi = old_abi
        self.break_ = (segment.data_end + 1) & ~1
        self.cwd = "/"
        self.umask = 0o022
        self.termios = INITIAL_TERMIOS
        self.handlers: dict[int, tuple[int, int]] = {}
        """Segment and offset of what signal() asked for, by signal number."""
        self.far_blocks: tuple[tuple[int, int], ...] = ()
        """Segments and paragraphs of fmemalloc(), in order."""
        tty = Open.READ_WRITE
        self._open = {
            0: OpenFile(0, tty, channel=Console.CHANNEL),
            1: OpenFile(0, tty, channel=STDERR),
        }
        self._descriptors = {0: 0, 1: 0, 2: 1}
        self._next = len(self._open)

    # -- open files --------------------------------------------------------------------------

    def open_file(self, descriptor: int) -> OpenFile:
        """Return the file of a descriptor, EBADF if there is none."""
        if descriptor not in self._descriptors:
            raise os_error(errno.EBADF)
        return self._open[self._descriptors[descriptor]]

    def change(self, descriptor: int, **changes: Any) -> None:
        """Change an open file for all its descriptors."""
        number = self._descriptors[descriptor]
        self._open[number] = self._open[number]._replace(**changes)

    def add(self, file: OpenFile) -> int:
        """Give an open file the lowest free descriptor, EMFILE if there is none."""
        descriptor = self._lowest_free(0)
        if file.node:
            self.files.hold(file.node)
        number, self._next = self._next, self._next + 1
        self._open[number] = file
        self._descriptors[descriptor] = number
        return descriptor

    def duplicate(self, descriptor: int, *, lowest: int = 0, exactly: int | None = None) -> int:
        """Let a second descriptor stand for an open file."""
        self.open_file(descriptor)
        new = self._lowest_free(lowest) if exactly is None else exactly
        if not 0 <= new < MAX_DESCRIPTORS:
            raise os_error(errno.EBADF)
        if new != descriptor:
            if new in self._descriptors:
                self.close(new)
            self._descriptors[new] = self._descriptors[descriptor]
        return new

    def close(self, descriptor: int) -> None:
        """Close a descriptor, and the file with the last one."""
        file = self.open_file(descriptor)
        number = self._descriptors.pop(descriptor)
        if number not in self._descriptors.values():
            del self._open[number]
            if file.node:
                self.files.release(file.node)

    def _lowest_free(self, lowest: int) -> int:
        for descriptor in range(lowest, MAX_DESCRIPTORS):
            if descriptor not in self._descriptors:
                return descriptor
        raise os_error(errno.EMFILE)

    # -- memory outside the data segment -----------------------------------------------------

    def allocate_far(self, paragraphs: int) -> int:
        """Return the segment of new far memory, ENOMEM if there is no room."""
        start = self.first_free
        for at, (segment, length) in enumerate((*self.far_blocks, (MEMORY_END, 0))):
            if segment - start >= paragraphs:
                block = (start, paragraphs)
                self.far_blocks = (*self.far_blocks[:at], block, *self.far_blocks[at:])
                return start
            start = segment + length
        raise os_error(errno.ENOMEM)

    def free_far(self, segment: int) -> None:
        """Give far memory back, EINVAL if it isn't any."""
        left = tuple(block for block in self.far_blocks if block[0] != segment)
        if len(left) == len(self.far_blocks):
            raise os_error(errno.EINVAL)
        self.far_blocks = left

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Any:
        """Return the state."""
        return (
            tuple(self._descriptors.items()),
            tuple(self._open.items()),
            self._next,
            self.break_,
            self.cwd,
            self.umask,
            self.termios,
            tuple(self.handlers.items()),
            self.far_blocks,
        )

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        (
            descriptors,
            open_files,
            self._next,
            self.break_,
            self.cwd,
            self.umask,
            self.termios,
            handlers,
            self.far_blocks,
        ) = state
        self._descriptors = dict(descriptors)
        self._open = {number: OpenFile(*fields) for number, fields in open_files}
        self.handlers = dict(handlers)
