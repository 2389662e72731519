"""What a command line says, as what sets up a machine."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from io import RawIOBase
from pathlib import Path
from weakref import finalize

from blink16 import elks
from blink16.bios import OptionRom
from blink16.consoles import ConsolePlace, NoPlace, Streams
from blink16.devices.cards import Cards
from blink16.devices.pc import DEFAULT_MHZ, LPT1
from blink16.devices.speaker import PcSpeaker
from blink16.devices.video import Adapter
from blink16.setup import loader, pc
from blink16.setup.dos import DosDrive, DosSetup
from blink16.setup.sinks import while_it_works
from blink16.terminals import terminal
from blink16.words.texts import printable


def call_tracer(
    parsed: argparse.Namespace, tell: Callable[[str], None]
) -> Callable[[str], None] | None:
    """Return what writes calls; None if nobody wants that.  LoadError if the file can't be.

    ``tell`` is told when it can't be written any more.
    """
    path: Path | None = parsed.trace_to
    if path is None and not parsed.trace_calls:
        return None
    if path is None:
        return while_it_works("the calls", _write_error, tell)
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise loader.LoadError(f"{path}: can't write it: {error.strerror}") from None
    write = partial(_write_line, file)
    finalize(write, file.close)
    return while_it_works(str(path), write, tell)


def _write_line(file: RawIOBase, text: str) -> None:
    rest = memoryview(f"{printable(text)}\n".encode())
    while rest:  # at once: machines may share the file
        rest = rest[file.write(rest) or 0 :]


def _write_error(text: str) -> None:
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


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
        network=parsed.net or bool(parsed.net_ports),
        port_offset=parsed.net_ports,
        dos=dos(parsed),
        engine=parsed.engine,
        cpu=parsed.cpu,
        fpu=parsed.fpu,
        strict=parsed.strict,
        real_calls=parsed.call_speed == "real",
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


def computer(parsed: argparse.Namespace, shared: argparse.Namespace) -> pc.PcSetup:
    """Return the PC that the arguments describe.  LoadError if a file can't be read.

    ``shared``: where speed and display come from if a machine's own arguments don't say.
    """
    return pc.PcSetup(
        parsed.mhz or shared.mhz or DEFAULT_MHZ,
        Adapter[(parsed.display or shared.display).upper()],
        tuple(
            pc.DiskImage(drive, path, loader.content(path, str(path)), read_only)
            for drive, path, read_only in _given(parsed)
        ),
        tuple(OptionRom(address, loader.content(path, str(path))) for path, address in parsed.rom),
        _cards(parsed),
        b"" if parsed.bios is None else loader.content(parsed.bios, str(parsed.bios)),
    )


def _cards(parsed: argparse.Namespace) -> Cards:
    chosen = dict.fromkeys(parsed.card, True)
    return Cards(
        at=parsed.machine_type == "at" or "ps2mouse" in chosen,
        sound=parsed.sound is not None,
        real_disks=parsed.disk_speed == "real",
        **chosen,
    )


def sinks(parsed: argparse.Namespace) -> tuple[tuple[str, Path], ...]:
    """Return the files to which a machine's channels go."""
    given = ((LPT1, parsed.lpt), (PcSpeaker.COMPONENT, parsed.sound))
    return tuple((channel, path) for channel, path in given if path is not None)


def drives(parsed: argparse.Namespace) -> list[tuple[int, Path]]:
    """Return the drives for which images were given, beside PROGRAM's, in order."""
    return [(drive, path) for drive, path, _ in _given(parsed)]


def _given(parsed: argparse.Namespace) -> list[tuple[int, Path, bool]]:
    floppies = ((pc.DRIVE_A, parsed.A), (pc.DRIVE_B, parsed.B))
    given = (*floppies, (pc.DRIVE_C, parsed.C), (pc.DRIVE_D, parsed.D))
    return [(drive, *image) for drive, images in given for image in images]


def images(program: loader.Program, parsed: argparse.Namespace) -> list[Path]:
    """Return the files that a PC's disks come from, in the order in which it has them."""
    others = [path for _, path in drives(parsed)]
    if program.kind is not loader.ProgramKind.BOOT:
        return others
    assert program.path is not None
    return [program.path, *others]


def dos(parsed: argparse.Namespace) -> DosSetup:
    """Return the DOS that the arguments describe."""
    drives = tuple(
        DosDrive(drive, folder, parsed.writable and not read_only)
        for drive, folder, read_only in parsed.drive
    )
    return DosSetup(
        tuple(parsed.env),
        parsed.dos_version,
        parsed.memory,
        parsed.xms,
        parsed.ems,
        drives,
    )
