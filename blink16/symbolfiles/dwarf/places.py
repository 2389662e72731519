"""Where variables are, as expressions: linear addresses from BP, SP, segments and near pointers."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.cpu.opcodes import WORD_NAMES
from blink16.memory import PARAGRAPH
from blink16.symbolfiles.dwarf.entries import signed
from blink16.symbolfiles.dwarf_names import Op
from blink16.symbolfiles.toolchain import Static, Toolchain

REGISTERS = {name: number for number, name in enumerate(WORD_NAMES)}
SEGMENTS = {"es": 40, "cs": 41, "ss": 42, "ds": 43}
HALVES = {"al": ("ax", 0), "cl": ("cx", 0), "dl": ("dx", 0), "bl": ("bx", 0)} | {
    "ah": ("ax", 8), "ch": ("cx", 8), "dh": ("dx", 8), "bh": ("bx", 8)
}  # fmt: skip
SAVED_BP = 2


@dataclass(frozen=True, slots=True)
class NearData:
    """What near pointers point into."""

    segment: int | None
    """The paragraph of the image that most variables' offsets count from."""
    without_null: frozenset[int]
    """Those that have a variable at offset 0, to which a pointer is not null."""


def near_data(told: Toolchain) -> NearData:
    """Find out what a program's near pointers point into."""
    variables = (variable for unit in told.units for variable in unit.variables)
    places = [v.place for v in variables if isinstance(v.place, Static)]
    segments = [place.segment for place in places]
    most = max(sorted(set(segments)), key=segments.count, default=None)
    at_start = (place.segment for place in places if place.address == place.segment * PARAGRAPH)
    return NearData(most, frozenset(at_start))


OFFSET = bytes([Op.CONST2U, 0xFF, 0xFF, Op.AND])
FAR_TO_LINEAR = (
    bytes([Op.DUP])
    + OFFSET
    + bytes([Op.SWAP, Op.CONST1U, 16, Op.SHR, Op.CONST1U, 4, Op.SHL, Op.PLUS, Op.STACK_VALUE])
)


def register(name: str) -> bytes:
    """Return the value of a register."""
    if name in SEGMENTS:
        return bytes([Op.BREGX, SEGMENTS[name], 0])
    return bytes([Op.BREG0 + REGISTERS[name], 0])


_STACK_POINTER_IS_LINEAR = "sp"
"""Our esp is linear, ss*16+sp; all other registers are as the 8086 has them."""


def word(name: str) -> bytes:
    """Return the value of a register of 16 bits."""
    return register(name) + OFFSET


def in_stack(base: str, offset: int) -> bytes:
    """Return the linear address of an offset from BP, or from SP, which is linear already."""
    if base == _STACK_POINTER_IS_LINEAR:
        return bytes([Op.BREG0 + REGISTERS[base]]) + signed(offset)
    at = bytes([Op.BREG0 + REGISTERS[base]]) + signed(offset)
    segment = register("ss") + bytes([Op.CONST1U, 4, Op.SHL, Op.PLUS])
    return at + OFFSET + segment
