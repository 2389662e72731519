"""Nurseries whose failures come out as they were raised.

trio wraps whatever leaves a nursery in an exception group.  Neither ``except OSError`` nor, before
Python 3.12, ``contextlib.suppress(OSError)`` sees what is in a group, so that what was expected
would pass as a mistake of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import trio

OUTSIDE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
"""What the world does to us, and code expects."""


@asynccontextmanager
async def open_nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery; if something fails in it, the gravest failure is raised, and never a group.

    Others that failed beside it are in the failure's notes.
    """
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        failure = gravest(group)
        raise failure from failure.__cause__


async def until_signal(
    serve: Callable[[], Awaitable[object]], signals: AsyncIterator[int]
) -> int | None:
    """Do something until it is done, or until a signal comes, whose number is returned.

    ``signals``: those of a `trio.open_signal_receiver`.
    """
    came: int | None = None
    async with open_nursery() as nursery:

        async def watch() -> None:
            nonlocal came
            came = await anext(signals)
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        await serve()
        nursery.cancel_scope.cancel()
    return came


def gravest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what is to be heard of a group: the end of the process, else the first mistake, else
    the first thing that the world did, else a cancellation.
    """
    first, *rest = sorted(_leaves(group), key=_rank)
    for other in rest:
        if not isinstance(other, trio.Cancelled):
            first.add_note(f"beside it failed: {other!r}")
    return first


def _rank(failure: BaseException) -> int:
    if isinstance(failure, trio.Cancelled):
        return 3
    if isinstance(failure, OUTSIDE):
        return 2
    return 1 if isinstance(failure, Exception) else 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
