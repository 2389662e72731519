"""The memory of an EGA or a VGA as stores and loads see it: four planes behind one address.

Written once in width-typed values: the reference folds them, native code emits them.  A byte of
each of the planes lies at an address, plane 0's in the lowest byte of a 32-bit cell; so all that
the adapter does to four bytes at once is arithmetic on a cell.  Its registers stand here as they
are used, spread over the planes (`Registers`).  Source: IBM PS/2 Hardware Interface Technical
Reference, "Video subsystem", graphics controller.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from blink16.cpu.values import Value, select
from blink16.memory import ADDRESS_MASK, DIRTY_SHIFT, Memory

WINDOW = 0xA0000
CELL = 32
BYTES = 0x01010101
"""Times a byte: that byte in every plane."""
ADDRESSES = 0xFFFF
"""Addresses in the window, each of a cell."""


class PlanarRegister(IntEnum):
    """What stands in a cell of 32 bits each in `Memory.planar`."""

    LATCH = 0  # the cell that was read last
    MAP_MASK = 1  # FFh in each plane that is written
    SET_RESET = 2  # FFh in each plane whose bit is set
    ENABLE_SET_RESET = 3
    COLOR_COMPARE = 4
    COLOR_CARE = 5
    BIT_MASK = 6  # the mask in every plane
    FUNCTION = 7  # 0 replace, 1 AND, 2 OR, 3 XOR
    ROTATE = 8  # 0 to 7
    READ_SHIFT = 9  # 8 times the plane that is read
    WRITE_MODE = 10
    READ_MODE = 11
    CHAINED = 12  # 1: the plane is the address's lowest two bits


Get = Callable[[PlanarRegister], Value]


def place(address: Value, get: Get) -> tuple[Value, Value]:
    """Return which cell an address means (an index), and where in it a chained byte lies."""
    offset = (address - WINDOW) & ADDRESSES
    chained = get(PlanarRegister.CHAINED).is_not_zero()
    return select(chained, offset >> 2, offset), (offset & 3) << 3


def loaded(cell: Value, shift: Value, get: Get) -> Value:
    """Return the byte that a load gives; the cell goes into the latch."""
    chained = get(PlanarRegister.CHAINED).is_not_zero()
    plane = cell >> select(chained, shift, get(PlanarRegister.READ_SHIFT))
    differs = (cell ^ get(PlanarRegister.COLOR_COMPARE)) & get(PlanarRegister.COLOR_CARE)
    differs = differs | differs >> 16
    differs = differs | differs >> 8
    return select(get(PlanarRegister.READ_MODE).is_zero(), plane, ~differs) & 0xFF


def stored(cell: Value, byte: Value, shift: Value, get: Get) -> Value:
    """Return what a cell holds after the store of a byte (32 bits wide, its upper ones zero)."""
    mode, latch = get(PlanarRegister.WRITE_MODE), get(PlanarRegister.LATCH)
    rotated = (((byte << 8) | byte) >> get(PlanarRegister.ROTATE) & 0xFF) * BYTES
    set_reset, enabled = get(PlanarRegister.SET_RESET), get(PlanarRegister.ENABLE_SET_RESET)
    color = (byte & 1) | (byte & 2) << 7 | (byte & 4) << 14 | (byte & 8) << 21
    data = (rotated & ~enabled) | (set_reset & enabled)
    data = select(mode.equals(2), color * 0xFF, data)
    data = select(mode.equals(3), set_reset, data)
    function = get(PlanarRegister.FUNCTION)
    result = select(function.equals(1), data & latch, data)
    result = select(function.equals(2), data | latch, result)
    result = select(function.equals(3), data ^ latch, result)
    mask = get(PlanarRegister.BIT_MASK)
    mask = select(mode.equals(3), mask & rotated, mask)
    result = (result & mask) | (latch & ~mask)
    result = select(mode.equals(1), latch, result)
    planes = get(PlanarRegister.MAP_MASK)
    one = Value(0xFF, CELL, shift.builder) << shift
    planes = select(get(PlanarRegister.CHAINED).is_not_zero(), planes & one, planes)
    return (cell & ~planes) | (result & planes)


# -- folded ----------------------------------------------------------------------------------


def load(memory: Memory, address: int) -> int:
    """Load a byte of the window at a linear address."""
    registers, cells = memory.planar, memory.planes

    def get(register: PlanarRegister) -> Value:
        return Value(registers[register], CELL)

    index, shift = place(Value(address & ADDRESS_MASK, CELL), get)
    assert isinstance(index.handle, int)
    cell = cells[index.handle]
    registers[PlanarRegister.LATCH] = cell
    return _known(loaded(Value(cell, CELL), shift, get))


def store(memory: Memory, address: int, byte: int) -> None:
    """Store a byte of the window at a linear address."""
    registers, cells = memory.planar, memory.planes

    def get(register: PlanarRegister) -> Value:
        return Value(registers[register], CELL)

    index, shift = place(Value(address & ADDRESS_MASK, CELL), get)
    at = _known(index)
    cells[at] = _known(stored(Value(cells[at], CELL), Value(byte, CELL), shift, get))
    memory.planes_dirty[at >> DIRTY_SHIFT] = 1


def _known(value: Value) -> int:
    assert isinstance(value.handle, int)
    return value.handle
