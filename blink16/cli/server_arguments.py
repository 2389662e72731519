"""The arguments of ``blink16-server``: debuggers, machines, their past."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blink16 import elks, loader, numerals, server, symbolfiles, terminal
from blink16.cli import arguments, dos_arguments, pc_arguments
from blink16.cli.arguments import Own, Parser
from blink16.console import Console
from blink16.consoles import ConsolePlace, NoPlace, Streams
from blink16.gdbstub.description import ARCHITECTURE, OTHER_ARCHITECTURES
from blink16.loader import ProgramKind
from blink16.numerals import NumeralError

DEFAULT_PORT = 1234
DEFAULT_ADDRESS = "127.0.0.1"
UNIX = "unix:"
"""How a socket file is told from an address."""


@dataclass(frozen=True, slots=True)
class ToDebugger:
    """The console of a program whose debugger shows what it prints."""

    is_terminal: bool = False
    """Whether that is a front end with a terminal of its own: it gives keys (`monitor type`)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A machine as its user wants it."""

    source: server.MachineSource
    fittings: server.Fittings


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to the command."""
    _add_network(parser)
    _add_machines(parser)
    _add_builds(parser)
    _add_history(parser)
    arguments.add_machine(parser)
    pc_arguments.add(parser)
    dos_arguments.add(parser)
    parser.add_argument(
        "--symbols",
        type=_symbols,
        action=Own,
        default=[],
        metavar="FILE[,text=SEG][,data=SEG]",
        help="names for the program's addresses: an ELF, a map of nasm's or a linker's, an ELKS "
        "table or nm's output; segments in hex",
    )
    arguments.add_program(parser, required=False)


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("debuggers")
    group.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help=f"TCP port to listen on; 0 takes a free one (default: {DEFAULT_PORT})",
    )
    group.add_argument(
        "--listen",
        metavar="ADDR|unix:PATH",
        help="address to listen on, or a socket file; whoever reaches it has the program in his "
        f"hands (default: {DEFAULT_ADDRESS})",
    )
    group.add_argument(
        "--stdio",
        action="store_true",
        help="talk to one debugger on standard input and output, as `target remote | ...` does; "
        "with --listen unix:PATH others may come there to watch, until it leaves",
    )
    group.add_argument(
        "--console",
        type=_console,
        action=Own,
        metavar="stdio|[screen:]tcp:PORT|[screen:]unix:PATH|none|gdb|terminal",
        help="where the program's output goes and its input comes from: here (with --stdio, "
        "output to standard error), a socket, nowhere, or, output only, the debugger while it "
        "runs the program (terminal: the same, of a front end that is a terminal and types keys) "
        "(default: stdio).  A socket gets what the BIOS prints; with screen: a "
        "PC's whole picture, painted for a terminal of its size, as telnet brings one.  On a "
        "terminal, a PC that is the first machine has its screen and keyboard here, others' output "
        "goes to standard error or is told below the picture; Ctrl-] ends the server then",
    )


def _add_machines(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several machines")
    group.add_argument(
        "--machine",
        type=_words,
        action=_Machine,
        default=[],
        metavar="'PROGRAM ARGUMENTS'",
        help="host one more machine, beside or instead of PROGRAM's; may be given often.  "
        "--symbols, --console, --serial, -A, -B, -C, --rom, --display and --mhz behind it are "
        "for it; before the first --machine they are PROGRAM's, and --display, --mhz and a "
        "--console that is no socket those of machines that say nothing else",
    )
    group.add_argument(
        "--observers",
        action="store_true",
        help="let debuggers that get no machine watch one that another debugger holds",
    )
    group = parser.add_argument_group("clients that know no i8086")
    group.add_argument(
        "--target-arch",
        choices=(ARCHITECTURE, *OTHER_ARCHITECTURES),
        default=ARCHITECTURE,
        help="the architecture that clients are told of in target.xml (default: %(default)s); "
        "some, like IDA, take an i386 only",
    )


def _add_builds(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("builds")
    group.add_argument(
        "--watch",
        action="store_true",
        help="read a program and its symbols again when they were built, if the machine stands at "
        "its start or has ended (`monitor restart` does so at any time)",
    )


def _add_history(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the past")
    group.add_argument(
        "--history-memory",
        type=_size,
        default="256M",
        metavar="SIZE",
        help="memory for a machine's history, in MiB or with K, M or G (default: 256M)",
    )
    group.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write the session, or a replayed one as it goes on, to a new file",
    )
    group.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="show a recorded session instead of PROGRAM, with all of its history ahead",
    )


class _Machine(argparse.Action):
    """Begins a machine; `Own` options that follow belong to it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        own = {
            action.dest: action.default if isinstance(action.default, list) else None
            for action in parser._actions  # argparse has no public list of them
            if isinstance(action, Own)
        }
        made = argparse.Namespace(words=values, **own)
        namespace.machine = [*namespace.machine, made]


# -- what they say ---------------------------------------------------------------------------


def endpoint(parser: Parser, parsed: argparse.Namespace) -> server.Endpoint:
    """Return where to listen; a usage error if the options contradict each other."""
    listen: str | None = parsed.listen
    if parsed.stdio:
        beside = listen is not None and listen.startswith(UNIX)
        if (listen is not None and not beside) or parsed.port is not None:
            parser.error(
                "--stdio listens on no port: leave --listen ADDR and --port away; "
                "--listen unix:PATH lets others come to watch"
            )
        if any(isinstance(own.console, Streams) for own in (parsed, *parsed.machine)):
            parser.error(
                "--console stdio can't be with --stdio, where the debugger has standard input and "
                "output; take --console tcp:PORT, unix:PATH, gdb, terminal or none"
            )
        path = Path(listen.removeprefix(UNIX)) if listen is not None else None
        return server.StandardStreams(None if path is None else server.SocketFile(path))
    if listen is not None and listen.startswith(UNIX):
        if parsed.port is not None:
            parser.error("a socket file has no port: leave --port away")
        return server.SocketFile(Path(listen.removeprefix(UNIX)))
    port = DEFAULT_PORT if parsed.port is None else parsed.port
    return server.TcpPort(listen or DEFAULT_ADDRESS, port)


def wanted(parser: Parser, parsed: argparse.Namespace, say: Callable[[str], None]) -> list[Wanted]:
    """Return the machines, PROGRAM's first.  LoadError if one can't be."""
    limit: int = parsed.history_memory
    machines: list[Wanted] = []
    if parsed.replay is not None:
        if parsed.program is not None:
            parser.error("--replay shows a recording: leave PROGRAM away")
        if parsed.watch:
            parser.error("--replay shows a recording, which nobody builds: leave --watch away")
        if parsed.commit or pc_arguments.drives(parsed) or parsed.rom:
            parser.error("--replay has the recorded disks: leave --commit, -A, -B, -C, --rom away")
        replayed = server.ReplayedSource(
            parsed.replay,
            parsed.engine,
            symbols=tuple(parsed.symbols),
            history_limit=limit,
            say=say,
        )
        machines.append(Wanted(_recorded(replayed, parsed, say), _fittings(parsed, parsed)))
    elif parsed.program is not None:
        first = _machine(parsed.program, parsed.arguments, parsed, parsed)
        assert isinstance(first.source, server.ProgramSource)
        machines.append(replace(first, source=_recorded(first.source, parsed, say)))
    else:
        _check_no_program(parser, parsed)
    others = (_machine(m.words[0], m.words[1:], m, parsed) for m in parsed.machine)
    return [*machines, *others]


def _recorded(
    source: server.ProgramSource | server.ReplayedSource,
    parsed: argparse.Namespace,
    say: Callable[[str], None],
) -> server.MachineSource:
    """Return a source whose machine is recorded if that is wanted."""
    return source if parsed.record is None else server.RecordedSource(source, parsed.record, say)


def _check_no_program(parser: Parser, parsed: argparse.Namespace) -> None:
    """Refuse what would be ignored in silence."""
    if parsed.record is not None or not parsed.machine:
        parser.error("the following arguments are required: PROGRAM")
    theirs = pc_arguments.drives(parsed) or parsed.rom or parsed.serial or parsed.symbols
    if theirs or _is_socket(parsed.console):
        parser.error(
            "--symbols, --serial, --rom, -A, -B, -C and a --console on a socket are for PROGRAM, "
            "and there is none: give them behind the --machine that they are for"
        )


def _machine(
    name: str, words: Sequence[str], own: argparse.Namespace, shared: argparse.Namespace
) -> Wanted:
    options = arguments.options(shared, pc_arguments.setup(own, shared), pc_arguments.sinks(own))
    fittings = _fittings(own, shared)
    place = fittings.places.get(Console.CHANNEL, Streams())
    keys = not isinstance(place, Streams | NoPlace) or _console_of(own, shared) == ToDebugger(True)
    console = elks.ConsoleKind(edits=keys)
    named = replace(options, symbols=tuple(own.symbols), console=console)
    program = loader.read(name)
    images = (
        pc_arguments.images(name, own) if shared.commit and program.kind is ProgramKind.BOOT else ()
    )
    source = server.ProgramSource(
        program, tuple(words), named, shared.history_memory, tuple(images)
    )
    return Wanted(source, fittings)


def _fittings(own: argparse.Namespace, shared: argparse.Namespace) -> server.Fittings:
    console = _console_of(own, shared)
    places = pc_arguments.places(own)
    to_debugger = isinstance(console, ToDebugger)
    if console is not None and not isinstance(console, ToDebugger):
        places[Console.CHANNEL] = console
    tracer = arguments.call_tracer(shared)
    keyboard = _is_socket(console)
    return server.Fittings(places, shared.realtime, keyboard, to_debugger, tracer)


def _console_of(
    own: argparse.Namespace, shared: argparse.Namespace
) -> ConsolePlace | ToDebugger | None:
    """Return where a machine's console leads: as it says itself, or as all are told."""
    console: ConsolePlace | ToDebugger | None = own.console
    if console is None and not _is_socket(shared.console):
        console = shared.console
    return console


def _is_socket(console: ConsolePlace | ToDebugger | None) -> bool:
    return not isinstance(console, Streams | NoPlace | ToDebugger | None)


def has_screen(first: Wanted) -> bool:
    """Whether the first machine is a PC that gets our terminal as its screen and keyboard."""
    place = first.fittings.places.get(Console.CHANNEL, Streams())
    here = isinstance(place, Streams) and not first.fittings.output_to_debugger
    return here and first.source.kind is not ProgramKind.ELKS and terminal.is_interactive()


def with_keyboard(wanted: Wanted) -> Wanted:
    """Return a machine on which a person types."""
    return replace(wanted, fittings=replace(wanted.fittings, keyboard=True))


# -- types -----------------------------------------------------------------------------------


def _console(text: str) -> ConsolePlace | ToDebugger:
    if text in ("gdb", "terminal"):
        return ToDebugger(is_terminal=text == "terminal")
    return pc_arguments.place(text)


def _port(text: str) -> int:
    try:
        return numerals.digits(text, 10, 0xFFFF)
    except NumeralError:
        raise argparse.ArgumentTypeError(
            f"a port is a number from 0 to 65535, not {text[:40]!r}"
        ) from None


def _words(text: str) -> list[str]:
    """Read a program and its arguments, quoted as in a shell."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {str(error).lower()}") from None
    if not words:
        raise argparse.ArgumentTypeError("a machine needs a program")
    return words


def _size(text: str) -> int:
    """Read a number of bytes."""
    try:
        return numerals.size(text)
    except NumeralError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _symbols(text: str) -> symbolfiles.SymbolSource:
    try:
        return symbolfiles.parse_source(text)
    except symbolfiles.SymbolFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
