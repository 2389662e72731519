"""Two minutes on the sample: step, watch a byte, go back to who wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blink16.blinkenlights.picture import Picture


@dataclass(frozen=True, slots=True)
class Stage:
    """What the user is asked to do, and when that is done."""

    text: str
    done: Callable[[Picture, Picture], bool]
    """Given the picture when the stage began and the present one."""


def _moved(before: Picture, now: Picture) -> bool:
    return now.state.icount != before.state.icount


TOUR = (
    Stage(
        "This is an 8086 before its first instruction, on the bright band at the left. "
        "Press s to execute it.",
        lambda before, now: now.state.icount > before.state.icount,
    ),
    Stage(
        "One instruction has retired: what it changed is orange, and the value before stands "
        "behind. Press s a few times more, and watch the stack at the lower right.",
        lambda before, now: now.state.icount >= before.state.icount + 4,
    ),
    Stage(
        "Nothing is lost. Press the up key, or turn the wheel up over the code: time runs back.",
        lambda before, now: now.state.icount < before.state.icount,
    ),
    Stage(
        "The program draws its banner line by line; lines counts them. Press w, type lines, and "
        "Enter: from now on the machine stops where that is written.",
        lambda before, now: bool(now.points),
    ),
    Stage(
        "Press C to run at full speed until somebody writes there.",
        lambda before, now: "watchpoint" in now.told,
    ),
    Stage(
        "Here it was written. Press C again, until the output shows a few lines of the banner.",
        lambda before, now: now.output.count(b"\n") >= 2,
    ),
    Stage(
        "And now the question that no other debugger answers: who wrote it last? Press shift-F5 "
        "(or : then last-write lines) to run back to it.",
        lambda before, now: now.in_past and _moved(before, now),
    ),
    Stage(
        "That is the instruction, before it wrote. Drag the strip at the bottom: the whole run is "
        "there, and the machine with it. ? explains what is under the cursor, q quits. Go on: "
        "press any key that moves.",
        _moved,
    ),
)


class Tour:
    """Where in the tour somebody is."""

    def __init__(self) -> None:
        self._at = 0
        self._began: Picture | None = None

    @property
    def text(self) -> str:
        """What is to be done now; empty when it is over."""
        if self._at >= len(TOUR):
            return ""
        return f"{self._at + 1}/{len(TOUR)}  {TOUR[self._at].text}"

    def see(self, picture: Picture) -> bool:
        """Take a picture; return whether that has led to another stage."""
        if self._began is None:
            self._began = picture
            return True
        if self._at < len(TOUR) and TOUR[self._at].done(self._began, picture):
            self._at, self._began = self._at + 1, picture
            return True
        return False
