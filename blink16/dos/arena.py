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
from blink16.memory import Memory

FREE = 0
OWNER_DOS = 8
ANOTHER, LAST = b"M", b"Z"
"""The types of a control block."""
_MCB = struct.Struct("<cHH3x8s")
"""Type, owner (the segment of a PSP, `FREE` or `OWNER_DOS`), paragraphs behind it, and in a PSP's
the program's name.  Each call that looks for memory reads the chain: construct takes ten times as
long.
"""
MCB_SIZE = _MCB.size
KNOWN_BLOCKS = 1024
"""Control blocks that need not be taken apart, or packed, anew."""


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
    segment, size, owner, last, name = block
    memory.write(segment << 4, _packed(size, owner, last, name))


@lru_cache(maxsize=KNOWN_BLOCKS)
def _packed(size: int, owner: int, last: bool, name: str = "") -> bytes:
    return _MCB.pack(LAST if last else ANOTHER, owner, size, name.encode("ascii", "replace"))


def get(memory: Memory, segment: int) -> MemoryBlock:
    """Read a control block; error 7 if there is none at ``segment``."""
    return _parsed(segment, memory.read(segment << 4, MCB_SIZE))


@lru_cache(maxsize=KNOWN_BLOCKS)
def _parsed(segment: int, raw: bytes) -> MemoryBlock:
    kind, owner, size, name = _MCB.unpack(raw)
    text = name.split(b"\0")[0].decode("ascii", "replace")
    block = MemoryBlock(segment, size, owner, kind == LAST, text)
    if kind not in (ANOTHER, LAST) or block.next > 0xFFFF:
        raise CallFailed(Code.MEMORY_DESTROYED)
    return block


def blocks(memory: Memory, first: int) -> Iterator[MemoryBlock]:
    """Walk the chain, joining free neighbours on the way as DOS does."""
    segment = first
    while True:
        block = _parsed(segment, memory.read(segment << 4, MCB_SIZE))
        if not block.owner:
            block = _joined(memory, block)
        yield block
        if block.last:
            return
        segment += 1 + block.size


def _joined(memory: Memory, block: MemoryBlock) -> MemoryBlock:
    """Join a free block with the free ones behind it."""
    while not block.last:
        following = get(memory, block.next)
        if following.owner != FREE:
            break
        block = block.resized(block.size + 1 + following.size, last=following.last)
        put(memory, block)
    return block


def _free_blocks(memory: Memory, first: int) -> list[MemoryBlock]:
    """Walk the chain as `blocks` does; return what is free."""
    free, segment, read = [], first, memory.read
    while True:
        block = _parsed(segment, read(segment << 4, MCB_SIZE))
        _, size, owner, last, _ = block
        if not owner:
            if not last:
                block = _joined(memory, block)
                _, size, _, last, _ = block
            free.append(block)
        if last:
            return free
        segment += 1 + size


def allocate(
    memory: Memory, first: int, paragraphs: int, owner: int, strategy: int = Strategy.FIRST_FIT
) -> MemoryBlock:
    """Give a block to ``owner``; error 8 with the largest free size if none is large enough."""
    free = _free_blocks(memory, first)
    fitting = [block for block in free if block.size >= paragraphs]
    if not fitting:
        largest = max((block.size for block in free), default=0)
        raise CallFailed(Code.NOT_ENOUGH_MEMORY, bx=largest)
    fit = strategy & 3
    if fit > Strategy.BEST_FIT:
        return _take_end(memory, fitting[-1], paragraphs, owner)
    chosen = min(fitting, key=lambda block: block.size) if fit else fitting[0]
    last = _split(memory, chosen, owner, paragraphs, chosen.size, last=chosen.last)
    return MemoryBlock(chosen.segment, paragraphs, owner, last, chosen.name)


def release(memory: Memory, first: int, data: int) -> None:
    """Free the block of the segment ``data``; error 9 if it's none."""
    block = _of(memory, first, data)
    memory.write(block.segment << 4, _packed(block.size, FREE, block.last))


def resize(memory: Memory, first: int, data: int, paragraphs: int) -> None:
    """Change a block's size; error 8 with the largest possible size if that's too much."""
    block = _of(memory, first, data)
    room, last = block.size, block.last
    if not last:
        following = get(memory, block.next)
        if not following.owner:
            following = _joined(memory, following)
            room, last = room + 1 + following.size, following.last
    if paragraphs > room:
        raise CallFailed(Code.NOT_ENOUGH_MEMORY, bx=room)
    _split(memory, block, block.owner, paragraphs, room, last=last)


def largest(memory: Memory, first: int) -> int:
    """Return the size of the largest free block."""
    return max((block.size for block in _free_blocks(memory, first)), default=0)


def release_all(memory: Memory, first: int, owner: int) -> None:
    """Free all blocks of an owner."""
    for block in blocks(memory, first):
        if block.owner == owner:
            put(memory, block.owned(FREE))


def _of(memory: Memory, first: int, data: int) -> MemoryBlock:
    wanted, segment, read = data - 1, first, memory.read
    while True:  # not by `blocks`: each step counts
        block = _parsed(segment, read(segment << 4, MCB_SIZE))
        _, size, owner, last, _ = block
        if not owner:
            _, size, _, last, _ = _joined(memory, block)
        elif segment == wanted:
            return block
        if last:
            raise CallFailed(Code.INVALID_MEMORY_BLOCK)
        segment += 1 + size


def _split(
    memory: Memory, block: MemoryBlock, owner: int, paragraphs: int, room: int, *, last: bool
) -> bool:
    """Write a block with that owner and size, and a free one of what is left of its ``room``.

    ``last``: no other lies behind the room.  Return whether none lies behind the block now.
    """
    rest = room - paragraphs
    if rest:
        free = block.segment + 1 + paragraphs
        memory.write(free << 4, _packed(rest - 1, FREE, last))
        last = False
    memory.write(block.segment << 4, _packed(paragraphs, owner, last, block.name))
    return last


def _take_end(memory: Memory, block: MemoryBlock, paragraphs: int, owner: int) -> MemoryBlock:
    rest = block.size - paragraphs
    if not rest:
        taken = block.owned(owner, block.name)
    else:
        put(memory, block.resized(rest - 1, last=False))
        taken = MemoryBlock(block.segment + rest, paragraphs, owner, block.last)
    put(memory, taken)
    return taken
