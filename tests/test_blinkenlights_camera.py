"""What a picture asks of a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

import blink16
from blink16.blinkenlights.camera import SELDOM, Camera
from blink16.blinkenlights.picture import MemoryWish, Wanted
from blink16.client import Target
from blink16.reports import Doing
from blink16.reports.frames import FramesReport
from blink16.reports.profile import ProfileReport
from blink16.reports.state import StateReport

PANELS = tuple(MemoryWish(what.upper(), what, 64) for what in ("code", "read", "write", "stack"))
WANTED = Wanted(memories=PANELS, reports=(FramesReport, ProfileReport))


class Counted:
    """A machine, and what is asked of it; it may say that it runs."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.runs = False
        self.asked: list[tuple[type, ...]] = []
        self.read: list[int] = []
        """How many stretches of memory, each time."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def reports(self, *shapes: type) -> list[Any]:
        """Count reports."""
        self.asked.append(shapes)
        found = self._target.reports(*shapes)
        doing = Doing.RUNS if self.runs else Doing.STANDS
        return [replace(one, doing=doing) if isinstance(one, StateReport) else one for one in found]

    def read_memories(self, stretches: list[tuple[int, int]]) -> list[bytes]:
        """Count stretches of memory."""
        self.read.append(len(stretches))
        return self._target.read_memories(stretches)


@pytest.fixture
def counted() -> Iterator[Counted]:
    """Return the sample's machine."""
    with blink16.launch("banner", "HI") as target:
        yield Counted(target)


def test_a_picture_takes_two_round_trips(counted: Counted) -> None:
    """Prevents a screen that comes late because a server is asked one thing after another, and
    memory panels that look where the instruction before has read or written.
    """
    camera, target = Camera(), cast(Target, counted)
    camera.take(target, WANTED)
    for steps in (1, 1, 3, 1, 1, 40, 1, 1):
        counted.step(steps)
        counted.asked, counted.read = [], []
        picture = camera.take(target, WANTED)
        assert len(counted.asked) == 1
        is_known = steps == 1 and picture.touched  # before it was executed
        assert len(counted.read) == 1 or not is_known
        for stretch in picture.memory.values():
            assert stretch.data == counted.read_memory(stretch.address, len(stretch.data))
        last = {one.writes: one.address for one in picture.touched or picture.next_touches}
        for writes, address in last.items():
            shown = picture.memory["WRITE" if writes else "READ"].address
            assert 0 <= address - shown < PANELS[0].length


def test_what_takes_long_is_seldom_asked_of_a_machine_that_runs(counted: Counted) -> None:
    """Prevents a machine at full speed from working for its pictures, and one that stands from
    being shown with frames it had before.
    """
    camera, target = Camera(), cast(Target, counted)
    counted.runs = True
    pictures = []
    for _ in range(3 * SELDOM):
        counted.step()
        pictures.append(camera.take(target, WANTED))
    asked = [shapes for shapes in counted.asked if FramesReport in shapes]
    assert len(asked) <= 4
    assert all(FramesReport in picture.reports for picture in pictures)
    assert not any(ProfileReport in shapes for shapes in counted.asked)
    counted.runs = False
    counted.step()
    frames = camera.take(target, WANTED).reports[FramesReport]
    assert isinstance(frames, FramesReport)
    assert frames.icount == counted.icount
