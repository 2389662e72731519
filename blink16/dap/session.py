"""One conversation: requests in, responses and events out, each in its turn.

Bytes come in by `Session.receive` and leave by the function that it was given; what is done in
between are coroutines that ask a server (`blink16.client`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from blink16.client import ClientError
from blink16.client.program.grammar import ExpressionError
from blink16.dap.debuggee import Debuggee
from blink16.dap.framing import Answer, FramingError, MessageError, MessageReader, Request, frame
from blink16.dap.motion import Motion
from blink16.dap.points import UserPoints
from blink16.dap.registry import HANDLERS, SAID, Handler, RequestError, State, arguments_of
from blink16.nurseries import open_nursery

LOG = logging.getLogger("blink16")
MAX_WAITING = 10_000
"""Requests that wait to be done."""
CLIENT_TIMEOUT = 60.0
"""Seconds in which a client has to answer a request of ours."""
INITIALIZED_DELAY = 0.3
"""Seconds after which a client that has not launched anything is told that it may set points.

Most clients launch first, and then their breakpoints are known to be right at once."""
_FAILURES = (RequestError, ExpressionError, ClientError, ValueError)
_LAUNCHES = ("launch", "attach")
_CUTTING_IN = ("disconnect", "terminate", "pause")
"""Requests for which one that takes long is given up."""


@dataclass
class Client:
    """What a client has said of itself in ``initialize``."""

    lines_start_at: int = 1
    columns_start_at: int = 1
    runs_in_terminal: bool = False
    shows_progress: bool = False
    takes_invalidated: bool = False
    takes_memory: bool = False


class Session:
    """A client, and the machine that it debugs."""

    def __init__(self, put_out: Callable[[bytes], None]) -> None:
        """Begin.  ``put_out`` takes bytes for the client and must not wait."""
        self._put_out = put_out
        self._reader = MessageReader()
        self._seq = 0
        self._waiting: deque[Request | MessageError] = deque()
        self._news = trio.Event()
        self._answers: dict[int, Answer | None] = {}
        self._answered = trio.Event()
        self._current: tuple[Request, trio.CancelScope] | None = None
        self.client = Client()
        self.state = State.NEW
        self.configured = False
        """Whether the client has said that all of its points are set."""
        self.is_closed = False
        self._told_initialized = False
        self._progress = 0
        self.attached = False
        """Whether the server is not our own."""
        self.stops_on_entry = False
        self.has_begun = False
        """Whether the machine was let run, or was left standing, at the beginning."""
        self.known_threads: list[dict[str, Any]] = []
        self.known_commands: list[str] = []
        self.nursery: trio.Nursery | None = None
        self.debuggee = Debuggee(self)
        self.points = UserPoints(self)
        self.motion = Motion(self)

    # -- in ----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client.  After bytes that are no messages the session is closed."""
        try:
            for message in self._reader.receive(data):
                self._take(message)
        except FramingError as error:
            self.console(f"this is not the Debug Adapter Protocol: {error}", "stderr")
            self.close()
        self._wake()

    def _take(self, message: Request | Answer | MessageError) -> None:
        match message:
            case Answer(request_seq=number):
                if number in self._answers:
                    self._answers[number] = message
                    self._answered.set()
            case Request(command="cancel"):
                self._cancel(message)
            case _ if len(self._waiting) >= MAX_WAITING:
                self._fail(message, f"more than {MAX_WAITING} requests wait")
            case _:
                if isinstance(message, Request) and message.command in _CUTTING_IN:
                    self._give_up_current()
                self._waiting.append(message)

    def _cancel(self, request: Request) -> None:
        try:
            wanted = msgspec.json.decode(request.arguments, type=_Cancel).requestId
        except msgspec.MsgspecError:
            wanted = None
        if self._current is not None and self._current[0].seq == wanted:
            self._current[1].cancel()
        for waiting in [w for w in self._waiting if isinstance(w, Request) and w.seq == wanted]:
            self._waiting.remove(waiting)
            self._fail(waiting, "cancelled")
        self._respond(request, {})

    def _give_up_current(self) -> None:
        if self._current is not None and self._current[0].command not in _CUTTING_IN:
            handler = HANDLERS.get(self._current[0].command)
            if handler is not None and handler.searches:
                self._current[1].cancel()

    def close(self) -> None:
        """End the conversation."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()

    # -- out ---------------------------------------------------------------------------------

    def _send(self, message: dict[str, Any]) -> int:
        self._seq += 1
        self._put_out(frame({"seq": self._seq, **message}))
        return self._seq

    def event(self, name: str, body: dict[str, Any] | None = None) -> None:
        """Tell the client of something."""
        self._send({"type": "event", "event": name, "body": body or {}})

    def console(self, text: str, category: str = "console") -> None:
        """Show the user a line."""
        self.event("output", {"category": category, "output": text.rstrip("\n") + "\n"})

    def _respond(self, request: Request, body: dict[str, Any]) -> None:
        self._send(
            {
                "type": "response",
                "request_seq": request.seq,
                "success": True,
                "command": request.command,
                "body": body,
            }
        )

    def _fail(self, request: Request | MessageError, text: str) -> None:
        body = {"error": {"id": 1, "format": text.replace("{", "(").replace("}", ")"),
                          "showUser": True}}  # fmt: skip
        self._send(
            {
                "type": "response",
                "request_seq": request.seq,
                "success": False,
                "command": request.command,
                "message": text,
                "body": body,
            }
        )

    async def ask_client(self, command: str, arguments: dict[str, Any]) -> Answer:
        """Have the client do something; RequestError if it does not answer."""
        number = self._send({"type": "request", "command": command, "arguments": arguments})
        self._answers[number] = None
        try:
            with trio.fail_after(CLIENT_TIMEOUT):
                while (answer := self._answers[number]) is None:
                    self._answered = trio.Event()
                    await self._answered.wait()
        except trio.TooSlowError:
            raise RequestError(f"the client does not answer to {command}") from None
        finally:
            del self._answers[number]
        return answer

    # -- requests ----------------------------------------------------------------------------

    async def serve(self) -> None:
        """Do what the client asks, until it leaves."""
        async with open_nursery() as nursery:
            self.nursery = nursery
            while not self.is_closed:
                request = self._next()
                if request is None:
                    self._news = trio.Event()
                    await self._news.wait()
                    continue
                await self._do(request)
            await self.debuggee.leave()
            nursery.cancel_scope.cancel()

    def _next(self) -> Request | MessageError | None:
        """Return what is to be done next: before there is a machine, what brings one comes first.

        Clients send their breakpoints and what to launch in any order.
        """
        if not self._waiting:
            return None
        if self.state is State.READY:
            for request in self._waiting:
                if isinstance(request, Request) and request.command in _LAUNCHES:
                    self._waiting.remove(request)
                    return request
        return self._waiting.popleft()

    async def _do(self, request: Request | MessageError) -> None:
        if isinstance(request, MessageError):
            self._fail(request, str(request))
            return
        handler = HANDLERS.get(request.command)
        if handler is None:
            self._fail(request, f"blink16-dap knows no request {request.command[:40]!r}")
            return
        later: Later = []
        with trio.CancelScope() as scope:
            self._current = request, scope
            try:
                body = await self._done(handler, request, later)
            except _FAILURES as error:
                self._fail(request, str(error) or type(error).__name__)
                if self.state is State.READY:
                    self.tell_initialized()
                return
            except Exception as error:  # a fault of ours costs one request, not the session
                LOG.exception("a request has failed; please report this:")
                self._fail(request, f"blink16-dap has failed: {type(error).__name__}: {error}")
                return
            finally:
                self._current = None
            self._respond(request, body)
            for act in later:
                await act()
        if scope.cancelled_caught:
            self._fail(request, "cancelled")

    async def _done(self, handler: Handler, request: Request, later: Later) -> dict[str, Any]:
        if self.state not in handler.states and not (
            handler.interrupts and self.state is State.RUNS
        ):
            raise RequestError(f"{request.command}: {SAID[self.state]}")
        arguments = arguments_of(handler, bytes(request.arguments))
        self.later = later
        if handler.interrupts and self.state is State.RUNS:
            async with self.motion.held():
                return await handler.act(self, arguments) or {}
        return await handler.act(self, arguments) or {}

    later: Later
    """What the request that is being done wants done behind its response."""

    # -- the beginning -----------------------------------------------------------------------

    def begin(self, action: Callable[[], Awaitable[None]]) -> None:
        """Have something done in a task of its own as long as the session lasts.

        What goes wrong there is told, and does not end the session.
        """

        async def guarded() -> None:
            try:
                await action()
            except _FAILURES as error:
                self.console(str(error) or type(error).__name__, "stderr")
            except Exception as error:
                LOG.exception("what a request began has failed; please report this:")
                self.console(f"blink16-dap has failed: {type(error).__name__}: {error}", "stderr")

        assert self.nursery is not None
        self.nursery.start_soon(guarded)

    async def tell_initialized_soon(self) -> None:
        """Tell the client that it may set points, unless it launches something first."""
        await trio.sleep(INITIALIZED_DELAY)
        if self.state is State.READY and not self._is_launching:
            self.tell_initialized()

    @property
    def _is_launching(self) -> bool:
        return self._current is not None and self._current[0].command in _LAUNCHES

    def tell_initialized(self) -> None:
        """Tell the client that it may set points now; once."""
        if not self._told_initialized:
            self._told_initialized = True
            self.event("initialized")

    async def maybe_begin(self) -> None:
        """Let the machine run at first, when it is there and all points are set."""
        if self.has_begun or not self.configured or self.state is not State.STANDS:
            return
        self.has_begun = True
        if self.stops_on_entry:
            await self.motion.arrived("entry")
            return
        self.later = []
        self.motion.start(self.motion.run())
        for act in self.later:
            await act()

    def next_progress(self) -> str:
        """Return a name for something that takes its time."""
        self._progress += 1
        return f"blink16-{self._progress}"


Later = list[Callable[[], Awaitable[None]]]


class _Cancel(msgspec.Struct):
    requestId: int | None = None  # noqa: N815 - DAP's
