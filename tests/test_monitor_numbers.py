"""Whatever users type behind monitor commands, the answer is a line and no traceback."""

from __future__ import annotations

import pytest
from boot_sectors import LOOP, Pc, sector
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import monitor
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.inbox import MAX_QUEUED_INPUTS
from blink16.monitor.registry import COMMANDS

NUMBERS = ["0X10", "0x10", "0" * 39 + "1", "0" * 40 + "1", "0" * 39 + "1zzz", "0" * 5000 + "1"]
NUMBERS += ["-0X10", "+0x10", "-", "+", "٣", "0x", "1_0", "9" * 5000, "-9" * 3000, "0:0"]
NUMBERS += ["FFFF:FFFF", "10000:0"]


def debugger() -> Debugger:
    """Return a debugger of a PC that has run for a while."""
    made = Debugger(Pc(sector(LOOP)).machine)
    made.resume(Resume(count=50))
    monitor.execute(made, "catch int 21 ah=3d")
    return made


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
def test_any_number_behind_any_command_has_an_answer(number: str) -> None:
    """Prevents tracebacks where one part takes for a number what another can't read."""
    machine = debugger()
    for line in (
        f"trace {number}",
        f"profile {number}",
        f"hits {number} {number}",
        f"hits 0x10 {number}",
        f"last-write {number} {number}",
        f"last-read 0 {number}",
        f"last-exec {number}",
        f"seek {number}",
        f"seek +{number}",
        f"history limit {number}",
        f"history limit {number}G",
        f"catch int {number} ax={number}",
        f"catch delete {number}",
        f'wait-screen "x" {number}',
    ):
        if line.startswith("wait-screen") and number in NUMBERS[:3]:
            continue  # a number, and an endless loop
        text = monitor.execute(machine, line)
        assert text.count("\n") < 60
        assert len(text) < 6000


WORDS = st.sampled_from(
    [*NUMBERS, "int", "elks", "delete", "all", "limit", "start", "end", "none", "A", '""']
)


@settings(max_examples=examples(150))
@given(
    st.sampled_from(sorted(set(COMMANDS) - {"wait-screen", "screen", "symbols"})),
    st.lists(WORDS | st.text(max_size=20), max_size=4),
)
def test_any_words_behind_any_command_have_an_answer(name: str, words: list[str]) -> None:
    """Prevents tracebacks of any kind."""
    assert isinstance(monitor.execute(debugger(), " ".join([name, *words])), str)


def test_hexadecimal_counts_count() -> None:
    """Prevents 0X10 from being less than 0x10."""
    machine = debugger()
    assert monitor.execute(machine, "trace 0X10") == monitor.execute(machine, "trace 16")
    assert "number 2 at instruction" in monitor.execute(machine, "hits 0X7C00 0X2")
    assert "at instruction" not in monitor.execute(machine, "seek 0x10")
    assert machine.timeline.now == 16


def test_nothing_typed_does_nothing() -> None:
    """Prevents the end of all input by an empty text."""
    machine = debugger()
    for line in ('type ""', "type"):
        monitor.execute(machine, line)
    machine.resume(Resume(count=10))
    console = machine.machine.component(Console.CHANNEL)
    assert isinstance(console, Console)
    assert not console.ended
    assert machine.timeline.inputs() == []


def test_input_that_waits_is_bounded_in_count() -> None:
    """Prevents a million short inputs, each of which takes a hundred times its length."""
    machine = debugger()
    answers = {monitor.execute(machine, "key a") for _ in range(MAX_QUEUED_INPUTS + 2)}
    assert answers == {"", "too much input waits for this machine: let it run first\n"}
    machine.resume(Resume(count=10))
    assert len(machine.timeline.inputs()) == MAX_QUEUED_INPUTS
