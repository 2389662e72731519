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
from blink16.devices.cards import Cards
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


@pytest.mark.parametrize(
    ("command", "byte", "status"),
    [
        (0x51, 20, 0x08), (0x51, 21, 0x04), (0x51, 0xFF, 0x08),
        (0x59, 20, 0x08), (0x59, 21, 0x00), (0x59, 19, 0x04),
        (0x5D, 20, 0x08), (0x5D, 19, 0x00), (0x5D, 21, 0x04),
    ],
)  # fmt: skip
def test_scans_compare_byte_by_byte(command: int, byte: int, status: int) -> None:
    """ST2 says equal, or satisfied otherwise, or not; FFh stands for every byte.

    The sector is filled with its number 20 and a zero, which the host compares with FFh.
    """
    bench = Bench()
    bench.machine.memory.write(0x20000, bytes((byte, 0xFF)) * 256)
    bench.dma(0x4A, 0x20000, 512)
    result = bench.do(command, 4, 0, 1, 3, 2, 3, 0x1B, 1)
    assert result == bytes((0x04, 0, status, 1, 1, 1, 2))


def test_a_scan_ends_at_the_sector_that_it_looks_for() -> None:
    """With an 8237 that begins again each sector is compared with the same 512 bytes."""
    bench = Bench()
    bench.machine.memory.write(0x20000, (8).to_bytes(2, "little") * 256)
    bench.dma(0x5A, 0x20000, 0x10000)
    bench.out(0x0A, 6)
    bench.machine.memory.write(0x20200, (8).to_bytes(2, "little") * 0x7F00)
    bench.out(0x0A, 2)
    assert bench.do(0x51, 0, 0, 0, 3, 2, 18, 0x1B, 2) == bytes((0, 0, 0x08, 0, 0, 11, 2))


def feed(bench: Bench, data: bytes) -> bytes:
    """Write a command's bytes without DMA, and return the result."""
    bench.wait()
    for byte in data:
        assert bench.machine.bus.read(0x3F4) & 0xF0 == 0xB0
        bench.out(0x3F5, byte)
    bench.wait()
    return bytes(bench.machine.bus.read(0x3F5) for _ in range(7))


def test_both_sides_are_written_without_dma() -> None:
    """The bytes of both tracks are asked for, and no sector is written with less than 512."""
    bench = Bench()
    bench.do(0x03, 0xDF, 0x03)
    bench.out(0x3F5, 0xC5, 0, 0, 0, 18, 2, 18, 0x1B, 0xFF)
    assert feed(bench, b"abcd" * 128 * 19) == bytes((0x40, 0x80, 0, 1, 0, 1, 2))
    disk = bench.machine.component("disk-0")
    assert disk.read(17) == disk.read(35) == b"abcd" * 128  # type: ignore[union-attr]


def test_formatting_and_scanning_without_dma() -> None:
    """Names of sectors and what is looked for come through the data port as well."""
    bench = Bench()
    bench.do(0x03, 0xDF, 0x03)
    bench.out(0x3F5, 0x4D, 4, 2, 2, 0x54, 0xE5)
    assert feed(bench, bytes((0, 1, 3, 2, 0, 1, 99, 2)))[:3] == bytes((4, 0, 0))
    disk = bench.machine.component("disk-0")
    assert disk.read(20) == b"\xe5" * 512  # type: ignore[union-attr]
    bench.out(0x3F5, 0x51, 4, 0, 1, 3, 2, 3, 0x1B, 1)
    assert feed(bench, b"\xe5" * 512)[:3] == bytes((4, 0, 8))


def test_deleted_marks_go_with_the_disk_and_back_in_time() -> None:
    """They lie on the disk, not in the drive; writing the sector anew takes the mark away."""
    bench = Bench()
    before = bench.machine.save()
    bench.dma(0x4A, 0x20000, 512)
    bench.do(0xC9, 0, 0, 0, 2, 2, 18, 0x1B, 0xFF)
    disk = bench.machine.component("disk-0")
    assert disk.is_deleted(1)  # type: ignore[union-attr]
    after = bench.machine.save()
    bench.machine.restore(before)
    assert not disk.is_deleted(1)  # type: ignore[union-attr]
    bench.machine.restore(after)
    assert disk.is_deleted(1)  # type: ignore[union-attr]
    bench.dma(0x4A, 0x20000, 512)
    bench.do(0xC5, 0, 0, 0, 2, 2, 18, 0x1B, 0xFF)
    assert not disk.is_deleted(1)  # type: ignore[union-attr]


# -- the 8237 --------------------------------------------------------------------------------


def test_the_8237_counts_down() -> None:
    """Mode bit 5: the first byte goes to the highest address."""
    bench = Bench()
    bench.dma(0x66, 0x201FF, 512)
    bench.do(0xE6, 0, 0, 0, 4, 2, 18, 0x1B, 0xFF)
    assert bench.machine.memory.read(0x20000, 512) == b"\0\3" * 256
    assert bench.machine.memory.read_word(0x20200) == 0


def at_bench() -> Machine:
    """Return an AT, whose channel 0 refreshes nothing."""
    machine = Machine()
    bios.power_on(machine, Console(), [bios.disk_of(0, sector(b""))], cards=Cards(at=True))
    return machine


def program(machine: Machine, *pairs: int) -> None:
    """Write ports and values in turn."""
    for port, value in zip(pairs[::2], pairs[1::2], strict=True):
        machine.bus.write(port, value)


COPY = (
    *(0x0D, 0, 0x08, 0x01, 0x0B, 0x88, 0x0B, 0x85, 0x83, 2),
    *(0x00, 0x00, 0x00, 0x00, 0x01, 15, 0x01, 0),
    *(0x02, 0x00, 0x02, 0x01, 0x03, 15, 0x03, 0),
)
"""Sixteen bytes from 20000h to 20100h."""


def test_memory_to_memory() -> None:
    """Command bit 0: a request of channel 0 moves channel 1's count of bytes; bit 1 holds one."""
    machine = at_bench()
    machine.memory.write(0x20000, bytes(range(1, 17)))
    program(machine, *COPY, 0x09, 4)
    assert machine.memory.read(0x20100, 17) == bytes((*range(1, 17), 0))
    assert machine.bus.read(0x08) & 0x12 == 2
    assert machine.bus.read(0x0D) == 16
    program(machine, *COPY, 0x08, 0x03, 0x09, 4)
    assert machine.memory.read(0x20100, 16) == b"\1" * 16


def test_requests_by_a_program() -> None:
    """In the block mode they come to their end at once, else they wait and the status says so."""
    machine = at_bench()
    machine.memory.write(0x2FFFE, b"abcd")
    program(machine, 0x0D, 0, 0x0B, 0x85, 0x83, 2, 2, 0xFE, 2, 0xFF, 3, 3, 3, 0, 0x09, 5)
    assert machine.memory.read(0x2FFFE, 2) == b"\xff\xff"
    assert machine.memory.read(0x20000, 3) == b"\xff\xff\0"
    assert machine.memory.read(0x30000, 2) == b"cd"
    assert machine.bus.read(0x08) == 0x02
    program(machine, 0x0B, 0x45, 0x09, 5)
    assert machine.bus.read(0x08) == 0x20
    program(machine, 0x09, 1)
    assert machine.bus.read(0x08) == 0


PORTS = (*range(0x10), *range(0x80, 0x90), *range(0x3F0, 0x3F8))
COMMANDS = (0xE6, 0xC5, 0x4D, 0x0A, 0x08, 0x07, 0x0F, 0x03, 0x02, 0x11, 0xC9, 0x6C, 0xD9, 0x85)


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
