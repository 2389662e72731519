"""The command `blink16-mcp`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from blink16.endings import ended_in_order
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
        with ended_in_order():
            try:
                if port is None:
                    _in_a_thread(lambda: server.run("stdio"))
                else:
                    server.run("streamable-http", host=LOOPBACK, port=port)
            finally:
                desk.close_all()
    except SystemExit as end:  # by a signal
        sys.stderr.flush()
        os._exit(int(end.code or 0))  # a thread that reads standard input would be waited for
    return 0


def _in_a_thread(run: Callable[[], None]) -> None:
    """Run something to its end, or until a signal ends us.

    The SDK reads standard input in a thread that can't be cancelled: asyncio would wait for it
    until the assistant says another word.
    """
    done: Future[None] = Future()

    def work() -> None:
        try:
            run()
        except BaseException as error:  # its home is the thread that waits for it
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=work, name="assistant", daemon=True).start()
    done.result()


if __name__ == "__main__":
    sys.exit(main())
