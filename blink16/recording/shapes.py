"""Records from a file, which may hold anything, are looked at before they are believed."""

from __future__ import annotations

from typing import Any

from blink16.recording.records import RecordingError, RecordKind


def check(holds: bool | None, complaint: str) -> None:
    """RecordingError unless something holds."""
    if not holds:
        raise RecordingError(complaint)


def shaped(fields: object, *types: type) -> tuple[Any, ...]:
    """Return the fields of a record, if they have these types."""
    if not isinstance(fields, tuple) or len(fields) != len(types):
        raise RecordingError("a record has the wrong fields")
    if not all(isinstance(value, wanted) for value, wanted in zip(fields, types, strict=True)):
        raise RecordingError("a record has the wrong fields")
    return fields


def strings(value: object) -> tuple[str, ...]:
    """Return a tuple of strings, if it is one."""
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise RecordingError("a record has the wrong fields")
    return value


def alone(records: tuple[object, ...], kind: RecordKind) -> tuple[Any, ...]:
    """Return the fields of a batch's only record, if it is of a kind."""
    if len(records) != 1 or not isinstance(records[0], tuple) or records[0][:1] != (kind,):
        raise RecordingError(f"its {kind.name.lower()} is missing or damaged")
    return records[0][1:]
