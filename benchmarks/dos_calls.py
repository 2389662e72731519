"""What DOS programs call: loops of calls for `benchmarks.services`, with what they find there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Loop(NamedTuple):
    """Calls in a loop: their code, and what stands before the loop."""

    name: str
    code: str
    before: bytes = b""
    calls: int = 1
    """In a round."""


FILE_SIZE = 15 << 20
"""More than is read in all rounds."""
FEW, MANY = 10, 1000
"""Files in two folders."""
NAMES = {
    0x300: "\\f",
    0x320: "\\g",
    0x330: "\\few\\*.*",
    0x340: "\\many\\*.*",
    0x350: "\\few",
    0x360: "\\new",
}
"""By offset in the program's segment."""
FILE, GOAL, FEW_FILES, MANY_FILES, FOLDER, NEW = NAMES
TEXT_OFFSET, TEXT = 0x380, b"What a program says\r\n$"
XMS_OFFSET, MOVE_OFFSET = 0x3C0, 0x3D0
BUFFER_OFFSET = 0x1000
SHORT_STACK = bytes.fromhex("bcfe0f")  # mov sp, 0ffeh: what is behind it is to be free
SHRINK = bytes.fromhex("bb0020b44acd21")  # mov bx, 2000h; mov ah, 4ah; int 21h
OPEN_FOR_BOTH = bytes.fromhex("ba0003b8023dcd2189c3")  # mov dx, FILE; ...; mov bx, ax
CREATE = bytes.fromhex("31c9ba2003b43ccd2189c3")  # xor cx, cx; mov dx, GOAL; ...; mov bx, ax
GET_XMS_ENTRY = bytes.fromhex("b81043cd2f891ec0038c06c203")  # int 2fh; mov [3c0h], bx and es
TAKE_EMS = bytes.fromhex("bb0400b443cd67")  # four pages; the handle is in DX
TAKE_XMS = GET_XMS_ENTRY + bytes.fromhex("ba4000b409ff1ec003")  # 64 KiB; the handle is in DX
_BX_AX, _ES_AX = "89c3", "8ec0"


def call(number: int, vector: int = 0x21, **registers: int) -> str:
    """Return code for an interrupt: ``number`` into AX, or AH alone; other registers by name."""
    code = b""
    for name, value in registers.items():
        code += bytes((0xB8 + ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di").index(name),))
        code += value.to_bytes(2, "little")
    into = bytes((0xB4, number)) if number < 0x100 else b"\xb8" + number.to_bytes(2, "little")
    return (code + into + bytes((0xCD, vector))).hex()


def _transfers() -> tuple[Loop, ...]:
    """Reads and writes of several sizes; the large ones begin anew at the file's start."""
    start = call(0x4200, cx=0, dx=0)
    loops = []
    for number, name, before in ((0x3F, "read", OPEN_FOR_BOTH), (0x40, "write", CREATE)):
        for size in (1, 16, 512):
            code = call(number, cx=size, dx=BUFFER_OFFSET)
            loops.append(Loop(f"{number:02X}h, {name} {size} bytes", code, before))
        code = start + call(number, cx=32768, dx=BUFFER_OFFSET)
        loops.append(Loop(f"42h, {number:02X}h, {name} 32,768 bytes", code, before, 2))
    code = start + call(0x40, cx=16, dx=BUFFER_OFFSET)
    return (*loops, Loop("42h, 40h, 16 bytes of 15 MiB", code, OPEN_FOR_BOTH, 2))


def _searches() -> tuple[Loop, ...]:
    """A whole search: 4Eh, and 4Fh until there are no more."""
    next_one = "b44fcd2173fa"  # mov ah, 4fh; int 21h; jnc there
    return tuple(
        Loop(f"4Eh, 4Fh ..., {count} files", call(0x4E, cx=0, dx=at) + next_one, calls=count + 1)
        for at, count in ((FEW_FILES, FEW), (MANY_FILES, MANY))
    )


FUNCTIONS = (
    Loop("30h, version", call(0x30)),
    Loop("02h, show a character", call(0x02, dx=0x41)),
    Loop("02h, show a tab", call(0x02, dx=9)),
    Loop("02h, to the next line", call(0x02, dx=10)),
    Loop("06h, show a character", call(0x06, dx=0x41)),
    Loop("06h, take a key, none", call(0x06, dx=0xFF)),
    Loop("09h, show 21 characters", call(0x09, dx=TEXT_OFFSET)),
    Loop("0Bh, a key?", call(0x0B)),
    Loop("0Dh, reset disks", call(0x0D)),
    Loop("0Eh, select drive", call(0x0E, dx=2)),
    Loop("19h, current drive", call(0x19)),
    Loop("1Ah, set transfer area", call(0x1A, dx=0x80)),
    Loop("2Fh, get transfer area", call(0x2F)),
    Loop("25h, set vector", call(0x2560, dx=0x100)),
    Loop("35h, get vector", call(0x3521)),
    Loop("29h, parse a name", call(0x2901, si=FILE, di=BUFFER_OFFSET)),
    Loop("2Ah, date", call(0x2A)),
    Loop("2Ch, time", call(0x2C)),
    Loop("33h, Ctrl-C check", call(0x3300)),
    Loop("34h, InDOS", call(0x34)),
    Loop("36h, free space", call(0x36, dx=0)),
    Loop("38h, country", call(0x3800, dx=BUFFER_OFFSET)),
    Loop("39h and 3Ah, make and remove", call(0x39, dx=NEW) + call(0x3A, dx=NEW), calls=2),
    Loop("3Bh, change directory", call(0x3B, dx=FOLDER)),
    Loop("3Ch and 3Eh, create and close", call(0x3C, cx=0, dx=GOAL) + _BX_AX + call(0x3E), calls=2),
    Loop("3Dh and 3Eh, open and close", call(0x3D00, dx=FILE) + _BX_AX + call(0x3E), calls=2),
    Loop("3Dh, no such file", call(0x3D00, dx=NEW)),
    *_transfers(),
    Loop("40h, 16 bytes to the console", call(0x40, bx=1, cx=16, dx=TEXT_OFFSET)),
    Loop("40h, 512 bytes to the console", call(0x40, bx=1, cx=512, dx=BUFFER_OFFSET)),
    Loop("40h, 16 bytes to the printer", call(0x40, bx=4, cx=16, dx=TEXT_OFFSET)),
    Loop("42h, seek", call(0x4200, cx=0, dx=0), OPEN_FOR_BOTH),
    Loop("42h, seek from the end", call(0x4202, cx=0, dx=0), OPEN_FOR_BOTH),
    Loop("43h, attributes", call(0x4300, dx=FILE)),
    Loop("4400h, what a handle is", call(0x4400, bx=1)),
    Loop("4406h, is there input", call(0x4406), OPEN_FOR_BOTH),
    Loop("4406h, is there a key", call(0x4406, bx=0)),
    Loop("45h and 3Eh, duplicate and close", call(0x45, bx=1) + _BX_AX + call(0x3E), calls=2),
    Loop("47h, current directory", call(0x47, dx=0, si=BUFFER_OFFSET)),
    Loop("48h and 49h, a block", call(0x48, bx=16) + _ES_AX + call(0x49), SHRINK, 2),
    Loop("4Ah, resize", call(0x4A, bx=0x2000)),
    *_searches(),
    Loop("51h, PSP", call(0x51)),
    Loop("54h, verify", call(0x54)),
    Loop("57h, a file's time", call(0x5700), OPEN_FOR_BOTH),
    Loop("58h, strategy", call(0x5800)),
    Loop("59h, the last error", call(0x59, bx=0)),
    Loop("60h, whole name", call(0x60, si=FILE, di=BUFFER_OFFSET)),
    Loop("62h, PSP", call(0x62)),
    Loop("65h, country", call(0x6501, bx=0xFFFF, dx=0xFFFF, cx=41, di=BUFFER_OFFSET)),
    Loop("65h, upper case", call(0x6520, dx=0x61)),
)
"""INT 21h, files as a folder of the host."""
OTHERS = (
    Loop("INT 10h/02h, the cursor", call(0x02, 0x10, bx=0, dx=0)),
    Loop("INT 10h/06h, scroll", call(0x0601, 0x10, bx=0x700, cx=0, dx=0x184F)),
    Loop("INT 10h/09h, a character", call(0x0941, 0x10, bx=7, cx=1)),
    Loop("INT 10h/09h, 80 characters", call(0x0941, 0x10, bx=7, cx=80)),
    Loop("INT 10h/0Eh, a character", call(0x0E41, 0x10, bx=7)),
    Loop("INT 10h/0Eh, to the next line", call(0x0E0A, 0x10, bx=7)),
    Loop("INT 11h, equipment", call(0, 0x11)),
    Loop("INT 12h, memory", call(0, 0x12)),
    Loop("INT 13h/00h, reset", call(0, 0x13, dx=0x80)),
    Loop("INT 16h/01h, a key?", call(1, 0x16)),
    Loop("INT 16h/02h, shift keys", call(2, 0x16)),
    Loop("INT 1Ah/00h, ticks", call(0, 0x1A)),
    Loop("INT 28h, idle", call(0, 0x28)),
    Loop("INT 29h, a character", call(0x0041, 0x29)),
    Loop("INT 2Fh/1680h, time slice", call(0x1680, 0x2F)),
    Loop("INT 33h/03h, mouse", call(0x0003, 0x33)),
    Loop("INT 33h/0Bh, mouse moved", call(0x000B, 0x33)),
    Loop("INT 67h/42h, EMS pages", call(0x42, 0x67)),
    Loop("INT 67h/44h, EMS map", call(0x4400, 0x67, bx=0), TAKE_EMS),
    Loop("XMS 08h, free", "b408ff1ec003", GET_XMS_ENTRY),
    Loop("XMS 0Bh, 512 bytes", "b40bbed003ff1ec003", TAKE_XMS + bytes.fromhex("8916da03")),
)
"""Beside INT 21h, with what may be there: XMS and EMS."""


def fill(folder: Path) -> None:
    """Put files into the folder that the calls find as drive C."""
    (folder / "f").write_bytes(bytes(FILE_SIZE))
    for name, count in (("few", FEW), ("many", MANY)):
        (folder / name).mkdir()
        for number in range(count):
            (folder / name / f"file{number:04}.txt").write_bytes(b"content")


def data() -> dict[int, bytes]:
    """Return what lies in the program's segment, by offset."""
    named = {at: name.encode() + b"\0" for at, name in NAMES.items()}
    move = (512).to_bytes(4, "little") + bytes(6) + bytes(2)  # from conventional memory
    return {**named, TEXT_OFFSET: TEXT, MOVE_OFFSET: move}
