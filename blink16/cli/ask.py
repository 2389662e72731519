"""The command ``blink16-ask``: questions about a whole run, recorded or made for it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from blink16 import loader, recording, terminal
from blink16.cli import arguments, dos_arguments, pc_arguments
from blink16.cli.arguments import Parser
from blink16.console import Console
from blink16.consoles import Streams
from blink16.cpu import engines
from blink16.cpu.engine import NEWS, StopReason
from blink16.machine import FOREVER
from blink16.recording import Recording, RecordingError
from blink16.symbolfiles import SymbolFileError, SymbolSource, parse_source
from blink16.terminal import SIGNAL_STATUS, OutputError

if TYPE_CHECKING:
    from blink16.questions.printing import Format
    from blink16.questions.registry import Product
    from blink16.questions.run import Run

PROG = "blink16-ask"
EXAMPLES = """\
examples:
  blink16-ask run.b16 "select pc, count(*) from writes
                       where address between 0xb8000 and 0xb8fa0 group by pc order by 2 desc"
  blink16-ask run.b16 writes 0xB8000..0xB8FA0
  blink16-ask run.b16 calls --format csv -o calls.csv
  blink16-ask --run ./prog -v x -- coverage

QUESTION is SQL over the run's tables, the name of a table (writes and reads take ranges), or a
question of these:
"""
NO_EXTRA = "asking a whole run needs more packages: pip install 'blink16[ask]'"
STRIDE = 5_000_000
"""Instructions that a program runs between two looks at what was typed."""
MAX_INPUT = 1 << 16
INTERRUPTED = SIGNAL_STATUS + 2
BAR = 30


class AskError(Exception):
    """Why there is no answer, in one line."""


def ask(words: Sequence[str] | None, prog: str) -> int:
    """Answer a question; return the exit status: 1 where something is missing."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        import duckdb  # noqa: F401 - asked for before anything is done
        import numpy as np  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError:
        if not {"-h", "--help", "--version"} & set(words):
            raise AskError(NO_EXTRA) from None
    if "--run" in words:
        return _ask_program(words, prog)
    return _ask_recording(words, prog)


def ask_parser(prog: str = PROG, *, runs: bool = False) -> Parser:
    """Return the parser of ``blink16-ask``; ``runs``: behind ``--run``."""
    parser = arguments.parser(prog, "Ask a whole run: a recording, or a program now.", _examples())
    group = parser.add_argument_group("the answer")
    group.add_argument(
        "--format", choices=("text", "csv", "json", "parquet"), help="how a table is written"
    )
    group.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it there (not: standard output)"
    )
    group.add_argument("--from", dest="low", type=_instant, metavar="N", help="from this instant")
    group.add_argument("--to", dest="high", type=_instant, metavar="N", help="up to this instant")
    group.add_argument(
        "--threads", type=_threads, default=0, metavar="N", help="default: one a processor"
    )
    group.add_argument("--quiet", action="store_true", help="show no progress")
    group.add_argument(
        "--run",
        action="store_true",
        help="run PROGRAM now, and ask that: --run [OPTIONS] PROGRAM [ARGUMENTS] -- QUESTION",
    )
    if runs:
        group.add_argument(
            "--instructions",
            type=_instant,
            default=FOREVER,
            metavar="N",
            help="let the program run so far at most",
        )
        arguments.add_machine(parser)
        pc_arguments.add(parser)
        dos_arguments.add(parser)
    else:
        parser.add_argument(
            "--engine",
            choices=engines.NAMES,
            default=engines.DEFAULT,
            help=f"what replays the run (default: {engines.DEFAULT})",
        )
        parser.add_argument("recording", type=Path, metavar="RECORDING")
        parser.add_argument("question", nargs="+", metavar="QUESTION")
    parser.add_argument(
        "--symbols",
        action="append",
        default=[],
        type=_symbols,
        metavar="FILE[@SEGMENT]",
        help="a map, an ELF or another file that has names; may be given often",
    )
    if runs:
        arguments.add_program(parser, required=True)
    return parser


def _examples() -> str:
    try:
        from blink16.questions.answers import QUESTIONS
    except ImportError:
        return f"{EXAMPLES}\n({NO_EXTRA})\n"
    width = max(len(q.usage) for q in QUESTIONS.values())
    lines = [
        f"  {q.usage:{width}}  {q.help.partition(chr(10))[0]}" for _, q in sorted(QUESTIONS.items())
    ]
    return EXAMPLES + "\n".join(lines) + "\n"


def _instant(text: str) -> int:
    if not text.replace("_", "").replace(",", "").isdecimal():
        raise argparse.ArgumentTypeError(f"an instant is a number of instructions, not {text!r}")
    return int(text.replace("_", "").replace(",", ""))


def _threads(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"there can be 1 to 1024 threads, not {text!r}")
    return int(text)


def _symbols(text: str) -> SymbolSource:
    try:
        return parse_source(text)
    except SymbolFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# -- from where the run is -----------------------------------------------------------------------


def _ask_recording(words: Sequence[str], prog: str) -> int:
    parsed = ask_parser(prog).parse_args(words)
    try:
        found = recording.open_recording(parsed.recording)
    except RecordingError as error:
        raise AskError(str(error)) from None
    return _answer(found, parsed, parsed.question, prog)


def _ask_program(words: Sequence[str], prog: str) -> int:
    parser = ask_parser(prog, runs=True)
    if {"-h", "--help", "--version"} & set(words[:2]):
        parser.parse_args(words)
    if "--" not in words:
        parser.error("the question stands behind --: --run PROGRAM [ARGUMENTS] -- QUESTION")
    cut = len(words) - 1 - words[::-1].index("--")
    parsed = parser.parse_args(words[:cut])
    with tempfile.TemporaryDirectory(prefix="blink16-run-") as folder:
        path = Path(folder) / "run.b16"
        _run(path, parsed, prog)
        return _answer(recording.open_recording(path), parsed, words[cut + 1 :], prog)


def _run(path: Path, parsed: argparse.Namespace, prog: str) -> None:
    """Run a program to its end and record it.  What it prints goes to standard error."""
    options = arguments.options(
        parsed, pc_arguments.setup(parsed, parsed), pc_arguments.sinks(parsed)
    )
    console = replace(arguments.console_kind(Streams()), output=False, edits=False)
    options = replace(options, console=console)
    program = loader.read(parsed.program)
    try:
        loaded, debugger, recorder = recording.record(path, program, parsed.arguments, options)
    except RecordingError as error:
        raise AskError(str(error)) from None
    timeline = debugger.timeline
    loaded.machine.on_output = lambda channel, data: terminal.write(terminal.STDERR, data)
    reader = Thread(
        target=_feed, args=(lambda data: timeline.receive(Console.CHANNEL, data),), daemon=True
    )
    reader.start()
    try:
        left = parsed.instructions
        while left > 0:
            stop = timeline.run(min(left, STRIDE))
            left = parsed.instructions - timeline.now
            if stop.reason in (StopReason.WAITING, StopReason.IDLE):
                if not reader.is_alive() and not timeline.inbox:
                    break
                timeline.inbox.wait(0.05)
            elif stop.reason is not StopReason.BUDGET and stop.reason not in NEWS:
                if stop.text:
                    terminal.say(f"{prog}: {stop.text}")
                break
    except KeyboardInterrupt:
        terminal.say(f"{prog}: stopped after {timeline.now:,} instructions")
    finally:
        recorder.close()


def _feed(give: Callable[[bytes], bool]) -> None:
    """Give a program what stands on our standard input, and its end."""
    while True:
        try:
            data = os.read(terminal.STDIN, MAX_INPUT)
        except OSError:
            data = b""
        while not give(data):
            time.sleep(0.01)
        if not data:
            return


# -- the answer ----------------------------------------------------------------------------------


def _answer(found: Recording, parsed: argparse.Namespace, words: Sequence[str], prog: str) -> int:
    from blink16.questions.answers import perform
    from blink16.questions.needs import QuestionError
    from blink16.questions.printing import format_of

    run = _run_of(found, parsed)
    try:
        product = perform(run, words)
        how = format_of(parsed.output, parsed.format)
        with _output(parsed.output) as file:
            _write(product, how, file, parsed.output)
        product.close()
    except QuestionError as error:
        raise AskError(str(error)) from None
    finally:
        if not parsed.quiet:
            _clear()
    for line in product.partial:
        terminal.say(f"{prog}: partial: {line}")
    return 1 if product.partial else 0


def _run_of(found: Recording, parsed: argparse.Namespace) -> Run:
    from blink16 import inquiry
    from blink16.questions.asking import Asking, ignore
    from blink16.questions.needs import FOREVER as LAST

    shows = sys.stderr.isatty() and not parsed.quiet
    progress = _progress() if shows else ignore
    how = Asking(threads=parsed.threads, engine=parsed.engine, progress=progress)
    low, high = parsed.low or 0, LAST if parsed.high is None else parsed.high
    if high < low:
        raise AskError("--to lies before --from")
    try:
        return inquiry.run_of(found, parsed.symbols, how, range(low, high))
    except RecordingError as error:
        raise AskError(str(error)) from None


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Open where the answer goes: standard output, or a file that is there when it is whole."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, terminal.STDOUT)  # what is left in the buffer has nowhere to go
            raise OutputError(error) from None
        return
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise AskError(f"{path}: can't write it: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)


def _write(product: Product, how: Format, file: BinaryIO, path: Path | None) -> None:
    from blink16.questions.printing import write

    if product.tables is not None:
        if how.value == "parquet" and path is None and sys.stdout.isatty():
            raise AskError("Parquet is nothing for a terminal: give -o FILE")
        write(product.tables, how, file)
    elif product.content:
        if path is None and sys.stdout.isatty():
            raise AskError(f"this is a file: give -o FILE{product.suffix}")
        file.write(product.content)
    else:
        file.write(product.text.encode("utf-8", "replace"))


def _progress() -> Callable[[int, int], None]:
    began = time.perf_counter()
    last = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last < 0.1 or not total:
            return
        last = now
        part = done / total
        speed = done / max(now - began, 1e-9) / 1e6
        bar = "#" * int(BAR * part)
        sys.stderr.write(f"\r[{bar:{BAR}}] {part:4.0%}  {speed:,.0f} M instructions/s ")
        sys.stderr.flush()

    return tell


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{' ' * (BAR + 45)}\r")
        sys.stderr.flush()
