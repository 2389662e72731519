"""Native code for a timer's handler from the tick on: what it usually does.

A region treats each push and pop as any access to memory, and puts all registers in place where
it is left.  A timer's handler is entered again and again, and pushes what it pops.  So the way that
it usually goes is emitted once more, in one piece with the tick and the interrupt's entry: what is
asked about the stack, pages and vectors is asked before anything is done, a pop knows what was
pushed, and an IRET that pops the flags of its own interrupt changes none.  Where something is not
as usual, `asked` enters the handler as any interrupt's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, NoReturn

from blink16.cpu.native import meter, slices, slots
from blink16.cpu.native.blocks import INT_3, VECTORS_SIZE, CodeCopy, PlacedInstruction, RegionPlan
from blink16.cpu.native.board import tick_function, usual_access
from blink16.cpu.native.layout import cell_offset
from blink16.cpu.native.region import WITHIN, RegionFunction, place_in_state
from blink16.cpu.native.text import tail_call, text
from blink16.cpu.operands import Index
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import SP, SS, enter_interrupt, jump_far, pop
from blink16.cpu.values import Handle, Value, signed
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE, PAGE_SHIFT

HANDLER = "handler"
"""The symbol of its function, which `slices` goes to where a slice is spent."""
_ENTERED = "entered"
"""The symbol of what comes behind the tick."""
MAX_DEPTH = 64
"""Bytes that are pushed at most."""
_WORD_FLAGS = range(Cell.ZERO, Cell.DIRECTION + 1)
"""The cells that a flags word follows from."""


class _UnusualError(Exception):
    """The way ends before an instruction, which the handler's region is to do."""


class _Instant(NamedTuple):
    """What is known before an instruction, to be taken back."""

    lines: int
    known: dict[int, Value]
    dirty: set[int]
    charge: int
    pushed: dict[int, Value]
    pages: set[int]


class HandlerFunction(RegionFunction):
    """The usual tick, and the usual way through its interrupt's handler.

    Behind the tick the vector is in the place of prefixes; in that of the code is who goes on if
    the handler returns to where it came from.  There is one way, without joins: values of cells are
    remembered all along it, and those that have changed are put in place where it is left.  Stores
    go to the stack and to fixed addresses.
    """

    symbol = HANDLER
    care = "alwaysinline"

    def __init__(self, segment: CodeCopy, flow: RegionPlan) -> None:
        """Emit the way from the entry of the timer's interrupt."""
        self._segment = segment
        self._places = {place.ip: place for place in flow.places()}
        self._initial: dict[int, Value] = {}
        self._depths: dict[Handle, int] = {}
        """Bytes that were on the stack when SP was this."""
        self._at_depth: dict[int, Handle] = {}
        self._pushed: dict[int, Value] = {}
        """Words on the stack, by depth."""
        self._words: dict[Handle, dict[int, Value]] = {}
        """The cells that a pushed flags word was made of."""
        self._pages: set[int] = set()
        """Pages with fixed addresses that are stored to."""
        self._vectors: set[int] = set()
        self._depth = 0
        self._worst = 0
        self._usual_ports: dict[str, str] = {}
        """Functions of what is usual at single ports, by name."""
        self._interrupted: Value
        """The offset that the interrupt is to return to."""
        self._returns = False
        """Whether the last instruction did that."""
        super().__init__(segment.model, flow, False)

    def __str__(self) -> str:
        board = self._segment.board
        tick = slices.tick(self.timing, self.symbol, _ENTERED)
        entered = self._definition(_ENTERED, "internal")
        return "\n".join([tick_function(board), tick, *self._usual_ports.values(), entered])

    @property
    def is_of_use(self) -> bool:
        """Whether it does more than the entry."""
        return self._worst > self.timing.interrupt

    # -- the way -----------------------------------------------------------------------------

    def _emit_code(self) -> None:
        self._take_initial()
        self._worst = self.timing.interrupt
        try:
            self._interrupted = Value("%ip", 32, self).truncate(16)
            self._enter(self._segment.vector, self._interrupted)
        except _UnusualError:  # the entry itself: nothing is worth a way of its own
            self._worst = 0
        self._follow()
        way, self.lines = self.lines, []
        self._emit_guard()
        self.begin("way")
        self.lines += way

    def _take_initial(self) -> None:
        """Have the cells that decide whether this way is gone; the guard has looked at two."""
        self._initial[Cell.INTERRUPT] = self.constant(1, 16)
        self._initial[Cell.TRAP] = self.constant(0, 16)
        top = self.get_cell(SP)
        self._depths[top.handle], self._at_depth[0] = 0, top.handle

    def _follow(self) -> None:
        """Emit instruction after instruction, as far as they are usual."""
        done: set[int] = set()
        ip = self._known_target(self._target) if self._worst else None
        while ip is not None and ip in self._places and ip not in done:
            done.add(ip)
            place, before = self._places[ip], self._instant()
            try:
                self._emit_instruction(place)
            except _UnusualError:
                self._take_back(before)
                self._target = self.constant(ip, 16)
                break
            self._worst += place.worst(self.timing)
            self._target = self._choose_way(place)
            ip = self._known_target(self._target)
        self._flush()
        self._move_meter(self._charge)
        self._go_to(self._target or self.constant(0, 16))

    def _ways_out(self) -> list[str]:
        return [*super()._ways_out(), *self._exit("returned", "%code", WITHIN)]

    def _known_target(self, target: Value | None) -> int | None:
        """Return where it goes on in the handler's segment, if that is known."""
        here = self._known[Cell.CS].handle == self._segment.cs
        return target.handle if here and target and isinstance(target.handle, int) else None

    def _choose_way(self, place: PlacedInstruction) -> Value:
        """Return where it usually goes from here; the other way is left to the region."""
        condition, target, following = self._condition, self._target, self.next_ip()
        if condition is None:
            return target or following
        assert target is not None
        assert isinstance(target.handle, int)
        taken = place.ip < target.handle and target.handle in self._places
        other, go_on = self.labels(2)
        self.fork(condition, *((go_on, other) if taken else (other, go_on)))
        self.begin(other)
        dirty = set(self._dirty)
        self._flush()
        self._dirty = dirty
        cost = meter.charge(0, self.cost.taken)
        self._move_meter(self._charge + (0 if taken else cost))
        self._go_to(following if taken else target)
        self.begin(go_on)
        self._charge += cost if taken else 0
        return target if taken else following

    def _go_to(self, ip: Value, ways: Collection[int] = ()) -> None:
        """Leave the way for an offset."""
        self.emit(f"store i32 {text(ip.zero_extend(32))}, ptr %next")
        self.go("returned" if self._returns else "jumped")

    def _instant(self) -> _Instant:
        known, dirty, pushed = dict(self._known), set(self._dirty), dict(self._pushed)
        return _Instant(len(self.lines), known, dirty, self._charge, pushed, set(self._pages))

    def _take_back(self, instant: _Instant) -> None:
        lines, self._known, self._dirty, self._charge, self._pushed, self._pages = instant
        del self.lines[lines:]

    # -- interrupts --------------------------------------------------------------------------

    def _enter(self, vector: int, ip: Value) -> None:
        cells = {cell: self.get_cell(cell) for cell in _WORD_FLAGS}
        depth = self._depths.get(self.get_cell(SP).handle)
        if depth is None:
            raise _UnusualError
        enter_interrupt(self, self.constant(vector, 8), ip)
        self._words[self._pushed[depth + 2].handle] = cells

    def execute(self, place: PlacedInstruction) -> None:
        """Execute an instruction; interrupts and returns from them know what was pushed."""
        self._returns = False
        if place.mnemonic == "INT":
            vector = place.instruction.immediate
            self._enter(vector if isinstance(vector, int) else INT_3, self.next_ip())
        elif place.mnemonic == "IRET":
            offset, segment, word = pop(self), pop(self), pop(self)
            if word.handle not in self._words:
                raise _UnusualError
            for cell, value in self._words[word.handle].items():
                self.set_cell(cell, value)
            self.flags_opened()
            jump_far(self, segment, offset)
            there = offset.handle, segment.handle
            self._returns = there == (self._interrupted.handle, self._initial[Cell.CS].handle)
        else:
            super().execute(place)

    def load_vector(self, offset: Value) -> Value:
        """Return what the guard has found in the interrupt vector table."""
        assert isinstance(offset.handle, int)
        self._vectors.add(offset.handle >> 2)
        return self.constant(self._segment.vector_word(offset.handle), 16)

    def _port_function(self, way: str, port: int) -> str:
        """Return the function of what is usual at a port."""
        name = super()._port_function(way, port)
        self._usual_ports[name] = usual_access(self._segment.board, way, port)
        return f"usual_{name}"

    # -- what is unusual ---------------------------------------------------------------------

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing, or end the way where there would be two."""
        if not isinstance(condition.handle, int):
            raise _UnusualError
        super().when(condition, then, otherwise)

    def fault_if(self, condition: Value, vector: int) -> None:
        """End the way where there may be a fault."""
        if condition.handle != 0:
            raise _UnusualError

    def halt(self) -> NoReturn:
        """End the way."""
        raise _UnusualError

    # -- cells, which stay in the packed state -----------------------------------------------

    def get_cell(self, cell: int) -> Value:
        """Read a cell."""
        if cell not in self._known:
            self._used.add(cell)
            if cell not in self._initial:
                self._initial[cell] = self.value(f"load i16, ptr {self._place_of(cell)}", 16)
            self._known[cell] = self._initial[cell]
        return self._known[cell]

    def set_cell(self, cell: int, value: Value) -> None:
        """Write a cell."""
        if cell == Cell.SS and value.handle != self.get_cell(cell).handle:
            raise _UnusualError  # another stack
        super().set_cell(cell, value)
        initial = self._initial.get(cell)
        if initial is not None and initial.handle == value.handle:
            self._dirty.discard(cell)

    def _begin(self) -> list[str]:
        return place_in_state(Cell.CS)

    def _place_of(self, cell: int) -> str:
        return self.address("%state", cell_offset(cell))

    def _put_back(self, name: str) -> list[str]:
        return []

    # -- memory ------------------------------------------------------------------------------

    def binary(self, op: str, a: Handle, b: Handle, width: int) -> Handle:
        """Emit arithmetic; what moves SP by a number is known by its depth."""
        depth = self._depths.get(a)
        if depth is None or width != 16 or op not in ("add", "sub") or not isinstance(b, int):
            return super().binary(op, a, b, width)
        depth += signed(b, 16) if op == "sub" else -signed(b, 16)
        if depth not in self._at_depth:
            handle = super().binary(op, a, b, width)
            self._at_depth[depth], self._depths[handle] = handle, depth
        return self._at_depth[depth]

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory; on the stack there is what was pushed."""
        if self._is_stack(segment):
            word = self._pushed.get(self._depths.get(offset.handle, 0))
            if word is None or width != 16:
                raise _UnusualError
            return word
        return super().load(segment, offset, width)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Push a word, or write to a fixed address."""
        if self._is_stack(segment):
            depth = self._depths.get(offset.handle, 0)
            if not 0 < depth <= MAX_DEPTH or depth % 2 or value.width != 16:
                raise _UnusualError
            self._depth = max(self._depth, depth)
            self._pushed[depth] = value
            here = self.address("%stack", -depth)
        else:
            here = self.address("%memory", self._fixed(segment, offset, value.width))
        self.emit(f"store i{value.width} {text(value)}, ptr {here}, align 1")

    def _is_stack(self, segment: Index) -> bool:
        known, stack = self.get_segment(segment), self.get_segment(SS)
        return segment == SS or known.handle == stack.handle

    def _fixed(self, segment: Index, offset: Value, width: int) -> int:
        """Return a fixed linear address behind the vectors, in one page and line."""
        base = self.segment_base(segment).handle
        if not isinstance(base, int) or not isinstance(offset.handle, int):
            raise _UnusualError
        linear = base + offset.handle
        lies_odd = self._at_line_end(offset, width).handle
        if lies_odd or not VECTORS_SIZE <= linear <= ADDRESS_MASK:
            raise _UnusualError
        self._pages.add(linear >> PAGE_SHIFT)
        return linear

    # -- what is asked before ----------------------------------------------------------------

    def _emit_guard(self) -> None:
        """Let `asked` enter the handler unless all is as it is assumed.

        The stack lies behind the vectors and before the first mebibyte's end, does not wrap, and
        on pages that are written without further ado, as the fixed addresses do, but on others.
        """
        vectors = [self.constant(self._segment.vector_far(n), 32) for n in sorted(self._vectors)]
        found = [
            self.value(f"load i32, ptr {self.address('%memory', 4 * n)}", 32)
            for n in sorted(self._vectors)
        ]
        usual = Value("%prefixes", 32, self).equals(self._segment.vector)
        for far, there in zip(vectors, found, strict=True):
            usual = usual & there.equals(far)
        usual = usual & ~self.value(f"icmp slt i64 %meter, {self._worst << meter.SHIFT}", 1)
        cells = {
            cell: self.load_slot(slots.of_cell(cell))
            for cell in (Cell.INTERRUPT, Cell.TRAP, Cell.SS, Cell.SP)
        }
        usual = usual & cells[Cell.INTERRUPT].equals(1) & cells[Cell.TRAP].is_zero()
        usual = usual & ~cells[Cell.SP].below(self._depth)
        top = (cells[Cell.SS].zero_extend(32) << 4) + cells[Cell.SP].zero_extend(32)
        least = VECTORS_SIZE + self._depth
        usual = usual & (top - least).below(MEMORY_SIZE - least + 1)
        look, way, other = "look", "way", "other"
        self.fork(usual, look, other)
        self.begin(other)
        self.emit(tail_call("@asked", "%ip", "%meter", "%prefixes"))
        self.begin(look)
        self.emit(f"%stack = getelementptr inbounds i8, ptr %memory, i32 {text(top)}")
        ends = [top - 1, top - self._depth]
        minded = self._page_state(ends[0]) | self._page_state(ends[1])
        apart = self.constant(1, 1)
        for page in sorted(self._pages):
            minded = minded | self._page_state(self.constant(page << PAGE_SHIFT, 32))
            for end in ends:
                apart = apart & ~(end >> PAGE_SHIFT).equals(page)
        self.fork(apart & minded.is_zero(), way, other)

    def _ways_in(self) -> list[str]:
        return []


def handler_of(segment: CodeCopy, flow: RegionPlan) -> list[RegionFunction]:
    """Return the function of the handler that begins a region, if a timer's does."""
    entry = next(iter(flow.blocks))
    if segment.vector_far(segment.vector) != segment.cs << 16 | entry:
        return []
    function = HandlerFunction(segment, flow)
    return [function] if function.is_of_use else []
