"""Conditions as people write them, judged by the server (as agent bytecode) or by ourselves.

A condition is an expression in Python's syntax over the 8086's registers (``ax``, ``al``, ``ip``,
``flags``…), ``icount``, flags (``zf``, ``cf``…), numbers and memory: ``byte[ADDRESS]`` and
``word[ADDRESS]``, linear, or ``word[ds, bx + 2]``, segment and offset.  There are the operators
``+ - * // % & | ^ << >> ~``, comparisons, ``and``, ``or``, ``not``.  Numbers are unsigned 64-bit.
Names that are none of these are symbols: their linear addresses.

    ax == 0x3d00 and word[ds, 0x80] != 0
    byte[lines] > 2

gdb manual, appendix "The GDB Agent Expression Mechanism", for the bytecode.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from blink16.client.errors import ConditionError
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE
from blink16.reports.state import FLAG_BITS, RegisterValues

MAX_SOURCE = 1000
MAX_DEPTH = 50
"""Expressions within expressions."""
MAX_CODE = 4096
_MASK = (1 << 64) - 1
WORDS: dict[str, int] = {
    "ax": 0,
    "cx": 1,
    "dx": 2,
    "bx": 3,
    "bp": 5,
    "si": 6,
    "di": 7,
    "flags": 9,
} | {"cs": 10, "ss": 11, "ds": 12, "es": 13, "ip": 32, "sp": 33}
"""The number of each register in our server's target.xml."""
ICOUNT = 34
HALVES = {
    f"{letter}{half}": (f"{letter}x", shift)
    for letter in "abcd"
    for half, shift in (("l", 0), ("h", 8))
}
SIZES = {"byte": 1, "word": 2}

# The operations of the agent's stack machine.
ADD, SUB, MUL, DIV, REM, SHIFT_LEFT, SHIFT_RIGHT = 0x02, 0x03, 0x04, 0x06, 0x08, 0x09, 0x0B
LOG_NOT, AND, OR, XOR, NOT, EQUAL, LESS = 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x15
REF8, REF16, IF_GOTO, GOTO, CONST8, CONST16, CONST32, CONST64 = (
    0x17,
    0x18,
    0x20,
    0x21,
    0x22,
    0x23,
    0x24,
    0x25,
)
REG, END, SWAP = 0x26, 0x27, 0x2B

_BINARY: dict[type[ast.operator], tuple[int, Callable[[int, int], int]]] = {
    ast.Add: (ADD, lambda a, b: a + b),
    ast.Sub: (SUB, lambda a, b: a - b),
    ast.Mult: (MUL, lambda a, b: a * b),
    ast.FloorDiv: (DIV, lambda a, b: a // b),
    ast.Mod: (REM, lambda a, b: a % b),
    ast.BitAnd: (AND, lambda a, b: a & b),
    ast.BitOr: (OR, lambda a, b: a | b),
    ast.BitXor: (XOR, lambda a, b: a ^ b),
    ast.LShift: (SHIFT_LEFT, lambda a, b: a << b if b < 64 else 0),
    ast.RShift: (SHIFT_RIGHT, lambda a, b: a >> b if b < 64 else 0),
}
# Each comparison as a < b or a == b, with its operands swapped, its result inverted, or both.
_COMPARISONS: dict[type[ast.cmpop], tuple[int, bool, bool]] = {
    ast.Eq: (EQUAL, False, False),
    ast.NotEq: (EQUAL, False, True),
    ast.Lt: (LESS, False, False),
    ast.Gt: (LESS, True, False),
    ast.GtE: (LESS, False, True),
    ast.LtE: (LESS, True, True),
}

MemoryReader = Callable[[int, int], Awaitable[bytes]]
"""Reads bytes from a linear address on."""


@dataclass(frozen=True, slots=True)
class StopCondition:
    """A condition that was understood."""

    source: str
    _tree: ast.expr
    _symbols: dict[str, int]
    _addresses: int = ADDRESS_MASK
    """The bits of its processor's addresses."""

    def bytecode(self) -> bytes:
        """Return it as our server judges it; ConditionError if it is too long for that."""
        code = bytearray()
        self._emit(self._tree, code)
        code.append(END)
        if len(code) > MAX_CODE:
            raise ConditionError(f"the condition {self.source[:40]!r} is too long")
        return bytes(code)

    async def holds(self, registers: RegisterValues, icount: int, read: MemoryReader) -> bool:
        """Judge it here.  ConditionError if it divides by zero."""
        return bool(await self._value(self._tree, registers, icount, read))

    # -- to bytecode -------------------------------------------------------------------------

    def _emit(self, node: ast.expr, code: bytearray) -> None:
        match node:
            case ast.Constant(value=int() as number):
                _emit_constant(number, code)
            case ast.Name(id=name):
                self._emit_name(name, code)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._emit(operand, code)
                code.append(LOG_NOT)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                self._emit(operand, code)
                code.append(NOT)
            case ast.UnaryOp(operand=operand):
                _emit_constant(0, code)
                self._emit(operand, code)
                code.append(SUB)
            case ast.BinOp(left=left, op=op, right=right):
                self._emit(left, code)
                self._emit(right, code)
                code.append(_BINARY[type(op)][0])
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                operation, swapped, inverted = _COMPARISONS[type(op)]
                self._emit(left, code)
                self._emit(right, code)
                code += bytes([SWAP] * swapped) + bytes([operation]) + bytes([LOG_NOT] * inverted)
            case ast.BoolOp(op=op, values=values):
                self._emit_choice(isinstance(op, ast.And), values, code)
            case ast.Subscript(value=ast.Name(id=size), slice=where):
                self._emit_address(where, code)
                code.append(REF8 if size == "byte" else REF16)

    def _emit_choice(self, is_and: bool, values: list[ast.expr], code: bytearray) -> None:
        """Emit ``and`` or ``or``: the first value that decides, as 0 or 1, ends it."""
        jumps = []
        for value in values:
            self._emit(value, code)
            code.append(LOG_NOT)
            if not is_and:
                code.append(LOG_NOT)
            jumps.append(len(code) + 1)
            code += bytes((IF_GOTO, 0, 0))
        _emit_constant(is_and, code)
        code += bytes((GOTO, 0, 0))
        end = len(code) - 2
        for jump in jumps:
            code[jump : jump + 2] = len(code).to_bytes(2, "big")
        _emit_constant(not is_and, code)
        code[end : end + 2] = len(code).to_bytes(2, "big")

    def _emit_name(self, name: str, code: bytearray) -> None:
        if name in WORDS:
            code += bytes((REG, 0, WORDS[name]))
        elif name in HALVES:
            word, shift = HALVES[name]
            code += bytes((REG, 0, WORDS[word], CONST8, shift, SHIFT_RIGHT, CONST8, 0xFF, AND))
        elif name.upper() in FLAG_BITS:
            bit = FLAG_BITS[name.upper()]
            code += bytes((REG, 0, WORDS["flags"], CONST8, bit, SHIFT_RIGHT, CONST8, 1, AND))
        elif name == "icount":
            code += bytes((REG, 0, ICOUNT))
        else:
            _emit_constant(self._symbols[name], code)

    def _emit_address(self, where: ast.expr, code: bytearray) -> None:
        if isinstance(where, ast.Tuple):
            segment, offset = where.elts
            self._emit(segment, code)
            code += bytes((CONST8, 4, SHIFT_LEFT))
            self._emit(offset, code)
            _emit_constant(0xFFFF, code)
            code += bytes((AND, ADD))
        else:
            self._emit(where, code)
        _emit_constant(self._addresses, code)
        code.append(AND)

    # -- by ourselves ------------------------------------------------------------------------

    async def _value(
        self, node: ast.expr, registers: RegisterValues, icount: int, read: MemoryReader
    ) -> int:
        async def value(inner: ast.expr) -> int:
            return await self._value(inner, registers, icount, read)

        match node:
            case ast.Constant(value=int() as number):
                return number & _MASK
            case ast.Name(id=name):
                return self._name(name, registers, icount)
            case ast.UnaryOp(op=op, operand=operand):
                number = await value(operand)
                if isinstance(op, ast.Not):
                    return int(not number)
                return (~number if isinstance(op, ast.Invert) else -number) & _MASK
            case ast.BinOp(left=left, op=op, right=right):
                try:
                    return _BINARY[type(op)][1](await value(left), await value(right)) & _MASK
                except ZeroDivisionError:
                    raise ConditionError(f"{self.source!r} divides by zero") from None
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                operation, swapped, inverted = _COMPARISONS[type(op)]
                a, b = await value(left), await value(right)
                a, b = (b, a) if swapped else (a, b)
                return int((a == b if operation == EQUAL else a < b) != inverted)
            case ast.BoolOp(op=op, values=values):
                decides = isinstance(op, ast.Or)
                for inner in values:
                    if bool(await value(inner)) is decides:
                        return int(decides)
                return int(not decides)
            case ast.Subscript(value=ast.Name(id=size), slice=where):
                if isinstance(where, ast.Tuple):
                    segment, offset = [await value(part) for part in where.elts]
                    address = (segment << 4) + (offset & 0xFFFF)
                else:
                    address = await value(where)
                return int.from_bytes(await read(address & self._addresses, SIZES[size]), "little")
        raise AssertionError(ast.dump(node))

    def _name(self, name: str, registers: RegisterValues, icount: int) -> int:
        if name in WORDS:
            return int(getattr(registers, name))
        if name in HALVES:
            word, shift = HALVES[name]
            return int(getattr(registers, word)) >> shift & 0xFF
        if name.upper() in FLAG_BITS:
            return int(registers.flag(name))
        return icount if name == "icount" else self._symbols[name]


def parse(
    source: str, lookup: Callable[[str], int | None], memory_end: int = MEMORY_SIZE
) -> StopCondition:
    """Understand a condition.  ``lookup`` returns a symbol's linear address; ConditionError.

    Addresses wrap where memory ends, whether address line 20 is open or not.
    """
    if len(source) > MAX_SOURCE:
        raise ConditionError(f"a condition has at most {MAX_SOURCE} characters")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = " (equal is ==)" if re.search(r"[^=!<>]=[^=]", source) else ""
        raise ConditionError(f"{source!r} is no condition{hint}") from None
    symbols: dict[str, int] = {}
    for name in _check(tree, source):
        address = lookup(name)
        if address is None:
            raise ConditionError(f"{name!r} in {source!r} is neither a register nor a symbol")
        symbols[name] = address
    return StopCondition(source, tree, symbols, (1 << (memory_end - 1).bit_length()) - 1)


def _check(node: ast.expr, source: str, depth: int = 0) -> list[str]:
    """Return the symbols in an expression; ConditionError if something else is in it."""
    depth += 1
    if depth > MAX_DEPTH:
        raise ConditionError(f"{source[:40]!r} is nested too deeply")
    match node:
        case ast.Constant(value=bool() | int() as value) if 0 <= value <= _MASK:
            return []
        case ast.Name(id=name):
            known = name in WORDS or name in HALVES or name.upper() in FLAG_BITS or name == "icount"
            return [] if known else [name]
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            return _check(operand, source, depth)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _check(left, source, depth) + _check(right, source, depth)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _check(left, source, depth) + _check(right, source, depth)
        case ast.BoolOp(values=values):
            return [name for value in values for name in _check(value, source, depth)]
        case ast.Subscript(value=ast.Name(id="byte" | "word"), slice=ast.Tuple(elts=[seg, off])):
            return _check(seg, source, depth) + _check(off, source, depth)
        case ast.Subscript(value=ast.Name(id="byte" | "word"), slice=where):
            return _check(where, source, depth)
    raise ConditionError(f"{ast.unparse(node)!r} can't stand in a condition ({source!r})")


def _emit_constant(value: int, code: bytearray) -> None:
    for operation, size in ((CONST8, 1), (CONST16, 2), (CONST32, 4), (CONST64, 8)):
        if value < 1 << 8 * size:
            code.append(operation)
            code += (value & _MASK).to_bytes(size, "big")
            return
