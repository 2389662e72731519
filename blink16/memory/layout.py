"""How large memory is, and where its arrays lie in the one mapping that holds them all.

Native code is compiled for these places.
"""

from __future__ import annotations

import contextlib
import mmap

MEMORY_SIZE = 1 << 20
ADDRESS_BITS = 20
ADDRESS_MASK = MEMORY_SIZE - 1
RAM_SIZE = MEMORY_SIZE + (1 << 16)
"""With what an 80286 reaches above the first mebibyte when its address line 20 is open."""
PAGE_SHIFT = 8
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_COUNT = RAM_SIZE >> PAGE_SHIFT
PARAGRAPH = 16
"""Bytes from where one segment begins to where the next does."""
SEGMENT_SIZE = 1 << 16
"""Bytes that offsets reach."""
MAX_INSTRUCTION = 16
"""Bytes in which each instruction has room, with its prefixes; an engine may fetch so many at once.
"""

# Where the arrays lie in the one mapping.
ATTRIBUTES_OFFSET, PAGES_OFFSET = RAM_SIZE, 2 * RAM_SIZE
SCRATCH_OFFSET = 3 * RAM_SIZE
SCRATCH_SIZE = 17 * MEMORY_SIZE
"""Room for an engine's own tables, zero at first; it costs memory only where it is used."""
PLANES_OFFSET = SCRATCH_OFFSET + SCRATCH_SIZE
"""The four planes of an EGA or VGA, 65,536 cells of four bytes (see `blink16.cpu.planar`)."""
PLANES_SIZE = 1 << 18
PLANAR_OFFSET = PLANES_OFFSET + PLANES_SIZE
"""Its registers, in cells of 32 bits."""
PLANAR_SIZE = 64
DIRTY_OFFSET = PLANAR_OFFSET + PLANAR_SIZE
"""A byte for each part of the planes, not 0 if that was written since the device looked."""
DIRTY_SHIFT = 10
"""A part has 1024 cells."""
DIRTY_SIZE = PLANES_SIZE >> 2 >> DIRTY_SHIFT
SAID_OFFSET = DIRTY_OFFSET + DIRTY_SIZE
"""What native code has shown on the console in this run."""
SAID_SIZE = 8192
ARENA_SIZE = SAID_OFFSET + SAID_SIZE


def linear(segment: int, offset: int, line_20: int = 0) -> int:
    """Return the linear address of ``segment:offset`` (16 bits each), wrapped at 1 MiB.

    ``line_20``: 1 where a processor has address line 20, and it is open; then nothing wraps.
    Who has the machine asks its memory (`Memory.linear`).
    """
    return (segment << 4) + (offset & 0xFFFF) & (ADDRESS_MASK | line_20 << ADDRESS_BITS)


def map_arena(size: int = ARENA_SIZE) -> mmap.mmap:
    """Return zeroed memory that becomes resident page by page, as it is used."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size)
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            area.madvise(mmap.MADV_NOHUGEPAGE)
    return area
