"""Which byte of the video memory a dot of the picture is made of, and who has written it.

What the adapter does with its memory is known to who draws the picture, and to nobody here: a
dot's byte is the one that changes the dot, and is found by halving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from blink16.bios import display
from blink16.bios.screen_content import DotScreen
from blink16.cpu.planar import PlanarRegister
from blink16.devices.video import Video
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.questions.needs import QuestionError

WINDOW, WINDOW_END = 0xA0000, 0xC0000
PLANES = 0x10000
"""Cells of an EGA's or VGA's memory, of a byte in each of four planes."""
PATTERNS = (0xFF, 0x55, 0xAA, 0x0F, 0xF0, 0x33, 0xCC)
"""What is changed of each byte: two colors may look alike."""
PLANE_PATTERNS = (*(0xFF << 8 * plane for plane in range(4)), 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class DotPlace:
    """Where a dot is made."""

    color: int
    """As the picture has it."""
    address: int
    """Linear: where programs write it."""
    mask: int
    """The bits of the byte, or of the cell of four planes, that change it."""
    cell: int | None
    """Its number, if the memory has planes."""


def dot_place(machine: Machine, x: int, y: int) -> DotPlace:
    """Return where a dot of the picture is made; QuestionError if there is no such dot."""
    look = _looking(machine, x, y)
    color = look()
    ram = machine.memory.whole
    with _restored(machine):
        found = _search(ram, WINDOW, WINDOW_END, PATTERNS, look)
        if found is not None:
            mask = _mask(ram, found, 8, look)
            return DotPlace(color, found, mask, None)
        planes = machine.memory.planes
        cell = _search(planes, 0, min(PLANES, len(planes)), PLANE_PATTERNS, look)
        if cell is None:
            raise QuestionError(f"nothing in the video memory changes the dot {x},{y}")
        mask = _mask(planes, cell, 32, look)
    offset = cell
    if machine.memory.planar[PlanarRegister.CHAINED]:
        offset = 4 * cell + (mask & -mask).bit_length() // 8
    return DotPlace(color, WINDOW + (offset & 0xFFFF), mask, cell)


def _looking(machine: Machine, x: int, y: int) -> Callable[[], int]:
    """Return what looks at a dot."""
    video = machine.find(Video)
    shown = display.read(machine.memory, video)
    if not isinstance(shown, DotScreen):
        raise QuestionError(
            f"the screen shows no dots at instruction {machine.icount:,}: ask who ROW,COLUMN"
        )
    if not (0 <= x < shown.width and 0 <= y < shown.height):
        raise QuestionError(f"the picture has {shown.width}x{shown.height} dots, and no {x},{y}")
    at = y * shown.width + x

    def look() -> int:
        now = display.read(machine.memory, video)
        return now.dots[at] if isinstance(now, DotScreen) else -1

    return look


@contextmanager
def _restored(machine: Machine) -> Iterator[None]:
    """Put the video memory back at the end."""
    ram, planes = machine.memory.whole, machine.memory.planes
    before, before_that = bytes(ram[WINDOW:WINDOW_END]), bytes(planes)
    try:
        yield
    finally:
        ram[WINDOW:WINDOW_END] = before
        planes[:] = memoryview(before_that).cast("I")


def _search(
    memory: Any, low: int, high: int, patterns: tuple[int, ...], look: Callable[[], int]
) -> int | None:
    """Return the element that changes what is looked at; None if none does."""
    usual = look()
    for pattern in patterns:

        def changes(low: int, high: int, pattern: int = pattern) -> bool:
            _flip(memory, low, high, pattern)
            changed = look() != usual
            _flip(memory, low, high, pattern)
            return changed

        if not changes(low, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if changes(low, middle) else (middle, high)
        return low if changes(low, high) else None
    return None


def _flip(memory: Any, low: int, high: int, pattern: int) -> None:
    size = memory.itemsize
    flipped = int.from_bytes(memory[low:high].tobytes(), "little")
    whole = int.from_bytes(pattern.to_bytes(size, "little") * (high - low), "little")
    content = (flipped ^ whole).to_bytes(size * (high - low), "little")
    memory[low:high] = memoryview(content).cast(memory.format)


def _mask(memory: Any, at: int, bits: int, look: Callable[[], int]) -> int:
    """Return the bits of an element that change what is looked at."""
    usual, mask, content = look(), 0, memory[at]
    for bit in range(bits):
        memory[at] = content ^ 1 << bit
        mask |= (look() != usual) << bit
        memory[at] = content
    return mask


def changed(timeline: Timeline, icount: int, place: DotPlace) -> bool:
    """Return whether what happens at an instant changes the dot's bits in the planes."""
    assert place.cell is not None
    planes = timeline.machine.memory.planes
    timeline.seek(icount)
    before = planes[place.cell] & place.mask
    timeline.seek(min(icount + 1, timeline.end))
    return (planes[place.cell] & place.mask) != before
