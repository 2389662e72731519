"""What bcc lists behind the next statement: loops' ends, tables, the jump over an else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.symbolfiles import bcc_branches, bcc_listings
from blink16.symbolfiles.bcc_branches import Branches

LISTING = """\
00001                                           ! 1
00002                                           ! 1 # 1 "b.c"
00003                                           ! 1 int a, b;
00004                                           !BCC_EOS
00005                                           ! 2 int f(n) int n;
00007                       00000000>           _f:
00008                                           !BCC_EOS
00009                                           ! 3 {
00010                                           ! 4     int i;
00011                                           !BCC_EOS
00012                                           ! 5     for (i = 0;
00013 0000           55                         push	bp
00014 0001           89E5                       mov	bp,sp
00015 0003           57                         push	di
00016 0004           56                         push	si
00017 0005           4C                         dec	sp
00018 0006           4C                         dec	sp
00020 0007           31C0                       xor	ax,ax
00021 0009           8946         FA            mov	-6[bp],ax
00022                                           !BCC_EOS
00023                                           ! 6          i < n && a < 5 || b;
00024                                           !BCC_EOS
00025                                           ! 7          i++)
00026                                           ! 8     {
00027 000C           EB           1C            jmp .3
00028                       0000000E>           .4:
00029                                           ! 9         if (a)
00030 000E           A1         0000>           mov	ax,[_a]
00031 0011           85C0                       test	ax,ax
00032 0013           74           08            je  	.5
00033                       00000015>           .6:
00034                                           ! 10             b = 1;
00036 0015           B8                   0001  mov	ax,*1
00037 0018           A3         0000>           mov	[_b],ax
00038                                           !BCC_EOS
00039                                           ! 11         else
00040                                           ! 12             b = 2;
00041 001B           EB           06            jmp .7
00042                       0000001D>           .5:
00044 001D           B8                   0002  mov	ax,*2
00045 0020           A3         0000>           mov	[_b],ax
00046                                           !BCC_EOS
00047                                           ! 13     }
00048                       00000023>           .7:
00049                                           ! 14     for (;;)
00050                       00000023>           .2:
00052 0023           8B46         FA            mov	ax,-6[bp]
00053 0026           40                         inc	ax
00054 0027           8946         FA            mov	-6[bp],ax
00055                       0000002A>           .3:
00057 002A           8B46         FA            mov	ax,-6[bp]
00058 002D           3B46         04            cmp	ax,4[bp]
00059 0030           7D           08            jge 	.9
00060                       00000032>           .A:
00062 0032           A1         0000>           mov	ax,[_a]
00063 0035           3D                   0005  cmp	ax,*5
00064 0038           7C           D4            jl 	.4
00065                       0000003A>           .9:
00066 003A           A1         0000>           mov	ax,[_b]
00067 003D           85C0                       test	ax,ax
00068 003F           75           CD            jne	.4
00069                       00000041>           .8:
00070                       00000041>           .1:
00071                                           !BCC_EOS
00072                                           !BCC_EOS
00073                                           ! 15     {
00074                       00000041>           .D:
00075                                           ! 16         a++;
00077 0041           A1         0000>           mov	ax,[_a]
00078 0044           40                         inc	ax
00079 0045           A3         0000>           mov	[_a],ax
00080                                           !BCC_EOS
00081                                           ! 17         if (a > 20) break;
00083 0048           A1         0000>           mov	ax,[_a]
00084 004B           3D                   0014  cmp	ax,*$14
00085 004E           7E           02            jle 	.E
00086                       00000050>           .F:
00087 0050           EB           02            jmp .B
00088                                           !BCC_EOS
00089                                           ! 18     }
00090                       00000052>           .E:
00091                                           ! 19     switch (n)
00092                       00000052>           .C:
00093 0052           EB           ED            jmp	.D
00094                       00000054>           .B:
00095 0054           8B46         04            mov	ax,4[bp]
00096                                           ! 20     {
00097 0057           EB           10            jmp .12
00098                                           ! 21     case 1: a = 1; break;
00099                       00000059>           .13:
00101 0059           B8                   0001  mov	ax,*1
00102 005C           A3         0000>           mov	[_a],ax
00103                                           !BCC_EOS
00104 005F           EB           0F            jmp .10
00105                                           !BCC_EOS
00106                                           ! 22     default: b = 4;
00107                       00000061>           .14:
00109 0061           B8                   0004  mov	ax,*4
00110 0064           A3         0000>           mov	[_b],ax
00111                                           !BCC_EOS
00112                                           ! 23     }
00113                                           ! 24     while (a)
00114 0067           EB           07            jmp .10
00115                       00000069>           .12:
00116 0069           2D                   0001  sub	ax,*1
00117 006C           74           EB            je 	.13
00118 006E           EB           F1            jmp	.14
00119                       00000070>           .10:
00120                       FFFFFFF8            ..FFFF	=	-8
00121                                           ! 25         while (b)
00122 0070           EB           10            jmp .16
00123                       00000072>           .17:
00124                                           ! 26             b--;
00125 0072           EB           07            jmp .19
00126                       00000074>           .1A:
00128 0074           A1         0000>           mov	ax,[_b]
00129 0077           48                         dec	ax
00130 0078           A3         0000>           mov	[_b],ax
00131                                           !BCC_EOS
00132                                           ! 27     return a;
00133                       0000007B>           .19:
00134 007B           A1         0000>           mov	ax,[_b]
00135 007E           85C0                       test	ax,ax
00136 0080           75           F2            jne	.1A
00137                       00000082>           .1B:
00138                       00000082>           .18:
00139                       00000082>           .16:
00140 0082           A1         0000>           mov	ax,[_a]
00141 0085           85C0                       test	ax,ax
00142 0087           75           E9            jne	.17
00143                       00000089>           .1C:
00144                       00000089>           .15:
00145 0089           A1         0000>           mov	ax,[_a]
00146 008C           44                         inc	sp
00147 008D           44                         inc	sp
00148 008E           5E                         pop	si
00149 008F           5F                         pop	di
00150 0090           5D                         pop	bp
00151 0091           C3                         ret
00152                                           !BCC_EOS
00153                                           ! 28 }
"""
"""What `bcc -0 -C-t -A-l -Ab.lst -c b.c` writes (bcc 0.16.21), without its remarks and spaces."""
LINES = """\
0000   3 {
0007   5     for (i = 0;
000E   9         if (a)
0015  10             b = 1;
001D  12             b = 2;
0023   5     for (i = 0; ... i < n && a < 5 || b; i++)
0041  16         a++; /* for nothing */
0048  17         if (a > 20) break;
0052  14     for (;;)
0054  19     switch (n)
0059  21     case 1: a = 1; break;
0061  22     default: b = 4;
0069  19     switch (n), its table
0070  24     while (a)
0072  25         while (b)
0074  26             b--;
007B  25         while (b)
0082  24     while (a)
0089  27     return a;
"""
"""Where each line's code begins."""


def test_the_ends_of_loops_are_at_their_heads() -> None:
    """Prevents steps that show the statement behind a loop, or both branches of an if, and
    breakpoints behind a loop that are hit within it.
    """
    (unit,) = bcc_listings.read(LISTING.splitlines(), "b.c").units
    expected = [line.split()[:2] for line in LINES.splitlines()]
    assert [[f"{line.address:04X}", str(line.number)] for line in unit.lines] == expected


@settings(max_examples=examples(100))
@given(
    st.lists(
        st.tuples(st.sampled_from("shelj"), st.integers(0, 9), st.integers(0, 12)), max_size=60
    )
)
def test_any_rows_are_borne(rows: list[tuple[str, int, int]]) -> None:
    """Prevents a listing that is none of bcc's from ending in a traceback."""
    branches = Branches()
    lines = {0}
    for offset, (kind, number, other) in enumerate(rows):
        match kind:
            case "s" | "h":
                lines.add(number)
                branches.source(number, "for (;;) while (a)" if kind == "h" else "a = 1;")
            case "e":
                branches.statement_end()
            case "l":
                branches.label(number)
            case _:
                branches.code(offset, f"jmp .{other:X}" if other < 10 else "nop", max(lines))
    assert set(branches.lines().values()) <= lines


def test_a_function_that_fits_no_segment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a forged listing from keeping the server busy."""
    monkeypatch.setattr(bcc_branches, "MOST", 9)
    (unit,) = bcc_listings.read(LISTING.splitlines(), "b.c").units
    assert (0x23, 14) in {(line.address, line.number) for line in unit.lines}
