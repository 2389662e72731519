"""The BIOS's serial and parallel ports."""

from __future__ import annotations

from boot_sectors import (
    SECOND,
    Pc,
    Powered,
    sector,
)

from blink16.bios.disk import disk_of


def test_serial_calls_send_and_receive() -> None:
    """INT 14h sends to the channel com1 and takes what comes there; status has the lines."""
    # mov ax,00E3h; mov dx,0; int 14h; mov ax,0141h; int 14h; mov ax,0142h; int 14h;
    # mov ah,2; int 14h; jmp $
    code = "b8e300ba0000cd14b84101cd14b84201cd14b402cd14ebfe"
    pc_ = Pc(sector(bytes.fromhex(code)))
    pc_.machine.receive("com1", b"z")
    pc_.machine.run(SECOND // 10)
    assert b"".join(data for channel, data in pc_.shown if channel == "com1") == b"AB"
    assert pc_.registers.ax == ord("z")


def test_a_serial_port_without_input_times_out() -> None:
    """INT 14h/02 must come back with 80h in AH after the port's time-out."""
    image = sector(bytes.fromhex("ba0000b402cd14ebfe"))
    pc_ = Powered([disk_of(0, image)], speed=20_000)
    pc_.machine.run(40_000)
    assert pc_.registers.ah == 0x80
    assert pc_.registers.ip == 0x7C07


def test_printer_calls_print() -> None:
    """INT 17h/00 prints on the channel lpt1 and returns a ready printer's status."""
    pc_ = Pc()
    pc_.call(0x17, 0x0058, dx=0)
    assert pc_.shown == [("lpt1", b"X")]
    assert pc_.registers.ah & 0x90 == 0x90
    assert not pc_.registers.ah & 0x29


def test_printer_status_and_reset() -> None:
    """INT 17h/01 and 02 must show a ready printer, and ports that aren't there stay untouched."""
    pc_ = Pc()
    for ax in (0x0100, 0x0200):
        pc_.call(0x17, ax, dx=0)
        assert pc_.registers.ah == 0x90
    assert pc_.shown == []
    for dx in (1, 2, 3, 0xFFFF):
        pc_.call(0x17, 0x0042, dx=dx)
        assert pc_.registers.ax == 0x0042


def test_serial_set_up_and_status() -> None:
    """INT 14h/00 must program speed and form; 03h gives line and modem status."""
    pc_ = Pc()
    pc_.call(0x14, 0x009A, dx=1)  # 1200 baud, even parity, seven bits
    com2 = pc_.machine.component("com2")
    assert (com2.state.divisor, com2.state.lcr) == (96, 0x1A)  # type: ignore[union-attr]
    assert pc_.registers.ax == 0x60B0
    pc_.call(0x14, 0x0300, dx=1)
    assert pc_.registers.ax == 0x60B0
    pc_.call(0x14, 0x0300, dx=2)
    assert pc_.registers.ax == 0x0300


def test_short_words_lose_their_upper_bits() -> None:
    """A line of seven bits must not send eight."""
    pc_ = Pc()
    pc_.call(0x14, 0x00E2, dx=0)
    pc_.call(0x14, 0x01C1, dx=0)
    assert pc_.shown == [("com1", b"A")]


def test_print_screen_tells_how_it_went() -> None:
    """0050:0000 must be 0 after INT 05h, and FFh where there is no printer."""
    pc_ = Pc()
    pc_.machine.memory.write(0x500, b"\x55")
    pc_.call(0x05)
    assert pc_.machine.memory[0x500] == 0
    pc_.machine.memory.write_word(0x408, 0)
    pc_.call(0x05)
    assert pc_.machine.memory[0x500] == 0xFF
