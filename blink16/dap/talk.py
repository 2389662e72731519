"""What a client is told and asked, and what goes on beside its requests.

A session is made in three storeys, each a class that knows the one below: what is said here, in
`session` the machine that it is about, and in `conversation` how each request gets its turn.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio

from blink16.client import ClientError
from blink16.client.program.grammar import ExpressionError
from blink16.dap.framing import Answer, MessageError, Request, frame
from blink16.dap.states import RequestError, State

LOG = logging.getLogger("blink16")
CLIENT_TIMEOUT = 60.0
"""Seconds in which a client has to answer a request of ours."""
FAILURES = (RequestError, ExpressionError, ClientError, ValueError)
"""What a request may fail with, whose text is for the user."""
Later = list[Callable[[], Awaitable[None]]]
"""What is done behind a response."""


@dataclass
class Client:
    """What a client has said of itself in ``initialize``."""

    lines_start_at: int = 1
    columns_start_at: int = 1
    runs_in_terminal: bool = False
    shows_progress: bool = False
    takes_invalidated: bool = False
    takes_memory: bool = False


class Talk:
    """Speaks to a client."""

    def __init__(self, put_out: Callable[[bytes], None]) -> None:
        """Begin.  ``put_out`` takes bytes for the client and must not wait."""
        self._put_out = put_out
        self._seq = 0
        self._answers: dict[int, Answer | None] = {}
        self._answered = trio.Event()
        self.client = Client()
        self.state = State.NEW
        self.nursery: trio.Nursery | None = None
        self.later: Later = []
        """What the request that is being done wants done behind its response."""

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

    def respond(self, request: Request, body: dict[str, Any]) -> None:
        """Say that a request was done."""
        self._send(
            {
                "type": "response",
                "request_seq": request.seq,
                "success": True,
                "command": request.command,
                "body": body,
            }
        )

    def fail(self, request: Request | MessageError, text: str) -> None:
        """Say why a request was not done."""
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

    def answered(self, answer: Answer) -> None:
        """Take a client's answer."""
        if answer.request_seq in self._answers:
            self._answers[answer.request_seq] = answer
            self._answered.set()

    def begin(self, action: Callable[[], Awaitable[None]]) -> None:
        """Have something done in a task of its own as long as the session lasts.

        What goes wrong there is told, and does not end the session.
        """

        async def guarded() -> None:
            try:
                await action()
            except FAILURES as error:
                self.console(str(error) or type(error).__name__, "stderr")
            except Exception as error:
                LOG.exception("what a request began has failed; please report this:")
                self.console(f"blink16-dap has failed: {type(error).__name__}: {error}", "stderr")

        assert self.nursery is not None
        self.nursery.start_soon(guarded)
