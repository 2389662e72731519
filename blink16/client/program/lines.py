"""Source lines, functions and scopes of a program, by linear address and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from blink16.client.program.types import possible
from blink16.reports.sources import (
    FunctionFacts,
    ScopeFacts,
    SourceUnit,
    UnitReport,
    VariableFacts,
)

NEAREST = 200
"""Lines that are looked at behind one without code for one that has some."""


@dataclass(frozen=True, slots=True)
class LineSpan:
    """The code of a source line, or a piece of it; linear addresses."""

    start: int
    stop: int
    """Behind its last byte."""
    file: str
    line: int

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.stop

    def is_same_line(self, other: LineSpan | None) -> bool:
        """Whether another span is of the same line."""
        return other is not None and (other.file, other.line) == (self.file, self.line)


@dataclass(frozen=True, slots=True)
class KnownFunction:
    """A function, and the unit that it belongs to."""

    facts: FunctionFacts
    unit: int

    @property
    def name(self) -> str:
        """As its programmer wrote it."""
        return self.facts.name

    @property
    def start(self) -> int:
        """The linear address of its first instruction."""
        return self.facts.scope.start

    @property
    def stop(self) -> int:
        """The linear address behind it."""
        return self.facts.scope.stop


class ProgramMap:
    """What debugging information says, made to be searched."""

    def __init__(self, units: Sequence[tuple[SourceUnit, UnitReport]] = ()) -> None:
        self.units = {known.number: known for known, _ in units}
        self.types = {
            known.number: {number: possible(one) for number, one in facts.types.items()}
            for known, facts in units
        }
        self.spans: list[LineSpan] = []
        """The pieces of code that lines are known of, in the order of their addresses."""
        self.functions: list[KnownFunction] = []
        self.globals: list[tuple[VariableFacts, int]] = []
        """Variables outside of functions, each with its unit."""
        self._folders: dict[str, list[str]] = {}
        for known, facts in units:
            self._take(known, facts)
        self.spans.sort(key=lambda span: span.start)
        self._starts = [span.start for span in self.spans]
        self.functions.sort(key=lambda function: function.start)
        self._function_starts = [function.start for function in self.functions]
        self._by_file: dict[str, list[LineSpan]] = {}
        for span in self.spans:
            self._by_file.setdefault(span.file, []).append(span)

    def _take(self, known: SourceUnit, facts: UnitReport) -> None:
        self.functions += [KnownFunction(one, known.number) for one in facts.functions]
        self.globals += [(variable, known.number) for variable in facts.variables]
        for name in facts.files:
            folders = self._folders.setdefault(name, [])
            if known.folder and known.folder not in folders:
                folders.append(known.folder)
        self.spans += _spans(known, facts)

    # -- lines -------------------------------------------------------------------------------

    @property
    def files(self) -> list[str]:
        """The source files that have code, as the tools named them."""
        return list(self._by_file)

    def folders_of(self, file: str) -> list[str]:
        """Return the folders in which a source file may be."""
        return self._folders.get(file, [])

    def line_at(self, address: int) -> LineSpan | None:
        """Return the piece of a line whose code is at an address."""
        at = bisect_right(self._starts, address)
        if at == 0:
            return None
        found = self.spans[at - 1]
        return found if address in found else None

    def around(self, address: int) -> tuple[int, int] | None:
        """Return the whole stretch of code about an address that is of one line."""
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address not in self.spans[at]:
            return None
        first = last = at
        here = self.spans[at]
        while first and self._continues(first - 1, first, here):
            first -= 1
        while last + 1 < len(self.spans) and self._continues(last, last + 1, here):
            last += 1
        return self.spans[first].start, self.spans[last].stop

    def _continues(self, one: int, other: int, here: LineSpan) -> bool:
        left, right = self.spans[one], self.spans[other]
        return left.stop == right.start and left.is_same_line(here) and right.is_same_line(here)

    def matching(self, path: str) -> list[str]:
        """Return the files of the program that a path of the host's means, by their names."""
        wanted = PureWindowsPath(path).name.lower()
        same = [name for name in self._by_file if PureWindowsPath(name).name.lower() == wanted]
        exact = [name for name in same if PurePosixPath(path) == PurePosixPath(name)]
        return exact or same

    def breakable(self, file: str, line: int) -> tuple[int, list[int]]:
        """Return the line at or behind one that has code, and where that begins; none if none.

        A function's code may be in several places; each is named once.
        """
        spans = self._by_file.get(file, [])
        numbers = sorted({span.line for span in spans if line <= span.line <= line + NEAREST})
        if not numbers:
            return line, []
        number = numbers[0]
        firsts: dict[int | None, int] = {}
        for span in spans:
            if span.line == number:
                function = self.function_at(span.start)
                firsts.setdefault(function.start if function else None, span.start)
        return number, [self.behind_prologue(address) for address in firsts.values()]

    def lines_of(self, file: str, first: int, last: int) -> list[int]:
        """Return the lines from one to another that have code."""
        return sorted({s.line for s in self._by_file.get(file, []) if first <= s.line <= last})

    # -- functions ---------------------------------------------------------------------------

    def function_at(self, address: int) -> KnownFunction | None:
        """Return the function that an address is in."""
        at = bisect_right(self._function_starts, address)
        found = self.functions[at - 1] if at else None
        return found if found is not None and address < found.stop else None

    def named(self, name: str) -> list[KnownFunction]:
        """Return the functions of a name; if none is written so, whatever the case."""
        exact = [one for one in self.functions if one.name == name]
        return exact or [one for one in self.functions if one.name.lower() == name.lower()]

    def behind_prologue(self, address: int) -> int:
        """Return where parameters can be seen, for an address that is a compiled function's first.

        That is its second line; what an assembler made has no prologue.
        """
        function = self.function_at(address)
        if function is None or function.start != address:
            return address
        if self.units[function.unit].language == "assembler":
            return address
        at = bisect_left(self._starts, address)
        for span in self.spans[at + 1 : at + 3]:
            if span.start < function.stop and span.start != address:
                return span.start
        return address

    def locals_at(self, address: int) -> tuple[KnownFunction | None, list[VariableFacts]]:
        """Return the function at an address and what can be named there, innermost first."""
        function = self.function_at(address)
        if function is None:
            return None, []
        found: dict[str, VariableFacts] = {}
        for scope in _scopes_at(function.facts.scope, address):
            for variable in scope.variables:
                found.setdefault(variable.name, variable)
        return function, list(found.values())


def _scopes_at(scope: ScopeFacts, address: int) -> Iterator[ScopeFacts]:
    """Yield scopes from the innermost out.

    Compilers begin the first one behind the prologue and end it before the epilogue; what is in it
    can be named there too, if it is the only one.
    """
    inner = [one for one in scope.scopes if one.start <= address < one.stop]
    if not inner and len(scope.scopes) == 1 and not scope.variables:
        inner = list(scope.scopes)
    for one in inner:
        yield from _scopes_at(one, address)
    yield scope


def _spans(known: SourceUnit, facts: UnitReport) -> Iterator[LineSpan]:
    """Yield the code of each entry: up to the next one, or to where the unit's code ends."""
    lines = facts.lines
    stops = sorted(stop for _, stop in known.spans)
    for at, (address, file, line) in enumerate(lines):
        behind = lines[at + 1][0] if at + 1 < len(lines) else address + 1
        limit = bisect_right(stops, address)
        if limit < len(stops):
            behind = min(behind, stops[limit]) if at + 1 < len(lines) else stops[limit]
        if behind > address and file < len(facts.files):
            yield LineSpan(address, behind, facts.files[file], line)
