"""The command `blinkenlights`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from blink16 import client
from blink16.blinkenlights.app import Blinkenlights
from blink16.client import Target

SAMPLE = "banner"


def main(words: Sequence[str] | None = None) -> int:
    """Show a program, or a machine that somebody else debugs."""
    parser = argparse.ArgumentParser(prog="blinkenlights", description="Watch an 8086 at work.")
    parser.add_argument("--connect", metavar="HOST:PORT", help="look at a machine of this server")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("program", nargs="?", default=SAMPLE)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parsed = parser.parse_args(words)
    Blinkenlights(_opener(parsed), theme=parsed.theme).run()
    return 0


def _opener(parsed: argparse.Namespace) -> Callable[[], Target]:
    if parsed.connect:
        address = (
            parsed.connect if ":" in parsed.connect.strip(":") else f"127.0.0.1{parsed.connect}"
        )
        return lambda: client.connect(address)
    arguments = parsed.arguments or (["HELLO"] if parsed.program == SAMPLE else [])
    return lambda: client.launch(parsed.program, *arguments)
