"""A machine's time: when devices are due, interrupts, and the sleep of HLT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from blink16.assembly import CLOCK_HZ, FOREVER, Assembly, Snapshot
from blink16.cpu import engines
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.models import DEFAULT as DEFAULT_MODEL
from blink16.cpu.native import slots
from blink16.cpu.registers import SHUT_DOWN, Cell
from blink16.services import Receiver

NMI_VECTOR = 2
MAX_CYCLES = 1100
"""More than an instruction takes that no prefix repeats, as SHL by 255."""
MAX_SLEEP_EVENTS = 64
"""Device events that a halted processor sleeps through before the machine says it is waiting."""
IDLE_SECONDS = 3
"""So long, in its own time, a machine may do nothing but wait before it says that it is idle."""
IDLE_INTERVAL = 20
"""An idle machine says so that many times a second of its own time."""
SHUTDOWN = "the processor has shut down, since it found no vector to enter, and nothing resets it"

# Members of enums by names of our own: looking them up takes as long as much of a service call.
_HALT = StopReason.HALT
_INTERRUPTION = tuple(map(int, (Cell.CS, Cell.IP, Cell.SS, Cell.SP)))
_INTERRUPT, _SHADOW, _HALTED, _REQUEST = map(
    int, (Cell.INTERRUPT, Cell.SHADOW, Cell.HALTED, Cell.REQUEST)
)


class Interruption(NamedTuple):
    """Where an interrupt of a device's was taken: the instruction that its handler returns to, and
    the stack that it then finds.
    """

    cs: int
    ip: int
    ss: int
    sp: int


class Timekeeper(Assembly):
    """A machine that knows what is due, and sees to it."""

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
        self.engine.horizon, self.engine.stirred = self._horizon, self._changed
        self.idle_after = IDLE_SECONDS * clock_hz
        """How long, in its time, it waits for something to happen before it stops as IDLE.

        A machine is waiting while it sleeps in HLT or looks for input in vain; what happens is
        input or output.  Whether a run stops for this makes no difference to the machine.
        """
        self._idle_told_at = 0
        self.resets_on_shutdown = False
        """Whether the board resets a processor that says it has shut down, as an AT's does."""
        self._resets = False
        """Whether the processor's RESET line was raised by the instruction that is executed."""
        self._effort = 0
        """Services and acts of devices, and what else counts as `Machine.effort`."""
        self._urgent = False
        """Whether the non-maskable interrupt is asked for (see `_plan`)."""
        self._next_due = FOREVER
        """When a device wants to act next, in machine time (see `_plan`)."""
        self._next_hot = slots.NEXT_HOT.view(self.registers.state)
        """When a hot device does; native code may have planned it anew since."""
        self._until = FOREVER
        """Where the run is to end, in machine time."""
        self.interruption: Interruption | None = None
        """The last one since `note_interruptions`."""
        self._notes_interruptions = False
        self._planned = False
        """Whether the next run may rely on the plan, since nothing has happened after it."""

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
        self._next_hot[0] = hot
        self._look_for_requests()
        mine = self._urgent or self._resets or self._notes_interruptions
        self.engine.plan(hot, 0 if mine else min(other, self._until))

    def note_interruptions(self, notes: bool) -> None:
        """Take devices' interrupts here from now on, where it is noted, and never in native code;
        or no more.
        """
        self._notes_interruptions, self.interruption = notes, None
        self._planned = False

    def _ask_changed(self) -> None:
        """Ask those who have changed when they want to act."""
        dues, first, is_known = self._told_dues, self._first_told_due, True
        for device in self._changed:
            before = dues.get(device)
            if before is None:
                continue
            at = device.due()  # type: ignore[attr-defined]
            if at is None:
                at = FOREVER
            if at != before:
                dues[device] = at
                is_known = is_known and before != first
                first = min(first, at)
        self._changed.clear()
        if self._silent:
            self._changed.update(self._silent)
        self._first_told_due = first if is_known else min(dues.values())

    def _look_for_requests(self) -> None:
        if self.controller is not None:
            self._cells[_REQUEST] = self.controller.pending()
        if self.non_maskable is not None:
            self._urgent = self.non_maskable.pending()

    def is_asked(self) -> bool:
        """Return whether an interrupt is asked for, which the processor may take or not."""
        return bool(self._urgent or self._cells[_REQUEST])

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
        self._plan()
        if self.witness is not None and self.witness.wants_stop:
            self.engine.plan(0, 0)  # native code is not to see to its devices and go on
            return self.cycles + 1
        return self._horizon_now()

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
        self._changed.add(self)

    def _settle(self) -> None:
        """Let devices catch up with time, and take an interrupt if there is one."""
        now = self.time
        self._effort += 1
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
        if self._notes_interruptions:
            cells = self._cells
            self.interruption = Interruption(*(cells[cell] for cell in _INTERRUPTION))
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

    def _watched(self, stop: Stop) -> Stop:
        """Return a watchpoint stop if a watched address was touched besides."""
        touched = self.memory.touched
        return stop if touched is None else Stop(StopReason.WATCHPOINT, *touched)

    def restore(self, snapshot: Snapshot) -> None:
        """Take the state of a `save`; the RAM is the caller's to put back."""
        self._planned = False
        super().restore(snapshot)
        self._changed.update(self._devices)
