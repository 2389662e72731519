"""DWARF from an assembler or a compiler, as facts: lines, functions, variables and types.

pyelftools reads the format.  Addresses are linear ones, as the ELF was linked.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    EnumerationType,
    Function,
    FunctionType,
    Language,
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

MAX_UNITS = 5_000
MAX_LINES = 200_000
"""Lines of a unit."""
MAX_ENTRIES = 100_000
"""Entries of a unit."""
ADDRESS_SIZE = 4
CFA_ABOVE_BP = 4
"""Bytes from where BP points, in a near function, up to the address above its return address."""
_SECTIONS = [
    "info",
    "aranges",
    "abbrev",
    "frame",
    "str",
    "loc",
    "ranges",
    "line",
    "addr",
    "str_offsets",
    "line_str",
    "loclists",
    "rnglists",
    "types",
    "pubtypes",
    "pubnames",
]
_ENCODINGS = {
    0x02: BaseEncoding.BOOLEAN,
    0x04: BaseEncoding.FLOAT,
    0x05: BaseEncoding.SIGNED,
    0x06: BaseEncoding.SIGNED_CHARACTER,
    0x07: BaseEncoding.UNSIGNED,
    0x08: BaseEncoding.UNSIGNED_CHARACTER,
}
_QUALIFIERS = ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type")
_TRANSPARENT = 32
"""Qualifiers around a type, and blocks within blocks, that are looked through."""


def read(sections: Mapping[str, bytes]) -> Toolchain:
    """Return what sections, by names like ``.debug_info``, say.  SymbolFileError if they lie."""
    try:
        units = islice(_information(sections).iter_CUs(), MAX_UNITS)
        return Toolchain(tuple(_Reader(unit).unit() for unit in units))
    except (DWARFError, ELFError, SymbolFileError) as error:
        raise SymbolFileError(f"its DWARF makes no sense: {error}") from None
    except Exception as error:  # whatever a library that trusts its input trips over
        name = type(error).__name__
        raise SymbolFileError(f"its DWARF makes no sense ({name})") from None


class ProducerText(NamedTuple):
    """Where a unit says what has made it."""

    section: str
    offset: int
    """Of the text in the section."""
    text: bytes


def producers(sections: Mapping[str, bytes]) -> tuple[ProducerText, ...]:
    """Return where units name their producers; nothing if the sections make no sense."""
    try:
        units = islice(_information(sections).iter_CUs(), MAX_UNITS)
        tops = [unit.get_top_DIE().attributes for unit in units]
    except Exception:  # as in `read`
        return ()
    named = (top["DW_AT_producer"] for top in tops if "DW_AT_producer" in top)
    places = ((_TEXTS.get(one.form, ""), one) for one in named)
    return tuple(
        ProducerText(name, one.offset if name == _INLINE else one.raw_value, one.value)
        for name, one in places
        if name
    )


_INLINE = ".debug_info"
_TEXTS = {
    "DW_FORM_string": _INLINE,
    "DW_FORM_strp": ".debug_str",
    "DW_FORM_line_strp": ".debug_line_str",
}
"""In which section a text is, by its form."""


def _information(sections: Mapping[str, bytes]) -> Any:
    given: dict[str, Any] = {}
    for name in _SECTIONS:
        content = sections.get(f".debug_{name}")
        given[f"debug_{name}_sec"] = content and DebugSectionDescriptor(
            stream=io.BytesIO(content), name=f".debug_{name}", global_offset=0,
            size=len(content), address=0,
        )  # fmt: skip
    for name in ("eh_frame_sec", "gnu_debugaltlink_sec", "debug_sup_sec"):
        given[name] = None
    config = DwarfConfig(little_endian=True, machine_arch="x86", default_address_size=ADDRESS_SIZE)
    return DWARFInfo(config=config, **given)


@dataclass
class _Reader:
    """Reads a compilation unit."""

    cu: Any
    types: dict[TypeId, DataType] = field(default_factory=dict)
    entries: int = 0

    def unit(self) -> Unit:
        top = self.cu.get_top_DIE()
        name, folder = _text(top, "DW_AT_name"), _text(top, "DW_AT_comp_dir")
        functions: list[Function] = []
        variables: list[Variable] = []
        for entry in self._children(top):
            if entry.tag == "DW_TAG_subprogram":
                functions += self._function(entry)
            elif entry.tag == "DW_TAG_variable":
                variables += self._variable(entry)
        lines, spans = self._lines(folder)
        return Unit(
            name=posixpath.normpath(posixpath.join(folder, name)),
            language=_language(top),
            code=tuple(sorted(spans, key=lambda span: span.start)),
            lines=tuple(sorted(lines, key=lambda line: line.address)),
            functions=tuple(functions),
            variables=tuple(variables),
            types=self.types,
        )

    def _children(self, entry: Any) -> Iterator[Any]:
        for child in entry.iter_children():
            self.entries += 1
            if self.entries > MAX_ENTRIES:
                raise SymbolFileError(f"there are more than {MAX_ENTRIES} entries in a unit")
            yield child

    # -- lines -------------------------------------------------------------------------------

    def _lines(self, folder: str) -> tuple[list[SourceLine], list[range]]:
        program = self.cu.dwarfinfo.line_program_for_CU(self.cu)
        lines: list[SourceLine] = []
        spans: list[range] = []
        if program is None:
            return lines, spans
        start: int | None = None
        for entry in islice(program.get_entries(), MAX_LINES):
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                if start is not None:
                    spans.append(range(start, state.address))
                start = None
                continue
            start = state.address if start is None else start
            if state.is_stmt:
                name = _file_name(program, state.file, folder)
                lines.append(SourceLine(state.address, name, state.line))
        return lines, spans

    # -- functions and variables -------------------------------------------------------------

    def _function(self, entry: Any) -> Iterator[Function]:
        name, span = self._name(entry), _span(entry)
        if not name or not span:
            return
        result = self._type_of(entry)
        number = -2 - entry.offset  # no entry's own: those are offsets
        self.types[number] = FunctionType(result)
        base = _frame_base(entry, self.cu)
        yield Function(name, number, self._scope(entry, span, base))

    def _scope(self, entry: Any, span: range, base: int | None, depth: int = 0) -> Scope:
        variables: list[Variable] = []
        scopes: list[Scope] = []
        for child in self._children(entry):
            if child.tag in ("DW_TAG_variable", "DW_TAG_formal_parameter"):
                variables += self._variable(child, base)
            elif child.tag == "DW_TAG_lexical_block" and depth < _TRANSPARENT:
                scopes.append(self._scope(child, _span(child) or span, base, depth + 1))
        return Scope(span, tuple(variables), tuple(scopes))

    def _variable(self, entry: Any, base: int | None = None) -> Iterator[Variable]:
        place = self._place(entry, base)
        name = self._name(entry)
        if place is not None and name:
            parameter = entry.tag == "DW_TAG_formal_parameter"
            yield Variable(name, self._type_of(entry), place, parameter)

    def _place(self, entry: Any, base: int | None) -> Static | LocalPlace | None:
        location = entry.attributes.get("DW_AT_location")
        if location is None or not isinstance(location.value, list | bytes):
            return None
        operations = DWARFExprParser(self.cu.structs).parse_expr(location.value)
        if len(operations) != 1:
            return None
        match operations[0].op_name, operations[0].args:
            case "DW_OP_addr", [int(address)]:
                return Static(address, 0)
            case "DW_OP_fbreg", [int(offset)] if base is not None:
                return LocalPlace(base + offset)
            case "DW_OP_breg5", [int(offset)]:
                return LocalPlace(offset)
        return None

    def _name(self, entry: Any) -> str:
        return _text(_origin(entry), "DW_AT_name") or _text(entry, "DW_AT_name")

    # -- types -------------------------------------------------------------------------------

    def _type_of(self, entry: Any) -> TypeId:
        """Return the number of the type that an entry refers to, and learn what it is."""
        for _ in range(_TRANSPARENT):
            if "DW_AT_type" not in entry.attributes:
                entry = _origin(entry)
            if "DW_AT_type" not in entry.attributes:
                return VOID
            entry = entry.get_DIE_from_attribute("DW_AT_type")
            if entry.tag not in _QUALIFIERS:
                break
        number = int(entry.offset)
        if number not in self.types:
            self.types[number] = BaseType("?", 0, BaseEncoding.UNSIGNED)  # while it is read
            self.types[number] = self._type(entry)
        return number

    def _type(self, entry: Any) -> DataType:
        name, size = _text(entry, "DW_AT_name"), _number(entry, "DW_AT_byte_size")
        match entry.tag:
            case "DW_TAG_pointer_type":
                return PointerType(self._type_of(entry), far=size == 4)
            case "DW_TAG_array_type":
                return self._array(entry)
            case "DW_TAG_structure_type" | "DW_TAG_union_type":
                members = tuple(self._members(entry))
                return StructureType(name, size, members, entry.tag == "DW_TAG_union_type")
            case "DW_TAG_enumeration_type":
                values = (
                    (_text(child, "DW_AT_name"), _number(child, "DW_AT_const_value"))
                    for child in self._children(entry)
                )
                return EnumerationType(name, size, tuple(values))
            case "DW_TAG_subroutine_type":
                return FunctionType(self._type_of(entry))
            case "DW_TAG_typedef":
                return TypeName(name, self._type_of(entry))
        encoding = _ENCODINGS.get(_number(entry, "DW_AT_encoding"), BaseEncoding.UNSIGNED)
        return BaseType(name or "?", size, encoding)

    def _array(self, entry: Any) -> ArrayType:
        """Return an array of its first dimension; further ones are arrays within."""
        element = self._type_of(entry)
        counts = [
            _number(child, "DW_AT_count") or _number(child, "DW_AT_upper_bound", -1) + 1
            for child in self._children(entry)
            if child.tag == "DW_TAG_subrange_type"
        ]
        each = self._size(element)
        for level, count in reversed(list(enumerate(counts[1:], 1))):
            number = -(2 + entry.offset * 16 + level) - (1 << 40)
            each *= count
            self.types[number] = ArrayType(element, each)
            element = number
        return ArrayType(element, each * (counts[0] if counts else 0))

    def _members(self, entry: Any) -> Iterator[Member]:
        for child in self._children(entry):
            if child.tag != "DW_TAG_member":
                continue
            bits = _number(child, "DW_AT_bit_size")
            offset = _number(child, "DW_AT_data_member_location")
            first = 0
            if bits and "DW_AT_data_bit_offset" in child.attributes:
                offset, first = divmod(_number(child, "DW_AT_data_bit_offset"), 8)
            elif bits:
                storage = _number(child, "DW_AT_byte_size", 2) * 8
                first = storage - _number(child, "DW_AT_bit_offset") - bits
            yield Member(_text(child, "DW_AT_name"), self._type_of(child), offset, bits, first)

    def _size(self, number: TypeId) -> int:
        for _ in range(_TRANSPARENT):
            match self.types.get(number):
                case TypeName(_, target):
                    number = target
                case PointerType(_, far):
                    return 4 if far else 2
                case BaseType(size=size) | ArrayType(size=size):
                    return size
                case StructureType(size=size) | EnumerationType(size=size):
                    return size
                case _:
                    return 0
        return 0


def _origin(entry: Any) -> Any:
    """Return the entry that describes what this one is an instance of."""
    for name in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if name in entry.attributes:
            return entry.get_DIE_from_attribute(name)
    return entry


def _text(entry: Any, name: str) -> str:
    attribute = entry.attributes.get(name)
    value = attribute.value if attribute is not None else b""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _number(entry: Any, name: str, default: int = 0) -> int:
    attribute = entry.attributes.get(name)
    value = attribute.value if attribute is not None else default
    return value if isinstance(value, int) else default


def _span(entry: Any) -> range:
    low, high = entry.attributes.get("DW_AT_low_pc"), entry.attributes.get("DW_AT_high_pc")
    if low is None or high is None:
        return range(0)
    end = high.value if high.form == "DW_FORM_addr" else low.value + high.value
    return range(low.value, end)


def _frame_base(entry: Any, cu: Any) -> int | None:
    """Return the offset from BP that a function's variables count from, None if it is unknown."""
    base = entry.attributes.get("DW_AT_frame_base")
    if base is None or not isinstance(base.value, list | bytes):
        return None
    operations = DWARFExprParser(cu.structs).parse_expr(base.value)
    if len(operations) != 1:
        return None
    match operations[0].op_name, operations[0].args:
        case "DW_OP_call_frame_cfa", _:
            return CFA_ABOVE_BP
        case "DW_OP_breg5", [int(offset)]:
            return offset
        case "DW_OP_reg5", _:
            return 0
    return None


def _language(top: Any) -> Language:
    match _number(top, "DW_AT_language"):
        case 0x8001:
            return Language.ASSEMBLER
        case 0x09:
            return Language.PASCAL
    return Language.C


def _file_name(program: Any, number: int, folder: str) -> str:
    header = program.header
    newer = header.version >= 5
    files, folders = header.file_entry, header.include_directory
    index = number if newer else number - 1
    if not 0 <= index < len(files):
        raise SymbolFileError(f"a line is of file {number}, of {len(files)}")
    name = files[index].name
    where = files[index].dir_index - (0 if newer else 1)
    inside = folders[where] if 0 <= where < len(folders) else b""
    text = b"/".join(part for part in (inside, name) if part).decode("utf-8", "replace")
    return posixpath.normpath(posixpath.join(folder, text))
