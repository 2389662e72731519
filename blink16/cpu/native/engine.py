"""The native engine: compiled code where it can be, the reference where it must be."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from blink16.bus import Bus
from blink16.cpu.engine import Stop, StopReason, Witness, next_instruction
from blink16.cpu.native import loading
from blink16.cpu.native.compiler import NativeError
from blink16.cpu.native.layout import OUT, Exit, Ignore, Slot
from blink16.cpu.native.loading import Core
from blink16.cpu.native.predicates import Predicates
from blink16.cpu.native.translation import Translation
from blink16.cpu.predicates import Predicate
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.registers import ICOUNT_OFFSET, Cell, Registers
from blink16.memory import Access, Memory

LOG = logging.getLogger("blink16")
PATIENCE = 2000
"""Instructions that the reference executes between two looks whether native code is ready."""

_GOAL, _ICOUNT = Slot.GOAL // 8, ICOUNT_OFFSET // 8
_TOUCHED, _TOUCHED_BY_READ = Slot.TOUCHED // 4, Slot.TOUCHED_BY_READ // 4
_AT_PORT = int(Exit.PORT)
FAR = 1 << 62
"""An instruction count that no run gets to."""
_ROM, _ROM_AT = Slot.ROM // 4, Slot.ROM_AT // 4
_WAKE, _CHANGES = Slot.WAKE // 4, Slot.CHANGES // 4
_PORT, _ACCESS, _VALUE = Slot.PORT // 4, Slot.ACCESS // 4, Slot.VALUE // 4
_STOPS: dict[int, Stop] = {
    Exit.BUDGET: Stop(StopReason.BUDGET),
    Exit.ATTENTION: Stop(StopReason.ATTENTION),
    Exit.HALT: Stop(StopReason.HALT),
    Exit.BREAKPOINT: Stop(StopReason.BREAKPOINT),
    Exit.SERVICE: Stop(StopReason.SERVICE),
    Exit.BETWEEN_ROUNDS: Stop(StopReason.ATTENTION),
}


class NativeEngine:
    """Runs guest code natively; begins on the reference while there is no native code yet."""

    def __init__(
        self,
        registers: Registers,
        memory: Memory,
        bus: Bus,
        *,
        wait: bool = False,
        regions: bool = True,
    ) -> None:
        """Make an engine over shared state.

        ``wait``: until native code is ready; then raises NativeError if there can't be any.
        ``regions``: whether to translate hot code, or only to interpret.
        """
        self.regions = regions
        self.registers = registers
        self.memory = memory
        self._bus = bus
        self.horizon: Callable[[], int] = next_instruction
        self._reference = ReferenceEngine(registers, memory, bus)
        self._cells = registers.cells
        self._longs = memoryview(registers.state).cast("q")
        self._ints = memoryview(registers.state).cast("i")
        self._state = ctypes.addressof(ctypes.c_char.from_buffer(registers.state))
        self._memory = ctypes.addressof(ctypes.c_char.from_buffer(memory.arena))
        self.between_rounds = False
        self._core: Core | None = None
        self.translation: Translation | None = None
        self._wanted: Mapping[int, Predicate] = {}
        self._predicates: Predicates | None = None
        self._coming: Future[Core] | None = loading.core()
        if wait:
            self._use(self._coming.result())

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

    def run(self, budget: int, *, skip_first: bool = False) -> Stop:
        """Execute at most ``budget`` instructions (see `engine.Engine`)."""
        if self._core is not None or self._is_ready():
            return self._run(budget, skip_first)
        while True:
            stop = self._delegate(min(budget, PATIENCE), skip_first)
            if stop.reason is not StopReason.BUDGET or budget <= PATIENCE:
                return stop
            budget -= PATIENCE
            skip_first = False
            if self._is_ready():
                return self._run(budget, skip_first)

    def interrupt(self, vector: int) -> None:
        """Enter an interrupt between two instructions."""
        if self._core is None:
            self._reference.interrupt(vector)
            return
        self._cells[Cell.HALTED] = 0
        self._longs[_GOAL] = self._longs[_ICOUNT]
        self._core.interrupt(self._state, self._memory, vector)
        if self._ints[_CHANGES] and self.translation is not None:
            self.translation.see_changes()
        if self._ints[_ROM]:
            self._stored_to_rom(self._longs[_ICOUNT])
        if self._ints[_TOUCHED]:
            self._touched()

    def overlook(self, predicates: Mapping[int, Predicate]) -> None:
        """Pass breakpoints where their predicates are false, once these are compiled."""
        if not predicates and not self._wanted:
            return
        self._wanted = predicates
        if self._predicates is not None:
            self._predicates.arm(predicates)

    def _is_ready(self) -> bool:
        coming = self._coming
        if coming is None or not coming.done():
            return False
        self._coming = None
        try:
            self._use(coming.result())
        except NativeError as error:
            LOG.warning("running on the slow reference engine: %s", error)
            return False
        return True

    def _use(self, core: Core) -> None:
        self._core = core
        if self.regions:
            self.translation = Translation(core, self.registers, self.memory)
        self._predicates = Predicates(core, self.memory)
        self._predicates.arm(self._wanted)

    def _delegate(self, budget: int, skip_first: bool) -> Stop:
        stop = self._reference.run(budget, skip_first=skip_first)
        self.between_rounds = self._reference.between_rounds
        return stop

    def _run(self, budget: int, skip_first: bool) -> Stop:
        cells = self._cells
        self.memory.touched = None
        if budget <= 0:
            return _STOPS[Exit.BUDGET]
        if cells[Cell.ATTENTION]:
            return _STOPS[Exit.ATTENTION]
        if cells[Cell.HALTED]:
            return _STOPS[Exit.HALT]
        if cells[Cell.TRAP]:
            return self._delegate(budget, skip_first)
        if self.translation is not None:
            self._look_after(self.translation)
        if self._predicates is not None and self._predicates.coming:
            self._predicates.take_ready()
        return self._run_natively(budget, Ignore.POINTS if skip_first else Ignore.NOTHING)

    def _look_after(self, translation: Translation) -> None:
        """See to what happened to translated code between two runs."""
        memory = self.memory
        if memory.stale_code:
            translation.see_host()
        if self._ints[_WAKE]:
            translation.take_ready()
        if translation.watching != bool(memory.read_watches):
            translation.set_watching(bool(memory.read_watches))

    def _run_natively(self, budget: int, ignore: int) -> Stop:
        assert self._core is not None
        enter, state, memory, longs = self._core.enter, self._state, self._memory, self._longs
        began = longs[_ICOUNT]
        end = longs[_GOAL] = began + budget
        horizon = FAR
        exit_ = enter(state, memory, ignore)
        while True:
            while exit_ == _AT_PORT:
                value = self._access_port()
                horizon = longs[_ICOUNT] + self.horizon()
                longs[_GOAL] = min(horizon, end)
                exit_ = self._core.answer(state, memory, value)
            stop = _STOPS.get(exit_) or self._see_to(exit_)
            if stop is not None:
                break
            if longs[_ICOUNT] != began:  # else the first instruction is still to come
                ignore = Ignore.NOTHING
            exit_ = enter(state, memory, ignore)
        if self._ints[_ROM]:
            self._stored_to_rom(longs[_ICOUNT] - (exit_ != Exit.BETWEEN_ROUNDS))
        if exit_ == Exit.DELEGATE:
            return stop
        if longs[_ICOUNT] != began:
            self.between_rounds = False
        if exit_ == Exit.BETWEEN_ROUNDS:
            self.between_rounds = True
        return _STOPS[Exit.ATTENTION] if exit_ == Exit.BUDGET and horizon <= end else stop

    def _access_port(self) -> int:
        """Do for IN or OUT what it left for; return what IN is to read."""
        ints, access = self._ints, self._ints[_ACCESS]
        if access & OUT:
            self._bus.write(ints[_PORT], ints[_VALUE], access - OUT)
            return 0
        return self._bus.read(ints[_PORT], access)

    def _see_to(self, exit_: int) -> Stop | None:
        """Do what native code can't; None to go on with it."""
        if exit_ == Exit.DELEGATE:
            stop = self._delegate(1, True)
            if self.translation is not None and self.memory.stale_code:
                self.translation.see_host()
            return None if stop.reason is StopReason.BUDGET else stop
        if exit_ == Exit.WATCHPOINT:
            return self._touched()
        if exit_ == Exit.ROM:
            return _STOPS[Exit.ATTENTION] if self._stored_to_rom(self._longs[_ICOUNT] - 1) else None
        translation = self.translation
        if translation is not None:
            match exit_:
                case Exit.HOT:
                    translation.warmer(self.registers.cs, self.registers.ip)
                case Exit.CHANGED:
                    translation.see_changes()
                case Exit.WAKE:
                    translation.take_ready()
        return None

    def _stored_to_rom(self, icount: int) -> bool:
        """Tell of a store to ROM by the instruction ``icount``; whether the run is to end."""
        address, ip = self._ints[_ROM] - 1, self._ints[_ROM_AT]
        self._ints[_ROM] = 0
        return self.witness is not None and self.witness.stored_to_rom(address, ip, icount)

    def _touched(self) -> Stop:
        address = self._ints[_TOUCHED] - 1
        access = Access.READ if self._ints[_TOUCHED_BY_READ] else Access.WRITE
        self._ints[_TOUCHED] = 0
        self.memory.touched = address, access
        return Stop(StopReason.WATCHPOINT, address, access)
