"""The registers of a process that has not the processor, in the order of `state.REGISTERS`."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from struct import Struct

from blink16.cpu.registers import Cell, Registers
from blink16.elks.state import REGISTERS
from blink16.memory import linear
from blink16.services import Guest

Kept = tuple[int, ...]
AX, SP, DS, ES, SS, CS, IP = map(REGISTERS.index, ("ax", "sp", "ds", "es", "ss", "cs", "ip"))
"""Where they stand in it."""

_FIRST_CELLS = Struct("=13H")
"""All of them but the flags: with these the packed state begins."""
_PACKED_ORDER = (*(cell.name.lower() for cell in Cell if cell <= Cell.IP), "flags")
_as_kept: Callable[[Kept], Kept] = itemgetter(*map(_PACKED_ORDER.index, REGISTERS))
_as_packed: Callable[[Kept], Kept] = itemgetter(*map(REGISTERS.index, _PACKED_ORDER))
_SP, _SS, _SHADOW, _HALTED = map(int, (Cell.SP, Cell.SS, Cell.SHADOW, Cell.HALTED))
FRAME = Struct("<3H")
"""IP, CS and flags of a caller."""
LAST_FRAME = 0x10000 - FRAME.size
"""The last stack pointer from which one does not go on at the segment's beginning."""
_WORD_MASK = 0xFFFF


def keep(registers: Registers) -> Kept:
    """Return the registers as the processor has them."""
    return _as_kept((*_FIRST_CELLS.unpack_from(registers.state), registers.flags))


def load(registers: Registers, kept: Kept) -> None:
    """Let the processor go on with a process' registers."""
    *words, registers.flags = _as_packed(kept)
    _FIRST_CELLS.pack_into(registers.state, 0, *words)
    cells = registers.cells
    cells[_SHADOW] = cells[_HALTED] = 0


def behind_stub(guest: Guest) -> Kept:
    """Return the registers that the caller has when the stub's IRET has returned to it."""
    ip, cs, flags = caller_frame(guest)
    registers = list(_as_kept((*_FIRST_CELLS.unpack_from(guest.registers.state), flags)))
    registers[SP] = registers[SP] + FRAME.size & _WORD_MASK
    registers[CS], registers[IP] = cs, ip
    return tuple(registers)


def caller_frame(guest: Guest) -> tuple[int, int, int]:
    """Return IP, CS and flags of the caller, as they lie on the stack at the stub."""
    cells = guest.registers.cells
    ss, sp = cells[_SS], cells[_SP]
    if sp <= LAST_FRAME:
        ip, cs, flags = FRAME.unpack(guest.memory.read(linear(ss, sp), FRAME.size))
    else:  # it goes on at the segment's beginning
        read = guest.memory.read_word
        ip, cs, flags = (read(linear(ss, sp + at)) for at in range(0, FRAME.size, 2))
    return ip, cs, flags
