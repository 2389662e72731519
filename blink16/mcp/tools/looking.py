"""Looking at a machine that stands."""

from __future__ import annotations

from pathlib import PureWindowsPath

from blink16.client import AsyncTarget
from blink16.client.program import ExpressionError, Scene, evaluate
from blink16.client.program.show import text_of
from blink16.mcp.desk import MAX_NOTES, Desk, DeskError, DeskMachine
from blink16.mcp.registry import tool
from blink16.mcp.telling import source_lines, where

MAX_ROWS = 200
MAX_BYTES = 1024


@tool()
def state(desk: Desk, machine: str = "") -> str:
    """Where the machine stands: address, instruction count, source line, registers, flags."""
    one = desk.machine(machine)
    return where(one, one.target.state())


@tool()
def frames(desk: Desk, machine: str = "", most: int = 20) -> str:
    """Who called whom, innermost first, with source lines."""
    one = desk.machine(machine)
    rows = []
    for line in one.target.frames(min(most, MAX_ROWS)):
        inside = line.address - (line.level > 0)  # of what called, not behind it
        span = one.program.line_at(inside)
        place = f"  {PureWindowsPath(span.file).name}:{span.line}" if span else ""
        name = one.target.name_of(inside) or line.name
        rows.append(f"#{line.level}  {line.cs:04X}:{line.ip:04X} {name}{place}")
    return "\n".join(rows)


@tool()
def variables(desk: Desk, machine: str = "", frame: int = 0) -> str:
    """Parameters and locals of a frame, and the program's global variables, as C shows them."""
    one = desk.machine(machine)

    async def read(target: AsyncTarget) -> str:
        scene = await one.scene(target, frame)
        function, local = scene.view.variables(one.program)
        rows = [f"in {function.name}:" if function else "no function is known here"]
        rows += [await _shown(scene, variable.name) for variable in local]
        rows.append("global:")
        names = dict.fromkeys(variable.name for variable, _ in one.program.globals)
        rows += [await _shown(scene, name) for name in list(names)[:MAX_ROWS]]
        return "\n".join(rows)

    return one.within(read)


async def _shown(scene: Scene, name: str) -> str:
    try:
        return f"  {name} = {text_of(await evaluate(name, scene))}"
    except ExpressionError as error:
        return f"  {name}: {error}"


@tool()
def evaluate_(desk: Desk, expression: str, machine: str = "", frame: int = 0) -> str:
    """Evaluate a C-like expression: variables, `where.x`, `*p`, registers (`$ax`), flags (`zf`),
    `word[ds, si+2]`, `byte[0x417]`, `1000:0015`, `&total`.
    """
    one = desk.machine(machine)

    async def read(target: AsyncTarget) -> str:
        value = await evaluate(expression, await one.scene(target, frame))
        return f"{text_of(value)}  ({value.type.name})"

    return one.within(read)


@tool()
def disassemble(desk: Desk, where: str = "", count: int = 12, machine: str = "") -> str:
    """Instructions from a place on (a symbol, COUNT.C:12, SEG:OFF, 0xLINEAR), by default from the
    next one, with names, source lines and your notes.
    """
    one = desk.machine(machine)
    start = one.place(where) if where else None
    rows, last = [], None
    for code in one.target.disassemble(start, max(1, min(count, MAX_ROWS))):
        span = one.program.line_at(code.address)
        if span is not None and (span.file, span.line) != last:
            last = span.file, span.line
            rows.append(f"; {PureWindowsPath(span.file).name}:{span.line}")
        note = f"   ; {one.notes[code.address]}" if code.address in one.notes else ""
        rows.append(f"{code}{note}")
    return "\n".join(rows)


@tool()
def source(desk: Desk, file: str, line: int = 1, count: int = 30, machine: str = "") -> str:
    """Lines of a source file of the program's, from a line on."""
    one = desk.machine(machine)
    for name in one.program.matching(file):
        text = source_lines(one, name)
        if text:
            first = max(1, line)
            part = text[first - 1 : first - 1 + min(count, MAX_ROWS)]
            return "\n".join(f"{number:5}  {row}" for number, row in enumerate(part, first))
    known = ", ".join(PureWindowsPath(name).name for name in one.program.files) or "none"
    raise DeskError(f"{file!r} is no source file of the program's that is there; known: {known}")


@tool()
def symbols(desk: Desk, pattern: str = "", machine: str = "") -> str:
    """Names that contain a text, with their linear addresses."""
    one = desk.machine(machine)
    found = [s for s in one.target.read_symbol_table() if pattern.lower() in s.name.lower()]
    rows = [f"{s.address:05X} {s.kind.value} {s.name}" for s in found[:MAX_ROWS]]
    if len(found) > MAX_ROWS:
        rows.append(f"… {len(found) - MAX_ROWS} more")
    return "\n".join(rows) or "there are none"


@tool()
def read_memory(desk: Desk, where: str, length: int = 64, machine: str = "") -> str:
    """Bytes from a place on, in hex and as characters."""
    one = desk.machine(machine)
    start = _data(one, where)
    data = one.target.read_memory(
        start, max(1, min(length, MAX_BYTES, one.target.memory_end() - start))
    )
    rows = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        rows.append(f"{start + at:05X}  {part.hex(' '):<47}  {text}")
    return "\n".join(rows)


@tool()
def find(desk: Desk, what: str, start: str = "0", machine: str = "") -> str:
    """Where bytes (in hex, like "cd 21") or a text (in quotes, like "'Hello'") stand first."""
    one = desk.machine(machine)
    text = what.strip()
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        pattern = text[1:-1].encode("cp437")
    else:
        pattern = bytes.fromhex(text)
    found = one.target.find(pattern, one.place(start))
    return "nowhere" if found is None else f"{found:05X} {one.target.name_of(found)}".rstrip()


@tool()
def annotate(desk: Desk, where: str, text: str, machine: str = "") -> str:
    """Write a note at an address; `state` and `disassemble` show it.  An empty text removes it."""
    one = desk.machine(machine)
    address = one.place(where)
    if not text:
        one.notes.pop(address, None)
    elif len(one.notes) >= MAX_NOTES:
        raise DeskError(f"there are {MAX_NOTES} notes already")
    else:
        one.notes[address] = text[:500]
    return notes(desk, machine)


@tool()
def notes(desk: Desk, machine: str = "") -> str:
    """List your notes."""
    one = desk.machine(machine)
    rows = (f"{a:05X} {one.target.name_of(a)}: {text}" for a, text in sorted(one.notes.items()))
    return "\n".join(rows) or "there are none"


def _data(machine: DeskMachine, where: str) -> int:
    """Return the address of data: a place, or else that of an expression's value."""
    try:
        return machine.target.address_of(where)
    except ValueError:
        return address_of_value(machine, where)[0]


def address_of_value(machine: DeskMachine, expression: str) -> tuple[int, int]:
    """Return the linear address and the size of an expression's place."""

    async def read(target: AsyncTarget) -> tuple[int, int]:
        value = await evaluate(expression, await machine.scene(target))
        if value.place is None or value.place.register:
            raise DeskError(f"{expression} is nowhere in memory")
        return value.place.address, max(1, len(value.data))

    return machine.within(read)
