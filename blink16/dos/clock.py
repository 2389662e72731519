"""DOS' packed dates and times of files, and the system clock's fields."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from functools import lru_cache

KNOWN = 1024
"""Times that need not be taken apart anew: files are asked for theirs again and again."""
FIRST_YEAR = 1980
LAST_SECOND = calendar.timegm((2107, 12, 31, 23, 59, 59))
FIRST_SECOND = calendar.timegm((FIRST_YEAR, 1, 1, 0, 0, 0))


def moment(seconds: int) -> datetime:
    """Return seconds since the Unix epoch as a date that DOS has (1980 to 2107)."""
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)


@lru_cache(maxsize=KNOWN)
def pack(seconds: int) -> tuple[int, int]:
    """Return (date, time) words of seconds since the Unix epoch."""
    t = moment(seconds)
    date = (t.year - FIRST_YEAR) << 9 | t.month << 5 | t.day
    return date, t.hour << 11 | t.minute << 5 | t.second // 2


def unpack(date: int, time: int) -> int:
    """Return the seconds since the Unix epoch of (date, time) words; ValueError if there's none."""
    when = datetime(
        FIRST_YEAR + (date >> 9),
        date >> 5 & 15,
        date & 31,
        time >> 11,
        time >> 5 & 63,
        (time & 31) * 2,
        tzinfo=UTC,
    )
    return int(when.timestamp())
