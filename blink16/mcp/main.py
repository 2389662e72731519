"""The command `blink16-mcp`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blink16.words import extras
from blink16.words.complaints import OneLineParser

LOOPBACK = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    made = OneLineParser(
        prog="blink16-mcp",
        description="Let an assistant debug 8086 programs: a server of the Model Context Protocol "
        "on standard input and output.",
    )
    made.add_argument(
        "--read-only",
        action="store_true",
        help="machines can be run and looked at, but not typed to or changed",
    )
    made.add_argument(
        "--port", type=int, metavar="N", help=f"serve HTTP on this port of {LOOPBACK} instead"
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Serve an assistant on standard input and output, or several on a port of this computer."""
    arguments = parser()
    parsed = arguments.parse_args(words)
    if parsed.port is not None and not 0 < parsed.port <= 0xFFFF:
        arguments.error(f"{parsed.port} is no TCP port")
    try:
        import mcp  # noqa: F401
    except ImportError:
        missing = f"blink16-mcp needs the MCP SDK: {extras.command('mcp')}"
        print(missing, file=sys.stderr)
        return 1
    return _serve(parsed.port, read_only=parsed.read_only)


def _serve(port: int | None, *, read_only: bool) -> int:
    from blink16.mcp.desk import Desk
    from blink16.mcp.server import make_server

    desk = Desk(read_only=read_only)
    server = make_server(desk)
    try:
        if port is None:
            server.run("stdio")
        else:
            server.run("streamable-http", host=LOOPBACK, port=port)
    except KeyboardInterrupt:
        return 130
    finally:
        desk.close_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
