"""Steps by source lines, in both directions, over and into calls.

Where no lines are known, a step is one of an instruction with all that it calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from blink16.client.errors import DeniedError
from blink16.client.moving import StopEvent
from blink16.client.program.lines import ProgramMap
from blink16.client.target import AsyncTarget
from blink16.memory import ADDRESS_MASK
from blink16.reports.state import StopKind

Movement = Callable[[], Awaitable[StopEvent]]
MAX_PIECES = 10_000
"""Stretches of code that one step may go through."""
_SEGMENT_SIZE = 0x10000
_STACK = "((ss << 4) + sp)"
_RETURNS = (0xC2, 0xC3, 0xCA, 0xCB, 0xCF)
"""The opcodes of RET, RETF and IRET."""


async def _simply(move: Movement) -> StopEvent:
    return await move()


async def _always(event: StopEvent) -> bool:
    return True


class Stepper:
    """Steps a machine."""

    def __init__(
        self,
        target: AsyncTarget,
        program: ProgramMap,
        go: Callable[[Movement], Awaitable[StopEvent]] = _simply,
        stops: Callable[[StopEvent], Awaitable[bool]] = _always,
    ) -> None:
        """Step a program.  ``go`` moves the machine once; ``stops`` says whether a stop is one.

        What stops a movement to a place (`AsyncTarget.finish` and the like) on its way and is no
        stop is passed by the target itself (`AsyncTarget.passes`).
        """
        self._target = target
        self._program = program
        self._go = go
        self._stops = stops

    async def _through(self, move: Movement, start: int = 0, end: int = 0) -> StopEvent:
        """Step, on past what stops the machine between two addresses and is no stop."""
        while True:
            event = await self._go(move)
            if event.kind is StopKind.STEPPED or await self._stops(event):
                return event
            if not start <= event.pc < end:
                return event.as_step()

    # -- forward -----------------------------------------------------------------------------

    async def line(self, *, into: bool, pc: int | None = None) -> StopEvent:
        """Step to another line; ``into``: or into a function that has lines.

        ``pc``: where the machine stands, if that is known.
        """
        target, program = self._target, self._program
        pc = (await target.read_registers()).pc if pc is None else pc
        stretch = program.around(pc)
        if stretch is None:
            return await self._go(target.step if into else target.next)
        first = program.line_at(pc)
        for _ in range(MAX_PIECES):
            bounds = stretch
            event = await self._through(lambda: target.step_through(*bounds), *bounds)  # noqa: B023
            returns = await self._entered(event, stretch)
            if returns is not None:
                if into and program.line_at(event.pc) is not None:
                    return await self._behind_prologue(event)
                event = await self._return_to(*returns)
            if event.kind is not StopKind.STEPPED:
                return event
            span, around = program.line_at(event.pc), program.around(event.pc)
            if span is None or around is None or first is None:
                return event
            if not span.is_same_line(first) and event.pc == span.start:
                return event
            if self._is_another_function(first.start, event.pc):
                first = span  # it has returned, into the middle of the line that called
            stretch = around
        return event

    def _is_another_function(self, before: int, now: int) -> bool:
        program = self._program
        one, other = program.function_at(before), program.function_at(now)
        return one is not None and one != other

    @staticmethod
    def _is_within(address: int, stretch: tuple[int, int]) -> bool:
        return stretch[0] <= address < stretch[1]

    async def _entered(self, event: StopEvent, stretch: tuple[int, int]) -> tuple[int, int] | None:
        """Return where what was entered from a stretch returns to, and how high the stack is then.

        None if it was no call, and no interrupt: then no return address is on the stack.
        """
        registers = event.registers
        there = min(4, _SEGMENT_SIZE - registers.sp)
        if event.kind is not StopKind.STEPPED or there < 2:
            return None
        top = await self._target.read_memory(registers.stack, there)
        words = [int.from_bytes(top[at : at + 2], "little") for at in (0, 2)]
        near = registers.linear(registers.cs, words[0])
        far = registers.linear(words[1], words[0])
        for size, address in ((2, near), (4, far)):
            if size <= there and stretch[0] < address <= stretch[1]:
                return address, registers.stack + size
        return None

    async def _return_to(self, address: int, stack: int) -> StopEvent:
        target = self._target
        point = await target.break_at(address, condition=f"{_STACK} >= {stack}")
        try:
            while True:
                event = await self._go(target.run)
                arrived = event.pc == address and event.registers.stack >= stack
                if event.kind is StopKind.BREAKPOINT and arrived:
                    return event.as_step()
                if await self._stops(event):
                    return event
        finally:
            await target.remove(point)

    async def _behind_prologue(self, event: StopEvent) -> StopEvent:
        place = self._program.behind_prologue(event.pc)
        if place == event.pc:
            return event
        return await self._go(lambda: self._target.run_to(place))

    async def out(self) -> StopEvent:
        """Step out of the function that is executed."""
        return await self._go(self._target.finish)

    async def into(self, address: int) -> StopEvent:
        """Step into a function that the line calls."""
        place = self._program.behind_prologue(address)
        return await self._go(lambda: self._target.run_to(place))

    # -- backward ----------------------------------------------------------------------------

    async def line_back(self, pc: int | None = None) -> StopEvent:
        """Step back to the beginning of a line, over what it called; ``pc``: as for `line`."""
        target, program = self._target, self._program
        pc = (await target.read_registers()).pc if pc is None else pc
        stretch = program.around(pc)
        if stretch is None:
            return await self._go(target.next_back)
        if pc == stretch[0]:
            event = await self._over_call_back(await self._through(target.step_back))
            stretch = program.around(event.pc)
            if event.kind is not StopKind.STEPPED or stretch is None:
                return event
        else:
            return await self._to_start(stretch)
        return await self._to_start(stretch, event)

    async def _to_start(
        self, stretch: tuple[int, int], event: StopEvent | None = None
    ) -> StopEvent:
        """Go back to where a line was begun."""
        target = self._target
        for _ in range(MAX_PIECES):
            if event is not None and event.pc == stretch[0]:
                return event
            inner = stretch[0] + 1, stretch[1]
            event = await self._through(lambda: target.step_back_through(*inner), *inner)  # noqa: B023
            if event.kind is not StopKind.STEPPED or event.pc == stretch[0]:
                return event
            before = event
            event = await self._over_call_back(event)
            if event.kind is not StopKind.STEPPED:
                return event
            if event is before or not self._is_within(event.pc, stretch):
                # that was the line before: its last instruction leads to the beginning of ours
                return await self._go(target.step)
        assert event is not None
        return event

    async def _over_call_back(self, event: StopEvent) -> StopEvent:
        """Go back to where what has just returned was called."""
        if event.kind is not StopKind.STEPPED:
            return event
        target = self._target
        (opcode,) = await target.read_memory(event.pc & ADDRESS_MASK, 1)
        if opcode not in _RETURNS:
            return event
        try:
            return await self._go(target.finish_back)
        except DeniedError:
            return event
