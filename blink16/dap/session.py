"""A client, and the machine that it debugs: what requests act upon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from blink16.dap.debuggee import Debuggee
from blink16.dap.motion import Motion
from blink16.dap.points import UserPoints
from blink16.dap.states import State
from blink16.dap.talk import Talk

INITIALIZED_DELAY = 0.3
"""Seconds after which a client that has not launched anything is told that it may set points.

Most clients launch first, and then their breakpoints are known to be right at once."""


class Session(Talk):
    """A client, and the machine that it debugs."""

    def __init__(self, put_out: Callable[[bytes], None]) -> None:
        """Begin.  ``put_out`` takes bytes for the client and must not wait."""
        super().__init__(put_out)
        self.is_launching = False
        """Whether a machine is just being launched or attached to."""
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
        self.debuggee = Debuggee(self)
        self.points = UserPoints(self, self.debuggee)
        self.motion = Motion(self, self.debuggee, self.points)

    def close(self) -> None:
        """End the conversation."""
        self.is_closed = True

    async def tell_initialized_soon(self) -> None:
        """Tell the client that it may set points, unless it launches something first."""
        await trio.sleep(INITIALIZED_DELAY)
        if self.state is State.READY and not self.is_launching:
            self.tell_initialized()

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
