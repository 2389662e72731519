"""ELKS' memory for programs: paragraphs from a segment on, with owners and reference counts."""

from __future__ import annotations

import errno
from functools import partial

from blink16.elks.state import Block, BlockKind
from blink16.hostfs.hostfolder import os_error

MEMORY_START = 0x1000
MEMORY_END = 0xA000
"""The segments where memory for programs begins and ends (640 KiB)."""
PARAGRAPH = 16

_FAR = int(BlockKind.FAR)
_block = partial(tuple.__new__, Block)  # a quarter of the time

_END = Block(MEMORY_END, 0, 0, 0)

Blocks = tuple[Block, ...]
"""All pieces in use, by segment."""


def paragraphs(length: int) -> int:
    """Return how many paragraphs hold so many bytes."""
    return -(-length // PARAGRAPH)


def allocate(blocks: Blocks, count: int, kind: BlockKind, owner: int) -> tuple[Blocks, int]:
    """Return the blocks with a new one of ``count`` paragraphs, and its segment; ENOMEM."""
    start = MEMORY_START
    for at, block in enumerate((*blocks, _END)):
        if block.segment - start >= count:
            new = _block((start, count, int(kind), owner, 1))
            return (*blocks[:at], new, *blocks[at:]), start
        start = block.segment + block.paragraphs
    raise os_error(errno.ENOMEM)


def share(blocks: Blocks, segment: int) -> Blocks:
    """Count one more user of a block."""
    for at, block in enumerate(blocks):
        if block.segment == segment:
            return (*blocks[:at], _used(block, 1), *blocks[at + 1 :])
    return blocks


def release(blocks: Blocks, segment: int) -> Blocks:
    """Count one user less; the block goes with the last."""
    for at, block in enumerate(blocks):
        if block.segment == segment:
            kept = (_used(block, -1),) if block.references > 1 else ()
            return (*blocks[:at], *kept, *blocks[at + 1 :])
    return blocks


def release_all(blocks: Blocks, owner: int, text: int, data: int) -> Blocks:
    """Release what a process has: all its far memory, its text and its data, which may be one."""
    kept = []
    for block in blocks:
        if block.segment in (text, data):
            if block.references > 1:
                kept.append(_used(block, -1))
        elif block.kind != _FAR or block.owner != owner:
            kept.append(block)
    return tuple(kept)


def _used(block: Block, more: int) -> Block:
    """Return a block with more or fewer users."""
    segment, size, kind, owner, references = block
    return _block((segment, size, kind, owner, references + more))


def find(blocks: Blocks, segment: int) -> Block | None:
    """Return the block that begins at a segment."""
    for block in blocks:
        if block.segment == segment:
            return block
    return None
