"""Several machines with a real gdb: inferiors that go their own ways in time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import DEBIAN_GDB, Gdb, Server

pytestmark = pytest.mark.gdb
HITS = 21
"""How often the sample comes to draw_letters to print two letters."""
COUNT_FOR_EVER = bytes.fromhex("ff 06 00 02 eb fa")  # 100h: inc word [200h]; jmp 100h


@pytest.fixture
def two(gdb: Gdb) -> Iterator[Server]:
    """Return a server of two machines, both of which gdb holds; the second is the current one."""
    with Server("--machine", "banner HI", "--machine", "banner YO") as server:
        gdb.run(server.extended)
        gdb.run("add-inferior")
        gdb.run("inferior 2")
        gdb.run("attach 2")
        yield server


def test_processes_are_listed(gdb: Gdb) -> None:
    """Prevents users from having to guess what `attach` may name."""
    with Server("--machine", "banner HI", "--machine", "banner YO") as server:
        gdb.run(server.extended)
        listed = gdb.run("info os processes")
    assert re.search(r"^8086001 +banner HI +held", listed, re.MULTILINE), listed
    assert re.search(r"^8086002 +banner YO +free", listed, re.MULTILINE), listed


def test_two_inferiors_go_their_own_ways_in_time(gdb: Gdb, two: Server) -> None:
    """Prevents one inferior's step or breakpoint from moving the other's machine."""
    gdb.run("stepi 7")
    gdb.run("inferior 1")
    gdb.run("stepi 100")
    gdb.run("reverse-stepi 40")
    assert gdb.value("$icount") == 60
    gdb.run("inferior 2")
    assert gdb.value("$icount") == 7
    gdb.run("reverse-stepi 3")
    assert gdb.value("$icount") == 4
    gdb.run("break draw_letters")
    assert "draw_letters ()" in gdb.run("continue")
    assert "draw_letters ()" in gdb.run("continue")
    gdb.run("reverse-stepi")
    first = gdb.value("$icount")
    gdb.run("inferior 1")
    assert gdb.value("$icount") == 60
    gdb.run("reverse-continue")
    gdb.run("reverse-continue")
    assert gdb.value("$icount") == 0
    gdb.run("inferior 2")
    assert gdb.value("$icount") == first
    both = gdb.run("info inferiors")
    assert "process 8086001 " in both
    assert "process 2 " in both
    assert len(re.findall(r"Thread \d+\.1 \"banner", gdb.run("info threads"))) == 2


def test_symbols_are_each_machines_own(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents gdb from reading one machine's board for another."""
    (tmp_path / "count.com").write_bytes(COUNT_FOR_EVER)
    with Server("--machine", "banner", "--machine", "count.com", cwd=tmp_path) as server:
        gdb.run(server.extended)
        assert "_start" in gdb.run("x/i $pc")
        gdb.run("add-inferior")
        gdb.run("inferior 2")
        gdb.run("attach 2")
        assert "inc" in gdb.run("x/i $pc")
        assert "draw_letters" not in gdb.run("info functions draw")
        gdb.run("inferior 1")
        assert "draw_letters" in gdb.run("info functions draw")


def test_a_step_back_moves_nobody_else(gdb: Gdb, two: Server) -> None:
    """gdb selects other inferiors to set breakpoints there, and then says just `bs`."""
    for inferior in (1, 2):
        gdb.run(f"inferior {inferior}")
        gdb.run("stepi 20")
    gdb.run("set schedule-multiple on")
    gdb.run("break draw_letters")
    counts = {1: 20, 2: 20}
    for inferior in (2, 1, 1, 2, 1):
        gdb.run(f"inferior {inferior}")
        gdb.run("bt")
        gdb.run("reverse-stepi")
        counts[inferior] -= 1
        for each, count in counts.items():
            gdb.run(f"inferior {each}")
            assert gdb.value("$icount") == count


def test_a_step_back_from_breakpoints_is_of_the_users_own(gdb: Gdb, two: Server) -> None:
    """gdb steps the other off its breakpoint first, by name, and then says just `bs`."""
    step_each(gdb)
    gdb.run("break draw_letters")
    counts = {}
    for inferior in (2, 1):
        gdb.run(f"inferior {inferior}")
        gdb.run("continue")
        counts[inferior] = gdb.value("$icount")
    gdb.run("set schedule-multiple on")
    gdb.run("reverse-stepi")
    for inferior, count in counts.items():
        gdb.run(f"inferior {inferior}")
        assert gdb.value("$icount") == count - 1


def step_each(gdb: Gdb) -> None:
    """Step both inferiors: gdb hangs on an event of one that it has never resumed alone."""
    for inferior in (1, 2):
        gdb.run(f"inferior {inferior}")
        gdb.run("stepi")


def test_both_may_run_at_once(gdb: Gdb, two: Server) -> None:
    """Prevents events that get lost, or a run that never stops, with schedule-multiple."""
    gdb.run("break draw_letters")
    step_each(gdb)
    gdb.run("set schedule-multiple on")
    hits, endings = {"1": 0, "2": 0}, 0
    while endings < 2:
        said = gdb.run("continue")
        if hit := re.search(r"Thread (?:808600)?(\d)\.1 \"banner .*\" hit", said):
            hits[hit[1]] += 1
        elif gone := re.search(r"Inferior (\d) .process \d+. exited normally", said):
            gdb.run("inferior 2" if gone[1] == "1" else "inferior 1")
        else:
            assert "exited with status 0" in said, said
            endings += 1
    assert hits == {"1": HITS, "2": HITS}


def test_ctrl_c_stops_all_that_run(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a machine that runs on behind its debugger's back."""
    (tmp_path / "count.com").write_bytes(COUNT_FOR_EVER)
    with Server("--machine", "count.com", "--machine", "count.com x", cwd=tmp_path) as server:
        gdb.run(server.extended)
        gdb.run("add-inferior")
        gdb.run("inferior 2")
        gdb.run("attach 2")
        step_each(gdb)
        gdb.run("set schedule-multiple on")
        gdb.send("continue")
        gdb.expect("Continuing")
        gdb.interrupt()
        assert "SIGINT" in gdb.expect(r"\(gdb\) ")
        for inferior in (1, 2):
            gdb.run(f"inferior {inferior}")
            before = gdb.value("$icount")
            gdb.run("maintenance flush register-cache")
            assert gdb.value("$icount") == before


def test_run_starts_a_program_afresh_with_arguments(gdb: Gdb) -> None:
    """Prevents `run` from needing a new server, and from losing what the user typed."""
    with Server("--console", "gdb", "--machine", "banner HI") as server:
        gdb.run(server.extended)
        assert gdb.run("continue").count("\n") > 6
        said = gdb.run("run")
        assert "H   H" in said, said
        gdb.run("set remote exec-file banner")
        gdb.run("starti I")
        assert gdb.value("$icount") == 0
        assert "banner I " in gdb.run("info os processes")
        assert "H   H" not in gdb.run("continue")
        gdb.run('starti ""')  # none, where nothing at all means the command line's
        assert re.search(r"^\d+ +banner +\w+", gdb.run("info os processes"), re.MULTILINE)
        gdb.run("set remote exec-file nonsense")
        assert re.search("this server has banner|target failed", gdb.run("run"))


def test_kill_ends_a_program_and_not_the_server(gdb: Gdb, two: Server) -> None:
    """Prevents `kill` from taking the other machine, or the server, with it."""
    gdb.run("stepi 5")
    gdb.run("kill")
    gdb.run("inferior 1")
    gdb.run("stepi 3")
    assert gdb.value("$icount") == 3
    assert re.search(r"^8086002 .* ended", gdb.run("info os processes"), re.MULTILINE)
    gdb.run("inferior 2")
    gdb.run("attach 2")
    assert gdb.value("$icount") == 0


def test_the_end_of_one_program_leaves_the_other(gdb: Gdb, two: Server) -> None:
    """Prevents an exit of one inferior from ending the session."""
    gdb.run("continue")
    assert "exited normally" in gdb.run("continue")
    gdb.run("inferior 1")
    gdb.run("stepi 3")
    assert gdb.value("$icount") == 3


def test_attach_says_why_it_can_not_be(program: Path, gdb: Gdb, two: Server) -> None:
    """Prevents two debuggers from moving one machine, and riddles for who tries."""
    gdb.run("detach")
    with Gdb(program) as other:
        other.run(two.extended)
        other.run("stepi 9")
        assert "Attaching to" in gdb.run("attach 2")
        assert "$icount" not in gdb.run("info inferiors")
        assert "process 2" not in gdb.run("info inferiors")
        other.run("detach")
    gdb.run("attach 2")
    assert gdb.value("$icount") == 9


def test_several_gdbs_have_a_machine_each(program: Path, gdb: Gdb) -> None:
    """Prevents a free machine from being refused, or given twice."""
    with Server("--machine", "banner HI", "banner", "YO") as server, Gdb(program) as second:
        gdb.run(server.target)
        second.run(server.target)
        gdb.run("stepi 10")
        second.run("stepi 20")
        assert gdb.value("$icount") == 10
        assert second.value("$icount") == 20
        with Gdb(program) as third:
            assert "another debugger" in third.run(server.target)


def test_an_observer_looks_and_touches_nothing(program: Path, gdb: Gdb) -> None:
    """Prevents a spectator from moving or changing the machine that it watches."""
    with Server("--observers", "banner", "HI") as server, Gdb(program) as observer:
        gdb.run(server.target)
        gdb.run("stepi 10")
        observer.run(server.target)
        assert observer.value("$icount") == 10
        assert "only watch" in observer.run("stepi") or program == DEBIAN_GDB
        observer.run("set var $eax = 7")
        observer.run("set var *(char *)0x500 = 7")
        assert "only watch" in observer.run("monitor icount")
        gdb.run("stepi 10")
        assert gdb.value("$icount") == 20
        assert gdb.value("$eax & 0xff") != 7
        assert gdb.value("*(char *)0x500") == 0
        observer.run("maintenance flush register-cache")
        assert observer.value("$icount") == 20
