"""The command `blink16-dap`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from blink16.endings import SIGNAL_STATUS
from blink16.words.complaints import OneLineParser

DESCRIPTION = (
    "Debug 8086 programs in VS Code and other editors: a server of the Debug Adapter Protocol on "
    "standard input and output, or on a port."
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    made = OneLineParser(prog="blink16-dap", description=DESCRIPTION)
    made.add_argument(
        "--port", type=int, metavar="N", help="listen on this TCP port; 0 takes a free one"
    )
    made.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDR",
        help="address to listen on (default: %(default)s); whoever reaches it can run programs",
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Serve one client on standard input and output, or many on a port."""
    reader = parser()
    parsed = reader.parse_args(words)
    if parsed.port is not None and not 0 <= parsed.port <= 0xFFFF:
        reader.error(f"{parsed.port} is no TCP port")
    return _serve(parsed)


def _serve(parsed: argparse.Namespace) -> int:
    import trio

    from blink16.dap.edge import serve_port, serve_stdio, until_ended
    from blink16.terminals.userlines import UserLines, logged

    lines = UserLines()
    try:
        with logged(lines.say):
            serve: Callable[[], Awaitable[None]] = serve_stdio
            if parsed.port is not None:
                serve = partial(serve_port, parsed.host, parsed.port, lines.say)
            number = trio.run(until_ended, serve)
    except OSError as error:
        lines.say(f"blink16-dap: {error.strerror or error}")
        return 1
    finally:
        lines.flush()
    return 0 if number is None else SIGNAL_STATUS + number


if __name__ == "__main__":
    sys.exit(main())
