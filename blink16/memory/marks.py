"""What is known of each address and of each page, a byte each, and many such bytes at once."""

from __future__ import annotations

from enum import Enum, IntFlag
from functools import cache
from itertools import compress

from blink16.memory.layout import PAGE_COUNT

_MANY_PLACES = 256
"""More are quicker found one by one."""


class Access(Enum):
    """How a watched address was touched."""

    WRITE = "write"
    READ = "read"


class Attribute(IntFlag):
    """What an address is, one byte for each linear address."""

    BREAKPOINT = 1  # stop before the instruction here
    SERVICE = 2  # a host service runs as part of the instruction here
    CODE = 4  # a byte of translated code (native regions)
    ENTRY = 8  # a native region begins here
    WATCH_WRITE = 16
    WATCH_READ = 32
    LAST = 64  # the reference has to look: so near to memory's end that an instruction may wrap
    TOLD = 128  # what is odd about the instruction here has been told (`engine.Witness`)


class PageState(IntFlag):
    """What a store (or a watched load) to a page must mind, one byte for each 256-byte page.

    Zero means: nothing, take the fast path.
    """

    CLEAN = 1  # not written since the last checkpoint: note that it is now
    CODE = 2  # holds translated code
    WATCH_WRITE = 4
    WATCH_READ = 8
    ROM = 16  # stores by the guest have no effect
    TELL = 32  # and are to be told (`engine.Witness`)
    MIRROR = 64  # stores go to the address beside it, too (`MIRROR_BIT`)
    PLANAR = 128  # stores and loads go to the planes of an EGA or VGA (`cpu.planar`)


# Plain ints are quicker than flags, and `bytes.translate` than any loop over bytes.
WATCH_WRITE = int(PageState.WATCH_WRITE), int(Attribute.WATCH_WRITE)
WATCH_READ = int(PageState.WATCH_READ), int(Attribute.WATCH_READ)
CLEAN, CODE = int(PageState.CLEAN), int(PageState.CODE)
MIRROR = int(PageState.MIRROR)
MINDED = CLEAN | CODE | MIRROR
"""What stores by the host must mind."""
PLAIN = bytes(state for state in range(256) if not state & MINDED)
"""The states of pages with none of it."""
NOTED = CLEAN | CODE
"""Of pages whose changes are noted."""
UNNOTED = bytes(state for state in range(256) if not state & NOTED)
"""The states of pages to which may be stored without a note: plain ones and mirrored ones."""
MIRROR_ONLY = bytes((MIRROR,))
"""The state of a page that has nothing else to mind."""
MIRRORED = bytes(state for state in range(256) if state & MIRROR)
UNMIRRORED = bytes(state for state in range(256) if not state & MIRROR)
WITH_CLEAN = bytes(state | CLEAN for state in range(256))
WITHOUT_CLEAN = bytes(state & ~CLEAN for state in range(256))
PAGE_MARKS = {
    Attribute.WATCH_WRITE: PageState.WATCH_WRITE,
    Attribute.WATCH_READ: PageState.WATCH_READ,
}
WITH = {a: bytes(here | a for here in range(256)) for a in Attribute}
WITHOUT = {a: bytes(here & ~a for here in range(256)) for a in Attribute}
_HAS = {a: bytes(bool(here & a) for here in range(256)) for a in Attribute}
IS_CODE = bytes(bool(state & CODE) for state in range(256))
IS_WRITTEN = bytes(not state & CLEAN for state in range(256))


@cache
def changing(state: PageState, on: bool) -> bytes:
    """Return what becomes of the state of pages that get another, or lose it."""
    return bytes(here | state if on else here & ~state for here in range(256))


def places(marks: bytes) -> list[int]:
    """Return where a byte is 1; most often there are few."""
    if marks.count(1) > _MANY_PLACES:
        return list(compress(range(PAGE_COUNT), marks))
    found, place = [], marks.find(1)
    while place >= 0:
        found.append(place)
        place = marks.find(1, place + 1)
    return found


def count_of(attributes: bytes | memoryview, attribute: Attribute) -> int:
    """Return how many addresses have an attribute."""
    return bytes(attributes).translate(_HAS[attribute]).count(1)
