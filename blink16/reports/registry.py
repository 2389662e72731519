"""Reports: what front ends show, as JSON objects of qXfer (``qXfer:blink16:read:NAME``).

A report is one small file: a frozen dataclass, which is its shape, and the function that makes
it.  `report` puts it into the registry, from which the server's answers, the client's questions
and the documentation follow.  The server calls the function with a `Look` at a machine and the
query that the client sent behind a question mark (``profile?instructions=1000``); the client
reads the answer back into the same dataclass, and trusts nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar, get_type_hints
from urllib.parse import parse_qsl, urlencode

import msgspec

from blink16.reports.look import Look

OBJECT = "blink16"
"""The object of qXfer that reports are annexes of."""
MAX_REPORT = 8 << 20
"""Bytes of one report in JSON."""
MAX_QUERY = 1024
"""Characters of a report's name and query."""

Q = TypeVar("Q")
R = TypeVar("R")


class ReportError(ValueError):
    """A report that can't be made or read, and why, in one line."""


@dataclass(frozen=True, slots=True)
class NoQuery:
    """The query of a report that takes none."""


@dataclass(frozen=True, slots=True)
class Report(Generic[Q, R]):
    """How a report is called, asked for and made."""

    name: str
    query: type[Q]
    shape: type[R]
    make: Callable[[Look, Q], R]
    searches: bool
    """Whether it looks through the past: it may take long, and is for who holds the machine."""
    computes: bool = False
    """Whether it takes long without that."""

    @property
    def help(self) -> str:
        """What it shows, in one line."""
        return (self.make.__doc__ or "").strip().partition("\n")[0]


REPORTS: dict[str, Report[Any, Any]] = {}
_BY_SHAPE: dict[type, Report[Any, Any]] = {}


def report(
    name: str, *, searches: bool = False, computes: bool = False
) -> Callable[[Callable[[Look, Q], R]], Callable[[Look, Q], R]]:
    """Register a function as the maker of the report of that name; see `Report`."""

    def register(make: Callable[[Look, Q], R]) -> Callable[[Look, Q], R]:
        hints = get_type_hints(make)
        if name in REPORTS or hints["return"] in _BY_SHAPE:
            raise ValueError(f"there is a report {name} already")
        found = Report(name, hints["query"], hints["return"], make, searches, computes)
        REPORTS[name] = _BY_SHAPE[found.shape] = found
        return make

    return register


def of_shape(shape: type[R]) -> Report[Any, R]:
    """Return the report that has this shape."""
    return _BY_SHAPE[shape]


# -- the server's side -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReportQuestion(Generic[Q, R]):
    """A report that a client wants, with what it wants to know."""

    report: Report[Q, R]
    query: Q

    def answer(self, look: Look) -> bytes:
        """Return the report as JSON; ReportError if it can't be made."""
        data = msgspec.json.encode(self.report.make(look, self.query))
        if len(data) > MAX_REPORT:
            raise ReportError(f"the report {self.report.name} has more than {MAX_REPORT} bytes")
        return data


def parse(annex: str) -> ReportQuestion[Any, Any]:
    """Return what an annex (``NAME?KEY=VALUE&…``) asks for; ReportError if it makes no sense."""
    name, _, rest = annex[:MAX_QUERY].partition("?")
    found = REPORTS.get(name)
    if found is None:
        raise ReportError(f"there is no report {name[:40]!r}")
    try:
        pairs = dict(parse_qsl(rest, strict_parsing=True)) if rest else {}
        unknown = pairs.keys() - {field.name for field in fields(found.query)}
        query = msgspec.convert(pairs, found.query, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise ReportError(f"{name} can't be asked that: {error}") from None
    if unknown:
        raise ReportError(f"{name} knows no {min(unknown)[:40]!r}")
    return ReportQuestion(found, query)


# -- the client's side -----------------------------------------------------------------------


def annex(shape: type, query: object = None) -> str:
    """Return the annex that asks for the report of a shape."""
    name = of_shape(shape).name
    values = msgspec.to_builtins(query) if query is not None else {}
    given = {key: value for key, value in values.items() if value is not None}
    return f"{name}?{urlencode(given)}" if given else name


def read(shape: type[R], data: bytes) -> R:
    """Return the report in a server's answer; ReportError if it is none."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ReportError(f"the server's report {of_shape(shape).name} is bad: {error}") from None
