"""Monitor commands that move in time or ask about the past."""

from __future__ import annotations

import guests
import pytest

from blink16 import monitor
from blink16.breakpoints import Point, PointKind
from blink16.console import Console
from blink16.debugger import WAITING, Debugger, EventKind, Resume
from blink16.symbols import Symbol, SymbolKind, SymbolTable

COUNTER = bytes.fromhex("ff060040 40 50 58 ebf7".replace(" ", ""))
"""0100 inc word [4000h]; 0104 inc ax; 0105 push ax; 0106 pop ax; 0107 jmp 0100."""


@pytest.fixture
def debugger() -> Debugger:
    """Return a debugger of a guest that has counted to 20, in 100 instructions."""
    debugger = Debugger(guests.make(COUNTER).machine)
    debugger.names.symbols = SymbolTable([Symbol("turn", 0x100, SymbolKind.CODE)])
    debugger.resume(Resume(count=100))
    return debugger


def run(debugger: Debugger, line: str) -> str:
    """Type a command; return what it shows."""
    return monitor.execute(debugger, line).rstrip("\n")


@pytest.mark.parametrize(
    ("goal", "icount"),
    [("7", 7), ("-1", 99), ("+0", 100), ("start", 0), ("end", 100), ("here", 100), ("-100", 0)],
)
def test_seek_goes_where_the_user_means(debugger: Debugger, goal: str, icount: int) -> None:
    """Prevents a number taken for the wrong kind of place."""
    run(debugger, "bookmark here")
    text = run(debugger, f"seek {goal}")
    assert debugger.machine.icount == icount
    assert text.startswith(f"at {icount:>10}  0000:01")
    assert (f"{100 - icount} recorded instructions lie ahead" in text) == (icount < 100)


@pytest.mark.parametrize(
    ("goal", "refusal"),
    [
        ("101", "instruction 101 is outside the history, which is 0..100"),
        ("-101", "instruction -1 is outside the history, which is 0..100"),
        ("+1", "instruction 101 is outside the history, which is 0..100"),
        ("nowhere", "no bookmark 'nowhere'; see monitor bookmarks"),
        ("+", "no bookmark '+'; see monitor bookmarks"),
        ("9" * 30, f"'{'9' * 30}' is no number from 0 to {1 << 62}"),
        ("", "missing: the instant: N, +N, -N, start, end or a bookmark"),
        ("1 2", "unexpected argument '2'"),
    ],
)
def test_impossible_seeks_change_nothing(debugger: Debugger, goal: str, refusal: str) -> None:
    """Prevents a typing error from costing the user's place."""
    assert run(debugger, f"seek {goal}") == refusal
    assert debugger.machine.icount == 100


def test_bookmarks_are_listed_in_the_order_of_time(debugger: Debugger) -> None:
    """Prevents losing one's way among bookmarks."""
    assert run(debugger, "bookmarks") == "no bookmarks"
    assert run(debugger, "bookmark crash") == "bookmark crash at instruction 100"
    run(debugger, "seek 40")
    assert run(debugger, "bookmark") == "bookmark b1 at instruction 40"
    assert [line.split() for line in run(debugger, "bookmarks").splitlines()] == [
        ["*", "40", "b1"],
        ["100", "crash"],
    ]


@pytest.mark.parametrize("name", ["start", "7up", "-1", "a" * 41, "é"])
def test_names_that_mean_something_else_are_refused(debugger: Debugger, name: str) -> None:
    """Prevents bookmarks that `seek` could never reach."""
    assert "can't be a bookmark's name" in run(debugger, f"bookmark {name}")


def test_bookmarks_of_a_dropped_future_go_with_it(debugger: Debugger) -> None:
    """Prevents a bookmark at an instant that is no longer the one that was marked."""
    said: list[str] = []
    debugger.on_notice = said.append
    run(debugger, "bookmark crash")
    run(debugger, "seek 50")
    debugger.write_register("ax", 1)
    assert said[1] == "with them went the bookmarks crash"
    assert run(debugger, "seek crash").startswith("no bookmark")


def test_history_says_what_it_holds(debugger: Debugger) -> None:
    """Prevents a limit that nobody sees until the beginning is gone."""
    lines = run(debugger, "history").splitlines()
    assert lines[0] == "instructions 0 to 100, now at 100"
    assert "checkpoints" in lines[1]
    assert lines[1].endswith("of 256 MiB")
    assert "median" in lines[2]


@pytest.mark.parametrize(
    ("size", "limit"), [("64", 64 << 20), ("1g", 1 << 30), ("65536k", 64 << 20), ("20M", 20 << 20)]
)
def test_the_limit_can_be_set(debugger: Debugger, size: str, limit: int) -> None:
    """Prevents a unit from being read as another."""
    run(debugger, f"history limit {size}")
    assert debugger.timeline.size().limit == limit


@pytest.mark.parametrize(
    "words", ["limit", "limit x", "limit 1", "bound 64", "limit -64", "limit 64 65"]
)
def test_limits_that_make_no_sense_are_refused(debugger: Debugger, words: str) -> None:
    """Prevents a history that has no room, or a limit that was never set."""
    assert run(debugger, f"history {words}").startswith(("usage: ", "a history needs"))
    assert debugger.timeline.size().limit == 256 << 20


def test_last_write_names_the_culprit(debugger: Debugger) -> None:
    """Prevents a search that moves the machine, or shows another write."""
    debugger.insert(Point(PointKind.EXECUTE, 0x104))
    text = run(debugger, "last-write 0x4000 2")
    assert text.splitlines() == [
        "        95  0000:0100 <turn+0>  inc word [ds:4000h]",
        "13 00 -> 14 00",
    ]
    assert debugger.machine.icount == 100
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT


def test_last_write_by_the_debugger_is_said_so(debugger: Debugger) -> None:
    """Prevents an older instruction from being blamed for what the user did."""
    debugger.write_memory(0x3FFF, b"abc")
    assert run(debugger, "last-write 0x4001") == "the debugger wrote there at instruction 100"
    debugger.resume(Resume(count=1))
    assert "inc word" in run(debugger, "last-write 400:0")


def test_last_read_and_exec(debugger: Debugger) -> None:
    """Prevents reads and executions from being mixed up with writes."""
    assert run(debugger, "last-read 0000:4000").startswith("        95  0000:0100")
    assert run(debugger, "last-exec turn").startswith("        95  0000:0100 <turn+0>")
    assert run(debugger, "last-exec 0x106").startswith("        98  0000:0106 <turn+6>  pop ax")
    assert run(debugger, "last-exec 0x999") == "not executed since instruction 0"
    assert run(debugger, "last-read 0x5000") == "nobody read there since instruction 0"
    assert run(debugger, "last-write 0x5000") == "nobody wrote there since instruction 0"


def test_hits_counts_executions_up_to_here(debugger: Debugger) -> None:
    """Prevents counts of what lies ahead, of arrivals that were not executed, and a lost place."""
    assert run(debugger, "hits turn") == "20 times, first at instruction 0, last at 95"
    assert run(debugger, "hits turn 3").endswith("; number 3 at instruction 10")
    assert run(debugger, "hits 0:100 -2").endswith("; number -2 at instruction 90")
    assert run(debugger, "hits 0x999") == "not executed since instruction 0"
    debugger.seek(95)
    point = Point(PointKind.EXECUTE, 0x106)
    debugger.insert(point)
    assert run(debugger, "hits turn -1") == (
        "19 times, first at instruction 0, last at 90; number -1 at instruction 90"
    )
    assert debugger.machine.icount == 95
    assert list(debugger.points) == [point]


@pytest.mark.parametrize(
    "line",
    [
        *("hits", "hits turn 0", "hits turn 21", "hits turn -21", "hits turn 1 2", "hits nosuch"),
        "last-write",
        "last-write 0x100000",
        "last-write nosuch",
        "last-write 1 0",
        "last-exec 1 2",
    ],
)
def test_impossible_addresses_are_refused(debugger: Debugger, line: str) -> None:
    """Prevents a search through all of history for nothing."""
    text = run(debugger, line)
    assert len(text.splitlines()) == 1
    assert "since" not in text


def test_trace_shows_instructions_and_what_they_changed(debugger: Debugger) -> None:
    """Prevents a trace that is off by one, or leaves the machine elsewhere."""
    debugger.insert(Point(PointKind.EXECUTE, 0x104))
    lines = run(debugger, "trace 5").splitlines()
    assert [line.split()[0] for line in lines] == ["95", "96", "97", "98", "99"]
    assert lines[1].split()[3:] == ["inc", "ax", "ax=0014"]
    assert lines[2].split()[3:] == ["push", "ax", "sp=7FFE"]
    assert debugger.machine.icount == 100
    assert len(run(debugger, "trace 1000").splitlines()) == 100
    run(debugger, "seek start")
    assert run(debugger, "trace 5") == "nothing has been executed before this instant"


@pytest.mark.parametrize("count", ["0", "-1", "x", "10001", "0x", "1e3", "007x"])
def test_trace_is_bounded(debugger: Debugger, count: str) -> None:
    """Prevents output without end."""
    assert "is no number from 1 to 10000" in run(debugger, f"trace {count}")


def test_profile_counts_by_symbol() -> None:
    """Prevents time from being put down to the wrong function."""
    code = bytes.fromhex("e80a00ebfb".replace(" ", "")) + b"\x90" * 8 + bytes.fromhex("404040c3")
    debugger = Debugger(guests.make(code).machine)
    debugger.names.symbols = SymbolTable(
        [Symbol("main", 0x100, SymbolKind.CODE), Symbol("helper", 0x10D, SymbolKind.CODE)]
    )
    debugger.resume(Resume(count=600))
    lines = run(debugger, "profile 600").splitlines()
    assert lines[0] == "the last 600 instructions (600 counted)"
    assert [line.split() for line in lines[1:]] == [
        ["66.67", "%", "helper"],
        ["33.33", "%", "main"],
    ]
    assert debugger.machine.icount == 600


def test_a_name_reaches_no_further_than_a_segment() -> None:
    """Prevents the BIOS' instructions from being put down to a program's last variable."""
    symbols = SymbolTable([Symbol("ticks", 0x317B, SymbolKind.DATA)])
    assert symbols.find(0xF248C) is None
    assert symbols.find(0x1317A) is not None
    assert symbols.find(0x1317B) is None


def test_profile_samples_long_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents samples that keep step with a loop and see one instruction of it only."""
    monkeypatch.setattr("blink16.history.queries.SAMPLES", 500)
    debugger = Debugger(guests.make(COUNTER).machine)
    debugger.resume(Resume(count=5000))
    text = run(debugger, "profile")
    counted = int(text.splitlines()[0].split("(")[1].split()[0])
    assert 400 < counted < 600
    assert "100.00 %  0x00100.." in text


def test_an_interrupted_query_stays_where_it_was(debugger: Debugger) -> None:
    """Prevents Ctrl-C in a long search from moving the machine."""
    debugger.interrupt()
    assert "interrupted; now at instruction 100" in run(debugger, "last-write 0x5000")
    assert debugger.machine.icount == 100
    assert debugger.drive(Resume(count=1)).kind is EventKind.STEPPED


def test_seeking_ends_the_wait_for_input() -> None:
    """Prevents a step count that goes on from another instant."""
    debugger = Debugger(guests.make(bytes((0xCD, guests.READ)) + COUNTER).machine)
    how = Resume(count=10)
    assert debugger.resume(how) is WAITING
    run(debugger, "seek start")
    debugger.receive(Console.CHANNEL, b"x")
    debugger.resume(how)
    assert debugger.machine.icount == 10
