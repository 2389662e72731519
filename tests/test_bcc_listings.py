"""Listings of as86's below bcc: lines of C programs for ELKS, put where the program's names say."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.symbolfiles import LoadSegments, SymbolFileError, parse
from blink16.symbolfiles import bcc_listings as listings
from blink16.symbols import Symbol, SymbolKind

LISTING = """\
00001                                           ! 1
00002                                           ! 1 # 1 "t.c"
00003                                           ! 1 int total;
00004                                           !BCC_EOS
00005                                           ! 2 int twice(n)
00006                                           ! 3 int n;
00007                                           export	_twice
00008                       00000000>           _twice:
00009                                           !BCC_EOS
00010                                           ! 4 {
00011                                           ! 5     total = total + n;
00012 0000           55                         push	bp
00013 0001           89E5                       mov	bp,sp
00014 0003           57                         push	di
00015 0004           56                         push	si
00017 0005           A1         0000>           mov	ax,[_total]
00018 0008           0346         04            add	ax,4[bp]
00020 000B           A3         0000>           mov	[_total],ax
00021                                           !BCC_EOS
00022                                           ! 6     return n + n;
00024 000E           8B46         04            mov	ax,4[bp]
00025 0011           0346         04            add	ax,4[bp]
00027 0014           5E                         pop	si
00028 0015           5F                         pop	di
00029 0016           5D                         pop	bp
00030 0017           C3                         ret
00031                                           !BCC_EOS
00032                                           ! 7 }
00033                                           ! 8 int main()
00034                                           ! 9 {
00035                                           export	_main
00036                       00000018>           _main:
00037                                           ! 10     int i;
00038                                           !BCC_EOS
00039                                           ! 11     for (i = 0; i < 3; i++)
00040 0018           55                         push	bp
00041 0019           89E5                       mov	bp,sp
00042 001B           57                         push	di
00043 001C           56                         push	si
00044 001D           4C                         dec	sp
00045 001E           4C                         dec	sp
00047 001F           31C0                       xor	ax,ax
00048 0021           8946         FA            mov	-6[bp],ax
00049                                           !BCC_EOS
00050                                           !BCC_EOS
00051                                           ! 12         twice(i);
00052 0024           EB           0F            jmp .3
00053                       00000026>           .4:
00055 0026           FF76         FA            push	-6[bp]
00057 0029           E8         FFD4            call	_twice
00058 002C           44                         inc	sp
00059 002D           44                         inc	sp
00060                                           !BCC_EOS
00061                                           ! 13     return total;
00062                       0000002E>           .2:
00064 002E           8B46         FA            mov	ax,-6[bp]
00065 0031           40                         inc	ax
00066 0032           8946         FA            mov	-6[bp],ax
00067                       00000035>           .3:
00069 0035           8B46         FA            mov	ax,-6[bp]
00070 0038           3D                   0003  cmp	ax,*3
00071 003B           7C           E9            jl 	.4
00072                       0000003D>           .5:
00073                       0000003D>           .1:
00074 003D           A1         0000>           mov	ax,[_total]
00075 0040           44                         inc	sp
00076 0041           44                         inc	sp
00077 0042           5E                         pop	si
00078 0043           5F                         pop	di
00079 0044           5D                         pop	bp
00080 0045           C3                         ret
00081                                           !BCC_EOS
00082                                           ! 14 }
00083                                           ! 15
00084 0000                                      .data
00085 0000                                      .bss
00086 0000                                      .comm	_total,2
00087
00088                                           ! 0 errors detected
"""
"""What `bcc -0 -C-t -A-l -At.lst -c t.c` writes (bcc 0.16.21), without its remarks."""
ROWS = LISTING.splitlines()
BASE = 0x1000C
NAMES = (
    Symbol("_twice", BASE, SymbolKind.CODE),
    Symbol("_main", BASE + 0x18, SymbolKind.CODE),
)
PLACE = LoadSegments(0x1000, 0x1010, 0x1000, NAMES)


def test_code_belongs_to_the_line_that_stands_before_it() -> None:
    """Prevents a prologue that is its function's first statement, and headers' lines."""
    (unit,) = listings.read(ROWS, "x.c").units
    assert unit.name == "t.c"
    assert [(line.address, line.file, line.number) for line in unit.lines] == [
        *((0x00, "t.c", 4), (0x05, "t.c", 5), (0x0E, "t.c", 6)),
        *((0x18, "t.c", 9), (0x1F, "t.c", 11), (0x26, "t.c", 12)),
        *((0x2E, "t.c", 11), (0x3D, "t.c", 13)),
    ]
    assert [(one.name, one.scope.span) for one in unit.functions] == [
        ("twice", range(0x18)),
        ("main", range(0x18, 0x46)),
    ]


def test_it_lies_where_the_programs_own_names_say() -> None:
    """Prevents lines of an object file that are shown at the program's beginning."""
    told = parse(LISTING.encode(), PLACE)
    assert {(symbol.name, symbol.address) for symbol in told.symbols} == {
        ("twice", BASE),
        ("main", BASE + 0x18),
    }
    assert told.debug is not None


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "don't strip it"),
        ((NAMES[0], Symbol("_main", BASE + 0x20, SymbolKind.CODE)), "main lies elsewhere"),
        ((Symbol("_main", 3, SymbolKind.CODE),), "main lies elsewhere"),
    ],
)
def test_a_listing_of_another_build_is_refused(names: tuple[Symbol, ...], complaint: str) -> None:
    """Prevents lines that are shown at code which is not theirs."""
    with pytest.raises(SymbolFileError, match=complaint):
        parse(LISTING.encode(), LoadSegments(0x1000, 0x1010, 0x1000, names))


@pytest.mark.parametrize("other", [BASE - 0x40, BASE + 0x80])
def test_each_file_may_have_a_function_of_the_same_name(other: int) -> None:
    """Prevents a program of several files that is refused over its static functions."""
    names = (Symbol("_twice", other, SymbolKind.CODE), *NAMES)
    for known in (names, names[::-1]):
        told = parse(LISTING.encode(), LoadSegments(0x1000, 0x1010, 0x1000, known))
        assert {symbol.address for symbol in told.symbols} == {BASE, BASE + 0x18}
    with pytest.raises(SymbolFileError, match="several modules"):
        parse(LISTING.encode(), LoadSegments(0x1000, 0x1010, 0x1000, names[:2]))


def test_a_name_that_lies_everywhere_says_nothing() -> None:
    """Prevents minutes of comparing each label with thousands of symbols of the same name."""
    everywhere = [Symbol("_twice", 0x20000 + n, SymbolKind.CODE) for n in range(200)]
    known = (*everywhere, NAMES[1])
    told = parse(LISTING.encode(), LoadSegments(0x1000, 0x1010, 0x1000, known))
    assert {symbol.address for symbol in told.symbols} == {BASE, BASE + 0x18}
    with pytest.raises(SymbolFileError, match="none of its functions"):
        parse(LISTING.encode(), LoadSegments(0x1000, 0x1010, 0x1000, tuple(everywhere)))


@given(st.lists(st.sampled_from(ROWS), max_size=40), st.text(max_size=80))
def test_listings_that_lie_are_refused_or_read(lines: list[str], more: str) -> None:
    """Prevents a crash on a listing that was cut, mixed or edited."""
    with suppress(SymbolFileError):
        parse("\n".join([*lines, more]).encode("utf-8", "replace"), PLACE)
