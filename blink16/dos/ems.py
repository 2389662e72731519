"""Expanded memory by EMS 4.0: pages of 16 KiB that are copied in and out of a frame at D000h.

A page that is in the frame twice is two copies there; else it is as if they were mapped.
Source: Lotus, Intel, Microsoft: Expanded Memory Specification 4.0 (1987).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct

from blink16.bios.rom import SEGMENT
from blink16.memory import PAGE_SHIFT, PageState, linear
from blink16.services import DONE, Chassis, Guest, Outcome

VECTOR = 0x67
FRAME_SEGMENT = 0xD000
PAGE = 0x4000
WINDOWS = 4
MAX_HANDLES = 64
NAME = b"EMMXXXX0"
NAME_OFFSET = 0x000A
"""Where programs look for the driver's name, in its handler's segment."""
VERSION = 0x40
NO_PAGE = 0xFFFF
ZEROS = bytes(PAGE)

BAD_HANDLE, BAD_FUNCTION, NO_HANDLES, CONTEXT_SAVED = 0x83, 0x84, 0x85, 0x86
NOT_SO_MANY, NOT_FREE, ZERO_PAGES, BAD_PAGE, BAD_WINDOW = 0x87, 0x88, 0x89, 0x8A, 0x8B
SAVED_ALREADY, NOT_SAVED, BAD_SUBFUNCTION = 0x8D, 0x8E, 0x8F
NAME_NOT_FOUND, NAME_TAKEN, BEYOND = 0xA0, 0xA1, 0xA3

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
DIRECTORY_ENTRY = Struct("handle" / Int16ul, "name" / Bytes(8))

Mapping = tuple[tuple[int, int] | None, ...]
"""For each window of the frame: handle and logical page, or nothing."""
UNMAPPED: Mapping = (None,) * WINDOWS


class Owner(NamedTuple):
    """A handle."""

    pages: tuple[bytes, ...]
    name: bytes = bytes(8)
    saved: Mapping | None = None


class EmsError(Exception):
    """A function fails with a code in AH."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:02X}h")
        self.code = code


class Ems:
    """The driver.  A component (`services.Component`)."""

    COMPONENT = "ems"

    def __init__(self, kib: int) -> None:
        """``kib``: how much there is."""
        self._total = kib * 1024 // PAGE
        self._owners: dict[int, Owner] = {0: Owner(())}
        self._mapping: Mapping = UNMAPPED

    def install(self, chassis: Chassis) -> None:
        """Hang INT 67h, with the name where programs look for it, and make room for the frame."""
        chassis.hang_service(VECTOR, self)
        memory = chassis.memory
        memory.write(linear(SEGMENT, NAME_OFFSET), NAME)
        first = linear(FRAME_SEGMENT, 0) >> PAGE_SHIFT
        for page in range(first, first + (WINDOWS * PAGE >> PAGE_SHIFT)):
            memory.pages[page] &= ~PageState.ROM & 0xFF
        memory.write(linear(FRAME_SEGMENT, 0), bytes(WINDOWS * PAGE))

    def save(self) -> Any:
        """Return the state; pages are shared, not copied."""
        return tuple(self._owners.items()), self._mapping

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        owners, mapping = state
        self._owners = {handle: Owner(*fields) for handle, fields in owners}
        self._mapping = tuple(None if place is None else tuple(place) for place in mapping)

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH: it becomes 0, or an error."""
        r = guest.registers
        function = _FUNCTIONS.get(r.ah)
        try:
            if function is None:
                raise EmsError(BAD_FUNCTION)
            function(self, guest)
            r.ah = 0
        except EmsError as error:
            r.ah = error.code
        return DONE

    # -- pages -------------------------------------------------------------------------------

    @property
    def _free(self) -> int:
        return self._total - sum(len(owner.pages) for owner in self._owners.values())

    def _owner(self, handle: int) -> Owner:
        owner = self._owners.get(handle)
        if owner is None:
            raise EmsError(BAD_HANDLE)
        return owner

    def _take_out(self, guest: Guest) -> None:
        """Copy what the guest has written in the frame back to the pages."""
        for window, place in enumerate(self._mapping):
            if place is None:
                continue
            handle, page = place
            owner = self._owners.get(handle)
            if owner is None or page >= len(owner.pages):
                continue
            start = linear(FRAME_SEGMENT, window * PAGE)
            content = bytes(guest.memory.ram[start : start + PAGE])
            if content != owner.pages[page]:
                pages = (*owner.pages[:page], content, *owner.pages[page + 1 :])
                self._owners[handle] = owner._replace(pages=pages)

    def _map(self, guest: Guest, mapping: Mapping) -> None:
        """Let the frame show these pages."""
        self._take_out(guest)
        for window, (old, new) in enumerate(zip(self._mapping, mapping, strict=True)):
            if new is not None and new != old:
                handle, page = new
                content = self._page(handle, page)
                guest.memory.write(linear(FRAME_SEGMENT, window * PAGE), content)
        self._mapping = mapping

    def _page(self, handle: int, page: int) -> bytes:
        pages = self._owner(handle).pages
        if page >= len(pages):
            raise EmsError(BAD_PAGE)
        return pages[page]

    def _with(self, window: int, handle: int, page: int) -> Mapping:
        """Return the mapping with one window changed."""
        if window >= WINDOWS:
            raise EmsError(BAD_WINDOW)
        place = None
        if page != NO_PAGE:
            self._page(handle, page)
            place = handle, page
        return (*self._mapping[:window], place, *self._mapping[window + 1 :])

    # -- functions ---------------------------------------------------------------------------

    def status(self, guest: Guest) -> None:
        """40h: all is well."""

    def frame(self, guest: Guest) -> None:
        """41h: the frame's segment in BX."""
        guest.registers.bx = FRAME_SEGMENT

    def counts(self, guest: Guest) -> None:
        """42h: free pages in BX, all in DX."""
        guest.registers.bx, guest.registers.dx = self._free, self._total

    def allocate(self, guest: Guest) -> None:
        """43h, 5Ah: BX pages; their handle in DX."""
        r = guest.registers
        if r.ah == 0x43 and not r.bx:
            raise EmsError(ZERO_PAGES)
        if r.bx > self._total:
            raise EmsError(NOT_SO_MANY)
        if r.bx > self._free:
            raise EmsError(NOT_FREE)
        free = [n for n in range(1, MAX_HANDLES) if n not in self._owners]
        if not free:
            raise EmsError(NO_HANDLES)
        self._owners[free[0]] = Owner((ZEROS,) * r.bx)
        r.dx = free[0]

    def map(self, guest: Guest) -> None:
        """44h: handle DX's page BX into window AL; page FFFFh: nothing."""
        r = guest.registers
        self._owner(r.dx)
        self._map(guest, self._with(r.al, r.dx, r.bx))

    def release(self, guest: Guest) -> None:
        """45h: free handle DX."""
        handle = guest.registers.dx
        owner = self._owner(handle)
        if owner.saved is not None:
            raise EmsError(CONTEXT_SAVED)
        self._take_out(guest)
        self._mapping = tuple(
            None if place is not None and place[0] == handle else place for place in self._mapping
        )
        if handle:
            del self._owners[handle]
        else:
            self._owners[0] = Owner(())

    def version(self, guest: Guest) -> None:
        """46h: the version in AL."""
        guest.registers.al = VERSION

    def save_map(self, guest: Guest) -> None:
        """47h: keep the mapping for handle DX."""
        handle = guest.registers.dx
        owner = self._owner(handle)
        if owner.saved is not None:
            raise EmsError(SAVED_ALREADY)
        self._take_out(guest)
        self._owners[handle] = self._owner(handle)._replace(saved=self._mapping)

    def restore_map(self, guest: Guest) -> None:
        """48h: map again what handle DX kept."""
        handle = guest.registers.dx
        saved = self._owner(handle).saved
        if saved is None:
            raise EmsError(NOT_SAVED)
        self._map(guest, self._valid(saved))
        self._owners[handle] = self._owner(handle)._replace(saved=None)

    def _valid(self, mapping: Mapping) -> Mapping:
        """Return a mapping without pages that are gone."""
        return tuple(
            place
            if place is not None
            and place[0] in self._owners
            and place[1] < len(self._owners[place[0]].pages)
            else None
            for place in mapping
        )

    def handles(self, guest: Guest) -> None:
        """4Bh: how many handles there are, in BX."""
        guest.registers.bx = len(self._owners)

    def pages_of(self, guest: Guest) -> None:
        """4Ch: handle DX's pages in BX."""
        guest.registers.bx = len(self._owner(guest.registers.dx).pages)

    def all_pages(self, guest: Guest) -> None:
        """4Dh: each handle and its pages to ES:DI; how many handles in BX."""
        r = guest.registers
        raw = b"".join(
            handle.to_bytes(2, "little") + len(owner.pages).to_bytes(2, "little")
            for handle, owner in sorted(self._owners.items())
        )
        guest.memory.write(guest.linear(r.es, r.di), raw)
        r.bx = len(self._owners)

    def page_map(self, guest: Guest) -> None:
        """4Eh: get the mapping to ES:DI (0), set it from DS:SI (1), both (2), its size (3)."""
        r = guest.registers
        if r.al > 3:
            raise EmsError(BAD_SUBFUNCTION)
        new = (
            _unpack(guest.memory.read(guest.linear(r.ds, r.si), WINDOWS * 4))
            if r.al in (1, 2)
            else None
        )
        if r.al in (0, 2):
            guest.memory.write(guest.linear(r.es, r.di), _pack(self._mapping))
        if new is not None:
            self._map(guest, self._valid(new))
        if r.al == 3:
            r.al = WINDOWS * 4

    def partial_map(self, guest: Guest) -> None:
        """4Fh: the same of all windows, whichever are asked for."""
        r = guest.registers
        match r.al:
            case 0:
                guest.memory.write(guest.linear(r.es, r.di), _pack(self._mapping))
            case 1:
                raw = guest.memory.read(guest.linear(r.ds, r.si), WINDOWS * 4)
                self._map(guest, self._valid(_unpack(raw)))
            case 2:
                r.al = WINDOWS * 4
            case _:
                raise EmsError(BAD_SUBFUNCTION)

    def map_many(self, guest: Guest) -> None:
        """50h: map CX pages of handle DX as DS:SI says, by windows (0) or segments (1)."""
        r = guest.registers
        if r.al > 1:
            raise EmsError(BAD_SUBFUNCTION)
        self._owner(r.dx)
        raw = guest.memory.read(guest.linear(r.ds, r.si), min(r.cx, WINDOWS) * 4)
        mapping = self._mapping
        for at in range(0, len(raw), 4):
            page, window = (int.from_bytes(raw[at + n : at + n + 2], "little") for n in (0, 2))
            if r.al == 1:
                window, rest = divmod(window - FRAME_SEGMENT, PAGE >> 4)
                window = WINDOWS if rest or window < 0 else window
            if window >= WINDOWS:
                raise EmsError(BAD_WINDOW)
            place = None
            if page != NO_PAGE:
                self._page(r.dx, page)
                place = r.dx, page
            mapping = (*mapping[:window], place, *mapping[window + 1 :])
        self._map(guest, mapping)

    def reallocate(self, guest: Guest) -> None:
        """51h: let handle DX have BX pages."""
        r = guest.registers
        owner = self._owner(r.dx)
        if r.bx > self._total:
            raise EmsError(NOT_SO_MANY)
        if r.bx - len(owner.pages) > self._free:
            raise EmsError(NOT_FREE)
        self._take_out(guest)
        pages = self._owner(r.dx).pages[: r.bx]
        pages += (ZEROS,) * (r.bx - len(pages))
        self._owners[r.dx] = self._owner(r.dx)._replace(pages=pages)
        self._mapping = self._valid(self._mapping)

    def attributes(self, guest: Guest) -> None:
        """52h: handles are volatile, and can't be otherwise."""
        r = guest.registers
        if r.al == 1:
            raise EmsError(0x91)
        r.al = 0

    def names(self, guest: Guest) -> None:
        """53h: get handle DX's name to ES:DI (0), or set it from DS:SI (1)."""
        r = guest.registers
        owner = self._owner(r.dx)
        if r.al == 0:
            guest.memory.write(guest.linear(r.es, r.di), owner.name)
        elif r.al == 1:
            name = guest.memory.read(guest.linear(r.ds, r.si), 8)
            if name.strip(b"\0") and any(
                other.name == name for h, other in self._owners.items() if h != r.dx
            ):
                raise EmsError(NAME_TAKEN)
            self._owners[r.dx] = owner._replace(name=name)
        else:
            raise EmsError(BAD_SUBFUNCTION)

    def directory(self, guest: Guest) -> None:
        """54h: all names to ES:DI (0), the handle of the name at DS:SI (1), how many can be (2)."""
        r = guest.registers
        match r.al:
            case 0:
                raw = b"".join(
                    DIRECTORY_ENTRY.build({"handle": handle, "name": owner.name})
                    for handle, owner in sorted(self._owners.items())
                )
                guest.memory.write(guest.linear(r.es, r.di), raw)
                r.al = len(self._owners)
            case 1:
                name = guest.memory.read(guest.linear(r.ds, r.si), 8)
                found = [h for h, owner in self._owners.items() if owner.name == name]
                if not found or not name.strip(b"\0"):
                    raise EmsError(NAME_NOT_FOUND)
                r.dx = found[0]
            case 2:
                r.bx = MAX_HANDLES
            case _:
                raise EmsError(BAD_SUBFUNCTION)

    def move(self, guest: Guest) -> None:
        """57h: move (0) or exchange (1) bytes between memory and pages, as DS:SI says."""
        r = guest.registers
        if r.al > 1:
            raise EmsError(BAD_SUBFUNCTION)
        region = REGION.parse(guest.memory.read(guest.linear(r.ds, r.si), REGION.sizeof()))
        if region.length > 1 << 20:
            raise EmsError(BEYOND)
        self._take_out(guest)
        source = (region.source_type, region.source_handle, region.source_segment)
        target = (region.target_type, region.target_handle, region.target_segment)
        data = self._get(guest, *source, region.source_offset, region.length)
        other = self._get(guest, *target, region.target_offset, region.length)
        self._put(guest, *target, region.target_offset, data)
        if r.al == 1:
            self._put(guest, *source, region.source_offset, other)
        mapping, self._mapping = self._mapping, UNMAPPED
        self._map(guest, mapping)  # the frame may show what has changed

    def _get(
        self, guest: Guest, kind: int, handle: int, segment: int, offset: int, length: int
    ) -> bytes:
        if not kind:
            return guest.memory.read(guest.linear(segment, offset), length)
        pages = self._owner(handle).pages
        start = segment * PAGE + offset
        if start + length > len(pages) * PAGE:
            raise EmsError(BAD_PAGE)
        first = start // PAGE
        part = b"".join(pages[first : (start + length) // PAGE + 1])
        return part[start - first * PAGE : start - first * PAGE + length]

    def _put(
        self, guest: Guest, kind: int, handle: int, segment: int, offset: int, data: bytes
    ) -> None:
        if not kind:
            guest.memory.write(guest.linear(segment, offset), data)
            return
        owner = self._owner(handle)
        whole = bytearray(b"".join(owner.pages))
        start = segment * PAGE + offset
        whole[start : start + len(data)] = data
        pages = tuple(bytes(whole[at : at + PAGE]) for at in range(0, len(whole), PAGE))
        self._owners[handle] = owner._replace(pages=pages)

    def windows(self, guest: Guest) -> None:
        """58h: each window's segment and number to ES:DI (0); how many in CX."""
        r = guest.registers
        if r.al > 1:
            raise EmsError(BAD_SUBFUNCTION)
        if r.al == 0:
            raw = b"".join(
                (FRAME_SEGMENT + n * (PAGE >> 4)).to_bytes(2, "little") + n.to_bytes(2, "little")
                for n in range(WINDOWS)
            )
            guest.memory.write(guest.linear(r.es, r.di), raw)
        r.cx = WINDOWS

    def hardware(self, guest: Guest) -> None:
        """59h: raw pages are pages: their size and the rest to ES:DI (0), or how many (1)."""
        r = guest.registers
        if r.al == 0:
            raw = (PAGE >> 4).to_bytes(2, "little") + bytes(2) + (WINDOWS * 4).to_bytes(2, "little")
            guest.memory.write(guest.linear(r.es, r.di), raw + bytes(4))
        elif r.al == 1:
            r.bx, r.dx = self._free, self._total
        else:
            raise EmsError(BAD_SUBFUNCTION)


def _pack(mapping: Mapping) -> bytes:
    places: Iterator[tuple[int, int]] = (place or (NO_PAGE, NO_PAGE) for place in mapping)
    return b"".join(h.to_bytes(2, "little") + p.to_bytes(2, "little") for h, p in places)


def _unpack(raw: bytes) -> Mapping:
    words = [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
    pairs = zip(words[::2], words[1::2], strict=True)
    return tuple(None if handle == NO_PAGE else (handle, page) for handle, page in pairs)


_FUNCTIONS: dict[int, Callable[[Ems, Guest], None]] = {
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
    0x57: Ems.move,
    0x58: Ems.windows,
    0x59: Ems.hardware,
    0x5A: Ems.allocate,
}
