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
