"""ELKS' system calls on time, all of it the guest's: its clock, alarms, and select()."""

from __future__ import annotations

import errno
from collections.abc import Callable

from blink16.elks.abi import PACKED_TIMEVAL, TIMEZONE, Call
from blink16.elks.readiness import bits, selected
from blink16.elks.request import Blocked, Request, Result
from blink16.elks.state import MAX_DESCRIPTORS, NO_FILE, WaitFor, Waiting
from blink16.hostfs.hostfolder import os_error

TICK_MS = 10
MICROSECONDS = 1_000_000
ITIMER_REAL = 0
TIMEVAL_SIZE = PACKED_TIMEVAL.size
UTC: bytes = TIMEZONE.build({"minutes_west": 0, "dst": 0})
SET_SIZE = 4
"""Bytes in a set of descriptors."""


def gettimeofday(request: Request) -> int:
    """Write the time to BX and the time zone, UTC, to CX, each unless it is 0."""
    seconds, rest = divmod(request.kernel.nanoseconds(), 1_000_000_000)
    if request.bx:
        request.put(request.bx, PACKED_TIMEVAL.pack(seconds & 0xFFFFFFFF, rest // 1000))
    if request.cx:
        request.put(request.cx, UTC)
    return 0


def settimeofday(request: Request) -> int:
    """Set the time to that at BX, unless it is 0; the time zone at CX is not kept."""
    kernel = request.kernel
    if request.task.euid:
        raise os_error(errno.EPERM)
    if request.bx:
        seconds, microseconds = PACKED_TIMEVAL.unpack(request.get(request.bx, TIMEVAL_SIZE))
        if microseconds >= MICROSECONDS:
            raise os_error(errno.EINVAL)
        wanted = seconds * 1_000_000_000 + microseconds * 1000
        clock = wanted - request.guest.nanoseconds()
        kernel.change_state(clock=clock)
    return 0


def alarm(request: Request) -> int:
    """Send SIGALRM in BX seconds; 0 takes back what was asked for.  The answer is always 0."""
    seconds = request.bx
    due = request.kernel.later(seconds * 1000) if seconds else None
    assign = request.kernel.journal.assign
    assign(request.task, "alarm", due)
    assign(request.task, "alarm_interval", 0)
    return 0


def setitimer(request: Request) -> int:
    """Send SIGALRM as the interval and the first time at CX say; what was left goes to DX."""
    if request.bx != ITIMER_REAL:
        raise os_error(errno.EINVAL)
    kernel, size = request.kernel, TIMEVAL_SIZE
    interval = first = 0
    if request.cx:
        interval = _milliseconds(request.get(request.cx, size))
        first = _milliseconds(request.get(request.cx + size, size))
    if request.dx:
        task, speed = request.task, request.guest.clock_hz
        left = max(0, (task.alarm or 0) - request.guest.time) if task.alarm else 0
        old = (task.alarm_interval, left)
        data = b"".join(_timeval(part * MICROSECONDS // speed) for part in old)
        request.put(request.dx, data)
    period = kernel.later(interval) - request.guest.time
    kernel.change(alarm=kernel.later(first) if first else None, alarm_interval=period)
    return 0


def _milliseconds(timeval: bytes) -> int:
    seconds, microseconds = PACKED_TIMEVAL.unpack(timeval)
    if microseconds >= MICROSECONDS:
        raise os_error(errno.EINVAL)
    return int(seconds * 1000 + -(-microseconds // 1000))


def _timeval(microseconds: int) -> bytes:
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return PACKED_TIMEVAL.pack(seconds & 0xFFFFFFFF, rest)


def select(request: Request) -> int | Blocked:
    """Wait for one of BX descriptors, in sets at CX (read), DX (write), DI, till SI's time."""
    if request.bx >= 0x8000:
        raise os_error(errno.EINVAL)
    known = (1 << min(request.bx, MAX_DESCRIPTORS)) - 1
    masks = _set(request, request.cx, known), _set(request, request.dx, known)
    task, kernel = request.task, request.kernel
    for descriptor in bits(masks[0] | masks[1] | _set(request, request.di, known)):
        if task.descriptors[descriptor] == NO_FILE:
            raise os_error(errno.EBADF)
    deadline = None
    if request.si:
        timeout = _timeout(request)
        deadline = request.deadline(timeout) if timeout else request.guest.time
    found = selected(kernel, task, masks)
    if found == (0, 0) and (deadline is None or request.guest.time < deadline):
        kernel.console.peek()
        waiting = Waiting(WaitFor.SELECT, deadline=deadline, masks=masks)
        return Blocked(waiting)
    if found == (0, 0) and request.si:
        request.guest.looked_in_vain()
    for place, result in (request.cx, found[0]), (request.dx, found[1]), (request.di, 0):
        if place:
            request.put(place, result.to_bytes(SET_SIZE, "little"))
    return found[0].bit_count() + found[1].bit_count()


def _set(request: Request, place: int, known: int) -> int:
    return int.from_bytes(request.get(place, SET_SIZE), "little") & known if place else 0


def _timeout(request: Request) -> int:
    """Return the milliseconds that select() waits at most, in whole ticks, and one more."""
    seconds, microseconds = PACKED_TIMEVAL.unpack(request.get(request.si, TIMEVAL_SIZE))
    ticks = -(-microseconds // (TICK_MS * 1000)) + seconds * (1000 // TICK_MS)
    return int(ticks + 1) * TICK_MS if ticks else 0


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.GETTIMEOFDAY: gettimeofday,
    Call.SETTIMEOFDAY: settimeofday,
    Call.ALARM: alarm,
    Call.SETITIMER: setitimer,
    Call.SELECT: select,
}
