"""One mebibyte of RAM, with what the machine knows about each address and each page.

Addresses here are linear: 20 bits, ``segment * 16 + offset``, wrapping at 1 MiB as on the
8086's twenty address pins.  Where a processor has more of them and address line 20 is open, they
go on to 10FFEFh, and memory with them to `RAM_SIZE`.  All arrays live in one anonymous mapping
that never moves, so that a native core can work on them while Python looks on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import overload

from blink16.memory.layout import (
    ADDRESS_MASK,
    ATTRIBUTES_OFFSET,
    DIRTY_OFFSET,
    DIRTY_SIZE,
    MAX_INSTRUCTION,
    MEMORY_SIZE,
    PAGE_COUNT,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_OFFSET,
    PLANAR_OFFSET,
    PLANAR_SIZE,
    PLANES_OFFSET,
    PLANES_SIZE,
    RAM_SIZE,
    SCRATCH_OFFSET,
    SCRATCH_SIZE,
    map_arena,
)
from blink16.memory.marks import (
    CLEAN,
    CODE,
    IS_CODE,
    IS_WRITTEN,
    MINDED,
    MIRROR,
    MIRROR_ONLY,
    MIRRORED,
    NOTED,
    PAGE_MARKS,
    PLAIN,
    UNMIRRORED,
    UNNOTED,
    WATCH_READ,
    WATCH_WRITE,
    WITH,
    WITH_CLEAN,
    WITHOUT,
    WITHOUT_CLEAN,
    Access,
    Attribute,
    PageState,
    changing,
    count_of,
    places,
)

LINE_CLOSED = b"\0"
LINES_24 = (1 << 24) - 1
"""The addresses that a processor with 24 address lines can put there."""
OPEN_BUS = b"\xff"
"""What is read where there is no memory."""
MIRROR_BIT = 0x4000
"""A CGA's memory is there twice, so far from each other."""


class Memory:
    """RAM, attributes and the record of pages written since the last checkpoint."""

    def __init__(self) -> None:
        self.arena = map_arena()
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
        return self.arena.find(what, start, end if end < RAM_SIZE else RAM_SIZE)

    def read_before(self, end: bytes, start: int, most: int) -> bytes | None:
        """Return the bytes before ``end``, a byte; None if it isn't among ``most`` from ``start``.

        No more than these and ``end`` count as read.  Nothing wraps.
        """
        last = start + most
        at = self.arena.find(end, start, last if last < RAM_SIZE else RAM_SIZE)
        if at < 0:
            return None
        if self._watches or self.on_access is not None or at >= MEMORY_SIZE:
            return self.read(start, at + 1 - start)[:-1]
        return self.arena[start:at]

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
            if end - 1 >> PAGE_SHIFT == page and not self.pages[page] & MINDED:
                self.arena[address:end] = data  # most often it is as little as that
            else:
                self._store(address, data)
            return
        for part in self._parts(address, len(data)):
            self._store(part.start, data[: len(part)])
            data = data[len(part) :]

    def write_alternate(self, address: int, data: bytes) -> None:
        """Store bytes at every other address from a linear one on; what lies between stays.

        To who minds stores it is one to all of them, a `write`.
        """
        end = address + 2 * len(data)
        minds = self._watches or self.on_access is not None or address < 0 or end > MEMORY_SIZE
        copies = () if minds else self._copies(address, end)
        if copies:
            for start in copies:
                self.arena[start : start + end - address : 2] = data
            return
        every = bytearray(self.read(address, end - address))
        every[::2] = data
        self.write(address, bytes(every))

    def copy(self, to: int, address: int, length: int) -> None:
        """Store what lies elsewhere below 1 MiB, where no watch minds that it is looked at."""
        end = to + length
        if self._watches or self.on_access is not None or max(end, address + length) > MEMORY_SIZE:
            self.write(to, self.peek(address, length))
            return
        first, last = to >> PAGE_SHIFT, end - 1 >> PAGE_SHIFT
        if self.arena[PAGES_OFFSET + first : PAGES_OFFSET + last + 1].translate(None, PLAIN):
            self.write(to, self.peek(address, length))
        else:
            self.arena.move(to, address, length)

    def read_word(self, address: int) -> int:
        """Return the little-endian word at a linear address."""
        low, high = self.read(address, 2)
        return low | high << 8

    def write_word(self, address: int, value: int) -> None:
        """Store a little-endian word at a linear address."""
        self.write(address, (value & 0xFFFF).to_bytes(2, "little"))

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
        page = address >> PAGE_SHIFT
        if end - 1 >> PAGE_SHIFT != page:
            copies = self._copies(address, end)
            if not copies:
                self._store_minded(address, data)
            for start in copies:
                self.arena[start : start + len(data)] = data
            return
        state = self.pages[page]
        if state & NOTED:
            self.note_write(page)
        self.arena[address:end] = data
        if state & MIRROR:
            twin = address ^ MIRROR_BIT
            self.note_write(twin >> PAGE_SHIFT)
            self.arena[twin : twin + len(data)] = data

    def _copies(self, address: int, end: int) -> tuple[int, ...]:
        """Return where to store what goes to a range within RAM: there, and in a mirror.

        Nowhere, where anything else is to be minded.
        """
        page, count = address >> PAGE_SHIFT, (end - 1 >> PAGE_SHIFT) - (address >> PAGE_SHIFT) + 1
        states = self.arena[PAGES_OFFSET + page : PAGES_OFFSET + page + count]
        if not states.translate(None, PLAIN):
            return (address,)
        twin = address ^ MIRROR_BIT
        there = PAGES_OFFSET + (twin >> PAGE_SHIFT)
        if address ^ end - 1 >= MIRROR_BIT or states.translate(None, MIRROR_ONLY):
            return ()
        return (address, twin) if self.arena[there : there + count] == states else ()

    def _store_minded(self, address: int, data: bytes) -> None:
        """Store bytes that lie in several pages, some of which are no plain ones."""
        end = address + len(data)
        first, last = address >> PAGE_SHIFT, end - 1 >> PAGE_SHIFT
        states = self.arena[PAGES_OFFSET + first : PAGES_OFFSET + last + 1]
        if states.translate(None, UNNOTED):
            self._note_writes(address >> PAGE_SHIFT, len(states))
        self.arena[address:end] = data
        if address ^ (end - 1) < MIRROR_BIT and not states.translate(None, MIRRORED):
            twin = address ^ MIRROR_BIT
            self._note_writes(twin >> PAGE_SHIFT, len(states))
            self.arena[twin : twin + len(data)] = data
        elif states.translate(None, UNMIRRORED):
            self._mirror(address, data)

    def _note_writes(self, first: int, count: int) -> None:
        """Note that the content of neighbouring pages changes."""
        start = PAGES_OFFSET + first
        states = self.arena[start : start + count]
        self.arena[start : start + count] = states.translate(WITHOUT_CLEAN)
        is_code = states.translate(IS_CODE)
        if 1 in is_code:
            self.stale_code.update(first + place for place in places(is_code))

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

    def touch(self, address: int, length: int, access: Access) -> None:
        """Note in `touched` the first byte of a range that is watched for this access."""
        if not self._watches or self.on_access is not None:
            return
        page_mark, mark = WATCH_WRITE if access is Access.WRITE else WATCH_READ
        first, end = address >> PAGE_SHIFT, address + length
        pages = self.pages[first : ((end - 1) >> PAGE_SHIFT) + 1]
        if self.touched or not any(map(page_mark.__and__, pages)):
            return
        for byte, attributes in enumerate(self.attributes[address:end], address):
            if attributes & mark:
                self.touched = (byte, access)
                return

    def _mirror(self, address: int, data: bytes) -> None:
        """Store again what was stored to mirrored pages."""
        for at in range(address & -PAGE_SIZE, address + len(data), PAGE_SIZE):
            if self.pages[at >> PAGE_SHIFT] & MIRROR:
                first, end = max(at, address), min(at + PAGE_SIZE, address + len(data))
                twin = first ^ MIRROR_BIT
                self.note_write(twin >> PAGE_SHIFT)
                self.ram[twin : twin + end - first] = data[first - address : end - address]

    # -- what adapters make of addresses -----------------------------------------------------

    def have_nothing(self, where: range) -> None:
        """Let there be no memory at whole pages: they read as FFh, and stores have no effect."""
        self.ram[where.start : where.stop] = OPEN_BUS * len(where)
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
        self.pages[pages] = bytes(self.pages[pages]).translate(changing(state, on))

    # -- what was written since the checkpoint -----------------------------------------------

    def note_write(self, page: int) -> None:
        """Note that a page's content changes."""
        state = self.pages[page]
        if state & CLEAN:
            self.pages[page] = state & ~CLEAN
        if state & CODE:
            self.stale_code.add(page)

    def begin(self) -> None:
        """Start anew to record what is written, at a checkpoint."""
        self.pages[:] = bytes(self.pages).translate(WITH_CLEAN)

    def written(self) -> list[int]:
        """Return the pages written since the last checkpoint."""
        return places(self.written_marks())

    def written_marks(self) -> bytes:
        """Return a byte for each page, 1 where it was written since the last checkpoint."""
        return bytes(self.pages).translate(IS_WRITTEN)

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
        return places(bytes(self.pages).translate(IS_CODE))

    # -- attributes --------------------------------------------------------------------------

    @property
    def is_minded(self) -> bool:
        """Whether anybody minds accesses: a watch, or a probe."""
        return bool(self._watches) or self.on_access is not None

    def mark(self, address: int, attribute: Attribute, length: int = 1) -> None:
        """Give linear addresses an attribute; watches mark their pages as well."""
        where = slice(address, address + length)
        before = bytes(self.attributes[where])
        self._count_watch(attribute, length - count_of(before, attribute))
        self.attributes[where] = before.translate(WITH[attribute])
        page_mark = PAGE_MARKS.get(attribute, PageState(0))
        for page in _pages(address, length):
            self.pages[page] |= page_mark
            self._code_may_change(page)

    def unmark(self, address: int, attribute: Attribute, length: int = 1) -> None:
        """Take an attribute from linear addresses, and from a page with the last of its own."""
        where = slice(address, address + length)
        before = bytes(self.attributes[where])
        self._count_watch(attribute, -count_of(before, attribute))
        self.attributes[where] = before.translate(WITHOUT[attribute])
        page_mark = PAGE_MARKS.get(attribute)
        for page in _pages(address, length):
            start = page << PAGE_SHIFT
            if page_mark and not count_of(self.attributes[start : start + PAGE_SIZE], attribute):
                self.pages[page] &= ~page_mark & 0xFF
            self._code_may_change(page)

    def _code_may_change(self, page: int) -> None:
        if self.pages[page] & PageState.CODE:
            self.stale_code.add(page)

    def _count_watch(self, attribute: Attribute, change: int) -> None:
        self._watches += change * (attribute in PAGE_MARKS)
        self.read_watches += change * (attribute is Attribute.WATCH_READ)


def _size_of(where: slice) -> int:
    """Return the size of memory to who takes a slice of it: 1 MiB, unless that ends behind."""
    return RAM_SIZE if where.stop is not None and where.stop > MEMORY_SIZE else MEMORY_SIZE


def _pages(address: int, length: int) -> range:
    return range(address >> PAGE_SHIFT, (address + length - 1 >> PAGE_SHIFT) + 1)
