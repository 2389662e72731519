"""Who has the processor: processes take turns at calls that must wait, and when time is up.

A process that has not the processor is its registers.  One that waits in a call stands at INT
80h's stub with the caller's IP, CS and flags on its stack, and does the call again when it has
the processor back; one whose time was up stands amid its program.  While nobody can go on but
time may help, the processor halts in the idle loop.
"""

from __future__ import annotations

from blink16.cpu.registers import Cell
from blink16.elks.execution import push_frame
from blink16.elks.kept_registers import keep, load
from blink16.elks.kernel import Kernel
from blink16.elks.readiness import is_ready
from blink16.elks.signals import ElksSignal, bit
from blink16.elks.state import IDLE, Life, Task, WaitFor, Waiting
from blink16.memory import linear
from blink16.services import ELSEWHERE, WAIT, Chassis, Departed, Outcome

SLICE_MS = 80
"""Milliseconds of the machine's time until another process has its turn: eight ticks."""
IDLE_TICK_MS = 50
"""So often the idle loop goes round while time passes."""
HALT_LOOP = bytes((0xF4, 0xEB, 0xFD, 0x90))
"""HLT, and back to it."""
IDLE_FLAGS = 0xF202
LAST_TURN = 1 << 16
"""More than any process' number."""
_ASKED = frozenset({WaitFor.NETWORK_ANSWER, WaitFor.NETWORK_ROOM})
"""Waits in calls that have said something outside: they can't be taken back."""


class Scheduler:
    """A device (`services.Device`) whose state is the kernel's."""

    COMPONENT = "elks-clock"

    def __init__(self, chassis: Chassis, kernel: Kernel) -> None:
        self._chassis = chassis
        self._kernel = kernel
        self._idle = chassis.add_stub("elks-idle")
        chassis.memory.write(linear(*self._idle), HALT_LOOP)
        self._stubs: set[int] = set()
        self._signal_stub = (0, 0)

    def set_stubs(self, call: tuple[int, int], signal: tuple[int, int]) -> None:
        """Know where processes stand in a call, and where they are sent to take a signal."""
        self._signal_stub = signal
        self._stubs = {linear(*call), linear(*signal)}

    @property
    def is_idle(self) -> bool:
        """Whether nobody has the processor."""
        return self._kernel.state.current == IDLE

    # -- at a call ---------------------------------------------------------------------------

    def wait(self, waiting: Waiting) -> Outcome:
        """Let the current process wait in its call; another goes on, if one can.

        If nobody can, all is as it was before the call.
        """
        kernel = self._kernel
        kernel.journal.assign(kernel.task, "waiting", waiting)
        following = self._next()
        if following is None and self._timer() is None and waiting.reason not in _ASKED:
            kernel.journal.take_back()
            return WAIT
        self._suspend()
        return self._go_on(following)

    def leave(self, to: int = IDLE) -> Outcome:
        """Go on with another process: the current one has put its registers away."""
        return self._go_on(self._kernel.state.tasks.get(to) or self._next())

    def depart(self, departed: Departed) -> Departed:
        """Go on with another process: the current one has ended."""
        self._go_on(self._next())
        return departed

    def _go_on(self, following: Task | None) -> Outcome:
        if following is None:
            self._rest()
        else:
            self._resume(following)
        return ELSEWHERE

    # -- the device --------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when somebody gets his turn or his signal."""
        kernel = self._kernel
        state = kernel.state
        current, timer, others = state.current, None, False
        for pid, task in state.tasks.items():
            if task.alarm is not None:
                timer = _sooner(timer, task.alarm)
            waiting = task.waiting
            if is_ready(kernel, task):
                others = others or pid != current
            elif waiting is not None and waiting.deadline is not None:
                timer = _sooner(timer, waiting.deadline)
        if current == IDLE:
            if others:
                return self._chassis.time
            return None if timer is None else min(timer, state.slice_end)
        if others:
            timer = _sooner(timer, state.slice_end)
        if state.tasks[current].pending and not self._in_stub():
            timer = _sooner(timer, self._chassis.time)
        return None if timer is None else max(timer, state.hold)

    def advance(self, time: int) -> None:
        """Ring alarms, and let somebody else go on if it is his turn."""
        kernel = self._kernel
        kernel.journal.begin()
        self._ring(time)
        state = kernel.state
        if self._chassis.registers.cells[Cell.SHADOW]:
            kernel.change_state(hold=time + 1)
            return
        if state.current == IDLE:
            following = self._next()
            if following is not None:
                self._resume(following)
            else:
                self._chassis.registers.cells[Cell.HALTED] = 0
                kernel.change_state(slice_end=kernel.later(IDLE_TICK_MS))
        elif self._has_signal():
            self._enter_signal_stub()
        elif time >= state.slice_end and (following := self._next()) is not None:
            self._suspend()
            self._resume(following)

    def is_heard(self) -> bool:
        """Return whether it may end HLT: that of the idle loop, or when others can go on."""
        return self.is_idle or len(self._kernel.state.tasks) > 1

    def save(self) -> tuple[()]:
        """Return nothing: the kernel has it all."""
        return ()

    def restore(self, state: object) -> None:
        """Take nothing."""

    # -- turns -------------------------------------------------------------------------------

    def _next(self) -> Task | None:
        """Return who is to go on instead of the current process."""
        kernel = self._kernel
        state = kernel.state
        current = state.current
        here = current or state.shown
        first, found = LAST_TURN, None
        for pid, task in state.tasks.items():  # in turn: from the one behind the current one on
            turn = pid if pid > here else pid + LAST_TURN
            if pid != current and (found is None or turn < first) and is_ready(kernel, task):
                first, found = turn, task
        return found

    def _timer(self) -> int | None:
        """Return the nearest time for which somebody waits."""
        kernel, nearest = self._kernel, None
        for task in kernel.state.tasks.values():
            times = [task.alarm]
            if task.waiting is not None and not is_ready(kernel, task):
                times.append(task.waiting.deadline)
            for time in times:
                if time is not None and (nearest is None or time < nearest):
                    nearest = time
        return nearest

    def _ring(self, time: int) -> None:
        for task in tuple(self._kernel.state.tasks.values()):
            if task.alarm is not None and task.alarm <= time:
                again = task.alarm + task.alarm_interval if task.alarm_interval else None
                if again is not None and again <= time:
                    again = time + task.alarm_interval
                self._kernel.journal.alter(task, alarm=again)
                self._kernel.send(task, ElksSignal.SIGALRM)

    def _has_signal(self) -> bool:
        """Whether the current process is to take a signal amid its program."""
        return bool(self._kernel.task.pending) and not self._in_stub()

    def _in_stub(self) -> bool:
        r = self._chassis.registers
        return linear(r.cs, r.ip) in self._stubs

    def _suspend(self) -> None:
        """Remember the registers of the current process."""
        kernel = self._kernel
        kernel.journal.assign(kernel.task, "registers", keep(self._chassis.registers))

    def _resume(self, task: Task) -> None:
        """Give a process the processor."""
        kernel = self._kernel
        journal, state = kernel.journal, kernel.state
        if task.life == Life.STOPPED and task.pending & bit(ElksSignal.SIGKILL):
            journal.assign(task, "life", Life.RUNNING)
        registers = task.registers
        journal.assign(task, "registers", ())
        journal.assign(state, "current", task.pid)
        journal.assign(state, "shown", task.pid)
        journal.assign(state, "slice_end", kernel.later(SLICE_MS))
        load(self._chassis.registers, registers)
        if task.pending and not self._in_stub():
            self._enter_signal_stub()

    def _rest(self) -> None:
        """Give the processor to nobody."""
        kernel = self._kernel
        state = kernel.state
        shown = state.shown
        if shown not in state.tasks:  # it has ended, and has no parent to tell
            shown = kernel.living()[0].pid
        slice_end = kernel.later(IDLE_TICK_MS)
        kernel.change_state(current=IDLE, shown=shown, slice_end=slice_end)
        registers = self._chassis.registers
        registers.cs, registers.ip = self._idle
        registers.flags = IDLE_FLAGS

    def _enter_signal_stub(self) -> None:
        """Let the current process stand at the signals' stub, as if interrupted by them."""
        push_frame(self._chassis, *self._signal_stub)
        self._chassis.registers.cells[Cell.HALTED] = 0


def _sooner(one: int | None, other: int) -> int:
    return other if one is None or other < one else one
