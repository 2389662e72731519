"""What debugging information says of a program: units, lines, functions, variables, types.

`SourcesReport` lists the units, `UnitReport` is one of them.  All addresses are linear.  A unit
keeps its number as long as the program is loaded; others may come behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from blink16.memory import PARAGRAPH
from blink16.reports.look import Look
from blink16.reports.registry import NoQuery, ReportError, report
from blink16.symbolfiles.source import DebugInformation, SymbolFileError
from blink16.symbolfiles.toolchain import (
    ArrayType,
    BaseType,
    DataType,
    EnumerationType,
    Function,
    FunctionType,
    InRegister,
    LocalPlace,
    Scope,
    Static,
    StructureType,
    Toolchain,
    TypeName,
    Unit,
    Variable,
)

MAX_UNITS = 10_000


@dataclass(frozen=True, slots=True)
class SourceUnit:
    """What was compiled or assembled at once, in the list of all."""

    number: int
    name: str
    """Of its source file, as the tool was given it."""
    language: str
    folder: str
    """The folder of the server's host in which its files are looked for; may be empty."""
    spans: tuple[tuple[int, int], ...]
    """Its code: first addresses, and those behind the last."""


@dataclass(frozen=True, slots=True)
class SourcesReport:
    """The units of a program."""

    units: tuple[SourceUnit, ...]
    trouble: tuple[str, ...] = ()
    """What could not be read, and why."""


@dataclass(frozen=True, slots=True)
class UnitQuery:
    """Which unit, by its number in the list."""

    number: int


@dataclass(frozen=True, slots=True)
class VariableFacts:
    """A variable or parameter."""

    name: str
    type: int
    """The number of its type in the unit; -1 if it has none."""
    parameter: bool = False
    address: int | None = None
    """Where it lies, if that is a fixed place."""
    segment: int = 0
    """The segment that near pointers in a fixed place count from."""
    offset: int | None = None
    """Where it lies from BP, if it is in the frame."""
    register: str = ""
    """Which register it is, like ``si`` or ``dx:ax``."""


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """A block with variables of its own."""

    start: int
    stop: int
    variables: tuple[VariableFacts, ...]
    scopes: tuple[ScopeFacts, ...]


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function; its parameters and locals are in ``scope``."""

    name: str
    far: bool
    result: int
    """The number of the type that it returns; -1 for none."""
    scope: ScopeFacts


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """A member of a structure or union, or a value of an enumeration (``offset``)."""

    name: str
    type: int
    offset: int
    bits: int = 0
    """The width of a bit field."""
    bit_offset: int = 0


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """A type."""

    kind: str
    """``base``, ``pointer``, ``array``, ``struct``, ``union``, ``enum``, ``function``,
    ``typedef``."""
    name: str = ""
    size: int = 0
    target: int = -1
    """What is pointed to, an array's element, a function's result, what a typedef names."""
    far: bool = False
    encoding: str = ""
    """Of a base type: ``signed``, ``unsigned``, ``signed character``, ``float``…"""
    members: tuple[MemberFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitReport:
    """A unit, whole."""

    number: int
    files: tuple[str, ...]
    lines: tuple[tuple[int, int, int], ...]
    """Addresses in ascending order, each with the place of its file in ``files`` and its line."""
    functions: tuple[FunctionFacts, ...]
    variables: tuple[VariableFacts, ...]
    types: dict[int, TypeFacts]


@report("sources", computes=True)
def sources(look: Look, query: NoQuery) -> SourcesReport:
    """The units that debugging information tells of."""
    found, trouble = [], []
    number = 0
    for debug in _all(look):
        try:
            told, image = _told(debug)
        except SymbolFileError as error:
            trouble.append(str(error))
            continue
        for unit in told.units:
            if unit.lines or unit.functions or unit.variables:
                spans = tuple((image + span.start, image + span.stop) for span in unit.code)
                language = unit.language.value
                found.append(SourceUnit(number, unit.name, language, debug.folder, spans))
            number += 1
    return SourcesReport(tuple(found[:MAX_UNITS]), tuple(trouble))


@report("unit", computes=True)
def unit_report(look: Look, query: UnitQuery) -> UnitReport:
    """A unit: its lines, functions, variables and types."""
    number = query.number
    for debug in _all(look):
        try:
            told, image = _told(debug)
        except SymbolFileError:
            continue
        if 0 <= number < len(told.units):
            return _facts(told.units[number], query.number, image)
        number -= len(told.units)
    raise ReportError(f"there is no unit {query.number}")


def _all(look: Look) -> tuple[DebugInformation, ...]:
    debugger = look.debugger
    return tuple(dict.fromkeys((*debugger.names.program_debug, *debugger.names.debug)))


def _told(debug: DebugInformation) -> tuple[Toolchain, int]:
    """Return the facts of a program, and the address that theirs count from."""
    if debug.told is not None:
        return debug.told, debug.image
    return _read(debug.sections), 0


@lru_cache(maxsize=16)
def _read(sections: tuple[tuple[str, bytes], ...]) -> Toolchain:
    from blink16.symbolfiles import (
        elf_dwarf,  # pyelftools takes its time, and front ends do without
    )

    return elf_dwarf.read(dict(sections))


# -- from facts to shapes --------------------------------------------------------------------


def _facts(unit: Unit, number: int, image: int) -> UnitReport:
    files = {name: at for at, name in enumerate(dict.fromkeys(line.file for line in unit.lines))}
    return UnitReport(
        number=number,
        files=tuple(files),
        lines=tuple((image + line.address, files[line.file], line.number) for line in unit.lines),
        functions=tuple(_function(f, unit.types or {}, image) for f in unit.functions),
        variables=tuple(_variable(v, image) for v in unit.variables),
        types={key: _type(described) for key, described in (unit.types or {}).items()},
    )


def _function(function: Function, types: Mapping[int, DataType], image: int) -> FunctionFacts:
    described = types.get(function.type)
    result = described.result if isinstance(described, FunctionType) else -1
    return FunctionFacts(function.name, function.far, result, _scope(function.scope, image))


def _scope(scope: Scope, image: int) -> ScopeFacts:
    return ScopeFacts(
        image + scope.span.start,
        image + scope.span.stop,
        tuple(_variable(variable, image) for variable in scope.variables),
        tuple(_scope(inner, image) for inner in scope.scopes),
    )


def _variable(variable: Variable, image: int) -> VariableFacts:
    name, number, parameter = variable.name, variable.type, variable.parameter
    match variable.place:
        case Static(address, segment):
            segment += image // PARAGRAPH
            return VariableFacts(name, number, parameter, image + address, segment)
        case LocalPlace(offset):
            return VariableFacts(name, number, parameter, offset=offset)
        case InRegister(register):
            return VariableFacts(name, number, parameter, register=register)


def _type(described: DataType) -> TypeFacts:
    match described:
        case BaseType(name, size, encoding):
            return TypeFacts("base", name, size, encoding=encoding.value)
        case ArrayType(element, size):
            return TypeFacts("array", size=size, target=element)
        case StructureType(name, size, _, union):
            members = tuple(_members(described))
            return TypeFacts("union" if union else "struct", name, size, members=members)
        case EnumerationType(name, size, values):
            members = tuple(MemberFacts(label, -1, value) for label, value in values)
            return TypeFacts("enum", name, size, members=members)
        case FunctionType(result, far):
            return TypeFacts("function", target=result, far=far)
        case TypeName(name, target):
            return TypeFacts("typedef", name, target=target)
    return TypeFacts("pointer", size=4 if described.far else 2, target=described.target,
                     far=described.far)  # fmt: skip


def _members(structure: StructureType) -> Iterator[MemberFacts]:
    for m in structure.members:
        yield MemberFacts(m.name, m.type, m.offset, m.bits, m.bit_offset)
