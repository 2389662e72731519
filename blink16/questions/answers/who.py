"""Who made this character on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from blink16.cpu.registers import Cell
from blink16.machine import Machine
from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run
from blink16.unwind.frames import Frame, frames
from blink16.unwind.walk import CodeMemory

COLOR_TEXT, MONO_TEXT = 0xB8000, 0xB0000
MODE, COLUMNS, PAGE_START = 0x449, 0x44A, 0x44E
"""In the BIOS data area: the video mode, the columns, where the page that is shown begins."""
MONO_MODE = 7
TEXT_MODES = (0, 1, 2, 3, MONO_MODE)
ROWS = 50
MAX_FRAMES = 40


@question("who ROW,COLUMN")
def who(run: Run, words: Sequence[str]) -> Product:
    """Tell who wrote the character at a place of the text screen last: 0,0 is the upper left.

    It is the screen at the end of the run, or at --to.
    """
    try:
        row, column = (int(word) for word in " ".join(words).replace(",", " ").split())
    except ValueError:
        raise QuestionError("give a row and a column, like: who 10,3") from None
    with run.at(run.moment) as timeline:
        address, shown = _place(timeline.machine, row, column)
    with run.ask(Need.of("writes", writes=[range(address, address + 1)])) as answer:
        table = answer.table("writes")
    if not table.num_rows:
        text = f"nobody has written {address:05X}h, which is {_character(shown)}\n"
        return Product(text=text, partial=answer.partial)
    last = table.slice(table.num_rows - 1).to_pylist()[0]
    lines = [
        f"{_character(shown)} at row {row}, column {column} ({address:05X}h) was written at "
        f"instruction {last['icount']} by the {last['who']}"
    ]
    with run.at(last["icount"]) as timeline:
        machine = timeline.machine
        code = CodeMemory(machine.memory, machine.model)
        found = islice(frames(code, Frame.of(machine.registers)), MAX_FRAMES)
        for level, (frame, _) in enumerate(found):
            cs, ip = frame.cells[Cell.CS], frame.cells[Cell.IP]
            lines.append(f"#{level}  {cs:04X}:{ip:04X} {run.name_of(frame.pc)}")
    return Product(text="\n".join(lines) + "\n", partial=answer.partial)


def _place(machine: Machine, row: int, column: int) -> tuple[int, int]:
    """Return the linear address of a place on the screen, and what is there."""
    memory, end = machine.memory, machine.icount
    mode, columns = memory.whole[MODE], memory.whole[COLUMNS] | memory.whole[COLUMNS + 1] << 8
    if mode not in TEXT_MODES or not columns:
        raise QuestionError(f"the screen shows no text at instruction {end:,}: its mode is {mode}")
    if not (0 <= row < ROWS and 0 <= column < columns):
        raise QuestionError(f"the screen has {columns} columns, and no place {row},{column}")
    base = MONO_TEXT if mode == MONO_MODE else COLOR_TEXT
    start = memory.whole[PAGE_START] | memory.whole[PAGE_START + 1] << 8
    address = base + start + 2 * (row * columns + column)
    return address, memory.whole[address]


def _character(byte: int) -> str:
    text = bytes((byte,)).decode("cp437")
    return f"{text!r} ({byte:02X}h)"
