"""The processes of a booted ELKS kernel as debuggers see them: each one is a thread.

They are read from memory whenever somebody asks, so they are right at each instant, also backward.
A process that has not the processor is shown as it was when it entered the kernel: its row of the
task table ends with the registers that INT 80h or an interrupt found, and on its own stack lie BP
and the interrupt's frame (irqtab.S).  What was in no program, as the idle process, is shown as
tswitch() has left it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from construct import Int16ul, Struct

from blink16.cpu.opcodes import WORD_NAMES
from blink16.elks import booted_tasks
from blink16.elks.booted_tasks import IDLE, BootedKernel, BootedTask
from blink16.memory import linear
from blink16.process_table import GuestProcess, LoadedProgram
from blink16.services import Guest
from blink16.symbols import SymbolTable

WORD = Int16ul.sizeof()
SAVED = Struct(
    *(
        name / Int16ul
        for name in ("bx", "cx", "dx", "di", "si", "ax", "es", "ds", "sp", "ss")  # ax: the call
    )
)
"""The end of a row."""
FRAME = Struct(*(name / Int16ul for name in ("bp", "ip", "cs", "flags")))
"""What lies at ``ss:sp`` then."""
FIXED_FLAGS, FIXED = 0x002A, 0x0002
"""Bits of the flags that have a value for good, and which."""
PUSHES = {
    **{0x50 + n: name for n, name in enumerate(WORD_NAMES)},
    **{0x06: "es", 0x0E: "cs", 0x16: "ss", 0x1E: "ds", 0x9C: "flags"},
}
"""Instructions with which tswitch() begins, by opcode."""
MAX_PUSHES = 16
KERNEL_FLAGS = 0xF202
PID = 14
"""Where in a row the number of the process is."""
_PROCESSOR = GuestProcess(thread=1, pid=0, name="8086", state="", title="8086")


def thread_of(pid: int) -> int:
    """Return the number that debuggers know a process by: the idle one has the first."""
    return pid + 1


class BootedProcessTable:
    """A booted kernel's processes (`blink16.process_table.ProcessTable`)."""

    def __init__(
        self, guest: Guest, kernel: BootedKernel, current: int, switch: int | None = None
    ) -> None:
        """``current``, ``switch``: linear addresses of the pointer to the running process' row, and
        of tswitch(), if that is known.
        """
        self._guest = guest
        self._kernel = kernel
        self._current = current
        self._switch = switch

    @property
    def exec_address(self) -> None:
        """Nobody can tell: the kernel loads programs by itself."""
        return

    @property
    def keeps_steps(self) -> bool:
        """In a program: whoever steps through the kernel wants to see whom it switches to."""
        return self._guest.registers.cs != self._kernel.code

    def processes(self) -> Sequence[GuestProcess]:
        """Return those that live; where the kernel does not run (yet), the processor alone."""
        kernel = self._found()
        if kernel is None:
            return (_PROCESSOR,)
        running = self._running()
        return [
            self._seen(task, running)
            for task in (kernel.idle, *kernel.tasks)
            if task.lives or task.pid == running
        ]

    def current(self) -> int:
        """Return the thread that has the processor."""
        return thread_of(self._running()) if self._found() is not None else _PROCESSOR.thread

    def register_input(self, thread: int, name: str, value: int) -> None:
        """Return nothing: what the kernel has saved is memory, and can be written there."""

    def programs(self) -> tuple[LoadedProgram, ...]:
        """Return nothing: `monitor symbols auto` finds them."""
        return ()

    def symbols(self) -> Sequence[SymbolTable]:
        """Return nothing, either."""
        return ()

    def beside(self, program: LoadedProgram, suffix: str) -> bytes | None:
        """Return nothing: there are no programs."""
        return None

    def _found(self) -> BootedKernel | None:
        """Return the kernel as it is now, if it lies where it was found."""
        ram = bytes(self._guest.memory.ram[: booted_tasks.CONVENTIONAL])
        now = booted_tasks.find_at(ram, self._kernel.idle.row.start, self._current)
        same = now is not None and (now.code, now.data) == (self._kernel.code, self._kernel.data)
        return now if same else None

    def _running(self) -> int:
        memory = self._guest.memory
        row = linear(self._kernel.data, memory.read_word(self._current))
        return memory.read_word(row + PID)

    def _seen(self, task: BootedTask, running: int) -> GuestProcess:
        runs = task.pid == running
        name = "idle" if task.pid == IDLE else task.name or "?"
        title = name if task.pid == IDLE else f"{name} {task.pid}"
        state = "runs" if runs else task.state
        registers = None if runs else self._in_program(task) or self._in_kernel(task)
        return GuestProcess(thread_of(task.pid), task.pid, name, state, registers, title)

    def _in_program(self, task: BootedTask) -> Mapping[str, int] | None:
        """Return the registers with which a process entered the kernel, if that can be told."""
        memory, end = self._guest.memory, task.row.stop
        saved = SAVED.parse(memory[end - SAVED.sizeof() : end])
        top = linear(saved.ss, saved.sp)
        frame = FRAME.parse(memory[top : top + FRAME.sizeof()])
        if task.pid == IDLE or frame.cs != task.code or frame.flags & FIXED_FLAGS != FIXED:
            return None
        values = {name: value for name, value in {**saved, **frame}.items() if name[0] != "_"}
        return {**values, "sp": (saved.sp + FRAME.sizeof()) & 0xFFFF}

    def _in_kernel(self, task: BootedTask) -> Mapping[str, int]:
        """Return the registers with which a process goes on behind tswitch()."""
        memory, kernel = self._guest.memory, self._kernel
        data = kernel.data
        pushed: list[str] = []
        if self._switch is not None:
            code = memory[self._switch : self._switch + MAX_PUSHES]
            for opcode in code:
                if opcode not in PUSHES:
                    break
                pushed.append(PUSHES[opcode])
        stack = [task.kernel_sp + WORD * place for place in range(len(pushed) + 1)]
        *words, back = [memory.read_word(linear(data, offset)) for offset in stack]
        others = dict.fromkeys(("ax", "bx", "cx", "dx", "si", "di", "bp"), 0)
        segments = {"ds": data, "es": data, "ss": data, "flags": KERNEL_FLAGS}
        popped = dict(zip(reversed(pushed), words, strict=True))
        place = {"cs": kernel.code, "ip": back, "sp": (stack[-1] + WORD) & 0xFFFF}
        return {**others, **segments, **popped, **place}
