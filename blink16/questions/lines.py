"""Which code belongs to which source line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blink16.symbolfiles import DebugInformation, elf_dwarf
from blink16.symbolfiles.toolchain import Toolchain, Unit


class LineCode(NamedTuple):
    """The code of a source line, or a piece of it; linear addresses."""

    start: int
    stop: int
    file: str
    line: int


def line_spans(known: Iterable[DebugInformation]) -> Iterator[LineCode]:
    """Yield the pieces of code whose lines are known."""
    for debug in known:
        told, image = _told(debug)
        for unit in told.units:
            yield from _of_unit(unit, image)


def _told(debug: DebugInformation) -> tuple[Toolchain, int]:
    """Return the facts of a program, and the address that theirs count from."""
    if debug.told is not None:
        return debug.told, debug.image
    return elf_dwarf.read(dict(debug.sections)), 0


def _of_unit(unit: Unit, image: int) -> Iterator[LineCode]:
    """Yield a unit's pieces: each line's code goes on up to the next one's, or the code's end."""
    stops = [code.stop for code in unit.code]
    for place, line in enumerate(unit.lines):
        following = unit.lines[place + 1].address if place + 1 < len(unit.lines) else None
        end = next((stop for stop in stops if stop > line.address), line.address + 1)
        stop = end if following is None else min(following, end)
        if stop > line.address:
            yield LineCode(line.address + image, stop + image, line.file, line.number)
