"""Where two recordings part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pyarrow as pa

from blink16.cpu.disassembler import disassemble
from blink16.history.inputs import Input, MemoryWritten, Received, RegisterWritten
from blink16.history.timeline import Timeline
from blink16.memory import linear
from blink16.questions.differences import (
    MAX_RANGES,
    Differing,
    Pair,
    count_ranges,
    differing,
    first_difference,
    last_difference,
    parting,
)
from blink16.questions.needs import QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run
from blink16.words.texts import counted

SHOWN = 16
"""Bytes of a range that are shown."""
CODE = 16
MAX_INPUT = 40


@question("difference RECORDING")
def difference(run: Run, words: Sequence[str]) -> Product:
    """Tell where this run and another part: when first, in what, where they go, and when last.

    Rows of `first` are what differs at the first instant that is not the same, and the input that
    made it so; of `way`, the first jump that leads elsewhere; of `last`, what differs at the last
    common instant that is not the same; of `end`, where the runs end.
    """
    if len(words) != 1:
        raise QuestionError("give another recording, like: difference other.b16")
    if run.open_other is None:
        raise QuestionError("two recordings can be compared: blink16-ask A.b16 difference B.b16")
    other = run.open_other(words[0])
    with ExitStack() as stack:
        pair = Pair(*(stack.enter_context(one.at(0)) for one in (run, other)))
        rows = list(_rows(run, other, pair))
        ends = pair.a.end, pair.b.end
    partial = [
        f"the {which} recording is damaged: {one.damage}"
        for which, one in (("first", run), ("other", other))
        if one.damage is not None
    ]
    if not rows and not partial and ends[0] == ends[1]:
        return Product(text=f"no difference, in all {counted(ends[0], 'instruction', ',')}\n")
    rows.append(_row("end", min(ends), "instructions", "", *map(str, ends)))
    return Product(tables=[pa.Table.from_pylist(rows, schema=_SCHEMA)], partial=partial)


_SCHEMA = pa.schema(
    [
        ("at", pa.string()),
        ("icount", pa.int64()),
        ("what", pa.string()),
        ("where", pa.string()),
        ("a", pa.string()),
        ("b", pa.string()),
    ]
)
_Row = dict[str, object]


def _row(at: str, icount: int, what: str, where: str, a: str, b: str) -> _Row:
    return {"at": at, "icount": icount, "what": what, "where": where, "a": a, "b": b}


def _rows(run: Run, other: Run, pair: Pair) -> Iterator[_Row]:
    first = first_difference(pair)
    if first is None:
        return
    yield from _inputs(pair, first)
    yield from _state(run, pair, "first", first)
    way = parting(run, other, range(first, pair.end))
    if way is not None:
        yield from _way(run, pair, way)
    last = last_difference(pair, first)
    if last != first:
        yield from _state(run, pair, "last", last)


def _inputs(pair: Pair, icount: int) -> Iterator[_Row]:
    """Yield the inputs of an instant that are not the same."""
    for one, other in pair.inputs():
        told = [entry for entry in (one, other) if entry is not None and entry.icount == icount]
        if one != other and told:
            texts = [_input(entry) if entry in told else "" for entry in (one, other)]
            yield _row("first", icount, "input", "", *texts)
            return


def _input(entry: Input | None) -> str:
    match entry:
        case Received(_, channel, data):
            return f"{channel}: {data[:MAX_INPUT]!r}"
        case MemoryWritten(_, address, data):
            return f"debugger: {address:05X} = {data[:SHOWN].hex(' ')}"
        case RegisterWritten(_, name, value):
            return f"debugger: {name} = {value:04X}"
    return ""


def _state(run: Run, pair: Pair, at: str, icount: int) -> Iterator[_Row]:
    for found in differing(pair, icount):
        where = found.name if found.address is None else _range(run, found, found.address)
        show = str if found.name == "cycles" else _shown
        yield _row(at, icount, found.kind, where, show(found.a), show(found.b))
    ranges = count_ranges(pair)
    if ranges > MAX_RANGES:
        yield _row(at, icount, "memory", f"and {ranges - MAX_RANGES:,} ranges more", "", "")


def _range(run: Run, found: Differing, address: int) -> str:
    size = len(found.a) if isinstance(found.a, bytes) else 1
    return run.name_of(address) + (f",{size:,}" if size > 1 else "")


def _shown(value: bytes | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:04X}" if value <= 0xFFFF else f"{value:,}"
    return value[:SHOWN].hex(" ") + (" …" if len(value) > SHOWN else "")


def _way(run: Run, pair: Pair, icount: int) -> Iterator[_Row]:
    """Yield the last instructions that are the same, and the next that are not."""
    for instant in (icount, icount + 1):
        if instant <= pair.end:
            pair.seek(instant)
            texts = [_instruction(run, timeline) for timeline in (pair.a, pair.b)]
            yield _row("way", instant, "instruction", "", *texts)


def _instruction(run: Run, timeline: Timeline) -> str:
    machine = timeline.machine
    cs, ip = machine.registers.cs, machine.registers.ip
    code = bytes(machine.memory.whole[machine.pc : machine.pc + CODE]).ljust(CODE, b"\0")
    text = disassemble(machine.model.encoding.parse(code), ip)
    return f"{run.name_of(linear(cs, ip))}  {text}"
