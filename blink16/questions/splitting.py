"""Events become columns: by native code where there are many, or else by numpy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache

import numpy as np

from blink16.cpu.native import loading
from blink16.cpu.native.compiler import Library, NativeError, submit
from blink16.cpu.native.text import IRBuilder, text
from blink16.cpu.probes import EVENT, EVENT_SIZE
from blink16.cpu.values import Value
from blink16.questions.columns import Events, Fields, fields
from blink16.questions.tables import TABLES, TableKind

LEVEL = 2
Split = Callable[[Events, Sequence[Events], int, range], int]
"""Puts the events of a table within a span into columns, from a place on; gives how many."""


def outputs(kind: TableKind, rows: int) -> list[Events]:
    """Return room for so many rows of a table: a column each, then who has nothing to say."""
    columns = [np.empty(rows, column.dtype) for column in kind.columns]
    return columns + [np.empty(rows, np.uint8) for column in kind.columns if column.unknown]


def by_numpy(kind: TableKind) -> Split:
    """Return what splits the events of a table, without native code."""
    wanted = [column.of for column in kind.columns]
    wanted += [column.unknown for column in kind.columns if column.unknown]

    def split(events: Events, columns: Sequence[Events], at: int, span: range) -> int:
        inside = (events["icount"] >= span.start) & (events["icount"] < span.stop)
        mine = fields(events[inside & (events["kind"] == kind.kind)])
        count = len(mine.icount)
        for column, of in zip(columns, wanted, strict=True):
            column[at : at + count] = of(mine)
        return count

    return split


@cache
def natively(table: str) -> Future[Split]:
    """Return what splits the events of a table; NativeError where there is no native code.

    It needs room for a row more than there are events, and lets others have the GIL.
    """
    return submit(lambda: _compiled(TABLES[table]))


def _compiled(kind: TableKind) -> Split:
    compiler = loading.process_compiler()
    library = compiler.link(compiler.compile(_Loop(kind).module(), LEVEL), ("split",), {})
    return _Native(library)


class _Native:
    """A splitter in machine code, and what keeps it there."""

    def __init__(self, library: Library) -> None:
        self._library = library
        word = ctypes.c_int64
        kind = ctypes.CFUNCTYPE(word, ctypes.c_void_p, word, ctypes.c_void_p, word, word, word)
        self._split = kind(library.addresses["split"])

    def __call__(self, events: Events, columns: Sequence[Events], at: int, span: range) -> int:
        addresses = (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns))
        found: int = self._split(
            events.ctypes.data, len(events), addresses, at, span.start, span.stop
        )
        return found


class _Loop(IRBuilder):
    """The loop over events, which writes each into its row and keeps those that are wanted."""

    def __init__(self, kind: TableKind) -> None:
        super().__init__()
        of = [(column.of, 8 * column.dtype.itemsize) for column in kind.columns]
        of += [(column.unknown, 8) for column in kind.columns if column.unknown]
        for number in range(len(of)):
            place = self.name(f"getelementptr ptr, ptr %columns, i64 {number}")
            self.emit(f"%column{number} = load ptr, ptr {place}")
        self.go("look")
        self.begin("look")
        self.emit("%number = phi i64 [ 0, %entry ], [ %next, %event ]")
        self.emit("%row = phi i64 [ %at, %entry ], [ %next_row, %event ]")
        self.emit("%over = icmp eq i64 %number, %count")
        self.emit("br i1 %over, label %done, label %event")
        self.begin("event")
        event = self._fields()
        for number, (column, bits) in enumerate(of):
            assert column is not None
            value = text(column(event).truncate(bits))
            place = self.name(f"getelementptr i{bits}, ptr %column{number}, i64 %row")
            self.emit(f"store i{bits} {value}, ptr {place}, align 1")
        assert kind.kind is not None
        low, high = Value("%low", 64, self), Value("%high", 64, self)
        wanted = event.kind.equals(int(kind.kind)) & (event.icount - low).below(high - low)
        row = Value("%row", 64, self) + wanted.zero_extend(64)
        self.emit(f"%next_row = add i64 {text(row)}, 0")
        self.emit("%next = add i64 %number, 1")
        self.go("look")
        self.begin("done")
        self.emit("%found = sub i64 %row, %at")
        self.emit("ret i64 %found")

    def _fields(self) -> Fields:
        offset = self.name(f"mul i64 %number, {EVENT_SIZE}")
        start = self.name(f"getelementptr i8, ptr %events, i64 {offset}")
        words = [
            self.value(f"load i64, ptr {self.address(start, 8 * word)}, align 1", 64)
            for word in range(EVENT_SIZE // 8)
        ]
        found, bit = {}, 0
        for field in EVENT.subcons:
            bits = 8 * field.sizeof()
            word = words[bit // 64] >> bit % 64
            found[field.name] = word & ((1 << bits) - 1) if bits < 64 else word
            bit += bits
        return Fields(**found)

    def module(self) -> str:
        """Return it as a module."""
        head = (
            "define i64 @split(ptr noalias %events, i64 %count, ptr noalias %columns, i64 %at, "
            "i64 %low, i64 %high) {"
        )
        return "\n".join([head, "entry:", *self.lines, "}"])


def splitter(table: str) -> Split | None:
    """Return the native splitter of a table if it is ready; it is made as soon as one asks."""
    coming = natively(table)
    if not coming.done() or isinstance(coming.exception(), NativeError):
        return None
    return coming.result()
