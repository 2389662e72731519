"""What an AT's board has otherwise than an XT's: port 61h, the 8042 before and after POST."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16 import bios
from blink16.console import Console
from blink16.devices.cards import Cards
from blink16.machine import Machine

AT = Cards(at=True)
STATUS_FULL, STATUS_SYSTEM = 0x01, 0x04
MEMORY_ERROR, CHANNEL_ERROR = 0x80, 0x40
FOREVER = "ebfe"


def switched_on(code: str, engine: str = "reference") -> Machine:
    """Return an AT that is switched on with this code for a BIOS, at F000:FF00."""
    image = bytes.fromhex(code).ljust(0xF0, b"\0") + bytes.fromhex("ea00ff00f0").ljust(16, b"\0")
    machine = Machine(engine, epoch_ns=10**18)
    machine.idle_after = 1 << 62
    bios.run_bios(machine, image, Console(), [bios.disk_of(0, sector(b""))], cards=AT)
    return machine


def booted(code: str, engine: str = "reference") -> Machine:
    """Return an AT of our BIOS's before a boot sector."""
    machine = Machine(engine, epoch_ns=10**18)
    machine.idle_after = 1 << 62
    bios.power_on(machine, Console(), [bios.disk_of(0, sector(bytes.fromhex(code)))], cards=AT)
    machine.run(1)  # the jump in ROM
    return machine


@pytest.mark.parametrize("engine", ENGINES)
def test_the_8042_says_whether_the_power_has_just_come(engine: str) -> None:
    """Prevents a BIOS from taking its first start for a reset, and resetting for ever.

    in al,64h; mov [600h],al; mov al,0AAh; out 64h,al; in al,60h; mov [601h],al; in al,64h;
    mov [602h],al; jmp $
    """
    machine = switched_on("e464a20006b0aae664e460a20106e464a20206" + FOREVER, engine)
    machine.run(20)
    before, passed, after = machine.memory.read(0x600, 3)
    assert passed == 0x55
    assert not before & STATUS_SYSTEM
    assert after & STATUS_SYSTEM


@pytest.mark.parametrize("engine", ENGINES)
def test_a_byte_for_the_keyboard_lets_it_talk(engine: str) -> None:
    """The 8042 starts with the keyboard's clock off; BIOSes send it FFh without a command AEh.

    mov al,0FFh; out 60h,al; mov di,600h; mov cx,2; r: in al,64h; test al,1; jz r; in al,60h;
    mov [di],al; inc di; loop r; jmp $
    """
    code = "b0ffe660bf0006b90200e464a80174fae460880547e2f3" + FOREVER
    machine = switched_on(code, engine)
    machine.run(20_000)
    assert machine.memory.read(0x600, 2) == b"\xfa\xaa"


def test_keys_interrupt_as_the_command_byte_says() -> None:
    """Prevents IRQ 1 for programs that have switched it off and ask port 64h."""
    machine = booted(FOREVER)
    bus = machine.bus
    bus.write(0x21, 0xFF)
    for command_byte, asks in ((0x44, False), (0x45, True)):
        bus.write(0x64, 0x60)
        bus.write(0x60, command_byte)
        machine.receive("keyboard", b"\x1e")
        machine.run(20_000)
        assert bus.read(0x64) & STATUS_FULL
        bus.write(0x20, 0x0A)
        assert bool(bus.read(0x20) & 2) == asks
        assert bus.read(0x60) == 0x1E


def test_a_keyboard_that_was_switched_off_has_kept_its_codes() -> None:
    """An XT's resets itself when its clock was low for 20 ms; an AT's only waits."""
    machine = booted(FOREVER)
    bus = machine.bus
    bus.write(0x21, 0xFF)
    bus.write(0x64, 0xAD)
    machine.receive("keyboard", b"\x1e")
    machine.run(10_000)
    assert not bus.read(0x64) & STATUS_FULL
    bus.write(0x64, 0xAE)
    machine.run(20_000)
    assert bus.read(0x60) == 0x1E
    machine.run(20_000)
    assert not bus.read(0x64) & STATUS_FULL


def test_a_byte_is_put_where_the_keyboards_come() -> None:
    """D2h: a self-test finds it at once, with the keyboard off."""
    bus = booted(FOREVER).bus
    bus.write(0x64, 0xAD)
    bus.write(0x64, 0xD2)
    bus.write(0x60, 0x5A)
    assert bus.read(0x64) & STATUS_FULL
    assert bus.read(0x60) == 0x5A


@pytest.mark.parametrize("engine", ENGINES)
def test_port_61h_has_nothing_to_do_with_the_keyboard(engine: str) -> None:
    """Prevents a BIOS that switches the speaker off with a 0 from losing its keyboard.

    mov al,0; out 61h,al; sti; w: hlt; jmp w
    """
    machine = booted("b000e661fbf4ebfd", engine)
    machine.run(5)
    machine.receive("keyboard", b"\x1e")
    machine.run(5_000)
    assert machine.memory.read_word(0x41E) == 0x1E61


@pytest.mark.parametrize("engine", ENGINES)
def test_port_61h_shows_errors_until_they_are_cleared(engine: str) -> None:
    """Bits 6 and 7, where an XT reads back its keyboard's; bits 2 and 3 clear them.

    cli; mov al,0Dh+80h; out 70h,al; l: in al,61h; and al,0CFh; mov [600h],al; jmp l
    """
    machine = booted("fab08de670e46124cfa20006ebf7", engine)
    machine.run(20)
    assert machine.memory.read(0x600, 1) == b"\0"
    machine.receive("nmi", bytes((MEMORY_ERROR | CHANNEL_ERROR,)))
    machine.run(20)
    assert machine.memory.read(0x600, 1) == b"\xc0"
    state = machine.save()
    machine.bus.write(0x61, 0x04)
    machine.run(20)
    assert machine.memory.read(0x600, 1) == b"\x44"
    machine.bus.write(0x61, 0x08)
    machine.run(20)
    assert machine.memory.read(0x600, 1) == b"\x08"
    machine.restore(state)
    machine.run(20)
    assert machine.memory.read(0x600, 1) == b"\xc0"


def test_an_error_of_memory_ends_an_at_too() -> None:
    """The BIOS looked for the error at port 62h, which an AT hasn't got, and went on."""
    machine = booted(FOREVER)
    shown = bytearray()
    machine.on_output = lambda channel, data: shown.extend(data)
    machine.receive("nmi", bytes((CHANNEL_ERROR,)))
    machine.run(50)
    assert b"PARITY CHECK 2" in shown
    assert not machine.bus.read(0x61) & (CHANNEL_ERROR | MEMORY_ERROR)


def test_an_8086s_at_is_reset_by_port_92h() -> None:
    """Without an address line 20 that is all there is to it: mov al,1; out 92h,al; jmp $."""
    machine = switched_on("c606000601b001e692" + FOREVER)
    for _ in range(2):
        machine.run(4)
        assert (machine.registers.cs, machine.registers.ip) == (0xFFFF, 0)


def test_emulators_bioses_find_what_to_boot() -> None:
    """CMOS 3Dh: a floppy, then a hard disk; with a 0 VirtualBox's boots nothing."""
    bus = booted(FOREVER).bus
    bus.write(0x70, 0x3D)
    assert bus.read(0x71) == 0x21


@pytest.mark.parametrize(("other", "result"), [(True, b"\x00\x00\x00"), (False, b"\x40\x04\x10")])
def test_another_bios_may_read_without_a_seek(other: bool, result: bytes) -> None:
    """VirtualBox's and Bochs's rely on controllers that move the head themselves.

    With our BIOS the answer is a real one's: no data, wrong cylinder.
    """
    machine = switched_on(FOREVER) if other else booted(FOREVER)
    bus = machine.bus
    dma = ((0x0A, 6), (0x0C, 0), (4, 0), (4, 0x10), (5, 0xFF), (5, 1), (0x0B, 0x46), (0x81, 0))
    for port, value in (*dma, (0x0A, 2), (0x3F2, 0x1C)):
        bus.write(port, value)
    for value in (0x66, 0, 3, 0, 1, 2, 1, 0x1B, 0xFF):
        bus.write(0x3F5, value)
    machine.run(20_000)
    assert bus.read(0x3F4) & 0xD0 == 0xD0
    assert bytes(bus.read(0x3F5) for _ in range(7))[:3] == result
