"""The commands: ``blink16`` runs a program, ``blink16-server`` shows it to a debugger, and
``blink16-ask`` asks a whole run."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from blink16.cli import arguments, config_file, effects, parsing
from blink16.cli.options import ASK, RUN, SERVER
from blink16.cli.parsing import Parser
from blink16.console import Console
from blink16.consoles import ConsoleError, Streams
from blink16.endings import SIGNAL_STATUS, ended_in_order
from blink16.hostfiles import is_file, is_there
from blink16.machine import Machine
from blink16.runner import Runner
from blink16.setup import loader, pc, sinks
from blink16.setup.loader import LoadError, ProgramKind
from blink16.setup.pc import CommitError
from blink16.terminals import terminal
from blink16.terminals.terminal import OutputError
from blink16.terminals.userlines import UserLines, logged
from blink16.words.complaints import USAGE

BROKEN_PIPE = SIGNAL_STATUS + 13
DOCTOR, SAMPLES = "doctor", "samples"
"""In the place of a program, and where there is no file of that name: look at this computer, and
copy the samples."""


def run_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16`` and return its exit status."""
    typed = list(sys.argv[1:] if words is None else words)
    if typed[:1] == [DOCTOR] and not is_there(Path(DOCTOR)):
        if typed != [DOCTOR]:
            _say(RUN.prog, f"{DOCTOR} takes no arguments")
            return USAGE
        from blink16.cli import doctor  # it looks at what `blink16` does without

        return _guarded(RUN.prog, doctor.main)
    if typed[:1] == [SAMPLES] and len(typed) <= 2 and not is_file(Path(SAMPLES)):
        from blink16.cli import samples  # few need it

        return _guarded(RUN.prog, lambda: samples.main(*typed[1:]))
    return _guarded(RUN.prog, lambda: _run(RUN.prog, config_file.parse(RUN, words)))


def server_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-server`` and return its exit status."""
    parser = parsing.parser(SERVER)
    return _guarded(SERVER.prog, lambda: _serve(parser, config_file.parse(SERVER, words)))


def ask_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-ask`` and return its exit status."""
    from blink16.cli import ask

    def answer() -> int:
        try:
            return ask.ask(words)
        except ask.AskError as error:
            _say(ASK.prog, str(error))
            return 1

    return _guarded(ASK.prog, answer)


# -- what they do ----------------------------------------------------------------------------


def _run(prog: str, parsed: argparse.Namespace) -> int:
    options = arguments.options(parsed, arguments.computer(parsed, parsed), arguments.sinks(parsed))
    program = loader.read(parsed.program)
    for line in effects.without(RUN.tables, parsed.typed, [effects.use_of(program.kind, parsed)]):
        _say(prog, line)
    console = arguments.console_kind(parsed.console)
    options = replace(options, console=console)
    loaded = loader.load(program, parsed.arguments, options)
    streams = isinstance(parsed.console, Streams)
    runner = Runner(
        loaded,
        real_time=parsed.realtime,
        keys=program.kind is ProgramKind.ELKS and console.edits and streams,
        places={Console.CHANNEL: parsed.console, **dict(parsed.serial)},
        say=lambda text: _say(prog, text),
        trace=arguments.call_tracer(parsed, lambda text: _say(prog, text)),
    )
    try:
        end = runner.run()
        sinks.finish(loaded.machine)
        if end.text:
            _say(prog, end.text)
        if parsed.commit:
            _commit(prog, loaded.machine, arguments.images(program, parsed))
        return end.status
    finally:
        if parsed.stats:
            terminal.say(str(runner.stats()))


def _commit(prog: str, machine: Machine, images: Sequence[Path]) -> None:
    """Write changed disks back to their images."""
    for line in pc.commit_all(machine, images, lambda text: _say(prog, text)):
        _say(prog, line)


def _serve(parser: Parser, parsed: argparse.Namespace) -> int:
    from blink16 import server
    from blink16.cli import server_arguments

    lines = UserLines()

    def say(text: str) -> None:
        lines.say(f"{parser.prog}: {text}")

    def machines() -> server.Machines:
        hosting = server.Machines(
            [machine.source for machine in wanted],
            console,
            screen.say if screen else say,
            fittings=[machine.fittings for machine in wanted],
            architecture=parsed.target_arch,
        )
        if screen is not None:
            screen.attach(hosting.slot(1))
        made.append(hosting)
        return hosting

    endpoint = server_arguments.endpoint(parser, parsed)
    wanted = server_arguments.wanted(parser, parsed, say)
    screen = server.ScreenConsole(say) if server_arguments.has_screen(wanted[0]) else None
    if screen is not None:
        wanted[0] = server_arguments.with_keyboard(wanted[0])
    console = screen or (server.ErrorConsole(say) if parsed.stdio else server.StreamConsole(say))
    made: list[server.Machines] = []
    try:
        with logged(say):
            server.run(
                machines,
                endpoint,
                say,
                observers=parsed.observers,
                rebuilds=parsed.watch,
                tell=screen.begin if screen else lines.say,
            )
        return 0 if all(hosting.commit() for hosting in made) else 1
    except server.ListenError as error:
        say(str(error))
        return 1
    finally:
        lines.flush()


def _guarded(prog: str, command: Callable[[], int]) -> int:
    """Run a command; what goes wrong ends in one line and an exit status."""
    terminal.hold_streams()
    try:
        return _status_of(command)
    except LoadError as error:
        _say(prog, str(error))
        return error.status
    except (CommitError, ConsoleError) as error:
        _say(prog, str(error))
        return 1
    except OutputError as error:
        return _output_failed(prog, error.errno, str(error))


def _status_of(command: Callable[[], int]) -> int:
    try:
        with ended_in_order():
            return command()
    except SystemExit as end:  # argparse has said what there is to say; of a signal nothing is said
        return end.code if isinstance(end.code, int) else 0


def _output_failed(prog: str, number: int | None, text: str) -> int:
    if number == errno.EPIPE:  # `blink16 banner | head -1` is no error to report
        return BROKEN_PIPE
    _say(prog, text)
    return 1


def _say(prog: str, text: str) -> None:
    terminal.say(f"{prog}: {text}")
