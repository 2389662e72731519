"""Where a value came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from blink16.cpu.disassembler import disassemble
from blink16.cpu.flow import CODE, FLAGS, Location, LocationKind, in_memory, in_register
from blink16.cpu.opcodes import BYTE_REGISTERS, SEGMENT_REGISTERS, WORD_REGISTERS
from blink16.cpu.reference_context import BYTE_OFFSETS
from blink16.cpu.registers import Cell
from blink16.history.timeline import Timeline
from blink16.memory import MEMORY_SIZE, RAM_SIZE, linear
from blink16.questions.dataflow import Step, Writer, origin
from blink16.questions.needs import QuestionError
from blink16.questions.registry import Product, address_range, question
from blink16.questions.run import Run

MAX_BYTES = 256
"""Bytes whose origin is asked for at once."""


@question("origin ADDRESS[,N]|REGISTER")
def origin_of(run: Run, words: Sequence[str]) -> Product:
    """Tell where a value in memory or a register came from, as a chain of instants.

    It is followed back through moves and arithmetic to constants, ports, files, calls and what was
    in memory at first; not through addresses and conditions.  It is the value at the end of the
    run, or at --to; for a debugger, where the machine stands.  An 8087's registers are an end.
    """
    if len(words) != 1:
        raise QuestionError("give an address or a register, like: origin 0xB8000, or origin ax")
    places = _register(words[0]) or _memory(run, words[0])
    with run.at(run.moment) as timeline:
        chain = origin(timeline, places, run.how.engine, run.program)
        rows = [_row(run, timeline, step) for step in chain.steps]
    partial = [] if run.damage is None else [f"the recording is damaged: {run.damage}"]
    if chain.cut:
        partial.append(f"the chain goes on behind these {len(chain.steps):,} steps")
    return Product(tables=[pa.Table.from_pylist(rows, schema=_SCHEMA)], partial=partial)


_SCHEMA = pa.schema(
    [
        ("icount", pa.int64()),
        ("pc", pa.uint32()),
        ("where", pa.string()),
        ("what", pa.string()),
        ("times", pa.int64()),
        ("writes", pa.string()),
        ("sources", pa.string()),
        ("end", pa.string()),
        ("from", pa.string()),
    ]
)


def _register(word: str) -> list[Location]:
    """Return the bytes of a register; none if there is no such register."""
    name = word.upper()
    if name in BYTE_REGISTERS:
        return [in_register(BYTE_OFFSETS[BYTE_REGISTERS.index(name)])]
    if name in WORD_REGISTERS or name in SEGMENT_REGISTERS:
        at = 2 * Cell[name]
        return [in_register(at), in_register(at + 1)]
    return []


def _memory(run: Run, word: str) -> list[Location]:
    where = address_range(run, word)
    end = RAM_SIZE if run.line_20 else MEMORY_SIZE
    if not where or where.start < 0 or where.stop > end:
        raise QuestionError(f"{word[:40]!r} is outside of memory, which ends at {end:#x}")
    if len(where) > MAX_BYTES:
        raise QuestionError(f"that are {len(where):,} bytes; at most {MAX_BYTES} at a time")
    return [in_memory(at) for at in where]


def _row(run: Run, timeline: Timeline, step: Step) -> dict[str, object]:
    at = linear(step.cs, step.ip, run.line_20) if step.writer in _PLACED else None
    return {
        "icount": step.icount,
        "pc": at,
        "where": None if at is None else _where(run, timeline, at),
        "what": _what(timeline, step),
        "times": step.times,
        "writes": " ".join(_written(run, step.writes)),
        "sources": " ".join(_spelled(run, step.sources)),
        "end": " ".join(dict.fromkeys(end for end, _ in step.ends)),
        "from": "; ".join(text for _, text in step.ends if text),
    }


_PLACED = (Writer.INSTRUCTION, Writer.INTERRUPT, Writer.SERVICE)


def _where(run: Run, timeline: Timeline, address: int) -> str:
    return timeline.machine.service_names.get(address) or run.name_of(address)


def _what(timeline: Timeline, step: Step) -> str:
    if step.code:
        model = timeline.machine.model
        return disassemble(model.encoding.parse(step.code.ljust(CODE, b"\0")), step.ip)
    return step.call or str(step.writer or "")


# -- places as people write them -------------------------------------------------------------------


def _written(run: Run, writes: Mapping[Location, int]) -> Iterator[str]:
    """Yield places with what was written, like ``al=48``; a word as one."""
    for group in _groups(writes):
        digits = "".join(f"{writes[place]:02X}" for place in reversed(group))
        yield f"{_name(run, group)}={digits}"


def _spelled(run: Run, places: Iterable[Location]) -> Iterator[str]:
    return (_name(run, group) for group in _groups(places))


def _groups(places: Iterable[Location]) -> Iterator[list[Location]]:
    """Yield bytes that lie beside each other, and are of one register, together."""
    group: list[Location] = []
    for place in sorted(places):
        apart = place.kind is LocationKind.REGISTER and not place.at % 2
        if group and (apart or place != (group[-1].kind, group[-1].at + 1)):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _name(run: Run, group: Sequence[Location]) -> str:
    kind, at = group[0]
    if kind is LocationKind.MEMORY:
        more = f",{len(group)}" if len(group) > 1 else ""
        return run.name_of(at) + more
    if at >= FLAGS:
        return f"{Cell(at // 2).name.lower()} flag"
    if at < 2 * Cell.SP and len(group) == 1:
        return _BYTES[at]
    return Cell(at // 2).name.lower()


_BYTES = {at: name.lower() for name, at in zip(BYTE_REGISTERS, BYTE_OFFSETS, strict=True)}
