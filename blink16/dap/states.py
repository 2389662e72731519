"""Where a conversation is, and how what can't be done there is refused."""

from __future__ import annotations

from enum import Flag, auto


class RequestError(Exception):
    """A request that can't be done: one clear sentence for the user."""


class State(Flag):
    """Where a conversation is."""

    NEW = auto()  # nobody has said `initialize`
    READY = auto()  # initialized, without a machine
    STANDS = auto()  # a machine stands
    RUNS = auto()  # a machine runs
    OVER = auto()  # its program has ended, or the server has gone

    MACHINE = STANDS | RUNS
    ANY = NEW | READY | STANDS | RUNS | OVER


SAID = {
    State.NEW: "the conversation begins with initialize",
    State.READY: "there is no machine yet: launch or attach comes first",
    State.RUNS: "the machine runs: pause it first",
    State.OVER: "the program has ended",
    State.STANDS: "there is a machine already",
}
"""Why a request can't be done in a state."""
