"""DOS' processes as debuggers see them: the one that runs, and the programs in memory."""

from __future__ import annotations

from collections.abc import Sequence

from blink16.dos.errors import CallFailed, CriticalError
from blink16.dos.system import DosSystem, Process
from blink16.hostfs.files import MAX_FILE_SIZE, FileKind, FileTree
from blink16.memory import linear
from blink16.process_table import GuestProcess, LoadedProgram
from blink16.symbols import SymbolTable

THREAD = 1
"""Of all processes: a parent stands in its EXEC until its child ends, and never beside it."""


class DosProcessTable:
    """DOS' processes (`blink16.process_table.ProcessTable`)."""

    def __init__(self, dos: DosSystem) -> None:
        self._dos = dos
        self._listed: tuple[tuple[Process, ...], tuple[LoadedProgram, ...]] = (), ()
        """The programs in memory, as last told, and of what processes."""

    @property
    def exec_address(self) -> int:
        """Where children start from."""
        return linear(*self._dos.exec_stub)

    @property
    def keeps_steps(self) -> bool:
        """Always: the system itself takes no steps."""
        return True

    def processes(self) -> Sequence[GuestProcess]:
        """Return the one that runs."""
        dos = self._dos
        psp, name = dos.state.psp, dos.program_name()
        return (GuestProcess(THREAD, psp, name, "runs", title=dos.process_name()),)

    def current(self) -> int:
        """Return its thread."""
        return THREAD

    def register_input(self, thread: int, name: str, value: int) -> tuple[str, bytes] | None:
        """Return nothing: nobody waits."""
        return None

    def programs(self) -> tuple[LoadedProgram, ...]:
        """Return the programs in memory; the same object while they stay the same."""
        processes = self._dos.state.processes
        if self._listed[0] is not processes:
            self._listed = processes, tuple(map(_listed, processes))
        return self._listed[1]

    def symbols(self) -> Sequence[SymbolTable]:
        """Return nothing: names of DOS' programs lie beside them."""
        return ()

    def beside(self, program: LoadedProgram, suffix: str) -> bytes | None:
        """Return a file with the program's name and another suffix; the trees stay as they are."""
        dos, path = self._dos, program.name
        if suffix:
            path = path.rpartition(".")[0] + "." + suffix.upper()
        trees = [v.files for v in dos.volumes.values() if isinstance(v.files, FileTree)]
        states = [tree.save() for tree in trees]
        try:
            place = dos.locate(path)
            node = place.node()
            if place.files.stat(node).kind is not FileKind.FILE:
                return None
            return place.files.read(node, 0, MAX_FILE_SIZE)
        except (CallFailed, CriticalError, OSError):
            return None
        finally:
            for tree, state in zip(trees, states, strict=True):
                tree.restore(state)


def _listed(process: Process) -> LoadedProgram:
    place = process.psp if process.is_com else process.image
    return LoadedProgram(f"{process.psp:04X}", process.path, place, place, place)
