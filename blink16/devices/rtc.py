"""A real-time clock with CMOS memory, a Motorola MC146818 at ports 70h and 71h as on an AT.

An XT had one only as an option; it gives programs the date.  There its flags can only be polled; on
an AT it raises IRQ 8.  The time is the guest's own, moved by what a
program sets it to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices.fields import with_fields
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

KEPT = 64
"""Answers about the calendar that are kept: a guest asks for each of a second's registers."""
MASK_BIT = 0x80
INDEX_PORT, DATA_PORT = 0x70, 0x71
SIZE = 64
NANOSECONDS = 1_000_000_000
UPDATE_NANOSECONDS = 1_984_000 + 244_000
"""How long before a new second UIP says that the time is about to change."""


class CmosRegister(IntEnum):
    """The clock's registers."""

    SECONDS = 0
    MINUTES = 2
    HOURS = 4
    WEEKDAY = 6
    DAY = 7
    MONTH = 8
    YEAR = 9
    A = 10
    B = 11
    C = 12
    D = 13
    SHUTDOWN = 15
    CENTURY = 0x32


A_UPDATING, A_AFTER_POST = 0x80, 0x26
A_RATE, CRYSTAL_HZ = 0x0F, 32_768
B_SET, B_BINARY, B_24_HOURS = 0x80, 0x04, 0x02
C_REQUESTED, C_PERIOD, C_ALARM, C_UPDATED = 0x80, 0x40, 0x20, 0x10
"""Flags of register C; B enables each by the same bit."""
DAY_SECONDS = 24 * 60 * 60
D_VALID = 0x80
PM = 0x80
ALARM = (5, 3, 1)
"""The registers of the alarm's hour, minute and second."""
ANY = 0xC0
"""In one of them: every one will do."""
TIME = (
    CmosRegister.SECONDS,
    CmosRegister.MINUTES,
    CmosRegister.HOURS,
    CmosRegister.WEEKDAY,
    CmosRegister.DAY,
    CmosRegister.MONTH,
    CmosRegister.YEAR,
    CmosRegister.CENTURY,
)


class RtcState(NamedTuple):
    """The memory, and how the time differs from the guest's."""

    selected: int = 0
    memory: bytes = bytes(SIZE)
    """What was written; the time's registers count only while they are being set."""
    offset: int = 0
    """Seconds by which a program has put the clock forward."""
    seen_at: int = 0
    """When register C was read, in nanoseconds since the Unix epoch."""
    told: bool = False
    """Whether it has interrupted since then."""


class Rtc(Telling[RtcState]):
    """An MC146818: a device (`services.Device`)."""

    COMPONENT = "rtc"

    def __init__(self, guest: Guest, bus: Bus, irq: RequestLine | None = None) -> None:
        """``irq``: an AT's IRQ 8; on an XT it can only be polled."""
        self._guest = guest
        self._irq = irq
        self._epoch = guest.nanoseconds() - guest.time * NANOSECONDS // guest.clock_hz
        """Nanoseconds since the Unix epoch when the machine's time began."""
        self.on_mask: Callable[[bool], None] = lambda masked: None
        """Called with what an AT's port 70h has in bit 7: whether the NMI is masked."""
        memory = bytearray(SIZE)
        memory[CmosRegister.A], memory[CmosRegister.B] = A_AFTER_POST, B_24_HOURS
        self.state = RtcState(memory=bytes(memory), seen_at=guest.nanoseconds())
        bus.attach([INDEX_PORT], None, self._write_index, what="real-time clock, index")
        bus.attach([DATA_PORT], self._read, self._write, what="real-time clock, data")

    def save(self) -> RtcState:
        """Return the state."""
        return self.state

    def restore(self, state: RtcState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def keep(self, values: Mapping[int, int]) -> None:
        """Have bytes in the memory that a battery has kept, by their indices."""
        memory = bytearray(self.state.memory)
        for index, value in values.items():
            memory[index] = value
        self.state = self.state._replace(memory=bytes(memory))

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return _moment(self._second)

    @property
    def _second(self) -> int:
        """What it shows, in seconds since the Unix epoch."""
        return self._guest.nanoseconds() // NANOSECONDS + self._state.offset

    def _become(self, state: RtcState) -> None:
        if self._irq is None:
            self._state = state  # who never interrupts changes no plans
        elif state != self._state:
            self.state = state

    def _write_index(self, port: int, value: int) -> None:
        self._state = with_fields(self._state, _SELECTED, value % SIZE)
        self.on_mask(bool(value & MASK_BIT))

    def _read(self, port: int) -> int:
        index, memory = self._state.selected, self._state.memory
        place = _PLACES.get(index)
        if place is not None:
            control = memory[_B]
            return memory[index] if control & B_SET else _shown(self._second, control)[place]
        match index:
            case CmosRegister.A:
                left = NANOSECONDS - self._guest.nanoseconds() % NANOSECONDS
                return memory[index] & 0x7F | (A_UPDATING if left <= UPDATE_NANOSECONDS else 0)
            case CmosRegister.C:
                return self._flags()
            case CmosRegister.D:
                return D_VALID
        return memory[index]

    def _flags(self) -> int:
        """Return register C: what has happened since it was read, which the read clears."""
        memory, since, now = self.state.memory, self.state.seen_at, self._guest.nanoseconds()
        self.state = self.state._replace(seen_at=now, told=False)
        flags = 0
        if not memory[CmosRegister.B] & B_SET and now // NANOSECONDS > since // NANOSECONDS:
            flags |= C_UPDATED
        hz = _rate(memory[CmosRegister.A] & A_RATE)
        if now * hz // NANOSECONDS > since * hz // NANOSECONDS:
            flags |= C_PERIOD
        if not memory[CmosRegister.B] & B_SET and self._alarm_in(since, now):
            flags |= C_ALARM
        if self._irq is not None:
            self._irq(False)
        return flags | (C_REQUESTED if flags & memory[CmosRegister.B] else 0)

    # -- interrupts --------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when it next interrupts."""
        moment = self._next_interrupt() if self._irq is not None else None
        if moment is None:
            return None
        return -(-(moment - self._epoch) * self._guest.clock_hz // NANOSECONDS)

    def is_heard(self) -> bool:
        """Return whether IRQ 8 would be passed on."""
        return self._irq is not None and self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Raise IRQ 8, once until register C is read."""
        if self._irq is not None:
            self._irq(True)
        self.state = self.state._replace(told=True)

    def _next_interrupt(self) -> int | None:
        """Return the nanoseconds of the first event to interrupt since register C was read."""
        s, since = self.state, self.state.seen_at
        if s.told:
            return None
        enabled, moments = s.memory[CmosRegister.B], []
        hz = _rate(s.memory[CmosRegister.A] & A_RATE)
        if enabled & C_PERIOD and hz:
            moments.append(-(-(since * hz // NANOSECONDS + 1) * NANOSECONDS // hz))
        if enabled & C_UPDATED and not enabled & B_SET:
            moments.append((since // NANOSECONDS + 1) * NANOSECONDS)
        if enabled & C_ALARM and not enabled & B_SET:
            alarm = self._next_alarm(since)
            if alarm is not None:
                moments.append(alarm)
        return min(moments, default=None)

    def _alarm_in(self, since: int, now: int) -> bool:
        """Return whether the alarm's time has come after ``since`` and not later than ``now``."""
        alarm = self._next_alarm(since)
        return alarm is not None and alarm <= now

    def _next_alarm(self, after: int) -> int | None:
        """Return the nanoseconds of the next second that the alarm's registers name."""
        memory = self.state.memory
        wanted = [self._alarm_field(register, memory[register]) for register in ALARM]
        second = after // NANOSECONDS + 1
        shown = second + self.state.offset
        hour, minute, sec = shown // 3600 % 24, shown // 60 % 60, shown % 60
        here = hour * 3600 + minute * 60 + sec
        hours, minutes, seconds = (
            range(size) if value is None else range(value, value + 1)
            for value, size in zip(wanted, (24, 60, 60), strict=True)
        )
        if any(
            part.start >= size
            for part, size in zip((hours, minutes, seconds), (24, 60, 60), strict=True)
        ):
            return None
        waits = (
            (h * 3600 + m * 60 + s - here) % DAY_SECONDS
            for h in hours
            for m in ({minute, (minute + 1) % 60, 0} if wanted[1] is None else minutes)
            for s in ({sec, (sec + 1) % 60, 0} if wanted[2] is None else seconds)
        )
        return (second + min(waits)) * NANOSECONDS

    def _alarm_field(self, register: int, byte: int) -> int | None:
        """Return an alarm register's number; None: any will do."""
        control = self.state.memory[CmosRegister.B]
        if byte & ANY == ANY:
            return None
        if register == ALARM[0] and not control & B_24_HOURS:
            return _hour_of_12(byte, binary=bool(control & B_BINARY))
        return byte if control & B_BINARY else _from_bcd(byte)

    def _write(self, port: int, value: int) -> None:
        index, before = self._state.selected, self._state.memory
        control, place = before[_B], _PLACES.get(index)
        if place is not None and not control & B_SET:
            self._put_forward(_change(self._second, control, place, value))
            return
        if index in (CmosRegister.C, CmosRegister.D):
            return
        memory = bytearray(before)
        if index == _B and value & B_SET and not control & B_SET:
            for register, byte in zip(TIME, _shown(self._second, control), strict=True):
                memory[register] = byte
        memory[index] = value
        self._become(with_fields(self._state, _MEMORY, bytes(memory)))
        if index == _B and control & B_SET and not value & B_SET:
            fields = tuple(memory[register] for register in TIME)
            self._put_forward(_difference(self._second, fields, value))

    def _put_forward(self, seconds: int) -> None:
        """Put the clock forward or back."""
        if seconds:
            after = with_fields(self._state, _OFFSET, self._state.offset + seconds)
            if after.memory[_B] & C_ALARM:
                self._become(after)
            else:
                self._state = after  # nothing else hangs of what it shows


_SELECTED, _MEMORY, _OFFSET = map(RtcState._fields.index, ("selected", "memory", "offset"))
_B = int(CmosRegister.B)  # looking a member up takes as long as much of an access
_PLACES = {int(register): place for place, register in enumerate(TIME)}


def _moment(second: int) -> datetime:
    """Return the date and time of a second since the Unix epoch."""
    try:
        return datetime.fromtimestamp(second, UTC)
    except (ValueError, OverflowError, OSError):  # set far beyond what a calendar has
        return datetime(1980, 1, 1, tzinfo=UTC)


@lru_cache(KEPT)
def _shown(second: int, control: int) -> tuple[int, ...]:
    """Return what registers of `TIME` show at a second, by what register B says."""
    now = _moment(second)
    hour, afternoon = now.hour, 0
    if not control & B_24_HOURS:
        hour, afternoon = (hour - 1) % 12 + 1, PM if hour >= 12 else 0
    numbers = (
        *(now.second, now.minute, hour),
        now.isoweekday() % 7 + 1,  # 1 is Sunday
        *(now.day, now.month, now.year % 100, now.year // 100),
    )
    fields = list(numbers if control & B_BINARY else map(_to_bcd, numbers))
    fields[_PLACES[CmosRegister.HOURS]] |= afternoon
    return tuple(fields)


@lru_cache(KEPT)
def _change(second: int, control: int, place: int, value: int) -> int:
    """Return by how many seconds the clock changes, at one, when a register of `TIME` is set."""
    now = _shown(second, control)
    return _difference(second, (*now[:place], value, *now[place + 1 :]), control)


def _difference(second: int, fields: tuple[int, ...], control: int) -> int:
    """Return how far registers of `TIME` are from a second; 0 where they are no date."""
    wanted = _second_of(fields, control)
    if wanted is None or wanted == second:
        return 0
    return wanted - int(_moment(second).timestamp())  # the one shown, where no calendar has it


def _second_of(fields: tuple[int, ...], control: int) -> int | None:
    """Return the second since the Unix epoch that registers of `TIME` say; None: there is none."""
    binary = bool(control & B_BINARY)
    second, minute, hour, _, day, month, year, century = (
        fields if binary else map(_from_bcd, fields)
    )
    if not control & B_24_HOURS:
        hour = _hour_of_12(fields[_PLACES[CmosRegister.HOURS]], binary=binary)
    try:
        wanted = datetime(century * 100 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(wanted.timestamp())


def _rate(selected: int) -> int:
    """Return the periods a second that register A's lower bits select; 0: none."""
    if not selected:
        return 0
    return CRYSTAL_HZ >> (selected + 6 if selected <= 2 else selected - 1)


def _hour_of_12(byte: int, *, binary: bool) -> int:
    """Return the hour of a day's 24 that a register shows with its half of the day."""
    hour = byte & ~PM
    return (hour if binary else _from_bcd(hour)) % 12 + (12 if byte & PM else 0)


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
