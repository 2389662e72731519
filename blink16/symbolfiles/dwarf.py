"""What a toolchain told of a program, as DWARF: so gdb lists, steps and prints 16-bit code.

gdb knows neither near pointers nor BP as an offset in a segment, and it judges prologues by
32-bit rules.  So:

- Addresses are linear.  A local's is computed from the BP and SS of its frame; at a function's
  first instruction, where BP is still the caller's, a parameter's from SP.
- A variable that is a pointer is computed: its value is the linear address that it means, so that
  ``*p`` and ``p->x`` are right.  It can't be assigned to.  Pointers within structures and arrays
  are shown as the numbers that they are, of a type whose name says so; gdb refuses to follow them.
- A function's ranges begin behind its prologue, as its second line shows it: there gdb puts its
  breakpoints, if it trusts the compiler to say where variables are at any instruction (see
  `blink16.board.dwarf`).  The language is "assembler", so that gdb leaves its own rules alone.
- What comes back in DX:AX is not shown by `finish`, which looks for it in EAX.

Source: DWARF Debugging Information Format, version 4.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from construct import (
    Byte,
    CString,
    GreedyBytes,
    GreedyRange,
    Int8sl,
    Int8ul,
    Int16ul,
    Int32ul,
    NullTerminated,
    Prefixed,
    Struct,
    VarInt,
)

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import DebugInformation
from blink16.symbolfiles.toolchain import (
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    EnumerationType,
    Function,
    FunctionType,
    InRegister,
    LocalPlace,
    Member,
    PointerType,
    Scope,
    SourceLine,
    Static,
    StructureType,
    Toolchain,
    TypeId,
    TypeName,
    Unit,
    Variable,
)

PRODUCER = "GNU blink16 5.0"
"""gdb reads "GNU", a language, and the version of a GCC that tells all locations."""
DW_LANG_MIPS_ASSEMBLER = 0x8001
PARAGRAPH = 16
LINEAR_POINTER = 4
"""Bytes of a pointer that gdb can follow."""


class Tag(IntEnum):
    """DW_TAG_."""

    ARRAY = 0x01
    ENUMERATION = 0x04
    PARAMETER = 0x05
    BLOCK = 0x0B
    MEMBER = 0x0D
    POINTER = 0x0F
    UNIT = 0x11
    STRUCTURE = 0x13
    SUBROUTINE = 0x15
    TYPEDEF = 0x16
    UNION = 0x17
    SUBRANGE = 0x21
    BASE = 0x24
    ENUMERATOR = 0x28
    FUNCTION = 0x2E
    VARIABLE = 0x34


class At(IntEnum):
    """DW_AT_."""

    LOCATION = 0x02
    NAME = 0x03
    SIZE = 0x0B
    STATEMENTS = 0x10
    LOW_PC = 0x11
    HIGH_PC = 0x12
    LANGUAGE = 0x13
    FOLDER = 0x1B
    CONST_VALUE = 0x1C
    PRODUCER = 0x25
    UPPER_BOUND = 0x2F
    FILE = 0x3A
    LINE = 0x3B
    ENCODING = 0x3E
    EXTERNAL = 0x3F
    MEMBER_OFFSET = 0x38
    TYPE = 0x49
    RANGES = 0x55
    BIT_SIZE = 0x0D
    DATA_BIT_OFFSET = 0x6B


class Form(IntEnum):
    """DW_FORM_."""

    ADDRESS = 0x01
    DATA2 = 0x05
    DATA4 = 0x06
    STRING = 0x08
    DATA1 = 0x0B
    SDATA = 0x0D
    UDATA = 0x0F
    REFERENCE = 0x13
    SECTION_OFFSET = 0x17
    EXPRESSION = 0x18
    PRESENT = 0x19


class Op(IntEnum):
    """DW_OP_; the registers of what counts from them are added."""

    ADDRESS = 0x03
    CONST1U = 0x08
    CONST2U = 0x0A
    CONST2S = 0x0B
    CONST4U = 0x0C
    DUP = 0x12
    SWAP = 0x16
    AND = 0x1A
    PLUS = 0x22
    SHL = 0x24
    SHR = 0x25
    SKIP = 0x2F
    BRANCH = 0x28
    REG0 = 0x50
    BREG0 = 0x70
    BREGX = 0x92
    PIECE = 0x93
    DEREF_SIZE = 0x94
    STACK_VALUE = 0x9F


_ENCODINGS = {
    BaseEncoding.BOOLEAN: 0x02,
    BaseEncoding.FLOAT: 0x04,
    BaseEncoding.SIGNED: 0x05,
    BaseEncoding.SIGNED_CHARACTER: 0x06,
    BaseEncoding.UNSIGNED: 0x07,
    BaseEncoding.UNSIGNED_CHARACTER: 0x08,
}
_WORDS = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_REGISTERS = {name: number for number, name in enumerate(_WORDS)}
_SEGMENTS = {"es": 40, "cs": 41, "ss": 42, "ds": 43}
_HALVES = {"al": ("ax", 0), "cl": ("cx", 0), "dl": ("dx", 0), "bl": ("bx", 0)} | {
    "ah": ("ax", 8), "ch": ("cx", 8), "dh": ("dx", 8), "bh": ("bx", 8)
}  # fmt: skip
_NEAR_RETURN, _FAR_RETURN = 2, 4
_SAVED_BP = 2

ABBREVIATION = Struct(
    "code" / VarInt,
    "tag" / VarInt,
    "children" / Byte,
    "attributes"
    / NullTerminated(GreedyRange(Struct("name" / VarInt, "form" / VarInt)), term=bytes(2)),
)
UNIT = Prefixed(
    Int32ul,
    Struct(
        "version" / Int16ul,
        "abbreviations" / Int32ul,
        "address_size" / Byte,
        "entries" / GreedyBytes,
    ),
)
UNIT_HEADER_SIZE = 11
VERSION, LINES_VERSION = 4, 2
ADDRESS_SIZE = 4
LINES = Prefixed(
    Int32ul,
    Struct(
        "version" / Int16ul,
        "header"
        / Prefixed(
            Int32ul,
            Struct(
                "minimum_length" / Byte,
                "is_statement" / Byte,
                "line_base" / Int8sl,
                "line_range" / Byte,
                "opcode_base" / Byte,
                "lengths" / Byte[9],
                "folders" / Byte,
                "files" / GreedyBytes,
            ),
        ),
        "program" / GreedyBytes,
    ),
)
FILE = Struct("name" / CString("utf-8"), "folder" / VarInt, "time" / VarInt, "size" / VarInt)
_OPCODE_LENGTHS = (0, 1, 1, 1, 1, 0, 0, 0, 1)
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE = 1, 2, 3, 4
_SET_ADDRESS = b"\x00\x05\x02"
_END_OF_SEQUENCE = b"\x00\x01\x01"


@dataclass
class DebugEntry:
    """A debugging information entry; a reference is another entry."""

    tag: Tag
    attributes: list[tuple[At, Form, object]] = field(default_factory=list)
    children: list[DebugEntry] = field(default_factory=list)
    offset: int = 0
    """Where it stands in its unit."""

    def add(self, name: At, form: Form, value: object) -> None:
        """Give it an attribute."""
        self.attributes.append((name, form, value))


def convert(told: Toolchain, image: int, folder: str = "") -> DebugInformation:
    """Return what was told about a program whose image lies at a linear address.

    ``folder``: where the source files are, as gdb is to look for them.
    """
    sections = _Sections()
    near = _near_data(told)
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


@dataclass(frozen=True, slots=True)
class _NearData:
    """What near pointers point into."""

    segment: int | None
    """The paragraph of the image that most variables' offsets count from."""
    without_null: frozenset[int]
    """Those that have a variable at offset 0, to which a pointer is not null."""


def _near_data(told: Toolchain) -> _NearData:
    variables = (variable for unit in told.units for variable in unit.variables)
    places = [v.place for v in variables if isinstance(v.place, Static)]
    segments = [place.segment for place in places]
    most = max(sorted(set(segments)), key=segments.count, default=None)
    at_start = (place.segment for place in places if place.address == place.segment * PARAGRAPH)
    return _NearData(most, frozenset(at_start))


@dataclass
class _Sections:
    """Sections that grow unit by unit."""

    info: bytearray = field(default_factory=bytearray)
    lines: bytearray = field(default_factory=bytearray)
    ranges: bytearray = field(default_factory=bytearray)
    locations: bytearray = field(default_factory=bytearray)
    shapes: dict[tuple[Tag, bool, tuple[tuple[At, Form], ...]], int] = field(default_factory=dict)
    """Abbreviations' codes by what they stand for."""
    bodies: list[tuple[int, int]] = field(default_factory=list)
    """See `DebugInformation`."""

    def contents(self) -> tuple[tuple[str, bytes], ...]:
        """Return the sections by name."""
        return (
            (".debug_info", bytes(self.info)),
            (".debug_abbrev", self._abbreviations()),
            (".debug_line", bytes(self.lines)),
            (".debug_ranges", bytes(self.ranges)),
            (".debug_loc", bytes(self.locations)),
        )

    def _abbreviations(self) -> bytes:
        rows = (
            {
                "code": code,
                "tag": tag,
                "children": children,
                "attributes": [{"name": name, "form": form} for name, form in attributes],
            }
            for (tag, children, attributes), code in self.shapes.items()
        )
        return b"".join(map(ABBREVIATION.build, rows)) + b"\0"

    def add_ranges(self, spans: Iterable[range]) -> int:
        """Add a list of ranges; return where it begins."""
        at = len(self.ranges)
        for span in spans:
            self.ranges += Int32ul.build(span.start) + Int32ul.build(span.stop)
        self.ranges += bytes(8)
        return at

    def add_locations(self, places: Iterable[tuple[range, bytes]], base: int) -> int:
        """Add a list of locations, which count from the unit's base; return where it begins."""
        at = len(self.locations)
        for span, expression in places:
            self.locations += Int32ul.build(span.start - base) + Int32ul.build(span.stop - base)
            self.locations += Int16ul.build(len(expression)) + expression
        self.locations += bytes(8)
        return at

    def write(self, root: DebugEntry) -> None:
        """Add a unit: first the places of its entries, then their contents."""
        self._place(root, UNIT_HEADER_SIZE)
        entries = bytearray()
        self._put(root, entries)
        fields = {"version": VERSION, "abbreviations": 0, "address_size": ADDRESS_SIZE}
        self.info += UNIT.build(fields | {"entries": bytes(entries)})

    def _place(self, entry: DebugEntry, at: int) -> int:
        entry.offset = at
        at += len(VarInt.build(self._code(entry)))
        at += sum(len(_value(form, value, entry)) for _, form, value in entry.attributes)
        for child in entry.children:
            at = self._place(child, at)
        return at + bool(entry.children)

    def _put(self, entry: DebugEntry, into: bytearray) -> None:
        into += VarInt.build(self._code(entry))
        for _, form, value in entry.attributes:
            into += _value(form, value, entry)
        for child in entry.children:
            self._put(child, into)
        if entry.children:
            into += b"\0"

    def _code(self, entry: DebugEntry) -> int:
        attributes = tuple((name, form) for name, form, _ in entry.attributes)
        shape = entry.tag, bool(entry.children), attributes
        return self.shapes.setdefault(shape, len(self.shapes) + 1)


_FIXED = {
    Form.ADDRESS: Int32ul,
    Form.DATA1: Int8ul,
    Form.DATA2: Int16ul,
    Form.DATA4: Int32ul,
    Form.SECTION_OFFSET: Int32ul,
}


def _value(form: Form, value: object, entry: DebugEntry) -> bytes:
    """Return an attribute's value as it stands in .debug_info."""
    if form in _FIXED:
        return bytes(_FIXED[form].build(value))
    match form, value:
        case Form.REFERENCE, DebugEntry():
            return bytes(Int32ul.build(value.offset))
        case Form.STRING, str():
            return value.encode("utf-8").replace(b"\0", b"?") + b"\0"
        case Form.UDATA, int():
            return bytes(VarInt.build(max(value, 0)))
        case Form.SDATA, int():
            return _signed(value)
        case Form.EXPRESSION, bytes():
            return bytes(VarInt.build(len(value))) + value
    return b""


def _uint32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _signed(value: int) -> bytes:
    """Return a number as SLEB128."""
    out = bytearray()
    while True:
        part, value = value & 0x7F, value >> 7
        done = value == -(part >> 6)
        out.append(part if done else part | 0x80)
        if done:
            return bytes(out)


# -- units -----------------------------------------------------------------------------------


class _Unit:
    """One unit's entries."""

    def __init__(self, unit: Unit, image: int, near: _NearData, sections: _Sections) -> None:
        self._unit = unit
        self._image = image
        self._near = near
        self._sections = sections
        self._root = DebugEntry(Tag.UNIT)
        self._files = list(dict.fromkeys([unit.name, *(line.file for line in unit.lines)]))
        self._lines = [line for line in unit.lines if 0 <= line.address < MEMORY_SIZE - image]
        self._first = {line.address: line for line in reversed(self._lines)}
        self._line_starts = sorted(self._first)
        self._types = _TypeEntries(unit.types or {}, self._root)

    def write(self, folder: str) -> None:
        """Put the unit into the sections."""
        unit, root, sections = self._unit, self._root, self._sections
        root.add(At.PRODUCER, Form.STRING, PRODUCER)
        root.add(At.NAME, Form.STRING, unit.name)
        if folder:
            root.add(At.FOLDER, Form.STRING, folder)
        root.add(At.LANGUAGE, Form.DATA2, DW_LANG_MIPS_ASSEMBLER)
        root.add(At.LOW_PC, Form.ADDRESS, 0)  # what ranges and locations count from
        root.add(At.RANGES, Form.SECTION_OFFSET, sections.add_ranges(map(self._moved, unit.code)))
        if self._lines:
            root.add(At.STATEMENTS, Form.SECTION_OFFSET, len(sections.lines))
            sections.lines += _line_table(self._files, self._lines, unit.code, self._image)
        for function in unit.functions:
            root.children.append(self._function(function))
        for variable in unit.variables:
            root.children.append(self._variable(variable, None))
        if not unit.functions:
            root.children.append(self._list_of_locations())
        sections.write(root)

    def _moved(self, span: range) -> range:
        return range(self._image + span.start, min(self._image + span.stop, MEMORY_SIZE))

    def _list_of_locations(self) -> DebugEntry:
        """Return a variable that nobody sees, for gdb to find a list of locations in the unit."""
        block = DebugEntry(Tag.BLOCK)
        block.add(At.LOW_PC, Form.ADDRESS, MEMORY_SIZE)
        block.add(At.HIGH_PC, Form.DATA4, 1)
        hidden = DebugEntry(Tag.VARIABLE)
        hidden.add(At.NAME, Form.STRING, "blink16")
        hidden.add(At.LOCATION, Form.SECTION_OFFSET, self._sections.add_locations((), 0))
        block.children.append(hidden)
        function = DebugEntry(Tag.FUNCTION)
        function.add(At.NAME, Form.STRING, "blink16")
        function.add(At.LOW_PC, Form.ADDRESS, MEMORY_SIZE)
        function.add(At.HIGH_PC, Form.DATA4, 1)
        function.children.append(block)
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
            first = _in_stack("sp", place.offset - _SAVED_BP)
            yield (
                range(frame.span.start, frame.span.start + 1),
                first + self._pointer(pointer, None),
            )
        where = _in_stack("bp", place.offset)
        yield range(frame.body, frame.span.stop), where + self._pointer(pointer, None)

    def _location(self, variable: Variable, pointer: PointerType | None) -> bytes:
        match variable.place:
            case Static(address, segment):
                where = bytes([Op.ADDRESS]) + _uint32(self._image + address)
                return where + self._pointer(pointer, segment)
            case LocalPlace(offset):
                return _in_stack("bp", offset) + self._pointer(pointer, None)
            case InRegister(name):
                return self._register(name, pointer)

    def _register(self, name: str, pointer: PointerType | None) -> bytes:
        if pointer is not None and not pointer.far and name in _REGISTERS:
            return _word(name) + self._near_to_linear(None) + bytes([Op.STACK_VALUE])
        if ":" in name:
            parts = reversed(name.split(":"))
            return b"".join(
                bytes([Op.REG0 + _REGISTERS[part], Op.PIECE, 2]) if part in _REGISTERS
                else bytes([Op.PIECE, 2])
                for part in parts
            )  # fmt: skip
        if name in _HALVES:
            whole, shift = _HALVES[name]
            return _word(whole) + bytes(
                [Op.CONST1U, shift, Op.SHR, Op.CONST1U, 0xFF, Op.AND, Op.STACK_VALUE]
            )
        if name in _SEGMENTS:
            return _register(name) + bytes([Op.STACK_VALUE])
        return bytes([Op.REG0 + _REGISTERS.get(name, 0)])

    def _pointer(self, pointer: PointerType | None, segment: int | None) -> bytes:
        """Return what makes the address of a pointer into the linear address that it means."""
        if pointer is None:
            return b""
        if pointer.far:
            return bytes([Op.DEREF_SIZE, 4]) + _FAR_TO_LINEAR
        value = bytes([Op.DEREF_SIZE, 2])
        return value + self._near_to_linear(segment) + bytes([Op.STACK_VALUE])

    def _near_to_linear(self, segment: int | None) -> bytes:
        """Return what adds the data segment to an offset; a null pointer stays null.

        Unless something of the program's own lies at the segment's start.
        """
        if segment is None:
            segment = self._near.segment
        if segment is None:
            add = _register("ds") + bytes([Op.CONST1U, 4, Op.SHL, Op.PLUS])
        else:
            linear = self._image + segment * PARAGRAPH
            add = bytes([Op.CONST4U]) + _uint32(linear) + bytes([Op.PLUS])
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


_OFFSET = bytes([Op.CONST2U, 0xFF, 0xFF, Op.AND])
_FAR_TO_LINEAR = (
    bytes([Op.DUP])
    + _OFFSET
    + bytes([Op.SWAP, Op.CONST1U, 16, Op.SHR, Op.CONST1U, 4, Op.SHL, Op.PLUS, Op.STACK_VALUE])
)


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


def _register(name: str) -> bytes:
    """Return the value of a register."""
    if name in _SEGMENTS:
        return bytes([Op.BREGX, _SEGMENTS[name], 0])
    return bytes([Op.BREG0 + _REGISTERS[name], 0])


_STACK_POINTER_IS_LINEAR = "sp"
"""Our esp is linear, ss*16+sp; all other registers are as the 8086 has them."""


def _word(name: str) -> bytes:
    return _register(name) + _OFFSET


def _in_stack(base: str, offset: int) -> bytes:
    """Return the linear address of an offset from BP, or from SP, which is linear already."""
    if base == _STACK_POINTER_IS_LINEAR:
        return bytes([Op.BREG0 + _REGISTERS[base]]) + _signed(offset)
    at = bytes([Op.BREG0 + _REGISTERS[base]]) + _signed(offset)
    segment = _register("ss") + bytes([Op.CONST1U, 4, Op.SHL, Op.PLUS])
    return at + _OFFSET + segment


# -- types -----------------------------------------------------------------------------------


class _TypeEntries:
    """The entries of types, made when they are first named."""

    def __init__(self, types: Mapping[TypeId, DataType], root: DebugEntry) -> None:
        self._types = types
        self._root = root
        self._plain: dict[TypeId, DebugEntry] = {}
        self._pointers: dict[TypeId, DebugEntry] = {}
        self._names: dict[str, DebugEntry] = {}

    def resolved(self, number: TypeId) -> DataType | None:
        """Return a type, through typedefs."""
        for _ in range(len(self._types) + 1):
            described = self._types.get(number)
            if not isinstance(described, TypeName):
                return described
            number = described.target
        return None

    def variable(self, number: TypeId) -> DebugEntry | None:
        """Return the type of a variable: a pointer that can be followed, if it is one."""
        described = self.resolved(number)
        if isinstance(described, PointerType):
            return self._pointer(described.target)
        return self.stored(number)

    def result(self, number: TypeId) -> DebugEntry | None:
        """Return the type of what a function returns, None where gdb can't find it."""
        described = self.resolved(number)
        if self._size(number) <= 2 and not isinstance(described, StructureType):
            return self.stored(number)
        name = f"{self._name(number)} in dx:ax"
        return self._named(name, None) if described is not None else None

    def stored(self, number: TypeId) -> DebugEntry | None:
        """Return the type of something that lies in memory."""
        if number in self._plain:
            return self._plain[number]
        described = self._types.get(number)
        if described is None:
            return None
        if isinstance(described, PointerType):
            return self._named(self._name(number), 4 if described.far else 2)
        if isinstance(described, FunctionType):
            entry = DebugEntry(Tag.SUBROUTINE)
            self._keep(number, entry)
            return entry
        return self._made(number, described)

    def _keep(self, number: TypeId, entry: DebugEntry) -> None:
        self._plain[number] = entry
        self._root.children.append(entry)

    def _made(self, number: TypeId, described: DataType) -> DebugEntry:
        match described:
            case BaseType(name, size, encoding):
                entry = DebugEntry(Tag.BASE)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.add(At.ENCODING, Form.DATA1, _ENCODINGS[encoding])
            case ArrayType(element, size):
                entry = DebugEntry(Tag.ARRAY)
                self._keep(number, entry)
                self._refer(entry, element)
                bound, each = DebugEntry(Tag.SUBRANGE), self._size(element)
                if each:
                    bound.add(At.UPPER_BOUND, Form.SDATA, size // each - 1)
                entry.children.append(bound)
            case StructureType(name, size, members, union):
                entry = DebugEntry(Tag.UNION if union else Tag.STRUCTURE)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.children = [self._member(member) for member in members]
            case EnumerationType(name, size, values):
                entry = DebugEntry(Tag.ENUMERATION)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.children = [_enumerator(*value) for value in values]
            case TypeName(name, target):
                entry = DebugEntry(Tag.TYPEDEF)
                self._keep(number, entry)
                entry.add(At.NAME, Form.STRING, name)
                self._refer(entry, target)
            case _:
                raise TypeError(described)
        return entry

    def _member(self, member: Member) -> DebugEntry:
        entry = DebugEntry(Tag.MEMBER)
        entry.add(At.NAME, Form.STRING, member.name)
        self._refer(entry, member.type)
        if member.bits:
            entry.add(At.BIT_SIZE, Form.UDATA, member.bits)
            entry.add(At.DATA_BIT_OFFSET, Form.UDATA, member.offset * 8 + member.bit_offset)
        else:
            entry.add(At.MEMBER_OFFSET, Form.UDATA, member.offset)
        return entry

    def _refer(self, entry: DebugEntry, number: TypeId) -> None:
        target = self.stored(number)
        if target is not None:
            entry.add(At.TYPE, Form.REFERENCE, target)

    def _pointer(self, target: TypeId) -> DebugEntry:
        if target not in self._pointers:
            entry = self._pointers[target] = DebugEntry(Tag.POINTER)
            self._root.children.append(entry)
            entry.add(At.SIZE, Form.DATA1, LINEAR_POINTER)
            self._refer(entry, target)
        return self._pointers[target]

    def _named(self, name: str, size: int | None) -> DebugEntry:
        """Return a number under a name that says what it means, or nothing under such a name."""
        if name not in self._names:
            entry = self._names[name] = DebugEntry(Tag.TYPEDEF)
            self._root.children.append(entry)
            entry.add(At.NAME, Form.STRING, name)
            if size is not None:
                number = DebugEntry(Tag.BASE)
                _head(number, f"{name} as a number", size)
                number.add(At.ENCODING, Form.DATA1, _ENCODINGS[BaseEncoding.UNSIGNED])
                self._root.children.append(number)
                entry.add(At.TYPE, Form.REFERENCE, number)
        return self._names[name]

    def _name(self, number: TypeId, depth: int = 0) -> str:
        described = self._types.get(number)
        if depth > 8:
            return "?"
        match described:
            case BaseType(name) | TypeName(name):
                return name
            case StructureType(name, _, _, union):
                return f"{'union' if union else 'struct'} {name}"
            case EnumerationType(name):
                return f"enum {name}"
            case PointerType(target, far):
                return f"{self._name(target, depth + 1)} {'far' if far else 'near'} *"
            case ArrayType(element):
                return f"{self._name(element, depth + 1)} []"
            case FunctionType(result):
                return f"{self._name(result, depth + 1)} ()"
        return "void"

    def _size(self, number: TypeId) -> int:
        match self.resolved(number):
            case BaseType(_, size) | EnumerationType(_, size):
                return size
            case ArrayType(_, size) | StructureType(_, size):
                return size
            case PointerType(_, far):
                return 4 if far else 2
        return 0


def _head(entry: DebugEntry, name: str, size: int) -> None:
    if name:
        entry.add(At.NAME, Form.STRING, name)
    entry.add(At.SIZE, Form.UDATA, size)


def _enumerator(name: str, value: int) -> DebugEntry:
    entry = DebugEntry(Tag.ENUMERATOR)
    entry.add(At.NAME, Form.STRING, name)
    entry.add(At.CONST_VALUE, Form.SDATA, value)
    return entry


# -- lines -----------------------------------------------------------------------------------


def _line_table(
    files: Sequence[str], lines: Sequence[SourceLine], code: Iterable[range], image: int
) -> bytes:
    """Return a unit's part of .debug_line: a sequence for each stretch of its code."""
    program, numbers = bytearray(), {file: number for number, file in enumerate(files, 1)}
    starts = [line.address for line in lines]
    for span in code:
        inside = lines[bisect_left(starts, span.start) : bisect_left(starts, span.stop)]
        if inside:
            program += _sequence(numbers, inside, min(span.stop, MEMORY_SIZE - image), image)
    names = b"".join(FILE.build({"name": f, "folder": 0, "time": 0, "size": 0}) for f in files)
    header = {
        "minimum_length": 1,
        "is_statement": 1,
        "line_base": -1,
        "line_range": 1,
        "opcode_base": len(_OPCODE_LENGTHS) + 1,
        "lengths": list(_OPCODE_LENGTHS),
        "folders": 0,
        "files": names + b"\0",
    }
    return bytes(
        LINES.build({"version": LINES_VERSION, "header": header, "program": bytes(program)})
    )


def _sequence(files: Mapping[str, int], lines: Iterable[SourceLine], end: int, image: int) -> bytes:
    program = bytearray()
    address, number, file = None, 1, 1
    for line in lines:
        if address is None:
            program += _SET_ADDRESS + Int32ul.build(image + line.address)
        else:
            program += bytes([_ADVANCE_PC]) + VarInt.build(line.address - address)
        address = line.address
        if (index := files[line.file]) != file:
            program += bytes([_SET_FILE]) + VarInt.build(index)
            file = index
        program += bytes([_ADVANCE_LINE]) + _signed(line.number - number) + bytes([_COPY])
        number = line.number
    if address is not None:
        program += bytes([_ADVANCE_PC]) + VarInt.build(max(end - address, 0))
    return bytes(program + _END_OF_SEQUENCE)
