"""A PC from power on: resets, ROMs, unexpected interrupts, time travel."""

from __future__ import annotations

import pytest
from boot_sectors import (
    LOOP,
    PUT_COUNTER,
    SECOND,
    Pc,
    Powered,
    counter,
    hook,
    press,
    program,
    sector,
)

from blink16.bios.data_area import DataArea
from blink16.bios.disk import disk_of
from blink16.bios.geometry import BootError
from blink16.bios.roms import OptionRom
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.devices.pic import Pic
from blink16.memory import linear

FLOPPY = bytes(1440 * 1024)


@pytest.mark.parametrize("how", ["keys", "switch", "jump", "int19"])
def test_a_reset_boots_again(how: str) -> None:
    """Ctrl-Alt-Del, the reset button, a jump to FFFF:0 and INT 19h all lead to the boot sector."""
    pc_ = Pc(program(bytes.fromhex("ff060006fb") + LOOP))
    pc_.machine.run(1000)
    pc_.machine.memory.write_word(0x16 * 4, 0x1234)
    match how:
        case "keys":
            stop = press(pc_, "ctrl-alt-del")
        case "switch":
            pc_.machine.receive("reset", b"\0")
            stop = pc_.machine.run(SECOND // 2)
        case "jump":
            pc_.registers.cs, pc_.registers.ip = 0xFFFF, 0
            stop = pc_.machine.run(SECOND // 2)
        case "int19":
            pc_.call(0x19)
            stop = pc_.machine.run(SECOND // 2)
    if how != "int19":
        assert stop.reason is StopReason.RESTARTED
        assert stop.text.endswith("(Ctrl-Alt-Del)" if how == "keys" else "(reset)")
        assert pc_.machine.memory.read_word(0x16 * 4) != 0x1234
        pc_.machine.run(SECOND // 2)
    assert counter(pc_) == 2
    assert pc_.registers.dl == 0


def test_a_hard_disk_without_system_is_told() -> None:
    """INT 19h with nothing to boot must end with a sentence, not run into zeros."""
    pc_ = Powered([disk_of(0x80, bytes(1008 * 512))])
    stop = pc_.call(0x19)
    assert stop.reason is StopReason.EXITED
    assert "no system" in stop.text


def rom(code: bytes) -> bytes:
    """Return an option ROM of 512 bytes with this code at its entry."""
    image = (b"\x55\xaa\x01" + code).ljust(511, b"\0")
    return image + bytes((-sum(image) & 0xFF,))


INCREMENT_AND_RETURN = bytes.fromhex("2eff060000ff060006cb")[5:]  # inc word [0600h]; retf


def test_option_roms_are_called_before_booting() -> None:
    """ROMs with a right checksum run in the order of their addresses, and can't be written."""
    good, bad = rom(INCREMENT_AND_RETURN), rom(INCREMENT_AND_RETURN)[:-1] + b"\x99"
    pc_ = Powered(
        [disk_of(0, sector(bytes.fromhex("b800c88ed8c6060000ff") + LOOP))],
        [OptionRom(0xC8000, good), OptionRom(0xD0000, good), OptionRom(0xD8000, bad)],
    )
    pc_.machine.run(1000)
    assert counter(pc_) == 2
    assert pc_.registers.cs == 0
    assert pc_.machine.memory[0xC8000] == 0x55


@pytest.mark.parametrize(
    ("roms", "words"),
    [
        ([OptionRom(0x9000, b"x")], "isn't between"),
        ([OptionRom(0xEFF00, bytes(512))], "isn't between"),
        ([OptionRom(0xC8000, b"")], "empty"),
        ([OptionRom(0xC8000, bytes(512)), OptionRom(0xC8100, bytes(512))], "overlaps"),
    ],
)
def test_roms_in_impossible_places_are_refused(roms: list[OptionRom], words: str) -> None:
    """A ROM over RAM or over another one must give one line that says so."""
    with pytest.raises(BootError, match=words):
        Powered([disk_of(0, FLOPPY)], roms)


def test_the_bios_rom_can_not_be_written() -> None:
    """A guest that writes to F000 must not change the BIOS."""
    pc_ = Pc(sector(bytes.fromhex("b800f08ed8c7060001ffff") + LOOP))
    before = pc_.machine.memory.read(0xF0100, 2)
    pc_.machine.run(20)
    assert pc_.machine.memory.read(0xF0100, 2) == before


def test_unexpected_interrupts_are_ended_and_masked() -> None:
    """An IRQ that nobody handles must not hang the machine or block those below it."""
    pc_ = Pc(sector(LOOP))
    bus = pc_.machine.bus
    bus.write(0x21, 0x00)
    pic = pc_.machine.find(Pic)
    assert pic is not None
    pic.set_line(3, True)
    pc_.machine.run(SECOND // 10)
    assert bus.read(0x21) == 0x08
    before = pc_.area.ticks
    pc_.machine.run(SECOND // 5)
    assert pc_.area.ticks > before


def test_all_state_goes_back_in_time() -> None:
    """A machine restored in the middle of ticks, keys and serial bytes must end the same way."""
    echo = bytes.fromhex("b400cd16b40ecd10b401ba0000cd14ebef")
    pc_ = Pc(program(hook(0x1C) + echo, PUT_COUNTER))
    pc_.machine.receive(Console.CHANNEL, b"hello")
    pc_.machine.run(20_000)
    saved, ram = pc_.machine.save(), bytes(pc_.machine.memory.ram)
    ends = []
    for pieces in ([50_000], [1, 7, 992, 49_000]):
        pc_.machine.restore(saved)
        pc_.machine.memory.write(0, ram)
        pc_.machine.replaying = True
        for piece in pieces:
            pc_.machine.run(piece)
        ends.append((pc_.machine.save(), bytes(pc_.machine.memory.ram)))
    assert ends[0] == ends[1]


def test_data_area_and_linear_agree() -> None:
    """The keyboard buffer's pointers are offsets in segment 40h."""
    pc_ = Pc()
    assert pc_.machine.memory.read_word(linear(0x40, 0x80)) == DataArea(
        pc_.machine.memory
    ).key_buffer_start == 0x1E  # fmt: skip
