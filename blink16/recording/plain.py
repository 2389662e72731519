"""Immutable plain data as bytes: what components save, and what recordings are made of.

None, booleans, integers of 64 bits, bytes, strings, tuples and dictionaries.  Named tuples and
enumerations lose their names, and get them back with `shaped_like`.
"""

from __future__ import annotations

from enum import Enum
from operator import is_
from typing import Any

from construct import (
    Adapter,
    Construct,
    ConstructError,
    GreedyBytes,
    Int8ul,
    Int64sl,
    LazyBound,
    Pass,
    Prefixed,
    PrefixedArray,
    Struct,
    Switch,
    Terminated,
    VarInt,
    this,
)


class PlainError(ValueError):
    """Data that isn't plain, or bytes that aren't plain data."""


NONE, FALSE, TRUE, INT, BYTES, STRING, TUPLE, DICT = range(8)
_CONSTANTS = {NONE: None, FALSE: False, TRUE: True}


class _Text(Adapter):  # type: ignore[misc]
    """Strings in UTF-8; file names that weren't UTF-8 keep their bytes (`os.fsdecode`)."""

    def _decode(self, obj: Any, context: Any, path: Any) -> str:
        return bytes(obj).decode("utf-8", "surrogateescape")

    def _encode(self, obj: Any, context: Any, path: Any) -> bytes:
        return str(obj).encode("utf-8", "surrogateescape")


class _Plain(Adapter):  # type: ignore[misc]
    """A value with its tag in front."""

    def _decode(self, obj: Any, context: Any, path: Any) -> Any:
        if obj.tag in _CONSTANTS:
            return _CONSTANTS[obj.tag]
        if obj.tag == TUPLE:
            return tuple(obj.value)
        if obj.tag == DICT:
            return {key: value for key, value in obj.value}  # noqa: C416 - construct's lists
        return obj.value

    def _encode(self, obj: Any, context: Any, path: Any) -> dict[str, Any]:
        match obj:
            case None:
                return {"tag": NONE, "value": None}
            case bool():
                return {"tag": TRUE if obj else FALSE, "value": None}
            case int():
                return {"tag": INT, "value": int(obj)}
            case bytes():
                return {"tag": BYTES, "value": obj}
            case str():
                return {"tag": STRING, "value": obj}
            case tuple():
                return {"tag": TUPLE, "value": obj}
            case dict():
                return {"tag": DICT, "value": list(obj.items())}
        raise PlainError(f"{type(obj).__name__} is not plain data")


_VALUE: Construct = LazyBound(lambda: PLAIN)
_FORMS = {
    NONE: Pass,
    FALSE: Pass,
    TRUE: Pass,
    INT: Int64sl,
    BYTES: Prefixed(VarInt, GreedyBytes),
    STRING: _Text(Prefixed(VarInt, GreedyBytes)),
    TUPLE: PrefixedArray(VarInt, _VALUE),
    DICT: PrefixedArray(VarInt, _VALUE[2]),
}
PLAIN: Construct = _Plain(
    Struct("tag" / Int8ul, "value" / Switch(this.tag, _FORMS, default=Terminated))
)


def build(value: Any) -> bytes:
    """Return plain data as bytes; PlainError if it isn't plain."""
    try:
        data: bytes = PLAIN.build(value)
    except (ConstructError, RecursionError) as error:
        raise PlainError(f"can't be written: {_first_line(error)}") from None
    return data


def parse(data: bytes) -> Any:
    """Return what `build` was given; PlainError if the bytes are no plain data."""
    try:
        return _WHOLE.parse(data).value
    except (ConstructError, RecursionError, UnicodeError, TypeError) as error:
        raise PlainError(f"can't be read: {_first_line(error)}") from None


_WHOLE = Struct("value" / PLAIN, Terminated)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def shaped_like(value: Any, model: Any) -> Any:
    """Return plain data with the names and enumerations that ``model`` has at the same places.

    ValueError or TypeError if it can't have them.
    """
    if isinstance(model, Enum):
        return type(model)(value)
    if not isinstance(model, tuple) or not isinstance(value, tuple):
        return value
    models = (*model, *(None,) * (len(value) - len(model)))
    items = tuple(map(shaped_like, value, models))
    if hasattr(model, "_make"):
        return model._make(items)  # TypeError if it has other fields
    return value if all(map(is_, items, value)) else items
