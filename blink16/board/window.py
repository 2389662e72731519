"""The unwind window: addresses above memory at which gdb reads how to unwind a frame.

Each linear address that can be the top of a stack has a row of 16 words of 32 bits.  The row of
a frame's ``esp`` holds the registers of the frame's caller, found when they are read.  The
board's call frame information (`cfi`) sends gdb here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from time import monotonic

from blink16.cpu.model import Model
from blink16.cpu.models import DEFAULT
from blink16.cpu.registers import Cell, Registers
from blink16.memory import RAM_SIZE, Memory
from blink16.unwind.frames import MAX_EFFORT, Backtrace, Caller, Frame
from blink16.unwind.frames import UnfinishedError as UnfinishedError
from blink16.unwind.walk import CodeMemory

PATIENCE = 0.5
"""Seconds that one read may look for frames; the next goes on from there."""
BRIEF = 100
"""Instructions of code that are looked at in a millisecond, about."""
NEAR_FRAMES = 3
"""Frames that may be looked for in that."""
BASE = 0x4000_0000
ROW_SHIFT = 6
ROW_SIZE = 1 << ROW_SHIFT
SIZE = RAM_SIZE << ROW_SHIFT


class Field(IntEnum):
    """The words of a row."""

    CFA = 0
    """The canonical frame address: the linear address above the return address."""
    EAX = 1
    ECX = 2
    EDX = 3
    EBX = 4
    ESP = 5
    EBP = 6
    ESI = 7
    EDI = 8
    EIP = 9
    EFLAGS = 10
    CS = 11
    SS = 12
    DS = 13
    ES = 14


# struct, not construct: gdb asks at every stop
_ROW = Struct(f"<{ROW_SIZE // 4}I")
_WORD = 4


def field_address(esp: int, field: Field) -> int:
    """Return the address of a field in the row of a linear stack address."""
    return BASE + (esp << ROW_SHIFT) + field * 4


class FrameWindow:
    """The rows for a machine that stands; frames are looked for as far as they are asked for."""

    def __init__(
        self,
        memory: Memory,
        registers: Registers,
        ends: Sequence[range],
        uncalled: Sequence[range] = (),
        scale: int = 1,
        model: Model = DEFAULT,
    ) -> None:
        """Look from the innermost frame on.

        ``ends``: functions without callers to gdb.  ``uncalled``: those that nobody can have
        called, whatever lies on the stack.  ``scale``: by what the addresses of frames are
        multiplied, for those who compare them but don't look there.  ``model``: the processor.
        """
        self._scale = scale
        self._backtrace: Backtrace | None = Backtrace(
            CodeMemory(memory, model), Frame.of(registers)
        )
        self._ends = ends
        self._uncalled = uncalled
        self._until = 0.0
        self._rows: dict[int, bytes] = {}
        self._highest = -1
        """The stack of the frame that was found last."""

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of the window from an address in it on.

        gdb reads a word.  There is none where no frame's stack lies, nor behind the CFA of an
        outermost frame: a read that fails ends gdb's backtrace.  LLDB reads lines of its cache,
        which are many rows; it gets zeros between those that there are, and ends at a pc of 0.
        UnfinishedError after `PATIENCE`.
        """
        self._until = monotonic() + PATIENCE
        first, at = divmod(address - BASE, ROW_SIZE)
        if at + length <= ROW_SIZE:
            return self._row(first)[at : at + length]
        last = min(first + (at + length - 1) // ROW_SIZE, RAM_SIZE - 1)
        # stacks lie one above the other, so there's no need to look at all of a deep recursion
        while self._highest <= last and self._go_on():
            pass
        rows = [self._rows.get(esp, b"") for esp in range(first, last + 1)]
        if not any(rows):
            return b""
        return b"".join(row.ljust(ROW_SIZE, b"\0") for row in rows)[at : at + length]

    def find_briefly(self, address: int, length: int) -> bool:
        """Look for what a read wants, for no more than a millisecond; whether it is known now."""
        wanted, at = divmod(address - BASE, ROW_SIZE)
        if at + length > ROW_SIZE:
            return False
        try:
            for _ in range(NEAR_FRAMES):
                if wanted in self._rows or not self._find_next(BRIEF):
                    return True
        except UnfinishedError:
            return False
        return wanted in self._rows

    def keep(self, count: int) -> None:
        """Find so many frames now and none later: the machine is about to move."""
        self._until = monotonic() + PATIENCE
        try:
            while len(self._rows) < count and self._go_on():
                pass
        finally:
            self._backtrace = None

    def _row(self, esp: int) -> bytes:
        while esp not in self._rows and self._go_on():
            pass
        return self._rows.get(esp, b"")

    def _go_on(self) -> bool:
        """Find the next frame's row, if there is time."""
        if monotonic() > self._until:
            raise UnfinishedError("the stack is deep and its code intricate: read again to go on")
        return self._find_next()

    def _find_next(self, limit: int = MAX_EFFORT) -> bool:
        """Find the next frame's row; False if there is none."""
        found = None if self._backtrace is None else self._backtrace.find(limit)
        if found is None:
            return False
        frame, caller = found
        if self._is_in(self._uncalled, frame):
            caller, self._backtrace = None, None
        self._rows[frame.stack] = self._row_of(caller) if caller else self._outermost(frame)
        self._highest = frame.stack
        return True

    def _outermost(self, frame: Frame) -> bytes:
        """Return the row of a frame without a caller, which seems to lie above all others.

        At main, and at the function at the program's entry, gdb's backtrace ends without a word,
        if it can read a caller's pc; anywhere else it would show that pc.
        """
        row = _build(frame, 0, RAM_SIZE * self._scale)
        return row if self._is_in(self._ends, frame) else row[:_WORD]

    def _is_in(self, places: Sequence[range], frame: Frame) -> bool:
        """Tell whether a frame whose row comes next is in one of some functions."""
        # a function that has called another is where the CALL stands, before its return address
        at = frame.pc - 1 if self._rows else frame.pc
        return any(at in place for place in places)

    def _row_of(self, caller: Caller) -> bytes:
        frame = caller.frame
        return _build(frame, frame.pc, caller.cfa * self._scale)


def _build(frame: Frame, eip: int, cfa: int) -> bytes:
    cells = frame.cells
    core = (Cell.AX, Cell.CX, Cell.DX, Cell.BX)
    segments = (Cell.CS, Cell.SS, Cell.DS, Cell.ES)
    words = [cells[cell] for cell in core]
    words += [frame.stack, cells[Cell.BP], cells[Cell.SI], cells[Cell.DI], eip, frame.flags]
    words += [cells[cell] for cell in segments]
    return _ROW.pack(cfa, *words, 0)
