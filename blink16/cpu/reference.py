"""The reference engine: the semantics, folded as they come.  Slow, and easy to trust."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from blink16.bus import Bus
from blink16.cpu import planar
from blink16.cpu.decoder import execute
from blink16.cpu.encoding import MAX_BODY, Instruction
from blink16.cpu.engine import EFFORT_CYCLES, NEVER, SOMEBODY, Stop, StopReason, Witness, at_once
from blink16.cpu.later import LOW_END, is_suspicious, suspects
from blink16.cpu.model import Model
from blink16.cpu.opcodes import REPNZ, REPZ, SEGMENT_OVERRIDES, SEGMENT_REGISTERS
from blink16.cpu.operands import Context, Index, Repeat
from blink16.cpu.predicates import Predicate
from blink16.cpu.registers import SHUT_DOWN, Cell, Registers
from blink16.cpu.semantics import (
    DOUBLE_FAULT_VECTOR,
    ESC,
    PROTECTION_VECTOR,
    WAIT,
    Sized,
    enter_interrupt,
)
from blink16.cpu.timing import NOTHING
from blink16.cpu.values import Value
from blink16.cpu.x87.opcodes import ESCAPES
from blink16.memory import (
    ADDRESS_BITS,
    ADDRESS_MASK,
    MEMORY_SIZE,
    MIRROR_BIT,
    PAGE_SHIFT,
    SEGMENT_SIZE,
    Access,
    Attribute,
    Memory,
    PageState,
    linear,
)

if TYPE_CHECKING:
    from blink16.cpu.x87.escaping import EscapePlan, Escaper

REPEATS = {REPNZ: Repeat.REPNZ, REPZ: Repeat.REPZ}
OVERRIDES = {code: SEGMENT_REGISTERS.index(name) for code, name in SEGMENT_OVERRIDES.items()}
# numbers: a flag of an enum takes ten times as long to look at
_WATCH_READ, _WATCH_WRITE = int(PageState.WATCH_READ), int(PageState.WATCH_WRITE)
_PLANAR, _MIRROR, _ROM = int(PageState.PLANAR), int(PageState.MIRROR), int(PageState.ROM)
_TOLD = int(Attribute.TOLD)
_LOADS_MIND = _WATCH_READ | _PLANAR
_WRITE_MINDS = int(PageState.CLEAN | PageState.CODE) | _WATCH_WRITE | _ROM
_POINTS = int(Attribute.BREAKPOINT | Attribute.SERVICE)
_ES, _CS, _IP = int(Cell.ES), int(Cell.CS), int(Cell.IP)
_SHADOW, _ATTENTION = int(Cell.SHADOW), int(Cell.ATTENTION)
_BUDGET = StopReason.BUDGET
WAIT_OPCODE = 0x9B
MOST_IN_A_ROW = 64
"""Instructions of an 8087 that are executed before somebody else has a turn."""


class _FaultError(Exception):
    """An instruction that is given up for an interrupt that returns to it."""

    def __init__(self, vector: int) -> None:
        super().__init__(vector)
        self.vector = vector


class _ShutDownError(Exception):
    """An interrupt that can't be entered, nor can INT 8 in its place."""


class ReferenceEngine:
    """Executes instructions one by one in Python; also the `Context` of their semantics."""

    name = "reference"
    just_entered = False
    """The machine enters interrupts, between runs."""
    sees_words = False
    """Whether somebody wants to know of every word that is read and written."""

    def __init__(self, model: Model, registers: Registers, memory: Memory, bus: Bus) -> None:
        self.model = model
        self.fixed_flags = model.fixed_flags
        self.timing = model.timing
        self.cost = NOTHING
        self._spent = 0
        self.registers = registers
        self.memory = memory
        self.bus = bus
        self.repeat: Repeat | None = None
        self._prefixes = model.opcodes.prefixes
        self._parse = model.encoding.parse_body
        self._semantics = model.semantics
        self._physical = self._beyond if model.reaches_high else linear
        self._escaper: Escaper | None = None
        if registers.x87 is not None:
            from blink16.cpu.x87.escaping import Escaper  # most machines have no 8087

            self._escaper = Escaper(self, registers.x87, registers, memory, self._physical)
            self._semantics = {**model.semantics, ESC: self._escape, WAIT: self._wait}
        self._cells = registers.cells
        self._retired, self._cycles = registers.counts
        self._state = registers.state
        self._segment: int | None = None
        self._next_ip = 0
        self._until = NEVER
        self._body_ip = 0
        self._jump: int | None = None
        self._lockup: str | None = None
        self._wants_attention = False
        self._was_open = 0
        self.between_rounds = self.hurries = False
        self.effort, self.tires_at = 0, NEVER
        self.horizon: Callable[[], int] = at_once
        self.stirred: Collection[object] = SOMEBODY
        self.witness: Witness | None = None
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
            except _FaultError:
                continue
            except _ShutDownError:
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
        except _FaultError as fault:
            self._enter(fault.vector, start)
        except _ShutDownError:
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

    def _beyond(self, segment: int, offset: int) -> int:
        """Return the linear address of ``segment:offset``, with address line 20 if it is open."""
        mask = ADDRESS_MASK | self._cells[Cell.A20] << ADDRESS_BITS
        return ((segment << 4) + (offset & 0xFFFF)) & mask

    def _check_length(self, start: int) -> None:
        """Refuse an instruction that is too long, or goes on beyond the segment's end."""
        limit = self.model.limit
        if limit is None:
            return
        length = (self._next_ip - start) & 0xFFFF
        if length > limit or start + length > SEGMENT_SIZE:
            raise _FaultError(PROTECTION_VECTOR)

    def _pay(self, i: Instruction, start: int) -> None:
        """Put down what an instruction costs in any case, to be paid when it retires."""
        timing, modrm = self.timing, i.modrm
        in_memory = modrm is not None and modrm.mod != 3
        self.cost = timing.cost(i.row, in_memory, self.repeat is not None)
        prefixes = ((self._next_ip - start) & 0xFFFF) - i.length
        self._spent = self.cost.cycles + prefixes * timing.prefix
        if modrm is not None:
            self._spent += timing.address(modrm.mod, modrm.rm)

    def plain(self, value: Value) -> int:
        """Return the number that a value is."""
        return _known(value)

    def _escape(self, m: Context, operand: Sized) -> None:
        """Let the 8087 do its part."""
        plan = self._plan_escape()
        clocks = 0 if plan.escape is None else plan.escape.clocks
        plan = plan._replace(cycles=plan.cycles + max(0, clocks - self.cost.cycles))
        assert self._escaper is not None
        vector = self._escaper.fault(plan)
        if vector:
            raise _FaultError(vector)
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

    # -- context: registers ------------------------------------------------------------------

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        return Value(value & ((1 << width) - 1), width)

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register."""
        assert isinstance(index, int)
        if width == 16:
            return Value(self._cells[index], 16)
        return Value(self._state[BYTE_OFFSETS[index]], 8)

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        assert isinstance(index, int)
        assert isinstance(value.handle, int)
        if width == 16:
            self._cells[index] = value.handle
        else:
            self._state[BYTE_OFFSETS[index]] = value.handle

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        return Value(self._cells[cell], 16)

    def set_cell(self, cell: Cell, value: Value) -> None:
        """Write a cell."""
        self._cells[cell] = _known(value)

    def get_segment(self, index: Index) -> Value:
        """Read a segment register."""
        return Value(self._cells[Cell.ES + _number(index)], 16)

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register."""
        self._cells[Cell.ES + _number(index)] = _known(value)

    def override(self, segment: int) -> Index:
        """Return the prefix's segment, or the default."""
        return segment if self._segment is None else self._segment

    # -- context: memory and ports -----------------------------------------------------------

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        base, at = self._cells[Cell.ES + _number(segment)], _known(offset)
        low = self._load_byte(self._physical(base, at))
        if width == 8:
            return Value(low, 8)
        return Value(low | self._load_byte(self._physical(base, at + 1)) << 8, 16)

    def check_vector(self, vector: Value) -> None:
        """Enter INT 8 instead where the table has no such vector, or shut down."""
        if not self.model.reaches_high:
            return
        number = _known(vector)
        if 4 * number + 3 > self._cells[Cell.IDT]:
            raise (
                _ShutDownError
                if number == DOUBLE_FAULT_VECTOR
                else _FaultError(DOUBLE_FAULT_VECTOR)
            )

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        at = _known(offset)
        if self.registers.moved_vectors:
            cells = self._cells
            at += cells[Cell.IDT_HIGH] << 16 | cells[Cell.IDT_BASE]
            return Value(int.from_bytes(self.memory.read(at, 2), "little"), 16)
        return Value(self._load_byte(at) | self._load_byte(at + 1) << 8, 16)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        base, at = self._cells[Cell.ES + _number(segment)], _known(offset)
        number = _known(value)
        self._store_byte(self._physical(base, at), number & 0xFF)
        if value.width == 16:
            self._store_byte(self._physical(base, at + 1), number >> 8)

    def _load_byte(self, address: int) -> int:
        state = self.memory.pages[address >> PAGE_SHIFT]
        if state & _LOADS_MIND:
            if state & _WATCH_READ:
                self.memory.touch(address, 1, Access.READ)
            if state & _PLANAR:
                return planar.load(self.memory, address)
        return self.memory.whole[address]

    def _store_byte(self, address: int, byte: int) -> None:
        state = self.memory.pages[address >> PAGE_SHIFT]
        if state & _PLANAR:
            planar.store(self.memory, address, byte)
            if state & _WATCH_WRITE:
                self.memory.touch(address, 1, Access.WRITE)
            return
        self._put(address, byte)
        if state & _MIRROR:
            self._put(address ^ MIRROR_BIT, byte)

    def _put(self, address: int, byte: int) -> None:
        page = address >> PAGE_SHIFT
        state = self.memory.pages[page]
        if state & _WRITE_MINDS:
            if state & _ROM:
                if state & PageState.TELL and self.witness is not None:
                    ip, icount = self._cells[Cell.IP], self.registers.icount
                    self._wants_attention |= self.witness.stored_to_rom(address, ip, icount)
                return
            if state & _WATCH_WRITE:
                self.memory.touch(address, 1, Access.WRITE)
            self.memory.note_write(page)
        self.memory.whole[address] = byte

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        self._wants_attention = True
        return Value(self.bus.read(_known(port), width), width)

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        self._wants_attention = True
        self.bus.write(_known(port), _known(value), value.width)

    # -- context: control --------------------------------------------------------------------

    def next_ip(self) -> Value:
        """Return the offset of the instruction that follows."""
        return Value(self._next_ip, 16)

    def instruction_offset(self) -> Value:
        """Return where the instruction begins, with its prefixes."""
        return Value(self._cells[Cell.IP], 32)

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment."""
        self._jump = _known(ip)

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset if the condition holds."""
        if condition.handle:
            self._jump = _known(ip)
            self._spent += self.cost.taken

    def interrupted(self, vector: Value) -> None:
        """Note nothing: there are no probes."""

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass."""
        self._spent += _known(cycles)

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other."""
        if condition.handle:
            then()
        elif otherwise is not None:
            otherwise()

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Repeat while the body returns 1, unless a trap or the host interrupts.

        The chip backs up by two bytes for the instruction and one prefix: further prefixes
        are lost when the interrupt returns.
        """
        cells, registers = self._cells, self.registers
        again = True
        while again:
            again = bool(body().handle)
            registers.cycles += _known(each)
            wanted = cells[Cell.ATTENTION] or registers.cycles >= self._until
            if again and (wanted or cells[Cell.TRAP]):
                self.between_rounds = True
                self._jump = (self._next_ip - 2) & 0xFFFF
                return

    def fault_if(self, condition: Value, vector: int) -> None:
        """Give the instruction up for an interrupt that returns to it, if the condition holds."""
        if condition.handle:
            raise _FaultError(vector)

    def lock_up(self, text: str) -> None:
        """Stop at this instruction."""
        self._lockup = text

    def _locked_up(self) -> Stop:
        text, self._lockup = self._lockup, None
        return Stop(StopReason.LOCKUP, text=text or "")

    def halt(self) -> None:
        """Stop executing until an interrupt."""
        self._cells[Cell.HALTED] = 1

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        self._cells[Cell.SHADOW] = 1

    def flags_opened(self) -> None:
        """Leave the run if TF is set, or IF newly while an interrupt is requested."""
        cells = self._cells
        opened = cells[Cell.INTERRUPT] and not self._was_open and cells[Cell.REQUEST]
        self._wants_attention = bool(opened or cells[Cell.TRAP])


BYTE_OFFSETS = (0, 2, 4, 6, 1, 3, 5, 7)
"""Where AL CL DL BL AH CH DH BH lie in the packed state."""


def _hit(touched: tuple[int, Access]) -> Stop:
    """Return the stop at a watched address."""
    return Stop(StopReason.WATCHPOINT, *touched)


def _known(value: Value) -> int:
    assert isinstance(value.handle, int)
    return value.handle


def _number(index: Index) -> int:
    assert isinstance(index, int)
    return index
