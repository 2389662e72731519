"""Instructions for an 8087, done by a boot sector (`x87/cases.asm`) on whatever has one."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blink16.cpu.x87.formats import from_temporary, to_temporary
from blink16.cpu.x87.reals import Real
from blink16.cpu.x87.rounding import Control, Exceptions

SECTOR = bytes.fromhex(
    "31c08ed0bc007cfcb800108ed8b9020030f68ec031db50b80102cd135872fe83c0203b0602007312fec180f9"
    "1372e3b10180f60175dcfec5ebd88b2e0000b820108ed831c08ec0be1600bf717ca5a4be1a00bf0006b90500"
    "f3a5bf0006dbe39bdb2e02009bdb2e0c009bd92e00009beb0090909026dd360a069bbae900be0a06b95e00e8"
    "1800be0006b90a00e80f008cd883c0038ed84d75aeb0fee664f426aceee2fbc3"
)
"""nasm -f bin -o cases.bin x87/cases.asm"""
MOST = 10_000
"""Cases that find room on a floppy, and in memory."""
AFFINE = 1 << 12
_CASE, _ANSWER = struct.Struct("<H10s10s3sx10s12x"), struct.Struct("<HHH8x10s10s60x10s")
ANSWER_SIZE = _ANSWER.size
_SEGMENT = 0x1020
_PRECISIONS = {24: 0, 53: 2, 64: 3}


class Case(NamedTuple):
    """An instruction, and what it finds."""

    code: bytes
    """Two bytes; one that has an operand in memory finds it at [DI], ten bytes there at most."""
    control: Control
    st: Real
    st1: Real
    memory: bytes = bytes(10)


class Answer(NamedTuple):
    """What an instruction leaves."""

    raised: Exceptions
    conditions: int
    """C0 to C3, where the status word has them."""
    tags: int
    st: Real
    st1: Real
    memory: bytes


def control_word(control: Control) -> int:
    """Return what FLDCW loads, for this."""
    word = control.rounding << 10 | _PRECISIONS[control.precision] << 8 | control.masked
    return word | (AFFINE if control.affine else 0)


def floppy(cases: Sequence[Case]) -> bytes:
    """Return a floppy of 1.44 MB that does all these, and ends with a reset."""
    assert 0 < len(cases) <= MOST
    body = b"".join(map(_packed, cases))
    end = _SEGMENT + -(-len(body) // 512) * 32
    image = SECTOR.ljust(510, b"\0") + b"\x55\xaa"
    image += struct.pack("<HH", len(cases), end).ljust(512, b"\0") + body
    return image.ljust(1_474_560, b"\0")


def _packed(case: Case) -> bytes:
    code = (b"\x26" if case.code[1] < 0xC0 else b"\x90") + case.code
    st1, st = map(to_temporary, (case.st1, case.st))
    return _CASE.pack(control_word(case.control), st1, st, code, case.memory)


def answers(shown: bytes) -> list[Answer]:
    """Return what the cases left, of what was written to port E9h."""
    return [
        Answer(
            Exceptions(status & 63),
            status & 0x4700,
            tags,
            from_temporary(st),
            from_temporary(st1),
            memory,
        )
        for _, status, tags, st, st1, memory in _ANSWER.iter_unpack(shown)
    ]


def ask_qemu(cases: Sequence[Case], folder: Path) -> list[Answer]:
    """Return what QEMU's x87, a 387 and more, leaves."""
    disk, shown = folder / "cases.img", folder / "shown"
    disk.write_bytes(floppy(cases))
    command = [
        *("qemu-system-i386", "-display", "none", "-no-reboot", "-net", "none", "-boot", "a"),
        *("-drive", f"file={disk},format=raw,if=floppy", "-debugcon", f"file:{shown}"),
        *("-serial", "null"),
    ]
    subprocess.run(command, timeout=120, check=True, capture_output=True)
    return answers(shown.read_bytes())
