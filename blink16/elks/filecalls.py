"""ELKS' system calls on the file tree: names, folders, and what files are like."""

from __future__ import annotations

import errno
from collections.abc import Callable

from blink16.console import Console
from blink16.elks import devices
from blink16.elks.abi import (
    FILE_TYPE_MASK,
    UTIMBUF,
    Call,
    FileType,
    Open,
    build_stat,
)
from blink16.elks.devices import CONTROLLING, SERVED, TERMINALS
from blink16.elks.iocalls import names_in
from blink16.elks.request import Blocked, Request, Result
from blink16.elks.state import Life, OpenFile, Task, WaitFor
from blink16.hostfs.filenodes import BLOCK_DEVICE as BLOCK_NUMBER
from blink16.hostfs.files import FileKind, Stat
from blink16.hostfs.hostfolder import os_error

# Looking up an enum's member takes as long as much of a call.
_FILE, _DIRECTORY, _OTHER = FileKind.FILE, FileKind.DIRECTORY, FileKind.OTHER
_DEVICE, _FIFO = FileKind.DEVICE, FileKind.FIFO
READ, WRITE, EXECUTE = 4, 2, 1
"""In access(), and in each digit of a file's mode."""
KEPT = 0xFFFF
"""An owner or group that chown() leaves as it is."""
MAX_LISTED = 512
"""Entries of a folder that are counted for its number of links."""
DIRECTORY_ENTRY_SIZE = 16
MODE_BITS = 0o7777


def open_(request: Request) -> int | Blocked:
    """Open BX=path with CX=flags, DX=mode."""
    path, flags = request.path(request.bx), request.cx
    kernel, task = request.kernel, request.task
    files = kernel.files
    descriptor = kernel.lowest_free(0)
    node = files.find(path, task.cwd)
    if flags & _CREATE and not node:
        _check_folder(request, path)
        mode = request.dx & MODE_BITS & ~task.umask
        node = files.create(path, task.cwd, mode, owner=(task.euid, task.egid))
        return kernel.install(OpenFile(node, flags & _KEPT_FLAGS), descriptor)
    if flags & _CREATE and flags & _EXCLUSIVE:
        raise os_error(errno.EEXIST)
    if not node:
        raise os_error(errno.ENOENT)
    info = files.stat(node)
    wanted = _WANTED[flags & _ACCESS_MODE] | (WRITE if flags & _TRUNCATE else 0)
    if info.kind is not _FILE:
        return _open_other(request, info, wanted)
    _check_access(request, info, wanted)
    kernel.install(OpenFile(node, flags & _KEPT_FLAGS), descriptor)
    if flags & _TRUNCATE and info.size:
        try:
            files.truncate(node)
        except OSError:
            kernel.close(descriptor)
            raise
    return descriptor


_EXCLUSIVE = int(Open.EXCLUSIVE)
_CREATE, _TRUNCATE, _ACCESS_MODE = map(int, (Open.CREATE, Open.TRUNCATE, Open.ACCESS_MODE))
_KEPT_FLAGS = ~(Open.CREATE | Open.EXCLUSIVE | Open.NO_TERMINAL | Open.TRUNCATE) & 0xFFFF
_WANTED = (READ, WRITE, READ | WRITE, READ | WRITE)


def _open_other(request: Request, info: Stat, wanted: int) -> int | Blocked:
    """Open a folder, a device or a fifo."""
    flags, kind = request.cx, info.kind
    if kind is _DIRECTORY and wanted & WRITE:
        raise os_error(errno.EISDIR)
    _check_access(request, info, wanted)
    if kind is _DEVICE or kind is _OTHER:
        return _open_device(request, _device(request, info), flags)
    if kind is _FIFO:
        return _open_fifo(request, info.node, flags)
    listing = names_in(request, info.node) if kind is _DIRECTORY else ()
    return request.kernel.install(OpenFile(info.node, flags & _KEPT_FLAGS, listing=listing))


def _device(request: Request, info: Stat) -> int:
    """Return a device's number; one of the host's in /dev means the system's own of its name."""
    if info.kind is _DEVICE:
        return info.device
    device = devices.number_of(request.kernel.files.path(info.node))
    if device is None:
        raise os_error(errno.EACCES)
    return device


def _open_device(request: Request, device: int, flags: int) -> int:
    kernel = request.kernel
    if device not in SERVED:
        raise os_error(errno.ENXIO if device & BLOCK_NUMBER else errno.ENODEV)
    if device not in TERMINALS:
        return kernel.install(OpenFile(0, flags & _KEPT_FLAGS, device=device))
    if device == CONTROLLING and not request.task.has_terminal:
        raise os_error(errno.ENXIO)
    task = request.task
    if task.session == task.pid and not task.has_terminal and not flags & Open.NO_TERMINAL:
        kernel.change(has_terminal=True)
        kernel.change_state(terminal=kernel.state.terminal._replace(group=task.group))
    shown = device if kernel.kind.input or kernel.kind.output else 0
    return kernel.install(OpenFile(0, flags & _KEPT_FLAGS, device=shown, channel=Console.CHANNEL))


def _open_fifo(request: Request, node: int, flags: int) -> int | Blocked:
    """Open a named pipe; it waits until somebody has opened the other end."""
    kernel, number = request.kernel, -node
    descriptor = request.task.progress - 1
    if descriptor < 0:
        descriptor = kernel.install(OpenFile(node, flags & _KEPT_FLAGS, pipe=number))
    ends, access = kernel.state.pipes[number], flags & Open.ACCESS_MODE
    alone = not ends.readers if access == Open.WRITE_ONLY else not ends.writers
    if not alone:
        return descriptor
    if flags & Open.NO_DELAY:
        if access == Open.WRITE_ONLY:
            kernel.close(descriptor)
            raise os_error(errno.ENXIO)
        return descriptor
    kernel.change(progress=descriptor + 1)
    writes = access == Open.WRITE_ONLY
    return request.block(WaitFor.PIPE_READER if writes else WaitFor.PIPE_WRITER, number)


# -- permissions -----------------------------------------------------------------------------


def _check_access(request: Request, info: Stat, wanted: int, *, real: bool = False) -> None:
    """EACCES unless the caller may use a file so; EBUSY to write a program that runs."""
    task = request.task
    if wanted & WRITE and _runs(request, info.node):
        raise os_error(errno.EBUSY)
    if (task.uid if real else task.euid) and wanted & ~permitted(task, info, real=real):
        raise os_error(errno.EACCES)


def permitted(task: Task, info: Stat, *, real: bool = False) -> int:
    """Return what a process may do with a file; ``real``: by its real user, not the effective."""
    uid = task.uid if real else task.euid
    if uid == 0:
        return READ | WRITE | EXECUTE
    gid = task.gid if real else task.egid
    shift = 6 if uid == info.uid else 3 if gid == info.gid else 0
    return info.mode >> shift & 7


def _runs(request: Request, node: int) -> bool:
    for task in request.kernel.state.tasks.values():
        if task.program == node and task.life != Life.ZOMBIE:
            return True
    return False


def _check_folder(request: Request, path: str) -> None:
    """EACCES unless the caller may change the folder that a path's last name lies in."""
    if request.task.euid == 0:
        return
    parent = path.rstrip("/").rpartition("/")[0] or ("/" if path.startswith("/") else ".")
    files = request.kernel.files
    info = files.stat(files.lookup(parent, request.task.cwd))
    _check_access(request, info, WRITE | EXECUTE)


def _check_owner(request: Request, node: int) -> None:
    euid = request.task.euid
    if euid and euid != request.kernel.files.stat(node).uid:
        raise os_error(errno.EPERM)


def access(request: Request) -> int:
    """Say whether BX=path may be used as CX asks."""
    if request.cx & ~7:
        raise os_error(errno.EINVAL)
    info = _stat_of(request, request.bx)
    _check_access(request, info, request.cx, real=True)
    if request.cx & EXECUTE and info.kind is FileKind.FILE and not info.mode & 0o111:
        raise os_error(errno.EACCES)
    return 0


# -- what files are like ---------------------------------------------------------------------


def _node(request: Request, offset: int, *, follow: bool = True) -> int:
    path = request.path(offset)
    return request.kernel.files.lookup(path, request.task.cwd, follow=follow)


def _stat_of(request: Request, offset: int) -> Stat:
    return request.kernel.files.stat(_node(request, offset))


def stat(request: Request) -> int:
    """Describe BX=path at CX."""
    node = request.kernel.files.lookup(request.path(request.bx), request.task.cwd)
    return _describe(request, node)


def lstat(request: Request) -> int:
    """Describe BX=path at CX, a link itself."""
    return _describe(request, _node(request, request.bx, follow=False))


def fstat(request: Request) -> int:
    """Describe descriptor BX at CX."""
    file = request.kernel.open_file(request.bx)
    if file.node:
        return _describe(request, file.node)
    kind, mode = (_DEVICE, 0o620) if file.device else (_FIFO, 0o600)
    return _put_stat(request, Stat(1, kind, mode, 0, 0, 1, 0, 0, file.device))


def _describe(request: Request, node: int) -> int:
    files = request.kernel.files
    info = files.stat(node)
    if info.kind is _FILE:
        return _put_stat(request, info)
    if info.kind is _DIRECTORY:
        names = files.listdir(node)
        subfolders = files.count_folders(node) if len(names) <= MAX_LISTED else 0
        size = DIRECTORY_ENTRY_SIZE * (len(names) + 2)
        _, kind, mode, _, mtime, nlink, uid, gid, _ = info
        info = Stat(node, kind, mode, size, mtime, nlink + subfolders, uid, gid)
    elif info.kind is _OTHER:
        device = devices.number_of(files.path(node))
        if device is not None:
            info = info._replace(kind=FileKind.DEVICE, device=device)
    return _put_stat(request, info)


def _put_stat(request: Request, info: Stat) -> int:
    request.put(request.cx, build_stat(info, old=request.task.old_abi))
    return 0


def chmod(request: Request) -> int:
    """Give BX=path the permission bits CX."""
    node = _node(request, request.bx)
    _check_owner(request, node)
    request.kernel.files.chmod(node, request.cx & MODE_BITS)
    return 0


def chown(request: Request) -> int:
    """Give BX=path the owner CX and the group DX, a link itself."""
    return _chown(request, _node(request, request.bx, follow=False))


def fchown(request: Request) -> int:
    """Give descriptor BX's file the owner CX and the group DX."""
    file = request.kernel.open_file(request.bx)
    return _chown(request, file.node) if file.node else 0


def _chown(request: Request, node: int) -> int:
    files = request.kernel.files
    _check_owner(request, node)
    info = files.stat(node)
    uid = info.uid if request.cx == KEPT else request.cx
    gid = info.gid if request.dx == KEPT else request.dx & 0xFF
    files.chown(node, uid, gid)
    lost = (0o4000 if uid != info.uid else 0) | (0o2000 if gid != info.gid else 0)
    if info.mode & lost:
        files.chmod(node, info.mode & ~lost)
    return 0


def utime(request: Request) -> int:
    """Set the time of BX=path to that at CX, or to now."""
    node = _node(request, request.bx)
    seconds = request.kernel.nanoseconds() // 1_000_000_000
    if request.cx:
        seconds = UTIMBUF.parse(request.get(request.cx, UTIMBUF.sizeof())).modification
    request.kernel.files.utime(node, seconds)
    return 0


# -- names -----------------------------------------------------------------------------------


def unlink(request: Request) -> int:
    """Remove the file BX."""
    path = request.path(request.bx)
    _check_folder(request, path)
    try:
        request.kernel.files.unlink(path, request.task.cwd)
    except IsADirectoryError:
        raise os_error(errno.EPERM) from None
    return 0


def link(request: Request) -> int:
    """Give the file BX the name CX, too."""
    old, new = request.path(request.bx), request.path(request.cx)
    _check_folder(request, new)
    request.kernel.files.link(old, new, request.task.cwd)
    return 0


def rename(request: Request) -> int:
    """Rename BX to CX."""
    old, new = request.path(request.bx), request.path(request.cx)
    _check_folder(request, old)
    _check_folder(request, new)
    try:
        request.kernel.files.rename(old, new, request.task.cwd)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EISDIR):
            raise os_error(errno.EPERM) from None
        raise
    return 0


def mkdir(request: Request) -> int:
    """Make the directory BX with CX=mode."""
    path, task = request.path(request.bx), request.task
    _check_folder(request, path)
    mode = request.cx & 0o777 & ~task.umask
    request.kernel.files.mkdir(path, task.cwd, mode, owner=(task.euid, task.egid))
    return 0


def mknod(request: Request) -> int:
    """Make the device or fifo BX with CX=type and mode, DX=device."""
    path, task = request.path(request.bx), request.task
    kind, mode = request.cx & FILE_TYPE_MASK, request.cx & MODE_BITS & ~request.task.umask
    if kind == FileType.DIRECTORY or (kind != FileType.FIFO and task.euid):
        raise os_error(errno.EPERM)
    _check_folder(request, path)
    files = request.kernel.files
    match kind:
        case 0 | FileType.REGULAR:
            owner = (task.euid, task.egid)
            files.create(path, task.cwd, mode, exclusive=True, owner=owner)
        case FileType.CHARACTER_DEVICE:
            files.mknod(path, task.cwd, FileKind.DEVICE, mode, request.dx)
        case FileType.BLOCK_DEVICE:
            files.mknod(path, task.cwd, FileKind.DEVICE, mode, request.dx | BLOCK_NUMBER)
        case FileType.FIFO:
            files.mknod(path, task.cwd, FileKind.FIFO, mode)
        case _:
            raise os_error(errno.EINVAL)
    return 0


def rmdir(request: Request) -> int:
    """Remove the empty directory BX."""
    path = request.path(request.bx)
    _check_folder(request, path)
    request.kernel.files.rmdir(path, request.task.cwd)
    return 0


def chdir(request: Request) -> int:
    """Make BX the working directory."""
    request.kernel.journal.assign(request.task, "cwd", _folder(request, EXECUTE))
    return 0


def chroot(request: Request) -> int:
    """Make BX the root directory, as root may."""
    if request.task.euid:
        raise os_error(errno.EPERM)
    path = _folder(request, 0)
    whole = request.task.root.rstrip("/") + path
    request.kernel.change(root=whole, cwd="/")
    return 0


def _folder(request: Request, wanted: int) -> str:
    files = request.kernel.files
    info = _stat_of(request, request.bx)
    if info.kind is not _DIRECTORY:
        raise os_error(errno.ENOTDIR)
    _check_access(request, info, wanted)
    return files.path(info.node)


def symlink(request: Request) -> int:
    """Make CX a symbolic link to BX."""
    target, path = request.path(request.bx), request.path(request.cx)
    _check_folder(request, path)
    request.kernel.files.symlink(target, path, request.task.cwd)
    return 0


def readlink(request: Request) -> int:
    """Write where the link BX leads to CX, at most DX bytes."""
    target = request.kernel.files.readlink(request.path(request.bx), request.task.cwd)
    data = target.encode("utf-8", "surrogateescape")[: request.dx]
    request.put(request.cx, data)
    return len(data)


def sync(request: Request) -> int:
    """Succeed: everything is written at once."""
    return 0


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.OPEN: open_,
    Call.STAT: stat,
    Call.LSTAT: lstat,
    Call.FSTAT: fstat,
    Call.ACCESS: access,
    Call.UNLINK: unlink,
    Call.LINK: link,
    Call.RENAME: rename,
    Call.MKDIR: mkdir,
    Call.MKNOD: mknod,
    Call.RMDIR: rmdir,
    Call.CHDIR: chdir,
    Call.CHROOT: chroot,
    Call.CHMOD: chmod,
    Call.CHOWN: chown,
    Call.FCHOWN: fchown,
    Call.UTIME: utime,
    Call.SYMLINK: symlink,
    Call.READLINK: readlink,
    Call.SYNC: sync,
}
