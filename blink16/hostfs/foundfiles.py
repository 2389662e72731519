"""Finding files in the tree that guests see: nodes, the names that lead to them, their content.

Guest paths are separated by '/'.  They are resolved here, name by name, as after chroot: '..' at
the root stays there and absolute links begin at the root.  Names that aren't UTF-8 are strings as
`os.fsdecode` makes them.
"""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blink16.hostfs.filenodes import GONE, ROOT, Inode, Stat, components, get, overlay_size
from blink16.hostfs.hostfolder import FileKind, HostFolder, HostPath, os_error

MAX_NODES = 32768
"""Files and folders known to one tree; ENOSPC beyond."""
MAX_LINKS = 8
"""Symbolic links followed in one path; ELOOP beyond."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a path leads: a name in a folder, and the node there, if any."""

    parent: int
    name: str  # empty if the path ends in '/' alone, '.' or '..'
    node: int  # GONE if there is none
    as_directory: bool  # the path ended in '/'


class FoundFiles:
    """The nodes that are known, over what the host has; all methods raise OSError with an errno."""

    def __init__(self, host: HostFolder) -> None:
        self._host = host
        self._base: tuple[int, ...] = (ROOT,)
        top = host.entry(())
        self._nodes = {ROOT: Inode(top.kind, top.mode, 0, top.mtime, ROOT, "", ())}
        self._holds: dict[int, int] = {}
        """How often nodes are held by open files."""
        self._next = ROOT + 1
        self._overlay_bytes = 0
        self.on_read: Callable[[int, int, bytes], None] | None = None
        """Told the node, the offset and the content of what is read, for who looks on."""
        self._saved: Any = None
        """The state as it was last saved, as long as it is that."""

    def enter(self, root: str) -> None:
        """Let paths begin at a folder from now on, out of which none leads.

        This is no state: who asks for a path says before where it begins.
        """
        base = [ROOT]
        for name in components(root):
            base.append(self._child(base[-1], name))
        self._base = tuple(base)

    def lookup(self, path: str, cwd: str = "/", *, follow: bool = True) -> int:
        """Return the node at a path; ``follow``: through a link in the last place, too."""
        return self._existing(self._walk(path, cwd, follow))

    def stat(self, node: int) -> Stat:
        """Describe a node."""
        n = self._node(node)
        linked = 0 if n.parent == GONE else 1
        nlink = 2 * linked if n.kind == FileKind.DIRECTORY else linked + len(n.links)
        return Stat(node, FileKind(n.kind), n.mode, n.size, n.mtime, nlink, n.uid, n.gid, n.device)

    def size(self, node: int) -> int:
        """Return a file's length in bytes."""
        return self._node(node).size

    def listdir(self, node: int) -> tuple[str, ...]:
        """Return the sorted names in a folder, without '.' and '..'."""
        n = self._node(node, FileKind.DIRECTORY)
        names = set() if n.source is None else set(self._host.names(n.source))
        for name, child in n.entries:
            (names.discard if self._is_unlisted(child) else names.add)(name)
        return tuple(sorted(names))

    def _is_unlisted(self, node: int) -> bool:
        return node == GONE or self._nodes[node].hidden

    def path(self, node: int) -> str:
        """Return the absolute path of a node that isn't unlinked; ENOENT otherwise."""
        return "/" + "/".join(self._names(node, self._base[-1]))

    def _names(self, node: int, top: int) -> list[str]:
        """Return the names that lead to a node from a folder, or from the root."""
        names: list[str] = []
        while node not in (ROOT, top):
            n = self._node(node)
            if n.parent == GONE:
                raise os_error(errno.ENOENT)
            names.append(n.name)
            node = n.parent
        return names[::-1]

    def readlink(self, path: str, cwd: str = "/") -> str:
        """Return where a symbolic link leads; EINVAL if the file isn't one."""
        n = self._node(self.lookup(path, cwd, follow=False))
        if n.kind != FileKind.SYMLINK:
            raise os_error(errno.EINVAL, path)
        return n.target

    def read(self, node: int, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``offset`` on; none at the end."""
        content = self._content(node, offset, length)
        if self.on_read is not None:
            self.on_read(node, offset, content)
        return content

    def _content(self, node: int, offset: int, length: int) -> bytes:
        n = self._node(node, FileKind.FILE)
        if offset < 0 or length < 0:
            raise os_error(errno.EINVAL)
        end = min(offset + length, n.size)
        if offset >= end:
            return b""
        if n.chunks is None:
            return self._host_content(n)[offset:end]
        return get(n.chunks, offset, end)

    # -- paths -------------------------------------------------------------------------------

    def _walk(self, path: str, cwd: str, follow: bool) -> Resolved:
        """Resolve a path; only its last name may be missing."""
        if not path:
            raise os_error(errno.ENOENT)
        pending = components(path)
        if not path.startswith("/"):
            pending = components(cwd) + pending
        pending.reverse()
        as_directory = path.endswith(("/", "/."))
        trail, links = list(self._base), 0
        while pending:
            name = pending.pop()
            if name == "..":
                if len(trail) > len(self._base):
                    trail.pop()
                continue
            child = self._child(trail[-1], name)
            if child == GONE:
                if pending:
                    raise os_error(errno.ENOENT, path)
                return Resolved(trail[-1], name, GONE, as_directory)
            n = self._nodes[child]
            if n.kind == FileKind.SYMLINK and (pending or follow or as_directory):
                links += 1
                if links > MAX_LINKS:
                    raise os_error(errno.ELOOP, path)
                if n.target.startswith("/"):
                    trail = list(self._base)
                pending += reversed(components(n.target))
                continue
            if pending or as_directory:
                self._node(child, FileKind.DIRECTORY)
            if not pending:
                return Resolved(trail[-1], name, child, as_directory)
            trail.append(child)
        return Resolved(trail[-1], "", trail[-1], True)

    def _child(self, parent: int, name: str) -> int:
        """Return the node of a name in a folder, or GONE; meets host files for the first time."""
        n = self._node(parent, FileKind.DIRECTORY)
        at = bisect_left(n.entries, (name,))
        if at < len(n.entries) and n.entries[at][0] == name:
            return n.entries[at][1]
        if n.source is None or name not in self._host.names(n.source):
            return GONE
        source = (*n.source, name)
        host = self._host.entry(source)
        size = 0 if host.kind == FileKind.DIRECTORY else host.size
        return self._insert(
            parent,
            name,
            Inode(host.kind, host.mode, size, host.mtime, 0, "", source, target=host.target),
        )

    def _existing(self, place: Resolved) -> int:
        if place.node == GONE:
            raise os_error(errno.ENOENT, place.name)
        return place.node

    def _named(self, place: Resolved, path: str) -> int:
        """Return a node that has a name to be removed or moved."""
        if not place.name:
            raise os_error(errno.EBUSY, path)
        return self._existing(place)

    def _vacant(self, path: str, cwd: str) -> Resolved:
        place = self._walk(path, cwd, False)
        if place.node != GONE:
            raise os_error(errno.EEXIST, path)
        return place

    def _is_inside(self, node: int, folder: int) -> bool:
        while node not in (folder, ROOT):
            node = self._nodes[node].parent
        return node == folder

    # -- nodes -------------------------------------------------------------------------------

    def _node(self, node: int, kind: FileKind | None = None) -> Inode:
        """Return a node; the errno for one that isn't of the kind asked for."""
        n = self._nodes.get(node)
        if n is None:
            raise os_error(errno.EBADF)
        if kind is not None and n.kind != kind:
            if kind == FileKind.DIRECTORY:
                raise os_error(errno.ENOTDIR, n.name)
            raise os_error(errno.EISDIR if n.kind == FileKind.DIRECTORY else errno.EACCES, n.name)
        return n

    def _set(self, node: int, **changes: Any) -> None:
        self._saved = None
        old = self._node(node)
        new = self._nodes[node] = old._replace(**changes)
        self._overlay_bytes += overlay_size(new) - overlay_size(old)

    def _insert(self, parent: int, name: str, n: Inode) -> int:
        """Give a node its number and its place."""
        if len(self._nodes) >= MAX_NODES:
            raise os_error(errno.ENOSPC, name)
        node, self._next = self._next, self._next + 1
        self._nodes[node] = n._replace(parent=parent, name=name)
        self._link(parent, name, node)
        return node

    def _link(self, parent: int, name: str, node: int) -> None:
        """Let a name in a folder stand for a node, or for none."""
        n = self._node(parent)
        at = bisect_left(n.entries, (name,))
        there = at < len(n.entries) and n.entries[at][0] == name
        new: tuple[tuple[str, int], ...] = ((name, node),)
        if node == GONE and n.source is None:
            new = ()
        self._set(parent, entries=n.entries[:at] + new + n.entries[at + there :])

    # -- the host ----------------------------------------------------------------------------

    def _host_content(self, n: Inode) -> bytes:
        """Return the host's content; if the file shrank before its first use, zeros follow."""
        assert n.source is not None
        return self._host.content(n.source).ljust(n.size, b"\0")

    def _host_path(self, node: int) -> HostPath:
        return tuple(self._names(node, ROOT))
