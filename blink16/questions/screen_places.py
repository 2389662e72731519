"""What an adapter shows of its memory, and where: which byte stands at which place of the screen.

It says the same as `bios.display`, which draws the picture, turned round.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from blink16.bios import display, vga_display
from blink16.bios.screen_content import MAX_COLUMNS, MAX_ROWS
from blink16.bios.screen_text import COLOR_SEGMENT, MONO_MODE, MONO_SEGMENT, ROWS
from blink16.bios.screen_text import VIDEO_MEMORY as TEXT_MEMORY
from blink16.cpu.planar import PlanarRegister
from blink16.devices.vga import Vga
from blink16.devices.vga_map import Window
from blink16.devices.video import (
    CURSOR_HIGH,
    CURSOR_LOW,
    MODE_640_DOTS,
    Adapter,
    Video,
)
from blink16.machine import Machine
from blink16.memory import MIRROR_BIT, Memory, linear
from blink16.questions.columns import Events
from blink16.questions.needs import VIDEO_MEMORY

PLANE_WINDOW = 0x10000


class Lines(NamedTuple):
    """How a screen is read: lines of bytes, of characters (with attributes) or of dots."""

    base: int = 0
    """Linear."""
    bank: int = 1
    """Bytes of a bank, in which addresses wrap."""
    starts: tuple[int, ...] = ()
    """Where each line begins, from the base on, in whichever bank."""
    width: int = 0
    """Bytes of a line."""
    dots: int = 0
    """Of a byte; 0: it is text, whose even bytes are characters and odd ones attributes."""
    mirrored: bool = False
    """Whether the memory is there twice (`memory.MIRROR_BIT`)."""

    def __str__(self) -> str:
        if not self.starts:
            return "off"
        if self.dots:
            return f"{self.width * self.dots}x{len(self.starts)} dots"
        return f"{self.width // 2}x{len(self.starts)} text"

    def moved(self, other: Lines) -> bool:
        """Return whether the other is the same but for where in memory it begins."""
        return self._replace(starts=()) == other._replace(starts=()) and (
            len(self.starts) == len(other.starts) > 0
        )


OFF = Lines()
"""A screen that shows nothing."""


@lru_cache(maxsize=64)
def places(lines: Lines) -> Events:
    """Return, for each address of `needs.VIDEO_MEMORY`, its byte on the screen, or -1.

    Bytes are numbered line by line.
    """
    found = np.full(len(VIDEO_MEMORY), -1, np.int32)
    reach = np.arange(lines.width)
    for number, start in reversed(list(enumerate(lines.starts))):
        bank, offset = divmod(start, lines.bank)
        at = lines.base - VIDEO_MEMORY.start + bank * lines.bank + (offset + reach) % lines.bank
        inside = at < len(found)
        found[at[inside]] = (number * lines.width + reach)[inside]
    if lines.mirrored:
        first = slice(COLOR - VIDEO_MEMORY.start, COLOR - VIDEO_MEMORY.start + MIRROR_BIT)
        twin = slice(first.stop, first.stop + MIRROR_BIT)
        found[twin] = found[first] = np.maximum(found[first], found[twin])
    return found


COLOR = linear(COLOR_SEGMENT, 0)
MONO = linear(MONO_SEGMENT, 0)


def registers_of(video: Video) -> Any:
    """Return, to be compared, what `lines_of` follows from: no cursor and no colors."""
    if isinstance(video, Vga):
        s = video.vga
        crtc = s.crtc[:CURSOR_HIGH] + s.crtc[CURSOR_LOW + 1 :]
        more = (s.sequencer[1], s.sequencer[4], s.graphics[5:7], s.attribute[0x10:0x14])
        return crtc, s.misc, more, video.window, video.enabled
    crtc = video.state.crtc
    return crtc[:CURSOR_HIGH], video.state.mode


def by_data_area(area: bytes) -> Lines:
    """Return how a screen without an adapter is read, by the bytes of `needs.SCREEN_AREA`."""
    mode, columns = area[0], int.from_bytes(area[1:3], "little")
    start = int.from_bytes(area[5:7], "little")
    columns = max(1, min(columns, MAX_COLUMNS))
    starts = tuple((start + 2 * columns * row) % TEXT_MEMORY for row in range(ROWS))
    return Lines(MONO if mode == MONO_MODE else COLOR, TEXT_MEMORY, starts, 2 * columns)


def has_adapter(video: Video | None) -> bool:
    """Return whether an adapter that somebody has set up shows the screen."""
    return isinstance(video, Vga) or (video is not None and any(video.state.crtc))


def lines_of(machine: Machine, video: Video) -> Lines:
    """Return how an adapter reads its memory now."""
    if not video.enabled:
        return OFF
    if isinstance(video, Vga):
        return _vga_dots(machine.memory, video) if video.graphics else _vga_text(video)
    crtc, first = video.state.crtc, 2 * video.start
    mirrored = video.adapter is Adapter.CGA
    if not video.graphics:
        columns = max(1, min(crtc[display.COLUMNS_REGISTER], MAX_COLUMNS))
        rows = max(1, min(crtc[display.ROWS_REGISTER], MAX_ROWS))
        starts = tuple((first + 2 * columns * row) % TEXT_MEMORY for row in range(rows))
        return Lines(COLOR if mirrored else MONO, TEXT_MEMORY, starts, 2 * columns, 0, mirrored)
    second = video.state.mode & display.HERCULES_SECOND_PAGE
    dots = 4 if mirrored and not video.state.mode & MODE_640_DOTS else 8
    base, banks = (COLOR, 1) if mirrored else (COLOR if second else MONO, 3)
    return _banked(video, base, banks, dots, mirrored)


def _banked(video: Video, base: int, banks: int, dots: int, mirrored: bool) -> Lines:
    crtc, first = video.state.crtc, video.start
    words, rows = crtc[display.COLUMNS_REGISTER], crtc[display.ROWS_REGISTER]
    height = crtc[display.LINES_REGISTER] + 1
    is_shown = display.MIN_WORDS <= words <= display.MAX_WORDS
    if not is_shown or not display.MIN_LINES <= rows * height <= display.MAX_LINES:
        (words, rows, height), first = display.USUAL[banks], 0
    starts = tuple(
        2 * (first + row * words) % display.BANK + (line & banks) * display.BANK
        for row in range(rows)
        for line in range(height)
    )
    return Lines(base, display.BANK, starts, 2 * words, dots, mirrored)


def _vga_text(video: Vga) -> Lines:
    rows = vga_display.text_rows(video)
    starts = tuple(2 * start % vga_display.TEXT_SIZE for start in rows.starts)
    return Lines(rows.base, vga_display.TEXT_SIZE, starts, 2 * rows.columns)


def _vga_dots(memory: Memory, video: Vga) -> Lines:
    lines = vga_display.dot_lines(video)
    if lines.banked:
        bits = vga_display.cga_bits(video)
        width = lines.characters * bits
        return Lines(COLOR, vga_display.CGA_BANK, tuple(lines.starts), width, 8 // bits)
    base, cells = VIDEO_MEMORY.start, tuple(start % PLANE_WINDOW for start in lines.starts)
    if not video.vga.graphics[5] & vga_display.SHIFT_256:
        return Lines(base, PLANE_WINDOW, cells, lines.characters, 8)
    chained = video.window is Window.RAM or memory.planar[PlanarRegister.CHAINED]
    if chained:
        starts = tuple(4 * start % PLANE_WINDOW for start in lines.starts)
        return Lines(base, PLANE_WINDOW, starts, 4 * lines.characters, 1)
    return Lines(base, PLANE_WINDOW, cells, lines.characters, 4)
