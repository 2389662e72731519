"""When a view collects garbage."""

from __future__ import annotations

import gc
import sys

import pytest
from rich.segment import Segment
from textual.strip import Strip

from blink16.blinkenlights import garbage
from blink16.blinkenlights.garbage import Garbage, free_lines_at_once


class Collector:
    """Stands in for Python's, which all tests share."""

    get_threshold = staticmethod(gc.get_threshold)

    def __init__(self) -> None:
        self.collections = self.freezes = 0
        self.threshold: tuple[int, ...] = ()

    def collect(self) -> None:
        """Count a collection."""
        self.collections += 1

    def freeze(self) -> None:
        """Count what is put away."""
        self.freezes += 1

    def set_threshold(self, *threshold: int) -> None:
        """Note how rarely it is to collect by itself."""
        self.threshold = threshold


def test_garbage_is_collected_between_pictures_that_follow_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a time bar that stands still now and then while it is dragged, for longer each
    time; and a view in which nothing happens from looking for garbage for ever.
    """
    collector = Collector()
    monkeypatch.setattr(garbage, "gc", collector)
    found = Garbage()
    assert collector.threshold[2] > 10 * gc.get_threshold()[2]
    collected = []
    for pictures in (0, 5, 90, 170, 170, 170, 170, 171, 172, 172, 172):
        found.look(pictures)
        collected.append(collector.collections)
    assert collected == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
    assert collector.freezes == 1 + 2


def test_a_line_that_was_drawn_waits_for_no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a second in which the view stands still, once a long drag has ended."""
    monkeypatch.setattr(Strip, "divide", Strip.divide)  # is as it was, afterwards
    free_lines_at_once()
    strip = Strip([Segment("add"), Segment("  ax,bx")])
    held = sys.getrefcount(strip)
    assert strip.divide([10])[0] is strip
    assert sys.getrefcount(strip) == held
    assert [part.text for part in strip.divide([3, 10])] == ["add", "  ax,bx"]
    assert strip.divide([3, 10]) is strip.divide(iter([3, 10]))  # kept as ever
