"""DOS' memory blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.text import Text

from blink16.blinkenlights.picture import MemoryWish, Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.memory import PARAGRAPH

NAME = "dos memory"
LENGTH = 0xA0000
MORE, LAST = ord("M"), ord("Z")
FREE, DOS = 0, 8
MIN_BLOCKS = 2
"""Fewer are taken for chance."""


class MemoryBlock(NamedTuple):
    """A control block, by the MS-DOS Programmer's Reference: type, owner, size, name."""

    segment: int
    size: int
    """Paragraphs behind the control block."""
    owner: int
    name: str


class ChainPanel(ListPanel):
    """A block a line."""

    TITLE = "DOS memory"
    EMPTY = "no chain of DOS memory blocks"
    HELP = (
        "DOS' memory control blocks: where each block is, how large, and whose: by the segment of "
        "the program that owns it."
    )

    @property
    def wishes(self) -> tuple[MemoryWish, ...]:
        """Conventional memory, in which the chain is looked for."""
        return (MemoryWish(NAME, 0, LENGTH),)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw the chain."""
        stretch, colors = picture.memory.get(NAME), self.palette
        lines = []
        for block in longest_chain(stretch.data) if stretch else ():
            text = Text(f"{block.segment + 1:04X} ", colors.dim, no_wrap=True)
            text.append(f"{block.size * PARAGRAPH:>8,} ", colors.number)
            owner = {FREE: "free", DOS: "DOS"}.get(block.owner, f"{block.owner:04X}")
            text.append(f"{owner:<5}", colors.faint if block.owner == FREE else colors.target)
            lines.append(text.append(block.name, colors.text))
        return lines


def longest_chain(memory: bytes) -> list[MemoryBlock]:
    """Return the longest chain of control blocks in memory from 0 on; empty if there is none."""
    heads = memory[::PARAGRAPH]
    best: list[MemoryBlock] = []
    known: set[int] = set()
    at = heads.find(MORE)
    while at >= 0:
        if at not in known:
            chain = list(_chain(memory, at))
            known.update(block.segment for block in chain)
            if len(chain) > len(best):
                best = chain
        at = heads.find(MORE, at + 1)
    return best if len(best) >= MIN_BLOCKS else []


def _chain(memory: bytes, segment: int) -> Iterator[MemoryBlock]:
    """Yield the blocks of a chain that ends as it should; none of another."""
    blocks = []
    while segment * PARAGRAPH + PARAGRAPH <= len(memory):
        head = memory[segment * PARAGRAPH : segment * PARAGRAPH + PARAGRAPH]
        if head[0] not in (MORE, LAST):
            return
        owner, size = (int.from_bytes(head[i : i + 2], "little") for i in (1, 3))
        name = head[8:].split(b"\0")[0].decode("cp437") if owner not in (FREE, DOS) else ""
        name = name if name.isprintable() else ""
        blocks.append(MemoryBlock(segment, size, owner, name))
        if head[0] == LAST:
            yield from blocks
            return
        segment += size + 1
