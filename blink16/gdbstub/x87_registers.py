"""The 8087's registers as gdb sees them: st0 to st7 from the stack's top on, then the words.

The instruction and operand pointers are linear addresses in ``fioff`` and ``fooff``; ``fiseg`` and
``foseg`` are zeros.  ``ftag`` says which registers are empty, and follows from them else.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from blink16.cpu.x87.opcodes import OPCODE_MASK, REAL_SIZE, REGISTERS, SIZES, EscapeOperand
from blink16.memory import ADDRESS_MASK

if TYPE_CHECKING:  # most machines have none, and its modules take their time
    from blink16.cpu.x87.state import Coprocessor

WORDS = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
"""In gdb's order, behind the registers."""
STACK = tuple(f"st{number}" for number in range(REGISTERS))
NONE = bytes(REAL_SIZE * REGISTERS + 4 * len(WORDS))
"""What stands there without an 8087."""
_WORDS = struct.Struct("<8I")


def read(x87: Coprocessor) -> bytes:
    """Return all of them, as g has them."""
    words = (
        *(x87.control, x87.status_word, x87.tag_word, 0, x87.instruction, 0, x87.operand),
        x87.opcode,
    )
    return x87.save()[SIZES[EscapeOperand.ENVIRONMENT] :] + _WORDS.pack(*words)


def written(x87: Coprocessor, name: str, data: bytes) -> bytes:
    """Return the whole state (`Coprocessor.save`) with one register set from its bytes.

    What is put into an empty register of the stack fills it.  ValueError if it can't be set.
    """
    other = _copy(x87)
    _set(other, name, data)
    return other.save()


def all_written(x87: Coprocessor, data: bytes) -> bytes:
    """Return the whole state with all registers set from what `read` returns."""
    other, words = _copy(x87), len(STACK) * REAL_SIZE
    parts = {name: data[words + 4 * n : words + 4 * n + 4] for n, name in enumerate(WORDS)}
    _set(other, "fstat", parts.pop("fstat"))  # by which the others have their places
    for number, name in enumerate(STACK):
        _set(other, name, data[REAL_SIZE * number : REAL_SIZE * (number + 1)])
    for name, part in parts.items():
        if name in ("fiseg", "foseg") and not any(part):
            continue
        _set(other, name, part)
    return other.save()


def _copy(x87: Coprocessor) -> Coprocessor:
    other = type(x87)(x87.kind)
    other.load(x87.save())
    return other


def _set(other: Coprocessor, name: str, data: bytes) -> None:
    value = int.from_bytes(data, "little")
    match name:
        case "fctrl":
            other.set_control(value)
        case "fstat":
            other.status_word = value  # with another TOP the same registers have other names
        case "ftag":
            other.tag_word = value
        case "fioff":
            other.instruction = value & ADDRESS_MASK
        case "fooff":
            other.operand = value & ADDRESS_MASK
        case "fop":
            other.opcode = value & OPCODE_MASK
        case "fiseg" | "foseg":
            raise ValueError(f"{name} is always 0: the offset beside it is a linear address")
        case _:
            other.put_bytes(STACK.index(name), data)
