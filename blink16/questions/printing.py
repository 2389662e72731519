"""Tables as people and programs want them: text, CSV, JSON, Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from math import isfinite
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from blink16.questions.needs import QuestionError

_HEX = {
    **dict.fromkeys(("pc", "address", "target"), 5),
    **dict.fromkeys(("cs", "ip", "ss", "sp", "port", "target_cs", "target_ip"), 4),
    **dict.fromkeys(("old", "new", "value", "ax", "bx", "cx", "dx", "result"), 4),
    "vector": 2,
}
"""Columns that are written in hexadecimal in text, and with how many digits."""
BATCH = 1 << 16


class Format(Enum):
    """How a table is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def write(tables: Iterable[pa.Table], how: Format, file: BinaryIO) -> int:
    """Write a table whose rows come some at a time; return how many there were."""
    match how:
        case Format.TEXT:
            return _text(tables, file)
        case Format.CSV:
            return _csv(tables, file)
        case Format.JSON:
            return _json(tables, file)
        case Format.PARQUET:
            return _parquet(tables, file)


def plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries."""
    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(number).cast(field.type.value_type)
            table = table.set_column(number, field.name, column)
    return table


def _text(tables: Iterable[pa.Table], file: BinaryIO) -> int:
    count, widths = 0, None
    for table in tables:
        for batch in _batches(plain(table)):
            columns = [_shown(field, batch.column(n)) for n, field in enumerate(batch.schema)]
            if widths is None:
                names = [field.name for field in batch.schema]
                widths = [
                    max(len(name), *map(len, column), 0)
                    for name, column in zip(names, columns, strict=True)
                ]
                right = [_is_right(field) for field in batch.schema]
                file.write(_row(names, widths, right))
            file.writelines(_row(row, widths, right) for row in zip(*columns, strict=True))
            count += batch.num_rows
    return count


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    """Return a table's rows in batches, of which there is one at least."""
    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    return table.to_batches(max_chunksize=BATCH) or [empty]


def _is_right(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _row(cells: Iterable[str], widths: list[int], right: list[bool]) -> bytes:
    row = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return ("  ".join(row).rstrip() + "\n").encode("utf-8", "replace")


def _shown(field: pa.Field, column: pa.Array) -> list[str]:
    digits = _HEX.get(field.name) if pa.types.is_integer(field.type) else None
    values = column.to_pylist()
    if digits is not None:
        return ["" if v is None else f"{v:0{digits}X}" for v in values]
    return ["" if v is None else _word(v) for v in values]


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).translate(_CONTROLS) if isinstance(value, str) else str(value)


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


def _csv(tables: Iterable[pa.Table], file: BinaryIO) -> int:
    writer, count = None, 0
    for table in map(plain, tables):
        if writer is None:
            writer = pa_csv.CSVWriter(file, table.schema)
        writer.write_table(table)
        count += table.num_rows
    if writer is not None:
        writer.close()
    return count


def _json(tables: Iterable[pa.Table], file: BinaryIO) -> int:
    count = 0
    for table in map(plain, tables):
        for batch in table.to_batches(max_chunksize=BATCH):
            rows = ({k: _finite(v) for k, v in row.items()} for row in batch.to_pylist())
            lines = (json.dumps(row, ensure_ascii=False, default=str) for row in rows)
            file.writelines(f"{line}\n".encode("utf-8", "replace") for line in lines)
            count += batch.num_rows
    return count


def _finite(value: object) -> object:
    """Return a value as JSON has it, which knows no infinity."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _parquet(tables: Iterable[pa.Table], file: BinaryIO) -> int:
    writer, count = None, 0
    for table in tables:
        if writer is None:
            named = [f.name for f in table.schema if not pa.types.is_integer(f.type)]
            writer = pq.ParquetWriter(file, table.schema, use_dictionary=named, compression="lz4")
        writer.write_table(table)
        count += table.num_rows
    if writer is not None:
        writer.close()
    return count


def format_of(path: Path | None, wanted: str | None) -> Format:
    """Return the format that is asked for, or that a file's name says; text else."""
    if wanted is not None:
        try:
            return Format(wanted)
        except ValueError:
            raise QuestionError(f"there is no format {wanted!r}") from None
    suffixes = {".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON}
    suffixes |= {".parquet": Format.PARQUET}
    return suffixes.get(path.suffix.lower(), Format.TEXT) if path is not None else Format.TEXT
