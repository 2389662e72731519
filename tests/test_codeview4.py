"""CodeView 4: what Microsoft C 7 and later, MASM 6 and CVPACK leave in programs."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from debug_builders import codeview4
from hypothesis import given
from hypothesis import strategies as st

from blink16.symbolfiles import SymbolFileError, codeview, embedded
from blink16.symbolfiles.codeview import cv4_types
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    DataType,
    EnumerationType,
    FunctionType,
    Member,
    PointerType,
    Scope,
    StructureType,
    Toolchain,
    TypeId,
    Unit,
)


def inside(unit: Unit, scope: Scope) -> object:
    """Return a scope with its variables, so that it can be compared."""
    variables = [(v.name, v.place, v.parameter, plain(unit, v.type)) for v in scope.variables]
    return scope.span, variables, [inside(unit, one) for one in scope.scopes]


FORMS = [(b"NB05", False), (b"NB08", False), (b"NB09", False), (b"NB09", True)]


@cache
def count(shared: Path) -> Toolchain:
    """Return what COUNT.EXE tells of itself, in CodeView's first format."""
    found = embedded.find((shared / "debuginfo/codeview/COUNT.EXE").read_bytes())
    assert found is not None
    return found


def plain(unit: Unit, number: TypeId, depth: int = 4) -> object:
    """Return a type without numbers, so that it can be compared."""
    kind: DataType | None = (unit.types or {}).get(number) if number != VOID else None
    match kind:
        case PointerType(target, far):
            return ("pointer", far, depth and plain(unit, target, depth - 1))
        case ArrayType(element, size):
            return ("array", size, depth and plain(unit, element, depth - 1))
        case FunctionType(result, far):
            return ("function", far, depth and plain(unit, result, depth - 1))
        case StructureType(name, size, members, union):
            fields = tuple(
                (m.name, m.offset, plain(unit, m.type, depth - 1)) for m in members if depth
            )
            return ("structure", name, size, union, fields)
    return kind


@pytest.mark.parametrize(("signature", "wide"), FORMS)
def test_it_says_what_the_first_format_says(shared: Path, signature: bytes, wide: bool) -> None:
    """Prevents functions, lines, variables and types that differ between LINK's formats."""
    told = count(shared)
    found = codeview.find(b"MZ" + codeview4(told, signature, wide=wide))
    assert found is not None
    again = codeview.parse(found)
    for ours, theirs in zip(again.units, told.units, strict=True):
        assert (ours.name, ours.language, ours.code) == (theirs.name, theirs.language, theirs.code)
        assert ours.lines == theirs.lines
        assert [f.name for f in ours.functions] == [f.name for f in theirs.functions]
        for one, other in zip(ours.functions, theirs.functions, strict=True):
            assert plain(ours, one.type) == plain(theirs, other.type)
            assert inside(ours, one.scope) == inside(theirs, other.scope)
        assert {(v.name, v.place, plain(ours, v.type)) for v in ours.variables} == {
            (v.name, v.place, plain(theirs, v.type)) for v in theirs.variables
        }
    assert set(again.labels) == set(told.labels)


@pytest.mark.parametrize("signature", [b"NB10", b"NB11", b"NB99"])
def test_other_formats_are_named(signature: bytes) -> None:
    """Prevents a program that comes without names, and nobody says why."""
    content = b"MZ" + bytes(40) + signature + struct.pack("<I", 8)
    content += signature + struct.pack("<I", 16)
    found = codeview.find(content)
    assert found is not None
    with pytest.raises(SymbolFileError, match=signature.decode()):
        codeview.parse(found)


def record(leaf: int, *parts: bytes | int) -> bytes:
    """Return a type's record: numbers are words."""
    words = (part if isinstance(part, bytes) else struct.pack("<H", part) for part in parts)
    body = struct.pack("<H", leaf) + b"".join(words)
    return struct.pack("<H", len(body)) + body


def name(text: str) -> bytes:
    """Return a name behind its length."""
    return bytes([len(text)]) + text.encode()


def test_enumerations_bit_fields_classes_and_const() -> None:
    """Prevents types of C++ and of bits from ending a list of members, or being another size."""
    values = b"".join(
        struct.pack("<HH", 0x403, 3) + number + name(text)
        for text, number in [("RED", b"\0\0"), ("BLUE", b"\2\x80\x39\x30"), ("NO", b"\0\x80\xff")]
    )
    members = (
        struct.pack("<HHHH", 0x400, 0x1005, 3, 0)  # a base
        + struct.pack("<HHH", 0x408, 2, 0x1000) + name("draw")  # methods of one name
        + struct.pack("<HHH", 0x40C, 3, 0x1000) + name("one")
        + struct.pack("<HHHI", 0x40C, 0x13, 0x1000, 4) + name("new")  # a new virtual one
        + struct.pack("<HH", 0x409, 0x1001) + name("inner")
        + struct.pack("<HHH", 0x407, 0x72, 3) + name("shared")
        + struct.pack("<HHHH", 0x406, 0x1003, 3, 2) + name("low") + b"\xf2\xf1"
        + struct.pack("<HHHH", 0x406, 0x1004, 3, 4) + name("text")
    )  # fmt: skip
    types = cv4_types.CodeViewTypes.of_module(
        [
            cv4_types.SIGNATURE
            + record(0x204, values)
            + record(0x007, 3, 0x72, 0x1000, 0, name("colour"))
            + record(0x204, members)
            + record(0x206, b"\3\5", 0x73)
            + record(0x001, 1, 0x170)
            + record(0x005, 8, 0x1002, 0, 0, 0, 6, name("shape"))
            + record(0x006, 0, 0x1000, 0, b"\1\x80\4\0", name("either"))
        ]
    )
    assert types.table[0x1001] == EnumerationType(
        "colour", 2, (("RED", 0), ("BLUE", 12345), ("NO", -1))
    )
    assert types.table[0x1005] == StructureType(
        "shape",
        6,
        (
            Member("", 0x1005, 0),
            Member("low", 0x73, 2, 3, 5),
            Member("text", 0x170, 4),
        ),
    )
    assert types.table[0x170] == PointerType(0x70)
    assert types.table[0x1006] == StructureType("either", 4, (), union=True)


@pytest.mark.parametrize(("signature", "wide"), FORMS[1:3])
@given(data=st.data())
def test_lies_end_in_a_symbol_file_error(
    shared: Path, signature: bytes, wide: bool, data: st.DataObject
) -> None:
    """Prevents damaged information from being a traceback, or from taking for ever."""
    damaged = bytearray(codeview4(count(shared), signature, wide=wide)[:-8])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))]
    with suppress(SymbolFileError):
        embedded.symbol_file(codeview.parse(bytes(damaged)), 0x10000)


def test_places_outside_of_memory_are_refused(shared: Path) -> None:
    """Prevents an offset of 32 bits from breaking the DWARF that is made of it."""
    damaged = codeview4(count(shared), b"NB09", wide=True)[:-8]
    at = damaged.index(b"\x05where") - 8
    damaged = damaged[: at + 3] + b"\xff" + damaged[at + 4 :]
    with pytest.raises(SymbolFileError, match="outside of memory"):
        embedded.symbol_file(codeview.parse(damaged), 0x10000)
