"""Which registers an instruction may write, told by its semantics without executing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from blink16.cpu.decoder import execute
from blink16.cpu.encoding import MAX_BODY, EncodingError
from blink16.cpu.model import Model
from blink16.cpu.opcodes import REPNZ, REPZ
from blink16.cpu.operands import Index, Repeat
from blink16.cpu.reference_context import BYTE_OFFSETS
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import AX, ESC
from blink16.cpu.timing import NOTHING, Cost, Timing
from blink16.cpu.values import Computation, Handle, Value

INTERRUPT_ENTRY = frozenset(
    at for cell in (Cell.SP, Cell.CS, Cell.TRAP, Cell.INTERRUPT) for at in (2 * cell, 2 * cell + 1)
)
"""What the entry of an interrupt writes, as offsets in the packed state."""
STORES_AX = b"\xdf\xe0"
"""FSTSW AX, which an 80287 has."""
_UNKNOWN = "?"


@cache
def written_registers(model: Model, code: bytes) -> frozenset[int]:
    """Return what the instruction that bytes begin with may write, as offsets in the packed state.

    An interrupt that it may enter does not count.  Bytes that are no instruction write nothing.
    """
    prefixes, repeat, start = model.opcodes.prefixes, None, 0
    while start < len(code) and code[start] in prefixes:
        repeat = _REPEATS.get(code[start], repeat)
        start += 1
    try:
        instruction = model.encoding.parse_body(code[start : start + MAX_BODY].ljust(MAX_BODY))
    except EncodingError:
        return frozenset()
    context = _AnyProcessor(model, repeat)
    execute(context, instruction, model.semantics)
    if instruction.row.mnemonic == ESC and code[start : start + len(STORES_AX)] == STORES_AX:
        context.set_register(AX, 16, context.constant(0, 16))
    return frozenset(context.written)


_REPEATS = {REPNZ: Repeat.REPNZ, REPZ: Repeat.REPZ}


class _AnyProcessor:
    """A `Context` and a `Builder` in which nothing is known: whatever may happen does."""

    cost: Cost = NOTHING

    def __init__(self, model: Model, repeat: Repeat | None) -> None:
        self.timing: Timing = model.timing
        self.fixed_flags = model.fixed_flags
        self.repeat = repeat
        self.written: set[int] = set()

    # -- values ------------------------------------------------------------------------------

    def constant(self, value: int, width: int) -> Value:
        return Value(value & ((1 << width) - 1), width)

    def _any(self, width: int) -> Value:
        return Value(_UNKNOWN, width, self)

    def binary(self, op: str, a: Handle, b: Handle, width: int) -> Handle:
        return _UNKNOWN

    def extend(self, op: str, a: Handle, width: int, to: int) -> Handle:
        return _UNKNOWN

    def parity(self, a: Handle) -> Handle:
        return _UNKNOWN

    def select(self, condition: Handle, a: Handle, b: Handle, width: int) -> Handle:
        return _UNKNOWN

    def either(self, condition: Handle, rare: Computation, usual: Computation) -> Sequence[Value]:
        return usual()

    # -- registers ---------------------------------------------------------------------------

    def get_register(self, index: Index, width: int) -> Value:
        return self._any(width)

    def set_register(self, index: Index, width: int, value: Value) -> None:
        assert isinstance(index, int)
        self.written |= {2 * index, 2 * index + 1} if width == 16 else {BYTE_OFFSETS[index]}

    def get_cell(self, cell: Cell) -> Value:
        return self._any(16)

    def set_cell(self, cell: Cell, value: Value) -> None:
        self.written |= {2 * cell, 2 * cell + 1}

    def get_segment(self, index: Index) -> Value:
        return self._any(16)

    def set_segment(self, index: Index, value: Value) -> None:
        assert isinstance(index, int)
        self.set_cell(Cell(Cell.ES + index), value)

    def override(self, segment: int) -> Index:
        return segment

    # -- memory and ports --------------------------------------------------------------------

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        return self._any(width)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        pass

    def check_vector(self, vector: Value) -> None:
        pass

    def load_vector(self, offset: Value) -> Value:
        return self._any(16)

    def port_in(self, port: Value, width: int) -> Value:
        return self._any(width)

    def port_out(self, port: Value, value: Value) -> None:
        pass

    # -- control -----------------------------------------------------------------------------

    def spend(self, cycles: Value) -> None:
        pass

    def next_ip(self) -> Value:
        return self._any(16)

    def instruction_offset(self) -> Value:
        return self._any(32)

    def jump(self, ip: Value) -> None:
        pass

    def branch(self, condition: Value, ip: Value) -> None:
        pass

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        then()
        if otherwise is not None:
            otherwise()

    def fault_if(self, condition: Value, vector: int) -> None:
        pass

    def lock_up(self, text: str) -> None:
        pass

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        body()

    def interrupted(self, vector: Value) -> None:
        pass

    def halt(self) -> None:
        pass

    def hold_interrupts(self) -> None:
        pass

    def flags_opened(self) -> None:
        pass
