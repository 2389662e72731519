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
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

from blink16 import elks, recording
from blink16.cli import arguments, config_file, effects, parsing
from blink16.cli.options import ASK, ASK_PROGRAM
from blink16.cli.parsing import CommandLine
from blink16.console import Console
from blink16.consoles import Streams
from blink16.cpu.engine import NEWS, StopReason
from blink16.recording import Recording, RecordingError
from blink16.setup import hostnetwork, loader
from blink16.setup.loader import LoadError
from blink16.terminals import terminal
from blink16.terminals.terminal import OutputError
from blink16.words import extras
from blink16.words.texts import counted

if TYPE_CHECKING:
    from blink16.questions.printing import Format
    from blink16.questions.registry import Product
    from blink16.questions.run import Run

STRIDE = 5_000_000
"""Instructions that a program runs between two looks at what was typed."""
MAX_INPUT = 1 << 16
BAR = 30


class AskError(Exception):
    """Why there is no answer, in one line."""


def ask(words: Sequence[str] | None) -> int:
    """Answer a question; return the exit status: 1 where something is missing."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        import duckdb  # noqa: F401 - asked for before anything is done
        import numpy as np  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError:
        if not {"-h", "--help", "--version"} & set(words):
            raise AskError(_no_extra()) from None
    if "--run" in words:
        return _ask_program(words)
    return _ask_recording(words)


def _no_extra() -> str:
    return f"asking a whole run needs more packages: {extras.command('ask')}"


def with_questions(command: CommandLine) -> CommandLine:
    """Return the command with all questions in its help, if what they need is installed."""
    try:
        from blink16.questions.answers import QUESTIONS
    except ImportError:
        return command._replace(examples=f"{command.examples}\n({_no_extra()})\n")
    width = max(len(q.usage) for q in QUESTIONS.values())
    lines = [
        f"  {q.usage:{width}}  {q.help.partition(chr(10))[0]}" for _, q in sorted(QUESTIONS.items())
    ]
    return command._replace(examples=command.examples + "\n".join(lines) + "\n")


# -- from where the run is -----------------------------------------------------------------------


def _ask_recording(words: Sequence[str]) -> int:
    parsed = parsing.parser(with_questions(ASK)).parse_args(words)
    try:
        found = recording.open_recording(parsed.recording)
    except RecordingError as error:
        raise AskError(f"{error}{_if_program(str(parsed.recording))}") from None
    return _answer(found, parsed.recording, parsed, parsed.question)


def _if_program(name: str) -> str:
    """Return what to type if that is a program, and no recording."""
    try:
        loader.read(name)
    except LoadError:
        return ""
    return f"; a program is asked as: {ASK.prog} --run {name} -- QUESTION"


def _ask_program(words: Sequence[str]) -> int:
    parser = parsing.parser(with_questions(ASK_PROGRAM))
    if {"-h", "--help", "--version"} & set(words[:2]):
        parser.parse_args(words)
    if "--" not in words:
        parser.error("the question stands behind --: --run PROGRAM [ARGUMENTS] -- QUESTION")
    cut = len(words) - 1 - words[::-1].index("--")
    parsed = config_file.parse(with_questions(ASK_PROGRAM), words[:cut])
    with tempfile.TemporaryDirectory(prefix="blink16-run-") as folder:
        path = Path(folder) / "run.b16"
        _run(path, parsed)
        return _answer(recording.open_recording(path), path, parsed, words[cut + 1 :])


def _run(path: Path, parsed: argparse.Namespace) -> None:
    """Run a program to its end and record it.  What it prints goes to standard error."""
    options = arguments.options(parsed, arguments.computer(parsed, parsed), arguments.sinks(parsed))
    console = replace(arguments.console_kind(Streams()), output=False, edits=False)
    options = replace(options, console=console)
    program = loader.read(parsed.program)
    use = effects.use_of(program.kind, parsed)
    for line in effects.without(ASK_PROGRAM.tables, parsed.typed, [use]):
        terminal.say(f"{ASK.prog}: {line}")
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
    news = partial(timeline.receive, elks.NETWORK)
    network = hostnetwork.connect(loaded, news, terminal.say)
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
                    terminal.say(f"{ASK.prog}: {stop.text}")
                break
    except KeyboardInterrupt:
        terminal.say(f"{ASK.prog}: stopped after {counted(timeline.now, 'instruction', ',')}")
    finally:
        if network is not None:
            network.close()
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


def _answer(found: Recording, path: Path, parsed: argparse.Namespace, words: Sequence[str]) -> int:
    from blink16.questions.answers import perform
    from blink16.questions.needs import QuestionError
    from blink16.questions.printing import format_of

    run = _run_of(found, path, parsed)
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
        terminal.say(f"{ASK.prog}: partial: {line}")
    return 1 if product.partial else 0


def _run_of(found: Recording, path: Path, parsed: argparse.Namespace) -> Run:
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
        run = inquiry.run_of(found, parsed.symbols, how, range(low, high))
        return inquiry.on_cluster(run, path, parsed.dask) if parsed.dask else run
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
