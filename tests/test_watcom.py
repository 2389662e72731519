"""Watcom's own debugging information, as wlink's `debug watcom all` leaves it in programs."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from debug_builders import image_of, watcom
from hypothesis import given
from hypothesis import strategies as st
from test_codeview4 import count, inside, plain

from blink16.symbolfiles import SymbolFileError, embedded
from blink16.symbolfiles import watcom as reader
from blink16.symbolfiles.toolchain import (
    ArrayType,
    BaseEncoding,
    BaseType,
    EnumerationType,
    InRegister,
    Member,
    PointerType,
    Static,
    StructureType,
    TypeName,
)
from blink16.symbolfiles.watcom.cues import Cues
from blink16.symbolfiles.watcom.reading import Record
from blink16.symbolfiles.watcom.types import WatcomTypes


@pytest.mark.parametrize("version", [2, 3])
def test_it_says_what_codeview_says_of_the_same_program(shared: Path, version: int) -> None:
    """Prevents functions, lines, variables and types that differ between toolchains."""
    told = count(shared)
    program = image_of((shared / "debuginfo/codeview/COUNT.EXE").read_bytes())
    again = embedded.find(program + watcom(told, version=version))
    assert again is not None
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
    assert {label.name for label in again.labels} == {label.name for label in told.labels}


def test_what_stands_behind_is_passed_over(shared: Path) -> None:
    """Prevents a program with resources behind its information from having no names."""
    content = watcom(count(shared))
    resource = bytes(20) + struct.pack("<HBBBBHHI", 0x8302, 0, 0, 0, 0, 0, 0, 34)
    assert reader.find(b"MZ" + content + resource) == content
    assert reader.find(b"MZ" + bytes(100)) is None


def test_other_versions_are_named(shared: Path) -> None:
    """Prevents a program that comes without names, and nobody says why."""
    content = bytearray(watcom(count(shared)))
    content[-12] = 4
    with pytest.raises(SymbolFileError, match=r"version 4\.0"):
        reader.parse(bytes(content))


def test_watcoms_dwarf_is_named() -> None:
    """Prevents a program that comes without names, and nobody says what to type instead."""
    with pytest.raises(SymbolFileError, match="debug watcom all"):
        embedded.find(b"MZ" + bytes(60) + b"TIS\0" + struct.pack("<III", 0, 0, 76))


def record(kind: int, *body: bytes) -> bytes:
    """Return a record behind its length."""
    content = b"".join(body)
    return bytes([len(content) + 2, kind]) + content


def test_types_that_are_put_together_from_several_records() -> None:
    """Prevents numbers of types that count values and members, and members in reverse."""
    types = WatcomTypes(
        [
            record(0x11, b"union")  # 1
            + record(0x10, b"\x00char")  # 2
            + record(0x10, b"\x11unsigned")  # 3
            + record(0x50, b"\2\0", b"\1")  # 4
            + record(0x51, b"\xff", b"NO")
            + record(0x52, b"\x39\x30", b"BLUE")
            + record(0x60, b"\3\0")  # 5, without a size
            + record(0x64, b"\2", b"\5\3", b"\3", b"high")
            + record(0x64, b"\2", b"\0\5", b"\3", b"low")
            + record(0x61, b"\0", b"\6", b"text")
            + record(0x20, b"\1", b"\2")  # 6
            + record(0x12, b"\1\5", b"either"),  # 7
            record(0x12, b"\0\7", b"EITHER")  # 8
            + record(0x41, b"\x80\x08")  # 9
            + record(0x23, b"\3\2")  # 10
            + record(0x31, bytes(4), b"\3"),  # 11
        ]
    )
    either = StructureType(
        "either",
        4,
        (Member("text", 6, 0), Member("low", 3, 2, 5, 0), Member("high", 3, 2, 3, 5)),
        union=True,
    )
    assert types.table[2] == BaseType("char", 1, BaseEncoding.SIGNED_CHARACTER)
    assert types.table[4] == EnumerationType("", 2, (("NO", -1), ("BLUE", 12345)))
    assert types.table[5] == types.table[7] == either
    assert types.table[6] == ArrayType(2, 2)
    assert types.table[8] == TypeName("EITHER", 7)
    assert types.table[9] == PointerType(8, far=True)
    assert types.table[11] == TypeName("", 3)


def test_places() -> None:
    """Prevents a place that must be computed from being told as another, or losing what follows."""
    places = [
        (b"\x11\xf0\xff", "-16"),
        (b"\x31\x08\x0b", "dx:ax"),
        (b"\x4c", "si"),
        (b"\x86\x20\x10\x00\x0e\x00", "0xf0"),
        (b"\x85\x10\x04\x60\x69", "None"),
        (b"\x50\x08", "None"),
        (b"\x68\x01", "None"),
        (b"\x00", "None"),
    ]
    for content, expected in places:
        rest = Record(content + b"name")
        match rest.place():
            case InRegister(found):
                shown = found
            case Static(address):
                shown = hex(address)
            case None:
                shown = "None"
            case place:
                shown = str(place.offset)
        assert shown == expected
        assert rest.name() == "name"


def test_lines_of_included_files() -> None:
    """Prevents numbers with the top bit from being lines of the module's own file."""
    table = struct.pack("<H", 2) + struct.pack("<8H", 0, 0, 10, 0, 5, 1, 100, 0)
    table += struct.pack("<HHH", 2, 0, 4) + b"a.h\0b.h\0"
    cues = Cues(table, "main.c")
    assert cues.line(7) == ("main.c", 7)
    assert cues.line(0x8002) == ("a.h", 12)
    assert cues.line(0x8006) == ("b.h", 101)


def test_places_outside_of_memory_are_refused() -> None:
    """Prevents an offset of 32 bits from breaking the DWARF that is made of it."""
    with pytest.raises(SymbolFileError, match="outside of memory"):
        Record(b"\xff\xff\xff\x7f\0\0").address(4)


@cache
def information(shared: Path) -> bytes:
    """Return the information that is damaged."""
    return watcom(count(shared))


@given(data=st.data())
def test_lies_end_in_a_symbol_file_error(shared: Path, data: st.DataObject) -> None:
    """Prevents damaged information from being a traceback, or from taking for ever."""
    damaged = bytearray(information(shared))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    with suppress(SymbolFileError):
        embedded.symbol_file(reader.parse(bytes(damaged)), 0x10000)
