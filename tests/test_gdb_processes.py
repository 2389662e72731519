"""Processes of an ELKS program in a real gdb: threads, their names and frames, and back in time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from elks_programs import program
from gdb_client import Gdb, Server

from blink16.samples.build import SAMPLES

pytestmark = pytest.mark.gdb


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a program that executes another."""
    for name in ("parent", "child"):
        (tmp_path / name).write_bytes(program(name))
    return tmp_path


def test_from_a_childs_crash_back_into_its_parent(gdb: Gdb, root: Path) -> None:
    """Prevents processes that a debugger can't tell apart, name, or follow back through fork."""
    with Server("--root", str(root), str(root / "parent")) as server:
        gdb.run("set breakpoint pending on")
        gdb.run(server.target)
        gdb.run("break spawn")
        gdb.run("break crash")  # of a program that isn't there yet
        gdb.run("continue")
        assert re.search(r'\* 1 +Thread 8086001\.1 "parent 2".* spawn', gdb.run("info threads"))
        said = gdb.run("continue")
        assert "crash ()" in said
        threads = gdb.run("info threads")
        assert re.search(r'  1 +Thread 8086001\.1 "parent 2".* int80', threads), threads
        assert re.search(r'\* 2 +Thread 8086001\.2 "child 3" .* crash', threads), threads
        assert re.search(r"#0 .* crash .*\n#1 .* main", gdb.run("bt"))
        frames = re.findall(r" (\w+) \(\)", gdb.run("thread apply 1 bt"))
        assert frames[0] == "int80"
        assert "main" in frames
        gdb.run("delete")
        assert "Arithmetic exception" in gdb.run("continue")
        assert len(re.findall(" crash ", gdb.run("bt"))) == 3
        gdb.run("tbreak spawn")
        assert "spawn ()" in gdb.run("reverse-continue")
        threads = gdb.run("info threads")
        assert "parent 2" in threads
        assert "child" not in threads
        assert re.search(r"2 +parent +runs", gdb.run("info os threads"))


def test_steps_stay_with_their_process(gdb: Gdb, root: Path) -> None:
    """Prevents `stepi` over fork() or a wait from ending in another process."""
    (root / "child").unlink()  # so that it exits with 9
    with Server("--root", str(root), str(root / "parent")) as server:
        gdb.run(server.target)
        gdb.run("tbreak wait")
        gdb.run("continue")
        for _ in range(40):
            gdb.run("stepi")
            if "main ()" in gdb.run("bt 1"):
                break
        assert "main ()" in gdb.run("bt 1")
        assert gdb.value("$_thread") == 1
        assert gdb.value("(short)st") == 9 << 8


def test_registers_of_a_process_that_waits(gdb: Gdb, root: Path) -> None:
    """Prevents a write that is refused, lost when the process goes on, or given to another."""
    (root / "child").unlink()  # so that it exits with 9
    with Server("--root", str(root), str(root / "parent")) as server:
        gdb.run(server.target)
        gdb.run("tbreak execl")
        gdb.run("continue")
        child = gdb.value("$si")
        gdb.run("thread 1")
        before = gdb.value("$si")
        assert "rror" not in gdb.run("set var $si = 0x1234")
        assert gdb.value("$si") == 0x1234
        gdb.run("thread 2")
        assert gdb.value("$si") == child
        gdb.run("thread 1")
        assert gdb.value("$si") == 0x1234
        gdb.run("stepi 3")
        assert gdb.value("$_thread") == 1
        assert gdb.value("$si") == 0x1234
        gdb.run("tbreak spawn")
        gdb.run("reverse-continue")
        assert gdb.value("$si") == before


def test_gdb_follows_the_child_of_a_fork(gdb: Gdb, root: Path) -> None:
    """Prevents `set follow-fork-mode child` that follows the parent, stops in it, or can't go
    backward out of the child.
    """
    with Server("--root", str(root), str(root / "parent")) as server:
        gdb.run("set breakpoint pending on")
        gdb.run("set follow-fork-mode child")
        gdb.run(server.target)
        gdb.run("break crash")
        gdb.run("break wait")  # the parent's: it runs free
        gdb.run("catch exec")
        said = gdb.run("continue")
        assert "[Attaching after Thread 8086001.1 fork to child" in said
        assert "[Inferior 1 (process 8086001) detached]" in said
        assert "(exec'd target:/child)" in said
        assert "crash ()" in gdb.run("continue")
        assert re.search(r'\* 2\.\d +Thread 8096001\.2 "child 3" .* crash', gdb.run("info threads"))
        gdb.run("delete")
        gdb.run("tbreak spawn")
        assert "spawn ()" in gdb.run("reverse-continue")
        threads = gdb.run("info threads")
        assert "parent 2" in threads
        assert "child" not in threads
        said = gdb.run("continue")  # the same once more
        assert "is executing new program: target:/child" in said
        assert "Arithmetic exception" in said
        assert "int00 ()" in gdb.run("bt 1")


def test_a_followed_childs_end_is_an_exit(gdb: Gdb) -> None:
    """Prevents a gdb that follows a child to its end and is told of the parent's forks and end: it
    died of them.  The child stands at its exit() first, as a first program does, so that its user
    can go back.
    """
    with Server("crew", "anna", "bert", "carl", "dora", cwd=SAMPLES) as server:
        gdb.run("set follow-fork-mode child")
        gdb.run(server.target)
        said = gdb.run("continue")
        assert said.count("[Attaching after Thread") == 1
        assert "exited with status 0 at instruction" in said
        assert " in work () at crew.c:" in gdb.run("backtrace")
        assert '"crew 3"' in gdb.run("info threads")
        before = gdb.value("$icount")
        gdb.run("reverse-stepi")
        assert gdb.value("$icount") == before - 1
        gdb.run("continue")
        assert gdb.value("$icount") == before
        assert "[Inferior 2 (process 8096001) exited normally]" in gdb.run("continue")
        assert "not being run" in gdb.run("continue")


def test_a_followed_childs_death_is_told(gdb: Gdb, root: Path) -> None:
    """Prevents a child that crashes and is resumed, and gdb waits for it for ever."""
    with Server("--root", str(root), str(root / "parent")) as server:
        gdb.run("set follow-fork-mode child")
        gdb.run(server.target)
        assert "Arithmetic exception" in gdb.run("continue")
        said = gdb.run("continue")
        assert "Program terminated with signal SIGABRT" in said


def test_gdb_catches_forks_and_stays_with_the_parent(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents `catch fork` and `catch vfork` that gdb can't set, or that break it."""
    (tmp_path / "family").write_bytes(program("family"))
    with Server("--root", str(tmp_path), str(tmp_path / "family")) as server:
        gdb.run(server.target)
        gdb.run("catch fork")
        gdb.run("catch vfork")
        said = gdb.run("continue")
        assert re.search(r'"family 2" hit Catchpoint 1 \(forked process 8096001\)', said), said
        said = gdb.run("continue")
        assert "[Detaching after fork from child process 8096001]" in said
        assert re.search(r'"family 2" hit Catchpoint 2 \(vforked process 8106001\)', said), said
        gdb.run("delete")
        said = gdb.run("continue")
        assert "[Detaching after vfork from child process 8106001]" in said
        assert "exited with status 0" in said
        gdb.run("set detach-on-fork off")
        gdb.run("reverse-continue")
        assert "set detach-on-fork on" in gdb.run("continue")
