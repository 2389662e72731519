"""Looking at a machine that stands: registers, memory, names, code, frames, screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from blink16.client import replies
from blink16.client.code import CodeLine, CodeReader, name_in, offset_in
from blink16.client.conditions import HALVES
from blink16.client.core import ClientCore
from blink16.client.errors import ProtocolError, UnsupportedError
from blink16.cpu.model import Model
from blink16.cpu.models import DEFAULT, MODELS
from blink16.memory import MAX_INSTRUCTION, MEMORY_SIZE, RAM_SIZE, linear
from blink16.packets import escape
from blink16.reports.frames import FrameLine, FramesQuery, FramesReport
from blink16.reports.screen import ScreenReport
from blink16.reports.state import REGISTER_NAMES, RegisterValues, StateReport
from blink16.reports.symbols import MAX_PAGE, SymbolLine, SymbolsQuery, SymbolsReport
from blink16.symbols import Symbol, SymbolTable
from blink16.words import numerals

Where = int | str | tuple[int, int]
"""A linear address; segment and offset; text: ``0x12345``, ``1000:0005``, ``main``, ``main+3``."""
BINARY_MEMORY = "binary-upload"
MAX_PIECE = 0x4000
"""Bytes of memory in one packet."""
MAX_SYMBOLS = 100_000
_FAR = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")


class Looking(ClientCore):
    """What can be seen of a machine; see `AsyncTarget`."""

    _symbols: SymbolTable | None = None
    _model: Model | None = None
    _last_state: StateReport | None = None
    """The one that was told last: who only watches would take another sample by asking anew."""
    _decoder: CodeReader | None = None

    # -- registers ---------------------------------------------------------------------------

    async def read_registers(self) -> RegisterValues:
        """Return all registers."""
        values = self._description.registers(await self._g())
        return replace(values, line_20=await self._line_20())

    async def _line_20(self) -> int:
        """Return whether address line 20 is open, as 1 or 0."""
        if not (await self._processor()).reaches_high:
            return 0
        known = self._last_state if self._only_watches else None
        return (known or await self.state()).registers.line_20

    async def _g(self) -> bytes:
        return replies.hex_data(await self._ask(b"g"), "reading registers")

    async def read_register(self, name: str) -> int:
        """Return a register of the 8086 by its name, like ``ax``, ``ah`` or ``flags``."""
        word, shift = HALVES.get(name, (name, 0))
        if word not in REGISTER_NAMES:
            raise ValueError(f"an 8086 has no register {name!r}")
        value = await self._register(word) & 0xFFFF
        return value >> shift & 0xFF if name in HALVES else value

    async def _register(self, name: str) -> int:
        number = self._description.place(name).number
        body = await self._ask(b"p%x" % number)
        if not body:  # a server without p
            return self._description.value(await self._g(), name)
        return int.from_bytes(replies.hex_data(body, f"reading {name}"), "little")

    async def write_register(self, name: str, value: int) -> None:
        """Set a register, by its name; of the value, the low bits count that fit.

        In the past of a blink16-server this drops the recorded future.
        """
        if name in HALVES:
            word, shift = HALVES[name]
            rest = await self.read_register(word) & ~(0xFF << shift)
            name, value = word, rest | (value & 0xFF) << shift
        if name not in REGISTER_NAMES:
            raise ValueError(f"an 8086 has no register {name!r}")
        place = self._description.place(name)
        data = (value & 0xFFFF).to_bytes(place.size, "little").hex().encode("ascii")
        replies.check_ok(await self._ask(b"P%x=%b" % (place.number, data)), f"writing {name}")

    async def icount(self) -> int:
        """Return how many instructions have retired since the machine started: its time axis."""
        if "icount" not in self._description.places:
            raise UnsupportedError("this server does not count instructions")
        return await self._register("icount")

    # -- memory ------------------------------------------------------------------------------

    async def read_memory(self, where: Where, length: int) -> bytes:
        """Return bytes from an address on."""
        (data,) = await self.read_memories([(where, length)])
        return data

    async def read_memories(self, stretches: Sequence[tuple[Where, int]]) -> list[bytes]:
        """Return the bytes of several stretches of memory, in one round trip."""
        wanted: list[list[tuple[int, int]]] = []
        for where, length in stretches:
            address = await self.address_of(where)
            if length < 0 or not await self._reaches(address + length):
                raise ValueError(f"{length} bytes at {address:#x} are not all within memory")
            wanted.append(self._pieces(address, length))
        binary = BINARY_MEMORY in self.features
        head = b"x" if binary else b"m"
        flat = [piece for pieces in wanted for piece in pieces]
        bodies = iter(await self._ask_all([head + b"%x,%x" % piece for piece in flat]))
        return [
            b"".join([await self._piece(next(bodies), *piece, binary=binary) for piece in pieces])
            for pieces in wanted
        ]

    def _pieces(self, address: int, length: int) -> list[tuple[int, int]]:
        most = min(MAX_PIECE, (self._packet_size - 8) // 2)
        ends = range(address, address + length, most)
        return [(at, min(most, address + length - at)) for at in ends]

    async def _piece(self, body: bytes, address: int, length: int, *, binary: bool) -> bytes:
        """Return the memory in an answer; ask for the rest if the server gave less."""
        what = f"reading memory at {address:#x}"
        data = replies.binary(body, what) if binary else replies.hex_data(body, what)
        if not 0 < len(data) <= length:
            raise ProtocolError(f"the server gave {len(data)} bytes of memory, not {length}")
        if len(data) < length:
            data += await self.read_memory(address + len(data), length - len(data))
        return data

    async def write_memory(self, where: Where, data: bytes) -> None:
        """Store bytes from an address on.  In the past this drops the recorded future."""
        address = await self.address_of(where)
        if not await self._reaches(address + len(data)):
            raise ValueError(f"{len(data)} bytes at {address:#x} reach beyond the end of memory")
        most = self._packet_size // 2 - 32
        for at in range(0, len(data), most):
            part = data[at : at + most]
            head = b"%x,%x:" % (address + at, len(part))
            body = b"X" + head + escape(part) if self.is_ours else b"M" + head + part.hex().encode()
            replies.check_ok(await self._ask(body), f"writing memory at {address + at:#x}")

    async def find(self, pattern: bytes, start: Where = 0, length: int | None = None) -> int | None:
        """Return the linear address at which bytes stand first, None if they don't."""
        address = await self.address_of(start)
        span = await self.memory_end() - address if length is None else length
        if not self.is_ours:
            found = (await self.read_memory(address, span)).find(pattern)
            return address + found if found >= 0 else None
        body = await self._ask(b"qSearch:memory:%x;%x;" % (address, span) + escape(pattern))
        if replies.check(body, "searching memory") == b"0":
            return None
        hit = body.removeprefix(b"1,")
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", hit):
            raise ProtocolError("the server's answer to a search is no address")
        return int(hit, 16)

    # -- names -------------------------------------------------------------------------------

    async def symbols(self) -> SymbolTable:
        """Return what the program's addresses are called, as read once (see `read_symbols`).

        It is empty if the server can't tell.
        """
        return await self.read_symbols() if self._symbols is None else self._symbols

    async def read_symbols(self) -> SymbolTable:
        """Read the names anew, where more have become known, and return them."""
        found: list[SymbolLine] = []
        while self.is_ours:
            page = await self.report(SymbolsReport, SymbolsQuery(len(found), MAX_PAGE))
            found += page.symbols
            if len(found) >= min(page.total, MAX_SYMBOLS) or not page.symbols:
                break
        self._symbols = SymbolTable(Symbol(s.name, s.address, s.kind, s.size) for s in found)
        return self._symbols

    async def load_symbols(self, options: str) -> str:
        """Have the server add names from a file in its folder: ``FILE [text=SEG] [data=SEG]``."""
        text = await self.monitor(f"symbols {options}")
        await self.read_symbols()
        return text.strip()

    async def address_of(self, where: Where) -> int:
        """Return the linear address that is meant; ValueError if there is no such place."""
        match where:
            case int():
                address = where
            case tuple():
                return linear(*where, await self._line_20())
            case _:
                address = await self._address_of_text(where.strip())
        if not address >= 0 or not await self._reaches(address + 1):
            raise ValueError(f"{address:#x} is outside of memory")
        return address

    async def memory_end(self) -> int:
        """Return where memory ends: at 1 MiB, or 64 KiB behind with a processor that goes on."""
        return RAM_SIZE if (await self._processor()).reaches_high else MEMORY_SIZE

    async def _reaches(self, end: int) -> bool:
        return end <= MEMORY_SIZE or end <= await self.memory_end()

    async def _address_of_text(self, text: str) -> int:
        far = _FAR.fullmatch(text)
        if far:
            return linear(int(far[1], 16), int(far[2], 16), await self._line_20())
        if _NUMBER.fullmatch(text):
            return numerals.literal(text, (1 << 40) - 1)
        table = await self.symbols()
        symbol = table.lookup(text)
        if symbol is not None:
            return symbol.address
        name, plus, distance = text.rpartition("+")
        symbol = table.lookup(name.strip())
        if plus and symbol is not None and _NUMBER.fullmatch(distance.strip()):
            return symbol.address + numerals.literal(distance.strip(), (1 << 40) - 1)
        raise ValueError(f"{text!r} is neither an address (0x12345, SEG:OFF) nor a symbol")

    async def name_of(self, address: int) -> str:
        """Return what a linear address is called, like ``main+3``, or nothing."""
        return name_in(await self.symbols(), address)

    # -- code --------------------------------------------------------------------------------

    async def disassemble(self, where: Where | None = None, count: int = 10) -> list[CodeLine]:
        """Return instructions from an address on, by default from the next one to be executed.

        Offsets are those in the code segment, if that reaches the address.
        """
        registers = await self.read_registers()
        cs, ip = registers.cs, registers.ip
        start, line_20 = registers.pc, registers.line_20
        if isinstance(where, tuple):
            cs, ip = where
            start = registers.linear(cs, ip)
        elif where is not None:
            start = await self.address_of(where)
            cs, ip = offset_in(cs, start, line_20)
            line_20 = int(start >= MEMORY_SIZE) or line_20
        code = await self.read_memory(
            start, min(count * MAX_INSTRUCTION, await self.memory_end() - start)
        )
        return (await self.decoder()).lines(cs, ip, code, count, line_20=line_20)

    async def disassemble_at(self, address: int, count: int) -> list[CodeLine]:
        """Return instructions from a linear address on, up to the end of memory."""
        if address < 0 or not await self._reaches(address + 1) or count <= 0:
            return []
        return await self.disassemble(address, count)

    async def decoder(self) -> CodeReader:
        """Return what reads instructions of this machine's processor in bytes that one has."""
        table, model = await self.symbols(), await self._processor()
        if self._decoder is None or self._decoder.symbols is not table:
            self._decoder = CodeReader(model, table)
        return self._decoder

    async def _processor(self) -> Model:
        """Return the model of the machine's processor; an 8086 if the server can't tell."""
        if self._model is None and self.is_ours:
            await self.state()
        return self._model or DEFAULT

    async def _code_line(self, cs: int, ip: int, code: bytes) -> CodeLine:
        return (await self.decoder()).line(cs, ip, code)

    # -- reports -----------------------------------------------------------------------------

    async def state(self) -> StateReport:
        """Return where the machine stands: registers, time, why, and who holds it."""
        return self._learned(await self.report(StateReport))

    async def reports(self, *shapes: type[Any]) -> list[Any]:
        """Ask for several reports that take no query, in one round trip.

        With `StateReport` as the first, the others are of the instant that it tells.
        """
        found = await super().reports(*shapes)
        for one in found:
            if isinstance(one, StateReport):
                self._learned(one)
        return found

    def _learned(self, state: StateReport) -> StateReport:
        self._last_state = state
        self._model = MODELS.get(state.processor, DEFAULT)
        return state

    async def frames(self, most: int = 64) -> tuple[FrameLine, ...]:
        """Return the functions that are being executed, innermost first."""
        return (await self.report(FramesReport, FramesQuery(most))).frames

    async def screen(self) -> ScreenReport:
        """Return what stands on the screen: ``.text``, ``.lines``, ``.png()``."""
        return await self.report(ScreenReport)
