"""What a compiler, an assembler and a linker tell of a program, whatever format they wrote it in.

Addresses are linear and count from the program's image, as a linker for DOS counts them: whoever
knows where the image was loaded adds that.  Types are named by numbers, since they may refer to
each other in circles.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

TypeId = int
"""A type's number within its unit; `VOID` where there is none."""
VOID: TypeId = -1


class Language(Enum):
    """What a source file is written in."""

    ASSEMBLER = "assembler"
    C = "C"
    PASCAL = "Pascal"


_LANGUAGES = {
    **dict.fromkeys(("c", "h", "cpp", "cxx", "cc", "hpp"), Language.C),
    **dict.fromkeys(("pas", "inc"), Language.PASCAL),
}


def language_of(file: str) -> Language:
    """Tell a source file's language by its name, as DOS wrote it."""
    *_, suffix = file.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return _LANGUAGES.get(suffix.lower(), Language.ASSEMBLER)


def without_underscore(name: str) -> str:
    """Return the name that C's programmer wrote: compilers put an underscore before it."""
    return name.removeprefix("_")


class BaseEncoding(Enum):
    """How a base type's bytes are read."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    SIGNED_CHARACTER = "signed character"
    UNSIGNED_CHARACTER = "unsigned character"
    FLOAT = "float"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class BaseType:
    """A type of the language itself; ``size`` in bytes."""

    name: str
    size: int
    encoding: BaseEncoding


@dataclass(frozen=True, slots=True)
class PointerType:
    """A near pointer, an offset of 2 bytes, or a far one, offset and segment in 4."""

    target: TypeId
    far: bool = False


@dataclass(frozen=True, slots=True)
class ArrayType:
    """An array; ``size`` in bytes, all elements together."""

    element: TypeId
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure; ``offset`` in bytes; a bit field has a width in bits."""

    name: str
    type: TypeId
    offset: int
    bits: int = 0
    bit_offset: int = 0
    """Bits from the lowest of the byte at ``offset``."""


@dataclass(frozen=True, slots=True)
class StructureType:
    """A structure or union; ``size`` in bytes."""

    name: str
    size: int
    members: tuple[Member, ...]
    union: bool = False


@dataclass(frozen=True, slots=True)
class EnumerationType:
    """An enumeration; ``size`` in bytes."""

    name: str
    size: int
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A function, and the type that it returns."""

    result: TypeId
    far: bool = False


@dataclass(frozen=True, slots=True)
class TypeName:
    """Another name for a type: C's typedef."""

    name: str
    target: TypeId


DataType = (
    BaseType | PointerType | ArrayType | StructureType | EnumerationType | FunctionType | TypeName
)


@dataclass(frozen=True, slots=True)
class Static:
    """A place in the image, by its linear address from there."""

    address: int
    segment: int
    """The paragraph of the image that its offset counts from: near pointers there do so too."""


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A place in the frame, by its offset in bytes from BP."""

    offset: int


@dataclass(frozen=True, slots=True)
class InRegister:
    """A register, by Intel's name in lower case; for 4 bytes two, high and low (``dx:ax``)."""

    name: str


Place = Static | LocalPlace | InRegister


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable or, within a function, a parameter."""

    name: str
    type: TypeId
    place: Place
    parameter: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """A block of a function with variables of its own; addresses from the image."""

    span: range
    variables: tuple[Variable, ...] = ()
    scopes: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function; ``scope`` holds its parameters and locals."""

    name: str
    type: TypeId
    scope: Scope
    far: bool = False


@dataclass(frozen=True, slots=True)
class SourceLine:
    """The first instruction of a source line."""

    address: int
    file: str
    number: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What was compiled or assembled at once."""

    name: str
    """Of its source file, as the tool was given it."""
    language: Language
    code: tuple[range, ...]
    """The addresses of its code, ascending."""
    lines: tuple[SourceLine, ...] = ()
    """In the order of their addresses."""
    functions: tuple[Function, ...] = ()
    variables: tuple[Variable, ...] = ()
    types: Mapping[TypeId, DataType] | None = None
    """The types that are named above, and those that they name."""


@dataclass(frozen=True, slots=True)
class Label:
    """A public name, or an assembler's label; ``address`` from the image."""

    name: str
    address: int
    code: bool


@dataclass(frozen=True, slots=True)
class Toolchain:
    """All that was told of a program."""

    units: tuple[Unit, ...]
    labels: tuple[Label, ...] = ()


class Spans:
    """Addresses in ranges, which may overlap; whether one is among them is found at once."""

    def __init__(self, spans: Iterable[range]) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for span in sorted(filter(None, spans), key=lambda span: span.start):
            if self._stops and span.start <= self._stops[-1]:
                self._stops[-1] = max(self._stops[-1], span.stop)
            else:
                self._starts.append(span.start)
                self._stops.append(span.stop)

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self._starts, address)
        return at > 0 and address < self._stops[at - 1]
