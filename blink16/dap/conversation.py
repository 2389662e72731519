"""One conversation: requests in, responses and events out, each in its turn.

Bytes come in by `Conversation.receive` and leave by the function that it was given; what is done
in between are coroutines that ask a server (`blink16.client`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import trio

from blink16.dap.framing import Answer, FramingError, MessageError, MessageReader, Request
from blink16.dap.registry import HANDLERS, Handler, arguments_of
from blink16.dap.session import Session
from blink16.dap.states import SAID, RequestError, State
from blink16.dap.talk import FAILURES, LOG, Later
from blink16.nurseries import open_nursery

MAX_WAITING = 10_000
"""Requests that wait to be done."""
_LAUNCHES = ("launch", "attach")
_CUTTING_IN = ("disconnect", "terminate", "pause")
"""Requests for which one that takes long is given up."""


class Conversation(Session):
    """A session whose client's requests are done one after the other."""

    def __init__(self, put_out: Callable[[bytes], None]) -> None:
        """Begin.  ``put_out`` takes bytes for the client and must not wait."""
        super().__init__(put_out)
        self._reader = MessageReader()
        self._waiting: deque[Request | MessageError] = deque()
        self._news = trio.Event()
        """Set when there is something to do, or an end."""
        self._current: tuple[Request, trio.CancelScope] | None = None

    # -- in ----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client.  After bytes that are no messages the session is closed."""
        try:
            for message in self._reader.receive(data):
                self._take(message)
        except FramingError as error:
            self.console(f"this is not the Debug Adapter Protocol: {error}", "stderr")
            self.close()
        self._news.set()

    def _take(self, message: Request | Answer | MessageError) -> None:
        match message:
            case Answer():
                self.answered(message)
            case Request(command="cancel"):
                self._cancel(message)
            case _ if len(self._waiting) >= MAX_WAITING:
                self.fail(message, f"more than {MAX_WAITING} requests wait")
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
            self.fail(waiting, "cancelled")
        self.respond(request, {})

    def _give_up_current(self) -> None:
        if self._current is not None and self._current[0].command not in _CUTTING_IN:
            handler = HANDLERS.get(self._current[0].command)
            if handler is not None and handler.searches:
                self._current[1].cancel()

    def close(self) -> None:
        """End the conversation."""
        super().close()
        self._news.set()

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
            self.fail(request, str(request))
            return
        handler = HANDLERS.get(request.command)
        if handler is None:
            self.fail(request, f"blink16-dap knows no request {request.command[:40]!r}")
            return
        later: Later = []
        with trio.CancelScope() as scope:
            self._current = request, scope
            self.is_launching = request.command in _LAUNCHES
            try:
                body = await self._done(handler, request, later)
            except FAILURES as error:
                self.fail(request, str(error) or type(error).__name__)
                if self.state is State.READY:
                    self.tell_initialized()
                return
            except Exception as error:  # a fault of ours costs one request, not the session
                LOG.exception("a request has failed; please report this:")
                self.fail(request, f"blink16-dap has failed: {type(error).__name__}: {error}")
                return
            finally:
                self._current = None
                self.is_launching = False
            self.respond(request, body)
            for act in later:
                await act()
        if scope.cancelled_caught:
            self.fail(request, "cancelled")

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


class _Cancel(msgspec.Struct):
    requestId: int | None = None  # noqa: N815 - DAP's
