"""What the user's words mean: places, texts to look for, bytes to store."""

from __future__ import annotations

import re

from blink16.client import Target

_HEX = re.compile(r"(?:[0-9a-fA-F]{2}\s*)+")
_REGISTERS = re.compile(r"([cdes]s):([a-z]{2})", re.IGNORECASE)


def place(target: Target, text: str) -> int:
    """Return a linear address: ``seg:off``, a symbol, ``ds:si``; ValueError if there is none."""
    text = text.strip()
    if pair := _REGISTERS.fullmatch(text):
        registers = target.read_registers()
        segment, offset = (getattr(registers, name.lower(), None) for name in pair.groups())
        if segment is not None and offset is not None:
            return target.at(segment, offset)
    if re.fullmatch(r"[0-9a-fA-F]{5}", text):
        return int(text, 16)
    return target.address_of(text)


def found(target: Target, text: str) -> int:
    """Return where a text, or bytes in hex, stand first in memory; ValueError if nowhere."""
    pattern = bytes.fromhex(text) if _HEX.fullmatch(text) else text.encode("cp437", "replace")
    address = target.find(pattern)
    if address is None:
        raise ValueError(f"{text!r} is nowhere in memory")
    return address


def watched(target: Target, text: str) -> str:
    """Watch a place for writes: ``lines``, ``lines 2``, ``ds:0100 1``."""
    where, _, length = text.strip().partition(" ")
    return str(target.watch(place(target, where), int(length or "2", 0)))


def edited(target: Target, text: str) -> str:
    """Store bytes: ``PLACE=BYTES in hex``.  In the past, this drops the recorded future."""
    where, equals, digits = text.partition("=")
    if not equals or not _HEX.fullmatch(digits.strip()):
        raise ValueError("write PLACE=BYTES, like lines=07 or ds:0100=41 42")
    data = bytes.fromhex(digits)
    address = place(target, where)
    target.write_memory(address, data)
    return f"{len(data)} bytes stored at {address:05X}"
