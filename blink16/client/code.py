"""Instructions in bytes that one has: how they are written, and what their addresses are called."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.client.decoding import data_text, decoder_for
from blink16.cpu.disassembler import Syntax
from blink16.cpu.model import Model
from blink16.memory import MAX_INSTRUCTION, MEMORY_SIZE, linear
from blink16.symbols import SymbolTable

TOP_SEGMENT = 0xFFFF
"""It alone reaches all that is above 1 MiB."""
MAX_KNOWN = 20_000
"""Instructions that are remembered."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """An instruction in memory."""

    address: int
    """Linear."""
    cs: int
    ip: int
    code: bytes
    text: str
    """In Intel's syntax, unless AT&T's was asked for."""
    name: str
    """What its address is called (``main+3``), or empty."""

    @property
    def following(self) -> int:
        """The linear address behind it."""
        return self.address + len(self.code)

    def __str__(self) -> str:
        label = f" <{self.name}>" if self.name else ""
        return f"{self.cs:04X}:{self.ip:04X}{label}  {self.text}"


class CodeReader:
    """Reads instructions of one processor; asks nobody."""

    def __init__(self, model: Model, symbols: SymbolTable) -> None:
        self.symbols = symbols
        self._decoder = decoder_for(model)
        self._known: dict[tuple[int, int, bytes, Syntax, int], CodeLine] = {}

    def line(
        self, cs: int, ip: int, code: bytes, syntax: Syntax = Syntax.INTEL, line_20: int = 0
    ) -> CodeLine:
        """Return the instruction that bytes begin with; ``db`` if they are none.

        ``line_20``: 1 where addresses go on behind 1 MiB.
        """
        key = cs, ip, code[:MAX_INSTRUCTION], syntax, line_20
        found = self._known.get(key)
        if found is None:
            if len(self._known) > MAX_KNOWN:
                self._known.clear()
            found = self._known[key] = self._read(*key)
        return found

    def lines(
        self,
        cs: int,
        ip: int,
        data: bytes,
        count: int,
        syntax: Syntax = Syntax.INTEL,
        line_20: int = 0,
    ) -> list[CodeLine]:
        """Return up to ``count`` instructions, one behind the other."""
        lines: list[CodeLine] = []
        at = 0
        while len(lines) < count and at < len(data):
            code = data[at : at + MAX_INSTRUCTION]
            lines.append(self.line(cs, (ip + at) & 0xFFFF, code, syntax, line_20))
            at += len(lines[-1].code)
        return lines

    def data(self, address: int, data: bytes) -> list[CodeLine]:
        """Return bytes as what they are where they are no instructions."""
        return [
            CodeLine(at, at >> 4, at & 0xF, data[at - address : at - address + 1],
                     data_text(byte), name_in(self.symbols, at))
            for at, byte in enumerate(data, address)
        ]  # fmt: skip

    def _read(self, cs: int, ip: int, code: bytes, syntax: Syntax, line_20: int) -> CodeLine:
        text, length = self._decoder.decode(code, ip, syntax)
        address = linear(cs, ip, line_20)
        return CodeLine(address, cs, ip, code[:length], text, name_in(self.symbols, address))


def offset_in(segment: int, address: int, line_20: int = 0) -> tuple[int, int]:
    """Return a segment and an offset for a linear address: in that segment, if it reaches it."""
    offset = address - (segment << 4)
    if offset < 0 and not line_20:
        offset += MEMORY_SIZE
    if 0 <= offset <= 0xFFFF and segment <= TOP_SEGMENT:
        return segment, offset
    top = min(address >> 4, TOP_SEGMENT)
    return top, address - (top << 4)


def name_in(symbols: SymbolTable, address: int) -> str:
    """Return what a linear address is called, like ``main+3``, or nothing."""
    found = symbols.find(address)
    if found is None or (found[0].size and found[1] >= found[0].size):
        return ""
    return f"{found[0].name}+{found[1]}" if found[1] else found[0].name
