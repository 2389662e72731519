"""Shifts and rotates, by 1 or by all eight bits of CL: the 8086 masks no count.

Each returns the result and CF for a count that is not 0.  OF is that of the chip's last
single step: for left shifts the sign bit against CF, for right shifts the two top bits.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu import flags
from blink16.cpu.operands import Context, Operand
from blink16.cpu.registers import AF
from blink16.cpu.values import Value, select

WORK = 32
"""The width to compute in: a word, a carry and the room that counts up to 17 need."""

Shift = Callable[[Context, Value, Value], tuple[Value, Value]]


def _clamp(m: Context, count: Value, width: int) -> Value:
    """Return the count, at most ``width + 1``, beyond which nothing changes any more."""
    limit = m.constant(width + 1, WORK)
    return select(count.below(limit), count, limit)


def _shl(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    wide = a.zero_extend(WORK) << _clamp(m, count, a.width)
    return wide.truncate(a.width), wide.bit(a.width)


def _shr(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    wide = (a.zero_extend(WORK) << 1) >> _clamp(m, count, a.width)
    return (wide >> 1).truncate(a.width), wide.bit(0)


def _sar(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    wide = (a.sign_extend(WORK) << 1).shift_right_signed(_clamp(m, count, a.width))
    return (wide >> 1).truncate(a.width), wide.bit(0)


def _rol(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    wide, turn = a.zero_extend(WORK), count % a.width
    result = ((wide << turn) | (wide >> (m.constant(a.width, WORK) - turn))).truncate(a.width)
    return result, result.bit(0)


def _ror(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    wide, turn = a.zero_extend(WORK), count % a.width
    result = ((wide >> turn) | (wide << (m.constant(a.width, WORK) - turn))).truncate(a.width)
    return result, result.sign()


def _with_carry(m: Context, a: Value) -> Value:
    return a.zero_extend(WORK) | (flags.carry(m).zero_extend(WORK) << a.width)


def _rcl(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    size = a.width + 1
    wide, turn = _with_carry(m, a), count % size
    turned = (wide << turn) | (wide >> (m.constant(size, WORK) - turn))
    return turned.truncate(a.width), turned.bit(a.width)


def _rcr(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    size = a.width + 1
    wide, turn = _with_carry(m, a), count % size
    turned = (wide >> turn) | (wide << (m.constant(size, WORK) - turn))
    return turned.truncate(a.width), turned.bit(a.width)


def _setmo(m: Context, a: Value, count: Value) -> tuple[Value, Value]:
    return ~m.constant(0, a.width), m.constant(0, 1)


SHIFTS: dict[str, Shift] = {
    "ROL": _rol,
    "ROR": _ror,
    "RCL": _rcl,
    "RCR": _rcr,
    "SHL": _shl,
    "SHR": _shr,
    "SETMO": _setmo,
    "SAR": _sar,
}
_ROTATES = ("ROL", "ROR", "RCL", "RCR")
_LEFT = ("ROL", "RCL", "SHL")


def shift(
    m: Context, name: str, destination: Operand, count: Value, right_sets_aux: bool = False
) -> None:
    """Shift or rotate an operand by an 8-bit count; a count of 0 changes nothing at all.

    ``right_sets_aux``: shifts to the right set AF, where an 8086 clears it.
    """
    a = destination.get()
    result, carry = SHIFTS[name](m, a, count.zero_extend(WORK))

    def finish() -> None:
        destination.set(result)
        flags.set_carry(m, carry)
        if name == "SETMO":
            flags.set_overflow(m, m.constant(0, 1))
        elif name in _LEFT:
            flags.set_overflow(m, result.sign() ^ carry)
        else:
            flags.set_overflow(m, result.sign() ^ result.bit(a.width - 2))
        if name not in _ROTATES:
            other = m.constant(AF if right_sets_aux else 0, 16)
            flags.set_aux(m, result if name == "SHL" else other)
            flags.set_result(m, result)

    m.when(count.is_not_zero(), finish)
