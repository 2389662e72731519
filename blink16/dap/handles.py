"""Numbers that a client knows frames and variables by, until the machine moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blink16.client.program import FrameView, TypedValue
from blink16.dap.states import RequestError

MAX_HANDLES = 200_000
FIRST_VARIABLES = 1 << 20
"""Numbers of variables begin here, so that none is taken for a frame's."""


@dataclass(frozen=True, slots=True)
class ScopeHandle:
    """A group of variables of a frame: ``locals``, ``registers``…"""

    kind: str
    frame: int


@dataclass(frozen=True, slots=True)
class ValueHandle:
    """A value with parts, and the expression that it is."""

    value: TypedValue
    frame: int
    path: str


Handle = ScopeHandle | ValueHandle


class Handles:
    """The numbers that were given away since the machine stands."""

    def __init__(self) -> None:
        self._frames: list[FrameView] = []
        self._threads: list[int] = []
        self._variables: list[Handle] = []
        self._first_frame = 1

    def clear(self) -> None:
        """Forget them; frames get numbers that none had before."""
        self._first_frame += len(self._frames)
        if self._first_frame >= FIRST_VARIABLES - MAX_HANDLES:
            self._first_frame = 1
        self._frames.clear()
        self._threads.clear()
        self._variables.clear()

    def of_frame(self, view: FrameView, thread: int) -> int:
        """Return a number for a frame."""
        for at, known in enumerate(self._frames):
            if known == view and self._threads[at] == thread:
                return self._first_frame + at
        self._frames.append(view)
        self._threads.append(thread)
        return self._first_frame + len(self._frames) - 1

    def frame(self, number: int) -> FrameView:
        """Return the frame of a number; RequestError if there is none."""
        at = number - self._first_frame
        if not 0 <= at < len(self._frames):
            raise RequestError(f"there is no frame {number}: the machine has moved since")
        return self._frames[at]

    def renew(self, views: Sequence[FrameView], thread: int) -> None:
        """Let the numbers of a thread's frames mean these frames as they are now."""
        self._frames = [
            views[known.level] if of == thread and known.level < len(views) else known
            for known, of in zip(self._frames, self._threads, strict=True)
        ]

    def of_variables(self, handle: Handle) -> int:
        """Return a number for what has parts."""
        if len(self._variables) >= MAX_HANDLES:
            raise RequestError(f"more than {MAX_HANDLES} variables were asked for at one stop")
        number = FIRST_VARIABLES + len(self._variables)
        self._variables.append(handle)
        return number

    def variables(self, number: int) -> Handle:
        """Return what a number stands for; RequestError if nothing."""
        at = number - FIRST_VARIABLES
        if not 0 <= at < len(self._variables):
            raise RequestError(f"there are no variables {number}: the machine has moved since")
        return self._variables[at]
