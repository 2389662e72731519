"""The system behind INT 80h: AX = number, BX CX DX DI SI = arguments; AX = result or -errno."""

from __future__ import annotations

import errno
from functools import partial

from blink16.cpu.registers import Cell
from blink16.elks import processcalls, signalcalls
from blink16.elks.abi import MOVED_CALLS, Call, elks_errno
from blink16.elks.call_trace import CallTrace
from blink16.elks.calls import SERVED
from blink16.elks.kernel import Kernel
from blink16.elks.quiet import is_quiet
from blink16.elks.request import Blocked, Born, Request, Result
from blink16.elks.scheduler import Scheduler
from blink16.elks.signals import DEFAULT, IGNORED_BY_DEFAULT, STOPPING, ElksSignal
from blink16.elks.state import FIRST, Task, thread_of
from blink16.services import (
    DONE,
    Departed,
    Elsewhere,
    Exit,
    Forked,
    Guest,
    Outcome,
    Trap,
)

_AX, _SS, _SP = map(int, (Cell.AX, Cell.SS, Cell.SP))


class ElksSystem:
    """ELKS' kernel at work: its calls, its signals, and what it does about faults."""

    def __init__(self, kernel: Kernel, scheduler: Scheduler) -> None:
        self._kernel = kernel
        self._scheduler = scheduler
        self._told: set[int] = set()
        self._request = Request(kernel)

    def call(self, guest: Guest) -> Outcome:
        """Serve the system call of a guest that stands at INT 80h's stub."""
        journal = self._kernel.journal
        changes = journal.changes
        if changes:
            journal.begin()
        request = self._request
        outcome = self._call(guest, request.take(), request)
        if outcome is DONE and not changes:
            return DONE
        return self._settled(guest, outcome, request.task, request.number)

    def signal(self, guest: Guest) -> Outcome:
        """Deliver the signals of a process that stands at the signals' stub."""
        self._kernel.journal.begin()
        task, ax = self._kernel.task, guest.registers.ax
        return self._settled(guest, self._signal(guest), task, ax)

    def _settled(self, guest: Guest, outcome: Outcome, caller: Task, ax: int) -> Outcome:
        """Return it.  What ends the machine leaves it before the instruction, as it was there."""
        if outcome is not DONE and (
            isinstance(outcome, Exit) or (isinstance(outcome, Trap) and not outcome.resumable)
        ):
            self._kernel.journal.take_back()
            guest.registers.ax = ax
        elif not is_quiet(self._kernel, caller):
            guest.changed(self._scheduler)
        return outcome

    def _call(self, guest: Guest, task: Task, request: Request) -> Outcome:
        kernel, cells = self._kernel, guest.registers.cells
        if task.root != kernel.files.root:
            kernel.files.enter(task.root)
        # the kernel looks when BP lies on the stack below the flags, CS and IP
        sp = (cells[_SP] - 2) & 0xFFFF
        if not task.break_ <= sp <= task.layout.end and cells[_SS] == task.data:
            fault = self._stack_fault(task, sp)
            if fault:
                return self._overflow(guest, fault)
        if task.pending and self._is_doomed():
            return self._signal(guest)
        if guest.traces_calls:
            result = self._traced(request, f"{task.name}[{task.pid}]")
        else:
            result = self._result(request)
        if result.__class__ is int:
            if task.waiting is None and not task.progress and not task.pending:
                cells[_AX] = result & 0xFFFF
                return DONE
            return self._answer(guest, task, result)
        if isinstance(result, Blocked):
            if not task.pending:
                return self._scheduler.wait(result.waiting)
            result = -elks_errno(result.interrupted)
        match result:
            case int():
                return self._answer(guest, task, result)
            case Departed():
                return self._scheduler.depart(result)
            case Born():
                return self._born(guest, result)
        return result

    def _answer(self, guest: Guest, task: Task, result: int) -> Outcome:
        """Let the caller go on with a result, and take its signals."""
        guest.registers.cells[_AX] = result & 0xFFFF
        journal = self._kernel.journal
        if task.waiting is not None:
            journal.assign(task, "waiting", None)
        if task.progress:
            journal.assign(task, "progress", 0)
        return self._signal(guest) if task.pending else DONE

    def _born(self, guest: Guest, born: Born) -> Outcome:
        """Let a process go on that has made another, or lend that the processor, too."""
        parent = self._kernel.task
        if born.borrows:
            self._scheduler.leave(born.child)
        elif (outcome := self._answer(guest, parent, born.child)) is not DONE:
            return outcome
        return Forked(thread_of(parent.pid), thread_of(born.child), born.borrows)

    def _traced(self, request: Request, who: str) -> Result:
        """Do a call, and tell it."""
        trace = CallTrace(request, who)
        result = self._result(request)
        self._trace(trace, result)
        return result

    def _trace(self, trace: CallTrace, result: Result) -> None:
        """Tell a call that is done, or interrupted; one that waits is told once it is."""
        kernel = self._kernel
        guest = kernel.chassis
        match result:
            case int():
                guest.trace_call(trace.done(result))
            case Blocked(_, interrupted):
                if kernel.task.pending:
                    guest.trace_call(trace.done(-elks_errno(interrupted)))
            case Elsewhere():
                guest.trace_call(trace.gone(f"{kernel.task.name} runs"))
            case Born(child):
                guest.trace_call(trace.done(child))
            case _:
                guest.trace_call(trace.gone("?"))

    def _signal(self, guest: Guest) -> Outcome:
        number = signalcalls.deliver(self._kernel, guest)
        if number == 0:
            return DONE
        if number in STOPPING:
            signalcalls.stop(self._kernel, guest, number)
            return self._scheduler.leave()
        return self.die(guest, number)

    def die(self, guest: Guest, number: int) -> Outcome:
        """End the current process with a signal."""
        kernel = self._kernel
        guest.changed(self._scheduler)
        if self._is_alone():
            return Trap(number, signalcalls.death(guest, number))
        ended = processcalls.end(kernel, number)
        return self._scheduler.depart(ended) if isinstance(ended, Departed) else ended

    def fault(self, guest: Guest, trap: Trap) -> Trap:
        """Return what a process' fault is: the machine's end only if it is the only one."""
        if self._is_alone():
            return trap
        return self._passing(guest, trap, ElksSignal.SIGABRT)

    def _passing(self, guest: Guest, trap: Trap, number: ElksSignal) -> Trap:
        """Return a trap that ends one process and not the machine."""
        task = self._kernel.task
        text = f"process {task.pid} ({task.name}): {trap.text}"
        then = partial(self.die, guest, number)
        return Trap(trap.signal, text, resumable=True, then=then, passes=True)

    def _overflow(self, guest: Guest, text: str) -> Outcome:
        trap = Trap(ElksSignal.SIGSEGV, text)
        if self._is_alone():
            return trap
        return self._passing(guest, trap, ElksSignal.SIGSEGV)

    def _is_doomed(self) -> bool:
        """Whether a signal that came before a call, on the way to the stub, ends its caller.

        Else who forks for ever would get away: the child is born without the signal.
        """
        task = self._kernel.task
        number = self._kernel.first_pending(task)
        if not number or number in STOPPING or task.waiting is not None or task.progress:
            return False
        return task.handlers[number - 1] == DEFAULT and number not in IGNORED_BY_DEFAULT

    def _is_alone(self) -> bool:
        """Whether the first program is the only process: what ends it ends the machine."""
        task = self._kernel.task
        return task.pid == FIRST and self._kernel.is_last(task)

    @staticmethod
    def _stack_fault(task: Task, sp: int) -> str:
        """Return what is wrong with a stack, as the kernel's check_ustack() says it."""
        if task.layout.low_stack or not task.layout.end:
            return ""
        if sp < task.break_:
            return f"({task.pid})STACK OVERFLOW BY {task.break_ - sp} BYTES"
        return f"({task.pid})STACK UNDERFLOW"

    def _result(self, request: Request) -> Result:
        handler = SERVED.get(request.number)
        if handler is None:
            self._tell(request)
            return -elks_errno(errno.ENOSYS)
        try:
            return handler(request)
        except OSError as error:
            return -elks_errno(error.errno or errno.EIO)

    def _tell(self, request: Request) -> None:
        """Say once of each number that there is no such call here."""
        number = MOVED_CALLS.get(request.number, request.number)
        if number not in self._told:
            self._told.add(number)
            name = f" ({Call(number).name.lower()})" if number in _NAMED else ""
            request.guest.notice(
                f"ELKS system call {request.number}{name} is not supported: ENOSYS"
            )


_NAMED = frozenset(Call)
