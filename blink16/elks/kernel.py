"""The ELKS kernel's state, and the steps from which its calls are made."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from blink16.console import Console
from blink16.elks import netlink, segments, terminal
from blink16.elks.abi import Open
from blink16.elks.journal import Journal
from blink16.elks.netlink import Address, Link, NetMessage, Order
from blink16.elks.signals import SIGNALS, STOPPING, ElksSignal, bit, is_ignored
from blink16.elks.sockets import Socket
from blink16.elks.state import (
    IDLE,
    INIT,
    MAX_DESCRIPTORS,
    MAX_OPEN_FILES,
    NO_FILE,
    REGISTERS,
    BlockKind,
    ConsoleKind,
    KernelState,
    Life,
    OpenFile,
    Pipe,
    Task,
    new_pipe,
)
from blink16.hostfs.files import FileTree
from blink16.hostfs.hostfolder import os_error
from blink16.memory import linear
from blink16.services import Chassis

STDERR = "stderr"
"""The channel of what the first program writes to descriptor 2."""
_WAKING = frozenset({ElksSignal.SIGKILL, ElksSignal.SIGCONT})
_ALL_SIGNALS = (1 << SIGNALS) - 1


class Kernel:
    """What the calls work on: processes, open files, pipes, memory, the terminal.

    A component (`services.Component`): its state is one value.
    """

    COMPONENT = "elks"

    def __init__(
        self,
        chassis: Chassis,
        console: Console,
        files: FileTree,
        state: KernelState,
        kind: ConsoleKind,
    ) -> None:
        """``kind``: what the console is."""
        self.chassis = chassis
        self.console = console
        self.files = files
        self.state = state
        self.journal = Journal()
        self.kind = kind
        self.has_network = False
        """Whether there are sockets."""
        self.on_order: Callable[[Link], None] = lambda link: None
        """Told of what host socket something is wanted.  No state."""
        self.exec_stub = (0, 0)
        """Where a program's first instruction goes through, once it was executed."""
        self._listed: tuple[tuple[str, ...], tuple[str, ...]] = (), (".", "..")
        """The names that were listed last, and those with the dots.  No state."""
        self._saved: tuple[int, Any] = -1, None
        """The state as it was saved, and the journal's count then."""

    # -- processes ---------------------------------------------------------------------------

    @property
    def task(self) -> Task:
        """The process that has the processor, or had it last."""
        state = self.state
        return state.tasks[state.current or state.shown]

    def change(self, **changes: Any) -> None:
        """Change the current process."""
        self.journal.alter(self.task, **changes)

    def change_state(self, **changes: Any) -> None:
        """Change what is no process', file's or pipe's own."""
        self.journal.alter(self.state, **changes)

    def living(self) -> list[Task]:
        """Return the processes that have not ended."""
        return [task for task in self.state.tasks.values() if task.life != _ZOMBIE]

    def is_last(self, task: Task) -> bool:
        """Return whether no other process lives."""
        for other in self.state.tasks.values():
            if other is not task and other.life != _ZOMBIE:
                return False
        return True

    def new_pid(self) -> int:
        """Return a number that no process, group or session has."""
        state = self.state
        pid, tasks = state.last_pid, state.tasks.values()
        while True:
            pid = pid % 0x7FFF + 1
            if pid > INIT and not any(pid in (t.pid, t.group, t.session) for t in tasks):
                self.journal.assign(state, "last_pid", pid)
                return pid

    def end(self, task: Task, status: int) -> None:
        """Let a process end: what it holds is released, its parent told, its children given away.

        ``status``: as wait4() tells it.
        """
        journal, state = self.journal, self.state
        for number in filter(None, task.descriptors):
            self._release_file(number)
        blocks = segments.release_all(state.blocks, task.pid, task.code, task.data)
        journal.assign(state, "blocks", blocks)
        if task.program:
            self.files.release(task.program)
        was_borrowing = task.borrows
        journal.keep(task)
        task.life, task.exit_status, task.group = _ZOMBIE, status, 0
        task.registers, task.waiting, task.pending, task.alarm = (), None, 0, None
        task.descriptors = _NO_DESCRIPTORS
        task.code = task.data = task.program = 0
        task.borrows = False
        if was_borrowing:
            self.give_back(task.parent)
        pid, tasks = task.pid, state.tasks
        for child in tuple(tasks.values()):
            if child.parent == pid:
                if child.life == _ZOMBIE:
                    journal.remove(tasks, child.pid)
                else:
                    journal.assign(child, "parent", INIT)
        parent = tasks.get(task.parent)
        if parent is None or parent.life == _ZOMBIE:
            journal.remove(tasks, pid)
        if parent is not None:
            self.send(parent, ElksSignal.SIGCHLD)

    def give_back(self, parent_pid: int) -> None:
        """Return to a process in vfork() the stack that its child has run on."""
        parent = self.state.tasks.get(parent_pid)
        if parent is None or not parent.lent:
            return
        registers = parent.registers
        sp, ss = registers[_SP], registers[_SS]
        self.chassis.memory.write(linear(ss, sp - FRAME_SIZE), parent.lent)
        self.journal.alter(parent, lent=b"", waiting=None)

    # -- signals -----------------------------------------------------------------------------

    def send(self, task: Task, number: int) -> None:
        """Send a signal to a process that may have it."""
        if task.life == _ZOMBIE:
            return
        assign, pending = self.journal.assign, task.pending
        if number in _WAKING:
            pending &= ~(bit(ElksSignal.SIGSTOP) | bit(ElksSignal.SIGTSTP))
            assign(task, "life", Life.RUNNING)
        elif number in STOPPING:
            pending &= ~bit(ElksSignal.SIGCONT)
        if not is_ignored(task.handlers[number - 1], number):
            pending |= bit(number)
        if pending != task.pending:
            assign(task, "pending", pending)

    def send_group(self, group: int, number: int) -> bool:
        """Send a signal to all of a group; False if there is nobody in it."""
        members = [task for task in self.living() if group and task.group == group]
        for task in members:
            self.send(task, number)
        return bool(members)

    def first_pending(self, task: Task) -> int:
        """Return the lowest signal that waits to be delivered, 0 if there is none."""
        pending = task.pending & _ALL_SIGNALS
        return (pending & -pending).bit_length()

    # -- open files --------------------------------------------------------------------------

    def open_file(self, descriptor: int) -> OpenFile:
        """Return the file of a descriptor of the current process, EBADF if there is none."""
        state = self.state
        if descriptor < MAX_DESCRIPTORS:
            number = state.tasks[state.current or state.shown].descriptors[descriptor]
            if number != NO_FILE:
                return state.open_files[number]
        raise os_error(errno.EBADF)

    def install(self, file: OpenFile, descriptor: int | None = None) -> int:
        """Give a new open file a free descriptor, the lowest; EMFILE, ENFILE if there is none."""
        state, journal = self.state, self.journal
        task = state.tasks[state.current or state.shown]
        if descriptor is None:
            descriptor = self.lowest_free(0)
        if len(state.open_files) >= MAX_OPEN_FILES:
            raise os_error(errno.ENFILE)
        if file.node:
            self.files.hold(file.node)
            journal.did(self.files.release, file.node)
        number = state.next_file
        journal.assign(state, "next_file", number + 1)
        journal.put(state.open_files, number, file)
        if file.pipe:
            self._count_ends(file, 1)
        self._set_descriptor(task, descriptor, number)
        return descriptor

    def with_dots(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names in a folder as readdir() gives them."""
        if names is not self._listed[0]:
            self._listed = names, (".", "..", *names)
        return self._listed[1]

    def duplicate(self, descriptor: int, new: int) -> int:
        """Let ``new`` stand for an open file, too; what it stood for is closed."""
        task = self.task
        number = _file_number(task, descriptor)
        if new != descriptor:
            old = task.descriptors[new]
            self._set_descriptor(task, new, number)
            if old != NO_FILE:
                self._release_file(old)
            file = self.state.open_files[number]
            self.journal.assign(file, "references", file.references + 1)
        return new

    def close(self, descriptor: int) -> None:
        """Close a descriptor, and the file with the last one."""
        task = self.task
        number = _file_number(task, descriptor)
        self._set_descriptor(task, descriptor, NO_FILE)
        self._release_file(number)

    def share_files(self, task: Task) -> None:
        """Count a new process as one more user of all its open files."""
        open_files, changes = self.state.open_files, self.journal.changes
        for number in filter(None, task.descriptors):
            file = open_files[number]
            changes.append((file, "references", file.references))
            file.references += 1

    def lowest_free(self, lowest: int) -> int:
        """Return the lowest free descriptor from one on, EMFILE if there is none."""
        try:
            return self.task.descriptors.index(NO_FILE, lowest)
        except ValueError:
            raise os_error(errno.EMFILE) from None

    def _set_descriptor(self, task: Task, descriptor: int, number: int) -> None:
        assign, descriptors = self.journal.assign, list(task.descriptors)
        descriptors[descriptor] = number
        assign(task, "descriptors", tuple(descriptors))
        if task.close_on_exec >> descriptor & 1:
            assign(task, "close_on_exec", task.close_on_exec & ~(1 << descriptor))

    def _release_file(self, number: int) -> None:
        file = self.state.open_files[number]
        if file.references > 1:
            self.journal.assign(file, "references", file.references - 1)
            return
        self.journal.remove(self.state.open_files, number)
        if file.pipe:
            self._count_ends(file, -1)
        if file.node:
            self.files.release(file.node)
        if file.socket:
            self.close_socket(file.socket)

    # -- sockets -----------------------------------------------------------------------------

    def put_socket(self, number: int, socket: Socket) -> None:
        """Take the new state of a socket."""
        self.journal.put(self.state.sockets, number, socket)

    def add_socket(self, socket: Socket) -> int:
        """Add a socket; return its number."""
        number = self.state.next_file
        self.change_state(next_file=number + 1)
        self.put_socket(number, socket)
        return number

    def close_socket(self, number: int) -> None:
        """Close a socket that no open file refers to any more."""
        socket = self.state.sockets[number]
        for waiting in socket.arrived:
            self.close_socket(waiting)
        self.journal.remove(self.state.sockets, number)
        self.order(Order.CLOSE, socket.link, socket.resets)

    def order(
        self,
        kind: Order,
        link: Link,
        value: int = 0,
        address: Address = Address(),  # noqa: B008 - immutable
        data: bytes = b"",
    ) -> None:
        """Ask the host's network for something; it is output, and silent in replays."""
        if kind is not Order.TAKEN:
            self.on_order(link)
        message = netlink.build(NetMessage(kind, link, value, address, data))
        self.chassis.output(netlink.CHANNEL, message)

    # -- pipes -------------------------------------------------------------------------------

    def _count_ends(self, file: OpenFile, count: int) -> None:
        """Count more or fewer users of a pipe's ends."""
        pipes, number, access = self.state.pipes, file.pipe, file.flags & _ACCESS_MODE
        data, readers, writers = pipes.get(number, _NEW_PIPE)
        if access != _WRITE_ONLY:
            readers += count
        if access:
            writers += count
        if readers or writers:
            self.journal.put(pipes, number, new_pipe((data, readers, writers)))
        else:
            self.journal.remove(pipes, number)

    # -- memory ------------------------------------------------------------------------------

    def allocate(self, count: int, kind: BlockKind, owner: int = IDLE) -> int:
        """Return the segment of ``count`` new paragraphs, ENOMEM if there is no room."""
        blocks, segment = segments.allocate(self.state.blocks, count, kind, owner)
        self.journal.assign(self.state, "blocks", blocks)
        return segment

    # -- the terminal ------------------------------------------------------------------------

    def typed(self) -> None:
        """Take what has come to the console: called between two instructions."""
        if not self.kind.input:
            return
        self.journal.begin()
        keys = self.console.read(len(self.console.waiting)) if self.console.waiting else b""
        if keys:
            self._key(keys)
        if self.console.ended and not self.state.terminal.ended:
            self._key(b"")

    def _key(self, keys: bytes) -> None:
        done = terminal.keyed(self.state.terminal, keys)
        self.change_state(terminal=done.terminal)
        if done.echo and self.kind.edits:
            self.print(done.echo)
        for signal in done.signals:
            self.send_group(self.state.terminal.group, signal)

    def resized(self, rows: int, columns: int) -> None:
        """Take the terminal's new size, and tell who is in the foreground."""
        self.journal.begin()
        old = self.state.terminal
        if (old.rows, old.columns) != (rows, columns):
            self.change_state(terminal=old._replace(rows=rows, columns=columns))
            self.send_group(old.group, ElksSignal.SIGWINCH)

    def print(self, data: bytes, channel: str = Console.CHANNEL) -> None:
        """Put out what is written to the terminal."""
        if self.kind.edits:
            data = terminal.printed(self.state.terminal, data)
        self.chassis.output(channel, data)

    def has_line(self) -> bool:
        """Return whether the terminal has a line, keys in raw mode, or has ended."""
        state = self.state.terminal
        return bool(state.typed) or state.ended

    # -- time --------------------------------------------------------------------------------

    def later(self, milliseconds: int) -> int:
        """Return the machine time so many milliseconds from now."""
        return self.chassis.time + milliseconds * self.chassis.clock_hz // 1000

    def nanoseconds(self) -> int:
        """Return the system's time, in nanoseconds since the Unix epoch."""
        return self.chassis.nanoseconds() + self.state.clock

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Any:
        """Return the state."""
        if self._saved[0] != self.journal.count:
            self._saved = self.journal.count, self.state.plain()
        return self._saved[1]

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        self.state = KernelState.of(state)
        self.journal.renew()


PIPE_SIZE = 80
"""Bytes that a pipe holds."""
FRAME_SIZE = 6
"""Bytes of IP, CS and flags, with which what a parent lends its child begins."""
# Members of enums by names of our own: looking them up takes as long as much of a call.
_ZOMBIE = int(Life.ZOMBIE)
_ACCESS_MODE, _WRITE_ONLY = map(int, (Open.ACCESS_MODE, Open.WRITE_ONLY))
_NEW_PIPE = Pipe()
_NO_DESCRIPTORS = (NO_FILE,) * MAX_DESCRIPTORS
_SP, _SS = REGISTERS.index("sp"), REGISTERS.index("ss")


def _file_number(task: Task, descriptor: int) -> int:
    number = NO_FILE
    if 0 <= descriptor < MAX_DESCRIPTORS:
        number = task.descriptors[descriptor]
    if number == NO_FILE:
        raise os_error(errno.EBADF)
    return number
