"""What an EGA's and a VGA's BIOS add to INT 10h: modes, fonts, and what there is.

Source: IBM PS/2 and PC BIOS Interface Technical Reference, INT 10h.
"""

from __future__ import annotations

from construct import Int8ul, Int16ul, Padding, Struct

from blink16.bios import font, planes, tables_vga
from blink16.bios.cursor_shape import CGA_CURSOR
from blink16.bios.data_area import PAGES
from blink16.bios.rom import SEGMENT
from blink16.bios.unknown import no_function
from blink16.bios.vga_colors import (
    DISPLAY_BIOS,
    GRAY_SUMMING,
    LINES_200,
    LINES_400,
    NO_DEFAULT_COLORS,
    PALETTE_SIZE,
    VGA_FLAGS,
    VGA_HAS_IT,
    VgaColors,
)
from blink16.bios.vga_modes import EGA, PALETTES, VGA, VgaMode, with_lines
from blink16.bios.vga_saving import ALL_STATES, VgaSaving
from blink16.devices.vga import (
    ATTRIBUTE,
    COLOR_CRTC,
    DAC_MASK,
    GRAPHICS,
    MISC,
    MONO_CRTC,
    PALETTE_ENABLED,
    SCREEN_OFF,
    SEQUENCER,
)
from blink16.memory import DIRTY_SHIFT
from blink16.services import Guest

MONO_MODE = 7
FONT_PLANE = 2
FONT_SIZE = 32
"""Bytes of a character in plane 2."""
TEXT_MODES = (0, 1, 2, 3, 7)
MEMORY_256K = 3
COLOR_VGA = 0x08
"""The display combination code: a VGA with a color monitor."""
CRT_MODES = {0: 0x2C, 1: 0x28, 2: 0x2D, 3: 0x29, 4: 0x2A, 5: 0x2E, 6: 0x1E, 7: 0x29}
"""What is told of a CGA's mode register."""
EGA_INFO, EGA_SWITCHES = 0x487, 0x488
NO_CURSOR_EMULATION, KEPT = 0x01, 0x80
"""Bits of `EGA_INFO`: whether cursors are not those of a CGA; whether memory was not cleared."""

FUNCTIONALITY = Struct(
    "table_offset" / Int16ul,
    "table_segment" / Int16ul,
    "area" / Int8ul[30],
    "rows" / Int8ul,
    "height" / Int16ul,
    "active" / Int8ul,
    "other" / Int8ul,
    "colors" / Int16ul,
    "pages" / Int8ul,
    "lines" / Int8ul,
    "primary_font" / Int8ul,
    "secondary_font" / Int8ul,
    "flags" / Int8ul,
    Padding(3),
    "memory" / Int8ul,
    Padding(14),
)
"""What INT 10h/1Bh leaves at ES:DI, 64 bytes."""


def modes_of(is_vga: bool) -> dict[int, VgaMode]:
    """Return the modes of an adapter."""
    return VGA if is_vga else EGA


class VgaBios(VgaColors):
    """The adapter's modes and fonts, and what there is."""

    @property
    def _crtc(self) -> int:
        return self.area.crtc_port

    # -- modes -------------------------------------------------------------------------------

    def set_mode(self, number: int, *, keep: bool = False) -> None:
        """Put the adapter into a mode and (unless ``keep``) clear it."""
        mode = self._mode(number)
        area, memory = self.area, self._memory
        area.video_mode, area.columns, area.page_size = number, mode.columns, mode.page_size
        area.page = area.page_start = 0
        area.last_row, area.character_height = mode.rows - 1, mode.height
        area.crt_palette = 0x3F if number == 6 else 0x30
        area.crtc_port = COLOR_CRTC if mode.misc & 1 else MONO_CRTC
        emulation = memory.read(EGA_INFO, 1)[0] & NO_CURSOR_EMULATION
        switches = 0x08 if self._lines == 200 else 0x09
        memory.write(EGA_INFO, bytes((0x60 | (KEPT if keep else 0) | emulation, switches)))
        memory.write(VGA_FLAGS, bytes((self._flags, COLOR_VGA if self._is_vga else 0x04)))
        area.crt_mode = CRT_MODES.get(number, area.crt_mode)
        for page in range(PAGES):
            area.set_cursor(page, 0, 0)
        self._program(mode)
        area.cursor_shape = mode.crtc[0x0A] << 8 | mode.crtc[0x0B]
        if self._is_vga and number in TEXT_MODES and number != MONO_MODE:
            area.cursor_shape = CGA_CURSOR
        self._point_at_font(mode.height)
        if number in TEXT_MODES:
            self.load_font(_rom_font(mode.height), mode.height)
        if not keep:
            self._clear(number)
        self._out(ATTRIBUTE, PALETTE_ENABLED)

    def _mode(self, number: int) -> VgaMode:
        """Return a mode; of a VGA's text as many lines as 12h/30h has asked for."""
        mode = modes_of(self._is_vga)[number]
        if self._is_vga and number in TEXT_MODES and number != MONO_MODE:
            return with_lines(mode, self._lines)
        return mode

    @property
    def _lines(self) -> int:
        """The lines of the next text mode."""
        if not self._is_vga:
            return 350
        return 200 if self._flags & LINES_200 else 400 if self._flags & LINES_400 else 350

    def _switch(self, bit: int, *, on: bool) -> None:
        flags = self._flags
        self._memory.write(VGA_FLAGS, bytes((flags | bit if on else flags & ~bit,)))

    def _program(self, mode: VgaMode) -> None:
        self._reset_flip_flop()
        self._out(MISC, mode.misc)
        self._indexed(SEQUENCER, bytes((1,)) + mode.sequencer)
        self._indexed(SEQUENCER, b"\x03")
        self._out(self._crtc, 0x11)
        self._out(self._crtc + 1, 0)
        self._indexed(self._crtc, mode.crtc)
        self._indexed(GRAPHICS, mode.graphics)
        keeps_colors = self._is_vga and bool(self._flags & NO_DEFAULT_COLORS)
        self._reset_flip_flop()
        for index, value in enumerate(mode.attribute):
            if index >= PALETTE_SIZE or not keeps_colors:
                self._out(ATTRIBUTE, index, value)
        if self._is_vga and not keeps_colors:
            self._out(DAC_MASK, 0xFF)
            self.set_dac(0, self._summed(PALETTES[mode.palette]))

    def _clear(self, number: int) -> None:
        if number in TEXT_MODES:
            base = 0xB0000 if number == MONO_MODE else 0xB8000
            self._memory.write(base, b" \x07" * 0x4000)
        elif number <= 6:
            self._memory.write(0xB8000, bytes(0x8000))
        else:
            planes.clear(self._memory)

    # -- fonts -------------------------------------------------------------------------------

    def load_font(self, shapes: bytes, height: int, *, first: int = 0, block: int = 0) -> None:
        """Put characters into a block of plane 2."""
        start = ((block & 3) * 2 + (block >> 2 & 1)) * 0x2000
        for number in range(len(shapes) // max(1, height)):
            for line in range(min(height, FONT_SIZE)):
                at = start + ((first + number) & 0xFF) * FONT_SIZE + line
                cell = self._memory.planes[at] & ~(0xFF << 8 * FONT_PLANE)
                self._memory.planes[at] = cell | shapes[number * height + line] << 8 * FONT_PLANE
                self._memory.planes_dirty[at >> DIRTY_SHIFT] = 1

    def set_height(self, height: int) -> None:
        """Let characters have so many lines, and the screen as many rows as fit."""
        crtc = self._crtc
        self._out(crtc, 9)
        self._out(crtc + 1, self._bus.read(crtc + 1) & 0xE0 | height - 1)
        rows = self._lines // height
        self.area.last_row, self.area.character_height = rows - 1, height
        self.area.page_size = (rows * self.area.columns * 2 + 0xFF) & ~0xFF
        shown = rows * height * (2 if self._lines == 200 else 1) - 1
        self._out(crtc, 0x12)
        self._out(crtc + 1, shown & 0xFF)
        shape = (height - 2 if height > 8 else 6) << 8 | (height - 1 if height > 8 else 7)
        self.area.cursor_shape = shape
        self._indexed(crtc, shape.to_bytes(2, "big"), 0x0A)

    def _point_at_font(self, height: int) -> None:
        self._memory.write_word(planes.FONT_VECTOR * 4, tables_vga.FONT_OFFSETS[height])
        self._memory.write_word(planes.FONT_VECTOR * 4 + 2, SEGMENT)

    # -- functions ---------------------------------------------------------------------------

    def font_function(self, guest: Guest) -> None:
        """11h: fonts of text and of graphics, and where they are."""
        r = guest.registers
        kind, fits = r.al & 0xEF, bool(r.al & 0x10) and r.al < 0x20
        heights = {0x01: 14, 0x02: 8, 0x04: 16}
        if r.al < 0x20 and kind == 0x00:
            shapes = guest.memory.read(guest.linear(r.es, r.bp), min(r.cx, 256) * r.bh)
            self.load_font(shapes, r.bh, first=r.dx, block=r.bl)
            if fits and r.bh:
                self.set_height(r.bh)
        elif r.al < 0x20 and kind in heights:
            self.load_font(_rom_font(heights[kind]), heights[kind], block=r.bl)
            if fits:
                self.set_height(heights[kind])
        elif r.al == 0x03:
            self._out(SEQUENCER, 3)
            self._out(SEQUENCER + 1, r.bl)
        elif r.al == 0x20:
            guest.memory.write_word(0x1F * 4, r.bp)
            guest.memory.write_word(0x1F * 4 + 2, r.es)
        elif r.al in (0x21, 0x22, 0x23, 0x24):
            self._graphics_font(guest)
        elif r.al == 0x30:
            self._font_information(guest)
        else:
            no_function(guest, 0x10, "al", who=DISPLAY_BIOS)

    def _graphics_font(self, guest: Guest) -> None:
        r = guest.registers
        height = {0x21: r.cx, 0x22: 14, 0x23: 8, 0x24: 16}[r.al]
        if r.al == 0x21:
            guest.memory.write_word(planes.FONT_VECTOR * 4, r.bp)
            guest.memory.write_word(planes.FONT_VECTOR * 4 + 2, r.es)
        else:
            self._point_at_font(height)
        rows = {1: 14, 2: 25, 3: 43}.get(r.bl, r.dl)
        self.area.last_row, self.area.character_height = rows - 1, height

    def _font_information(self, guest: Guest) -> None:
        r, memory = guest.registers, guest.memory
        vector = {0: 0x1F, 1: planes.FONT_VECTOR}.get(r.bh)
        heights = {2: 14, 3: 8, 5: 14, 6: 16, 7: 16}
        if vector is not None:
            r.bp, r.es = memory.read_word(vector * 4), memory.read_word(vector * 4 + 2)
        elif r.bh == 4:
            r.es, r.bp = SEGMENT, tables_vga.FONT_OFFSETS[8] + 128 * 8
        elif r.bh in heights:
            r.es, r.bp = SEGMENT, tables_vga.FONT_OFFSETS[heights[r.bh]]
        r.cx, r.dl = self.area.character_height, self.area.last_row

    def select_function(self, guest: Guest) -> None:
        """12h: what adapter it is, and switches of a VGA."""
        r = guest.registers
        match r.bl:
            case 0x10:
                r.bh, r.bl = int(self._crtc == MONO_CRTC), MEMORY_256K
                r.ch, r.cl = 0, guest.memory.read(EGA_SWITCHES, 1)[0] & 0xF
            case 0x20:
                r.al = 0x12
            case 0x30 | 0x31 | 0x32 | 0x33 | 0x34 | 0x35 | 0x36:
                if self._is_vga:
                    self._set_switch(r.bl, r.al)
                    r.al = 0x12
                else:
                    no_function(guest, 0x10, "bl", VGA_HAS_IT, who=DISPLAY_BIOS)
            case _:
                no_function(guest, 0x10, "bl", who=DISPLAY_BIOS)

    def _set_switch(self, selected: int, value: int) -> None:
        """Do what 12h has for a VGA: 32h and 35h, which switch it off, have no effect here."""
        match selected:
            case 0x30 if value <= 2:
                self._switch(LINES_200, on=value == 0)
                self._switch(LINES_400, on=value == 2)
            case 0x31 if value <= 1:
                self._switch(NO_DEFAULT_COLORS, on=bool(value))
            case 0x33 if value <= 1:
                self._switch(GRAY_SUMMING, on=value == 0)
            case 0x34 if value <= 1:
                info = self._memory.read(EGA_INFO, 1)[0] & ~NO_CURSOR_EMULATION | value
                self._memory.write(EGA_INFO, bytes((info,)))
            case 0x36 if value <= 1:
                self._out(SEQUENCER, 1)
                clocking = self._bus.read(SEQUENCER + 1) & ~SCREEN_OFF
                self._out(SEQUENCER + 1, clocking | (SCREEN_OFF if value else 0))

    def saving_function(self, guest: Guest) -> None:
        """1Ch: save what CX says to ES:BX (1), restore it from there (2), in BX's blocks (0)."""
        r, saving = guest.registers, VgaSaving(self._memory, self._bus, self._crtc)
        if not self._is_vga or not r.cx & ALL_STATES:
            return
        if r.al > 2:
            no_function(guest, 0x10, "al", who=DISPLAY_BIOS)
            return
        at = guest.linear(r.es, r.bx)
        match r.al:
            case 0:
                r.bx = saving.blocks(r.cx)
            case 1:
                guest.memory.write(at, saving.saved(r.cx))
            case _:
                saving.restore(r.cx, guest.memory.read(at, saving.size(r.cx)))
        r.al = 0x1C

    def combination_function(self, guest: Guest) -> None:
        """1Ah: the display combination."""
        r = guest.registers
        if self._is_vga and r.al == 0:
            r.al, r.bx = 0x1A, COLOR_VGA
        elif self._is_vga and r.al == 1:
            r.al = 0x1A

    def state_function(self, guest: Guest) -> None:
        """1Bh: what the adapter can do and does."""
        r, area = guest.registers, self.area
        if not self._is_vga or r.bx:
            return
        mode = VGA.get(area.video_mode)  # whatever a guest has written there
        colors = 256 if mode is not None and mode.palette == 2 else 16
        state = FUNCTIONALITY.build(
            {
                "table_offset": tables_vga.FUNCTIONALITY_OFFSET,
                "table_segment": SEGMENT,
                "area": list(guest.memory.read(0x449, 30)),
                "rows": area.last_row + 1 & 0xFF,
                "height": area.character_height,
                "active": COLOR_VGA,
                "other": 0,
                "colors": colors,
                "pages": min(0xFF, max(1, 0x8000 // max(1, area.page_size))),
                "lines": {200: 0, 350: 1, 480: 3}.get(_lines(area.video_mode), 2),
                "primary_font": 0,
                "secondary_font": 0,
                "flags": 0x21,
                "memory": MEMORY_256K,
            }
        )
        guest.memory.write(guest.linear(r.es, r.di), state)
        r.al = 0x1B


def _lines(mode: int) -> int:
    if mode in TEXT_MODES:
        return 400
    return {0x0F: 350, 0x10: 350, 0x11: 480, 0x12: 480}.get(mode, 200)


def _rom_font(height: int) -> bytes:
    return {8: font.small, 14: font.medium, 16: font.large}[height]()
