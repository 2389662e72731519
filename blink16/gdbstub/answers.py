"""Answers to the questions about one machine: registers, memory, breakpoints and the rest."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import assert_never

from blink16.board import ProgramFacts, Shelf, Titles, window
from blink16.breakpoints import PointError
from blink16.cpu.registers import SHARED_SIZE, Cell, Registers
from blink16.debugger import Debugger, Resume
from blink16.gdbstub import commands, description, inferior_call, raw_registers, registers
from blink16.gdbstub.agent import AgentCondition, Print
from blink16.gdbstub.commands import points
from blink16.gdbstub.commands.fields import ALL, ANY, ThreadId
from blink16.gdbstub.commands.points import GdbKind
from blink16.gdbstub.commands.processes import THREAD
from blink16.gdbstub.replies import MAX_BINARY, OK, Errno, RefusedError
from blink16.gdbstub.sight import Sight
from blink16.memory import MEMORY_SIZE
from blink16.packets import PACKET_SIZE, escape
from blink16.process_table import GuestProcess

_PROCESSOR = GuestProcess(THREAD, 0, "8086", "", title="8086")
LONG = 1 << 14
"""Bytes that take their time to be searched or summed."""
KEPT_FRAMES = 16
"""Callers of the instant before a monitor command that are still known after it: gdb asks for
the first or second when it steps."""
LLDB_WORD = 4
"""LLDB wants addresses of frames that this divides, and looks nothing up there."""
_CS, _IP = int(Cell.CS), int(Cell.IP)  # plain ints are quicker
PASSED = (
    "the machine began at that breakpoint and has passed it: interrupt it and reverse-continue, or"
    " type stepi first, next time"
)
WRITTEN_BREAKPOINT = (
    "INT3 was written into the program at {:#x}, which will execute it; a debugger that meant a"
    " breakpoint should set it by Z0 (gdb: set remote software-breakpoint-packet auto)"
)
_OF_A_CALL = (commands.WriteMemory, commands.WriteRegister)
"""What gdb sends to call a function of the program."""
ADDED_TWICE = (
    "memory at $cs*16 + $eip was read, but $eip and $pc are linear here, so x/5i $pc; the offset is"
    " $ip"
)
INT3 = b"\xcc"
EIP_IN_ALL = slice(registers.EIP * 4, registers.EIP * 4 + 4)
"""Where it lies among all registers: those before it have 32 bits too."""
CODE_READ = 64
"""Bytes that gdb reads at most to show an instruction."""
MAX_HEX = PACKET_SIZE // 2
"""Bytes in one answer in hex."""


class Answers:
    """Answers a client's questions about a machine that stands."""

    def __init__(
        self,
        debugger: Debugger,
        program: ProgramFacts,
        titles: Titles,
        sight: Sight | None = None,
    ) -> None:
        self._debugger = debugger
        self.sight = sight or Sight(debugger)
        """Where registers and memory are looked at."""
        self.thread: int | None = None
        """The process of the guest that is meant; None: the one that has the processor."""
        self._window: tuple[bytes, window.FrameWindow] | None = None
        """The unwind window, and the processor's state that it is for."""
        self.aligns_frames = False
        """Whether the addresses of frames are to be divisible by LLDB's word size."""
        self.shows_offsets = False
        """Whether EIP and ESP are offsets to the client: see `raw_registers`."""
        self._old_window: window.FrameWindow | None = None
        """That of the instant before a monitor command moved the machine: gdb still holds its
        frames, and asks for their callers before it resumes."""
        self.shelf = Shelf(debugger, program, titles)
        """The files that gdb reads from us about this machine."""
        self._digits = registers.Digits()
        self._writer = registers.Writer(debugger)
        self._writes_breakpoints = False
        """Whether the client was told that it writes breakpoints into the program."""
        self._added_twice = False
        """Whether the client was told that it adds CS*16 to a linear address."""
        self._guard = inferior_call.CallGuard(debugger)
        self._arrives = False
        """Whether the client has sent the machine where it stands, or set a breakpoint there."""

    def take_arrival(self) -> bool:
        """Return, once, whether the client has sent the machine where it stands, or set a
        breakpoint there, since it last ran.
        """
        arrives, self._arrives = self._arrives, False
        return arrives

    def settle(self, question: commands.Command | None = None) -> None:
        """Do what was held back, unless the question may be a part of the same."""
        if not isinstance(question, _OF_A_CALL):
            self._guard.release()

    def keep_frames(self) -> None:
        """Keep what gdb may hold of frames: a monitor command is about to move the machine."""
        if self._old_window is None:
            self._old_window = self._new_window()
            with suppress(window.UnfinishedError):
                self._old_window.keep(KEPT_FRAMES)

    def succeed(self, old: Answers) -> None:
        """Take note of what a client knows that has asked about another machine in our place."""
        self._old_window = old._old_window
        self.shelf.succeed(old.shelf)

    def forget_frames(self) -> None:
        """Forget it: the client sees the machine as it is now."""
        self._old_window = None

    def breakpoint_kind(self) -> GdbKind:
        """Return the kind of the breakpoint at pc, as the client set it."""
        here = self._debugger.ledger.at(self._debugger.machine.pc)
        kinds = {entry.owner for entry in here if entry.action is None}
        hardware = GdbKind.HARDWARE in kinds and GdbKind.SOFTWARE not in kinds
        return GdbKind.HARDWARE if hardware else GdbKind.SOFTWARE

    def expedited(self) -> bytes:
        """Return the registers that a stop reply tells."""
        return self._digits.expedited(self.registers())

    def answer(self, question: commands.MachineQuestion) -> bytes:
        """Return the body of the reply; RefusedError if the question can't be answered."""
        match question:
            case commands.ReadRegisters() if self.shows_offsets:
                return _hex(raw_registers.read_all(self.registers()))
            case commands.ReadRegisters():
                return self._digits.all(self.registers())
            case commands.WriteRegisters(data) if self.shows_offsets:
                raw_registers.write_all(self._waiting() or self._debugger, data)
                return OK
            case commands.WriteRegisters(data):
                self._check_return(data[EIP_IN_ALL])
                before = self._debugger.machine.pc
                registers.write_all(self._waiting() or self._debugger, data)
                self._note_arrival(before)
                return OK
            case commands.ReadRegister(number) if self.shows_offsets:
                return _hex(raw_registers.read(self.registers(), number))
            case commands.ReadRegister(number):
                return _hex(registers.read(self.registers(), number))
            case commands.DescribeRegister(number):
                return registers.info(number)
            case commands.WriteRegister():
                return self._write_register(question)
            case commands.ReadMemory():
                return self._read_memory(question)
            case commands.WriteMemory():
                return self._write_memory(question)
            case commands.SearchMemory(address, _, pattern):
                found = self._stretch(question).find(pattern)
                return b"0" if found < 0 else b"1,%x" % (address + found)
            case commands.QueryChecksum():
                return b"C%08x" % checksum(self._stretch(question))
            case commands.QueryRegion(address):
                return description.region(address, self.sight.memory.end)
            case points.InsertPoint():
                return self._insert_point(question)
            case points.RemovePoint(kind, point):
                self._debugger.remove(point, owner=kind)
                return OK
            case commands.QueryHost():
                return description.host_info()
            case commands.QueryActions():
                return b"vCont;c;C;s;S;r"
            case _:
                assert_never(question)

    def takes_long(self, question: commands.MachineQuestion) -> bool:
        """Whether the answer may take more than a millisecond to compute."""
        match question:
            case commands.ReadMemory(address, length):
                if address < MEMORY_SIZE or not window.BASE <= address < window.BASE + window.SIZE:
                    return False
                return not self._window_now().find_briefly(address, length)
            case commands.SearchMemory() | commands.QueryChecksum():
                return question.length > LONG
        return False

    # -- threads -----------------------------------------------------------------------------

    def processes(self) -> Sequence[GuestProcess]:
        """Return the processes of the guest; what has none is one itself."""
        table = self._debugger.machine.process_table
        return (_PROCESSOR,) if table is None else table.processes()

    def current_thread(self) -> int:
        """Return the thread that has the processor, or had it last."""
        table = self._debugger.machine.process_table
        return THREAD if table is None else table.current()

    def process(self, thread: int | None) -> GuestProcess | None:
        """Return the process of a thread, if it lives; None means the current one's."""
        wanted = self.current_thread() if thread is None else thread
        return next((one for one in self.processes() if one.thread == wanted), None)

    def has_thread(self, thread: int) -> bool:
        """Whether a thread's process lives."""
        if self._debugger.machine.process_table is None:
            return thread == THREAD
        return self.process(thread) is not None

    def of_thread(self, how: Resume, thread: ThreadId | None) -> Resume:
        """Return a resume as one of a process, if the client names it and the guest has several."""
        named = thread is not None and thread.thread not in (ALL, ANY)
        if not named or thread is None or self._debugger.machine.process_table is None:
            return how.anew()
        return how.anew(thread.thread)

    def registers(self) -> Registers:
        """Return the registers of the process that is meant."""
        own = self.sight.registers
        if self.thread is None:  # asked thousands of times a second
            return own
        meant = self.process(self.thread)
        if meant is None or meant.registers is None:
            return own
        others = Registers(self._debugger.machine.model.fixed_flags)
        for name, value in meant.registers.items():
            setattr(others, name, value)
        others.icount = own.icount
        return others

    def _waiting(self) -> WaitingProcess | None:
        """Return the process that is meant, if it has not the processor."""
        meant = self.process(self.thread)
        if self.thread is None or meant is None or meant.registers is None:
            return None
        return WaitingProcess(self, self._debugger, meant.thread)

    # -- registers ---------------------------------------------------------------------------

    def _write_register(self, question: commands.WriteRegister) -> bytes:
        waiting = self._waiting()
        if self.shows_offsets:
            raw_registers.write(waiting or self._debugger, question.number, question.data)
            return OK
        if waiting is not None:
            registers.write(waiting, question.number, question.data)
            return OK
        esp = question.number == registers.ESP
        if esp and self._guard.calls(int.from_bytes(question.data, "little")):
            # in a form that gdb has always shown for registers, whether it announced it or not
            return b"E." + inferior_call.REFUSAL.encode("ascii")
        if question.number == registers.EIP:
            self._check_return(question.data)
        before = self._debugger.machine.pc
        self._writer.write(question.number, question.data)
        self._note_arrival(before)
        return OK

    def _note_arrival(self, before: int) -> None:
        """Take note that the client may have sent the machine elsewhere, from a pc."""
        self._arrives |= self._debugger.machine.pc != before

    def _check_return(self, eip: bytes) -> None:
        """Refuse what `return` makes of the function at the program's entry: a caller at 0."""
        pc = self._debugger.machine.pc
        if not any(eip) and any(pc in place for place in self.shelf.uncalled):
            raise RefusedError("nobody has called this function: it can't return")

    # -- memory ------------------------------------------------------------------------------

    def _read_memory(self, question: commands.ReadMemory) -> bytes:
        """Answer with less than was asked for where memory, or the packet, ends."""
        address, end = question.address, self.sight.memory.end
        length = min(question.length, MAX_BINARY if question.binary else MAX_HEX)
        if address >= end:
            data = self._read_beyond(address, length)
        else:
            length = min(length, end - address)
            if length <= CODE_READ and not self._added_twice:
                self._look_for_sum(address, address + length)
            data = self.sight.read(address, length)
        return b"b" + escape(data) if question.binary else _hex(data)

    def _read_beyond(self, address: int, length: int) -> bytes:
        """Read the unwind window; RefusedError where there is nothing."""
        if not window.BASE <= address < window.BASE + window.SIZE:
            raise RefusedError(f"no memory at {address:#x}", Errno.EFAULT)
        data = self._unwind(address, length)
        if length and not data:
            raise RefusedError("no frame, or no caller", Errno.EFAULT)
        return data

    def _look_for_sum(self, start: int, end: int) -> None:
        """Say it if somebody looks where the code would be if $eip were an offset, as QEMU's is.

        Scripts for QEMU add CS*16 to $eip, or to its low half.
        """
        r = self.sight.registers
        base = r.cells[_CS] << 4
        pc = (base + r.cells[_IP]) & registers.address_mask(r)
        if pc >= MEMORY_SIZE:
            return  # the sum with its low half is an address that is looked at for its own sake
        added = start <= base + pc < end or start <= base + (pc & 0xFFFF) < end
        if added and base and not start <= pc < end:
            self._added_twice = True
            self._debugger.on_notice(ADDED_TWICE)

    def _unwind(self, address: int, length: int) -> bytes:
        """Read the unwind window: that of the instant which the client sees."""
        if self._old_window and (found := self._old_window.read(address, length)):
            return found
        try:
            return self._window_now().read(address, length)
        except window.UnfinishedError as error:
            raise RefusedError(str(error), Errno.EFAULT) from None

    def _window_now(self) -> window.FrameWindow:
        """Return the window that shows the machine as it stands now."""
        state = bytes(self.registers().state[:SHARED_SIZE])
        if self._window is None or self._window[0] != state:
            self._window = state, self._new_window()
        return self._window[1]

    def _new_window(self) -> window.FrameWindow:
        model = self._debugger.machine.model
        scale = LLDB_WORD if self.aligns_frames else 1
        return window.FrameWindow(
            self.sight.memory,
            self.registers(),
            self.shelf.ends,
            self.shelf.uncalled,
            scale,
            model,
        )

    def _write_memory(self, question: commands.WriteMemory) -> bytes:
        self._check_end(question.address + len(question.data))
        if self._guard.holds(question):
            return OK
        if question.data:  # gdb writes nothing at all to learn if X is known
            self._debugger.write_memory(question.address, question.data)
            self._window = None
            if question.data == INT3 and not self._writes_breakpoints:
                self._writes_breakpoints = True
                self._debugger.on_notice(WRITTEN_BREAKPOINT.format(question.address))
        return OK

    def _check_end(self, end: int) -> None:
        """Refuse what goes beyond memory."""
        there = self.sight.memory.end
        if end > there:
            raise RefusedError(f"no memory at {there:#x} and above", Errno.EFAULT)

    def _stretch(self, question: commands.SearchMemory | commands.QueryChecksum) -> bytes:
        self._check_end(question.address + question.length)
        return self.sight.read(question.address, question.length)

    # -- breakpoints and watchpoints ---------------------------------------------------------

    def _insert_point(self, question: points.InsertPoint) -> bytes:
        point, conditions, commands = question.point, question.conditions, question.commands
        condition = AgentCondition(conditions) if conditions else None
        action = Print.of(commands, conditions) if commands else None
        try:
            self._debugger.insert(point, condition, action, owner=question.kind)
        except PointError as error:
            raise RefusedError(str(error)) from None
        self._arrives |= point.address == self._debugger.machine.pc
        self._mention_start(point.address)
        return OK

    def _mention_start(self, address: int) -> None:
        """Say that the machine has passed a breakpoint, if that was where it began.

        gdb steps over a breakpoint at which the machine stands, and sets it after that.
        """
        timeline = self._debugger.timeline
        if address == self.shelf.begin and timeline.now == timeline.end == timeline.began + 1:
            self._debugger.on_notice(PASSED)


class WaitingProcess:
    """A process of the guest that has not the processor, as its registers are written."""

    def __init__(self, answers: Answers, debugger: Debugger, thread: int) -> None:
        self._answers = answers
        self._debugger = debugger
        self._thread = thread

    @property
    def registers(self) -> Registers:
        """As they were put away."""
        return self._answers.registers()

    def write_register(self, name: str, value: int) -> None:
        """Set one for when it goes on."""
        self._debugger.write_process_register(self._thread, name, value)

    def write_coprocessor(self, state: bytes) -> None:
        """Refuse: processes share the one 8087."""
        raise RefusedError("a process that waits has no 8087 of its own")


def checksum(data: bytes) -> int:
    """Return gdb's CRC-32: CRC-32/MPEG-2, most significant bit first, without a final inversion."""
    mirrored = zlib.crc32(data.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _hex(data: bytes) -> bytes:
    return data.hex().encode("ascii")
