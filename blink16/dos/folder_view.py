"""A folder as the sectors of a FAT16 disk, for programs that look at disks (INT 25h).

Sectors are made as they are asked for, from the tree as it is now; they can't be written.  What
the folder has is looked through again only once something has changed there (`view_of`).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple
from weakref import WeakKeyDictionary

from construct import Const, Int8ul, Int32ul, Padding, Struct

from blink16.bios.geometry import BPB
from blink16.dos import clock
from blink16.dos.directory_calls import (
    CLUSTER_SECTORS,
    CLUSTERS,
    HARD_DISK_MEDIA,
    SECTOR_SIZE,
)
from blink16.dos.errors import CallFailed, CriticalError, CriticalKind
from blink16.dos.fat import DIRENT
from blink16.dos.fat_disk import ENTRY_SIZE
from blink16.dos.names import template
from blink16.dos.volume import Volume
from blink16.hostfs.files import FileKind, FileTree

FATS = 2
FAT_SECTORS = -(-(CLUSTERS + 2) * 2 // SECTOR_SIZE)
ROOT_ENTRIES = 512
ROOT = 1 + FATS * FAT_SECTORS
DATA = ROOT + ROOT_ENTRIES * ENTRY_SIZE // SECTOR_SIZE
CLUSTER_SIZE = CLUSTER_SECTORS * SECTOR_SIZE
MAX_ENTRIES = 4096
"""Files and folders that are shown."""
END_MARK = 0xFFFF
SERIAL_NUMBER = 0xB116_2026
"""Drive A's would be that; each drive has another."""
EXTENDED_OFFSET = 0x24
EXTENDED = Struct(
    "drive" / Const(0x80, Int8ul),
    Padding(1),
    "signature" / Const(0x29, Int8ul),
    "serial" / Int32ul,
    "label" / Const(b"NO NAME    "),
    "file_system" / Const(b"FAT16   "),
)
"""What follows the BPB in a boot sector since DOS 4."""


class Extent(NamedTuple):
    """Clusters in a row that hold a folder or a file."""

    first: int
    clusters: int
    node: int
    content: bytes | None
    """A folder's; a file's is read when it is wanted."""


def view_of(volume: Volume, files: FileTree) -> FolderView:
    """Return the disk that a volume's folder, ``files``, would be now."""
    kept = _VIEWS.get(volume)
    if kept is None or kept.version != files.version:
        kept = _VIEWS[volume] = FolderView(volume)
        kept.version = files.version
    return kept


class FolderView:
    """The disk that a volume's folder would be."""

    def __init__(self, volume: Volume) -> None:
        self.version = 0
        """Of the tree when it was made."""
        self._volume = volume
        self._next = 2
        self._shown = 0
        self._extents: list[Extent] = []
        self._boot = self._boot_sector()

    @cached_property
    def _root(self) -> bytes:
        """The root's entries, once all that is in the folder has its clusters."""
        return self._directory("/", 0, 0)[: ROOT_ENTRIES * ENTRY_SIZE]

    def _directory(self, real: str, cluster: int, above: int) -> bytes:
        """Return a folder's entries, having given clusters to all that is in it."""
        raw = b""
        if cluster:
            raw += _entry(b".".ljust(11), 0x10, cluster, 0, 0)
            raw += _entry(b"..".ljust(11), 0x10, above, 0, 0)
        try:
            names = self._volume.names(real)
        except CallFailed:
            return raw
        for name in names.ordered:
            path = names.entries[name]
            if self._shown >= MAX_ENTRIES:
                break
            try:
                entry = self._volume.entry(path)
            except CallFailed:
                continue
            self._shown += 1
            is_folder = entry.stat.kind is FileKind.DIRECTORY
            size = 0 if is_folder else entry.stat.size
            if entry.stat.kind not in (FileKind.FILE, FileKind.DIRECTORY):
                continue
            first = self._take(entry.stat.node, size, is_folder=is_folder)
            if is_folder and first:
                at = len(self._extents) - 1
                content = self._directory(path, first, cluster)[:CLUSTER_SIZE]
                self._extents[at] = self._extents[at]._replace(content=content)
            raw += _entry(template(name), entry.attributes, first, size, entry.stat.mtime)
        return raw

    def _take(self, node: int, size: int, *, is_folder: bool) -> int:
        """Give clusters to an entry; 0 if it needs none or there are none left."""
        count = 1 if is_folder else -(-size // CLUSTER_SIZE)
        if not count or self._next + count > CLUSTERS + 2:
            return 0
        self._extents.append(Extent(self._next, count, node, b"" if is_folder else None))
        self._next += count
        return self._extents[-1].first

    def sector(self, number: int) -> bytes:
        """Return a sector; CriticalError if there is none of that number."""
        if number == 0:
            return self._boot
        root = self._root
        if number < ROOT:
            return self._fat_sector((number - 1) % FAT_SECTORS)
        if number < DATA:
            start = (number - ROOT) * SECTOR_SIZE
            return root[start : start + SECTOR_SIZE].ljust(SECTOR_SIZE, b"\0")
        cluster, inside = divmod(number - DATA, CLUSTER_SECTORS)
        if cluster >= CLUSTERS:
            raise CriticalError(CriticalKind.SECTOR_NOT_FOUND, self._volume.drive, False)
        return self._data_sector(cluster + 2, inside)

    def _boot_sector(self) -> bytes:
        raw: bytes = BPB.build(
            {
                "jump": b"\xeb\x3c\x90",
                "oem": b"BLINK16 ",
                "sector_size": SECTOR_SIZE,
                "cluster_sectors": CLUSTER_SECTORS,
                "reserved_sectors": 1,
                "fats": FATS,
                "root_entries": ROOT_ENTRIES,
                "sectors16": 0,
                "media": HARD_DISK_MEDIA,
                "fat_sectors": FAT_SECTORS,
                "track_sectors": 63,
                "heads": 255,
                "hidden": 0,
                "sectors32": DATA + CLUSTERS * CLUSTER_SECTORS,
            }
        )
        extended = EXTENDED.build({"serial": SERIAL_NUMBER + self._volume.drive})
        raw = raw.ljust(EXTENDED_OFFSET, b"\0") + extended
        return raw.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"

    def _fat_sector(self, number: int) -> bytes:
        per_sector = SECTOR_SIZE // 2
        first = number * per_sector
        values = [0] * per_sector
        if number == 0:
            values[:2] = [0xFF00 | HARD_DISK_MEDIA, END_MARK]
        for extent in self._extents[self._extent_at(first) :]:
            if extent.first >= first + per_sector:
                break
            end = extent.first + extent.clusters
            for cluster in range(max(first, extent.first), min(first + per_sector, end)):
                values[cluster - first] = END_MARK if cluster == end - 1 else cluster + 1
        return b"".join(value.to_bytes(2, "little") for value in values)

    def _extent_at(self, cluster: int) -> int:
        """Return the number of the extent that a cluster lies in, or which begins next."""
        return max(0, bisect_right(self._extents, cluster, key=attrgetter("first")) - 1)

    def _data_sector(self, cluster: int, inside: int) -> bytes:
        for extent in self._extents[self._extent_at(cluster) :][:1]:
            if extent.first <= cluster < extent.first + extent.clusters:
                start = (cluster - extent.first) * CLUSTER_SIZE + inside * SECTOR_SIZE
                if extent.content is not None:
                    data = extent.content[start : start + SECTOR_SIZE]
                else:
                    data = self._read(extent.node, start)
                return data.ljust(SECTOR_SIZE, b"\0")
        return bytes(SECTOR_SIZE)

    def _read(self, node: int, start: int) -> bytes:
        try:
            return self._volume.files.read(node, start, SECTOR_SIZE)
        except OSError:
            raise CriticalError(CriticalKind.READ_FAULT, self._volume.drive, False) from None


_VIEWS: WeakKeyDictionary[Volume, FolderView] = WeakKeyDictionary()


def _entry(name: bytes, attributes: int, cluster: int, size: int, mtime: int) -> bytes:
    date, time = clock.pack(mtime)
    raw: bytes = DIRENT.build(
        {
            "name": name,
            "attributes": attributes,
            "time": time,
            "date": date,
            "cluster": cluster,
            "size": size & 0xFFFFFFFF,
        }
    )
    return raw
