"""A processor with its memory, bus, services and virtual clock.

A machine is a pure function of its start state and of the inputs it receives, each at an
instruction count.  It knows nothing of debuggers or of history.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.assembly import CLOCK_HZ, FOREVER, IRET_STUB
from blink16.cpu import engines
from blink16.cpu.engine import Engine, Stop, StopReason
from blink16.cpu.models import DEFAULT as DEFAULT_MODEL
from blink16.cpu.registers import Cell
from blink16.memory import Attribute
from blink16.services import (
    DONE,
    ELSEWHERE,
    Departed,
    Elsewhere,
    Exit,
    Forked,
    Outcome,
    Restart,
    Service,
    Trap,
    Wait,
)
from blink16.timekeeping import Timekeeper
from blink16.witness import Witness

TRAP_VECTOR = 1
SERVICE_EFFORT = 4
"""What a service counts as in `Machine.effort`: some of them take longer."""

# Members of enums by names of our own: looking them up takes as long as much of a service call.
_BUDGET, _HALT = StopReason.BUDGET, StopReason.HALT
_AT_SERVICE, _WANTS_ATTENTION = StopReason.SERVICE, StopReason.ATTENTION
_AT_END = Stop(_BUDGET)
_BEFORE_SERVICE = Stop(_AT_SERVICE)
_HITS = (StopReason.BREAKPOINT, StopReason.WATCHPOINT)
_NOBODYS_BUSINESS = (_BUDGET, _AT_SERVICE, _WANTS_ATTENTION)
_BREAKPOINT, _SERVICE = int(Attribute.BREAKPOINT), int(Attribute.SERVICE)
_CS, _IP, _TRAP, _SHADOW = map(int, (Cell.CS, Cell.IP, Cell.TRAP, Cell.SHADOW))
_ATTENTION, _REQUEST = int(Cell.ATTENTION), int(Cell.REQUEST)
_INTERRUPT = int(Cell.INTERRUPT)


class Machine(Timekeeper):
    """One machine."""

    def __init__(
        self,
        engine: str = engines.DEFAULT,
        *,
        cpu: str = DEFAULT_MODEL.name,
        epoch_ns: int = 0,
        clock_hz: int = CLOCK_HZ,
        fpu: bool = False,
    ) -> None:
        """Make a bare machine (see `Assembly`)."""
        super().__init__(engine, cpu=cpu, epoch_ns=epoch_ns, clock_hz=clock_hz, fpu=fpu)
        self._return_cost = self.model.timing.cost(self.model.opcodes.row(IRET_STUB[0])).cycles
        self._in_vain = False
        self._hurries = False
        self.asked: frozenset[StopReason] = frozenset()
        """Those of `OF_PROCESSES` at which runs end; it makes no difference to the guest."""
        self.serve_with: Callable[[Service], Outcome] | None = None
        """Does services, for who looks on when they are done (`blink16.questions`)."""

    @classmethod
    def bare(
        cls, engine: str = engines.DEFAULT, cpu: str = DEFAULT_MODEL.name, *, fpu: bool = False
    ) -> Machine:
        """Return RAM and a processor, without BIOS; port reads give FFh.

        An 80286's address line 20 is open.
        """
        machine = cls(engine, cpu=cpu, fpu=fpu)
        machine.registers.cells[Cell.A20] = machine.model.reaches_high
        return machine

    def use_engine(self, engine: Engine) -> Engine:
        """Run on another engine from here on, over the same state; return the one before."""
        before, self.engine = self.engine, engine
        engine.horizon, engine.stirred, engine.witness = (
            self._horizon,
            self._changed,
            before.witness,
        )
        engine.between_rounds, engine.hurries = before.between_rounds, before.hurries
        engine.effort = before.effort
        return before

    @property
    def effort(self) -> int:
        """How much of what has led here took Python, which takes a hundred times longer."""
        return self._effort + self.engine.effort

    @effort.setter
    def effort(self, effort: int) -> None:
        self._effort = effort - self.engine.effort

    def hurry(self, hurries: bool) -> None:
        """Let runs end where more than native code has to be done: before a service (SERVICE) or
        an instruction for the reference, and behind what devices do (BUDGET), if need be between
        two rounds of a REP instruction.
        """
        self._hurries = self.engine.hurries = hurries

    def watch_for_lacks(self, *, strict: bool = False) -> None:
        """Tell from now on what the guest uses and the machine lacks; to be called once.

        ``strict``: each time something is told, stop as LACKS or LACKED.
        """
        self.witness = self.engine.witness = Witness(self, strict=strict)
        self.add_component(Witness.COMPONENT, self.witness)

    # -- running -----------------------------------------------------------------------------

    def run(
        self,
        budget: int = FOREVER,
        *,
        until: int = FOREVER,
        skip_breakpoint: bool = False,
        through_traps: bool = False,
        effort: int = FOREVER,
    ) -> Stop:
        """Retire at most ``budget`` instructions and say why it stopped.

        ``until``: the first instruction that ends at so many `cycles` or behind is the last.
        ``skip_breakpoint``: execute the first instruction even if a breakpoint is set there.
        ``through_traps``: go on from a resumable trap instead of stopping at it.
        ``effort``: end (BUDGET) at the next instruction's end after so much of `Engine.effort`.
        """
        engine = self.engine
        engine.tires_at = tires_at = engine.effort + effort
        self._usual[0] = self._usual[1] = 0  # whoever ran something else may have changed it
        icount, cycles = self._icount, self._cycles
        end = icount[0] + budget
        skip = skip_breakpoint
        if not self._planned or until != self._until:
            self._until = until
            self._plan()
        self._planned = False
        service = self._next_service(skip)
        while True:
            if service is not None and self._hurries:
                return _BEFORE_SERVICE
            left = end - icount[0]
            if cycles[0] >= until and left > 1:
                left = 1  # the rest of a REP instruction
            stop = self._run_piece(left, skip, service, through_traps)
            reason = stop.reason
            if reason not in _NOBODYS_BUSINESS:
                return stop
            if reason is _BUDGET and icount[0] == end:
                return stop
            if self._hurries:
                return _AT_END
            is_over = cycles[0] >= until or engine.effort >= tires_at
            if is_over and not self.between_rounds:
                return _AT_END
            skip = False
            service = self._next_service(skip) if reason is _AT_SERVICE else None

    def _run_piece(
        self, budget: int, skip: bool, service: Service | None, through_traps: bool
    ) -> Stop:
        """Run until something happens, and see to it."""
        icount, cells = self._icount, self._cells
        before = icount[0]
        single = cells[_TRAP]
        self.memory.touched = None
        if service is None:
            stop = self._execute(budget, skip)
        elif single or cells[_REQUEST] or self._urgent or self.is_strict:
            stop = self._serve(service, budget, through_traps)
        else:
            stop = self._serve_in_a_row(service, budget, through_traps)
        retired = icount[0] != before
        if single and retired and cells[_TRAP] and not cells[_SHADOW]:
            self.engine.interrupt(TRAP_VECTOR)
            stop = self._watched(stop)
        if self._devices:
            is_late = self._cycles[0] >= self._next_due
            may_have_entered = not cells[_INTERRUPT] and stop.reason is not _HALT
            if is_late and may_have_entered and self.engine.just_entered:
                retired = False  # this is done: an interrupt's entry was the end of the last one
            stop = self._let_devices_act(stop, retired or self.between_rounds)
        if self.witness is not None and (lacked := self.witness.take_stop()) is not None:
            stop = stop if stop.reason in _HITS else lacked
        if cells[_ATTENTION]:
            cells[_ATTENTION] = 0
            if stop.reason not in _HITS:  # a hit would be lost: the machine has moved past it
                return Stop(StopReason.INTERRUPTED)
        return stop

    def _execute(self, budget: int, skip: bool) -> Stop:
        """Let the engine run until the machine has its turn again."""
        if self._cells[_TRAP]:
            budget = min(budget, 1)
        return self._execute_until(self._horizon_now(), budget, skip)

    def _execute_until(self, horizon: int, budget: int, skip: bool) -> Stop:
        witness = self.witness
        if witness is None:
            stop = self.engine.run(budget, horizon, skip_first=skip)
        else:
            witness.guest_runs = True
            try:
                stop = self.engine.run(budget, horizon, skip_first=skip)
            finally:
                witness.guest_runs = False
        if self._said[0]:
            self._say()
        self._note_plans(stop)
        return stop

    def _note_plans(self, stop: Stop) -> None:
        """Note when devices want to act, after a run that ended like this."""
        if stop.reason is _WANTS_ATTENTION:
            self._plan()
        elif self._next_hot[0] < self._next_due:  # a timer was programmed in native code
            self._next_due = self._next_hot[0]

    @property
    def may_say_later(self) -> bool:
        """Whether what is shown may be told at the end of a run: nobody minds the instant."""
        return self.serve_with is None and super().may_say_later

    def interrupt(self) -> None:
        """Ask a running machine to stop soon; may be called from any thread."""
        self._cells[_ATTENTION] = 1

    # -- services ----------------------------------------------------------------------------

    def _next_service(self, skip_breakpoint: bool) -> Service | None:
        """Return the service at CS:IP, unless a breakpoint is to be minded there."""
        address = self.pc
        here = self.memory.attributes[address]
        if here & _SERVICE and (skip_breakpoint or not here & _BREAKPOINT):
            return self._services[address]
        return None

    def _serve(self, service: Service, budget: int, through_traps: bool) -> Stop:
        """Run the service at CS:IP and the stub's IRET, which retire together; and go on."""
        if budget <= 0:
            return _AT_END
        self._effort += SERVICE_EFFORT
        outcome = service(self) if self.serve_with is None else self.serve_with(service)
        return self._conclude(outcome, budget, through_traps)

    def _serve_in_a_row(self, service: Service, budget: int, through_traps: bool) -> Stop:
        """Serve, and go on while the guest does nothing but call services.

        What belongs to the end of each instruction is left out as long as there is none of it:
        nobody wants attention, no device is due, and no interrupt is asked for.
        """
        if self._cycles[0] >= min(self._next_due, self._until):
            return self._serve(service, budget, through_traps)
        witness = self.witness
        if witness is None:
            return self._serve_on(service, budget, through_traps)
        try:
            return self._serve_on(service, budget, through_traps)
        finally:
            witness.guest_runs = False

    def _serve_on(self, service: Service, budget: int, through_traps: bool) -> Stop:
        """Do the part of `_serve_in_a_row` that is done for each call: all of it counts."""
        cells, attributes, memory = self._cells, self._attributes, self.memory
        icount, cycles, serve_with = self._icount, self._cycles, self.serve_with
        changed, next_hot, run_on = self._changed, self._next_hot, self.engine.run_on
        said = self._said
        witness, services = self.witness, self._services
        end, horizon = icount[0] + budget, min(self._next_due, self._until)
        while True:
            before = icount[0]
            if before >= end:
                return _AT_END
            self._effort += SERVICE_EFFORT
            outcome = service(self) if serve_with is None else serve_with(service)
            if outcome is not DONE:
                outcome = self._as_asked(outcome)
            if self._in_vain and 0 <= cycles[0] - self._happened_at < self.idle_after:
                self._in_vain = False
            is_plain = outcome is DONE or outcome is ELSEWHERE
            if not is_plain or self._in_vain or memory.touched or cells[_ATTENTION]:
                return self._conclude(outcome, end - before, through_traps)
            if outcome is ELSEWHERE:
                self._elsewhere(_BEFORE_SERVICE)
                horizon = min(self._next_due, self._until)
                if not self._is_undisturbed(horizon) or icount[0] >= end:
                    return _BEFORE_SERVICE
                here = cells[_CS] * 16 + cells[_IP]
                if here in services:
                    service = services[here]
                    continue
            elif changed:
                self._plan()
                horizon = self._horizon_now()
            if witness is not None:
                witness.guest_runs = True
            stop = run_on(end - icount[0], horizon)
            if said[0]:
                self._say()
            if witness is not None:
                witness.guest_runs = False
            if stop.reason is not _AT_SERVICE:
                self._note_plans(stop)
                if stop.reason is _WANTS_ATTENTION and icount[0] == before:
                    return self._return_from_stub(end - before)
                return stop
            if next_hot[0] < self._next_due:  # a timer was programmed in native code
                self._next_due = next_hot[0]
                horizon = min(horizon, next_hot[0])
            disturbed = cells[_ATTENTION] or cells[_TRAP] or cells[_REQUEST]
            here = cells[_CS] * 16 + cells[_IP]
            if disturbed or cycles[0] >= horizon or here not in services:
                return stop
            if attributes[here] & _BREAKPOINT:
                return stop
            service = services[here]

    def _is_undisturbed(self, horizon: int) -> bool:
        """Whether the guest goes on where it stands as if nobody else were there."""
        cells, here = self._cells, self.pc
        if cells[_ATTENTION] or cells[_TRAP] or cells[_REQUEST] or self._urgent or self._resets:
            return False
        return self._cycles[0] < horizon and not self._attributes[here] & _BREAKPOINT

    def _as_asked(self, outcome: Outcome) -> Outcome:
        """Return what a service's outcome is to who has not asked for news of processes."""
        plain: Outcome = ELSEWHERE
        match outcome:
            case Elsewhere(loaded):
                reason = StopReason.LOADED if loaded else _BUDGET
            case Departed():
                reason = StopReason.DEPARTED
            case Forked(borrows=True):
                reason = StopReason.VFORKED
            case Forked():
                reason, plain = StopReason.FORKED, DONE
            case _:
                return outcome
        return outcome if reason in self.asked else plain

    def _conclude(self, outcome: Outcome, budget: int, through_traps: bool) -> Stop:
        """Do what a service wants, and go on behind its call."""
        news = None
        if outcome is not DONE:
            if isinstance(outcome, Trap) and outcome.resumable and through_traps:
                outcome = (outcome.then and outcome.then()) or outcome
            outcome = self._as_asked(outcome)
            if outcome is ELSEWHERE:
                return self._elsewhere(_BEFORE_SERVICE)  # it may stand at one, in a call
            if (stop := self._see_to(outcome, through_traps)) is not None:
                return stop
            news = _news(outcome)
        if outcome is not DONE or self._changed:
            self._plan()
        touched = self.memory.touched
        idle = self._in_vain and self._rested(StopReason.ATTENTION) is StopReason.IDLE
        self._in_vain = False
        lacking = self.witness is not None and self.witness.wants_stop
        if idle or touched or lacking or news:
            budget = 1
        stop = self._return_from_stub(budget)
        if news is not None:
            stop = news
        elif idle and stop.reason in _NOBODYS_BUSINESS:
            stop = Stop(StopReason.IDLE)
        if touched is not None:
            self.memory.touched = touched
        return self._watched(stop)

    def _see_to(self, outcome: Outcome, through_traps: bool) -> Stop | None:
        """Return the stop that a service asks for; None: it returns to its caller."""
        match outcome:
            case Wait():
                return Stop(StopReason.WAITING)
            case Exit(status, text, None):
                return Stop(StopReason.EXITED, status=status, text=text)
            case Exit(status, text, Departed(thread, how)):
                ended = StopReason.EXITED
                return Stop(ended, status=status, text=text, departed=thread, wait_status=how)
            case Departed(thread, how):
                return self._elsewhere(Stop(StopReason.DEPARTED, departed=thread, wait_status=how))
            case Trap(signal, text, resumable, _, passes) if not (resumable and through_traps):
                return Stop(StopReason.TRAPPED, status=signal, text=text, passes=passes)
            case Elsewhere(loaded):
                return self._elsewhere(Stop(StopReason.LOADED if loaded else StopReason.BUDGET))
            case Forked(parent, child, borrows) if borrows:
                return self._elsewhere(Stop(StopReason.VFORKED, parent=parent, child=child))
        return None

    def _elsewhere(self, stop: Stop) -> Stop:
        """Retire a call that does not come back by the stub's IRET."""
        self._icount[0] += 1
        self._cycles[0] += self._return_cost
        self._plan()
        return self._watched(stop)

    def _return_from_stub(self, budget: int) -> Stop:
        """Execute the stub's IRET even if someone wants attention: its service has run."""
        cells, icount = self._cells, self._icount
        before, wanted = icount[0], 0
        while True:
            if cells[_ATTENTION]:
                wanted, cells[_ATTENTION] = 1, 0
            stop = self._execute(1 if wanted else budget, skip=True)
            if stop.reason is not _WANTS_ATTENTION or icount[0] != before:
                if wanted:
                    cells[_ATTENTION] = 1
                return stop


def _news(outcome: Outcome) -> Stop | None:
    """Return the stop that tells of a service which has returned to its caller."""
    match outcome:
        case Restart(text):
            return Stop(StopReason.RESTARTED, text=text)
        case Forked(parent, child):
            return Stop(StopReason.FORKED, parent=parent, child=child)
    return None
