"""The BIOS's screen on a PC: INT 10h, memory and the 6845."""

from __future__ import annotations

from boot_sectors import (
    LOOP,
    Pc,
    Powered,
    sector,
)

from blink16.bios.disk import disk_of
from blink16.devices.video import Adapter


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
    video = pc_.machine.component("video")
    assert video.cursor == 82  # type: ignore[union-attr]
    pc_.call(0x10, 0x0501)
    assert video.start == 0x800  # type: ignore[union-attr]
    pc_.call(0x10, 0x0100, cx=0x2000)
    assert not video.cursor_lines  # type: ignore[union-attr]
