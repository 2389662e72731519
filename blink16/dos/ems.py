"""INT 67h, expanded memory by LIM EMS 4.0: a frame of four windows at D000h.

Functions for operating systems are in `ems_system`.
Source: Lotus, Intel, Microsoft: Expanded Memory Specification 4.0 (1987).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Struct

from blink16.bios.rom import SEGMENT
from blink16.dos.ems_pages import (
    FRAME_SEGMENT,
    MAX_HANDLES,
    PAGE_PARAGRAPHS,
    WINDOWS,
    EmsError,
    EmsStatus,
    ExpandedMemory,
    LogicalPage,
    Mapping,
    window_range,
)
from blink16.dos.ems_regions import exchange, move
from blink16.dos.ems_system import SystemAccess
from blink16.memory import linear
from blink16.packing import packing
from blink16.services import DONE, Chassis, Guest, Outcome

VECTOR = 0x67
NAME = b"EMMXXXX0"
NAME_OFFSET = 0x000A
"""Where programs look for the driver's name, in its handler's segment."""
VERSION = 0x40
NO_PAGE, NO_HANDLE = 0xFFFF, 0xFFFF
MAX_ENTRIES = 256
"""Of a list of pages to map: more than anybody has windows for."""
VOLATILE, NON_VOLATILE = 0, 1

SAVED_PLACE = Struct("handle" / Int16ul, "page" / Int16ul)
"""What 4Eh saves of each window."""
WINDOW_PLACE = Struct("window" / Int16ul, *SAVED_PLACE.subcons)
"""What 4Fh saves of some windows, behind a word that says of how many."""
ENTRY = Struct("page" / Int16ul, "window" / Int16ul)
"""Of a list of pages to map: a handle's page, and a window by its number or by its segment."""
JUMP = Struct("offset" / Int16ul, "segment" / Int16ul, "count" / Int8ul, "list" / Int16ul[2])
CALL = Struct(*JUMP.subcons, "old_count" / Int8ul, "old_list" / Int16ul[2])
RETURNING = Struct("way" / Int8ul, "count" / Int8ul, "handle" / Int16ul, "list" / Int16ul[2])
"""What is on the stack while a routine runs that 56h has called."""
FAR_RETURN, INTERRUPT_FRAME = 4, 6
DIRECTORY_ENTRY = Struct("handle" / Int16ul, "name" / Bytes(8))
_SAVED_PLACE, _WINDOW_PLACE, _ENTRY, _DIRECTORY_ENTRY, _WORD = map(
    packing, (SAVED_PLACE, WINDOW_PLACE, ENTRY, DIRECTORY_ENTRY, Struct(Int16ul))
)
"""The same, for programs that map pages in loops."""
MAP_SIZE = WINDOWS * _SAVED_PLACE.size
_NOTHING = LogicalPage(NO_HANDLE, NO_PAGE)
"""What is saved of a window with nothing in it."""
BY_NUMBER, BY_SEGMENT = 0, 1


class Ems:
    """The driver.  A component (`services.Component`)."""

    COMPONENT = "ems"

    def __init__(self, kib: int) -> None:
        """``kib``: how much there is."""
        self._memory = ExpandedMemory(kib)
        self._system = SystemAccess()
        self._way_back = (0, 0)
        """Where a routine returns to that 56h has called."""

    def install(self, chassis: Chassis) -> None:
        """Hang INT 67h, with the name where programs look for it, and make room for the frame."""
        chassis.hang_service(VECTOR, self)
        self._way_back = chassis.add_stub("ems-return", self._return)
        chassis.memory.write(linear(SEGMENT, NAME_OFFSET), NAME)
        for window in map(window_range, range(WINDOWS)):
            chassis.memory.have_ram(window)
            chassis.memory.write(window.start, bytes(len(window)))

    def save(self) -> Any:
        """Return the state; pages are shared, not copied."""
        return self._memory.save(), self._system.state

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        memory, system = state
        self._memory.restore(memory)
        self._system.restore(system)

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH: it becomes 0, or says why not."""
        r = guest.registers
        function = _FUNCTIONS.get(r.ah)
        try:
            if function is not None:
                r.ah = function(self, guest) or 0
            elif not self._system.function(guest, self._memory):
                raise EmsError(EmsStatus.BAD_FUNCTION)
            else:
                r.ah = EmsStatus.DONE
        except EmsError as error:
            r.ah = error.status
        return DONE

    # -- handles and their pages ----------------------------------------------------------------

    def status(self, guest: Guest) -> None:
        """40h: all is well."""

    def frame(self, guest: Guest) -> None:
        """41h: the frame's segment in BX."""
        guest.registers.bx = FRAME_SEGMENT

    def counts(self, guest: Guest) -> None:
        """42h: free pages in BX, all in DX."""
        guest.registers.bx, guest.registers.dx = self._memory.free, self._memory.total

    def allocate(self, guest: Guest) -> None:
        """43h: BX pages; their handle in DX."""
        if not guest.registers.bx:
            raise EmsError(EmsStatus.ZERO_PAGES)
        guest.registers.dx = self._memory.allocate(guest.registers.bx)

    def allocate_pages(self, guest: Guest) -> None:
        """5Ah: BX standard (0) or raw (1) pages, which are the same here; none is allowed."""
        _check_subfunction(guest, 1)
        guest.registers.dx = self._memory.allocate(guest.registers.bx)

    def release(self, guest: Guest) -> None:
        """45h: free handle DX."""
        self._memory.release(guest.memory, guest.registers.dx)

    def version(self, guest: Guest) -> None:
        """46h: the version in AL."""
        guest.registers.al = VERSION

    def handles(self, guest: Guest) -> None:
        """4Bh: how many handles there are, in BX."""
        guest.registers.bx = len(self._memory.owners)

    def pages_of(self, guest: Guest) -> None:
        """4Ch: handle DX's pages in BX."""
        guest.registers.bx = len(self._memory.owner(guest.registers.dx).pages)

    def all_pages(self, guest: Guest) -> None:
        """4Dh: each handle and its pages to ES:DI; how many handles in BX."""
        r, owners = guest.registers, sorted(self._memory.owners.items())
        pairs = b"".join(_words(handle, len(owner.pages)) for handle, owner in owners)
        guest.memory.write(guest.linear(r.es, r.di), pairs)
        r.bx = len(owners)

    def reallocate(self, guest: Guest) -> None:
        """51h: let handle DX have BX pages; how many it has then, in BX."""
        r = guest.registers
        wanted, r.bx = r.bx, len(self._memory.owner(r.dx).pages)
        self._memory.resize(guest.memory, r.dx, wanted)
        r.bx = wanted

    def attributes(self, guest: Guest) -> None:
        """52h: handles are lost when the machine starts anew, and can't be otherwise."""
        r = guest.registers
        _check_subfunction(guest, 2)
        if r.al < 2:
            self._memory.owner(r.dx)
        if r.al == 1 and r.bl > NON_VOLATILE:
            raise EmsError(EmsStatus.UNKNOWN_ATTRIBUTE)
        if r.al == 1 and r.bl == NON_VOLATILE:
            raise EmsError(EmsStatus.NO_SUCH_FEATURE)
        r.al = VOLATILE

    def names(self, guest: Guest) -> None:
        """53h: get handle DX's name to ES:DI (0), or set it from DS:SI (1)."""
        r = guest.registers
        _check_subfunction(guest, 1)
        owner = self._memory.owner(r.dx)
        if r.al == 0:
            guest.memory.write(guest.linear(r.es, r.di), owner.name)
            return
        name = guest.memory.read(guest.linear(r.ds, r.si), 8)
        if any(name) and self._handle_of(name) not in (None, r.dx):
            raise EmsError(EmsStatus.NAME_TAKEN)
        self._memory.change(r.dx, name=name)

    def _handle_of(self, name: bytes) -> int | None:
        owners = self._memory.owners.items()
        return next((handle for handle, owner in owners if owner.name == name), None)

    def directory(self, guest: Guest) -> None:
        """54h: all names to ES:DI (0), the handle of the name at DS:SI (1), how many can be (2)."""
        r, owners = guest.registers, sorted(self._memory.owners.items())
        _check_subfunction(guest, 2)
        match r.al:
            case 0:
                raw = b"".join(
                    _DIRECTORY_ENTRY.pack(handle, owner.name) for handle, owner in owners
                )
                guest.memory.write(guest.linear(r.es, r.di), raw)
                r.al = len(owners)
            case 1:
                name = guest.memory.read(guest.linear(r.ds, r.si), 8)
                if not any(name):
                    raise EmsError(EmsStatus.NAME_TAKEN)  # A1h: handles without one can't be sought
                found = self._handle_of(name)
                if found is None:
                    raise EmsError(EmsStatus.NAME_NOT_FOUND)
                r.dx = found
            case _:
                r.bx = MAX_HANDLES

    # -- mapping -----------------------------------------------------------------------------

    def map(self, guest: Guest) -> None:
        """44h: handle DX's page BX into window AL; page FFFFh: nothing."""
        r, memory = guest.registers, self._memory
        handle = r.dx
        memory.owner(handle)
        memory.show(guest.memory, self._with(memory.mapping, handle, r.bx, r.al))

    def _with(self, mapping: Mapping, handle: int, page: int, window: int) -> Mapping:
        """Return a mapping with one window changed."""
        if window >= WINDOWS:
            raise EmsError(EmsStatus.BAD_WINDOW)
        place = None
        if page != NO_PAGE:
            place = LogicalPage(handle, page)
            self._memory.content(place)
        return (*mapping[:window], place, *mapping[window + 1 :])

    def map_many(self, guest: Guest) -> None:
        """50h: map CX pages of handle DX as DS:SI says, by windows (0) or segments (1)."""
        r = guest.registers
        _check_subfunction(guest, BY_SEGMENT)
        self._map_list(guest, r.dx, r.al, r.cx, guest.linear(r.ds, r.si))

    def _map_list(self, guest: Guest, handle: int, way: int, count: int, at: int) -> None:
        """Map a handle's pages by a list of entries; all of it, or nothing if it has a mistake."""
        self._memory.owner(handle)
        if count > MAX_ENTRIES:
            raise EmsError(EmsStatus.BAD_WINDOW)
        mapping = self._memory.mapping
        for page, where in _ENTRY.iter_unpack(guest.memory.read(at, count * _ENTRY.size)):
            window = _window_at(where) if way == BY_SEGMENT else where
            mapping = self._with(mapping, handle, page, window)
        self._memory.show(guest.memory, mapping)

    def save_map(self, guest: Guest) -> None:
        """47h: keep the mapping for handle DX."""
        handle = guest.registers.dx
        if self._memory.owner(handle).saved is not None:
            raise EmsError(EmsStatus.SAVED_ALREADY)
        self._memory.change(handle, saved=self._memory.mapping)

    def restore_map(self, guest: Guest) -> None:
        """48h: map again what handle DX kept."""
        handle = guest.registers.dx
        saved = self._memory.owner(handle).saved
        if saved is None:
            raise EmsError(EmsStatus.NOT_SAVED)
        self._memory.show(guest.memory, self._memory.without_gone(saved))
        self._memory.change(handle, saved=None)

    def page_map(self, guest: Guest) -> None:
        """4Eh: get the mapping to ES:DI (0), set it from DS:SI (1), both (2), its size (3)."""
        r, memory = guest.registers, guest.memory
        _check_subfunction(guest, 3)
        wanted = None
        if r.al in (1, 2):
            raw = memory.read(guest.linear(r.ds, r.si), MAP_SIZE)
            wanted = tuple(self._saved(*place) for place in _SAVED_PLACE.iter_unpack(raw))
        if r.al in (0, 2):
            places = b"".join(map(_packed, self._memory.mapping))
            memory.write(guest.linear(r.es, r.di), places)
        if wanted is not None:
            self._memory.show(memory, self._memory.without_gone(wanted))
        if r.al == 3:
            r.al = MAP_SIZE

    def _saved(self, handle: int, page: int) -> LogicalPage | None:
        if handle == NO_HANDLE:
            return None
        if handle >= MAX_HANDLES or page >= self._memory.total:
            raise EmsError(EmsStatus.BAD_MAP)
        return LogicalPage(handle, page)

    def partial_map(self, guest: Guest) -> None:
        """4Fh: get some windows' pages to ES:DI (0), set them from DS:SI (1), or BX's size (2)."""
        r, memory = guest.registers, guest.memory
        _check_subfunction(guest, 2)
        match r.al:
            case 0:
                memory.write(guest.linear(r.es, r.di), self._partial(guest))
            case 1:
                self._set_partial(guest, guest.linear(r.ds, r.si))
            case _:
                if r.bx > WINDOWS:
                    raise EmsError(EmsStatus.BAD_WINDOW)
                r.al = len(_partial_map([(0, None)] * r.bx))

    def _partial(self, guest: Guest) -> bytes:
        """Return the pages of the windows whose segments are listed at DS:SI."""
        at = guest.linear(guest.registers.ds, guest.registers.si)
        count = guest.memory.read_word(at)
        if count > WINDOWS:
            raise EmsError(EmsStatus.BAD_MAP)
        segments = _WORD.iter_unpack(guest.memory.read(at + 2, 2 * count))
        windows = [_window_at(segment) for (segment,) in segments]
        if any(window >= WINDOWS for window in windows):
            raise EmsError(EmsStatus.BAD_WINDOW)
        return _partial_map([(window, self._memory.mapping[window]) for window in windows])

    def _set_partial(self, guest: Guest, at: int) -> None:
        count = guest.memory.read_word(at)
        if count > WINDOWS:
            raise EmsError(EmsStatus.BAD_MAP)
        mapping = list(self._memory.mapping)
        raw = guest.memory.read(at + _WORD.size, count * _WINDOW_PLACE.size)
        for window, handle, page in _WINDOW_PLACE.iter_unpack(raw):
            if window >= WINDOWS:
                raise EmsError(EmsStatus.BAD_MAP)
            mapping[window] = self._saved(handle, page)
        self._memory.show(guest.memory, self._memory.without_gone(tuple(mapping)))

    def windows(self, guest: Guest) -> None:
        """58h: each window's segment and number to ES:DI (0); how many in CX (0, 1)."""
        r = guest.registers
        _check_subfunction(guest, 1)
        if r.al == 0:
            segments = (FRAME_SEGMENT + n * PAGE_PARAGRAPHS for n in range(WINDOWS))
            raw = b"".join(_words(segment, n) for n, segment in enumerate(segments))
            guest.memory.write(guest.linear(r.es, r.di), raw)
        r.cx = WINDOWS

    # -- routines in pages -------------------------------------------------------------------

    def jump(self, guest: Guest) -> None:
        """55h: map pages of handle DX and jump, as DS:SI says, by windows (0) or segments (1)."""
        r, memory = guest.registers, guest.memory
        _check_subfunction(guest, BY_SEGMENT)
        way = JUMP.parse(memory.read(guest.linear(r.ds, r.si), JUMP.sizeof()))
        self._map_list(guest, r.dx, r.al, way.count, guest.linear(*reversed(way.list)))
        memory.write(guest.linear(r.ss, r.sp), _words(way.offset, way.segment))

    def call(self, guest: Guest) -> None:
        """56h: the same, but call, and map other pages when the routine returns (0, 1).

        How much of the stack that needs, in BX (2).
        """
        r, memory = guest.registers, guest.memory
        _check_subfunction(guest, 2)
        if r.al == 2:
            r.bx = INTERRUPT_FRAME + RETURNING.sizeof() + FAR_RETURN
            return
        way = CALL.parse(memory.read(guest.linear(r.ds, r.si), CALL.sizeof()))
        self._map_list(guest, r.dx, r.al, way.count, guest.linear(*reversed(way.list)))
        flags = memory.read_word(guest.linear(r.ss, r.sp + 4 & 0xFFFF))
        fields = {"way": r.al, "count": way.old_count, "handle": r.dx, "list": way.old_list}
        _push(guest, RETURNING.build(fields))
        _push(guest, _words(*reversed(self._way_back)))
        _push(guest, _words(way.offset, way.segment, flags))

    def _return(self, guest: Guest) -> Outcome:
        """Come back from a routine that was called: map the other pages, and go on behind 56h."""
        r = guest.registers
        way = RETURNING.parse(guest.memory.read(guest.linear(r.ss, r.sp), RETURNING.sizeof()))
        r.sp += RETURNING.sizeof()
        try:
            at = guest.linear(*reversed(way.list))
            self._map_list(guest, way.handle, way.way, way.count, at)
            r.ah = EmsStatus.DONE
        except EmsError as error:
            r.ah = error.status
        return DONE

    # -- regions -----------------------------------------------------------------------------

    def move(self, guest: Guest) -> EmsStatus:
        """57h: move (0) or exchange (1) bytes between memory and pages, as DS:SI says."""
        _check_subfunction(guest, 1)
        return (exchange if guest.registers.al else move)(guest, self._memory)


def _check_subfunction(guest: Guest, last: int) -> None:
    if guest.registers.al > last:
        raise EmsError(EmsStatus.BAD_SUBFUNCTION)


def _window_at(segment: int) -> int:
    """Return the number of the window at a segment; `WINDOWS` or more if there is none."""
    window, rest = divmod(segment - FRAME_SEGMENT, PAGE_PARAGRAPHS)
    return WINDOWS if rest or window < 0 else window


def _packed(place: LogicalPage | None) -> bytes:
    return _SAVED_PLACE.pack(*(place or _NOTHING))


def _partial_map(places: list[tuple[int, LogicalPage | None]]) -> bytes:
    """Return some windows' pages as 4Fh saves them."""
    saved = (_WINDOW_PLACE.pack(window, *(place or _NOTHING)) for window, place in places)
    return _WORD.pack(len(places)) + b"".join(saved)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)


def _push(guest: Guest, data: bytes) -> None:
    r = guest.registers
    r.sp -= len(data)
    guest.memory.write(guest.linear(r.ss, r.sp), data)


_FUNCTIONS: dict[int, Callable[[Ems, Guest], EmsStatus | None]] = {
    0x40: Ems.status,
    0x41: Ems.frame,
    0x42: Ems.counts,
    0x43: Ems.allocate,
    0x44: Ems.map,
    0x45: Ems.release,
    0x46: Ems.version,
    0x47: Ems.save_map,
    0x48: Ems.restore_map,
    0x4B: Ems.handles,
    0x4C: Ems.pages_of,
    0x4D: Ems.all_pages,
    0x4E: Ems.page_map,
    0x4F: Ems.partial_map,
    0x50: Ems.map_many,
    0x51: Ems.reallocate,
    0x52: Ems.attributes,
    0x53: Ems.names,
    0x54: Ems.directory,
    0x55: Ems.jump,
    0x56: Ems.call,
    0x57: Ems.move,
    0x58: Ems.windows,
    0x5A: Ems.allocate_pages,
}
