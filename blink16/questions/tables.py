"""The tables: which columns each has, and of which events it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blink16.cpu.probes import OPAQUE, Accessor, Direction, ProbeEvent, Way
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE
from blink16.questions.columns import NAME, Column, Events, Fields, Number, linear

_WAYS = {
    Way.NEAR: "near",
    Way.FAR: "far",
    Way.INTERRUPT: "iret",
    Way.SOFTWARE: "software",
    Way.FAULT: "fault",
    Way.HARDWARE: "hardware",
    Way.CONDITIONAL: "conditional",
}
_WRITERS = {Accessor.GUEST: "guest", Accessor.SERVICE: "service", Accessor.HOST: "host"}
_DIRECTIONS = {Direction.IN: "in", Direction.OUT: "out"}
SCREEN_KINDS = ("character", "attribute", "dots", "mode", "start")
"""What changes on a screen."""


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table of the run."""

    name: str
    help: str
    schema: pa.Schema
    kind: ProbeEvent | None = None
    """The events that are its rows, if they are."""
    columns: tuple[Column, ...] = ()
    """What its rows are made of, if they are events."""

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()


def executed(counts: Events, events: Events, *, line_20: bool = False) -> pa.Table:
    """Return the table of counts; ``events``: when each was executed for the first time.

    ``line_20``: whether the processor has that line; else what lies behind 1 MiB lies at 0.
    """
    firsts = events[events["kind"] == ProbeEvent.FIRST]
    address, folded = firsts["target"], counts
    if not line_20:
        address, folded = address & ADDRESS_MASK, counts[:MEMORY_SIZE].copy()
        folded[: len(counts) - MEMORY_SIZE] += counts[MEMORY_SIZE:]
    order = np.lexsort((firsts["icount"], address))
    address, firsts = address[order], firsts[order]
    fresh = np.ones(len(address), bool)
    fresh[1:] = address[1:] != address[:-1]
    address, firsts = address[fresh], firsts[fresh]
    assert np.array_equal(np.nonzero(folded)[0], address)
    columns = {
        "icount": firsts["icount"].astype(np.int64),
        "pc": address.astype(np.uint32),
        "cs": firsts["cs"],
        "ip": firsts["ip"],
        "count": folded[address].astype(np.int64),
    }
    return pa.table(columns, schema=TABLES["executed"].schema)


def unwrapped(table: pa.Table) -> pa.Table:
    """Return a table with its places as a processor with address line 20 open has them."""
    for name, cs, ip in (("pc", "cs", "ip"), ("target", "target_cs", "target_ip")):
        if {name, cs, ip} <= set(table.column_names):
            segment, offset = (table.column(part).cast(pa.uint32()) for part in (cs, ip))
            at = pc.add(pc.shift_left(segment, pa.scalar(4, pa.uint32())), offset)
            table = table.set_column(table.column_names.index(name), name, at)
    return table


def _bytes(event: Fields) -> Number:
    return (event.detail & 0xFF) >> 3


def _is_opaque(event: Fields) -> Number:
    return event.detail // OPAQUE & 1


def _in_order(names: Mapping[Any, str]) -> tuple[str, ...]:
    """Return names by the numbers 0, 1, ... that they belong to."""
    return tuple(names[number] for number in range(len(names)))


WRITERS = _in_order(_WRITERS)
_PLACE = (
    Column("icount", pa.int64(), lambda e: e.icount),
    Column("pc", pa.uint32(), lambda e: linear(e.cs, e.ip)),
    Column("cs", pa.uint16(), lambda e: e.cs),
    Column("ip", pa.uint16(), lambda e: e.ip),
)
_ACCESS = (
    *_PLACE,
    Column("address", pa.uint32(), lambda e: e.target),
    Column("size", pa.uint8(), _bytes),
)
_WHO = Column("who", NAME, lambda e: e.by, names=WRITERS)
_GOING = (
    *_PLACE,
    Column("target", pa.uint32(), lambda e: linear(e.target >> 16, e.target & 0xFFFF)),
    Column("target_cs", pa.uint16(), lambda e: e.target >> 16),
    Column("target_ip", pa.uint16(), lambda e: e.target & 0xFFFF),
    Column("ss", pa.uint16(), lambda e: e.was),
    Column("sp", pa.uint16(), lambda e: e.now),
    Column("kind", NAME, lambda e: e.detail, names=_in_order(_WAYS)),
)


def _of_events(name: str, kind: ProbeEvent, columns: tuple[Column, ...], help_: str) -> TableKind:
    schema = pa.schema([(column.name, column.type) for column in columns])
    return TableKind(name, help_, schema, kind, columns)


def _of_more(name: str, more: Sequence[tuple[str, pa.DataType]], help_: str) -> TableKind:
    """Return a table that is made in another way; its rows have a place, too."""
    place = [(column.name, column.type) for column in _PLACE]
    return TableKind(name, help_, pa.schema([*place, *more]))


TABLES: dict[str, TableKind] = {
    kind.name: kind
    for kind in (
        _of_more(
            "executed",
            [("count", pa.int64())],
            "how often the instruction at each address was executed, and first when",
        ),
        _of_events(
            "writes",
            ProbeEvent.WRITE,
            (
                *_ACCESS,
                Column("old", pa.uint16(), lambda e: e.was, _is_opaque),
                Column("new", pa.uint16(), lambda e: e.now),
                _WHO,
            ),
            "stores to memory, of 1 or 2 bytes, with the old and the new value",
        ),
        _of_events(
            "reads",
            ProbeEvent.READ,
            (*_ACCESS, Column("value", pa.uint16(), lambda e: e.now), _WHO),
            "loads from memory, but for the instructions themselves",
        ),
        _of_events("calls", ProbeEvent.CALL, _GOING, "near and far calls"),
        _of_events("returns", ProbeEvent.RETURN, _GOING, "RET, RETF and IRET"),
        _of_events(
            "interrupts",
            ProbeEvent.INTERRUPT,
            (*_GOING, Column("vector", pa.uint8(), lambda e: e.by)),
            "interrupts that were entered: INT, faults, and the hardware's",
        ),
        _of_events(
            "branches",
            ProbeEvent.BRANCH,
            _GOING,
            "conditional jumps and loops that were taken, and jumps",
        ),
        _of_events(
            "ports",
            ProbeEvent.PORT,
            (
                *_PLACE,
                Column("port", pa.uint16(), lambda e: e.target),
                Column("size", pa.uint8(), _bytes),
                Column("direction", NAME, lambda e: e.by, names=_in_order(_DIRECTIONS)),
                Column("value", pa.uint16(), lambda e: e.now),
            ),
            "IN and OUT",
        ),
        _of_more(
            "services",
            [
                ("service", pa.string()),
                ("ax", pa.uint16()),
                ("bx", pa.uint16()),
                ("cx", pa.uint16()),
                ("dx", pa.uint16()),
                ("result", pa.uint16()),
                ("carry", pa.bool_()),
                ("call", pa.string()),
            ],
            "calls of DOS, BIOS and ELKS that the machine answered, decoded",
        ),
        _of_more(
            "screens",
            [
                ("kind", NAME),
                ("row", pa.uint16()),
                ("col", pa.uint16()),
                ("address", pa.uint32()),
                ("old", pa.uint16()),
                ("new", pa.uint16()),
                ("text", pa.string()),
                ("who", NAME),
            ],
            "what changed on the screen: characters, attributes, dots, and how they are shown",
        ),
    )
}
"""By name."""
