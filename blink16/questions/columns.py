"""Columns of tables: what each is of an event, said once for numpy and for native code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from blink16.cpu.probes import EVENT
from blink16.memory import ADDRESS_MASK

EVENTS = np.dtype([(field.name, f"<u{field.sizeof()}") for field in EVENT.subcons])
"""`probes.EVENT` as numpy knows it."""
Events: TypeAlias = np.ndarray[Any, Any]
Number: TypeAlias = Any
"""A number of 64 bits: an array of them, or a `cpu.values.Value`.  Both can be added, shifted and
masked, with each other and with ints."""
NAME = pa.dictionary(pa.int8(), pa.string())
"""The type of columns that hold a few names."""


class Fields(NamedTuple):
    """The fields of an event, as they lie in it, each widened to 64 bits (see `probes.EVENT`)."""

    icount: Number
    kind: Number
    detail: Number
    cs: Number
    ip: Number
    target: Number
    was: Number
    now: Number
    by: Number


class Column(NamedTuple):
    """A column: its name and type, and what it is of an event."""

    name: str
    type: pa.DataType
    of: Callable[[Fields], Number]
    unknown: Callable[[Fields], Number] | None = None
    """Whether there is nothing to be said: 1, or 0."""
    names: tuple[str, ...] = ()
    """What the numbers 0, 1, ... are called, in a column of names."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """How numpy holds its numbers."""
        return np.dtype(np.int8 if self.names else self.type.to_pandas_dtype())

    def array(self, values: Events, unknown: Events | None) -> pa.Array:
        """Return numbers (an array of `dtype`) as Arrow's; ``unknown``: where there are none."""
        mask = None if unknown is None or not unknown.any() else unknown.astype(bool)
        if self.names:
            return pa.DictionaryArray.from_arrays(pa.array(values), list(self.names), safe=False)
        return pa.array(values, self.type, mask=mask)


def fields(events: Events) -> Fields:
    """Return the fields of many events."""
    return Fields(*(events[name].astype(np.int64) for name in Fields._fields))


def linear(cs: Number, ip: Number) -> Number:
    """Return linear addresses."""
    return ((cs << 4) + ip) & ADDRESS_MASK
