"""What the arguments of ``blink16-server`` say: where debuggers come, which machines it hosts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blink16 import elks, server
from blink16.cli import arguments, effects
from blink16.cli.options import DEFAULT_ADDRESS, DEFAULT_PORT, SERVER
from blink16.cli.parsing import Parser, Use
from blink16.cli.values import ToDebugger
from blink16.console import Console
from blink16.consoles import ConsolePlace, NoPlace, Streams
from blink16.setup import loader
from blink16.setup.loader import ProgramKind
from blink16.terminals import terminal
from blink16.words import numerals

UNIX = "unix:"
"""How a socket file is told from an address."""
TYPES = ToDebugger(is_terminal=True)
"""A console on which a person types, in a front end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A machine as its user wants it."""

    source: server.MachineSource
    fittings: server.Fittings


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
    address, colon, digits = (listen or "").partition(":")
    if colon and numerals.is_literal(digits):  # an IPv6 address has more colons
        own = f"--listen {address} " if address else ""
        parser.error(f"--listen takes an address without a port: {own}--port {digits}")
    port = DEFAULT_PORT if parsed.port is None else parsed.port
    return server.TcpPort(listen or DEFAULT_ADDRESS, port)


def wanted(parser: Parser, parsed: argparse.Namespace, say: Callable[[str], None]) -> list[Wanted]:
    """Return the machines, PROGRAM's first.  LoadError if one can't be."""
    limit: int = parsed.history_memory
    trace = arguments.call_tracer(parsed, say)
    machines: list[Wanted] = []
    if parsed.replay is not None:
        if parsed.program is not None:
            parser.error("--replay shows a recording: leave PROGRAM away")
        if parsed.watch:
            parser.error("--replay shows a recording, which nobody builds: leave --watch away")
        if parsed.commit or arguments.drives(parsed) or parsed.rom:
            parser.error(
                "--replay has the recorded disks: leave --commit, -A, -B, -C, -D, --rom away"
            )
        if (parsed.mhz, parsed.disk_speed, parsed.call_speed) != (None, None, None):
            parser.error(
                "--replay has the recorded clock, drives and calls: leave --mhz, --cpu-speed HZ, "
                "--disk-speed and --call-speed away; --realtime holds its clock to ours"
            )
        replayed = server.ReplayedSource(
            parsed.replay,
            parsed.engine,
            symbols=tuple(parsed.symbols),
            history_limit=limit,
            say=say,
        )
        machines.append(Wanted(_recorded(replayed, parsed, say), _fittings(parsed, parsed, trace)))
    elif parsed.program is not None:
        first = _machine(parsed.program, parsed.arguments, parsed, parsed, trace)
        assert isinstance(first.source, server.ProgramSource)
        machines.append(replace(first, source=_recorded(first.source, parsed, say)))
    else:
        _check_no_program(parser, parsed)
    others = (_machine(m.words[0], m.words[1:], m, parsed, trace) for m in parsed.machine)
    machines += others
    for line in effects.without(SERVER.tables, parsed.typed, _uses(machines, parsed)):
        say(line)
    return machines


def _uses(machines: Sequence[Wanted], parsed: argparse.Namespace) -> list[Use]:
    """Return for what each machine's options do something."""
    owners = [parsed, *parsed.machine][-len(machines) :]
    return [
        Use.REPLAY
        if owner is parsed and parsed.replay is not None
        else effects.use_of(machine.source.kind, owner)
        for machine, owner in zip(machines, owners, strict=True)
    ]


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
    own = (o for table in SERVER.tables for o in table.options if o.own)
    theirs = effects.said((o for o in own if o.names[0] not in effects.LENT), parsed)
    theirs += ["--console on a socket"] if _is_socket(parsed.console) else []
    if theirs:
        parser.error(
            f"{effects.listed(theirs)}: for PROGRAM, and there is none; say it behind the "
            "--machine that it is for"
        )


def _machine(
    name: str,
    words: Sequence[str],
    own: argparse.Namespace,
    shared: argparse.Namespace,
    trace: Callable[[str], None] | None,
) -> Wanted:
    options = arguments.options(shared, arguments.computer(own, shared), arguments.sinks(own))
    fittings = _fittings(own, shared, trace)
    place = fittings.places.get(Console.CHANNEL, Streams())
    keys = not isinstance(place, Streams | NoPlace) or _console_of(own, shared) == ToDebugger(
        is_terminal=True
    )
    console = elks.ConsoleKind(edits=keys)
    named = replace(options, symbols=tuple(own.symbols), console=console)
    program = loader.read(name)
    has_disks = program.kind is not ProgramKind.ELKS
    images = arguments.images(program, own) if shared.commit and has_disks else ()
    source = server.ProgramSource(
        program, tuple(words), named, shared.history_memory, tuple(images)
    )
    return Wanted(source, fittings)


def _fittings(
    own: argparse.Namespace, shared: argparse.Namespace, trace: Callable[[str], None] | None
) -> server.Fittings:
    console = _console_of(own, shared)
    places = dict(own.serial)
    to_debugger = isinstance(console, ToDebugger)
    if console is not None and not isinstance(console, ToDebugger):
        places[Console.CHANNEL] = console
    keyboard = _is_socket(console) or console == TYPES
    return server.Fittings(
        places, shared.realtime, keyboard, to_debugger, trace, tuple(own.breakpoints)
    )


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
