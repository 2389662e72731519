"""What gdb's users type at code without lines: each command ends, in its effect or in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from unwind_guest import COM, LABELS, SEGMENT

pytestmark = pytest.mark.gdb
PLACE = f"*{(SEGMENT << 4) + LABELS['leaf']:#x}"
LOOKING = (
    *("info line", "list", "disassemble", "disassemble /s", "disassemble /r", "info scope start"),
    *("info source", "info frame", "info sharedlibrary", "info locals", "info args", "info files"),
    *("info registers", "info all-registers", "info symbol $pc", "info address start", "where"),
    *("info threads", "info inferiors", "info proc", "info auxv", "info mem", "info signals"),
    *("info record", "info checkpoints", "info breakpoints", "info os processes", "info dos"),
    *("p $pc", "p/x $eflags", "p start", "ptype start", "whatis $sp", "x/3i $pc", "output $eax"),
    *("info vector", "info float", "info tasks", "info types", "info variables", "info line start"),
    *("maintenance info sections", "show architecture", "compare-sections", "backtrace full"),
    *(
        "frame function start",
        "up",
        "down",
        "frame 0",
        "info display",
        "display/i $pc",
        "undisplay",
    ),
)
REFUSED = (
    *("call start()", "p start()", "record", "record full", "record btrace", "checkpoint", "load"),
    *("set follow-fork-mode child", "catch fork", "catch exec", "catch syscall", "catch load"),
    *("catch throw", "catch signal SIGUSR1", "tsave x", "tstart", "tstatus", "generate-core-file"),
    *("start", "run", "attach 7", "restore nowhere", "dump memory /nowhere/x 0 1", "signal SIGINT"),
    *("handle SIGUSR1 nostop", "set $fs = 1", "set $icount = 1", "compile code 1", "skip function"),
    *("jump nowhere", "break nowhere", "tbreak nowhere", "watch nowhere", "delete", "thread 2"),
)
MOVING = (
    *(
        "stepi",
        "nexti",
        "stepi 3",
        "step",
        "next",
        "finish",
        "advance " + PLACE,
        "until " + PLACE,
        "until",
    ),
    *("reverse-stepi", "reverse-nexti", "reverse-step", "reverse-next", "reverse-finish"),
    *("tbreak " + PLACE, "continue", "reverse-continue", "jump " + PLACE, "starti", "kill"),
    *("tbreak " + PLACE, "continue", "return", "kill"),
)


@pytest.fixture
def plain(gdb: Gdb, tmp_path: Path) -> Gdb:
    """Return a gdb that runs a program without symbols or lines."""
    (tmp_path / "plain.com").write_bytes(COM)
    gdb.run("set confirm off")
    gdb.run(f"cd {tmp_path}")
    return gdb


@pytest.mark.parametrize(
    "commands", [LOOKING, REFUSED, MOVING, MOVING[::-1]], ids=["look", "refuse", "move", "back"]
)
def test_each_command_ends(plain: Gdb, tmp_path: Path, commands: tuple[str, ...]) -> None:
    """Prevents a command that hangs gdb, or ends it, or the server."""
    with Server("plain.com", cwd=tmp_path) as server:
        plain.run(server.target)
        plain.run("stepi 5")
        for command in commands:
            said = plain.run(command)
            assert "internal-error" not in said
            assert "Traceback" not in said
            if "not being run" in said or "No registers" in said or command == "kill":
                plain.run(server.target)
        assert plain.run("p 1 + 1").strip().endswith("= 2")
    assert "failed" not in server.transcript


def test_a_gdb_that_writes_its_own_breakpoints_is_told(plain: Gdb, tmp_path: Path) -> None:
    """Prevents a program that executes INT3 where its user has asked for a breakpoint."""
    with Server("plain.com", cwd=tmp_path) as server:
        plain.run("set remote software-breakpoint-packet off")
        plain.run(server.target)
        plain.run("break " + PLACE)
        plain.run("break *$pc")
        said = plain.run("stepi") + plain.run("stepi")
        assert "INT3 was written into the program at 0x3129" in said
        assert "software-breakpoint-packet auto" in said
        plain.run("delete")
        assert "INT3" not in plain.run("stepi")


def test_jump_to_a_breakpoint_stops_there(plain: Gdb, tmp_path: Path) -> None:
    """Prevents `tbreak` and `jump` to the same place, a habit of gdb's users, from running away."""
    with Server("plain.com", cwd=tmp_path) as server:
        plain.run(server.target)
        plain.run("tbreak " + PLACE)
        assert "Temporary breakpoint" in plain.run("jump " + PLACE)
        assert "= 0" in plain.run("p $icount")
        plain.run("break " + PLACE)
        assert "Breakpoint" in plain.run("jump " + PLACE)
        assert "Breakpoint" in plain.run("jump " + PLACE)
        assert "= 0" in plain.run("p $icount")
        plain.run("continue")
        assert "= 0" not in plain.run("p $icount")
        plain.run(f"set $pc = {PLACE[1:]}")
        before = plain.run("p $icount").split("= ")[1]
        assert "Breakpoint" in plain.run("continue")
        assert plain.run("p $icount").split("= ")[1] == before


@pytest.mark.parametrize("resume", ["continue", "stepi", "next", "finish"])
def test_a_program_that_ends_at_a_breakpoint(plain: Gdb, tmp_path: Path, resume: str) -> None:
    """Prevents gdb's end (an internal error, with gdbserver too) when it runs a program again which
    went while it stepped over a breakpoint, as after `break int21`.
    """
    with Server("plain.com", cwd=tmp_path) as server:
        plain.run(server.extended)
        plain.run("break int21")
        plain.run("continue")
        assert "exited with status 0" in plain.run("continue")
        plain.run("reverse-stepi")
        plain.run("continue")
        assert "exited with status 0" in plain.run("continue")
        said = plain.run(resume)
        assert "exited normally" in said
        assert "SIGWINCH" not in said
        again = plain.run("run")
        if "Breakpoint 1" not in again:  # gdb 13 has a step of its own left there, once
            assert "exited with status 0" in again
            again = plain.run("run")
        assert "Breakpoint 1" in again


def test_a_step_at_the_end_with_another_pc_is_a_step(plain: Gdb, tmp_path: Path) -> None:
    """Prevents a program that is sent elsewhere from where it ended from being run, not stepped."""
    with Server("plain.com", cwd=tmp_path) as server:
        plain.run(server.target)
        assert "exited with status 0" in plain.run("continue")
        plain.run(f"set $pc = {PLACE[1:]}")
        before = plain.value("$icount")
        plain.run("stepi")
        assert plain.value("$icount") == before + 1
