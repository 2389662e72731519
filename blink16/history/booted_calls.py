"""The calls of a system that was booted from a disk, whose handlers are the guest's own code.

A call begins where the handler of INT 21h (DOS) or INT 80h (ELKS) is entered from an INT, and ends
where the instruction behind that INT is executed with the caller's stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from blink16.breakpoints import Point, PointKind, Points
from blink16.dos import call_traits
from blink16.elks.call_trace import CallTrace
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.memory import PARAGRAPH
from blink16.services import caller_address

DOS_VECTOR, ELKS_VECTOR = 0x21, 0x80
INT = 0xCD
IRET_FRAME = 6
"""Bytes that an interrupt pushes."""
RAM_END = 0xA0000
"""Handlers above are the BIOS'."""
MAX_PENDING = 64
"""Calls in calls, and those that never return."""
MAX_SEEN = 10_000
"""Calls that are remembered."""
FIRST_SPAN = 100_000
"""Instructions that are looked back on first; more, if too few calls are found."""
PSP_MARK = b"\xcd\x20"
MAX_PROGRAM = 0x1000
"""Paragraphs below its code in which a program's PSP is looked for."""


class _DosCall:
    """A call of DOS."""

    def __init__(self, machine: Machine, segment: int) -> None:
        self._machine = machine
        self._number, self._before = machine.registers.ah, call_traits.values(machine)
        text = call_traits.called(machine, self._number, self._before)
        self._text = f"{_program(machine, segment)} {text}".lstrip()

    def done(self) -> str:
        """Return its line, where it has returned."""
        flags = self._machine.registers.flags
        answer = call_traits.result(self._machine, self._number, self._before, flags)
        return f"{self._text} = {answer}"

    def gone(self, to: str) -> str:
        """Return its line, while it has not."""
        return f"{self._text} = {to}"


@dataclass(frozen=True, slots=True)
class _ElksRequest:
    """What a program asks ELKS for."""

    guest: Machine
    number: int
    bx: int
    cx: int
    dx: int
    di: int
    si: int


class _ElksCall:
    """A call of ELKS; whose it is, the data segment tells."""

    def __init__(self, machine: Machine, segment: int) -> None:
        r = self._registers = machine.registers
        request = _ElksRequest(machine, r.ax, r.bx, r.cx, r.dx, r.di, r.si)
        self._trace = CallTrace(request, f"[{r.ds:04X}]")

    def done(self) -> str:
        """Return its line, where it has returned."""
        return self._trace.done(self._registers.ax)

    def gone(self, to: str) -> str:
        """Return its line, while it has not."""
        return self._trace.gone(to)


@dataclass(slots=True)
class _SeenCall:
    """A call that began at an instant; what came of it is known from when it has ended."""

    begun: int
    call: _DosCall | _ElksCall
    back: tuple[int, int, int]
    """The linear address to which it returns, and SS and SP then."""
    ended: int | None = None
    text: str = ""

    def told(self, now: int) -> str:
        """Return its line, as it is known at an instant."""
        return self.text if self.ended is not None and self.ended <= now else self.call.gone("?")


_KINDS: dict[int, type[_DosCall | _ElksCall]] = {DOS_VECTOR: _DosCall, ELKS_VECTOR: _ElksCall}


def handlers(machine: Machine) -> dict[int, int]:
    """Return where the guest's own systems are called: vectors, by the handler's linear address.

    Empty while there is none, and where the system is ours.
    """
    ours = set(machine.service_names.values()) & {"int21", "int80"}
    found = {}
    for vector in _KINDS:
        entry = machine.memory.peek(vector * 4, 4)
        offset, segment = int.from_bytes(entry[:2], "little"), int.from_bytes(entry[2:], "little")
        address = machine.linear(segment, offset)
        if (segment or offset) and address < RAM_END and not ours:
            found[address] = vector
    return found


class BootedCalls:
    """The calls of a machine's past, as far as somebody has asked for them."""

    def __init__(self, timeline: Timeline, points: Points) -> None:
        """``points``: the user's own, to be put aside while we go through the past."""
        self._timeline = timeline
        self._points = points
        self._branch = 0
        self._seen: BootedStretch | None = None

    def last(self, count: int, farthest: int | None = None) -> list[tuple[int, str]]:
        """Return the last calls before now, oldest first: when each began, and its line.

        ``farthest``: how many instructions to look back at most, about.  The machine stays where
        it is.  Interrupted if a request to stop came.
        """
        timeline, found = self._timeline, handlers(self._timeline.machine)
        now, seen = timeline.now, self._seen
        if seen is not None and (self._branch != timeline.branch or seen.handlers != found):
            seen = None
        if seen is not None and not seen.low <= now <= seen.high + FIRST_SPAN:
            seen = None
        span = FIRST_SPAN
        while True:
            if seen is None:
                seen = BootedStretch(timeline.machine, found, max(timeline.start, now - span))
            if now > seen.high:
                self._seen = None  # it is half done if we are interrupted
                self._go_on(seen, now)
            self._seen, self._branch = seen, timeline.branch
            lines = seen.lines(now)[-count:]
            reached = now - seen.low
            far = farthest is not None and reached >= farthest
            if len(lines) == count or seen.low <= timeline.start or far:
                return lines
            seen, span = None, reached * 8

    def _go_on(self, seen: BootedStretch, now: int) -> None:
        """Look at what comes behind a stretch."""
        timeline = self._timeline
        with timeline.excursion(), self._points.replaced(seen.stops()):
            timeline.seek(seen.high)
            for hit in timeline.hits(now):
                for point in seen.stand(hit.icount):
                    self._points.insert(point)
        seen.high = now


class BootedStretch:
    """The calls of a stretch of history, through which the machine goes with stops."""

    def __init__(self, machine: Machine, found: Mapping[int, int], low: int) -> None:
        self.handlers = found
        self.low = self.high = low
        self._machine = machine
        self._calls: deque[_SeenCall] = deque(maxlen=MAX_SEEN)
        self._pending: deque[_SeenCall] = deque(maxlen=MAX_PENDING)
        self._backs: set[int] = set()

    def stops(self) -> list[Point]:
        """Return where calls begin, and where those that were seen return to."""
        return [Point(PointKind.EXECUTE, at) for at in (*self.handlers, *self._backs)]

    def stand(self, icount: int) -> Iterator[Point]:
        """Mind where the machine stands, at a stop; yield others that are needed."""
        machine, r = self._machine, self._machine.registers
        here = machine.pc, r.ss, r.sp
        if any(call.back == here for call in self._pending):
            while (call := self._pending.pop()).back != here:
                pass  # it was left without a return
            call.ended, call.text = icount, call.call.done()
        vector = self.handlers.get(machine.pc)
        if vector is None:
            return
        segment, offset = caller_address(machine)
        if machine.memory.peek(machine.linear(segment, offset - 2), 2) != bytes((INT, vector)):
            return  # another handler passes it on, or it is other code
        back = machine.linear(segment, offset)
        asked = _KINDS[vector](machine, segment)
        call = _SeenCall(icount, asked, (back, r.ss, r.sp + IRET_FRAME & 0xFFFF))
        self._calls.append(call)
        self._pending.append(call)
        if back not in self._backs:
            self._backs.add(back)
            yield Point(PointKind.EXECUTE, back)

    def lines(self, now: int) -> list[tuple[int, str]]:
        """Return the calls until an instant, oldest first; from any thread."""
        return [(call.begun, call.told(now)) for call in list(self._calls) if call.begun <= now]


def _program(machine: Machine, code: int) -> str:
    """Return a DOS program's name by a segment of its code: it stands before the program's PSP."""
    ram = machine.memory.ram
    for psp in range(code, max(code - MAX_PROGRAM, 1), -1):
        block = (psp - 1) * PARAGRAPH
        if bytes(ram[psp * PARAGRAPH : psp * PARAGRAPH + 2]) == PSP_MARK and ram[block] in b"MZ":
            owner = int.from_bytes(ram[block + 1 : block + 3], "little")
            name = bytes(ram[block + 8 : block + 16]).partition(b"\0")[0].decode("cp437")
            if owner == psp and name.isprintable():
                return f"{name}[{psp:04X}]"
    return ""
