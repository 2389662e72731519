"""An AT's board, and what can be plugged into a PC: boot sectors and benches."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.cli import run_main
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.ide import Ide
from blink16.devices.mouse import SerialMouse, movement
from blink16.devices.ports import table
from blink16.machine import Machine
from blink16.setup import loader, pc
from blink16.setup.dos import DosSetup
from blink16.setup.loader import Options, Program, ProgramKind

AT = Cards(at=True)
LOOP = "f4ebfd"


def machine_with(code: str, engine: str = "reference", cards: Cards = AT) -> Machine:
    """Return a PC of that kind before a boot sector, with a small hard disk."""
    machine = Machine(engine, epoch_ns=1_000_000_000 * 10**9)
    machine.idle_after = 1 << 62
    hard = b"".join((number & 0xFFFF).to_bytes(2, "little") * 256 for number in range(306 * 4 * 17))
    disks = [bios.disk_of(0, sector(bytes.fromhex(code))), bios.disk_of(0x80, hard)]
    bios.power_on(machine, Console(), disks, cards=cards)
    machine.run(1)  # the jump in ROM
    return machine


# -- an AT -----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_the_clocks_alarm_interrupts(engine: str) -> None:
    """INT 1Ah/06h for two seconds ahead: IRQ 8 comes through both 8259As, and INT 4Ah is called.

    mov word [4Ah*4],h; mov word [4Ah*4+2],0; mov ah,2; int 1Ah; add dh,2; mov ah,6; int 1Ah;
    sti; hlt in a loop; h: inc word [cs:600h]; iret
    """
    code = "31c08ed8c7062801237cc7062a010000b402cd1a88f004022788c6b406cd1afbf4ebfd2eff060006cf"
    machine = machine_with(code, engine)
    machine.run(4_000)
    assert machine.memory.read_word(0x600) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_periodic_interrupt(engine: str) -> None:
    """Register B, bit 6: 1024 a second, each to be taken by reading register C.

    mov word [70h*4],h; mov word [70h*4+2],0; mov al,0Bh; out 70h,al; mov al,42h; out 71h,al; sti
    h: mov al,0Ch; out 70h,al; in al,71h; mov al,20h; out 0A0h,al; out 20h,al; inc word [600h]
    """
    code = (
        "31c08ed8c706c001227cc706c2010000b00be670b042e671b00ce670e471fbf4ebfd50b00ce670e471b0"
        "20e6a0e620ff06000658cf"
    )
    machine = machine_with(code, engine)
    machine.run(20_000)
    count = machine.memory.read_word(0x600)
    assert count > 500
    passed = machine.time / machine.clock_hz
    assert abs(count - 1024 * passed) <= 0.02 * count


def test_the_keyboard_controller() -> None:
    """Port 64h: self-test, command byte, output port; the keyboard answers at port 60h."""
    machine = machine_with("fa" + LOOP)
    bus = machine.bus
    bus.write(0x64, 0xAA)
    assert bus.read(0x64) & 1
    assert bus.read(0x60) == 0x55
    bus.write(0x64, 0x20)
    assert bus.read(0x60) == 0x45
    bus.write(0x64, 0x60)
    bus.write(0x60, 0x47)
    bus.write(0x64, 0x20)
    assert bus.read(0x60) == 0x47
    bus.write(0x60, 0xFF)
    machine.run(50_000)
    assert bus.read(0x60) == 0xFA
    assert machine.memory.read(0xFFFFE, 1) == b"\xfc"


def test_a_keyboard_says_which_codes_it_sends() -> None:
    """F0h and 00h at port 60h: QEMU answers FAh, FAh, 41h; the last one was missing.

    cli; mov di,600h; mov al,0F0h; out 60h,al; call r; mov al,0; out 60h,al; call r; call r; hlt;
    r: in al,64h; test al,1; jz r; in al,60h; stosb; ret
    """
    machine = machine_with("fabf0006b0f0e660e80b00b000e660e80400e80100f4e464a80174fae460aac3")
    machine.run(50_000)
    assert machine.memory.read(0x600, 3) == b"\xfa\xfa\x41"


def test_the_battery_keeps_the_configuration() -> None:
    """CMOS 10h to 31h as SETUP leaves it: other BIOSes and diagnostics have no other word."""
    bus = machine_with("fa" + LOOP).bus

    def kept(index: int) -> int:
        bus.write(0x70, index)
        return bus.read(0x71)

    assert [kept(index) for index in (0x10, 0x12, 0x14, 0x15, 0x16, 0x19)] == [
        0x40, 0xF0, 0x21, 0x80, 0x02, 47,
    ]  # fmt: skip
    assert [kept(index) for index in (0x1B, 0x1C, 0x1D, 0x23)] == [306 & 0xFF, 1, 4, 17]
    total = sum(kept(index) for index in range(0x10, 0x2E))
    assert kept(0x2E) << 8 | kept(0x2F) == total


@pytest.mark.parametrize("engine", ENGINES)
def test_hard_disk_ports_read_and_write(engine: str) -> None:
    """READ SECTORS by programmed input: two sectors from cylinder 3, head 2, sector 17 on.

    mov dx,1F2h and the registers; command 20h; for each: wait for DRQ at 1F7h; 256 x in ax,dx
    """
    code = (
        "31c08ec0fcbf0008be367cbaf201b906002eacee42e2fabb0200baf701eca88075fba80874f7baf001b9"
        "0001edabe2fc4b75e7f4ebfd02110300a220"
    )
    machine = machine_with(code, engine)
    machine.run(20_000)
    first = (3 * 4 + 2) * 17 + 16
    assert machine.memory.read_word(0x800) == first
    assert machine.memory.read_word(0xA00) == first + 1


class Host:
    """Talks to the hard disk's ports as a driver does, and lets time pass where it waits."""

    def __init__(self, machine: Machine) -> None:
        ide = machine.component("ide")
        assert isinstance(ide, Ide)
        self.machine, self.bus, self.ide = machine, machine.bus, ide

    def command(self, code: int, *registers: int) -> int:
        """Give a command; return the status behind it."""
        for offset, value in enumerate(registers, 2):
            self.bus.write(0x1F0 + offset, value)
        self.bus.write(0x1F7, code)
        return self.wait()

    def wait(self) -> int:
        """Let the drive be busy, and return its status."""
        due = self.ide.due()
        if due is not None:
            self.machine.registers.cycles += max(0, due - self.machine.time)
            self.ide.advance(self.machine.time)
        return self.bus.read(0x1F7)

    def read(self) -> list[int]:
        """Read a sector's words."""
        return [self.bus.read(0x1F0, 16) for _ in range(256)]

    def write(self, word: int) -> int:
        """Write a sector of a word; return the status behind it."""
        for _ in range(256):
            self.bus.write(0x1F0, word, 16)
        return self.wait()


def test_hard_disk_commands() -> None:
    """IDENTIFY, WRITE SECTORS and errors; INT 13h sees what was written."""
    host = Host(machine_with("fa" + LOOP))
    assert host.command(0xEC, 1, 1, 0, 0, 0xA0) & 0x08
    words = host.read()
    assert (words[1], words[3], words[6]) == (306, 4, 17)
    assert host.command(0x30, 1, 5, 0, 0, 0xA0) & 0x08
    assert host.write(0x4142) & 0x89 == 0
    disk = host.machine.component("disk-1")
    assert disk.read(4) == b"BA" * 256  # type: ignore[union-attr]
    assert host.command(0x20, 1, 18, 0, 0, 0xA0) & 1
    assert host.bus.read(0x1F1) == 0x10
    assert host.command(0xC8) & 1
    assert host.bus.read(0x1F1) == 0x04


def test_a_hard_disk_ends_where_its_image_does() -> None:
    """Prevents a Python error by a guest that writes to a last cylinder that is not whole."""
    machine = Machine("reference")
    disks = [bios.disk_of(0, sector(b"")), bios.disk_of(0x80, bytes(512 * 1000))]
    bios.power_on(machine, Console(), disks, cards=Cards(at=True))
    host = Host(machine)
    host.command(0xEC, 1, 1, 0, 0, 0xA0)
    words = host.read()
    assert (words[1], words[3], words[6]) == (1, 16, 63)
    assert words[60] == 1000
    for sector_number, head, good in ((55, 15, True), (56, 15, False), (63, 15, False)):
        assert host.command(0x30, 1, sector_number, 0, 0, 0xA0 | head) & 0x08
        assert bool(host.write(0x4142) & 1) is not good
        assert bool(host.command(0x20, 1, sector_number, 0, 0, 0xA0 | head) & 1) is not good
        if good:
            assert host.read() == [0x4142] * 256
    for by_number, good in ((999, True), (1000, False)):
        registers = 1, by_number & 0xFF, by_number >> 8, 0, 0xE0
        assert bool(host.command(0x20, *registers) & 1) is not good
        if good:
            host.read()
    assert host.command(0x50, 17, 1, 0, 0, 0xAF) & 0x08
    assert not host.write(0) & 1


PORTS = (0x20, 0x21, 0xA0, 0xA1, 0x60, 0x64, 0x70, 0x71, 0x201, *range(0x1F0, 0x1F8))
PORTS = (*PORTS, *range(0x260, 0x264), 0x3F6, *range(0xC0, 0xE0), 0x3F8, 0x3FC)
ALL = Cards(at=True, joystick=True, mouse=True, ps2mouse=True, ems=True, umb=True)


@settings(max_examples=examples(20))
@given(st.integers(0, 1 << 32))
def test_nonsense_is_equal_on_both_engines_and_backward(seed: int) -> None:
    """Any accesses in any order: the same machine on both engines, and again after going back."""
    choose = random.Random(seed)
    code = bytearray()
    while len(code) < 480:
        code += b"\xba" + choose.choice(PORTS).to_bytes(2, "little")
        value = choose.choice((0, 0x11, 0x20, 0xEC, 0x30, choose.randrange(256)))
        code += choose.choice((b"\xec", bytes((0xB0, value, 0xEE)), b"\xed\x01\xc3", b"\xfb"))
    states = []
    for engine in ENGINES:
        machine = machine_with(bytes(code[:490]).hex() + LOOP, engine, ALL)
        debugger = Debugger(machine)
        debugger.resume(Resume(count=3_000))
        end = debugger.timeline.now
        state = machine.save(), bytes(machine.memory.ram)
        debugger.seek(end // 2)
        debugger.seek(end)
        assert (machine.save(), bytes(machine.memory.ram)) == state
        states.append(state)
    assert states[0] == states[1]


# -- cards -----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_joystick_is_timed(engine: str) -> None:
    """Out 201h; count in al,201h until bit 0 falls: the longer, the further right it stands."""
    code = "31dbba0102eeec43a80175fa2e891e0006f4ebfd"
    counts = []
    for position in (10, 240):
        machine = machine_with(code, engine, Cards(joystick=True))
        machine.receive("joystick", bytes((position, 128, 128, 128, 0b0001)))
        machine.run(5_000)
        counts.append(machine.memory.read_word(0x600))
    assert 0 < counts[0] < counts[1]
    machine = machine_with(LOOP, engine, Cards(joystick=True))
    machine.receive("joystick", bytes((0, 0, 0, 0, 0b0011)))
    assert machine.bus.read(0x201) == 0xC0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_serial_mouse_is_found_and_moves(engine: str) -> None:
    """1200 baud, RTS and DTR on: M comes, and then three bytes for each movement.

    The sector takes what comes at 3F8h and stores it from 0600h on.
    """
    code = (
        "31c08ec0fcbafb03b080eebaf803b060ee42b000eebafb03b002ee42b003eebf0006bafd03eca80174fb"
        "baf803ecaaebf1"
    )
    machine = machine_with(code, engine, Cards(mouse=True))
    machine.run(60_000)
    assert machine.memory.read(0x600, 1) == b"M"
    machine.receive(SerialMouse.CHANNEL, movement(5, -3, left=True))
    machine.run(100_000)
    assert machine.memory.read(0x601, 3) == bytes((0x40 | 0x20 | 0x0C, 0x05, 0x3D))


@pytest.mark.parametrize("engine", ENGINES)
def test_expanded_memory_keeps_its_pages(engine: str) -> None:
    """Pages written through a window are there again; without one there is no memory."""
    code = (
        "31c08ed8b800e08ec0ba6002b005ee26c70600003412b006ee26c70600007856b005ee26a10000a30006"
        "b0ffee26a10000a30206b006ee26a10000a30406f4ebfd"
    )
    machine = machine_with(code, engine, Cards(ems=True))
    machine.run(1_000)
    read = machine.memory.read_word
    assert [read(at) for at in (0x600, 0x602, 0x604)] == [0x1234, 0xFFFF, 0x5678]


@pytest.mark.parametrize(("kib", "page"), [(2048, 0xFF), (0, 5)])
def test_a_dos_program_has_the_driver_or_the_board(kib: int, page: int) -> None:
    """Prevents a traceback where both are asked for: the driver has memory of its own, and the
    board is there without it.
    """
    code = bytes.fromhex("ba6002b005ee31c0ecebfe")  # mov dx,260h/mov al,5/out/xor ax,ax/in/jmp $
    setup = pc.PcSetup(cards=Cards(ems=True))
    options = Options(root=None, setup=setup, dos=DosSetup(ems_kib=kib))
    machine = loader.load(Program("x.com", ProgramKind.DOS_COM, code), [], options).machine
    machine.run(10)
    assert machine.registers.al == page


def test_upper_memory_is_ram() -> None:
    """D000:0 can be written with the card, and not without."""
    code = "b800d08ed8c70600003412a10000a30200" + LOOP
    for cards, word in ((Cards(umb=True), 0x1234), (Cards(), 0xFFFF)):
        machine = machine_with(code, "native", cards)
        machine.run(100)
        assert machine.memory.read_word(0xD0000) == word


# -- files -----------------------------------------------------------------------------------


def test_print_goes_to_a_file(tmp_path: Path) -> None:
    """``--lpt`` gets bytes: mov ax,'A'; xor dx,dx; int 17h; cli; hlt."""
    image, lpt = tmp_path / "print.img", tmp_path / "out.txt"
    image.write_bytes(sector(bytes.fromhex("b8410031d2cd17faf4")))
    assert run_main(["--lpt", str(lpt), str(image)]) == 0
    assert lpt.read_bytes() == b"A"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("option", ["--lpt", "--trace-to"])
def test_a_full_disk_ends_no_program(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    """Prevents a traceback in the midst of a program, and a loss that nobody is told of.

    mov ah,2; mov dl,'x'; int 21h; mov ax,'A'; xor dx,dx; int 17h; mov ah,2; mov dl,'y'; int 21h;
    int 20h
    """
    code = "b402b278cd21 b8410031d2cd17 b402b279cd21 cd20"
    program = tmp_path / "prints.com"
    program.write_bytes(bytes.fromhex(code))
    status = run_main([option, "/dev/full", "--engine", "reference", str(program)])
    shown = capfd.readouterr()
    assert (status, shown.out) == (0, "xy")
    said = "blink16: /dev/full: can't write it any more: No space left on device\n"
    assert shown.err.replace("A", "") == said  # a printer that is no file prints there


def test_another_bios_runs_on_these_devices() -> None:
    """``--bios``: the machine stands at FFFF:0000 with unprogrammed chips; it prints on E9h."""
    image = bytearray(b"\x90" * 0x2000)
    image[:7] = bytes.fromhex("b04be6e9faf490")
    image[0x1FF0:0x1FF5] = bytes.fromhex("ea000000fe")
    program = Program("x.img", ProgramKind.BOOT, sector(b""))
    options = Options(setup=pc.PcSetup(bios=bytes(image)))
    machine = loader.load(program, (), options).machine
    shown: list[bytes] = []
    machine.on_output = lambda channel, data: shown.append(data)
    assert (machine.registers.cs, machine.registers.ip) == (0xFFFF, 0)
    machine.run(100)
    assert shown == [b"K"]


# -- documentation ---------------------------------------------------------------------------


def test_the_ports_are_documented() -> None:
    """docs/pc.md has the table that the devices make of themselves."""
    machine = machine_with(LOOP, cards=ALL)
    page = (Path(__file__).resolve().parents[1] / "docs/pc.md").read_text()
    assert table(machine.bus.names) in page
    assert all(machine.bus.names.values())
