"""A machine's screen on one terminal, ours or that of somebody who connects."""

from __future__ import annotations

from collections.abc import Callable

from blink16.bios import display
from blink16.bios.screen_content import ScreenContent
from blink16.bios.screen_text import ROWS
from blink16.devices.gameport import GamePort
from blink16.devices.mouse import SerialMouse
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.devices.video import Video
from blink16.dos.mouse import Mouse
from blink16.machine import Machine
from blink16.screens.halfblocks import MANY_COLORS
from blink16.screens.painter import Painter
from blink16.terminals import mouse as terminal_mouse


class Viewer:
    """Looks at a machine's screen now and then, from any thread, and says what to send to a
    terminal so that it shows that (`consoles.Picture`).

    The terminal is to report its mouse once a program asks for one.

    It shows the present: while the machine moves through its past, the picture stands still.
    """

    def __init__(
        self,
        machine: Callable[[], Machine],
        *,
        is_travelling: Callable[[], bool] = lambda: False,
        status: Callable[[], str] = str,
        always_status: bool = False,
        keeps_cursor: bool = False,
        colors: int = MANY_COLORS,
    ) -> None:
        """``machine`` is the one to be shown now.

        ``status`` returns what the terminal's last line tells, where there is a line to spare, or
        ``always_status``.  ``keeps_cursor`` and ``colors``: see `Painter`.
        """
        self._machine = machine
        self._is_travelling = is_travelling
        self._status = status
        self._always_status = always_status
        self._painter = Painter(keeps_cursor=keeps_cursor, colors=colors)
        self._screen: ScreenContent | None = None
        self._mouse_on = False

    def paint(self, size: tuple[int, int]) -> str:
        """Return what turns the terminal's picture into what is to be seen now.

        ``size``: the terminal's columns and lines.
        """
        if not self._is_travelling():
            machine = self._machine()
            screen = display.read(machine.memory, machine.find(Video))
            if not self._is_travelling():  # else it may be of the past
                self._screen = screen
        status = self._status() if self._always_status or size[1] > ROWS else ""
        return self._mouse() + self._painter.paint(self._screen, size, status)

    def _mouse(self) -> str:
        """Return what lets the terminal report its mouse, once, when that is wanted."""
        machine = self._machine()
        mice = (
            machine.find(Mouse),
            machine.find(SerialMouse),
            machine.find(Ps2Mouse),
            machine.find(GamePort),
        )
        if self._mouse_on or not any(mouse is not None and mouse.is_used for mouse in mice):
            return ""
        self._mouse_on = True
        return terminal_mouse.ON

    def end(self) -> str:
        """Return what makes the terminal its user's again."""
        return (terminal_mouse.OFF if self._mouse_on else "") + self._painter.end()
