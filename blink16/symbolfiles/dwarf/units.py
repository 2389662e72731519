"""Units as entries: functions, their scopes and variables."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from blink16.memory import MEMORY_SIZE, PARAGRAPH, RAM_SIZE
from blink16.symbolfiles.dwarf.entries import DebugEntry, Sections, uint32
from blink16.symbolfiles.dwarf.lines import line_table
from blink16.symbolfiles.dwarf.places import (
    FAR_TO_LINEAR,
    HALVES,
    REGISTERS,
    SAVED_BP,
    SEGMENTS,
    NearData,
    in_stack,
    near_data,
    register,
    word,
)
from blink16.symbolfiles.dwarf.types import TypeEntries
from blink16.symbolfiles.dwarf_names import DW_LANG_MIPS_ASSEMBLER, PRODUCER, At, Form, Op, Tag
from blink16.symbolfiles.source import DebugInformation
from blink16.symbolfiles.toolchain import (
    Function,
    FunctionType,
    InRegister,
    LocalPlace,
    PointerType,
    Scope,
    Static,
    Toolchain,
    Unit,
    Variable,
)


def convert(told: Toolchain, image: int, folder: str = "") -> DebugInformation:
    """Return what was told about a program whose image lies at a linear address.

    ``folder``: where the source files are, as gdb is to look for them.
    """
    sections = Sections()
    near = near_data(told)
    for unit in told.units:
        if unit.lines or unit.functions or unit.variables:
            _Unit(unit, image, near, sections).write(folder)
    spans = {
        range(image + span.start, min(image + span.stop, MEMORY_SIZE))
        for unit in told.units
        if unit.lines or unit.functions
        for span in unit.code
    }
    code = tuple(sorted(spans, key=lambda span: span.start))
    return DebugInformation(sections.contents(), code, tuple(sorted(sections.bodies)))


class _Unit:
    """One unit's entries."""

    def __init__(self, unit: Unit, image: int, near: NearData, sections: Sections) -> None:
        self._unit = unit
        self._image = image
        self._near = near
        self._sections = sections
        self._root = DebugEntry(Tag.UNIT)
        self._files = list(dict.fromkeys([unit.name, *(line.file for line in unit.lines)]))
        self._lines = [line for line in unit.lines if 0 <= line.address < MEMORY_SIZE - image]
        self._first = {line.address: line for line in reversed(self._lines)}
        self._line_starts = sorted(self._first)
        self._types = TypeEntries(unit.types or {}, self._root)

    def write(self, folder: str) -> None:
        """Put the unit into the sections."""
        unit, root, sections = self._unit, self._root, self._sections
        lists = len(sections.locations)
        root.add(At.PRODUCER, Form.STRING, PRODUCER)
        root.add(At.NAME, Form.STRING, unit.name)
        if folder:
            root.add(At.FOLDER, Form.STRING, folder)
        root.add(At.LANGUAGE, Form.DATA2, DW_LANG_MIPS_ASSEMBLER)
        root.add(At.LOW_PC, Form.ADDRESS, 0)  # what ranges and locations count from
        root.add(At.RANGES, Form.SECTION_OFFSET, sections.add_ranges(map(self._moved, unit.code)))
        if self._lines:
            root.add(At.STATEMENTS, Form.SECTION_OFFSET, len(sections.lines))
            sections.lines += line_table(self._files, self._lines, unit.code, self._image)
        functions = [self._function(function) for function in unit.functions]
        variables = [self._variable(variable, None) for variable in unit.variables]
        if len(sections.locations) == lists:
            functions = functions or [self._hidden_function()]
            functions[0].children.append(self._list_of_locations())
        root.children += functions + variables
        sections.write(root)

    def _moved(self, span: range) -> range:
        return range(self._image + span.start, min(self._image + span.stop, MEMORY_SIZE))

    def _list_of_locations(self) -> DebugEntry:
        """Return a block with a variable that nobody sees.

        Where a unit has no list of locations gdb looks for a 32-bit prologue (see the board's).
        """
        block = DebugEntry(Tag.BLOCK)
        block.add(At.LOW_PC, Form.ADDRESS, RAM_SIZE)
        block.add(At.HIGH_PC, Form.DATA4, 1)
        hidden = DebugEntry(Tag.VARIABLE)
        hidden.add(At.NAME, Form.STRING, "blink16")
        hidden.add(At.LOCATION, Form.SECTION_OFFSET, self._sections.add_locations((), 0))
        block.children.append(hidden)
        return block

    def _hidden_function(self) -> DebugEntry:
        """Return a function that lies above memory."""
        function = DebugEntry(Tag.FUNCTION)
        function.add(At.NAME, Form.STRING, "blink16")
        function.add(At.LOW_PC, Form.ADDRESS, RAM_SIZE)
        function.add(At.HIGH_PC, Form.DATA4, 1)
        return function

    def _function(self, function: Function) -> DebugEntry:
        span = self._moved(function.scope.span)
        body = self._body(function, span)
        entry = DebugEntry(Tag.FUNCTION)
        entry.add(At.NAME, Form.STRING, function.name)
        entry.add(At.EXTERNAL, Form.PRESENT, True)
        line = self._first.get(function.scope.span.start)
        if line is not None:
            entry.add(At.FILE, Form.UDATA, self._files.index(line.file) + 1)
            entry.add(At.LINE, Form.UDATA, line.number)
        described = (self._unit.types or {}).get(function.type)
        if isinstance(described, FunctionType):
            result = self._types.result(described.result)
            if result is not None:
                entry.add(At.TYPE, Form.REFERENCE, result)
        if body == span.start:
            entry.add(At.LOW_PC, Form.ADDRESS, span.start)
            entry.add(At.HIGH_PC, Form.DATA4, len(span))
        else:
            self._sections.bodies.append((span.start, body))
            pieces = range(body, span.stop), range(span.start, body)
            entry.add(At.RANGES, Form.SECTION_OFFSET, self._sections.add_ranges(pieces))
        shown = _Frame(span, body, function.far)
        parameters, rest = _all_parameters(function.scope)
        entry.children = [self._variable(one, shown) for one in parameters]
        entry.children += self._scope(rest, shown)
        return entry

    def _body(self, function: Function, span: range) -> int:
        """Return where a function's second line begins, if its first is a prologue."""
        first = function.scope.span.start
        at = bisect_right(self._line_starts, first)
        framed = bool(function.scope.scopes) or any(
            isinstance(variable.place, LocalPlace) for variable in function.scope.variables
        )
        if not framed or first not in self._first or at == len(self._line_starts):
            return span.start
        second = self._line_starts[at] + self._image
        return second if second < span.stop else span.start

    def _scope(self, scope: Scope, frame: _Frame) -> list[DebugEntry]:
        entries = [self._variable(variable, frame) for variable in scope.variables]
        for inner in scope.scopes:
            block = DebugEntry(Tag.BLOCK)
            span = self._moved(inner.span)
            block.add(At.LOW_PC, Form.ADDRESS, span.start)
            block.add(At.HIGH_PC, Form.DATA4, len(span))
            block.children = self._scope(inner, frame)
            entries.append(block)
        return entries

    def _variable(self, variable: Variable, frame: _Frame | None) -> DebugEntry:
        entry = DebugEntry(Tag.PARAMETER if variable.parameter and frame else Tag.VARIABLE)
        entry.add(At.NAME, Form.STRING, variable.name)
        described = self._types.resolved(variable.type)
        pointer = described if isinstance(described, PointerType) else None
        kind = self._types.variable(variable.type)
        if kind is not None:
            entry.add(At.TYPE, Form.REFERENCE, kind)
        if frame is None:
            entry.add(At.EXTERNAL, Form.PRESENT, True)
        if variable.parameter and frame is not None and isinstance(variable.place, LocalPlace):
            places = self._parameter(variable.place, frame, pointer)
            at = self._sections.add_locations(places, 0)
            entry.add(At.LOCATION, Form.SECTION_OFFSET, at)
        else:
            entry.add(At.LOCATION, Form.EXPRESSION, self._location(variable, pointer))
        return entry

    def _parameter(
        self, place: LocalPlace, frame: _Frame, pointer: PointerType | None
    ) -> Iterator[tuple[range, bytes]]:
        """Yield where a parameter is at a function's first instruction, and in its body."""
        if frame.body > frame.span.start:
            first = in_stack("sp", place.offset - SAVED_BP)
            yield (
                range(frame.span.start, frame.span.start + 1),
                first + self._pointer(pointer, None),
            )
        where = in_stack("bp", place.offset)
        yield range(frame.body, frame.span.stop), where + self._pointer(pointer, None)

    def _location(self, variable: Variable, pointer: PointerType | None) -> bytes:
        match variable.place:
            case Static(address, segment):
                where = bytes([Op.ADDRESS]) + uint32(self._image + address)
                return where + self._pointer(pointer, segment)
            case LocalPlace(offset):
                return in_stack("bp", offset) + self._pointer(pointer, None)
            case InRegister(name):
                return self._register(name, pointer)

    def _register(self, name: str, pointer: PointerType | None) -> bytes:
        if pointer is not None and not pointer.far and name in REGISTERS:
            return word(name) + self._near_to_linear(None) + bytes([Op.STACK_VALUE])
        if ":" in name:
            parts = reversed(name.split(":"))
            return b"".join(
                bytes([Op.REG0 + REGISTERS[part], Op.PIECE, 2]) if part in REGISTERS
                else bytes([Op.PIECE, 2])
                for part in parts
            )  # fmt: skip
        if name in HALVES:
            whole, shift = HALVES[name]
            return word(whole) + bytes(
                [Op.CONST1U, shift, Op.SHR, Op.CONST1U, 0xFF, Op.AND, Op.STACK_VALUE]
            )
        if name in SEGMENTS:
            return register(name) + bytes([Op.STACK_VALUE])
        return bytes([Op.REG0 + REGISTERS.get(name, 0)])

    def _pointer(self, pointer: PointerType | None, segment: int | None) -> bytes:
        """Return what makes the address of a pointer into the linear address that it means."""
        if pointer is None:
            return b""
        if pointer.far:
            return bytes([Op.DEREF_SIZE, 4]) + FAR_TO_LINEAR
        value = bytes([Op.DEREF_SIZE, 2])
        return value + self._near_to_linear(segment) + bytes([Op.STACK_VALUE])

    def _near_to_linear(self, segment: int | None) -> bytes:
        """Return what adds the data segment to an offset; a null pointer stays null.

        Unless something of the program's own lies at the segment's start.
        """
        if segment is None:
            segment = self._near.segment
        if segment is None:
            add = register("ds") + bytes([Op.CONST1U, 4, Op.SHL, Op.PLUS])
        else:
            linear = self._image + segment * PARAGRAPH
            add = bytes([Op.CONST4U]) + uint32(linear) + bytes([Op.PLUS])
        if segment in self._near.without_null:
            return add
        skip = bytes([Op.SKIP]) + len(add).to_bytes(2, "little")
        return bytes([Op.DUP, Op.BRANCH]) + len(skip).to_bytes(2, "little") + skip + add


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a function is, and where its frame is set up."""

    span: range
    body: int
    far: bool


def _all_parameters(scope: Scope) -> tuple[list[Variable], Scope]:
    """Return the parameters, wherever their compiler put them, and the scope without them."""
    own = [variable for variable in scope.variables if variable.parameter]
    rest = tuple(variable for variable in scope.variables if not variable.parameter)
    inner = []
    for block in scope.scopes:
        if block is scope.scopes[0]:
            more, block = _all_parameters(block)
            own += more
        inner.append(block)
    return own, Scope(scope.span, rest, tuple(inner))
