"""Symbol files of every kind, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_guest import ELF

from blink16.elks import aout
from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles import (
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    LoadSegments,
    SymbolFileError,
    SymbolSource,
    elf,
    parse,
    parse_source,
    read,
)
from blink16.symbols import SymbolKind

PLACE = LoadSegments(text=0x1000, data=0x2000, image=0x3000)
CODE, DATA = SymbolKind.CODE, SymbolKind.DATA

NASM = """
- NASM Map file ---------------------------------------------------------------

-- Program origin -------------------------------------------------------------

00000100

-- Symbols --------------------------------------------------------------------

---- No Section ---------------------------------------------------------------

Value     Name
00000005  constant

---- Section .text ------------------------------------------------------------

Real              Virtual           Name
             100               100  main
             108               108  main.again

---- Section .bss -------------------------------------------------------------

Real              Virtual           Name
             114                14  buffer
"""
LD = """
Archive member included to satisfy reference by file (symbol)

Linker script and memory map

LOAD d.o
                [!provide]                        PROVIDE (__executable_start = 0x8048000)
                0x08048074                        . = (0x8048000 + SIZEOF_HEADERS)
.text           0x0000000000007c00      0x200
 *(.text.unlikely .text.*_unlikely)
 .text          0x0000000000007c00      0x200 d.o
                0x0000000000007c00                main
                [!provide]                        PROVIDE (etext = .)
.data           0x0000000000008000       0x10
                0x0000000000008004                counter
                0x0000000000008010                _edata = .
"""
NM = """\
         U printf
00007c11 t countdown
00007c21 t countdown.done
00007c27 00000002 D counter
00007c00 T main
00000005 a constant
"""
WATCOM = """\
Open Watcom Linker Version 2.0 beta Aug 14 2023 02:23:12 (32-bit)

Segment                Class          Group          Address         Size
=======                =====          =====          =======         ====

_TEXT                  CODE           AUTO           0000:0000       00000123
far_TEXT               CODE           AUTO           0013:0000       00000020
CONST                  DATA           DGROUP         0015:0000       00000010

Address        Symbol
=======        ======

Module: a.obj(a.c)
0000:0010      main_
0013:0004*     helper_
0015:0008+     _table
"""
TLINK = """
 Start  Stop   Length Name               Class

 00000H 0014FH 00150H _TEXT              CODE
 00150H 0018FH 00040H _DATA              DATA

  Address         Publics by Name

 0000:00FC       _main
 0015:0004       _count
 0000:0005  Abs  _constant

  Address         Publics by Value

 0000:0005  Abs  _constant
 0000:00FC       _main
 0015:0004       _count

Program entry point at 0000:00FC
"""
LD86 = """\
                crt0                 no_op  0  00000103  R
                crt0             ZP_safety  1  00000000  r
               tally                 _seen  3  000000b8  R C
               tally                 _main  0  00000120  R N
               stdio             fputc.off  0  00000000  a
               msdos               __edata  3  000000b8  R
              string               _strlen  0  00000f3c  R
"""
"""Captured from ld86 0.16.21: ``bcc -Md -M``."""


def names(content: bytes | str, source: str = "x") -> dict[str, tuple[int, SymbolKind]]:
    """Return the symbols of a file's content."""
    data = content.encode() if isinstance(content, str) else content
    found = parse(data, PLACE, parse_source(source)).symbols
    return {symbol.name: (symbol.address, symbol.kind) for symbol in found}


# -- each kind -------------------------------------------------------------------------------


def test_ld86_maps_have_data_in_a_segment_of_its_own() -> None:
    """Prevents data of bcc's programs from being looked for in the text; names are those of C."""
    found = names(LD86)
    assert found["main"] == (PLACE.text * 16 + 0x120, SymbolKind.CODE)
    assert found["seen"] == (PLACE.data * 16 + 0xB8, SymbolKind.DATA)
    assert "fputc.off" not in found


@pytest.mark.parametrize(("end", "seen"), [(0x41018, 0x41018), (None, None)])
def test_a_com_programs_data_lies_behind_its_text(end: int | None, seen: int | None) -> None:
    """Prevents data in the segment of the PSP, where ld86's map counts from another: it ends
    where the file does.  Where that is not known, none is better than a wrong address.
    """
    place = LoadSegments(0x4000, 0x4000, 0x4000, end=end)
    symbols = {s.name: s.address for s in parse(LD86.encode(), place, parse_source("x")).symbols}
    assert symbols.get("seen") == seen
    assert symbols["strlen"] == 0x40F3C


def test_nasm_maps_count_from_the_segments() -> None:
    """Prevents offsets from being taken for linear addresses, and local labels for functions."""
    assert names(NASM) == {"main": (0x10100, CODE), "buffer": (0x20014, DATA)}
    assert names(NASM, "x,text=ff0")["main"] == (0x10000, CODE)


def test_ld_maps_are_linear() -> None:
    """Prevents the linker's assignments and its own marks from becoming symbols."""
    assert names(LD) == {"main": (0x7C00, CODE), "counter": (0x8004, DATA)}


def test_nm_tells_code_from_data() -> None:
    """Prevents undefined and absolute names from becoming addresses."""
    expected = {"countdown": (0x7C11, CODE), "counter": (0x7C27, DATA), "main": (0x7C00, CODE)}
    assert names(NM) == expected
    assert names(NM, "x,text=100,data=200")["counter"] == (0x9C27, DATA)


def test_watcom_maps_count_from_the_image() -> None:
    """Prevents the far segments of an .EXE from falling on one another."""
    assert names(WATCOM) == {
        "main_": (0x30010, CODE),
        "helper_": (0x30134, CODE),
        "_table": (0x30158, DATA),
    }


def test_tlink_maps_count_from_the_image() -> None:
    """Prevents publics that are listed twice from being two, and constants from being places."""
    assert names(TLINK) == {"_main": (0x300FC, CODE), "_count": (0x30154, DATA)}
    assert names(TLINK.replace("\n", "\r\n"), "x,text=100")["_main"] == (0x10FC, CODE)


def test_elks_tables_need_their_segments() -> None:
    """Prevents a kernel's .sym from being placed as a program is."""
    table = aout.build_symbols(
        (
            aout.AoutSymbol("start_kernel", aout.Section.TEXT, 0x10),
            aout.AoutSymbol("jiffies", aout.Section.DATA, 0x20),
            aout.AoutSymbol("bss", aout.Section.BSS, 0x30),
        )
    )
    assert names(table, "x,text=00d0,data=0c39") == {
        "start_kernel": (0xD10, CODE),
        "jiffies": (0xC3B0, DATA),
        "bss": (0xC3C0, DATA),
    }


def test_an_elks_executable_is_a_symbol_file() -> None:
    """Prevents asking for another file than the program itself."""
    main = aout.AoutSymbol("main", aout.Section.TEXT, 2)
    image = aout.build(aout.Executable(b"\x90\x90\xc3", symbols=(main,)))
    assert names(image) == {"main": (0x10002, CODE)}


def test_an_elf_gives_symbols_and_line_numbers() -> None:
    """Prevents line numbers from being lost, and local labels from cutting functions up."""
    assert names(ELF) == {
        "main": (0x7C00, CODE),
        "countdown": (0x7C11, CODE),
        "counter": (0x7C27, DATA),
    }
    debug = parse(ELF, PLACE).debug
    assert debug is not None
    assert {".debug_info", ".debug_line", ".debug_abbrev"} <= {name for name, _ in debug.sections}
    assert debug.code == (range(0x7C00, 0x7E00),)


def test_line_numbers_don_t_move() -> None:
    """Prevents lines from standing at other addresses than their symbols."""
    moved = parse(ELF, PLACE, parse_source("x,text=100"))
    assert moved.debug is None
    assert moved.symbols[0].address > 0x8000


def test_the_kernel_s_symbols_are_read(shared: Path) -> None:
    """The file that comes with the ELKS floppy."""
    found = read(parse_source(f"{shared / 'images' / 'system.sym'},text=d0,data=c39"), PLACE)
    assert len(found.symbols) == 719


# -- what the user types ---------------------------------------------------------------------


def test_segments_are_hexadecimal() -> None:
    """Prevents decimal segments, which nobody writes."""
    assert parse_source("a.map,data=c39,text=00D0") == SymbolSource(Path("a.map"), 0xD0, 0xC39)


@pytest.mark.parametrize(
    "argument", ["", ",text=1", "a,b", "a,text=", "a,text=12345", "a,text=1,text=2", "a,text=-1"]
)
def test_bad_segments_are_refused(argument: str) -> None:
    """Prevents a typing error from being taken for a place."""
    with pytest.raises(SymbolFileError):
        parse_source(argument)


# -- bad files -------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Prevents a traceback, or a message without the file's name."""
    with pytest.raises(SymbolFileError, match=r"nothing\.map: can't read it"):
        read(SymbolSource(tmp_path / "nothing.map"), PLACE)
    with pytest.raises(SymbolFileError, match="can't read it"):
        read(SymbolSource(tmp_path), PLACE)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\0" * 100, b"\x7fELF", bytes(range(256))])
def test_what_is_no_symbol_file_is_refused(content: bytes) -> None:
    """Prevents a debugger without symbols whose user thinks that there are some."""
    with pytest.raises(SymbolFileError):
        parse(content, PLACE)


def test_huge_files_are_refused(tmp_path: Path) -> None:
    """Prevents a file from filling the server's memory."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_FILE_SIZE + 1)
    with pytest.raises(SymbolFileError, match="no symbol file"):
        read(SymbolSource(tmp_path / "huge"), PLACE)
    many = "".join(f"{n:08x} T f{n}\n" for n in range(MAX_SYMBOLS + 1))
    with pytest.raises(SymbolFileError, match="more than"):
        parse(many.encode(), PLACE)


@given(st.binary(max_size=300))
def test_any_bytes_are_symbols_or_refused(content: bytes) -> None:
    """Prevents an exception that nobody expects."""
    for prefix in (b"", b"\x7fELF", b"\x01\x03"):
        try:
            found = parse(prefix + content, PLACE)
        except SymbolFileError:
            continue
        assert all(0 <= symbol.address < MEMORY_SIZE for symbol in found.symbols)


@given(st.integers(0, len(ELF) - 1), st.integers(0, 255), st.integers(0, len(ELF)))
def test_a_damaged_elf_is_symbols_or_refused(at: int, value: int, length: int) -> None:
    """Prevents reads behind the end, and loops, in an ELF that lies."""
    damaged = bytearray(ELF)
    damaged[at] = value
    for content in (bytes(damaged), ELF[:length], bytes(damaged[:length])):
        try:
            parse(content, PLACE)
        except SymbolFileError:
            continue


@given(
    st.sampled_from([NASM, LD, NM, WATCOM, TLINK]),
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from("0fH:. \n\tzé\x1a")), max_size=20),
)
def test_a_damaged_map_is_symbols_or_refused(text: str, changes: list[tuple[int, str]]) -> None:
    """Prevents an exception from a map that an editor or a disk has changed."""
    letters = list(text)
    for at, letter in changes:
        letters[at % len(letters)] = letter
    try:
        found = parse("".join(letters).encode("latin-1"), PLACE)
    except SymbolFileError:
        return
    assert all(0 <= symbol.address < MEMORY_SIZE for symbol in found.symbols)


def test_an_elf_that_is_built_can_be_read() -> None:
    """Prevents the two sides of one description from drifting apart."""
    section = elf.ElfSection(".text1", elf.SectionType.NOBITS, elf.SectionFlag.ALLOC, 0x100, size=9)
    symbol = elf.ElfSymbol("main", 0x104, 3, elf.SymbolType.FUNC, 1)
    sections, symbols = elf.parse(elf.build([section], [symbol], 0x104))
    assert sections[1] == section
    assert symbols[1:] == [symbol]
