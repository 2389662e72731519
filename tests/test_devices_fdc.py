"""The floppy controller and the 8237, driven by guests and by nonsense."""

from __future__ import annotations

import random

import pytest
from boot_sectors import run_to_halt, sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.bios.drives import Drives
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.fdc import Fdc
from blink16.machine import Machine

LOADER = bytes.fromhex(
    "31c08ed8c7063800e37cc7063a000000baf203b000eec606f97c00b01ceefbe88d00b90400b008e89d00e8a9"
    "00e8a600e2f3c606f97c00b007e88b00b000e88600e86b00e87000c606f97c00b00fe87600b004e87100b005"
    "e86c00e85100e85600891e0806b006e60ae60cb046e60bb000e604e604b001e681b0ffe605b003e605b002e6"
    "0ac606f97c00bef07cb90900ace83300e2fae81600bf00061e07b90700e83200aae2fae408884503f4ebfd80"
    "3ef97c0074f9c3b008e80b00e8170088c3e8120088c7c350baf403ec24c03c8075f95842eec3baf403ec24c0"
    "3cc075f942ecc3502ec606f97c01b020e62058cfe60405010302121bff"
)
"""Resets the controller, recalibrates, seeks, and reads cylinder 5, head 1, sectors 3 and 4:

    irq: push ax / mov byte [cs:flag],1 / mov al,20h / out 20h,al / pop ax / iret
    put: push ax / mov dx,3F4h / p0: in al,dx / and al,0C0h / cmp al,80h / jne p0 / pop ax
         inc dx / out dx,al / ret
    get: mov dx,3F4h / g0: in al,dx / and al,0C0h / cmp al,0C0h / jne g0 / inc dx / in al,dx / ret

The 8237's channel 2 goes to 10000h; the results are left at 0600h, what 07h and 0Fh said at 0608h,
and the 8237's status at 060Ah.
"""


def floppy(code: bytes = b"") -> bytearray:
    """Return a floppy whose sectors are filled with their numbers."""
    image = bytearray(sector(code))
    for number in range(1, 2880):
        image += number.to_bytes(2, "little") * 256
    return image


def machine_with(code: bytes, engine: str = "reference", *, read_only: bool = False) -> Machine:
    """Return a PC before a boot sector on such a floppy."""
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    bios.power_on(machine, Console(), [bios.disk_of(0, bytes(floppy(code)), read_only=read_only)])
    return machine


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loader_drives_the_controller_itself(engine: str) -> None:
    """MINIX, multitasking systems and diagnostics have their own drivers for it."""
    machine = machine_with(LOADER, engine)
    run_to_halt(machine, LOADER)
    memory = machine.memory
    assert memory.read(0x600, 11).hex(" ") == "04 00 00 05 01 05 02 00 20 05 04"
    first = (5 * 2 + 1) * 18 + 2
    assert memory.read_word(0x10000) == first
    assert memory.read_word(0x10200) == first + 1
    assert memory.read_word(0x10400) == 0


def test_the_controller_goes_back_in_time() -> None:
    """Seeks and transfers on their way are part of the machine's state."""
    debugger = Debugger(machine_with(LOADER, "native"))
    debugger.resume(Resume(count=60_000))
    ends = {}
    for instant in (60_000, 45_000, 30_000, 5_000, 50_000):
        debugger.seek(instant)
        ends[instant] = debugger.machine.save(), bytes(debugger.machine.memory.ram)
    for instant in sorted(ends):
        debugger.seek(instant)
        assert (debugger.machine.save(), bytes(debugger.machine.memory.ram)) == ends[instant]


# -- commands from outside -------------------------------------------------------------------


class Bench:
    """A PC whose controller the test drives."""

    def __init__(self, *, read_only: bool = False) -> None:
        self.machine = machine_with(bytes.fromhex("faebfe"), read_only=read_only)
        fdc = self.machine.component(Fdc.COMPONENT)
        assert isinstance(fdc, Fdc)
        self.fdc = fdc
        self.out(0x3F2, 0x1C)

    def out(self, port: int, *values: int) -> None:
        """Write to a port."""
        for value in values:
            self.machine.bus.write(port, value)

    def wait(self) -> None:
        """Let what is being done come to its end."""
        while (due := self.fdc.due()) is not None:
            self.machine.registers.cycles += max(0, due - self.machine.time)
            self.fdc.advance(self.machine.time)

    def do(self, *command: int) -> bytes:
        """Give a command and return its result, or that of the sense after a seek."""
        self.out(0x3F5, *command)
        self.wait()
        if command[0] in (0x07, 0x0F):
            self.out(0x3F5, 0x08)
        result = bytearray()
        while self.machine.bus.read(0x3F4) & 0xF0 == 0xD0:
            result.append(self.machine.bus.read(0x3F5))
        return bytes(result)

    def dma(self, mode: int, address: int, size: int) -> None:
        """Set channel 2 up."""
        self.out(0x0A, 6)
        self.out(0x0C, 0)
        self.out(0x0B, mode)
        self.out(0x04, address & 0xFF, address >> 8 & 0xFF)
        self.out(0x81, address >> 16)
        self.out(0x05, (size - 1) & 0xFF, (size - 1) >> 8)
        self.out(0x0A, 2)


def test_both_see_one_disk() -> None:
    """What the controller writes, INT 13h reads."""
    bench = Bench()
    bench.machine.memory.write(0x20000, b"ours" * 128)
    bench.dma(0x4A, 0x20000, 512)
    assert bench.do(0xC5, 0, 0, 0, 2, 2, 18, 0x1B, 0xFF)[:3] == bytes(3)
    disk = bench.machine.component("disk-0")
    assert disk.read(1) == b"ours" * 128  # type: ignore[union-attr]


def test_the_end_of_the_cylinder() -> None:
    """Without a terminal count a transfer ends, as an error, where the cylinder does."""
    bench = Bench()
    bench.dma(0x46, 0x20000, 0x8000)
    result = bench.do(0xE6, 0, 0, 0, 18, 2, 18, 0x1B, 0xFF)
    assert result == bytes((0x40, 0x80, 0, 1, 0, 1, 2))
    assert bench.machine.memory.read_word(0x20000) == 17
    assert bench.machine.memory.read_word(0x20000 + 18 * 512) == 35
    assert bench.machine.memory.read_word(0x20000 + 19 * 512) == 0


def test_errors_have_their_bits() -> None:
    """Missing sectors, other cylinders, protected disks, overruns, unknown commands."""
    bench = Bench(read_only=True)
    bench.dma(0x46, 0x20000, 512)
    assert bench.do(0xE6, 0, 0, 0, 19, 2, 19, 0x1B, 0xFF)[:3] == b"\x40\x04\x00"
    assert bench.do(0xE6, 0, 7, 0, 1, 2, 18, 0x1B, 0xFF)[:3] == b"\x40\x04\x10"
    assert bench.do(0xC5, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)[:3] == b"\x40\x02\x00"
    assert bench.do(0x4D, 0, 2, 18, 0x54, 0xF6)[:3] == b"\x40\x02\x00"
    bench.out(0x0A, 6)
    assert bench.do(0xE6, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)[:3] == b"\x40\x10\x00"
    assert bench.do(0x1F) == b"\x80"
    assert bench.do(0x08) == b"\x80"
    bench.out(0x3F2, 0x18, 0x1C)
    assert bench.do(0x08) == b"\xc0\x00"
    assert bench.do(0x04, 0) == bytes((0x78,))


def test_a_drive_without_a_disk_never_answers() -> None:
    """There are no index pulses; a reset ends the wait, a disk put in lets it go on."""
    bench = Bench()
    bench.machine.receive(Drives.CHANNEL, Drives.change(0, None))
    bench.dma(0x46, 0x20000, 512)
    bench.out(0x3F5, 0xE6, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)
    assert bench.fdc.due() is None
    assert bench.machine.bus.read(0x3F4) & 0xF0 == 0x10
    assert bench.machine.bus.read(0x3F7) & 0x80
    bench.out(0x3F2, 0x18, 0x1C)
    assert bench.machine.bus.read(0x3F4) & 0xF0 == 0x80


def test_a_disk_that_is_taken_out_in_mid_transfer() -> None:
    """The command ends with the disk that is put in instead."""
    bench = Bench()
    bench.dma(0x46, 0x20000, 512)
    bench.out(0x3F5, 0xE6, 0, 0, 0, 3, 2, 18, 0x1B, 0xFF)
    bench.machine.receive(Drives.CHANNEL, Drives.change(0, None))
    bench.wait()
    assert not bench.fdc.state.result
    bench.machine.receive(Drives.CHANNEL, Drives.change(0, 0))
    bench.out(0x3F2, 0x1C)
    bench.wait()
    assert bench.machine.memory.read_word(0x20000) == 2


def test_without_dma_bytes_come_through_the_data_port() -> None:
    """SPECIFY's last bit says so; there is no terminal count then."""
    bench = Bench()
    bench.do(0x03, 0xDF, 0x03)
    bench.out(0x3F5, 0xE6, 0, 0, 0, 18, 2, 18, 0x1B, 0xFF)
    bench.wait()
    data = bytearray()
    while bench.machine.bus.read(0x3F4) & 0x20:
        data.append(bench.machine.bus.read(0x3F5))
    assert len(data) == 19 * 512
    assert data[:2] == (17).to_bytes(2, "little")
    assert bench.machine.bus.read(0x3F5) == 0x40


def test_dma_wraps_and_leaves_rom_alone() -> None:
    """The 8237 counts sixteen bits; stores to ROM have no effect."""
    bench = Bench()
    bench.dma(0x46, 0x2FF00, 512)
    bench.do(0xE6, 0, 0, 0, 4, 2, 18, 0x1B, 0xFF)
    assert bench.machine.memory.read_word(0x2FF00) == 3
    assert bench.machine.memory.read_word(0x20000) == 3
    assert bench.machine.memory.read_word(0x30000) == 0
    before = bench.machine.memory.read(0xFFE00, 512)
    bench.dma(0x46, 0xFFE00, 512)
    bench.do(0xE6, 0, 0, 0, 4, 2, 18, 0x1B, 0xFF)
    assert bench.machine.memory.read(0xFFE00, 512) == before


def test_formatting_a_track() -> None:
    """Four bytes a sector come by DMA; INT 13h reads what was filled in."""
    bench = Bench()
    bench.do(0x0F, 0, 1)
    names = b"".join(bytes((1, 0, number, 2)) for number in range(1, 19))
    bench.machine.memory.write(0x20000, names)
    bench.dma(0x4A, 0x20000, len(names))
    assert bench.do(0x4D, 0, 2, 18, 0x54, 0xE5)[:3] == bytes(3)
    disk = bench.machine.component("disk-0")
    assert disk.read(36) == disk.read(53) == b"\xe5" * 512  # type: ignore[union-attr]


PORTS = (*range(0x10), *range(0x80, 0x90), *range(0x3F0, 0x3F8))
COMMANDS = (0xE6, 0xC5, 0x4D, 0x0A, 0x08, 0x07, 0x0F, 0x03, 0x02, 0x11)


@settings(max_examples=examples(25))
@given(st.integers(0, 1 << 32))
def test_nonsense_is_no_crash_and_equal_on_both_engines(seed: int) -> None:
    """Any order of accesses to the ports gives the same machine on both engines."""
    choose = random.Random(seed)
    code = bytearray()
    for _ in range(60):
        port = choose.choice(PORTS) if choose.random() < 0.4 else 0x3F5
        value = choose.choice((*COMMANDS, 0, 1, 2, 0x1C, choose.randrange(256)))
        code += b"\xba" + port.to_bytes(2, "little")
        code += choose.choice((b"\xec", bytes((0xB0, value, 0xEE)), b"\xed\x01\xc3"))
    code += bytes.fromhex("b90000e2fe") * 2 + bytes.fromhex("f4ebfd")
    states = []
    for engine in ENGINES:
        machine = machine_with(bytes(code[:500]), engine)
        machine.run(15_000)
        states.append((machine.save(), bytes(machine.memory.ram)))
    assert states[0] == states[1]
