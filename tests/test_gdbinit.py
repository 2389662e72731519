"""scripts/gdbinit-8086 in a real gdb."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import DEBIAN_GDB, PROJECT, Gdb, Server, gdbs
from line_guest import ELF
from unwind_guest import COM, LABELS, SEGMENT

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
SCRIPT = PROJECT / "scripts" / "gdbinit-8086"
BASE = SEGMENT << 4


@pytest.fixture(
    params=gdbs() or [NO_GDB], ids=lambda path: "debian" if path == DEBIAN_GDB else "extra"
)
def gdb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gdb]:
    """Return a gdb with the script and an ELF for the i386, attached to a .COM program."""
    if request.param == NO_GDB:
        pytest.fail("no gdb: install the test extra (pip install -e '.[test]')")
    (tmp_path / "plain.com").write_bytes(COM)
    (tmp_path / "other.elf").write_bytes(ELF)
    with (
        Server("plain.com", "one", "two", cwd=tmp_path) as server,
        Gdb(request.param, "-x", str(SCRIPT)) as gdb,
    ):
        gdb.run(f"file {tmp_path / 'other.elf'}")
        gdb.run(server.target)
        yield gdb


def test_a_file_of_the_user_s_keeps_16_bit_code(gdb: Gdb) -> None:
    """Prevents the switch to i386 that an ELF brings along."""
    assert "i8086" in gdb.run("show architecture")
    assert re.search(r"jmp +0x1007c", gdb.run("x/i $pc"))


def test_frames_unwind_without_the_board(gdb: Gdb) -> None:
    """Prevents gdb's own 32-bit guesses, and registers that are lost in outer frames."""
    gdb.run(f"b16 {SEGMENT:x}:{LABELS['factorial']:x}")
    gdb.run("continue")
    gdb.run("continue")
    assert gdb.run("bt").count("in ?? ()") == 3
    gdb.run("delete")
    caller = BASE + LABELS["factorial"] + 0x10
    gdb.run("finish")
    assert gdb.value("$pc") == caller
    gdb.run("up")
    assert gdb.value("$ip") == gdb.value("$pc") - BASE
    assert f"CS:IP={SEGMENT:04X}:" in gdb.run("regs")


def test_far_addresses(gdb: Gdb) -> None:
    """Prevents users from having to multiply by sixteen."""
    assert gdb.value("$seg(0x1000, 0x20)") == 0x10020
    assert "Breakpoint 1 at 0x12345" in gdb.run("b16 1234:5")
    assert "Breakpoint 2 at 0x10020\n" in gdb.run("b16 1000:0020 if $eax == 1")
    assert "0x10000" in gdb.run("x16 /2xb cs:$ip")
    assert "b16: " in gdb.run("b16 nonsense")


def test_tables_are_decoded(gdb: Gdb) -> None:
    """Prevents displays that fail on what a PC and DOS have."""
    assert re.search(r"AX=[0-9A-F]{4} .*SP=FFFE", gdb.run("regs"))
    assert gdb.run("stack 3").count(f"{SEGMENT:04X}:") == 3
    assert "21h  F000:" in gdb.run("ivt 21")
    assert "ticks" in gdb.run("bda")
    assert f"PSP {SEGMENT:04X}" in gdb.run("psp")
    assert "' one two" in gdb.run("psp")
    assert f"owner {SEGMENT:04X}" in gdb.run("mcb")
    assert "screen: " not in gdb.run("screen")


def test_time_travel_shows_fresh_registers(gdb: Gdb) -> None:
    """Prevents gdb from showing the registers of another instant after a seek."""
    gdb.run("bookmark here")
    gdb.run("stepi 20")
    assert gdb.value("$icount") == 20
    gdb.run("seek 7")
    assert gdb.value("$icount") == 7
    gdb.run("seek here")
    assert gdb.value("$icount") == 0
    assert gdb.value("$pc") == BASE + 0x100


def test_commands_have_help(gdb: Gdb) -> None:
    """Prevents commands that nobody finds."""
    listed = gdb.run("help blink16")
    for name in ("b16", "x16", "regs", "stack", "ivt", "bda", "mcb", "psp", "screen", "seek"):
        assert name in listed
        assert name in gdb.run(f"help {name}")
