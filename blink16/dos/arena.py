"""DOS' memory: a chain of control blocks that lies in the guest's own memory.

Each block begins with a memory control block (MCB) of one paragraph.  Since the chain is guest
memory, programs can walk it, and destroy it: then calls fail with DOS' error 7.

Source of its format: Ralf Brown's Interrupt List, table 01628.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from blink16.dos.errors import CallFailed, Code
from blink16.memory import Memory, linear

FREE = 0
OWNER_DOS = 8
ANOTHER, LAST = b"M", b"Z"
"""The types of a control block."""
_MCB = struct.Struct("<cHH3x8s")
"""Type, owner (the segment of a PSP, `FREE` or `OWNER_DOS`), paragraphs behind it, and in a PSP's
the program's name.  Each call that looks for memory reads the chain: construct takes ten times as
long.
"""


KNOWN_NAMES = 64
"""Names that need not be decoded anew."""


class Strategy(IntEnum):
    """Which free block an allocation takes (INT 21h/58h)."""

    FIRST_FIT = 0
    BEST_FIT = 1
    LAST_FIT = 2


class MemoryBlock(NamedTuple):
    """A control block at ``segment``, and ``size`` paragraphs of memory behind it."""

    segment: int
    size: int
    owner: int
    last: bool
    name: str = ""

    @property
    def data(self) -> int:
        """The segment of the block's memory, by which programs know it."""
        return self.segment + 1

    @property
    def next(self) -> int:
        """The segment of the following control block."""
        return self.segment + 1 + self.size

    def resized(self, size: int, *, last: bool) -> MemoryBlock:
        """Return the block with another size."""
        return MemoryBlock(self.segment, size, self.owner, last, self.name)

    def owned(self, owner: int, name: str = "") -> MemoryBlock:
        """Return the block with another owner and name."""
        return MemoryBlock(self.segment, self.size, owner, self.last, name)


def put(memory: Memory, block: MemoryBlock) -> None:
    """Write a control block."""
    kind, name = LAST if block.last else ANOTHER, block.name.encode("ascii", "replace")
    raw = _MCB.pack(kind, block.owner, block.size, name)
    memory.write(linear(block.segment, 0), raw)


def get(memory: Memory, segment: int) -> MemoryBlock:
    """Read a control block; error 7 if there is none at ``segment``."""
    kind, owner, size, name = _MCB.unpack(memory.read(linear(segment, 0), _MCB.size))
    block = MemoryBlock(segment, size, owner, kind == LAST, _text(name))
    if kind not in (ANOTHER, LAST) or block.next > 0xFFFF:
        raise CallFailed(Code.MEMORY_DESTROYED)
    return block


@lru_cache(maxsize=KNOWN_NAMES)
def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("ascii", "replace")


def blocks(memory: Memory, first: int) -> Iterator[MemoryBlock]:
    """Walk the chain, joining free neighbours on the way as DOS does."""
    segment = first
    while True:
        block = get(memory, segment)
        while block.owner == FREE and not block.last:
            following = get(memory, block.next)
            if following.owner != FREE:
                break
            block = block.resized(block.size + 1 + following.size, last=following.last)
            put(memory, block)
        yield block
        if block.last:
            return
        segment = block.next


def allocate(
    memory: Memory, first: int, paragraphs: int, owner: int, strategy: int = Strategy.FIRST_FIT
) -> MemoryBlock:
    """Give a block to ``owner``; error 8 with the largest free size if none is large enough."""
    free = [block for block in blocks(memory, first) if block.owner == FREE]
    fitting = [block for block in free if block.size >= paragraphs]
    if not fitting:
        largest = max((block.size for block in free), default=0)
        raise CallFailed(Code.NOT_ENOUGH_MEMORY, bx=largest)
    match strategy & 3:
        case Strategy.FIRST_FIT:
            chosen = fitting[0]
        case Strategy.BEST_FIT:
            chosen = min(fitting, key=lambda block: block.size)
        case _:
            return _take_end(memory, fitting[-1], paragraphs, owner)
    return _split(memory, chosen.owned(owner, chosen.name), paragraphs)


def release(memory: Memory, first: int, data: int) -> None:
    """Free the block of the segment ``data``; error 9 if it's none."""
    put(memory, _of(memory, first, data).owned(FREE))


def resize(memory: Memory, first: int, data: int, paragraphs: int) -> None:
    """Change a block's size; error 8 with the largest possible size if that's too much."""
    block = _of(memory, first, data)
    room = block
    if not block.last:
        following = next(blocks(memory, block.next))  # which joins its free neighbours first
        if following.owner == FREE:
            room = block.resized(block.size + 1 + following.size, last=following.last)
    if paragraphs > room.size:
        raise CallFailed(Code.NOT_ENOUGH_MEMORY, bx=room.size)
    _split(memory, room, paragraphs)


def largest(memory: Memory, first: int) -> int:
    """Return the size of the largest free block."""
    return max((b.size for b in blocks(memory, first) if b.owner == FREE), default=0)


def release_all(memory: Memory, first: int, owner: int) -> None:
    """Free all blocks of an owner."""
    for block in blocks(memory, first):
        if block.owner == owner:
            put(memory, block.owned(FREE))


def _of(memory: Memory, first: int, data: int) -> MemoryBlock:
    for block in blocks(memory, first):
        if block.data == data and block.owner != FREE:
            return block
    raise CallFailed(Code.INVALID_MEMORY_BLOCK)


def _split(memory: Memory, block: MemoryBlock, paragraphs: int) -> MemoryBlock:
    """Write and return ``block`` with that size, and write a free block of what is left."""
    rest = block.size - paragraphs
    if rest:
        put(memory, MemoryBlock(block.segment + 1 + paragraphs, rest - 1, FREE, block.last))
        block = block.resized(paragraphs, last=False)
    put(memory, block)
    return block


def _take_end(memory: Memory, block: MemoryBlock, paragraphs: int, owner: int) -> MemoryBlock:
    rest = block.size - paragraphs
    if not rest:
        taken = block.owned(owner, block.name)
    else:
        put(memory, block.resized(rest - 1, last=False))
        taken = MemoryBlock(block.segment + rest, paragraphs, owner, block.last)
    put(memory, taken)
    return taken
