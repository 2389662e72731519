"""What users type behind options, as values: argparse.ArgumentTypeError says what is wrong."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from blink16.consoles import ConsolePlace, ScreenPlace, parse
from blink16.devices.pc import COM1, COM2, MAX_MHZ, MIN_MHZ, clock_hz
from blink16.dos.volume import DRIVE_C, DRIVE_LETTERS
from blink16.hostfiles import is_folder, is_there
from blink16.memory import MEMORY_SIZE
from blink16.setup.dos import MAX_BEYOND_KIB, MEMORY_KIB, MIN_MEMORY_KIB
from blink16.setup.poweron import DrawnSeed
from blink16.words import numerals
from blink16.words.numerals import NumeralError

if TYPE_CHECKING:
    from blink16.symbolfiles import SymbolSource

MAX_SPEED, UNBOUNDED = "max", math.inf
"""As fast as this computer can: how it is said, and its clock in MHz."""
MAX_THREADS = 1024
MAX_INSTANT = MAX_SEED = 10**18 - 1
SERIAL_PORTS = (COM1, COM2)
READ_ONLY = ",ro"
DRIVE_READ_WRITE, DRIVE_READ_ONLY = ":rw", ":ro"
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})")
_SPEED = re.compile(r"(?P<number>[0-9]{1,12}(\.[0-9]{0,9})?) ?(?P<unit>[kKmM]?)([hH][zZ])?")
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True)
class ToDebugger:
    """The console of a program whose debugger shows what it prints."""

    is_terminal: bool = False
    """Whether that is a front end with a terminal of its own: it gives keys (`monitor type`)."""


# -- the machine ---------------------------------------------------------------------------------


def date(text: str) -> datetime:
    """Read a date, and perhaps a time, in ISO's way; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a date looks like 1986-03-07 or 1986-03-07T12:00, not {text!r}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def poweron(text: str) -> int:
    """Return the seed of what memory holds at the start."""
    word, colon, seed = text.partition(":")
    if word == "random" and not colon:
        return DrawnSeed(secrets.randbelow(1 << 32))
    if word == "random" and colon:
        with suppress(NumeralError):
            return numerals.digits(seed, 10, MAX_SEED)
    raise argparse.ArgumentTypeError(
        f"it is given as random or random:SEED, a number up to {MAX_SEED}, not {text[:40]!r}"
    )


def mhz(text: str) -> float:
    """Read a clock in MHz."""
    try:
        found = float(text)
        clock_hz(found)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a clock is a number of MHz from {MIN_MHZ:g} to {MAX_MHZ:g}, not {text!r}"
        ) from None
    return found


def speed(text: str) -> float:
    """Return a clock in MHz from ``4772727``, ``4.77MHz``, ``8M`` or ``500kHz``, or `UNBOUNDED`."""
    if text == MAX_SPEED:
        return UNBOUNDED
    found = _SPEED.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"a speed is a number of Hz, kHz or MHz, or {MAX_SPEED}, not {text!r}"
        )
    clock = float(found["number"]) * _UNITS[found["unit"].lower()] / 1_000_000
    try:
        clock_hz(clock)
    except ValueError as error:
        hint = "" if found["unit"] else f"; {text} is a number of Hz, {text}MHz one of MHz"
        raise argparse.ArgumentTypeError(f"{error}{hint}") from None
    return clock


# -- a PC ----------------------------------------------------------------------------------------


def image(text: str) -> tuple[Path, bool]:
    """Read a disk image's name, and whether it is write-protected."""
    name = text.removesuffix(READ_ONLY)
    return Path(name), name != text


def rom(text: str) -> tuple[Path, int]:
    """Read a ROM's file and its linear address."""
    name, _, address = text.rpartition("@")
    try:
        return Path(name), numerals.literal(address, MEMORY_SIZE - 1)
    except NumeralError:
        raise argparse.ArgumentTypeError(
            f"a ROM is given as FILE@ADDR, like vga.rom@0xC0000, not {text!r}"
        ) from None


def place(text: str) -> ConsolePlace:
    """Return where a console is."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def place_or_debugger(text: str) -> ConsolePlace | ToDebugger:
    """Return where a console is that may be the debugger's."""
    if text in ("gdb", "terminal"):
        return ToDebugger(is_terminal=text == "terminal")
    return place(text)


def serial(text: str) -> tuple[str, ConsolePlace]:
    """Return a serial port's channel and where it leads."""
    name, equals, where = text.partition("=")
    if name not in SERIAL_PORTS or not equals:
        raise argparse.ArgumentTypeError(
            f"a port is given like com1=tcp:5000 or com2=none, not {text!r}"
        )
    leads_to = place(where)
    if isinstance(leads_to, ScreenPlace):
        raise argparse.ArgumentTypeError(f"{name} has no screen to paint: take tcp:PORT, unix:PATH")
    return name, leads_to


# -- DOS -----------------------------------------------------------------------------------------


def variable(text: str) -> tuple[str, str]:
    """Read a variable of the environment and its value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"a variable is NAME=VALUE, not {text!r}")
    return name.upper(), value


def sound(text: str) -> Path:
    """Read the name of a file for sound, which is WAV whatever it is called."""
    path = Path(text)
    if path.suffix.lower() not in ("", ".wav"):
        raise argparse.ArgumentTypeError(f"{text}: sound is written as WAV, so call it .wav")
    return path


def drive(text: str) -> tuple[int, Path, bool]:
    """Read a drive's number (A: is 0), its folder, and whether it is read-only."""
    name, equals, folder = text.partition("=")
    number = ord(name[0].upper()) - ord("A") if re.fullmatch("[A-Za-z]:?", name) else -1
    if not equals or number not in range(DRIVE_LETTERS) or number == DRIVE_C:
        raise argparse.ArgumentTypeError(
            f"a drive is given like D:=FOLDER or D:=FOLDER:ro, and C is the root, not {text!r}"
        )
    read_only = folder.endswith(DRIVE_READ_ONLY)
    path = Path(folder.removesuffix(DRIVE_READ_ONLY).removesuffix(DRIVE_READ_WRITE))
    if not is_folder(path):
        what = "this is a file, no folder" if is_there(path) else "there is no such folder"
        raise argparse.ArgumentTypeError(f"{path}: {what}")
    return number, path, read_only


def version(text: str) -> tuple[int, int]:
    """Read a version of DOS: major, and minor in hundredths."""
    found = _VERSION.fullmatch(text)
    if found is None or not 2 <= int(found[1]) <= 7:
        raise argparse.ArgumentTypeError(f"a version is from 2.0 to 7.0, like 3.30, not {text!r}")
    minor = found[2] if len(found[2]) == 2 else found[2] + "0"
    return int(found[1]), int(minor)


def beyond(text: str) -> int:
    """Read KiB of memory beyond the first 640."""
    return _count(text, 0, MAX_BEYOND_KIB, f"that is 0 to {MAX_BEYOND_KIB} KB")


def memory(text: str) -> int:
    """Read KiB of conventional memory."""
    bounds = f"memory is {MIN_MEMORY_KIB} to {MEMORY_KIB} KB"
    return _count(text, MIN_MEMORY_KIB, MEMORY_KIB, bounds)


# -- debuggers, and their past -------------------------------------------------------------------


def port(text: str) -> int:
    """Read a TCP port; 0 is any free one."""
    return _count(text, 0, 0xFFFF, "a port is a number from 0 to 65535")


def words(text: str) -> list[str]:
    """Read a program and its arguments, quoted as in a shell."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {str(error).lower()}") from None
    if not found:
        raise argparse.ArgumentTypeError("a machine needs a program")
    return found


def size(text: str) -> int:
    """Read a number of bytes."""
    try:
        return numerals.size(text)
    except NumeralError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def symbols(text: str) -> SymbolSource:
    """Read a symbol file's name, and where its program lies."""
    from blink16.symbolfiles import SymbolFileError, parse_source  # costs time, and few need it

    try:
        return parse_source(text)
    except SymbolFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def instant(text: str) -> int:
    """Read a number of instructions; they may be grouped."""
    digits = text.replace("_", "").replace(",", "")
    return _count(digits, 0, MAX_INSTANT, "an instant is a number of instructions")


def threads(text: str) -> int:
    """Read a number of threads."""
    return _count(text, 1, MAX_THREADS, f"there can be 1 to {MAX_THREADS} threads")


def _count(text: str, least: int, most: int, bounds: str) -> int:
    """Read a number; the error says the bounds in words."""
    try:
        return numerals.digits(text, 10, most, least)
    except NumeralError:
        raise argparse.ArgumentTypeError(f"{bounds}, not {text[:40]!r}") from None
