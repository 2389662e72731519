"""The flow of data: an engine that says of each byte that an instruction writes where it is from.

It executes as the reference does, with values that remember the places they were computed from.
What an address or a condition was computed from is no part of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.cpu.engine import Stop
from blink16.cpu.model import Model
from blink16.cpu.operands import Context, Index
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.reference_context import BYTE_OFFSETS
from blink16.cpu.registers import Cell, Registers
from blink16.cpu.semantics import Sized
from blink16.cpu.values import FOLD, Computation, Handle, Value
from blink16.memory import MIRROR_BIT, PAGE_SHIFT, Memory, PageState

BITS = 8
CODE = 16
"""Bytes of an instruction that are kept; more are prefixes without use."""


class LocationKind(IntEnum):
    """Where bytes are held."""

    REGISTER = 0  # by their offset in the packed state: AL is 0, AH is 1, CL is 2
    MEMORY = 1  # by their physical address
    PORT = 2  # by the port's number; what is read there comes from outside
    COPROCESSOR = 3  # the 8087, whose registers aren't followed

    __hash__ = int.__hash__  # that of enums is much slower


class Location(NamedTuple):
    """What holds a byte."""

    kind: LocationKind
    at: int


def in_memory(address: int) -> Location:
    """Return the place of a byte in memory."""
    return Location(LocationKind.MEMORY, address)


def in_register(offset: int) -> Location:
    """Return the place of a byte in the packed state."""
    return Location(LocationKind.REGISTER, offset)


Sources = frozenset[Location]
NOTHING: Sources = frozenset()
"""What constants are made of."""
OF_COPROCESSOR: Sources = frozenset((Location(LocationKind.COPROCESSOR, 0),))
"""What the 8087 stores is made of."""


class Made(NamedTuple):
    """A byte that was written."""

    byte: int
    sources: Sources
    """What it was made of, as that was before."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What was written at one instant, and what it was made of."""

    icount: int
    """Instructions retired before."""
    cs: int
    ip: int
    """The instruction; for an interrupt, that before which it was entered."""
    code: bytes
    """Bytes from there on; none for an interrupt."""
    writes: Mapping[Location, Made]
    read: Mapping[Location, int]
    """What the sources held, but for flags and an EGA's planes."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A number, and the sources of each of its bytes, the lowest first."""

    number: int
    parts: tuple[Sources, ...]


_ROM, _MIRROR, _PLANAR = int(PageState.ROM), int(PageState.MIRROR), int(PageState.PLANAR)
_CONTROL = frozenset({Cell.DIRECTION, Cell.TRAP, Cell.INTERRUPT, Cell.SHADOW, Cell.HALTED})
"""Cells that steer the processor and are no data."""
FLAGS = 2 * Cell.ZERO
"""Where flags begin in the packed state: several contents of theirs mean the same."""


class FlowEngine(ReferenceEngine):
    """The reference engine, which tells of each instruction what it has written; a `Builder`."""

    sees_words = True

    def __init__(
        self,
        model: Model,
        registers: Registers,
        memory: Memory,
        bus: Bus,
        tell: Callable[[Flow], None],
    ) -> None:
        """Make an engine over shared state; ``tell`` is told all flows in their order."""
        super().__init__(model, registers, memory, bus)
        self._tell = tell
        self._nodes: list[_Node] = []
        self._writes: dict[Location, Made] = {}
        self._read: dict[Location, int] = {}
        self._operands: dict[tuple[int, int], Value] = {}
        """Register operands that were read, so that ``xor ax, ax`` is known to be one value."""
        self._icount = -1
        self._place = (0, 0)
        self._code = b""

    # -- instructions ------------------------------------------------------------------------

    def _step(self) -> Stop | None:
        icount = self.registers.icount
        if self._icount != icount:  # else it is the rest of a REP instruction
            self._begin(is_instruction=True)
        stop = super()._step()
        if self.registers.icount != icount:
            self._end()
        return stop

    def abandon_rounds(self) -> None:
        """Retire the REP instruction between two rounds of which the run ended."""
        super().abandon_rounds()
        self._end()

    def interrupt(self, vector: int) -> None:
        """Enter an interrupt between two instructions."""
        self._begin(is_instruction=False)
        super().interrupt(vector)
        self._end()

    def _begin(self, *, is_instruction: bool) -> None:
        registers = self.registers
        self._icount, self._place = registers.icount, (registers.cs, registers.ip)
        at = self._physical(*self._place)
        self._code = bytes(self.memory.whole[at : at + CODE]) if is_instruction else b""
        self._nodes.clear()
        self._writes, self._read = {}, {}
        self._operands.clear()

    def _end(self) -> None:
        icount, self._icount = self._icount, -1
        self._tell(Flow(icount, *self._place, self._code, self._writes, self._read))

    def _escape(self, m: Context, operand: Sized) -> None:
        """Let the 8087 do its part; all that is written comes from it."""
        super()._escape(m, operand)
        self._writes = {
            place: made._replace(sources=OF_COPROCESSOR) for place, made in self._writes.items()
        }

    # -- values ------------------------------------------------------------------------------

    def _made(self, number: int, width: int, parts: tuple[Sources, ...]) -> Value:
        return Value(self._handle(number, parts), width, self)

    def _handle(self, number: int, parts: tuple[Sources, ...]) -> Handle:
        if not any(parts):
            return number
        self._nodes.append(_Node(number, parts))
        return str(len(self._nodes) - 1)

    def _node(self, handle: Handle, width: int) -> _Node:
        if isinstance(handle, int):
            return _Node(handle, (NOTHING,) * _bytes(width))
        return self._nodes[int(handle)]

    def plain(self, value: Value) -> int:
        """Return the number that a value is."""
        return super().plain(self._plain(value))

    def _plain(self, value: Value) -> Value:
        """Return the same number without its sources."""
        if isinstance(value.handle, int):
            return value
        return Value(self._nodes[int(value.handle)].number, value.width)

    def binary(self, op: str, a: Handle, b: Handle, width: int) -> Handle:
        """Compute."""
        one, other = self._node(a, width), self._node(b, width)
        number = FOLD[op](one.number, other.number, width)
        if a == b and op in ("xor", "sub", "eq", "ult"):
            return number
        return self._handle(number, _COMBINE[op](one, other, width))

    def extend(self, op: str, a: Handle, width: int, to: int) -> Handle:
        """Make wider or narrower."""
        node, wanted = self._node(a, width), _bytes(to)
        number, filling = node.number & ((1 << to) - 1), NOTHING
        if op == "sext":
            filling = node.parts[-1]
            number = (node.number | -(node.number >> (width - 1)) << width) & ((1 << to) - 1)
        return self._handle(number, (node.parts + (filling,) * wanted)[:wanted])

    def parity(self, a: Handle) -> Handle:
        """Tell whether the ones are even in number."""
        node = self._node(a, BITS)
        return self._handle(1 - node.number.bit_count() % 2, (node.parts[0],))

    def select(self, condition: Handle, a: Handle, b: Handle, width: int) -> Handle:
        """Choose; what was chosen by is a part of the result."""
        chooses = self._node(condition, 1)
        chosen = self._node(a if chooses.number else b, width)
        return self._handle(chosen.number, tuple(part | chooses.parts[0] for part in chosen.parts))

    def either(self, condition: Handle, rare: Computation, usual: Computation) -> Sequence[Value]:
        """Go one of two ways."""
        return rare() if self._node(condition, 1).number else usual()

    # -- registers ---------------------------------------------------------------------------

    def _sources(self, place: Location, byte: int, *, is_plain: bool) -> Sources:
        made = self._writes.get(place)
        if made is not None:
            return made.sources
        if is_plain:
            self._read[place] = byte & 0xFF
        return frozenset((place,))

    def _load_state(self, offset: int, value: Value) -> Value:
        known = self._operands.get((offset, value.width))
        if known is None:
            number, is_plain = value.handle, offset < FLAGS
            assert isinstance(number, int)
            parts = tuple(
                self._sources(
                    in_register(offset + n),
                    number >> BITS * n,
                    is_plain=is_plain,
                )
                for n in range(_bytes(value.width))
            )
            known = self._operands[offset, value.width] = self._made(number, value.width, parts)
        return known

    def _store_state(self, offset: int, value: Value) -> None:
        self._operands.clear()
        for n, made in enumerate(self._bytes_of(value)):
            self._writes[in_register(offset + n)] = made

    def _bytes_of(self, value: Value) -> list[Made]:
        node = self._node(value.handle, value.width)
        return [Made(node.number >> BITS * n & 0xFF, part) for n, part in enumerate(node.parts)]

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register."""
        assert isinstance(index, int)
        return self._load_state(_offset(index, width), super().get_register(index, width))

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        assert isinstance(index, int)
        super().set_register(index, width, self._plain(value))
        self._store_state(_offset(index, width), value)

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        value = super().get_cell(cell)
        return value if cell in _CONTROL else self._load_state(2 * cell, value)

    def set_cell(self, cell: Cell, value: Value) -> None:
        """Write a cell."""
        super().set_cell(cell, self._plain(value))
        self._store_state(2 * cell, value)

    def get_segment(self, index: Index) -> Value:
        """Read a segment register."""
        assert isinstance(index, int)
        return self._load_state(2 * (Cell.ES + index), super().get_segment(index))

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register."""
        assert isinstance(index, int)
        super().set_segment(index, self._plain(value))
        self._store_state(2 * (Cell.ES + index), value)

    # -- memory and ports --------------------------------------------------------------------

    def _addresses(self, segment: Index, offset: Value, width: int) -> list[int]:
        assert isinstance(segment, int)
        assert isinstance(offset.handle, int)
        base = self._cells[Cell.ES + segment]
        return [self._physical(base, offset.handle + n) for n in range(width // BITS)]

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        offset = self._plain(offset)
        addresses = self._addresses(segment, offset, width)
        return self._loaded(super().load(segment, offset, width), addresses)

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        offset = self._plain(offset)
        assert isinstance(offset.handle, int)
        return self._loaded(super().load_vector(offset), [offset.handle, offset.handle + 1])

    def _loaded(self, value: Value, addresses: list[int]) -> Value:
        number, pages = value.handle, self.memory.pages
        assert isinstance(number, int)
        parts = tuple(
            self._sources(
                in_memory(at),
                number >> BITS * n,
                is_plain=not pages[at >> PAGE_SHIFT] & _PLANAR,
            )
            for n, at in enumerate(addresses)
        )
        return self._made(number, value.width, parts)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        offset = self._plain(offset)
        addresses = self._addresses(segment, offset, value.width)
        super().store(segment, offset, self._plain(value))
        for address, made in zip(addresses, self._bytes_of(value), strict=True):
            state = self.memory.pages[address >> PAGE_SHIFT]
            if not state & _ROM:
                self._writes[in_memory(address)] = made
            if state & _MIRROR:
                self._writes[in_memory(address ^ MIRROR_BIT)] = made

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        port = self._plain(port)
        value = super().port_in(port, width)
        assert isinstance(port.handle, int)
        assert isinstance(value.handle, int)
        source = frozenset((Location(LocationKind.PORT, port.handle),))
        return self._made(value.handle, width, (source,) * _bytes(width))

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        super().port_out(self._plain(port), self._plain(value))

    # -- control: by the numbers alone -------------------------------------------------------

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment."""
        super().jump(self._plain(ip))

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset if the condition holds."""
        super().branch(self._plain(condition), self._plain(ip))

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other."""
        super().when(self._plain(condition), then, otherwise)

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Repeat while the body returns 1, unless a trap or the host interrupts."""
        super().rounds(lambda: self._plain(body()), self._plain(each))

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass."""
        super().spend(self._plain(cycles))

    def fault_if(self, condition: Value, vector: int) -> None:
        """Give the instruction up for an interrupt that returns to it, if the condition holds."""
        super().fault_if(self._plain(condition), vector)


def _bytes(width: int) -> int:
    return -(-width // BITS)


def _offset(index: int, width: int) -> int:
    return 2 * index if width == 16 else BYTE_OFFSETS[index]


# -- of what results are made ----------------------------------------------------------------------

_Combine = Callable[[_Node, _Node, int], tuple[Sources, ...]]


def _byte_by_byte(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
    return tuple(one | other for one, other in zip(a.parts, b.parts, strict=True))


def _masked(blank: int) -> _Combine:
    """Return how bytes combine where a known byte ``blank`` decides alone."""

    def combine(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
        parts = []
        for n, (one, other) in enumerate(zip(a.parts, b.parts, strict=True)):
            whole = (1 << min(BITS, width - BITS * n)) - 1
            decided = any(
                not part and node.number >> BITS * n & whole == blank & whole
                for node, part in ((a, one), (b, other))
            )
            parts.append(NOTHING if decided else one | other)
        return tuple(parts)

    return combine


def _carrying(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
    """Combine so that each byte is made of the same and of the lower ones."""
    parts, below = [], NOTHING
    for one, other in zip(a.parts, b.parts, strict=True):
        below = below | one | other
        parts.append(below)
    return tuple(parts)


def _all(a: _Node, b: _Node, width: int) -> Sources:
    return NOTHING.union(*a.parts, *b.parts)


def _mixing(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
    return (_all(a, b, width),) * len(a.parts)


def _telling(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
    return (_all(a, b, width),)


def _shifting(direction: int, *, signed: bool = False) -> _Combine:
    """Return how bytes come of a shift to the left (1) or to the right (-1)."""

    def combine(a: _Node, b: _Node, width: int) -> tuple[Sources, ...]:
        by = direction * b.number
        count = NOTHING.union(*b.parts)
        parts = []
        for n in range(len(a.parts)):
            lowest, highest = BITS * n - by, min(BITS * n + BITS, width) - 1 - by
            met = {bit // BITS for bit in range(lowest, highest + 1) if 0 <= bit < width}
            if signed and highest >= width:
                met.add(len(a.parts) - 1)
            parts.append(count.union(*(a.parts[at] for at in met)))
        return tuple(parts)

    return combine


_COMBINE: dict[str, _Combine] = {
    "add": _carrying,
    "sub": _carrying,
    "mul": _carrying,
    "udiv": _mixing,
    "urem": _mixing,
    "and": _masked(0),
    "or": _masked(0xFF),
    "xor": _byte_by_byte,
    "shl": _shifting(1),
    "lshr": _shifting(-1),
    "ashr": _shifting(-1, signed=True),
    "eq": _telling,
    "ult": _telling,
}
