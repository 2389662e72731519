"""Lies to our own client: a server whose answers are cut, doubled, swapped, invented or missing.

The liar is a real session, so that lies come where truth is believed.  Time is trio's autojump
clock: a timeout takes none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

import trio
import trio.testing

from blink16.assembly import Snapshot
from blink16.board import ProgramFacts
from blink16.client import AsyncTarget, ClientError, OwnServer
from blink16.client.target import converse
from blink16.debugger import Debugger, Pause
from blink16.gdbstub.orders import Close, Renew, Send, Start, Take, Taken, Work
from blink16.gdbstub.session import Session
from blink16.history.inputs import Input
from blink16.packets import frame
from blink16.setup import loader
from blink16.setup.loader import Loaded
from fuzz import machines
from fuzz.harness import BrokenError, Case, Fuzzer

PATIENCE = 1000.0
"""Seconds, on the client's clock, after which a call has hung."""
ADDRESS = OwnServer(("liar",))
LONG = 20_000
"""Instructions that a machine runs at most, or some more."""
BYTEWISE = 200
"""Bytes of an answer that come one by one: a client without features reads the whole memory."""
LIES = 40
CALLS = 12
BRIEF = bytes.fromhex("b92c01 ff060002 40 50 58 e2f7 cd20".replace(" ", ""))
"""mov cx, 300; again: inc word [200h]; inc ax; push ax; pop ax; loop again; int 20h."""


class Lie(Enum):
    """What becomes of an answer."""

    TRUTH = auto()
    CUT = auto()
    DOUBLED = auto()
    SWAPPED = auto()
    REPLACED = auto()
    EDITED = auto()
    DAMAGED = auto()
    MISSING = auto()
    SILENCE = auto()  # this and all that follows
    HANG_UP = auto()
    ENDLESS = auto()
    OUTPUT = auto()


@dataclass(frozen=True)
class Answered:
    """A lie, and what it takes."""

    lie: Lie
    data: bytes = b""


TRUTH = Answered(Lie.TRUTH)


class Liar:
    """A server for one client, which answers truly but for its lies."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        lies: Iterable[Answered],
        *,
        bytewise: bool = False,
        loaded: Loaded | None = None,
    ) -> None:
        """Lie about a machine; by default that of the sample."""
        loaded = loaded or loader.load(loader.read("banner"), ["HI"], loader.Options())
        self._debugger = Debugger(loaded.machine)
        self._debugger.names.symbols = loaded.symbols
        self._debugger.timeline.observer = _Guard(self._debugger)
        self._taken = Taken(1, self._debugger, ProgramFacts.of(loaded.machine))
        self._session = Session(self._taken)
        self._stream = stream
        self._lies = iter(lies)
        self._bytewise = bytewise
        self._held = b""

    async def serve(self) -> None:
        """Answer until one side hangs up."""
        try:
            while data := await self._stream.receive_some(4096):
                for answer in self._truth(bytes(data)):
                    await self._answer(answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def _truth(self, data: bytes) -> list[bytes]:
        answers, orders = [], self._session.receive(data)
        while orders:
            match orders.pop(0):
                case Send(sent):
                    answers += [b"$" + part for part in sent.split(b"$")[1:]]
                case Start(how):
                    event = self._debugger.resume(how)
                    assert not isinstance(event, Pause)
                    orders += self._session.stopped(event)
                case Work(run):
                    orders += self._session.finished(run())
                case Take() | Renew():
                    orders += self._session.took(self._taken)
                case Close():
                    break
            if not orders and self._session.has_more:
                orders = self._session.go_on()
        return answers

    async def _answer(self, answer: bytes) -> None:
        told = next(self._lies, TRUTH)
        match told.lie:
            case Lie.CUT:
                answer = answer[: len(told.data)]
            case Lie.DOUBLED:
                answer += answer
            case Lie.SWAPPED:
                self._held, answer = answer, self._held
            case Lie.REPLACED:
                answer = _packet(told.data)
            case Lie.EDITED:
                answer = _edited(answer, told.data)
            case Lie.DAMAGED:
                answer = answer[:-2] + b"zz"
            case Lie.MISSING:
                answer = b""
            case Lie.SILENCE:
                await trio.sleep_forever()
            case Lie.HANG_UP:
                await self._stream.aclose()
            case Lie.ENDLESS:
                while True:
                    await self._stream.send_all(b"a#" * (1 << 15))
                    await trio.sleep(0.5)
            case Lie.OUTPUT:
                answer = frame(b"O" + told.data.hex().encode()) * 3 + answer
        few = BYTEWISE if self._bytewise else 0
        for piece in (*(answer[i : i + 1] for i in range(few)), answer[few:]):
            if piece:
                await self._stream.send_all(piece)


class _Guard:
    """Interrupts a machine that runs for long: its client may have made it run for ever."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._began = 0

    def reached(self, end: int) -> None:
        """It stands."""
        self._began = end

    def happened(self, entry: Input) -> None:
        """Input is no matter."""

    def dropped(self, end: int, inputs: int) -> None:
        """It goes another way."""
        self._began = end

    def kept(self, icount: int, inputs: int, snapshot: Snapshot) -> None:
        """It runs."""
        if icount > self._began + LONG:
            self._debugger.interrupt()


def _packet(body: bytes) -> bytes:
    return frame(body.replace(b"$", b"").replace(b"#", b"").replace(b"}", b""))


def _edited(answer: bytes, seed: bytes) -> bytes:
    """Return a valid packet that says something else at a few places: numbers, names, brackets."""
    random, body = Random(seed), bytearray(answer[1:].partition(b"#")[0])
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(body) + 1)
        body[at : at + random.randrange(4)] = random.choice(_PIECES)
    return _packet(bytes(body))


_PIECES: tuple[bytes, ...] = (b"", b"0", b"-1", b"f" * 17, b"9" * 40, b"null", b'"', b"[", b"]")
_PIECES += (b"{", b"}", b",", b":", b";", b"l", b"m", b"\xff", b"*~", b"true", b"1e999", b"x", b".")
_PIECES += (b"<!ENTITY a 'b'>", b"</")


async def talk(
    lies: Iterable[Answered],
    what: Callable[[AsyncTarget], Awaitable[object]],
    *,
    bytewise: bool = False,
    loaded: Loaded | None = None,
) -> Exception | None:
    """Let a client use a liar; return the error that came of it, if it is one that is foreseen."""
    ours, theirs = trio.testing.memory_stream_pair()
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Liar(theirs, lies, bytewise=bytewise, loaded=loaded).serve)
        with trio.fail_after(PATIENCE):
            try:
                async with converse(ADDRESS, ours) as target:
                    await what(target)
            except (ClientError, ValueError) as error:
                failure = error
        nursery.cancel_scope.cancel()
    return failure


Call = Callable[[AsyncTarget], Awaitable[object]]
USES: dict[str, Call] = {
    "run_to": lambda t: t.run_to(0x500, timeout=5),
    "break_at": lambda t: t.break_at(0x120, condition="ax >= 0"),
    "watch": lambda t: t.watch(0x200, 2),
    "run": lambda t: t.run(timeout=5),
    "run_back": lambda t: t.run_back(timeout=5),
    "run_back_to": lambda t: t.run_back_to(0x100, timeout=5),
    "finish": lambda t: t.finish(timeout=5),
    "step": lambda t: t.step(3, timeout=5),
    "step_back": lambda t: t.step_back(2, timeout=5),
    "next": lambda t: t.next(timeout=5),
    "next_back": lambda t: t.next_back(timeout=5),
    "read_memories": lambda t: t.read_memories([(0x100, 40), (0x20000, 70_000)]),
    "read_registers": lambda t: t.read_registers(),
    "write_register": lambda t: t.write_register("ah", 3),
    "write_memory": lambda t: t.write_memory(0x500, b"abc"),
    "find": lambda t: t.find(b"abc"),
    "frames": lambda t: t.frames(),
    "screen": lambda t: t.screen(),
    "state": lambda t: t.state(),
    "history": lambda t: t.history(),
    "disassemble": lambda t: t.disassemble(0x100),
    "symbols": lambda t: t.symbols(),
    "last_write": lambda t: t.last_write(0x200),
    "hits": lambda t: t.hits(0x120),
    "trace": lambda t: t.trace(3),
    "profile": lambda t: t.profile(100),
    "seek": lambda t: t.seek("start"),
    "bookmark": lambda t: t.bookmark(),
    "bookmarks": lambda t: t.bookmarks(),
    "catch": lambda t: t.catch("elks write"),
    "monitor": lambda t: t.monitor("history"),
    "type": lambda t: t.type("abc\n"),
    "wait_screen": lambda t: t.wait_screen("x", 100),
    "processes": lambda t: t.processes(),
    "restart": lambda t: t.restart(),
    "interrupt": lambda t: t.interrupt(),
    "remove_all": lambda t: t.remove_all(),
}
"""What a script may ask of a machine."""


def generate(random: Random) -> Case:
    """Make calls, and what becomes of their answers."""
    lies = []
    for _ in range(random.randrange(LIES)):
        lie = random.choice([Lie.TRUTH] * 12 + [Lie.EDITED] * 8 + list(Lie))
        lies.append([lie.name, random.randbytes(random.randrange(40)).hex()])
    return [
        random.choice(("sample", "brief")),
        random.choices(tuple(USES), k=CALLS),
        lies,
        random.random() < 0.1,
    ]


def run(case: Case) -> int:
    """Make the calls; return how many there were."""
    kind, calls, told, bytewise = case
    lies = [Answered(Lie[lie], bytes.fromhex(data)) for lie, data in told]

    async def use(target: AsyncTarget) -> None:
        for call in calls:
            try:
                await USES[call](target)
            except (ClientError, ValueError) as error:
                if not str(error):
                    raise BrokenError(f"{call} failed without a word") from error

    async def main() -> None:
        loaded = None if kind == "sample" else machines.load("com", "reference", image=BRIEF)
        await talk(lies, use, bytewise=bytewise, loaded=loaded)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return len(calls)


FUZZER = Fuzzer(
    "client",
    "Whatever a server says, each call of our client ends in time with a result or a ClientError.",
    "calls",
    generate,
    run,
    slowest=20.0,
)
