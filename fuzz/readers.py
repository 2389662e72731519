"""Damages the other files that are read: listings, debug information, disks of programs' files,
what a folder or a view has noted.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from unittest.mock import patch

from blink16.blinkenlights import recent
from blink16.cli import config_file
from blink16.cli.options import SERVER
from blink16.elks.minix import BLOCK, INODE, SUPERBLOCK, MinixError, MinixVolume
from blink16.setup.loader import LoadError
from blink16.symbolfiles import LoadSegments, SymbolFileError, codeview, parse, tds, watcom
from fuzz.harness import Case, Fuzzer, brief, scratch
from fuzz.loaders import mutated

NASM_LISTING = """\
     1                                  org 100h
     2                                  %macro say 1
     3                                   mov dx,%1
     4                                  %endmacro
     5                                  start:
     6 00000000 B90300                   mov cx,3
     7 00000003 E80800                   call greet
     8                                   say msg
     3 00000006 BA[1700]            <1>  mov dx,%1
     9 00000009 4869200D0A24            msg db 'Hi ',13,10,'$'
    10 0000000F 00<rep 14h>             times 20 db 0
    11                                  section .data
    12 00000000 (0500)                  count dw 5
    13          ******************       warning: word data exceeds bounds
"""
BCC_LISTING = """\
                 00001  1                       ! 1
                 00002                          .data
                 00003  0000                    export  _count
00000001                00004  0000             .text
  00005  0000  55                               push    bp
  00006  0001  89E5                             mov     bp,sp
  00007                                         ! Debug: eq int = const 3 to int count
Symbols:
_main            0:0000 E-R-
"""
LINE_MAP = """\
 Start  Stop   Length Name               Class
 00000H 0012FH 00130H _TEXT              CODE

Line numbers for prog.obj(PROG.C) segment _TEXT

    1 0000:0000     2 0000:0003     3 0000:0009
"""
TOML = """\
port = 1234
cpu = "80186"
memory = "512K"
A = ["disk.img,ro", "b.img"]
symbols = "prog.map,text=1000"
writable = true
["prog.com"]
date = 1986-03-07T12:00:00
env = ["A=B", "C=D"]
"""
RECENT = json.dumps([["banner", "HELLO"], ["/tmp/prog.com", "-v"]])
TEXTS = {"listing": NASM_LISTING, "bcc": BCC_LISTING, "lines": LINE_MAP}
TEXTS |= {"toml": TOML, "recent": RECENT}
_WORDS: tuple[str, ...] = ("0", "-1", "ffffffff", "9" * 20, "[", "]", "<rep 7fffffffh>", "<1>")
_WORDS += ("\0", "é", "=", "true", "nan", "{}", '"', "..", "/etc/passwd", "\n", "    1", "[[a]]")
_PLACE = LoadSegments(0x1000, 0x2000, 0)


@cache
def minix() -> bytes:
    """Return a small Minix disk with a folder and two files."""
    disk = bytearray(BLOCK * 32)
    described = {"inodes": 16, "zones": 32, "inode_map_blocks": 1, "zone_map_blocks": 1}
    described |= {"first_zone": 8, "log_zone_size": 0, "max_size": 1 << 20, "magic": 0x137F}
    disk[BLOCK : BLOCK + SUPERBLOCK.sizeof()] = SUPERBLOCK.build(described)

    def inode(number: int, mode: int, size: int, *zones: int) -> None:
        node = {"mode": mode, "uid": 0, "size": size, "mtime": 0, "gid": 0, "nlinks": 1}
        built = INODE.build(node | {"zones": [*zones, *[0] * (9 - len(zones))]})
        at = 4 * BLOCK + (number - 1) * INODE.sizeof()
        disk[at : at + INODE.sizeof()] = built

    def folder(zone: int, *entries: tuple[int, bytes]) -> int:
        content = b"".join(struct.pack("<H14s", number, name) for number, name in entries)
        disk[zone * BLOCK : zone * BLOCK + len(content)] = content
        return len(content)

    inode(1, 0o040755, folder(8, (1, b"."), (1, b".."), (2, b"bin"), (3, b"file")), 8)
    inode(2, 0o040755, folder(9, (2, b"."), (1, b".."), (4, b"prog")), 9)
    inode(3, 0o100644, 3000, 10, 11, 12)
    inode(4, 0o100755, 9 * BLOCK, *range(13, 20), 20)
    disk[20 * BLOCK : 20 * BLOCK + 4] = struct.pack("<HH", 21, 22)
    return bytes(disk)


MAX_LINE = 1 << 20
"""Characters of a line that was repeated: fifty times fifty of one soon fill a disk."""


@cache
def _debugged() -> tuple[bytes, ...]:
    """Return what compilers of the time left in programs, if the shared test inputs are there."""
    default = Path(__file__).resolve().parents[2] / "shared"
    found = (Path(os.environ.get("BLINK16_SHARED", default)) / "debuginfo").rglob("*.EXE")
    parts = [codeview.find(path.read_bytes()) or tds.find(path.read_bytes()) for path in found]
    return tuple(part for part in parts if part) or (b"NB00" + bytes(60), tds.MAGIC + bytes(60))


def _text(random: Random, text: str) -> bytes:
    """Damage a text: its words, its lines, its order, its bytes."""
    lines = text.split("\n")
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(lines))
        column = random.randrange(len(lines[at]) + 1)
        match random.randrange(6):
            case 0:
                lines[at] = lines[at][:column] + random.choice(_WORDS) + lines[at][column + 1 :]
            case 1:
                lines.insert(at, random.choice(lines))
            case 2:
                lines[at] = lines[at][:column]
            case 3:
                lines[at] = (lines[at] * random.choice((2, 50)))[:MAX_LINE]
            case 4:
                lines[at : at + 1] = []
                lines = lines or [""]
            case _:
                lines[at] = lines[at][:column] + chr(random.randrange(256)) + lines[at][column:]
    return "\n".join(lines).encode("latin-1", "replace")


def _bytes(random: Random, data: bytes) -> bytes:
    damaged = bytearray(mutated(random, data) if random.random() < 0.3 else data)
    for _ in range(random.randint(1, 6)):
        if damaged:
            at = random.randrange(len(damaged))
            edge = random.choice((b"\0", b"\xff", b"\xff\xff", b"\x80", random.randbytes(2)))
            damaged[at : at + len(edge)] = edge
    return bytes(damaged)


def generate(random: Random) -> Case:
    """Damage a file of a kind."""
    kind = random.choice((*TEXTS, "debug", "minix"))
    match kind:
        case "debug":
            data = _bytes(random, random.choice(_debugged()))
        case "minix":
            data = _bytes(random, minix())
        case _:
            data = _text(random, TEXTS[kind])
    return [kind, data.hex()]


def _symbols(data: bytes) -> None:
    parse(data, _PLACE)


def _debug(data: bytes) -> None:
    reader = codeview if data.startswith(b"NB") else tds if data.startswith(tds.MAGIC) else watcom
    reader.parse(data)


def _minix(data: bytes) -> None:
    volume = MinixVolume(
        lambda n: data[512 * n : 512 * n + 512].ljust(512, b"\0"), len(data) // 512
    )
    assert sum(len(content) for _, content in volume.files()) < 64 << 20


def _toml(data: bytes) -> None:
    path = scratch(config_file.NAME, data)
    words = config_file.options_for(path.with_name("prog.com"), SERVER)
    assert all(isinstance(word, str) for word in words)


def _recent(data: bytes) -> None:
    path = scratch("recent.json", data)
    with patch.object(recent, "_path", lambda: path):
        assert all(isinstance(word, str) for line in recent.recent() for word in line)


_READ: dict[str, Callable[[bytes], None]] = {
    "listing": _symbols,
    "bcc": _symbols,
    "lines": _symbols,
    "debug": _debug,
    "minix": _minix,
    "toml": _toml,
    "recent": _recent,
}


def run(case: Case) -> int:
    """Read it."""
    kind, content = case
    with suppress(SymbolFileError, MinixError, LoadError), brief(1.0):
        _READ[kind](bytes.fromhex(content))
    return 1


FUZZER = Fuzzer(
    "readers",
    "Any file that is read beside programs says something, or is refused in a line.",
    "files",
    generate,
    run,
    slowest=2.0,
)
