"""Speaks gdb's protocol: all packets that there are, well-formed, odd and damaged."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from random import Random

from blink16.board import ProgramFacts, window
from blink16.debugger import Debugger, Event, Pause, Resume
from blink16.gdbstub.orders import (
    Close,
    LetGo,
    ListedProcess,
    Order,
    Renew,
    Send,
    Start,
    Take,
    Taken,
    TakeNew,
    WantControl,
    Work,
)
from blink16.gdbstub.session import Session
from blink16.monitor.registry import COMMANDS
from blink16.packets import Decoder, Packet, frame
from blink16.reports.registry import REPORTS
from fuzz.harness import BrokenError, Case, Fuzzer, brief
from fuzz.machines import ENGINES, MACHINES, load

PACKETS = 250
LONGEST = 0.1
"""Seconds of work that the session may take for one call: so long the event loop stands still."""
_NUMBERS: tuple[str, ...] = ("0", "1", "8", "10", "100", "7c00", "fffff", "100000", "ffffffff")
_NUMBERS += (f"{window.BASE:x}", "-1", "", "g", "7fffffffffffffff", "f" * 16, "1" * 40)
_WORDS = ("0x10", "-1", "start", "end", "all", "1", "10", "0:0", "int 21", "elks", "b1", '"x"', "A")
_NEVER = {"wait-screen", "screen", "symbols"}
"""Monitor commands that take their time, or write files."""
_FIXED = (
    "?", "g", "G", "qC", "qfThreadInfo", "qsThreadInfo", "qSupported", "vCont?", "qHostInfo", "!",
    "qSupported:multiprocess+;swbreak+;hwbreak+;error-message+;vContSupported+", "QStartNoAckMode",
    "qProcessInfo", "QEnableErrorStrings", "QListThreadsInStopReply", "qOffsets", "qTStatus", "D",
    "qXfer:features:read:target.xml:0,ffb", "qXfer:memory-map:read::0,ffb", "qAttached", "vCtrlC",
    "qXfer:libraries:read::0,fff", "qXfer:osdata:read:processes:0,fff", "qXfer:threads:read::0,f",
    "qXfer:exec-file:read:1:0,fff", "vFile:setfs:0", "vFile:open:2f626c696e6b31362e656c66,0,0",
    "vFile:pread:0,1000,0", "vFile:fstat:0", "vFile:close:0", "qXfer:blink16:read:state:0,fff",
    "qXfer:blink16:read:frames:0,fff", "qXfer:blink16:read:screen:0,fff", "R00", "k", "vKill;1",
    "vAttach;1", "vAttach;2", "vAttach;3", "vRun;", "vRun;6c6f6f70;41", "vRun;;", "D;1", "D;2",
    "Hgp2.1", "Hgp0.0", "Hcp-1.-1", "vCont;s:p1.1;c", "vCont;c:p-1.-1", "vKill;2", "T2", "Tp2.1",
    "qSupported:blink16+;multiprocess+", "qSupported:blink16+;blink16.watch+", "qfThreadInfo", "!",
    "qblink16.watch", "Qblink16.watch", "vblink16.control", "Qblink16.changes", "qXfer:threads:",
    "qSymbol::", "qThreadExtraInfo,1", "qMemoryRegionInfo:0", "Hg0", "Hc-1", "Hgp1.1", "T1",
)  # fmt: skip


_QUERIES: tuple[str, ...] = ("", "?most=5", "?most=100000", "?most=-1", "?address=1280", "?most=")
_QUERIES += ("?address=-5&length=9", "?address=1&which=2", "?skip=3&most=2", "?x=1", "?=")


def packet(random: Random) -> str:
    """Return a packet's body."""

    def n() -> str:
        return random.choice(_NUMBERS)

    small = f"{random.randrange(0x200):x}"
    match random.randrange(17):
        case 0 | 1:
            return random.choice(_FIXED)
        case 2 | 3:
            return f"{random.choice('mx')}{n()},{random.choice((n(), small))}"
        case 4:
            return f"M{n()},{small}:{random.randbytes(random.randrange(20)).hex()}"
        case 5:
            return f"{random.choice('pP')}{small[-2:]}" + random.choice(("", "=", f"={n()}"))
        case 6 | 7:
            kind = random.randrange(6)
            length = random.choice((n(), "1", small))
            extra = random.choice(("", "", f";X{small[:2]},{random.randbytes(4).hex()}"))
            return f"{random.choice('zZ')}{kind},{n()},{length}{extra}"
        case 8 | 9:
            return random.choice(
                ("s", "c", "bs", "bc", "vCont;s", "vCont;c", f"vCont;r{n()},{n()}")
            )
        case 10 | 11:
            name = random.choice(sorted(set(COMMANDS) - _NEVER))
            words = random.choices((*_WORDS, *_NUMBERS), k=random.randrange(4))
            return "qRcmd," + " ".join((name, *words)).encode().hex()
        case 12:
            pattern = random.randbytes(3).decode("latin-1")
            return f"qSearch:memory:{n()};{n()};{pattern}"
        case 13:
            return f"qCRC:{n()},{n()}"
        case 14:
            annex = random.choice((*REPORTS, "x")) + random.choice(_QUERIES)
            return f"qXfer:blink16:read:{annex}:{random.choice(('0', '0', n()))},{n()}"
        case 15:
            return random.choice(_FIXED) + random.choice((":", ";", ",", n(), "\0", "}"))
        case _:
            return random.randbytes(random.randrange(1, 12)).decode("latin-1")


def generate(random: Random) -> Case:
    """Make a conversation: packets, and how they are cut and damaged on their way."""
    bodies = [packet(random) for _ in range(PACKETS)]
    return [random.choice(MACHINES), random.choice(ENGINES), random.getrandbits(30), bodies]


@cache
def _machine(kind: str, engine: str) -> Debugger:
    loaded = load(kind, engine)
    return Debugger(loaded.machine)


def run(case: Case) -> int:
    """Hold the conversation; return how many packets came to their handlers."""
    kind, engine, seed, bodies = case
    random = Random(seed)
    others = [random.choice(MACHINES) for _ in range(2)]
    server = _Server([_machine(kind, engine), *(_machine(other, engine) for other in others)])
    came = 0
    for body in bodies:
        data = frame(body.encode("latin-1").replace(b"$", b"").replace(b"#", b""))
        whole = random.random() >= 0.02
        if not whole:
            data = data[:-1] + b"z"
        if random.random() < 0.02:
            data = b"\x03" + data
        cut = random.randrange(len(data) + 1)
        for piece in (data[:cut], data[cut:]):
            server.hear(piece)
        came += whole
    if server.answers > len(bodies) * 3 + 10:
        raise BrokenError(f"{server.answers} answers to {len(bodies)} packets")
    return came


class _Server:
    """Does what a session asks for, as the real one does, without threads and sockets."""

    def __init__(self, debuggers: list[Debugger]) -> None:
        self._debuggers = dict(enumerate(dict.fromkeys(debuggers), 1))
        self.answers = 0
        """Packets that were said, but for words."""
        self._meet()

    def _meet(self) -> None:
        """Begin with a new client."""
        self._session = Session(self._taken(1), self._processes)
        self._session.receive(frame(b"!") + frame(b"QStartNoAckMode"))

    def _taken(self, process: int) -> Taken:
        debugger = self._debuggers[process]
        debugger.on_notice, debugger.on_print = self._session_note, self._session_output
        return Taken(process, debugger, ProgramFacts.of(debugger.machine))

    def _session_note(self, text: str) -> None:
        self._session.note(text)

    def _session_output(self, data: bytes) -> None:
        self._session.output(data)

    def _processes(self) -> list[ListedProcess]:
        return [ListedProcess(process, "prog", "free") for process in self._debuggers]

    def hear(self, data: bytes) -> None:
        """Give the session bytes, and do what it asks for."""
        orders = _timed(lambda: self._session.receive(data))
        while orders or self._session.has_more:
            if not orders:
                orders = _timed(self._session.go_on)
            elif isinstance(order := orders.pop(0), Close):
                self._meet()
                return
            else:
                orders += self._do(order)

    def _do(self, order: Order) -> list[Order]:
        session = self._session
        match order:
            case Send(sent):
                found = [i.body for i in Decoder().feed(sent) if isinstance(i, Packet)]
                self.answers += sum(1 for body in found if not _is_words(body))
            case Start(how, process):
                event = self._run(self._debuggers[process], how)
                return _timed(partial(session.stopped, event, process))
            case Work(work):
                return _timed(partial(session.finished, work()))
            case Take(process) | Renew(process) if process in self._debuggers:
                return _timed(partial(session.took, self._taken(process)))
            case TakeNew():
                return _timed(partial(session.took, self._taken(len(self._debuggers))))
            case Take() | Renew():
                return _timed(lambda: session.refused("there is none"))
            case LetGo(process):
                return _timed(partial(session.watch, self._taken(process), lambda: False))
            case WantControl():
                return _timed(partial(session.hold, self._taken(1)))
        return []

    @staticmethod
    def _run(debugger: Debugger, how: Resume) -> Event:
        """Resume, and interrupt what does not stop by itself."""
        debugger.interrupt()
        event = debugger.resume(how)
        while isinstance(event, Pause):
            debugger.interrupt()
            event = debugger.resume(how)
        debugger.forget_interrupt()
        return event


def _is_words(body: bytes) -> bool:
    return body[:1] == b"O" and body != b"OK"


def _timed(call: Callable[[], list[Order]]) -> list[Order]:
    with brief(LONGEST):
        return call()


FUZZER = Fuzzer(
    "wire",
    "Whatever a client sends, each packet has an answer at most, no exception leaves the session,"
    " and nothing long is computed in it.",
    "packets",
    generate,
    run,
    slowest=60.0,
)
