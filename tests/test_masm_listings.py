"""Listings of MASM, TASM and JWasm: lines of programs that bring no debugging information."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.symbolfiles import (
    LoadSegments,
    SymbolFile,
    SymbolFileError,
    SymbolSource,
    masm_listings,
    parse,
)
from blink16.symbols import Symbol, SymbolKind

SOURCE = """\
print MACRO text
  mov dx,offset text
  mov ah,9
  int 21h
ENDM
INCLUDE lib.inc
point STRUC
 px dw ?
 py dw ?
point ENDS
.model small
.stack 100h
.data
msg db 'value: $'
tail db 0
.code
extrn shout:near
main proc
    mov ax,@data
    mov ds,ax

again:
    print msg
    push word ptr [bx]
    call shout
    mov ax,4C00h
    int 21h
main endp
table dw again
    nop
END main
"""
MASM6 = """\
Microsoft (R) Macro Assembler Version 6.14.8444\t\t    08/23/17 13:52:07
HELLO.ASM\t\t\t\t\t\t     Page 1 - 1


\t\t\t\tprint MACRO text
\t\t\t\t  mov dx,offset text
\t\t\t\t  mov ah,9
\t\t\t\t  int 21h
\t\t\t\tENDM
\t\t\t\tINCLUDE lib.inc
 = 0007\t\t\t     C\tlimit EQU 7
\t\t\t     C\t; of the library
 0004\t\t\t\tpoint STRUC
 0000 0000\t\t\t px dw ?
 0002 0000\t\t\t py dw ?
\t\t\t\tpoint ENDS
\t\t\t\t.model small
\t\t\t\t.stack 100h
 0000\t\t\t\t.data
 0000 76 61 6C 75 65 3A\t\tmsg db 'value: $'
       20 24
 0008 00\t\t\ttail db 0
 0000\t\t\t\t.code
\t\t\t\textrn shout:near
 0000\t\t\t\tmain proc
 0000  B8 ---- R\t\t    mov ax,@data
 0003  8E D8\t\t\t    mov ds,ax

 0005\t\t\t\tagain:
\t\t\t\t    print msg
 0005  BA 0000 R\t     1\t  mov dx,offset msg
 0008  B4 09\t\t     1\t  mov ah,9
 000A  CD 21\t\t     1\t  int 21h
 000C  FF 37\t\t\t    push word ptr [bx]
 000E  E8 0000 E\t\t    call shout
\fMicrosoft (R) Macro Assembler Version 6.14.8444\t\t    08/23/17 13:52:07
HELLO.ASM\t\t\t\t\t\t     Page 1 - 2


 0011  B8 4C00\t\t\t    mov ax,4C00h
 0014  CD 21\t\t\t    int 21h
 0016\t\t\t\tmain endp
 0016 0005 R\t\t\ttable dw again
 0018  90\t\t\t    nop
\t\t\t\tEND main
\fMicrosoft (R) Macro Assembler Version 6.14.8444\t\t    08/23/17 13:52:07
HELLO.ASM\t\t\t\t\t\t     Symbols 2 - 1




Macros:

                N a m e                 Type

print  . . . . . . . . . . . . .\tProc
"""
"""As ml 6.14 lays it out; the form is that of published listings."""
MASM5 = "\f" + (
    MASM6.replace("Assembler Version 6.14.8444", "Assembler Version 5.10 ")
    .replace("HELLO.ASM\t\t\t\t\t\t     Page 1 - 1", "\t\t\t\t\t\t     Page     1-1")
    .replace("HELLO.ASM\t\t\t\t\t\t     Page 1 - 2", "\t\t\t\t\t\t     Page     1-2")
)
TASM = """\
Turbo Assembler\t Version 3.0\t    11/26/93 10:00:00\t    Page 1
HELLO.ASM



      1\t\t\t\t     print MACRO text
      2\t\t\t\t       mov dx,offset text
      3\t\t\t\t       mov ah,9
      4\t\t\t\t       int 21h
      5\t\t\t\t     ENDM
      6\t\t\t\t     INCLUDE lib.inc
1     7\t      =\t0007\t\t     limit EQU 7
1     8\t\t\t\t     ; of the library
      9\t\t\t\t     point STRUC
     10\t0000  ????\t\t      px dw ?
     11\t0002  ????\t\t      py dw ?
     12\t\t\t\t     point ENDS
     13\t0000\t\t\t     .model small
     14\t0000\t\t\t     .stack 100h
     15\t0000\t\t\t     .data
     16\t0000  76 61 6C 75 65 3A 20+  msg db 'value: $'
     17\t      24
     18\t0008  00\t\t     tail db 0
     19\t0009\t\t\t     .code
     20\t\t\t\t     extrn shout:near
     21\t0000\t\t\t     main proc
     22\t0000  B8 0000s\t\t\t mov ax,@data
     23\t0003  8E D8\t\t\t mov ds,ax
     24
     25\t0005\t\t\t     again:
     26\t\t\t\t\t print msg
1    27\t0005  BA 0000r\t\t       mov dx,offset msg
1    28\t0008  B4 09\t\t       mov ah,9
1    29\t000A  CD 21\t\t       int 21h
     30\t000C  FF 37\t\t\t push word ptr [bx]
     31\t000E  E8 0000e\t\t\t call shout
Turbo Assembler\t Version 3.0\t    11/26/93 10:00:00\t    Page 2
HELLO.ASM



     32\t0011  B8 4C00\t\t\t mov ax,4C00h
     33\t0014  CD 21\t\t\t int 21h
     34\t0016\t\t\t     main endp
     35\t0016  0005r\t\t     table dw again
     36\t0018  90\t\t\t nop
     37\t\t\t\t     END main
Turbo Assembler\t Version 3.0\t    11/26/93 10:00:00\t    Page 3
Symbol Table




Symbol Name\t\t\t  Type\t Value

??DATE\t\t\t\t  Text\t "11/26/93"
"""
"""As TASM lays it out: its numbers count rows; the form is that of published listings."""
JWASM = """\
JWasm v2.11, Oct 20 2013, Masm-compatible assembler.

HELLO.ASM
                                print MACRO text
                                  mov dx,offset text
                                  mov ah,9
                                  int 21h
                                ENDM
                                INCLUDE lib.inc
00000007                      C limit EQU 7
                              C ; of the library
00000004                        point STRUC
00000000  0000                   px dw ?
00000002  0000                   py dw ?
                                point ENDS
                                .model small
                                .stack 100h
00000000                        .data
00000000  76616C75653A2024      msg db 'value: $'
00000008  00                    tail db 0
00000000                        .code
                                extrn shout:near
00000000                        main proc
00000000  B80000                    mov ax,@data
00000003  8ED8                      mov ds,ax

00000005                        again:
                                    print msg
00000005  BA0000             1    mov dx,offset msg
00000008  B409               1    mov ah,9
0000000A  CD21               1    int 21h
0000000C  FF37                      push word ptr [bx]
0000000E  E80000                    call shout
00000011  B8004C                    mov ax,4C00h
00000014  CD21                      int 21h
00000016                        main endp
00000016  0500                  table dw again
00000018  90                        nop
                                END main
"""
LISTINGS = {"ml 6": MASM6, "masm 5": MASM5, "tasm": TASM, "jwasm": JWASM}
CODE = [(0, 19), (3, 20), (5, 23), (0xC, 24), (0xE, 25), (0x11, 26), (0x14, 27), (0x18, 30)]
"""Offsets and the lines of the source that are there."""
IMAGE, ENTRY = 0x1010, 0x1014
PLACE = LoadSegments(IMAGE, IMAGE, IMAGE, entry=ENTRY)


def lines_of(file: SymbolFile, base: int) -> list[tuple[int, int]]:
    """Return where code is, from a base, and its line."""
    assert file.debug is not None
    assert file.debug.told is not None
    (unit,) = file.debug.told.units
    return [(line.address - base, line.number) for line in unit.lines]


@pytest.mark.parametrize("kind", LISTINGS)
def test_lines_are_those_of_the_source_beside(kind: str, tmp_path: Path) -> None:
    """Prevents TASM's row numbers, macros' and include files' rows, and data taken for code."""
    (tmp_path / "hello.asm").write_text(SOURCE)
    (tmp_path / "hello.lst").write_text(LISTINGS[kind])
    content = (tmp_path / "hello.lst").read_bytes()
    file = parse(content, PLACE, SymbolSource(tmp_path / "hello.lst"))
    assert lines_of(file, ENTRY * 16) == CODE
    assert file.debug is not None
    assert file.debug.told is not None
    assert file.debug.told.units[0].name == "hello.asm"


@pytest.mark.parametrize("kind", LISTINGS)
def test_without_the_source_its_lines_are_counted(kind: str) -> None:
    """Prevents a listing that is of no use where the source is elsewhere."""
    assert lines_of(parse(LISTINGS[kind].encode(), PLACE), ENTRY * 16) == CODE


def test_cross_references_put_numbers_before_the_rows() -> None:
    """Prevents MASM 5's rows under /C, whose numbers are its cross reference's."""
    rows = MASM5.split("\n")
    numbered = [
        f"{number:8}\t{row}" if row.startswith((" ", "\t")) and "Page" not in row else row
        for number, row in enumerate(rows)
    ]
    assert lines_of(parse("\n".join(numbered).encode(), PLACE), ENTRY * 16) == CODE


@pytest.mark.parametrize("kind", LISTINGS)
def test_labels_are_where_their_segments_are(kind: str) -> None:
    """Prevents names of data at code's addresses, and those of structures' members."""
    known = (Symbol("_TAIL", 0x11008, SymbolKind.DATA), Symbol("main", 0x10200, SymbolKind.CODE))
    file = parse(LISTINGS[kind].encode(), LoadSegments(IMAGE, IMAGE, IMAGE, known))
    assert {(one.name, one.address, one.kind) for one in file.symbols} == {
        ("main", 0x10200, SymbolKind.CODE),
        ("again", 0x10205, SymbolKind.CODE),
        ("table", 0x10216, SymbolKind.DATA),
        ("msg", 0x11000, SymbolKind.DATA),
        ("tail", 0x11008, SymbolKind.DATA),
    }
    assert lines_of(file, 0x10200) == CODE


def test_a_module_without_an_entry_needs_a_map() -> None:
    """Prevents lines of a library's module that are shown at the program's beginning."""
    module = MASM6.replace("END main", "END")
    with pytest.raises(SymbolFileError, match="map before it"):
        parse(module.encode(), PLACE)
    assert lines_of(parse(module.encode(), PLACE, SymbolSource(Path(), 0x2000)), 0x20000) == CODE
    known = (Symbol("MAIN", 0x10321, SymbolKind.CODE),)
    file = parse(module.encode(), LoadSegments(IMAGE, IMAGE, IMAGE, known))
    assert lines_of(file, 0x10321) == CODE


def test_a_listing_of_another_build_is_refused() -> None:
    """Prevents lines that are shown at code which is not theirs."""
    known = (Symbol("main", 0x10200, SymbolKind.CODE), Symbol("again", 0x10209, SymbolKind.CODE))
    with pytest.raises(SymbolFileError, match="again lies elsewhere"):
        parse(MASM6.encode(), LoadSegments(IMAGE, IMAGE, IMAGE, known))


def test_a_source_that_has_changed_is_not_believed(tmp_path: Path) -> None:
    """Prevents lines at random where the source beside is of another program."""
    (tmp_path / "hello.asm").write_text("nop\n" * 50)
    path = tmp_path / "hello.lst"
    path.write_text(MASM6)
    assert lines_of(parse(path.read_bytes(), PLACE, SymbolSource(path)), ENTRY * 16) == CODE


IDEAL = """\
Turbo Assembler\t Version 3.0\t    11/26/93 10:00:00\t    Page 1
IDEAL.ASM



      1\t\t\t\t     IDEAL
      2\t0000\t\t\t     SEGMENT one PUBLIC
      3\t\t\t\t     ASSUME cs:one
      4\t0100\t\t\t     org 100h
      5\t0100\t\t\t     PROC start
      6\t0100  90\t\t\t nop
      7\t0101  C3\t\t\t ret
      8\t0102\t\t\t     ENDP
      9\t0102\t\t\t     ENDS
     10\t\t\t\t     END start
"""


def test_ideal_mode_and_segments_by_name() -> None:
    """Prevents TASM's other language, and the PSP that a .COM file's offsets count from."""
    file = parse(IDEAL.encode(), LoadSegments(0x300, 0x300, 0x300))
    assert lines_of(file, 0x3000) == [(0x100, 6), (0x101, 7)]
    assert [(one.name, one.address) for one in file.symbols] == [("start", 0x3100)]


@given(st.data())
def test_listings_that_lie_are_refused_or_read(data: st.DataObject) -> None:
    """Prevents a crash on a listing that was cut, mixed or edited."""
    rows = data.draw(st.sampled_from([one.splitlines() for one in LISTINGS.values()]))
    lines = data.draw(st.lists(st.sampled_from(rows), max_size=40))
    text = "\n".join([rows[0], *lines, data.draw(st.text(max_size=80))])
    with suppress(SymbolFileError):
        parse(text.encode("utf-8", "replace"), PLACE)


def test_other_texts_are_no_listings() -> None:
    """Prevents maps and notes from being taken for listings."""
    assert masm_listings.form_of(["Macros are fun", "", "x"]) is None
