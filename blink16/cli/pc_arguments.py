"""The commands' arguments that set up a PC around a boot image."""

from __future__ import annotations

import argparse
from pathlib import Path

from blink16 import loader, numerals, pc
from blink16.bios import OptionRom
from blink16.cli.arguments import Own
from blink16.consoles import ConsolePlace, ScreenPlace, parse
from blink16.devices.cards import Cards
from blink16.devices.pc import (
    COM1,
    COM2,
    DEFAULT_MHZ,
    LPT1,
    MAX_MHZ,
    MIN_MHZ,
    clock_hz,
)
from blink16.devices.speaker import PcSpeaker
from blink16.devices.video import Adapter
from blink16.memory import MEMORY_SIZE
from blink16.numerals import NumeralError

SERIAL_PORTS = (COM1, COM2)
READ_ONLY = ",ro"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a command."""
    group = parser.add_argument_group("a PC, which boots from PROGRAM if that is a disk image")
    for drive, what in (
        (
            "A",
            "image of the first floppy, write-protected with ,ro; if there are more they lie "
            "beside the drive, for `monitor disk`",
        ),
        ("B", "the same for the second floppy"),
        ("C", "image of a hard disk"),
    ):
        group.add_argument(
            f"-{drive}",
            type=_image,
            action=Own,
            default=[],
            metavar="FILE[,ro]",
            help=what,
        )
    group.add_argument(
        "--rom",
        type=_rom,
        action=Own,
        default=[],
        metavar="FILE@ADDR",
        help="an option ROM at a linear address, like vga.rom@0xC0000; may be given often",
    )
    group.add_argument(
        "--serial",
        type=_serial,
        action=Own,
        default=[],
        metavar="com1=tcp:PORT|unix:PATH|none",
        help="where a serial port leads (default: its output to standard error, unless that is "
        "the terminal with the PC's screen); TCP ports are on 127.0.0.1, 0 is any free one; may "
        "be given often",
    )
    group.add_argument(
        "--commit",
        action="store_true",
        help="when a machine ends, also by a debugger's kill or run, write what the guest changed "
        "on its disks into their images",
    )
    group.add_argument(
        "--display",
        action=Own,
        choices=[adapter.name.lower() for adapter in Adapter],
        default=Adapter.CGA.name.lower(),
        help="the display adapter (default: cga)",
    )
    group.add_argument(
        "--machine-type",
        action=Own,
        choices=("xt", "at"),
        help="xt (default) or at, with a second 8259A, an 8042, a clock that interrupts and hard "
        "disk ports",
    )
    group.add_argument(
        "--card",
        action=Own,
        default=[],
        choices=("joystick", "mouse", "ems", "umb"),
        help="a joystick on the game port, a serial mouse on COM1, a board of 2 MiB of expanded "
        "memory (ports 260h-263h, frame E000h), RAM from D0000h to DFFFFh; may be given often",
    )
    group.add_argument(
        "--bios",
        action=Own,
        type=Path,
        metavar="FILE",
        help="run this BIOS at the end of memory, self-test and all, instead of ours",
    )
    group.add_argument(
        "--lpt", action=Own, type=Path, metavar="FILE", help="what is printed on LPT1 goes there"
    )
    group.add_argument(
        "--sound",
        action=Own,
        type=Path,
        metavar="FILE.wav",
        help="record there what the speaker sounds like",
    )
    group.add_argument(
        "--mhz",
        action=Own,
        type=_mhz,
        default=DEFAULT_MHZ,
        metavar="N",
        help=f"the processor's clock, which the PC's timers are compared with "
        f"(default: {DEFAULT_MHZ:.3g})",
    )


def setup(parsed: argparse.Namespace, shared: argparse.Namespace) -> pc.PcSetup:
    """Return the PC that the arguments describe.  LoadError if a file can't be read.

    ``shared``: where speed and display come from if a machine's own arguments don't say.
    """
    return pc.PcSetup(
        parsed.mhz or shared.mhz,
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
    return Cards(at=parsed.machine_type == "at", sound=parsed.sound is not None, **chosen)


def sinks(parsed: argparse.Namespace) -> tuple[tuple[str, Path], ...]:
    """Return the files to which a machine's channels go."""
    given = ((LPT1, parsed.lpt), (PcSpeaker.COMPONENT, parsed.sound))
    return tuple((channel, path) for channel, path in given if path is not None)


def drives(parsed: argparse.Namespace) -> list[tuple[int, Path]]:
    """Return the drives for which images were given, beside PROGRAM's, in order."""
    return [(drive, path) for drive, path, _ in _given(parsed)]


def _given(parsed: argparse.Namespace) -> list[tuple[int, Path, bool]]:
    given = ((pc.DRIVE_A, parsed.A), (pc.DRIVE_B, parsed.B), (pc.DRIVE_C, parsed.C))
    return [(drive, *image) for drive, images in given for image in images]


def images(program: str, parsed: argparse.Namespace) -> list[Path]:
    """Return the files that a PC's disks come from.  LoadError if there is no such program."""
    return [loader.find(program), *(path for _, path in drives(parsed))]


def place(text: str) -> ConsolePlace:
    """Return where a console is."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def places(parsed: argparse.Namespace) -> dict[str, ConsolePlace]:
    """Return where serial ports lead."""
    return dict(parsed.serial)


def _serial(text: str) -> tuple[str, ConsolePlace]:
    """Return a serial port's channel and where it leads."""
    name, equals, where = text.partition("=")
    if name not in SERIAL_PORTS or not equals:
        raise argparse.ArgumentTypeError(f"a port is given like com1=tcp:5000, not {text!r}")
    leads_to = place(where)
    if isinstance(leads_to, ScreenPlace):
        raise argparse.ArgumentTypeError(f"{name} has no screen to paint: take tcp:PORT, unix:PATH")
    return name, leads_to


def _image(text: str) -> tuple[Path, bool]:
    """Read a disk image's name, and whether it is write-protected."""
    name = text.removesuffix(READ_ONLY)
    return Path(name), name != text


def _mhz(text: str) -> float:
    try:
        mhz = float(text)
        clock_hz(mhz)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a clock is a number of MHz from {MIN_MHZ:g} to {MAX_MHZ:g}, not {text!r}"
        ) from None
    return mhz


def _rom(text: str) -> tuple[Path, int]:
    name, _, address = text.rpartition("@")
    try:
        return Path(name), numerals.literal(address, MEMORY_SIZE - 1)
    except NumeralError:
        raise argparse.ArgumentTypeError(
            f"a ROM is given as FILE@ADDR, like vga.rom@0xC0000, not {text!r}"
        ) from None
