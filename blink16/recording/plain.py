"""Immutable plain data as bytes: what components save, and what recordings are made of.

None, booleans, integers of 64 bits, bytes, strings, tuples and dictionaries.  Named tuples and
enumerations lose their names, and get them back with `shaped_like`.

Reading looks at tags, counts, sizes and depths before it makes anything of them, so that what a few
bytes claim costs no more than a few bytes.
"""

from __future__ import annotations

from enum import Enum
from io import BytesIO
from operator import is_
from typing import Any, BinaryIO

from construct import ConstructError, Int64sl, VarInt


class PlainError(ValueError):
    """Data that isn't plain, or bytes that aren't plain data."""


NONE, FALSE, TRUE, INT, BYTES, STRING, TUPLE, DICT = range(8)
_CONSTANTS = {NONE: None, FALSE: False, TRUE: True}


def _write(value: Any, stream: BinaryIO, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PlainError(f"it is nested more than {MAX_DEPTH} deep")
    match value:
        case None:
            stream.write(bytes((NONE,)))
        case bool():
            stream.write(bytes((TRUE if value else FALSE,)))
        case int():
            stream.write(bytes((INT,)) + Int64sl.build(int(value)))
        case bytes():
            stream.write(bytes((BYTES,)) + VarInt.build(len(value)) + value)
        case str():
            text = value.encode("utf-8", "surrogateescape")
            stream.write(bytes((STRING,)) + VarInt.build(len(text)) + text)
        case tuple():
            stream.write(bytes((TUPLE,)) + VarInt.build(len(value)))
            for item in value:
                _write(item, stream, depth + 1)
        case dict():
            stream.write(bytes((DICT,)) + VarInt.build(len(value)))
            for key, item in value.items():
                _write(key, stream, depth + 1)
                _write(item, stream, depth + 1)
        case _:
            raise PlainError(f"{type(value).__name__} is not plain data")


class _Reader:
    """Reads values from bytes."""

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data
        self._items = 0

    def value(self, depth: int) -> Any:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise PlainError("it is nested too deep" if depth > MAX_DEPTH else "it is too long")
        tag = self._take(1)[0]
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag == INT:
            return int.from_bytes(self._take(INT_SIZE), "little", signed=True)
        if tag not in _COUNTED:
            raise PlainError(f"there is no kind {tag}")
        count = self._count()
        if count > len(self._data) - self.at:  # each item takes a byte at least
            raise PlainError("it ends too early")
        if tag == TUPLE:
            return tuple([self.value(depth + 1) for _ in range(count)])
        if tag == DICT:
            return {self._key(depth + 1): self.value(depth + 1) for _ in range(count)}
        data = self._take(count)
        return data if tag == BYTES else data.decode("utf-8", "surrogateescape")

    def _key(self, depth: int) -> Any:
        key = self.value(depth)
        if not isinstance(key, int | str | bytes):
            raise PlainError("a key is none")
        return key

    def _take(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > len(self._data):
            raise PlainError("it ends too early")
        return self._data[start : self.at]

    def _count(self) -> int:
        number = shift = 0
        while shift < MAX_COUNT_BITS:
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
        raise PlainError("a length is wrong")


MAX_DEPTH = 64
MAX_ITEMS = 1 << 21
"""Values in one batch, all levels counted."""
MAX_COUNT_BITS = 35
INT_SIZE = 8
_COUNTED = (BYTES, STRING, TUPLE, DICT)


def build(value: Any) -> bytes:
    """Return plain data as bytes; PlainError if it isn't plain."""
    stream = BytesIO()
    try:
        _write(value, stream, 0)
    except (ConstructError, UnicodeError) as error:
        raise PlainError(f"can't be written: {_first_line(error)}") from None
    return stream.getvalue()


def parse(data: bytes) -> Any:
    """Return what `build` was given; PlainError if the bytes are no plain data."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise PlainError("there is more behind it")
    return value


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def shaped_like(value: Any, model: Any) -> Any:
    """Return plain data with the names and enumerations that ``model`` has at the same places.

    ValueError or TypeError if it can't have them, or where it is of another type; None may stand
    for anything, and anything for None.
    """
    if isinstance(model, Enum):
        return type(model)(value)
    if model is None or value is None:
        return value
    if isinstance(model, tuple) and isinstance(value, tuple):
        models = (*model, *(None,) * (len(value) - len(model)))
        items = tuple(map(shaped_like, value, models))
        if hasattr(model, "_make"):
            return model._make(items)  # TypeError if it has other fields
        return value if all(map(is_, items, value)) else items
    if _plain_type(value) is not _plain_type(model):
        raise TypeError(f"a {type(value).__name__} is where a {type(model).__name__} should be")
    return value


def _plain_type(model: Any) -> type:
    """Return the type that a value has in plain data, where a bit may be a number or a truth."""
    kinds = (int, bytes, str, tuple, dict)
    return next((kind for kind in kinds if isinstance(model, kind)), type(model))
