"""Who made this character, or this dot, on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from blink16.cpu.registers import Cell
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.questions.needs import Need, QuestionError
from blink16.questions.pixels import DotPlace, changed, dot_place
from blink16.questions.registry import Product, question
from blink16.questions.run import Run
from blink16.unwind.frames import Frame, frames
from blink16.unwind.walk import CodeMemory
from blink16.words import numerals

COLOR_TEXT, MONO_TEXT = 0xB8000, 0xB0000
MODE, COLUMNS, PAGE_START = 0x449, 0x44A, 0x44E
"""In the BIOS data area: the video mode, the columns, where the page that is shown begins."""
MONO_MODE = 7
TEXT_MODES = (0, 1, 2, 3, MONO_MODE)
ROWS = 50
MAX_FRAMES = 40
MAX_WRITES = 2000
"""Writes to a dot's byte that are looked at."""


@question("who ROW,COLUMN")
def who(run: Run, words: Sequence[str]) -> Product:
    """Tell who wrote the character at a place of the text screen last: 0,0 is the upper left.

    It is the screen at the end of the run, or at --to.
    """
    try:
        row, column = (
            numerals.digits(word, 10, 1 << 16) for word in " ".join(words).replace(",", " ").split()
        )
    except ValueError:
        raise QuestionError("give a row and a column, like: who 10,3") from None
    with run.at(run.moment) as timeline:
        address, shown = _place(timeline.machine, row, column)
    rows, partial = _writes(run, address)
    if not rows:
        return Product(text=f"nobody has written {address:05X}h, which is {_character(shown)}\n")
    what = f"{_character(shown)} at row {row}, column {column} ({address:05X}h)"
    return Product(text=_told(run, what, rows[-1]), partial=partial)


@question("pixel X,Y")
def pixel(run: Run, words: Sequence[str]) -> Product:
    """Tell who made a dot of the picture what it is: 0,0 is the upper left.

    It is the picture at the end of the run, or at --to; for a debugger, where the machine stands.
    Who only wrote the same again, as those do who draw a dot beside it, is passed by.
    """
    try:
        x, y = (
            numerals.digits(word, 10, 1 << 16) for word in " ".join(words).replace(",", " ").split()
        )
    except ValueError:
        raise QuestionError("give a column and a line, like: pixel 100,50") from None
    with run.at(run.moment) as timeline:
        place = dot_place(timeline.machine, x, y)
    rows, partial = _writes(run, place.address)
    with run.at(run.moment) as timeline:
        made = next((row for row in _newest(rows) if _makes(timeline, row, place)), None)
    what = f"color {place.color} at {x},{y} (byte {place.address:05X}h)"
    if made is not None:
        return Product(text=_told(run, what, made), partial=partial)
    more = f" in its last {MAX_WRITES:,} writes" if len(rows) > MAX_WRITES else ""
    return Product(text=f"nobody has changed {what}{more}\n", partial=partial)


_Row = dict[str, Any]


def _newest(rows: list[_Row]) -> Iterator[_Row]:
    return islice(reversed(rows), MAX_WRITES)


def _makes(timeline: Timeline, row: _Row, place: DotPlace) -> bool:
    """Return whether a write has changed a dot."""
    if place.cell is not None:
        return changed(timeline, row["icount"], place)
    shift = 8 * (place.address - row["address"])
    return row["old"] is None or bool((row["old"] ^ row["new"]) >> shift & place.mask)


def _writes(run: Run, address: int) -> tuple[list[_Row], list[str]]:
    """Return who wrote a byte before the moment that is asked for, the oldest first."""
    with run.ask(Need.of("writes", writes=[range(address, address + 1)])) as answer:
        rows = answer.table("writes").to_pylist()
    return [row for row in rows if row["icount"] < run.moment], answer.partial


def _told(run: Run, what: str, row: _Row) -> str:
    """Return who wrote something, with callers."""
    lines = [f"{what} was written at instruction {row['icount']} by the {row['who']}"]
    with run.at(row["icount"]) as timeline:
        machine = timeline.machine
        code = CodeMemory(machine.memory, machine.model)
        found = islice(frames(code, Frame.of(machine.registers)), MAX_FRAMES)
        for level, (frame, _) in enumerate(found):
            cs, ip = frame.cells[Cell.CS], frame.cells[Cell.IP]
            lines.append(f"#{level}  {cs:04X}:{ip:04X} {run.name_of(frame.pc)}")
    return "\n".join(lines) + "\n"


def _place(machine: Machine, row: int, column: int) -> tuple[int, int]:
    """Return the linear address of a place on the screen, and what is there."""
    memory, end = machine.memory, machine.icount
    mode, columns = memory.whole[MODE], memory.whole[COLUMNS] | memory.whole[COLUMNS + 1] << 8
    if mode not in TEXT_MODES or not columns:
        raise QuestionError(
            f"the screen shows no text at instruction {end:,}: its mode is {mode}; ask pixel X,Y"
        )
    if not (0 <= row < ROWS and 0 <= column < columns):
        raise QuestionError(f"the screen has {columns} columns, and no place {row},{column}")
    base = MONO_TEXT if mode == MONO_MODE else COLOR_TEXT
    start = memory.whole[PAGE_START] | memory.whole[PAGE_START + 1] << 8
    address = base + start + 2 * (row * columns + column)
    return address, memory.whole[address]


def _character(byte: int) -> str:
    text = bytes((byte,)).decode("cp437")
    return f"{text!r} ({byte:02X}h)"
