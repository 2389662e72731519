"""The commands' arguments that set up DOS around a program."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from blink16.dos.volume import DRIVE_C, DRIVE_LETTERS
from blink16.dos_setup import (
    EMS_KIB,
    MAX_BEYOND_KIB,
    MEMORY_KIB,
    MIN_MEMORY_KIB,
    DosDrive,
    DosSetup,
)

READ_WRITE = ":rw"
READ_ONLY = ":ro"
_VERSION = re.compile(r"(\d{1,2})\.(\d{1,2})")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a command."""
    group = parser.add_argument_group("DOS around a .COM or .EXE")
    group.add_argument(
        "--env",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of the program's environment; may be given often",
    )
    group.add_argument(
        "--drive",
        type=_drive,
        action="append",
        default=[],
        metavar="D:=DIR[:ro]",
        help="a folder as one more drive, written like the root (--writable) unless :ro; may be "
        "given often",
    )
    group.add_argument(
        "--dos-version",
        type=_version,
        default=DosSetup().version,
        metavar="MAJOR.MINOR",
        help="the version that DOS tells (default: 5.0)",
    )
    group.add_argument(
        "--memory",
        type=_memory,
        default=MEMORY_KIB,
        metavar="KB",
        help=f"conventional memory, {MIN_MEMORY_KIB} to {MEMORY_KIB} KB (default: {MEMORY_KIB}); "
        "less for programs that compare what is free as signed numbers",
    )
    for name, what, default in (
        ("--xms", "extended memory by XMS 3.0, by which programs see an 80286", 0),
        ("--ems", "expanded memory by EMS 4.0", EMS_KIB),
    ):
        group.add_argument(
            name,
            type=_beyond,
            default=default,
            metavar="KB",
            help=f"{what}, up to {MAX_BEYOND_KIB} KB; 0: none (default: {default})",
        )


def setup(parsed: argparse.Namespace) -> DosSetup:
    """Return what the arguments describe."""
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


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"a variable is NAME=VALUE, not {text!r}")
    return name.upper(), value


def _drive(text: str) -> tuple[int, Path, bool]:
    name, equals, folder = text.partition("=")
    number = ord(name[0].upper()) - ord("A") if re.fullmatch("[A-Za-z]:?", name) else -1
    if not equals or number not in range(DRIVE_LETTERS) or number == DRIVE_C:
        raise argparse.ArgumentTypeError(
            f"a drive is given like D:=FOLDER or D:=FOLDER:ro, and C is the root, not {text!r}"
        )
    read_only = folder.endswith(READ_ONLY)
    path = Path(folder.removesuffix(READ_ONLY).removesuffix(READ_WRITE))
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: there is no such folder")
    return number, path, read_only


def _version(text: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(text)
    if found is None or not 2 <= int(found[1]) <= 7:
        raise argparse.ArgumentTypeError(f"a version is from 2.0 to 7.0, like 3.30, not {text!r}")
    minor = found[2] if len(found[2]) == 2 else found[2] + "0"
    return int(found[1]), int(minor)


def _beyond(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_BEYOND_KIB:
        raise argparse.ArgumentTypeError(f"that is 0 to {MAX_BEYOND_KIB} KB, not {text!r}")
    return int(text)


def _memory(text: str) -> int:
    if not text.isdecimal() or not MIN_MEMORY_KIB <= int(text) <= MEMORY_KIB:
        raise argparse.ArgumentTypeError(
            f"memory is {MIN_MEMORY_KIB} to {MEMORY_KIB} KB, not {text!r}"
        )
    return int(text)
