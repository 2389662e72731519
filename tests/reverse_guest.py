"""A C program of bcc's with names and lines, for going forward and backward by lines.

``COM`` is what ``bcc -0 -Md`` makes of ``SOURCE``; the lines in ``MAP`` are by hand, after
``bcc -S -C-t``: bcc tells where a line begins, but not what belongs to its end.  Tests need no
compiler.
"""

from __future__ import annotations

from lined_program import LinedProgram
from unwind_guest import SEGMENT

from blink16 import symbolfiles
from blink16.symbolfiles import LoadSegments
from blink16.symbolfiles import elf as elf_file
from blink16.symbolfiles.dwarf_names import PRODUCER
from blink16.symbolfiles.elf import ElfSection, ElfSymbol, SectionFlag, SectionType, SymbolType
from blink16.symbols import SymbolKind

SOURCE = """\
int total;
int twice(n) int n;
{
    total = total + n;
    return n + n;
}
int factorial(n) int n;
{
    if (n < 2)
        return 1;
    return n * factorial(n - 1);
}
int bump()
{
    total++; return total;
}
int main()
{
    int i, f;
    total = 0;
    twice(1);
    f = twice(2);
    for (i = 0; i < 3; i++) total = total + i;
    for (i = 0; i < 3; i++) bump();
    f = factorial(4);
    total = bump() + twice(f);
    if (total > 5)
        total = 1;
    total = total / (total - total);
    total = 2;
    return 0;
}
"""
MAP = """\

 Start  Stop   Length Name                   Class
 0010CH 00206H 000FBH _TEXT                  CODE
 002B0H 00305H 00056H _DATA                  DATA

  Address         Publics by Value

 0000:010C       twice
 0000:0124       factorial
 0000:014B       bump
 0000:015E       main
 002B:0024       total

Line numbers for back.o(back.c) segment _TEXT

     2 0000:010C     4 0000:0111     5 0000:011A     6 0000:0120
     7 0000:0124     9 0000:0129    10 0000:0131    11 0000:0138
    12 0000:0147    13 0000:014B    15 0000:0150    16 0000:015A
    17 0000:015E    20 0000:0166    21 0000:016B    22 0000:0174
    23 0000:0180    24 0000:019F    25 0000:01B8    26 0000:01C4
    27 0000:01D8    28 0000:01E0    29 0000:01E6    30 0000:01F8
    31 0000:01FE    32 0000:0200

Program entry point at 0000:0100
"""
COM = bytes.fromhex(
    "e92101c3302e31362e3137005589e55756a12400034604a324008b46040346045e5f5dc35589e557568b"
    "46043d02007d07b801005e5f5dc38b46044850e8e4ff44448b4e04f7e95e5f5dc35589e55756a1240040"
    "a32400a124005e5f5dc35589e5575683c4fc31c0a32400b8010050e89aff4444b8020050e891ff444489"
    "46f831c08946faeb10a124000346faa324008b46fa408946fa8b46fa3d03007ce831c08946faeb0ae8a2"
    "ff8b46fa408946fa8b46fa3d03007ceeb8040050e865ff44448946f8ff76f8e842ff444450e87bff0346"
    "f64444a32400a124003d05007e06b80100a32400a124002b06240089c3a1240099f7fba32400b80200a3"
    "240031c083c4045e5f5dc30089e3ff77028b1e1a0085db7402ffd3444489e38b4702b44ccd21cd20b800"
    "30cd213c0272f58cca81c22b008eda8c061e0026a12c00a31c00268b1e02008cd8050010720639d87302"
    "89c38cc829c3b44acd217304b44acd2181eb2b00b104d3e383eb028ed289dc8ec2bf2400b92c0029f931"
    "c0fcf3aaff361800b8140050b8010050be08008b1c85db7402ffd34646ebf45b50e86affebfe5589e5c7"
    "060c002600b8ffff5dc3000000000000000000005e019902000000002c00000020000000160000000000"
    "000043000000"
)
BASE = SEGMENT << 4
TOTAL = BASE + 0x2B0 + 0x24
"""The linear address of the variable."""
PROGRAM = LinedProgram("back", SOURCE, COM, MAP)


def elf(producer: str) -> bytes:
    """Return an ELF with the same names and lines, as if that compiler had made it."""
    place = LoadSegments(SEGMENT, SEGMENT, SEGMENT)
    found = symbolfiles.parse_file(MAP.encode(), symbolfiles.parse_source("back.map"), place)
    assert found.debug is not None
    ours, theirs = PRODUCER.encode(), producer.encode()
    assert len(ours) == len(theirs)
    (code,) = found.debug.code
    flags = SectionFlag.ALLOC | SectionFlag.EXECINSTR
    text = ElfSection(".text", SectionType.NOBITS, flags, code.start, size=len(code))
    debug = [
        ElfSection(name, SectionType.PROGBITS, content=content.replace(ours, theirs))
        for name, content in found.debug.sections
    ]
    names = [
        ElfSymbol(one.name, one.address, 0, SymbolType.FUNC, 1)
        for one in found.symbols
        if one.kind is SymbolKind.CODE
    ]
    return elf_file.build([text, *debug], names, code.start)
