"""A C program of bcc's after those of gdb's gdb.reverse suite: data of each kind, values returned,
calls through a pointer and by a jump, two on a line, a function of one instruction, loops.

``COM`` is what ``bcc -0 -Md`` makes of ``SOURCE``; the lines in ``MAP`` are those of as86's listing
(``bcc -C-t -A-l``).  Tests need no compiler.
"""

from __future__ import annotations

from lined_program import LinedProgram

SOURCE = """\
int count, total, other;
static int hidden;
char letter;
long wide;

int callee()
{
    return total++;
}
int halve(n) int n;
{
    if (n == 0)
        return 0;
    return halve(n / 2);
}
int bar(n) int n;
{
    int r;
    r = halve(n);
    return r;
}
int nothing()
{
}
int one()
{
    return 1;
}
char a_char()
{
    return letter;
}
long a_long()
{
    return wide;
}
int apply(op, n) int (*op)(); int n;
{
    return (*op)(n);
}
int hide(n) int n;
{
    return n;
}
int in_register()
{
    register int a = 0;
    hide(a);
    a++;
    hide(a);
}
int on_stack()
{
    int a = 0;
    hide(a);
    a++;
    hide(a);
}
int kept()
{
    static int a;
    hide(a);
    a++;
    hide(a);
}
#asm
export _tail
_tail:
    inc [_other]
    br _one
#endasm
int main()
{
    int w, x, y;
    w = 0;
    x = 1;
    y = 2;
    w = w + 2;
    x = x + 3;
    y = y + 4;
    halve(9);
    callee();
    callee();
    y = w - x;
    callee(); one();
    nothing();
    tail();
    letter = 'x';
    letter = a_char();
    wide = 123456789L;
    wide = a_long();
    w = apply(halve, 3);
    w = bar(5);
    in_register();
    on_stack();
    kept();
    hidden = 0;
    hidden++;
    for (count = 0; count < 3; count++) {
        other = count;
        total = count; y = w;
    }
    while (x > 0) x--;
    do callee(); while (total < 4);
    memset(&count, 0, sizeof count);
    return strlen("four");
}
"""
MAP = """\

 Start  Stop   Length Name                   Class
 0010CH 0032CH 00221H _TEXT                  CODE
 00420H 0046BH 0004CH _DATA                  DATA

  Address         Publics by Value

 0000:010C       callee
 0000:011D       halve
 0000:013E       bar
 0000:0159       nothing
 0000:015A       one
 0000:0166       a_char
 0000:0172       a_long
 0000:0184       apply
 0000:0195       hide
 0000:01A1       in_register
 0000:01CA       on_stack
 0000:01F3       kept
 0000:0215       tail
 0000:021C       main
 0000:03D8       strlen
 0000:03F4       memset
 0042:0030       wide
 0042:0034       hidden
 0042:0038       other
 0042:003C       total
 0042:0040       letter
 0042:0044       count

Line numbers for suite.o(suite.c) segment _TEXT

     7 0000:010C     8 0000:0111    11 0000:011D    12 0000:0122
    13 0000:0129    14 0000:012F    17 0000:013E    19 0000:0145
    20 0000:0150    23 0000:0159    26 0000:015A    27 0000:015F
    30 0000:0166    31 0000:016B    34 0000:0172    35 0000:0177
    38 0000:0184    39 0000:0189    42 0000:0195    43 0000:019A
    46 0000:01A1    47 0000:01A8    48 0000:01AD    49 0000:01B5
    50 0000:01BC    51 0000:01C4    53 0000:01CA    54 0000:01D1
    55 0000:01D6    56 0000:01DE    57 0000:01E5    58 0000:01ED
    60 0000:01F3    62 0000:01F8    63 0000:0201    64 0000:0208
    65 0000:0211    66 0000:0215    73 0000:021C    75 0000:0224
    76 0000:0229    77 0000:022F    78 0000:0235    79 0000:023D
    80 0000:0246    81 0000:024F    82 0000:0258    83 0000:025B
    84 0000:025E    85 0000:0267    86 0000:026D    87 0000:0270
    88 0000:0273    89 0000:0278    90 0000:027E    91 0000:028B
    92 0000:0297    93 0000:02A8    94 0000:02B4    95 0000:02B7
    96 0000:02BA    97 0000:02BD    98 0000:02C2    99 0000:02C9
   100 0000:02D0   101 0000:02D6    99 0000:02E2   103 0000:02F1
   104 0000:0301   105 0000:030C   106 0000:031D

Program entry point at 0000:0100
"""
COM = bytes.fromhex(
    "e94902c3302e31362e3137005589e55756a13c0040a33c00485e5f5dc35589e557568b460485c0750631"
    "c05e5f5dc38b4604d1f850e8e5ff44445e5f5dc35589e557564c4cff7604e8d2ff44448946fa8b46fa44"
    "445e5f5dc3c35589e55756b801005e5f5dc35589e55756a040005e5f5dc35589e55756a130008b1e3200"
    "89da5e5f5dc35589e55756ff7606ff560444445e5f5dc35589e557568b46045e5f5dc35589e557564c4c"
    "31c08946faff76fae8e2ff44448b46fa408946faff76fae8d3ff444444445e5f5dc35589e557564c4c31"
    "c08946faff76fae8b9ff44448b46fa408946faff76fae8aaff444444445e5f5dc35589e55756ff362c00"
    "e896ff4444a12c0040a32c00ff362c00e886ff44445e5f5dc3ff063800e93eff5589e5575683c4fa31c0"
    "8946fab801008946f8b802008946f68b46fa40408946fa8b46f80503008946f88b46f60504008946f6b8"
    "090050e8c7fe4444e8b1fee8aefe8b46fa2b46f88946f6e8a2fee8edfee8e9fee8a2ffb078a24000e8eb"
    "fea24000b815cdbb5b07a33000891e3200e8e4fe89d3a33000891e3200b8030050bb1d0153e8e2fe83c4"
    "048946fab8050050e88ffe44448946fae8eafee810ffe836ff31c0a33400a1340040a3340031c0a34400"
    "eb19a14400a33800a14400a33c008b46fa8946f6a1440040a34400a144003d03007cdfeb078b46f84889"
    "46f88b46f885c07ff2e808fea13c003d04007cf5b802005031c050bb440053e8da0083c406bb0c0053e8"
    "b400444483c4065e5f5dc300000089e3ff77028b1e220085db7402ffd3444489e38b4702b44ccd21cd20"
    "b80030cd213c0272f58cca81c242008eda8c06260026a12c00a32400268b1e02008cd8050010720639d8"
    "730289c38cc829c3b44acd217304b44acd2181eb4200b104d3e383eb028ed289dc8ec2bf2c00b94c0029"
    "f931c0fcf3aaff362000b81c0050b8010050be08008b1c85db7402ffd34646ebf45b50e86affebfe5589"
    "e5c70614002600b8ffff5dc3000089e357061e07fc8b7f02b9ffff31c0f2aef7d14989c8075fc3000000"
    "89e357061e07fc8b7f028b47048b4f0688c4d1e9f3ab11c9f3aa8b4702075fc300000000000000000000"
    "000000000000000000001c02c103666f757200000000000000004c000000280000001e00000000000000"
    "43000000"
)
PROGRAM = LinedProgram("suite", SOURCE, COM, MAP)
