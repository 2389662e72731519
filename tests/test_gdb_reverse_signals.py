"""What gdb's gdb.reverse suite checks of signals and system calls, with a program for ELKS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gdb_client import Gdb
from line_walker import Walker, run_to
from signals_guest import CAUGHT, CONTENT, ENDS, FACTS, NOW, PROGRAM, STATUS, TEXT

pytestmark = pytest.mark.gdb
line_of = PROGRAM.line_of
HEADER = 32
"""Bytes of an a.out's header, which tells how long the symbols are."""
HANDLERS = ("on_hup", "on_int", "on_alarm")
SIGNALS = ("SIGHUP", "SIGINT", "SIGALRM")
NUMBERS = (1, 2, 14)
"""What they are in ELKS."""


def to_line(gdb: Gdb, text: str, command: str = "continue") -> None:
    """Run to a line with a text."""
    run_to(gdb, f"sent.c:{line_of(text)}", command)


def test_the_kept_bytes_are_those_of_the_source(tmp_path: Path) -> None:
    """Prevents lines that are another program's."""
    assert PROGRAM.built(tmp_path)[HEADER : len(CONTENT)] == CONTENT[HEADER:]


def frames(gdb: Gdb) -> list[str]:
    """Return the functions on the stack, up to main."""
    found = re.findall(r"(\w+) \(\)", gdb.run("bt"))
    return found[: found.index("main") + 1]


def test_each_signal_comes_again_on_the_way_back(attached: Gdb) -> None:
    """sigall-reverse: who sends it, who handles it and whom it interrupted, in both directions."""
    for place in ("send", *HANDLERS):
        attached.run(f"break {place}")

    def stops(command: str, count: int) -> list[tuple[int, str]]:
        found = []
        for _ in range(count):
            stop = re.search(r"Breakpoint \d+, (\w+) \(\)", attached.run(command))
            assert stop
            inner = [stop[1], "system_signal", "sys_call0"] if stop[1] != "send" else []
            assert frames(attached) == [*inner, "send", "main"]
            found.append((attached.value("$icount"), stop[1]))
        return found

    forward = stops("continue", 6)
    assert [name for _, name in forward] == [
        "send",
        HANDLERS[0],
        "send",
        HANDLERS[1],
        "send",
        HANDLERS[2],
    ]
    assert stops("reverse-continue", 5) == forward[-2::-1]
    assert stops("continue", 5) == forward[1:]


def test_what_a_signal_has_changed_is_undone(attached: Gdb) -> None:
    """Prevents a handler that has run and not run at once, before and behind the call."""
    walker = Walker(attached)
    to_line(attached, "send(SIGHUP)")
    for signal, number, before in zip(SIGNALS, NUMBERS, (0, *NUMBERS), strict=False):
        for _ in range(2):
            assert attached.value(f"*(short*){CAUGHT}") == before
            walker.to_text("next")
            assert attached.value(f"*(short*){CAUGHT}") == number
            to_line(attached, f"send({signal})", "reverse-continue")
        walker.to_text("next")


def test_an_alarm_in_the_midst_of_a_loop(attached: Gdb) -> None:
    """Prevents frames that end at a signal which has come by itself, between any instructions."""
    to_line(attached, "alarm(1);")
    run_to(attached, "on_alarm")
    assert frames(attached) == ["on_alarm", "system_signal", "main"]
    arrived = attached.value("$icount")
    assert "system_signal ()" in attached.run("finish")
    assert "main () at sent.c" in attached.run("finish")
    assert attached.value(f"*(short*){CAUGHT}") == NUMBERS[-1]
    run_to(attached, "on_alarm", "reverse-continue")
    assert attached.value("$icount") == arrived
    assert attached.value(f"*(short*){CAUGHT}") == 0
    to_line(attached, "return 0;")
    assert attached.value("$icount") > arrived


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ("time(&now)", f"*(long*){NOW}"),
        ("pipe(ends)", f"*(long*){ENDS}"),
        ("read(ends[0]", f"*(long*){TEXT}"),
        ("stat(", f"*(long*){FACTS}"),
        ("waitpid(", f"*(short*){STATUS}"),
    ],
    ids=["time", "pipe", "read", "stat", "waitpid"],
)
def test_what_a_call_has_written_is_undone(attached: Gdb, call: str, place: str) -> None:
    """time-, pipe-, readv-, fstatat- and waitpid-reverse: unwritten before it, the same again."""
    walker = Walker(attached)
    to_line(attached, call)
    assert attached.value(place) == 0
    behind = walker.to_text("next")
    written = attached.value(place)
    assert written != 0
    to_line(attached, call, "reverse-continue")
    assert attached.value(place) == 0
    assert walker.to_text("next") == behind
    assert attached.value(place) == written
