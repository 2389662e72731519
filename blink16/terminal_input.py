"""What a terminal sends, as a PC takes it: keys in its characters, and events of its mouse."""

from __future__ import annotations

from blink16.dos import mouse
from blink16.terminal import Characters
from blink16.terminal_mouse import MouseReport, MouseReports


class TerminalInput:
    """Takes the input of one terminal apart, as it comes."""

    def __init__(self) -> None:
        self._characters = Characters()
        self._reports = MouseReports()

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the keys, and the mouse's events as `Mouse.CHANNEL` takes them."""
        rest, reports = self._reports.take(data)
        return self._characters.take(rest), b"".join(map(_event, reports))


def _event(report: MouseReport) -> bytes:
    x, y = report.column * mouse.CELL, report.row * mouse.CELL
    raw: bytes = mouse.EVENT.build({"buttons": report.buttons & 3, "x": x, "y": y})
    return raw
