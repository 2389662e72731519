"""Pictures of a CGA, a Hercules and a VGA's text, dot by dot as DOSBox 0.74-3 shows them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from boot_sectors import run_to_halt
from test_vga import call, machine_with, rgb, shown

from blink16.bios import display, picture
from blink16.bios.screen_content import TextScreen
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine

FOLDER = Path(__file__).parent / "dosbox"
PICTURES = {
    # name of NAME.asm and NAME.bin in tests/dosbox: the adapter, and SHA-256 of the colors of ours,
    # which were those of DOSBox's window when it was compared (machine=cga, hercules, vgaonly)
    "hercules_page_0": (
        Adapter.HERCULES,
        "3385718aa9aa82da902399a518697192327c947426de7e07cbf9cbc96deff4ff",
    ),
    "hercules_page_1": (
        Adapter.HERCULES,
        "bde7b1719e44b3eb88766ef79db56db966256f64dac838d60538915a0b22a33e",
    ),
    "mode_4_start": (
        Adapter.CGA,
        "029736d9c206d46edb22bad3ac2fe3676f10b37d28112162ab2f7206605c4a29",
    ),
    "mode_5": (
        Adapter.CGA,
        "692cfed7e02af24ed6f548b8a705dbe148a9b8842ef2528cab809cfa15761eee",
    ),
    "mode_6": (
        Adapter.CGA,
        "ad19077c4b051a5e81908d1b78931d919fcb16c5f3197dfb26264f7bab91322e",
    ),
    "text_160x100": (
        Adapter.CGA,
        "7b43ed07703103ea2c05948c21f0aa6c6ceb022e6e51507248dd41c9b0fb5dd1",
    ),
    "text_40": (
        Adapter.CGA,
        "facd0930d5a3697ccb944e5b7118412d9974ea8346b199b78221ad3be990fd1f",
    ),
    "text_40_preset_split": (
        Adapter.VGA,
        "147d2c7cf7e7c4cf07151dcf55b85c8e59d48f1ec4fc914e293759da91d8366c",
    ),
    "text_split": (
        Adapter.VGA,
        "e74b039ba618243018915d0c2f97e79aa866cf90192863ea57d1d99e7fc8966c",
    ),
}
"""QEMU has no CGA and no Hercules, and knows neither preset rows nor splits within a row."""


def picture_of(machine: Machine) -> bytes:
    """Return red, green and blue of the dots that a machine shows."""
    return rgb(picture.png(display.read(machine.memory, machine.find(Video))))


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_dosboxs(name: str) -> None:
    """40 columns were half as wide, splits came a few lines off, preset lines not at all."""
    adapter, digest = PICTURES[name]
    code = (FOLDER / f"{name}.bin").read_bytes()
    machine = machine_with(code, adapter=adapter)
    run_to_halt(machine, code)
    assert sha256(picture_of(machine)).hexdigest() == digest


def set_attribute(machine: Machine, index: int, value: int) -> None:
    """Set a register of the attribute controller."""
    machine.bus.read(0x3DA)
    for byte in (index | 0x20, value):
        machine.bus.write(0x3C0, byte)


def text_lines(machine: Machine) -> list[bytes]:
    """Return the lines of the picture of 80 columns."""
    dots = picture_of(machine)
    width = len(dots) // 400
    return [dots[at : at + width] for at in range(0, len(dots), width)]


@pytest.mark.parametrize(("eight_dots", "none"), [(0, 8), (1, 0)])
def test_panned_text_is_moved_by_dots(eight_dots: int, none: int) -> None:
    """Smooth scrolling stood still.  Of nine dots, 8 pans by none, 0 by one and 7 by eight.

    Below a split that stops panning, nothing is moved.
    """
    machine = machine_with(b"\xeb\xfe")
    machine.run(1)
    machine.memory.write(0xB8000, bytes(range(256)) * 64)
    call(machine, 0x0100, cx=0x2000)
    machine.bus.write(0x3C4, 1)
    machine.bus.write(0x3C5, eight_dots)
    set_attribute(machine, 0x13, none)
    plain = text_lines(machine)
    for pan in range(0 if none else 1, 8):
        set_attribute(machine, 0x13, pan)
        moved = 3 * (pan + 1 if none else pan)
        lines = text_lines(machine)
        assert all(a[:-moved] == b[moved:] for a, b in zip(lines, plain, strict=True))
        assert lines != plain
    for index, value in ((0x18, 199), (0x07, 0x0F), (0x09, 0x0F)):
        machine.bus.write(0x3D4, index)
        machine.bus.write(0x3D5, value)
    set_attribute(machine, 0x10, 0x2C)
    assert text_lines(machine)[200:216] == plain[:16]


def test_an_adapter_underlines_where_its_register_says() -> None:
    """Mode 7 of a VGA underlines in the last line, color modes only where a program asks for it."""
    machine = machine_with(b"\xeb\xfe")
    machine.run(1)
    machine.memory.write(0xB8000, b" \x01 \x71" * 1000)
    call(machine, 0x0100, cx=0x2000)
    plain = picture_of(machine)
    machine.bus.write(0x3D4, 0x14)
    machine.bus.write(0x3D5, 14)
    underlined = text_lines(machine)
    blue, gray = bytes((0, 0, 0xA8)), bytes((0xA8,)) * 3
    assert underlined[14][: 18 * 3] == blue * 9 + gray * 9
    assert b"".join(underlined[:14]) == plain[: 14 * len(underlined[0])]


def test_forty_columns_are_as_wide_as_eighty() -> None:
    """A CGA's, an EGA's and a VGA's; text that is read is 40 columns."""
    for adapter, width in ((Adapter.CGA, 640), (Adapter.EGA, 640), (Adapter.VGA, 720)):
        machine = machine_with(b"\xeb\xfe", adapter=adapter)
        machine.run(1)
        call(machine, 1)
        screen = display.read(machine.memory, machine.find(Video))
        assert isinstance(screen, TextScreen)
        assert screen.columns == 40
        assert len(picture_of(machine)) == 3 * width * (350 if adapter is Adapter.EGA else 400)


def test_text_that_is_read_has_the_rows_that_are_seen() -> None:
    """Who reads text from a panned and preset screen gets whole rows and the cursor's place."""
    machine = machine_with(b"\xeb\xfe")
    machine.run(1)
    for code in b"Hi":
        call(machine, 0x0E00 | code)
    machine.bus.write(0x3D4, 8)
    machine.bus.write(0x3D5, 5)
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert screen.lines()[0] == "Hi"
    assert screen.cursor == (0, 2)
    assert screen.strips[0].lines == range(5, 16)
    assert screen.strips[0].cursor == 2
