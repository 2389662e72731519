"""ELKS executables: headers, symbol tables, relocations, and files that lie about them."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.elks import ElksError, aout
from blink16.elks.aout import AoutSymbol, Executable, Section
from blink16.symbols import Symbol, SymbolKind, SymbolTable

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
symbols = st.builds(AoutSymbol, names, st.sampled_from(Section), st.integers(0, 0xFFFF))
executables = st.builds(
    Executable,
    text=st.binary(min_size=1, max_size=50),
    data=st.binary(max_size=50),
    bss=st.integers(0, 0x1000),
    heap=st.integers(0, 0xFFFF),
    stack=st.integers(0, 0xFFFF),
    version=st.integers(0, 1),
    separate=st.booleans(),
    symbols=st.lists(symbols, max_size=5).map(tuple),
)


def refusal(act: Callable[[], object]) -> str | None:
    """Return what an ElksError says, None if there is none."""
    try:
        act()
    except ElksError as error:
        return str(error)
    return None


def ld86(name: bytes, value: int, symbol_class: int) -> bytes:
    """Return a record of ld86's symbol table."""
    return struct.pack("<8sIBBH", name, value, symbol_class, 0, 0)


@given(executables)
def test_what_is_built_is_parsed_again(executable: Executable) -> None:
    """The construct description must read what it writes."""
    assert aout.parse(aout.build(executable)) == executable


@given(executables, st.data())
def test_damaged_executables_are_refused_in_one_line(
    executable: Executable, data: st.DataObject
) -> None:
    """Truncated or changed files must give a program or an ElksError, never another error."""
    image = bytearray(aout.build(executable))
    for _ in range(data.draw(st.integers(0, 4))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(image)))
    complaint = refusal(lambda: aout.parse(bytes(image[:end])))
    assert complaint is None or (complaint and "\n" not in complaint)


@given(st.binary(max_size=300))
def test_any_symbol_table_is_read_or_refused(table: bytes) -> None:
    """Garbage in place of a symbol table must not raise anything but ElksError."""
    assert "symbol table" in (refusal(lambda: aout.parse_symbols(table)) or "symbol table")


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, b"\x02", "magic number 0301h"),
        (3, b"\x05", "processor 05h"),
        (4, b"\x18", "unknown length of 24 bytes"),
        (6, b"\x02", "version 2 is unknown"),
        (8, b"\0\0\0\0", "no text"),
        (8, b"\xff\xff\0\0", "cut off: of 65535 bytes of text only 6 are there"),
        (8, b"\0\0\2\0", "text of 131072 bytes is larger than a segment"),
        (12, b"\x10\0\0\0", "cut off: of 16 bytes of data only 2"),
        (16, b"\0\0\2\0", "bss of 131072 bytes"),
        (20, b"\4\0\0\0", "entry point 4h lies outside the text"),
    ],
)
def test_lying_headers_are_named(offset: int, value: bytes, message: str) -> None:
    """The user must learn which field of a header is wrong."""
    image = bytearray(aout.build(Executable(b"\x90" * 4, data=b"da")))
    image[offset : offset + len(value)] = value
    with pytest.raises(ElksError, match=message):
        aout.parse(bytes(image))


def test_header_cut_off_is_named() -> None:
    """A file of a few bytes must not be taken for anything else."""
    with pytest.raises(ElksError, match="cut off at 10 bytes"):
        aout.parse(aout.build(Executable(b"\x90"))[:10])


def test_ld86_names_go_on_in_further_records() -> None:
    """The names of bcc's programs are longer than a record: they must not be torn apart."""
    table = (
        ld86(b"_main", 0x12, 0x12)
        + ld86(b"_a_rathe", 0x345, 0x13)
        + ld86(b"r_long_n", 0, 0)
        + ld86(b"ame", 0, 0)
        + ld86(b"file.of", 0, 1)
        + ld86(b"f", 0, 0)
        + ld86(b"_buf", 0x400, 0x14)
    )
    assert aout.parse_symbols(table) == (
        AoutSymbol("_main", Section.TEXT, 0x12),
        AoutSymbol("_a_rather_long_name", Section.DATA, 0x345),
        AoutSymbol("_buf", Section.BSS, 0x400),
    )


@pytest.mark.parametrize(
    ("size", "table", "damage"),
    [
        (7, b"", "cut off: of 7 bytes of symbol table only 0"),
        (1 << 20, b"", "too large"),
        (9, b"T\0\0\x09main", "cut off"),
    ],
)
def test_damaged_symbols_cost_the_symbols_alone(size: int, table: bytes, damage: str) -> None:
    """The kernel never looks at symbols: a program must run without them."""
    image = bytearray(aout.build(Executable(b"\x90")) + table)
    image[28:32] = struct.pack("<I", size)
    executable = aout.parse(bytes(image))
    assert executable.symbols == ()
    assert damage in executable.damage


def test_elks_symbols_of_all_types() -> None:
    """Weak and local symbols must lie in their sections as well."""
    table = b"".join(
        bytes((kind,)) + struct.pack("<HB", at, 1) + b"x" for at, kind in enumerate(b"TtWwFfDdVvBb")
    )
    found = aout.parse_symbols(table + b"\0")
    sections = [Section.TEXT] * 4 + [Section.FAR_TEXT] * 2 + [Section.DATA] * 4 + [Section.BSS] * 2
    assert [symbol.section for symbol in found] == sections


def test_relocations_and_far_text_are_read() -> None:
    """Medium-model programs must load, and a relocation outside its section be refused."""
    short = aout.build(Executable(b"\x90" * 8, data=b"data"))
    header = bytearray(short[:32])
    header[4] = 0x40
    more = struct.pack("<IIIIIIHHHH", 8, 0, 0, 0, 4, 0, 0, 0, 0, 0)
    for address, good in ((6, True), (7, False)):
        relocation = struct.pack("<IHH", address, 0xFFFB, 80)
        image = bytes(header) + more + b"\x90" * 8 + b"far." + b"data" + relocation
        if good:
            executable = aout.parse(image)
            assert executable.far_text == b"far."
            assert executable.text_relocations == (aout.Relocation(6, Section.FAR_TEXT),)
        else:
            with pytest.raises(ElksError, match="relocation at 7h lies outside"):
                aout.parse(image)


def test_shared_banner_is_read(shared: Path) -> None:
    """A real ELKS executable must have its 20 symbols."""
    executable = aout.parse((shared / "images" / "banner").read_bytes())
    assert (len(executable.text), len(executable.data), executable.bss) == (0x1B0, 0x1340, 0x10)
    assert AoutSymbol("main", Section.TEXT, 0x25) in executable.symbols
    assert AoutSymbol("errno", Section.BSS, 0x1340) in executable.symbols
    assert dataclasses.replace(executable, symbols=()).version == 1


def test_symbol_table_finds_the_symbol_before() -> None:
    """An address inside a function must be named by that function."""
    main = Symbol("main", 0x10010, SymbolKind.CODE)
    table = SymbolTable([Symbol("var", 0x20000, SymbolKind.DATA), main])
    assert table.find(0x1000F) is None
    assert table.find(0x10010) == (main, 0)
    assert table.find(0x10025) == (main, 0x15)
    assert table.lookup("main") == main
    assert table.lookup("none") is None
    assert [symbol.name for symbol in table] == ["main", "var"]
