"""A picture of the memory that a run used: address by time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from blink16.memory import MEMORY_SIZE, RAM_SIZE
from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, address_range, question
from blink16.questions.run import Run

WIDTH, HEIGHT = 1024, 512
"""Dots: time goes to the right, addresses go down."""


@question("heatmap [FIRST..END]")
def heatmap(run: Run, words: Sequence[str]) -> Product:
    """Draw a PNG of memory over time: writes in red, reads in green, calls and jumps in blue.

    FIRST..END: the addresses; else those that were written, read or jumped to at all.
    """
    if len(words) > 1:
        raise QuestionError("heatmap takes one range of addresses")
    where = address_range(run, words[0]) if words else None
    ranges = [where] if where is not None else [range(RAM_SIZE)]
    need = Need.of("writes", "reads", "branches", "calls", writes=ranges, reads=ranges)
    with run.ask(need) as answer:
        dots = {
            channel: [
                (np.asarray(part.column("icount")), np.asarray(part.column(column)))
                for name, column in sources
                for part in answer.tables[name].tables()
            ]
            for channel, sources in _CHANNELS.items()
        }
    used = [address for parts in dots.values() for _, address in parts if len(address)]
    if where is None and used:
        where = range(int(min(a.min() for a in used)), int(max(a.max() for a in used)) + 1)
    where = where or range(MEMORY_SIZE)
    span = answer.span
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for channel, parts in dots.items():
        heat = np.zeros((HEIGHT, WIDTH), np.int64)
        for icount, address in parts:
            inside = (address >= where.start) & (address < where.stop)
            x = (icount[inside] - span.start) * WIDTH // max(1, len(span) + 1)
            y = (address[inside].astype(np.int64) - where.start) * HEIGHT // len(where)
            np.add.at(heat, (y, np.minimum(x, WIDTH - 1)), 1)
        top = np.log1p(heat.max()) or 1
        lit = np.where(heat > 0, 55 + 200 * np.log1p(heat) / top, 0)
        picture[:, :, channel] = lit.astype(np.uint8)
    return Product(content=png(picture), suffix=".png", partial=answer.partial)


_CHANNELS = {
    0: (("writes", "address"),),
    1: (("reads", "address"),),
    2: (("branches", "target"), ("calls", "target")),
}


def png(picture: np.ndarray[Any, Any]) -> bytes:
    """Return a picture (rows, columns, red green blue) as a PNG file."""
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = picture.reshape(height, 3 * width)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
