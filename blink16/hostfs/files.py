"""The sandboxed file tree that guests see: a host folder below, an overlay in memory above.

Files are known by node numbers, so that DOS and ELKS keep (node, offset) in their tables of
open files.  Whatever the guest changes lies in the overlay, which is part of the machine's
state; where the tree is writable, changes also go through to the host.  `foundfiles` has the
nodes and the paths that lead to them, `changedfiles` what changes a file that is there; here
names are made, moved and removed.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from blink16.hostfs.changedfiles import MAX_OVERLAY_BYTES, OF_THE_HOST, ChangedFiles
from blink16.hostfs.chunks import Content
from blink16.hostfs.filenodes import GONE, MODE_BITS, ROOT, Inode, Stat, check_name, components
from blink16.hostfs.foundfiles import MAX_NODES, Resolved
from blink16.hostfs.hostchanges import Undo
from blink16.hostfs.hostfolder import (
    MAX_FILE_SIZE,
    FileKind,
    HostAnswers,
    HostFolder,
    HostPath,
    os_error,
)

__all__ = ["GONE", "MAX_FILE_SIZE", "MAX_OVERLAY_BYTES", "ROOT", "FileKind", "FileTree", "Stat"]

# Members of an enum by names of our own: looking them up takes as long as much of a call.
_FILE, _DIRECTORY, _SYMLINK = FileKind.FILE, FileKind.DIRECTORY, FileKind.SYMLINK


class FileTree(ChangedFiles):
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
        super().__init__(
            HostFolder(root, answers, prefix),
            writable=writable,
            effect=effect,
            clock=clock,
            notice=notice,
            now=now,
        )

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
            self._node(place.node, _FILE)
            return place.node
        if place.as_directory:
            raise os_error(errno.EISDIR, path)
        mode &= MODE_BITS
        uid, gid = owner
        new = Inode(_FILE, mode, 0, 0, 0, "", content=Content(()), uid=uid, gid=gid)
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
        if n.kind == _DIRECTORY:
            raise os_error(errno.EPERM, old)
        place = self._vacant(new, cwd)
        check_name(place.name)
        source = self._host_path(node)
        goal = (*self._host_path(place.parent), place.name)
        if n.kind in OF_THE_HOST:
            undo = Undo(lambda: self._host.unlink(goal))
            self._change(lambda: self._host.link(source, goal), goal, undo)
        self._link(place.parent, place.name, node, self._clock())
        self._set(node, links=(*n.links, (place.parent, place.name)))

    def mkdir(
        self, path: str, cwd: str = "/", mode: int = 0o777, *, owner: tuple[int, int] = (0, 0)
    ) -> int:
        """Make a folder."""
        place = self._vacant(path, cwd)
        new = Inode(_DIRECTORY, mode & MODE_BITS, 0, 0, 0, "", uid=owner[0], gid=owner[1])
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
        link = Inode(_SYMLINK, 0o777, size, 0, 0, "", target=target)
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
        if self._node(node).kind == _DIRECTORY:
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
        if n.kind in OF_THE_HOST:
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
        directory = moved.kind == _DIRECTORY
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
        self._check_there(target)
        others = self._other_names(target)
        if self._writable:
            self._rename_on_host(node, place, target, others)
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

    def _rename_on_host(
        self, node: int, place: Resolved, target: Resolved, others: list[tuple[int, str]]
    ) -> None:
        """Move a file on the host; ``others``: what else the one is called that it replaces."""
        source = (*self._host_path(place.parent), place.name)
        goal = self._freeze_for(node, target)
        if self._nodes[node].kind not in OF_THE_HOST:
            return
        replaced = self._remaking(target.node, goal)
        if others:
            other = (*self._host_path(others[0][0]), others[0][1])
            replaced = Undo(lambda: self._host.link(other, goal))

        def undo() -> None:
            self._host.rename(goal, source)
            replaced.act()

        change = Undo(undo, replaced.size)
        self._change(lambda: self._host.rename(source, goal), goal, change)

    def _check_there(self, place: Resolved) -> None:
        """Refuse a name in a folder that was removed, and in which somebody still is."""
        if self._nodes[place.parent].parent == GONE:
            raise os_error(errno.ENOENT, place.name)

    def _other_names(self, target: Resolved) -> list[tuple[int, str]]:
        """Return what a file is called beside the name that it loses: folders and names."""
        if target.node == GONE:
            return []
        n = self._nodes[target.node]
        return [at for at in ((n.parent, n.name), *n.links) if at != (target.parent, target.name)]

    # -- nodes -------------------------------------------------------------------------------

    def _add(self, place: Resolved, n: Inode) -> int:
        """Put a node that the guest makes into its place."""
        n.parent, n.name, n.mtime = place.parent, place.name, self._clock()
        node = self._insert(n, n.mtime)
        self._name_changed(n.parent, n.name, node)
        return node

    def _make(
        self,
        place: Resolved,
        n: Inode,
        on_host: Callable[[HostPath], None],
        undo: Callable[[HostPath], None],
    ) -> int:
        """Make a file, on the host first if it is to be there."""
        if len(self._nodes) >= MAX_NODES:
            raise os_error(errno.ENOSPC, place.name)
        self._check_there(place)
        if self._writable:
            path = (*self._host_path(place.parent), place.name)
            self._change(lambda: on_host(path), path, Undo(lambda: undo(path)))
        return self._add(place, n)

    def _remove(self, node: int, on_host: Callable[[HostPath], None]) -> None:
        n = self._node(node)
        if self._writable and n.kind in OF_THE_HOST:
            self._freeze(n)
            path = self._host_path(node)
            self._change(lambda: on_host(path), path, self._remaking(node, path))
        self._link(n.parent, n.name, GONE, self._clock())
        n.parent, n.name = GONE, ""
        self._note(node)
        self._bury(node)

    def _freeze_for(self, node: int, target: Resolved) -> HostPath:
        """Freeze what a rename moves or replaces; return the host path that it leads to."""
        self._freeze(self._nodes[node])
        if target.node != GONE:
            self._freeze(self._nodes[target.node])
        return (*self._host_path(target.parent), target.name)

    def _check_replaceable(self, node: int, by_directory: bool, path: str) -> None:
        directory = self._node(node).kind == _DIRECTORY
        if directory != by_directory:
            raise os_error(errno.EISDIR if directory else errno.ENOTDIR, path)
        if directory and self.listdir(node):
            raise os_error(errno.ENOTEMPTY, path)
