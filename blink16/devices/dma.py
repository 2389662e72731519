"""The 8237A DMA controller at ports 00h to 0Fh, and the page registers at 80h to 8Fh.

An XT's channel 0 refreshes memory, a byte each 15 microseconds; channel 2 is the floppy's and
channel 3 an XT hard disk's, which ask for whole transfers (`Dma.put`, `Dma.take`).  An AT's second
controller at C0h to DFh joins the first as its channel 4, and nothing here uses it: programs read
back what they wrote.  What a program requests itself moves at once: in the block mode, from and to
where no device answers, or from memory to memory.  Source: Intel 8237A data sheet; IBM PC/XT and
AT Technical References.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.oscillator import Oscillator
from blink16.memory import OPEN_BUS, PAGE_SHIFT, PAGE_SIZE, RAM_SIZE, PageState
from blink16.services import Guest

REGISTERS = 16
CHANNELS = 4
PAGE_PORTS = range(0x80, 0x90)
PAGE_OF_CHANNEL = (7, 3, 1, 2)
"""The page register of each channel, by its offset from port 80h."""
ALL_MASKED = 0x0F
MASK_BIT, CHANNEL_BITS = 0x04, 0x03
DISABLED, MEMORY_TO_MEMORY, HOLD_SOURCE = 0x04, 0x01, 0x02
"""In the command: the controller does nothing; channel 1 takes channel 0's bytes, all from one
address."""
REQUEST_BIT, BLOCK, MODE_TYPE = 0x04, 0x80, 0xC0
SOURCE, TARGET = 0, 1
"""The channels of a move from memory to memory."""
MODE_AUTOINIT, MODE_DOWN, MODE_KIND = 0x10, 0x20, 0x0C
TO_MEMORY, FROM_MEMORY = 0x04, 0x08
REFRESH = 0
REFRESH_HZ = 66_288
FIRST, SECOND = "dma", "dma2"
SECOND_BASE, SECOND_STRIDE = 0xC0, 2
WRAP = 0x10000
XT_PAGE_LINES, ALL_PAGE_LINES = 0x0F, 0xFF
"""The bits of page registers that are wired: an XT's, and those of a board with 24 lines."""


class DmaRegister(IntEnum):
    """The chip's registers behind addresses and counts."""

    STATUS = 8  # written: command
    REQUEST = 9
    MASK_ONE = 10
    MODE = 11
    CLEAR_FLIP_FLOP = 12
    TEMPORARY = 13  # written: master clear
    CLEAR_MASK = 14
    MASK_ALL = 15


class DmaState(NamedTuple):
    """The registers.  Addresses and counts alternate, channel 0's first."""

    base: tuple[int, ...] = (0,) * 2 * CHANNELS
    current: tuple[int, ...] = (0,) * 2 * CHANNELS
    high: bool = False
    """The flip-flop: whether the next byte is the high one."""
    mask: int = ALL_MASKED
    command: int = 0
    modes: tuple[int, ...] = (0,) * CHANNELS
    reached: int = 0
    """Channels that have reached their count since the status was read."""
    refreshes: int = 0
    """Refresh cycles since the beginning of time of which channel 0 has counted."""
    requests: int = 0
    """Channels that a program has requested, and that have not come to their end."""
    temporary: int = 0
    """The last byte that went from memory to memory."""
    pages: bytes = bytes(len(PAGE_PORTS))


class Sweep(NamedTuple):
    """Where a channel goes: through a bank of 64 KiB, at whose end it begins anew."""

    bank: int
    """The linear address at which that begins."""
    first: int
    """The offset of the first byte."""
    step: int
    """1 up, -1 down, 0 where it stays."""
    size: int

    def pieces(self) -> Iterator[Sweep]:
        """Yield its parts, each within a page of memory."""
        first, left = self.first, self.size
        while left:
            up, down = PAGE_SIZE - first % PAGE_SIZE, first % PAGE_SIZE + 1
            size = min(left, left if not self.step else up if self.step > 0 else down)
            yield Sweep(self.bank, first, self.step, size)
            first, left = (first + self.step * size) % WRAP, left - size

    @property
    def lowest(self) -> int:
        """The lowest linear address of a piece."""
        return self.bank | (self.first if self.step >= 0 else self.first - self.size + 1)


class Dma:
    """An 8237A (`services.Component`)."""

    def __init__(
        self, guest: Guest, bus: Bus, base: int = 0, stride: int = 1, *, refreshes: bool = False
    ) -> None:
        """Attach the chip at ``base``, with a register each ``stride`` ports.

        ``refreshes``: whether its channel 0 refreshes memory.
        """
        self._guest = guest
        self._base, self._stride, self._refreshes = base, stride, refreshes
        self._cycles = guest.registers.counts[1]
        self._ratio = Oscillator(REFRESH_HZ, guest.clock_hz).ratio
        first = cells.DMA_SIZE if base else 0
        self._cells = cells.DMAS.view(guest.registers.state)[first : first + cells.DMA_SIZE]
        self.state = DmaState()
        ports = range(base, base + REGISTERS * stride)
        bus.attach(ports, self._read, self._write, what="8237A, DMA controller")
        if not base:
            bus.attach(
                PAGE_PORTS,
                self._read_page,
                self._write_page,
                what="DMA page registers",
            )

    @property
    def state(self) -> DmaState:
        """The registers."""
        c = tuple(self._cells)
        base, current, modes = c[_BASE:_CURRENT], c[_CURRENT:_HIGH], c[_MODES:_REACHED]
        high, mask, command = bool(c[_HIGH]), c[_MASK], c[_COMMAND]
        reached, refreshes, requests, temporary = c[_REACHED:_PAGES]
        return DmaState(
            *(base, current, high, mask, command, modes),
            *(reached, refreshes, requests, temporary, bytes(c[_PAGES:])),
        )

    @state.setter
    def state(self, state: DmaState) -> None:
        base, current, high, mask, command, modes, *counts, pages = state
        numbers = (*base, *current, high, mask, command, *modes, *counts, *pages)
        self._cells[:] = array("q", numbers)

    def save(self) -> DmaState:
        """Return the state."""
        return self.state

    def restore(self, state: DmaState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- transfers ---------------------------------------------------------------------------

    def room(self, channel: int) -> int:
        """Return how many bytes a channel will move before its count is reached; 0: it is off."""
        c = self._cells
        if c[_MASK] >> channel & 1 or c[_COMMAND] & DISABLED:
            return 0
        return self._left(channel)

    def _left(self, channel: int) -> int:
        count: int = self._cells[_CURRENT + 2 * channel + 1]
        return count + 1

    def put(self, channel: int, data: bytes) -> int:
        """Move bytes from a device to memory, as far as the channel goes; return how many.

        A channel set up the other way, or to verify, counts and moves nothing.
        """
        way = self._move(channel, min(len(data), self.room(channel)))
        self._deliver(channel, way, data)
        return way.size

    def _deliver(self, channel: int, way: Sweep, data: bytes) -> None:
        if self._cells[_MODES + channel] & MODE_KIND == TO_MEMORY:
            at = 0
            for piece in way.pieces():
                self._store(piece, data[at : at + piece.size])
                at += piece.size

    def take(self, channel: int, size: int) -> bytes:
        """Move at most ``size`` bytes from memory to a device."""
        way = self._move(channel, min(size, self.room(channel)))
        if self._cells[_MODES + channel] & MODE_KIND != FROM_MEMORY:
            return OPEN_BUS * way.size
        return b"".join(map(self._load, way.pieces()))

    def has_ended(self, channel: int) -> bool:
        """Return whether a channel has reached its count since the status was read."""
        return bool(self._cells[_REACHED] >> channel & 1)

    def _move(self, channel: int, size: int, page_of: int | None = None) -> Sweep:
        """Count a channel on; return the way that it went.

        ``page_of``: whose page register counts, by default its own.
        """
        c = self._cells
        lines = ALL_PAGE_LINES if self._guest.has_a20 else XT_PAGE_LINES
        register = PAGE_OF_CHANNEL[channel if page_of is None else page_of]
        page = (c[_PAGES + register] & lines) << 16
        step = -1 if c[_MODES + channel] & MODE_DOWN else 1
        first, count = c[_CURRENT + 2 * channel : _CURRENT + 2 * channel + 2]
        if size:
            self._count(channel, (first + step * size) % WRAP, count - size)
        return Sweep(page, first, step, size)

    def _count(self, channel: int, address: int, count: int) -> None:
        """Set a channel's current registers; a count below zero is its end."""
        c, at = self._cells, 2 * channel
        if count < 0:
            bit = 1 << channel
            c[_REACHED] |= bit
            if c[_MODES + channel] & MODE_AUTOINIT:
                address, count = c[_BASE + at : _BASE + at + 2]
            else:
                count %= WRAP
                c[_MASK] |= bit
        c[_CURRENT + at], c[_CURRENT + at + 1] = address, count

    def _load(self, piece: Sweep) -> bytes:
        """Return the bytes of a piece of a way, in its order."""
        length = piece.size if piece.step else 1
        if piece.lowest >= RAM_SIZE:
            return OPEN_BUS * piece.size
        data = self._guest.memory.load(piece.lowest, length)
        return data[::-1] if piece.step < 0 else data * (piece.size // length)

    def _store(self, piece: Sweep, data: bytes) -> None:
        """Store bytes along a piece of a way, where there is RAM."""
        memory, lowest = self._guest.memory, piece.lowest
        if lowest < RAM_SIZE and not memory.pages[lowest >> PAGE_SHIFT] & PageState.ROM:
            memory.store(lowest, data[::-1] if piece.step < 0 else data)

    def _serve_requests(self) -> None:
        """Do what a program has requested: whole blocks, as no device sets their pace."""
        c = self._cells
        for channel in range(CHANNELS):
            if c[_COMMAND] & DISABLED or not c[_REQUESTS] >> channel & 1:
                continue
            if c[_MODES + channel] & MODE_TYPE == BLOCK:
                if channel == SOURCE and c[_COMMAND] & MEMORY_TO_MEMORY:
                    self._copy()
                else:
                    way = self._move(channel, self._left(channel))
                    self._deliver(channel, way, OPEN_BUS * way.size)
                c[_REQUESTS] &= ~(1 << channel)

    def _copy(self) -> None:
        """Move from memory to memory, byte by byte; without DACK both have channel 1's page."""
        c, size = self._cells, self._left(TARGET)
        if c[_COMMAND] & HOLD_SOURCE:
            current = array("q", c[_CURRENT:_HIGH])
            sources = [self._move(SOURCE, 1, TARGET)._replace(step=0, size=size)]
            c[_CURRENT:_HIGH] = current
        else:
            sources = self._rounds(size)
        target = self._move(TARGET, size)
        for piece in (piece for way in dict.fromkeys(sources) for piece in way.pieces()):
            self._load(piece)  # somebody may watch that
        content, is_ram = self._bank(target.bank)
        byte, write = 0, target.first
        for source in sources:
            read = source.first
            for _ in range(source.size):
                byte = content[read]
                if is_ram[write >> PAGE_SHIFT]:
                    content[write] = byte
                read, write = (read + source.step) % WRAP, (write + target.step) % WRAP
        for piece in target.pieces():
            at = piece.lowest - target.bank
            self._store(piece, bytes(content[at : at + piece.size])[:: target.step])
        c[_TEMPORARY] = byte

    def _rounds(self, size: int) -> list[Sweep]:
        """Count the source on, which may reach its count and begin anew; return its ways."""
        ways = [self._move(SOURCE, min(size, self._left(SOURCE)), TARGET)]
        whole, rest = divmod(size - ways[0].size, self._left(SOURCE))
        if whole:  # each is like the first of them
            ways += [self._move(SOURCE, self._left(SOURCE), TARGET)] * whole
        return [*ways, self._move(SOURCE, rest, TARGET)] if rest else ways

    def _bank(self, start: int) -> tuple[bytearray, list[bool]]:
        """Return what 64 KiB hold, and which of their pages are RAM."""
        if start >= RAM_SIZE:
            return bytearray(OPEN_BUS * WRAP), [False] * (WRAP >> PAGE_SHIFT)
        memory, first = self._guest.memory, start >> PAGE_SHIFT
        states = memory.pages[first : first + (WRAP >> PAGE_SHIFT)]
        content = bytearray(memory.whole[start : start + WRAP])
        return content, [not state & PageState.ROM for state in states]

    def _refresh(self) -> None:
        """Let channel 0 do what it has done since somebody looked."""
        if not self._refreshes:
            return
        c, (hz, clock_hz) = self._cells, self._ratio
        now = self._cycles[0] * hz // clock_hz
        passed = now - c[_REFRESHES]
        if not passed:
            return
        c[_REFRESHES], left = now, self.room(REFRESH)
        if passed < left:
            address, count = c[_CURRENT : _CURRENT + 2]
            c[_CURRENT], c[_CURRENT + 1] = (address + passed) % WRAP, count - passed
            return
        if not left:
            return
        if c[_MODES + REFRESH] & MODE_AUTOINIT:
            passed = (passed - left) % (c[_BASE + 1] + 1)
            self._count(REFRESH, c[_BASE], -1)
            if not passed:
                return
        passed = min(passed, self.room(REFRESH))
        address, count = c[_CURRENT : _CURRENT + 2]
        self._count(REFRESH, (address + passed) % WRAP, count - passed)

    # -- ports -------------------------------------------------------------------------------

    def _read(self, port: int) -> int:
        register = (port - self._base) // self._stride
        if register in _OF_REFRESH:
            self._refresh()
        c = self._cells
        if register < _STATUS:
            high, word = c[_HIGH], c[_CURRENT + register]
            c[_HIGH] = high ^ 1
            return word >> 8 if high else word & 0xFF
        if register == _STATUS:
            reached, c[_REACHED] = c[_REACHED], 0
            return reached | c[_REQUESTS] << 4
        if register == DmaRegister.TEMPORARY:
            return c[_TEMPORARY]
        return c[_MASK] | 0xF0 if register == DmaRegister.MASK_ALL else 0

    def _write(self, port: int, value: int) -> None:
        register = (port - self._base) // self._stride
        if register < _STATUS:
            if register in _OF_REFRESH:
                self._refresh()
            self._write_word(register, value)
        elif register == _CLEAR_FLIP_FLOP:
            self._cells[_HIGH] = 0
        elif register == _MODE:
            self._set_mode(value & CHANNEL_BITS, value)
        elif register == _MASK_ONE:
            self._set_mask(value & CHANNEL_BITS, bool(value & MASK_BIT))
        else:
            self._refresh()
            self._command(register, value)

    def _write_word(self, register: int, value: int) -> None:
        c = self._cells
        old, high = c[_BASE + register], c[_HIGH]
        word = value << 8 | old & 0xFF if high else old & 0xFF00 | value
        c[_BASE + register] = c[_CURRENT + register] = word
        c[_HIGH] = high ^ 1

    def _set_mode(self, channel: int, value: int) -> None:
        if channel == REFRESH:
            self._refresh()
        self._cells[_MODES + channel] = value
        if self._cells[_REQUESTS]:
            self._serve_requests()

    def _set_mask(self, channel: int, masked: bool) -> None:
        if channel == REFRESH:
            self._refresh()
        c = self._cells
        c[_MASK] = c[_MASK] & ~(1 << channel) | masked << channel
        if c[_REQUESTS]:
            self._serve_requests()

    def _command(self, register: int, value: int) -> None:
        c = self._cells
        if register == _STATUS:
            c[_COMMAND] = value
        elif register == _CLEAR_MASK:
            c[_MASK] = 0
        elif register == _MASK_ALL:
            c[_MASK] = value & ALL_MASKED
        elif register == _REQUEST:
            channel = value & CHANNEL_BITS
            c[_REQUESTS] = c[_REQUESTS] & ~(1 << channel) | bool(value & REQUEST_BIT) << channel
        else:  # master clear
            c[_MASK] = ALL_MASKED
            for cell in (_COMMAND, _HIGH, _REACHED, _REQUESTS, _TEMPORARY):
                c[cell] = 0
        if c[_REQUESTS]:
            self._serve_requests()

    def _read_page(self, port: int) -> int:
        return self._cells[_PAGES + port - PAGE_PORTS.start]

    def _write_page(self, port: int, value: int) -> None:
        self._cells[_PAGES + port - PAGE_PORTS.start] = value


_STATUS, _MODE, _MASK_ONE, _CLEAR_FLIP_FLOP, _CLEAR_MASK, _MASK_ALL, _REQUEST = map(
    int,
    (
        *(DmaRegister.STATUS, DmaRegister.MODE, DmaRegister.MASK_ONE, DmaRegister.CLEAR_FLIP_FLOP),
        *(DmaRegister.CLEAR_MASK, DmaRegister.MASK_ALL, DmaRegister.REQUEST),
    ),
)
_BASE, _CURRENT, _HIGH, _MASK, _COMMAND, _MODES, _REACHED, _REFRESHES, _REQUESTS, _TEMPORARY = (
    *(0, 2 * CHANNELS, 4 * CHANNELS),
    *range(4 * CHANNELS + 1, 4 * CHANNELS + 4),
    *range(5 * CHANNELS + 3, 5 * CHANNELS + 7),
)
_PAGES = _TEMPORARY + 1
"""Where the fields of `DmaState` begin (`cells.DMAS`)."""
assert _PAGES + len(PAGE_PORTS) == cells.DMA_SIZE
_OF_REFRESH = {2 * REFRESH, 2 * REFRESH + 1, _STATUS, int(DmaRegister.MASK_ALL)}
"""The registers in which one can read how far channel 0 has come."""
