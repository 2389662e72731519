"""Variables, registers and expressions: shown, evaluated, changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from blink16.client import ClientError
from blink16.client.conditions import HALVES
from blink16.client.program import ExpressionError, Scene, TypedValue, assign, evaluate
from blink16.client.program.show import Notation, noted, number_of_parts, parts_of, string, text_of
from blink16.dap.handles import Handle, ValueHandle
from blink16.dap.registry import request
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State
from blink16.memory import linear
from blink16.reports.fpu import FpuReport
from blink16.reports.state import FLAG_BITS
from blink16.symbols import SymbolKind
from blink16.words import numerals
from blink16.words.numerals import NumeralError

MAX_CHILDREN = 2000
"""Variables in one answer."""
MAX_TEXT = 64
"""Characters of a string that a pointer shows."""
WORDS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip", "flags")
SEGMENTS = ("cs", "ds", "es", "ss")
_REGISTERS = {
    "registers": WORDS,
    "halves": tuple(HALVES),
    "segments": SEGMENTS,
    "flags": tuple(name.lower() for name in FLAG_BITS),
}
"""The scopes of registers, and what is in them."""


class Format(msgspec.Struct, frozen=True):
    """How values are to be written."""

    hex: bool = False


def _notation(wanted: Format | None) -> Notation:
    return Notation.HEXADECIMAL if wanted and wanted.hex else Notation.USUAL


# -- showing ---------------------------------------------------------------------------------


class Variables(msgspec.Struct, frozen=True):
    """The parts of what, and which of them."""

    variablesReference: int  # noqa: N815 - DAP's names
    filter: str | None = None
    start: int | None = None
    count: int | None = None
    format: Format | None = None


@request("variables")
async def variables(session: Session, arguments: Variables) -> dict[str, Any]:
    """The variables of a scope, the members of a structure, the elements of an array."""
    handle = session.debuggee.handles.variables(arguments.variablesReference)
    notation = _notation(arguments.format)
    start = max(0, arguments.start or 0)
    count = min(MAX_CHILDREN, arguments.count or MAX_CHILDREN)
    found: list[dict[str, Any]] = []
    is_array = isinstance(handle, ValueHandle) and handle.value.type.kind == "array"
    first = start if is_array else 0
    skip = 0 if is_array else start
    async for name, value, path in _children(session, handle, first, count):
        if skip:
            skip -= 1
            continue
        if len(found) >= count:
            break
        if isinstance(value, str):
            found.append({"name": name, "value": value, "variablesReference": 0})
        else:
            body = await describe(session, value, handle.frame, path, notation)
            found.append({"name": name, "evaluateName": path, **body})
    return {"variables": found}


async def _children(
    session: Session, handle: Handle, start: int = 0, count: int = MAX_CHILDREN
) -> AsyncIterator[tuple[str, TypedValue | str, str]]:
    """Yield names, values (or why there is none) and expressions."""
    if isinstance(handle, ValueHandle):
        async for part in _parts(session, handle, start, count):
            yield part
        return
    scene = await session.debuggee.scene(handle.frame)
    async for name, value in _scope(session, scene, handle.kind):
        prefix = "$" if handle.kind in _REGISTERS else ""
        yield name, value, prefix + name


async def _scope(
    session: Session, scene: Scene, kind: str
) -> AsyncIterator[tuple[str, TypedValue | str]]:
    for name in _REGISTERS.get(kind, ()):
        yield name, await scene.named(f"${name}")
    if kind == "locals":
        function, found = scene.view.variables(session.debuggee.program)
        for variable in found:
            assert function is not None
            yield variable.name, await _or_why(scene, variable, function.unit)
    elif kind == "globals":
        async for name, value in _globals(session, scene):
            yield name, value
    elif kind == "fpu":
        for name, text in _fpu(await session.debuggee.target.report(FpuReport)):
            yield name, text


def _fpu(found: FpuReport) -> Iterator[tuple[str, str]]:
    """Yield the registers of an 8087, as far as they hold something, and its words."""
    for one in found.stack:
        yield f"st{one.number}", one.value
    for name in ("control", "status", "tags"):
        yield name, f"{getattr(found, name):#06x}"


async def _globals(session: Session, scene: Scene) -> AsyncIterator[tuple[str, TypedValue | str]]:
    """Yield variables outside of functions, then symbols that are none of them; each name once."""
    seen = set()
    for variable, unit in session.debuggee.program.globals:
        if variable.name not in seen:
            seen.add(variable.name)
            yield variable.name, await _or_why(scene, variable, unit)
    for symbol in await session.debuggee.target.symbols():
        if symbol.kind is SymbolKind.DATA and symbol.name not in seen:
            try:
                yield symbol.name, await scene.named(symbol.name)
            except ExpressionError as error:
                yield symbol.name, f"<{error}>"


async def _or_why(scene: Scene, variable: Any, unit: int) -> TypedValue | str:
    try:
        return await scene.value_of(variable, unit)
    except (ExpressionError, ClientError) as error:
        return f"<{error}>"


async def _parts(
    session: Session, handle: ValueHandle, start: int, count: int
) -> AsyncIterator[tuple[str, TypedValue, str]]:
    value, path = handle.value, handle.path
    scene = await session.debuggee.scene(handle.frame)
    if value.place is not None and not value.place.register:  # it may have been changed since
        value = await scene.at(value.type, value.place)
    if value.type.kind == "pointer":
        target = await scene.pointed_to(value)
        if target.type.kind in ("struct", "union"):
            for name, part in parts_of(target):
                yield name, part, f"({path})->{name}"
        else:
            yield f"*{path}", target, f"*({path})"
        return
    for name, part in parts_of(value, start, count):
        yield name, part, f"{path}{name}" if name.startswith("[") else f"{path}.{name}"


async def child_of(session: Session, handle: Handle, name: str) -> tuple[TypedValue, str]:
    """Return a variable of a scope, or a part of a value, by its name, and its expression."""
    if isinstance(handle, ValueHandle) and handle.value.type.kind == "array":
        with suppress(NumeralError):
            number = numerals.digits(name.strip("[]"), 10, handle.value.type.length - 1)
            async for _, element, path in _parts(session, handle, number, 1):
                return element, path
    async for found, value, path in _children(session, handle):
        if found == name:
            if isinstance(value, str):
                raise RequestError(value)
            return value, path
    raise RequestError(f"there is no {name[:80]!r} here")


async def describe(
    session: Session,
    value: TypedValue,
    frame: int,
    path: str,
    notation: Notation = Notation.USUAL,
) -> dict[str, Any]:
    """Return a value as DAP describes one."""
    kind = value.type
    body: dict[str, Any] = {
        "value": text_of(value, notation),
        "type": kind.name,
        "variablesReference": 0,
    }
    members, elements = number_of_parts(value)
    if members or elements or kind.kind == "pointer":
        body["variablesReference"] = session.debuggee.handles.of_variables(
            ValueHandle(value, frame, path)
        )
    if members:
        body["namedVariables"] = members
    if elements:
        body["indexedVariables"] = elements
    place = value.place
    if kind.kind == "pointer":
        segment, offset = value.far
        address = session.debuggee.at.registers.linear(segment, offset)
        body["memoryReference"] = f"{address:#07x}"
        if kind.target.is_character and (segment or offset):
            body["value"] += f" {await _string(session, address)}"
        if not offset and not segment:
            body["variablesReference"] = 0
    elif place is not None and not place.register:
        body["memoryReference"] = f"{place.address:#07x}"
    elif place is not None and place.register in ("ip", "sp"):
        segment = place.segment
        registers = session.debuggee.at.registers
        base = registers.cs if place.register == "ip" else registers.ss
        body["memoryReference"] = f"{registers.linear(base, int(value.number)):#07x}"
    elif place is not None and place.register in SEGMENTS:
        body["memoryReference"] = f"{linear(int(value.number), 0):#07x}"
    if value.type.kind == "function":
        body["presentationHint"] = {"kind": "method"}
    return body


async def _string(session: Session, address: int) -> str:
    """Return the string at an address, as far as it is shown."""
    length = min(MAX_TEXT, await session.debuggee.target.memory_end() - address)
    data = await session.debuggee.target.read_memory(address, length)
    text, zero, _ = data.partition(b"\0")
    return string(text) + ("" if zero else "...")


# -- changing --------------------------------------------------------------------------------


class SetVariable(msgspec.Struct, frozen=True):
    """Which variable, and what it is to be: an expression."""

    variablesReference: int  # noqa: N815
    name: str
    value: str
    format: Format | None = None


@request("setVariable")
async def set_variable(session: Session, arguments: SetVariable) -> dict[str, Any]:
    """Change a variable, a register, a flag, an element, a member."""
    handle = session.debuggee.handles.variables(arguments.variablesReference)
    target, path = await child_of(session, handle, arguments.name)
    scene = await session.debuggee.scene(handle.frame, may_write=True)
    new = await assign(target, await evaluate(arguments.value, scene), scene)
    _tell_change(session)
    return await describe(session, new, handle.frame, path, _notation(arguments.format))


class SetExpression(msgspec.Struct, frozen=True):
    """The place that an expression is, and what is to be there."""

    expression: str
    value: str
    frameId: int | None = None  # noqa: N815
    format: Format | None = None


@request("setExpression")
async def set_expression(session: Session, arguments: SetExpression) -> dict[str, Any]:
    """Assign to an expression."""
    scene = await session.debuggee.scene(arguments.frameId, may_write=True)
    target = await evaluate(arguments.expression, scene)
    new = await assign(target, await evaluate(arguments.value, scene), scene)
    _tell_change(session)
    frame = await _frame_id(session, arguments.frameId)
    return await describe(session, new, frame, arguments.expression, _notation(arguments.format))


def _tell_change(session: Session) -> None:
    if session.client.takes_invalidated:
        session.event("invalidated", {"areas": ["variables"]})


async def _frame_id(session: Session, given: int | None) -> int:
    if given is not None:
        return given
    debuggee = session.debuggee
    thread = await debuggee.thread()
    return debuggee.handles.of_frame((await debuggee.frames(thread))[0], thread)


# -- evaluating ------------------------------------------------------------------------------


class Evaluate(msgspec.Struct, frozen=True):
    """An expression, or in the console a command of the server's behind ``monitor``."""

    expression: str
    frameId: int | None = None  # noqa: N815
    context: str = ""
    format: Format | None = None


READ_ONLY = ("hover", "watch", "variables", "clipboard")
"""Contexts in which nothing can be changed: expressions are evaluated there by themselves."""


@request("evaluate", State.MACHINE, interrupts=True, searches=True)
async def evaluate_request(session: Session, arguments: Evaluate) -> dict[str, Any]:
    """Evaluate an expression, or carry out a command."""
    text = arguments.expression.strip()
    is_console = arguments.context in ("repl", "")
    if is_console and (command := command_of(text)) is not None:
        return {"result": await carry_out(session, command), "variablesReference": 0}
    may_write = arguments.context not in READ_ONLY
    scene = await session.debuggee.scene(arguments.frameId, may_write=may_write)
    expression, notation = noted(text)
    if notation is Notation.USUAL:
        notation = _notation(arguments.format)
    try:
        value = await evaluate(expression, scene)
    except ExpressionError:
        if not is_console or text.split(" ", 1)[0] not in await commands(session):
            raise
        return {"result": await carry_out(session, text), "variablesReference": 0}
    frame = await _frame_id(session, arguments.frameId)
    body = await describe(session, value, frame, expression, notation)
    return {"result": body.pop("value"), **body}


def command_of(text: str) -> str | None:
    """Return the command of the server's that a line in the console is, if it says so."""
    for prefix in ("monitor ", "mon ", "-exec monitor "):
        if text.startswith(prefix):
            return text.removeprefix(prefix).strip()
    return "help" if text in ("monitor", "help") else None


async def commands(session: Session) -> list[str]:
    """Return what commands the server has."""
    if not session.known_commands:
        lines = (await session.debuggee.target.monitor("help")).splitlines()
        words = [line.split()[1] for line in lines if line.startswith("monitor ")]
        session.known_commands = words
    return session.known_commands


async def carry_out(session: Session, command: str) -> str:
    """Carry out a command of the server's; what it changes is told to the client."""
    debuggee = session.debuggee
    before = debuggee.at
    text = await debuggee.target.monitor(command)
    after = await debuggee.target.state()
    debuggee.show_rest()
    if session.state is State.STANDS and after.generation != before.generation:
        moved = (after.icount, after.registers) != (before.icount, before.registers)
        session.later.append(lambda: _tell_moved(session, moved))
    return text.rstrip("\n")


async def _tell_moved(session: Session, moved: bool) -> None:
    if moved:
        await session.motion.arrived("goto")
        return
    await session.debuggee.ask_names()
    await session.debuggee.learn()
    await session.points.bind_all()
    if session.client.takes_invalidated:
        session.event("invalidated", {"areas": ["all"]})


class Completions(msgspec.Struct, frozen=True):
    """A line that is being typed, and where."""

    text: str
    column: int
    frameId: int | None = None  # noqa: N815
    line: int | None = None


MAX_COMPLETIONS = 200


@request("completions", State.STANDS)
async def completions(session: Session, arguments: Completions) -> dict[str, Any]:
    """What could stand there: variables, symbols, registers, commands."""
    typed = arguments.text[: max(0, arguments.column - session.client.columns_start_at)]
    end = len(typed)
    command = command_of(typed)
    if command is not None and " " not in command:
        start, word, known = end - len(command), command, await commands(session)
        kinds = dict.fromkeys(known, "keyword")
    else:
        start = end
        while start and (typed[start - 1].isalnum() or typed[start - 1] in "_$@?"):
            start -= 1
        word = typed[start:]
        if typed[:start].rstrip().endswith((".", "->")):
            kinds = await _members(session, arguments.frameId, typed[:start].rstrip())
        else:
            kinds = await _names(session, arguments.frameId)
    lowered = word.lower()
    found = [
        {"label": name, "type": kind, "start": start, "length": len(word)}
        for name, kind in kinds.items()
        if name.lower().startswith(lowered)
    ]
    return {"targets": found[:MAX_COMPLETIONS]}


async def _names(session: Session, frame: int | None) -> dict[str, str]:
    scene = await session.debuggee.scene(frame)
    _, local = scene.view.variables(session.debuggee.program)
    names = {variable.name: "variable" for variable in local}
    names |= {variable.name: "variable" for variable, _ in session.debuggee.program.globals}
    for symbol in await session.debuggee.target.symbols():
        kind = "function" if symbol.kind is SymbolKind.CODE else "variable"
        names.setdefault(symbol.name, kind)
    for name in (*WORDS, *SEGMENTS, *HALVES):
        names.setdefault(name, "value")
        names.setdefault(f"${name}", "value")
    names.setdefault("monitor", "keyword")
    return names


async def _members(session: Session, frame: int | None, typed: str) -> dict[str, str]:
    base = typed.removesuffix("->").removesuffix(".")
    start = len(base)
    while start and (base[start - 1].isalnum() or base[start - 1] in "_$.>-[]"):
        start -= 1
    scene = await session.debuggee.scene(frame)
    try:
        value = await evaluate(base[start:], scene)
        if typed.endswith("->"):
            value = await scene.pointed_to(value)
    except ExpressionError:
        return {}
    return {member.name: "field" for member, _ in value.type.members}
