"""Running and stepping, in a task of its own; what came of it is told as an event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import trio

from blink16.client import ClientError, ConnectionLostError, StopEvent, StopKind
from blink16.client.program.stepping import Movement, Stepper
from blink16.dap.debuggee import Debuggee
from blink16.dap.points import UserPoints, Verdict, numbers_of
from blink16.dap.states import RequestError, State
from blink16.dap.talk import Talk
from blink16.nurseries import open_nursery

_REASONS = {
    StopKind.STEPPED: "step",
    StopKind.BREAKPOINT: "breakpoint",
    StopKind.WATCHPOINT: "data breakpoint",
    StopKind.CAUGHT: "exception",
    StopKind.INTERRUPTED: "pause",
    StopKind.HISTORY_START: "history start",
    StopKind.HALTED: "pause",
    StopKind.EXITING: "exit",
    StopKind.SIGNALLED: "exception",
    StopKind.RESTARTED: "entry",
    StopKind.LACKING: "exception",
}
INSIST_SECONDS = 0.1
"""Seconds after which a machine that was to stop is asked again."""
_AT_POINTS = (StopKind.STEPPED, StopKind.BREAKPOINT, StopKind.WATCHPOINT)
_GONE = (StopKind.EXITED, StopKind.KILLED)


class Motion:
    """Lets the machine of a session move."""

    def __init__(self, talk: Talk, debuggee: Debuggee, points: UserPoints) -> None:
        self._talk = talk
        self._debuggee = debuggee
        self._points = points
        self.stops_on_exit = False
        """Whether the machine is kept, with its past, when its program asks to end."""
        self.last: StopEvent | None = None
        """Why it stands."""
        self._holds = 0
        self._held = trio.Event()
        self._released = trio.Event()
        self._ended = trio.Event()
        self._ended.set()
        self._pausing = False
        self._threads: set[int] = set()
        """The processes that the client was told of."""

    @property
    def stepper(self) -> Stepper:
        """What steps by lines."""

        async def stops(event: StopEvent) -> bool:
            return (await self._judged(event)).stops

        debuggee = self._debuggee
        return Stepper(debuggee.target, debuggee.program, self.go, stops)

    # -- requests for it ---------------------------------------------------------------------

    def start(self, move: Movement) -> None:
        """Have the machine move once the response is out."""

        async def begin() -> None:
            self._talk.begin(self._task(move))

        self._talk.state = State.RUNS
        self._pausing = False
        self._ended = trio.Event()
        self._talk.later.append(begin)

    def run(self, *, backward: bool = False) -> Movement:
        """Return the movement of continue, or reverse continue."""
        target = self._debuggee.target

        async def move() -> StopEvent:
            while True:
                event = await self.go(target.run_back if backward else target.run)
                if (await self._judged(event)).stops:
                    return event

        return move

    def pause(self) -> None:
        """Have what runs stopped soon."""
        if not self._pausing:
            self._pausing = True
            self._talk.begin(self._insist)

    async def _insist(self) -> None:
        """Interrupt until the machine stands: between two runs of a step there is nothing to."""
        while self._talk.state is State.RUNS and not self._ended.is_set():
            await self._debuggee.target.interrupt()
            with trio.move_on_after(INSIST_SECONDS):
                await self._ended.wait()

    async def ended(self) -> None:
        """Wait until the machine stands."""
        await self._ended.wait()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Stop the machine for a moment; if it stops for good meanwhile, that is told."""
        self._holds += 1
        if self._holds == 1:
            self._held, self._released = trio.Event(), trio.Event()
        try:
            while self._talk.state is State.RUNS and not self._held.is_set():
                await self._debuggee.target.interrupt()
                with trio.move_on_after(0.5):
                    await self._either(self._held, self._ended)
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._released.set()

    async def _either(self, one: trio.Event, other: trio.Event) -> None:
        async with open_nursery() as nursery:

            async def wait(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, one)
            nursery.start_soon(wait, other)

    # -- moving ------------------------------------------------------------------------------

    async def go(self, move: Movement) -> StopEvent:
        """Movement once, and on where that was interrupted only to ask something."""
        while True:
            await self._let_ask()
            event = await move()
            if not await self._is_aside(event):
                return event

    async def _passes(self, event: StopEvent) -> bool:
        """Whether what stops the machine on its way to a place is no stop."""
        if await self._is_aside(event):
            await self._let_ask()
            return True
        return not (await self._judged(event)).stops

    async def _let_ask(self) -> None:
        """Let those ask that want a machine that stands."""
        if self._holds:
            self._held.set()
            await self._released.wait()

    async def _is_aside(self, event: StopEvent) -> bool:
        """Whether a stop is ours alone: a program was loaded, or somebody wants to ask."""
        self._debuggee.show_rest()
        is_load = event.kind is StopKind.LOADED or (
            event.kind is StopKind.CAUGHT and self._debuggee.is_load(event)
        )
        if not is_load and (
            event.kind is not StopKind.INTERRUPTED or not self._holds or self._pausing
        ):
            return False
        await self._debuggee.refresh()
        if not is_load:
            return True
        await self._learn()
        return event.kind is StopKind.LOADED or not self._debuggee.is_caught_by_others(event)

    async def _learn(self) -> None:
        """Set the breakpoints that lie in what was loaded, and tell of its files and units."""
        talk, debuggee = self._talk, self._debuggee
        files = set(debuggee.program.files)
        modules = {one["name"] for one in debuggee.modules()}
        if not await debuggee.learn():
            return
        await self._points.bind_all()
        for file in debuggee.program.files:
            if file not in files:
                talk.event("loadedSource", {"reason": "new", "source": debuggee.source(file)})
        for module in debuggee.modules():
            if module["name"] not in modules:
                talk.event("module", {"reason": "new", "module": module})

    async def _judged(self, event: StopEvent) -> Verdict:
        verdict = await self._points.judge(event)
        self._hit, self._judged_at = verdict, event.icount
        return verdict

    _hit = Verdict(True)
    _judged_at = -1
    """The instant of the last stop that was judged."""

    def _task(self, move: Movement) -> Callable[[], Awaitable[None]]:
        async def task() -> None:
            self._hit, self._judged_at = Verdict(True), -1
            try:
                self._debuggee.target.passes = self._passes
                event = await move()
            except (ClientError, RequestError, ValueError) as error:
                await self._failed(error)
            else:
                await self.stopped(await self._end_of(event))

        return task

    async def _end_of(self, event: StopEvent) -> StopEvent:
        """Return why a movement has ended: a step ends at a point whatever that says.

        That may print, and count.
        """
        if event.kind not in _AT_POINTS:
            return event
        if self._judged_at != event.icount:
            await self._judged(event)
        if not self._hit.points:
            return event.as_step()
        if event.kind is StopKind.STEPPED:
            return replace(event, kind=StopKind.BREAKPOINT)
        return event

    async def _failed(self, error: Exception) -> None:
        """Tell that a movement could not be done."""
        if isinstance(error, ConnectionLostError) or not self._debuggee.is_there:
            self._talk.console(str(error), "stderr")
            self._over(None)
            return
        self._talk.console(str(error), "stderr")
        try:
            await self._stand()
        except (ClientError, RequestError, ValueError) as nothing:  # nor can it be looked at
            self._talk.console(str(nothing), "stderr")
            self._over(None)
            return
        self._tell("pause", text=str(error))

    async def stopped(self, event: StopEvent) -> None:
        """Tell why the machine stands."""
        self.last = event
        self._debuggee.show_rest()
        if event.kind in _GONE:
            self._over(event)
            return
        if event.kind is StopKind.EXITING and not self.stops_on_exit:
            self._over(event)
            return
        await self._stand()
        reason = _REASONS.get(event.kind, "pause")
        self._tell(reason, numbers=numbers_of(self._hit.points), text=describe(event))

    async def _stand(self) -> None:
        await self._debuggee.refresh()
        await self._learn()
        self._talk.state = State.STANDS
        self._ended.set()

    def _tell(self, reason: str, *, numbers: list[int] | None = None, text: str = "") -> None:
        async def tell() -> None:
            thread = await self._debuggee.thread()
            await self._tell_threads()
            body: dict[str, Any] = {
                "reason": reason,
                "threadId": thread,
                "allThreadsStopped": True,
            }
            if reason == "breakpoint" and numbers:
                kinds = self._points.kinds(numbers)
                body["reason"] = kinds
            if numbers:
                body["hitBreakpointIds"] = numbers
            if text:
                body["text"] = body["description"] = text
            self._talk.event("stopped", body)

        self._talk.begin(tell)

    async def _tell_threads(self) -> None:
        """Tell which processes there are that were not, and which are no longer."""
        report = await self._debuggee.processes()
        there = {one.thread for one in report.processes} or {1}
        for thread in sorted(there - self._threads):
            self._talk.event("thread", {"reason": "started", "threadId": thread})
        for thread in sorted(self._threads - there):
            self._talk.event("thread", {"reason": "exited", "threadId": thread})
        self._threads = there

    async def arrived(self, reason: str, text: str = "") -> None:
        """Tell that the machine was moved to another instant or place."""
        await self._stand()
        self._tell(reason, text=text)

    def _over(self, event: StopEvent | None) -> None:
        """Tell that the program is gone."""
        if self._talk.state is State.OVER:
            return
        self._talk.state = State.OVER
        self._ended.set()
        if event is not None:
            code = event.status if event.kind is not StopKind.KILLED else 128 + event.signal
            self._talk.event("exited", {"exitCode": code})
        self._talk.event("terminated")


def describe(event: StopEvent) -> str:
    """Return a sentence for what needs one."""
    match event.kind:
        case StopKind.EXITING:
            return f"the program ends with status {event.status}"
        case StopKind.HISTORY_START:
            return event.text or "this is the beginning of the recorded past"
        case StopKind.HALTED:
            return event.text or "the processor is halted, and nothing can wake it"
        case StopKind.WATCHPOINT:
            return f"{event.address or 0:#07x} was touched" if event.address is not None else ""
        case StopKind.RESTARTED:
            return event.text or "the machine has started again"
        case StopKind.CAUGHT:  # by several catches: told once
            told = {line.partition(": ")[2]: line for line in event.text.splitlines()}
            return "\n".join(told.values())
    return event.text
