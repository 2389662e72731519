r"""A drive: a file tree under DOS' names.

Paths come with backslashes and in any case; they leave as the tree's own paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from blink16.dos.errors import CallFailed, Code, call_failed
from blink16.dos.fat import FatTree
from blink16.dos.names import (
    ALIAS_MARK,
    ANY_NAME,
    DEVICES,
    device_part,
    dotted,
    fits,
    matcher,
    own_name,
    short_names,
    template,
    truncated,
    upper,
)
from blink16.hostfs.filenodes import OWNER_WRITE
from blink16.hostfs.files import GONE, FileKind, FileTree, Stat

DRIVE_C = 2
"""C as INT 21h/19h counts, from 0 for A."""
DRIVE_LETTERS = 26
MAX_KNOWN = 1024
"""Paths whose meaning is remembered."""
MAX_LISTED = 64
"""Folders whose names are."""
MAX_DIRECTORY = 63
r"""Characters in a current directory without drive and first ``\``, as 47h's buffer holds."""
READ_ONLY, HIDDEN, SYSTEM, VOLUME, DIRECTORY, ARCHIVE = (1 << bit for bit in range(6))


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A directory entry as DOS shows it."""

    name: str
    stat: Stat
    hidden: bool = False
    is_label: bool = False
    stored: int | None = None
    """The attributes that a disk has; None: the host knows but a few."""
    attributes: int = field(init=False)
    """DOS' attribute byte."""

    def __post_init__(self) -> None:
        stored = self.stored
        object.__setattr__(self, "attributes", self._attributes() if stored is None else stored)

    def _attributes(self) -> int:
        if self.is_label:
            return VOLUME
        if self.stat.kind is FileKind.DIRECTORY:
            return DIRECTORY | (HIDDEN if self.hidden else 0)
        read_only = 0 if self.stat.mode & OWNER_WRITE else READ_ONLY
        return ARCHIVE | read_only | (HIDDEN if self.hidden else 0)


def letter(drive: int) -> str:
    """Return a drive's letter."""
    return chr(ord("A") + drive)


@lru_cache(maxsize=MAX_KNOWN)
def device_of(path: str) -> str | None:
    """Return which character device a path names, in any directory and with any extension."""
    last = re.split(r"[\\/:]", path.rstrip(":"))[-1]
    return DEVICES.get(device_part(last))


Tree = FileTree | FatTree


class DosNames:
    """The names in a folder of the tree, under DOS' names, while others come and go (`change`)."""

    def __init__(self, real: str, names: tuple[str, ...], *, has_dos_names: bool = False) -> None:
        """``has_dos_names``: as a disk, whose entries have an order, too."""
        self._above = real.rstrip("/")
        self._has_dos_names = has_dos_names
        short = dict(zip(names, names, strict=True)) if has_dos_names else short_names(names)
        self.entries = {known: f"{self._above}/{name}" for known, name in short.items()}
        """Paths of the tree by DOS' names, without '.' and '..'."""
        others = [n for known, n in short.items() if has_dos_names or own_name(n) != known]
        self._others = {name: f"{self._above}/{name}" for name in sorted(others, reverse=True)}
        """Paths by the tree's names that are not DOS' ones but for their case."""
        self._upper_others = {upper(name): path for name, path in self._others.items()}
        """The same by the names in capitals; the first of them counts."""
        self._places: dict[str, str] = {}
        """What was found by names that programs pass."""
        self._ordered: tuple[str, ...] | None = None
        self._templates: list[tuple[bytes, str]] | None = None

    def change(self, name: str, here: bool) -> bool:
        """Let a name of the tree come or go; False if others may be called differently then."""
        known = own_name(name)
        if known is None or ALIAS_MARK in known or known in self._upper_others:
            return False
        path = f"{self._above}/{name}"
        was = self.entries.setdefault(known, path) if here else self.entries.pop(known, path)
        self._places.clear()
        self._ordered = self._templates = None
        return was == path

    @property
    def ordered(self) -> tuple[str, ...]:
        """DOS' names in order."""
        if self._ordered is None:
            known = self.entries
            self._ordered = tuple(known if self._has_dos_names else sorted(known))
        return self._ordered

    def shown(self, name: str) -> str:
        """Return DOS' name of one of the tree, or what it would be."""
        path, own = f"{self._above}/{name}", own_name(name)
        if own is not None and self.entries.get(own) == path:
            return own
        aliases = (known for known, other in self.entries.items() if other == path)
        return next(aliases, upper(truncated(name)))

    def find(self, part: str) -> str | None:
        """Return the path that DOS' name means: as it stands, or in another case; None if none."""
        capitals = upper(part)
        return (
            self._others.get(part)
            or self.entries.get(capitals)
            or self._upper_others.get(capitals)
            or self.entries.get(upper(truncated(part)))
        )

    def place(self, part: str) -> str:
        """Return the path that DOS' name means, or would have."""
        path = self._places.get(part)
        if path is None:
            path = self.find(part) or f"{self._above}/{truncated(part)}"
            if len(self._places) >= MAX_KNOWN:
                self._places.clear()
            self._places[part] = path
        return path

    def matching(self, pattern: bytes) -> tuple[str, ...]:
        """Return DOS' names that match the eleven bytes of a template."""
        if pattern == ANY_NAME:
            return self.ordered
        if not self._has_dos_names and b"?" not in pattern:
            known = dotted(pattern)
            return (known,) if known in self.entries else ()
        if self._templates is None:
            self._templates = [(template(known), known) for known in self.ordered]
        matches = matcher(pattern)
        return tuple(name for raw, name in self._templates if matches(raw))


@lru_cache(maxsize=MAX_KNOWN)
def _parts(path: str) -> tuple[str, ...]:
    """Split a path into names; those that lead nowhere go."""
    return tuple(part for part in re.split(r"[\\/]", path) if part and part != ".")


@lru_cache(maxsize=MAX_LISTED)
def _on_disk(real: str, names: tuple[str, ...]) -> DosNames:
    """Return the names in a disk's folder, which is asked anew each time."""
    return DosNames(real, names, has_dos_names=True)


class Volume:
    """A file tree as a drive."""

    def __init__(self, files: Tree, drive: int = DRIVE_C) -> None:
        """``drive``: from 0 for A."""
        self.files = files
        self._is_disk = isinstance(files, FatTree)
        self.drive = drive
        self._version: object = None
        """Of the tree's names, when what follows was found."""
        self._names: dict[str, DosNames] = {}
        """The names in folders, by their paths."""
        self._named: dict[int, DosNames] = {}
        """The same by the folders' nodes."""
        self._ways: dict[tuple[str, str], tuple[DosNames | None, str]] = {}
        """Where DOS' paths lead: a folder's names and the last name; or a path of the tree."""
        self._entries: dict[str, Entry] = {}
        """What paths of a folder's tree stand for, as they were last described."""
        self._shown: dict[str, str] = {}
        """DOS' paths of those of the tree that were asked for."""
        if isinstance(files, FileTree):
            files.on_name = self._name_changed

    def label(self) -> bytes:
        """Return the label that the tree itself has; a folder has none."""
        return self.files.label() if isinstance(self.files, FatTree) else b""

    def set_label(self, label: bytes) -> bool:
        """Set the tree's own label; False if it can't have one."""
        if not isinstance(self.files, FatTree):
            return False
        self.files.set_label(label)
        return True

    def locate(self, path: str, cwd: str) -> str:
        """Return the tree's absolute path for DOS' path, which has no drive letter any more.

        Its last name need not exist; ``cwd`` is a path of the tree.  Error 3 if a directory on
        the way isn't there.
        """
        if self.files.names_version != self._version:
            self._forget()
        names, last = self._ways.get((path, cwd)) or self._way(path, cwd)
        return last if names is None else names.place(last)

    def _forget(self) -> None:
        """Forget what was found, as paths may lead elsewhere now."""
        self._version = self.files.names_version
        self._names.clear()
        self._named.clear()
        self._ways.clear()
        self._shown.clear()

    def _name_changed(self, folder: int, name: str, before: int, here: bool) -> None:
        """Take note of another name in a folder, or of one less (`FoundFiles.on_name`)."""
        self._shown.clear()
        names = self._named.get(folder)
        if before in self._named or not (names is None or names.change(name, here)):
            self._forget()

    def _way(self, path: str, cwd: str) -> tuple[DosNames | None, str]:
        *above, last = _parts(path) or ("",)
        real = "" if path[:1] in ("\\", "/") else cwd.rstrip("/")
        for part in above:
            real = self._below(real, part)
        way: tuple[DosNames | None, str]
        if last in ("", ".."):
            way = None, (self._below(real, last) if last else real) or "/"
        else:
            way = self._names_on_way(real), last
        if len(self._ways) >= MAX_KNOWN:
            self._ways.clear()
        self._ways[path, cwd] = way
        return way

    def _below(self, real: str, part: str) -> str:
        """Return the folder that a name means in a folder, or the one above; error 3 if none."""
        if part != "..":
            found = self._names_on_way(real).find(part)
        else:
            found = real.rpartition("/")[0] if real else None
        if found is None:
            raise CallFailed(Code.PATH_NOT_FOUND)
        return found

    def _names_on_way(self, real: str) -> DosNames:
        try:
            return self._names_of(real or "/")
        except OSError:
            raise CallFailed(Code.PATH_NOT_FOUND) from None

    def node(self, real: str) -> int:
        """Return the node of a path of the tree; DOS' error if there is none."""
        try:
            node = self.files.find(real)
        except OSError as error:
            raise call_failed(error) from None
        if node == GONE:
            raise CallFailed(Code.FILE_NOT_FOUND)
        return node

    def find(self, real: str) -> int:
        """Return the node of a path of the tree; GONE if there is none, for whatever reason."""
        try:
            return self.files.find(real)
        except OSError:
            return GONE

    def check_new(self, real: str) -> None:
        """Refuse a path whose last name DOS can't have (error 3)."""
        if not fits(real.rpartition("/")[2]):
            raise CallFailed(Code.PATH_NOT_FOUND)

    def entry(self, real: str) -> Entry:
        """Describe what is at a path of the tree."""
        node, files = self.node(real), self.files
        stat = files.stat(node)
        if isinstance(files, FatTree):
            return Entry(real.rpartition("/")[2], stat, stored=files.attributes(node))
        entry = self._entries.get(real)
        if entry is None or entry.stat is not stat:
            name = real.rpartition("/")[2]
            entry = Entry(name, stat, name.startswith("."))
            if len(self._entries) >= MAX_KNOWN:
                self._entries.clear()
            self._entries[real] = entry
        return entry

    def names(self, real: str) -> DosNames:
        """Return the names in a directory, a path of the tree; DOS' error if it is none."""
        if self.files.names_version != self._version:
            self._forget()
        try:
            return self._names.get(real) or self._names_of(real)
        except OSError as error:
            raise call_failed(error) from None

    def _names_of(self, real: str) -> DosNames:
        known = self._names.get(real)
        if known is None:
            node = self.files.lookup(real)
            names = self.files.listdir(node)
            known = _on_disk(real, names) if self._is_disk else DosNames(real, names)
            if len(self._names) >= MAX_LISTED or node in self._named:  # by way of a link
                self._forget()
            self._names[real] = self._named[node] = known
        return known

    def full_path(self, real: str) -> str:
        r"""Return a path of the tree in DOS' names, with drive and first ``\``."""
        return f"{letter(self.drive)}:\\{self.dos_path(real)}"

    def dos_path(self, real: str) -> str:
        r"""Return a path of the tree in DOS' names, without drive and first ``\``."""
        if self.files.names_version != self._version:
            self._forget()
        path = self._shown.get(real)
        if path is None:
            if len(self._shown) >= MAX_KNOWN:
                self._shown.clear()
            path = self._shown[real] = self._dos_path(real)
        return path

    def _dos_path(self, real: str) -> str:
        parts: list[str] = []
        directory = ""
        for name in [part for part in real.split("/") if part]:
            try:
                parts.append(self.names(directory or "/").shown(name))
            except CallFailed:  # a folder that can't be read, or that a recording doesn't know
                parts.append(upper(truncated(name)))
            directory += "/" + name
        return "\\".join(parts)
