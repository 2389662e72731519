"""Width-typed values: what the instruction semantics compute with.

A value is a number of 1 to 64 bits.  Its handle is an int where the number is known; then
every operation folds at once, and that is how the reference engine executes.  Otherwise the
handle is a name that a builder (a compiler back end) gave it, and every operation that can't
be folded asks the builder for an instruction.  All values are unsigned; the operations that
care about a sign say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Handle = int | str
MASK = tuple((1 << width) - 1 for width in range(65))
Computation = Callable[[], "Sequence[Value]"]
"""What computes some values of others."""


class Builder(Protocol):
    """A compiler back end's part in arithmetic."""

    def binary(self, op: str, a: Handle, b: Handle, width: int) -> Handle:
        """Emit ``op`` (a key of `FOLD`) on two ``width``-bit handles."""
        ...

    def extend(self, op: str, a: Handle, width: int, to: int) -> Handle:
        """Emit ``zext``, ``sext`` or ``trunc`` from ``width`` to ``to`` bits."""
        ...

    def parity(self, a: Handle) -> Handle:
        """Emit a 1-bit value: is the number of ones in an 8-bit handle even?"""
        ...

    def select(self, condition: Handle, a: Handle, b: Handle, width: int) -> Handle:
        """Emit a choice between two ``width``-bit handles by a 1-bit handle."""
        ...

    def either(self, condition: Handle, rare: Computation, usual: Computation) -> Sequence[Value]:
        """Emit two ways, of which one is gone by a 1-bit handle; see `either`."""
        ...


def signed(value: int, width: int) -> int:
    """Return the two's complement reading of an unsigned ``width``-bit number."""
    return value - (1 << width) if value >> (width - 1) else value


FOLD: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, w: (a + b) & MASK[w],
    "sub": lambda a, b, w: (a - b) & MASK[w],
    "mul": lambda a, b, w: (a * b) & MASK[w],
    "udiv": lambda a, b, w: a // b,
    "urem": lambda a, b, w: a % b,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "shl": lambda a, b, w: (a << b) & MASK[w],
    "lshr": lambda a, b, w: a >> b,
    "ashr": lambda a, b, w: (signed(a, w) >> b) & MASK[w],
    "eq": lambda a, b, w: int(a == b),
    "ult": lambda a, b, w: int(a < b),
}
"""What each operation means.  ``b`` of a shift is below the width, of a division not zero."""


class Value:
    """A ``width``-bit unsigned number, known or to be computed by compiled code."""

    __slots__ = ("builder", "handle", "width")

    def __init__(self, handle: Handle, width: int, builder: Builder | None = None) -> None:
        self.handle = handle
        self.width = width
        self.builder = builder

    def __repr__(self) -> str:
        return f"Value({self.handle!r}, {self.width})"

    # -- arithmetic: the other side is a value of the same width, or an int ------------------

    def __add__(self, other: Value | int) -> Value:
        return self._binary("add", other)

    def __sub__(self, other: Value | int) -> Value:
        return self._binary("sub", other)

    def __mul__(self, other: Value | int) -> Value:
        return self._binary("mul", other)

    def __floordiv__(self, other: Value | int) -> Value:
        return self._binary("udiv", other)

    def __mod__(self, other: Value | int) -> Value:
        return self._binary("urem", other)

    def __and__(self, other: Value | int) -> Value:
        return self._binary("and", other)

    def __or__(self, other: Value | int) -> Value:
        return self._binary("or", other)

    def __xor__(self, other: Value | int) -> Value:
        return self._binary("xor", other)

    def __lshift__(self, other: Value | int) -> Value:
        return self._binary("shl", other)

    def __rshift__(self, other: Value | int) -> Value:
        return self._binary("lshr", other)

    def __invert__(self) -> Value:
        return self._binary("xor", MASK[self.width])

    def shift_right_signed(self, other: Value | int) -> Value:
        """Shift right, filling with the sign bit."""
        return self._binary("ashr", other)

    # -- questions: 1-bit values -------------------------------------------------------------

    def equals(self, other: Value | int) -> Value:
        """Return whether both are the same number."""
        return self._binary("eq", other, 1)

    def is_zero(self) -> Value:
        """Return whether this is 0."""
        return self._binary("eq", 0, 1)

    def is_not_zero(self) -> Value:
        """Return whether this is not 0."""
        return ~self._binary("eq", 0, 1)

    def below(self, other: Value | int) -> Value:
        """Return whether this is less than the other, both unsigned."""
        return self._binary("ult", other, 1)

    def bit(self, index: int) -> Value:
        """Return one bit."""
        return (self >> index).truncate(1)

    def sign(self) -> Value:
        """Return the most significant bit."""
        return self.bit(self.width - 1)

    def even_parity(self) -> Value:
        """Return whether the low byte has an even number of ones."""
        low = self.truncate(8)
        if isinstance(low.handle, int):
            return Value(1 - low.handle.bit_count() % 2, 1)
        assert low.builder is not None
        return Value(low.builder.parity(low.handle), 1, low.builder)

    # -- widths ------------------------------------------------------------------------------

    def zero_extend(self, width: int) -> Value:
        """Return the same number, wider."""
        return self._resize("zext", width)

    def sign_extend(self, width: int) -> Value:
        """Return a wider number with the sign bit repeated."""
        return self._resize("sext", width)

    def truncate(self, width: int) -> Value:
        """Return the low ``width`` bits."""
        return self._resize("trunc", width)

    # -- inside ------------------------------------------------------------------------------

    def _binary(self, op: str, other: Value | int, width: int = 0) -> Value:
        a = self.handle
        if isinstance(other, Value):
            b, builder = other.handle, self.builder or other.builder
        else:
            b, builder = other & MASK[self.width], self.builder
        width = width or self.width
        if isinstance(a, int) and isinstance(b, int):
            return Value(FOLD[op](a, b, self.width), width)
        if b == 0 and isinstance(b, int) and op in _NEUTRAL_ZERO:
            return self
        if b == 0 and isinstance(b, int) and op == "and":
            return Value(0, width)
        assert builder is not None
        return Value(builder.binary(op, a, b, self.width), width, builder)

    def _resize(self, op: str, width: int) -> Value:
        if width == self.width:
            return self
        a = self.handle
        if isinstance(a, int):
            a = signed(a, self.width) if op == "sext" else a
            return Value(a & MASK[width], width)
        assert self.builder is not None
        return Value(self.builder.extend(op, a, self.width, width), width, self.builder)


_NEUTRAL_ZERO = {"add", "sub", "or", "xor", "shl", "lshr", "ashr"}


def select(condition: Value, a: Value, b: Value) -> Value:
    """Return ``a`` where the 1-bit condition holds, ``b`` where it does not."""
    if isinstance(condition.handle, int):
        return a if condition.handle else b
    assert condition.builder is not None
    handle = condition.builder.select(condition.handle, a.handle, b.handle, a.width)
    return Value(handle, a.width, condition.builder)


def either(condition: Value, rare: Computation, usual: Computation) -> Sequence[Value]:
    """Return what one of two computations gives: ``rare`` where the 1-bit condition holds.

    The other is not done.  Both give as many values, of equal widths, and do nothing but compute
    them of values that were there before: not even registers may be read.
    """
    if isinstance(condition.handle, int):
        return rare() if condition.handle else usual()
    assert condition.builder is not None
    return condition.builder.either(condition.handle, rare, usual)


# -- what is written once for plain numbers and for values ---------------------------------------

N = TypeVar("N", int, Value)
"""A number that is known, as an int, or a value of one width; it is never negative."""


def below(a: N, b: N | int) -> N:
    """Return whether a number is less than another: 0 or 1, as a number or in one bit."""
    return a.below(b) if isinstance(a, Value) else int(a < b)


def equal(a: N, b: N | int) -> N:
    """Return whether two numbers are the same."""
    return a.equals(b) if isinstance(a, Value) else int(a == b)


def choose(condition: N, a: N, b: N) -> N:
    """Return one number or the other, by what `below` or `equal` says."""
    if isinstance(condition, Value):
        assert isinstance(a, Value)
        assert isinstance(b, Value)
        return select(condition, a, b)
    return a if condition else b
