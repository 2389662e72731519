"""A place in code, and the instructions around it, as far as a panel has room for them."""

from __future__ import annotations

from typing import NamedTuple, Self

from blink16.client import CodeLine, CodeReader, Syntax, offset_in
from blink16.memory import MAX_INSTRUCTION
from blink16.reports.state import RegisterValues
from blink16.symbols import SymbolTable

FUNCTION_REACH = 400
"""Bytes back within which a function's start tells where instructions begin."""
MAX_RETRY = 24
"""Bytes back from which instructions are tried where there are no names."""
BYTES_A_ROW = 8
"""At most, on average."""
MAX_OFFSET = 0xFFFF


class CodePlace(NamedTuple):
    """An instruction, and how addresses go on around it."""

    cs: int
    ip: int
    address: int
    """Linear."""
    start: int
    """The linear address of its segment."""
    line_20: int

    @classmethod
    def at(cls, registers: RegisterValues, address: int | None = None) -> Self:
        """Return the place of CS:IP; or of a linear address, in the code segment if it is there,
        and else in that of 64 KiB which it would be in by its first digit.
        """
        cs, ip, line_20 = registers.cs, registers.ip, registers.line_20
        if address is None:
            address = registers.pc
        else:
            in_cs = 0 <= address - registers.linear(cs, 0) <= MAX_OFFSET
            cs, ip = offset_in(cs if in_cs else address >> 16 << 12, address, line_20)
        return cls(cs, ip, address, registers.linear(cs, 0), line_20)

    def span(self, symbols: SymbolTable, rows: int, end: int) -> tuple[int, int]:
        """Return the memory in which the instructions around it lie: address and bytes."""
        here = self.address
        start = max(here - MAX_RETRY, self.start, 0)
        found = symbols.find(here)
        if found is not None and found[1] < FUNCTION_REACH:
            start = found[0].address
            if found[1] <= rows:
                before = symbols.find(max(start - 1, 0))
                start = before[0].address if before and before[1] < FUNCTION_REACH else start
        start = start if self.start <= start <= here else here
        return start, min(here - start + rows * BYTES_A_ROW, end - start)

    def lines(
        self,
        decoder: CodeReader,
        start: int,
        data: bytes,
        rows: int,
        syntax: Syntax,
        certain: int | None,
    ) -> tuple[CodeLine, ...]:
        """Return the instructions around it, of memory from ``start`` on.

        ``certain``: where an instruction is known to begin, if that is near before it.
        """
        if certain is None or not 0 < self.address - certain < MAX_RETRY:
            certain = None
        above = self._above(decoder, start, data, syntax, certain)
        here = data[self.address - start :]
        below = decoder.lines(self.cs, self.ip, here, rows, syntax, self.line_20)
        return (*above[-(rows // 3) :], *below)[:rows]

    def _above(
        self, decoder: CodeReader, start: int, data: bytes, syntax: Syntax, certain: int | None
    ) -> list[CodeLine]:
        """Return instructions that lead to it, from as far before it as there are."""
        distance, found = self.address - start, list[CodeLine]()
        tries = range(min(distance, max(distance - MAX_RETRY, 1)))
        if certain is not None or not tries:
            tries = range(distance)
        for first in tries:
            lines = decoder.lines(
                self.cs,
                (self.ip - distance + first) & 0xFFFF,
                data[first:distance] + data[distance : distance + MAX_INSTRUCTION],
                distance - first,
                syntax,
                self.line_20,
            )
            ends = [line.following for line in lines]
            if self.address in ends:
                lines = lines[: ends.index(self.address) + 1]
                if certain is None or any(line.address == certain for line in lines):
                    return lines
                found = found or lines
        return found
