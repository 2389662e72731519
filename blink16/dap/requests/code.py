"""Machine code as text: forward, and backward from where an instruction is known to begin."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec

from blink16.client import CodeLine
from blink16.dap.registry import request
from blink16.dap.session import Session
from blink16.dap.states import RequestError

MAX_INSTRUCTIONS = 100_000
LONGEST = 6
"""Bytes of an 8086's instruction without prefixes."""
LEAD = 32
"""Bytes in which code that is read from a wrong byte on falls into step again."""


class Disassemble(msgspec.Struct, frozen=True):
    """From where on, and how much."""

    memoryReference: str  # noqa: N815 - DAP's names
    instructionCount: int  # noqa: N815
    offset: int = 0
    instructionOffset: int = 0  # noqa: N815
    resolveSymbols: bool = True  # noqa: N815


@request("disassemble")
async def disassemble(session: Session, arguments: Disassemble) -> dict[str, Any]:
    """Return exactly so many instructions; where there is no memory, placeholders."""
    count = arguments.instructionCount
    if not 0 <= count <= MAX_INSTRUCTIONS:
        raise RequestError(f"0 to {MAX_INSTRUCTIONS} instructions are shown at once, not {count}")
    if abs(arguments.instructionOffset) > MAX_INSTRUCTIONS:
        raise RequestError(f"an instruction offset of {arguments.instructionOffset} is too far")
    base = await session.debuggee.address(arguments.memoryReference) + arguments.offset
    shift = arguments.instructionOffset
    lines: list[CodeLine] = []
    missing = 0
    if shift < 0:
        before = await _before(session, base, -shift)
        missing = min(count, -shift - len(before))
        lines = before
        wanted = count - missing - len(before)
        if wanted > 0:
            lines = before + await _from(session, base, wanted)
        lines = lines[: count - missing]
    else:
        lines = (await _from(session, base, shift + count))[shift:]
    writer = _Writer(session)
    body = [_nothing(0) for _ in range(missing)]
    body += [writer.described(line, named=arguments.resolveSymbols) for line in lines]
    behind = lines[-1].following if lines else base
    body += [_nothing(behind + at) for at in range(count - len(body))]
    return {"instructions": body}


async def _from(session: Session, address: int, count: int) -> list[CodeLine]:
    target = session.debuggee.target
    lines = await target.disassemble_at(address, count)
    end = await target.memory_end()
    return [line for line in lines if line.address < end]


async def _before(session: Session, address: int, count: int) -> list[CodeLine]:
    """Return the instructions that end at an address, as far as they can be told.

    They are read from a place on at which one is known to begin: a function, a symbol, a line.
    """
    if not 0 < address <= await session.debuggee.target.memory_end():
        return []
    first = max(0, address - count * LONGEST - LEAD)
    anchors = await _anchors(session, first, address)
    lines: list[CodeLine] = []
    end = address
    for anchor in reversed(anchors):
        if anchor >= end:
            continue
        piece = await _between(session, anchor, end)
        lines = piece + lines
        end = anchor
        if len(lines) >= count:
            break
    return lines[-count:]


async def _between(session: Session, start: int, end: int) -> list[CodeLine]:
    """Return the instructions from one address to another; bytes where they don't meet it."""
    lines = await session.debuggee.target.disassemble_at(start, end - start)
    found = [line for line in lines if line.following <= end]
    reached = found[-1].following if found else start
    rest = await session.debuggee.target.read_memory(reached, end - reached)
    return found + (await session.debuggee.target.decoder()).data(reached, rest)


async def _anchors(session: Session, first: int, address: int) -> list[int]:
    program = session.debuggee.program
    known = {span.start for span in program.spans if first <= span.start < address}
    known |= {s.address for s in await session.debuggee.target.symbols()
              if first <= s.address < address}  # fmt: skip
    pc = session.debuggee.at.registers.pc
    if first <= pc < address:
        known.add(pc)
    return sorted({*known, first})


class _Writer:
    """Describes instructions; each source line is named where it begins."""

    def __init__(self, session: Session) -> None:
        self._session = session
        program = session.debuggee.program
        self._starts = [span.start for span in program.spans]
        self._last: tuple[str, int] | None = None

    def described(self, line: CodeLine, *, named: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "address": f"{line.address:#07x}",
            "instructionBytes": line.code.hex(" "),
            "instruction": line.text,
        }
        if named and line.name:
            body["symbol"] = line.name
        at = bisect_right(self._starts, line.address)
        if at:
            span = self._session.debuggee.program.spans[at - 1]
            if line.address in span and (span.file, span.line) != self._last:
                self._last = span.file, span.line
                body["line"] = span.line - (1 - self._session.client.lines_start_at)
                body["location"] = self._session.debuggee.source(span.file)
        return body


def _nothing(address: int) -> dict[str, Any]:
    return {
        "address": f"{max(0, address):#07x}",
        "instruction": "??",
        "presentationHint": "invalid",
    }
