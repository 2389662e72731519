"""Conditional breakpoints of a real gdb."""

from __future__ import annotations

from pathlib import Path

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb

COUNT = bytes.fromhex(
    "8306 0002 01"  # 100h: add word [200h], 1
    "8316 0202 00"  # 105h: adc word [202h], 0
    "ebf4"  # 10Ah: jmp 100h
)
"""A program that counts for ever in the 32 bits at DS:0200."""
COUNTER = 0x100
"""Distance of the counter from the program's first instruction."""
MILLION = 1_000_000
NO_GDB = Path("no gdb")


def test_a_condition_false_a_million_times(tmp_path: Path, gdb: Gdb) -> None:
    """Prevents conditions that come to gdb for each hit, or that hold in one direction only."""
    (tmp_path / "count.com").write_bytes(COUNT)
    with Server("count.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        start = gdb.value("$pc")
        counter = f"*(int *) {start + COUNTER:#x}"
        assert gdb.value(counter) == 0
        gdb.run(f"break *{start:#x} if {counter} == {MILLION}")
        gdb.run("set remotetimeout 60")
        assert "Breakpoint 1" in gdb.run("continue")
        assert gdb.value(counter) == MILLION
        gdb.run("stepi 3")
        assert gdb.value(counter) == MILLION + 1
        assert "Breakpoint 1" in gdb.run("reverse-continue")
        assert gdb.value(counter) == MILLION
        gdb.run(f"condition 1 {counter} % 1000 == 7 && $eax != 1 && {counter} < 500000")
        assert "Breakpoint 1" in gdb.run("reverse-continue")
        assert gdb.value(counter) == 499_007
        gdb.run(f"condition 1 {counter} < 0")
        gdb.run("reverse-continue")
        assert gdb.value(counter) == 0


def test_breakpoints_with_conditions_at_one_address(gdb: Gdb) -> None:
    """Gdb sends two conditions with nothing between them: neither may be refused or lost."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("break *0x10087 if $eax == 13")
        gdb.run("break *0x10087 if $icount > 200")
        assert "Breakpoint 1" in gdb.run("continue")
        said = gdb.run("continue")
        assert "Breakpoint 2" in said, said


def test_hit_and_ignore_counts_in_both_directions(gdb: Gdb) -> None:
    """Prevents counts that miss hits, or count what a stub passed over by itself."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("break draw_letters")
        gdb.run("ignore 1 2")
        gdb.run('commands 1\nsilent\nprintf "at %d\\n", $icount\nend')
        gdb.run("tbreak end_line")
        assert "at 206" in gdb.run("continue")
        assert "already hit 3 times" in gdb.run("info breakpoints")
        assert "Temporary breakpoint 2" in gdb.run("continue")
        gdb.run("ignore 1 1")
        assert "at 117" in gdb.run("reverse-continue")
        listed = gdb.run("info breakpoints")
        assert "already hit 5 times" in listed
        assert "end_line" not in listed
        gdb.run("condition 1 $icount > 400")
        gdb.run("ignore 1 1")
        gdb.run("continue")
        assert gdb.value("$icount") > 438
        assert "already hit 7 times" in gdb.run("info breakpoints")
