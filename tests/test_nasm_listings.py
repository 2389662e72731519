"""Listings of NASM's: lines and labels of programs that bring no tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from dap_client import Dap
from gdb_client import Gdb, Server
from hypothesis import given
from hypothesis import strategies as st

from blink16.symbolfiles import LoadSegments, SymbolFileError, nasm_listings, parse
from blink16.symbolfiles.toolchain import ArrayType, BaseType, Static

SOURCE = """\
org 100h
%macro say 1
 mov dx,%1
 mov ah,9
 int 21h
%endmacro
start:
 mov cx,3
.again:
 push cx
 call greet
 pop cx
 loop .again
 mov ax,4c00h
 int 21h
greet:
 say msg
 ret
msg db 'Hi ',13,10,'$'
times 20 db 0
section .data
count dw 5
"""
LISTING = """\
     1                                  org 100h
     2                                  %macro say 1
     3                                   mov dx,%1
     4                                   mov ah,9
     5                                   int 21h
     6                                  %endmacro
     7                                  start:
     8 00000000 B90300                   mov cx,3
     9                                  .again:
    10 00000003 51                       push cx
    11 00000004 E80800                   call greet
    12 00000007 59                       pop cx
    13 00000008 E2F9                     loop .again
    14 0000000A B8004C                   mov ax,4c00h
    15 0000000D CD21                     int 21h
    16                                  greet:
    17                                   say msg
     3 0000000F BA[1700]            <1>  mov dx,%1
     4 00000012 B409                <1>  mov ah,9
     5 00000014 CD21                <1>  int 21h
    18 00000016 C3                       ret
    19 00000017 4869200D0A24            msg db 'Hi ',13,10,'$'
    20 0000001D 00<rep 14h>             times 20 db 0
    21                                  section .data
    22 00000000 0500                    count dw 5
"""
"""What nasm 2.16 makes of this source by -l."""
PROGRAM = (
    bytes.fromhex("b90300 51 e80800 59 e2f9 b8004c cd21 ba1701 b409 cd21 c3 4869200d0a24").ljust(
        0x34, b"\0"
    )
    + b"\5\0"
)
PLACE = LoadSegments(0x300, 0x300, 0x300)


def test_lines_and_labels_are_those_of_the_source() -> None:
    """Prevents macros' own line numbers, data as code, and another section's offsets."""
    told = nasm_listings.read(LISTING.splitlines(), "hello.asm")
    (unit,) = told.units
    lines = [(line.address, line.number) for line in unit.lines]
    assert lines == [
        (0x100, 8), (0x103, 10), (0x104, 11), (0x107, 12), (0x108, 13), (0x10A, 14), (0x10D, 15),
        (0x10F, 17), (0x116, 18),
    ]  # fmt: skip
    assert unit.code == (range(0x100, 0x131),)
    assert [(label.name, label.address, label.code) for label in told.labels] == [
        ("start", 0x100, True), ("greet", 0x10F, True), ("msg", 0x117, False),
    ]  # fmt: skip
    symbols = {symbol.name: symbol.address for symbol in parse(LISTING.encode(), PLACE).symbols}
    assert symbols == {"start": 0x3100, "greet": 0x310F, "msg": 0x3117}


def test_constants_are_no_labels() -> None:
    """Prevents a function that is called like a number of the lines before it."""
    lines = [
        "     1                                  TICKS equ 18",
        "     2 00000000 B8004C                  start: mov ax, 4C00h",
    ]
    assert [label.name for label in nasm_listings.read(lines, "x.asm").labels] == ["start"]


DATA = """\
     1 00000000 B8004C                  start: mov ax, 4C00h
     2 00000003 41                      letter: db 'A'
     3 00000004 0000                    total:  dw 0
     4 00000006 412E54585400            name:   db 'A.TXT', 0
     5 0000000C 010002000300            table:  dw 1, 2, 3
     6 00000012 04000500                        dw 4, 5
     7 00000016 <res 10h>               room:   resb 16
     8 00000026 05000000<rep 3h>        longs:  times 3 dd 5
     9                                  long:
    10 00000032 010203040506070809-             db 1,2,3,4,5,6,7,8,9,10,11
    10 0000003B 0A0B
    11 0000003D 0100000000000000        big:    dq 1
    12 00000045 00<rep 8h>                      times 8 db 0
    13 0000004D 00                      last:   db 0
    14                                  say
     1 0000004E B409                <1>  mov ah,9
"""


def test_data_labels_are_variables_of_their_directives_size() -> None:
    """Prevents `p letter` from showing a number's address, and a store from writing two bytes."""
    (unit,) = nasm_listings.read(DATA.splitlines(), "x.asm").units
    assert unit.types is not None
    sizes = {}
    for one in unit.variables:
        kind = unit.types[one.type]
        assert isinstance(kind, BaseType | ArrayType)
        element = kind if isinstance(kind, BaseType) else unit.types[kind.element]
        assert isinstance(element, BaseType)
        sizes[one.name] = (element.size, kind.size)
    assert sizes == {
        "letter": (1, 1), "total": (2, 2), "name": (1, 6), "table": (2, 10), "room": (1, 16),
        "longs": (4, 12), "long": (1, 11), "big": (8, 8), "last": (1, 1),
    }  # fmt: skip
    assert [one.place for one in unit.variables[:2]] == [Static(3, 0), Static(4, 0)]


def write_data(folder: Path) -> None:
    """Write a program with data, and its listing."""
    data = bytes.fromhex("41 0000 412e54585400 0100 0200 0300")
    listing = "\n".join(DATA.splitlines()[:5])
    (folder / "DATA.COM").write_bytes(bytes.fromhex("b8004c") + data)
    (folder / "data.lst").write_text(f"{'     0' + ' ' * 34}org 100h\n{listing}\n")


@pytest.mark.gdb
def test_gdb_knows_what_data_is(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents labels of data from being functions to gdb, whose watchpoints never stop."""
    write_data(tmp_path)
    with Server("--symbols", "data.lst", "DATA.COM", cwd=tmp_path) as server:
        gdb.run(server.target)
        assert "= 65 'A'" in gdb.run("print letter")
        assert '= "A.TXT"' in gdb.run("print name")
        assert "= 3" in gdb.run("print table[2]")
        gdb.run("set var letter = 66")
        assert "= 0" in gdb.run("print total")
        assert "watchpoint 1: total" in gdb.run("watch total")


def test_data_is_shown_and_changed_as_what_it_is(tmp_path: Path) -> None:
    """Prevents editors from showing a string as a number, and from changing what lies behind."""
    write_data(tmp_path)
    with Dap(tmp_path) as dap:
        dap.launch("DATA.COM", cwd=str(tmp_path), symbols="data.lst", stopOnEntry=True)
        dap.begin()
        shown = dap.scope("Globals")
        assert (shown["letter"], shown["name"]) == ("65 'A'", '"A.TXT"')
        assert (shown["table"], dap.value("table[2]")) == ("{1, 2, 3}", "3")
        dap.ask("setExpression", expression="total", value="0x1234")
        dap.ask("setExpression", expression="letter", value="'B'")
        assert (dap.value("total"), dap.value("byte[total]")) == ("4660", "52 '4'")
        assert dap.value("byte[total + 1]").startswith("18")
        assert dap.value("byte[name + 2]") == "84 'T'"
        assert dap.value("byte[ds, 0x103]") == "66 'B'"


@given(st.lists(st.sampled_from(LISTING.splitlines()), max_size=40), st.text(max_size=80))
def test_listings_that_lie_are_refused_or_read(lines: list[str], more: str) -> None:
    """Prevents a crash on a listing that was cut, mixed or edited."""
    text = "\n".join([*lines, more])
    with suppress(SymbolFileError):
        parse(text.encode("utf-8", "replace"), PLACE)


def test_a_com_file_of_nasms_is_stepped_by_lines(tmp_path: Path) -> None:
    """Prevents the commonest DOS programs of today, flat .COM files, from having no source."""
    (tmp_path / "HELLO.COM").write_bytes(PROGRAM)
    (tmp_path / "hello.lst").write_text(LISTING)
    (tmp_path / "hello.asm").write_text(SOURCE)
    with Dap(tmp_path) as dap:
        dap.launch("HELLO.COM", cwd=str(tmp_path), symbols="hello.lst")
        (point,) = dap.break_at(tmp_path / "hello.asm", 17)
        assert point["verified"]
        dap.begin()
        assert dap.where() == ("greet", 17)
        assert dap.frames()[1]["line"] == 11
        dap.go("next")
        assert dap.where()[1] == 18
        dap.go("stepBack")
        assert dap.where()[1] == 17
        assert dap.output() == "Hi \n"


@pytest.mark.parametrize("text", ["", "     1", "     1 00000000 90   nop\nhello"])
def test_what_is_no_listing_is_none(text: str) -> None:
    """Prevents maps and notes from being taken for listings."""
    assert not nasm_listings.is_listing(text.splitlines())
