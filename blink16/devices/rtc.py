"""A real-time clock with CMOS memory, a Motorola MC146818 at ports 70h and 71h as on an AT.

An XT had one only as an option; it gives programs the date.  It has no interrupt here, and no
alarm; its periodic and update flags can be polled.  The time is the guest's own, moved by what a
program sets it to.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.services import Guest

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
    CENTURY = 0x32


A_UPDATING, A_AFTER_POST = 0x80, 0x26
A_RATE, CRYSTAL_HZ = 0x0F, 32_768
B_SET, B_BINARY, B_24_HOURS = 0x80, 0x04, 0x02
C_REQUESTED, C_PERIOD, C_UPDATED = 0x80, 0x40, 0x10
"""Flags of register C; B enables each by the same bit."""
D_VALID = 0x80
PM = 0x80
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


class Rtc:
    """An MC146818 (`services.Component`)."""

    COMPONENT = "rtc"

    def __init__(self, guest: Guest, bus: Bus) -> None:
        self._guest = guest
        memory = bytearray(SIZE)
        memory[CmosRegister.A], memory[CmosRegister.B] = A_AFTER_POST, B_24_HOURS
        self.state = RtcState(memory=bytes(memory), seen_at=guest.nanoseconds())
        bus.attach([INDEX_PORT], None, self._write_index)
        bus.attach([DATA_PORT], self._read, self._write)

    def save(self) -> RtcState:
        """Return the state."""
        return self.state

    def restore(self, state: RtcState) -> None:
        """Take the state of a `save`."""
        self.state = state

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        seconds = self._guest.nanoseconds() // NANOSECONDS + self.state.offset
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):  # set far beyond what a calendar has
            return datetime(1980, 1, 1, tzinfo=UTC)

    def _write_index(self, port: int, value: int) -> None:
        self.state = self.state._replace(selected=value % SIZE)  # bit 7 is an AT's NMI mask

    def _read(self, port: int) -> int:
        index, memory = self.state.selected, self.state.memory
        if index in TIME:
            setting = memory[CmosRegister.B] & B_SET
            return memory[index] if setting else self._time_register(CmosRegister(index))
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
        self.state = self.state._replace(seen_at=now)
        flags = 0
        if not memory[CmosRegister.B] & B_SET and now // NANOSECONDS > since // NANOSECONDS:
            flags |= C_UPDATED
        hz = _rate(memory[CmosRegister.A] & A_RATE)
        if now * hz // NANOSECONDS > since * hz // NANOSECONDS:
            flags |= C_PERIOD
        return flags | (C_REQUESTED if flags & memory[CmosRegister.B] else 0)

    def _write(self, port: int, value: int) -> None:
        index, before = self.state.selected, self.state.memory
        if index in (CmosRegister.C, CmosRegister.D):
            return
        if index in TIME and not before[CmosRegister.B] & B_SET:
            self._set_time(self._frozen(), index, value)
            return
        memory = bytearray(before)
        if index == CmosRegister.B and value & B_SET and not before[index] & B_SET:
            memory = self._frozen()
        memory[index] = value
        self.state = self.state._replace(memory=bytes(memory))
        if index == CmosRegister.B and before[index] & B_SET and not value & B_SET:
            self._set_time(memory, index, value)

    def _frozen(self) -> bytearray:
        """Return the memory with the time of now in its registers."""
        memory = bytearray(self.state.memory)
        for register in TIME:
            memory[register] = self._time_register(register)
        return memory

    def _time_register(self, register: CmosRegister) -> int:
        now = self.now
        fields = {
            CmosRegister.SECONDS: now.second,
            CmosRegister.MINUTES: now.minute,
            CmosRegister.HOURS: now.hour,
            CmosRegister.WEEKDAY: now.isoweekday() % 7 + 1,  # 1 is Sunday
            CmosRegister.DAY: now.day,
            CmosRegister.MONTH: now.month,
            CmosRegister.YEAR: now.year % 100,
            CmosRegister.CENTURY: now.year // 100,
        }
        value, control = fields[register], self.state.memory[CmosRegister.B]
        afternoon = 0
        if register is CmosRegister.HOURS and not control & B_24_HOURS:
            afternoon = PM if value >= 12 else 0
            value = (value - 1) % 12 + 1
        return (value if control & B_BINARY else _to_bcd(value)) | afternoon

    def _set_time(self, memory: bytearray, index: int, value: int) -> None:
        """Set the clock by its registers; a date that there isn't changes nothing."""
        memory[index] = value
        control = memory[CmosRegister.B]

        def field(register: CmosRegister) -> int:
            byte = memory[register]
            return byte if control & B_BINARY else _from_bcd(byte)

        hour = field(CmosRegister.HOURS)
        if not control & B_24_HOURS:
            raw, afternoon = memory[CmosRegister.HOURS] & ~PM, memory[CmosRegister.HOURS] & PM
            hour = (raw if control & B_BINARY else _from_bcd(raw)) % 12 + (12 if afternoon else 0)
        try:
            wanted = datetime(
                field(CmosRegister.CENTURY) * 100 + field(CmosRegister.YEAR),
                field(CmosRegister.MONTH),
                field(CmosRegister.DAY),
                hour,
                field(CmosRegister.MINUTES),
                field(CmosRegister.SECONDS),
                tzinfo=UTC,
            )
        except ValueError:
            return
        offset = self.state.offset + (wanted - self.now) // timedelta(seconds=1)
        self.state = self.state._replace(offset=offset)


def _rate(selected: int) -> int:
    """Return the periods a second that register A's lower bits select; 0: none."""
    if not selected:
        return 0
    return CRYSTAL_HZ >> (selected + 6 if selected <= 2 else selected - 1)


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
