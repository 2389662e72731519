"""The command line of a server of our own."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SERVE = "import sys; from blink16.cli.main import server_main; sys.exit(server_main())"


@contextmanager
def watching_place() -> Iterator[str | None]:
    """Return the path of a socket file for those who watch; None where there are no such files."""
    if not hasattr(socket, "AF_UNIX"):
        yield None
        return
    with TemporaryDirectory(prefix="blink16-") as folder:
        yield f"{folder}/watch"


def command_line(
    program: str | Path | None,
    arguments: Sequence[str],
    options: Mapping[str, object],
    place: str | None = None,
) -> tuple[str, ...]:
    """Return the command that shows a program on its standard streams.

    ``place``: of a socket file, to which others may come to watch.

    Without a program, the arguments are options of the server's, and what it is to show.
    What the program prints comes to the client, unless the option ``console`` says otherwise.
    """
    given = {"console": "gdb", "listen": place and f"unix:{place}", **options}
    words = [word for name, value in given.items() for word in _option(name, value)]
    named = () if program is None else (str(program),)
    return (sys.executable, "-c", SERVE, "--stdio", *words, *named, *arguments)


def terminal_command_line(
    program: str | Path, arguments: Sequence[str], options: Mapping[str, object], place: str
) -> tuple[str, ...]:
    """Return the command that shows a program on a socket file; its console is its terminal."""
    given = {"listen": f"unix:{place}", **options}
    words = [word for name, value in given.items() for word in _option(name, value)]
    return (sys.executable, "-c", SERVE, *words, str(program), *arguments)


def _option(name: str, value: object) -> Iterator[str]:
    dashes = "-" if len(name) == 1 else "--"
    option = dashes + name.replace("_", "-")
    for one in value if isinstance(value, list | tuple) else [value]:
        if one is True:
            yield option
        elif one is not None and one is not False:
            yield from (option, str(one))
