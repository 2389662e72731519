"""INT 67h/57h: bytes between memory and expanded memory's pages, however long and wherever.

Source: Lotus, Intel, Microsoft: Expanded Memory Specification 4.0, function 24.
"""

from __future__ import annotations

from typing import NamedTuple

from construct import Int8ul, Int16ul, Int32ul, Struct

from blink16.dos.ems_pages import PAGE, EmsError, EmsStatus, ExpandedMemory, window_range
from blink16.memory import MEMORY_SIZE, linear
from blink16.packing import packing
from blink16.services import Guest

CONVENTIONAL, EXPANDED = 0, 1
LONGEST = 1 << 20

REGION = Struct(
    "length" / Int32ul,
    "source_type" / Int8ul,
    "source_handle" / Int16ul,
    "source_offset" / Int16ul,
    "source_segment" / Int16ul,
    "target_type" / Int8ul,
    "target_handle" / Int16ul,
    "target_offset" / Int16ul,
    "target_segment" / Int16ul,
)
_REGION = packing(REGION)


class EmsRegion(NamedTuple):
    """Where bytes lie: in memory, or in a handle's pages."""

    kind: int
    handle: int
    start: int
    """A linear address, or how far from the handle's first page on."""
    length: int

    def overlaps(self, other: EmsRegion) -> bool:
        """Whether both have bytes in common, by their places."""
        if (self.kind, self.handle) != (other.kind, other.handle):
            return False
        return self.start < other.start + other.length and other.start < self.start + self.length

    def read(self, guest: Guest, memory: ExpandedMemory) -> bytes:
        """Return what is there."""
        if self.kind == CONVENTIONAL:
            return guest.memory.read(self.start, self.length)
        return memory.read(self.handle, self.start, self.length)

    def write(self, guest: Guest, memory: ExpandedMemory, data: bytes) -> None:
        """Put bytes there."""
        if self.kind == CONVENTIONAL:
            guest.memory.write(self.start, data)
            memory.collect(guest.memory)  # it may be the frame
        else:
            memory.write(guest.memory, self.handle, self.start, data)


def move(guest: Guest, memory: ExpandedMemory) -> EmsStatus:
    """Copy what DS:SI names; tell whether a part of the source was overwritten."""
    source, target = _regions(guest, memory)
    if not source.length:
        return EmsStatus.DONE
    target.write(guest, memory, source.read(guest, memory))
    overwritten = source.kind == EXPANDED and source.overlaps(target)
    return EmsStatus.OVERLAPPED if overwritten else EmsStatus.DONE


def exchange(guest: Guest, memory: ExpandedMemory) -> EmsStatus:
    """Exchange what DS:SI names; the two may have nothing in common."""
    source, target = _regions(guest, memory)
    if source.overlaps(target):
        raise EmsError(EmsStatus.OVERLAPS)
    if source.length:
        data, other = source.read(guest, memory), target.read(guest, memory)
        target.write(guest, memory, data)
        source.write(guest, memory, other)
    return EmsStatus.DONE


def _regions(guest: Guest, memory: ExpandedMemory) -> tuple[EmsRegion, EmsRegion]:
    """Return the source and the target of a call, both there as a whole."""
    r = guest.registers
    raw = guest.memory.read(guest.linear(r.ds, r.si), _REGION.size)
    length, *ends = _REGION.unpack(raw)
    if length > LONGEST:
        raise EmsError(EmsStatus.TOO_LONG)
    source, target = (
        _region(memory, kind, handle, offset, segment, length)
        for kind, handle, offset, segment in (ends[:4], ends[4:])
    )
    for one, other in ((source, target), (target, source)):
        if one.kind == CONVENTIONAL and other.kind == EXPANDED and _shows(memory, one, other):
            raise EmsError(EmsStatus.OVERLAPS_FRAME)
    memory.collect(guest.memory)
    return source, target


def _region(
    memory: ExpandedMemory, kind: int, handle: int, offset: int, segment: int, length: int
) -> EmsRegion:
    """Return a region; ``segment``: that of memory, or the first page."""
    match kind:
        case 0:
            start = linear(segment, 0) + offset
            if start + length > MEMORY_SIZE:
                raise EmsError(EmsStatus.BEYOND_MEMORY)
        case 1:
            pages = len(memory.owner(handle).pages)
            if offset >= PAGE:
                raise EmsError(EmsStatus.BEYOND_PAGE)
            if segment >= pages:
                raise EmsError(EmsStatus.BAD_PAGE)
            start = segment * PAGE + offset
            if start + length > pages * PAGE:
                raise EmsError(EmsStatus.BEYOND_PAGES)
        case _:
            raise EmsError(EmsStatus.BAD_MEMORY_TYPE)
    return EmsRegion(kind, handle if kind == EXPANDED else 0, start, length)


def _shows(memory: ExpandedMemory, seen: EmsRegion, pages: EmsRegion) -> bool:
    """Whether a region of memory is a window that shows some of a region of pages."""
    for window, place in enumerate(memory.mapping):
        if place is not None:
            here = EmsRegion(CONVENTIONAL, 0, window_range(window).start, PAGE)
            there = EmsRegion(EXPANDED, place.handle, place.page * PAGE, PAGE)
            if here.overlaps(seen) and there.overlaps(pages):
                return True
    return False
