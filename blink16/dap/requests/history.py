"""Requests of our own: the past, the screen, the keyboard.  docs/ides.md describes them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from blink16.client.program import evaluate
from blink16.dap.registry import NoArguments, request
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State

MAX_TYPED = 4000


class Seek(msgspec.Struct, frozen=True):
    """An instruction count, ``start``, ``end``, or a bookmark's name."""

    instant: int | str


@request("blink16/seek")
async def seek(session: Session, arguments: Seek) -> dict[str, Any]:
    """Go to an instant."""
    instant = str(arguments.instant).strip()
    if not instant or len(instant.split()) != 1:
        raise RequestError("an instant is a number, start, end, or a bookmark's name")
    async with progress(session, f"Going to {instant}"):
        state = await session.debuggee.target.seek(instant)
    session.later.append(lambda: session.motion.arrived("goto"))
    return {"icount": state.icount, "at": state.at}


@request("blink16/history", State.MACHINE, interrupts=True)
async def history(session: Session, arguments: NoArguments) -> dict[str, Any]:
    """Return how far the past reaches, and the bookmarks: what a time bar shows."""
    body: dict[str, Any] = msgspec.to_builtins(await session.debuggee.target.history())
    return body


class Bookmark(msgspec.Struct, frozen=True):
    """Its name, if it is to have one of its user's."""

    name: str | None = None


@request("blink16/bookmark")
async def bookmark(session: Session, arguments: Bookmark) -> dict[str, Any]:
    """Give this instant a name."""
    if arguments.name is not None and len(arguments.name.split()) != 1:
        raise RequestError("a bookmark's name is one word")
    return {"name": await session.debuggee.target.bookmark(arguments.name)}


class LastWrite(msgspec.Struct, frozen=True):
    """What memory: an expression, or a memory reference with a length in bytes."""

    expression: str | None = None
    memoryReference: str | None = None  # noqa: N815 - DAP's names
    length: int | None = None
    frameId: int | None = None  # noqa: N815
    go: bool = False
    """Whether to go there."""


@request("blink16/lastWrite", searches=True)
async def last_write(session: Session, arguments: LastWrite) -> dict[str, Any]:
    """Return who wrote to memory last before now, and what; None if nobody did."""
    address, length = await _memory(session, arguments)
    async with progress(session, f"Searching the last write to {address:#07x}"):
        touch = await session.debuggee.target.last_write(address, length)
    if touch.icount is None:
        return {"icount": None, "memoryReference": f"{address:#07x}", "length": length}
    body: dict[str, Any] = {
        "icount": touch.icount,
        "memoryReference": f"{address:#07x}",
        "length": length,
        "before": touch.before.hex(),
        "after": touch.after.hex(),
    }
    if touch.by is not None:
        body["by"] = touch.by.name or f"{touch.by.cs:04X}:{touch.by.ip:04X}"
        body["instructionReference"] = f"{touch.by.address:#07x}"
        span = session.debuggee.program.line_at(touch.by.address)
        if span is not None:
            body["source"] = session.debuggee.source(span.file)
            body["line"] = span.line - (1 - session.client.lines_start_at)
    if arguments.go:
        await session.debuggee.target.seek(touch.icount)
        session.later.append(lambda: session.motion.arrived("goto"))
    return body


async def _memory(session: Session, arguments: LastWrite) -> tuple[int, int]:
    if arguments.memoryReference is not None:
        address = await session.debuggee.address(arguments.memoryReference)
        return address, max(1, arguments.length or 1)
    if arguments.expression is None:
        raise RequestError("lastWrite: an expression or a memoryReference is needed")
    value = await evaluate(arguments.expression, await session.debuggee.scene(arguments.frameId))
    if value.place is None or value.place.register:
        raise RequestError(f"{arguments.expression} is nowhere in memory")
    return value.place.address, max(1, arguments.length or len(value.data))


@request("blink16/screen", State.MACHINE, interrupts=True)
async def screen(session: Session, arguments: NoArguments) -> dict[str, Any]:
    """Return the PC's screen, as text and as a picture (PNG, in base64)."""
    shown = await session.debuggee.target.screen()
    body: dict[str, Any] = {"icount": shown.icount, "width": shown.width, "height": shown.height}
    if not shown.is_off:
        body["text"] = shown.text
        body["png"] = base64.b64encode(shown.png()).decode()
    return body


class Type(msgspec.Struct, frozen=True):
    r"""A text for the keyboard; ``\n`` is Enter.  Or keys that are pressed together."""

    text: str | None = None
    key: str | None = None


@request("blink16/type", State.MACHINE, interrupts=True)
async def type_(session: Session, arguments: Type) -> None:
    """Type on the machine's keyboard, or into the program's standard input."""
    if arguments.text is None and arguments.key is None:
        raise RequestError("type: a text or a key is needed")
    if arguments.text is not None:
        if len(arguments.text) > MAX_TYPED:
            raise RequestError(f"at most {MAX_TYPED} characters can be typed at once")
        await session.debuggee.target.type(arguments.text)
    if arguments.key is not None:
        await session.debuggee.target.key(arguments.key)


@asynccontextmanager
async def progress(session: Session, title: str) -> AsyncIterator[None]:
    """Tell the client that something takes its time."""
    if not session.client.shows_progress:
        yield
        return
    name = session.next_progress()
    session.event("progressStart", {"progressId": name, "title": title, "cancellable": True})
    try:
        yield
    finally:
        session.event("progressEnd", {"progressId": name})
