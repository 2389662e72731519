"""Where DOS has memory: the chain of conventional memory, and upper memory's, which can be linked.

Upper memory is the XMS driver's until somebody links it for the first time: then DOS takes what
is left of it for good.  Source: Microsoft, MS-DOS Programmer's Reference, functions 5800h to
5803h; Ralf Brown's Interrupt List, INT 21h/58h and table 01627.
"""

from __future__ import annotations

from blink16.dos import arena
from blink16.dos.arena import FREE, OWNER_DOS, MemoryBlock
from blink16.dos.errors import CallFailed, Code
from blink16.dos.system import DosSystem
from blink16.memory import Memory

UPPER_FIRST, UPPER_ONLY = 0x80, 0x40
"""Of a strategy: look through linked upper memory before the rest, or through it alone."""


def allocate(dos: DosSystem, memory: Memory, paragraphs: int, owner: int) -> MemoryBlock:
    """Give a block to ``owner`` by the strategy; error 8 with the largest size there is."""
    state = dos.state
    first = state.first_mcb
    if state.upper_linked:
        *preferred, first = starts(dos)
        if preferred and arena.largest(memory, preferred[0]) >= paragraphs:
            first = preferred[0]
    return arena.allocate(memory, first, paragraphs, owner, state.strategy)


def largest(dos: DosSystem, memory: Memory, needed: int) -> int:
    """Return the largest free block where ``needed`` paragraphs fit first, else of all."""
    sizes = [arena.largest(memory, first) for first in starts(dos)]
    return next((size for size in sizes if size >= needed), max(sizes))


def starts(dos: DosSystem) -> tuple[int, ...]:
    """Return where the strategy begins to look, in turn: control blocks."""
    state = dos.state
    if not state.upper_linked or not state.strategy & (UPPER_FIRST | UPPER_ONLY):
        return (state.first_mcb,)
    return (state.upper_mcb,) if state.strategy & UPPER_ONLY else (state.upper_mcb, state.first_mcb)


def first_of(dos: DosSystem, segment: int) -> int:
    """Return where to begin to look for a block: it may be upper memory's that is not linked."""
    upper = dos.state.upper_mcb
    return upper if upper and segment > upper else dos.state.first_mcb


def release_all(dos: DosSystem, memory: Memory, owner: int) -> None:
    """Free all blocks of an owner, in upper memory too."""
    state = dos.state
    apart = (state.upper_mcb,) if state.upper_mcb and not state.upper_linked else ()
    for first in (state.first_mcb, *apart):
        arena.release_all(memory, first, owner)


def link(dos: DosSystem, memory: Memory, *, on: bool) -> None:
    """Let conventional memory's chain lead to upper memory's or not.

    Error 1 if there is no upper memory, error 7 if the guest has spoiled the chain.
    """
    if not dos.state.upper_mcb:
        _take_over(dos, memory)
    upper = dos.state.upper_mcb
    chain = arena.blocks(memory, dos.state.first_mcb)
    before = next((block for block in chain if block.next == upper), None)
    if before is None:
        raise CallFailed(Code.MEMORY_DESTROYED)
    arena.put(memory, before.resized(before.size, last=not on))
    dos.change(upper_linked=on)


def _take_over(dos: DosSystem, memory: Memory) -> None:
    """Make a chain of upper memory: a block over what programs can't have, and a free one."""
    *_, last = arena.blocks(memory, dos.state.first_mcb)
    size = 0 if dos.upper_memory is None else dos.upper_memory.largest()
    segment = dos.upper_memory.request(size) if dos.upper_memory is not None else None
    if segment is None:
        raise CallFailed(Code.INVALID_FUNCTION)
    if last.next >= segment:
        raise CallFailed(Code.MEMORY_DESTROYED)
    between = MemoryBlock(last.next, segment - last.next - 1, OWNER_DOS, False, "SC")
    arena.put(memory, between)
    arena.put(memory, MemoryBlock(segment, size - 1, FREE, True))
    dos.change(upper_mcb=between.segment)
