"""The machines that one client holds, as processes with one thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from blink16 import monitor, reports
from blink16.board import Titles, probe
from blink16.board.file import MARK
from blink16.debugger import Debugger, Event, EventKind
from blink16.gdbstub import commands, description, hostio, replies
from blink16.gdbstub.answers import Answers
from blink16.gdbstub.births import STEP, Births, birth_of, machine_of
from blink16.gdbstub.commands import fields, points, processes
from blink16.gdbstub.commands.fields import ALL, ANY, MalformedError, ThreadId
from blink16.gdbstub.commands.processes import Purpose
from blink16.gdbstub.hostio import HostFiles
from blink16.gdbstub.orders import ListedProcess, Taken
from blink16.gdbstub.replies import EMPTY, OK, RefusedError, chunk
from blink16.gdbstub.reporting import Reporter
from blink16.gdbstub.sight import Sight
from blink16.monitor.folder import Folder
from blink16.packets import ARCHITECTURE
from blink16.process_table import GuestProcess

OBJECTS = ("threads", "exec-file", "libraries", "osdata", reports.OBJECT)
"""The objects of qXfer that are about processes."""
NONE_HELD = "there is no program here: attach to one, or run one"
RENEWED = "the program was read again, with its names: the machine stands at its start"
_KEPT = (
    EventKind.BREAKPOINT,
    EventKind.CAUGHT,
    EventKind.WATCHPOINT,
    EventKind.EXITING,
    EventKind.SIGNALLED,
    EventKind.HALTED,
    EventKind.RESTARTED,
    EventKind.LACKING,
)
_OF_POINTS = (points.InsertPoint, points.RemovePoint)


@dataclass(eq=False, slots=True)
class Inferior:
    """A machine that a client holds."""

    process: int
    debugger: Debugger
    answers: Answers
    reporter: Reporter
    launched: bool
    folder: Folder
    usually_called: int
    """The number of the process to the client, as long as it follows no child of a fork."""
    births: Births
    moved: bool = False
    """Whether a monitor command has moved the machine since the client last read registers."""
    _began: int = 0
    _missed: tuple[int, Event] | None = None

    @property
    def called(self) -> int:
        """The number of the process to the client."""
        return self.usually_called + STEP * self.births.followed

    def start(self) -> None:
        """Take note that it is about to run."""
        self.answers.settle()
        self.answers.forget_frames()
        self._began = self.debugger.machine.icount

    def show(self) -> None:
        """Take note that the client learns now where it stands."""
        self.moved = False
        self.answers.forget_frames()

    def leave(self) -> None:
        """Take the client's breakpoints out; it goes."""
        self.answers.settle()
        self.debugger.remove_all()

    def replace(self, old: Inferior) -> None:
        """Take the place of another machine: what the client knows of that is to hold for us."""
        old.answers.keep_frames()
        self.answers.succeed(old.answers)
        self.debugger.take_points(old.debugger)
        before, now = (one.debugger.machine.registers.save() for one in (old, self))
        self._note_move(old.moved or before != now)

    def monitor(self, line: str) -> str:
        """Carry out a monitor command; return what it has to say.  MonitorError if it failed."""
        self.answers.settle()
        before = self.debugger.machine.registers.save()
        self.answers.keep_frames()
        try:
            return monitor.perform(self.debugger, line, self.folder)
        finally:
            self._note_move(self.moved or self.debugger.machine.registers.save() != before)

    def _note_move(self, moved: bool) -> None:
        self.moved = moved
        if not moved:
            self.answers.forget_frames()

    def miss(self, event: Event) -> None:
        """Remember an event that could not be told, since another machine had stopped before.

        One that was interrupted on its arrival at a breakpoint has hit it: it won't stop there
        when it goes on.
        """
        here = self.debugger.machine.icount
        moved = here != self._began
        if event.kind is EventKind.INTERRUPTED and moved:
            event = event.arrival or event
        if event.kind in _KEPT:
            self._missed = here, event

    def missed(self) -> Event | None:
        """Return such an event, once, if it still holds."""
        missed, self._missed = self._missed, None
        if missed is None or missed[0] != self.debugger.machine.icount:
            return None
        stands = missed[1].kind in (EventKind.BREAKPOINT, EventKind.CAUGHT)
        return None if stands and not self.debugger.has_breakpoint() else missed[1]


class Inferiors:
    """Which machines a client holds and means, and its questions about them as processes."""

    def __init__(
        self, listing: Callable[[], Sequence[ListedProcess]], architecture: str = ARCHITECTURE
    ) -> None:
        """Hold nothing.  ``listing`` returns all machines of the server."""
        self._listing = listing
        self._architecture = architecture
        self._held: dict[int, Inferior] = {}
        self._chosen: int | None = None
        self._to_resume = ThreadId(ANY, ANY)
        self._files = HostFiles(self._file, self._reads_x86_64)
        self._titles = Titles()
        self._asks_for_files = self._lacks_program = False
        """Whether the client has asked for its program's file, and not opened it since."""
        self._aligns_frames = self._shows_offsets = False
        self._numbered_from = 0
        self._looked_at: int | None = None
        """Of what process the client has read or written last: that is the one its user is at.
        It also selects others, to set breakpoints in them."""
        self.multiprocess = False
        """Whether the client knows of processes."""

    def __iter__(self) -> Iterator[Inferior]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def forget(self) -> None:
        """Know none any more."""
        self._held.clear()

    def add(self, taken: Taken, called: int | None = None) -> Inferior:
        """Hold one more, and mean it from now on.  ``called``: by what number, if not the usual."""
        sight = Sight(taken.debugger, taken.sample)
        answers = Answers(taken.debugger, taken.program, self._titles, sight)
        reporter = Reporter(taken.debugger, taken.circumstances, sight)
        inferior = Inferior(
            *(taken.process, taken.debugger, answers, reporter, taken.launched, taken.folder),
            usually_called=taken.process + self._numbered_from if called is None else called,
            births=Births(taken.debugger),
        )
        answers.aligns_frames = self._aligns_frames
        answers.shows_offsets = self._shows_offsets
        self._held[taken.process] = inferior
        self._chosen = taken.process
        self._to_resume = ThreadId(ANY, ANY)
        return inferior

    def renew(self, taken: Taken) -> None:
        """Hold a fresh machine in the place of the one of its number; mean the same as before."""
        old, chosen, to_resume = self._held[taken.process], self._chosen, self._to_resume
        self.add(taken, old.usually_called).replace(old)
        self._chosen, self._to_resume = chosen, to_resume

    def align_frames(self) -> None:
        """From now on give frames addresses that LLDB takes."""
        self._aligns_frames = True
        for inferior in self:
            inferior.answers.aligns_frames = True

    def number_from(self, base: int) -> None:
        """Let processes have numbers to the client that are so much more than ours."""
        self._numbered_from = base
        for inferior in self:
            inferior.usually_called = inferior.process + base

    def show_offsets(self, whether: bool) -> None:
        """From now on show offsets in EIP and ESP, as `raw_registers` does, or linear addresses."""
        self._shows_offsets = whether
        for inferior in self:
            inferior.answers.shows_offsets = whether

    def drop(self, inferior: Inferior) -> None:
        """Hold it no more."""
        del self._held[inferior.process]

    def choose(self, inferior: Inferior) -> None:
        """Mean one from now on.  gdb takes the thread of a stop reply for the selected one.

        Its user is at that one, unless gdb has named what to resume: so it steps others over their
        breakpoints, before it lets that one go.
        """
        self._chosen = inferior.process
        if self._to_resume.process in (ALL, ANY):
            self._looked_at = inferior.process
        inferior.births.selected = inferior.births.followed
        inferior.answers.thread = None

    @property
    def current(self) -> Inferior:
        """The one that questions are about; RefusedError if none is held."""
        if not self._held:
            raise RefusedError(NONE_HELD)
        if self._chosen in self._held:
            return self._held[self._chosen]
        return next(iter(self._held.values()))

    def named(self, process: int | None) -> Inferior:
        """Return the one of that number; RefusedError if it isn't held.

        Clients that don't know of processes make a number up.
        """
        if process is None or not self.multiprocess:
            return self.current
        process = machine_of(process)
        if process not in self._held:
            raise RefusedError(f"process {process} is not debugged here")
        return self._held[process]

    def held(self, process: int) -> Inferior:
        """Return the one of that number, which is held."""
        return self._held[process]

    def matching(self, thread: ThreadId) -> list[Inferior]:
        """Return those that a thread-id means."""
        if not self._held:
            return []
        if thread.process == ALL:
            meant = list(self)
        elif thread.process == ANY:
            meant = [self.current]
        else:
            machine = machine_of(thread.process)
            meant = [inferior for inferior in self if inferior.process == machine]
        if thread.thread in (ALL, ANY):
            return meant
        return [one for one in meant if one.answers.has_thread(thread.thread)]

    def to_resume(self) -> list[Inferior]:
        """Return those that c, s, bc and bs mean."""
        for inferior in self.matching(self._to_resume):
            inferior.births.resume(self._to_resume.process)
        if self._to_resume.process == ANY and self._looked_at in self._held:
            return [self._held[self._looked_at]]
        return self.matching(self._to_resume) or [self.current]

    def thread_id(self, inferior: Inferior, thread: int | None = None) -> str:
        """Return the thread-id of one of its processes, or of that which has the processor."""
        number = inferior.answers.current_thread() if thread is None else thread
        return f"p{inferior.called:x}.{number:x}" if self.multiprocess else f"{number:x}"

    def newborn_id(self, inferior: Inferior, thread: int) -> str:
        """Return the thread-id of the process whose birth was just told, as one of its own."""
        return f"p{inferior.usually_called + STEP * inferior.births.told:x}.{thread:x}"

    def program_file(self, inferior: Inferior) -> str:
        """Return the name of the file that is a machine's program to gdb."""
        return hostio.TARGET + hostio.of_process(hostio.BOARD, inferior.process)

    def thread_ids(self) -> str:
        """Return those of all processes of all that are held, with commas."""
        return ",".join(name for name, _ in self._threads())

    def _threads(self) -> Iterator[tuple[str, GuestProcess]]:
        for inferior in self:
            for process in inferior.answers.processes():
                yield self.thread_id(inferior, process.thread), process

    def _file(self, name: str) -> bytes | None:
        for inferior in self:
            shelf, executed = inferior.answers.shelf, inferior.births.program
            board = hostio.of_process(hostio.BOARD, inferior.process)
            if name == board or (executed and name == executed):
                self._lacks_program = False
                return shelf.program_file
            if name == hostio.TARGET + board:
                self._lacks_program = False
                return probe.content()
            if hostio.of_process(hostio.WHOLE, inferior.process) == name:
                return shelf.whole
            if name == hostio.MAPS.format(inferior.called):
                return description.process_maps(inferior.answers.sight.memory.end)
            if (library := shelf.find(name)) is not None:
                return library
        return None

    def _look_for_mark(self, offer: commands.OfferSymbols) -> bytes:
        """Ask gdb, which has read some file of symbols, whether it still has our program's."""
        if offer.name == MARK:
            self._titles.has_own_file = not offer.is_known
        elif not offer.name and self._asks_for_files:
            return b"qSymbol:" + MARK.encode().hex().encode("ascii")
        return OK

    def _reads_x86_64(self, can: bool) -> None:
        self._titles.reads_x86_64 = can

    def takes_long(self, question: commands.Question) -> bool:
        """Whether the answer may take more than a millisecond to compute."""
        if not self._held:
            return False
        if commands.is_machine_question(question):
            return self.current.answers.takes_long(question)
        match question:
            case commands.HostFile(b"open"):  # it builds the board
                return True
            case commands.ReadObject("libraries"):
                return True
            case commands.ReadObject():
                return Reporter.is_asked(question) and Reporter.computes(question)
        return False

    # -- questions ---------------------------------------------------------------------------

    def answer(self, question: commands.Question) -> bytes:
        """Return the body of the reply; RefusedError if the question can't be answered."""
        if commands.is_machine_question(question):
            return self._answer_of_machine(question)
        match question:
            case commands.Unknown():
                return EMPTY
            case processes.SelectThread():
                return self._select(question)
            case processes.QueryAlive(thread):
                self._known(thread)
                return OK
            case processes.QueryCurrentThread():
                return b"QC" + self.thread_id(self.current).encode("ascii")
            case processes.QueryThreads(first):
                return b"m" + self.thread_ids().encode("ascii") if first and self._held else b"l"
            case processes.QueryThreadInfo(thread):
                meant = self._known(thread)
                process = meant.answers.process(thread.thread)
                text = description.thread_info(meant.debugger, process)
                return text.encode("ascii").hex().encode("ascii")
            case processes.QueryThreadStop(thread):
                meant = self._known(thread)
                process = meant.answers.process(thread.thread)
                called = self.thread_id(meant, thread.thread).encode("ascii")
                return replies.thread_stop(called, process.title if process else "")
            case processes.QueryAttached(process):
                # 1 lets gdb detach when its user quits, instead of killing
                return b"0" if self.named(process).launched else b"1"
            case processes.QueryProcess():
                return b"pid:%x;" % self.current.called + description.host_info()
            case commands.HostFile(operation, arguments):
                return self._files.answer(operation, arguments) or EMPTY
            case commands.ReadObject():
                return self._read_object(question)
            case commands.OfferSymbols():
                return self._look_for_mark(question)
            case _:
                assert_never(question)

    def _answer_of_machine(self, question: commands.MachineQuestion) -> bytes:
        inferior = self.current
        if not isinstance(question, _OF_POINTS):
            self._looked_at = inferior.process
        if isinstance(question, commands.ReadRegisters):
            inferior.show()
        if isinstance(question, points.RemovePoint) and inferior.births.is_childs():
            return OK
        inferior.answers.settle(question)
        return inferior.answers.answer(question)

    def _select(self, question: processes.SelectThread) -> bytes:
        meant = self._known(question.thread)
        if question.purpose is Purpose.RESUME:
            self._to_resume = question.thread
            return OK
        named = question.thread.thread not in (ALL, ANY)
        if question.thread.process == ANY and named:  # LLDB names the thread alone
            meant.answers.thread = question.thread.thread
        elif question.thread.process not in (ALL, ANY):
            self._chosen = meant.process
            meant.births.selected = birth_of(question.thread.process)
            meant.answers.thread = question.thread.thread if named else None
        return OK

    def _read_object(self, question: commands.ReadObject) -> bytes:
        if Reporter.is_asked(question):
            return self.current.reporter.answer(question)
        known = {name for name, _ in description.OBJECTS} | {*OBJECTS}
        if question.name not in known:
            return EMPTY
        text = self._object(question.name, question.annex)
        return chunk(text.encode("utf-8"), question.offset, question.length)

    def _object(self, name: str, annex: str) -> str:
        if (name, annex) == description.TARGET_XML:
            return description.target_xml(self._architecture)
        same = description.OBJECTS.get((name, annex))
        if same is not None:
            return same(self.current.answers.sight.memory.end)
        match name, annex:
            case "threads", "":
                return description.threads(self._threads())
            case "exec-file", process:
                self._asks_for_files = self._lacks_program = True
                return self.program_file(self._process(process))
            case "libraries", "":
                if self._lacks_program:
                    self._titles.has_own_file = True
                return description.libraries(self.current.answers.shelf.tell())
            case "osdata", "":
                types = [
                    {"Type": "processes", "Description": "The machines of this server"},
                    {"Type": "threads", "Description": "The processes of the guests' systems"},
                ]
                return description.os_data(types, "types")
            case "osdata", "threads":
                seen = (
                    {
                        "pid": str(p.pid),
                        "command": p.name,
                        "state": p.state,
                        "thread": name,
                    }
                    for name, p in self._threads()
                )
                return description.os_data(seen, "threads")
            case "osdata", "processes":
                rows = (
                    {"pid": str(self._called(p.number)), "command": p.command, "state": p.state}
                    for p in self._listing()
                )
                return description.os_data(rows, "processes")
        raise RefusedError(f"{name} has no {annex[:40]!r}")

    def _called(self, process: int) -> int:
        if process in self._held:
            return self._held[process].called
        return process + self._numbered_from

    def _process(self, annex: str) -> Inferior:
        try:
            number = fields.process(annex.encode("utf-8")) if annex else None
        except MalformedError as error:
            raise RefusedError(str(error)) from None
        return self.named(number)

    def _known(self, thread: ThreadId) -> Inferior:
        meant = self.matching(thread)
        if not meant:
            raise RefusedError(f"no thread {thread.process:x}.{thread.thread:x}")
        return meant[0]
