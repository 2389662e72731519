"""INT 10h: the video functions of a PC/XT's BIOS.

What the teletype call and strings show also goes to the console channel, byte for byte.
Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.bios import typed
from blink16.bios.data_area import PAGES
from blink16.bios.unknown import no_function
from blink16.bios.vga import EGA_INFO, KEPT, VgaBios
from blink16.bios.vga_colors import DISPLAY_BIOS, remedy
from blink16.bios.video import GuestScreen, is_mode, set_mode, shows
from blink16.bus import Bus
from blink16.devices.video import Adapter
from blink16.lacks import Kind
from blink16.services import DONE, Guest, Outcome

CHANNEL = "console"


class Outlet:
    """Where what the teletype call and strings show goes outside."""

    def __init__(self) -> None:
        self.channel: Callable[[], str] = lambda: CHANNEL
        """A system that knows for whom a character is shown may say so."""

    def show(self, guest: Guest, data: bytes) -> str:
        """Show bytes outside; return the channel."""
        channel = self.channel()
        guest.output(channel, data)
        return channel


class VideoService:
    """INT 10h."""

    def __init__(self, bus: Bus, adapter: Adapter, outlet: Outlet) -> None:
        self._bus = bus
        self._adapter = adapter
        self._outlet = outlet
        self._functions = _FUNCTIONS | {0x0E: self._teletype, 0x13: self._write_string}

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH.

        A CGA's BIOS leaves alone those that it hasn't got, by which programs see that there is
        no EGA (12h), no VGA (1Ah) and no MCGA (1Bh).
        """
        function = self._functions.get(guest.registers.ah)
        if guest.registers.ah == 0x00:
            self._set_mode(guest)
        elif self._adapter.has_planes and guest.registers.ah in _PLANES_FUNCTIONS:
            is_vga = self._adapter is Adapter.VGA
            bios = VgaBios(guest.memory, self._bus, is_vga=is_vga)
            _PLANES_FUNCTIONS[guest.registers.ah](bios, guest)
        elif function is not None:
            function(guest, GuestScreen(guest.memory, self._bus))
        else:
            _tell_unknown(guest)
        return DONE

    def _set_mode(self, guest: Guest) -> None:
        mode, keep = guest.registers.al & 0x7F, bool(guest.registers.al & 0x80)
        if is_mode(mode, self._adapter):
            set_mode(guest.memory, self._bus, mode, keep=keep, adapter=self._adapter)
        if not shows(mode, self._adapter):
            what = f"this display adapter has no video mode {mode:02X}h"
            better = next(
                (a for a in (Adapter.CGA, Adapter.MDA, Adapter.VGA) if shows(mode, a)), None
            )
            helps = f"--display {better.name.lower()} has it" if better else ""
            guest.lacks(Kind.VIDEO_MODE, what, helps, place=mode)

    def _teletype(self, guest: Guest, screen: GuestScreen) -> None:
        code = guest.registers.al
        screen.teletype(screen.area.page, code, guest.registers.bl if screen.graphics else None)
        self._outlet.show(guest, bytes((code,)))

    def _write_string(self, guest: Guest, screen: GuestScreen) -> None:
        """13h: CX characters from ES:BP at DX; AL bit 0 moves the cursor, bit 1: attributes too."""
        r = guest.registers
        has_attributes = bool(r.al & 2)
        data = guest.memory.read(guest.linear(r.es, r.bp), r.cx * (2 if has_attributes else 1))
        codes = data[::2] if has_attributes else data
        attributes = data[1::2] if has_attributes else bytes((r.bl,)) * len(codes)
        before = screen.area.cursor(r.bh)
        screen.set_cursor(r.bh, r.dh, r.dl)
        typed.show(screen, r.bh, codes, attributes)
        self._outlet.show(guest, codes)
        if not r.al & 1:
            screen.set_cursor(r.bh, *before)


def _tell_unknown(guest: Guest) -> None:
    """Tell of a function that this adapter's BIOS hasn't got, if it is no question who is there."""
    r = guest.registers
    selector = _SELECTORS.get(r.ah, "")
    if r.ah in _PROBES or (selector and getattr(r, selector) in _PROBED_SUBFUNCTIONS[r.ah]):
        return
    helps = remedy(r.ah, getattr(r, selector)) if selector else ""
    no_function(guest, 0x10, selector, helps, who=DISPLAY_BIOS)


def _set_cursor_shape(guest: Guest, screen: GuestScreen) -> None:
    screen.set_cursor_shape(guest.registers.cx)


def _set_cursor(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    screen.set_cursor(r.bh, r.dh, r.dl)


def _get_cursor(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    r.dh, r.dl = screen.area.cursor(r.bh)
    r.cx = screen.area.cursor_shape


def _set_page(guest: Guest, screen: GuestScreen) -> None:
    screen.set_page(guest.registers.al % PAGES)


def _scroll(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    lines = r.al if r.ah == 0x06 else -r.al
    screen.scroll(screen.area.page, r.ch, r.cl, r.dh, r.dl, lines, r.bh)


def _read_cell(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    r.al, r.ah = screen.cell(r.bh, *screen.area.cursor(r.bh))


def _write_cells(guest: Guest, screen: GuestScreen) -> None:
    """09h: CX times the character AL with attribute BL, 0Ah: without; the cursor stays."""
    r = guest.registers
    attribute = r.bl if r.ah == 0x09 or screen.graphics else None
    screen.fill(r.bh, *screen.area.cursor(r.bh), r.cx, r.al, attribute)


def _set_palette(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    old = screen.area.crt_palette
    if r.bh == 0:
        screen.set_palette(old & 0xE0 | r.bl & 0x1F)
    elif r.bh == 1:
        screen.set_palette(old & ~0x20 | (r.bl & 1) << 5)
    else:
        no_function(guest, 0x10, "bh", who=DISPLAY_BIOS)


def _write_dot(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    if screen.graphics:
        screen.dots(r.bh).set_dot(r.cx, r.dx, r.al)


def _read_dot(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    if screen.graphics:
        r.al = screen.dots(r.bh).dot(r.cx, r.dx)


def _read_light_pen(guest: Guest, screen: GuestScreen) -> None:
    guest.registers.ah = 0  # not triggered


def _get_mode(guest: Guest, screen: GuestScreen) -> None:
    r = guest.registers
    kept = guest.memory.read(EGA_INFO, 1)[0] & KEPT if screen.has_planes else 0
    r.al, r.ah, r.bh = screen.mode | kept, screen.columns, screen.area.page


def _set_colors(bios: VgaBios, guest: Guest) -> None:
    r = guest.registers
    if r.bh == 0:
        bios.set_border(r.bl)
    elif r.bh == 1:
        bios.set_cga_palette(r.bl)
    else:
        no_function(guest, 0x10, "bh", who=DISPLAY_BIOS)


_PLANES_FUNCTIONS: dict[int, Callable[[VgaBios, Guest], None]] = {
    0x0B: _set_colors,
    0x10: VgaBios.palette_function,
    0x11: VgaBios.font_function,
    0x12: VgaBios.select_function,
    0x1A: VgaBios.combination_function,
    0x1B: VgaBios.state_function,
    0x1C: VgaBios.saving_function,
}
_PROBES = frozenset({0x1A, 0x1B, 0x1C, 0xEF, 0xFA, 0xFE, 0xFF})
"""By these programs see what display adapter or driver there is."""
_SELECTORS = {0x10: "al", 0x11: "al", 0x12: "bl", 0x4F: "al"}
_PROBED_SUBFUNCTIONS = {0x10: (0x1A,), 0x11: (0x30,), 0x12: (0x10,), 0x4F: (0x00,)}
_FUNCTIONS = {
    0x01: _set_cursor_shape,
    0x02: _set_cursor,
    0x03: _get_cursor,
    0x04: _read_light_pen,
    0x05: _set_page,
    0x06: _scroll,
    0x07: _scroll,
    0x08: _read_cell,
    0x09: _write_cells,
    0x0A: _write_cells,
    0x0B: _set_palette,
    0x0C: _write_dot,
    0x0D: _read_dot,
    0x0F: _get_mode,
}
