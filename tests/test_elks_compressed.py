"""Compressed ELKS executables: what elks-compress packs must come out whole."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elks_guest import start
from hypothesis import given
from hypothesis import strategies as st

from blink16.cpu.engine import StopReason
from blink16.elks.aout import Executable, build
from blink16.elks.errors import ElksError
from blink16.elks.exomizer import TABLE_SIZE, decompress

WIDTHS = [0] * 8 + [4] * 8 + [8] * 16 + [4] * 16 + [2] * 4
"""Of lengths, of offsets for three and more, for two, and for one byte."""
assert len(WIDTHS) == TABLE_SIZE


class Packer:
    """Writes Exomizer's raw stream, backward, without looking for the shortest one."""

    def __init__(self) -> None:
        self.stream = [0x80]
        self._place, self._left = 0, 0
        self.bases: list[int] = []
        for entry, width in enumerate(WIDTHS):
            base = 1 if entry % 16 == 0 else self.bases[-1] + (1 << WIDTHS[entry - 1])
            self.bases.append(base)
            self.number(width & 7, 3)
            self.number(width >> 3, 1)

    def bit(self, bit: int) -> None:
        """Write a bit."""
        if not self._left:
            self._place, self._left = len(self.stream), 8
            self.stream.append(0)
        self._left -= 1
        self.stream[self._place] |= bit << self._left

    def number(self, value: int, width: int) -> None:
        """Write a number; the low eight bits of a long one are a byte."""
        long = width & 8
        for place in reversed(range(width & 7)):
            self.bit(value >> (place + long) & 1)
        if long:
            self.stream.append(value & 0xFF)

    def index(self, index: int) -> None:
        """Write the index of a length."""
        for _ in range(index + 1):
            self.bit(0)
        self.bit(1)

    def entry(self, value: int, start: int, count: int) -> int:
        """Return the entry of a table in which a value lies."""
        for entry in range(start, start + count):
            if self.bases[entry] <= value < self.bases[entry] + (1 << WIDTHS[entry]):
                return entry
        raise ValueError(value)

    def copy(self, length: int, offset: int, *, may_reuse: bool) -> None:
        """Write that bytes come again."""
        at = self.entry(length, 0, 16)
        self.index(at)
        self.number(length - self.bases[at], WIDTHS[at])
        if may_reuse:
            self.bit(0)
        count, start = {1: (2, 48), 2: (4, 32)}.get(length, (4, 16))
        place = self.entry(offset, start, 1 << count)
        self.number(place - start, count)
        self.number(offset - self.bases[place], WIDTHS[place])


def packed(data: bytes, *, runs: bool = False) -> bytes:
    """Compress bytes (one at least)."""
    packer, back = Packer(), data[::-1]
    packer.stream.append(back[0])
    at, literals = 1, 0b11
    while at < len(back):
        length, offset = best(packer, back, at)
        if length:
            packer.copy(length, offset, may_reuse=literals & 3 == 1)
            literals <<= 1
            at += length
        elif runs and len(back) - at > 2:
            packer.index(17)
            packer.stream += [0, 2, back[at], back[at + 1]]
            literals = literals << 1 | 1
            at += 2
        else:
            packer.bit(1)
            packer.stream.append(back[at])
            literals = literals << 1 | 1
            at += 1
    packer.index(16)
    return bytes(packer.stream[::-1])


def best(packer: Packer, back: bytes, at: int) -> tuple[int, int]:
    """Return a copy that can be written, and its offset; no length if there is none."""
    for length in (100, 40, 9, 3, 2, 1):
        offset = at - back.rfind(back[at : at + length], 0, at + length - 1)
        count, start = {1: (4, 48), 2: (16, 32)}.get(length, (16, 16))
        if len(back) - at < length or offset > at:
            continue
        try:
            packer.entry(offset, start, count)
        except ValueError:
            continue
        return length, offset
    return 0, 0


@given(
    st.binary(min_size=1, max_size=300) | st.text("ab", min_size=1).map(str.encode), st.booleans()
)
def test_what_was_packed_comes_out(data: bytes, runs: bool) -> None:
    """Bytes, copies of all lengths, reused offsets and runs must all be read."""
    assert decompress(packed(data, runs=runs), len(data)) == data


@given(st.binary(max_size=100), st.integers(0, 300))
def test_garbage_is_refused_or_has_the_size(data: bytes, size: int) -> None:
    """A damaged section must end in one clear error, not in a crash or without end."""
    try:
        assert len(decompress(data, size)) == size
    except ElksError:
        return


@pytest.mark.parametrize("sections", [(True, False), (False, True), (True, True)])
def test_compressed_program_runs(tmp_path: Path, sections: tuple[bool, bool]) -> None:
    """Compressed text and data must lie in memory as if they had never been packed."""
    code = bytes.fromhex("b80400 bb0100 b90000 ba0600 cd80 b80100 bb0700 cd80".replace(" ", ""))
    text, data = code + bytes(200), b"hello\n" + bytes(100)
    image = bytearray(build(Executable(text, data))[:32])
    image[4] = 0x40
    plain = zip((text, data), sections, strict=True)
    stored = [packed(part) if pack else part for part, pack in plain]
    sizes = [len(part) if pack else 0 for part, pack in zip(stored, sections, strict=True)]
    image += bytes(16) + struct.pack("<IIHHHH", 0, 0, *sizes, 0, 0)
    guest = start(bytes(image) + b"".join(stored), tmp_path)
    stop = guest.run()
    assert (stop.reason, stop.status, guest.shown) == (
        StopReason.EXITED,
        7,
        {"console": b"hello\n"},
    )
