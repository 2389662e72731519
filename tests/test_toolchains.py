"""Debugging information of DOS toolchains: what is read of it, and what comes of lies."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16 import symbolfiles
from blink16.symbolfiles import LoadSegments, SymbolFileError, codeview, embedded, line_maps, tds
from blink16.symbolfiles.toolchain import (
    ArrayType,
    InRegister,
    LocalPlace,
    Member,
    PointerType,
    StructureType,
    Toolchain,
    Unit,
)

IMAGE = 0x1000
PLACE = LoadSegments(IMAGE, IMAGE, IMAGE)
PROGRAMS = ("codeview/COUNT", "codeview/TWICE", "tds/TCOUNT", "tds/TTWICE")
PUBLIC = re.compile(r"^ ([0-9A-F]{4}):([0-9A-F]{4})       (\S+)$", re.MULTILINE)


def read(shared: Path, name: str) -> bytes:
    """Return a program or map of the samples."""
    return (shared / "debuginfo" / name).read_bytes()


def told(shared: Path, name: str) -> Toolchain:
    """Return what a sample tells of itself."""
    found = embedded.find(read(shared, f"{name}.EXE"))
    assert found is not None
    return found


def unit(toolchain: Toolchain, name: str) -> Unit:
    """Return the unit of a source file."""
    return next(unit for unit in toolchain.units if unit.name == name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_lines_are_those_of_the_linkers_map(shared: Path, name: str) -> None:
    """Prevents lines at wrong addresses, or of another file: the map is a second witness."""
    from_map = line_maps.read(read(shared, f"{name}.MAP").decode("latin-1").splitlines())
    lines = {
        (line.address, line.number, line.file.upper())
        for one in told(shared, name).units
        for line in one.lines
    }
    witness = {
        (line.address, line.number, line.file.upper())
        for one in from_map.units
        for line in one.lines
    }
    assert lines == witness
    assert lines


@pytest.mark.parametrize("name", PROGRAMS)
def test_public_names_are_those_of_the_linkers_map(shared: Path, name: str) -> None:
    """Prevents names at wrong addresses."""
    labels = {(label.name, label.address) for label in told(shared, name).labels}
    listing = read(shared, f"{name}.MAP").decode("latin-1").replace("\r", "")
    publics = PUBLIC.findall(listing)
    assert publics
    for segment, offset, public in publics:
        assert (public, int(segment, 16) * 16 + int(offset, 16)) in labels


def test_codeview_tells_of_functions_and_their_variables(shared: Path) -> None:
    """Prevents parameters and locals at wrong places in the frame (source/COUNT.C)."""
    count = unit(told(shared, "codeview/COUNT"), "COUNT.C")
    add, fill, main = count.functions
    assert [f.name for f in count.functions] == ["add", "fill", "main"]
    (block,) = add.scope.scopes
    assert [(v.name, v.place, v.parameter) for v in block.variables] == [
        ("a", LocalPlace(4), True),
        ("b", LocalPlace(6), True),
        ("sum", LocalPlace(-2), False),
    ]
    types = count.types or {}
    assert types[fill.scope.scopes[0].variables[0].type] == PointerType(0x81)
    assert [v.name for v in main.scope.scopes[0].variables] == ["n", "text"]


def test_borlands_tells_of_functions_and_their_variables(shared: Path) -> None:
    """Prevents parameters told twice, and register variables looked for in memory."""
    count = unit(told(shared, "tds/TCOUNT"), "COUNT.C")
    add, _, main = count.functions
    assert [(v.name, v.place) for v in add.scope.variables] == [
        ("a", LocalPlace(4)),
        ("b", LocalPlace(6)),
    ]
    (block,) = add.scope.scopes
    assert [(v.name, v.place) for v in block.variables] == [("sum", InRegister("si"))]
    names = {(v.name, v.place) for v in main.scope.scopes[0].variables}
    assert names == {("text", InRegister("si")), ("n", InRegister("di"))}


@pytest.mark.parametrize("name", ["codeview/COUNT", "tds/TCOUNT"])
def test_structures_have_their_members(shared: Path, name: str) -> None:
    """Prevents members at wrong offsets, and arrays of wrong sizes."""
    toolchain = told(shared, name)
    where, owner = next((v, u) for u in toolchain.units for v in u.variables if v.name == "where")
    types = owner.types or {}
    point = types[where.type]
    assert isinstance(point, StructureType)
    assert (point.name, point.size) == ("point", 10)
    assert [(m.name, m.offset) for m in point.members] == [("x", 0), ("y", 2), ("name", 4)]
    text = point.members[2]
    assert isinstance(text, Member)
    described = types[text.type]
    assert isinstance(described, ArrayType)
    assert described.size == 6


def test_names_are_those_that_the_programmer_wrote(shared: Path) -> None:
    """Prevents `break main` from failing because the linker's name is _main."""
    file = symbolfiles.parse(read(shared, "codeview/COUNT.EXE"), PLACE)
    names = {symbol.name: symbol.address for symbol in file.symbols}
    assert names["main"] == IMAGE * 16 + 0xA6
    assert names["total"] == IMAGE * 16 + 0x102
    assert "_main" not in names


def test_a_map_gives_lines_to_a_program_without(shared: Path) -> None:
    """Prevents --symbols PROGRAM.MAP from giving names only, where /LI or /l was asked for."""
    file = symbolfiles.parse(read(shared, "tds/TTWICE.MAP"), PLACE)
    assert file.debug is not None
    assert file.debug.code == (range(0x10000, 0x1001A), range(0x1001A, 0x10035))


def test_source_files_are_called_as_the_folder_calls_them(shared: Path, tmp_path: Path) -> None:
    """Prevents gdb from finding no COUNT.C where the file is called count.c."""
    (tmp_path / "count.c").write_text("")
    toolchain = told(shared, "codeview/COUNT")
    file = embedded.symbol_file(toolchain, IMAGE * 16, tmp_path)
    assert file.told is not None
    assert unit(file.told, "count.c").lines[0].file == "count.c"
    assert unit(file.told, "START.ASM").lines


@pytest.mark.parametrize("name", PROGRAMS)
@given(data=st.data())
def test_lies_end_in_a_symbol_file_error(shared: Path, name: str, data: st.DataObject) -> None:
    """Prevents damaged information from being a traceback, or from taking for ever."""
    content = read(shared, f"{name}.EXE")
    information = codeview.find(content) or tds.find(content)
    assert information is not None
    damaged = bytearray(information)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))]
    parse = codeview.parse if codeview.find(content) else tds.parse
    with suppress(SymbolFileError):
        embedded.symbol_file(parse(bytes(damaged)), IMAGE * 16)


@given(st.binary(max_size=400))
def test_anything_behind_a_signature_is_read_or_refused(content: bytes) -> None:
    """Prevents tracebacks from files that only look like ours."""
    for parse, signature in ((codeview.parse, b"NB00"), (tds.parse, tds.MAGIC)):
        with suppress(SymbolFileError):
            embedded.symbol_file(parse(signature + content), 0)
