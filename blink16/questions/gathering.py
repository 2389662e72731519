"""What comes of an interval: rows, in memory or, where they are many, in Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blink16.cpu.probes import ProbeEvent
from blink16.questions.tables import EVENTS, TABLES, Events

AT_ONCE = 2 << 20
"""Bytes of events that become rows at once: what the processor's cache holds."""
SPILL_ROWS = 1 << 21
"""Rows of events that are brought to disk at once."""
DEFAULT_BOUND = 1 << 30
"""Bytes of events in memory beyond which they go to disk."""
_KINDS = {
    name: kind.kind
    for name, kind in TABLES.items()
    if kind.kind is not None and kind.kind is not ProbeEvent.FIRST
}

Piece: TypeAlias = "pa.Table | Path"
"""Some rows of a table: in memory, or a Parquet file."""


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


class Gatherer:
    """Takes the events of one interval after the other, in a thread of its own."""

    def __init__(self, hold: Hold, tables: Iterable[str], span: range) -> None:
        self._hold = hold
        self._tables = [name for name in _KINDS if name in set(tables)]
        self._counts = "executed" in set(tables)
        self._span = span
        self._raw: list[bytes] = []
        self._held = 0
        self._rows = Rows()
        self.deaf = False
        """Whether what comes is nothing that was asked for."""

    def take(self, events: bytes) -> None:
        """Take events from the tape."""
        if self.deaf or not events:
            return
        self._raw.append(events)
        self._held += len(events)
        too_much = self._hold.take(len(events))
        if not too_much and self._held >= AT_ONCE:
            self._settle(spill=False)
        elif too_much and self._held >= min(SPILL_ROWS * EVENTS.itemsize, self._hold.bound // 2):
            self._settle(spill=True)

    def end(self) -> Rows:
        """Return what came since the last time."""
        self._settle(spill=False)
        rows, self._rows = self._rows, Rows()
        return rows

    def _settle(self, *, spill: bool) -> None:
        """Make rows of events."""
        raw, self._raw = b"".join(self._raw), []
        events = np.frombuffer(raw, EVENTS)
        self._hold.take(-self._held)
        self._held = 0
        low, high = np.searchsorted(events["icount"], (self._span.start, self._span.stop))
        events = events[low:high]  # they are in the order of time
        if self._counts:
            firsts = events[events["kind"] == ProbeEvent.FIRST]
            if len(firsts):
                self._rows.firsts.append(firsts.copy())
        for name in self._tables:
            made = TABLES[name].rows(events)
            if not made.num_rows:
                continue
            piece: Piece = made
            if spill:
                piece = self._hold.file(name)
                pq.write_table(made, piece, compression="zstd", compression_level=1)
            else:
                piece = self._hold.put(name, made)
            self._rows.pieces.setdefault(name, []).append(piece)


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
