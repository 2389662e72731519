"""Power on: vectors, data area and ROM as a PC/XT's BIOS leaves them, then the boot sector."""

from __future__ import annotations

from functools import partial

from construct import Bytes, Const, Int8ul, Int16ul, Struct

from blink16.bios import keyboard, misc, video
from blink16.bios.clock import Clock
from blink16.bios.data_area import KEY_BUFFER_SIZE, KEY_BUFFER_START, DataArea
from blink16.bios.disk import (
    FIRST_HARD_DISK,
    SECTOR_SIZE,
    BootError,
    Disk,
    DiskService,
    geometry_of,
)
from blink16.console import Console
from blink16.faults import hang_faults
from blink16.memory import linear
from blink16.services import Guest, Host, Outcome, Service

BOOT_ADDRESS = 0x7C00
VECTORS = 256
MEMORY_KIB = 640
TEXT_MODE = 3
COLOR_80X25 = 0x20
FLOPPY_PRESENT = 0x01
STARTING_FLAGS = 0x0200  # interrupts on
ROM_SEGMENT = 0xF000
DISKETTE_TABLE = (ROM_SEGMENT, 0xEFC7)
DISKETTE_VECTOR = 0x1E
RESET_OFFSET = 0xFFF0

DISKETTE_PARAMETERS = Struct(
    "step_and_unload" / Int8ul,
    "load_and_dma" / Int8ul,
    "motor_ticks" / Int8ul,
    "sector_size_code" / Int8ul,  # 2: 512 bytes
    "last_sector" / Int8ul,
    "gap" / Int8ul,
    "data_length" / Int8ul,
    "format_gap" / Int8ul,
    "fill" / Int8ul,
    "settle_ms" / Int8ul,
    "motor_start" / Int8ul,  # eighths of a second
)
"""What INT 1Eh's vector points at; boot sectors copy and change it."""
_DISKETTE = (0xDF, 0x02, 0x25, 2, 18, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08)

RESET = Struct(
    "jump" / Const(b"\xea"),
    "offset" / Int16ul,
    "segment" / Int16ul,
    "date" / Bytes(8),
    "pad" / Const(b"\0"),
    "model" / Int8ul,  # FEh: PC/XT
    "checksum" / Const(b"\0"),
)
"""The last sixteen bytes of memory, where the processor starts and programs ask what PC it is."""


def install(host: Host, console: Console) -> None:
    """Give a machine without disks its BIOS services, as DOS programs want them.

    Whoever loads the program makes ``console`` a part of the machine.
    """
    _install(host, console, None)


def boot(host: Host, image: bytes, console: Console, *, drive: int = 0) -> None:
    """Stand before the boot sector of a disk image, loaded at 0000:7C00.

    ``image``: from a sector alone to a whole disk.  ``drive``: 0 for a floppy, 80h for a hard
    disk, which an image too large for any floppy is anyway.  The console becomes a part of
    the machine.  BootError says why the image can't be booted.
    """
    geometry = geometry_of(image, hard_disk=drive >= FIRST_HARD_DISK)
    if not geometry.drive_type:
        drive = FIRST_HARD_DISK
    if drive not in (0, FIRST_HARD_DISK):
        raise BootError(f"can't boot from drive {drive:02X}h, only from 00h or 80h")
    disk = Disk(drive, image, geometry)
    host.add_component(Console.CHANNEL, console)
    host.add_component("disk", disk)
    _install(host, console, disk)
    hang_faults(host)
    host.memory.write(BOOT_ADDRESS, image[:SECTOR_SIZE])
    r = host.registers
    r.ax = r.bx = r.cx = r.si = r.di = r.bp = 0
    r.cs = r.ds = r.es = r.ss = 0
    r.dx = drive
    r.ip = r.sp = BOOT_ADDRESS
    r.flags = STARTING_FLAGS


def _install(host: Host, console: Console, disk: Disk | None) -> None:
    clock = Clock()
    host.add_component(Clock.COMPONENT, clock)
    _write_data_area(host, disk)
    video.set_mode(host.memory, TEXT_MODE)
    clock.update(host.memory, host.nanoseconds())
    _write_rom(host)
    services: dict[int, Service] = {
        0x10: video.int10,
        0x11: misc.equipment,
        0x12: misc.memory_size,
        0x13: DiskService(disk, DISKETTE_TABLE),
        0x14: misc.serial,
        0x15: misc.system,
        0x16: keyboard.service(console),
        0x17: misc.printer,
        0x18: misc.no_system,
        0x19: misc.reboot,
        0x1A: clock.int1a,
    }
    for vector, service in services.items():
        host.hang_service(vector, partial(_on_time, clock, service))
    _fill_vectors(host)


def _on_time(clock: Clock, service: Service, guest: Guest) -> Outcome:
    """Do a service with the tick count up to date."""
    clock.update(guest.memory, guest.nanoseconds())
    return service(guest)


def _fill_vectors(host: Host) -> None:
    """Let all vectors that lead nowhere lead to an IRET."""
    dummy = host.add_stub("iret")
    for vector in range(VECTORS):
        if not host.memory.read(vector * 4, 4).strip(b"\0"):
            host.set_vector(vector, *dummy)


def _write_data_area(host: Host, disk: Disk | None) -> None:
    area = DataArea(host.memory)
    has_floppy = disk is not None and disk.drive < FIRST_HARD_DISK
    area.equipment = COLOR_80X25 | (FLOPPY_PRESENT if has_floppy else 0)
    area.disk_count = 1 if disk is not None and not has_floppy else 0
    area.memory_kib = MEMORY_KIB
    area.key_head = area.key_tail = area.key_buffer_start = KEY_BUFFER_START
    area.key_buffer_end = KEY_BUFFER_START + KEY_BUFFER_SIZE


def _write_rom(host: Host) -> None:
    table = DISKETTE_PARAMETERS.build(
        dict(zip((field.name for field in DISKETTE_PARAMETERS.subcons), _DISKETTE, strict=True))
    )
    host.memory.write(linear(*DISKETTE_TABLE), table)
    host.set_vector(DISKETTE_VECTOR, *DISKETTE_TABLE)
    segment, offset = host.add_stub("reset", misc.reboot)
    reset = RESET.build({"offset": offset, "segment": segment, "date": b"08/16/82", "model": 0xFE})
    host.memory.write(linear(ROM_SEGMENT, RESET_OFFSET), reset)
