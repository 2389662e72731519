"""ELKS' system calls on files, directories and the terminal.

Each takes the process and the request and returns AX, or an outcome; OSError becomes -errno.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from blink16.console import Console
from blink16.elks.abi import (
    DIRECTORY_ENTRY,
    ICANON,
    TERMIOS,
    TERMIOS_SIZE,
    UTIMBUF,
    VMIN,
    WINDOW_SIZE,
    Call,
    Fcntl,
    Ioctl,
    Open,
    build_stat,
)
from blink16.elks.process import NULL, OpenFile, Process
from blink16.elks.request import Request, signed16
from blink16.files import ROOT, FileKind
from blink16.hostfolder import os_error
from blink16.services import WAIT, Outcome

Handler = Callable[[Process, Request], int | Outcome]

DEVICES = {"/dev/tty": Console.CHANNEL, "/dev/console": Console.CHANNEL, "/dev/null": NULL}
SCREEN = {"rows": 25, "columns": 80, "x": 0, "y": 0}
MAX_OFFSET = 0x7FFFFFFF
EXECUTE = 1
"""In access(): may it be run?"""


def read(process: Process, request: Request) -> int | Outcome:
    """Read CX=buffer, DX=count from descriptor BX."""
    file = process.open_file(request.bx)
    if file.flags & Open.ACCESS_MODE == Open.WRITE_ONLY:
        raise os_error(errno.EBADF)
    request.address(request.cx, request.dx)
    if file.channel:
        return _read_device(process, request, file)
    data = process.files.read(file.node, file.offset, request.dx)
    request.put(request.cx, data)
    process.change(request.bx, offset=file.offset + len(data))
    return len(data)


def _read_device(process: Process, request: Request, file: OpenFile) -> int | Outcome:
    if file.channel == NULL or request.dx == 0:
        return 0
    modes = TERMIOS.parse(process.termios)
    canonical = modes.local_flags & ICANON
    take = process.console.read_line if canonical else process.console.read
    data = take(request.dx)
    if data is None:
        if file.flags & Open.NO_DELAY:
            raise os_error(errno.EAGAIN)
        return 0 if not canonical and modes.characters[VMIN] == 0 else WAIT
    request.put(request.cx, data)
    return len(data)


def write(process: Process, request: Request) -> int:
    """Write CX=buffer, DX=count to descriptor BX."""
    file = process.open_file(request.bx)
    if not file.flags & Open.ACCESS_MODE:
        raise os_error(errno.EBADF)
    data = request.get(request.cx, request.dx) if request.dx else b""
    if file.channel:
        if data and file.channel != NULL:
            request.guest.output(file.channel, data)
        return len(data)
    offset = process.files.size(file.node) if file.flags & Open.APPEND else file.offset
    if offset + len(data) > MAX_OFFSET:
        raise os_error(errno.EFBIG)
    written = process.files.write(file.node, offset, data)
    process.change(request.bx, offset=offset + written)
    return written


def open_(process: Process, request: Request) -> int:
    """Open BX=path with CX=flags, DX=mode."""
    path, flags = request.path(request.bx), request.cx
    if path in DEVICES:
        return process.add(OpenFile(0, flags, channel=DEVICES[path]))
    files, writing = process.files, flags & Open.ACCESS_MODE
    if flags & Open.CREATE:
        mode = request.dx & 0o777 & ~process.umask
        exclusive = bool(flags & Open.EXCLUSIVE)
        node = files.create(path, process.cwd, mode, exclusive=exclusive)
    else:
        node = files.lookup(path, process.cwd)
    kind = files.stat(node).kind
    if kind is FileKind.DIRECTORY and writing:
        raise os_error(errno.EISDIR)
    if kind is FileKind.OTHER:
        raise os_error(errno.EACCES)
    listing = _listing(process, node) if kind is FileKind.DIRECTORY else ()
    descriptor = process.add(OpenFile(node, flags, listing=listing))
    if flags & Open.TRUNCATE and kind is FileKind.FILE and files.size(node):
        files.truncate(node)
    return descriptor


def close(process: Process, request: Request) -> int:
    """Close descriptor BX."""
    process.close(request.bx)
    return 0


def lseek(process: Process, request: Request) -> int:
    """Move BX's offset; CX points at a 32-bit offset, which becomes the new one; DX=whence."""
    file = process.open_file(request.bx)
    if file.channel:
        raise os_error(errno.ESPIPE)
    distance = int.from_bytes(request.get(request.cx, 4), "little", signed=True)
    bases = {0: 0, 1: file.offset, 2: process.files.size(file.node)}
    if request.dx not in bases:
        raise os_error(errno.EINVAL)
    offset = bases[request.dx] + distance
    if not 0 <= offset <= MAX_OFFSET:
        raise os_error(errno.EINVAL)
    listing = file.listing
    if listing and offset == 0:
        listing = _listing(process, file.node)
    process.change(request.bx, offset=offset, listing=listing)
    request.put(request.cx, offset.to_bytes(4, "little"))
    return 0


def readdir(process: Process, request: Request) -> int:
    """Write descriptor BX's next directory entry to CX; 1, or 0 at the end."""
    file = process.open_file(request.bx)
    if not file.listing:
        raise os_error(errno.ENOTDIR)
    if file.offset >= len(file.listing):
        return 0
    name = file.listing[file.offset]
    folder = process.files.path(file.node)
    try:
        inode = process.files.lookup(name, folder, follow=False)
    except OSError:
        inode = ROOT  # removed since the listing was made
    encoded = name.encode("utf-8", "surrogateescape")
    entry = {"inode": inode, "offset": file.offset, "name_length": len(encoded)}
    request.put(request.cx, DIRECTORY_ENTRY.build(entry) + encoded + b"\0")
    process.change(request.bx, offset=file.offset + 1)
    return 1


def _listing(process: Process, node: int) -> tuple[str, ...]:
    return (".", "..", *process.files.listdir(node))


def stat(process: Process, request: Request) -> int:
    """Describe BX=path at CX."""
    return _describe(process, request, follow=True)


def lstat(process: Process, request: Request) -> int:
    """Describe BX=path at CX, a link itself."""
    return _describe(process, request, follow=False)


def _describe(process: Process, request: Request, *, follow: bool) -> int:
    path, described = request.path(request.bx), None
    if path not in DEVICES:
        described = process.files.stat(process.files.lookup(path, process.cwd, follow=follow))
    request.put(request.cx, build_stat(described, old=process.old_abi))
    return 0


def fstat(process: Process, request: Request) -> int:
    """Describe descriptor BX at CX."""
    file = process.open_file(request.bx)
    described = process.files.stat(file.node) if file.node else None
    request.put(request.cx, build_stat(described, old=process.old_abi))
    return 0


def access(process: Process, request: Request) -> int:
    """Say whether BX=path may be used as CX asks: root may do all but run what isn't executable."""
    path = request.path(request.bx)
    if path not in DEVICES:
        found = process.files.stat(process.files.lookup(path, process.cwd))
        if request.cx & EXECUTE and not found.mode & 0o111:
            raise os_error(errno.EACCES)
    return 0


def unlink(process: Process, request: Request) -> int:
    """Remove the file BX."""
    process.files.unlink(request.path(request.bx), process.cwd)
    return 0


def rename(process: Process, request: Request) -> int:
    """Rename BX to CX."""
    process.files.rename(request.path(request.bx), request.path(request.cx), process.cwd)
    return 0


def mkdir(process: Process, request: Request) -> int:
    """Make the directory BX with CX=mode."""
    mode = request.cx & 0o777 & ~process.umask
    process.files.mkdir(request.path(request.bx), process.cwd, mode)
    return 0


def rmdir(process: Process, request: Request) -> int:
    """Remove the empty directory BX."""
    process.files.rmdir(request.path(request.bx), process.cwd)
    return 0


def chdir(process: Process, request: Request) -> int:
    """Make BX the working directory."""
    node = process.files.lookup(request.path(request.bx), process.cwd)
    if process.files.stat(node).kind is not FileKind.DIRECTORY:
        raise os_error(errno.ENOTDIR)
    process.cwd = process.files.path(node)
    return 0


def chmod(process: Process, request: Request) -> int:
    """Give BX=path the permission bits CX."""
    node = process.files.lookup(request.path(request.bx), process.cwd)
    process.files.chmod(node, request.cx & 0o777)
    return 0


def chown(process: Process, request: Request) -> int:
    """Accept any owner of BX=path; there is only one user."""
    process.files.lookup(request.path(request.bx), process.cwd)
    return 0


def utime(process: Process, request: Request) -> int:
    """Set the time of BX=path to that at CX, or to now."""
    node = process.files.lookup(request.path(request.bx), process.cwd)
    seconds = request.guest.nanoseconds() // 1_000_000_000
    if request.cx:
        seconds = UTIMBUF.parse(request.get(request.cx, UTIMBUF.sizeof())).modification
    process.files.utime(node, seconds)
    return 0


def symlink(process: Process, request: Request) -> int:
    """Make CX a symbolic link to BX."""
    process.files.symlink(request.path(request.bx), request.path(request.cx), process.cwd)
    return 0


def readlink(process: Process, request: Request) -> int:
    """Write where the link BX leads to CX, at most DX bytes."""
    target = process.files.readlink(request.path(request.bx), process.cwd)
    data = target.encode("utf-8", "surrogateescape")[: request.dx]
    request.put(request.cx, data)
    return len(data)


def dup(process: Process, request: Request) -> int:
    """Duplicate descriptor BX."""
    return process.duplicate(request.bx)


def dup2(process: Process, request: Request) -> int:
    """Duplicate descriptor BX as CX."""
    return process.duplicate(request.bx, exactly=request.cx)


def fcntl(process: Process, request: Request) -> int:
    """Do CX=command with descriptor BX and argument DX."""
    file = process.open_file(request.bx)
    changeable = Open.APPEND | Open.NO_DELAY
    match request.cx:
        case Fcntl.DUPLICATE:
            if request.dx >= 0x8000:
                raise os_error(errno.EINVAL)
            return process.duplicate(request.bx, lowest=signed16(request.dx))
        case Fcntl.GET_CLOSE_ON_EXEC | Fcntl.SET_CLOSE_ON_EXEC:
            return 0  # nothing is ever executed
        case Fcntl.GET_FLAGS:
            return file.flags & (changeable | Open.ACCESS_MODE)
        case Fcntl.SET_FLAGS:
            flags = file.flags & ~changeable | request.dx & changeable
            process.change(request.bx, flags=flags)
            return 0
    raise os_error(errno.EINVAL)


def ioctl(process: Process, request: Request) -> int:
    """Do CX=command with the terminal of descriptor BX and DX=pointer."""
    if process.open_file(request.bx).channel in ("", NULL):
        raise os_error(errno.ENOTTY)
    match request.cx:
        case Ioctl.TCGETS:
            request.put(request.dx, process.termios)
        case Ioctl.TCSETS | Ioctl.TCSETSW | Ioctl.TCSETSF:
            process.termios = request.get(request.dx, TERMIOS_SIZE)
        case Ioctl.TIOCGWINSZ:
            request.put(request.dx, WINDOW_SIZE.build(SCREEN))
        case Ioctl.FIONREAD:
            request.put_word(request.dx, min(len(process.console.peek()), 0x7FFF))
        case Ioctl.TCFLSH:
            pass
        case _:
            raise os_error(errno.EINVAL)
    return 0


HANDLERS: dict[Call, Handler] = {
    Call.READ: read,
    Call.WRITE: write,
    Call.OPEN: open_,
    Call.CLOSE: close,
    Call.LSEEK: lseek,
    Call.READDIR: readdir,
    Call.STAT: stat,
    Call.LSTAT: lstat,
    Call.FSTAT: fstat,
    Call.ACCESS: access,
    Call.UNLINK: unlink,
    Call.RENAME: rename,
    Call.MKDIR: mkdir,
    Call.RMDIR: rmdir,
    Call.CHDIR: chdir,
    Call.CHMOD: chmod,
    Call.CHOWN: chown,
    Call.UTIME: utime,
    Call.SYMLINK: symlink,
    Call.READLINK: readlink,
    Call.DUP: dup,
    Call.DUP2: dup2,
    Call.FCNTL: fcntl,
    Call.IOCTL: ioctl,
}
