"""Finding files in the tree that guests see: nodes, the names that lead to them, their content.

Guest paths are separated by '/'.  They are resolved here, name by name, as after chroot: '..' at
the root stays there and absolute links begin at the root.  Names that aren't UTF-8 are strings as
`os.fsdecode` makes them.
"""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from blink16.hostfs.filenodes import (
    GONE,
    OWNER_WRITE,
    ROOT,
    Inode,
    InodeState,
    Stat,
    components,
)
from blink16.hostfs.hostfolder import FileKind, HostFolder, HostPath, os_error

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_NODES = 32768
"""Files and folders known to one tree; ENOSPC beyond."""
MAX_LINKS = 8
"""Symbolic links followed in one path; ELOOP beyond."""
MAX_WAYS, MAX_LISTINGS = 1024, 64
"""Paths whose way is remembered, and folders whose names are."""

# Members of enums by names of our own: looking them up takes as long as much of a call.
_FILE, _DIRECTORY, _SYMLINK = FileKind.FILE, FileKind.DIRECTORY, FileKind.SYMLINK
_KINDS: dict[int, FileKind] = {int(kind): kind for kind in FileKind}


Name = tuple[int, str]
"""A folder, and what something is called there."""
_Way = tuple[str, str, bool]
"""A path, the working directory, and whether a link in the last place is followed."""


class Resolved(NamedTuple):
    """Where a path leads: a name in a folder, and the node there, if any."""

    parent: int
    name: str  # empty if the path ends in '/' alone, '.' or '..'
    node: int  # GONE if there is none
    as_directory: bool  # the path ended in '/'


_resolved = partial(tuple.__new__, Resolved)  # a quarter of the time


class FoundFiles:
    """The nodes that are known, over what the host has; all methods raise OSError with an errno."""

    def __init__(self, host: HostFolder) -> None:
        self._host = host
        self.root = "/"
        """The folder at which paths begin (`enter`)."""
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
        self._states: dict[int, InodeState] = {}
        """The nodes as they were last saved."""
        self._changed = {ROOT}
        """Those that have changed, or gone, since."""
        self.version = 0
        """Another one where any node has changed since."""
        self.names_version = 0
        """Another one where paths may lead elsewhere since, for who remembers what he found.

        Of single names in folders, which others need not pass through, `on_name` tells."""
        self.on_name: Callable[[int, str, int, bool], None] | None = None
        """Told a folder, a name in it that stands for another node now or for none, the node
        before, and whether the name is listed now."""
        self._ways: dict[_Way, Resolved] = {}
        """Where paths lead.

        What the host has said once stays true, so only names that are made or go change it."""
        self._ways_to: dict[Name, list[_Way]] = {}
        """The ways to each last name, but for those that want a folder there."""
        self._passed: set[int] = set()
        """Folders and links through which ways lead, and those folders."""
        self._listings: dict[int, tuple[str, ...]] = {}
        """The names in folders, which change with them."""
        self._folder_counts: dict[int, int] = {}
        """How many folders are in a folder, until a name there is made or goes."""
        self._stats: dict[int, Stat] = {}
        """Descriptions of nodes that have not changed since."""
        self._host_contents: dict[int, bytes] = {}
        """What the host has in a node, once it was read."""

    def enter(self, root: str) -> None:
        """Let paths begin at a folder from now on, out of which none leads.

        This is no state: who asks for a path says before where it begins.
        """
        if root == self.root == "/":
            return
        self.root, base = root, [ROOT]
        for name in components(root):
            base.append(self._child(base[-1], name))
        if self._base != (begin := tuple(base)):
            self._base = begin
            self._forget_ways()

    def lookup(self, path: str, cwd: str = "/", *, follow: bool = True) -> int:
        """Return the node at a path; ``follow``: through a link in the last place, too."""
        place = self._ways.get((path, cwd, follow)) or self._walk(path, cwd, follow)
        return place.node or self._existing(place)

    def find(self, path: str, cwd: str = "/") -> int:
        """Return the node at a path, GONE if there is nothing of the last name."""
        return (self._ways.get((path, cwd, True)) or self._walk(path, cwd, True)).node

    def stat(self, node: int) -> Stat:
        """Describe a node."""
        stat = self._stats.get(node)
        if stat is None:
            n = self._node(node)
            linked = 0 if n.parent == GONE else 1
            nlink = 2 * linked if n.kind == _DIRECTORY else linked + len(n.links)
            kind, of = _KINDS[n.kind], (n.uid, n.gid, n.device)
            stat = self._stats[node] = Stat(node, kind, n.mode, n.size, n.mtime, nlink, *of)
        return stat

    def size(self, node: int) -> int:
        """Return a file's length in bytes."""
        return self._node(node).size

    def is_writable(self, node: int) -> bool:
        """Whether a node is a file that its owner may write."""
        n = self._node(node)
        return n.kind == _FILE and bool(n.mode & OWNER_WRITE)

    def listdir(self, node: int) -> tuple[str, ...]:
        """Return the sorted names in a folder, without '.' and '..'."""
        listing = self._listings.get(node)
        if listing is not None:
            return listing
        n = self._node(node, _DIRECTORY)
        names = set() if n.source is None else set(self._host.names(n.source))
        for name, child in n.entries.items():
            (names.discard if self._is_unlisted(child) else names.add)(name)
        listing = tuple(sorted(names))
        _remember(self._listings, node, listing, MAX_LISTINGS)
        return listing

    def parent(self, folder: int) -> int:
        """Return the folder that a folder lies in, ENOENT if it was removed; the root is its own,
        and so is the folder where paths begin.
        """
        if folder == self._base[-1]:
            return folder
        parent = self._node(folder).parent
        if parent == GONE:
            raise os_error(errno.ENOENT)
        return parent

    def child(self, folder: int, name: str) -> int:
        """Return the node of a name in a folder, GONE if there is none."""
        return self._child(folder, name)

    def count_folders(self, node: int) -> int:
        """Return how many folders are listed in one; all that is in it has a node from then on."""
        count = self._folder_counts.get(node)
        if count is None:
            children = [self._child(node, name) for name in self.listdir(node)]
            count = sum(self._nodes[child].kind == _DIRECTORY for child in children)
            _remember(self._folder_counts, node, count, MAX_LISTINGS)
        return count

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
        n = self._nodes.get(node)
        if n is None or n.kind != _FILE:
            n = self._node(node, _FILE)
        if offset < 0 or length < 0:
            raise os_error(errno.EINVAL)
        end = min(offset + length, n.size)
        if offset >= end:
            content = b""
        elif n.content is not None:
            content = n.content.get(offset, end)
        else:
            whole = self._host_contents.get(node)
            if whole is None:
                whole = self._host_contents[node] = self._host_content(n)
            content = whole[offset:end]
        if self.on_read is not None:
            self.on_read(node, offset, content)
        return content

    # -- paths -------------------------------------------------------------------------------

    def _walk(self, path: str, cwd: str, follow: bool) -> Resolved:
        """Resolve a path; only its last name may be missing."""
        way = (path, cwd, follow)
        found = self._ways.get(way)
        if found is None:
            if len(self._ways) >= MAX_WAYS:
                self._forget_ways()
            found = self._walk_anew(path, cwd, follow)
            if not found.as_directory:
                self._ways[way] = found
                self._ways_to.setdefault((found.parent, found.name), []).append(way)
            elif found.node:  # it leads to that as long as it is there
                self._ways[way] = found
                self._passed.add(found.node)
        return found

    def _forget_ways(self) -> None:
        self.names_version += 1
        self._ways.clear()
        self._ways_to.clear()
        self._passed.clear()

    def _forget_names(self) -> None:
        """Forget what followed from the names that there were."""
        self._forget_ways()
        self._folder_counts.clear()

    def _redirect(self, parent: int, name: str, before: int, node: int) -> None:
        """Lead the ways to a name to what it stands for now, and ``before`` to another or to none.

        A node of `GONE` is none.
        """
        self._folder_counts.pop(parent, None)
        if self.on_name is not None:
            self.on_name(parent, name, before, not self._is_unlisted(node))
        if before in self._passed:  # what leads on from there may lead anywhere now
            self._forget_ways()
            return
        ways = self._ways_to.get((parent, name))
        if ways is None:
            return
        if node and self._nodes[node].kind == _SYMLINK:
            for way in [way for way in ways if way[2]]:  # it is followed, wherever it leads
                ways.remove(way)
                del self._ways[way]
        known, place = self._ways, _resolved((parent, name, node, False))
        for way in ways:
            known[way] = place

    def _walk_anew(self, path: str, cwd: str, follow: bool) -> Resolved:
        if not path:
            raise os_error(errno.ENOENT)
        pending = list(components(path))
        if not path.startswith("/"):
            pending = [*components(cwd), *pending]
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
            if n.kind == _SYMLINK and (pending or follow or as_directory):
                self._passed.add(child)
                links += 1
                if links > MAX_LINKS:
                    raise os_error(errno.ELOOP, path)
                if n.target.startswith("/"):
                    trail = list(self._base)
                pending += reversed(components(n.target))
                continue
            if pending or as_directory:
                self._node(child, _DIRECTORY)
            if not pending:
                return Resolved(trail[-1], name, child, as_directory)
            self._passed.add(child)
            trail.append(child)
        return Resolved(trail[-1], "", trail[-1], True)

    def _child(self, parent: int, name: str) -> int:
        """Return the node of a name in a folder, or GONE; meets host files for the first time."""
        n = self._node(parent, _DIRECTORY)
        known = n.entries.get(name)
        if known is not None:
            return known
        if n.source is None or name not in self._host.names(n.source):
            return GONE
        source = (*n.source, name)
        host = self._host.entry(source)
        size = 0 if host.kind == _DIRECTORY else host.size
        target = host.target
        new = Inode(host.kind, host.mode, size, host.mtime, parent, name, source, target=target)
        return self._insert(new)

    def _existing(self, place: Resolved) -> int:
        if place.node == GONE:
            raise os_error(errno.ENOENT, place.name)
        return place.node

    def _vacant(self, path: str, cwd: str) -> Resolved:
        place = self._ways.get((path, cwd, False)) or self._walk(path, cwd, False)
        if place.node:
            raise os_error(errno.EEXIST, path)
        return place

    def _to_remove(self, path: str, cwd: str) -> Resolved:
        """Return where something is that has a name to be removed or moved."""
        place = self._ways.get((path, cwd, False)) or self._walk(path, cwd, False)
        if not place.name:
            raise os_error(errno.EBUSY, path)
        if not place.node:
            raise os_error(errno.ENOENT, place.name)
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
        """Change fields of a node but for its content."""
        n = self._node(node)
        for name, value in changes.items():
            setattr(n, name, value)
        self._note(node)

    def _note(self, node: int) -> None:
        """Note that a node has changed."""
        self.version += 1
        self._saved = None
        self._changed.add(node)
        self._stats.pop(node, None)

    def _insert(self, n: Inode, mtime: int | None = None) -> int:
        """Give a node its number, and its name a place in its folder, whose time is then
        ``mtime`` if the guest has made it.
        """
        if len(self._nodes) >= MAX_NODES:
            raise os_error(errno.ENOSPC, n.name)
        node, self._next = self._next, self._next + 1
        self._nodes[node] = n
        self._changed.add(node)
        self._enter(n.parent, n.name, node, mtime)
        return node

    def _link(self, parent: int, name: str, node: int, mtime: int | None = None) -> None:
        """Let a name in a folder stand for another node, or for none."""
        before = self._enter(parent, name, node, mtime)
        self._redirect(parent, name, before, node)

    def _enter(self, parent: int, name: str, node: int, mtime: int | None) -> int:
        """Let a name in a folder stand for a node, or for none; it changed at ``mtime``.

        Return for which it has stood.
        """
        n = self._nodes[parent]
        before = n.entries.get(name, GONE)
        if node or n.source is not None:
            n.entries[name] = node
        else:
            n.entries.pop(name, None)
        if mtime is not None:
            n.mtime = mtime
        self._saved = None  # `_note` at length
        self._changed.add(parent)
        self._stats.pop(parent, None)
        listing = self._listings.get(parent)
        if listing is not None:
            self._listings[parent] = _listed(listing, name, here=not self._is_unlisted(node))
        return before

    # -- the host ----------------------------------------------------------------------------

    def _host_content(self, n: Inode) -> bytes:
        """Return the host's content; if the file shrank before its first use, zeros follow."""
        assert n.source is not None
        return self._host.content(n.source).ljust(n.size, b"\0")

    def _host_path(self, node: int) -> HostPath:
        return tuple(self._names(node, ROOT))


def _listed(listing: tuple[str, ...], name: str, *, here: bool) -> tuple[str, ...]:
    """Return sorted names with another one, or without it."""
    at = bisect_left(listing, name)
    there = at < len(listing) and listing[at] == name
    if here == there:
        return listing
    return listing[:at] + ((name, *listing[at:]) if here else listing[at + 1 :])


def _remember(known: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Remember what can be found again, and begin anew when that is too much."""
    if len(known) >= most:
        known.clear()
    known[key] = value
