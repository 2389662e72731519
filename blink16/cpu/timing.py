"""How many clock cycles instructions take: the language of the tables that models have.

A table has a line for each form: mnemonic and operands (by their first letter, as in the opcode
map; R any register that the opcode names; or whole, where width matters), then what it costs
without and with an operand in memory.  A cost is ``cycles``, then, where there are any, ``+each``
for each count of a shift, each round of a repeated string instruction or a division that is really
done, ``>more`` where a jump is taken, and ``/words``, how often a word form goes to memory.  The
time to compute an address comes on top (Intel, The 8086 Family User's Manual, table 2-20), and so
do prefixes.

What the bus adds to a word differs: on the 8086 nothing at an even address and four cycles at an
odd one; two are taken for the mean, but for the rounds of repeated string instructions, whose
addresses are looked at.  On the 8088 it is four, and code comes byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from blink16.cpu.encoding import DIRECT_RM
from blink16.cpu.opcodes import (
    BYTE_REGISTERS,
    PORT_INSTRUCTIONS,
    SEGMENT_REGISTERS,
    STRING_INSTRUCTIONS,
    WORD_REGISTERS,
    Row,
)

_REGISTERS = frozenset(WORD_REGISTERS + BYTE_REGISTERS + SEGMENT_REGISTERS)
_COST = re.compile(r"(\d+)(?:\+(\d+))?(?:>(\d+))?(?:/(\d+))?")
UNKNOWN = "10", "16/1"
"""The costs of a form that a table does not name."""
ADDRESSES = (7, 8, 8, 7, 5, 5, 5, 5)
"""By r/m: cycles to add base and index."""
DISPLACEMENT, DIRECT = 4, 6
"""Cycles to add a displacement; cycles for a direct address."""


class Cost(NamedTuple):
    """What an instruction costs, in clock cycles."""

    cycles: int
    each: int = 0
    """For each count, round or division."""
    taken: int = 0
    """More, where a jump is taken."""
    odd: int = 0
    """More for each round and each of its words that lies at an odd address."""


NOTHING = Cost(0)


@dataclass(frozen=True, eq=False)
class Timing:
    """The costs of a processor."""

    forms: Mapping[str, tuple[str, str]]
    word: int
    """What the bus adds to a word, in the mean."""
    odd: int
    """What it adds to a word at an odd address, where it adds nothing at an even one; or 0."""
    fetch: int
    """Cycles that the bus needs for a byte of code, where that is what limits a program; or 0."""
    interrupt: int
    """To push flags, CS and IP and to load a vector."""
    acknowledge: int
    """To ask the controller for the vector, besides."""
    prefix: int = 2
    minimum: int = 2
    """No instruction takes less."""
    computes_addresses: bool = True
    """Whether adding up an address takes time; later processors have an adder for it."""
    _costs: dict[tuple[Row, bool, bool], Cost] = field(default_factory=dict)

    @staticmethod
    def parse(text: str, base: Timing | None = None) -> dict[str, tuple[str, str]]:
        """Read a table; what it does not name is as in ``base``."""
        forms = dict(base.forms) if base is not None else {}
        for line in text.strip().splitlines():
            names, plain, memory = (cell.strip() for cell in f"{line}||".split("|")[:3])
            key, _, operands = names.partition(" ")
            for mnemonic in key.split(","):
                forms[f"{mnemonic} {operands}".strip()] = plain, memory
        return forms

    def cost(self, row: Row, in_memory: bool = False, repeated: bool = False) -> Cost:
        """Return what an instruction costs.

        ``in_memory``: ModR/M names memory; ``repeated``: a repeat prefix stands in front.
        """
        repeated = repeated and row.mnemonic in STRING_INSTRUCTIONS
        key = row, in_memory, repeated
        known = self._costs.get(key)  # once: a row's hash takes its time
        if known is None:
            known = self._costs[key] = self._cost(row, in_memory, repeated)
        return known

    def _cost(self, row: Row, in_memory: bool, repeated: bool) -> Cost:
        name = f"{row.mnemonic} {','.join(_letters(row))}".strip()
        names = (f"REP {name}",) * repeated + (f"{row.mnemonic} {','.join(row.operands)}", name)
        plain, memory = next((self.forms[name] for name in names if name in self.forms), UNKNOWN)
        found = _COST.fullmatch((memory or plain) if in_memory else (plain or memory))
        assert found is not None, name
        cycles, each, taken, words = (int(number or 0) for number in found.groups())
        bus = words * self.word if row.width == 16 else 0
        odd = self.odd if row.width == 16 and each and repeated else 0
        if each and repeated:
            each += 0 if odd else bus
        else:
            cycles += bus
        length = 1 + row.has_modrm + sum(_SIZES[form] for form in row.immediates)
        return Cost(max(cycles, self.fetch * length), each, taken, odd)

    def address(self, mod: int, rm: int) -> int:
        """Return what it takes to compute the address that ModR/M names."""
        if mod == 3 or not self.computes_addresses:
            return 0
        if mod == 0 and rm == DIRECT_RM:
            return DIRECT
        return ADDRESSES[rm] + (DISPLACEMENT if mod else 0)


_SIZES = {"Ib": 1, "Iw": 2, "Ibs": 1, "Jb": 1, "Jw": 2, "Ob": 2, "Ow": 2, "Ap": 4}


def _letters(row: Row) -> Iterator[str]:
    for number, form in enumerate(row.operands):
        if (form in ("1", "CL") and number) or (form == "DX" and row.mnemonic in PORT_INSTRUCTIONS):
            yield form
        elif form in _REGISTERS or form.isdigit():
            yield "R"
        else:
            yield form[0]
