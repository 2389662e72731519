"""System calls that are caught, and symbols that come later, in a real gdb."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from line_guest import ELF, IMAGE

pytestmark = pytest.mark.gdb
NO_GDB = Path("no gdb")
STOPPED = "Program received signal SIGINT"


def test_system_calls_are_caught_both_ways(gdb: Gdb) -> None:
    """Prevents gdb from taking a stop that is not its own for none at all."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        assert "catch 1: elks write" in gdb.run("monitor catch elks write")
        said = gdb.run("continue")
        assert re.search(r"catch 1: ELKS write, BX=0001 .* <end_line\+\d+>", said), said
        assert STOPPED in said
        assert "in end_line ()" in gdb.run("bt")
        first = gdb.value("$icount")
        gdb.run("continue")
        assert STOPPED in gdb.run("reverse-continue")
        assert gdb.value("$icount") == first


def test_stepping_over_the_call_is_caught_too(gdb: Gdb) -> None:
    """Prevents `nexti` from going through what is to be caught, unlike at a breakpoint."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("monitor catch elks write")
        gdb.run("break end_line")
        gdb.run("continue")
        said = gdb.run("nexti 60")
        assert "catch 1: ELKS write" in said
        assert STOPPED in said
        assert "int80" in gdb.run("x/i $pc")
        gdb.run("reverse-stepi")
        assert "int " in gdb.run("x/i $pc")


def test_a_breakpoint_of_gdb_s_own_at_the_service_stays_one(gdb: Gdb) -> None:
    """Prevents a catch from hiding a breakpoint, or from going with it."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("monitor catch elks write")
        gdb.run("break *&int80")
        said = gdb.run("continue")
        assert "catch 1: ELKS write" in said
        assert "Breakpoint 1" in said
        gdb.run("delete")
        assert STOPPED in gdb.run("continue")


def test_symbols_and_lines_that_come_later(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a need to attach again, or worse, for code that was not there before."""
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    with Server("count.img", cwd=tmp_path) as server:
        gdb.run(server.target)
        said = gdb.run("monitor symbols count.elf")
        assert "and line numbers added" in said
        gdb.run("sharedlibrary")
        assert "i8086" in gdb.run("show architecture")
        assert "count.asm, line" in gdb.run("break countdown")
        gdb.run("continue")
        assert "countdown () at" in gdb.run("bt 1")
        gdb.run("detach")
        gdb.run(server.target)
        assert "countdown () at" in gdb.run("bt 1")


def test_symbols_that_came_later_stay(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a user from having to name the same code again after each `run` and `kill`."""
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    with Server("count.img", cwd=tmp_path) as server:
        gdb.run("set confirm off")
        gdb.run(server.extended)
        gdb.run("monitor symbols count.elf")
        gdb.run("sharedlibrary")
        gdb.run("break countdown")
        assert "countdown () at" in gdb.run("continue")
        for _ in range(2):
            assert "countdown () at" in gdb.run("run")
        gdb.run("kill")
        gdb.run("disconnect")
        gdb.run("delete")
        gdb.run("symbol-file")
        gdb.run("file")
        gdb.run(server.target)
        assert "count.asm, line" in gdb.run("break countdown")
        assert "countdown () at" in gdb.run("continue")
