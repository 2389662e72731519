"""Our terminal as the screen and the keyboard of one PC, whoever debugs it."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Event, Lock, Thread

from blink16.console import Console
from blink16.consoles import PICTURE_SECONDS
from blink16.screens.teletype import Teletype
from blink16.screens.viewer import Viewer
from blink16.server.consoles import Deliver
from blink16.server.hosted import HostedMachine
from blink16.server.slots import Slot
from blink16.server.sources import Say
from blink16.terminals import terminal

STUCK_SECONDS = 1.0
"""How long we wait, at the end, for a terminal that takes nothing."""
MAX_SAID = 50
"""Lines that are kept to be said when the terminal is its user's again."""
MAX_LINE = 200
"""Characters of another machine's line that are told, the last ones."""


def end_server() -> None:
    """End the server as Ctrl-C would; from any thread."""
    signal.raise_signal(signal.SIGINT)


class ScreenConsole:
    """A console (`consoles.HostConsole`) that shows the first machine's screen, painted anew in a
    thread of ours, and types what comes from the terminal.

    A DOS program's output is plain text until the program uses the screen for more.  What others
    put out goes to standard error, or if that is the terminal too, its last line is told below the
    picture.
    """

    def __init__(self, say: Say, end: Callable[[], None] = end_server) -> None:
        """``say`` tells what there is to tell before and after; ``end``: Ctrl-] was pressed."""
        self._say = say
        self._end = end
        self._slot: Slot | None = None
        self._viewer: Viewer | None = None
        self._teletype: Teletype | None = None
        """While our PC only prints: what is printed."""
        self._shown: tuple[HostedMachine, int] | None = None
        """Which machine printed that, and how often it had been moved in time."""
        self._looking = False
        """Whether a look at the screen is on its way."""
        self._unfinished: dict[int, str] = {}
        """By process, the beginnings of lines that others put out."""
        self._starving: set[int] = set()
        self._last_words = ""
        self._said: deque[str] = deque(maxlen=MAX_SAID)
        self._terminal = ExitStack()
        self._begun = False
        self._over = Event()
        self._lock = Lock()
        """Of painting and of taking the terminal back."""
        self._reader = terminal.InputReader(self._take)
        self._thread = Thread(target=self._work, name="screen", daemon=True)

    def attach(self, slot: Slot) -> None:
        """Show this machine."""
        self._slot = slot
        if slot.hosted.is_program:
            self._begin_to_print(slot.hosted)
        else:
            self._begin_picture(slot)

    def _begin_picture(self, slot: Slot) -> None:
        self._teletype = None
        self._viewer = Viewer(
            lambda: slot.debugger.machine,
            is_travelling=lambda: slot.hosted.is_travelling,
            status=lambda: f" {slot.condition} | Ctrl-] ends the server | {self._last_words}",
            always_status=True,
            colors=terminal.colors(),
        )

    def _begin_to_print(self, hosted: HostedMachine) -> None:
        """Take the screen for what was printed, as it is now."""
        self._shown = hosted, hosted.debugger.timeline.rewinds
        self._teletype = Teletype(hosted.debugger.machine)

    def _follows(self, hosted: HostedMachine) -> bool:
        """Whether a machine has but gone on since then."""
        return self._shown == (hosted, hosted.debugger.timeline.rewinds)

    def begin(self, told: str) -> None:
        """Take the terminal; ``told`` is where debuggers find us."""
        if self._begun:
            self.say(told)
            return
        if self._viewer is None:
            self._say(told)
            self._say("the keyboard is the program's; Ctrl-] ends the server")
        self._last_words = told
        self._terminal.enter_context(terminal.raw())
        self._begun = True
        self._reader.want()
        self._thread.start()

    def say(self, text: str) -> None:
        """Tell the user a line: below the picture if there is one, and again at the end."""
        if not self._begun or self._over.is_set() or self._viewer is None:
            self._say(text)
            return
        self._said.append(text)
        self._last_words = text

    def close(self) -> None:
        """Give the terminal back."""
        if not self._begun or self._over.is_set():
            return
        self._over.set()
        painted = self._lock.acquire(timeout=STUCK_SECONDS)
        try:
            if painted and self._viewer is not None:
                with suppress(terminal.OutputError):
                    terminal.write(terminal.STDOUT, self._viewer.end().encode())
        finally:
            self._terminal.close()
        for line in self._said:
            self._say(line)

    # -- as a console ------------------------------------------------------------------------

    def show(self, process: int, channel: str, data: bytes) -> None:
        """Take output: what our PC prints is in its picture already."""
        is_ours = self._slot is not None and process == self._slot.process
        if is_ours and self._teletype is not None:
            self._print(data)
            return
        if is_ours and channel == Console.CHANNEL:
            return
        if not is_ours and terminal.shows_errors():
            self._tell_lines(process, data)
            return
        with suppress(terminal.OutputError):
            terminal.show_beside_picture(data)

    def _print(self, data: bytes) -> None:
        """Show what our PC prints, in the thread that runs it."""
        assert self._slot is not None
        assert self._teletype is not None
        if self._follows(self._slot.hosted):
            self._teletype.show(data)
        else:  # another machine, or another future: its screen has these bytes already
            self._begin_to_print(self._slot.hosted)
        with suppress(terminal.OutputError):
            terminal.write(terminal.STDOUT, data.decode("cp437").encode())

    def _tell_lines(self, process: int, data: bytes) -> None:
        """Tell another machine's lines, each once it is whole."""
        text = self._unfinished.get(process, "") + data.decode("cp437")
        *lines, rest = text.replace("\r", "").split("\n")
        self._unfinished[process] = rest[-MAX_LINE:]
        for line in filter(None, lines):
            self.say(f"process {process}: {line[-MAX_LINE:]}")

    def want(self, process: int, deliver: Deliver) -> None:
        """Say once that there are no keys for others; ours come when they are pressed."""
        is_ours = self._slot is not None and process == self._slot.process
        if is_ours or process in self._starving:
            return
        self._starving.add(process)
        self.say(f"process {process} waits for input; give it a --console of its own")

    def _take(self, data: bytes) -> None:
        """Take keys, in the reader's thread."""
        if not data or terminal.QUIT_KEY in data:
            self._end()
            return
        if self._slot is not None:
            self._slot.type_on_terminal(data)
        self._reader.want()

    # -- the picture, in its thread ----------------------------------------------------------

    def _work(self) -> None:
        with suppress(terminal.OutputError):  # the terminal is gone, and so is who would see it
            while not self._over.wait(PICTURE_SECONDS):
                with self._lock:
                    if not self._over.is_set():
                        self._look()
                        terminal.write(terminal.STDOUT, self.picture(*terminal.size()).encode())

    def _look(self) -> None:
        """Have it found out whether our PC still only prints, in the thread that runs it."""
        if self._teletype is None or self._looking or self._slot is None:
            return
        if self._slot.hosted.runs:
            self._looking = True
            self._slot.debugger.timeline.glance(self._judge)
        else:
            self._judge()

    def _judge(self) -> None:
        self._looking = False
        slot, teletype = self._slot, self._teletype
        if slot is None or teletype is None or not slot.debugger.timeline.live:
            return
        if not self._follows(slot.hosted):
            self._begin_to_print(slot.hosted)
        elif not teletype.is_enough():
            self._begin_picture(slot)

    def picture(self, columns: int, lines: int) -> str:
        """Return what turns a terminal's picture into what is to be seen now."""
        return "" if self._viewer is None else self._viewer.paint((columns, lines))
