"""The two commands: ``blink16`` runs a program, ``blink16-server`` shows it to a debugger."""

from __future__ import annotations

import argparse
import errno
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from blink16 import __version__, loader, pc, pc_arguments, symbolfiles
from blink16.consoles import ConsoleError, Streams
from blink16.cpu import engines
from blink16.loader import LoadError
from blink16.pc import CommitError
from blink16.runner import Runner
from blink16.terminal import SIGNAL_STATUS, OutputError

if TYPE_CHECKING:
    from blink16 import server

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
  blink16-server --record s.b16 ./prog; blink16-server --replay s.b16
  blink16-server --machine 'banner HI' --machine ./prog
  gdb -ex 'target remote | blink16-server --stdio --console gdb ./prog'

The machine stands before the program's first instruction until a debugger moves it.
"""
UNIX = "unix:"
"""How a socket file is told from an address."""
_SIZE = re.compile(r"([0-9]{1,9})([kKmMgG]?)")
_UNITS = {"": 20, "k": 10, "m": 20, "g": 30}


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
    parser.add_argument(
        "--console",
        type=pc_arguments.place,
        default=Streams(),
        metavar="stdio|tcp:PORT|unix:PATH|none",
        help="where the keyboard and the BIOS's screen output are (default: stdio)",
    )
    parser.add_argument(
        "--serial",
        type=pc_arguments.serial,
        action="append",
        default=[],
        metavar="com1=tcp:PORT|unix:PATH|none",
        help="where a PC's serial port leads (default: its output to standard error)",
    )
    parser.add_argument(
        "--realtime", action="store_true", help="let a PC's clock go no faster than ours"
    )
    parser.add_argument(
        "--commit",
        action="store_true",
        help="at the end write what the guest changed on its disks into their images",
    )
    _add_machine(parser)
    pc_arguments.add(parser)
    _add_program(parser, required=True)
    return _guarded(parser.prog, lambda: _run(parser.prog, parser.parse_args(arguments)))


def server_main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-server`` and return its exit status."""
    about = "Show an 8086 program to a debugger that speaks gdb's remote protocol."
    parser = _parser("blink16-server", about, SERVER_EXAMPLES)
    _add_network(parser)
    _add_machines(parser)
    _add_history(parser)
    _add_machine(parser)
    pc_arguments.add(parser)
    _add_symbols(parser)
    _add_program(parser, required=False)
    return _guarded(parser.prog, lambda: _serve(parser, parser.parse_args(arguments)))


# -- what they do ----------------------------------------------------------------------------


def _run(prog: str, parsed: argparse.Namespace) -> int:
    loaded = loader.load(loader.read(parsed.program), parsed.arguments, _options(parsed))
    runner = Runner(
        loaded,
        real_time=parsed.realtime,
        places={"console": parsed.console, **dict(parsed.serial)},
        say=lambda text: _say(prog, text),
    )
    try:
        end = runner.run()
        if end.text:
            _say(prog, end.text)
        if parsed.commit:
            _commit(prog, parsed, loaded)
        return end.status
    finally:
        if parsed.stats:
            print(runner.stats(), file=sys.stderr)


def _commit(prog: str, parsed: argparse.Namespace, loaded: loader.Loaded) -> None:
    """Write changed disks back to their images."""
    images = [path for _, path in pc_arguments.drives(parsed)]
    for line in pc.commit_all(loaded.machine, [loader.find(parsed.program), *images]):
        _say(prog, line)


def _serve(parser: _Parser, parsed: argparse.Namespace) -> int:
    from blink16 import server  # trio takes its time, and `blink16` does without

    def say(text: str) -> None:
        _say(parser.prog, text)

    def machines() -> server.Machines:
        console: server.HostConsole = (
            server.ErrorConsole(say) if parsed.stdio else server.StreamConsole(say)
        )
        to_debugger = parsed.console == "gdb"
        return server.Machines(sources, console, say, output_to_debugger=to_debugger)

    endpoint = _endpoint(parser, parsed)
    sources = _sources(parser, parsed, say)
    try:
        server.run(machines, endpoint, say, observers=parsed.observers)
    except server.ListenError as error:
        say(str(error))
        return 1
    return 0


def _endpoint(parser: _Parser, parsed: argparse.Namespace) -> server.Endpoint:
    """Return where to listen; a usage error if the options contradict each other."""
    from blink16 import server

    listen: str | None = parsed.listen
    if parsed.stdio:
        if listen is not None or parsed.port is not None:
            parser.error("--stdio listens nowhere: leave --listen and --port away")
        return server.StandardStreams()
    if listen is not None and listen.startswith(UNIX):
        if parsed.port is not None:
            parser.error("a socket file has no port: leave --port away")
        return server.SocketFile(Path(listen.removeprefix(UNIX)))
    port = DEFAULT_PORT if parsed.port is None else parsed.port
    return server.TcpPort(listen or DEFAULT_ADDRESS, port)


def _sources(
    parser: _Parser, parsed: argparse.Namespace, say: Callable[[str], None]
) -> list[server.Source]:
    """Return where the machines come from, PROGRAM's first."""
    from blink16 import server

    options = _options(parsed)
    limit: int = parsed.history_memory
    symbols = tuple(parsed.symbols)
    first: list[server.Source] = []
    if parsed.replay is not None:
        if parsed.program is not None:
            parser.error("--replay shows a recording: leave PROGRAM away")
        replayed = server.ReplayedSource(
            parsed.replay, parsed.engine, symbols=symbols, history_limit=limit, say=say
        )
        recorded = parsed.record is not None
        first.append(server.RecordedSource(replayed, parsed.record, say) if recorded else replayed)
    elif parsed.program is not None:
        program = loader.read(parsed.program)
        named = replace(options, symbols=symbols)
        source = server.ProgramSource(program, tuple(parsed.arguments), named, limit)
        recorded = parsed.record is not None
        first.append(server.RecordedSource(source, parsed.record, say) if recorded else source)
    elif parsed.record is not None or symbols or not parsed.machine:
        parser.error("the following arguments are required: PROGRAM")
    return first + [
        server.ProgramSource(loader.read(name), tuple(arguments), options, limit)
        for name, *arguments in parsed.machine
    ]


def _guarded(prog: str, command: Callable[[], int]) -> int:
    """Run a command; what goes wrong ends in one line and an exit status."""
    try:
        status = _status_of(command)
        sys.stdout.flush()
    except LoadError as error:
        _say(prog, str(error))
        return error.status
    except (CommitError, ConsoleError) as error:
        _say(prog, str(error))
        return 1
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
        help="talk to one debugger on standard input and output, as `target remote | ...` does",
    )
    group.add_argument(
        "--console",
        choices=("stdio", "gdb"),
        default="stdio",
        help="where the program's output goes: here (with --stdio, to standard error), or to the "
        "debugger while it runs the program (default: stdio)",
    )


def _add_machines(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several machines")
    group.add_argument(
        "--machine",
        type=_words,
        action="append",
        default=[],
        metavar="'PROGRAM ARGUMENTS'",
        help="host one more machine, beside or instead of PROGRAM's; may be given often",
    )
    group.add_argument(
        "--observers",
        action="store_true",
        help="let debuggers that get no machine watch one that another debugger holds",
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


def _add_machine(parser: argparse.ArgumentParser) -> None:
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
        "--date",
        type=_date,
        default=None,
        metavar="ISO",
        help="the guest's date and time at the start, like 1986-03-07T12:00 (default: now)",
    )


def _add_symbols(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--symbols",
        type=_symbols,
        action="append",
        default=[],
        metavar="FILE[,text=SEG][,data=SEG]",
        help="names for the program's addresses: an ELF, a map of nasm's or a linker's, an ELKS "
        "table or nm's output; segments in hex",
    )


def _add_program(parser: argparse.ArgumentParser, *, required: bool) -> None:
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


def _options(parsed: argparse.Namespace) -> loader.Options:
    date: datetime | None = parsed.date
    return loader.Options(
        setup=pc_arguments.setup(parsed),
        root=parsed.root,
        writable=parsed.writable,
        engine=parsed.engine,
        epoch_ns=time.time_ns() if date is None else int(date.timestamp()) * 1_000_000_000,
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


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
    found = _SIZE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"a size looks like 256M or 1G, not {text!r}")
    return int(found[1]) << _UNITS[found[2].lower()]


def _symbols(text: str) -> symbolfiles.Source:
    try:
        return symbolfiles.parse_source(text)
    except symbolfiles.SymbolFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a date looks like 1986-03-07 or 1986-03-07T12:00, not {text!r}"
        ) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
