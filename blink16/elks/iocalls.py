"""ELKS' system calls on descriptors: files, pipes, the terminal and other devices."""

from __future__ import annotations

import errno
from collections.abc import Callable

from blink16.elks import socketcalls, terminal
from blink16.elks.abi import (
    PACKED_ENTRY,
    PACKED_WINDOW,
    WINDOW_SIZE,
    Call,
    Fcntl,
    Ioctl,
    Open,
)
from blink16.elks.devices import TERMINALS, ZERO
from blink16.elks.kernel import PIPE_SIZE, Kernel
from blink16.elks.request import Blocked, Request, Result
from blink16.elks.signals import ElksSignal
from blink16.elks.state import MAX_DESCRIPTORS, OpenFile, TerminalState, WaitFor, new_pipe
from blink16.elks.terminal import TERMIOS_SIZE, Character, Modes
from blink16.hostfs.files import ROOT, FileTree
from blink16.hostfs.hostfolder import os_error

# Looking up an enum's member takes as long as much of a call.
_ACCESS_MODE, _WRITE_ONLY, _APPEND = map(int, (Open.ACCESS_MODE, Open.WRITE_ONLY, Open.APPEND))

_NO_DELAY = int(Open.NO_DELAY)
_PIPE_DATA, _PIPE_ROOM = WaitFor.PIPE_DATA, WaitFor.PIPE_ROOM
_CHANGEABLE = _APPEND | _NO_DELAY
"""The flags that fcntl() sets."""

MAX_OFFSET = 0x7FFFFFFF
TENTH_MS = 100
"""VTIME counts tenths of a second."""


def read(request: Request) -> int | Blocked:
    """Read CX=buffer, DX=count from descriptor BX."""
    kernel = request.kernel
    file = kernel.open_file(request.bx)
    if file.flags & _ACCESS_MODE == _WRITE_ONLY:
        raise os_error(errno.EBADF)
    request.address(request.cx, request.dx)
    if file.node and not file.pipe:
        data = kernel.files.read(file.node, file.offset, request.dx)
        request.put(request.cx, data)
        kernel.journal.assign(file, "offset", file.offset + len(data))
        return len(data)
    if file.pipe:
        return _read_pipe(request, file)
    if file.socket:
        return socketcalls.read(request)
    if file.device in TERMINALS:
        return _read_terminal(request, file)
    if file.channel:
        return _read_stream(request, file)
    data = bytes(request.dx) if file.device == ZERO else b""
    request.put(request.cx, data)
    return len(data)


def _read_stream(request: Request, file: OpenFile) -> int | Blocked:
    data = request.kernel.console.read(request.dx) if request.dx else b""
    if data is None:
        _refuse_to_wait(request, file)
        return request.block(WaitFor.STREAM)
    request.put(request.cx, data)
    return len(data)


def _refuse_to_wait(request: Request, file: OpenFile) -> None:
    if file.flags & _NO_DELAY:
        request.guest.looked_in_vain()
        raise os_error(errno.EAGAIN)


def _read_terminal(request: Request, file: OpenFile) -> int | Blocked:
    kernel, state = request.kernel, request.kernel.state.terminal
    if not request.dx:
        return 0
    modes = Modes.of(state.modes)
    if not modes.canonical:
        return _read_keys(request, file, modes)
    if not kernel.has_line():
        kernel.console.peek()
        _refuse_to_wait(request, file)
        return request.block(WaitFor.TERMINAL)
    return _take(request)


def _read_keys(request: Request, file: OpenFile, modes: Modes) -> int | Blocked:
    """Read keys as VMIN and VTIME say."""
    kernel, state = request.kernel, request.kernel.state.terminal
    minimum = modes.characters[Character.MINIMUM]
    tenths = modes.characters[Character.TIME]
    ready = terminal.waiting_bytes(state)
    wanted = min(max(minimum, 1), request.dx)
    if state.ended and ready < wanted:
        return _hang_up(request) if not ready else _take(request)
    if ready >= wanted:
        return _take(request)
    kernel.console.peek()
    if file.flags & Open.NO_DELAY:
        _refuse_to_wait(request, file)
    if not minimum and not tenths:
        request.guest.looked_in_vain()
        return 0
    if tenths and (not minimum or ready):
        deadline = request.deadline(tenths * TENTH_MS)
        if request.guest.time >= deadline:
            return _take(request)
        return request.block(WaitFor.TERMINAL, amount=wanted, deadline=deadline)
    return request.block(WaitFor.TERMINAL, amount=1 if tenths else wanted)


def _take(request: Request) -> int:
    """Give the reader what there is."""
    kernel = request.kernel
    state, data = terminal.take(kernel.state.terminal, request.dx)
    kernel.change_state(terminal=state)
    request.put(request.cx, data)
    return len(data)


def _hang_up(request: Request) -> int:
    """Tell the foreground group, once, that the terminal has gone: keys will never come."""
    kernel = request.kernel
    if not kernel.state.terminal.hung_up:
        kernel.change_state(terminal=kernel.state.terminal._replace(hung_up=True))
        kernel.send(request.task, ElksSignal.SIGHUP)
    return 0


def _read_pipe(request: Request, file: OpenFile) -> int | Blocked:
    kernel = request.kernel
    held, readers, writers = kernel.state.pipes[file.pipe]
    if not held and writers:
        _refuse_to_wait(request, file)
        return request.block(_PIPE_DATA, file.pipe)
    data = held[: request.dx]
    kernel.journal.put(
        kernel.state.pipes, file.pipe, new_pipe((held[len(data) :], readers, writers))
    )
    request.put(request.cx, data)
    return len(data)


def write(request: Request) -> int | Blocked:
    """Write CX=buffer, DX=count to descriptor BX."""
    kernel = request.kernel
    file = kernel.open_file(request.bx)
    if not file.flags & _ACCESS_MODE:
        raise os_error(errno.EBADF)
    data = request.get(request.cx, request.dx)
    if file.node and not file.pipe:
        return _write_file(request, file, data)
    if file.pipe:
        return _write_pipe(request, file, data)
    if file.socket:
        return socketcalls.write(request, data)
    if file.device in TERMINALS and data:
        kernel.print(data, file.channel)
    elif file.channel and data:
        kernel.chassis.output(file.channel, data)
    return len(data)


def _write_file(request: Request, file: OpenFile, data: bytes) -> int:
    files = request.kernel.files
    offset = files.size(file.node) if file.flags & _APPEND else file.offset
    if offset + len(data) > MAX_OFFSET:
        raise os_error(errno.EFBIG)
    written = files.write(file.node, offset, data)
    request.kernel.journal.assign(file, "offset", offset + written)
    return written


def _write_pipe(request: Request, file: OpenFile, data: bytes) -> int | Blocked:
    """Write into a pipe, as far as there is room; what fits whole is not torn."""
    kernel, done = request.kernel, request.task.progress
    held, readers, writers = kernel.state.pipes[file.pipe]
    if not readers:
        kernel.send(request.task, ElksSignal.SIGPIPE)
        if done:
            return done
        raise os_error(errno.EPIPE)
    room = PIPE_SIZE - len(held)
    least = len(data) if len(data) <= PIPE_SIZE else 1
    if room >= least or done:
        part = data[done : done + room]
        kernel.journal.put(kernel.state.pipes, file.pipe, new_pipe((held + part, readers, writers)))
        done += len(part)
    if done == len(data):
        return done
    if request.task.pending and done:
        return done
    if file.flags & _NO_DELAY:
        if done:
            return done
        _refuse_to_wait(request, file)
    kernel.journal.assign(request.task, "progress", done)
    return request.block(_PIPE_ROOM, file.pipe, 1 if done else least)


def pipe(request: Request) -> int:
    """Make a pipe; the descriptors of its ends go to BX."""
    kernel = request.kernel
    request.address(request.bx, 4)
    mark, number = kernel.journal.mark(), kernel.state.next_file
    try:
        reading = kernel.install(OpenFile(0, 0, pipe=number))
        writing = kernel.install(OpenFile(0, _WRITE_ONLY, pipe=number))
    except OSError:
        kernel.journal.take_back(mark)
        raise
    request.put(request.bx, reading.to_bytes(2, "little") + writing.to_bytes(2, "little"))
    return 0


def close(request: Request) -> int:
    """Close descriptor BX."""
    request.kernel.close(request.bx)
    return 0


def lseek(request: Request) -> int:
    """Move BX's offset; CX points at a 32-bit offset, which becomes the new one; DX=whence."""
    kernel = request.kernel
    file = kernel.open_file(request.bx)
    if file.channel or file.pipe or file.socket or file.device in TERMINALS:
        raise os_error(errno.ESPIPE)
    distance = int.from_bytes(request.get(request.cx, 4), "little", signed=True)
    offset = _base(kernel, file, request.dx) + distance
    if not 0 <= offset <= MAX_OFFSET:
        raise os_error(errno.EINVAL)
    if offset == 0 and file.listing:
        kernel.journal.assign(file, "listing", names_in(request, file.node))
    kernel.journal.assign(file, "offset", offset)
    request.put(request.cx, offset.to_bytes(4, "little"))
    return 0


def _base(kernel: Kernel, file: OpenFile, whence: int) -> int:
    """Return what an offset is counted from."""
    match whence:
        case 0:
            return 0
        case 1:
            return file.offset
        case 2:
            return 0 if file.device else kernel.files.size(file.node)
    raise os_error(errno.EINVAL)


def names_in(request: Request, node: int) -> tuple[str, ...]:
    """Return the names in a folder as readdir() gives them."""
    return request.kernel.with_dots(request.kernel.files.listdir(node))


def readdir(request: Request) -> int:
    """Write descriptor BX's next directory entry to CX; 1, or 0 at the end."""
    kernel = request.kernel
    file = kernel.open_file(request.bx)
    if not file.listing:
        raise os_error(errno.ENOTDIR)
    if file.offset >= len(file.listing):
        return 0
    name = file.listing[file.offset]
    inode = _inode(kernel.files, file.node, name)
    encoded = name.encode("utf-8", "surrogateescape")
    entry = PACKED_ENTRY.pack(inode, file.offset, len(encoded))
    request.put(request.cx, entry + encoded + b"\0")
    kernel.journal.assign(file, "offset", file.offset + 1)
    return 1


def _inode(files: FileTree, folder: int, name: str) -> int:
    """Return the number of a file in a listing, that of the root if it is not there any more."""
    try:
        above = files.parent(folder)
        if name in (".", ".."):
            return folder if name == "." else above
        return files.child(folder, name) or ROOT
    except OSError:
        return ROOT


def dup(request: Request) -> int:
    """Duplicate descriptor BX."""
    kernel = request.kernel
    kernel.open_file(request.bx)  # EBADF goes before EMFILE
    return kernel.duplicate(request.bx, kernel.lowest_free(0))


def dup2(request: Request) -> int:
    """Duplicate descriptor BX as CX."""
    kernel = request.kernel
    kernel.open_file(request.bx)
    if request.cx >= MAX_DESCRIPTORS:
        raise os_error(errno.EBADF)
    return kernel.duplicate(request.bx, request.cx)


def fcntl(request: Request) -> int:
    """Do CX=command with descriptor BX and argument DX."""
    kernel, descriptor, task = request.kernel, request.bx, request.task
    file = kernel.open_file(descriptor)
    match request.cx:
        case Fcntl.DUPLICATE:
            if request.dx >= MAX_DESCRIPTORS:
                raise os_error(errno.EINVAL)
            return kernel.duplicate(descriptor, kernel.lowest_free(request.dx))
        case Fcntl.GET_CLOSE_ON_EXEC:
            return task.close_on_exec >> descriptor & 1
        case Fcntl.SET_CLOSE_ON_EXEC:
            kept = task.close_on_exec & ~(1 << descriptor)
            kernel.journal.assign(task, "close_on_exec", kept | (request.dx & 1) << descriptor)
            return 0
        case Fcntl.GET_FLAGS:
            return file.flags & (_CHANGEABLE | _ACCESS_MODE)
        case Fcntl.SET_FLAGS:
            flags = file.flags & ~_CHANGEABLE | request.dx & _CHANGEABLE
            kernel.journal.assign(file, "flags", flags)
            return 0
    raise os_error(errno.EINVAL)


def ioctl(request: Request) -> int:
    """Do CX=command with the terminal of descriptor BX and DX=pointer."""
    kernel = request.kernel
    if kernel.open_file(request.bx).device not in TERMINALS:
        raise os_error(errno.EINVAL)
    before = kernel.state.terminal
    act = _IOCTLS.get(request.cx)
    if act is None:
        raise os_error(errno.EINVAL)
    after = act(request, before)
    if after is not before and after != before:
        kernel.journal.assign(kernel.state, "terminal", after)
    return 0


def _get_modes(request: Request, state: TerminalState) -> TerminalState:
    request.put(request.dx, state.modes)
    return state


def _set_modes(request: Request, state: TerminalState) -> TerminalState:
    modes = request.get(request.dx, TERMIOS_SIZE)
    return state if modes == state.modes else terminal.with_modes(state, modes)


def _set_modes_and_flush(request: Request, state: TerminalState) -> TerminalState:
    return _flush(request, _set_modes(request, state))


def _flush(request: Request, state: TerminalState) -> TerminalState:
    return state._replace(line=b"", typed=())


def _get_size(request: Request, state: TerminalState) -> TerminalState:
    request.put(request.dx, PACKED_WINDOW.pack(state.rows, state.columns, 0, 0))
    return state


def _set_size(request: Request, state: TerminalState) -> TerminalState:
    size = WINDOW_SIZE.parse(request.get(request.dx, WINDOW_SIZE.sizeof()))
    return state._replace(rows=size.rows, columns=size.columns)


def _count_typed(request: Request, state: TerminalState) -> TerminalState:
    request.put_word(request.dx, min(terminal.waiting_bytes(state), 0x7FFF))
    return state


def _get_group(request: Request, state: TerminalState) -> TerminalState:
    request.put_word(request.dx, state.group)
    return state


def _set_group(request: Request, state: TerminalState) -> TerminalState:
    return state._replace(group=request.word(request.dx))


_IOCTLS: dict[int, Callable[[Request, TerminalState], TerminalState]] = {
    Ioctl.TCGETS: _get_modes,
    Ioctl.TCSETS: _set_modes,
    Ioctl.TCSETSW: _set_modes,
    Ioctl.TCSETSF: _set_modes_and_flush,
    Ioctl.TCFLSH: _flush,
    Ioctl.TIOCGPGRP: _get_group,
    Ioctl.TIOCSPGRP: _set_group,
    Ioctl.TIOCGWINSZ: _get_size,
    Ioctl.TIOCSWINSZ: _set_size,
    Ioctl.FIONREAD: _count_typed,
}
"""What becomes of the terminal."""


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.READ: read,
    Call.WRITE: write,
    Call.PIPE: pipe,
    Call.CLOSE: close,
    Call.LSEEK: lseek,
    Call.READDIR: readdir,
    Call.DUP: dup,
    Call.DUP2: dup2,
    Call.FCNTL: fcntl,
    Call.IOCTL: ioctl,
}
