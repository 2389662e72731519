"""Monitor commands that move in time or ask about the past."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import median

from blink16.breakpoints import Point, PointKind
from blink16.cpu.disassembler import disassemble
from blink16.cpu.encoding import EncodingError
from blink16.debugger import Debugger
from blink16.history import ReplayError, TimelineError, queries
from blink16.history.bookmarks import BookmarkError
from blink16.history.queries import Moment, Touch
from blink16.monitor.registry import MonitorError, command, no_arguments
from blink16.words import numerals
from blink16.words.numerals import NumeralError
from blink16.words.texts import counted

MAX_TRACE = 10_000
MAX_ICOUNT = 1 << 62
DEFAULT_CALLS = 20
DEFAULT_PROFILE = 1_000_000
PROFILE_LINES = 25
MAX_SHOWN = 16
"""Bytes of a watched range that are shown."""
MAX_BACK = 1_000_000
"""So many hits back from here can be asked for."""
STRETCHES = 10
"""Lines of the table that shows how dense the history is."""

_FAR = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})")


# -- moving ----------------------------------------------------------------------------------


@command("seek N|+N|-N|start|end|NAME")
def seek(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Move the machine to an instant of the recorded past, or back to its end.

    N is an instruction count, +N and -N count from here, NAME is a bookmark.  gdb shows
    the new instant with the next step or continue, of whatever kind, which stops there at once;
    the `seek` command of scripts/gdbinit-8086 shows it right away.
    """
    timeline = debugger.timeline
    goal = _instant(debugger, _one(arguments, "the instant: N, +N, -N, start, end or a bookmark"))
    with _refusals():
        debugger.seek(goal)
    left = timeline.end - timeline.now
    ahead = f"; {left} recorded instructions lie ahead" if left else ""
    return f"at {_place(debugger, queries.moment(timeline))}{ahead}"


@command("bookmark [NAME]")
def bookmark(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Give this instant a name, to come back with `monitor seek NAME`.

    Without NAME it is called b1, b2, and so on.  A name in use is moved here.
    """
    if len(arguments) > 1:
        no_arguments(arguments[1:])
    with _refusals():
        name = debugger.bookmarks.set(debugger.timeline.now, next(iter(arguments), None))
    return f"bookmark {name} at instruction {debugger.timeline.now}"


@command("bookmarks")
def bookmarks(debugger: Debugger, arguments: Sequence[str]) -> str:
    """List the bookmarks, oldest instant first; a star marks those of this instant."""
    no_arguments(arguments)
    timeline = debugger.timeline
    lines = []
    for icount, name in debugger.bookmarks.all():
        mark = "*" if icount == timeline.now else " "
        lost = "  (before the history's beginning)" if icount < timeline.start else ""
        lines.append(f"{mark} {icount:>14}  {name}{lost}")
    return "\n".join(lines) or "no bookmarks"


@command("history [limit SIZE]")
def history(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show how far the history reaches and what it costs, or set its limit of memory.

    SIZE is in MiB, or with k, m or g behind it in KiB, MiB or GiB.  When the history is full,
    checkpoints are thinned out, the more the farther they are from here and from the end:
    every instant stays reachable, but the way to distant ones gets longer.
    """
    with _refusals():
        if arguments:
            debugger.timeline.set_limit(_limit(arguments))
    timeline = debugger.timeline
    size = timeline.size()
    lines = [
        f"instructions {size.start} to {size.end}, now at {timeline.now}",
        f"{counted(size.checkpoints, 'checkpoint')}, "
        f"{size.used / 2**20:.1f} of {size.limit / 2**20:.0f} MiB",
    ]
    if size.state:
        lines.append(f"beside them, the state itself takes {size.state / 2**20:.1f} MiB")
    if size.start > timeline.began:
        lines.append(
            f"the instants from {timeline.began} on were given up to stay within the limit"
        )
    return "\n".join([*lines, *_density(timeline.icounts(), size.end)])


def _limit(arguments: Sequence[str]) -> int:
    usage = "usage: monitor history limit SIZE (in MiB, or with k, m or g)"
    if arguments[0] != "limit" or len(arguments) != 2:
        raise MonitorError(usage)
    try:
        return numerals.size(arguments[1])
    except NumeralError:
        raise MonitorError(usage) from None


def _density(icounts: Sequence[int], end: int) -> list[str]:
    """Say how far apart the checkpoints are, in a few stretches of the history."""
    places = [*icounts, end] if end > icounts[-1] else list(icounts)
    gaps = [high - low for low, high in pairwise(places)]
    size = max(1, -(-len(gaps) // STRETCHES))
    lines = []
    for first in range(0, len(gaps), size):
        part = gaps[first : first + size]
        lines.append(
            f"  from {places[first]:>14}: {counted(len(part), 'gap', '>6')}, "
            f"median {median(part):.0f}, widest {max(part)}"
        )
    return lines


# -- who touched this last -------------------------------------------------------------------


@command("last-write ADDR [LEN]")
def last_write(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show which instruction last wrote to LEN bytes (default 1) at ADDR, without moving.

    ADDR is a linear address (0x12345 or decimal), SEGMENT:OFFSET in hexadecimal, or a symbol.
    """
    point = _point(debugger, PointKind.WRITE, arguments)
    touch = _last_touch(debugger, point)
    if touch is None:
        return f"nobody wrote there since instruction {debugger.timeline.start}"
    if touch.moment is None:
        return f"the debugger wrote there at instruction {touch.icount}"
    return f"{_place(debugger, touch.moment)}\n{_bytes(touch.before)} -> {_bytes(touch.after)}"


@command("last-read ADDR [LEN]")
def last_read(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show which instruction last read any of LEN bytes (default 1) at ADDR, without moving.

    ADDR is as for last-write.  Fetching an instruction is no read.
    """
    point = _point(debugger, PointKind.READ, arguments)
    touch = _last_touch(debugger, point)
    if touch is None or touch.moment is None:
        return f"nobody read there since instruction {debugger.timeline.start}"
    return _place(debugger, touch.moment)


@command("last-exec ADDR")
def last_exec(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show when the instruction at ADDR (as for last-write) was last executed, without moving."""
    _one(arguments, "an address")
    point = _point(debugger, PointKind.EXECUTE, arguments)
    touch = _last_touch(debugger, point)
    if touch is None or touch.moment is None:
        return f"not executed since instruction {debugger.timeline.start}"
    return _place(debugger, touch.moment)


@command("hits ADDR [N]")
def hits(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Count how often the instruction at ADDR (as for last-write) was executed, without moving.

    It counts from the history's beginning up to here.  With N it also says when it was the Nth
    time, or with -N the Nth from here back; `monitor seek` goes there.
    """
    if not arguments:
        raise MonitorError("missing: an address (0x12345, SEG:OFF or a symbol)")
    no_arguments(arguments[2:])
    address = _address(debugger, arguments[0])
    wanted = _time(arguments[1]) if len(arguments) > 1 else 1
    with _refusals():
        found = queries.executions(debugger.timeline, debugger.points, address, wanted)
    if not found.count:
        return f"not executed since instruction {debugger.timeline.start}"
    text = (
        f"{counted(found.count, 'time')}, first at instruction {found.first}, last at {found.last}"
    )
    if len(arguments) == 1:
        return text
    if found.chosen is None:
        raise MonitorError(f"{text}: there is no number {wanted}")
    return f"{text}; number {wanted} at instruction {found.chosen}"


def _time(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * _count(digits, MAX_BACK if sign < 0 else MAX_ICOUNT)


def _last_touch(debugger: Debugger, point: Point) -> Touch | None:
    with _refusals():
        return queries.last_touch(debugger.timeline, debugger.points, point, debugger.scouts)


# -- what has been executed ------------------------------------------------------------------


@command("trace N")
def trace(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the last N instructions, and behind each the registers that it changed."""
    count = _count(_one(arguments, "how many instructions"), MAX_TRACE)
    with _refusals():
        entries = queries.trace(debugger.timeline, count)
    lines = []
    for entry in debugger.timeline.thread.in_turns(entries):
        changes = " ".join(f"{name}={value:04X}" for name, value in entry.changed)
        lines.append(f"{_place(debugger, entry.moment):60}  {changes}".rstrip())
    return "\n".join(lines) or "nothing has been executed before this instant"


@command("calls [N]")
def calls(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the last N calls (default 20) of DOS or ELKS before now, with arguments and results.

    Each line begins with the instruction at which the call was done.
    """
    count = _count(_one(arguments, ""), MAX_TRACE) if arguments else DEFAULT_CALLS
    with _refusals():
        found = debugger.calls_seen.last(count)
    width = max((len(str(icount)) for icount, _ in found), default=0)
    return (
        "\n".join(f"{icount:>{width}}  {text}" for icount, text in found) or "no calls before now"
    )


@command("profile [N]")
def profile(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show where the guest spent its last N instructions (default a million), by symbol.

    Without symbols, stretches of 256 bytes are counted.  Of more than 20,000 instructions a
    sample is counted.
    """
    wanted = _count(_one(arguments, ""), MAX_ICOUNT) if arguments else DEFAULT_PROFILE
    timeline = debugger.timeline
    span = min(wanted, timeline.now - timeline.start)
    with _refusals():
        seen = queries.profile(timeline, span)
    total = seen.total()
    if not total:
        return "nothing has been executed before this instant"
    names: Counter[str] = Counter()
    for address, hits in seen.items():
        names[_region(debugger, address)] += hits
    lines = [f"the last {counted(span, 'instruction')} ({total} counted)"]
    lines += [
        f"{100 * hits / total:6.2f} %  {name}" for name, hits in names.most_common(PROFILE_LINES)
    ]
    return "\n".join(lines)


def _region(debugger: Debugger, address: int) -> str:
    """Return what to count an address under."""
    service = debugger.machine.service_names.get(address)
    if service is not None:
        return service
    found = debugger.names.symbols.find(address)
    return found[0].name if found is not None else f"{address & ~0xFF:#07x}.."


# -- reading what the user typed, and writing what the user reads ----------------------------


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the history refuses into an answer for the user."""
    try:
        yield
    except (TimelineError, BookmarkError, ReplayError) as error:
        raise MonitorError(str(error)) from None


def _one(arguments: Sequence[str], what: str) -> str:
    if not arguments:
        raise MonitorError(f"missing: {what}")
    no_arguments(arguments[1:])
    return arguments[0]


def _count(text: str, most: int) -> int:
    return numerals.literal(text, most, least=1)


def _instant(debugger: Debugger, text: str) -> int:
    """Return the instruction count that the user means."""
    timeline = debugger.timeline
    if text in ("start", "end"):
        return timeline.start if text == "start" else timeline.end
    digits = text[1:] if text[0] in "+-" else text
    if numerals.is_literal(digits):
        count = numerals.literal(digits, MAX_ICOUNT)
        sign = {"+": 1, "-": -1}.get(text[0])
        return count if sign is None else timeline.now + sign * count
    with _refusals():
        return debugger.bookmarks.find(text)


def _point(debugger: Debugger, kind: PointKind, arguments: Sequence[str]) -> Point:
    if not arguments:
        raise MonitorError("missing: an address (0x12345, SEG:OFF or a symbol)")
    no_arguments(arguments[2:])
    length = _count(arguments[1], 65536) if len(arguments) > 1 else 1
    return Point(kind, _address(debugger, arguments[0]), length)


def _address(debugger: Debugger, text: str) -> int:
    """Return the linear address that the user means."""
    far = _FAR.fullmatch(text)
    if far:
        return debugger.machine.linear(int(far[1], 16), int(far[2], 16))
    if numerals.is_literal(text):
        try:
            return numerals.literal(text, debugger.machine.memory.end - 1)
        except NumeralError:
            raise MonitorError(f"address {text[:40]} is outside of memory") from None
    symbol = debugger.names.symbols.lookup(text)
    if symbol is None:
        raise MonitorError(f"{text[:40]!r} is neither an address (0x12345, SEG:OFF) nor a symbol")
    return symbol.address


def _place(debugger: Debugger, where: Moment) -> str:
    """Write an instant: when, where, and the instruction about to be executed."""
    found = debugger.names.symbols.find(where.address)
    service = debugger.machine.service_names.get(where.address)
    name = service or (f"{found[0].name}+{found[1]}" if found else "")
    label = f" <{name}>" if name else ""
    try:
        text = disassemble(debugger.machine.model.encoding.parse(where.code), where.ip)
    except EncodingError:
        text = "(prefixes without end)"
    return f"{where.icount:>10}  {where.cs:04X}:{where.ip:04X}{label}  {text}"


def _bytes(data: bytes) -> str:
    rest = " ..." if len(data) > MAX_SHOWN else ""
    return data[:MAX_SHOWN].hex(" ") + rest
