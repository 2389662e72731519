"""What an ELKS kernel remembers.

Processes and open files are records that change in place, by way of a `Journal`, so that a call
can be taken back; time travel keeps the state as `KernelState.plain` returns it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from blink16.elks.signals import DEFAULTS
from blink16.elks.sockets import Socket

MAX_TASKS = 64
"""Processes at a time, the idle one and init counted; fork() gives EAGAIN beyond.  The kernel has
16 unless it is told `task=` when it boots."""
MAX_DESCRIPTORS = 20
MAX_OPEN_FILES = 256
"""Open files in the system; ENFILE beyond."""
NO_FILE = 0
IDLE, INIT, FIRST = 0, 1, 2
"""Process numbers: nobody, the adopting parent, and the program that the user started."""
FIRST_THREAD = 1


def thread_of(pid: int) -> int:
    """Return the number that debuggers know a process by."""
    return pid - FIRST + FIRST_THREAD


@dataclass(frozen=True, slots=True)
class ConsoleKind:
    """What the first program's standard streams are: which are a terminal, and what kind of one.

    Where they are none, isatty() says no, and input comes as it is.
    """

    input: bool = True
    output: bool = True
    error: bool = True
    edits: bool = False
    """The terminal sends bare keys: the kernel edits lines, echoes, and writes CR before LF.
    Else whoever stands behind it does that."""
    rows: int = 25
    columns: int = 80


class DataLayout(NamedTuple):
    """How a data segment is divided; all offsets in it."""

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


class Life(IntEnum):
    """Whether a process lives."""

    RUNNING = 0
    STOPPED = 1
    ZOMBIE = 2


class WaitFor(IntEnum):
    """What a process in a call waits for."""

    TERMINAL = 0
    STREAM = 1
    PIPE_DATA = 2
    PIPE_ROOM = 3
    CHILD = 4
    SIGNAL = 5
    SELECT = 6
    VFORK = 7
    PIPE_WRITER = 8
    PIPE_READER = 9
    NETWORK_ANSWER = 10
    NETWORK_DATA = 11
    NETWORK_ROOM = 12


class Waiting(NamedTuple):
    """Why a process sleeps, and until when at the latest, in machine time."""

    reason: int
    subject: int = 0
    """A pipe, a process, or the terminal's least bytes."""
    amount: int = 0
    deadline: int | None = None
    masks: tuple[int, int] = (0, 0)
    """SELECT: descriptors to be read and written."""


@dataclass
class Task:
    """A process.  Like all of the state, it is changed by way of the kernel's `Journal`.

    Without slots it is copied as a whole, as it is when processes are born and end.
    """

    pid: int
    parent: int
    group: int
    session: int
    name: str
    """The file name that it was executed by, without folders."""
    life: int = Life.RUNNING
    exit_status: int = 0
    """As wait4() tells it: the exit code shifted left by 8, or a signal."""
    registers: tuple[int, ...] = ()
    """Those of the processor, in the order of `REGISTERS`, while another process has it."""
    waiting: Waiting | None = None
    progress: int = 0
    """Bytes that the call at which it stands has already moved."""
    pending: int = 0
    """Signals that were sent and not delivered yet, a bit each."""
    handlers: tuple[tuple[int, int], ...] = DEFAULTS
    alarm: int | None = None
    """When SIGALRM is due, in machine time, and again after each interval (0: once)."""
    alarm_interval: int = 0
    code: int = 0
    """The segments of its text and of its data."""
    data: int = 0
    layout: DataLayout = DataLayout(0, 0, 0, 0)  # noqa: RUF009 - a tuple
    break_: int = 0
    program: int = 0
    """The node of its executable; 0 if it came from outside the file tree."""
    old_abi: bool = False
    """Made with dev86's libc, whose stat and signal are older."""
    uid: int = 0
    euid: int = 0
    suid: int = 0
    gid: int = 0
    egid: int = 0
    sgid: int = 0
    umask: int = 0o022
    cwd: str = "/"
    root: str = "/"
    has_terminal: bool = True
    descriptors: tuple[int, ...] = (NO_FILE,) * MAX_DESCRIPTORS
    """The number of the open file of each; `NO_FILE` if there is none."""
    close_on_exec: int = 0
    lent: bytes = b""
    """VFORK: the top of its stack, on which its child runs meanwhile."""
    borrows: bool = False
    """It runs in its parent's data segment, as vfork() leaves it."""

    def child(self) -> Task:
        """Return another one that is the same."""
        child = object.__new__(Task)
        vars(child).update(vars(self))
        return child


REGISTERS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ds", "es", "ss", "cs", "ip", "flags")


@dataclass(slots=True)
class OpenFile:
    """An open file; descriptors of several processes may share it."""

    node: int
    """In the file tree; 0 for pipes and streams."""
    flags: int
    offset: int = 0
    device: int = 0
    """The number of a device (major in the high byte), 0 if it is none."""
    channel: str = ""
    """Where a stream or a terminal leads to."""
    pipe: int = 0
    listing: tuple[str, ...] = ()
    """DIRECTORY: its names as they were when it was opened or rewound."""
    references: int = 1
    socket: int = 0


class Pipe(NamedTuple):
    """A pipe or fifo: what is in it, and how many open files read and write it."""

    data: bytes = b""
    readers: int = 0
    writers: int = 0


new_pipe = partial(tuple.__new__, Pipe)
"""Makes a pipe of a tuple of its fields, in a quarter of the time."""


class BlockKind(IntEnum):
    """What a piece of memory is used for."""

    TEXT = 0
    DATA = 1
    FAR = 2


class Block(NamedTuple):
    """A piece of memory: paragraphs from a segment on, shared by so many processes."""

    segment: int
    paragraphs: int
    kind: int
    owner: int
    """FAR: the process that allocated it."""
    references: int = 1


class TerminalState(NamedTuple):
    """A terminal: its modes, its foreground group, and what was typed."""

    modes: bytes
    group: int = FIRST
    rows: int = 25
    columns: int = 80
    line: bytes = b""
    """ICANON: the line that is being typed."""
    typed: tuple[bytes, ...] = ()
    """Whole lines that nobody has read yet, an end of file as an empty one; raw: all keys."""
    ended: bool = False
    hung_up: bool = False
    """A raw read has met the end of input, and the foreground group was told."""


@dataclass(slots=True)
class KernelState:
    """All of it."""

    tasks: dict[int, Task]
    terminal: TerminalState
    open_files: dict[int, OpenFile] = field(default_factory=dict)
    pipes: dict[int, Pipe] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    current: int = FIRST
    """Who has the processor; `IDLE` while it rests."""
    shown: int = FIRST
    """Who had it last: whom a debugger sees meanwhile."""
    last_pid: int = FIRST
    next_file: int = 1
    slice_end: int = 0
    """When another process that can run gets its turn, in machine time."""
    hold: int = 0
    """Nothing is switched before that, in machine time."""
    clock: int = 0
    """Nanoseconds that settimeofday() has added to the machine's clock."""
    result: int = 0
    """Of the first program, once it has ended."""
    sockets: dict[int, Socket] = field(default_factory=dict)

    def plain(self) -> Any:
        """Return it as nested tuples."""
        tasks, terminal, open_files, pipes, *others, sockets = _STATE_VALUES(self)
        return (
            tuple([(pid, _TASK_VALUES(task)) for pid, task in tasks.items()]),
            terminal,
            tuple([(number, _FILE_VALUES(file)) for number, file in open_files.items()]),
            tuple(pipes.items()),
            *others,
            tuple(sockets.items()),
        )

    @classmethod
    def of(cls, plain: Any) -> KernelState:
        """Return what `plain` made tuples of.  ValueError if nobody has, or had, the processor."""
        whole = cls(*plain)
        whole.tasks = {pid: _task(values) for pid, values in plain[0]}
        whole.terminal = TerminalState(*whole.terminal)
        whole.open_files = {number: OpenFile(*values) for number, values in plain[2]}
        whole.pipes = {number: Pipe(*values) for number, values in plain[3]}
        whole.blocks = tuple(Block(*values) for values in whole.blocks)
        whole.sockets = {number: Socket.of(values) for number, values in plain[-1]}
        if (whole.current or whole.shown) not in whole.tasks:
            raise ValueError("no process has the processor")
        return whole


_STATE_VALUES, _TASK_VALUES, _FILE_VALUES = (
    attrgetter(*(each.name for each in fields(record))) for record in (KernelState, Task, OpenFile)
)


def _task(values: Any) -> Task:
    task = Task(*values)
    task.waiting = None if task.waiting is None else Waiting(*task.waiting)
    task.layout = DataLayout(*task.layout)
    return task
