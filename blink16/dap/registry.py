"""Requests: each is a function that takes the session and its typed arguments.

`request` puts it into the registry; what the adapter can do and in which states follows from
there.  The arguments are a msgspec Struct, so that malformed ones never reach a function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import msgspec

from blink16.dap.session import Session
from blink16.dap.states import RequestError, State

A = TypeVar("A")


class NoArguments(msgspec.Struct, frozen=True):
    """The arguments of a request that takes none, or none that matter here."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How a request is done."""

    command: str
    arguments: type[Any]
    states: State
    act: Callable[[Session, Any], Awaitable[dict[str, Any] | None]]
    interrupts: bool
    """Whether a machine that runs is stopped for it, and runs on afterwards."""
    searches: bool
    """Whether it may take long, and is given up when its user wants something else."""


HANDLERS: dict[str, Handler] = {}

Act = Callable[[Session, A], Awaitable[dict[str, Any] | None]]


def request(
    command: str,
    states: State = State.STANDS,
    *,
    interrupts: bool = False,
    searches: bool = False,
) -> Callable[[Act[A]], Act[A]]:
    """Register a function that does a request, in these states only.

    ``interrupts``: it needs a machine that stands; if that runs, it is stopped meanwhile.
    """

    def register(act: Act[A]) -> Act[A]:
        hints = get_type_hints(act)
        (arguments,) = [kind for name, kind in hints.items() if name == "arguments"]
        if command in HANDLERS:
            raise ValueError(f"there is a request {command} already")
        HANDLERS[command] = Handler(command, arguments, states, act, interrupts, searches)
        return act

    return register


def arguments_of(handler: Handler, raw: bytes) -> Any:
    """Return the typed arguments of a request; RequestError if they make no sense."""
    try:
        if b"null" not in raw:
            return msgspec.json.decode(raw, type=handler.arguments)
        told = msgspec.json.decode(raw) or {}
        return msgspec.convert(_without_nulls(told), handler.arguments)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"{handler.command}: {error}") from None


def _without_nulls(value: Any) -> Any:
    """Return a value without members that are null: to some clients they are not there."""
    match value:
        case dict():
            return {k: _without_nulls(v) for k, v in value.items() if v is not None}
        case list():
            return [_without_nulls(v) for v in value]
    return value
