"""What the addresses of a program are called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import report
from blink16.symbols import SymbolKind

MAX_PAGE = 5000
"""Symbols in one report; more are asked for with `SymbolsQuery.skip`."""


@dataclass(frozen=True, slots=True)
class SymbolsQuery:
    """Which of the symbols are wanted."""

    skip: int = 0
    """How many to leave out, in the order of their addresses."""
    most: int = MAX_PAGE


@dataclass(frozen=True, slots=True)
class SymbolLine:
    """A name for a linear address."""

    name: str
    address: Count
    kind: SymbolKind
    size: Count
    """Bytes; 0 if that is not known."""


@dataclass(frozen=True, slots=True)
class SymbolsReport:
    """A part of the symbols, in the order of their addresses."""

    total: Count
    """How many there are in all."""
    symbols: tuple[SymbolLine, ...]


@report("symbols")
def symbols(look: Look, query: SymbolsQuery) -> SymbolsReport:
    """The names of the program's addresses, in the order of these."""
    table = look.debugger.names.symbols
    skip, most = max(0, query.skip), max(0, min(query.most, MAX_PAGE))
    part = islice(table, skip, skip + most)
    return SymbolsReport(
        len(table), tuple(SymbolLine(s.name, s.address, s.kind, s.size) for s in part)
    )
