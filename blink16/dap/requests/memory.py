"""Memory, read and written as it is."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from blink16.dap.registry import request
from blink16.dap.session import Session
from blink16.dap.states import RequestError, State


class ReadMemory(msgspec.Struct, frozen=True):
    """Where and how much."""

    memoryReference: str  # noqa: N815 - DAP's names
    count: int
    offset: int = 0


@request("readMemory", State.MACHINE, interrupts=True)
async def read_memory(session: Session, arguments: ReadMemory) -> dict[str, Any]:
    """Return bytes, as far as there is memory."""
    start = await session.debuggee.address(arguments.memoryReference) + arguments.offset
    if arguments.count < 0:
        raise RequestError(f"a count of bytes is 0 or more, not {arguments.count}")
    end = await session.debuggee.target.memory_end()
    if not 0 <= start < end:
        return {"address": hex(max(0, start)), "unreadableBytes": arguments.count}
    count = min(arguments.count, end - start)
    data = await session.debuggee.target.read_memory(start, count)
    body: dict[str, Any] = {"address": hex(start), "data": base64.b64encode(data).decode()}
    if count < arguments.count:
        body["unreadableBytes"] = arguments.count - count
    return body


class WriteMemory(msgspec.Struct, frozen=True):
    """Where and what."""

    memoryReference: str  # noqa: N815
    data: str
    offset: int = 0
    allowPartial: bool = False  # noqa: N815


@request("writeMemory")
async def write_memory(session: Session, arguments: WriteMemory) -> dict[str, Any]:
    """Store bytes.  In the past this drops the recorded future."""
    start = await session.debuggee.address(arguments.memoryReference) + arguments.offset
    try:
        data = base64.b64decode(arguments.data, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("the data are not in base64") from None
    end = await session.debuggee.target.memory_end()
    if not 0 <= start < end or (start + len(data) > end and not arguments.allowPartial):
        raise RequestError(f"{len(data)} bytes at {start:#x} are not all within memory")
    data = data[: end - start]
    await session.debuggee.target.write_memory(start, data)
    await session.debuggee.changed()
    if session.client.takes_memory:
        body = {"memoryReference": arguments.memoryReference, "offset": arguments.offset,
                "count": len(data)}  # fmt: skip
        session.event("memory", body)
    if session.client.takes_invalidated:
        session.event("invalidated", {"areas": ["variables"]})
    return {"bytesWritten": len(data)}
