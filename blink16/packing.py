"""Structures that construct describes, packed as quickly as what comes by the thousand needs it."""

from __future__ import annotations

from struct import Struct as Packing
from typing import Any

from construct import Array, Bytes, FormatField, Padded, Renamed, Struct

LITTLE_ENDIAN = "<"


def packing(layout: Any) -> Packing:
    """Return what packs and unpacks a structure's values in their order, without names.

    It consists of little-endian numbers, bytes, padding, and arrays and structures of these;
    TypeError if there is anything else in it.
    """
    return Packing(LITTLE_ENDIAN + _codes(layout))


def _codes(part: Any) -> str:
    """Return a part's codes as `struct` has them."""
    match part:
        case Renamed():
            return _codes(part.subcon)
        case Struct():
            return "".join(map(_codes, part.subcons))
        case Array():
            return _codes(part.subcon) * int(part.count)
        case Padded():
            filled = part.length - part.subcon.sizeof()
            return f"{_codes(part.subcon) if part.subcon.sizeof() else ''}{filled}x"
        case Bytes():
            return f"{part.length}s"
        case FormatField(fmtstr=code) if code[0] == LITTLE_ENDIAN or code[1:] == "B":
            return str(code[1:])
    raise TypeError(f"no packing of {part!r}")
