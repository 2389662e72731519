"""kitty's terminal graphics protocol, as far as one picture needs it that changes in its place.

https://sw.kovidgoyal.net/kitty/graphics-protocol/: a PNG file in pieces, shown over a rectangle of
cells (``c`` and ``r``), which stays there until another one of its number comes (``i``, ``p``).
"""

from __future__ import annotations

from base64 import standard_b64encode
from collections.abc import Iterator

NUMBER = 8086
PIECE = 4096
"""Bytes of base64 in one command."""
REMOVE = f"\x1b_Ga=d,d=I,i={NUMBER},q=2\x1b\\"


def encode(png: bytes, columns: int, rows: int) -> str:
    """Return the commands that show a PNG file from the cursor on, which stays there (``C=1``)."""
    head = f"a=T,f=100,i={NUMBER},p=1,c={columns},r={rows},C=1,q=2,"
    return "".join(_commands(head, standard_b64encode(png).decode("ascii")))


def _commands(head: str, data: str) -> Iterator[str]:
    for at in range(0, len(data), PIECE):
        more = int(at + PIECE < len(data))
        yield f"\x1b_G{head if at == 0 else 'q=2,'}m={more};{data[at : at + PIECE]}\x1b\\"
