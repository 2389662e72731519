"""The command line of a server of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from blink16 import socketfile
from blink16.client.addresses import OwnServer, UnixServer
from blink16.client.errors import LaunchError, UnsupportedError

SERVE = (
    "import gc, sys; gc.disable(); from blink16.cli.main import server_main; gc.enable(); "
    "sys.exit(server_main())"
)
"""A server's program; nothing that is imported is ever thrown away."""
HOSTED = "from blink16.client.launching import end_with_starter; end_with_starter()"
"""What comes before in one that does not end with its standard input by itself."""

MAX_LAST_WORDS = 1 << 16
"""Bytes of a process's standard error that are kept: the last ones."""
END_SECONDS = 5.0
"""So long a server of our own may take to end when it is told to."""
START_INTERVAL = 0.02
"""Seconds between two looks whether a server of our own is there."""


@contextmanager
def started(words: Sequence[str]) -> Iterator[OwnServer]:
    """Start a server of our own before anything else is done; return it, to be connected to.

    ``words``: its options, and what it is to show.  Where its standard streams can't be waited for
    (Windows), it starts when somebody connects.
    """
    with socketfile.place() as path:
        command = command_line(None, words, {"console": "terminal"}, path)
        place = None if path is None else UnixServer(path)
        if sys.platform == "win32":
            yield OwnServer(command, place)
            return
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            try:
                yield OwnServer(command, place, process)
            finally:
                process.kill()


@contextmanager
def hosting(words: Sequence[str]) -> Iterator[UnixServer]:
    """Start a server of our own that goes on when its clients leave; return where it is.

    ``words``: its options, and what it is to show.  LaunchError with what it said if it does not
    begin.  It ends with the block.  The program's console is a terminal of its clients.
    """
    with socketfile.place() as path:
        if path is None:
            raise UnsupportedError("on this system there are no socket files")
        own = ("--console", "terminal", "--listen", f"unix:{path}")
        process = subprocess.Popen(
            [sys.executable, "-c", f"{HOSTED}; {_program(path)}", *own, *words],
            stdin=subprocess.PIPE,  # which ends when we do, however that may be
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                while not Path(path).exists():
                    if process.poll() is not None and process.stderr is not None:
                        said = process.stderr.read(MAX_LAST_WORDS).decode("utf-8", "replace")
                        raise LaunchError(said.strip() or "the server has ended")
                    time.sleep(START_INTERVAL)
                yield UnixServer(path)
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a server to end; by force if it does not."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def end_with_starter() -> None:
    """End this process when its standard input does: when who has started it is gone."""

    def wait() -> None:
        while os.read(0, MAX_LAST_WORDS):
            pass
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, name="starter", daemon=True).start()


def command_line(
    program: str | Path | None,
    arguments: Sequence[str],
    options: Mapping[str, object],
    place: str | None = None,
) -> tuple[str, ...]:
    """Return the command that shows a program on its standard streams.

    ``place``: a socket file's (`socketfile.place`), to which others may come to watch.

    Without a program, the arguments are options of the server's, and what it is to show.
    What the program prints comes to the client, unless the option ``console`` says otherwise.
    """
    given = {"console": "gdb", "listen": place and f"unix:{place}", **options}
    words = [word for name, value in given.items() for word in _option(name, value)]
    named = () if program is None else (str(program),)
    return (sys.executable, "-c", _program(place), "--stdio", *words, *named, *arguments)


def terminal_command_line(
    program: str | Path, arguments: Sequence[str], options: Mapping[str, object], place: str
) -> tuple[str, ...]:
    """Return what shows a program at a `socketfile.place`; its console is its terminal."""
    given = {"listen": f"unix:{place}", **options}
    words = [word for name, value in given.items() for word in _option(name, value)]
    return (sys.executable, "-c", _program(place), *words, str(program), *arguments)


def _program(place: str | None) -> str:
    """Return a server's program; with it goes the folder of the socket file that is its `place`."""
    if place is None:
        return SERVE
    folder = str(Path(place).parent)
    return f"from blink16.socketfile import remove_with_us; remove_with_us({folder!r}); {SERVE}"


def _option(name: str, value: object) -> Iterator[str]:
    dashes = "-" if len(name) == 1 else "--"
    option = dashes + name.replace("_", "-")
    for one in value if isinstance(value, list | tuple) else [value]:
        if one is True:
            yield option
        elif one is not None and one is not False:
            yield from (option, str(one))
