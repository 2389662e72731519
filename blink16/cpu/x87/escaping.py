"""How the processor hands an ESC to the 8087: operands go between it and memory by words.

The processor waits until the 8087 is done, so that nothing happens at the same time.

Nine tenths of what the reference engine needs for an instruction is to find out what it is.  So
what is left to do of an ESC, its `EscapePlan`, is kept by its bytes, wherever they lie, and that of
a WAIT, which stands before each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from blink16.cpu.decoder import EFFECTIVE_ADDRESSES, effective_segment
from blink16.cpu.encoding import DIRECT_RM, REGISTER_MOD, Instruction
from blink16.cpu.operands import Context
from blink16.cpu.registers import Cell, Registers
from blink16.cpu.semantics import AX, PROTECTION_VECTOR
from blink16.cpu.semantics_80286 import TASK_SWITCHED
from blink16.cpu.values import Value
from blink16.cpu.x87.instructions import execute
from blink16.cpu.x87.opcodes import CoprocessorKind, Escape, find_on
from blink16.cpu.x87.state import Coprocessor
from blink16.memory import (
    MEMORY_SIZE,
    PAGE_SHIFT,
    SEGMENT_SIZE,
    Attribute,
    Memory,
    PageState,
    linear,
)

EMULATED = 4 | TASK_SWITCHED
"""Bits of an 80286's machine status word with which ESC is to enter INT 7."""
NOT_AVAILABLE_VECTOR = 7
LAST_OFFSET = 0xFFFF
WORD = 2
_LOADS_MIND = int(PageState.WATCH_READ | PageState.PLANAR)
_STORES_MIND = int(PageState.CLEAN | PageState.CODE | PageState.WATCH_WRITE | PageState.ROM)
_STORES_MIND |= int(PageState.PLANAR | PageState.MIRROR)
KEY = 6
"""Bytes by which a plan is known: a prefix, two bytes and a displacement, and some more."""
MOST_PLANS = 4096
"""So many are kept; then it begins anew."""
_CS, _IP, _MSW, _NOTHING = map(int, (Cell.CS, Cell.IP, Cell.MSW, Cell.NOTHING))
_ES, _LAST = int(Cell.ES), int(Attribute.LAST)


class EscapePlan(NamedTuple):
    """What is left to do of an instruction that is known."""

    escape: Escape | None
    """None: it is a WAIT, or nothing that the chip has."""
    number: int
    """The low bits of ModR/M."""
    length: int
    cycles: int
    """All that it takes."""
    segment: int | None
    """Of its operand, the segment register's number; None: it has none in memory."""
    base: int = _NOTHING
    """The cells of which its offset is the sum, with ``displacement``."""
    second: int = _NOTHING
    displacement: int = 0
    opcode: int | None = None
    """Eleven bits that the 8087 notes, with the instruction's address; None: it notes nothing."""
    prefixes: int = 0
    """Bytes before what it notes the address of."""


class EscapingContext(Context, Protocol):
    """A processor that executes at once (`reference.ReferenceEngine`)."""

    @property
    def sees_words(self) -> bool:
        """Whether somebody wants to know of every word that is read and written."""
        ...

    def plain(self, value: Value) -> int:
        """Return the number that a value is."""
        ...


class Escaper:
    """What does the ESCs of an engine; to them it is the processor (`instructions.Companion`)."""

    def __init__(
        self,
        context: EscapingContext,
        x87: Coprocessor,
        registers: Registers,
        memory: Memory,
        physical: Callable[[int, int], int],
    ) -> None:
        """``physical``: gives the linear address of a segment and an offset."""
        self._context = context
        self._x87 = x87
        self._cells = registers.cells
        self._whole, self._attributes = memory.whole, memory.attributes
        self._pages, self._physical = memory.pages, physical
        self._plans: dict[bytes, EscapePlan] = {}
        self._is_286 = x87.kind is CoprocessorKind.I80287
        self._segment = self._offset = 0
        """Where the operand is of what is being done."""

    # -- plans -------------------------------------------------------------------------------

    def plan(self, i: Instruction, length: int, segment: int | None, cycles: int) -> EscapePlan:
        """Return what is to be done of an ESC or a WAIT.

        ``length``: with prefixes.  ``segment``: the number of an overriding segment register.
        ``cycles``: what is paid for without an 8087.
        """
        modrm = i.modrm
        if modrm is None:
            return EscapePlan(None, 0, length, cycles, None)
        code = modrm.mod << 6 | modrm.reg << 3 | modrm.rm
        escape = find_on(self._x87.kind, i.opcode, code)
        own, base, second = None, _NOTHING, _NOTHING
        if modrm.mod != REGISTER_MOD:
            own = effective_segment(modrm) if segment is None else segment
            if modrm.mod or modrm.rm != DIRECT_RM:
                base, other, _ = EFFECTIVE_ADDRESSES[modrm.rm]
                second = _NOTHING if other is None else other
        notes = escape is not None and not escape.is_administrative
        return EscapePlan(
            *(escape, modrm.rm, length, cycles, own, base, second, i.displacement or 0),
            (i.opcode & 7) << 8 | code if notes else None,
            0 if self._is_286 else length - i.length,
        )

    def keep(self, plan: EscapePlan) -> None:
        """Remember what is to be done of the instruction at CS:IP."""
        at = self._place()
        if at is not None and plan.length <= KEY:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            self._plans[bytes(self._whole[at : at + KEY])] = plan

    def coming(self) -> EscapePlan | None:
        """Return what is to be done of the instruction at CS:IP, None if it isn't remembered."""
        at = self._place()
        plan = None if at is None else self._plans.get(bytes(self._whole[at : at + KEY]))
        return None if plan is None or (self._is_286 and self.fault(plan)) else plan

    def _place(self) -> int | None:
        """Return the linear address of CS:IP; None where nothing is simple."""
        ip = self._cells[_IP]
        at = self._cells[_CS] * 16 + ip
        if ip >= SEGMENT_SIZE - KEY or at > MEMORY_SIZE - KEY or self._attributes[at] & _LAST:
            return None
        return at

    # -- execution ---------------------------------------------------------------------------

    def fault(self, plan: EscapePlan) -> int:
        """Return the vector by which an 80286 refuses an ESC, or 0."""
        if plan.length == 1 or not self._is_286:
            return 0
        if self._cells[_MSW] & EMULATED:
            return NOT_AVAILABLE_VECTOR
        across = plan.segment is not None and self._address(plan) == LAST_OFFSET
        return PROTECTION_VECTOR if across else 0

    def _address(self, plan: EscapePlan) -> int:
        cells = self._cells
        return (cells[plan.base] + cells[plan.second] + plan.displacement) & 0xFFFF

    def perform(self, plan: EscapePlan) -> bool:
        """Do it, but for IP and time; returns whether the interrupt's line has changed.

        What the chip hasn't got only reads a word, as where there is no 8087.
        """
        x87, cells, segment = self._x87, self._cells, plan.segment
        before = x87.is_interrupting
        if segment is not None:
            self._segment, self._offset = segment, self._address(plan)
        if plan.opcode is not None:
            x87.opcode = plan.opcode
            x87.instruction = linear(cells[_CS], cells[_IP] + plan.prefixes)
            if segment is not None:
                x87.operand = linear(cells[_ES + segment], self._offset)
        if plan.escape is not None:
            execute(x87, plan.escape, plan.number, self)
        elif segment is not None:
            self.fetch(2)
        return x87.is_interrupting != before

    # -- operands ----------------------------------------------------------------------------

    def fetch(self, size: int) -> bytes:
        """Read the operand in memory."""
        address = self._plain_place(size, _LOADS_MIND)
        if address is not None:
            return bytes(self._whole[address : address + size])
        m = self._context
        words = (m.load(self._segment, offset, 16) for offset in self._offsets(size))
        return b"".join(m.plain(word).to_bytes(WORD, "little") for word in words)

    def store(self, data: bytes) -> None:
        """Write the operand in memory."""
        address = self._plain_place(len(data), _STORES_MIND)
        if address is not None:
            self._whole[address : address + len(data)] = data
            return
        for n, offset in enumerate(self._offsets(len(data))):
            word = int.from_bytes(data[WORD * n : WORD * (n + 1)], "little")
            self._context.store(self._segment, offset, Value(word, 16))

    def _offsets(self, size: int) -> Iterator[Value]:
        for n in range(0, size, WORD):
            yield Value(self._offset + n & 0xFFFF, 16)

    def _plain_place(self, size: int, minds: int) -> int | None:
        """Return the operand's address if nothing but memory is there, and nobody looks on.

        ``size``: a page's at most.  ``minds``: states of pages that don't let it be done at once.
        """
        at, pages = self._offset, self._pages
        address = self._physical(self._cells[_ES + self._segment], at)
        end = address + size
        if self._context.sees_words or at + size > SEGMENT_SIZE or end > MEMORY_SIZE:
            return None
        states = pages[address >> PAGE_SHIFT] | pages[end - 1 >> PAGE_SHIFT]
        return None if states & minds else address

    def answer(self, word: int) -> None:
        """Set AX."""
        self._context.set_register(AX, 16, self._context.constant(word, 16))
