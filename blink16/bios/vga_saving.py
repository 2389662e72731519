"""INT 10h/1Ch: a VGA's registers, the BIOS' data and the colors, saved where a program wants.

How they lie there is ours: programs keep the bytes, and do not read them.
Source: IBM PS/2 and PC BIOS Interface Technical Reference, INT 10h/1Ch.
"""

from __future__ import annotations

from blink16.bus import Bus
from blink16.devices.vga import (
    ATTRIBUTE,
    ATTRIBUTE_SIZE,
    CRTC_SIZE,
    DAC_DATA,
    DAC_MASK,
    DAC_READ,
    DAC_SIZE,
    DAC_WRITE,
    GRAPHICS,
    GRAPHICS_SIZE,
    MISC,
    MISC_READ,
    PALETTE_ENABLED,
    SEQUENCER,
    SEQUENCER_SIZE,
    STATUS_OFFSET,
)
from blink16.memory import Memory

REGISTERS, DATA, COLORS = 1, 2, 4
ALL_STATES = REGISTERS | DATA | COLORS
BLOCK = 64
UNPROTECTED = 0x7F
AREAS = ((0x449, 30), (0x484, 7), (0x4A8, 4), (0x1D * 4, 4), (0x1F * 4, 4), (0x43 * 4, 4))
"""The BIOS' data about the screen, and vectors that point at its tables: addresses and sizes."""
INDEXED = ((SEQUENCER, SEQUENCER_SIZE), (GRAPHICS, GRAPHICS_SIZE))


class VgaSaving:
    """What is saved, part by part."""

    def __init__(self, memory: Memory, bus: Bus, crtc: int) -> None:
        """``crtc``: the CRT controller's base port."""
        self._memory = memory
        self._bus = bus
        self._crtc = crtc

    def size(self, what: int) -> int:
        """Return the bytes that it takes."""
        registers = 1 + sum(size for _, size in INDEXED) + CRTC_SIZE + ATTRIBUTE_SIZE
        sizes = {REGISTERS: registers, DATA: sum(s for _, s in AREAS), COLORS: 1 + DAC_SIZE}
        return sum(size for bit, size in sizes.items() if what & bit)

    def blocks(self, what: int) -> int:
        """Return how many blocks of 64 bytes that are."""
        return -(-self.size(what) // BLOCK)

    def saved(self, what: int) -> bytes:
        """Return what is to be saved: bits of ``what`` say which parts."""
        parts = []
        if what & REGISTERS:
            parts.append(self._registers())
        if what & DATA:
            parts += [self._memory.read(address, size) for address, size in AREAS]
        if what & COLORS:
            self._bus.write(DAC_READ, 0)
            colors = bytes(self._bus.read(DAC_DATA) for _ in range(DAC_SIZE))
            parts.append(bytes((self._bus.read(DAC_MASK),)) + colors)
        return b"".join(parts)

    def restore(self, what: int, saved: bytes) -> None:
        """Restore what `saved` has returned for the same parts."""
        if what & REGISTERS:
            size = self.size(REGISTERS)
            self._set_registers(saved[:size])
            saved = saved[size:]
        if what & DATA:
            for address, size in AREAS:
                self._memory.write(address, saved[:size])
                saved = saved[size:]
        if what & COLORS:
            self._bus.write(DAC_MASK, saved[0])
            self._bus.write(DAC_WRITE, 0)
            for level in saved[1:]:
                self._bus.write(DAC_DATA, level)

    def _registers(self) -> bytes:
        bus = self._bus
        ports = (*INDEXED, (self._crtc, CRTC_SIZE))
        parts = [bytes((bus.read(MISC_READ),))]
        parts += [bytes(self._indexed(port, index) for index in range(n)) for port, n in ports]
        attributes = []
        for index in range(ATTRIBUTE_SIZE):
            bus.read(self._crtc + STATUS_OFFSET)
            bus.write(ATTRIBUTE, index)
            attributes.append(bus.read(ATTRIBUTE + 1))
        self._show()
        return b"".join([*parts, bytes(attributes)])

    def _indexed(self, port: int, index: int) -> int:
        self._bus.write(port, index)
        return self._bus.read(port + 1)

    def _set_registers(self, saved: bytes) -> None:
        bus, at = self._bus, 1
        bus.write(MISC, saved[0])
        bus.write(self._crtc, 0x11)
        bus.write(self._crtc + 1, bus.read(self._crtc + 1) & UNPROTECTED)
        for port, size in (*INDEXED, (self._crtc, CRTC_SIZE)):
            for index, value in enumerate(saved[at : at + size]):
                bus.write(port, index)
                bus.write(port + 1, value)
            at += size
        bus.read(self._crtc + STATUS_OFFSET)
        for index, value in enumerate(saved[at:]):
            bus.write(ATTRIBUTE, index)
            bus.write(ATTRIBUTE, value)
        self._show()

    def _show(self) -> None:
        """Let the attribute controller show the picture again."""
        self._bus.read(self._crtc + STATUS_OFFSET)
        self._bus.write(ATTRIBUTE, PALETTE_ENABLED)
