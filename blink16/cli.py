"""The two commands: ``blink16`` runs a program, ``blink16-server`` shows it to a debugger."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TextIO

from blink16 import __version__, loader
from blink16.cpu import engines
from blink16.loader import LoadError
from blink16.runner import SIGNAL_STATUS, Runner
from blink16.terminal import OutputError

DEFAULT_PORT = 1234
DEFAULT_ADDRESS = "127.0.0.1"
INTERRUPTED = SIGNAL_STATUS + 2
BROKEN_PIPE = SIGNAL_STATUS + 13

RUN_EXAMPLES = """\
examples:
  blink16 banner HELLO           run the sample that comes with blink16
  blink16 --stats ./prog -v x    everything behind PROGRAM belongs to PROGRAM
  blink16 --root ~/dos edit.com  show the guest another folder than this one

A program is an ELKS executable, a DOS .COM or .EXE, a boot sector or a disk image.  Its exit
status is ours; 128+N means that signal N ended it, 127 that there is no such program.
"""
SERVER_EXAMPLES = """\
examples:
  blink16-server banner HELLO    then, elsewhere:  gdb -ex 'target remote :1234'
  blink16-server --port 0 ./prog choose a free port and print it

The machine stands before the program's first instruction until a debugger moves it.
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(loader.USAGE, f"{self.prog}: {message} (try {self.prog} --help)\n")


def run_main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``blink16`` and return its exit status."""
    parser = _parser("blink16", "Run an 8086 program without a debugger.", RUN_EXAMPLES)
    parser.add_argument(
        "--stats", action="store_true", help="end with a line on speed on standard error"
    )
    _add_program(parser)
    return _guarded(parser.prog, lambda: _run(parser.prog, parser.parse_args(arguments)))


def server_main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-server`` and return its exit status."""
    about = "Show an 8086 program to a debugger that speaks gdb's remote protocol."
    parser = _parser("blink16-server", about, SERVER_EXAMPLES)
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"TCP port to listen on; 0 takes a free one (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--listen",
        default=DEFAULT_ADDRESS,
        metavar="ADDR",
        help="address to listen on; whoever reaches it has the program in his hands "
        f"(default: {DEFAULT_ADDRESS})",
    )
    _add_program(parser)
    return _guarded(parser.prog, lambda: _serve(parser.prog, parser.parse_args(arguments)))


# -- what they do ----------------------------------------------------------------------------


def _run(prog: str, parsed: argparse.Namespace) -> int:
    runner = Runner(loader.load(loader.read(parsed.program), parsed.arguments, _options(parsed)))
    try:
        end = runner.run()
        if end.text:
            _say(prog, end.text)
        return end.status
    finally:
        if parsed.stats:
            print(runner.stats(), file=sys.stderr)


def _serve(prog: str, parsed: argparse.Namespace) -> int:
    from blink16 import server  # trio takes its time, and `blink16` does without

    program = loader.read(parsed.program)
    options = _options(parsed)
    try:
        server.run(
            lambda: loader.load(program, parsed.arguments, options),
            parsed.listen,
            parsed.port,
            lambda text: _say(prog, text),
        )
    except server.ListenError as error:
        _say(prog, str(error))
        return 1
    return 0


def _guarded(prog: str, command: Callable[[], int]) -> int:
    """Run a command; what goes wrong ends in one line and an exit status."""
    try:
        status = _status_of(command)
        sys.stdout.flush()
    except LoadError as error:
        _say(prog, str(error))
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutputError as error:
        return _output_failed(prog, error.errno, str(error))
    except OSError as error:  # help and version go through Python's own buffers
        _silence(sys.stdout)
        return _output_failed(prog, error.errno, str(error.strerror))
    return status


def _status_of(command: Callable[[], int]) -> int:
    try:
        return command()
    except SystemExit as end:  # argparse has said what there is to say
        return end.code if isinstance(end.code, int) else 0


def _output_failed(prog: str, number: int | None, text: str) -> int:
    if number == errno.EPIPE:  # `blink16 banner | head -1` is no error to report
        return BROKEN_PIPE
    _say(prog, text)
    return 1


def _silence(stream: TextIO) -> None:
    """Keep Python from complaining again when it flushes the stream at exit."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), stream.fileno())


def _say(prog: str, text: str) -> None:
    print(f"{prog}: {text}", file=sys.stderr, flush=True)


# -- arguments -------------------------------------------------------------------------------


def _parser(prog: str, description: str, examples: str) -> _Parser:
    parser = _Parser(
        prog=prog,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return parser


def _add_program(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder that the guest sees as its whole file system (default: this folder)",
    )
    parser.add_argument(
        "--writable",
        action="store_true",
        help="let the guest change the files there; else its changes stay in memory",
    )
    parser.add_argument(
        "--engine",
        choices=engines.NAMES,
        default=engines.DEFAULT,
        help=f"what executes the instructions (default: {engines.DEFAULT})",
    )
    parser.add_argument(
        "--date",
        type=_date,
        default=None,
        metavar="ISO",
        help="the guest's date and time at the start, like 1986-03-07T12:00 (default: now)",
    )
    parser.add_argument("program", metavar="PROGRAM", help="a file, or the name of a sample")
    arguments = parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="ARGUMENTS",
        help="the program's own arguments",
    )
    arguments.required = False  # else argparse asks for them when PROGRAM is missing


def _options(parsed: argparse.Namespace) -> loader.Options:
    date: datetime | None = parsed.date
    return loader.Options(
        root=parsed.root,
        writable=parsed.writable,
        engine=parsed.engine,
        epoch_ns=time.time_ns() if date is None else int(date.timestamp()) * 1_000_000_000,
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a date looks like 1986-03-07 or 1986-03-07T12:00, not {text!r}"
        ) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
