"""Colors of an EGA and a VGA, and what the BIOS does with them: INT 10h/0Bh and 10h.

Source: IBM PS/2 and PC BIOS Interface Technical Reference, INT 10h; Hardware Interface Technical
Reference, "Video subsystem".
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bios.unknown import no_function
from blink16.bus import Bus
from blink16.devices.vga import (
    ATTRIBUTE,
    COLOR_CRTC,
    DAC_DATA,
    DAC_MASK,
    DAC_READ,
    DAC_WRITE,
    MONO_CRTC,
    PALETTE_ENABLED,
    STATUS_OFFSET,
)
from blink16.devices.video import MODE_BLINK
from blink16.memory import Memory
from blink16.services import Guest

DISPLAY_BIOS = "this display adapter's BIOS"
VGA_HAS_IT = "--display vga has it"
SUBFUNCTIONS = {
    0x10: frozenset((*range(4), 7, 8, 9, 0x10, 0x12, 0x13, 0x15, *range(0x17, 0x1C))),
    0x11: frozenset((*range(5), *range(0x10, 0x15), *range(0x20, 0x25), 0x30)),
    0x12: frozenset((0x10, 0x20, *range(0x30, 0x37))),
}
"""Of a VGA's functions, what AL, or of 12h BL, may be."""
CGA_MODES = (4, 5, 6)
BRIGHT, SECOND_PALETTE = 0x10, 0x20
"""Bits of a CGA's color register."""
PALETTE_SIZE, DAC_SIZE = 16, 256
MODE_CONTROL, OVERSCAN, COLOR_SELECT = 0x10, 0x11, 0x14
"""Registers of the attribute controller behind the palette's."""
BLINKING, PAGED_PALETTE = 0x08, 0x80
"""Bits of `MODE_CONTROL`: the second lets `COLOR_SELECT` choose among pages of 16 colors."""
VGA_FLAGS = 0x489
VGA_ACTIVE, GRAY_SUMMING, NO_DEFAULT_COLORS, LINES_400, LINES_200 = 0x01, 0x02, 0x08, 0x10, 0x80
"""Bits of `VGA_FLAGS`."""


def remedy(function: int, subfunction: int) -> str:
    """Return what would help who asks for a function that another adapter may have."""
    return VGA_HAS_IT if subfunction in SUBFUNCTIONS.get(function, ()) else ""


class VgaColors:
    """The adapter's registers and colors, and the BIOS data area."""

    def __init__(self, memory: Memory, bus: Bus, *, is_vga: bool) -> None:
        self._memory = memory
        self._bus = bus
        self._is_vga = is_vga
        self.area = DataArea(memory)

    def _out(self, port: int, *values: int) -> None:
        for value in values:
            self._bus.write(port, value)

    def _indexed(self, port: int, registers: bytes, first: int = 0) -> None:
        for index, value in enumerate(registers, first):
            self._out(port, index)
            self._out(port + 1, value)

    def _reset_flip_flop(self) -> None:
        for base in (MONO_CRTC, COLOR_CRTC):
            self._bus.read(base + STATUS_OFFSET)

    @property
    def _flags(self) -> int:
        """What 12h has said (`VGA_FLAGS`)."""
        return self._memory.read(VGA_FLAGS, 1)[0] or VGA_ACTIVE | LINES_400

    def set_dac(self, first: int, colors: bytes) -> None:
        """Set colors of the DAC, three bytes each."""
        self._out(DAC_WRITE, first & 0xFF)
        self._out(DAC_DATA, *colors)

    def _summed(self, colors: bytes) -> bytes:
        """Return colors as they come to the DAC: gray, if that is switched on."""
        return grays_of(colors) if self._flags & GRAY_SUMMING else colors

    def dac(self, first: int, count: int) -> bytes:
        """Return colors of the DAC."""
        self._out(DAC_READ, first & 0xFF)
        return bytes(self._bus.read(DAC_DATA) for _ in range(3 * count))

    def set_attribute(self, index: int, value: int) -> None:
        """Set a register of the attribute controller."""
        self._reset_flip_flop()
        self._out(ATTRIBUTE, index & 0x1F, value, PALETTE_ENABLED)

    def attribute(self, index: int) -> int:
        """Return a register of the attribute controller."""
        self._reset_flip_flop()
        self._out(ATTRIBUTE, index & 0x1F)
        value = self._bus.read(ATTRIBUTE + 1)
        self._reset_flip_flop()
        self._out(ATTRIBUTE, PALETTE_ENABLED)
        return value

    def set_border(self, color: int) -> None:
        """Do 0Bh's work: the border; in a CGA's modes the background, and with 10h bright dots."""
        self.set_attribute(OVERSCAN, color & 0x1F)
        if self.area.video_mode in CGA_MODES:
            self.set_attribute(0, color & 0x0F | (color & 8) << 1)
            self._set_dots(self.area.crt_palette & ~0x1F | color & 0x1F)

    def set_cga_palette(self, palette: int) -> None:
        """Do 0Bh's work in a CGA's modes: one of its two palettes, as bright as it was."""
        if self.area.video_mode in CGA_MODES:
            self._set_dots(self.area.crt_palette & ~SECOND_PALETTE | (palette & 1) << 5)

    def _set_dots(self, palette: int) -> None:
        """Set the three colors of dots as a CGA's color register does, and note it."""
        self.area.crt_palette = palette
        second = bool(palette & SECOND_PALETTE)
        colors = (7, 7, 7) if self.area.video_mode == 6 else (2 + second, 4 + second, 6 + second)
        for index, color in enumerate(colors, 1):
            self.set_attribute(index, color | palette & BRIGHT)

    # -- functions ---------------------------------------------------------------------------

    def palette_function(self, guest: Guest) -> None:
        """10h: the palette, the border, blinking and the DAC."""
        r, memory = guest.registers, guest.memory
        table = memory.linear(r.es, r.dx)
        match r.al:
            case 0x00:
                self.set_attribute(r.bl, r.bh)
            case 0x01:
                self.set_attribute(OVERSCAN, r.bh)
            case 0x02:
                for index, value in enumerate(memory.read(table, PALETTE_SIZE + 1)):
                    self.set_attribute(index if index < PALETTE_SIZE else OVERSCAN, value)
            case 0x03:
                self._set_blinking(on=bool(r.bl & 1))
            case _ if self._is_vga:
                self._dac_function(guest, table)
            case _:
                no_function(guest, 0x10, "al", remedy(0x10, r.al), who=DISPLAY_BIOS)

    def _set_blinking(self, *, on: bool) -> None:
        """Let bit 7 of characters blink, or make their background bright."""
        area = self.area
        area.crt_mode = area.crt_mode & ~MODE_BLINK | (MODE_BLINK if on else 0)
        mode = self.attribute(MODE_CONTROL) if self._is_vga else BLINKING
        self.set_attribute(MODE_CONTROL, mode & ~BLINKING | (BLINKING if on else 0))

    def _dac_function(self, guest: Guest, table: int) -> None:
        r, memory = guest.registers, guest.memory
        match r.al:
            case 0x07:
                r.bh = self.attribute(r.bl)
            case 0x08:
                r.bh = self.attribute(OVERSCAN)
            case 0x09:
                colors = bytes(self.attribute(index) for index in (*range(PALETTE_SIZE), OVERSCAN))
                memory.write(table, colors)
            case 0x10:
                self.set_dac(r.bx, self._summed(bytes((r.dh, r.ch, r.cl))))
            case 0x12:
                self.set_dac(r.bx, self._summed(memory.read(table, 3 * min(r.cx, DAC_SIZE))))
            case 0x13 if r.bl == 0:
                paged = PAGED_PALETTE if r.bh & 1 else 0
                self.set_attribute(
                    MODE_CONTROL, self.attribute(MODE_CONTROL) & ~PAGED_PALETTE | paged
                )
            case 0x13:
                is_paged = self.attribute(MODE_CONTROL) & PAGED_PALETTE
                self.set_attribute(COLOR_SELECT, r.bh if is_paged else r.bh << 2)
            case 0x15:
                r.dh, r.ch, r.cl = self.dac(r.bx, 1)
            case 0x17:
                memory.write(table, self.dac(r.bx, min(r.cx, DAC_SIZE)))
            case 0x18:
                self._out(DAC_MASK, r.bl)
            case 0x19:
                r.bl = self._bus.read(DAC_MASK)
            case 0x1A:
                is_paged = self.attribute(MODE_CONTROL) & PAGED_PALETTE
                page = self.attribute(COLOR_SELECT)
                r.bl, r.bh = (1, page) if is_paged else (0, page >> 2)
            case 0x1B:
                for number in range(r.bx, r.bx + min(r.cx, DAC_SIZE)):
                    self.set_dac(number, grays_of(self.dac(number, 1)))
            case _:
                no_function(guest, 0x10, "al", who=DISPLAY_BIOS)


def grays_of(colors: bytes) -> bytes:
    """Return colors of the DAC as gray levels, weighted as the eye does."""
    weighted = (
        (red * 77 + green * 151 + blue * 28 + 128) >> 8
        for red, green, blue in zip(colors[::3], colors[1::3], colors[2::3], strict=True)
    )
    return b"".join(bytes((min(gray, 0x3F),)) * 3 for gray in weighted)
