"""Answers to the questions that leave the conversation where it is: registers, memory, points."""

from __future__ import annotations

from functools import cached_property, singledispatchmethod

from blink16.breakpoints import PointError, PointKind
from blink16.debugger import Debugger
from blink16.gdbstub import board, commands, description, registers, window
from blink16.gdbstub.hostio import HostFiles
from blink16.gdbstub.packets import PACKET_SIZE, escape
from blink16.gdbstub.replies import EMPTY, OK, Errno, RefusedError
from blink16.memory import MEMORY_SIZE

MAX_BINARY = PACKET_SIZE // 2 - 1
"""Bytes in one binary answer, such that it fits if every one needs an escape."""
MAX_HEX = PACKET_SIZE // 2
"""Bytes in one answer in hex."""
THREADS = {commands.THREAD, commands.ALL_THREADS, commands.ANY_THREAD}


class Answers:
    """Answers a client's questions about a machine that stands."""

    def __init__(self, debugger: Debugger, program: board.Program) -> None:
        self._debugger = debugger
        self._program = program
        self._files = HostFiles(lambda: self._board.content)
        self._window: tuple[bytes, window.Window] | None = None
        """The unwind window, and the processor's state that it is for."""
        self._writer = registers.Writer(debugger)
        self._hardware: set[int] = set()
        self._software: set[int] = set()

    @cached_property
    def _board(self) -> board.Board:
        return board.build(self._debugger.machine, self._program)

    def breakpoint_kind(self) -> PointKind:
        """Return the kind of the breakpoint at pc, as the client set it."""
        pc = self._debugger.machine.pc
        hardware = pc in self._hardware and pc not in self._software
        return PointKind.HARDWARE if hardware else PointKind.SOFTWARE

    @singledispatchmethod
    def answer(self, question: commands.Command) -> bytes:
        """Return the body of the reply; RefusedError if the question can't be answered."""
        raise NotImplementedError(type(question).__name__)

    @answer.register
    def _(self, question: commands.Unknown) -> bytes:
        return EMPTY

    # -- registers ---------------------------------------------------------------------------

    @answer.register
    def _(self, question: commands.ReadRegisters) -> bytes:
        return _hex(registers.read_all(self._debugger.machine.registers))

    @answer.register
    def _(self, question: commands.WriteRegisters) -> bytes:
        registers.write_all(self._debugger, question.data)
        return OK

    @answer.register
    def _(self, question: commands.ReadRegister) -> bytes:
        return _hex(registers.read(self._debugger.machine.registers, question.number))

    @answer.register
    def _(self, question: commands.WriteRegister) -> bytes:
        self._writer.write(question.number, question.data)
        return OK

    # -- memory ------------------------------------------------------------------------------

    @answer.register
    def _(self, question: commands.ReadMemory) -> bytes:
        """Answer with less than was asked for where memory, or the packet, ends."""
        limit = MAX_BINARY if question.binary else MAX_HEX
        if window.BASE <= question.address < window.BASE + window.SIZE:
            data = self._unwind(question.address, min(question.length, limit))
            if question.length and not data:
                raise RefusedError("no frame, or no caller", Errno.EFAULT)
            return b"b" + escape(data) if question.binary else _hex(data)
        if question.address >= MEMORY_SIZE:
            raise RefusedError(f"no memory at {question.address:#x}", Errno.EFAULT)
        length = min(question.length, limit, MEMORY_SIZE - question.address)
        data = self._debugger.read_memory(question.address, length) if length else b""
        return b"b" + escape(data) if question.binary else _hex(data)

    def _unwind(self, address: int, length: int) -> bytes:
        """Read the unwind window, which shows the machine as it stands now."""
        machine = self._debugger.machine
        state = machine.registers.save()
        if self._window is None or self._window[0] != state:
            self._window = state, self._new_window()
        return self._window[1].read(address, length)

    def _new_window(self) -> window.Window:
        machine = self._debugger.machine
        return window.Window(machine.memory, machine.registers, self._board.entry)

    @answer.register
    def _(self, question: commands.WriteMemory) -> bytes:
        if question.address + len(question.data) > MEMORY_SIZE:
            raise RefusedError(f"no memory at {MEMORY_SIZE:#x} and above", Errno.EFAULT)
        if question.data:  # gdb writes nothing at all to learn if X is known
            self._debugger.write_memory(question.address, question.data)
            self._window = None
        return OK

    # -- breakpoints and watchpoints ---------------------------------------------------------

    @answer.register
    def _(self, question: commands.InsertPoint) -> bytes:
        try:
            self._debugger.insert(question.point)
        except PointError as error:
            raise RefusedError(str(error)) from None
        self._breakpoints(question.point.kind).add(question.point.address)
        return OK

    @answer.register
    def _(self, question: commands.RemovePoint) -> bytes:
        self._debugger.remove(question.point)
        self._breakpoints(question.point.kind).discard(question.point.address)
        return OK

    def _breakpoints(self, kind: PointKind) -> set[int]:
        """Return the addresses of the breakpoints of a kind; for watchpoints a throw-away set."""
        return {PointKind.SOFTWARE: self._software, PointKind.HARDWARE: self._hardware}.get(
            kind, set()
        )

    # -- files -------------------------------------------------------------------------------

    @answer.register
    def _(self, question: commands.HostFile) -> bytes:
        return self._files.answer(question.operation, question.arguments) or EMPTY

    # -- threads, objects and the rest -------------------------------------------------------

    @answer.register
    def _(self, question: commands.SelectThread) -> bytes:
        return _known_thread(question.thread)

    @answer.register
    def _(self, question: commands.QueryAlive) -> bytes:
        return _known_thread(question.thread)

    @answer.register
    def _(self, question: commands.QueryCurrentThread) -> bytes:
        return b"QC%x" % commands.THREAD

    @answer.register
    def _(self, question: commands.QueryThreads) -> bytes:
        return b"m%x" % commands.THREAD if question.first else b"l"

    @answer.register
    def _(self, question: commands.QueryThreadInfo) -> bytes:
        _known_thread(question.thread)
        return _hex(description.thread_info(self._debugger).encode("ascii"))

    @answer.register
    def _(self, question: commands.QueryAttached) -> bytes:
        return b"1"  # so that gdb detaches when its user quits, instead of killing

    @answer.register
    def _(self, question: commands.OfferSymbols) -> bytes:
        return OK  # and none is wanted

    @answer.register
    def _(self, question: commands.QueryActions) -> bytes:
        return b"vCont;c;C;s;S;r"

    @answer.register
    def _(self, question: commands.ReadObject) -> bytes:
        annex = "" if question.name == "exec-file" else question.annex  # there a process
        read = description.OBJECTS.get((question.name, annex))
        if read is None:
            known = any(name == question.name for name, _ in description.OBJECTS)
            if not known:
                return EMPTY
            raise RefusedError(f"{question.name} has no {question.annex!r}")
        data = read().encode("ascii")
        chunk = data[question.offset : question.offset + min(question.length, MAX_BINARY)]
        last = question.offset + len(chunk) >= len(data)
        return (b"l" if last else b"m") + escape(chunk)


def _hex(data: bytes) -> bytes:
    return data.hex().encode("ascii")


def _known_thread(thread: int) -> bytes:
    if thread not in THREADS:
        raise RefusedError(f"no thread {thread:x}")
    return OK
