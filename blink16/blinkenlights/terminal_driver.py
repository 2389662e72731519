"""Textual's way to a terminal, held together where a terminal, or who sits before it, is rude."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import TextIO

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message

from blink16.blinkenlights import guest_keys
from blink16.blinkenlights.terminal_kind import encoding

READ_SIZE = 1 << 12
INPUT_SECONDS = 0.1
"""So long input is waited for; then a key that may have more parts to come has none."""
FARTHEST = 1000
"""Columns or rows of the largest terminal that is believed."""
NOTHING_ON = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1016l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1000l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""All that is switched on while a view is on a terminal, switched off."""


class _Sheet:
    """What is drawn on: once it is gone, what is drawn there is lost, and nobody waits for that."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """A view's terminal."""

    def start_application_mode(self) -> None:
        """Begin to draw; input is minded until it ends."""
        file = open(  # noqa: SIM115 - as long as there is a view
            self._sink, "w", encoding=encoding(), errors="replace", closefd=False
        )
        self._file = _Sheet(file)  # type: ignore[assignment]
        for number, mind in ((signal.SIGTSTP, self._stop), (signal.SIGCONT, self._go_on)):
            # in the loop, so that one is done before the other is begun
            self._loop.add_signal_handler(number, mind)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    @property
    def _sink(self) -> int:
        """Where it draws."""
        assert sys.__stderr__ is not None
        return sys.__stderr__.fileno()

    def stop_application_mode(self) -> None:
        """Leave the terminal as it was."""
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
        super().stop_application_mode()

    def _get_terminal_size(self) -> tuple[int, int]:
        for stream in (self._sink, self.fileno):  # Textual's own asks what may be a file
            with suppress(OSError):
                columns, rows = os.get_terminal_size(stream)
                if columns and rows:
                    return min(columns, FARTHEST), min(rows, FARTHEST)
        columns, rows = shutil.get_terminal_size()  # by COLUMNS and LINES
        return min(columns, FARTHEST), min(rows, FARTHEST)

    def put_right(self) -> None:
        """Leave the terminal as it was, as far as that goes without waiting for anybody."""
        with suppress(OSError, termios.error):
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            if select.select([], [self._sink], [], 0)[1]:  # it takes some hundred bytes, then
                os.write(self._sink, NOTHING_ON.encode())

    # -- stopped and continued by a shell ----------------------------------------------------

    _stopped_in_order = _was_stopped = False

    def _stop(self) -> None:
        """Leave the terminal to who stops us, and stop: once, however often that was asked for."""
        if self._was_stopped:
            return
        self._was_stopped = True
        self._loop.call_soon(self._mind_again)  # behind all signals that have come by then
        self.suspend_application_mode()
        self._stopped_in_order = True
        os.kill(os.getpid(), signal.SIGSTOP)
        self._back()

    def _go_on(self) -> None:
        """Draw everything anew: who was stopped by force does not know what was done meanwhile."""
        if self._stopped_in_order:
            self._stopped_in_order = False  # who has stopped knows himself
            return
        self.suspend_application_mode()
        self._back()

    def _mind_again(self) -> None:
        self._was_stopped = False

    def _back(self) -> None:
        self.resume_application_mode()
        self._app.refresh(layout=True, repaint=True)

    # -- input -------------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Hand on what is typed; bytes that are no UTF-8 are no end, and an end is one."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        while not self.exit_event.is_set():
            typed = ""
            if select.select([self.fileno], [], [], INPUT_SECONDS)[0]:
                data = self._read()
                if not data:
                    self._gone()
                    return
                typed = decode(data)
                if getattr(self._app, "guest_has_keys", False):
                    typed = guest_keys.with_alt(typed)
            for character in (*typed, None):  # one at a time, so that no more is lost than one key
                try:
                    for event in parser.tick() if character is None else parser.feed(character):
                        self.process_message(event)
                except (ValueError, OverflowError):  # a key by a number that no character has
                    parser = self._another(parser)

    def _another(self, parser: XTermParser) -> XTermParser:
        """Return a parser in the place of one that has failed, which takes nothing any more."""
        fresh = XTermParser(self._debug)
        fresh.mouse_pixels = parser.mouse_pixels
        fresh.terminal_size = parser.terminal_size
        fresh.terminal_pixel_size = parser.terminal_pixel_size
        return fresh

    def process_message(self, message: Message) -> None:
        """Hand on a message; a size is believed up to our limit, as one that is asked for is."""
        if isinstance(message, Resize):
            columns, rows = message.size
            size = Size(min(columns, FARTHEST), min(rows, FARTHEST))
            message = Resize(size, size, size, message.pixel_size)
        super().process_message(message)

    def _read(self) -> bytes:
        """Return what was typed; nothing if nobody can type any more."""
        try:
            return os.read(self.fileno, READ_SIZE)
        except OSError:
            return b""

    def _gone(self) -> None:
        """End the view, as the loss of a terminal ends a process."""
        if not self.exit_event.is_set():
            self._loop.call_soon_threadsafe(lambda: self._app.exit(return_code=128 + signal.SIGHUP))
