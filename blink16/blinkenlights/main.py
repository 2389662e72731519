"""The command `blinkenlights`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from blink16 import client
from blink16.blinkenlights.app import Blinkenlights
from blink16.client import Target, UnsupportedError

SAMPLE = ("banner", "HELLO")
EXAMPLES = """\
Options that are not ours are blink16-server's: -A, --replay, --symbols, --root, --cpu, ….

examples:
  blinkenlights banner HELLO
  blinkenlights --symbols prog.map prog.exe
  blinkenlights fd1440.img           a PC that boots from a disk
  blinkenlights --connect :1234      watch what gdb does there, and take over when it may
  blinkenlights --replay session.b16
"""
THEMES = ("dark", "light")


def main(words: Sequence[str] | None = None) -> int:
    """Show a program, or a machine that somebody else debugs."""
    parsed = arguments(words)
    Blinkenlights(opener(parsed), theme=parsed.theme).run()
    return 0


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read a command line: our options, then (as ``program``) what the server is given."""
    parser = argparse.ArgumentParser(
        prog="blinkenlights",
        usage="%(prog)s [--connect ADDR] [--theme THEME] [OPTIONS…] PROGRAM [ARGUMENTS…]",
        description="Watch an 8086 at work.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--connect",
        metavar="HOST:PORT|unix:PATH",
        type=_address,
        help="look at a machine of this server, instead of PROGRAM",
    )
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0], help="default: dark")
    ours, rest = _split(sys.argv[1:] if words is None else words)
    parsed = parser.parse_args(ours)
    parsed.program = rest
    if parsed.connect and rest:
        parser.error(f"--connect shows what is there already: {rest[0]} can't be started")
    return parsed


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our own options, which come first, and the rest."""
    at = 0
    while at < len(words):
        name, equals, _ = words[at].partition("=")
        if name in ("-h", "--help"):
            at += 1
        elif name in ("--connect", "--theme"):
            at += 1 if equals else 2
        else:
            break
    return list(words[:at]), list(words[at:])


def _address(text: str) -> str:
    try:
        return str(client.parse_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def opener(parsed: argparse.Namespace) -> Callable[[], Target]:
    """Return what connects to the machine that a command line names."""
    if parsed.connect:
        return lambda: _watching(parsed.connect)
    words = parsed.program or SAMPLE
    return lambda: client.launch(None, *words)


def _watching(address: str) -> Target:
    """Connect to a server without taking its machine from whoever holds it."""
    try:
        return client.connect(address, watch=True)
    except UnsupportedError:  # another server, where one can only hold
        return client.connect(address)
