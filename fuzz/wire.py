"""Speaks gdb's protocol: all packets that there are, well-formed, odd and damaged."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from random import Random

from blink16.board import ProgramFacts, window
from blink16.debugger import Debugger, Pause
from blink16.gdbstub.orders import (
    Close,
    Interrupt,
    Order,
    Release,
    Send,
    Start,
    Take,
    Taken,
    TakeNew,
    Work,
)
from blink16.gdbstub.session import Session
from blink16.monitor.registry import COMMANDS
from blink16.packets import Decoder, Packet, frame
from fuzz.harness import BrokenError, Case, Fuzzer
from fuzz.machines import ENGINES, KINDS, load

PACKETS = 250
LONGEST = 5.0
"""Seconds that the session may take for one call; measured on busy computers, so generous."""
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
    "qSymbol::", "qThreadExtraInfo,1", "qMemoryRegionInfo:0", "Hg0", "Hc-1", "Hgp1.1", "T1",
)  # fmt: skip


def packet(random: Random) -> str:
    """Return a packet's body."""

    def n() -> str:
        return random.choice(_NUMBERS)

    small = f"{random.randrange(0x200):x}"
    match random.randrange(16):
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
            return random.choice(_FIXED) + random.choice((":", ";", ",", n(), "\0", "}"))
        case _:
            return random.randbytes(random.randrange(1, 12)).decode("latin-1")


def generate(random: Random) -> Case:
    """Make a conversation: packets, and how they are cut and damaged on their way."""
    bodies = [packet(random) for _ in range(PACKETS)]
    return [random.choice(KINDS), random.choice(ENGINES), random.getrandbits(30), bodies]


@cache
def _machine(kind: str, engine: str) -> Debugger:
    loaded = load(kind, engine)
    return Debugger(loaded.machine)


def run(case: Case) -> int:
    """Hold the conversation; return how many packets came to their handlers."""
    kind, engine, seed, bodies = case
    random = Random(seed)
    debugger = _machine(kind, engine)
    session = _session(debugger)
    answered = came = 0
    for body in bodies:
        data = frame(body.encode("latin-1").replace(b"$", b"").replace(b"#", b""))
        if random.random() < 0.02:
            data = data[:-1] + b"z"
        if random.random() < 0.02:
            data = b"\x03" + data
        cut = random.randrange(len(data) + 1)
        for piece in (data[:cut], data[cut:]):
            said, closed = _hear(session, debugger, piece)
            answered += said
        came += 1
        if closed:
            session = _session(debugger)
    if answered > came * 3 + 10:
        raise BrokenError(f"{answered} answers to {came} packets")
    return came


def _session(debugger: Debugger) -> Session:
    made = Session(Taken(1, debugger, ProgramFacts.of(debugger.machine)))
    debugger.on_notice, debugger.on_print = made.note, made.output
    made.receive(frame(b"!") + frame(b"QStartNoAckMode"))
    return made


def _hear(session: Session, debugger: Debugger, data: bytes) -> tuple[int, bool]:
    """Give the session bytes, and do what it asks for; how many packets it says, and its end."""
    orders = _timed(lambda: session.receive(data))
    said, closed = 0, False
    while orders or session.has_more:
        if not orders:
            orders = _timed(session.go_on)
            continue
        match order := orders.pop(0):
            case Send(sent):
                found = [i.body for i in Decoder().feed(sent) if isinstance(i, Packet)]
                said += sum(1 for body in found if not _is_words(body))
            case Start(how):
                debugger.interrupt()
                event = debugger.resume(how)
                while isinstance(event, Pause):
                    debugger.interrupt()
                    event = debugger.resume(how)
                debugger.forget_interrupt()
                orders += _timed(partial(session.stopped, event))
            case Work(work):
                orders += _timed(partial(session.finished, work()))
            case Take() | TakeNew():
                orders += _timed(lambda: session.refused("not here"))
            case Close():
                return said, True
            case Interrupt() | Release():
                closed = closed or isinstance(order, Release)
    return said, closed


def _is_words(body: bytes) -> bool:
    return body[:1] == b"O" and body != b"OK"


def _timed(call: Callable[[], list[Order]]) -> list[Order]:
    began = time.perf_counter()
    orders = call()
    if time.perf_counter() - began > LONGEST:
        raise BrokenError("the event loop would have stood still")
    return orders


FUZZER = Fuzzer(
    "wire",
    "Whatever a client sends, each packet has an answer at most, no exception leaves the session,"
    " and nothing long is computed in it.",
    "packets",
    generate,
    run,
    slowest=60.0,
)
