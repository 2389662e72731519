"""Compressed sections of executables, as elks-compress makes them with Exomizer.

The stream is Exomizer's raw one, read backward from its end (``raw -b``, protocol 39): tables of
52 widths, then single bytes, runs of bytes, and copies of what has been written already.
Written from the description in Exomizer's documentation and ELKS' fs/exodecr.c.
"""

from __future__ import annotations

from blink16.elks.errors import ElksError

TABLE_SIZE = 52
END, RUN = 16, 17
"""Indices of lengths that mean: the end, and a run of literal bytes."""
MAX_INDEX = 17
OFFSET_TABLES = {1: (2, 48), 2: (4, 32)}
"""By the length of a copy: bits of its offset's index, and where that table begins."""
LONG_OFFSET_TABLE = (4, 16)


class _Bits:
    """The stream, from its last byte to its first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = len(data)
        self._buffer = self.byte()

    def byte(self) -> int:
        """Return the next whole byte."""
        if not self._at:
            raise ElksError("a compressed section ends too early")
        self._at -= 1
        return self._data[self._at]

    def bit(self) -> int:
        """Return the next bit; a set one behind the last of a byte says that it is used up."""
        if self._buffer & 0x7F == 0:
            self._buffer = self.byte() << 1 | 1
        else:
            self._buffer <<= 1
        bit = self._buffer >> 8 & 1
        self._buffer &= 0xFF
        return bit

    def number(self, count: int) -> int:
        """Return a number of so many bits; the low eight of a long one are a whole byte."""
        value = 0
        for _ in range(count & 7):
            value = value << 1 | self.bit()
        return value << 8 | self.byte() if count & 8 else value


def decompress(data: bytes, size: int) -> bytes:
    """Return the section of ``size`` bytes that was compressed, ElksError if it isn't that."""
    bits = _Bits(data)
    widths, bases = _tables(bits)
    output = bytearray()  # from the last byte of the section to its first
    output.append(bits.byte())
    offset, literals = 0, 0b11
    while (index := _copy_index(bits)) != END:
        if index < 0:
            output.append(bits.byte())
            literals = literals << 1 | 1
        elif index == RUN:
            length = bits.byte() << 8 | bits.byte()
            _check(len(output) + length, size)
            output += bytes(bits.byte() for _ in range(length))
            literals = literals << 1 | 1
        else:
            length = bases[index] + bits.number(widths[index])
            if literals & 3 != 1 or not bits.bit():
                count, start = OFFSET_TABLES.get(length, LONG_OFFSET_TABLE)
                entry = start + bits.number(count)
                offset = bases[entry] + bits.number(widths[entry])
            _check(len(output) + length, size)
            if not 0 < offset <= len(output):
                raise ElksError("a compressed section copies from outside of itself")
            for _ in range(length):
                output.append(output[-offset])
            literals <<= 1
        _check(len(output), size)
    if len(output) != size:
        raise ElksError(f"a compressed section has {len(output)} bytes, not {size} as promised")
    output.reverse()
    return bytes(output)


def _tables(bits: _Bits) -> tuple[list[int], list[int]]:
    """Return the width and the base of each entry; a table has sixteen."""
    widths, bases, base = [], [], 1
    for entry in range(TABLE_SIZE):
        if entry % 16 == 0:
            base = 1
        width = bits.number(3) | bits.number(1) << 3
        widths.append(width)
        bases.append(base)
        base += 1 << width
    return widths, bases


def _copy_index(bits: _Bits) -> int:
    """Return the index of the next length; -1 for a single byte."""
    if bits.bit():
        return -1
    index = 0
    while not bits.bit():
        index += 1
        if index > MAX_INDEX:
            raise ElksError("a compressed section is damaged")
    return index


def _check(length: int, size: int) -> None:
    if length > size:
        raise ElksError(f"a compressed section has more than its {size} bytes")
