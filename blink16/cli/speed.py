"""What ``--cpu-speed``, ``--mhz`` and ``--realtime`` say together.

``--cpu-speed`` is the others in one word, so what is typed beside it must not say something else;
a folder's ``mhz`` (`config_file`) gives way to it.
"""

from __future__ import annotations

import argparse

from blink16.cli.parsing import Parser
from blink16.cli.values import MAX_SPEED, UNBOUNDED


def check(parser: Parser, typed: argparse.Namespace) -> None:
    """Refuse words that contradict each other."""
    speed: float | None = typed.cpu_speed
    if speed == UNBOUNDED and typed.realtime:
        parser.error(
            f"--cpu-speed {MAX_SPEED} is as fast as this computer can, --realtime no faster than "
            "the guest's clock: leave one away"
        )
    if speed not in (None, UNBOUNDED) and typed.mhz not in (None, speed):
        parser.error(
            f"--cpu-speed and --mhz say two clocks, {speed:g} and {typed.mhz:g} MHz: leave one away"
        )


def settle(parsed: argparse.Namespace) -> None:
    """Let ``mhz`` and ``realtime`` be what ``--cpu-speed`` says, if it was said."""
    if parsed.cpu_speed not in (None, UNBOUNDED):
        parsed.mhz, parsed.realtime = parsed.cpu_speed, True
