"""What a terminal sends, as a PC takes it: keys in its characters, and events of its mouse."""

from __future__ import annotations

from blink16.devices.gameport import GamePort, held
from blink16.devices.mouse import SerialMouse, movements
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.dos import mouse
from blink16.terminals.mouse import MouseReport, MouseReports
from blink16.terminals.terminal import Characters

MICKEYS_A_COLUMN, MICKEYS_A_ROW = 8, 16
LAST_COLUMN, LAST_ROW, LAST = 79, 24, 255
"""Of a screen, and of a joystick's axes."""


class TerminalInput:
    """Takes the input of one terminal apart, as it comes."""

    def __init__(self) -> None:
        self._characters = Characters()
        self._reports = MouseReports()
        self._at: tuple[int, int] | None = None
        """Where the mouse was, in mickeys."""

    def take(self, data: bytes) -> tuple[bytes, dict[str, bytes]]:
        """Return the keys, and the mouse's events as each channel takes them that may be there."""
        rest, reports = self._reports.take(data)
        events = dict[str, bytes]()
        if reports:
            moved = b"".join(map(self._movement, reports))
            events[mouse.Mouse.CHANNEL] = b"".join(map(_event, reports))
            events[GamePort.CHANNEL] = _stick(reports[-1])
            events |= {SerialMouse.CHANNEL: moved, Ps2Mouse.CHANNEL: moved}
        return self._characters.take(rest), events

    def _movement(self, report: MouseReport) -> bytes:
        """Return how far a mouse of its own has moved, in mickeys, and its buttons."""
        x, y = report.column * MICKEYS_A_COLUMN, report.row * MICKEYS_A_ROW
        before, self._at = self._at or (x, y), (x, y)
        return movements(x - before[0], y - before[1], report.buttons)


def _stick(report: MouseReport) -> bytes:
    """Return where a joystick is held whose handle is the mouse on a screen of 80x25."""
    x, y = report.column * LAST // LAST_COLUMN, report.row * LAST // LAST_ROW
    return held(min(x, LAST), min(y, LAST), pressed=report.buttons & 3)


def _event(report: MouseReport) -> bytes:
    return mouse.put(report.column * mouse.CELL, report.row * mouse.CELL, report.buttons)
