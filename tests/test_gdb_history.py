"""Time travel with a real gdb: the hunt for who corrupted a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb

OVERRUN = bytes.fromhex(
    "c706 1002 0500"  # 100h: mov word [210h], 5, the divisor
    "e81000"  # 106h: call 119h
    "b86400 31d2"  # 109h: mov ax, 100; xor dx, dx
    "f736 1002"  # 10Eh: div word [210h]
    "b8004c cd21 9090"  # 112h: exit
    "55 89e5"  # 119h: push bp; mov bp, sp
    "bf0002 b90c00"  # 11Ch: mov di, 200h; mov cx, 12: four words too many
    "c705 0000"  # 122h: mov word [di], 0
    "83c702 e2f7"  # 126h: add di, 2; loop 122h
    "5d c3"  # 12Bh: pop bp; ret
)
"""A program that clears a table and with it the divisor behind it."""
DIVISOR = 0x110
CALLER = 0x06
CULPRIT = 0x22
"""Distances from the program's first instruction."""


NO_GDB = Path("no gdb")


@pytest.fixture
def start(tmp_path: Path, gdb: Gdb) -> Iterator[int]:
    """Attach gdb to the program that crashes; return the address of its first instruction."""
    (tmp_path / "overrun.com").write_bytes(OVERRUN)
    with Server("overrun.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        yield gdb.value("$pc")


def seek(gdb: Gdb, goal: str) -> int:
    """Move in time, and let gdb forget what it has read; return the instruction count."""
    gdb.run(f"monitor seek {goal}")
    gdb.run("maintenance flush register-cache")
    return gdb.value("$icount")


def test_the_hunt_for_a_memory_corruption(gdb: Gdb, start: int) -> None:
    """Prevents the one session that time travel is for from failing anywhere on its way."""
    assert "SIGFPE" in gdb.run("continue")
    crash = gdb.value("$icount")
    word = f"*(short*){start + DIVISOR:#x}"
    assert gdb.value(word) == 0
    gdb.run(f"watch {word}")
    said = gdb.run("reverse-continue")
    assert "Old value = 0" in said
    assert "New value = 5" in said
    culprit = gdb.value("$icount")
    assert gdb.value("$pc") - start == CULPRIT
    assert gdb.value(word) == 5
    assert f"at instruction {culprit}" in gdb.run("monitor bookmark culprit")
    gdb.run("delete")
    gdb.run("reverse-finish")
    assert gdb.value("$pc") - start == CALLER
    assert seek(gdb, "culprit") == culprit
    assert "SIGFPE" in gdb.run("continue")
    assert gdb.value("$icount") == crash


def test_questions_about_the_past_leave_everything_in_place(gdb: Gdb, start: int) -> None:
    """Prevents a look back from costing one's place."""
    gdb.run("continue")
    crash = gdb.value("$icount")
    said = gdb.run(f"monitor last-write {start + DIVISOR:#x} 2")
    assert "mov word [" in said
    assert "05 00 -> 00 00" in said
    trace = gdb.run("monitor trace 3").splitlines()
    assert any("div word" in line for line in trace)
    assert f"instructions 0 to {crash}, now at {crash}" in gdb.run("monitor history")
    assert re.search(r"100\.00 %|\d+\.\d\d %", gdb.run("monitor profile"))
    assert gdb.value("$icount") == crash


def test_seeking_outside_of_history_is_one_line(gdb: Gdb, start: int) -> None:
    """Prevents a typing error from costing the session."""
    said = gdb.run("monitor seek 99999")
    assert "outside the history" in said
    assert gdb.value("$pc") == start


# -- seeks that gdb sees -----------------------------------------------------------------------


@pytest.mark.parametrize("resume", ["stepi", "stepi 5", "continue", "reverse-stepi", "nexti"])
def test_a_seek_is_seen_with_the_next_resume(gdb: Gdb, start: int, resume: str) -> None:
    """Prevents a gdb that shows another instant, and can't step, until its caches are flushed."""
    gdb.run("stepi 60")
    gdb.run("bt")
    assert "moved" not in gdb.run("monitor seek 20")
    said = gdb.run(resume)
    assert "moved to instruction 20" in said
    assert gdb.value("$icount") == 20
    gdb.run("stepi")
    assert gdb.value("$icount") == 21


def test_seeks_one_behind_the_other(gdb: Gdb) -> None:
    """Prevents steps that fail, "Cannot access memory", since frames of the second instant before
    are kept for gdb, which has those of the last one.
    """
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("stepi 600")
        for icount in (460, 20, 305, 306, 90, 551):
            assert "moved" not in gdb.run(f"monitor seek {icount}")
            assert f"moved to instruction {icount}" in gdb.run("stepi")
            assert gdb.value("$icount") == icount
        said = gdb.run("bt")
        assert said.count("#") > 3
        gdb.run("monitor seek 3")
        assert gdb.run("bt") == said
        gdb.run("stepi")
        assert gdb.run("bt") != said


def test_a_seek_is_seen_once(gdb: Gdb, start: int) -> None:
    """Prevents a stop for a seek of which gdb knows already, as after a flush."""
    gdb.run("stepi 60")
    assert seek(gdb, "20") == 20
    gdb.run("stepi")
    assert gdb.value("$icount") == 21
    gdb.run("monitor seek 21")
    gdb.run("stepi")
    assert gdb.value("$icount") == 22
