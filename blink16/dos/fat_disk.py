"""A disk as FAT12 and FAT16 part it: where its parts are, and which clusters follow each other.

Nothing is kept: what is known stands in the disk's sectors.
Source: Microsoft, FAT32 File System Specification (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from blink16.bios.disk import Disk
from blink16.bios.geometry import BPB, SECTOR_SIZE
from blink16.dos.errors import CriticalError, CriticalKind

ENTRY_SIZE = 32
"""Bytes of a directory's entry."""
FIRST_CLUSTER = 2
FAT12_CLUSTERS = 4085
MAX_CLUSTERS = 65525


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a volume are, in sectors."""

    reserved: int
    fats: int
    fat_sectors: int
    root_sectors: int
    cluster_sectors: int
    total: int
    media: int

    @property
    def root(self) -> int:
        """The first sector of the root directory."""
        return self.reserved + self.fats * self.fat_sectors

    @property
    def data(self) -> int:
        """The first sector of cluster 2."""
        return self.root + self.root_sectors

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return max(0, (self.total - self.data) // self.cluster_sectors)

    @property
    def is_fat12(self) -> bool:
        """Whether the table's entries have twelve bits."""
        return self.clusters < FAT12_CLUSTERS

    @property
    def end_mark(self) -> int:
        """What the table has for the last cluster of a file."""
        return 0xFFF if self.is_fat12 else 0xFFFF

    @property
    def cluster_size(self) -> int:
        """Bytes of a cluster."""
        return self.cluster_sectors * SECTOR_SIZE


class FatTable:
    """A file allocation table: for each cluster the next one of its file, 0 where it is free."""

    def __init__(self, layout: Layout, content: bytes) -> None:
        self.layout = layout
        self.content = bytearray(content)
        self._is_fat12 = layout.is_fat12

    def __getitem__(self, cluster: int) -> int:
        if not self._is_fat12:
            return int.from_bytes(self.content[2 * cluster : 2 * cluster + 2], "little")
        at = cluster * 3 // 2
        word = int.from_bytes(self.content[at : at + 2], "little")
        return word >> 4 if cluster & 1 else word & 0xFFF

    def __setitem__(self, cluster: int, value: int) -> None:
        if not self._is_fat12:
            self.content[2 * cluster : 2 * cluster + 2] = value.to_bytes(2, "little")
            return
        at = cluster * 3 // 2
        word = int.from_bytes(self.content[at : at + 2], "little")
        word = (word & 0x000F | value << 4) if cluster & 1 else (word & 0xF000 | value)
        self.content[at : at + 2] = word.to_bytes(2, "little")

    def free(self) -> Iterator[int]:
        """Yield the clusters that are free when their turn comes."""
        last = FIRST_CLUSTER + self.layout.clusters
        return (cluster for cluster in range(FIRST_CLUSTER, last) if not self[cluster])

    def chain(self, cluster: int) -> list[int]:
        """Return a file's clusters; what a damaged table loops through comes once."""
        chain: list[int] = []
        seen: set[int] = set()
        while 0 <= cluster - FIRST_CLUSTER < self.layout.clusters and cluster not in seen:
            chain.append(cluster)
            seen.add(cluster)
            cluster = self[cluster]
        return chain

    def sectors(self, cluster: int) -> list[int]:
        """Return the sectors of a file that begins with a cluster."""
        size, data = self.layout.cluster_sectors, self.layout.data
        return [
            data + (one - FIRST_CLUSTER) * size + n
            for one in self.chain(cluster)
            for n in range(size)
        ]


class FatDisk:
    """What is in a drive; `CriticalError` for what INT 24h tells of."""

    def __init__(self, disk: Callable[[], Disk | None], drive: int) -> None:
        """``disk`` returns what is in the drive."""
        self._disk_of = disk
        self._drive = drive

    def _fail(self, kind: CriticalKind, *, writing: bool = False) -> CriticalError:
        return CriticalError(kind, self._drive, writing)

    def _disk(self) -> Disk:
        disk = self._disk_of()
        if disk is None:
            raise self._fail(CriticalKind.NOT_READY)
        return disk

    def sector(self, number: int) -> bytes:
        """Return a sector of the volume."""
        disk = self._disk()
        if not 0 <= number < disk.total:
            raise self._fail(CriticalKind.SECTOR_NOT_FOUND)
        return disk.read(number)

    def put_sector(self, number: int, data: bytes) -> None:
        """Write a sector of the volume."""
        disk = self._disk()
        if disk.read_only:
            raise self._fail(CriticalKind.WRITE_PROTECT, writing=True)
        if not 0 <= number < disk.total:
            raise self._fail(CriticalKind.SECTOR_NOT_FOUND, writing=True)
        disk.write(number, data)

    def layout(self) -> Layout:
        """Read where the volume's parts are; an error that INT 24h tells if it is no volume."""
        bpb = BPB.parse(self.sector(0))
        total = bpb.sectors16 or bpb.sectors32
        layout = Layout(
            bpb.reserved_sectors,
            bpb.fats,
            bpb.fat_sectors,
            -(-bpb.root_entries * ENTRY_SIZE // SECTOR_SIZE),
            bpb.cluster_sectors,
            min(total, self._disk().total),
            bpb.media,
        )
        fits = bpb.sector_size == SECTOR_SIZE and layout.reserved and layout.fats
        if not (fits and layout.cluster_sectors and layout.fat_sectors and bpb.root_entries):
            raise self._fail(CriticalKind.UNKNOWN_MEDIA)
        if not 0 < layout.clusters < MAX_CLUSTERS:
            raise self._fail(CriticalKind.UNKNOWN_MEDIA)
        return layout

    def table(self) -> FatTable:
        """Read the first copy of the table; errors as from `layout`."""
        layout = self.layout()
        where = range(layout.reserved, layout.reserved + layout.fat_sectors)
        return FatTable(layout, b"".join(map(self.sector, where)))

    def put_table(self, table: FatTable) -> None:
        """Write all copies of the table, as far as they change."""
        layout = table.layout
        for copy in range(layout.fats):
            first = layout.reserved + copy * layout.fat_sectors
            for n in range(layout.fat_sectors):
                data = bytes(table.content[n * SECTOR_SIZE : (n + 1) * SECTOR_SIZE])
                if data != self.sector(first + n):
                    self.put_sector(first + n, data)

    def free_clusters(self) -> int:
        """Return how many clusters are free."""
        return sum(1 for _ in self.table().free())
