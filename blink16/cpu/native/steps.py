"""Native code for a region's instructions one by one: where its cycles don't last for a block."""

from __future__ import annotations

from blink16.cpu.native.layout import HOT_LIMIT, HOT_OFFSET, cell_offset
from blink16.cpu.native.region import NAME, STEPS, WITHIN, RegionFunction, place_in_state
from blink16.cpu.native.text import SLOW_HINT, tail_call
from blink16.cpu.registers import Cell
from blink16.memory import ADDRESS_MASK

MAX_OPTIMISED = 24
"""Instructions in a region whose steps LLVM is to optimise."""


class StepsFunction(RegionFunction):
    """A region's instructions one by one, each if there is a cycle left for it.

    The region goes on here where its cycles don't last for a whole block, and so does what
    returns into the midst of a block, as interrupts do.  Where the cycles last again, it goes on
    in the region.  Cells stay in the packed state.
    """

    symbol = STEPS
    shorter = NAME

    def _emit_code(self) -> None:
        for block in self._flow.blocks.values():
            self._emit_steps(block)
        self._emit_targets()
        self.entries = frozenset(self._steps)
        if len(self._steps) > MAX_OPTIMISED:
            self.care = "optnone noinline"  # else translating took twice as long

    def _begin(self) -> list[str]:
        """Return what counts who comes from elsewhere, as the interpreter does.

        What is jumped to again and again may be worth a region of its own.
        """
        count = [
            f"%goes_on = icmp eq i32 %prefixes, {WITHIN}",
            "br i1 %goes_on, label %go_on, label %come",
            "come:",
            "%sum = add i32 %base, %ip",
            f"%linear = and i32 %sum, {ADDRESS_MASK}",
            "%here = getelementptr inbounds i8, ptr %memory, i32 %linear",
            f"%counter = getelementptr inbounds i8, ptr %here, i32 {HOT_OFFSET}",
            "%count = load i8, ptr %counter",
            "%more = call i8 @llvm.uadd.sat.i8(i8 %count, i8 1)",
            "store i8 %more, ptr %counter",
            f"%is_hot = icmp eq i8 %count, {HOT_LIMIT}",
            f"br i1 %is_hot, label %hot, label %go_on{SLOW_HINT}",
            "hot:",
            tail_call("@hot", "%ip", "%meter", code="%here"),
            "go_on:",
        ]
        return [*count, *place_in_state(Cell.CS)]

    def _place_of(self, cell: int) -> str:
        return self.address("%state", cell_offset(cell))

    def _put_back(self, name: str) -> list[str]:
        return []

    def _go_to_block(self, ip: int, *, back: bool = False) -> None:
        need = self._needs.get(ip)
        if need is None:
            self.go(f"S{ip}")
            return
        (lasts,) = self.labels(1)
        self.fork(self._is_short(need), f"S{ip}", lasts)
        self.begin(lasts)
        self._leave_for(ip, "short")
