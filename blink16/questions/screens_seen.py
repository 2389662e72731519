"""Changes of the screen as rows: made of the stores to video memory, and of how that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blink16.bios.screen_content import GLYPHS
from blink16.devices.video import Video
from blink16.machine import Machine
from blink16.questions.columns import Events
from blink16.questions.needs import SCREEN_AREA as AREA
from blink16.questions.needs import VIDEO_MEMORY as WINDOW
from blink16.questions.needs import meeting
from blink16.questions.screen_places import (
    Lines,
    by_data_area,
    has_adapter,
    lines_of,
    places,
    registers_of,
)
from blink16.questions.tables import SCREEN_KINDS, TABLES, WRITERS
from blink16.services import Outcome, Service

_SCHEMA = TABLES["screens"].schema
_CHARACTER, _ATTRIBUTE, _DOTS, _MODE, _START = range(len(SCREEN_KINDS))


class _Moment(NamedTuple):
    """From when on the screen is shown in another way."""

    icount: int
    cs: int
    ip: int
    lines: Lines | None
    """None: there is no adapter, and the BIOS data area tells."""
    area: bytes
    """The bytes of `AREA` then."""


class ScreensSeen:
    """Looks on while a machine shows something.

    It stands in `Machine.serve_with` and `Bus.on_written` in place of others.
    """

    def __init__(self, machine: Machine, span: range) -> None:
        self._machine = machine
        self._span = span
        self._video = machine.find(Video)
        self._inner: Callable[[Service], Outcome] | None = None
        self._on_written: Callable[[], None] | None = None
        self._registers: Any = None
        self._moments: list[_Moment] = []
        self._lines = Lines()
        """How the screen is shown where the rows have come to."""
        self._area: bytearray | None = None
        """The bytes of `AREA` there, if they tell."""
        self._later = TABLES["writes"].empty()
        """Stores of an instant of which more may come."""

    def attach(self) -> None:
        """Look on from here on."""
        self._inner, self._machine.serve_with = self._machine.serve_with, self._serve
        bus = self._machine.bus
        self._on_written, bus.on_written = bus.on_written, self._look
        self.begin()

    def detach(self) -> None:
        """Look on no more."""
        self._machine.serve_with, self._machine.bus.on_written = self._inner, self._on_written

    def begin(self) -> None:
        """Begin anew where the machine stands."""
        self._moments.clear()
        self._registers = None
        self._look()
        moment = self._moments.pop()
        self._show(moment)
        self._later = TABLES["writes"].empty()

    def _serve(self, service: Service) -> Outcome:
        place = self._place()
        outcome = service(self._machine) if self._inner is None else self._inner(service)
        self._look(place)
        return outcome

    def _place(self) -> tuple[int, int]:
        return self._machine.registers.cs, self._machine.registers.ip

    def _look(self, place: tuple[int, int] | None = None) -> None:
        """Note if the screen is shown in another way by now, by the instruction at CS:IP."""
        video = self._video
        if video is not None and has_adapter(video):
            registers = registers_of(video)
            if registers == self._registers:
                return
            lines: Lines | None = lines_of(self._machine, video)
        else:
            registers, lines = (), None
            if registers == self._registers:
                return
        self._registers = registers
        area = bytes(self._machine.memory.whole[AREA.start : AREA.stop])
        icount = self._machine.icount
        if self._moments and self._moments[-1].icount == icount:
            self._moments.pop()  # what counts is how an instruction leaves it
        self._moments.append(_Moment(icount, *(place or self._place()), lines, area))

    # -- rows --------------------------------------------------------------------------------

    def rows(self, writes: pa.Table | None, *, last: bool) -> pa.Table:
        """Return the rows that stores make, which come in their order; ``last``: no more come.

        Their last instant is kept for the next time, since more of it may come.
        """
        whole = pa.concat_tables([self._later, *([] if writes is None else [writes])])
        icounts = whole.column("icount").to_numpy()
        end = len(icounts)
        if not last and end:
            end = int(np.searchsorted(icounts, icounts[-1]))
        self._later = whole.slice(end)
        until = None if last or end == len(icounts) else int(icounts[-1])
        found = list(self._rows(_Stores(whole.slice(0, end)), until))
        return pa.concat_tables([_SCHEMA.empty_table(), *found]).unify_dictionaries()

    def _rows(self, stores: _Stores, until: int | None) -> Iterator[pa.Table]:
        """Yield rows, before an instant."""
        at = 0
        for moment in self._taken(until):
            end = int(np.searchsorted(stores.icount, moment.icount))
            yield from self._changes(stores.part(at, end))
            at = end
            if (change := self._show(moment)) is not None:
                yield change
        yield from self._changes(stores.part(at, len(stores.icount)))

    def _taken(self, until: int | None) -> list[_Moment]:
        """Take the moments before an instant."""
        count = len(self._moments)
        if until is not None:
            count = sum(moment.icount < until for moment in self._moments)
        taken, self._moments = self._moments[:count], self._moments[count:]
        return taken

    def _show(self, moment: _Moment) -> pa.Table | None:
        """Show the screen as it is from a moment on; the row that says so, if there is one."""
        self._area = bytearray(moment.area) if moment.lines is None else None
        lines = by_data_area(moment.area) if moment.lines is None else moment.lines
        return self._changed(lines, moment.icount, moment.cs, moment.ip)

    def _changed(self, lines: Lines, icount: int, cs: int, ip: int) -> pa.Table | None:
        before, self._lines = self._lines, lines
        if lines == before or icount not in self._span:
            return None
        moved = lines.moved(before)
        row = {
            "icount": icount,
            "pc": self._machine.linear(cs, ip),
            "cs": cs,
            "ip": ip,
            "kind": SCREEN_KINDS[_START if moved else _MODE],
            "new": lines.starts[0] if moved else None,
            "address": lines.base + lines.starts[0] if lines.starts else None,
            "text": str(lines),
        }
        return pa.Table.from_pylist([row], schema=_SCHEMA)

    def _changes(self, stores: _Stores) -> Iterator[pa.Table]:
        """Yield the rows of stores while the screen is shown in one way."""
        if self._area is None:
            yield from self._bytes(stores)
            return
        at = 0
        for number in stores.meeting(AREA):
            yield from self._bytes(stores.part(at, number))
            at = number
            change = self._told_by_area(stores, number)
            if change is not None:
                yield change
        yield from self._bytes(stores.part(at, len(stores.icount)))

    def _told_by_area(self, stores: _Stores, number: int) -> pa.Table | None:
        """Take what a store to the BIOS data area says of the screen."""
        assert self._area is not None
        address, value = int(stores.address[number]), int(stores.new[number])
        for byte in range(int(stores.size[number])):
            if address + byte in AREA:
                self._area[address + byte - AREA.start] = value >> 8 * byte & 0xFF
        icount, cs, ip = (int(a[number]) for a in (stores.icount, stores.cs, stores.ip))
        return self._changed(by_data_area(bytes(self._area)), icount, cs, ip)

    def _bytes(self, stores: _Stores) -> Iterator[pa.Table]:
        """Yield the rows of the bytes that stores change."""
        number, address, old, new = stores.bytes()
        where = places(self._lines)[address - WINDOW.start]
        icount = stores.icount[number]
        inside = (icount >= self._span.start) & (icount < self._span.stop)
        seen = (where >= 0) & inside & (stores.unknown[number] | (old != new))
        if not seen.any():
            return
        number, address, old, new, where = (a[seen] for a in (number, address, old, new, where))
        row, byte = np.divmod(where, self._lines.width)
        dots = self._lines.dots
        glyphs = pa.array(list(GLYPHS)).take(pa.array(new))
        if dots:
            kinds, column, text = np.full(len(new), _DOTS), byte * dots, pa.nulls(len(new))
        else:
            kinds, column = np.where(byte % 2 == 0, _CHARACTER, _ATTRIBUTE), byte // 2
            text = pc.if_else(pa.array(kinds == _CHARACTER), glyphs, None)
        named = pa.array(kinds.astype(np.int8))
        yield pa.table(
            [
                *(pa.array(a[number]) for a in (stores.icount, stores.pc, stores.cs, stores.ip)),
                pa.DictionaryArray.from_arrays(named, list(SCREEN_KINDS)),
                pa.array(row.astype(np.uint16)),
                pa.array(column.astype(np.uint16)),
                pa.array(address.astype(np.uint32)),
                pa.array(old.astype(np.uint16), mask=stores.unknown[number]),
                pa.array(new.astype(np.uint16)),
                text.cast(pa.string()),
                pa.DictionaryArray.from_arrays(pa.array(stores.who[number]), list(WRITERS)),
            ],
            schema=_SCHEMA,
        )


class _Stores:
    """Rows of the table ``writes``, as arrays."""

    def __init__(self, writes: pa.Table) -> None:
        def array(name: str) -> Events:
            column = writes.column(name).combine_chunks()
            found: Events = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
            return found

        names = ("icount", "pc", "cs", "ip", "address", "size", "old", "new")
        self._arrays = [array(name) for name in names]
        self._arrays.append(writes.column("old").is_null().to_numpy())
        who = writes.column("who").combine_chunks()
        codes = who.indices if isinstance(who, pa.DictionaryArray) else pa.array([], pa.int8())
        self._arrays.append(codes.to_numpy(zero_copy_only=False))
        self._name()

    def _name(self) -> None:
        (self.icount, self.pc, self.cs, self.ip, self.address, self.size) = self._arrays[:6]
        self.old, self.new, self.unknown, self.who = self._arrays[6:]

    def part(self, low: int, high: int) -> _Stores:
        """Return some of them."""
        part = _Stores.__new__(_Stores)
        part._arrays = [array[low:high] for array in self._arrays]
        part._name()
        return part

    def meeting(self, where: range) -> list[int]:
        """Return which of them meet a range of addresses."""
        return np.flatnonzero(meeting([where], self.address, self.size)).tolist()

    def bytes(self) -> tuple[Events, Events, Events, Events]:
        """Return the bytes stored in `WINDOW`: by which store, where, and what was and is there."""
        number = np.repeat(np.arange(len(self.size)), self.size)
        second = np.arange(len(number)) > np.searchsorted(number, number)
        address = self.address[number].astype(np.int64) + second
        shift = 8 * second
        old, new = (a[number].astype(np.int64) >> shift & 0xFF for a in (self.old, self.new))
        inside = (address >= WINDOW.start) & (address < WINDOW.stop)
        return number[inside], address[inside], old[inside], new[inside]
