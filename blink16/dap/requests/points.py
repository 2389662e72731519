"""Breakpoints of every kind, and what can be had of them."""

from __future__ import annotations

from typing import Any

import msgspec

from blink16.client.program import TypedValue, evaluate
from blink16.dap.motion import describe
from blink16.dap.points import DataPoint, FunctionPoint, InstructionPoint, SourcePoint
from blink16.dap.registry import request
from blink16.dap.requests.variables import child_of
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State
from blink16.memory import RAM_SIZE
from blink16.reports.state import PointRole
from blink16.words import numerals
from blink16.words.numerals import NumeralError

CONFIGURING = State.READY | State.MACHINE
MAX_WATCHED = 0x10000
"""Bytes that a data breakpoint may watch."""
FILTERS = [
    {"filter": "divide", "label": "Divide error (INT 0)", "default": True},
    {"filter": "int3", "label": "Breakpoint instruction (INT 3)", "default": True},
    {"filter": "invalid", "label": "Invalid instruction", "default": True},
    {"filter": "other", "label": "Other traps", "default": True},
    {
        "filter": "calls",
        "label": "System calls",
        "description": "Stops where the program calls DOS, the BIOS or ELKS.",
        "default": False,
        "supportsCondition": True,
        "conditionDescription": "int 21 ah=3d,3c   or   elks open read   or   exec",
    },
]


class _Source(msgspec.Struct, frozen=True):
    path: str = ""
    name: str = ""
    sourceReference: int = 0  # noqa: N815 - DAP's names


class _SourceBreakpoint(msgspec.Struct, frozen=True):
    line: int
    condition: str | None = None
    hitCondition: str | None = None  # noqa: N815
    logMessage: str | None = None  # noqa: N815


class SetBreakpoints(msgspec.Struct, frozen=True):
    """All breakpoints of a file."""

    source: _Source
    breakpoints: list[_SourceBreakpoint] | None = None
    lines: list[int] | None = None


@request("setBreakpoints", CONFIGURING, interrupts=True)
async def set_breakpoints(session: Session, arguments: SetBreakpoints) -> dict[str, Any]:
    """Replace the breakpoints of a source file."""
    path = arguments.source.path or arguments.source.name
    if not path:
        raise RequestError("setBreakpoints: a source has a path")
    wanted = arguments.breakpoints
    if wanted is None:
        wanted = [_SourceBreakpoint(line) for line in arguments.lines or []]
    points = session.points
    offset = 1 - session.client.lines_start_at
    new = [
        SourcePoint(
            points.next_number(), one.condition or "", one.hitCondition or "",
            one.logMessage or "", path=path, line=one.line + offset,
        )
        for one in wanted
    ]  # fmt: skip
    described = await points.replace(points.sources.get(path, []), new)
    points.sources[path] = new
    return {"breakpoints": described}


class _FunctionBreakpoint(msgspec.Struct, frozen=True):
    name: str
    condition: str | None = None
    hitCondition: str | None = None  # noqa: N815


class SetFunctionBreakpoints(msgspec.Struct, frozen=True):
    """All breakpoints at functions."""

    breakpoints: list[_FunctionBreakpoint]


@request("setFunctionBreakpoints", CONFIGURING, interrupts=True)
async def set_function_breakpoints(
    session: Session, arguments: SetFunctionBreakpoints
) -> dict[str, Any]:
    """Replace the breakpoints at functions, symbols, and written addresses."""
    points = session.points
    new = [
        FunctionPoint(
            points.next_number(), one.condition or "", one.hitCondition or "", name=one.name.strip()
        )
        for one in arguments.breakpoints
    ]
    described = await points.replace(points.functions, new)
    points.functions = new
    return {"breakpoints": described}


class _InstructionBreakpoint(msgspec.Struct, frozen=True):
    instructionReference: str  # noqa: N815
    offset: int = 0
    condition: str | None = None
    hitCondition: str | None = None  # noqa: N815


class SetInstructionBreakpoints(msgspec.Struct, frozen=True):
    """All breakpoints at instructions."""

    breakpoints: list[_InstructionBreakpoint]


@request("setInstructionBreakpoints", State.MACHINE, interrupts=True)
async def set_instruction_breakpoints(
    session: Session, arguments: SetInstructionBreakpoints
) -> dict[str, Any]:
    """Replace the breakpoints at instructions."""
    points = session.points
    new = []
    for one in arguments.breakpoints:
        point = InstructionPoint(points.next_number(), one.condition or "", one.hitCondition or "")
        try:
            point.address = await session.debuggee.address(one.instructionReference) + one.offset
        except RequestError as error:
            point.refused = str(error)
        new.append(point)
    described = await points.replace(points.instructions, new)
    points.instructions = new
    return {"breakpoints": described}


# -- data ------------------------------------------------------------------------------------


class DataInfo(msgspec.Struct, frozen=True):
    """A variable, an expression, or an address, that may be watched."""

    name: str
    variablesReference: int = 0  # noqa: N815
    frameId: int | None = None  # noqa: N815
    bytes: int | None = None
    asAddress: bool = False  # noqa: N815


@request("dataBreakpointInfo")
async def data_breakpoint_info(session: Session, arguments: DataInfo) -> dict[str, Any]:
    """Tell whether something can be watched."""
    if arguments.asAddress:
        address = await session.debuggee.address(arguments.name)
        return _watchable(address, arguments.bytes or 1, arguments.name)
    try:
        value = await _named(session, arguments)
    except (RequestError, ValueError) as error:
        return {"dataId": None, "description": str(error)}
    place = value.place
    if value.type.kind == "pointer" and (place is None or not place.address):
        try:  # what it points to: &total, es:di
            value = await (await session.debuggee.scene(arguments.frameId)).pointed_to(value)
        except ValueError as error:
            return {"dataId": None, "description": str(error)}
        place = value.place
    if place is None or place.register:
        what = "a register" if place is not None else "nowhere in memory"
        return {"dataId": None, "description": f"{arguments.name} is {what}: memory is watched"}
    return _watchable(place.address, arguments.bytes or max(1, len(value.data)), arguments.name)


async def _named(session: Session, arguments: DataInfo) -> TypedValue:
    debuggee = session.debuggee
    if arguments.variablesReference:
        handle = debuggee.handles.variables(arguments.variablesReference)
        value, _ = await child_of(session, handle, arguments.name)
        return value
    return await evaluate(arguments.name, await debuggee.scene(arguments.frameId))


def _watchable(address: int, length: int, name: str) -> dict[str, Any]:
    if length > MAX_WATCHED:
        return {"dataId": None, "description": f"{name} has more than {MAX_WATCHED} bytes"}
    return {
        "dataId": f"{address:#x}/{length}",
        "description": f"{name} ({length} byte{'s' * (length > 1)} at {address:#07x})",
        "accessTypes": ["read", "write", "readWrite"],
        "canPersist": True,
    }


class _DataBreakpoint(msgspec.Struct, frozen=True):
    dataId: str  # noqa: N815
    accessType: str = "write"  # noqa: N815
    condition: str | None = None
    hitCondition: str | None = None  # noqa: N815


class SetDataBreakpoints(msgspec.Struct, frozen=True):
    """All data breakpoints."""

    breakpoints: list[_DataBreakpoint]


_ROLES = {"write": PointRole.WRITE, "read": PointRole.READ, "readWrite": PointRole.ACCESS}


@request("setDataBreakpoints", CONFIGURING, interrupts=True)
async def set_data_breakpoints(session: Session, arguments: SetDataBreakpoints) -> dict[str, Any]:
    """Replace the data breakpoints."""
    points = session.points
    new = [_data_point(points.next_number(), one) for one in arguments.breakpoints]
    described = await points.replace(points.data, new)
    points.data = new
    return {"breakpoints": described}


def _data_point(number: int, one: _DataBreakpoint) -> DataPoint:
    point = DataPoint(number, one.condition or "", one.hitCondition or "")
    address, _, length = one.dataId.partition("/")
    try:
        point.address = numerals.literal(address, RAM_SIZE - 1)
        point.length = numerals.digits(length or "1", 10, RAM_SIZE, 1)
    except NumeralError:
        point.refused = f"{one.dataId[:40]!r} is no dataId that dataBreakpointInfo gave"
    role = _ROLES.get(one.accessType)
    if role is None:
        point.refused = f"an accessType is {', '.join(_ROLES)}, not {one.accessType[:40]!r}"
    else:
        point.access = role
    return point


# -- exceptions and system calls -------------------------------------------------------------


class _FilterOption(msgspec.Struct, frozen=True):
    filterId: str  # noqa: N815
    condition: str | None = None


class SetExceptionBreakpoints(msgspec.Struct, frozen=True):
    """Which traps, and which calls of the system, stop the machine."""

    filters: list[str] = msgspec.field(default_factory=list)
    filterOptions: list[_FilterOption] = msgspec.field(default_factory=list)  # noqa: N815


@request("setExceptionBreakpoints", CONFIGURING, interrupts=True)
async def set_exception_breakpoints(
    session: Session, arguments: SetExceptionBreakpoints
) -> dict[str, Any]:
    """Replace the filters of exceptions."""
    known = {str(one["filter"]) for one in FILTERS}
    given = [*(_FilterOption(name) for name in arguments.filters), *arguments.filterOptions]
    points = session.points
    points.filters = {one.filterId for one in given}
    points.filters_were_set = True
    described = []
    points.wanted_catches = [one.condition or "" for one in given if one.filterId == "calls"]
    trouble = await points.catch_calls()
    for one in given:
        if one.filterId not in known:
            described.append({"verified": False, "message": f"there is no {one.filterId[:40]!r}"})
        elif one.filterId == "calls" and trouble:
            described.append({"verified": False, "message": trouble})
        else:
            described.append({"verified": True})
    return {"breakpoints": described}


@request("exceptionInfo")
async def exception_info(session: Session, arguments: msgspec.Raw) -> dict[str, Any]:
    """Tell what trap, or which call, has stopped the machine."""
    last = session.motion.last
    if last is None or not last.text:
        raise RequestError("no exception has stopped the machine")
    kind = f"signal {last.signal}" if last.signal else str(last.kind)
    return {"exceptionId": kind, "description": describe(last), "breakMode": "always"}


class Locations(msgspec.Struct, frozen=True):
    """A range of lines."""

    source: _Source
    line: int
    endLine: int | None = None  # noqa: N815


@request("breakpointLocations", State.MACHINE)
async def breakpoint_locations(session: Session, arguments: Locations) -> dict[str, Any]:
    """Tell which lines have code."""
    program = session.debuggee.program
    offset = 1 - session.client.lines_start_at
    first = arguments.line + offset
    last = (arguments.endLine if arguments.endLine is not None else arguments.line) + offset
    lines = {
        line
        for file in program.matching(arguments.source.path or arguments.source.name)
        for line in program.lines_of(file, first, last)
    }
    return {"breakpoints": [{"line": line - offset} for line in sorted(lines)]}
