"""What the arguments of both commands have in common."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from blink16 import __version__, elks, loader, pc, terminal
from blink16.cli import dos_arguments
from blink16.consoles import ConsolePlace, NoPlace, Streams
from blink16.cpu import engines
from blink16.cpu.models import DEFAULT, MODELS
from blink16.devices.pc import clock_hz

MAX_SPEED = "max"
_SPEED = re.compile(r"(?P<number>[0-9]{1,12}(\.[0-9]{0,9})?) ?(?P<unit>[kKmM]?)([hH][zZ])?")
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def _print_message(self, message: str, file: object = None) -> None:
        """Show help on standard output (OutputError), a complaint on standard error."""
        if not message:
            return
        if file is not None and file is not sys.stderr:
            terminal.write(terminal.STDOUT, message.encode())
        else:
            terminal.say(message.removesuffix("\n"))

    def error(self, message: str) -> NoReturn:
        """End with a line and the status for mistaken arguments."""
        self.exit(loader.USAGE, f"{self.prog}: {message} (try {self.prog} --help)\n")


class CpuSpeed(argparse.Action):
    """A processor's clock that is held in real time, or ``max``: other options in one word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Set what ``--realtime`` and ``--mhz`` set."""
        namespace.realtime = values != MAX_SPEED
        if namespace.realtime:
            try:
                namespace.mhz = clock_mhz(values)
            except ValueError as error:
                raise argparse.ArgumentError(self, str(error)) from None


def clock_mhz(text: str) -> float:
    """Return a clock in MHz from ``4772727``, ``4.77MHz``, ``8M`` or ``500kHz``.

    ValueError if it is none.
    """
    found = _SPEED.fullmatch(text)
    if found is None:
        raise ValueError(f"a speed is a number of Hz, kHz or MHz, or {MAX_SPEED}, not {text!r}")
    mhz = float(found["number"]) * _UNITS[found["unit"].lower()] / 1_000_000
    clock_hz(mhz)
    return mhz


class Own(argparse.Action):
    """An option that belongs to the ``--machine`` before it, else to PROGRAM."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set it; one whose default is a list may be given often."""
        machines = getattr(namespace, "machine", None)
        owner = machines[-1] if machines else namespace
        many = isinstance(self.default, list)
        setattr(owner, self.dest, [*getattr(owner, self.dest), values] if many else values)


def parser(prog: str, description: str, examples: str) -> Parser:
    """Return a command's parser."""
    made = Parser(
        prog=prog,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add what describes any machine."""
    group = parser.add_argument_group("the machine")
    group.add_argument(
        "--root",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder that the guest sees as its whole file system (default: this folder)",
    )
    group.add_argument(
        "--writable",
        action="store_true",
        help="let the guest change the files there; else its changes stay in memory",
    )
    group.add_argument(
        "--engine",
        choices=engines.NAMES,
        default=engines.DEFAULT,
        help=f"what executes the instructions (default: {engines.DEFAULT})",
    )
    group.add_argument(
        "--cpu",
        choices=tuple(MODELS),
        default=DEFAULT.name,
        help=f"the processor (default: {DEFAULT.name})",
    )
    group.add_argument(
        "--date",
        type=_date,
        default=None,
        metavar="ISO",
        help="the guest's date and time at the start, like 1986-03-07T12:00 (default: now)",
    )
    group.add_argument(
        "--poweron",
        type=_poweron,
        metavar="random[:SEED]",
        help="let memory and registers hold anything at the start, as on a real PC; SEED, a "
        "number, makes it the same again",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="stop where the program uses what the machine lacks, instead of only saying so",
    )
    group.add_argument(
        "--trace-calls",
        action="store_true",
        help="write each call of DOS or ELKS as one line, as strace does, on standard error",
    )
    group.add_argument("--trace-to", type=Path, metavar="FILE", help="the same, into a file")
    group.add_argument(
        "--realtime", action="store_true", help="let the guest's clock go no faster than ours"
    )
    group.add_argument(
        "--cpu-speed",
        action=CpuSpeed,
        metavar="HZ|max",
        help="the processor's clock, held in real time: 4772727, 4.77MHz, 8M (as --mhz and "
        "--realtime); or as fast as this computer can (max, the default)",
    )


def add_program(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add PROGRAM and what belongs to it."""
    parser.add_argument(
        "program",
        nargs=None if required else "?",
        metavar="PROGRAM",
        help="a file, or the name of a sample",
    )
    arguments = parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="ARGUMENTS",
        help="the program's own arguments",
    )
    arguments.required = False  # else argparse asks for them when PROGRAM is missing


def call_tracer(parsed: argparse.Namespace) -> Callable[[str], None] | None:
    """Return what writes calls; None if nobody wants that.  LoadError if the file can't be."""
    if parsed.trace_to is None and not parsed.trace_calls:
        return None
    try:
        file = sys.stderr if parsed.trace_to is None else parsed.trace_to.open("w")
    except OSError as error:
        raise loader.LoadError(f"{parsed.trace_to}: can't write it: {error.strerror}") from None

    def write(text: str) -> None:
        print(text, file=file, flush=True)

    return write


def options(
    parsed: argparse.Namespace,
    setup: pc.PcSetup,
    sinks: tuple[tuple[str, Path], ...] = (),
) -> loader.Options:
    """Return how to set up a machine."""
    date: datetime | None = parsed.date
    return loader.Options(
        setup=setup,
        sinks=sinks,
        root=parsed.root,
        writable=parsed.writable,
        dos=dos_arguments.setup(parsed),
        engine=parsed.engine,
        cpu=parsed.cpu,
        strict=parsed.strict,
        poweron=parsed.poweron,
        epoch_ns=time.time_ns() if date is None else int(date.timestamp()) * 1_000_000_000,
    )


def console_kind(place: ConsolePlace) -> elks.ConsoleKind:
    """Return what the console is to an ELKS program: our streams, or whoever connects."""
    match place:
        case NoPlace():
            return elks.ConsoleKind(input=False, output=False, error=False)
        case Streams():
            size = terminal.size()
            return elks.ConsoleKind(
                input=os.isatty(terminal.STDIN),
                output=os.isatty(terminal.STDOUT),
                error=os.isatty(terminal.STDERR),
                edits=terminal.gives_keys(),
                rows=size.lines or 25,
                columns=size.columns or 80,
            )
    return elks.ConsoleKind(edits=True)


def _poweron(text: str) -> int:
    word, colon, seed = text.partition(":")
    if word == "random" and not colon:
        return secrets.randbelow(1 << 32)
    if word != "random" or not (seed.isascii() and seed.isdecimal() and len(seed) < 19):
        raise argparse.ArgumentTypeError(f"it is given as random or random:SEED, not {text!r}")
    return int(seed)


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a date looks like 1986-03-07 or 1986-03-07T12:00, not {text!r}"
        ) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
