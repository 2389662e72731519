"""What a VGA's BIOS has switched on: lines of text, colors, cursors, and all of it saved."""

from __future__ import annotations

import random

import pytest
from test_vga import call, machine_with, shown

from blink16.bios import picture
from blink16.bios.screen_content import TextScreen
from blink16.devices.video import Adapter
from blink16.machine import Machine

DATA = 0x400


@pytest.fixture
def machine() -> Machine:
    """Return a PC with a VGA that does nothing by itself."""
    machine = machine_with(b"\xeb\xfe")
    machine.run(1)
    return machine


def registers(machine: Machine) -> str:
    """Return the CRT controller's registers, from 9 to 0Bh and from 10h on, in hexadecimal."""
    values = []
    for index in (*range(9, 12), *range(0x10, 0x13), 0x15, 0x16):
        machine.bus.write(0x3D4, index)
        values.append(machine.bus.read(0x3D5))
    return bytes(values).hex()


# what DOSBox 0.74 (machine=vgaonly) has after 1200h + lines, mode 3 and, behind the comma, 1112h
LINES = {
    0: ("c706079c8e8f96b9", 25, "c706079c8e8f96b9", 25),
    1: ("4d0b0c83855d63ba", 25, "47060783855763ba", 43),
    2: ("4f0d0e9c8e8f96b9", 25, "4706079c8e8f96b9", 50),
}


@pytest.mark.parametrize("lines", LINES)
def test_text_of_200_350_and_400_lines(machine: Machine, lines: int) -> None:
    """43 rows, as many programs have them, were 50: 12h/30h had no effect.

    The registers are those of DOSBox but for the cursor and the end of 43 rows, which it leaves.
    """
    mode, rows, small, small_rows = LINES[lines]
    call(machine, 0x1200 + lines, bx=0x30)
    assert machine.registers.al == 0x12
    call(machine, 3)
    assert registers(machine) == mode
    assert machine.memory.ram[DATA + 0x84] == rows - 1
    call(machine, 0x1112, bx=0)
    assert registers(machine) == small
    assert machine.memory.ram[DATA + 0x84] == small_rows - 1
    screen = shown(machine)
    assert isinstance(screen, TextScreen)
    assert (screen.rows, screen.height) == (small_rows, 8)
    assert picture.png(screen)


CURSORS = {
    0x0607: 0x0D0E, 0x0407: 0x080F, 0x0007: 0x000F, 0x2000: 0x1E00, 0x0D0E: 0x0D0E,
    0x0E0F: 0x0D0E, 0x0B0C: 0x0D0E, 0x0507: 0x0C0E, 0x0307: 0x080F, 0x0206: 0x020F,
    0x0102: 0x0102, 0x000F: 0x000F, 0x0F00: 0x0F00, 0x0704: 0x040F, 0x0606: 0x0E0E,
    0x080B: 0x080F, 0x0C0D: 0x0D0E, 0x1F00: 0x1F00, 0x2607: 0x1E00, 0x0F0F: 0x0E0E,
}  # fmt: skip


def test_cursors_are_a_cgas(machine: Machine) -> None:
    """A CGA's cursor stood in the middle of the character; DOSBox 0.74 has these lines."""
    call(machine, 3)
    call(machine, 0x0300, bx=0)
    assert machine.registers.cx == 0x0607
    for asked, lines in CURSORS.items():
        call(machine, 0x0100, cx=asked)
        values = []
        for index in (0x0A, 0x0B):
            machine.bus.write(0x3D4, index)
            values.append(machine.bus.read(0x3D5))
        assert bytes(values) == lines.to_bytes(2, "big"), hex(asked)
        call(machine, 0x0300, bx=0)
        assert machine.registers.cx == asked
    call(machine, 0x1201, bx=0x34)
    call(machine, 0x0100, cx=0x0607)
    machine.bus.write(0x3D4, 0x0A)
    assert machine.bus.read(0x3D5) == 6


def test_a_mode_that_keeps_memory_says_so(machine: Machine) -> None:
    """0Fh has bit 7 of the mode's number, by which programs know whether they may clear."""
    call(machine, 0x83)
    call(machine, 0x0F00)
    assert (machine.registers.ax, machine.memory.ram[DATA + 0x49]) == (0x5083, 3)
    call(machine, 3)
    call(machine, 0x0F00)
    assert machine.registers.ax == 0x5003


def color(machine: Machine, number: int) -> tuple[int, int, int]:
    """Return a color of the DAC."""
    call(machine, 0x1015, bx=number)
    return machine.registers.dh, machine.registers.ch, machine.registers.cl


def test_colors_of_a_mode_may_be_gray_or_stay(machine: Machine) -> None:
    """12h/33h and 12h/31h: programs that fade from one mode to another switch the latter off."""
    call(machine, 0x1200, bx=0x33)
    call(machine, 3)
    assert color(machine, 4) == (13, 13, 13)
    call(machine, 0x1010, bx=7, dx=0x3F00, cx=0)
    assert color(machine, 7) == (19, 19, 19)
    call(machine, 0x1201, bx=0x33)
    call(machine, 0x1201, bx=0x31)
    call(machine, 3)
    assert color(machine, 7) == (19, 19, 19)
    call(machine, 0x1200, bx=0x31)
    call(machine, 3)
    assert color(machine, 4) == (42, 0, 0)


def test_the_screen_is_switched_off_and_on(machine: Machine) -> None:
    """12h/36h, by which programs draw behind the curtain."""
    call(machine, 3)
    call(machine, 0x1201, bx=0x36)
    assert shown(machine) is None
    call(machine, 0x1200, bx=0x36)
    assert shown(machine) is not None


@pytest.mark.parametrize("mode", [3, 0x0D, 0x13])
def test_all_that_was_saved_comes_back(machine: Machine, mode: int) -> None:
    """1Ch was no function: task switchers and debuggers that leave graphics for text need it."""
    choose = random.Random(mode)
    call(machine, mode)
    for index in range(16):
        call(machine, 0x1000, bx=choose.randrange(64) << 8 | index)
    call(machine, 0x1010, bx=choose.randrange(256), cx=choose.randrange(0x10000))
    call(machine, 0x0200, bx=0, dx=0x0304)
    machine.memory.write(0xB8000, choose.randbytes(100))
    before = shown(machine)
    call(machine, 0x1C00, cx=7)
    assert (machine.registers.al, machine.registers.bx) == (0x1C, 14)
    call(machine, 0x1C01, cx=7, bx=0x1000, es=0x2000)
    area, saved = machine.memory.read(DATA + 0x49, 30), machine.memory.read(0x21000, 14 * 64)
    call(machine, 0x0092)
    call(machine, 0x83)
    call(machine, 0x1010, bx=1, cx=0x1234, dx=0x3F00)
    assert shown(machine) != before
    call(machine, 0x1C02, cx=7, bx=0x1000, es=0x2000)
    assert machine.memory.read(DATA + 0x49, 30) == area
    if mode == 3:  # the font of text is in the memory of dots
        assert shown(machine) == before
    call(machine, 0x1C01, cx=7, bx=0x2000, es=0x2000)
    assert machine.memory.read(0x22000, 14 * 64) == saved
    call(machine, 0x1C00, cx=8)
    assert machine.registers.al != 0x1C


@pytest.mark.parametrize(
    ("adapter", "ax", "bx", "told"),
    [
        (Adapter.CGA, 0x1012, 0, "INT 10h/10h with AL=12h; --display vga has it"),
        (Adapter.CGA, 0x1030, 0, "INT 10h/10h with AL=30h"),
        (Adapter.EGA, 0x1015, 0, "INT 10h/10h with AL=15h; --display vga has it"),
        (Adapter.EGA, 0x1030, 0, "INT 10h/10h with AL=30h"),
        (Adapter.CGA, 0x1201, 0x36, "INT 10h/12h with BL=36h; --display vga has it"),
        (Adapter.VGA, 0x1201, 0x77, "INT 10h/12h with BL=77h"),
        (Adapter.VGA, 0x1C05, 0, "INT 10h/1Ch with AL=05h"),
    ],
)
def test_a_vga_is_named_for_what_it_has(adapter: Adapter, ax: int, bx: int, told: str) -> None:
    """Prevents a remedy that helps nobody: functions that no adapter's BIOS has."""
    machine = machine_with(b"\xeb\xfe", adapter=adapter)
    machine.watch_for_lacks()
    machine.run(1)
    call(machine, ax, bx=bx, cx=7)
    assert machine.witness is not None
    (lack,) = machine.witness.state.told
    assert told in str(lack)
    assert ("--display" in str(lack)) == ("--display" in told)
