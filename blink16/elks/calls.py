"""All calls of ELKS: their handlers, and what is said of them to users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blink16.elks import (
    filecalls,
    iocalls,
    memorycalls,
    processcalls,
    signalcalls,
    socketcalls,
    timecalls,
)
from blink16.elks.abi import MOVED_CALLS, Call
from blink16.elks.request import Request, Result

Handler = Callable[[Request], Result]
HANDLERS: dict[Call, Handler] = {
    **filecalls.HANDLERS,
    **iocalls.HANDLERS,
    **memorycalls.HANDLERS,
    **processcalls.HANDLERS,
    **signalcalls.HANDLERS,
    **socketcalls.HANDLERS,
    **timecalls.HANDLERS,
}
SERVED: dict[int, Handler] = {
    **{int(call): handler for call, handler in HANDLERS.items()},
    **{number: HANDLERS[call] for number, call in MOVED_CALLS.items()},
}
"""The same by all numbers."""


class DescribedCall(NamedTuple):
    """A row of the table in docs/elks.md."""

    numbers: str
    name: str
    text: str


def described() -> Iterator[DescribedCall]:
    """Give what each call does, from its handler's docstring; or that there is none."""
    moved = {call: number for number, call in MOVED_CALLS.items()}
    for call in Call:
        numbers = f"{call.value}, {moved[call]}" if call in moved else str(call.value)
        handler = HANDLERS.get(call)
        text = "ENOSYS" if handler is None else (handler.__doc__ or "").splitlines()[0]
        yield DescribedCall(numbers, call.name.lower(), text)


def table() -> str:
    """Return the table of calls in Markdown."""
    rows = [f"| {row.numbers} | `{row.name}` | {row.text} |" for row in described()]
    return "\n".join(["| number | call | what it does |", "|---|---|---|", *rows]) + "\n"
