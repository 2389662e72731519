"""Which processes can go on: whether that has come for which they wait."""

from __future__ import annotations

from functools import lru_cache

from blink16.elks import netlink, terminal
from blink16.elks.kernel import PIPE_SIZE, Kernel
from blink16.elks.signals import ElksSignal, bit
from blink16.elks.sockets import SocketState
from blink16.elks.state import MAX_DESCRIPTORS, KernelState, Life, Pipe, Task, WaitFor, Waiting

# Members of enums by names of our own: looking them up takes as long as much of a call.
_RUNNING, _STOPPED = map(int, (Life.RUNNING, Life.STOPPED))
_VFORK, _SELECT, _CHILD = map(int, (WaitFor.VFORK, WaitFor.SELECT, WaitFor.CHILD))
_DATA, _ROOM, _WRITER, _READER = map(
    int, (WaitFor.PIPE_DATA, WaitFor.PIPE_ROOM, WaitFor.PIPE_WRITER, WaitFor.PIPE_READER)
)
_PIPE_WAITS = frozenset({_DATA, _ROOM, _WRITER, _READER})
_KILLED = bit(ElksSignal.SIGKILL)
_NO_PIPE = Pipe()
KNOWN_MASKS = 64
"""Sets of descriptors that need not be taken apart anew: select() is called in loops."""


def is_ready(kernel: Kernel, task: Task) -> bool:
    """Return whether a process can use the processor."""
    if task.life != _RUNNING:
        return bool(task.life == _STOPPED and task.pending & _KILLED)
    waiting = task.waiting
    if waiting is None:
        return True
    if waiting.reason == _VFORK:
        return False
    if task.pending:
        return True
    if waiting.deadline is not None and kernel.chassis.time >= waiting.deadline:
        return True
    return _has_come(kernel, task, waiting)


def waits_for_pipe(task: Task, number: int) -> bool:
    """Return whether a process may be able to go on once a pipe has changed."""
    waiting = task.waiting
    if waiting is None:
        return False
    reason = waiting.reason
    return reason == _SELECT or (reason in _PIPE_WAITS and waiting.subject == number)


def _has_come(kernel: Kernel, task: Task, waiting: Waiting) -> bool:
    """Return whether that has come for which a process waits."""
    reason = waiting.reason
    if reason in _PIPE_WAITS:
        return _is_pipe_ready(kernel.state, reason, waiting.subject, waiting.amount)
    if reason == _CHILD:
        return _has_child_to_tell(kernel.state, task.pid)
    if reason == _SELECT:
        return selected(kernel, task, waiting.masks) != (0, 0)
    match reason:
        case WaitFor.TERMINAL:
            typed = terminal.waiting_bytes(kernel.state.terminal)
            return typed >= waiting.amount > 0 or kernel.has_line()
        case WaitFor.STREAM:
            return bool(kernel.console.waiting) or kernel.console.ended
        case WaitFor.SIGNAL:
            return False
    return _is_socket_ready(kernel.state, reason, waiting.subject)


def _has_child_to_tell(state: KernelState, parent: int) -> bool:
    tasks = state.tasks.values()
    return any(child.parent == parent and child.life != _RUNNING for child in tasks)


def _is_socket_ready(state: KernelState, reason: int, number: int) -> bool:
    socket = state.sockets.get(number)
    if socket is None:
        return True
    match reason:
        case WaitFor.NETWORK_ANSWER:
            return not socket.asks
        case WaitFor.NETWORK_DATA:
            return bool(socket.data or socket.arrived) or socket.ended
    return socket.unsent < netlink.WINDOW or socket.ended


def _is_pipe_ready(state: KernelState, reason: int, number: int, amount: int) -> bool:
    data, readers, writers = state.pipes.get(number, _NO_PIPE)
    if reason == _DATA:
        return bool(data) or not writers
    if reason == _ROOM:
        return PIPE_SIZE - len(data) >= amount or not readers
    return (writers if reason == _WRITER else readers) > 0


def selected(kernel: Kernel, task: Task, masks: tuple[int, int]) -> tuple[int, int]:
    """Return those of a process' descriptors that can be read, and written, at once."""
    reading = writing = 0
    for descriptor in bits(masks[0]):
        if _can_read(kernel, task, descriptor):
            reading |= 1 << descriptor
    for descriptor in bits(masks[1]):
        if _can_write(kernel, task, descriptor):
            writing |= 1 << descriptor
    return reading, writing


@lru_cache(maxsize=KNOWN_MASKS)
def bits(mask: int) -> tuple[int, ...]:
    """Return the places of a mask's bits, the lowest first."""
    return tuple(place for place in range(MAX_DESCRIPTORS) if mask >> place & 1)


def _can_read(kernel: Kernel, task: Task, descriptor: int) -> bool:
    file = kernel.state.open_files[task.descriptors[descriptor]]
    if file.pipe:
        return _is_pipe_ready(kernel.state, _DATA, file.pipe, 0)
    if file.socket:
        socket = kernel.state.sockets[file.socket]
        return bool(socket.data) or socket.state != SocketState.CONNECTED
    if file.device and file.channel:
        return kernel.has_line()
    if file.channel:
        return bool(kernel.console.waiting) or kernel.console.ended
    return True


def _can_write(kernel: Kernel, task: Task, descriptor: int) -> bool:
    file = kernel.state.open_files[task.descriptors[descriptor]]
    return not file.pipe or _is_pipe_ready(kernel.state, _ROOM, file.pipe, 1)
