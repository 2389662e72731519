"""Power on: a PC/XT with its devices and BIOS, before a boot sector or a program run by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blink16.bios import cmos, misc, rom_video, tables
from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk, disk_of
from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK, BootError
from blink16.bios.int09 import KeyboardInterrupt
from blink16.bios.int10 import Outlet, VideoService
from blink16.bios.int13 import DiskService
from blink16.bios.int15 import SystemService
from blink16.bios.int16 import KeyboardService
from blink16.bios.joystick import JoystickSupport
from blink16.bios.nmi import (
    AT_BOARD,
    COPROCESSOR_INTERRUPT,
    COPROCESSOR_VECTOR,
    XT_BOARD,
    ParityCheck,
)
from blink16.bios.pointing import PointingDevice
from blink16.bios.post import Post, ResetSwitch
from blink16.bios.printer import Printer
from blink16.bios.program_keys import Keys, PipedKeys
from blink16.bios.rom import EMPTY_BEGIN, Rom
from blink16.bios.rom_keyboard import USUAL_KEYS
from blink16.bios.roms import OptionRom, place
from blink16.bios.serial import SerialService
from blink16.bios.timer import READ_TICKS, TICK, ClockInterrupt, CmosClock, TimeService
from blink16.bios.typist import Typist
from blink16.console import Console
from blink16.devices.cards import XT, Cards
from blink16.devices.pc import PcDevices
from blink16.devices.video import Adapter
from blink16.faults import hang_faults
from blink16.services import Chassis, Service
from blink16.words.texts import counted

UPPER_MEMORY = range(0xD0000, 0xE0000)
MAX_BIOS = 0x40000


@dataclass(frozen=True, slots=True)
class StandBy:
    """A PC that waits for a program, and what the program's system wants of it."""

    rom: Rom
    pipe: PipedKeys
    """Where keys are looked for."""
    outlet: Outlet
    devices: PcDevices
    memory_kib: int


def boot(chassis: Chassis, image: bytes, console: Console, *, drive: int = 0) -> None:
    """Stand before the boot sector of a disk image, loaded at 0000:7C00.

    ``image``: from a sector alone to a whole disk.  ``drive``: 0 for a floppy, 80h for a hard
    disk, which an image too large for any floppy is anyway.  The console becomes a part of
    the machine.  BootError says why the image can't be booted.
    """
    if drive not in (0, FIRST_HARD_DISK):
        raise BootError(f"can't boot from drive {drive:02X}h, only from 00h or 80h")
    power_on(chassis, console, [disk_of(drive, image)])


def power_on(
    chassis: Chassis,
    console: Console,
    disks: Sequence[Disk],
    *,
    adapter: Adapter = Adapter.CGA,
    roms: Sequence[OptionRom] = (),
    cards: Cards = XT,
) -> PcDevices:
    """Make a machine a PC/XT that has passed its self-test.

    It stands before the first disk's boot sector, or with option ROMs before the first of these.
    Floppies for a drive that has one already lie beside it (`Drives`).
    The console becomes a part of the machine: what it receives is typed on the keyboard.
    BootError if there is nothing to boot from, or a ROM can't be where it is to be.
    """
    if not disks:
        raise BootError("there is no disk to boot from")
    drives = Drives(disks)
    devices = _devices(chassis, drives, adapter, cards)
    _attach(chassis, devices, console)
    rom = Rom(chassis)
    typed = KeyboardService(console)
    post = _put_in(chassis, rom, devices, drives, adapter, roms, typed, Outlet())
    post.first(chassis)
    rom.protect()
    _plug_memory(chassis, devices.cards)
    return devices


def stand_by(
    chassis: Chassis,
    console: Console,
    disks: Sequence[Disk] = (),
    *,
    adapter: Adapter = Adapter.CGA,
    roms: Sequence[OptionRom] = (),
    cards: Cards = XT,
    memory_kib: int = tables.MEMORY_KIB,
) -> StandBy:
    """Make a machine a PC/XT that has passed its self-test, for a program that is run by itself.

    The console becomes a part of the machine, as standard input; keys typed on a keyboard go to
    the channel of `Keys`.
    """
    drives = Drives(disks)
    devices = _devices(chassis, drives, adapter, cards)
    keys = Keys()
    pipe = PipedKeys(chassis, console, keys, devices.keyboard, devices.pic)
    chassis.add_component(Console.CHANNEL, console)
    chassis.add_component(Keys.CHANNEL, keys)
    typist = Typist(chassis, keys, devices.keyboard)
    chassis.add_device(Typist.COMPONENT, typist, tells=True)
    chassis.add_device(PipedKeys.COMPONENT, pipe, tells=True)
    rom, outlet = Rom(chassis), Outlet()
    typed = KeyboardService(keys, pipe)
    post = _put_in(chassis, rom, devices, drives, adapter, roms, typed, outlet)
    pipe.know_handler()
    post.stand_by(chassis)
    rom.protect()
    DataArea(chassis.memory).memory_kib = memory_kib
    return StandBy(rom, pipe, outlet, devices, memory_kib)


def run_bios(
    chassis: Chassis,
    image: bytes,
    console: Console,
    disks: Sequence[Disk],
    *,
    adapter: Adapter = Adapter.CGA,
    roms: Sequence[OptionRom] = (),
    cards: Cards = XT,
) -> PcDevices:
    """Make a machine a PC that is switched on, with somebody else's BIOS at the end of memory.

    It stands at FFFF:0000, and no chip has been programmed.  An AT's floppy controller seeks by
    itself, which is told: BIOSes of emulators rely on it.  BootError if the BIOS is too large.
    """
    if not 16 <= len(image) <= MAX_BIOS:
        raise BootError(f"a BIOS of {counted(len(image), 'byte')} is not between 16 and {MAX_BIOS}")
    drives = Drives(disks)
    devices = _devices(chassis, drives, adapter, cards)
    devices.fdc.seeks_itself = cards.at
    _attach(chassis, devices, console)
    _insert(chassis, drives)
    rom = Rom(chassis)
    chassis.memory.write(EMPTY_BEGIN, b"\xff" * (0x100000 - EMPTY_BEGIN))
    place(chassis.memory, roms)
    chassis.memory.write(0x100000 - len(image), image)
    rom.protect()
    _plug_memory(chassis, cards)
    chassis.registers.cs, chassis.registers.ip = 0xFFFF, 0
    return devices


def _devices(chassis: Chassis, drives: Drives, adapter: Adapter, cards: Cards) -> PcDevices:
    """Put a PC's devices into a machine, and into an AT's CMOS what they are."""
    floppies = drives.count(hard_disks=False)
    devices = PcDevices(chassis, adapter=adapter, floppies=floppies, drives=drives, cards=cards)
    if cards.at:
        there = chassis.registers.x87 is not None
        cmos.fill(devices.rtc, drives, adapter, extended=chassis.has_a20, coprocessor=there)
    return devices


def _attach(chassis: Chassis, devices: PcDevices, console: Console) -> None:
    """Make a console a part of the machine: what it receives is typed on the keyboard."""
    chassis.add_component(Console.CHANNEL, console)
    typist = Typist(chassis, console, devices.keyboard)
    chassis.add_device(Typist.COMPONENT, typist, tells=True)


def _insert(chassis: Chassis, drives: Drives) -> None:
    """Make drives and the disks in them a part of the machine."""
    chassis.add_component(Drives.CHANNEL, drives)
    for number, disk in enumerate(drives.disks):
        chassis.add_component(f"disk-{number}", disk)


def _plug_memory(chassis: Chassis, cards: Cards) -> None:
    """Have RAM between the adapters' ROMs, if that is wanted."""
    if cards.umb:
        chassis.memory.write(UPPER_MEMORY.start, bytes(len(UPPER_MEMORY)))
        chassis.memory.have_ram(UPPER_MEMORY)


def _put_in(
    chassis: Chassis,
    rom: Rom,
    devices: PcDevices,
    drives: Drives,
    adapter: Adapter,
    roms: Sequence[OptionRom],
    typed: KeyboardService,
    outlet: Outlet,
) -> Post:
    """Put the BIOS and what it needs into a machine with its devices."""
    _insert(chassis, drives)
    tables.write(chassis)
    post = Post(chassis, rom, drives, adapter, roms, devices.cards)
    chassis.add_component(ResetSwitch.CHANNEL, ResetSwitch(chassis))
    hang_faults(chassis)
    _hang_services(chassis, rom, typed, outlet, devices, drives, post)
    return post


def _hang_services(
    chassis: Chassis,
    rom: Rom,
    typed: KeyboardService,
    outlet: Outlet,
    devices: PcDevices,
    drives: Drives,
    post: Post,
) -> None:
    """Hang up what answers interrupts.

    Each puts its code into ROM in its turn: the order is that of their addresses.
    """
    bus, at = chassis.bus, devices.cards.at
    interrupts = _chip_interrupts(chassis, rom, post, at=at)
    pointing = None if devices.mouse is None else PointingDevice(devices.mouse, devices.kbc)
    joysticks = None if devices.game is None else JoystickSupport(devices.game)
    system, serial = SystemService(chassis, pointing, joysticks), SerialService(bus)
    disks, printer = DiskService(drives, tables.DISKETTE, devices.fdc), Printer(bus)
    system.install(chassis, rom)
    chassis.add_component(SerialService.COMPONENT, serial)
    chassis.add_device(SystemService.COMPONENT, system, tells=True)
    services = interrupts | {
        0x05: printer.int05,
        0x10: VideoService(bus, devices.video.adapter, outlet),
        0x11: misc.equipment,
        0x12: misc.memory_size,
        0x13: disks,
        0x14: serial,
        0x15: system,
        0x16: typed,
        0x17: printer.int17,
        0x18: misc.no_system,
        0x19: post.bootstrap,
        0x1A: TimeService(CmosClock(bus, has_alarm=at)),
    }
    for vector in sorted(services):
        chassis.hang_service(vector, services[vector])
    _precede_services(chassis, rom, typed, serial, outlet)
    if devices.cards.real_disks:
        disks.take_time(chassis, rom, chassis.memory.read_word(0x13 * 4))
    _hang_unexpected(chassis, rom, has_clock=at)
    if pointing is not None:
        pointing.install(chassis, rom)
    if chassis.model.refuses:
        chassis.hang_service(misc.INVALID_OPCODE, misc.invalid_opcode(chassis.model))
    tables.fill_vectors(chassis)


def _chip_interrupts(chassis: Chassis, rom: Rom, post: Post, *, at: bool) -> dict[int, Service]:
    """Return what answers interrupts of a PC's chips, by vector."""
    bus = chassis.bus
    keys, parity = KeyboardInterrupt(bus), ParityCheck(bus, AT_BOARD if at else XT_BOARD)
    parity.install(rom)
    keys.install(chassis, rom, post.reset_offset)
    return {0x02: parity, 0x09: keys, 0x0E: misc.FloppyInterrupt(bus)}


def _precede_services(
    chassis: Chassis, rom: Rom, typed: KeyboardService, serial: SerialService, outlet: Outlet
) -> None:
    """Let code in ROM do the usual case before services."""
    memory = chassis.memory
    rom.hang(0x08, TICK)
    rom.precede(0x1A, READ_TICKS)
    rom_video.install(chassis, rom, outlet)
    typed.finish(rom, memory.read_word(0x16 * 4))
    rom.precede(0x16, USUAL_KEYS)
    serial.finish(rom, memory.read_word(0x14 * 4))


def _hang_unexpected(chassis: Chassis, rom: Rom, *, has_clock: bool) -> None:
    """Hang up what answers interrupts of devices that the BIOS has no use for.

    ``has_clock``: on an AT, whose second controller and clock have interrupts, too.
    """
    bus, model = chassis.bus, chassis.model
    fault = misc.protection(model) if model.limit else None
    unexpected = chassis.add_stub("irq", misc.UnexpectedInterrupt(bus, fault))
    for vector in (0x0A, 0x0B, 0x0C, 0x0D, 0x0F):
        chassis.set_vector(vector, *unexpected)
    if has_clock:
        chassis.hang_service(0x70, ClockInterrupt(bus, rom))
        chassis.set_vector(0x71, *chassis.add_stub("irq9", misc.UnexpectedSlaveInterrupt(bus)))
        others = chassis.add_stub("irq8", misc.UnexpectedSlaveInterrupt(bus))
        for vector in range(0x72, 0x78):
            chassis.set_vector(vector, *others)
        if chassis.registers.x87 is not None:
            rom.hang(COPROCESSOR_VECTOR, COPROCESSOR_INTERRUPT)
