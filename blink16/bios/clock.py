"""BIOS ticks and the time of day (INT 1Ah), from the guest's own time.

Until a timer interrupts, the count in the data area moves whenever a BIOS service is called.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from blink16.bios.data_area import DataArea
from blink16.cpu.registers import CF
from blink16.memory import Memory
from blink16.services import DONE, Guest, Outcome, set_caller_flag

NANOSECONDS = 1_000_000_000
TICKS_PER_DAY = 0x1800B0
PIT_HZ = 1_193_182
PIT_COUNT = 65536
"""A tick is that many cycles of the timer: 18.2 ticks are a second."""
DAY = 24 * 60 * 60 * NANOSECONDS


def _ticks(nanoseconds: int) -> int:
    return nanoseconds * PIT_HZ // (PIT_COUNT * NANOSECONDS)


class TickClock:
    """The tick count since midnight.  A component (`services.Component`)."""

    COMPONENT = "bios-clock"

    def __init__(self) -> None:
        self._offset = 0
        """Ticks by which a program moved the count."""
        self._day: int | None = None
        """The day on which the count was last looked at."""

    def update(self, memory: Memory, nanoseconds: int) -> None:
        """Bring the data area up to now, with the midnight flag when a day has passed."""
        days, today = divmod(nanoseconds, DAY)
        passed, ticks = divmod(_ticks(today) + self._offset, TICKS_PER_DAY)
        area = DataArea(memory)
        area.ticks = ticks
        day = days + passed
        if self._day is not None and day != self._day:
            area.midnight = 1
        self._day = day

    def set_ticks(self, memory: Memory, nanoseconds: int, ticks: int) -> None:
        """Move the count."""
        self._offset = ticks % TICKS_PER_DAY - _ticks(nanoseconds % DAY)
        self._day = None
        self.update(memory, nanoseconds)

    def save(self) -> Any:
        """Return the state."""
        return self._offset, self._day

    def restore(self, state: Any) -> None:
        """Take the state of a `save`."""
        self._offset, self._day = state

    def int1a(self, guest: Guest) -> Outcome:
        """Do the function in AH: ticks (0, 1), the real-time clock's time (2) and date (4)."""
        r, area = guest.registers, DataArea(guest.memory)
        match r.ah:
            case 0x00:
                ticks = area.ticks
                r.cx, r.dx, r.al = ticks >> 16, ticks, area.midnight
                area.midnight = 0
            case 0x01:
                self.set_ticks(guest.memory, guest.nanoseconds(), r.cx << 16 | r.dx)
                area.midnight = 0
            case 0x02:
                now = _now(guest)
                r.ch, r.cl, r.dh = _bcd(now.hour), _bcd(now.minute), _bcd(now.second)
                r.dl = 0
                set_caller_flag(guest, CF, False)
            case 0x04:
                now = _now(guest)
                r.ch, r.cl = _bcd(now.year // 100), _bcd(now.year % 100)
                r.dh, r.dl = _bcd(now.month), _bcd(now.day)
                set_caller_flag(guest, CF, False)
            case _:
                set_caller_flag(guest, CF, True)
        return DONE


def _now(guest: Guest) -> datetime:
    return datetime.fromtimestamp(guest.nanoseconds() // NANOSECONDS, UTC)


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
