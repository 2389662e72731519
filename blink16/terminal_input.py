"""What a terminal sends, as a PC takes it: keys in its characters, and events of its mouse."""

from __future__ import annotations

from blink16.devices.mouse import FARTHEST, SerialMouse, movement
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.dos import mouse
from blink16.terminal import Characters
from blink16.terminal_mouse import MouseReport, MouseReports

MICKEYS_A_COLUMN, MICKEYS_A_ROW = 8, 16


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
            events |= {SerialMouse.CHANNEL: moved, Ps2Mouse.CHANNEL: moved}
        return self._characters.take(rest), events

    def _movement(self, report: MouseReport) -> bytes:
        """Return how far a mouse of its own has moved, in mickeys, and its buttons."""
        x, y = report.column * MICKEYS_A_COLUMN, report.row * MICKEYS_A_ROW
        before, self._at = self._at or (x, y), (x, y)
        left, right = bool(report.buttons & 1), bool(report.buttons & 2)
        dx, dy = x - before[0], y - before[1]
        parts = max(1, -(-max(abs(dx), abs(dy)) // FARTHEST))
        return b"".join(
            movement(
                dx * (n + 1) // parts - dx * n // parts,
                dy * (n + 1) // parts - dy * n // parts,
                left=left,
                right=right,
            )
            for n in range(parts)
        )


def _event(report: MouseReport) -> bytes:
    x, y = report.column * mouse.CELL, report.row * mouse.CELL
    raw: bytes = mouse.EVENT.build({"buttons": report.buttons & 3, "x": x, "y": y})
    return raw
