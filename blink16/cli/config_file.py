"""``blink16.toml`` beside a program: options that its folder, or the program itself, is used to.

Keys at the top are options of every program in the folder; a table is called like a program's
file and has its own, which win.  What is typed wins over both.  A folder may come from anywhere,
so only options that describe the machine are taken from it, and files only from that folder:
nothing there can let a guest write to the host, listen, or read what lies elsewhere.

    cpu = "80186"
    symbols = ["game.map"]

    ["setup.exe"]
    dos-version = "5.0"
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from blink16.cli import parsing, speed
from blink16.cli.options import SERVER
from blink16.cli.parsing import CommandLine, Option, Parser, Reach, named
from blink16.hostfiles import is_file
from blink16.setup import loader
from blink16.setup.loader import LoadError
from blink16.words.complaints import USAGE
from blink16.words.texts import meant

NAME = "blink16.toml"
MAX_NUMBER = 1 << 64
MAX_SIZE = 64 << 10
Table = dict[str, Any]


def parse(command: CommandLine, words: Sequence[str] | None) -> argparse.Namespace:
    """Parse what was typed, and in front of it what the program's folder says.

    ``typed`` of what is returned: what was typed alone, for who tells of it (`effects`).

    LoadError, with the status for mistaken arguments, where the file says what can't be.
    """
    parser = parsing.parser(command)
    parsed = typed = parser.parse_args(words)
    speed.check(parser, parsed)
    _check_cards(parser, parsed)
    if getattr(parsed, "program", None):
        ours = options_for(loader.find(parsed.program), command)
        if ours:
            parsed = parser.parse_args([*ours, *(sys.argv[1:] if words is None else words)])
    typed = copy(typed)
    speed.settle(parsed)
    parsed.typed = typed
    return parsed


def _check_cards(parser: Parser, typed: argparse.Namespace) -> None:
    """Refuse a card that a machine of the type that is typed can't have."""
    if typed.machine_type == "xt" and "ps2mouse" in typed.card:
        parser.error(
            "--card ps2mouse makes the machine an AT, --machine-type xt says that it is none: "
            "leave one away"
        )


def options_for(program: Path, command: CommandLine) -> list[str]:
    """Return the words of a command line that the file beside a program stands for."""
    path = program.absolute().parent / NAME
    table = _read(path)
    known, everywhere = named(command.tables), named(SERVER.tables)
    allowed = {key for key, option in everywhere.items() if option.reach is not Reach.TYPED}
    words: list[str] = []
    for part in (_plain(table), table.get(program.name, {})):
        if not isinstance(part, dict):
            continue
        for key, value in part.items():
            if key not in allowed:
                text = f"{key} is no option that a folder may choose{meant(key, allowed)}"
                raise _mistake(path, text)
            if key in known:
                words += _words(path, key, value, known[key])
    return words


def _read(path: Path) -> Table:
    try:
        if not is_file(path):
            return {}
        data = loader.content(path, path.name)
        if len(data) > MAX_SIZE:
            raise _mistake(path, f"it is longer than {MAX_SIZE} bytes")
        return tomllib.loads(data.decode())
    except tomllib.TOMLDecodeError as error:
        raise _mistake(path, f"this is no TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise _mistake(path, f"this is no UTF-8 text, from byte {error.start} on") from None
    except ValueError:  # Python reads none of so many digits
        raise _mistake(path, "a number in it has too many digits") from None
    except RecursionError:
        raise _mistake(path, "it is nested too deeply") from None


def _plain(table: Table) -> Table:
    return {key: value for key, value in table.items() if not isinstance(value, dict)}


def _words(path: Path, key: str, value: object, option: Option) -> Iterator[str]:
    name = f"-{key}" if len(key) == 1 else f"--{key}"
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            if not option.flag:
                raise _mistake(path, f"{key} wants a value, not {str(one).lower()}")
            yield from (name,) if one else ()
        elif option.flag:
            raise _mistake(path, f"{key} is true or false, not {one!r}")
        elif isinstance(one, int) and abs(one) >= MAX_NUMBER:
            raise _mistake(path, f"{key} is too large a number")
        elif isinstance(one, str | int | float):
            ours = option.reach is Reach.FOLDER_FILE
            text = _inside(path, str(one)) if ours else str(one)
            yield from (name, text) if len(key) == 1 else (f"{name}={text}",)
        else:
            raise _mistake(path, f"{key} can't be {one!r}")


def _inside(path: Path, text: str) -> str:
    """Return a file's name, which must lie in the folder, as seen from anywhere."""
    name, comma, more = text.partition(",")
    try:
        file = (path.parent / name).resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, characters that can't be
        raise _mistake(path, f"{name!r} is no file's name") from None
    if path.parent.resolve() not in file.parents:
        raise _mistake(path, f"{name} lies outside of the folder")
    return f"{file}{comma}{more}"


def _mistake(path: Path, text: str) -> LoadError:
    return LoadError(f"{path.name}: {text}", USAGE)
