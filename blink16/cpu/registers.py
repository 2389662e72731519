"""The processor's registers as one packed state that every engine shares.

The state is a buffer of 16-bit cells at a fixed address.  The status flags are kept as the
values they follow from (a result that is zero or not, a value whose sign bit is SF, …), since
most flags that an instruction sets are overwritten before anyone looks; ``flags`` composes the
word that the 8086 would push.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from functools import lru_cache
from struct import Struct as Packing
from typing import TYPE_CHECKING, Any

from construct import Int16ul, Int64ul, Struct

from blink16.packing import packing

if TYPE_CHECKING:  # most machines have none, and its modules take their time
    from blink16.cpu.x87.state import Coprocessor

CF, PF, AF, ZF, SF, TF, IF, DF, OF = (1 << bit for bit in (0, 2, 4, 6, 7, 8, 9, 10, 11))


class Cell(IntEnum):
    """Where each 16-bit cell lies in the packed state, in words.  Intel's register numbers."""

    AX = 0
    CX = 1
    DX = 2
    BX = 3
    SP = 4
    BP = 5
    SI = 6
    DI = 7
    ES = 8
    CS = 9
    SS = 10
    DS = 11
    IP = 12
    ZERO = 13  # ZF is set when this is zero
    SIGN = 14  # SF is bit 15
    PARITY = 15  # PF is set when the low byte has an even number of ones
    CARRY = 16  # CF: 0 or 1
    AUGEND = 17  # AF and OF are those of the addition AUGEND + ADDEND = SUM, with a carry or
    ADDEND = 18  # without: what was carried into bit 4, and whether both signs differ from SUM's;
    SUM = 19  # a subtraction is the addition that it undoes
    TRAP = 20  # TF: 0 or 1
    INTERRUPT = 21  # IF: 0 or 1
    DIRECTION = 22  # what a byte string instruction adds to SI and DI: 1, or FFFFh with DF set
    SHADOW = 23  # 1 after an instruction that holds off interrupts for one more instruction
    HALTED = 24  # 1 after HLT, until an interrupt; SHUT_DOWN until a reset
    NOTHING = 25  # always 0
    ATTENTION = 26  # not 0: leave run() at the next instruction boundary (set from any thread)
    REQUEST = 27  # 1 while the interrupt controller holds INTR; engines only read it
    MSW = 112  # an 80286's machine status word, its low four bits
    GDT = 113  # the limit of its global descriptor table, then the 24 bits of its base
    GDT_BASE = 114
    GDT_HIGH = 115
    IDT = 116
    IDT_BASE = 117
    IDT_HIGH = 118
    COPROCESSOR = 28  # 1 where there is an 8087, whose instructions are the reference's
    A20 = 119  # 1 where address line 20 is open (a gate outside of the processor)


SHUT_DOWN = 2
"""In HALTED: an 80286 that could not even enter INT 8."""
IDT_LIMIT = 0x3FF
"""After a reset, the limit of its interrupt vector table."""
_FLAGS, _FLAGS_OFFSET = Packing("=10H"), 2 * Cell.ZERO
"""The cells of flags, from ZERO to DIRECTION; those in a row, since debuggers look at them at
each step, and processes take turns with them."""
KNOWN_FLAGS = 256
"""Flags that need not be computed anew: processes take turns with the same ones in loops."""
ICOUNT_OFFSET, CYCLES_OFFSET = 64, 72
SHARED_SIZE = 80
"""Bytes of the packed state that are the processor's own: up to and with ``cycles``."""
DEVICES_OFFSET = 256
"""What lies between ``cycles`` and here belongs to the engine, what lies behind to devices."""
STATE_SIZE = 2304
"""Bytes in the packed state."""

ARCHITECTURE = Struct(
    "general" / Int16ul[8],
    "segments" / Int16ul[4],
    "ip" / Int16ul,
    "flags" / Int16ul,
    "shadow" / Int16ul,
    "halted" / Int16ul,
    "system" / Int16ul[8],
    "icount" / Int64ul,
    "cycles" / Int64ul,
)
"""The canonical form of a processor's state: equal states are equal bytes, on every engine."""
_PACKED = packing(ARCHITECTURE)
"""The same, for checkpoints, which come by the thousand."""
_FLAGS_AT = Cell.IP + 1


def _cell(cell: Cell) -> Any:
    index = int(cell)  # with the enum's member it would take twice as long

    def fget(self: Registers) -> int:
        return self.cells[index]

    def fset(self: Registers, value: int) -> None:
        self.cells[index] = value & 0xFFFF

    return property(fget, fset, doc=f"The 16-bit register {cell.name}.")


def _byte(index: int, name: str) -> Any:
    def fget(self: Registers) -> int:
        return self.state[index]

    def fset(self: Registers, value: int) -> None:
        self.state[index] = value & 0xFF

    return property(fget, fset, doc=f"The 8-bit register {name}.")


@lru_cache(maxsize=KNOWN_FLAGS)
def _composed(cells: tuple[int, ...]) -> int:
    """Return the flags that follow from their cells."""
    zero, sign, parity, carry, x, y, total, trap, interrupt, direction = cells
    return (
        carry
        | (PF if (parity & 0xFF).bit_count() % 2 == 0 else 0)
        | (x ^ y ^ total) & AF
        | (ZF if zero == 0 else 0)
        | (SF if sign & 0x8000 else 0)
        | (TF if trap else 0)
        | (IF if interrupt else 0)
        | (DF if direction != 1 else 0)
        | (OF if (x ^ total) & (y ^ total) & 0x8000 else 0)
    )


@lru_cache(maxsize=KNOWN_FLAGS)
def _taken_apart(flags: int) -> tuple[int, ...]:
    """Return cells from which the flags follow."""
    overflow = 0x8000 if flags & OF else 0
    return (
        0 if flags & ZF else 1,
        0x8000 if flags & SF else 0,
        0 if flags & PF else 1,
        flags & CF,
        overflow,  # the augend and the addend
        overflow,
        flags & AF,
        1 if flags & TF else 0,
        1 if flags & IF else 0,
        0xFFFF if flags & DF else 1,
    )


class Registers:
    """The registers by name; assignments keep the low bits that fit."""

    if not TYPE_CHECKING:  # mypy takes the cells' descriptors for attributes of instances
        __slots__ = ("_cycles", "_fixed_flags", "_icount", "cells", "state", "x87")

    ax: int = _cell(Cell.AX)
    cx: int = _cell(Cell.CX)
    dx: int = _cell(Cell.DX)
    bx: int = _cell(Cell.BX)
    sp: int = _cell(Cell.SP)
    bp: int = _cell(Cell.BP)
    si: int = _cell(Cell.SI)
    di: int = _cell(Cell.DI)
    es: int = _cell(Cell.ES)
    cs: int = _cell(Cell.CS)
    ss: int = _cell(Cell.SS)
    ds: int = _cell(Cell.DS)
    ip: int = _cell(Cell.IP)
    al: int = _byte(0, "AL")
    ah: int = _byte(1, "AH")
    cl: int = _byte(2, "CL")
    ch: int = _byte(3, "CH")
    dl: int = _byte(4, "DL")
    dh: int = _byte(5, "DH")
    bl: int = _byte(6, "BL")
    bh: int = _byte(7, "BH")

    def __init__(self, fixed_flags: int = 0xF002) -> None:
        """Make registers; ``fixed_flags``: bits of the flags word that always read as ones."""
        self._fixed_flags = fixed_flags
        self.x87: Coprocessor | None = None
        """The 8087's registers, where there is one (`add_coprocessor`)."""
        self.state = bytearray(STATE_SIZE)
        view = memoryview(self.state)
        self.cells = view.cast("H")
        self._icount = view[ICOUNT_OFFSET : ICOUNT_OFFSET + 8].cast("Q")
        self._cycles = view[CYCLES_OFFSET : CYCLES_OFFSET + 8].cast("Q")
        self.flags = 0
        self.reset_vectors()

    def add_coprocessor(self, x87: Coprocessor) -> None:
        """Put an 8087 beside the processor, before there is an engine."""
        self.x87 = x87
        self.cells[Cell.COPROCESSOR] = 1

    def __repr__(self) -> str:
        words = (*(cell.name.lower() for cell in Cell if cell <= Cell.IP), "flags")
        return f"Registers({', '.join(f'{name}={getattr(self, name):#06x}' for name in words)})"

    @property
    def counts(self) -> tuple[memoryview, memoryview]:
        """``icount`` and ``cycles``, each as a view of one number, for who asks often."""
        return self._icount, self._cycles

    @property
    def icount(self) -> int:
        """Instructions retired since the machine started."""
        return self._icount[0]

    @icount.setter
    def icount(self, value: int) -> None:
        self._icount[0] = value

    @property
    def cycles(self) -> int:
        """Clock cycles since the machine started, also those slept through in HLT."""
        return self._cycles[0]

    @cycles.setter
    def cycles(self, value: int) -> None:
        self._cycles[0] = value

    @property
    def flags(self) -> int:
        """The flags word as PUSHF shows it; bits that the processor lacks can't be changed."""
        return self._fixed_flags | _composed(_FLAGS.unpack_from(self.state, _FLAGS_OFFSET))

    @flags.setter
    def flags(self, value: int) -> None:
        _FLAGS.pack_into(self.state, _FLAGS_OFFSET, *_taken_apart(value))

    def reset(self, segment: int, offset: int) -> None:
        """Begin anew at an address, with all else that RESET determines."""
        self.flags = 0
        self.cs, self.ip = segment, offset
        self.ds = self.es = self.ss = 0
        cells = self.cells
        cells[Cell.HALTED] = cells[Cell.SHADOW] = cells[Cell.MSW] = 0
        if self.x87 is not None:
            self.x87.reset()
        self.reset_vectors()

    def reset_vectors(self) -> None:
        """Have interrupt vectors at 0, all of them."""
        cells = self.cells
        cells[Cell.IDT], cells[Cell.IDT_BASE], cells[Cell.IDT_HIGH] = IDT_LIMIT, 0, 0

    @property
    def moved_vectors(self) -> bool:
        """Whether LIDT has moved the interrupt vectors, or left some out."""
        limit, low, high = self.cells[Cell.IDT : Cell.IDT_HIGH + 1]
        return bool(low or high) or limit < IDT_LIMIT

    def save(self) -> bytes:
        """Return the canonical state (`ARCHITECTURE`), icount included."""
        c = self.cells
        return _PACKED.pack(
            *c[Cell.AX : Cell.IP + 1],
            self.flags,
            c[Cell.SHADOW],
            c[Cell.HALTED],
            *c[Cell.MSW : Cell.A20 + 1],
            self.icount,
            self.cycles,
        )

    def restore(self, saved: bytes) -> None:
        """Take a state that `save` returned."""
        *numbers, self.icount, self.cycles = _PACKED.unpack_from(saved)
        c = self.cells
        c[Cell.AX : Cell.IP + 1] = array("H", numbers[:_FLAGS_AT])
        self.flags, c[Cell.SHADOW], c[Cell.HALTED], *system = numbers[_FLAGS_AT:]
        c[Cell.MSW : Cell.A20 + 1] = array("H", system)
