"""A processor with its memory, bus, services and virtual clock.

A machine is a pure function of its start state and of the inputs it receives, each at an
instruction count.  It knows nothing of debuggers or of history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from blink16.bus import Bus
from blink16.cpu import engines
from blink16.cpu.engine import Engine, Stop, StopReason
from blink16.cpu.models import DEFAULT as DEFAULT_MODEL
from blink16.cpu.models import find as find_model
from blink16.cpu.registers import SHUT_DOWN, Cell, Registers
from blink16.devices.hot import BOARD
from blink16.lacks import Kind, Lack
from blink16.memory import RAM_SIZE, Attribute, Memory, linear
from blink16.process_table import ProcessTable
from blink16.services import (
    DONE,
    QUIET,
    Component,
    Departed,
    Device,
    Elsewhere,
    Exit,
    Forked,
    InterruptController,
    NonMaskable,
    Outcome,
    Receiver,
    Restart,
    Service,
    Trap,
    Wait,
)
from blink16.symbols import Symbol, SymbolKind
from blink16.witness import Witness

C = TypeVar("C")

ROM_SEGMENT = 0xF000
STUBS_OFFSET = 0x0100
STUB_SIZE = 4
IRET_STUB = bytes((0xCF, 0x90, 0x90, 0x90))
CLOCK_HZ = 4_772_727
"""Clock cycles a second, where nothing else is asked for: the PC's."""
TRAP_VECTOR, NMI_VECTOR = 1, 2
MAX_CYCLES = 1100
"""More than an instruction takes that no prefix repeats, as SHL by 255."""
MAX_SLEEP_EVENTS = 64
"""Device events that a halted processor sleeps through before the machine says it is waiting."""
IDLE_SECONDS = 3
"""So long, in its own time, a machine may do nothing but wait before it says that it is idle."""
IDLE_INTERVAL = 20
"""An idle machine says so that many times a second of its own time."""
FOREVER = 1 << 62
"""A budget that no run uses up."""


# Members of enums by names of our own: looking them up takes as long as much of a service call.
_BUDGET, _HALT, _IDLE = StopReason.BUDGET, StopReason.HALT, StopReason.IDLE
_AT_SERVICE, _WANTS_ATTENTION = StopReason.SERVICE, StopReason.ATTENTION
_AT_END = Stop(_BUDGET)
_BEFORE_SERVICE = Stop(_AT_SERVICE)
_HITS = (StopReason.BREAKPOINT, StopReason.WATCHPOINT)
_NOBODYS_BUSINESS = (_BUDGET, _AT_SERVICE, _WANTS_ATTENTION)
_BREAKPOINT, _SERVICE = int(Attribute.BREAKPOINT), int(Attribute.SERVICE)
_CS, _IP, _TRAP, _INTERRUPT = map(int, (Cell.CS, Cell.IP, Cell.TRAP, Cell.INTERRUPT))
_LINE_20 = slice(Cell.A20, Cell.A20 + 1)
SHUTDOWN = "the processor has shut down, since it found no vector to enter, and nothing resets it"
_SHADOW, _HALTED = int(Cell.SHADOW), int(Cell.HALTED)
_ATTENTION, _REQUEST = int(Cell.ATTENTION), int(Cell.REQUEST)


@dataclass(frozen=True)
class Snapshot:
    """A machine's state but for its RAM: processor, devices and services."""

    registers: bytes
    components: tuple[tuple[str, Any], ...]


def discard(channel: str, data: bytes) -> None:
    """Take output and show it nowhere."""


class Machine:
    """One machine."""

    def __init__(
        self,
        engine: str = engines.DEFAULT,
        *,
        cpu: str = DEFAULT_MODEL.name,
        epoch_ns: int = 0,
        clock_hz: int = CLOCK_HZ,
    ) -> None:
        """Make a bare machine.

        ``engine``: a name of `blink16.cpu.engines.NAMES`; ValueError if there is no such engine.
        ``cpu``: a name of `blink16.cpu.models.MODELS`; ValueError if there is no such processor.
        ``epoch_ns``: nanoseconds since the Unix epoch when the machine starts.
        ``clock_hz``: clock cycles of the processor in a second of the guest's clocks.
        """
        self.memory = Memory()
        self.model = find_model(cpu)
        """The processor."""
        self.registers = Registers(self.model.fixed_flags)
        self._cells = self.registers.cells
        self._icount, self._cycles = self.registers.counts
        self._attributes = self.memory.attributes
        if self.model.reaches_high:
            self.memory.line_20, self.memory.end = self._cells[_LINE_20], RAM_SIZE
        self.linear = self.memory.linear
        self.bus = Bus()
        self.engine: Engine = engines.make(
            engine, self.model, self.registers, self.memory, self.bus, BOARD
        )
        self.engine.horizon = self._horizon
        self.epoch_ns = epoch_ns
        self.clock_hz = clock_hz
        self.idle_after = IDLE_SECONDS * clock_hz
        """How long, in its time, it waits for something to happen before it stops as IDLE.

        A machine is waiting while it sleeps in HLT or looks for input in vain; what happens is
        input or output.  Whether a run stops for this makes no difference to the machine.
        """
        self._return_cost = self.model.timing.cost(self.model.opcodes.row(IRET_STUB[0])).cycles
        self._happened_at = 0
        self._idle_told_at = 0
        self._in_vain = False
        self.controller: InterruptController | None = None
        self.non_maskable: NonMaskable | None = None
        self.resets_on_shutdown = False
        """Whether the board resets a processor that says it has shut down, as an AT's does."""
        self._resets = False
        """Whether the processor's RESET line was raised by the instruction that is executed."""
        self._urgent = False
        """Whether the non-maskable interrupt is asked for (see `_plan`)."""
        self.replaying = False
        """While true, nothing is shown or done outside: this has happened before."""
        self.on_output: Callable[[str, bytes], None] = discard
        self.sinks: dict[str, Callable[[bytes], object]] = {}
        """Where the output of channels goes that have a place of their own, like a file."""
        self.on_notice: Callable[[str], None] = lambda text: None
        self.on_past_output: Callable[[str, bytes], None] = discard
        """Told what was shown outside when it happened first, while that happens again."""
        self.on_call: Callable[[str], None] | None = None
        """Told each call of the guest's system in one line, in replays too; None: not wanted."""
        self.on_lack: Callable[[Lack], None] = lambda lack: self.on_notice(str(lack))
        """Called with what the guest uses and the machine lacks (`watch_for_lacks`)."""
        self.witness: Witness | None = None
        self.process_table: ProcessTable | None = None
        """Who tells of the processes of the guest's system, if it has some."""
        self.service_names: dict[int, str] = {}
        """Names of the service stubs (``int21``) by linear address."""
        self.rom_symbols: list[Symbol] = []
        """Names of other code in ROM."""
        self._services: dict[int, Service] = {}
        self.serves = True
        """Whether services are done; else a run ends before one (SERVICE)."""
        self.serve_with: Callable[[Service], Outcome] | None = None
        """Does services, for who looks on when they are done (`blink16.questions`)."""
        self._components: dict[str, Component] = {}
        self._devices: list[Device] = []
        self._dues: list[Callable[[], int | None]] = []
        self._hot_dues: list[Callable[[], int | None]] = []
        """When they want to act; in the second, those for which the engine may act itself."""
        self._told_dues: dict[object, int] = {}
        """When the others want to act, as they said when they were last asked."""
        self._first_told_due = FOREVER
        self._changed: set[object] = set()
        """Who has changed since."""
        self._asks_always = False
        """Whether there are devices that don't tell when they change."""
        self._next_due = FOREVER
        """When a device wants to act next, in machine time (see `_plan`)."""
        self._until = FOREVER
        """Where the run is to end, in machine time."""
        self._planned = False
        """Whether the next run may rely on the plan, since nothing has happened after it."""
        self._next_stub = STUBS_OFFSET

    @classmethod
    def bare(cls, engine: str = engines.DEFAULT, cpu: str = DEFAULT_MODEL.name) -> Machine:
        """Return RAM and a processor, without BIOS; port reads give FFh.

        An 80286's address line 20 is open.
        """
        machine = cls(engine, cpu=cpu)
        machine.registers.cells[Cell.A20] = machine.model.reaches_high
        return machine

    @property
    def icount(self) -> int:
        """Instructions retired since the machine started."""
        return self.registers.icount

    @property
    def cycles(self) -> int:
        """Clock cycles since the machine started, also those slept through in HLT.

        This is the machine's time, on which its clocks run.
        """
        return self.registers.cycles

    @property
    def has_a20(self) -> bool:
        """Whether there is memory behind the first mebibyte (`devices.a20`)."""
        return self.model.reaches_high

    @property
    def time(self) -> int:
        """The same: what devices and services know it by."""
        return self.registers.cycles

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        cells = self._cells
        return self.linear(cells[_CS], cells[_IP])

    @property
    def is_strict(self) -> bool:
        """Whether it stops where its guest uses what it lacks."""
        return self.witness is not None and self.witness.strict

    @property
    def between_rounds(self) -> bool:
        """Whether it was stopped within a REP instruction, which has then not retired yet."""
        return self.engine.between_rounds

    def use_engine(self, engine: Engine) -> Engine:
        """Run on another engine from here on, over the same state; return the one before."""
        before, self.engine = self.engine, engine
        engine.horizon, engine.witness = self._horizon, before.witness
        engine.between_rounds = before.between_rounds
        return before

    # -- putting it together -----------------------------------------------------------------

    def add_component(self, name: str, component: Component) -> None:
        """Make a component's state part of the machine's."""
        if name in self._components:
            raise ValueError(f"the machine already has a component {name!r}")
        self._components[name] = component

    def component(self, name: str) -> Component | None:
        """Return the component of that name, if there is one."""
        return self._components.get(name)

    def find(self, kind: type[C]) -> C | None:
        """Return the component of that class, if there is one."""
        return next(self.find_all(kind), None)

    def find_all(self, kind: type[C]) -> Iterator[C]:
        """Yield all components of that class."""
        return (c for c in self._components.values() if isinstance(c, kind))

    def add_device(
        self, name: str, device: Device, *, hot: bool = False, tells: bool = False
    ) -> None:
        """Add a component that acts by itself when its time has come.

        ``hot``: it is one for which the board (`blink16.devices.hot`) can act.  ``tells``: see
        `services.Chassis`.
        """
        self.add_component(name, device)
        self._devices.append(device)
        if hot:
            self._hot_dues.append(device.due)
        elif tells:
            self._told_dues[device] = FOREVER
        else:
            self._dues.append(device.due)
        self._asks_always = self._asks_always or not tells
        self._changed.add(device)

    def add_controller(self, name: str, controller: InterruptController) -> None:
        """Add the component that asks for interrupts."""
        self.add_component(name, controller)
        self.controller = controller

    def add_non_maskable(self, name: str, source: NonMaskable) -> None:
        """Add the component that asks for the non-maskable interrupt."""
        self.add_component(name, source)
        self.non_maskable = source

    def watch_for_lacks(self, *, strict: bool = False) -> None:
        """Tell from now on what the guest uses and the machine lacks; to be called once.

        ``strict``: each time something is told, stop as LACKS or LACKED.
        """
        self.witness = self.engine.witness = Witness(self, strict=strict)
        self.add_component(Witness.COMPONENT, self.witness)

    def add_stub(self, name: str, service: Service | None = None) -> tuple[int, int]:
        """Put an IRET stub into ROM, with a service or none; return its segment and offset."""
        offset = self._next_stub
        self._next_stub += STUB_SIZE
        address = linear(ROM_SEGMENT, offset)
        self.memory.write(address, IRET_STUB)
        self.service_names[address] = name
        if service is not None:
            self._services[address] = service
            self.memory.mark(address, Attribute.SERVICE)
        return ROM_SEGMENT, offset

    def name_code(self, address: int, size: int, name: str) -> None:
        """Tell debuggers what some code in ROM is called."""
        self.rom_symbols.append(Symbol(name, address, SymbolKind.CODE, size))

    def hang_service(self, vector: int, service: Service, name: str | None = None) -> None:
        """Point an interrupt vector at a new stub that runs ``service``."""
        segment, offset = self.add_stub(name or f"int{vector:02x}", service)
        self.set_vector(vector, segment, offset)

    def set_vector(self, vector: int, segment: int, offset: int) -> None:
        """Set the far address of an interrupt's handler."""
        self.memory.write_word(vector * 4, offset)
        self.memory.write_word(vector * 4 + 2, segment)

    def tell_processes(self, table: ProcessTable) -> None:
        """Let debuggers see the processes of the guest's system."""
        self.process_table = table

    # -- running -----------------------------------------------------------------------------

    def run(
        self,
        budget: int = FOREVER,
        *,
        until: int = FOREVER,
        skip_breakpoint: bool = False,
        through_traps: bool = False,
    ) -> Stop:
        """Retire at most ``budget`` instructions and say why it stopped.

        ``until``: the first instruction that ends at so many `cycles` or behind is the last.
        ``skip_breakpoint``: execute the first instruction even if a breakpoint is set there.
        ``through_traps``: go on from a resumable trap instead of stopping at it.
        """
        icount, cycles = self._icount, self._cycles
        end = icount[0] + budget
        skip = skip_breakpoint
        if not self._planned or until != self._until:
            self._until = until
            self._plan()
        self._planned = False
        service = self._next_service(skip)
        while True:
            if service is not None and not self.serves:
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
            if cycles[0] >= until and not self.between_rounds:
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
            stop = self._let_devices_act(stop, retired or self.between_rounds)
        if self.witness is not None and (lacked := self.witness.take_stop()) is not None:
            stop = stop if stop.reason in _HITS else lacked
        if cells[_ATTENTION]:
            cells[_ATTENTION] = 0
            if stop.reason not in _HITS:  # a hit would be lost: the machine has moved past it
                return Stop(StopReason.INTERRUPTED)
        if stop.reason is _IDLE and icount[0] - before == budget:
            return Stop(StopReason.BUDGET)
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
        if stop.reason is _WANTS_ATTENTION:
            self._plan()
        return stop

    def interrupt(self) -> None:
        """Ask a running machine to stop soon; may be called from any thread."""
        self._cells[_ATTENTION] = 1

    # -- time and interrupts -----------------------------------------------------------------

    def _plan(self) -> None:
        """Ask the devices when they want to act, and for interrupts.

        To be done where that may have changed: after they acted, received or were accessed.
        """
        if self._changed:
            self._ask_changed()
        hot, other = FOREVER, self._first_told_due
        for due in self._dues:
            at = due()
            if at is not None and at < other:
                other = at
        for due in self._hot_dues:
            at = due()
            if at is not None and at < hot:
                hot = at
        self._next_due = hot if hot < other else other
        self._look_for_requests()
        hurries = self._urgent or self._resets
        self.engine.plan(hot, 0 if hurries else min(other, self._until))

    def _ask_changed(self) -> None:
        """Ask those who have changed when they want to act."""
        dues = self._told_dues
        for device in self._changed:
            if device in dues:
                at = device.due()  # type: ignore[attr-defined]
                dues[device] = FOREVER if at is None else at
        self._changed.clear()
        self._first_told_due = min(dues.values(), default=FOREVER)

    def _look_for_requests(self) -> None:
        if self.controller is not None:
            self._cells[_REQUEST] = self.controller.pending()
        if self.non_maskable is not None:
            self._urgent = self.non_maskable.pending()

    def is_device_due(self) -> bool:
        """Return whether a device may act by itself when the next instruction has retired.

        If not, the caller lets the machine run at once.
        """
        self._plan()
        due = self._next_due <= self.cycles + MAX_CYCLES
        self._planned = not due
        return due

    def _horizon_now(self) -> int:
        """Return at how many cycles a device or an interrupt has its turn."""
        cells, next_one = self._cells, self._cycles[0] + 1
        if self._urgent or self._resets or (cells[_REQUEST] and cells[_INTERRUPT]):
            return next_one  # it is held off for one more instruction
        due = self._next_due
        if due > self._until and not self.between_rounds:
            due = self._until
        return due if due > next_one else next_one

    def _horizon(self) -> int:
        """Answer an engine that has accessed a port (`Engine.horizon`)."""
        if self._changed or self._asks_always or self._resets or self._cycles[0] >= self._next_due:
            self._plan()
        stops = self.witness is not None and self.witness.wants_stop
        return self.cycles + 1 if stops else self._horizon_now()

    def _let_devices_act(self, stop: Stop, retired: bool) -> Stop:
        """Do what belongs to the end of an instruction: timers, interrupts, the sleep of HLT.

        All of it is done once, when the instruction retires (or, between two rounds of a REP,
        when its time has come): the state at an instruction count must not depend on how often
        somebody ran the machine.
        """
        cells = self._cells
        if self._resets or cells[_HALTED] == SHUT_DOWN:
            stop = self._reset(stop)
        if retired and (cells[_REQUEST] or self._urgent or self._cycles[0] >= self._next_due):
            self._settle()
        if stop.reason is _HALT and (cells[_INTERRUPT] or not cells[_HALTED]):
            woken = retired and self._sleep()
            stop = Stop(self._rested(StopReason.ATTENTION) if woken else self._asleep())
        return self._watched(stop)

    def _reset(self, stop: Stop) -> Stop:
        """Reset the processor, if the RESET line was raised or the board does so at shutdown."""
        if not self._resets and not self.resets_on_shutdown:
            return Stop(StopReason.LOCKUP, text=SHUTDOWN)
        self._resets = False
        if self.between_rounds:
            self.engine.abandon_rounds()
        self.registers.reset(*self.model.reset)
        self._plan()
        return Stop(StopReason.ATTENTION) if stop.reason is _HALT else stop

    def reset_processor(self) -> None:
        """Raise the RESET line: the processor begins anew when its instruction has retired."""
        self._resets = True

    def _settle(self) -> None:
        """Let devices catch up with time, and take an interrupt if there is one."""
        now = self.time
        if now >= self._next_due:
            for device in self._devices:
                due = device.due()
                if due is not None and due <= now:
                    device.advance(now)
                    self._changed.add(device)
            self._plan()
        cells = self._cells
        asked = self._urgent or (cells[_REQUEST] and cells[_INTERRUPT])
        if asked and not cells[_SHADOW] and cells[_HALTED] != SHUT_DOWN:
            if self.between_rounds:
                self.engine.abandon_rounds()
            self._take_interrupt()

    def _take_interrupt(self) -> None:
        """Enter the interrupt that is asked for; the one that can't be refused goes first."""
        if self._urgent and self.non_maskable is not None:
            self.non_maskable.acknowledge()
            self.engine.interrupt(NMI_VECTOR)
        elif self.controller is not None:
            self.registers.cycles += self.model.timing.acknowledge
            self.engine.interrupt(self.controller.acknowledge())
        self._plan()

    def _sleep(self) -> bool:
        """Pass time until an interrupt ends HLT; False if none is in sight.

        What nobody hears happens on the way: a masked timer may be fast and go on for ever.
        """
        for _ in range(MAX_SLEEP_EVENTS):
            if not self._cells[_HALTED]:
                return True
            due = min(self._heard_dues(), default=None)
            if due is None:
                return False
            self.registers.cycles = max(due, self.cycles)
            self._settle()
        return not self._cells[_HALTED]

    def _heard_dues(self) -> Iterator[int]:
        for device in self._devices:
            due = device.due()
            if due is not None and device.is_heard():
                yield due

    def _asleep(self) -> StopReason:
        """Return why a processor stops that sleeps with nothing in sight."""
        if self.controller is None:
            deaf = not any(device.is_heard() for device in self._devices)
        else:
            deaf = self.controller.is_deaf()
        return StopReason.HALT if deaf else StopReason.WAITING

    def _rested(self, reason: StopReason) -> StopReason:
        """Return IDLE, now and then, if nothing has happened for long; else ``reason``."""
        if self.replaying:
            return reason
        if self.time < max(self._happened_at, self._idle_told_at):  # it was moved back in time
            self._happened_at = self._idle_told_at = self.time
        interval = self.clock_hz // IDLE_INTERVAL
        if self.quiet < self.idle_after or self.time - self._idle_told_at < interval:
            return reason
        self._idle_told_at = self.time
        return StopReason.IDLE

    @property
    def quiet(self) -> int:
        """For how long, in its time, nothing has happened."""
        return self.time - self._happened_at

    def changed(self, component: object) -> None:
        """Note that a device may want to act at another time, or to interrupt."""
        self._changed.add(component)

    def looked_in_vain(self) -> None:
        """Note that the guest looked for input and there is none: it may be idle."""
        self._in_vain = True

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
        outcome = service(self) if self.serve_with is None else self.serve_with(service)
        return self._conclude(outcome, budget, through_traps)

    def _serve_in_a_row(self, service: Service, budget: int, through_traps: bool) -> Stop:
        """Serve, and go on while the guest does nothing but call quiet services.

        What belongs to the end of each instruction is left out as long as there is none of it:
        nobody wants attention, no device is due, and no interrupt is asked for.
        """
        cells, attributes, memory = self._cells, self._attributes, self.memory
        icount, cycles, serve_with = self._icount, self._cycles, self.serve_with
        end, horizon = icount[0] + budget, min(self._next_due, self._until)
        if cycles[0] >= horizon:
            return self._serve(service, budget, through_traps)
        while True:
            before = icount[0]
            if before >= end:
                return _AT_END
            outcome = service(self) if serve_with is None else serve_with(service)
            if self._in_vain and 0 <= cycles[0] - self._happened_at < self.idle_after:
                self._in_vain = False
            if outcome is not QUIET or self._in_vain or memory.touched or cells[_ATTENTION]:
                return self._conclude(outcome, end - before, through_traps)
            stop = self._execute_until(horizon, end - before, skip=True)
            if stop.reason is _WANTS_ATTENTION and icount[0] == before:
                return self._return_from_stub(end - before)
            if stop.reason is not _AT_SERVICE:
                return stop
            here = self.linear(cells[_CS], cells[_IP])
            disturbed = cells[_ATTENTION] or cells[_TRAP] or cells[_REQUEST]
            if disturbed or cycles[0] >= horizon or attributes[here] & _BREAKPOINT:
                return stop
            service = self._services[here]

    def _conclude(self, outcome: Outcome, budget: int, through_traps: bool) -> Stop:
        """Do what a service wants, and go on behind its call."""
        news = None
        if outcome is not QUIET:
            if outcome is not DONE:
                if isinstance(outcome, Trap) and outcome.resumable and through_traps:
                    outcome = (outcome.then and outcome.then()) or outcome
                if (stop := self._see_to(outcome, through_traps)) is not None:
                    return stop
                news = _news(outcome)
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
        self.registers.icount += 1
        self.registers.cycles += self._return_cost
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

    def _watched(self, stop: Stop) -> Stop:
        """Return a watchpoint stop if a watched address was touched besides."""
        touched = self.memory.touched
        return stop if touched is None else Stop(StopReason.WATCHPOINT, *touched)

    # -- the world outside -------------------------------------------------------------------

    def receive(self, channel: str, data: bytes) -> None:
        """Hand input to the component named ``channel``, now, between two instructions."""
        self._happened_at = self.time
        self._planned = False
        receiver: Receiver = self._components[channel]  # type: ignore[assignment]
        receiver.receive(data)
        if self._devices:
            self._changed.update(self._devices)
            self._plan()
            self._settle()
            if self._cells[_HALTED] == 1 and self._cells[_INTERRUPT]:
                self._sleep()

    def output(self, channel: str, data: bytes) -> None:
        """Show bytes outside, unless this has happened before."""
        if not self.replaying:
            self._happened_at = self._cycles[0]
            sink = self.sinks.get(channel)
            if sink is None:
                self.on_output(channel, data)
            else:
                sink(data)
        else:
            self.on_past_output(channel, data)

    def effect(self, act: Callable[[], None]) -> None:
        """Do something to the world outside, unless this has happened before."""
        if not self.replaying:
            act()

    @property
    def traces_calls(self) -> bool:
        """Whether anybody wants to know the calls of the guest's system."""
        return self.on_call is not None

    def trace_call(self, text: str) -> None:
        """Tell a call of the guest's system, decoded, with its result."""
        if self.on_call is not None:
            self.on_call(text)

    def notice(self, text: str) -> None:
        """Tell the user one line, unless this has happened before."""
        if not self.replaying:
            self.on_notice(text)

    def lacks(self, kind: Kind, what: str, remedy: str = "", *, place: int | None = None) -> None:
        """Tell what the caller of a service wants that there isn't (`Guest.lacks`)."""
        if self.witness is not None:
            self.witness.service_lacks(kind, what, remedy, place)

    def tell(self, lack: Lack) -> None:
        """Tell the user what the machine lacks, unless this has happened before."""
        if not self.replaying:
            self.on_lack(lack)

    def nanoseconds(self) -> int:
        """Nanoseconds of guest time since the Unix epoch."""
        return self.epoch_ns + self.time * 1_000_000_000 // self.clock_hz

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Snapshot:
        """Return all state but the RAM."""
        return Snapshot(
            self.registers.save(),
            tuple((name, component.save()) for name, component in self._components.items()),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take the state of a `save`; the RAM is the caller's to put back."""
        self._planned = False
        self.registers.restore(snapshot.registers)
        self.engine.between_rounds = False
        for name, state in snapshot.components:
            self._components[name].restore(state)
        self._changed.update(self._devices)


def _news(outcome: Outcome) -> Stop | None:
    """Return the stop that tells of a service which has returned to its caller."""
    match outcome:
        case Restart(text):
            return Stop(StopReason.RESTARTED, text=text)
        case Forked(parent, child):
            return Stop(StopReason.FORKED, parent=parent, child=child)
    return None
