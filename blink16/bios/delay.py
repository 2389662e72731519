"""Time that a system's calls take real code, as 8086 code in ROM that does nothing for so long.

A service is done in an instant.  What it stands for takes real code thousands of clock cycles, in
which interrupts come: a machine whose clock just moved on by them would lose ticks and what serial
lines receive.  So the guest spends them in loops, of few instructions: SHL by as much as there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from typing import NamedTuple

from blink16.bios.data_area import BASE, OFFSETS
from blink16.bios.rom import Rom, goto
from blink16.services import Chassis, Guest

NUMBERS = 0x100
"""Numbers that calls may have."""
NUMBER_IN_AH = bytes.fromhex("88e3")  # mov bl, ah
NUMBER_IN_AL = bytes.fromhex("88c3")  # mov bl, al
_FRONT = (
    bytes.fromhex("53 51 fb b700"),  # push bx / push cx / sti / mov bh, 0; then BL
    bytes.fromhex("2e8a8f"),  # mov cl, [cs:bx+rests]
    bytes.fromhex("d2e5 d1e3 2e8b9f"),  # shl ch, cl / shl bx, 1 / mov bx, [cs:bx+rounds]
    bytes.fromhex("b1ff 09db 7405"),  # mov cl, 0ffh / or bx, bx / jz done
    bytes.fromhex("d2e5 4b 75fb"),  # again: shl ch, cl / dec bx / jnz again
    bytes.fromhex("fa 59 5b"),  # done: cli / pop cx / pop bx
)
_SPEND = bytes.fromhex(
    "1e 53 51 52 bb4000 8edb"  # push ds / push bx / push cx / push dx / mov bx, 40h / mov ds, bx
    "8b1eb000 8b16b200 b1ff fb"  # mov bx, [0b0h] / mov dx, [0b2h] / mov cl, 0ffh / sti
    "d2e5 83eb01 83da00 73f6"  # again: shl ch, cl / sub bx, 1 / sbb dx, 0 / jnc again
    "5a 59 5b 1f cf"  # pop dx / pop cx / pop bx / pop ds / iret
)
_DELAY, _DELAY_SIZE = BASE + OFFSETS["delay"][0], OFFSETS["delay"][1]


class _Costs(NamedTuple):
    """What the code takes a processor, in its clock cycles."""

    worth: float
    """What it takes for one of an 8086's: so much FreeDOS' kernel is slower or quicker on it."""
    call: int
    """INT, the code but for its loop, and IRET."""
    round: int
    """A round of the loop before the service."""
    long_round: int
    """A round of that behind it."""
    each: int
    """Each count of a shift."""
    most: int
    """The greatest count."""


_COSTS = {
    "8086": _Costs(1.0, 230, 1048, 1054, 4, 255),
    "8088": _Costs(1.8, 291, 1054, 1074, 4, 255),
    "80186": _Costs(0.83, 200, 52, 57, 1, 31),
    "80286": _Costs(0.43, 113, 47, 51, 1, 31),
}


class Delay:
    """Lets a system's calls take what they take an 8086, before or after they are done."""

    def __init__(self, chassis: Chassis, rom: Rom) -> None:
        self._rom = rom
        self._costs = _COSTS[chassis.model.name]
        self._routine = rom.add(_SPEND, "call_time")

    def precede(self, vector: int, number: bytes, cycles: Sequence[int]) -> None:
        """Let each call of an interrupt take its time before its service is reached.

        ``number``: `NUMBER_IN_AH` or `NUMBER_IN_AL`.  ``cycles``: an 8086's, by the call's number,
        from before INT until behind it.
        """
        rounds, rests = zip(*map(self._parts, cycles), strict=True)
        table = self._rom.add(pack(f"<{NUMBERS}H{NUMBERS}B", *rounds, *rests))
        first, second, third, *rest = _FRONT
        at_rests, at_rounds = pack("<H", table + 2 * NUMBERS), pack("<H", table)
        self._rom.precede(
            vector, first + number + second + at_rests + third + at_rounds + b"".join(rest)
        )

    def _parts(self, cycles: int) -> tuple[int, int]:
        """Return rounds, and the count of a shift besides, that take so long with the rest."""
        costs = self._costs
        rounds, left = divmod(max(round(cycles * costs.worth) - costs.call, 0), costs.round)
        return rounds, min(left // costs.each, costs.most)

    def spend(self, guest: Guest, cycles: int) -> None:
        """Let so many of an 8086's cycles pass before a service that is done returns."""
        costs = self._costs
        rounds = round(cycles * costs.worth) // costs.long_round
        if rounds:
            guest.memory.write(_DELAY, (rounds - 1).to_bytes(_DELAY_SIZE, "little"))
            goto(guest, self._routine)
