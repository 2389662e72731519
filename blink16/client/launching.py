"""The command line of a server of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SERVE = "import sys; from blink16.cli.main import server_main; sys.exit(server_main())"


def command_line(
    program: str | Path, arguments: Sequence[str], options: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the command that shows a program on its standard streams.

    What the program prints comes to the client, unless the option ``console`` says otherwise.
    """
    given = {"console": "gdb", **options}
    words = [word for name, value in given.items() for word in _option(name, value)]
    return (sys.executable, "-c", SERVE, "--stdio", *words, str(program), *arguments)


def _option(name: str, value: object) -> Iterator[str]:
    dashes = "-" if len(name) == 1 else "--"
    option = dashes + name.replace("_", "-")
    for one in value if isinstance(value, list | tuple) else [value]:
        if one is True:
            yield option
        elif one is not None and one is not False:
            yield from (option, str(one))
