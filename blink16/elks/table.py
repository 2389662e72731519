"""ELKS' processes as debuggers see them: each one is a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from blink16.elks import aout, image
from blink16.elks.errors import ElksError
from blink16.elks.image import Placed
from blink16.elks.kernel import Kernel
from blink16.elks.register_input import REGISTER, RegisterInput
from blink16.elks.state import REGISTERS, Life, Task, WaitFor, thread_of
from blink16.hostfs.files import MAX_FILE_SIZE, FileKind
from blink16.memory import linear
from blink16.process_table import GuestProcess, LoadedProgram
from blink16.symbols import SymbolTable

_WAITS = {
    WaitFor.TERMINAL: "waits for the terminal",
    WaitFor.STREAM: "waits for input",
    WaitFor.PIPE_DATA: "waits for a pipe's data",
    WaitFor.PIPE_ROOM: "waits for room in a pipe",
    WaitFor.CHILD: "waits for a child",
    WaitFor.SIGNAL: "waits for a signal",
    WaitFor.SELECT: "waits in select",
    WaitFor.VFORK: "waits in vfork",
    WaitFor.PIPE_WRITER: "waits for a fifo's writer",
    WaitFor.PIPE_READER: "waits for a fifo's reader",
    WaitFor.NETWORK_ANSWER: "waits for the network",
    WaitFor.NETWORK_DATA: "waits for a peer",
    WaitFor.NETWORK_ROOM: "waits for a peer to read",
}


class ElksProcessTable:
    """The kernel's processes (`blink16.process_table.ProcessTable`)."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[tuple[int, int, int], SymbolTable] = {}
        """Names by the program's node and segments; programs that run can't be written."""
        self._listed: tuple[int, tuple[LoadedProgram, ...]] = -1, ()
        """The journal's count when programs were last listed, and those."""

    @property
    def exec_address(self) -> int:
        """Where programs start from."""
        return linear(*self._kernel.exec_stub)

    @property
    def keeps_steps(self) -> bool:
        """Always: the system itself takes no steps."""
        return True

    def processes(self) -> Sequence[GuestProcess]:
        """Return those that live."""
        tasks = sorted(self._kernel.living(), key=lambda task: task.pid)
        return [self._seen(task) for task in tasks]

    def current(self) -> int:
        """Return the thread that has the processor, or had it last."""
        return thread_of(self._kernel.task.pid)

    def register_input(self, thread: int, name: str, value: int) -> tuple[str, bytes] | None:
        """Return what gives a process that waits another value in a register."""
        task = next((t for t in self._kernel.living() if thread_of(t.pid) == thread), None)
        if task is None or name not in REGISTERS:
            return None
        told = {"pid": task.pid, "register": REGISTERS.index(name), "value": value}
        return RegisterInput.CHANNEL, REGISTER.build(told)

    def symbols(self) -> Sequence[SymbolTable]:
        """Return the names of the programs that were executed from the file tree."""
        running = {(t.program, t.code, t.data): t for t in self._kernel.living() if t.program}
        for key in running.keys() - self._known.keys():
            self._known[key] = self._read(running[key])
        return [self._known[key] for key in running]

    def programs(self) -> tuple[LoadedProgram, ...]:
        """Return the programs that were executed from the file tree, the current one last.

        Processes that share a text are one: the oldest.
        """
        count = self._kernel.journal.count
        if self._listed[0] != count:
            seen: dict[tuple[int, int], LoadedProgram] = {}
            for task in self._kernel.living():
                if task.program and (task.program, task.code) not in seen:
                    seen[task.program, task.code] = self._loaded(task)
            current = self._kernel.task
            last = seen.pop((current.program, current.code), None)
            programs = (*seen.values(), *((last,) if last is not None else ()))
            self._listed = count, programs if programs != self._listed[1] else self._listed[1]
        return self._listed[1]

    def _loaded(self, task: Task) -> LoadedProgram:
        try:
            path = self._kernel.files.path(task.program)
        except OSError:  # it was removed
            path = task.name
        return LoadedProgram(f"process {task.pid}", path, task.code, task.data, task.code)

    def beside(self, program: LoadedProgram, suffix: str) -> bytes | None:
        """Return a file with the program's name and another suffix; the tree stays as it is.

        The program's own names are told by `symbols`, as long as it runs.
        """
        if not suffix:
            return None
        files = self._kernel.files
        before = files.save()
        try:
            node = files.lookup(str(PurePosixPath(program.name).with_suffix(f".{suffix}")))
            stat = files.stat(node)
            if stat.kind is not FileKind.FILE:
                return None
            return files.read(node, 0, min(stat.size, MAX_FILE_SIZE))
        except OSError:
            return None
        finally:
            files.restore(before)

    def _read(self, task: Task) -> SymbolTable:
        files = self._kernel.files
        content = files.read(task.program, 0, files.size(task.program))
        try:
            executable = aout.parse(content)
        except ElksError:  # it was changed behind our back
            return SymbolTable([])
        return image.symbol_table(Placed(executable, task.code, task.data, task.layout))

    def _seen(self, task: Task) -> GuestProcess:
        registers = None
        if task.pid != self._kernel.state.current and task.registers:
            registers = dict(zip(REGISTERS, task.registers, strict=True))
        title = f"{task.name} {task.pid}"
        state = self._state(task)
        return GuestProcess(thread_of(task.pid), task.pid, task.name, state, registers, title)

    def _state(self, task: Task) -> str:
        if task.pid == self._kernel.state.current:
            return "runs"
        if task.life == Life.STOPPED:
            return "is stopped"
        return "can run" if task.waiting is None else _WAITS[WaitFor(task.waiting.reason)]
