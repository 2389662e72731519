"""Damages symbol files: maps of linkers, nm's output, and ELF with DWARF."""

from __future__ import annotations

import struct
from random import Random

from blink16.symbolfiles import LoadSegments, SymbolFileError, parse
from fuzz.harness import Case, Fuzzer

LINES = (
    "- NASM Map file ---------------------------------------------------------------",
    "-- Symbols --------------------------------------------------------------------",
    "---- Section .text ------------------------------------------------------------",
    "---- No Section ---------------------------------------------------------------",
    "Real              Virtual           Name",
    "             100               100  start",
    "FFFFFFFFFFFFFFFF  FFFFFFFFFFFFFFFF  huge",
    "Linker script and memory map",
    " .text          0x00000100      0x40 prog.o",
    "                0x00000100                _main",
    " Start  Stop   Length Name               Class",
    " 00000H 0012FH 00130H _TEXT              CODE",
    "  Address         Publics by Name",
    " 0000:0010       _main",
    " FFFF:FFFFFFFF   _far",
    "Open Watcom Linker Version 2.0",
    "Address        Symbol",
    "=======        ======",
    "0000:0010*     main_",
    "00000100 T _main",
    "00000104 t local",
    "         U undefined",
    "ffffffff B bss",
    "Line numbers for prog.obj(PROG.C) segment _TEXT",
    "    1 0000:0000     2 0000:0003",
)


def elf(random: Random) -> bytes:
    """Return a small ELF of an 8086 whose headers lie here and there."""
    sections = random.randrange(8)
    offset = random.choice((52, 0, 0xFFFFFFF0, 1 << 20))
    header = b"\x7fELF" + bytes((1, 1, 1)) + bytes(9)
    header += struct.pack(
        "<HHIIIIIHHHHHH",
        random.choice((1, 2, 3)),
        random.choice((3, 6, 0xFFFF)),
        1,
        random.getrandbits(20),
        0,
        offset,
        0,
        52,
        32,
        0,
        random.choice((40, 0, 0xFFFF)),
        sections,
        random.randrange(10),
    )
    body = b""
    for _ in range(sections):
        fields = [
            random.choice((0, 1, 9, random.getrandbits(32))),
            random.choice((0, 1, 2, 3, 8, 11)),
            random.getrandbits(4),
            random.getrandbits(20),
            random.choice((52, 0, 300, 0xFFFFFFF0)),
            random.choice((0, 16, 64, 4096, 0xFFFFFFFF)),
            random.randrange(10),
            random.randrange(10),
            1,
            random.choice((0, 16, 1)),
        ]
        body += struct.pack("<10I", *fields)
    names = b"\0.text\0.symtab\0.strtab\0.debug_info\0.debug_abbrev\0.debug_line\0.debug_str\0"
    return header + body + names + random.randbytes(random.randrange(500))


def generate(random: Random) -> Case:
    """Mix lines of all formats, with damage, or make an ELF."""
    if random.random() < 0.4:
        return elf(random).hex()
    lines = list(random.choices(LINES, k=random.randint(1, 40)))
    if random.random() < 0.7:
        lines.insert(0, random.choice((LINES[0], LINES[7], LINES[10], LINES[15])))
    data = bytearray("\n".join(lines).encode())
    for _ in range(random.randrange(5)):
        at = random.randrange(len(data))
        data[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
    return bytes(data).hex()


def run(case: Case) -> int:
    """Read it."""
    try:
        found = parse(bytes.fromhex(case), LoadSegments(0x1000, 0x2000, 0))
    except SymbolFileError:
        return 1
    for symbol in found.symbols:
        assert symbol.name
    return 1


FUZZER = Fuzzer(
    "symbols",
    "Any symbol file is names and lines, or a SymbolFileError, within a second.",
    "files",
    generate,
    run,
)
