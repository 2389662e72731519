"""A CGA's dots: modes 4 and 5 (320x200, four colors) and 6 (640x200, two).

Even lines lie in the first half of the video memory, odd ones in the second.
Source: IBM PC/XT Technical Reference, BIOS listing of GRAPHICS_WRITE and READ_DOT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from blink16.memory import Memory, linear

BASE = 0xB8000
BANK = 0x2000
LINE = 80
"""Bytes."""
HEIGHT = 200
CELL = 8
"""Dots that a character is wide and high."""
XOR = 0x80
FINE_MODE = 6
FONT = (0xF000, 0xFA6E)
"""Where programs know the first 128 characters' dots to be, eight bytes each."""
UPPER_FONT_VECTOR = 0x1F
"""Its vector points at the dots of the other 128, if there are any."""
_WIDE = [sum((line >> x & 1) << 2 * x for x in range(CELL)) for line in range(256)]
"""A line of dots with two bits for each."""
_LIT = [sum(bool(byte >> 2 * x & 3) << x for x in range(4)) for byte in range(256)]
"""Which of a byte's four dots are lit."""


@dataclass(frozen=True, slots=True)
class ScrollWindow:
    """Rows and columns of characters, the last ones included."""

    top: int
    left: int
    bottom: int
    right: int


def _bits(mode: int) -> int:
    """Return the bits of a dot."""
    return 1 if mode == FINE_MODE else 2


def width(mode: int) -> int:
    """Return the dots in a line."""
    return LINE * 8 // _bits(mode)


def _line(y: int) -> int:
    return BASE + (y & 1) * BANK + (y >> 1) * LINE


def _place(mode: int, x: int, y: int) -> tuple[int, int]:
    """Return a dot's address, and by how much it is shifted there."""
    bits = _bits(mode)
    at, rest = divmod(x * bits, 8)
    return _line(y) + at, 8 - bits - rest


def dot(memory: Memory, mode: int, x: int, y: int) -> int:
    """Return a dot's color; 0 outside of the picture."""
    if x >= width(mode) or y >= HEIGHT:
        return 0
    address, shift = _place(mode, x, y)
    return memory.read(address, 1)[0] >> shift & ((1 << _bits(mode)) - 1)


def set_dot(memory: Memory, mode: int, x: int, y: int, color: int) -> None:
    """Set a dot's color, or with bit 7 of ``color`` XOR it."""
    if x >= width(mode) or y >= HEIGHT:
        return
    address, shift = _place(mode, x, y)
    mask = (1 << _bits(mode)) - 1
    before = memory.read(address, 1)[0]
    if color & XOR:
        after = before ^ (color & mask) << shift
    else:
        after = before & ~(mask << shift) | (color & mask) << shift
    memory.write(address, bytes((after,)))


# -- characters ------------------------------------------------------------------------------


def _shape(memory: Memory, code: int) -> bytes:
    """Return a character's eight lines of dots."""
    at = linear(*FONT)
    if code >= 0x80:
        segment = memory.read_word(UPPER_FONT_VECTOR * 4 + 2)
        at = linear(segment, memory.read_word(UPPER_FONT_VECTOR * 4))
    return memory.read(at + (code & 0x7F) * CELL, CELL)


def draw(memory: Memory, mode: int, row: int, column: int, code: int, color: int) -> None:
    """Draw a character; with bit 7 of ``color`` XOR it into the picture."""
    size = _bits(mode)  # bytes of a character in a line
    if mode == FINE_MODE:  # the BIOS stores the character's dots as they are
        color |= 1
    if row >= HEIGHT // CELL or column >= LINE // size:
        return
    for y, line in enumerate(_shape(memory, code), row * CELL):
        lit = line if mode == FINE_MODE else _WIDE[line] * (color & 3)
        at = _line(y) + column * size
        if color & XOR:
            lit ^= int.from_bytes(memory.read(at, size), "big")
        memory.write(at, lit.to_bytes(size, "big"))


def xor(memory: Memory, mode: int, row: int, column: int, shapes: Sequence[bytes]) -> None:
    """XOR lines of dots into a cell: a shape for each bit of color."""
    size = _bits(mode)
    if row >= HEIGHT // CELL or column >= LINE // size:
        return
    for y, lines in enumerate(zip(*shapes, strict=True), row * CELL):
        at = _line(y) + column * size
        lit = int.from_bytes(memory.read(at, size), "big")
        for bit, line in enumerate(lines):
            lit ^= line if mode == FINE_MODE else _WIDE[line] << bit
        memory.write(at, lit.to_bytes(size, "big"))


def recognize(memory: Memory, mode: int, row: int, columns: range) -> bytes:
    """Return the characters that are drawn in a row's cells; 0 where it looks like none."""
    size, lines = _bits(mode), range(row * CELL, row * CELL + CELL)
    known = codes_of(partial(_shape, memory))
    here = range(columns.start, max(columns.start, min(columns.stop, LINE // size)))
    if row >= HEIGHT // CELL or not here:
        return bytes((known.get(bytes(CELL), 0),)) * len(columns)
    content = [memory.read(_line(y) + here.start * size, len(here) * size) for y in lines]
    if mode != FINE_MODE:
        content = [bytes(map(_narrow, line[::2], line[1::2])) for line in content]
    found = bytes(known.get(bytes(shape), 0) for shape in zip(*content, strict=True))
    return found.ljust(len(columns), bytes((known.get(bytes(CELL), 0),)))


def codes_of(shape: Callable[[int], bytes]) -> dict[bytes, int]:
    """Return the characters by their shapes, the first one of several that are alike."""
    return {shape(code): code for code in range(255, -1, -1)}


def _narrow(first: int, second: int) -> int:
    """Return which of eight dots of two bits are lit."""
    return _LIT[first] << 4 | _LIT[second]


def scroll(memory: Memory, mode: int, window: ScrollWindow, lines: int, color: int) -> None:
    """Move a window's rows up (down if negative); what comes free has a color; 0: all of it."""
    cell = _bits(mode)  # bytes of a character in a line
    start, size = window.left * cell, (window.right - window.left + 1) * cell
    fill = bytes((color & 0xFF,)) * size
    first, end = window.top * CELL, (window.bottom + 1) * CELL
    rows = [memory.read(_line(y) + start, size) for y in range(first, end)]
    count = min(abs(lines) * CELL or len(rows), len(rows))
    blanks = [fill] * count
    moved = rows[count:] + blanks if lines >= 0 else blanks + rows[: len(rows) - count]
    for y, content in enumerate(moved, first):
        memory.write(_line(y) + start, content)


@dataclass(frozen=True, slots=True)
class CgaDots:
    """The dots of modes 4 to 6."""

    memory: Memory
    mode: int

    def dot(self, x: int, y: int) -> int:
        """Return a dot's color."""
        return dot(self.memory, self.mode, x, y)

    def set_dot(self, x: int, y: int, color: int) -> None:
        """Set a dot's color."""
        set_dot(self.memory, self.mode, x, y, color)

    def draw(self, row: int, column: int, code: int, color: int) -> None:
        """Draw a character."""
        draw(self.memory, self.mode, row, column, code, color)

    def shape(self, code: int) -> bytes:
        """Return a character's lines of dots."""
        return _shape(self.memory, code)

    def xor_bits(self, color: int) -> int | None:
        """Return the bits of color that a character XORs; None: it is drawn as any other."""
        if not color & XOR:
            return None
        return 1 if self.mode == FINE_MODE else color & 3

    def xor(self, row: int, column: int, shapes: Sequence[bytes]) -> None:
        """XOR lines of dots into a cell: a shape for each bit of color."""
        xor(self.memory, self.mode, row, column, shapes[: _bits(self.mode)])

    def recognize(self, row: int, columns: range) -> bytes:
        """Return the characters that are drawn in a row's cells."""
        return recognize(self.memory, self.mode, row, columns)

    def scroll(self, window: ScrollWindow, lines: int, color: int) -> None:
        """Move a window's rows."""
        scroll(self.memory, self.mode, window, lines, color)
