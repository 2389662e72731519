"""A trio loop in a thread of its own, and the way into it for code that blocks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Generic, TypeVar

import trio

from blink16.client.errors import ConnectionLostError

T = TypeVar("T")
C = TypeVar("C")


class Portal(Generic[C]):
    """Keeps something open in a trio loop, and carries calls to it there, from any thread."""

    def __init__(self, opening: AbstractAsyncContextManager[C]) -> None:
        """Open it; raises what that raises."""
        self._opening = opening
        self._opened: queue.SimpleQueue[C | BaseException] = queue.SimpleQueue()
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = threading.Thread(target=self._run, name="blink16 client", daemon=True)
        self._thread.start()
        opened = self._opened.get()
        if isinstance(opened, BaseException):
            self._thread.join()
            raise opened
        self.inside: C = opened
        """What is open."""

    def _run(self) -> None:
        try:
            trio.run(self._keep_open)
        except BaseException as error:  # its home is the thread that waits for it
            self._opened.put(error)

    async def _keep_open(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._leave = trio.Event()
        async with self._opening as opened:
            self._opened.put(opened)
            await self._leave.wait()

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Have a coroutine run in the loop, and return what it returns.

        KeyboardInterrupt, or SystemExit by a signal, cancels it first, so that nothing goes on
        behind the user's back.
        """
        if self._token is None or not self._thread.is_alive():
            raise ConnectionLostError("the connection was closed")
        scope = trio.CancelScope()
        answers: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()
        try:
            self._token.run_sync_soon(self._begin, function, scope, answers)
        except trio.RunFinishedError:
            raise ConnectionLostError("the connection was closed") from None
        try:
            answer = answers.get()
        except (KeyboardInterrupt, SystemExit):
            self._token.run_sync_soon(scope.cancel)
            answers.get()
            raise
        return answer()

    def _begin(
        self,
        function: Callable[[], Awaitable[T]],
        scope: trio.CancelScope,
        answers: queue.SimpleQueue[Callable[[], T]],
    ) -> None:
        async def carry_out() -> None:
            answer: Callable[[], T] = _cancelled
            try:
                with scope:
                    value = await function()
                    answer = lambda: value  # noqa: E731
            except Exception as error:
                failure = error
                answer = lambda: _raise(failure)  # noqa: E731
            finally:
                answers.put(answer)

        trio.lowlevel.spawn_system_task(carry_out)

    def close(self) -> None:
        """Close it, and end the loop."""
        if self._token is not None and self._thread.is_alive():
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._leave.set)
            self._thread.join()


def _raise(error: Exception) -> T:  # type: ignore[type-var]
    raise error


def _cancelled() -> T:  # type: ignore[type-var]
    raise ConnectionLostError("the connection was closed")
