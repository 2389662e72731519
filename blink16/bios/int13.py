"""INT 13h: sectors of floppies and hard disks, by cylinder, head and sector or by number.

Source: IBM PC/XT Technical Reference, BIOS listings of diskette and fixed disk; Ralf Brown's
Interrupt List, INT 13h; Phoenix, Enhanced Disk Drive Specification 1.1.
"""

from __future__ import annotations

from enum import IntEnum

from construct import Int8ul, Int16ul, Int32ul, Int64ul, Padding, Struct

from blink16.bios import disk_time
from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk
from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK, SECTOR_SIZE
from blink16.bios.rom import SEGMENT, STI, Rom, jump
from blink16.bios.serial import PAUSE
from blink16.bios.unknown import no_function, no_unit
from blink16.cpu.registers import CF
from blink16.devices.fdc import Fdc
from blink16.services import DONE, Chassis, Guest, Outcome, set_caller_flag

FORMAT_FILL = b"\xf6"
MAX_FLOPPIES, MOTOR_TICKS = 4, 0x25
MAX_SECTORS = 127
"""As many as one call of the extensions may transfer."""
TIMED_FUNCTIONS = frozenset({0x02, 0x03, 0x04, 0x05, 0x0C})
TIMED_EXTENSIONS = frozenset({0x42, 0x43, 0x44, 0x47})
"""By these the head moves, or sectors come by."""
PROBES = frozenset({0x41, 0x48, 0x4B})
"""By these programs see whether there are extensions, or a CD-ROM that they came from."""
EXTENSIONS_ASKED, EXTENSIONS_THERE = 0x55AA, 0xAA55
EXTENSIONS_VERSION, FIXED_DISK_SUBSET = 0x01, 0x01
GEOMETRY_IS_VALID = 0x02

ADDRESS_PACKET = Struct(
    "size" / Int8ul,
    Padding(1),
    "count" / Int16ul,
    "offset" / Int16ul,
    "segment" / Int16ul,
    "sector" / Int64ul,
)
"""What DS:SI points at in 42h, 43h, 44h and 47h."""

DRIVE_PARAMETERS = Struct(
    "size" / Int16ul,
    "flags" / Int16ul,
    "cylinders" / Int32ul,
    "heads" / Int32ul,
    "sectors" / Int32ul,
    "total" / Int64ul,
    "sector_size" / Int16ul,
)
"""What 48h puts at DS:SI."""


class Status(IntEnum):
    """What INT 13h has in AH."""

    OK = 0x00
    BAD_COMMAND = 0x01
    WRITE_PROTECTED = 0x03
    DMA_BOUNDARY = 0x09
    SECTOR_NOT_FOUND = 0x04
    MEDIA_CHANGED = 0x06
    TIME_OUT = 0x80


class DriveKind(IntEnum):
    """What 15h has in AH."""

    NO_DRIVE = 0
    FLOPPY_WITH_CHANGE_LINE = 2
    HARD_DISK = 3


class DiskService:
    """INT 13h for the disks of a machine.

    Floppy drives have a change line: the first access after a disk was put in fails with
    MEDIA_CHANGED, and with TIME_OUT while there is none.
    """

    def __init__(
        self, drives: Drives | None, parameters: tuple[int, int], controller: Fdc | None = None
    ) -> None:
        """``drives``: None if the machine has none.  ``controller``: the floppies'.

        ``parameters``: where the diskette parameter table is (segment, offset).
        """
        self._drives = drives
        self._parameters = parameters
        self._controller = controller
        self._turning: disk_time.TurningDisks | None = None

    def take_time(self, chassis: Chassis, rom: Rom, stub: int) -> None:
        """Take a real drive's time from now on; ``stub``: the offset of this service's stub."""
        self._turning = disk_time.TurningDisks(rom.add(STI + PAUSE + jump(SEGMENT, stub)))
        chassis.add_component(disk_time.TurningDisks.COMPONENT, self._turning)

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH for the drive in DL."""
        r = guest.registers
        function, drive = r.ah, r.dl
        if self._turning is not None and self._drives is not None:
            access = _wanted(guest, self._drives, function)
            if access is not None and self._turning.is_busy(guest, *access):
                return DONE  # it comes again
        if function == 0x01:
            self._finish(guest, Status(_last_status(DataArea(guest.memory), drive)), drive)
        elif self._drives is None or drive not in self._drives:
            self._without_drive(guest, function, drive)
        elif function == 0x15:
            _drive_kind(guest, self._drives.disk(drive))
        else:
            self._finish(guest, self._do(guest, self._drives, function), drive)
        return DONE

    def _without_drive(self, guest: Guest, function: int, drive: int) -> None:
        r = guest.registers
        if function == 0x15:
            r.ax = DriveKind.NO_DRIVE
            set_caller_flag(guest, CF, False)
            return
        if function in (0x02, 0x03, 0x04):
            _tell_no_drive(guest, drive)
            r.al = 0
        # a controller without disks can be reset all the same
        self._finish(guest, Status.OK if function == 0 else Status.TIME_OUT, drive)

    def _do(self, guest: Guest, drives: Drives, function: int) -> Status:
        drive = guest.registers.dl
        disk = drives.disk(drive)
        match function:
            case 0x02 | 0x03 | 0x04 | 0x05:
                self._start_motor(guest)
                return _access(guest, drives, function)
            case 0x08:
                return self._get_parameters(guest, drives)
            case 0x16 if disk is None or drives.has_changed(drive):
                return Status.MEDIA_CHANGED
            case 0x00 | 0x09 | 0x0C | 0x0D | 0x10 | 0x11 | 0x14 | 0x16 | 0x17:
                return Status.OK  # reset, set up, seek, ready?, recalibrate, diagnose, changed?
            case 0x18 if drive < FIRST_HARD_DISK:
                guest.registers.es, guest.registers.di = self._parameters
                return Status.OK if disk is not None else Status.TIME_OUT
            case _ if disk is not None and drive >= FIRST_HARD_DISK:
                return _extended(guest, disk, function)
            case _:
                return _unknown(guest)

    def _start_motor(self, guest: Guest) -> None:
        """Leave the controller, which had no part in it, as if it had."""
        r, area = guest.registers, DataArea(guest.memory)
        if self._controller is not None and r.dl < MAX_FLOPPIES:
            self._controller.used_by_bios(r.dl, r.ch)
            area.floppy_motors = 1 << r.dl
            area.floppy_motor_count = MOTOR_TICKS

    def _finish(self, guest: Guest, status: Status, drive: int) -> None:
        area, r = DataArea(guest.memory), guest.registers
        if drive >= FIRST_HARD_DISK:
            area.disk_status = status
        else:
            area.floppy_status = status
        if not (r.ah == 0x41 and status is Status.OK):  # which has the version there
            r.ah = status
        else:
            r.ah = EXTENSIONS_VERSION
        set_caller_flag(guest, CF, status is not Status.OK)

    def _get_parameters(self, guest: Guest, drives: Drives) -> Status:
        """08h: the last cylinder, head and sector, and how many drives there are."""
        r = guest.registers
        is_hard_disk = r.dl >= FIRST_HARD_DISK
        g = drives.geometry(r.dl)
        last = g.cylinders - 1
        r.ax = 0
        r.ch, r.cl = last & 0xFF, g.sectors | last >> 2 & 0xC0
        r.dh = g.heads - 1
        r.dl = drives.count(hard_disks=is_hard_disk)
        if not is_hard_disk:
            r.bx = g.drive_type
            r.es, r.di = self._parameters
        return Status.OK


def _wanted(guest: Guest, drives: Drives, function: int) -> tuple[Disk, disk_time.SectorRun] | None:
    """Return the sectors that a call wants of a disk, and of which, if it wants any."""
    r = guest.registers
    disk = drives.disk(r.dl) if r.dl in drives else None
    if disk is None or drives.has_changed(r.dl):
        return None
    g = disk.geometry
    if function in TIMED_FUNCTIONS:
        cylinder, sector = r.ch | (r.cl & 0xC0) << 2, r.cl & 0x3F
        count = {0x05: g.sectors, 0x0C: 0}.get(function, r.al)
        return disk, disk_time.SectorRun(cylinder, max(1, sector), count)
    if function not in TIMED_EXTENSIONS or r.dl < FIRST_HARD_DISK:
        return None
    packet = ADDRESS_PACKET.parse(
        guest.memory.read(guest.linear(r.ds, r.si), ADDRESS_PACKET.sizeof())
    )
    track, sector = divmod(packet.sector, g.sectors)
    count = packet.count if packet.count <= MAX_SECTORS else 0
    return disk, disk_time.SectorRun(track // g.heads, sector + 1, count)


def _drive_kind(guest: Guest, disk: Disk | None) -> None:
    """15h: what kind of drive it is, and how many sectors (CX:DX) a hard disk has."""
    r = guest.registers
    set_caller_flag(guest, CF, False)
    if disk is None or disk.is_floppy:
        r.ah = DriveKind.FLOPPY_WITH_CHANGE_LINE
    else:
        r.ah = DriveKind.HARD_DISK
        r.cx, r.dx = disk.total >> 16, disk.total


def _unknown(guest: Guest) -> Status:
    if guest.registers.ah not in PROBES:
        no_function(guest, 0x13)
    return Status.BAD_COMMAND


def _tell_no_drive(guest: Guest, drive: int) -> None:
    """Tell that sectors were asked for of a drive that this PC hasn't got."""
    letter = {0: "A", 1: "B", FIRST_HARD_DISK: "C", FIRST_HARD_DISK + 1: "D"}.get(drive)
    remedy = f"-{letter} FILE puts a disk there" if letter else ""
    no_unit(guest, 0x13, drive, f"drive {drive:02X}h", remedy)


def _last_status(area: DataArea, drive: int) -> int:
    status = area.disk_status if drive >= FIRST_HARD_DISK else area.floppy_status
    return status if status in set(Status) else Status.BAD_COMMAND


# -- by cylinder, head and sector ------------------------------------------------------------


def _access(guest: Guest, drives: Drives, function: int) -> Status:
    """02h to 05h, which need a disk that hasn't been changed since the last time."""
    r = guest.registers
    disk, asked = drives.disk(r.dl), r.al
    if disk is None:
        status = Status.TIME_OUT
    elif drives.has_changed(r.dl):
        drives.see(r.dl)
        status = Status.MEDIA_CHANGED
    elif function == 0x05:
        status = _format(guest, disk)
    else:
        status = _transfer(guest, disk, function)
    if status is not Status.OK and function != 0x05 and r.al == asked:
        r.al = 0  # else so many sectors were done
    return status


def _transfer(guest: Guest, disk: Disk, function: int) -> Status:
    """02h, 03h, 04h: read, write or verify AL sectors from CH/DH/CL on, at ES:BX.

    A floppy's controller goes on with the other head and stops at the end of the cylinder; a
    hard disk's goes on with the next cylinder.  What doesn't begin on the disk fails at once, and
    so does a buffer that the 8237 can't count through, whose address has 16 bits.
    """
    r, g = guest.registers, disk.geometry
    count = r.al
    cylinder, head, sector = r.ch | (r.cl & 0xC0) << 2, r.dh, r.cl & 0x3F
    first = g.number(cylinder, head, sector)
    if not count:
        return Status.BAD_COMMAND
    on_disk = cylinder < g.cylinders and head < g.heads and 0 < sector <= g.sectors
    buffer = guest.linear(r.es, r.bx)
    if function != 0x04 and (buffer & 0xFFFF) + count * SECTOR_SIZE > 0x10000:
        return Status.DMA_BOUNDARY
    if not on_disk or first + count > disk.total:
        return Status.SECTOR_NOT_FOUND
    there = count
    if disk.is_floppy:
        there = min(count, g.number(cylinder, g.heads - 1, g.sectors) + 1 - first)
    status = _move(guest, disk, function, first, there, buffer)
    if status is Status.OK and there < count:
        r.al = there
        return Status.SECTOR_NOT_FOUND
    return status


def _move(guest: Guest, disk: Disk, function: int, first: int, count: int, buffer: int) -> Status:
    """Move sectors: the low bits of all functions say read (2), write (3) or verify (4)."""
    match function & 0x07:
        case 0x02:
            data = b"".join(disk.read(first + i) for i in range(count))
            guest.memory.write(buffer, data)
        case 0x03:
            if disk.read_only:
                return Status.WRITE_PROTECTED
            data = guest.memory.read(buffer, count * SECTOR_SIZE)
            for i in range(count):
                disk.write(first + i, data[i * SECTOR_SIZE : (i + 1) * SECTOR_SIZE])
    return Status.OK


def _format(guest: Guest, disk: Disk) -> Status:
    """05h: fill the track CH/DH."""
    r, g = guest.registers, disk.geometry
    cylinder, head = r.ch | (r.cl & 0xC0) << 2, r.dh
    if cylinder >= g.cylinders or head >= g.heads:
        return Status.SECTOR_NOT_FOUND
    if disk.read_only:
        return Status.WRITE_PROTECTED
    first = g.number(cylinder, head, 1)
    for sector in range(first, min(first + g.sectors, disk.total)):
        disk.write(sector, FORMAT_FILL * SECTOR_SIZE)
    return Status.OK


# -- the extensions, by sector number --------------------------------------------------------


def _extended(guest: Guest, disk: Disk, function: int) -> Status:
    match function:
        case 0x41 if guest.registers.bx == EXTENSIONS_ASKED:
            guest.registers.bx = EXTENSIONS_THERE
            guest.registers.cx = FIXED_DISK_SUBSET
            return Status.OK
        case 0x42 | 0x43 | 0x44 | 0x47:
            return _extended_transfer(guest, disk, function)
        case 0x48:
            return _extended_parameters(guest, disk)
        case _:
            return _unknown(guest)


def _extended_transfer(guest: Guest, disk: Disk, function: int) -> Status:
    r = guest.registers
    where = guest.linear(r.ds, r.si)
    packet = ADDRESS_PACKET.parse(guest.memory.read(where, ADDRESS_PACKET.sizeof()))
    if packet.size < ADDRESS_PACKET.sizeof() or not 0 <= packet.count <= MAX_SECTORS:
        return Status.BAD_COMMAND
    status = Status.OK
    if packet.sector + packet.count > disk.total:
        status = Status.SECTOR_NOT_FOUND
    elif function != 0x47:  # a seek moves nothing
        buffer = guest.linear(packet.segment, packet.offset)
        status = _move(guest, disk, function, packet.sector, packet.count, buffer)
    if status is not Status.OK:
        guest.memory.write_word(where + 2, 0)  # sectors done
    return status


def _extended_parameters(guest: Guest, disk: Disk) -> Status:
    r, g = guest.registers, disk.geometry
    where = guest.linear(r.ds, r.si)
    if guest.memory.read_word(where) < DRIVE_PARAMETERS.sizeof():
        return Status.BAD_COMMAND
    parameters = DRIVE_PARAMETERS.build(
        {
            "size": DRIVE_PARAMETERS.sizeof(),
            "flags": GEOMETRY_IS_VALID,
            "cylinders": g.cylinders,
            "heads": g.heads,
            "sectors": g.sectors,
            "total": disk.total,
            "sector_size": SECTOR_SIZE,
        }
    )
    guest.memory.write(where, parameters)
    return Status.OK
