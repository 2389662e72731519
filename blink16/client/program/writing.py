"""Storing a value's bytes where it lies."""

from __future__ import annotations

from blink16.client.conditions import HALVES
from blink16.client.program.grammar import ExpressionError
from blink16.client.program.values import Place
from blink16.client.target import AsyncTarget
from blink16.reports.state import FLAG_BITS, REGISTER_NAMES


async def write_place(target: AsyncTarget, place: Place, data: bytes) -> None:
    """Store bytes in memory, in a register (two: ``dx:ax``), or in a flag.

    In the past of a blink16-server this drops the recorded future.
    """
    if not place.register:
        await target.write_memory(place.address, data)
        return
    value = int.from_bytes(data, "little")
    for name in reversed(place.register.split(":")):
        await _write_register(target, name, value)
        value >>= 16


async def _write_register(target: AsyncTarget, name: str, value: int) -> None:
    if name.upper() in FLAG_BITS:
        bit = 1 << FLAG_BITS[name.upper()]
        flags = await target.read_register("flags")
        name, value = "flags", flags | bit if value else flags & ~bit
    if name not in REGISTER_NAMES and name not in HALVES:
        raise ExpressionError(f"{name} can't be changed")
    await target.write_register(name, value)
