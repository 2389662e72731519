"""Expanded memory: pages of 16 KiB, whose they are, and which of them are in the frame.

Pages are copied in and out of the frame.  One that is in two windows is two copies, which come
together at the next call: what was written in either is in both then.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from blink16.memory import Memory, linear

FRAME_SEGMENT = 0xD000
PAGE = 0x4000
PAGE_PARAGRAPHS = PAGE >> 4
WINDOWS = 4
MAX_HANDLES = 255
OS_HANDLE = 0
"""The operating system's handle, which is always there."""
ZEROS = bytes(PAGE)
_STARTS = tuple(linear(FRAME_SEGMENT, window * PAGE) for window in range(WINDOWS))
"""Where the windows lie."""


class EmsStatus(IntEnum):
    """What AH says of a call."""

    DONE = 0x00
    BAD_HANDLE = 0x83
    BAD_FUNCTION = 0x84
    NO_HANDLES = 0x85
    MAP_IS_SAVED = 0x86
    NOT_SO_MANY = 0x87
    NOT_FREE = 0x88
    ZERO_PAGES = 0x89
    BAD_PAGE = 0x8A
    BAD_WINDOW = 0x8B
    SAVED_ALREADY = 0x8D
    NOT_SAVED = 0x8E
    BAD_SUBFUNCTION = 0x8F
    UNKNOWN_ATTRIBUTE = 0x90
    NO_SUCH_FEATURE = 0x91
    OVERLAPPED = 0x92
    """No error: a part of the source was overwritten."""
    BEYOND_PAGES = 0x93
    OVERLAPS_FRAME = 0x94
    BEYOND_PAGE = 0x95
    TOO_LONG = 0x96
    OVERLAPS = 0x97
    BAD_MEMORY_TYPE = 0x98
    NO_REGISTER_SETS = 0x9C
    NO_DMA_REGISTERS = 0x9E
    NAME_NOT_FOUND = 0xA0
    NAME_TAKEN = 0xA1
    BEYOND_MEMORY = 0xA2
    BAD_MAP = 0xA3
    DENIED = 0xA4


class EmsError(Exception):
    """A function fails."""

    def __init__(self, status: EmsStatus) -> None:
        super().__init__(f"{status:02X}h")
        self.status = status


class LogicalPage(NamedTuple):
    """A page by its owner's handle and its number there."""

    handle: int
    page: int


Mapping = tuple[LogicalPage | None, ...]
"""For each window of the frame what is in it."""
UNMAPPED: Mapping = (None,) * WINDOWS


class Owner(NamedTuple):
    """A handle."""

    pages: tuple[bytes, ...] = ()
    name: bytes = bytes(8)
    saved: Mapping | None = None


class ExpandedMemory:
    """All pages, and the frame."""

    def __init__(self, kib: int) -> None:
        """``kib``: how much there is."""
        self.total = kib * 1024 // PAGE
        self.owners: dict[int, Owner] = {OS_HANDLE: Owner()}
        self.mapping: Mapping = UNMAPPED

    def save(self) -> Any:
        """Return the state; pages are shared, not copied."""
        return tuple(self.owners.items()), self.mapping

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        owners, mapping = state
        self.owners = {
            handle: Owner(tuple(pages), name, None if saved is None else _mapping(saved))
            for handle, (pages, name, saved) in owners
        }
        self.mapping = _mapping(mapping)

    # -- who has what ------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many pages nobody has."""
        return self.total - sum(len(owner.pages) for owner in self.owners.values())

    def owner(self, handle: int) -> Owner:
        """Return whose handle it is."""
        owner = self.owners.get(handle)
        if owner is None:
            raise EmsError(EmsStatus.BAD_HANDLE)
        return owner

    def change(self, handle: int, **fields: Any) -> None:
        """Give an owner's fields other values."""
        self.owners[handle] = self.owner(handle)._replace(**fields)

    def content(self, place: LogicalPage) -> bytes:
        """Return what is in a page, as of the last `collect`."""
        pages = self.owner(place.handle).pages
        if place.page >= len(pages):
            raise EmsError(EmsStatus.BAD_PAGE)
        return pages[place.page]

    def allocate(self, count: int) -> int:
        """Give pages out; return their handle."""
        self._check(count, count)
        handle = next((n for n in range(1, MAX_HANDLES) if n not in self.owners), None)
        if handle is None:
            raise EmsError(EmsStatus.NO_HANDLES)
        self.owners[handle] = Owner((ZEROS,) * count)
        return handle

    def _check(self, count: int, more: int) -> None:
        if count > self.total:
            raise EmsError(EmsStatus.NOT_SO_MANY)
        if more > self.free:
            raise EmsError(EmsStatus.NOT_FREE)

    def release(self, memory: Memory, handle: int) -> None:
        """Take a handle and its pages back; the operating system's handle stays."""
        if self.owner(handle).saved is not None:
            raise EmsError(EmsStatus.MAP_IS_SAVED)
        self.collect(memory)
        del self.owners[handle]
        self.owners.setdefault(OS_HANDLE, Owner())
        self.mapping = self.without_gone(self.mapping)

    def resize(self, memory: Memory, handle: int, count: int) -> None:
        """Let a handle have more or fewer pages."""
        had = len(self.owner(handle).pages)
        self._check(count, count - had)
        self.collect(memory)
        pages = self.owner(handle).pages[:count]
        self.change(handle, pages=pages + (ZEROS,) * (count - len(pages)))
        self.mapping = self.without_gone(self.mapping)

    # -- the frame ---------------------------------------------------------------------------

    def without_gone(self, mapping: Mapping) -> Mapping:
        """Return a mapping without pages that are gone."""
        return tuple(place if place and self._is_there(place) else None for place in mapping)

    def _is_there(self, place: LogicalPage) -> bool:
        owner = self.owners.get(place.handle)
        return owner is not None and place.page < len(owner.pages)

    def show(self, memory: Memory, mapping: Mapping) -> None:
        """Let the frame show these pages."""
        if mapping == self.mapping and not self._is_twice():
            return
        self.collect(memory)
        for start, old, new in zip(_STARTS, self.mapping, mapping, strict=True):
            if new is not None and new != old:
                memory.write(start, self.content(new))
        self.mapping = mapping

    def _is_twice(self) -> bool:
        """Whether a page is in two windows, which come together when they are collected."""
        shown = [place for place in self.mapping if place]
        return len(set(shown)) < len(shown)

    def collect(self, memory: Memory) -> None:
        """Copy what the guest has written in the frame back to the pages."""
        arena = memory.arena  # whose slices are bytes at once
        shown = [at for at in zip(_STARTS, self.mapping, strict=True) if at[1]]
        before = [self.content(place) for _, place in shown if place]
        for (start, place), old in zip(shown, before, strict=True):
            content = arena[start : start + PAGE]
            if content == old or place is None:
                continue
            now = self.content(place)
            self._set(place, content if now is old else _merged(now, old, content))
        if len(shown) > 1 and self._is_twice():
            self._refresh(memory)

    def _refresh(self, memory: Memory) -> None:
        """Let the frame show what is in the pages now."""
        arena = memory.arena
        for start, place in zip(_STARTS, self.mapping, strict=True):
            if place and arena[start : start + PAGE] != self.content(place):
                memory.write(start, self.content(place))

    def _set(self, place: LogicalPage, content: bytes) -> None:
        pages = self.owner(place.handle).pages
        self.change(place.handle, pages=(*pages[: place.page], content, *pages[place.page + 1 :]))

    # -- regions -----------------------------------------------------------------------------

    def read(self, handle: int, start: int, length: int) -> bytes:
        """Return bytes of a handle's pages, as of the last `collect`; they must be there."""
        first = start // PAGE
        part = b"".join(self.owner(handle).pages[first : (start + length - 1) // PAGE + 1])
        return part[start - first * PAGE :][:length]

    def write(self, memory: Memory, handle: int, start: int, data: bytes) -> None:
        """Put bytes into a handle's pages, which must be there, and into the frame."""
        pages, end = list(self.owner(handle).pages), start + len(data)
        for page in range(start // PAGE, -(-end // PAGE)):
            at = page * PAGE
            first, last = max(start, at), min(end, at + PAGE)
            old = pages[page]
            pages[page] = old[: first - at] + data[first - start : last - start] + old[last - at :]
        self.change(handle, pages=tuple(pages))
        self._refresh(memory)


def window_range(window: int) -> range:
    """Return the linear addresses of a window."""
    return range(_STARTS[window], _STARTS[window] + PAGE)


def _mapping(places: Any) -> Mapping:
    return tuple(None if place is None else LogicalPage(*place) for place in places)


def _merged(now: bytes, old: bytes, content: bytes) -> bytes:
    """Return ``now`` with the bytes in which ``content`` is other than ``old``."""
    return bytes(_differing(now, old, content))


def _differing(now: bytes, old: bytes, content: bytes) -> Iterator[int]:
    for byte, was, written in zip(now, old, content, strict=True):
        yield byte if written == was else written
