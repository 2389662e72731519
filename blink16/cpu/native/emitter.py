"""What interpreter and regions have in common: how the semantics reach memory."""

from __future__ import annotations

from abc import abstractmethod

from blink16.cpu.model import Model
from blink16.cpu.native import slots
from blink16.cpu.native.text import IRBuilder, text
from blink16.cpu.operands import Index
from blink16.cpu.values import MASK, Value
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK, PAGE_SHIFT, PAGES_OFFSET, PageState

ADDRESS = 32
"""The width in which linear addresses are computed."""
_LOADS_MIND = PageState.WATCH_READ | PageState.PLANAR
_LINE_END = 15
"""A word whose offset ends in Fh may wrap at the segment's or memory's end, or lie in two pages."""


class Emitter(IRBuilder):
    """Emits constants, loads and stores; the rest of `operands.Context` is its children's."""

    model: Model
    watching = True
    """Whether loads look for watched bytes."""

    @abstractmethod
    def segment_base(self, index: Index) -> Value:
        """Return a segment register times 16, 32 bits wide."""

    @abstractmethod
    def note_event(self) -> None:
        """Make the run end after this instruction; called while the rare path is emitted."""

    @abstractmethod
    def instruction_offset(self) -> Value:
        """Return where the instruction begins, 32 bits wide; called in rare paths."""

    def note_access(self) -> None:
        """Called while the rare path of a load or store is emitted; only probes mind."""

    def store_on_the_way(
        self, linear: Value, state: Value, odd: Value, value: Value, join: str
    ) -> None:
        """Called where the rare path of a store begins; only probes mind, who have one between.

        ``state``: the page's.  ``odd``: whether the address itself leads to the rare path.  What
        is done with a store goes on at ``join``.
        """

    def load_on_the_way(
        self, linear: Value, state: Value, odd: Value, width: int, join: str
    ) -> list[tuple[str, str]]:
        """Called where the rare path of a load begins, as with stores.

        Returns what was loaded by a way of its own to ``join``, and at which block that ends.
        """
        return []

    def interrupted(self, vector: Value) -> None:
        """Note that an interrupt has been entered; only probes mind."""

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        return Value(value & MASK[width], width)

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        return self._load(self.segment_base(segment), offset, width)

    def check_vector(self, vector: Value) -> None:
        """All are there: while they aren't, the reference executes (`NativeEngine`)."""

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        return self._load(self.constant(0, ADDRESS), offset, 16)

    def _load(self, base: Value, offset: Value, width: int) -> Value:
        linear, is_high = self._linear(base, offset)
        here = self.address("%memory", linear)
        odd = self._at_line_end(offset, width) | is_high
        state = self._page_state(linear) & _LOADS_MIND if self.watching else self.constant(0, 8)
        is_slow = odd | state.is_not_zero()
        if is_slow.handle == 0:
            return self.value(f"load i{width}, ptr {here}, align 1", width)
        rare, rare_end, fast, join = self.labels(4)
        self.fork(is_slow, rare, fast, rare=True)
        self.begin(fast)
        quick = self.name(f"load i{width}, ptr {here}, align 1")
        self.go(join)
        self.begin(rare)
        ways = self.load_on_the_way(linear, state, odd, width, join) if self.watching else []
        self.note_access()
        function = "load_byte" if width == 8 else "load_word"
        at = f"i32 {text(base)}, i32 {text(offset.zero_extend(ADDRESS))}"
        call = f"call preserve_mostcc i32 @{function}(ptr %state, ptr %memory, {at})"
        both = self.value(call, 32)
        if self.watching:
            self._event_if(both.bit(16), rare_end)
        else:
            self.go(rare_end)
            self.begin(rare_end)
        slow = text(both.truncate(width))
        self.go(join)
        self.begin(join)
        ways += [(quick, fast), (slow, rare_end)]
        found = ", ".join(f"[ {what}, %{block} ]" for what, block in ways)
        return self.value(f"phi i{width} {found}", width)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        base, width = self.segment_base(segment), value.width
        linear, is_high = self._linear(base, offset)
        here = self.address("%memory", linear)
        odd, state = self._at_line_end(offset, width) | is_high, self._page_state(linear)
        is_slow = odd | state.is_not_zero()
        rare, fast, join = self.labels(3)
        self.fork(is_slow, rare, fast, rare=True)
        self.begin(fast)
        self.emit(f"store i{width} {text(value)}, ptr {here}, align 1")
        self.go(join)
        self.begin(rare)
        self.store_on_the_way(linear, state, odd, value, join)
        self.store_slot(slots.STORE_AT, text(self.instruction_offset()))
        self.note_access()
        function = "store_byte" if width == 8 else "store_word"
        at = f"i32 {text(base)}, i32 {text(offset.zero_extend(ADDRESS))}"
        what = f"i32 {text(value.zero_extend(32))}"
        call = f"call preserve_mostcc i32 @{function}(ptr %state, ptr %memory, {at}, {what})"
        self._event_if(self.value(call, 32).is_not_zero(), join)

    def _linear(self, base: Value, offset: Value) -> tuple[Value, Value]:
        """Return an address within the first mebibyte, and 1 where address line 20 decides."""
        total = base + offset.zero_extend(ADDRESS)
        reaches_high = self.model.reaches_high
        is_high = total.bit(ADDRESS_BITS) if reaches_high else self.constant(0, 1)
        return total & ADDRESS_MASK, is_high

    def _event_if(self, happened: Value, join: str) -> None:
        """Note an event if there was one, and go on at a new block."""
        (event,) = self.labels(1)
        self.fork(happened, event, join, rare=True)
        self.begin(event)
        self.note_event()
        self.go(join)
        self.begin(join)

    def _page_state(self, linear: Value) -> Value:
        pages = self.address("%memory", PAGES_OFFSET)
        return self.value(f"load i8, ptr {self.address(pages, linear >> PAGE_SHIFT)}", 8)

    def _at_line_end(self, offset: Value, width: int) -> Value:
        if width == 8:
            return self.constant(0, 1)
        return (offset & _LINE_END).equals(_LINE_END)
