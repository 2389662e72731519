"""One mebibyte of RAM, with what the machine knows about each address and each page.

Addresses here are linear: 20 bits, ``segment * 16 + offset``, wrapping at 1 MiB as on the
8086's twenty address pins.  Where a processor has more of them and address line 20 is open, they
go on to 10FFEFh, and memory with them to `RAM_SIZE`.  All arrays live in one anonymous mapping
that never moves, so that a native core can work on them while Python looks on.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, IntFlag
from functools import cache
from itertools import compress
from typing import overload

MEMORY_SIZE = 1 << 20
ADDRESS_BITS = 20
ADDRESS_MASK = MEMORY_SIZE - 1
RAM_SIZE = MEMORY_SIZE + (1 << 16)
"""With what an 80286 reaches above the first mebibyte when its address line 20 is open."""
PAGE_SHIFT = 8
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_COUNT = RAM_SIZE >> PAGE_SHIFT
MAX_INSTRUCTION = 16
"""An engine may fetch so many bytes at once from an address on."""

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
ARENA_SIZE = DIRTY_OFFSET + DIRTY_SIZE
LINE_CLOSED = b"\0"
LINES_24 = (1 << 24) - 1
"""The addresses that a processor with 24 address lines can put there."""
OPEN_BUS = b"\xff"
"""What is read where there is no memory."""
MANY_PLACES = 256
"""More are quicker found one by one."""
MIRROR_BIT = 0x4000
"""A CGA's memory is there twice, so far from each other."""


def linear(segment: int, offset: int, line_20: int = 0) -> int:
    """Return the linear address of ``segment:offset`` (16 bits each), wrapped at 1 MiB.

    ``line_20``: 1 where a processor has address line 20, and it is open; then nothing wraps.
    Who has the machine asks its memory (`Memory.linear`).
    """
    return (segment << 4) + (offset & 0xFFFF) & (ADDRESS_MASK | line_20 << ADDRESS_BITS)


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


class Memory:
    """RAM, attributes and the record of pages written since the last checkpoint."""

    def __init__(self) -> None:
        self.arena = _map(ARENA_SIZE)
        view = memoryview(self.arena)
        self.ram = view[:MEMORY_SIZE]
        self.whole = view[:RAM_SIZE]
        """With the RAM above the first mebibyte."""
        self.attributes = view[ATTRIBUTES_OFFSET : ATTRIBUTES_OFFSET + RAM_SIZE]
        self.pages = view[PAGES_OFFSET : PAGES_OFFSET + PAGE_COUNT]
        self.scratch = view[SCRATCH_OFFSET : SCRATCH_OFFSET + SCRATCH_SIZE]
        self.planes = view[PLANES_OFFSET : PLANES_OFFSET + PLANES_SIZE].cast("I")
        self.planar = view[PLANAR_OFFSET : PLANAR_OFFSET + PLANAR_SIZE].cast("I")
        self.planes_dirty = view[DIRTY_OFFSET : DIRTY_OFFSET + DIRTY_SIZE]
        end = bytes((Attribute.LAST,)) * MAX_INSTRUCTION
        self.attributes[MEMORY_SIZE - MAX_INSTRUCTION : MEMORY_SIZE] = end
        self.read_watches = 0
        """How many addresses are watched for reads."""
        self._watches = 0
        self.end = MEMORY_SIZE
        """Where memory ends for who looks at it, with what is behind address line 20, if any."""
        self.line_20: Sequence[int] = LINE_CLOSED
        """Its one element says whether address line 20 is open: a cell of the processor's state."""
        self.stale_code: set[int] = set()
        """Pages of translated code that the host changed; the engine that translated clears it."""
        self.touched: tuple[int, Access] | None = None
        """The first watched address that was touched since somebody set this to None."""
        self.on_access: Callable[[int, int, bytes | None], None] | None = None
        """Told what the host reads and is about to write: address, length, and what it writes.

        While it is set (by who runs the machine with probes), watched addresses are not told."""
        self.on_protected: Callable[[range], None] = lambda where: None
        """Called with whole pages that have just been protected, or have nothing any more."""

    # -- access by the host: the debugger, loaders, services ---------------------------------

    @overload
    def __getitem__(self, where: int) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> bytes: ...
    def __getitem__(self, where: int | slice) -> int | bytes:
        if isinstance(where, slice):
            return bytes(self.whole[slice(*where.indices(_size_of(where)))])
        return self.whole[where if where >= 0 else where + MEMORY_SIZE]

    @overload
    def __setitem__(self, where: int, value: int) -> None: ...
    @overload
    def __setitem__(self, where: slice, value: bytes) -> None: ...
    def __setitem__(self, where: int | slice, value: int | bytes) -> None:
        if isinstance(where, int):
            address = where if where >= 0 else where + MEMORY_SIZE
            if not 0 <= address < RAM_SIZE:
                raise IndexError(f"linear address {where:#x} is outside of memory")
            self.store(address, bytes((value,)) if isinstance(value, int) else bytes(value))
            return
        start, stop, step = where.indices(_size_of(where))
        data = b"" if isinstance(value, int) else bytes(value)
        if step != 1 or len(data) != max(0, stop - start):
            raise ValueError("memory has a fixed size: assign as many bytes as the slice has")
        self.store(start, data)

    def read(self, address: int, length: int) -> bytes:
        """Return ``length`` bytes from a linear address on, wrapping where the processor does.

        That is at 1 MiB, unless address line 20 is open; behind all memory there is FFh.
        """
        end = address + length
        if self._watches or self.on_access is not None or address < 0 or end > MEMORY_SIZE:
            address = self._reached(address)
            self._mind(address, length, None)
            return self.peek(address, length)
        return self.arena[address:end]  # slices of it are bytes at once

    def peek(self, address: int, length: int) -> bytes:
        """Return the same for who only looks: no watch minds, and no probe."""
        end = address + length
        if address >= 0 and end <= MEMORY_SIZE:
            return self.arena[address:end]
        parts = self._parts(self._reached(address), length)
        data = b"".join(bytes(self.whole[part.start : part.stop]) for part in parts)
        return data.ljust(length, OPEN_BUS)

    def find(self, what: bytes, start: int, end: int) -> int:
        """Return the address of the first such bytes before ``end``, -1 if there are none.

        Nothing wraps, and no watch minds.
        """
        return self.arena.find(what, start, min(end, RAM_SIZE))

    def write(self, address: int, data: bytes) -> None:
        """Store bytes from a linear address on, wrapping as `read` does; ROM is no obstacle.

        The pages touched are recorded for the checkpoint like the guest's own stores.
        """
        if self._watches or self.on_access is not None or not 0 <= address < MEMORY_SIZE:
            address = self._reached(address)
            self._mind(address, len(data), data)
        end = address + len(data)
        if end <= MEMORY_SIZE:
            page = address >> PAGE_SHIFT
            if end - 1 >> PAGE_SHIFT == page and not self.pages[page] & _MINDED:
                self.arena[address:end] = data  # most often it is as little as that
            else:
                self._store(address, data)
            return
        for part in self._parts(address, len(data)):
            self._store(part.start, data[: len(part)])
            data = data[len(part) :]

    def linear(self, segment: int, offset: int) -> int:
        """Return the linear address of ``segment:offset`` (16 bits each), as this machine has it.

        It wraps at 1 MiB, unless address line 20 is open.
        """
        address = (segment << 4) + (offset & 0xFFFF)
        return address if address < MEMORY_SIZE or self.line_20[0] else address & ADDRESS_MASK

    def wraps(self, address: int) -> bool:
        """Return whether an access from that address on goes on at 0 behind 1 MiB (`on_access`)."""
        return address < MEMORY_SIZE and not self.line_20[0]

    def _reached(self, address: int) -> int:
        """Return where an address leads to that may lie beyond the end."""
        if 0 <= address < MEMORY_SIZE:
            return address
        return address & (LINES_24 if self.line_20[0] else ADDRESS_MASK)

    def _parts(self, address: int, length: int) -> Iterator[range]:
        """Return where the bytes of a range lie that goes beyond 1 MiB, as far as they do."""
        if self.line_20[0]:
            yield range(min(address, RAM_SIZE), min(address + length, RAM_SIZE))
            return
        while length > 0:
            part = range(address, min(address + length, MEMORY_SIZE))
            yield part
            address, length = 0, length - len(part)

    def _store(self, address: int, data: bytes) -> None:
        """Store bytes that lie within RAM."""
        if not data:
            return
        end = address + len(data)
        first, last = address >> PAGE_SHIFT, end - 1 >> PAGE_SHIFT
        if first == last:
            is_plain = not self.pages[first] & _MINDED
        else:
            is_plain = not self.pages[first : last + 1].tobytes().translate(None, _PLAIN)
        if is_plain:
            self.arena[address:end] = data
            return
        some = every = self.pages[first]
        for page in range(first, last + 1):
            state = self.pages[page]
            some |= state
            every &= state
            if state & (_CLEAN | _CODE):
                self.note_write(page)
        self.arena[address:end] = data
        if some & _MIRROR:
            if every & _MIRROR and address ^ (end - 1) < MIRROR_BIT:
                self._mirror_all(address, data)
            else:
                self._mirror(address, data)

    def load(self, address: int, length: int) -> bytes:
        """Return bytes that lie within RAM, also above the first mebibyte (see `store`)."""
        self._mind(address, length, None)
        return self.arena[address : address + length]

    def store(self, address: int, data: bytes) -> None:
        """Store bytes that lie within RAM, also above the first mebibyte; nothing wraps.

        Address line 20 is the processor's: what is stored by others, like a debugger, it does
        not keep out.
        """
        self._mind(address, len(data), data)
        self._store(address, data)

    def _mind(self, address: int, length: int, data: bytes | None) -> None:
        """Tell those who mind accesses of one; ``data``: what is about to be stored."""
        if self._watches:
            self.touch(address, length, Access.READ if data is None else Access.WRITE)
        if self.on_access is not None:
            self.on_access(address, length, data)

    def _mirror(self, address: int, data: bytes) -> None:
        """Store again what was stored to mirrored pages."""
        for at in range(address & -PAGE_SIZE, address + len(data), PAGE_SIZE):
            if self.pages[at >> PAGE_SHIFT] & _MIRROR:
                first, end = max(at, address), min(at + PAGE_SIZE, address + len(data))
                twin = first ^ MIRROR_BIT
                self.note_write(twin >> PAGE_SHIFT)
                self.ram[twin : twin + end - first] = data[first - address : end - address]

    def _mirror_all(self, address: int, data: bytes) -> None:
        """Store again, all at once, what was stored to one of the two mirrored ranges alone."""
        twin = address ^ MIRROR_BIT
        for page in range(twin >> PAGE_SHIFT, (twin + len(data) - 1 >> PAGE_SHIFT) + 1):
            if self.pages[page] & (_CLEAN | _CODE):
                self.note_write(page)
        self.arena[twin : twin + len(data)] = data

    # -- what adapters make of addresses -----------------------------------------------------

    def have_nothing(self, where: range) -> None:
        """Let there be no memory at whole pages: they read as FFh, and stores have no effect."""
        self.ram[where.start : where.stop] = b"\xff" * len(where)
        self.protect(where)

    def have_ram(self, where: range) -> None:
        """Let whole pages be RAM, whatever they hold."""
        self._set_state(where, PageState.ROM | PageState.TELL, False)

    def protect(self, where: range) -> None:
        """Let stores to whole pages have no effect."""
        self._set_state(where, PageState.ROM, True)
        self.on_protected(where)

    def have_mirror(self, where: range) -> None:
        """Let stores to whole pages go to those `MIRROR_BIT` away, too."""
        self._set_state(where, PageState.MIRROR, True)

    def have_planes(self, where: range, on: bool) -> None:
        """Let whole pages be a window to the planes of an EGA or VGA, or RAM again."""
        before = bool(self.pages[where.start >> PAGE_SHIFT] & PageState.PLANAR)
        self._set_state(where, PageState.PLANAR, on)
        self.read_watches += on - before

    def _set_state(self, where: range, state: PageState, on: bool) -> None:
        pages = slice(where.start >> PAGE_SHIFT, where.stop >> PAGE_SHIFT)
        self.pages[pages] = bytes(self.pages[pages]).translate(_changing(state, on))

    def read_word(self, address: int) -> int:
        """Return the little-endian word at a linear address."""
        low, high = self.read(address, 2)
        return low | high << 8

    def write_word(self, address: int, value: int) -> None:
        """Store a little-endian word at a linear address."""
        self.write(address, (value & 0xFFFF).to_bytes(2, "little"))

    def touch(self, address: int, length: int, access: Access) -> None:
        """Note in `touched` the first byte of a range that is watched for this access."""
        if not self._watches or self.on_access is not None:
            return
        page_mark, mark = _WATCH_WRITE if access is Access.WRITE else _WATCH_READ
        first, end = address >> PAGE_SHIFT, address + length
        pages = self.pages[first : ((end - 1) >> PAGE_SHIFT) + 1]
        if self.touched or not any(map(page_mark.__and__, pages)):
            return
        for byte, attributes in enumerate(self.attributes[address:end], address):
            if attributes & mark:
                self.touched = (byte, access)
                return

    # -- what was written since the checkpoint -----------------------------------------------

    def note_write(self, page: int) -> None:
        """Note that a page's content changes."""
        state = self.pages[page]
        if state & _CLEAN:
            self.pages[page] = state & ~_CLEAN
        if state & _CODE:
            self.stale_code.add(page)

    def begin(self) -> None:
        """Start anew to record what is written, at a checkpoint."""
        self.pages[:] = bytes(self.pages).translate(_WITH_CLEAN)

    def written(self) -> list[int]:
        """Return the pages written since the last checkpoint."""
        return _places(self.written_marks())

    def written_marks(self) -> bytes:
        """Return a byte for each page, 1 where it was written since the last checkpoint."""
        return bytes(self.pages).translate(_IS_DIRTY)

    def contents(self, pages: Iterable[int]) -> dict[int, bytes]:
        """Return the content of some pages."""
        arena = self.arena  # its slices are bytes at once
        return {
            page: arena[page << PAGE_SHIFT : (page << PAGE_SHIFT) + PAGE_SIZE] for page in pages
        }

    def span(self, page: int, count: int) -> bytes:
        """Return the content of neighbouring pages."""
        return self.arena[page << PAGE_SHIFT : (page + count) << PAGE_SHIFT]

    def put_pages(self, contents: Mapping[int, bytes]) -> None:
        """Store whole pages, one or several from each on.

        Their content as of the last checkpoint is thereby changed.  This is how time is moved:
        nothing is recorded.
        """
        arena = self.arena  # quicker to store in than its views
        for page, content in contents.items():
            start = page << PAGE_SHIFT
            arena[start : start + len(content)] = content
        code = set(self._code_pages())  # there are few, and their contents change seldom
        if code:
            self.stale_code |= code.intersection(contents)
            for page, content in contents.items():
                if len(content) > PAGE_SIZE:
                    end = page + len(content) // PAGE_SIZE
                    self.stale_code.update(place for place in code if page <= place < end)

    def _code_pages(self) -> Iterable[int]:
        return _places(bytes(self.pages).translate(_IS_CODE))

    # -- attributes --------------------------------------------------------------------------

    def mark(self, address: int, attribute: Attribute, length: int = 1) -> None:
        """Give linear addresses an attribute; watches mark their pages as well."""
        where = slice(address, address + length)
        before = bytes(self.attributes[where])
        self._count_watch(attribute, length - _count(before, attribute))
        self.attributes[where] = before.translate(_WITH[attribute])
        page_mark = _PAGE_MARK.get(attribute, PageState(0))
        for page in _pages(address, length):
            self.pages[page] |= page_mark
            self._code_may_change(page)

    def unmark(self, address: int, attribute: Attribute, length: int = 1) -> None:
        """Take an attribute from linear addresses, and from a page with the last of its own."""
        where = slice(address, address + length)
        before = bytes(self.attributes[where])
        self._count_watch(attribute, -_count(before, attribute))
        self.attributes[where] = before.translate(_WITHOUT[attribute])
        page_mark = _PAGE_MARK.get(attribute)
        for page in _pages(address, length):
            start = page << PAGE_SHIFT
            if page_mark and not _count(self.attributes[start : start + PAGE_SIZE], attribute):
                self.pages[page] &= ~page_mark & 0xFF
            self._code_may_change(page)

    def _code_may_change(self, page: int) -> None:
        if self.pages[page] & PageState.CODE:
            self.stale_code.add(page)

    def _count_watch(self, attribute: Attribute, change: int) -> None:
        self._watches += change * (attribute in _PAGE_MARK)
        self.read_watches += change * (attribute is Attribute.WATCH_READ)


def _size_of(where: slice) -> int:
    """Return the size of memory to who takes a slice of it: 1 MiB, unless that ends behind."""
    return RAM_SIZE if where.stop is not None and where.stop > MEMORY_SIZE else MEMORY_SIZE


def _map(size: int) -> mmap.mmap:
    """Return zeroed memory that becomes resident page by page, as it is used."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size)
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            area.madvise(mmap.MADV_NOHUGEPAGE)
    return area


# Plain ints are quicker.
_WATCH_WRITE = int(PageState.WATCH_WRITE), int(Attribute.WATCH_WRITE)
_WATCH_READ = int(PageState.WATCH_READ), int(Attribute.WATCH_READ)
_CLEAN, _CODE = int(PageState.CLEAN), int(PageState.CODE)
_MIRROR = int(PageState.MIRROR)
_MINDED = _CLEAN | _CODE | _MIRROR
"""What stores by the host must mind."""
_PLAIN = bytes(state for state in range(256) if not state & _MINDED)
"""The states of pages with none of it."""
_WITH_CLEAN = bytes(state | _CLEAN for state in range(256))
_PAGE_MARK = {
    Attribute.WATCH_WRITE: PageState.WATCH_WRITE,
    Attribute.WATCH_READ: PageState.WATCH_READ,
}
_WITH = {a: bytes(here | a for here in range(256)) for a in Attribute}
_WITHOUT = {a: bytes(here & ~a for here in range(256)) for a in Attribute}
_HAS = {a: bytes(bool(here & a) for here in range(256)) for a in Attribute}
_IS_CODE = bytes(bool(state & _CODE) for state in range(256))
_IS_DIRTY = bytes(not state & _CLEAN for state in range(256))


@cache
def _changing(state: PageState, on: bool) -> bytes:
    """Return what becomes of the state of pages that get another, or lose it."""
    return bytes(here | state if on else here & ~state for here in range(256))


def _places(marks: bytes) -> list[int]:
    """Return where a byte is 1; most often there are few."""
    if marks.count(1) > MANY_PLACES:
        return list(compress(range(PAGE_COUNT), marks))
    places, place = [], marks.find(1)
    while place >= 0:
        places.append(place)
        place = marks.find(1, place + 1)
    return places


def _count(attributes: bytes | memoryview, attribute: Attribute) -> int:
    """Return how many addresses have an attribute."""
    return bytes(attributes).translate(_HAS[attribute]).count(1)


def _pages(address: int, length: int) -> range:
    return range(address >> PAGE_SHIFT, (address + length - 1 >> PAGE_SHIFT) + 1)
