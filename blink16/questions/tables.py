"""The tables: which columns each has, and how events become rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from blink16.cpu.probes import OPAQUE, Accessor, Direction, ProbeEvent, Way
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE

EVENTS = np.dtype(
    [
        ("icount", "<u8"),
        ("kind", "<u2"),
        ("detail", "<u2"),
        ("cs", "<u2"),
        ("ip", "<u2"),
        ("target", "<u4"),
        ("was", "<u2"),
        ("now", "<u2"),
        ("by", "<u8"),
    ]
)
"""`probes.EVENT` as numpy knows it."""
Events = np.ndarray[Any, Any]
Columns = Mapping[str, Any]

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


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table of the run."""

    name: str
    help: str
    kind: ProbeEvent | None
    """The events that are its rows, if they are."""
    columns: Callable[[Events], Columns]
    schema: pa.Schema

    def rows(self, events: Events) -> pa.Table:
        """Return the rows that events make."""
        found = self.columns(events[events["kind"] == self.kind])
        return pa.table(dict(found), schema=self.schema)

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()


def linear(cs: Events, ip: Events) -> Events:
    """Return linear addresses."""
    return ((cs.astype(np.uint32) << 4) + ip) & ADDRESS_MASK


def _place(events: Events) -> dict[str, Any]:
    cs, ip = events["cs"], events["ip"]
    return {"icount": events["icount"].astype(np.int64), "pc": linear(cs, ip), "cs": cs, "ip": ip}


def _named(values: Events, names: Mapping[Any, str]) -> pa.Array:
    """Return small numbers by their names, as a dictionary."""
    order = sorted(names)
    indices = np.searchsorted(np.array([int(n) for n in order]), values).astype(np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(indices), [names[n] for n in order])


def executed(counts: Events, events: Events) -> pa.Table:
    """Return the table of counts; ``events``: when each was executed for the first time."""
    folded = counts[:MEMORY_SIZE].copy()
    folded[: len(counts) - MEMORY_SIZE] += counts[MEMORY_SIZE:]
    firsts = events[events["kind"] == ProbeEvent.FIRST]
    address = firsts["target"] & ADDRESS_MASK
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


def _writes(events: Events) -> Columns:
    opaque = (events["detail"] & OPAQUE) != 0
    return {
        **_place(events),
        "address": events["target"],
        "size": ((events["detail"] & 0xFF) >> 3).astype(np.uint8),
        "old": pa.array(events["was"], mask=opaque),
        "new": events["now"],
        "who": _named(events["by"], _WRITERS),
    }


def _reads(events: Events) -> Columns:
    return {
        **_place(events),
        "address": events["target"],
        "size": (events["detail"] >> 3).astype(np.uint8),
        "value": events["now"],
        "who": _named(events["by"], _WRITERS),
    }


def _goings(events: Events) -> dict[str, Any]:
    cs, ip = (events["target"] >> 16).astype(np.uint16), events["target"].astype(np.uint16)
    return {
        **_place(events),
        "target": linear(cs, ip),
        "target_cs": cs,
        "target_ip": ip,
        "ss": events["was"],
        "sp": events["now"],
        "kind": _named(events["detail"], _WAYS),
    }


def _interrupts(events: Events) -> Columns:
    return {**_goings(events), "vector": events["by"].astype(np.uint8)}


def _ports(events: Events) -> Columns:
    return {
        **_place(events),
        "port": events["target"].astype(np.uint16),
        "size": (events["detail"] >> 3).astype(np.uint8),
        "direction": _named(events["by"], _DIRECTIONS),
        "value": events["now"],
    }


_NAME = pa.dictionary(pa.int8(), pa.string())
_PLACE = [
    ("icount", pa.int64()),
    ("pc", pa.uint32()),
    ("cs", pa.uint16()),
    ("ip", pa.uint16()),
]
_ACCESS = [*_PLACE, ("address", pa.uint32()), ("size", pa.uint8())]
_GOING = [
    *_PLACE,
    ("target", pa.uint32()),
    ("target_cs", pa.uint16()),
    ("target_ip", pa.uint16()),
    ("ss", pa.uint16()),
    ("sp", pa.uint16()),
    ("kind", _NAME),
]


def _no_events(events: Events) -> Columns:
    raise NotImplementedError("its rows are no events")


def _kind(
    name: str,
    kind: ProbeEvent | None,
    columns: Callable[[Events], Columns],
    fields: Sequence[tuple[str, pa.DataType]],
    help_: str,
) -> TableKind:
    return TableKind(name, help_, kind, columns, pa.schema(fields))


TABLES: dict[str, TableKind] = {
    kind.name: kind
    for kind in (
        _kind(
            "executed",
            ProbeEvent.FIRST,
            _no_events,
            [*_PLACE, ("count", pa.int64())],
            "how often the instruction at each address was executed, and first when",
        ),
        _kind(
            "writes",
            ProbeEvent.WRITE,
            _writes,
            [*_ACCESS, ("old", pa.uint16()), ("new", pa.uint16()), ("who", _NAME)],
            "stores to memory, of 1 or 2 bytes, with the old and the new value",
        ),
        _kind(
            "reads",
            ProbeEvent.READ,
            _reads,
            [*_ACCESS, ("value", pa.uint16()), ("who", _NAME)],
            "loads from memory, but for the instructions themselves",
        ),
        _kind("calls", ProbeEvent.CALL, _goings, _GOING, "near and far calls"),
        _kind("returns", ProbeEvent.RETURN, _goings, _GOING, "RET, RETF and IRET"),
        _kind(
            "interrupts",
            ProbeEvent.INTERRUPT,
            _interrupts,
            [*_GOING, ("vector", pa.uint8())],
            "interrupts that were entered: INT, faults, and the hardware's",
        ),
        _kind(
            "branches",
            ProbeEvent.BRANCH,
            _goings,
            _GOING,
            "conditional jumps and loops that were taken, and jumps",
        ),
        _kind(
            "ports",
            ProbeEvent.PORT,
            _ports,
            [
                *_PLACE,
                ("port", pa.uint16()),
                ("size", pa.uint8()),
                ("direction", _NAME),
                ("value", pa.uint16()),
            ],
            "IN and OUT",
        ),
        _kind(
            "services",
            None,
            _no_events,
            [
                *_PLACE,
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
    )
}
"""By name."""
