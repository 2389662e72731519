"""Where two runs part, against a comparison of every instant."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

import blink16
from blink16 import recording
from blink16.cpu.engine import StopReason
from blink16.history.timeline import Timeline
from blink16.inquiry import run_of
from blink16.questions.asking import Asking
from blink16.questions.differences import Pair, first_difference, last_difference, parting
from blink16.questions.needs import QuestionError
from blink16.recording import open_recording
from blink16.setup import loader

LISTENER = bytes.fromhex("b401cd213c71740f3c7875f4b90500e2fefe061801ebe9c300")
"""Reads keys until a q; an x makes it count to five, and is counted itself."""


def listener(folder: Path, name: str, typed: bytes) -> Path:
    """Return the recording of a program that minds what is typed."""
    program = folder / "listener.com"
    program.write_bytes(LISTENER)
    path = folder / f"{name}.b16"
    options = loader.Options(root=folder, engine="native", epoch_ns=10**18)
    _, debugger, recorder = recording.record(path, loader.read(str(program)), [], options)
    timeline = debugger.timeline
    for byte in typed:
        timeline.run(37)
        timeline.receive("console", bytes((byte,)))
    timeline.receive("console", b"")
    assert timeline.run(10_000).reason is StopReason.EXITED
    recorder.close()
    return path


def states(timeline: Timeline, end: int) -> Iterator[tuple[object, ...]]:
    """Yield the machine's state at each instant."""
    timeline.seek(timeline.start)
    for _ in timeline.walk(end, repeat(1)):
        yield of(timeline)
    yield of(timeline)


def of(timeline: Timeline) -> tuple[object, ...]:
    """Return what a machine is, but for the host's files."""
    saved = timeline.machine.save()
    parts = tuple(part for part in saved.components if part[0] != "files")
    return timeline.machine.pc, saved.registers, parts, bytes(timeline.machine.memory[:])


@pytest.mark.parametrize("seed", range(4))
def test_they_part_where_a_look_at_every_instant_says(tmp_path: Path, seed: int) -> None:
    """Prevents a difference that was there before, and one that is taken for healed."""
    choose = random.Random(seed)
    typed = [bytes(choose.choice(b"abx") for _ in range(6)) + b"q" for _ in "ab"]
    paths = [listener(tmp_path, f"{n}", text) for n, text in enumerate(typed)]
    runs = [run_of(open_recording(path), (), Asking(engine="reference")) for path in paths]
    pair = Pair(*(run.source() for run in runs))
    both = list(zip(states(pair.a, pair.end), states(pair.b, pair.end), strict=True))
    unequal = [at for at, (one, other) in enumerate(both) if one != other]
    elsewhere = [at for at, (one, other) in enumerate(both) if one[0] != other[0]]
    first = first_difference(pair)
    assert first == (unequal[0] if unequal else None)
    if first is not None:
        assert last_difference(pair, first) == unequal[-1]
    way = parting(runs[0], runs[1], range(pair.start, pair.end))
    assert way == (elsewhere[0] - 1 if elsewhere else None)


def test_a_difference_that_heals_has_a_last_instant(tmp_path: Path) -> None:
    """Prevents rows about the end where nothing differs there."""
    paths = [listener(tmp_path, name, typed) for name, typed in (("a", b"aaq"), ("b", b"abq"))]
    rows = blink16.ask(paths[0], f"difference {paths[1]}").to_pylist()  # type: ignore[union-attr]
    assert rows[0]["what"] == "input"
    assert (rows[0]["a"], rows[0]["b"]) == ("console: b'a'", "console: b'b'")
    assert {row["at"] for row in rows} == {"first", "last", "end"}
    text = blink16.ask(paths[0], f"difference {paths[0]}")
    assert isinstance(text, str)
    assert text.startswith("no difference, in all ")


def test_what_can_not_be_compared_is_told(tmp_path: Path) -> None:
    """Prevents a traceback for a path that is none, and half a comparison taken for a whole."""
    path = listener(tmp_path, "a", b"q")
    bad = tmp_path / "bad.b16"
    bad.write_bytes(path.read_bytes()[:-7])
    for other in ("nowhere.b16", "", str(tmp_path)):
        with pytest.raises(QuestionError):
            blink16.ask(path, f"difference {other}")
    with pytest.raises(QuestionError, match="damaged"):
        blink16.ask(path, f"difference {bad}")
