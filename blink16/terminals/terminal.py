"""The host's standard streams: where a program's output goes and its input comes from."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from blink16.console import Console
from blink16.words.texts import printable

try:
    import termios
except ImportError:  # a host without terminals of this kind
    termios = None  # type: ignore[assignment]

STDIN, STDOUT, STDERR = 0, 1, 2
QUIT_KEY = b"\x1d"
"""Ctrl-], which ends a PC in the terminal; all other keys are the guest's."""
MIN_COLUMNS, MIN_LINES = 40, 10
"""Of a smaller terminal no PC's screen is made."""
CHUNK = 4096
"""Bytes of input taken at a time; the rest stays for whoever reads after us."""


class OutputError(Exception):
    """Output that can't be written, such as to a full disk; ``errno`` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"can't write the program's output: {error.strerror}")
        self.errno = error.errno


def show(channel: str, data: bytes) -> None:
    """Write what a machine puts out, at once and unbuffered.  Raises OutputError."""
    write(STDOUT if channel == Console.CHANNEL else STDERR, data)


def write(descriptor: int, data: bytes) -> None:
    """Write to one of our standard streams, at once and unbuffered.  Raises OutputError."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise OutputError(error) from None


def say(text: str) -> None:
    """Write a line for the user to standard error; where nobody can read it, it is lost."""
    with suppress(OutputError):
        write(STDERR, f"{printable(text)}{_line_end()}".encode())


def _line_end() -> str:
    """Return what ends a line on standard error, which may be a terminal that is `raw`."""
    if termios is None or not os.isatty(STDERR):
        return "\n"
    try:
        return "\n" if termios.tcgetattr(STDERR)[1] & termios.OPOST else "\r\n"
    except termios.error:
        return "\n"


def hold_streams() -> None:
    """Let the three standard streams be open, so that no file or socket gets their numbers.

    What was closed can be neither read nor written, as before.
    """
    for descriptor, mode in ((STDIN, os.O_WRONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # it gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(STDOUT, "w", closefd=False)  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = open(STDERR, "w", closefd=False)  # noqa: SIM115


@contextmanager
def raw() -> Iterator[None]:
    """Take the terminal on standard input key by key, unchanged; give it back whatever happens.

    Does nothing where there is no terminal.
    """
    if termios is None or not os.isatty(STDIN):
        yield
        return
    before = termios.tcgetattr(STDIN)
    mode = termios.tcgetattr(STDIN)
    mode[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    try:
        termios.tcsetattr(STDIN, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSANOW, before)  # a stalled terminal drains never


def on_resize(tell: Callable[[int, int], None]) -> None:
    """Call ``tell`` with lines and columns, in the main thread, when the terminal changes them."""

    def resized(number: int, frame: FrameType | None) -> None:
        found = size()
        tell(found.lines, found.columns)

    if hasattr(signal, "SIGWINCH"):
        signal.signal(signal.SIGWINCH, resized)


def gives_keys() -> bool:
    """Whether standard input and output are a terminal that is ours, to be taken key by key."""
    return termios is not None and os.isatty(STDIN) and os.isatty(STDOUT) and _in_foreground()


def is_interactive() -> bool:
    """Whether standard input and output are a terminal on which a PC's screen can be shown."""
    found = size()
    wide = found.columns >= MIN_COLUMNS and found.lines >= MIN_LINES
    return termios is not None and os.isatty(STDIN) and wide and _in_foreground()


def _in_foreground() -> bool:
    """Whether the terminal is ours: who takes it from the background is stopped."""
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:
        return False


def colors() -> int:
    """Return how many colors our terminal shows, by what it says of itself: 2²⁴, 256 or 16."""
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return 1 << 24
    return 256 if "256color" in os.environ.get("TERM", "") else 16


def size() -> os.terminal_size:
    """Return the size of the terminal on standard output; no columns and lines if it is none."""
    try:
        return os.get_terminal_size(STDOUT)
    except OSError:
        return os.terminal_size((0, 0))


def shows_errors() -> bool:
    """Whether standard error is a terminal, most likely the one that shows the picture."""
    return os.isatty(STDERR)


def show_beside_picture(data: bytes) -> None:
    """Write to standard error what isn't the picture, unless it would spoil it."""
    if not shows_errors():
        write(STDERR, data)


class Characters:
    """What a terminal sends in UTF-8, as a PC's characters; what a PC lacks is dropped."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def take(self, data: bytes) -> bytes:
        """Return the characters that are whole."""
        return b"".join(map(_character, self._decoder.decode(data)))


def _character(character: str) -> bytes:
    if "\udc80" <= character <= "\udcff":
        return bytes((ord(character) - 0xDC00,))
    return character.encode("cp437", "ignore")


class InputReader:
    """Reads standard input in a thread of its own, a chunk each time somebody wants one.

    ``deliver`` is called in that thread, with no bytes at the end of input.  The thread is a
    daemon: nobody can end a read from a terminal, and it must not hold up the end of ours.
    """

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self) -> None:
        """Ask for one chunk, unless one is on its way.  From any thread; cheap to repeat."""
        if self._wanted.is_set():
            return
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="stdin", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._wanted.wait():
            data = _read()
            self._wanted.clear()  # before delivery: whoever wants more then must be heard
            self._deliver(data)


def _read() -> bytes:
    try:
        return os.read(STDIN, CHUNK)
    except OSError:  # closed, a folder, or a terminal that isn't ours: no input from there
        return b""
