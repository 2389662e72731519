"""A FAT12 or FAT16 disk as a file tree, as DOS' calls want one.

It keeps nothing: what it knows stands on the disk (`fat_disk`), whose sectors are part of the
machine's state.  A file's node is the place of its directory entry.  All methods raise OSError with
an errno, or `CriticalError` for what INT 24h tells of.
Source: Microsoft, FAT32 File System Specification (2000).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.bios.disk import Disk
from blink16.bios.geometry import SECTOR_SIZE
from blink16.dos import clock
from blink16.dos.fat_disk import ENTRY_SIZE, FatDisk
from blink16.dos.names import dotted, template
from blink16.hostfs.files import GONE, ROOT, FileKind, Stat
from blink16.hostfs.hostfolder import os_error

READ_ONLY, HIDDEN, SYSTEM, LABEL, DIRECTORY, ARCHIVE = (1 << bit for bit in range(6))
ENTRIES = SECTOR_SIZE // ENTRY_SIZE
FREE, DELETED, KANJI_E5 = 0x00, 0xE5, 0x05
FIRST_NODE = 16
MAX_FILE = 1 << 25

DIRENT = Struct(
    "name" / Bytes(11),
    "attributes" / Int8ul,
    Padding(10),
    "time" / Int16ul,
    "date" / Int16ul,
    "cluster" / Int16ul,
    "size" / Int32ul,
)


class FatTree:
    """The tree.  Methods are those of `files.FileTree` that DOS uses."""

    def __init__(self, disk: Callable[[], Disk | None], drive: int, now: Callable[[], int]) -> None:
        """``disk`` returns what is in the drive; ``now``: seconds since the Unix epoch."""
        self.disk = FatDisk(disk, drive)
        self._now = now

    @property
    def names_version(self) -> object:
        """As that of a folder's tree; programs may write a disk's sectors, so each is new."""
        return object()

    # -- directories -------------------------------------------------------------------------

    def _directory_sectors(self, node: int) -> list[int]:
        if node == ROOT:
            layout = self.disk.layout()
            return list(range(layout.root, layout.data))
        table = self.disk.table()
        entry = self._entry(node)
        if not entry.attributes & DIRECTORY:
            raise os_error(errno.ENOTDIR)
        return table.sectors(entry.cluster)

    def _slots(self, directory: int) -> Iterator[tuple[int, Any]]:
        """Return the places of a directory's entries, and the entries, up to its end."""
        for sector in self._directory_sectors(directory):
            data = self.disk.sector(sector)
            for index in range(ENTRIES):
                raw = data[index * ENTRY_SIZE : (index + 1) * ENTRY_SIZE]
                yield sector * ENTRIES + index + FIRST_NODE, DIRENT.parse(raw)

    def _entries(self, directory: int) -> Iterator[tuple[int, Any]]:
        """Return files and folders."""
        for node, entry in self._slots(directory):
            if entry.name[0] == FREE:
                return
            if entry.name[0] != DELETED and not entry.attributes & LABEL:
                yield node, entry

    def _entry(self, node: int) -> Any:
        sector, index = divmod(node - FIRST_NODE, ENTRIES)
        if node < FIRST_NODE:
            raise os_error(errno.EBADF)
        data = self.disk.sector(sector)
        return DIRENT.parse(data[index * ENTRY_SIZE : (index + 1) * ENTRY_SIZE])

    def _put_entry(self, node: int, entry: Any) -> None:
        sector, index = divmod(node - FIRST_NODE, ENTRIES)
        data = bytearray(self.disk.sector(sector))
        data[index * ENTRY_SIZE : (index + 1) * ENTRY_SIZE] = DIRENT.build(entry)
        self.disk.put_sector(sector, bytes(data))

    def _change(self, node: int, **fields: Any) -> None:
        entry = self._entry(node)
        entry.update(fields)
        self._put_entry(node, entry)

    def _name(self, entry: Any) -> str:
        raw = entry.name
        return dotted(bytes((DELETED,)) + raw[1:] if raw[0] == KANJI_E5 else raw)

    def _walk(self, path: str) -> tuple[int, str, int | None]:
        """Return the folder that a path's last name lies in, that name, and its node."""
        names = [name for name in path.split("/") if name]
        node, parent = ROOT, ROOT
        for number, name in enumerate(names):
            parent = node
            raw = template(name)
            found = next((n for n, e in self._entries(node) if e.name == raw), None)
            if found is None:
                if number < len(names) - 1:
                    raise os_error(errno.ENOENT, path)
                return parent, name, None
            node = found
        return parent, names[-1] if names else "", node

    def lookup(self, path: str) -> int:
        """Return the node at a path."""
        node = self.find(path)
        if node == GONE:
            raise os_error(errno.ENOENT, path)
        return node

    def find(self, path: str) -> int:
        """Return the node at a path, GONE if there is nothing of the last name."""
        return self._walk(path)[2] or GONE

    def listdir(self, node: int) -> tuple[str, ...]:
        """Return the names in a folder, as they are stored, without '.' and '..'."""
        return tuple(
            self._name(entry) for _, entry in self._entries(node) if entry.name[:1] != b"."
        )

    def stat(self, node: int) -> Stat:
        """Describe a node."""
        if node == ROOT:
            return Stat(ROOT, FileKind.DIRECTORY, 0o777, 0, 0, 1)
        entry = self._entry(node)
        kind = FileKind.DIRECTORY if entry.attributes & DIRECTORY else FileKind.FILE
        mode = 0o444 if entry.attributes & READ_ONLY else 0o666
        try:
            mtime = clock.unpack(entry.date, entry.time)
        except ValueError:
            mtime = 0
        return Stat(node, kind, mode, entry.size, mtime, 1)

    def is_writable(self, node: int) -> bool:
        """Whether a node is a file that is not read-only."""
        return node != ROOT and not self._entry(node).attributes & (DIRECTORY | READ_ONLY)

    def size(self, node: int) -> int:
        """Return a file's length in bytes."""
        length: int = self._entry(node).size
        return length

    def name(self, node: int) -> str:
        """Return the name that an entry has; that of a file that was deleted is gone."""
        return self._name(self._entry(node))

    def attributes(self, node: int) -> int:
        """Return an entry's attribute byte."""
        byte: int = DIRECTORY if node == ROOT else self._entry(node).attributes
        return byte

    def set_attributes(self, node: int, attributes: int) -> None:
        """Set an entry's attributes, but for what kind it is."""
        kept = self._entry(node).attributes & (DIRECTORY | LABEL)
        self._change(node, attributes=attributes & ~(DIRECTORY | LABEL) | kept)

    # -- content -----------------------------------------------------------------------------

    def read(self, node: int, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``offset`` on; none at the end."""
        entry = self._entry(node)
        end = min(offset + length, entry.size)
        if offset >= end:
            return b""
        sectors = self.disk.table().sectors(entry.cluster)
        first, last = offset // SECTOR_SIZE, (end - 1) // SECTOR_SIZE
        data = b"".join(map(self.disk.sector, sectors[first : last + 1]))
        start = offset - first * SECTOR_SIZE
        return data[start : start + end - offset]

    def write(self, node: int, offset: int, data: bytes) -> int:
        """Store bytes at ``offset``; return how many, fewer if the disk is full."""
        if not data:
            return 0
        entry = self._entry(node)
        end = offset + len(data)
        room = self._grow(node, entry, end)
        end = min(end, room)
        data = data[: max(0, end - offset)]
        sectors = self.disk.table().sectors(self._entry(node).cluster)
        at = offset
        while at < end:
            number, inside = divmod(at, SECTOR_SIZE)
            part = data[at - offset : at - offset + SECTOR_SIZE - inside]
            old = self.disk.sector(sectors[number])
            self.disk.put_sector(sectors[number], old[:inside] + part + old[inside + len(part) :])
            at += len(part)
        date, time = clock.pack(self._now())
        size = max(entry.size, end)
        attributes = entry.attributes | ARCHIVE
        self._change(node, size=size, date=date, time=time, attributes=attributes)
        return len(data)

    def _grow(self, node: int, entry: Any, size: int) -> int:
        """Give a file clusters for ``size`` bytes, as far as there are any; how many fit."""
        if size > MAX_FILE:
            raise os_error(errno.EFBIG)
        table = self.disk.table()
        chain, cluster_size = table.chain(entry.cluster), table.layout.cluster_size
        wanted = -(-size // cluster_size)
        if wanted <= len(chain):
            return len(chain) * cluster_size
        for cluster in islice(table.free(), wanted - len(chain)):
            table[cluster] = table.layout.end_mark
            if chain:
                table[chain[-1]] = cluster
            else:
                self._change(node, cluster=cluster)
            chain.append(cluster)
        self.disk.put_table(table)
        return len(chain) * cluster_size

    def truncate(self, node: int, size: int = 0) -> None:
        """Set a file's length; ENOSPC if it can't become so long."""
        entry = self._entry(node)
        if size > entry.size:
            if self._grow(node, entry, size) < size:
                raise os_error(errno.ENOSPC)
        else:
            self._shrink(node, entry, size)
        date, time = clock.pack(self._now())
        self._change(node, size=size, date=date, time=time)

    def _shrink(self, node: int, entry: Any, size: int) -> None:
        table = self.disk.table()
        chain = table.chain(entry.cluster)
        kept = -(-size // table.layout.cluster_size)
        for cluster in chain[kept:]:
            table[cluster] = 0
        if kept and kept < len(chain):
            table[chain[kept - 1]] = table.layout.end_mark
        self.disk.put_table(table)
        if not kept:
            self._change(node, cluster=0)

    def hold(self, node: int) -> None:
        """Nothing is kept for an open file."""

    def release(self, node: int) -> None:
        """Nothing was kept."""

    # -- changes -----------------------------------------------------------------------------

    def _add(self, directory: int, name: str, attributes: int, cluster: int = 0) -> int:
        """Enter a new name into a folder; ENOSPC if the root or the disk is full."""
        for node, entry in self._slots(directory):
            if entry.name[0] in (FREE, DELETED):
                date, time = clock.pack(self._now())
                fields = {
                    "name": template(name),
                    "attributes": attributes,
                    "time": time,
                    "date": date,
                    "cluster": cluster,
                    "size": 0,
                }
                self._put_entry(node, fields)
                return node
        if directory == ROOT:
            raise os_error(errno.ENOSPC, name)
        self._grow_directory(directory)
        return self._add(directory, name, attributes, cluster)

    def _grow_directory(self, directory: int) -> None:
        cluster_size = self.disk.layout().cluster_size
        entry = self._entry(directory)
        before = len(self._directory_sectors(directory))
        size = before * SECTOR_SIZE + cluster_size
        if self._grow(directory, entry, size) < size:
            raise os_error(errno.ENOSPC)
        for sector in self._directory_sectors(directory)[before:]:
            self.disk.put_sector(sector, bytes(SECTOR_SIZE))

    def create(self, path: str, mode: int = 0o666, *, exclusive: bool = False) -> int:
        """Return the file at a path, making an empty one if there is none."""
        parent, name, node = self._walk(path)
        if node is not None:
            if exclusive:
                raise os_error(errno.EEXIST, path)
            return node
        read_only = 0 if mode & 0o200 else READ_ONLY
        return self._add(parent, name, ARCHIVE | read_only)

    def mkdir(self, path: str) -> int:
        """Make a folder."""
        parent, name, node = self._walk(path)
        if node is not None:
            raise os_error(errno.EEXIST, path)
        made = self._add(parent, name, DIRECTORY)
        try:
            self._grow_directory(made)
        except OSError:
            self._erase(made)
            raise
        above = 0 if parent == ROOT else self._entry(parent).cluster
        for raw, cluster in ((b".", self._entry(made).cluster), (b"..", above)):
            self._add_raw(made, raw.ljust(11), cluster)
        return made

    def _add_raw(self, directory: int, raw: bytes, cluster: int) -> None:
        date, time = clock.pack(self._now())
        node = next(n for n, entry in self._slots(directory) if entry.name[0] == FREE)
        fields = {"attributes": DIRECTORY, "time": time, "date": date, "size": 0}
        self._put_entry(node, {"name": raw, "cluster": cluster, **fields})

    def _erase(self, node: int) -> None:
        entry = self._entry(node)
        self._shrink(node, entry, 0)
        self._change(node, name=bytes((DELETED,)) + entry.name[1:])

    def unlink(self, path: str) -> None:
        """Remove a file."""
        node = self.lookup(path)
        if node == ROOT or self._entry(node).attributes & DIRECTORY:
            raise os_error(errno.EISDIR, path)
        self._erase(node)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        node = self.lookup(path)
        if node == ROOT:
            raise os_error(errno.EBUSY, path)
        if self.listdir(node):
            raise os_error(errno.ENOTEMPTY, path)
        self._erase(node)

    def rename(self, old: str, new: str) -> None:
        """Move a file or folder."""
        node = self.lookup(old)
        parent, name, there = self._walk(new)
        if there is not None and there != node:
            raise os_error(errno.EEXIST, new)
        if self._walk(old)[0] == parent:
            self._change(node, name=template(name))
            return
        entry = self._entry(node)
        if entry.attributes & DIRECTORY:
            raise os_error(errno.EACCES, new)
        moved = self._add(parent, name, entry.attributes, entry.cluster)
        self._change(moved, size=entry.size, date=entry.date, time=entry.time)
        self._change(node, name=bytes((DELETED,)) + entry.name[1:])

    def chmod(self, node: int, mode: int) -> None:
        """Set whether a file can be written."""
        attributes = self._entry(node).attributes & ~READ_ONLY
        self._change(node, attributes=attributes | (0 if mode & 0o200 else READ_ONLY))

    def utime(self, node: int, mtime: int) -> None:
        """Set the time of last change, in seconds since the Unix epoch."""
        date, time = clock.pack(mtime)
        self._change(node, date=date, time=time)

    # -- the label ---------------------------------------------------------------------------

    def _label_node(self) -> int | None:
        for node, entry in self._slots(ROOT):
            if entry.name[0] == FREE:
                return None
            if entry.name[0] != DELETED and entry.attributes & LABEL:
                return node
        return None

    def label(self) -> bytes:
        """Return the volume's label; empty if it has none."""
        node = self._label_node()
        return b"" if node is None else bytes(self._entry(node).name).rstrip()

    def set_label(self, label: bytes) -> None:
        """Set the label, or (empty) take it away."""
        node = self._label_node()
        if node is not None and label:
            self._change(node, name=label.ljust(11))
        elif node is not None:
            self._change(node, name=bytes((DELETED,)) + self._entry(node).name[1:])
        elif label:
            node = self._add(ROOT, "X", LABEL)
            self._change(node, name=label.ljust(11))
