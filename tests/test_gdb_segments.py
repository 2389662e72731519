"""A program of several segments and a boot sector in a real gdb, and what gdb does to memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from line_guest import IMAGE

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
OUTER, INNER = 0x20, 0x40
"""Offsets of the second and third segment in the program."""


def far_program() -> bytes:
    """Return an .EXE whose three code segments call each other far."""
    start = bytes.fromhex(
        "9a 00 00 02 00"  # 0000:0 call 2:0
        "9a 00 00 02 00"  # 0000:5 call 2:0
        "b8 00 4c cd 21"  # 0000:A exit
    )
    outer = bytes.fromhex(
        "55 89 e5"  # 0002:0 push bp; mov bp,sp
        "81 ec 00 01"  # 0002:3 sub sp,100h
        "9a 00 00 04 00"  # 0002:7 call 4:0
        "89 ec 5d cb"  # 0002:C mov sp,bp; pop bp; retf
    )
    inner = bytes.fromhex("56 46 5e cb")  # 0004:0 push si; inc si; pop si; retf
    image = start.ljust(OUTER, b"\x90") + outer.ljust(INNER - OUTER, b"\x90") + inner
    relocations = struct.pack("<6H", 3, 0, 8, 0, 10, 2)
    size = 48 + len(image)
    head = (size % 512, size // 512 + 1, 3, 3, 0x40, 0xFFFF, 5, 0x200, 0, 0, 0, 28, 0)
    return (b"MZ" + struct.pack("<13H", *head) + relocations).ljust(48, b"\0") + image


@pytest.fixture
def far(tmp_path: Path, gdb: Gdb) -> Iterator[int]:
    """Return where the program of several segments lies; gdb is attached before its start."""
    (tmp_path / "far.exe").write_bytes(far_program())
    with Server("far.exe", cwd=tmp_path) as server:
        gdb.run(server.target)
        yield gdb.value("$pc")


@pytest.fixture
def boot(tmp_path: Path, gdb: Gdb) -> Iterator[None]:
    """Attach gdb to a boot sector without symbols that counts down by recursion."""
    (tmp_path / "count.img").write_bytes(IMAGE)
    with Server("count.img", cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("tbreak *0x7c00")
        gdb.run("continue")
        yield


def addresses(gdb: Gdb) -> list[int]:
    """Return the addresses of the backtrace, which must end without complaint."""
    said = gdb.run("bt")
    assert "Backtrace stopped" not in said, said
    return [int(found, 16) for found in re.findall(r"^#\d+ +0x([0-9a-f]+) in", said, re.MULTILINE)]


# -- segments --------------------------------------------------------------------------------


def test_a_backtrace_through_three_segments(gdb: Gdb, far: int) -> None:
    """Prevents return addresses that are read without their segments."""
    gdb.run(f"tbreak *{far + INNER + 1:#x}")
    gdb.run("continue")
    assert addresses(gdb) == [far + INNER + 1, far + OUTER + 12, far + 5]
    segments = []
    for frame in range(3):
        gdb.run(f"frame {frame}")
        segments.append(gdb.value("$cs") - far // 16)
    assert segments == [4, 2, 0]


def test_finish_comes_back_to_the_caller_s_segment(gdb: Gdb, far: int) -> None:
    """Prevents a `finish` that waits at an offset of the callee's segment."""
    gdb.run(f"tbreak *{far + INNER:#x}")
    gdb.run("continue")
    gdb.run("finish")
    assert gdb.value("$pc") == far + OUTER + 12
    assert gdb.value("$ip") == 12
    gdb.run("finish")
    assert gdb.value("$pc") == far + 5
    gdb.run("reverse-stepi")
    gdb.run("reverse-finish")
    assert gdb.value("$pc") == far


def test_nexti_passes_over_far_calls_both_ways(gdb: Gdb, far: int) -> None:
    """Prevents steps into functions that are to be passed over."""
    gdb.run("nexti")
    assert gdb.value("$pc") == far + 5
    gdb.run("nexti")
    assert gdb.value("$pc") == far + 10
    gdb.run("reverse-nexti")
    assert gdb.value("$pc") == far + 5
    gdb.run("reverse-nexti")
    assert (gdb.value("$pc"), gdb.value("$icount")) == (far, 0)


# -- a boot sector ---------------------------------------------------------------------------


def test_recursion_in_a_boot_sector(gdb: Gdb, boot: None) -> None:
    """Prevents the loss of all comfort where there is no system, no loader and no symbol."""
    countdown = 0x7C00 + IMAGE.index(b"\x55\x89\xe5", 1)
    gdb.run(f"break *{countdown:#x}")
    for _ in range(3):
        gdb.run("continue")
    inner = addresses(gdb)
    assert len(inner) == 4
    assert inner[1] == inner[2]
    gdb.run("delete")
    gdb.run("finish")
    assert addresses(gdb) == inner[1:]
    gdb.run("reverse-nexti")
    assert gdb.value("$pc") == inner[1] - 3
    gdb.run("nexti")
    assert addresses(gdb) == inner[1:]


# -- memory and registers --------------------------------------------------------------------


def test_find_is_done_here(gdb: Gdb, far: int) -> None:
    """Prevents a search that fetches a megabyte packet by packet, or misses the last byte."""
    gdb.run("set debug remote 1")
    said = gdb.run(f"find /b 0, 0xfffff, {', '.join(f'{b:#x}' for b in b'FVW')}, 0x46, 0x5e, 0xcb")
    assert "qSearch:memory" in said
    assert "not found" in said
    gdb.run("set debug remote 0")
    assert f"{far + INNER:#x}" in gdb.run("find /b 0, 0xfffff, 0x56, 0x46, 0x5e, 0xcb")
    gdb.run("set {char}0xfffff = 0x77")
    gdb.run("set {char}0xffffe = 0x56")
    assert "0xffffe" in gdb.run("find /b 0xffff0, +16, 0x56, 0x77")


def test_sections_are_compared_here(gdb: Gdb, boot: None, tmp_path: Path) -> None:
    """Prevents a checksum that is not gdb's."""
    from line_guest import ELF

    (tmp_path / "count.elf").write_bytes(ELF)
    gdb.run("set architecture i8086")
    gdb.run(f"file {tmp_path / 'count.elf'}")
    assert re.search(r"\.text.*: matched", gdb.run("compare-sections"))
    gdb.run("set {char}0x7c01 = 0")
    assert re.search(r"\.text.*: MIS-MATCHED", gdb.run("compare-sections"))


def test_dump_and_restore(gdb: Gdb, far: int, tmp_path: Path) -> None:
    """Prevents memory that comes back changed from a file."""
    path = tmp_path / "piece"
    gdb.run(f"dump binary memory {path} {far:#x} {far + 0x44:#x}")
    assert path.read_bytes()[OUTER : OUTER + 3] == b"\x55\x89\xe5"
    gdb.run(f"restore {path} binary 0x40000")
    assert gdb.bytes_at(0x40000 + INNER, 4) == ["0x56", "0x46", "0x5e", "0xcb"]


def test_segment_registers_can_be_set(gdb: Gdb, far: int) -> None:
    """Prevents writes that are lost, and ones that leave pc or sp in another place."""
    for name in ("ds", "es"):
        gdb.run(f"set var ${name} = 0x1234")
        assert gdb.value(f"${name}") == 0x1234
    gdb.run("set var $ss = 0x3000")
    assert gdb.value("$esp") == 0x30000 + gdb.value("$sp16")
    gdb.run("set var $ax = 0x4321")
    assert gdb.value("$eax") == 0x4321


def test_jump_goes_on_elsewhere(gdb: Gdb, far: int) -> None:
    """Prevents a `jump` that takes an address for an offset."""
    gdb.run(f"tbreak *{far + 0xD:#x}")
    gdb.run(f"jump *{far + 0xA:#x}")
    assert gdb.value("$pc") == far + 0xD
    assert gdb.value("$icount") == 1


def test_inferior_calls_are_refused(gdb: Gdb) -> None:
    """Prevents a call with a 32-bit return address, which would leave a ruined machine."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("break plot")
        gdb.run("continue")
        state, stack = gdb.run("info registers"), gdb.bytes_at(gdb.value("$esp") - 64, 64)
        for call in ("p ((int(*)(int))draw_letters)(5)", "call draw_letters()"):
            assert "gdb can't call functions here" in gdb.run(call)
        assert gdb.run("info registers") == state
        assert gdb.bytes_at(gdb.value("$esp") - 64, 64) == stack
        assert "draw_letters" in gdb.run("up")
