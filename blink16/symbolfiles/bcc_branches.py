"""The lines of a C function's jumps in bcc's listing.

bcc has read the token behind a statement before it writes the statement's last code: what ends a
loop stands behind the source line that follows the loop, the jump over an ``else`` behind the
``else``.  Taken as it stands, a step would show lines that are not executed, and a breakpoint
behind a loop would be hit within it.  So jumps tell what belongs where: to the line of the loop's
head go its opening jump, and its condition and increment at its end.

bcc numbers labels by construct (captured from bcc 0.16.21): a loop or switch begins with a jump to
label N, its condition, right before N + 1, its body; N - 1 or N - 2 is behind its end, and N - 1
before N is where ``continue`` leads.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import takewhile

MOST = 0x8000
"""Instructions, and heads of loops, of a function that is looked at: more don't fit a segment."""
_JUMP = re.compile(r"(?:jmp|br)\s+\.([0-9A-F]{1,6})")
_HEAD = re.compile(r"\b(?:for|while|switch)\b")
_NO_CODE = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|/\*.*?(?:\*/|$)")
"""Strings, characters and comments within a line."""


@dataclass(frozen=True, slots=True)
class _Code:
    """An instruction: where it is, the target if it is a jump, and the line above it."""

    offset: int
    target: int | None
    line: int
    fresh: int | None
    """The first of the source's lines between the instruction before and this one."""


@dataclass(slots=True)
class Branches:
    """What one function's listing says of jumps, told row by row."""

    _codes: list[_Code] = field(default_factory=list)
    _labels: dict[int, int] = field(default_factory=dict)
    """The instruction, by its number in order, that stands behind a label."""
    _bodies: set[int] = field(default_factory=set)
    """Labels that stand right behind an instruction, in the same statement."""
    _heads: list[int] = field(default_factory=list)
    """Lines with the first word of a loop or a switch that is not known yet, once for each."""
    _fresh: int | None = None
    _ended: bool = False

    def source(self, number: int, text: str) -> None:
        """Meet a line of the source."""
        self._heads += [number] * len(_HEAD.findall(_NO_CODE.sub(" ", text)))
        self._fresh = number if self._fresh is None else self._fresh

    def statement_end(self) -> None:
        """Meet the end of a statement."""
        self._ended = True

    def label(self, number: int) -> None:
        """Meet one of the compiler's labels."""
        self._labels[number] = len(self._codes)
        if not self._ended:
            self._bodies.add(number)

    def code(self, offset: int, text: str, line: int) -> None:
        """Meet an instruction, below a line of the source."""
        jump = _JUMP.fullmatch(text)
        target = int(jump[1], 16) if jump else None
        self._codes.append(_Code(offset, target, line, self._fresh))
        self._fresh = None
        self._ended = False

    def lines(self) -> dict[int, int]:
        """Return the lines of instructions that don't belong to the one above them, by offset."""
        found: dict[int, int] = {}
        if max(len(self._codes), len(self._heads)) > MOST:
            return found
        self._heads.sort()
        bodies = {(self._labels[label], label) for label in self._bodies}
        behind = {place for place, _ in bodies}
        read = list[int | None]()  # the first line behind the code before, what is moved left out
        for here, code in enumerate(self._codes):
            goes_on = here and read[-1] is not None and self._codes[here - 1].offset in found
            read.append(read[-1] if goes_on else code.fresh)
            goal = None if code.target is None else self._labels.get(code.target)
            if code.target is None or goal is None or code.offset in found:
                continue
            span, opening = range(0), here
            if goal <= here:  # for (;;) and while (1) end so
                opening = goal
            elif (here + 1, code.target + 1) in bodies:
                span = self._end_of(here, code.target)
            elif here + 1 in behind and here:  # over an else, or a switch's table
                above = self._codes[here - 1]
                found[code.offset] = found.get(above.offset, above.line)
                continue
            else:
                continue
            if (head := self._head(opening, read[opening])) is not None:
                found[code.offset] = head
                for end in takewhile(lambda end: end not in found, map(self._offset, span)):
                    found[end] = head
        return found

    def _offset(self, place: int) -> int:
        return self._codes[place].offset

    def _end_of(self, opening: int, condition: int) -> range:
        """Return the instructions from a loop's increment or condition to what is behind it."""
        start = self._labels[condition]
        before = [self._labels.get(condition - 1, 0), self._labels.get(condition - 2, 0)]
        stop = next((place for place in before if place > start), start)
        return range(before[0] if opening < before[0] < start else start, stop)

    def _head(self, opening: int, read: int | None) -> int | None:
        """Take the line of a head: the first read since the code before, else the last before."""
        line = self._codes[opening].line
        place = len(self._heads) if read is None else bisect_left(self._heads, read)
        if self._heads[place : place + 1] > [line] or place == len(self._heads):
            place = bisect_right(self._heads, line) - 1
        return self._heads.pop(place) if place >= 0 else None
