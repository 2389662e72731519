"""The user's mouse over the guest's screen, as the guest's own: put there, or moved as far."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from blink16.blinkenlights.guest_screen import fitted
from blink16.client import DeniedError, Target
from blink16.reports.screen import ScreenReport

ACROSS, CELL = 640, 8
"""As INT 33h counts: to the right end of any screen, and down a row of text."""
MICKEYS_ACROSS, MICKEYS_DOWN = 1, 2
"""Of a mouse that only tells movements, for each of those."""
BUTTONS = {1: "left", 2: "middle", 3: "right"}
"""By the numbers that Textual gives them."""
ASK_AGAIN = 5.0
"""Seconds after which a machine that had no mouse may have one."""


@dataclass(frozen=True, slots=True)
class MousePlace:
    """Where the mouse is, as INT 33h counts, and which buttons are down."""

    x: int
    y: int
    buttons: tuple[str, ...] = ()


def place_of_cell(screen: ScreenReport, column: int, row: int) -> tuple[int, int]:
    """Return the middle of a character, from 0; the nearest where there is none."""
    column, row = _within(column, screen.width), _within(row, screen.height)
    return (2 * column + 1) * ACROSS // (2 * screen.width), row * CELL + CELL // 2


def place_of_dots(
    screen: ScreenReport, room: tuple[int, int], column: int, row: int
) -> tuple[int, int]:
    """Return the dot behind the middle of a character, where ``room`` is filled with dots."""
    wide, high = fitted(*room)
    column, row = _within(column - (room[0] - wide) // 2, wide), _within(row, high)
    return (2 * column + 1) * ACROSS // (2 * wide), (2 * row + 1) * screen.height // (2 * high)


def _within(at: int, count: int) -> int:
    return max(0, min(at, count - 1))


class GuestMouse:
    """Moves the guest's mouse; of places that wait for the machine, the last."""

    def __init__(self, do: Callable[[Callable[[Target], None]], None]) -> None:
        """``do``: lets a function of the machine be called soon, while it runs, too."""
        self._do = do
        self._waiting: deque[MousePlace] = deque()
        self._lock = threading.Lock()
        self._at: MousePlace | None = None
        self._none_until = 0.0

    def move(self, place: MousePlace) -> None:
        """Move it, and press its buttons."""
        if time.monotonic() < self._none_until:
            return
        with self._lock:
            if self._waiting and self._waiting[-1].buttons == place.buttons:
                self._waiting[-1] = place
                return
            self._waiting.append(place)
        self._do(self._give)

    def _give(self, target: Target) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    return
                place = self._waiting.popleft()
            before, self._at = self._at or place, place
            try:
                _told(target, place, before)
            except DeniedError:  # it has none, or has not taken what came before
                self._none_until = time.monotonic() + ASK_AGAIN


def _told(target: Target, place: MousePlace, before: MousePlace) -> None:
    buttons = " ".join(place.buttons)
    try:
        target.monitor(f"mouse to {place.x} {place.y} {buttons}")
    except DeniedError:
        dx = (place.x - before.x) * MICKEYS_ACROSS
        dy = (place.y - before.y) * MICKEYS_DOWN
        target.monitor(f"mouse {dx} {dy} {buttons}")
