"""The command `blinkenlights`."""

from __future__ import annotations

import argparse
import gc
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from blink16 import client
from blink16.blinkenlights import terminal_kind
from blink16.blinkenlights.pixels.terminal import Asking, PixelKind
from blink16.client.addresses import parse as parse_address
from blink16.client.errors import ClientError, UnsupportedError
from blink16.client.launching import started
from blink16.endings import ended_in_order
from blink16.words import numerals
from blink16.words.complaints import OneLineParser
from blink16.words.numerals import NumeralError

if TYPE_CHECKING:
    from blink16.blinkenlights.app import Blinkenlights
    from blink16.client import OwnServer, Target

EXAMPLES = """\
Options that are not ours are blink16-server's: -A, --replay, --symbols, --root, --cpu, ….

examples:
  blinkenlights banner HELLO
  blinkenlights --symbols prog.map prog.exe
  blinkenlights fd1440.img           a PC that boots from a disk
  blinkenlights --connect :1234      watch what gdb does there, and take over when it may
  blinkenlights --replay session.b16
  blinkenlights --web 8086 fd1440.img    the same in a browser
"""
THEMES = ("dark", "light")
NEEDED, NEEDED_FOR_WEB = ("textual", "view"), ("textual_serve", "web")
"""A package, and the extra that brings it."""


def main(words: Sequence[str] | None = None) -> int:
    """Show a program, or a machine that somebody else debugs."""
    parsed = arguments(words)
    package, extra = NEEDED if parsed.web is None else NEEDED_FOR_WEB
    if find_spec(package) is None:
        from blink16.words import extras  # seldom

        message = f"blinkenlights needs more packages: {extras.command(extra)}"
        print(message, file=sys.stderr)
        return 1
    if parsed.web is not None:
        return _serve(parsed)
    if not _has_terminal():
        return _refused("this needs a terminal, or --web, for browsers")
    if "TEXTUAL_DRIVER" not in os.environ and (reason := terminal_kind.refusal()):
        return _refused(reason)
    with ended_in_order(), started(parsed.program) if parsed.program else nullcontext() as server:
        app = _prepared(parsed, server)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on it is Textual's
        app.run()
    return app.return_code or 0


def _refused(reason: str) -> int:
    with suppress(OSError):  # nor has standard error to be one that takes something
        print(f"blinkenlights: {reason}", file=sys.stderr)
    return 1


def _prepared(parsed: argparse.Namespace, server: OwnServer | None) -> Blinkenlights:
    """Return the view of a machine; its server, if it is our own, begins meanwhile."""
    asking = Asking(parsed.pixels)
    try:
        gc.disable()  # nothing that is imported is ever thrown away
        target = None
        if server is not None:
            target = ahead(lambda: client.connect(server))
        elif not offers(parsed):
            target = ahead(opener(parsed))
        from blink16.blinkenlights.app import Blinkenlights
        from blink16.blinkenlights.garbage import Garbage, free_lines_at_once
        from blink16.blinkenlights.recent import remember

        app = Blinkenlights(target, theme=parsed.theme)
        app.garbage = Garbage()
        free_lines_at_once()
        gc.enable()
        if parsed.program:
            remember(parsed.program)
    finally:
        ability = asking.answer()  # the terminal is as it was
    app.ability = ability
    return app


def _has_terminal() -> bool:
    """Whether Textual can draw: on standard error, unless another driver takes its place."""
    streams = (sys.__stdin__, sys.__stderr__)
    ours = all(stream is not None and stream.isatty() for stream in streams)
    return ours or "TEXTUAL_DRIVER" in os.environ


def parser() -> argparse.ArgumentParser:
    """Return the parser of our own options, which come first."""
    made = OneLineParser(
        prog="blinkenlights",
        usage="%(prog)s [--connect ADDR] [--web [PORT]] [--theme NAME] […] PROGRAM [ARGUMENTS…]",
        description="Watch an 8086 at work.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "--connect",
        metavar="HOST:PORT|unix:PATH",
        type=_address,
        help="look at a machine of this server, instead of PROGRAM",
    )
    made.add_argument(
        "--web",
        metavar="PORT",
        nargs="?",
        type=_port,
        const=8086,
        help="show it in browsers, at the address that is printed (default port: 8086; 0: any)",
    )
    made.add_argument(
        "--host",
        default="127.0.0.1",
        help="with --web: the address of this computer to listen on (default: 127.0.0.1); whoever "
        "has the printed address has the machine in his hands",
    )
    made.add_argument(
        "--pixels",
        choices=[*PixelKind],
        type=PixelKind,
        default=PixelKind.AUTO,
        help="how graphics are shown: sixel or kitty as real dots, blocks as two dots a character "
        "(default: as real dots where the terminal, or the browser, can)",
    )
    made.add_argument("--theme", choices=THEMES, default=THEMES[0], help="default: dark")
    return made


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read a command line: our options, then (as ``program``) what the server is given."""
    reader = parser()
    ours, rest = _split(sys.argv[1:] if words is None else words)
    parsed = reader.parse_args(ours)
    parsed.program = rest
    if parsed.connect and rest:
        reader.error(f"--connect shows what is there already: {rest[0]} can't be started")
    return parsed


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our own options, which come first, and the rest."""
    at = 0
    while at < len(words):
        name, equals, _ = words[at].partition("=")
        if name in ("-h", "--help"):
            at += 1
        elif name == "--web":
            at += 1 + (not equals and numerals.is_literal("".join(words[at + 1 : at + 2])))
        elif name in ("--connect", "--theme", "--host", "--pixels"):
            at += 1 if equals else 2
        else:
            break
    return list(words[:at]), list(words[at:])


def _address(text: str) -> str:
    try:
        return str(parse_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    try:
        return numerals.digits(text, 10, 0xFFFF)
    except NumeralError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no port: 0 to 65535") from None


def _serve(parsed: argparse.Namespace) -> int:
    """Serve the view to browsers."""
    from blink16.blinkenlights.recent import SAMPLE
    from blink16.blinkenlights.web import server

    words = parsed.program or list(SAMPLE)
    try:
        with ended_in_order():
            server.serve(
                words,
                parsed.connect,
                host=parsed.host,
                port=parsed.web,
                theme=parsed.theme,
                pixels=parsed.pixels,
                title=" ".join(["blinkenlights", *(parsed.program or SAMPLE)]),
            )
    except (ClientError, OSError) as error:
        print(f"blinkenlights: {error}", file=sys.stderr)
        return 1
    return 0


def ahead(open_target: Callable[[], Target]) -> Callable[[], Target]:
    """Begin to open a machine at once; return what waits for it, and raises what that raised."""
    opened: queue.SimpleQueue[Target | Exception] = queue.SimpleQueue()

    def begin() -> None:
        try:
            opened.put(open_target())
        except Exception as error:  # it is told where it is waited for
            opened.put(error)

    def wait() -> Target:
        found = opened.get()
        if isinstance(found, Exception):
            raise found
        return found

    threading.Thread(target=begin, name="opening", daemon=True).start()
    return wait


def offers(parsed: argparse.Namespace) -> bool:
    """Whether a command line names nothing, so that the user is to choose."""
    return not parsed.program and not parsed.connect


def opener(parsed: argparse.Namespace) -> Callable[[], Target]:
    """Return what connects to the machine that a command line names."""
    if parsed.connect:
        return lambda: _watching(parsed.connect)
    from blink16.blinkenlights.recent import SAMPLE

    words = parsed.program or SAMPLE
    return lambda: client.launch(None, *words, console="terminal")


def _watching(address: str) -> Target:
    """Connect to a server without taking its machine from whoever holds it."""
    try:
        return client.connect(address, watch=True)
    except UnsupportedError:  # another server, where one can only hold
        return client.connect(address)
