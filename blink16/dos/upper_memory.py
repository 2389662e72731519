"""Upper memory blocks: RAM between the adapters' ROMs, given out by the paragraph through XMS.

Source: eXtended Memory Specification 3.0, functions 10h to 12h.
"""

from __future__ import annotations

from collections.abc import Iterator

from blink16.memory import PARAGRAPH, Memory

UpperBlock = tuple[int, int]
"""A block's segment, and its size in paragraphs."""


class UpperMemory:
    """The blocks that have been given out; the rest is free."""

    def __init__(self, where: range) -> None:
        """``where``: linear addresses."""
        self._where = where
        self.blocks: tuple[UpperBlock, ...] = ()
        """In the order of their segments."""

    def plug(self, memory: Memory) -> None:
        """Have RAM there."""
        memory.write(self._where.start, bytes(len(self._where)))
        memory.have_ram(self._where)

    def _gaps(self, without: int | None = None) -> Iterator[UpperBlock]:
        """Yield what is free; ``without``: as if that block were, too."""
        at = self._where.start // PARAGRAPH
        for segment, size in self.blocks:
            if segment != without:
                yield at, segment - at
                at = segment + size
        yield at, self._where.stop // PARAGRAPH - at

    def largest(self) -> int:
        """Return the paragraphs of the largest block to be had."""
        return max(size for _, size in self._gaps())

    def request(self, paragraphs: int) -> int | None:
        """Give a block out; return its segment, or None if there is no room."""
        for segment, size in self._gaps():
            if paragraphs <= size and paragraphs:
                self.blocks = tuple(sorted((*self.blocks, (segment, paragraphs))))
                return segment
        return None

    def size(self, segment: int) -> int | None:
        """Return a block's paragraphs; None if there is no such block."""
        return dict(self.blocks).get(segment)

    def release(self, segment: int) -> None:
        """Take a block back."""
        self.blocks = tuple(block for block in self.blocks if block[0] != segment)

    def room(self, segment: int) -> int:
        """Return to how many paragraphs a block could grow where it is."""
        return next(
            first + size - segment
            for first, size in self._gaps(without=segment)
            if first <= segment < first + size
        )

    def resize(self, segment: int, paragraphs: int) -> None:
        """Let a block have another size, for which there is `room`."""
        self.release(segment)
        self.blocks = tuple(sorted((*self.blocks, (segment, paragraphs))))
