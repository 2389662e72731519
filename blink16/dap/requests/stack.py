"""Threads, frames and scopes."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import Any

import msgspec

from blink16.client.program import ExpressionError, FrameView
from blink16.client.program.show import text_of
from blink16.dap.handles import ScopeHandle
from blink16.dap.registry import NoArguments, request
from blink16.dap.session import Session
from blink16.dap.states import State
from blink16.reports.fpu import FpuReport


@request("threads", State.MACHINE)
async def threads(session: Session, arguments: NoArguments) -> dict[str, Any]:
    """The processes of the guest's system, or its one program."""
    debuggee = session.debuggee
    if session.state is State.RUNS:
        return {"threads": session.known_threads or [{"id": 1, "name": debuggee.title}]}
    found = [
        {"id": one.thread, "name": f"{one.name} ({one.pid}): {one.state}"}
        for one in (await debuggee.processes()).processes
    ]
    session.known_threads = found or [{"id": 1, "name": debuggee.title or "8086"}]
    return {"threads": session.known_threads}


class StackTrace(msgspec.Struct, frozen=True):
    """Whose frames, and which."""

    threadId: int = 1  # noqa: N815 - DAP's names
    startFrame: int | None = None  # noqa: N815
    levels: int | None = None
    format: dict[str, Any] | None = None


@request("stackTrace")
async def stack_trace(session: Session, arguments: StackTrace) -> dict[str, Any]:
    """Who called whom, innermost first."""
    views = await session.debuggee.frames(arguments.threadId)
    start = max(0, arguments.startFrame or 0)
    stop = len(views) if not arguments.levels else start + max(0, arguments.levels)
    wants = arguments.format or {}
    frames = [await _frame(session, view, arguments.threadId, wants) for view in views[start:stop]]
    return {"stackFrames": frames, "totalFrames": len(views)}


async def _frame(
    session: Session, view: FrameView, thread: int, wants: dict[str, Any]
) -> dict[str, Any]:
    debuggee = session.debuggee
    span = debuggee.span(view)
    body: dict[str, Any] = {
        "id": debuggee.handles.of_frame(view, thread),
        "name": await _name(session, view, wants),
        "line": 0,
        "column": 0,
        "instructionPointerReference": f"{view.pc:#07x}",
        "moduleId": 1,
    }
    if span is not None:
        body["line"] = span.line - (1 - session.client.lines_start_at)
        body["column"] = session.client.columns_start_at
        body["source"] = debuggee.source(span.file)
    else:
        body["presentationHint"] = "normal"
    return body


async def _name(session: Session, view: FrameView, wants: dict[str, Any]) -> str:
    debuggee = session.debuggee
    function = debuggee.function(view)
    registers = view.registers
    if function is not None:
        name = function.name
        if wants.get("parameters"):
            name += f"({await _parameters(session, view)})"
    else:
        name = (await debuggee.target.name_of(view.place) or view.name).partition("+")[0]
    if not name:
        name = f"{registers.cs:04X}:{registers.ip:04X}"
    if wants.get("line") and (span := debuggee.span(view)) is not None:
        name += f" {PureWindowsPath(span.file).name}:{span.line}"
    return name


async def _parameters(session: Session, view: FrameView) -> str:
    scene = session.debuggee.scene_of(view)
    function, variables = view.variables(session.debuggee.program)
    parts = []
    for variable in variables:
        if variable.parameter and function is not None:
            try:
                value = await scene.value_of(variable, function.unit)
                parts.append(f"{variable.name}={text_of(value)}")
            except ExpressionError:
                parts.append(f"{variable.name}=?")
    return ", ".join(parts)


class Scopes(msgspec.Struct, frozen=True):
    """Of which frame."""

    frameId: int  # noqa: N815


SCOPES = (
    ("locals", "Locals", "locals"),
    ("globals", "Globals", None),
    ("registers", "Registers", "registers"),
    ("halves", "8-bit registers", "registers"),
    ("flags", "Flags", "registers"),
    ("segments", "Segments", "registers"),
    ("fpu", "", "registers"),
)


@request("scopes")
async def scopes(session: Session, arguments: Scopes) -> dict[str, Any]:
    """The groups of variables that a frame has."""
    debuggee = session.debuggee
    view = debuggee.handles.frame(arguments.frameId)
    function, variables = view.variables(debuggee.program)
    chip = (await debuggee.target.report(FpuReport)).chip
    found = []
    for kind, name, hint in SCOPES:
        title = chip if kind == "fpu" else name
        if (kind == "locals" and not variables) or not title:
            continue
        body: dict[str, Any] = {
            "name": title,
            "variablesReference": debuggee.handles.of_variables(
                ScopeHandle(kind, arguments.frameId)
            ),
            "expensive": kind in ("globals",) and not debuggee.program.globals,
        }
        if hint:
            body["presentationHint"] = hint
        if kind == "locals" and function is not None and (span := debuggee.span(view)) is not None:
            body["source"] = debuggee.source(span.file)
        found.append(body)
    return {"scopes": found}
