"""The reference engine: the semantics, folded as they come.  Slow, and easy to trust."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from blink16.bus import Bus
from blink16.cpu.decoder import execute
from blink16.cpu.encoding import MAX_BODY, Instruction
from blink16.cpu.engine import EFFORT_CYCLES, NEVER, SOMEBODY, Stop, StopReason, at_once
from blink16.cpu.later import LOW_END, is_suspicious, suspects
from blink16.cpu.model import Model
from blink16.cpu.opcodes import REPNZ, REPZ, SEGMENT_OVERRIDES, SEGMENT_REGISTERS
from blink16.cpu.operands import Context, Repeat
from blink16.cpu.predicates import Predicate
from blink16.cpu.reference_context import FaultError, ReferenceContext, ShutDownError
from blink16.cpu.registers import SHUT_DOWN, Cell, Registers
from blink16.cpu.semantics import (
    DOUBLE_FAULT_VECTOR,
    ESC,
    PROTECTION_VECTOR,
    WAIT,
    Sized,
    enter_interrupt,
)
from blink16.cpu.values import Value
from blink16.cpu.x87.opcodes import ESCAPES
from blink16.memory import (
    MEMORY_SIZE,
    SEGMENT_SIZE,
    Access,
    Attribute,
    Memory,
)

if TYPE_CHECKING:
    from blink16.cpu.x87.escaping import EscapePlan, Escaper

REPEATS = {REPNZ: Repeat.REPNZ, REPZ: Repeat.REPZ}
OVERRIDES = {code: SEGMENT_REGISTERS.index(name) for code, name in SEGMENT_OVERRIDES.items()}
# numbers: a flag of an enum takes ten times as long to look at
_TOLD = int(Attribute.TOLD)
_POINTS = int(Attribute.BREAKPOINT | Attribute.SERVICE)
_CS, _IP = int(Cell.CS), int(Cell.IP)
_SHADOW, _ATTENTION = int(Cell.SHADOW), int(Cell.ATTENTION)
_BUDGET = StopReason.BUDGET
WAIT_OPCODE = 0x9B
MOST_IN_A_ROW = 64
"""Instructions of an 8087 that are executed before somebody else has a turn."""


class ReferenceEngine(ReferenceContext):
    """Executes instructions one by one in Python."""

    name = "reference"
    just_entered = False
    """The machine enters interrupts, between runs."""
    sees_words = False
    """Whether somebody wants to know of every word that is read and written."""

    def __init__(self, model: Model, registers: Registers, memory: Memory, bus: Bus) -> None:
        super().__init__(model, registers, memory, bus)
        self._prefixes = model.opcodes.prefixes
        self._parse = model.encoding.parse_body
        self._semantics = model.semantics
        self._escaper: Escaper | None = None
        if registers.x87 is not None:
            from blink16.cpu.x87.escaping import Escaper  # most machines have no 8087

            self._escaper = Escaper(self, registers.x87, registers, memory, self._physical)
            self._semantics = {**model.semantics, ESC: self._escape, WAIT: self._wait}
        self._retired, self._cycles = registers.counts
        self._body_ip = 0
        self.hurries = False
        self.effort, self.tires_at = 0, NEVER
        self.horizon: Callable[[], int] = at_once
        self.stirred: Collection[object] = SOMEBODY
        self._suspects = suspects(model.name)

    # -- engine ------------------------------------------------------------------------------

    def run(
        self, budget: int, until: int = NEVER, *, skip_first: bool = False, pause: int = NEVER
    ) -> Stop:
        """Execute at most ``budget`` instructions (see `engine.Engine`).

        ``pause``: the first one that ends at so many cycles or behind is the last.
        """
        began = self._cycles[0]
        tired = began + max(1, EFFORT_CYCLES * (self.tires_at - self.effort))
        self._until = until
        stop = self._run(budget, min(until, pause, tired), skip_first)
        self.effort += 1 + (self._cycles[0] - began) // EFFORT_CYCLES
        return stop

    def _run(self, budget: int, end: int, skip_first: bool) -> Stop:
        """Execute instructions while there are less than ``end`` cycles."""
        cells, attributes, physical = self._cells, self.memory.attributes, self._physical
        cycles = self._cycles
        self.memory.touched = None
        for _ in range(budget):
            if cycles[0] >= end:
                break
            if cells[Cell.ATTENTION]:
                return Stop(StopReason.ATTENTION)
            if cells[Cell.HALTED]:
                return Stop(StopReason.HALT)
            here = attributes[physical(cells[Cell.CS], cells[Cell.IP])]
            if here and not skip_first:
                if here & Attribute.BREAKPOINT:
                    return Stop(StopReason.BREAKPOINT)
                if here & Attribute.SERVICE:
                    return Stop(StopReason.SERVICE)
            skip_first = False
            stop = self._step()
            if stop is not None:
                return stop
        return Stop(StopReason.BUDGET)

    def run_on(self, budget: int, until: int) -> Stop:
        """Execute on behind a service (see `engine.Engine`)."""
        return self.run(budget, until, skip_first=True)

    def overlook(self, predicates: Mapping[int, Predicate]) -> None:
        """Stop at every breakpoint all the same: here, conditions are not what takes time."""

    def interrupt(self, vector: int) -> None:
        """Enter an interrupt between two instructions."""
        self._cells[Cell.HALTED] = 0
        self._spent = 0
        self._enter(vector, self._cells[Cell.IP])
        self._cells[Cell.IP] = self._jump or 0
        self.registers.cycles += self._spent

    def _enter(self, vector: int, return_ip: int) -> None:
        """Enter an interrupt, or INT 8 if there is no such vector, or shut down."""
        for number in (vector, DOUBLE_FAULT_VECTOR):
            try:
                enter_interrupt(self, Value(number, 8), Value(return_ip, 16))
                return
            except FaultError:
                continue
            except ShutDownError:
                break
        self._cells[Cell.HALTED], self._jump = SHUT_DOWN, return_ip

    def plan(self, hot: int, other: int) -> None:
        """End runs for whoever wants to act: here, that is not what takes time."""

    def abandon_rounds(self) -> None:
        """Retire the REP instruction between two rounds of which the run ended."""
        registers = self.registers
        instruction = self._fetch(registers.ip)
        assert instruction is not None
        self._pay(instruction, registers.ip)
        registers.ip = self._next_ip - 2
        registers.cycles += self._spent
        registers.icount += 1
        self.between_rounds = False

    def _step(self) -> Stop | None:
        """Execute one instruction; None if there is nothing to tell."""
        cells, escaper = self._cells, self._escaper
        if escaper is not None and (plan := escaper.coming()) is not None:
            return self._follow(plan)
        start = cells[Cell.IP]
        instruction = self._fetch(start)
        if instruction is None:
            return Stop(StopReason.LOCKUP, text="nothing but prefixes in the code segment")
        self._decoded = instruction
        if (stop := self._look()) is not None:
            return stop
        self._jump = None
        self._wants_attention = self.between_rounds = False
        self._was_open = cells[Cell.INTERRUPT]
        cells[Cell.SHADOW] = 0
        self._pay(instruction, start)
        try:
            self._check_length(start)
            execute(self, instruction, self._semantics)
        except FaultError as fault:
            self._enter(fault.vector, start)
        except ShutDownError:
            cells[Cell.HALTED], self._jump = SHUT_DOWN, start
        if self._lockup is not None:
            return self._locked_up()
        if self.between_rounds and not cells[Cell.TRAP]:
            cells[Cell.IP] = start
            touched = self.memory.touched
            return Stop(StopReason.ATTENTION) if touched is None else _hit(touched)
        cells[Cell.IP] = self._next_ip if self._jump is None else self._jump
        self._retired[0] += 1
        self._cycles[0] += self._spent
        if self.memory.touched is not None:
            return _hit(self.memory.touched)
        if self._wants_attention:
            return Stop(StopReason.ATTENTION)
        return Stop(StopReason.HALT) if cells[Cell.HALTED] else None

    def _check_length(self, start: int) -> None:
        """Refuse an instruction that is too long, or goes on beyond the segment's end."""
        limit = self.model.limit
        if limit is None:
            return
        length = (self._next_ip - start) & 0xFFFF
        if length > limit or start + length > SEGMENT_SIZE:
            raise FaultError(PROTECTION_VECTOR)

    def _pay(self, i: Instruction, start: int) -> None:
        """Put down what an instruction costs in any case, to be paid when it retires."""
        timing, modrm = self.timing, i.modrm
        in_memory = modrm is not None and modrm.mod != 3
        self.cost = timing.cost(i.row, in_memory, self.repeat is not None)
        prefixes = ((self._next_ip - start) & 0xFFFF) - i.length
        self._spent = self.cost.cycles + prefixes * timing.prefix
        if modrm is not None:
            self._spent += timing.address(modrm.mod, modrm.rm)

    def _escape(self, m: Context, operand: Sized) -> None:
        """Let the 8087 do its part."""
        plan = self._plan_escape()
        clocks = 0 if plan.escape is None else plan.escape.clocks
        plan = plan._replace(cycles=plan.cycles + max(0, clocks - self.cost.cycles))
        assert self._escaper is not None
        vector = self._escaper.fault(plan)
        if vector:
            raise FaultError(vector)
        self._keep(plan)
        self._spent = plan.cycles
        self._wants_attention |= self._escaper.perform(plan)

    def _wait(self, m: Context) -> None:
        """Wait for the 8087, which is done."""
        self._keep(self._plan_escape())

    def _plan_escape(self) -> EscapePlan:
        assert self._escaper is not None
        length = (self._next_ip - self._cells[Cell.IP]) & 0xFFFF
        return self._escaper.plan(self._decoded, length, self._segment, self._spent)

    def _keep(self, plan: EscapePlan) -> None:
        """Remember what is to be done of this instruction, where nobody sees how it is done."""
        has_it = plan.escape is not None or plan.length == 1
        if has_it and self._escaper is not None and not self.sees_words:
            self._escaper.keep(plan)

    def _follow(self, plan: EscapePlan) -> Stop | None:
        """Execute an instruction of which it is known what is to be done."""
        cells, escaper = self._cells, self._escaper
        assert escaper is not None
        self.between_rounds = self._wants_attention = False
        cells[_SHADOW] = 0
        changed = escaper.perform(plan)
        cells[_IP] += plan.length
        self._retired[0] += 1
        self._cycles[0] += plan.cycles
        if self.memory.touched is not None:
            return _hit(self.memory.touched)
        return Stop(StopReason.ATTENTION) if changed or self._wants_attention else None

    def run_escapes(self, budget: int, until: int) -> Stop:
        """Execute an instruction, and on as long as the next is an ESC or a WAIT."""
        stop = self.run(1, until, skip_first=True)
        escaper, cells, cycles, memory = self._escaper, self._cells, self._cycles, self.memory
        if escaper is None:
            return stop
        attributes, whole = memory.attributes, memory.whole
        for _ in range(min(budget, MOST_IN_A_ROW) - 1):
            if stop.reason is not _BUDGET or cycles[0] >= until or cells[_ATTENTION]:
                break
            at = self._physical(cells[_CS], cells[_IP])
            if attributes[at] & _POINTS:
                break
            plan = escaper.coming()
            if plan is not None:
                self.effort += 1
                stop = self._follow(plan) or stop
            elif whole[at] in ESCAPES or whole[at] == WAIT_OPCODE:
                stop = self.run(1, until, skip_first=True)
            else:
                break
        return stop

    def _look(self) -> Stop | None:
        """Let the witness see an instruction that can hardly be meant."""
        address = self._physical(self._cells[Cell.CS], self._body_ip)
        memory = self.memory
        if memory.attributes[address] & _TOLD:
            return None
        suspicious = is_suspicious(bytes(memory.whole[address : address + 4]), self._suspects)
        if self.witness is None:
            if suspicious:
                memory.attributes[address] |= _TOLD  # native code need not ask again
            return None
        return self.witness.meets(self._body_ip) if suspicious or address < LOW_END else None

    def _fetch(self, ip: int) -> Instruction | None:
        """Read prefixes and decode; None if the segment holds nothing else."""
        cs, physical = self._cells[Cell.CS], self._physical
        ram = self.memory.whole
        self._segment = self.repeat = None
        for count in range(SEGMENT_SIZE):
            address = physical(cs, ip + count)
            byte = ram[address]
            if byte not in self._prefixes:
                break
            if byte in OVERRIDES:
                self._segment = OVERRIDES[byte]
            elif byte in REPEATS:
                self.repeat = REPEATS[byte]
        else:
            return None
        body_ip = (ip + count) & 0xFFFF
        if body_ip <= SEGMENT_SIZE - MAX_BODY and address <= MEMORY_SIZE - MAX_BODY:
            body = bytes(ram[address : address + MAX_BODY])
        else:
            body = bytes(ram[physical(cs, body_ip + n)] for n in range(MAX_BODY))
        self._body_ip = body_ip
        instruction = self._parse(body)
        self._next_ip = (body_ip + instruction.length) & 0xFFFF
        return instruction

    def _locked_up(self) -> Stop:
        text, self._lockup = self._lockup, None
        return Stop(StopReason.LOCKUP, text=text or "")


def _hit(touched: tuple[int, Access]) -> Stop:
    """Return the stop at a watched address."""
    return Stop(StopReason.WATCHPOINT, *touched)
