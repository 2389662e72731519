"""What fewer DOS programs call: more loops for `benchmarks.services`, as in `benchmarks.dos_calls`.

File control blocks, names that change, IOCTL, drives as disks, and all of EMS and XMS.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.dos_calls import (
    BUFFER_OFFSET,
    CREATE,
    FILE,
    FOLDER,
    GET_XMS_ENTRY,
    GOAL,
    MOVE_OFFSET,
    NEW,
    OPEN_FOR_BOTH,
    TAKE_EMS,
    TAKE_XMS,
    Loop,
    call,
)

FCB, GOAL_FCB, SEARCH_FCB, RENAME_FCB, BACK_FCB = 0x400, 0x440, 0x480, 0x4C0, 0x500
OVERLAY, OVERLAY_NAME, TEMPORARY = 0x540, 0x548, 0x560
PAGE_LIST, REGION, CONTEXT = 0x580, 0x5A0, 0x600
OVERLAY_SIZE = 512
BX_AX = "89c3"
NO_NAME = "c606" + (TEMPORARY + 1).to_bytes(2, "little").hex() + "00"  # mov byte [...], 0
POP_FLAGS = "83c402"  # add sp, 2
XMS_HANDLE = "8b16da03"  # mov dx, [3dah]
KEEP_XMS = TAKE_XMS + bytes.fromhex("8916da03")  # mov [3dah], dx
XMS_TO_XMS = KEEP_XMS + bytes.fromhex("8916d403")  # mov [3d4h], dx


def _xms(number: int, **registers: int) -> str:
    """Return code for a function of the XMS driver."""
    return call(number, 0, **registers)[:-4] + "ff1ec003"  # no int, but call far [3c0h]


def _keeping_ds(code: str) -> str:
    return "1e" + code + "1f"  # push ds; ...; pop ds


OPEN_FCB = bytes.fromhex(call(0x0F, dx=FCB))
CREATE_FCB = bytes.fromhex(call(0x16, dx=GOAL_FCB))
INTO_FOLDER = bytes.fromhex(call(0x3B, dx=FOLDER))
NEXT_BY_FCB = "b412cd2108c074f8"  # mov ah, 12h; int 21h; or al, al; jz there
FCBS = (
    Loop("0Fh and 10h, open and close", call(0x0F, dx=FCB) + call(0x10, dx=FCB), calls=2),
    Loop("11h, 12h ..., 10 files", call(0x11, dx=SEARCH_FCB) + NEXT_BY_FCB, INTO_FOLDER, 11),
    Loop("14h, read", call(0x14, dx=FCB), OPEN_FCB),
    Loop("15h, write", call(0x15, dx=GOAL_FCB), CREATE_FCB),
    Loop(
        "16h, 10h, 13h, create and delete",
        call(0x16, dx=GOAL_FCB) + call(0x10, dx=GOAL_FCB) + call(0x13, dx=GOAL_FCB),
        calls=3,
    ),
    Loop("17h, rename", call(0x17, dx=RENAME_FCB) + call(0x17, dx=BACK_FCB), CREATE_FCB, 2),
    Loop("21h, read at random", call(0x21, dx=FCB), OPEN_FCB),
    Loop("22h, write at random", call(0x22, dx=GOAL_FCB), CREATE_FCB),
    Loop("23h, size in records", call(0x23, dx=FCB)),
    Loop("24h, set random record", call(0x24, dx=FCB)),
    Loop("27h, read a block at random", call(0x27, cx=1, dx=FCB), OPEN_FCB),
    Loop("28h, write a block at random", call(0x28, cx=1, dx=GOAL_FCB), CREATE_FCB),
)
"""INT 21h with file control blocks."""
FILES = (
    Loop("43h, set attributes", call(0x4301, cx=0, dx=FILE)),
    Loop("43h, change them", call(0x4301, cx=1, dx=FILE) + call(0x4301, cx=0, dx=FILE), calls=2),
    Loop(
        "46h and 3Eh, force and close",
        call(0x46, bx=1, cx=9) + call(0x3E, bx=9),
        calls=2,
    ),
    Loop("40h, cut off", call(0x4200, cx=0, dx=16) + call(0x40, cx=0), CREATE, 2),
    Loop("4B03h, an overlay", call(0x4B03, dx=OVERLAY_NAME, bx=OVERLAY)),
    Loop("56h, rename", call(0x56, dx=GOAL, di=NEW) + call(0x56, dx=NEW, di=GOAL), CREATE, calls=2),
    Loop("5701h, set a file's time", call(0x5701, cx=0x1234, dx=0x5678), OPEN_FOR_BOTH),
    Loop(
        "5Ah, 3Eh, 41h, a temporary file",
        NO_NAME + call(0x5A, cx=0, dx=TEMPORARY) + BX_AX + call(0x3E) + call(0x41, dx=TEMPORARY),
        calls=3,
    ),
    Loop(
        "5Bh, 3Eh, 41h, a new file",
        call(0x5B, cx=0, dx=NEW) + BX_AX + call(0x3E) + call(0x41, dx=NEW),
        calls=3,
    ),
    Loop("6Ch and 3Eh", call(0x6C00, bx=0, dx=1, si=FILE) + BX_AX + call(0x3E), calls=2),
    Loop("68h, commit", call(0x68, bx=1)),
    Loop("3Fh, a closed handle", call(0x3F, bx=19, cx=1, dx=BUFFER_OFFSET)),
    Loop("4Eh, one name", call(0x4E, cx=0, dx=FILE)),
    Loop("4Eh, no such file", call(0x4E, cx=0, dx=NEW)),
    Loop("71h, long names", call(0x7143)),
)
"""INT 21h on files and their names."""
DISKS = (
    Loop("1Bh, drive data", _keeping_ds(call(0x1B))),
    Loop("1Ch, drive data", _keeping_ds(call(0x1C, dx=0))),
    Loop("1Fh, parameters", _keeping_ds(call(0x1F))),
    Loop("32h, parameters", _keeping_ds(call(0x32, dx=0))),
    Loop("4401h, set what a handle is", call(0x4401, bx=1, dx=0x80)),
    Loop("4407h, is it ready for output", call(0x4407, bx=1)),
    Loop("4408h, removable?", call(0x4408, bx=3)),
    Loop("4409h, remote?", call(0x4409, bx=3)),
    Loop("440Ah, a remote file?", call(0x440A), OPEN_FOR_BOTH),
    Loop("440Dh/60h, parameters", call(0x440D, bx=3, cx=0x0860, dx=BUFFER_OFFSET)),
    Loop("440Dh/66h, serial number", call(0x440D, bx=3, cx=0x0866, dx=BUFFER_OFFSET)),
    Loop("440Eh, letters", call(0x440E, bx=3)),
    Loop("50h, set PSP", "0e5b" + call(0x50)),
    Loop("52h, list of lists", call(0x52)),
    Loop("5D06h, swappable area", _keeping_ds(call(0x5D06))),
    Loop("66h, code page", call(0x6601)),
    Loop("67h, handle count", call(0x67, bx=20)),
    Loop("69h, serial number", call(0x6900, bx=3, dx=BUFFER_OFFSET)),
    Loop("INT 25h, a sector", call(2, 0x25, bx=BUFFER_OFFSET, cx=1, dx=0) + POP_FLAGS),
    Loop("INT 26h, no sectors", call(2, 0x26, bx=BUFFER_OFFSET, cx=1, dx=0) + POP_FLAGS),
    Loop("INT 2Fh/1200h, installed", call(0x1200, 0x2F)),
    Loop("INT 2Fh/4300h, XMS?", call(0x4300, 0x2F)),
    Loop("INT 2Fh/4310h, XMS' entry", "06" + call(0x4310, 0x2F) + "07"),
    Loop("INT 2Fh, others'", call(0xB700, 0x2F)),
)
"""Drives, handles, PSPs and who else is there."""
EMS = (
    Loop("INT 67h/40h, status", call(0x40, 0x67)),
    Loop("INT 67h/41h, frame", call(0x41, 0x67)),
    Loop("INT 67h/43h and 45h, handles", call(0x43, 0x67, bx=4) + call(0x45, 0x67), calls=2),
    Loop(
        "INT 67h/44h, four pages in turn",
        "".join(call(0x4400, 0x67, bx=page) for page in range(4)),
        TAKE_EMS,
        4,
    ),
    Loop(
        "INT 67h/44h, after a write",
        "b800d08ec0"  # mov ax, 0d000h; mov es, ax
        + "".join("26fe060000" + call(0x4400, 0x67, bx=page) for page in range(4)),
        TAKE_EMS,
        4,
    ),
    Loop("INT 67h/46h, version", call(0x46, 0x67)),
    Loop("INT 67h/47h and 48h, save", call(0x47, 0x67) + call(0x48, 0x67), TAKE_EMS, 2),
    Loop("INT 67h/4Bh, handles", call(0x4B, 0x67)),
    Loop("INT 67h/4Ch, pages", call(0x4C, 0x67), TAKE_EMS),
    Loop("INT 67h/4Dh, all pages", call(0x4D, 0x67, di=BUFFER_OFFSET), TAKE_EMS),
    Loop("INT 67h/4E00h, get the map", call(0x4E00, 0x67, di=CONTEXT), TAKE_EMS),
    Loop(
        "INT 67h/4E01h, set the map",
        call(0x4E01, 0x67, si=CONTEXT),
        TAKE_EMS + bytes.fromhex(call(0x4E00, 0x67, di=CONTEXT)),
    ),
    Loop("INT 67h/4E03h, its size", call(0x4E03, 0x67)),
    Loop("INT 67h/4F02h, a part's size", call(0x4F02, 0x67, bx=2)),
    Loop("INT 67h/5000h, four pages", call(0x5000, 0x67, cx=4, si=PAGE_LIST), TAKE_EMS),
    Loop("INT 67h/51h, resize", call(0x51, 0x67, bx=4), TAKE_EMS),
    Loop("INT 67h/52h, attributes", call(0x5200, 0x67), TAKE_EMS),
    Loop("INT 67h/5300h, a name", call(0x5300, 0x67, di=BUFFER_OFFSET), TAKE_EMS),
    Loop("INT 67h/5400h, all names", call(0x5400, 0x67, di=BUFFER_OFFSET), TAKE_EMS),
    Loop(
        "INT 67h/5700h, 512 bytes",
        call(0x5700, 0x67, si=REGION),
        TAKE_EMS + b"\x89\x16" + (REGION + 12).to_bytes(2, "little"),  # mov [...], dx
    ),
    Loop("INT 67h/58h, windows", call(0x5800, 0x67, di=BUFFER_OFFSET)),
    Loop("INT 67h/5900h, the board", call(0x5900, 0x67, di=BUFFER_OFFSET)),
    Loop("INT 67h/5901h, raw pages", call(0x5901, 0x67)),
)
"""Expanded memory."""
XMS = (
    Loop("XMS 00h, version", _xms(0x00), GET_XMS_ENTRY),
    Loop("XMS 07h, A20", _xms(0x07), GET_XMS_ENTRY),
    Loop("XMS 09h and 0Ah, a block", _xms(0x09, dx=64) + _xms(0x0A), GET_XMS_ENTRY, 2),
    Loop("XMS 0Bh, within, 512 bytes", _xms(0x0B, si=MOVE_OFFSET), XMS_TO_XMS),
    Loop(
        "XMS 0Ch and 0Dh, lock",
        XMS_HANDLE + _xms(0x0C) + XMS_HANDLE + _xms(0x0D),
        KEEP_XMS,
        2,
    ),
    Loop("XMS 0Eh, a handle", XMS_HANDLE + _xms(0x0E), KEEP_XMS),
    Loop("XMS 0Fh, resize", XMS_HANDLE + _xms(0x0F, bx=64), KEEP_XMS),
    Loop("XMS 10h, upper memory", _xms(0x10, dx=1), GET_XMS_ENTRY),
)
"""Extended memory."""
GROUPS = (FCBS, FILES, DISKS, EMS, XMS)


def fill(folder: Path) -> None:
    """Put files into the folder that the calls find as drive C."""
    (folder / "o").write_bytes(bytes(OVERLAY_SIZE))


def data() -> dict[int, bytes]:
    """Return what lies in the program's segment, by offset."""

    def fcb(name: str, new: str = "") -> bytes:
        named = b"\0" + name.encode().ljust(11)
        return (named + bytes(5) + new.encode().ljust(11) if new else named).ljust(37, b"\0")

    pages = b"".join(n.to_bytes(2, "little") * 2 for n in range(4))
    to_pages = (512).to_bytes(4, "little") + bytes(7) + b"\x01" + bytes(6)
    return {
        FCB: fcb("F"),
        GOAL_FCB: fcb("G"),
        SEARCH_FCB: fcb("FILE????TXT"),
        RENAME_FCB: fcb("G", "NEW"),
        BACK_FCB: fcb("NEW", "G"),
        OVERLAY: (0x8000).to_bytes(2, "little") + bytes(2),
        OVERLAY_NAME: b"\\o\0",
        TEMPORARY: b"\\\0",
        PAGE_LIST: pages,
        REGION: to_pages,
    }
