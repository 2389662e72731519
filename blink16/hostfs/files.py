"""The sandboxed file tree that guests see: a host folder below, an overlay in memory above.

Files are known by node numbers, so that DOS and ELKS keep (node, offset) in their tables of
open files.  Whatever the guest changes lies in the overlay, which is part of the machine's
state; where the tree is writable, changes also go through to the host.  `foundfiles` has the
nodes and the paths that lead to them; what changes them is here.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blink16.hostfs.filenodes import (
    GONE,
    MODE_BITS,
    ROOT,
    Chunks,
    Inode,
    Stat,
    check_name,
    components,
    get,
    overlay_size,
    put,
    resize,
    to_chunks,
)
from blink16.hostfs.foundfiles import MAX_NODES, FoundFiles, Resolved
from blink16.hostfs.hostchanges import HostChanges, PutBack, Undo
from blink16.hostfs.hostfolder import (
    MAX_FILE_SIZE,
    FileKind,
    HostAnswers,
    HostFolder,
    HostPath,
    os_error,
)

__all__ = ["MAX_FILE_SIZE", "ROOT", "FileKind", "FileTree", "Stat"]

MAX_OVERLAY_BYTES = 64 << 20
"""Bytes in changed files; ENOSPC beyond."""

_FILE = FileKind.FILE  # looking up an enum's member takes as long as much of a call
_OF_THE_HOST = frozenset({FileKind.FILE, FileKind.DIRECTORY, FileKind.SYMLINK, FileKind.OTHER})
"""What the host's folder can hold; the guest alone has devices and fifos."""


class FileTree(FoundFiles):
    """The tree.  A component (`services.Component`); all methods raise OSError with an errno.

    Open files must be held (`hold`, `release`), so that they live on when they are unlinked.
    """

    COMPONENT = "files"
    """The name that its state has in a machine."""

    def __init__(
        self,
        root: Path | None,
        *,
        writable: bool,
        effect: Callable[[Callable[[], None]], None],
        clock: Callable[[], int] = lambda: 0,
        notice: Callable[[str], None] = lambda text: None,
        now: Callable[[], int] = lambda: 0,
        answers: HostAnswers | None = None,
        prefix: HostPath = (),
    ) -> None:
        """See the host folder ``root``; OSError if it isn't one.

        ``answers``: what the host has said before; without a ``root``, that is all there is.
        ``writable``: changes go through to the host, each by way of ``effect`` (which leaves
        it undone in a replay).  The guest learns of failures there, and ``notice`` does.
        ``now``: the instruction count from which on the machine has what a service does now: that
        behind the instruction which it belongs to.
        ``prefix``: before the host's paths in ``answers`` that several trees share.
        ``clock``: guest time in seconds since the Unix epoch.
        """
        super().__init__(HostFolder(root, answers, prefix))
        self._writable = writable
        self._clock = clock
        self._changes = HostChanges(
            self._host, writable=writable, effect=effect, notice=notice, now=now
        )

    def put_back(self, instant: int) -> PutBack:
        """Undo what was changed on the host behind an instant, at which history is cut."""
        return self._changes.undo_after(instant)

    def free_bytes(self) -> int:
        """Return how many more bytes changed files may have."""
        return MAX_OVERLAY_BYTES - self._overlay_bytes

    # -- content -----------------------------------------------------------------------------

    def write(self, node: int, offset: int, data: bytes) -> int:
        """Store bytes at ``offset``, with zeros in a gap before it; return how many."""
        n = self._node(node, _FILE)
        if offset < 0:
            raise os_error(errno.EINVAL)
        if not data:
            return 0
        size = max(n.size, offset + len(data))
        chunks = self._room_for(n, size)
        if self._writable:
            self._write_through(node, offset, data, chunks)
        self._set_content(node, n, size, put(chunks, offset, data))
        return len(data)

    def _write_through(self, node: int, offset: int, data: bytes, chunks: Chunks) -> None:
        """Write to the host's file; ``chunks``: its content before."""
        n = self._nodes[node]
        end = min(offset + len(data), n.size)
        lost = get(chunks, offset, end) if offset < n.size else b""

        def undo(path: HostPath) -> None:
            self._host.write(path, offset, lost)
            self._host.truncate(path, n.size)
            self._restore_time(n, path)

        self._through(node, lambda path: self._host.write(path, offset, data), undo, len(lost))

    def truncate(self, node: int, size: int = 0) -> None:
        """Set a file's length; what is new reads as zeros."""
        n = self._node(node, FileKind.FILE)
        if size < 0:
            raise os_error(errno.EINVAL)
        before = self._room_for(n, size)
        chunks = resize(before, size)
        lost = get(before, size, n.size) if size < n.size else b""

        def undo(path: HostPath) -> None:
            self._host.truncate(path, n.size)
            self._host.write(path, size, lost)
            self._restore_time(n, path)

        self._through(node, lambda path: self._host.truncate(path, size), undo, len(lost))
        self._set_content(node, n, size, chunks)

    def _set_content(self, node: int, before: Inode, size: int, chunks: Chunks) -> None:
        self._saved = None
        self._nodes[node] = before.with_content(size, self._clock(), chunks)
        self._overlay_bytes += size - overlay_size(before)

    def hold(self, node: int) -> None:
        """Keep a node even when it is unlinked; once for each open file."""
        self._node(node)
        self._saved = None
        self._holds[node] = self._holds.get(node, 0) + 1

    def release(self, node: int) -> None:
        """Undo one `hold`; an unlinked file vanishes with the last."""
        self._saved = None
        self._holds[node] -= 1
        if not self._holds[node]:
            del self._holds[node]
            if self._nodes[node].parent == GONE:
                self._bury(node)

    # -- changes of the tree -----------------------------------------------------------------

    def create(
        self,
        path: str,
        cwd: str = "/",
        mode: int = 0o666,
        *,
        exclusive: bool = False,
        owner: tuple[int, int] = (0, 0),
    ) -> int:
        """Return the file at a path, making an empty one if there is none.

        ``exclusive``: EEXIST if there is one.  EISDIR for a folder, EACCES for devices.
        ``owner``: the user and group of a new one.
        """
        place = self._walk(path, cwd, not exclusive)
        if place.node != GONE:
            if exclusive:
                raise os_error(errno.EEXIST, path)
            self._node(place.node, FileKind.FILE)
            return place.node
        if place.as_directory:
            raise os_error(errno.EISDIR, path)
        mode &= MODE_BITS
        new = Inode(FileKind.FILE, mode, 0, 0, 0, "", chunks=(), uid=owner[0], gid=owner[1])
        return self._make(place, new, lambda host: self._host.create(host, mode), self._host.unlink)

    def mknod(
        self,
        path: str,
        cwd: str,
        kind: FileKind,
        mode: int,
        device: int = 0,
        *,
        hidden: bool = False,
    ) -> int:
        """Make a device or a fifo, which the host doesn't learn of.

        ``hidden``: the folder that it lies in doesn't list it.
        """
        place = self._vacant(path, cwd)
        new = Inode(kind, mode & MODE_BITS, 0, 0, 0, "", device=device, hidden=hidden)
        return self._add(place, new)

    def link(self, old: str, new: str, cwd: str = "/") -> None:
        """Give a file one more name; EPERM for a folder."""
        node = self.lookup(old, cwd)
        n = self._node(node)
        if n.kind == FileKind.DIRECTORY:
            raise os_error(errno.EPERM, old)
        place = self._vacant(new, cwd)
        check_name(place.name)
        source = self._host_path(node)
        goal = (*self._host_path(place.parent), place.name)
        if n.kind in _OF_THE_HOST:
            undo = Undo(lambda: self._host.unlink(goal))
            self._change(lambda: self._host.link(source, goal), goal, undo)
        self._link(place.parent, place.name, node, self._clock())
        self._set(node, links=(*n.links, (place.parent, place.name)))

    def mkdir(
        self, path: str, cwd: str = "/", mode: int = 0o777, *, owner: tuple[int, int] = (0, 0)
    ) -> int:
        """Make a folder."""
        place = self._vacant(path, cwd)
        new = Inode(FileKind.DIRECTORY, mode & MODE_BITS, 0, 0, 0, "", uid=owner[0], gid=owner[1])
        return self._make(
            place, new, lambda host: self._host.mkdir(host, mode & MODE_BITS), self._host.rmdir
        )

    def symlink(self, target: str, path: str, cwd: str = "/") -> int:
        """Make a symbolic link; ``target`` is a guest path and need not exist."""
        if not target:
            raise os_error(errno.ENOENT, path)
        components(target)  # for its errors
        place = self._vacant(path, cwd)
        size = len(target)
        link = Inode(FileKind.SYMLINK, 0o777, size, 0, 0, "", target=target)
        try:
            return self._make(
                place, link, lambda host: self._host.symlink(host, target), self._host.unlink
            )
        except PermissionError:  # it leads out of the folder: the guest alone has it
            return self._add(place, link)

    def unlink(self, path: str, cwd: str = "/") -> None:
        """Remove a file or link; EISDIR for a folder."""
        place = self._walk(path, cwd, False)
        node = self._named(place, path)
        if self._node(node).kind == FileKind.DIRECTORY:
            raise os_error(errno.EISDIR, path)
        if self._node(node).links:
            self._unlink_one(node, place)
            return
        self._remove(node, self._host.unlink)

    def _unlink_one(self, node: int, place: Resolved) -> None:
        """Take one of several names from a file."""
        n = self._node(node)
        names = [(n.parent, n.name), *n.links]
        names.remove((place.parent, place.name))
        self._freeze(n)
        path = (*self._host_path(place.parent), place.name)
        if n.kind in _OF_THE_HOST:
            other = (*self._host_path(names[0][0]), names[0][1])
            undo = Undo(lambda: self._host.link(other, path))
            self._change(lambda: self._host.unlink(path), path, undo)
        self._link(place.parent, place.name, GONE, self._clock())
        (parent, name), *links = names
        self._set(node, parent=parent, name=name, links=tuple(links))

    def rmdir(self, path: str, cwd: str = "/") -> None:
        """Remove an empty folder."""
        node = self._named(self._walk(path, cwd, False), path)
        if self.listdir(node):
            raise os_error(errno.ENOTEMPTY, path)
        self._remove(node, self._host.rmdir)

    def rename(self, old: str, new: str, cwd: str = "/") -> None:
        """Move a file or folder; a file, or an empty folder, at the new name is replaced."""
        place = self._walk(old, cwd, False)
        node = self._named(place, old)
        target = self._walk(new, cwd, False)
        moved = self._node(node)
        directory = moved.kind == FileKind.DIRECTORY
        if not target.name:
            raise os_error(errno.EBUSY, new)
        if target.node == node:
            return
        if directory and self._is_inside(target.parent, node):
            raise os_error(errno.EINVAL, new)
        if target.as_directory and not directory:
            raise os_error(errno.ENOTDIR, new)
        if target.node != GONE:
            self._check_replaceable(target.node, directory, new)
        source = (*self._host_path(place.parent), place.name)
        goal = self._freeze_for(node, target)
        others = self._other_names(target)
        if moved.kind in _OF_THE_HOST:
            replaced = self._remaking(target.node, goal)
            if others:
                other = (*self._host_path(others[0][0]), others[0][1])
                replaced = Undo(lambda: self._host.link(other, goal))

            def undo() -> None:
                self._host.rename(goal, source)
                replaced.act()

            change = Undo(undo, replaced.size)
            self._change(lambda: self._host.rename(source, goal), goal, change)
        if others:
            (parent, name), *links = others
            self._set(target.node, parent=parent, name=name, links=tuple(links))
        elif target.node != GONE:
            self._set(target.node, parent=GONE, name="")
        self._link(place.parent, place.name, GONE)
        self._link(target.parent, target.name, node)
        names = [(moved.parent, moved.name), *moved.links]
        names[names.index((place.parent, place.name))] = target.parent, target.name
        (parent, name), *links = names
        self._set(node, parent=parent, name=name, links=tuple(links))
        if not others:
            self._bury(target.node)

    def _other_names(self, target: Resolved) -> list[tuple[int, str]]:
        """Return what a file is called beside the name that it loses: folders and names."""
        if target.node == GONE:
            return []
        n = self._nodes[target.node]
        return [at for at in ((n.parent, n.name), *n.links) if at != (target.parent, target.name)]

    def chmod(self, node: int, mode: int) -> None:
        """Set permission bits."""
        before = self._nodes[node].mode
        self._through(
            node,
            lambda path: self._host.chmod(path, mode & MODE_BITS),
            lambda path: self._host.chmod(path, before),
        )
        self._set(node, mode=mode & MODE_BITS)

    def chown(self, node: int, uid: int, gid: int) -> None:
        """Set the owner and the group; both are the guest's alone."""
        self._set(node, uid=uid, gid=gid)

    def utime(self, node: int, mtime: int) -> None:
        """Set the time of last change, in seconds since the Unix epoch."""
        before = self._nodes[node].mtime
        self._through(
            node,
            lambda path: self._host.utime(path, mtime),
            lambda path: self._host.utime(path, before),
        )
        self._set(node, mtime=mtime)

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Any:
        """Return the state; nodes and chunks are shared, not copied."""
        if self._saved is None:
            nodes, holds = tuple(self._nodes.items()), tuple(self._holds.items())
            self._saved = (self._next, self._overlay_bytes, nodes, holds, self._changes.count)
        return self._saved

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        self._next, self._overlay_bytes, nodes, holds, self._changes.count = self._saved = state
        self._nodes = {number: Inode(*fields) for number, fields in nodes}
        self._holds = dict(holds)
        self._forget_ways()
        self._host_contents.clear()

    # -- nodes -------------------------------------------------------------------------------

    def _add(self, place: Resolved, n: Inode) -> int:
        """Put a node that the guest makes into its place."""
        check_name(place.name)
        now = self._clock()
        self._forget_ways()
        return self._insert(n.placed(place.parent, place.name, now), now)

    def _make(
        self,
        place: Resolved,
        n: Inode,
        on_host: Callable[[HostPath], None],
        undo: Callable[[HostPath], None],
    ) -> int:
        """Make a file, on the host first if it is to be there."""
        check_name(place.name)
        if len(self._nodes) >= MAX_NODES:
            raise os_error(errno.ENOSPC, place.name)
        path = (*self._host_path(place.parent), place.name)
        self._change(lambda: on_host(path), path, Undo(lambda: undo(path)))
        return self._add(place, n)

    def _remove(self, node: int, on_host: Callable[[HostPath], None]) -> None:
        n = self._node(node)
        self._freeze(n)
        path = self._host_path(node)
        if n.kind in _OF_THE_HOST:
            self._change(lambda: on_host(path), path, self._remaking(node, path))
        self._link(n.parent, n.name, GONE, self._clock())
        self._nodes[node] = n.placed(GONE, "", n.mtime)
        self._bury(node)

    def _bury(self, node: int) -> None:
        """Forget a node that is unlinked and not held."""
        n = self._nodes.get(node)
        if n is not None and n.parent == GONE and node not in self._holds:
            self._saved = None
            self._overlay_bytes -= overlay_size(n)
            del self._nodes[node]

    def _check_replaceable(self, node: int, by_directory: bool, path: str) -> None:
        directory = self._node(node).kind == FileKind.DIRECTORY
        if directory != by_directory:
            raise os_error(errno.EISDIR if directory else errno.ENOTDIR, path)
        if directory and self.listdir(node):
            raise os_error(errno.ENOTEMPTY, path)

    def _room_for(self, n: Inode, size: int) -> Chunks:
        """Return a file's content as chunks; an error unless it may become ``size`` long."""
        if size > MAX_FILE_SIZE:
            raise os_error(errno.EFBIG, n.name)
        if self._overlay_bytes - overlay_size(n) + size > MAX_OVERLAY_BYTES:
            raise os_error(errno.ENOSPC, n.name)
        if n.chunks is not None:
            return n.chunks
        return to_chunks(self._host_content(n))

    # -- the host ----------------------------------------------------------------------------

    def _freeze(self, n: Inode) -> None:
        """Take in what the host is about to lose, so that going back in time still has it."""
        if self._writable and n.kind == FileKind.FILE and n.chunks is None:
            try:
                self._host_content(n)
            except OSError as error:
                if error.errno != errno.EFBIG:  # too big to be read at any time
                    raise

    def _freeze_for(self, node: int, target: Resolved) -> HostPath:
        """Freeze what a rename moves or replaces; return the host path that it leads to."""
        self._freeze(self._nodes[node])
        if target.node != GONE:
            self._freeze(self._nodes[target.node])
        check_name(target.name)
        return (*self._host_path(target.parent), target.name)

    def _through(
        self,
        node: int,
        act: Callable[[HostPath], None],
        undo: Callable[[HostPath], None],
        kept: int = 0,
    ) -> None:
        """Do to the host's file what was done to a node, if it still has a name there.

        ``kept``: bytes of content that are kept for its undoing.
        """
        n = self._nodes[node]
        if n.parent != GONE and n.kind in _OF_THE_HOST:
            path = self._host_path(node)
            self._change(lambda: act(path), path, Undo(lambda: undo(path), kept))

    def _remaking(self, node: int, path: HostPath) -> Undo:
        """Return how to make again what is about to be lost from the host, if there is anything."""
        n = self._nodes.get(node)
        if n is None or node == GONE:
            return Undo(lambda: None)
        match n.kind:
            case FileKind.DIRECTORY:
                return Undo(lambda: self._host.mkdir(path, n.mode))
            case FileKind.SYMLINK:
                return Undo(lambda: self._host.symlink(path, n.target))
            case FileKind.FILE if self._writable and not n.links:
                return self._rewriting(n, path)
        return Undo(lambda: _cannot(path))

    def _rewriting(self, n: Inode, path: HostPath) -> Undo:
        """Return how to make a file again with its content, EFBIG if that was never known."""
        try:
            content = self._host_content(n) if n.chunks is None else get(n.chunks, 0, n.size)
        except OSError:
            return Undo(lambda: _cannot(path))

        def undo() -> None:
            self._host.create(path, n.mode)
            self._host.write(path, 0, content)
            if n.source is not None:  # else our umask had its say then, as it has now
                self._host.chmod(path, n.mode)
            self._restore_time(n, path)

        return Undo(undo, len(content))

    def _restore_time(self, n: Inode, path: HostPath) -> None:
        """Set the time of a file that the guest had not written; else that is our clock's."""
        if n.chunks is None:
            self._host.utime(path, n.mtime)

    def _change(self, act: Callable[[], None], path: HostPath, undo: Undo) -> None:
        """Change the host's folder; OSError if it refuses."""
        self._saved = None
        self._changes.do(act, path, undo)


def _cannot(path: HostPath) -> None:
    """Say that a file can't be made again."""
    raise os_error(errno.EIO, "/".join(path))
