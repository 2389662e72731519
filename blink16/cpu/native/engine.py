"""The native engine: compiled code where it can be, the reference where it must be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from blink16.bus import Bus
from blink16.cpu.engine import NEVER, SOMEBODY, Stop, StopReason, Witness, at_once
from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import loading, slots
from blink16.cpu.native.compiler import NativeError, pointer_to
from blink16.cpu.native.layout import OUT, Ignore, NativeExit
from blink16.cpu.native.loading import Core
from blink16.cpu.native.predicates import ArmedPredicates
from blink16.cpu.native.translations import Translations
from blink16.cpu.predicates import Predicate
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.registers import Cell, Registers
from blink16.memory import Access, Memory

LOG = logging.getLogger("blink16")
PATIENCE, PATIENCE_CYCLES = 2000, 20_000
"""So many instructions at most, or cycles, are executed by the reference between two looks whether
native code is ready."""

# Members of enums by names of our own, since looking them up takes its time.
_AT_PORT, _OVER = int(NativeExit.PORT), int(NativeExit.BUDGET)
_SERVICE = int(NativeExit.SERVICE)
_BETWEEN_ROUNDS, _DELEGATE = int(NativeExit.BETWEEN_ROUNDS), int(NativeExit.DELEGATE)
_NOTHING, _POINTS = int(Ignore.NOTHING), int(Ignore.POINTS)
_TRAP, _HALTED, _ATTENTION = int(Cell.TRAP), int(Cell.HALTED), int(Cell.ATTENTION)
_STOPS: dict[int, Stop] = {
    NativeExit.BUDGET: Stop(StopReason.BUDGET),
    NativeExit.ATTENTION: Stop(StopReason.ATTENTION),
    NativeExit.HALT: Stop(StopReason.HALT),
    NativeExit.BREAKPOINT: Stop(StopReason.BREAKPOINT),
    NativeExit.SERVICE: Stop(StopReason.SERVICE),
    NativeExit.BETWEEN_ROUNDS: Stop(StopReason.ATTENTION),
}
_AT_BUDGET, _AT_SERVICE = _STOPS[NativeExit.BUDGET], _STOPS[NativeExit.SERVICE]


class NativeEngine:
    """Runs guest code natively; begins on the reference while there is no native code yet."""

    def __init__(
        self,
        model: Model,
        registers: Registers,
        memory: Memory,
        bus: Bus,
        board: HotBoard = NO_BOARD,
        *,
        wait: bool = False,
        regions: bool = True,
    ) -> None:
        """Make an engine over shared state.

        ``wait``: until native code is ready, as good as it gets; then raises NativeError if there
        can't be any.
        ``regions``: whether to translate hot code, or only to interpret.
        """
        self.regions = regions
        self.registers = registers
        self.memory = memory
        self._bus = bus
        self.horizon: Callable[[], int] = at_once
        self.stirred: Collection[object] = SOMEBODY
        self._reference = ReferenceEngine(model, registers, memory, bus)
        self._moves_vectors = model.reaches_high
        """Whether there is LIDT; native code knows the vectors at 0 only."""
        self._cells = registers.cells
        state = registers.state
        self._icount, self._goal = slots.ICOUNT.view(state), slots.GOAL.view(state)
        self._cycles, self._until = slots.CYCLES.view(state), slots.UNTIL.view(state)
        self._touched_at = slots.TOUCHED.view(state)
        self._rom, self._rom_at = slots.ROM.view(state), slots.ROM_AT.view(state)
        self._touched_by_read = slots.TOUCHED_BY_READ.view(state)
        self._wake, self._changes = slots.WAKE.view(state), slots.CHANGES.view(state)
        self._asked = slots.ASKED.view(state)
        self._next_hot = slots.NEXT_HOT.view(state)
        self._next_other = slots.NEXT_OTHER.view(state)
        self._state, self._arena = pointer_to(state), pointer_to(memory.arena)
        self.between_rounds = self.hurries = False
        self.effort, self.tires_at = 0, NEVER
        self._core: Core | None = None
        self.translation: Translations | None = None
        self._wanted: Mapping[int, Predicate] = {}
        self._predicates: ArmedPredicates | None = None
        self._coming: Future[Core] | None = self._begin_loading(model, board)
        """The native code that is to be used as soon as it is there."""
        if wait:
            self._use(loading.best_of(self._coming.result()))

    @property
    def just_entered(self) -> bool:
        """Whether the last run may have ended with an interrupt's entry (`engine.Engine`).

        Where that takes longer than there is time, one instruction comes in any case: the run is
        to end behind the next cycle.
        """
        return self._until[0] == self._cycles[0] + 1

    @property
    def name(self) -> str:
        """What executes now: ``native`` or ``reference``."""
        return "reference" if self._core is None else "native"

    @property
    def witness(self) -> Witness | None:
        """Who is told of what can't be meant; the reference meets it."""
        return self._reference.witness

    @witness.setter
    def witness(self, witness: Witness | None) -> None:
        self._reference.witness = witness

    # -- running -----------------------------------------------------------------------------

    def run(self, budget: int, until: int = NEVER, *, skip_first: bool = False) -> Stop:
        """Execute at most ``budget`` instructions (see `engine.Engine`)."""
        if self._coming is not None:
            self._is_ready()
        core = self._core
        if core is None:
            return self._begin(budget, until, skip_first)
        cells, memory = self._cells, self.memory
        memory.touched = None
        if budget <= 0 or self._cycles[0] >= until:
            return _AT_BUDGET
        if cells[_ATTENTION]:
            return _STOPS[NativeExit.ATTENTION]
        if cells[_HALTED]:
            return _STOPS[NativeExit.HALT]
        if cells[_TRAP] or (self._moves_vectors and self.registers.moved_vectors):
            return _AT_BUDGET if self.hurries else self._delegate(budget, until, skip_first)
        translation = self.translation
        if translation is not None and (
            memory.stale_code or self._wake[0] or translation.watching != bool(memory.read_watches)
        ):
            self._look_after(translation)
        if self._predicates is not None and self._predicates.coming:
            self._predicates.take_ready()
        return self._run_natively(core, budget, until, _POINTS if skip_first else _NOTHING)

    def run_on(self, budget: int, until: int) -> Stop:
        """Execute on behind a service (see `engine.Engine`)."""
        core, moves = self._core, self._moves_vectors
        if (
            core is None
            or self.memory.stale_code
            or self._wake[0]
            or (moves and self.registers.moved_vectors)
        ):
            return self.run(budget, until, skip_first=True)
        began = self._icount[0]
        self._goal[0], self._until[0] = began + budget, until
        exit_ = core.enter(self._state, self._arena, _POINTS)
        if exit_ == _SERVICE and not self._rom[0]:
            self.between_rounds = False
            return _AT_SERVICE
        return self._run_on(core, exit_, began, until, _POINTS)

    def _begin(self, budget: int, until: int, skip_first: bool) -> Stop:
        """Run on the reference until there is native code."""
        icount, cycles = self._icount, self._cycles
        while True:
            before, pause = icount[0], cycles[0] + PATIENCE_CYCLES
            stop = self._delegate(min(budget, PATIENCE), until, skip_first, pause)
            budget -= icount[0] - before
            is_over = budget <= 0 or cycles[0] >= until or self.effort >= self.tires_at
            if stop.reason is not StopReason.BUDGET or is_over:
                return stop
            skip_first = False
            if self._is_ready():
                return self.run(budget, until, skip_first=skip_first)

    def plan(self, hot: int, other: int) -> None:
        """Note at how many cycles hot devices, and all others, want to act."""
        self._next_hot[0], self._next_other[0] = hot, other

    def abandon_rounds(self) -> None:
        """Retire the REP instruction between two rounds of which the run ended."""
        self._reference.abandon_rounds()
        self.between_rounds = False

    def interrupt(self, vector: int) -> None:
        """Enter an interrupt between two instructions."""
        if self._core is None or (self._moves_vectors and self.registers.moved_vectors):
            self._reference.interrupt(vector)
            return
        self._cells[Cell.HALTED] = 0
        self._core.interrupt(self._state, self._arena, vector)
        if self._changes[0] and self.translation is not None:
            self.translation.see_changes()
        if self._rom[0]:
            self._stored_to_rom(self._icount[0])
        if self._touched_at[0]:
            self._touched()

    def overlook(self, predicates: Mapping[int, Predicate]) -> None:
        """Pass breakpoints where their predicates are false, once these are compiled."""
        if not predicates and not self._wanted:
            return
        self._wanted = predicates
        if self._predicates is not None:
            self._predicates.arm(predicates)

    def _is_ready(self) -> bool:
        """Use native code that has come, or better one; whether there was any."""
        coming = self._coming
        if coming is None or not coming.done():
            return False
        self._coming = None
        try:
            self._use(coming.result())
        except NativeError as error:
            if self._core is None:
                LOG.warning("running on the slow reference engine: %s", error)
            return False
        return True

    def _use(self, core: Core) -> None:
        """Execute with this core from here on, between two runs."""
        self.forget()
        self._core, self._coming = core, core.better
        if self.regions:
            self.translation = self._translations(core)
        if self._predicates is None:
            self._predicates = ArmedPredicates(core, self.memory)
            self._predicates.arm(self._wanted)

    def _begin_loading(self, model: Model, board: HotBoard) -> Future[Core]:
        return loading.core(model, board)

    def _translations(self, core: Core) -> Translations:
        return Translations(core, self.registers, self.memory)

    def forget(self) -> None:
        """Give translated code up, so that another engine can work on this memory for a while."""
        if self.translation is not None:
            self.translation.forget()

    def _delegate(self, budget: int, until: int, skip_first: bool, pause: int = NEVER) -> Stop:
        reference = self._reference
        before = reference.effort
        stop = reference.run(budget, until, skip_first=skip_first, pause=pause)
        self.effort += reference.effort - before
        self.between_rounds = reference.between_rounds
        return stop

    def _delegate_here(self) -> Stop:
        """Let the reference execute the instruction at CS:IP, and an 8087's behind it."""
        if self.registers.x87 is None:
            return self._delegate(1, self._until[0], True)
        reference = self._reference
        before = reference.effort
        stop = reference.run_escapes(self._goal[0] - self._icount[0], self._until[0])
        self.effort += reference.effort - before
        self.between_rounds = reference.between_rounds
        return stop

    def _look_after(self, translation: Translations) -> None:
        """See to what happened to translated code between two runs."""
        memory = self.memory
        if memory.stale_code:
            translation.see_host()
        if self._wake[0]:
            translation.take_ready()
        if translation.watching != bool(memory.read_watches):
            translation.set_watching(bool(memory.read_watches))

    def _run_natively(self, core: Core, budget: int, until: int, ignore: int) -> Stop:
        icount = self._icount
        began = icount[0]
        self._goal[0], self._until[0] = began + budget, until
        exit_ = core.enter(self._state, self._arena, ignore)
        if exit_ == _SERVICE and not self._rom[0]:  # nothing else to see to: calls come in loops
            if icount[0] != began:
                self.between_rounds = False
            return _AT_SERVICE
        return self._run_on(core, exit_, began, until, ignore)

    def _run_on(self, core: Core, exit_: int, began: int, until: int, ignore: int) -> Stop:
        """See to what native code has left for, and go on with it until that is a stop."""
        state, arena, icount, memory = self._state, self._arena, self._icount, self.memory
        asked, bus, stirred = self._asked, self._bus, self.stirred
        horizon, planned, tires_at = NEVER, None, self.tires_at
        while True:
            while exit_ == _AT_PORT:
                port, access, value = asked
                self.effort += 1
                if access & OUT:
                    bus.write(port, value, access - OUT)
                else:
                    value = bus.read(port, access)
                if memory.stale_code:  # as the 8237 moves memory at an access
                    self._see_stale_code()
                ends = memory.touched is not None or self.effort >= tires_at
                if stirred:
                    due = self.horizon()
                    horizon = self._until[0] = due if due < until else until
                    ends = ends or self._watching_changed()
                if ends:  # here, whatever is planned
                    planned = self._next_other[0]
                    horizon = self._until[0] = self._next_other[0] = 0
                exit_ = core.answer(state, arena, value)
            stop = _STOPS.get(exit_) or self._see_to(exit_)
            if stop is not None:
                break
            if icount[0] != began:  # else the first instruction is still to come
                ignore = _NOTHING
            exit_ = core.enter(state, arena, ignore)
        if planned is not None:
            self._next_other[0] = planned
        if self._rom[0]:
            self._stored_to_rom(icount[0] - (exit_ != _BETWEEN_ROUNDS))
        if exit_ == _DELEGATE and not self.hurries:
            return stop
        if icount[0] != began:
            self.between_rounds = False
        if exit_ == _BETWEEN_ROUNDS:
            self.between_rounds = True
            if self._touched_at[0]:
                return self._touched()
        is_due = exit_ == _OVER and horizon <= self._cycles[0]
        return _STOPS[NativeExit.ATTENTION] if is_due else stop

    def _see_stale_code(self) -> None:
        if self.translation is not None:
            self.translation.see_host()

    def _watching_changed(self) -> bool:
        """Whether regions have to look at what they load from now on, or no more."""
        translation = self.translation
        wanted = bool(self.memory.read_watches)
        return translation is not None and translation.watching != wanted

    def _see_to(self, exit_: int) -> Stop | None:
        """Do what native code can't; None to go on with it."""
        if exit_ == NativeExit.DELEGATE:
            if self.hurries:
                return _AT_BUDGET
            stop = self._delegate_here()
            if self.memory.stale_code:
                self._see_stale_code()
            if stop.reason is not StopReason.BUDGET:
                return stop
            is_over = self._moves_vectors and self.registers.moved_vectors
            return _AT_BUDGET if is_over or self.effort >= self.tires_at else None
        if exit_ == NativeExit.WATCHPOINT:
            return self._touched()
        if exit_ == NativeExit.ROM:
            ends = self._stored_to_rom(self._icount[0] - 1)
            return _STOPS[NativeExit.ATTENTION] if ends else None
        translation = self.translation
        if translation is not None:
            match exit_:
                case NativeExit.HOT:
                    translation.warmer(self.registers.cs, self.registers.ip)
                case NativeExit.CHANGED:
                    translation.see_changes()
                case NativeExit.WAKE:
                    translation.take_ready()
        return None

    def _stored_to_rom(self, icount: int) -> bool:
        """Tell of a store to ROM by the instruction ``icount``; whether the run is to end."""
        address, ip = self._rom[0] - 1, self._rom_at[0]
        self._rom[0] = 0
        return self.witness is not None and self.witness.stored_to_rom(address, ip, icount)

    def _touched(self) -> Stop:
        address = self._touched_at[0] - 1
        access = Access.READ if self._touched_by_read[0] else Access.WRITE
        self._touched_at[0] = 0
        if self.memory.touched is None:  # else an interrupt's entry is not the first to touch
            self.memory.touched = address, access
        return Stop(StopReason.WATCHPOINT, *self.memory.touched)
