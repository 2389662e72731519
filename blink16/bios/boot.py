"""Power on: a PC/XT with its devices and BIOS, and its boot sector in memory.

`install` is the little that DOS programs want, which run without a PC around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from blink16.bios import keyboard, misc, tables, video
from blink16.bios.clock import Clock
from blink16.bios.disk import Disk, disk_of
from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK, BootError
from blink16.bios.int09 import KeyboardInterrupt
from blink16.bios.int10 import VideoService
from blink16.bios.int13 import DiskService
from blink16.bios.int16 import KeyboardService
from blink16.bios.post import Post, ResetSwitch
from blink16.bios.printer import Printer
from blink16.bios.rom import Rom
from blink16.bios.roms import OptionRom
from blink16.bios.serial import SerialService
from blink16.bios.timer import Clock as RealTimeClock
from blink16.bios.timer import TimerInterrupt, TimeService
from blink16.bios.typist import Typist
from blink16.console import Console
from blink16.devices.pc import PcDevices
from blink16.devices.video import Adapter
from blink16.faults import hang_faults
from blink16.services import Guest, Host, Outcome, Service

MAX_FLOPPIES = 2
TEXT_MODE = 3


def boot(host: Host, image: bytes, console: Console, *, drive: int = 0) -> None:
    """Stand before the boot sector of a disk image, loaded at 0000:7C00.

    ``image``: from a sector alone to a whole disk.  ``drive``: 0 for a floppy, 80h for a hard
    disk, which an image too large for any floppy is anyway.  The console becomes a part of
    the machine.  BootError says why the image can't be booted.
    """
    if drive not in (0, FIRST_HARD_DISK):
        raise BootError(f"can't boot from drive {drive:02X}h, only from 00h or 80h")
    power_on(host, console, [disk_of(drive, image)])


def power_on(
    host: Host,
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
    devices = PcDevices(host, adapter=adapter, floppies=drives.count(hard_disks=False))
    host.add_component(Console.CHANNEL, console)
    host.add_device(Typist.COMPONENT, Typist(host, console, devices.keyboard))
    host.add_component(Drives.CHANNEL, drives)
    for number, disk in enumerate(disks):
        host.add_component(f"disk-{number}", disk)
    rom = Rom(host)
    tables.write(host)
    post = Post(host, rom, drives, adapter, roms)
    host.add_component(ResetSwitch.CHANNEL, ResetSwitch(host))
    hang_faults(host)
    _hang_services(host, rom, console, drives, post)
    post.first(host)
    rom.protect()
    return devices


def _hang_services(host: Host, rom: Rom, console: Console, drives: Drives, post: Post) -> None:
    bus = host.bus
    clock, printer = RealTimeClock(bus), Printer(bus)
    timer, keys = TimerInterrupt(), KeyboardInterrupt(bus)
    typed, serial = KeyboardService(console), SerialService(bus)
    timer.install(rom)
    keys.install(host, rom, post.reset_offset)
    host.add_component(SerialService.COMPONENT, serial)
    _hang(
        host,
        {
            0x05: printer.int05,
            0x08: timer,
            0x09: keys,
            0x10: VideoService(bus),
            0x11: misc.equipment,
            0x12: misc.memory_size,
            0x13: DiskService(drives, tables.DISKETTE),
            0x14: serial,
            0x15: misc.system_with_power,
            0x16: typed,
            0x17: printer.int17,
            0x18: misc.no_system,
            0x19: post.bootstrap,
            0x1A: TimeService(clock),
        },
    )
    typed.finish(rom, host.memory.read_word(0x16 * 4))
    serial.finish(rom, host.memory.read_word(0x14 * 4))
    unexpected = host.add_stub("irq", misc.UnexpectedInterrupt(bus))
    for vector in range(0x0A, 0x10):
        host.set_vector(vector, *unexpected)
    tables.fill_vectors(host)


def _hang(host: Host, services: dict[int, Service]) -> None:
    for vector, service in services.items():
        host.hang_service(vector, service)


# -- without a PC ----------------------------------------------------------------------------


def install(host: Host, console: Console) -> None:
    """Give a machine without devices or disks its BIOS services, as DOS programs want them.

    Whoever loads the program makes ``console`` a part of the machine.
    """
    clock = Clock()
    host.add_component(Clock.COMPONENT, clock)
    tables.write(host)
    tables.write_data_area(host.memory, tables.Equipment())
    video.set_mode(host.memory, host.bus, TEXT_MODE)
    clock.update(host.memory, host.nanoseconds())
    services: dict[int, Service] = {
        0x10: VideoService(host.bus),
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
    _hang(host, {vector: partial(_on_time, clock, do) for vector, do in services.items()})
    tables.write_reset(host, host.add_stub("reset", misc.reboot))
    tables.fill_vectors(host)


def _on_time(clock: Clock, service: Service, guest: Guest) -> Outcome:
    """Do a service with the tick count up to date."""
    clock.update(guest.memory, guest.nanoseconds())
    return service(guest)
