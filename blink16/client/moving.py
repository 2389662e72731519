"""Moving a machine: forward and backward, by steps, calls, and up to where something happens."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import trio

from blink16.client import replies
from blink16.client.code import CodeLine
from blink16.client.core import CHUNK, COUNTED_STEP, REPORTS, STEP_RANGE, read_report
from blink16.client.errors import (
    BusyError,
    ClientError,
    DeniedError,
    ProtocolError,
    TimedOutError,
)
from blink16.client.link import STOP_TIMEOUT, Pending
from blink16.client.looking import Where
from blink16.client.pointing import Pointing, SetPoint
from blink16.client.replies import StopReply
from blink16.client.wire import Expected, Ticket
from blink16.reports.frames import FrameLine
from blink16.reports.registry import annex
from blink16.reports.state import PointRole, RegisterValues, StateReport, StopKind
from blink16.words import numerals
from blink16.words.numerals import NumeralError

CALLS = ("CALL", "CALLF", "INT", "INT3", "INTO")
MAX_CALL = 5
"""Bytes of the longest."""
FORWARD, BACKWARD = b"vCont;c", b"bc"
SIGINT, SIGTRAP = 2, 5
_WATCHES = {"watch": PointRole.WRITE, "rwatch": PointRole.READ, "awatch": PointRole.ACCESS}


@dataclass(frozen=True, slots=True)
class StopEvent:
    """Why the machine stands, and where."""

    kind: StopKind
    registers: RegisterValues
    icount: int
    """Instructions retired since it started; 0 from a server that does not count them."""
    at: str = ""
    """The name of the next instruction's address (``main+3``), or empty."""
    point: SetPoint | None = None
    """The breakpoint, watchpoint or catch that was hit; of several the first that was set."""
    points: tuple[SetPoint, ...] = ()
    """All breakpoints or watchpoints that were hit."""
    address: int | None = None
    """WATCHPOINT: the linear address that was touched."""
    status: int = 0
    """EXITING, EXITED: the program's exit status."""
    signal: int = 0
    """SIGNALLED, KILLED: the signal, by its POSIX number."""
    text: str = ""
    """A sentence for the user, or empty."""

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        return self.registers.pc

    def as_step(self) -> StopEvent:
        """Return the end of a step here."""
        return StopEvent(StopKind.STEPPED, self.registers, self.icount, self.at)

    @property
    def is_over(self) -> bool:
        """Whether the program is gone."""
        return self.kind in (StopKind.EXITED, StopKind.KILLED)

    def __str__(self) -> str:
        r = self.registers
        place = f"{r.cs:04X}:{r.ip:04X}" + (f" <{self.at}>" if self.at else "")
        why = f" ({self.point})" if self.point else ""
        return f"{self.kind}{why} at {place}, instruction {self.icount}"


class Moving(Pointing):
    """Everything that lets the machine run; see `AsyncTarget`."""

    passes: Callable[[StopEvent], Awaitable[bool]] | None = None
    """Whether the machine goes on from a stop on its way to a place (`next`, `finish`, `run_to`
    and their like), as it does where a condition of the caller's own doesn't hold; None: never."""

    # -- one run -----------------------------------------------------------------------------

    async def run(self, *, timeout: float | None = None) -> StopEvent:
        """Run forward until something happens.

        ``timeout``: seconds after which it is interrupted.  Cancelled, it is interrupted too.
        """
        return await self._until_stop(FORWARD, self._deadline(timeout))

    async def run_back(self, *, timeout: float | None = None) -> StopEvent:
        """Run backward until something happens, at the latest to the beginning of the past."""
        self._require("ReverseContinue", "going backward")
        return await self._until_stop(BACKWARD, self._deadline(timeout))

    async def step(self, count: int = 1, *, timeout: float | None = None) -> StopEvent:
        """Execute so many instructions, unless something happens before."""
        return await self._steps(count, b"vCont;s", self._deadline(timeout))

    async def step_back(self, count: int = 1, *, timeout: float | None = None) -> StopEvent:
        """Take so many instructions back, unless something happens before."""
        self._require("ReverseStep", "going backward")
        return await self._steps(count, b"bs", self._deadline(timeout))

    async def step_through(self, start: int, end: int) -> StopEvent:
        """Step until the next instruction is outside of linear addresses from start to end."""
        return await self._through(b"", start, end)

    async def step_back_through(self, start: int, end: int) -> StopEvent:
        """Take instructions back until the next one is outside of linear addresses."""
        return await self._through(b"-", start, end)

    async def _through(self, sign: bytes, start: int, end: int) -> StopEvent:
        self._require(STEP_RANGE, "stepping through a range")
        how = b"vblink16.range:%b%x,%x" % (sign, start, end)
        return await self._until_stop(how, math.inf)

    async def interrupt(self) -> None:
        """Stop the machine, which another task lets run, or searches for a report in its past.

        No harm if it stands.  A report that was searched for ends in SearchStoppedError.
        """
        if self._moving:
            self._interrupted = True
        elif self._searches:
            self._stopped_searches += 1
        else:
            return
        await self._link.interrupt()

    @property
    def is_running(self) -> bool:
        """Whether a task of ours lets the machine run."""
        return self._moving

    # -- to a place --------------------------------------------------------------------------

    async def run_to(self, where: Where, *, timeout: float | None = None) -> StopEvent:
        """Run forward to an address, unless something else happens before."""
        return await self._run_to(where, None, self.run, timeout)

    async def run_back_to(self, where: Where, *, timeout: float | None = None) -> StopEvent:
        """Run backward to an address, unless something else happens before."""
        return await self._run_to(where, None, self.run_back, timeout)

    async def next(self, *, timeout: float | None = None) -> StopEvent:
        """Execute an instruction, and all that it calls."""
        line = await self._next_line()
        if line.text.upper().split()[0].rstrip(",") not in CALLS:
            return await self.step(timeout=timeout)
        stack = (await self.read_registers()).stack
        behind = line.cs, (line.ip + len(line.code)) & 0xFFFF
        return await self._run_to(behind, f"{_STACK} >= {stack}", self.run, timeout)

    async def next_back(self, *, timeout: float | None = None) -> StopEvent:
        """Take an instruction back, and all that it had called."""
        before = (await self.read_registers()).stack
        event = await self.step_back(timeout=timeout)
        line = await self._next_line()
        returned = line.text.upper().startswith(("RET", "IRET"))
        if event.kind is not StopKind.STEPPED or not returned or event.registers.stack >= before:
            return event
        return await self._back_to_call(event, timeout)

    async def finish(self, *, timeout: float | None = None) -> StopEvent:
        """Run until the function that is being executed has returned."""
        inner, outer = await self._two_frames()
        condition = f"{_STACK} >= {inner.cfa}"
        return await self._run_to((outer.cs, outer.ip), condition, self.run, timeout)

    async def finish_back(self, *, timeout: float | None = None) -> StopEvent:
        """Run backward to where the function that is being executed was called."""
        return await self._back_to_call(None, timeout)

    async def _two_frames(self) -> tuple[FrameLine, FrameLine]:
        frames = await self.frames(2)
        if len(frames) < 2:
            raise DeniedError("nobody has called this: it is the outermost frame")
        return frames[0], frames[1]

    async def _back_to_call(self, event: StopEvent | None, timeout: float | None) -> StopEvent:
        """Go back to the CALL or INT that began the innermost frame.

        It ends at the return address, and its length is not known: all that it may be are tried.
        """
        try:
            inner, outer = await self._two_frames()
        except DeniedError:
            if event is None:
                raise
            return event
        condition = f"{_STACK} == {inner.cfa}"
        here = await self.read_memory(
            (outer.cs, max(0, outer.ip - MAX_CALL)), min(MAX_CALL, outer.ip)
        )
        points = []
        try:
            for length in range(2, len(here) + 1):
                line = await self._code_line(outer.cs, outer.ip - length, here[-length:])
                if len(line.code) == length and line.text.upper().split()[0] in CALLS:
                    place = outer.cs, outer.ip - length
                    points.append(await self.break_at(place, condition=condition))
            if not points:
                raise DeniedError("this was not called: an interrupt came")
            return await self._arrival(self.run_back, points, timeout)
        finally:
            await self._remove_quietly(points)

    async def _run_to(
        self,
        where: Where,
        condition: str | None,
        run: Callable[..., Awaitable[StopEvent]],
        timeout: float | None,
    ) -> StopEvent:
        point = await self.break_at(where, condition=condition)
        try:
            return await self._arrival(run, [point], timeout)
        finally:
            await self._remove_quietly([point])

    async def _arrival(
        self,
        run: Callable[..., Awaitable[StopEvent]],
        points: list[SetPoint],
        timeout: float | None,
    ) -> StopEvent:
        """Run to points of our own, or to a stop.

        The arrival there is called a step: it is no breakpoint of the user's.
        """
        while True:
            event = await run(timeout=timeout)
            if event.point in points:
                return event.as_step()
            arrived = not set(points).isdisjoint(event.points)
            if arrived or self.passes is None or not await self.passes(event):
                return event

    async def _remove_quietly(self, points: list[SetPoint]) -> None:
        """Remove points, whatever happens: not even whoever cancels shall find them set."""
        with trio.CancelScope(shield=True):
            for point in points:
                try:
                    await self.remove(point)
                except ClientError:
                    return  # the connection is gone, and they with it

    async def _next_line(self) -> CodeLine:
        (line,) = await self.disassemble(count=1)
        return line

    # -- on the wire -------------------------------------------------------------------------

    _interrupted = False

    @staticmethod
    def _deadline(timeout: float | None) -> float:
        return math.inf if timeout is None else trio.current_time() + timeout

    async def _steps(self, count: int, one: bytes, deadline: float) -> StopEvent:
        if count < 1:
            raise ValueError("at least one instruction has to be stepped")
        if count == 1:
            return await self._until_stop(one, deadline)
        if COUNTED_STEP in self.features:
            sign = b"-" if one == b"bs" else b""
            return await self._until_stop(b"vblink16.step:%b%x" % (sign, count), deadline)
        for _ in range(count):
            event = await self._until_stop(one, deadline)
            if event.kind is not StopKind.STEPPED:
                break
        return event

    async def _until_stop(self, how: bytes, deadline: float) -> StopEvent:
        """Let the machine run until it stops where we mean it to."""
        while True:
            left = None if self.is_ours else await self._leave_breakpoint(deadline)
            if left and (how not in (FORWARD, BACKWARD) or left.kind is not StopKind.STEPPED):
                return left
            event, counts = await self._once(how, deadline)
            if counts or trio.current_time() >= deadline:
                return event

    async def _leave_breakpoint(self, deadline: float) -> StopEvent | None:
        """Step off a breakpoint where the machine stands; None if there is none.

        Our server skips it by itself; QEMU's stub would stop there again at once.
        """
        if not any(point.role is PointRole.EXECUTE for point in self._points):
            return None
        pc = (await self.read_registers()).pc
        here = [p for p in self._points if p.role is PointRole.EXECUTE and p.address == pc]
        if not here:
            return None
        taken_out = {point: self._points.pop(point) for point in here}
        try:
            await self._tell(here[0])
            return (await self._once(b"vCont;s", deadline))[0]
        finally:
            self._points.update(taken_out)
            await self._tell(here[0])

    async def _once(self, how: bytes, deadline: float) -> tuple[StopEvent, bool]:
        """Let the machine run once; the event, and whether it counts: its condition holds."""
        with self._movement():
            tickets = [Ticket(how, Expected.STOP)]
            if self.is_ours:
                tickets.append(Ticket(f"{REPORTS}:{annex(StateReport)}:0,{CHUNK:x}".encode()))
            pending = await self._link.send(*tickets)
            await self._await_stop(pending[0], deadline)
            reply = replies.stop_reply(await self._link.wait(pending[0]))
            state = None
            if self.is_ours:
                body = await self._link.wait(pending[1])
                # once it was restarted, the server holds a program that has ended no more
                if not reply.gone or replies.error_of(body, "state") is None:
                    part, _ = replies.chunk(body, "state")
                    state = read_report(StateReport, part)
            if self._interrupted:
                # 03h that came too late would be for the next run: any question shows it is not
                await self._link.ask(b"qC")
        return await self._event(reply, state, steps=how not in (FORWARD, BACKWARD))

    @contextmanager
    def _movement(self) -> Iterator[None]:
        if self._moving:
            raise BusyError("the machine runs already")
        self._moving, self._interrupted = True, False
        try:
            yield
        finally:
            self._moving = False

    async def _await_stop(self, pending: Pending, deadline: float) -> None:
        """Wait for the end of a run; interrupt it if nobody waits any more."""
        try:
            with trio.move_on_at(deadline):
                await pending.done.wait()
        finally:
            if not pending.done.is_set():
                self._interrupted = True
                with trio.CancelScope(shield=True):
                    await self._link.interrupt()
                    with trio.move_on_after(STOP_TIMEOUT):
                        await pending.done.wait()
                    if not pending.done.is_set():
                        self._link.give_up(TimedOutError("the server does not stop the machine"))

    async def _event(
        self, reply: StopReply, state: StateReport | None, *, steps: bool
    ) -> tuple[StopEvent, bool]:
        event = self._told(state) if state else await self._guessed(reply, steps=steps)
        if event.kind is StopKind.CAUGHT:
            return replace(
                event, point=self._caught(event.text or next(reversed(self.notes), ""))
            ), True
        role, address = _what_was_hit(event, reply, state)
        if role is None:
            return event, True
        found, any_there = await self._hit(
            role, address, event.registers, event.icount, at_start=state is not None
        )
        if not found:
            return event, event.kind is StopKind.STEPPED or not any_there
        for point in found:
            if point.once:
                await self.remove(point)
        kind = StopKind.BREAKPOINT if event.kind is StopKind.STEPPED else event.kind
        return replace(event, kind=kind, point=found[0], points=tuple(found)), True

    def _told(self, state: StateReport) -> StopEvent:
        """Return the event that a state report tells."""
        stop = state.stop
        if stop is None:
            raise ProtocolError("the server does not say why the machine stands")
        return StopEvent(
            kind=stop.kind,
            registers=state.registers,
            icount=state.icount,
            at=state.at,
            address=stop.address,
            status=stop.status,
            signal=stop.signal,
            text=stop.text,
        )

    async def _guessed(self, reply: StopReply, *, steps: bool) -> StopEvent:
        """Return the event that a stop reply alone tells; ``steps``: it was no run."""
        if reply.gone:
            nothing = RegisterValues(*[0] * 14)
            kind = StopKind.KILLED if reply.status is None else StopKind.EXITED
            return StopEvent(kind, nothing, 0, status=reply.status or 0, signal=reply.signal)
        data = await self._g()
        registers = self._description.registers(data)
        icount = 0
        if "icount" in self._description.places:
            icount = self._description.value(data, "icount")
        kind, address = StopKind.STEPPED if steps else StopKind.BREAKPOINT, None
        for name in _WATCHES.keys() & reply.reasons.keys():
            kind, address = StopKind.WATCHPOINT, _hex_number(reply.reasons[name])
        if reply.reasons.get("replaylog") == "begin":
            kind = StopKind.HISTORY_START
        elif "swbreak" in reply.reasons or "hwbreak" in reply.reasons:
            kind = StopKind.BREAKPOINT
        elif reply.signal == SIGINT:
            kind = StopKind.INTERRUPTED
        elif reply.signal not in (0, SIGTRAP):
            kind = StopKind.SIGNALLED
        name = await self.name_of(registers.pc)
        return StopEvent(kind, registers, icount, name, address=address, signal=reply.signal)


_STACK = "((ss << 4) + sp)"


def _what_was_hit(
    event: StopEvent, reply: StopReply, state: StateReport | None
) -> tuple[PointRole | None, int]:
    """Return what kind of point may have been hit, and where; None if none was."""
    if event.kind is StopKind.WATCHPOINT:
        if state and state.stop and state.stop.role and state.stop.point is not None:
            return state.stop.role, state.stop.point
        for name, role in _WATCHES.items():
            if name in reply.reasons:
                return role, event.address or 0
    if event.kind in (StopKind.BREAKPOINT, StopKind.STEPPED):
        return PointRole.EXECUTE, event.pc
    return None, 0


def _hex_number(text: str) -> int:
    try:
        return numerals.digits(text, 16, (1 << 64) - 1)
    except NumeralError:
        raise ProtocolError(f"bad address {text[:40]!r} in a stop reply") from None
