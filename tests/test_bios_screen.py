"""The BIOS's screen on a PC: INT 10h, memory and the 6845."""

from __future__ import annotations

import pytest
from boot_sectors import (
    LOOP,
    SCREEN,
    Pc,
    Powered,
    sector,
)

from blink16.bios.disk import disk_of
from blink16.devices.video import Adapter, Video


def test_monochrome_pc_starts_in_mode_7() -> None:
    """With an MDA the text is at B000 and INT 10h/0Fh says mode 7."""
    pc_ = Powered([disk_of(0, sector(LOOP))], adapter=Adapter.MDA)
    pc_.call(0x10, 0x0E41)
    pc_.call(0x10, 0x0F00)
    assert pc_.registers.al == 7
    assert pc_.machine.memory[0xB0000] == ord("A")
    pc_.call(0x11)
    assert pc_.registers.al & 0x30 == 0x30


def test_dots_are_set_and_read() -> None:
    """0Ch and 0Dh in modes 4 and 6: two bits and one bit a dot, lines interleaved, XOR."""
    pc_ = Pc()
    pc_.call(0x10, 0x0004)
    pc_.call(0x10, 0x0C02, cx=5, dx=3)
    assert pc_.machine.memory[0xB8000 + 0x2000 + 80 + 1] == 0x20
    pc_.call(0x10, 0x0C83, cx=5, dx=3)
    pc_.call(0x10, 0x0D00, cx=5, dx=3)
    assert pc_.registers.al == 1
    pc_.call(0x10, 0x0006)
    pc_.call(0x10, 0x0C01, cx=639, dx=199)
    assert pc_.machine.memory[0xB8000 + 0x2000 + 99 * 80 + 79] == 1


def test_characters_in_graphics_are_drawn_and_recognized() -> None:
    """The teletype call draws, 08h reads back, 06h scrolls."""
    pc_ = Pc()
    pc_.call(0x10, 0x0004)
    for code in b"Hi":
        pc_.call(0x10, 0x0E00 | code, bx=3)
    pc_.call(0x10, 0x0200, bx=0, dx=1)
    pc_.call(0x10, 0x0800, bx=0)
    assert pc_.registers.al == ord("i")
    pc_.call(0x10, 0x0601, bx=0, cx=0, dx=0x1827)
    assert not any(pc_.machine.memory.read(0xB8000, 0x4000))


def test_the_6845_follows_the_bios() -> None:
    """Cursor and page calls must reach the CRTC, from where a picture is drawn."""
    pc_ = Pc()
    pc_.call(0x10, 0x0200, bx=0, dx=0x0102)
    video = pc_.machine.find(Video)
    assert video is not None
    assert video.cursor == 82
    pc_.call(0x10, 0x0501)
    assert video.start == 0x800
    pc_.call(0x10, 0x0100, cx=0x2000)
    assert not video.cursor_lines


def test_palette_calls_set_the_color_register() -> None:
    """0Bh must set background (BH 0) and palette (BH 1) apart, in the card and the data area."""
    pc_ = Pc()
    pc_.call(0x10, 0x0004)
    video = pc_.machine.find(Video)
    assert video is not None
    pc_.call(0x10, 0x0B00, bx=0x0015)
    assert video.state.color == 0x35
    pc_.call(0x10, 0x0B00, bx=0x0100)
    assert video.state.color == 0x15 == pc_.area.crt_palette
    pc_.call(0x10, 0x0B00, bx=0x0101)
    assert video.state.color == 0x35


def test_a_window_scrolls_down() -> None:
    """07h must move lines down and blank the top with BH's attribute; AL 0 blanks all."""
    pc_ = Pc()
    for row in range(3):
        pc_.call(0x10, 0x0200, bx=0, dx=row << 8 | 5)
        pc_.call(0x10, 0x0900 | ord("A") + row, bx=0x07, cx=1)
    pc_.call(0x10, 0x0701, bx=0x1E00, cx=0x0005, dx=0x0205)
    assert [pc_.row(row).strip() for row in range(4)] == ["", "A", "B", ""]
    assert pc_.machine.memory[SCREEN + 11] == 0x1E
    assert pc_.machine.memory[SCREEN + 13] == 0x07
    pc_.call(0x10, 0x0700, bx=0x4F00, cx=0x0005, dx=0x0205)
    assert pc_.machine.memory.read(SCREEN + 10 + 160, 2) == b" \x4f"


def test_each_page_has_its_cursor() -> None:
    """02h, 03h and 0Fh must keep pages apart, and 05h show the one asked for."""
    pc_ = Pc()
    pc_.call(0x10, 0x0200, bx=0x0200, dx=0x0304)
    pc_.call(0x10, 0x0300, bx=0x0000)
    assert (pc_.registers.dx, pc_.registers.cx) == (0, 0x0607)
    pc_.call(0x10, 0x0300, bx=0x0200)
    assert pc_.registers.dx == 0x0304
    pc_.call(0x10, 0x0A41, bx=0x0200, cx=2)
    assert pc_.machine.memory.read(SCREEN + 0x2000 + 2 * (3 * 80 + 4), 4) == b"A\x07A\x07"
    pc_.call(0x10, 0x0502)
    pc_.call(0x10, 0x0F00)
    assert (pc_.registers.ax, pc_.registers.bh) == (0x5003, 2)


def test_no_light_pen_and_no_newer_adapter() -> None:
    """04h says not triggered; 12h, 1Ah and 1Bh change nothing, by which programs know a CGA."""
    pc_ = Pc()
    pc_.call(0x10, 0x0400)
    assert pc_.registers.ah == 0
    for ax in (0x1200, 0x1A00, 0x1B00, 0x1012, 0x1130):
        pc_.call(0x10, ax, bx=0xFF10, cx=0xFFFF)
        assert (pc_.registers.ax, pc_.registers.bx, pc_.registers.cx) == (ax, 0xFF10, 0xFFFF)


@pytest.mark.parametrize(
    ("adapter", "equipment"), [(Adapter.CGA, 0x20), (Adapter.MDA, 0x30), (Adapter.HERCULES, 0x30)]
)
def test_the_equipment_tells_the_adapter(adapter: Adapter, equipment: int) -> None:
    """INT 11h, the switches at port 62h and the mode must agree about the screen."""
    pc_ = Powered([disk_of(0, sector(LOOP))], adapter=adapter)
    pc_.call(0x11)
    assert pc_.registers.al & 0x30 == equipment
    pc_.machine.bus.write(0x61, 0x48)
    assert pc_.machine.bus.read(0x62) & 3 == equipment >> 4
    pc_.call(0x10, 0x0003)
    assert pc_.area.video_mode == (3 if adapter is Adapter.CGA else 7)
