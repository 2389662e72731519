"""What comes of an interval: rows, in memory or, where they are many, in Parquet files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blink16.cpu.probes import CAPACITY, ProbeEvent
from blink16.questions.columns import EVENTS, Events
from blink16.questions.needs import Need, meeting
from blink16.questions.screens_seen import ScreensSeen
from blink16.questions.splitting import by_numpy, outputs, splitter
from blink16.questions.tables import TABLES, unwrapped

ROWS = 16 * CAPACITY
"""Rows of a piece."""
MANY = CAPACITY // 4
"""So many events at once are worth native code."""
LEAST_BOUND = 1 << 28
CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")
_OF_EVENTS = frozenset(name for name, kind in TABLES.items() if kind.columns)

Piece: TypeAlias = "pa.Table | Path"
"""Some rows of a table: in memory, or a Parquet file."""


def usual_bound() -> int:
    """Return the bytes of rows beyond which they go to disk: a quarter of the memory there is."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no POSIX
        return 4 * LEAST_BOUND
    with suppress(OSError, ValueError):  # there is none, or it says "max"
        memory = min(memory, int(CONTROL_GROUP.read_text()))
    return max(LEAST_BOUND, memory // 4)


class Hold:
    """How much all intervals of a question hold in memory, and where they put the rest."""

    def __init__(self, bound: int, folder: Path) -> None:
        self.bound, self.folder = bound, folder
        self._held = 0
        self._lock = Lock()
        self._files = 0

    def take(self, size: int) -> bool:
        """Hold more bytes (or fewer); whether that is too much."""
        with self._lock:
            self._held += size
            return self._held > self.bound

    def put(self, table: str, piece: Piece) -> Piece:
        """Hold some rows, in a file if they are too much."""
        if isinstance(piece, Path) or not self.take(piece.nbytes):
            return piece
        file = self.file(table)
        pq.write_table(piece, file, compression="zstd", compression_level=1)
        self.take(-piece.nbytes)
        return file

    def file(self, table: str) -> Path:
        """Return a new file for some rows."""
        with self._lock:
            self._files += 1
            return self.folder / f"{table}-{self._files}.parquet"


@dataclass(slots=True)
class Rows:
    """What an interval gave."""

    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    firsts: list[Events] = field(default_factory=list)
    """Events that say when an address was first executed."""


class Piecemeal:
    """The rows of a table that are coming, in room for a piece."""

    def __init__(self, table: str) -> None:
        self.table = table
        self._kind = TABLES[table]
        self._columns: list[Events] = []
        self._count = 0

    def take(self, events: Events, span: range) -> pa.Table | None:
        """Take the rows that events within a span make; return a piece if it is full."""
        full = None
        if self._columns and self._count + len(events) >= len(self._columns[0]):
            full = self.end()
        if not self._columns:
            self._columns = outputs(self._kind, max(ROWS, len(events) + 1))
        split = splitter(self.table) if len(events) >= MANY else None
        split = split or by_numpy(self._kind)
        self._count += split(events, self._columns, self._count, span)
        return full

    def end(self) -> pa.Table | None:
        """Return the rows that came since the last piece, if any did."""
        count, self._count = self._count, 0
        if not count:
            return None
        columns = [column[:count] for column in self._columns]
        if count < ROWS // 2:
            columns = [column.copy() for column in columns]
        else:
            self._columns = []
        unknown = iter(columns[len(self._kind.columns) :])
        arrays = [
            column.array(values, next(unknown) if column.unknown else None)
            for column, values in zip(self._kind.columns, columns, strict=False)
        ]
        return pa.table(arrays, schema=self._kind.schema)


class Gatherer:
    """Takes the events of one interval after the other, in a thread of its own."""

    def __init__(
        self, hold: Hold, need: Need, span: range, screens: ScreensSeen | None = None
    ) -> None:
        """Gather what is needed; ``screens``: makes rows of the stores."""
        self._hold = hold
        self._need, self._screens = need, screens
        wanted = need.tables | ({"writes"} if screens is not None else set())
        self._coming = [Piecemeal(name) for name in sorted(wanted & _OF_EVENTS)]
        self._counts = "executed" in wanted
        self._span = span
        self._rows = Rows()
        self.deaf = False
        """Whether what comes is nothing that was asked for."""

    def take(self, tape: memoryview) -> None:
        """Take events from the tape."""
        if self.deaf or not tape:
            return
        events = np.frombuffer(tape, EVENTS)
        if self._counts:
            low, high = np.searchsorted(events["icount"], (self._span.start, self._span.stop))
            within = events[low:high]  # they are in the order of time
            firsts = within[within["kind"] == ProbeEvent.FIRST]
            if len(firsts):
                self._rows.firsts.append(firsts)
        for coming in self._coming:
            self._keep(coming.table, coming.take(events, self._span))

    def end(self) -> Rows:
        """Return what came since the last time."""
        for coming in self._coming:
            self._keep(coming.table, coming.end())
        if self._screens is not None:
            self._put("screens", self._screens.rows(None, last=True))
        rows, self._rows = self._rows, Rows()
        return rows

    def _keep(self, table: str, made: pa.Table | None) -> None:
        if made is None:
            return
        if table == "writes" and self._screens is not None:
            self._put("screens", self._screens.rows(made, last=False))
            if table not in self._need.tables:
                return
            made = made.filter(self._is_asked(made))
        self._put(table, made)

    def _is_asked(self, writes: pa.Table) -> pa.Array:
        """Return which stores somebody wants for themselves."""
        address, size = (writes.column(name).to_numpy() for name in ("address", "size"))
        return pa.array(meeting(self._need.writes, address, size))

    def _put(self, table: str, made: pa.Table) -> None:
        if made.num_rows:
            made = unwrapped(made) if self._need.line_20 else made
            self._rows.pieces.setdefault(table, []).append(self._hold.put(table, made))


class TableRows:
    """A table's rows, in their order."""

    def __init__(self, name: str, pieces: list[Piece]) -> None:
        self.name = name
        self.schema = TABLES[name].schema
        self._pieces = pieces

    @property
    def files(self) -> list[Path]:
        """The files in which some of them are."""
        return [piece for piece in self._pieces if isinstance(piece, Path)]

    def in_memory(self) -> list[pa.Table]:
        """Return the rows that are in no file."""
        return [piece for piece in self._pieces if not isinstance(piece, Path)]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, some at a time."""
        for piece in self._pieces:
            if isinstance(piece, Path):
                for batch in pq.ParquetFile(piece).iter_batches():
                    yield pa.Table.from_batches([batch]).cast(self.schema)
            else:
                yield piece

    def table(self) -> pa.Table:
        """Return all rows, in memory."""
        return pa.concat_tables([self.schema.empty_table(), *self.tables()]).unify_dictionaries()

    def __len__(self) -> int:
        return sum(
            pq.read_metadata(piece).num_rows if isinstance(piece, Path) else piece.num_rows
            for piece in self._pieces
        )
