"""The points that a client has set: what they are, where they lie, when they stop the machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from blink16.client import ClientError, SetPoint, StopEvent, StopKind
from blink16.client.program import ExpressionError, Scene, evaluate
from blink16.client.program.conditions import as_condition
from blink16.client.program.grammar import parse
from blink16.client.program.show import noted, text_of
from blink16.dap.debuggee import Debuggee
from blink16.dap.states import RequestError
from blink16.dap.talk import Talk
from blink16.reports.state import PointRole

MAX_POINTS = 2000
"""Points of one kind."""
_HITS = re.compile(r"\s*(>=|<=|==|=|>|<|%)?\s*([0-9]{1,9})\s*")
_TEMPLATE = re.compile(r"\{([^{}]*)\}")


@dataclass
class UserPoint:
    """A breakpoint as a client has set it."""

    number: int
    """What the client knows it by."""
    condition: str = ""
    hit_condition: str = ""
    log: str = ""
    """What it prints instead of stopping the machine; expressions in braces."""
    hits: int = 0
    refused: str = ""
    """Why it can't be set, whatever the program is; empty if it can."""
    trouble: str = ""
    """Why it is not where its user wants it; empty if it is."""
    set_points: list[SetPoint] = field(default_factory=list)


@dataclass
class SourcePoint(UserPoint):
    """A breakpoint at a line."""

    path: str = ""
    line: int = 0
    bound: int = 0
    """The line that has code."""


@dataclass
class FunctionPoint(UserPoint):
    """A breakpoint at a function, symbol, or address that is written (``1000:0015``)."""

    name: str = ""


@dataclass
class InstructionPoint(UserPoint):
    """A breakpoint at an instruction."""

    address: int = 0


@dataclass
class DataPoint(UserPoint):
    """A watchpoint."""

    address: int = 0
    length: int = 1
    access: PointRole = PointRole.WRITE


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a stop is one, and for which points."""

    stops: bool
    points: tuple[UserPoint, ...] = ()


class UserPoints:
    """All of them."""

    def __init__(self, talk: Talk, debuggee: Debuggee) -> None:
        self._talk = talk
        self._debuggee = debuggee
        self._last = 0
        self.sources: dict[str, list[SourcePoint]] = {}
        """By the path of their file."""
        self.functions: list[FunctionPoint] = []
        self.instructions: list[InstructionPoint] = []
        self.data: list[DataPoint] = []
        self.filters: set[str] = set()
        """The exceptions that stop the machine."""
        self.catches: list[SetPoint] = []
        self.wanted_catches: list[str] = []
        """Which system calls are to stop the machine, as `monitor catch` is told."""

    def next_number(self) -> int:
        """Return a number that no point has had."""
        self._last += 1
        return self._last

    def _all(self) -> list[UserPoint]:
        return [*(p for points in self.sources.values() for p in points), *self.functions,
                *self.instructions, *self.data]  # fmt: skip

    # -- setting -----------------------------------------------------------------------------

    async def replace(
        self, old: Sequence[UserPoint], new: Sequence[UserPoint]
    ) -> list[dict[str, Any]]:
        """Take points away and set others; return these as DAP describes them."""
        if len(new) > MAX_POINTS:
            raise RequestError(f"at most {MAX_POINTS} points of one kind can be set")
        for point in old:
            await self._unbind(point)
        for point in new:
            self._check(point)
            if not point.trouble:
                await self._bind(point)
        return [self.described(point) for point in new]

    def _check(self, point: UserPoint) -> None:
        """Find out whether what is written with a point makes sense."""
        point.trouble = point.refused
        try:
            if point.condition:
                parse(point.condition)
            if point.hit_condition and not _HITS.fullmatch(point.hit_condition):
                raise ExpressionError(f"{point.hit_condition!r} is no number of hits, like >= 3")
            for expression in _TEMPLATE.findall(point.log):
                parse(noted(expression)[0])
        except ExpressionError as error:
            point.trouble = str(error)

    async def bind_all(self, *, anew: bool = False) -> None:
        """Set what is not set yet, now that more is known of the program; tell the client.

        ``anew``: the machine has lost all of them.
        """
        if anew or not self.catches:
            self.catches.clear()
            await self.catch_calls()
        for point in self._all():
            if anew:
                point.set_points.clear()
                point.hits = 0
            if not point.set_points:
                was = point.trouble
                self._check(point)
                if not point.trouble:
                    await self._bind(point)
                if point.trouble != was:
                    body = {"reason": "changed", "breakpoint": self.described(point)}
                    self._talk.event("breakpoint", body)

    async def _bind(self, point: UserPoint) -> None:
        if not self._debuggee.is_there:
            point.trouble = "it is set as soon as there is a machine"
            return
        try:
            for address in await self._addresses(point):
                point.set_points.append(await self._set(point, address))
        except (ClientError, RequestError, ValueError) as error:
            point.trouble = str(error)

    async def _addresses(self, point: UserPoint) -> list[int]:
        debuggee = self._debuggee
        program = debuggee.program
        match point:
            case SourcePoint(path=path, line=line):
                found: list[int] = []
                for file in program.matching(path):
                    point.bound, addresses = program.breakable(file, line)
                    found += addresses
                if not found:
                    name = PureWindowsPath(path).name
                    known = bool(program.matching(path))
                    point.trouble = (
                        f"no code is known for line {line} of {name}"
                        if known
                        else f"no code is known to come from {name}"
                    )
                return found
            case FunctionPoint(name=name):
                functions = program.named(name)
                if functions:
                    return [program.behind_prologue(one.start) for one in functions]
                return [await debuggee.address(name)]
            case InstructionPoint(address=address) | DataPoint(address=address):
                return [address]
        return []

    async def _set(self, point: UserPoint, address: int) -> SetPoint:
        target = self._debuggee.target
        if isinstance(point, DataPoint):
            return await target.watch(address, point.length, access=point.access.value)
        judged = None
        if point.condition and not point.log:
            judged = await self._judged(point, address)
        return await target.break_at(address, condition=judged)

    async def _judged(self, point: UserPoint, address: int) -> str | None:
        """Return a condition that the server can judge: always true where this one is, at least."""
        debuggee = self._debuggee
        try:
            return await as_condition(point.condition, debuggee.scene_at(address))
        except (ExpressionError, RequestError):
            return None

    async def catch_calls(self) -> str:
        """Set the catches that are wanted, instead of those that are set; return what is wrong."""
        if not self._debuggee.is_there:
            return ""
        target, trouble = self._debuggee.target, ""
        for one in self.catches:
            await target.remove(one)
        self.catches.clear()
        for what in self.wanted_catches:
            try:
                self.catches.append(await target.catch(what or "int 21"))
            except ClientError as error:
                trouble = str(error)
        return trouble

    async def _unbind(self, point: UserPoint) -> None:
        if self._debuggee.is_there:
            for one in point.set_points:
                await self._debuggee.target.remove(one)
        point.set_points.clear()

    # -- at a stop ---------------------------------------------------------------------------

    async def judge(self, event: StopEvent) -> Verdict:
        """Find out whether the user wants the machine to stop here; log points print."""
        if event.kind in (StopKind.BREAKPOINT, StopKind.STEPPED):
            found = [p for p in self._all() if not isinstance(p, DataPoint) and _is_at(p, event.pc)]
        elif event.kind is StopKind.WATCHPOINT:
            found = [p for p in self.data if event.point in p.set_points]
            found = found or [p for p in self.data if _touched(p, event.address)]
        elif event.kind is StopKind.SIGNALLED:
            return Verdict(filter_of(event) in self.filters or not self.filters_were_set)
        else:
            return Verdict(True)
        if not found:
            return Verdict(True)
        await self._debuggee.refresh()
        stops = [point for point in found if await self._holds(point)]
        return Verdict(bool(stops), tuple(stops))

    filters_were_set = False
    """Whether the client has said which exceptions are to stop the machine."""

    async def _holds(self, point: UserPoint) -> bool:
        scene = await self._debuggee.scene(None)
        if point.condition:
            try:
                value = await evaluate(point.condition, scene)
                if not value.type.is_number or not value.number:
                    return False
            except ExpressionError as error:
                self._talk.console(f"breakpoint {point.number}: {error}", "stderr")
                return True
        point.hits += 1
        if point.hit_condition and not _counts(point.hit_condition, point.hits):
            return False
        if point.log:
            self._talk.console(await self._logged(point.log, scene))
            return False
        return True

    async def _logged(self, template: str, scene: Scene) -> str:
        parts, at = [], 0
        for match in _TEMPLATE.finditer(template):
            parts.append(template[at : match.start()])
            try:
                expression, notation = noted(match[1])
                parts.append(text_of(await evaluate(expression, scene), notation))
            except ExpressionError as error:
                parts.append(f"<{error}>")
            at = match.end()
        return "".join([*parts, template[at:]])

    def kinds(self, numbers: Iterable[int]) -> str:
        """Return the reason, in DAP's words, of a stop at points."""
        hit = set(numbers)
        kinds = {type(point) for point in self._all() if point.number in hit}
        for kind, reason in _STOP_REASONS.items():
            if kinds == {kind}:
                return reason
        return "breakpoint"

    def described(self, point: UserPoint) -> dict[str, Any]:
        """Return a point as DAP describes one."""
        body: dict[str, Any] = {"id": point.number, "verified": bool(point.set_points)}
        if point.trouble:
            body["message"] = point.trouble
        debuggee = self._debuggee
        if isinstance(point, SourcePoint):
            offset = 1 - self._talk.client.lines_start_at
            body["line"] = (point.bound or point.line) - offset
            body["source"] = {"name": PureWindowsPath(point.path).name, "path": point.path}
        elif point.set_points:
            address = point.set_points[0].address
            span = debuggee.program.line_at(address)
            if span is not None and not isinstance(point, DataPoint):
                body["line"] = span.line - (1 - self._talk.client.lines_start_at)
                body["source"] = debuggee.source(span.file)
        if point.set_points and not isinstance(point, DataPoint):
            body["instructionReference"] = f"{point.set_points[0].address:#07x}"
        return body


_STOP_REASONS = {
    FunctionPoint: "function breakpoint",
    InstructionPoint: "instruction breakpoint",
    DataPoint: "data breakpoint",
}


def filter_of(event: StopEvent) -> str:
    """Return the exception filter that a trap belongs to."""
    return {8: "divide", 5: "int3", 4: "invalid"}.get(event.signal, "other")


def _is_at(point: UserPoint, address: int) -> bool:
    return any(one.address == address for one in point.set_points)


def _touched(point: DataPoint, address: int | None) -> bool:
    return address is not None and point.address <= address < point.address + point.length


def _counts(condition: str, hits: int) -> bool:
    match = _HITS.fullmatch(condition)
    if match is None:
        return True
    number = int(match[2])
    match match[1]:
        case "%":
            return number > 0 and hits % number == 0
        case ">":
            return hits > number
        case "<":
            return hits < number
        case "<=":
            return hits <= number
        case "==" | "=":
            return hits == number
    return hits >= number


def numbers_of(points: Iterable[UserPoint]) -> list[int]:
    """Return what the client knows points by."""
    return [point.number for point in points]
