"""How an EGA's and a VGA's BIOS program their modes, and the colors of the DAC.

Source: IBM PS/2 and PC BIOS Interface Technical Reference; IBM Enhanced Graphics Adapter BIOS
listing, video parameters; IBM PS/2 Hardware Interface Technical Reference, default register values.
"""

from __future__ import annotations

from typing import NamedTuple


class VgaMode(NamedTuple):
    """A video mode: what the BIOS tells of it, and its registers."""

    columns: int
    rows: int
    height: int
    """Lines of a character."""
    page_size: int
    """Bytes of the address space of a page."""
    misc: int
    sequencer: bytes
    """Registers 1 to 4."""
    crtc: bytes
    graphics: bytes
    attribute: bytes
    palette: int
    """Which colors the DAC gets: 0 for 200 lines, 1 for others, 2 for 256 colors, 3 gray."""


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text)


_TEXT_COLORS = "00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f"
_CGA_COLORS = "00 01 02 03 04 05 06 07 10 11 12 13 14 15 16 17"
_TEXT = _bytes(f"{_TEXT_COLORS} 0c 00 0f 08 00")
_TEXT_OF_CGA = _bytes(f"{_CGA_COLORS} 08 00 0f 00 00")
_MONO = _bytes("00 08 08 08 08 08 08 08 10 18 18 18 18 18 18 18 0e 00 0f 08 00")
_FOUR = _bytes("00 13 15 17 02 04 06 07 10 11 12 13 14 15 16 17 01 00 03 00 00")
_TWO = _bytes("00" + " 17" * 15 + " 01 00 01 00 00")
_SIXTEEN_200 = _bytes(f"{_CGA_COLORS} 01 00 0f 00 00")
_SIXTEEN = _bytes(f"{_TEXT_COLORS} 01 00 0f 00 00")
_MONO_DOTS = _bytes("00 08 00 00 18 18 00 00 00 08 00 00 00 18 00 00 0b 00 05 00 00")
_TWO_480 = _bytes("00" + " 3f" * 15 + " 01 00 0f 00 00")
_ALL = _bytes("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 41 00 0f 00 00")
_GRAPHICS_TEXT, _GRAPHICS_MONO = (
    _bytes("00 00 00 00 00 10 0e 00 ff"),
    _bytes("00 00 00 00 00 10 0a 00 ff"),
)
_GRAPHICS_FOUR, _GRAPHICS_TWO = (
    _bytes("00 00 00 00 00 30 0f 00 ff"),
    _bytes("00 00 00 00 00 00 0d 00 ff"),
)
_PLANES, _BYTES = _bytes("00 00 00 00 00 00 05 0f ff"), _bytes("00 00 00 00 00 40 05 0f ff")
_REST = "00 00 00 00 00 00"

_VGA_40 = _bytes("2d 27 28 90 2b a0 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 14 1f 96 b9 a3 ff")
_VGA_80 = _bytes("5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff")
_VGA_MONO = _bytes("5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 0f 96 b9 a3 ff")


def _vga_dots(start: str, end: str, cells: str = "c0") -> bytes:
    return _bytes(f"{start} bf 1f 00 {cells} {_REST} 9c 8e 8f {end} ff")


_NARROW, _WIDE = "2d 27 28 90 2b 80", "5f 4f 50 82 54 80"
_HIGH_480 = f"{_WIDE} 0b 3e 00 40 {_REST} ea 8c df 28 00 e7 04"
_HIGH_350 = f"{_WIDE} bf 1f 00 40 {_REST} 83 85 5d 28 0f 63 ba e3 ff"

VGA: dict[int, VgaMode] = {
    0x00: VgaMode(
        40, 25, 16, 0x0800, 0x67, _bytes("08 03 00 02"), _VGA_40, _GRAPHICS_TEXT, _TEXT, 1
    ),
    0x02: VgaMode(
        80, 25, 16, 0x1000, 0x67, _bytes("00 03 00 02"), _VGA_80, _GRAPHICS_TEXT, _TEXT, 1
    ),
    0x04: VgaMode(
        40,
        25,
        8,
        0x4000,
        0x63,
        _bytes("09 03 00 02"),
        _vga_dots(_NARROW, "14 00 96 b9 a2", "c1"),
        _GRAPHICS_FOUR,
        _FOUR,
        0,
    ),
    0x06: VgaMode(
        80,
        25,
        8,
        0x4000,
        0x63,
        _bytes("01 01 00 06"),
        _vga_dots(_WIDE, "28 00 96 b9 c2", "c1"),
        _GRAPHICS_TWO,
        _TWO,
        0,
    ),
    0x07: VgaMode(
        80, 25, 16, 0x1000, 0x66, _bytes("00 03 00 03"), _VGA_MONO, _GRAPHICS_MONO, _MONO, 3
    ),
    0x0D: VgaMode(
        40,
        25,
        8,
        0x2000,
        0x63,
        _bytes("09 0f 00 06"),
        _vga_dots(_NARROW, "14 00 96 b9 e3"),
        _PLANES,
        _SIXTEEN_200,
        0,
    ),
    0x0E: VgaMode(
        80,
        25,
        8,
        0x4000,
        0x63,
        _bytes("01 0f 00 06"),
        _vga_dots(_WIDE, "28 00 96 b9 e3"),
        _PLANES,
        _SIXTEEN_200,
        0,
    ),
    0x0F: VgaMode(
        80, 25, 14, 0x8000, 0xA2, _bytes("01 0f 00 06"), _bytes(_HIGH_350), _PLANES, _MONO_DOTS, 3
    ),
    0x10: VgaMode(
        80, 25, 14, 0x8000, 0xA3, _bytes("01 0f 00 06"), _bytes(_HIGH_350), _PLANES, _SIXTEEN, 1
    ),
    0x11: VgaMode(
        80,
        30,
        16,
        0xA000,
        0xE3,
        _bytes("01 0f 00 06"),
        _bytes(f"{_HIGH_480} c3 ff"),
        _PLANES,
        _TWO_480,
        1,
    ),
    0x12: VgaMode(
        80,
        30,
        16,
        0xA000,
        0xE3,
        _bytes("01 0f 00 06"),
        _bytes(f"{_HIGH_480} e3 ff"),
        _PLANES,
        _SIXTEEN,
        1,
    ),
    0x13: VgaMode(
        40,
        25,
        8,
        0x2000,
        0x63,
        _bytes("01 0f 00 0e"),
        _vga_dots(_WIDE, "28 40 96 b9 a3", "41"),
        _BYTES,
        _ALL,
        2,
    ),
}
VGA[0x01], VGA[0x03], VGA[0x05] = VGA[0x00], VGA[0x02], VGA[0x04]

_EGA_200, _EGA_640 = "37 27 2d 37 30 14 04 11 00", "70 4f 59 2d 5e 06 04 11 00"
EGA: dict[int, VgaMode] = {
    0x00: VgaMode(
        40,
        25,
        14,
        0x0800,
        0xA7,
        _bytes("0b 03 00 03"),
        _bytes("2d 27 2b 2d 28 6d 6c 1f 00 0d 0b 0c 00 00 00 00 5e 2b 5d 14 0f 5e 0a a3 ff"),
        _GRAPHICS_TEXT,
        _bytes(f"{_TEXT_COLORS} 08 00 0f 00 00"),
        1,
    ),
    0x02: VgaMode(
        80,
        25,
        14,
        0x1000,
        0xA7,
        _bytes("01 03 00 03"),
        _bytes("5b 4f 53 37 51 5b 6c 1f 00 0d 0b 0c 00 00 00 00 5e 2b 5d 28 0f 5e 0a a3 ff"),
        _GRAPHICS_TEXT,
        _bytes(f"{_TEXT_COLORS} 08 00 0f 00 00"),
        1,
    ),
    0x04: VgaMode(
        40,
        25,
        8,
        0x4000,
        0x23,
        _bytes("0b 03 00 02"),
        _bytes(f"{_EGA_200} 01 {_REST} e1 24 c7 14 00 e0 f0 a2 ff"),
        _GRAPHICS_FOUR,
        _FOUR,
        0,
    ),
    0x06: VgaMode(
        80,
        25,
        8,
        0x4000,
        0x23,
        _bytes("01 01 00 06"),
        _bytes(f"{_EGA_640} 01 {_REST} e0 23 c7 28 00 df ef c2 ff"),
        _GRAPHICS_TWO,
        _TWO,
        0,
    ),
    0x0D: VgaMode(
        40,
        25,
        8,
        0x2000,
        0x23,
        _bytes("0b 0f 00 06"),
        _bytes(f"{_EGA_200} 00 {_REST} e1 24 c7 14 00 e0 f0 e3 ff"),
        _PLANES,
        _SIXTEEN_200,
        0,
    ),
    0x0E: VgaMode(
        80,
        25,
        8,
        0x4000,
        0x23,
        _bytes("01 0f 00 06"),
        _bytes(f"{_EGA_640} 00 {_REST} e0 23 c7 28 00 df ef e3 ff"),
        _PLANES,
        _SIXTEEN_200,
        0,
    ),
    0x10: VgaMode(
        80,
        25,
        14,
        0x8000,
        0xA7,
        _bytes("01 0f 00 06"),
        _bytes(f"5b 4f 53 37 52 00 6c 1f 00 00 {_REST} 5e 2b 5d 28 0f 5f 0a e3 ff"),
        _PLANES,
        _SIXTEEN,
        1,
    ),
}
EGA[0x01], EGA[0x03], EGA[0x05] = EGA[0x00], EGA[0x02], EGA[0x04]


def ega_colors(*, cga: bool) -> bytes:
    """Return the 64 colors of an EGA, or of one that shows 200 lines as a CGA does."""
    return _cga_colors() if cga else _ega_colors()


def _ega_colors() -> bytes:
    """Return the colors whose number has the bits rgbRGB."""
    return bytes(
        0x2A * (number >> bit & 1) + 0x15 * (number >> bit + 3 & 1)
        for number in range(64)
        for bit in (2, 1, 0)
    )


def _cga_colors() -> bytes:
    """Return a CGA's colors, the bright ones where bit 4 is set; 6 is brown."""
    colors = bytearray()
    for number in range(64):
        bright = 0x15 if number & 0x10 else 0
        color = [0x2A * (number >> bit & 1) + bright for bit in (2, 1, 0)]
        if number & 0x17 == 6:
            color[1] = 0x15
        colors += bytes(color)
    return bytes(colors)


def _grays() -> bytes:
    return b"".join(bytes((level,)) * 3 for level in (0, 0x2A, 0x15, 0x3F) for _ in range(8)) * 2


_GRAY_RAMP = "00 05 08 0b 0e 11 14 18 1c 20 24 28 2d 32 38 3f"
_LEVELS = (
    ("00 10 1f 2f 3f", "1f 27 2f 37 3f", "2d 31 36 3a 3f"),
    ("00 07 0e 15 1c", "0e 11 15 18 1c", "14 16 18 1a 1c"),
    ("00 04 08 0c 10", "08 0a 0c 0e 10", "0b 0c 0d 0f 10"),
)
"""For each intensity and saturation, five levels of a component."""


def _hues() -> list[tuple[int, int, int]]:
    """Return 24 hues from blue through red and green, by the levels of their components."""
    hue, hues = [0, 0, 4], []
    for component, step in ((0, 1), (2, -1), (1, 1), (0, -1), (2, 1), (1, -1)):
        for _ in range(4):
            hues.append((hue[0], hue[1], hue[2]))
            hue[component] += step
    return hues


def _many_colors() -> bytes:
    """Return the 256 colors of mode 13h: a CGA's, grays, and 24 hues in nine shades."""
    sixteen = b"".join(
        _cga_colors()[3 * number : 3 * number + 3] for number in (*range(8), *range(16, 24))
    )
    grays = b"".join(bytes((level,)) * 3 for level in _bytes(_GRAY_RAMP))
    colors = bytearray(sixteen + grays)
    for saturations in _LEVELS:
        for levels in saturations:
            steps = _bytes(levels)
            colors += b"".join(bytes(steps[part] for part in hue) for hue in _hues())
    return bytes(colors).ljust(768, b"\0")


_TEXT_350, _TEXT_200 = (
    _bytes("4d 0b 0c 00 00 00 00 83 85 5d"),
    _bytes("c7 06 07 00 00 00 00 9c 8e 8f"),
)
"""Registers 9 to 12h of the CRT controller."""


def with_lines(mode: VgaMode, lines: int) -> VgaMode:
    """Return a VGA's text mode with other lines than 400, as 12h/30h has it: 350, or 200."""
    if lines == 400:
        return mode
    clocking = bytes((mode.sequencer[0] | 1,)) + mode.sequencer[1:]  # eight dots
    stride = mode.crtc[0x13:0x14]
    if lines == 350:
        crtc = mode.crtc[:9] + _TEXT_350 + stride + _bytes("1f 63 ba a3 ff")
        attribute = mode.attribute[:0x13] + bytes(2)
        return mode._replace(
            height=14, misc=0xA3, sequencer=clocking, crtc=crtc, attribute=attribute
        )
    crtc = mode.crtc[:9] + _TEXT_200 + stride + _bytes("1f 96 b9 a3 ff")
    return mode._replace(
        height=8, misc=0x63, sequencer=clocking, crtc=crtc, attribute=_TEXT_OF_CGA, palette=0
    )


PALETTES = (
    _cga_colors().ljust(768, b"\0"),
    _ega_colors().ljust(768, b"\0"),
    _many_colors(),
    _grays().ljust(768, b"\0"),
)
