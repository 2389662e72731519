"""Native code for a region: whole loops as one function, registers in the host's registers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from blink16.cpu.model import Model
from blink16.cpu.native import meter
from blink16.cpu.native.blocks import BasicBlock, PlacedInstruction, RegionPlan
from blink16.cpu.native.emitter import ADDRESS
from blink16.cpu.native.layout import Ignore, cell_offset
from blink16.cpu.native.region_context import RegionContext
from blink16.cpu.native.runtime import HELPERS, HOT, PATHS
from blink16.cpu.native.text import (
    DECLARATIONS,
    METADATA,
    SIGNATURE,
    SLOW_HINT,
    TYPES,
    tail_call,
    text,
)
from blink16.cpu.opcodes import SETS_CS
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import CS
from blink16.cpu.values import Value

NAME, STEPS = "region", "steps"
"""The symbols of a region's function, and of the one that does its instructions one by one."""
WITHIN = 1
"""In the place of prefixes: the region goes on there, and has not been jumped to."""


class RegionFunction(RegionContext):
    """The function of a region.

    Whether the cycles last is only looked at where `RegionPlan.needs` asks for it.

    What a loop begins with is emitted twice, for who comes from elsewhere and for who comes round
    again: there the flags follow from what goes round besides, and LLVM computes them where the
    loop is left.  A loop of one block that goes through strings is emitted once more, its
    instructions one by one: where the cycles don't last for a round, and where an interrupt returns
    to, the registers stay in place.  Other loops are a little slower with that than without.
    """

    helpers = HELPERS
    """What it calls."""
    symbol = NAME
    shorter = STEPS
    """Where it goes on if the cycles don't last."""
    care = ""
    """How LLVM is to compile it, besides."""

    def __init__(self, model: Model, flow: RegionPlan, watching: bool) -> None:
        super().__init__(model, watching)
        self._flow = flow
        self._needs = flow.needs(model.timing)
        self._rounds = flow.rounds()
        self._stepped = frozenset(
            ip
            for ip in self._rounds
            if flow.blocks[ip].repeats and flow.blocks[ip].goes_through_strings
        )
        """The blocks of which there are steps."""
        self._steps: set[int] = set()
        """Where there is a step."""
        self._by_steps = False
        """Whether steps are being emitted."""
        self._ways: set[int] = set()
        """Numbers of ways of switches that usually stay in the region."""
        self.entries = frozenset(flow.entries)
        """The offsets where it can be entered."""
        self._emit_code()

    def _emit_code(self) -> None:
        for start, block in self._flow.blocks.items():
            self._emit_block(f"B{start}", block)
            if start in self._rounds:
                self._emit_block(f"R{start}", block, hold_meter=block.repeats)
            if start in self._stepped:
                self._emit_steps(block)
        self._emit_targets()

    def _emit_targets(self) -> None:
        for ip in sorted(self._flow.targets()):
            self.begin(f"E{ip}")
            self._go_to_block(ip)

    def __str__(self) -> str:
        return self._definition(self.symbol)

    def _definition(self, symbol: str, linkage: str = "") -> str:
        head = [f"define {linkage} preserve_nonecc void @{symbol}({SIGNATURE}) {self.care} {{"]
        head += ["%left = alloca i64", "store i64 %meter, ptr %left", "%next = alloca i32"]
        head += ["%ended = alloca i1", *self._begin(), "store i1 false, ptr %ended"]
        head += [*self.prologue(), *self._ways_in()]
        return "\n".join([*head, *self.lines, *self._ways_out(), "}"])

    def declarations(self) -> list[str]:
        """Return what it calls, as it is declared, and how probable its switches' ways are."""
        lines = [f"declare preserve_mostcc {line} cold" for line in self.helpers.values()]
        lines += [f"declare {function}" for function in HOT.values()]
        lines += [f"declare i64 @{name}(ptr, i64, i64)" for name in sorted(self._ports)]
        lines += [f"declare preserve_nonecc void @{path}({TYPES})" for path in PATHS]
        return lines + [branch_weights(ways) for ways in sorted(self._ways)]

    # -- ways in and out ---------------------------------------------------------------------

    def _ways_in(self) -> list[str]:
        """Return what goes to an entry."""
        labels = {ip: self._label(ip) for ip in self.entries | self._steps}
        ways = switch("%ip", labels, "elsewhere")
        return [ways, "elsewhere:", tail_call("@step", "%ip", "%meter")]

    def _label(self, ip: int) -> str:
        """Return where who comes for an offset goes on: at an entry, if the cycles last.

        Elsewhere they may last there and for no entry, and steps and region would go to each other
        for ever.
        """
        return f"E{ip}" if ip in self._flow.entries else f"S{ip}"

    def _begin(self) -> list[str]:
        """Return what is done at every entry: take the cells, unless the cycles don't last."""
        used = sorted(self._used)
        lines = [*(f"%c{cell} = alloca i16" for cell in used), *self._leave_if_short()]
        for cell in used:
            lines += [
                *place_in_state(cell),
                f"%v{cell} = load i16, ptr %p{cell}",
                f"store i16 %v{cell}, ptr %c{cell}",
            ]
        return lines

    def _leave_if_short(self) -> list[str]:
        """Return what leaves at once where the cycles don't last for any entry."""
        least = min(self._needs[ip] for ip in self._flow.entries)
        test = f"%is_short = icmp slt i64 %meter, {least << meter.SHIFT}"
        fork = f"br i1 %is_short, label %at_once, label %begun{SLOW_HINT}"
        number = "%prefixes" if self._stepped else "0"
        shorter = tail_call(f"@{self.shorter}", "%ip", "%meter", number)
        return [test, fork, "at_once:", shorter, "begun:"]

    def prologue(self) -> list[str]:
        """Return what comes before all blocks; only probes need anything."""
        return []

    def _put_back(self, name: str) -> list[str]:
        """Return what puts the registers in place, and what CS is."""
        lines = []
        for cell in sorted(self._written):
            lines += [f"%{name}{cell} = load i16, ptr %c{cell}"]
            lines += [f"store i16 %{name}{cell}, ptr %p{cell}"]
        return lines

    def _ways_out(self) -> list[str]:
        """Return the blocks that leave."""
        lines = self._exit("jumped", "@jumped")
        if self.shorter == "step":
            lines += self._exit("short", "@slow", Ignore.ENTRY, "@step")
        else:
            lines += self._exit("short", f"@{self.shorter}", WITHIN)
        lines += self._exit("refused", "@slow", Ignore.ENTRY, "@step")
        lines += self._exit("event", "@slow") + self._exit("opened", "@opened")
        if self._steps:
            lines += self._exit("spent", "@spent", Ignore.ENTRY, code=f"@{self.symbol}")
        return lines

    def _exit(
        self, name: str, function: str, number: int = 0, quick: str = "", code: str = "%memory"
    ) -> list[str]:
        """Return the block that puts the registers in place and leaves.

        ``number``, ``code``: what is in the places of prefixes and code.  ``quick``: where it goes
        if there are cycles left.
        """
        lines = [f"{name}:", *self._put_back(name)]
        lines += [f"%{name}_ip = load i32, ptr %next", f"%{name}_left = load i64, ptr %left"]
        base = "%base"
        if Cell.CS in self._written:
            base = f"%{name}_base"
            lines += [f"%{name}_cs16 = load i16, ptr %p{int(Cell.CS)}"]
            lines += [f"%{name}_cs = zext i16 %{name}_cs16 to i32"]
            lines += [f"{base} = shl i32 %{name}_cs, 4"]
        ip, left = f"%{name}_ip", f"%{name}_left"
        if quick:
            lines += [f"%{name}_spent = icmp slt i64 {left}, {meter.ONE_LEFT}"]
            lines += [f"br i1 %{name}_spent, label %{name}_end, label %{name}_on", f"{name}_on:"]
            lines += [tail_call(quick, ip, left, "0", base, "%memory"), f"{name}_end:"]
        return [*lines, tail_call(function, ip, left, str(int(number)), base, code)]

    # -- blocks ------------------------------------------------------------------------------

    def _emit_block(self, label: str, block: BasicBlock, *, hold_meter: bool = False) -> None:
        self._begin_block(label)
        self._by_steps = False
        if hold_meter:
            self._hold_meter()
        for place in block.places:
            self._emit_instruction(place)
        self._end_block(block.places[-1])

    def _emit_steps(self, block: BasicBlock) -> None:
        """Emit a block's instructions one by one, but for those that end another block, too."""
        last = block.places[-1]
        self._by_steps = True
        for place in block.places:
            if place is not block.places[0]:
                self.go(f"S{place.ip}")
            if place.ip in self._steps:
                return
            self._steps.add(place.ip)
            self._begin_block(f"S{place.ip}")
            go, spent = self.labels(2)
            self.fork(self._is_short(1), spent, go)
            self.begin(spent)
            self._leave_for(place.ip, "spent")
            self.begin(go)
            self._emit_instruction(place)
            if place is not last:
                self._flush()
                self._move_meter(self._charge)
        self._end_block(last)

    def _begin_block(self, label: str) -> None:
        self.begin(label)
        self._known.clear()
        self._charge = 0

    def _emit_instruction(self, place: PlacedInstruction) -> None:
        self.begin_instruction(place)
        self.execute(place)
        self.retires()
        if self._condition is None:
            self._end_if_event()
            self._end_if_opened()

    def _end_block(self, last: PlacedInstruction) -> None:
        self._flush()
        if self._condition is not None:
            assert self._target is not None
            yes, no = self.labels(2)
            self.fork(self._condition, yes, no)
            self.begin(yes)
            self.goes(self._target)
            self._move_meter(self._charge + meter.charge(0, self.cost.taken))
            self._go_to(self._target)
            self.begin(no)
            self._move_meter(self._charge)
            self._go_to(self.next_ip())
        else:
            if self._target is not None:
                self.goes(self._target)
            self._move_meter(self._charge)
            self._go_to(self._target or self.next_ip(), self._flow.unknown_ways(last))

    def goes(self, target: Value) -> None:
        """Called where control goes elsewhere, all cells in place; only probes mind."""

    def _go_to(self, ip: Value, ways: Collection[int] = ()) -> None:
        """Go on at an offset, within the region where it is known to have a block."""
        sets_cs = self._place.control_flow in SETS_CS
        if isinstance(ip.handle, int) and not sets_cs and ip.handle in self._flow.blocks:
            self._go_to_block(ip.handle, back=ip.handle <= self._place.ip)
            return
        wide = text(ip.zero_extend(32))
        self.emit(f"store i32 {wide}, ptr %next")
        if not ways:
            self.go("jumped")
            return
        if sets_cs:
            (here,) = self.labels(1)
            base = self.segment_base(CS)
            self.fork(base.equals(Value("%base", ADDRESS, self)), here, "jumped")
            self.begin(here)
        within = {way: f"E{way}" for way in ways}
        self._ways.add(len(within))
        self.emit(f"{switch(wide, within, 'jumped')}, !prof !{len(within)}")

    def _go_to_block(self, ip: int, *, back: bool = False) -> None:
        """Go on in a block of the region, if the cycles last; ``back``: it was passed before.

        Steps enter a loop as who comes from elsewhere: a way into its rounds besides made those
        up to a quarter slower.
        """
        need = self._needs.get(ip)
        comes_round = back and ip in self._rounds and not self._by_steps
        label = f"R{ip}" if comes_round else f"B{ip}"
        if need is None:  # whoever comes here has looked for this block's cycles, too
            self.go(label)
            return
        (short,) = self.labels(1)
        self.fork(self._is_short(need), short, label, rare=True)
        self.begin(short)
        if ip in self._stepped:
            self.go(f"S{ip}")
        else:
            self._leave_for(ip, "short")

    def _leave_for(self, ip: int, way: str) -> None:
        self.emit(f"store i32 {ip}, ptr %next")
        self.go(way)

    def _end_if_event(self) -> None:
        if not self._may_end:
            return
        target = self._target or self.next_ip()
        self._leave_if(self.value("load i1, ptr %ended", 1), target, self._charge, "event")

    def _end_if_opened(self) -> None:
        """Leave behind this instruction if it let in what waits."""
        if self._opened is not None:
            target = self._target or self.next_ip()
            self._leave_if(self._opened, target, self._charge, "opened")

    def _leave_if(self, condition: Value, ip: Value, charge: int, way: str) -> None:
        leave, stay = self.labels(2)
        self.fork(condition, leave, stay, rare=True)
        self.begin(leave)
        dirty = set(self._dirty)
        self._flush()
        self._dirty = dirty
        if way != "refused" and self._target is not None:
            self.goes(self._target)
        self.emit(f"store i32 {text(ip.zero_extend(32))}, ptr %next")
        self._move_meter(charge)
        self.go(way)
        self.begin(stay)

    def _hold_meter(self) -> None:
        """Keep LLVM from deriving the meter from what else counts a loop's rounds.

        It would keep a second one, for ways out that are hardly ever gone.
        """
        held = self.name(f'call i64 asm "", "=r,0"(i64 {text(self._left())})')
        self.emit(f"store i64 {held}, ptr %left")


def switch(value: str, ways: dict[int, str], otherwise: str) -> str:
    """Return the jump to a label by a 32-bit value."""
    cases = " ".join(f"i32 {number}, label %{ways[number]}" for number in sorted(ways))
    return f"switch i32 {value}, label %{otherwise} [ {cases} ]"


def branch_weights(ways: int) -> str:
    """Return the metadata, numbered so, of a switch of which only the default is hardly gone."""
    return f'!{ways} = !{{!"branch_weights", i32 1{", i32 4000" * ways}}}'


def place_in_state(cell: int) -> list[str]:
    """Return what names a cell's place in the packed state."""
    return [f"%p{cell:d} = getelementptr inbounds i8, ptr %state, i32 {cell_offset(cell)}"]


def module_text(functions: Sequence[RegionFunction]) -> str:
    """Return the module of a region's functions, in LLVM IR."""
    defined = {f"@{function.symbol}(" for function in functions}
    lines = dict.fromkeys(line for function in functions for line in function.declarations())
    needed = [line for line in lines if not any(name in line for name in defined)]
    return "\n".join([*map(str, functions), *needed, DECLARATIONS, METADATA])
