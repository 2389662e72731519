"""Boot sectors in a real gdb, by the recipes that tutorials for QEMU share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from boot_sectors import sector
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb
ORIGIN = 0x7C00
SETS_UP = bytes.fromhex("31c0 8ed8 8ed0 bc007c e80400 f4 ebfd 90 b40e b041 cd10 c3")
"""xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7C00h; call 7C10h; hlt; jmp $-1; nop; 7C10h: mov
ah,0Eh; mov al,'A'; int 10h; ret"""
FAR_AWAY = bytes.fromhex("ea 05 00 c0 07") + SETS_UP
"""jmp 07C0h:0005h; …"""


@pytest.fixture
def boot(gdb: Gdb, tmp_path: Path) -> Iterator[Server]:
    """Serve a boot sector; nobody is attached."""
    (tmp_path / "boot.img").write_bytes(sector(SETS_UP))
    with Server("--console", "none", "boot.img", cwd=tmp_path) as server:
        yield server


@pytest.mark.parametrize(
    "before", [(), ("set architecture i8086",), ("set architecture i8086", "set osabi none")]
)
def test_break_at_7c00_and_continue(gdb: Gdb, boot: Server, before: tuple[str, ...]) -> None:
    """Prevents QEMU's recipe from running away, for gdb steps over where a machine stands."""
    for command in before:
        gdb.run(command)
    assert "jump_to_boot_sector ()" in gdb.run(boot.target)
    assert "jmp" in gdb.run("x/i $pc")
    assert gdb.run("bt").count("#") == 1
    gdb.run("set architecture i8086")
    gdb.run("break *0x7c00")
    assert "Breakpoint 1, " in gdb.run("continue")
    assert (gdb.value("$pc"), gdb.value("$icount")) == (ORIGIN, 1)
    assert "start ()" in gdb.run("bt")
    gdb.run("stepi 5")
    assert gdb.value("$pc") == ORIGIN + 0x10
    assert "Breakpoint 1, " in gdb.run("reverse-continue")
    assert "history" in gdb.run("reverse-continue")
    assert "jump_to_boot_sector ()" in gdb.run("frame")


@pytest.mark.parametrize("kind", ["tbreak", "hbreak", "thbreak"])
def test_other_breakpoints_there(gdb: Gdb, boot: Server, kind: str) -> None:
    """Prevents that from being so for one kind of breakpoint."""
    gdb.run(boot.target)
    gdb.run(f"{kind} *0x7c00")
    gdb.run("continue")
    assert gdb.value("$pc") == ORIGIN


def test_a_step_enters_the_boot_sector(gdb: Gdb, boot: Server) -> None:
    """Prevents tutorials that begin with `stepi` from showing the BIOS."""
    gdb.run(boot.target)
    assert "start ()" in gdb.run("stepi")
    assert gdb.value("$pc") == ORIGIN
    assert "Entry point: 0x7c00" in gdb.run("info files")


@pytest.mark.parametrize(
    "sum_of", ["$cs*16+$pc", "($cs * 16) + $eip", "$cs*16+((unsigned long)$eip&0xffff)"]
)
def test_sums_of_segment_and_eip(gdb: Gdb, boot: Server, tmp_path: Path, sum_of: str) -> None:
    """Prevents displays of QEMU's users from showing wrong code without a word."""
    gdb.run(boot.target)
    gdb.run("stepi")
    gdb.run(f"display/i {sum_of}")
    assert "mov    %ax,%ds" in gdb.run("stepi")
    assert "mov    %ax,%ss" in gdb.run(f"x/2i {sum_of}")
    gdb.run("disconnect")
    (tmp_path / "far.img").write_bytes(sector(FAR_AWAY))
    with Server("--console", "none", "far.img", cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("stepi")
        assert "are linear here, so x/5i $pc" in gdb.run("stepi") + gdb.run("stepi")
        assert "are linear" not in gdb.run("stepi") + gdb.run("stepi")
        assert "mov    $0x7c00,%sp" in gdb.run("x/i $cs*16+$ip")


def test_a_breakpoint_where_a_program_began(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a program that runs away from a breakpoint at its start without a word."""
    (tmp_path / "spin.com").write_bytes(bytes.fromhex("90 90 ebfe"))
    with Server("spin.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.run("break *$pc")
        gdb.run("tbreak *$pc+2")
        assert "has passed it" in gdb.run("continue")
        assert "Breakpoint 1, " in gdb.run("reverse-continue")
        gdb.run("stepi")
        assert "passed" not in gdb.run("stepi")
