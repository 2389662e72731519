"""The 8237A DMA controller's registers at ports 00h to 0Fh, and the page registers at 80h to 8Fh.

Nothing here transfers: disks are BIOS services.  Programs read back what they wrote.
Source: Intel 8237A data sheet; IBM PC/XT Technical Reference.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus

CHANNEL_PORTS = range(8)  # address and count of channel 0, of channel 1, …
PAGE_PORTS = range(0x80, 0x90)
ALL_MASKED = 0x0F
SOFTWARE_MASK, SOFTWARE_CHANNEL = 0x04, 0x03


class Port(IntEnum):
    """The chip's other ports."""

    STATUS = 8  # written: command
    REQUEST = 9
    MASK_ONE = 10
    MODE = 11
    CLEAR_FLIP_FLOP = 12
    TEMPORARY = 13  # written: master clear
    CLEAR_MASK = 14
    MASK_ALL = 15


class DmaState(NamedTuple):
    """The registers."""

    words: tuple[int, ...] = (0,) * len(CHANNEL_PORTS)
    """Addresses and counts, in the order of their ports."""
    high: bool = False
    """The flip-flop: whether the next byte is the high one."""
    mask: int = ALL_MASKED
    command: int = 0
    modes: tuple[int, ...] = (0,) * 4
    pages: bytes = bytes(len(PAGE_PORTS))


class Dma:
    """An 8237A (`services.Component`)."""

    COMPONENT = "dma"

    def __init__(self, bus: Bus) -> None:
        self.state = DmaState()
        bus.attach(CHANNEL_PORTS, self._read_word, self._write_word)
        bus.attach(map(int, Port), self._read, self._write, quiet=True)
        bus.attach(PAGE_PORTS, self._read_page, self._write_page)

    def save(self) -> DmaState:
        """Return the state."""
        return self.state

    def restore(self, state: DmaState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def _read_word(self, port: int) -> int:
        s = self.state
        self.state = s._replace(high=not s.high)
        return s.words[port] >> 8 if s.high else s.words[port] & 0xFF

    def _write_word(self, port: int, value: int) -> None:
        s = self.state
        old = s.words[port]
        word = value << 8 | old & 0xFF if s.high else old & 0xFF00 | value
        words = (*s.words[:port], word, *s.words[port + 1 :])
        self.state = s._replace(words=words, high=not s.high)

    def _read(self, port: int) -> int:
        return self.state.mask | 0xF0 if port == Port.MASK_ALL else 0

    def _write(self, port: int, value: int) -> None:
        s = self.state
        channel = value & SOFTWARE_CHANNEL
        match Port(port):
            case Port.STATUS:
                self.state = s._replace(command=value)
            case Port.MASK_ONE:
                rest, bit = s.mask & ~(1 << channel), bool(value & SOFTWARE_MASK) << channel
                self.state = s._replace(mask=rest | bit)
            case Port.MODE:
                modes = (*s.modes[:channel], value, *s.modes[channel + 1 :])
                self.state = s._replace(modes=modes)
            case Port.CLEAR_FLIP_FLOP:
                self.state = s._replace(high=False)
            case Port.TEMPORARY:
                self.state = s._replace(command=0, high=False, mask=ALL_MASKED)
            case Port.CLEAR_MASK:
                self.state = s._replace(mask=0)
            case Port.MASK_ALL:
                self.state = s._replace(mask=value & ALL_MASKED)
            case Port.REQUEST:
                pass

    def _read_page(self, port: int) -> int:
        return self.state.pages[port - PAGE_PORTS.start]

    def _write_page(self, port: int, value: int) -> None:
        pages = bytearray(self.state.pages)
        pages[port - PAGE_PORTS.start] = value
        self.state = self.state._replace(pages=bytes(pages))
