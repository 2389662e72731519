"""Names for addresses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

REACH = 0x10000
"""Bytes behind its address that a name can be about: code and data lie within a segment."""


class SymbolKind(Enum):
    """What a symbol names."""

    CODE = "code"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name for a linear address."""

    name: str
    address: int
    kind: SymbolKind
    size: int = 0
    """Bytes; 0 if that is not known, and then up to the next symbol."""


class SymbolTable:
    """Symbols in the order of their addresses; it never changes."""

    def __init__(self, symbols: Iterable[Symbol] = ()) -> None:
        """Keep the symbols; of several with one name, `lookup` finds the lowest."""
        self._symbols = tuple(sorted(symbols, key=lambda symbol: (symbol.address, symbol.name)))
        self._addresses = [symbol.address for symbol in self._symbols]
        self._by_name = {symbol.name: symbol for symbol in reversed(self._symbols)}

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)

    def find(self, address: int) -> tuple[Symbol, int] | None:
        """Return the last symbol at or before a linear address, and the bytes from it.

        None if there is none within a segment's reach: the BIOS is no part of a program's last
        function.
        """
        at = bisect_right(self._addresses, address)
        if at == 0 or address - self._addresses[at - 1] >= REACH:
            return None
        # of several names for one address, the first is meant
        symbol = self._symbols[bisect_left(self._addresses, self._addresses[at - 1])]
        return symbol, address - symbol.address

    def lookup(self, name: str) -> Symbol | None:
        """Return the symbol of a name."""
        return self._by_name.get(name)
