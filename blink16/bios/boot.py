"""Power on: a PC/XT with its devices and BIOS, and its boot sector in memory.

`install` is the little that DOS programs want, which run without a PC around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from blink16.bios import keyboard, misc, tables, video
from blink16.bios.clock import TickClock
from blink16.bios.disk import Disk, disk_of
from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK, BootError
from blink16.bios.int09 import KeyboardInterrupt
from blink16.bios.int10 import VideoService
from blink16.bios.int13 import DiskService
from blink16.bios.int15 import SystemService
from blink16.bios.int16 import KeyboardService
from blink16.bios.nmi import ParityCheck
from blink16.bios.post import Post, ResetSwitch
from blink16.bios.printer import Printer
from blink16.bios.rom import Rom
from blink16.bios.roms import OptionRom
from blink16.bios.serial import SerialService
from blink16.bios.timer import CmosClock, TimerInterrupt, TimeService
from blink16.bios.typist import Typist
from blink16.console import Console
from blink16.devices.pc import PcDevices
from blink16.devices.video import Adapter
from blink16.faults import hang_faults
from blink16.services import Chassis, Guest, Outcome, Service

MAX_FLOPPIES = 2
TEXT_MODE = 3


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
    devices = PcDevices(chassis, adapter=adapter, floppies=drives.count(hard_disks=False))
    chassis.add_component(Console.CHANNEL, console)
    chassis.add_device(Typist.COMPONENT, Typist(chassis, console, devices.keyboard))
    chassis.add_component(Drives.CHANNEL, drives)
    for number, disk in enumerate(disks):
        chassis.add_component(f"disk-{number}", disk)
    rom = Rom(chassis)
    tables.write(chassis)
    post = Post(chassis, rom, drives, adapter, roms)
    chassis.add_component(ResetSwitch.CHANNEL, ResetSwitch(chassis))
    hang_faults(chassis)
    _hang_services(chassis, rom, console, drives, post)
    post.first(chassis)
    rom.protect()
    return devices


def _hang_services(
    chassis: Chassis, rom: Rom, console: Console, drives: Drives, post: Post
) -> None:
    bus = chassis.bus
    clock, printer = CmosClock(bus), Printer(bus)
    timer, keys, parity = TimerInterrupt(), KeyboardInterrupt(bus), ParityCheck(bus)
    typed, serial = KeyboardService(console), SerialService(bus)
    system = SystemService(chassis)
    timer.install(rom)
    parity.install(rom)
    keys.install(chassis, rom, post.reset_offset)
    system.install(chassis, rom)
    chassis.add_component(SerialService.COMPONENT, serial)
    chassis.add_device(SystemService.COMPONENT, system)
    _hang(
        chassis,
        {
            0x02: parity,
            0x05: printer.int05,
            0x08: timer,
            0x09: keys,
            0x10: VideoService(bus),
            0x11: misc.equipment,
            0x12: misc.memory_size,
            0x13: DiskService(drives, tables.DISKETTE),
            0x14: serial,
            0x15: system,
            0x16: typed,
            0x17: printer.int17,
            0x18: misc.no_system,
            0x19: post.bootstrap,
            0x1A: TimeService(clock),
        },
    )
    typed.finish(rom, chassis.memory.read_word(0x16 * 4))
    serial.finish(rom, chassis.memory.read_word(0x14 * 4))
    unexpected = chassis.add_stub("irq", misc.UnexpectedInterrupt(bus))
    for vector in range(0x0A, 0x10):
        chassis.set_vector(vector, *unexpected)
    tables.fill_vectors(chassis)


def _hang(chassis: Chassis, services: dict[int, Service]) -> None:
    for vector, service in services.items():
        chassis.hang_service(vector, service)


# -- without a PC ----------------------------------------------------------------------------


def install(chassis: Chassis, console: Console) -> None:
    """Give a machine without devices or disks its BIOS services, as DOS programs want them.

    Whoever loads the program makes ``console`` a part of the machine.
    """
    clock = TickClock()
    chassis.add_component(TickClock.COMPONENT, clock)
    tables.write(chassis)
    tables.write_data_area(chassis.memory, tables.Equipment())
    video.set_mode(chassis.memory, chassis.bus, TEXT_MODE)
    clock.update(chassis.memory, chassis.nanoseconds())
    services: dict[int, Service] = {
        0x10: VideoService(chassis.bus),
        0x11: misc.equipment,
        0x12: misc.memory_size,
        0x13: DiskService(None, tables.DISKETTE),
        0x14: misc.serial,
        0x15: misc.system,
        0x16: keyboard.service(console),
        0x17: misc.printer,
        0x18: misc.no_system,
        0x19: misc.reboot,
        0x1A: clock.int1a,
    }
    _hang(chassis, {vector: partial(_on_time, clock, do) for vector, do in services.items()})
    tables.write_reset(chassis, chassis.add_stub("reset", misc.reboot))
    tables.fill_vectors(chassis)


def _on_time(clock: TickClock, service: Service, guest: Guest) -> Outcome:
    """Do a service with the tick count up to date."""
    clock.update(guest.memory, guest.nanoseconds())
    return service(guest)
