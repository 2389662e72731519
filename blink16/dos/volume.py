r"""A drive: a file tree under DOS' names.

Paths come with backslashes and in any case; they leave as the tree's own paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from blink16.dos.errors import CallFailed, Code, call_failed
from blink16.dos.fat import FatTree
from blink16.dos.names import (
    ANY_NAME,
    DEVICES,
    device_part,
    dotted,
    fits,
    matcher,
    short_names,
    template,
    truncated,
    upper,
)
from blink16.hostfs.files import GONE, FileKind, FileTree, Stat

DRIVE_C = 2
"""C as INT 21h/19h counts, from 0 for A."""
DRIVE_LETTERS = 26
MAX_KNOWN = 1024
"""Paths whose meaning is remembered."""
MAX_LISTED = 32
"""Folders whose names are."""
MAX_DIRECTORY = 63
r"""Characters in a current directory without drive and first ``\``, as 47h's buffer holds."""
READ_ONLY, HIDDEN, SYSTEM, VOLUME, DIRECTORY, ARCHIVE = (1 << bit for bit in range(6))
OWNER_WRITE = 0o200


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
    """The names in a folder of the tree, under DOS' names."""

    def __init__(self, real: str, names: tuple[str, ...], *, has_dos_names: bool) -> None:
        """``has_dos_names``: as a disk, whose entries have an order, too."""
        self._has_dos_names = has_dos_names
        self.names = names
        """Those that the tree has."""
        self._short = dict(zip(names, names, strict=True)) if has_dos_names else short_names(names)
        above = real.rstrip("/")
        self.entries = {known: f"{above}/{name}" for known, name in self._short.items()}
        """Paths of the tree by DOS' names, in order, without '.' and '..'."""

    @cached_property
    def shown(self) -> dict[str, str]:
        """DOS' names by the tree's own."""
        return {name: known for known, name in self._short.items()}

    @cached_property
    def _upper(self) -> dict[str, str]:
        """The names in the tree by themselves in capitals; the first of them counts."""
        return {upper(name): name for name in reversed(self.names)}

    @cached_property
    def _templates(self) -> list[tuple[bytes, str]]:
        return [(template(known), known) for known in self._short]

    def real_name(self, part: str) -> str | None:
        """Return the name in the tree that DOS' name means: as it stands, or in another case."""
        if part in self.names:  # as it stands
            return part
        return self._upper.get(upper(part)) or self._short.get(upper(truncated(part)))

    def matching(self, pattern: bytes) -> tuple[str, ...]:
        """Return DOS' names that match the eleven bytes of a template."""
        if pattern == ANY_NAME:
            return tuple(self._short)
        if not self._has_dos_names and b"?" not in pattern:
            known = dotted(pattern)
            return (known,) if known in self._short else ()
        matches = matcher(pattern)
        return tuple(name for raw, name in self._templates if matches(raw))


@lru_cache(maxsize=MAX_KNOWN)
def _parts(path: str) -> tuple[str, ...]:
    """Split a path into names; those that lead nowhere go."""
    return tuple(part for part in re.split(r"[\\/]", path) if part and part != ".")


@lru_cache(maxsize=MAX_LISTED)
def _dos_names(real: str, names: tuple[str, ...], has_dos_names: bool) -> DosNames:
    """Return what a folder's names are to DOS: the same while others come and go."""
    return DosNames(real, names, has_dos_names=has_dos_names)


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
        self._listed: dict[str, DosNames] = {}
        """The names in folders, as they were when somebody last looked."""
        self._places: dict[tuple[str, str], str] = {}
        self._entries: dict[str, Entry] = {}
        """What paths of a folder's tree stand for, as they were last described."""
        self._shown: dict[str, str] = {}
        """DOS' paths of those of the tree that were asked for."""

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
        self._forget_changed()
        real = self._places.get((path, cwd))
        if real is None:
            real = self._locate(path, cwd)
            if len(self._places) >= MAX_KNOWN:
                self._places.clear()
            self._places[path, cwd] = real
        return real

    def _forget_changed(self) -> None:
        """Forget what was found, if names have been made or gone since."""
        version = self.files.names_version
        if version != self._version:
            self._version = version
            self._names.clear()
            self._places.clear()
            self._shown.clear()

    def _locate(self, path: str, cwd: str) -> str:
        parts = _parts(path)
        real = "" if path[:1] in ("\\", "/") else cwd.rstrip("/")
        for number, part in enumerate(parts, 1):
            if part == "..":
                if not real:
                    raise CallFailed(Code.PATH_NOT_FOUND)
                real = real.rpartition("/")[0]
                continue
            name = self._real_name(real or "/", part)
            if name is None:
                if number < len(parts):
                    raise CallFailed(Code.PATH_NOT_FOUND)
                name = truncated(part)
            real = f"{real}/{name}"
        return real or "/"

    def _real_name(self, directory: str, part: str) -> str | None:
        """Return the name in the tree that DOS' name means."""
        try:
            return self._names_of(directory).real_name(part)
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

    def entries(self, real: str) -> dict[str, str]:
        """Map DOS' names in a directory to paths of the tree, in order, without '.' and '..'."""
        return self.names(real).entries

    def names(self, real: str) -> DosNames:
        """Return the names in a directory, a path of the tree; DOS' error if it is none."""
        known = self._names.get(real)
        if known is not None and self.files.names_version == self._version:
            return known
        try:
            return self._names_of(real)
        except OSError as error:
            raise call_failed(error) from None

    def _names_of(self, real: str) -> DosNames:
        self._forget_changed()
        known = self._names.get(real)
        if known is None:
            names = self.files.listdir(self.files.lookup(real))
            known = self._listed.get(real)
            if known is None or known.names is not names:
                known = _dos_names(real, names, self._is_disk)
            if len(self._listed) >= MAX_LISTED:
                self._names.clear()
                self._listed.clear()
            self._names[real] = self._listed[real] = known
        return known

    def full_path(self, real: str) -> str:
        r"""Return a path of the tree in DOS' names, with drive and first ``\``."""
        return f"{letter(self.drive)}:\\{self.dos_path(real)}"

    def dos_path(self, real: str) -> str:
        r"""Return a path of the tree in DOS' names, without drive and first ``\``."""
        self._forget_changed()
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
                short = self.names(directory or "/").shown.get(name)
            except CallFailed:  # a folder that can't be read, or that a recording doesn't know
                short = None
            directory += "/" + name
            parts.append(upper(truncated(name)) if short is None else short)
        return "\\".join(parts)
