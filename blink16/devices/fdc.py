"""The floppy controller, a uPD765A at ports 3F2h to 3F7h, with its drives.

A command's bytes come through the data port; when it has taken its time, sectors move through
the 8237's channel 2 (or, in the non-DMA mode, byte by byte through the data port), the result
waits at the data port, and IRQ 6 is raised.  The disks are those that INT 13h sees.  A drive
without a disk, or whose motor is off, sends no index pulses: what waits for them never ends,
until a reset.  Source: NEC uPD765A data sheet; IBM PC/XT Technical Reference, "5-1/4 inch diskette
drive adapter"; Intel 82077AA data sheet for the change line.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from blink16.bus import Bus
from blink16.devices.dma import Dma
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

DOR_PORT, STATUS_PORT, DATA_PORT, INPUT_PORT = 0x3F2, 0x3F4, 0x3F5, 0x3F7
DMA_CHANNEL = 2
DRIVES = 4
SECTOR_SIZE, SIZE_CODE = 512, 2
DOR_ENABLED, DOR_INTERRUPTS, DOR_DRIVE, DOR_MOTORS = 0x04, 0x08, 0x03, 0x10
MSR_REQUEST, MSR_TO_HOST, MSR_NO_DMA, MSR_BUSY = 0x80, 0x40, 0x20, 0x10
ST0_ABNORMAL, ST0_INVALID, ST0_ATTENTION = 0x40, 0x80, 0xC0
ST0_SEEK_END, ST0_CHECK, ST0_HEAD = 0x20, 0x10, 0x04
ST1_END, ST1_OVERRUN, ST1_NO_DATA, ST1_PROTECTED, ST1_NO_ADDRESS = 0x80, 0x10, 0x04, 0x02, 0x01
ST2_WRONG_CYLINDER, ST2_NOT_SATISFIED = 0x10, 0x04
ST3_PROTECTED, ST3_READY, ST3_TRACK_0, ST3_TWO_SIDES = 0x40, 0x20, 0x10, 0x08
INPUT_CHANGED = 0x80
MULTI_TRACK, SKIP, COMMAND = 0x80, 0x20, 0x1F
RECALIBRATE_STEPS, LAST_STEP = 77, 255
REVOLUTION_MS, STEP_MS, COMMAND_MS = 200, 3, 1
NEVER = -1
_NO_SEEKS = (NEVER, NEVER, NEVER, NEVER)


class Floppy(Protocol):
    """A disk, to its drive."""

    read_only: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cylinders, heads, and sectors of a track."""
        ...

    def read(self, sector: int) -> bytes:
        """Return a sector by its number from 0."""
        ...

    def write(self, sector: int, data: bytes) -> None:
        """Replace a sector."""
        ...


class FloppyDrives(Protocol):
    """The drives, and which disks are in them."""

    def disk(self, drive: int) -> Floppy | None:
        """Return the disk in a drive; None if that is empty or missing."""
        ...

    def has_changed(self, drive: int) -> bool:
        """Return whether a drive was opened since its head was last moved over a disk."""
        ...

    def see(self, drive: int) -> None:
        """Note that the head was moved with a disk in the drive."""
        ...


class NoDrives:
    """A controller without drives."""

    def disk(self, drive: int) -> Floppy | None:
        """Return no disk."""
        return None

    def has_changed(self, drive: int) -> bool:
        """Return that nothing has changed."""
        return False

    def see(self, drive: int) -> None:
        """Note nothing."""


class FdcCommand(IntEnum):
    """The lower five bits of a command's first byte."""

    READ_TRACK = 0x02
    SPECIFY = 0x03
    SENSE_DRIVE = 0x04
    WRITE = 0x05
    READ = 0x06
    RECALIBRATE = 0x07
    SENSE_INTERRUPT = 0x08
    WRITE_DELETED = 0x09
    READ_ID = 0x0A
    READ_DELETED = 0x0C
    FORMAT = 0x0D
    SEEK = 0x0F
    SCAN_EQUAL = 0x11
    SCAN_LOW = 0x19
    SCAN_HIGH = 0x1D


LENGTHS = {
    FdcCommand.SPECIFY: 3,
    FdcCommand.SENSE_DRIVE: 2,
    FdcCommand.RECALIBRATE: 2,
    FdcCommand.SENSE_INTERRUPT: 1,
    FdcCommand.READ_ID: 2,
    FdcCommand.FORMAT: 6,
    FdcCommand.SEEK: 3,
}
"""Bytes of a command; nine if it isn't here."""
WRITING = (FdcCommand.WRITE, FdcCommand.WRITE_DELETED)
SCANNING = (FdcCommand.SCAN_EQUAL, FdcCommand.SCAN_LOW, FdcCommand.SCAN_HIGH)


class FdcState(NamedTuple):
    """All that the controller and the drives' heads remember."""

    dor: int = 0
    command: bytes = b""
    """The bytes of a command that have come."""
    due: int = NEVER
    """When the command being executed is done."""
    data: bytes = b""
    """What waits to be read at the data port, or was written there, without DMA."""
    wanted: int = 0
    """How many bytes a command without DMA waits for."""
    result: bytes = b""
    seeks: tuple[int, int, int, int] = _NO_SEEKS
    """When each drive's seek ends."""
    targets: tuple[int, int, int, int] = (0, 0, 0, 0)
    cylinders: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Where the heads are."""
    sensed: tuple[tuple[int, int], ...] = ()
    """ST0 and cylinder of each interrupt that is to be asked for."""
    no_dma: bool = False


class Fdc(Telling[FdcState]):
    """A uPD765A: a device (`services.Device`)."""

    COMPONENT = "fdc"

    def __init__(
        self, guest: Guest, bus: Bus, dma: Dma, irq: RequestLine, drives: FloppyDrives
    ) -> None:
        self._guest = guest
        self._dma = dma
        self._irq = irq
        self._drives = drives
        self.state = FdcState()
        bus.attach([DOR_PORT], lambda port: self.state.dor, self._write_dor, what="floppy motors")
        bus.attach([STATUS_PORT], self._read_status, None, what="uPD765 status")
        bus.attach([DATA_PORT], self._read_data, self._write_data, what="uPD765 data")
        bus.attach([INPUT_PORT], self._read_input, lambda p, v: None, what="floppy change line")

    def save(self) -> FdcState:
        """Return the state."""
        return self.state

    def restore(self, state: FdcState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def used_by_bios(self, drive: int, cylinder: int) -> None:
        """Leave a drive as the BIOS does: its motor runs, its head is on a cylinder."""
        dor = DOR_ENABLED | DOR_INTERRUPTS | drive | DOR_MOTORS << drive
        self.state = self.state._replace(
            dor=dor, cylinders=_with(self.state.cylinders, drive, cylinder)
        )

    # -- time --------------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when a command or a seek ends."""
        due, seeks = self.state.due, self.state.seeks
        if due == NEVER and seeks == _NO_SEEKS:  # most often; it is asked after each port
            return None
        return min(time for time in (due, *seeks) if time != NEVER)

    def is_heard(self) -> bool:
        """Return whether IRQ 6 would be passed on."""
        return bool(self.state.dor & DOR_INTERRUPTS) and self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Do what is done until ``time``."""
        for drive in range(DRIVES):
            if self.state.seeks[drive] != NEVER and self.state.seeks[drive] <= time:
                self._end_seek(drive)
        if self.state.due != NEVER and self.state.due <= time:
            self.state = self.state._replace(due=NEVER)
            self._execute()

    def _after(self, milliseconds: float) -> int:
        passed = round(self._guest.clock_hz * milliseconds / 1000)
        return self._guest.time + max(1, passed)

    def _interrupt(self) -> None:
        self._irq(bool(self.state.dor & DOR_INTERRUPTS))

    # -- the digital output register ---------------------------------------------------------

    def _write_dor(self, port: int, value: int) -> None:
        before, self.state = self.state, self.state._replace(dor=value)
        if not value & DOR_ENABLED:
            self._irq(False)
            self.state = FdcState(dor=value, cylinders=before.cylinders)
        elif not before.dor & DOR_ENABLED:
            # after a reset the controller polls its drives, and each has become ready
            sensed = tuple((ST0_ATTENTION | drive, 0) for drive in range(DRIVES))
            self.state = self.state._replace(sensed=sensed)
            self._interrupt()
        elif self._waits_for_disk():
            self._begin()  # the motor has been switched on

    def _is_turning(self, drive: int) -> bool:
        motor = self.state.dor & DOR_MOTORS << drive
        return bool(motor) and self._drives.disk(drive) is not None

    def _waits_for_disk(self) -> bool:
        s = self.state
        idle = s.due == NEVER and not s.result and not s.wanted
        return idle and bool(s.command) and len(s.command) == _length(s.command)

    # -- ports -------------------------------------------------------------------------------

    def _read_status(self, port: int) -> int:
        s = self.state
        if not s.dor & DOR_ENABLED:
            return 0
        busy = sum(1 << drive for drive in range(DRIVES) if s.seeks[drive] != NEVER)
        if s.wanted:
            to_host = 0 if s.command[0] & COMMAND in WRITING else MSR_TO_HOST
            return busy | MSR_REQUEST | MSR_NO_DMA | MSR_BUSY | to_host
        if s.result:
            return busy | MSR_REQUEST | MSR_TO_HOST | MSR_BUSY
        if s.command and len(s.command) == _length(s.command):
            return busy | MSR_BUSY  # it is being executed
        return busy | MSR_REQUEST | (MSR_BUSY if s.command else 0)

    def _read_input(self, port: int) -> int:
        """Return an AT's digital input register: the selected drive's change line in bit 7."""
        drive = self.state.dor & DOR_DRIVE
        if not self.state.dor & DOR_MOTORS << drive:
            return 0
        changed = self._drives.disk(drive) is None or self._drives.has_changed(drive)
        return INPUT_CHANGED if changed else 0

    def _read_data(self, port: int) -> int:
        s = self.state
        if s.wanted and s.command[0] & COMMAND not in WRITING:
            return self._read_byte()
        if not s.result:
            return 0
        self._irq(False)
        self.state = s._replace(
            result=s.result[1:], command=b"" if len(s.result) == 1 else s.command
        )
        return s.result[0]

    def _write_data(self, port: int, value: int) -> None:
        s = self.state
        if not s.dor & DOR_ENABLED or s.result:
            return
        if s.wanted:
            self._write_byte(value)
        elif not s.command or len(s.command) < _length(s.command):
            self.state = s._replace(command=s.command + bytes((value,)))
            if len(self.state.command) == _length(self.state.command):
                self._begin()

    # -- commands ----------------------------------------------------------------------------

    @property
    def _drive(self) -> int:
        return self.state.command[1] & DOR_DRIVE

    @property
    def _head(self) -> int:
        return self.state.command[1] >> 2 & 1

    def _begin(self) -> None:
        """Take a whole command."""
        command, number = self.state.command, self.state.command[0] & COMMAND
        match number:
            case FdcCommand.SPECIFY:
                self.state = self.state._replace(no_dma=bool(command[2] & 1), command=b"")
            case FdcCommand.SENSE_DRIVE:
                self._answer(self._sense_drive())
            case FdcCommand.SENSE_INTERRUPT:
                self._sense_interrupt()
            case FdcCommand.RECALIBRATE:
                self._seek(self._drive, 0)
            case FdcCommand.SEEK:
                self._seek(self._drive, command[2])
            case _ if number in set(FdcCommand):
                self._wait_for_sector()
            case _:
                self._answer(bytes((ST0_INVALID,)))

    def _answer(self, result: bytes) -> None:
        self.state = self.state._replace(result=result)

    def _sense_drive(self) -> bytes:
        drive, disk = self._drive, self._drives.disk(self._drive)
        status = drive | (ST0_HEAD if self._head else 0) | ST3_READY
        if disk is None or disk.read_only:
            status |= ST3_PROTECTED
        if disk is not None and disk.shape[1] > 1:
            status |= ST3_TWO_SIDES
        return bytes((status | (0 if self.state.cylinders[drive] else ST3_TRACK_0),))

    def _sense_interrupt(self) -> None:
        s = self.state
        if not s.sensed:
            self._answer(bytes((ST0_INVALID,)))
            return
        self._irq(False)
        (st0, cylinder), rest = s.sensed[0], s.sensed[1:]
        self.state = s._replace(sensed=rest, result=bytes((st0, cylinder)))

    def _seek(self, drive: int, cylinder: int) -> None:
        s = self.state
        steps = abs(s.cylinders[drive] - cylinder)
        if s.command[0] & COMMAND == FdcCommand.RECALIBRATE:
            steps = min(steps, RECALIBRATE_STEPS)
        ends = self._after(COMMAND_MS + STEP_MS * steps)
        self.state = s._replace(
            command=b"",
            seeks=_with(s.seeks, drive, ends),
            targets=_with(s.targets, drive, cylinder),
        )

    def _end_seek(self, drive: int) -> None:
        s = self.state
        target, st0 = s.targets[drive], ST0_SEEK_END | drive
        if target == 0 and s.cylinders[drive] > RECALIBRATE_STEPS:
            target, st0 = s.cylinders[drive] - RECALIBRATE_STEPS, st0 | ST0_ABNORMAL | ST0_CHECK
        if self._drives.disk(drive) is not None and target != s.cylinders[drive]:
            self._drives.see(drive)
        self.state = s._replace(
            seeks=_with(s.seeks, drive, NEVER),
            cylinders=_with(s.cylinders, drive, target),
            sensed=(*s.sensed, (st0, target))[-DRIVES:],
        )
        self._interrupt()

    def _wait_for_sector(self) -> None:
        """Let a command begin that reads or writes, once the disk turns."""
        s, disk = self.state, self._drives.disk(self._drive)
        if not self._is_turning(self._drive) or disk is None:
            return
        number = s.command[0] & COMMAND
        track = disk.shape[2]
        sectors = 1
        if number == FdcCommand.FORMAT:
            sectors = track
        elif number != FdcCommand.READ_ID:
            left = max(1, s.command[6] - s.command[4] + 1)
            asked = -(-self._dma.room(DMA_CHANNEL) // SECTOR_SIZE) or 1
            sectors = min(2 * left, asked)
        if s.no_dma and number in WRITING and s.wanted == 0 and not s.data:
            wanted = max(1, s.command[6] - s.command[4] + 1) * SECTOR_SIZE
            self.state = s._replace(wanted=wanted)
            self._interrupt()
            return
        self.state = s._replace(due=self._after(REVOLUTION_MS * (sectors + 1) / track))

    def _execute(self) -> None:
        disk = self._drives.disk(self._drive)
        if disk is None:  # it was taken out meanwhile
            return
        number = self.state.command[0] & COMMAND
        if number == FdcCommand.READ_ID:
            self._read_id(disk)
        elif number == FdcCommand.FORMAT:
            self._format(disk)
        else:
            self._transfer(disk)

    def _end(self, st1: int, st2: int, place: tuple[int, int, int, int]) -> None:
        """End a command with its seven result bytes and an interrupt."""
        st0 = self.state.command[1] & (ST0_HEAD | DOR_DRIVE)
        st0 |= ST0_ABNORMAL if st1 or st2 & ST2_WRONG_CYLINDER else 0
        self._answer(bytes((st0, st1, st2, *(part & 0xFF for part in place))))
        self._interrupt()

    # -- sectors -----------------------------------------------------------------------------

    def _sector(self, disk: Floppy, cylinder: int, head: int, sector: int) -> int | None:
        """Return the number of a sector under the heads; None if there is none of that name."""
        cylinders, heads, sectors = disk.shape
        here = self.state.cylinders[self._drive]
        there = here < cylinders and head < heads and 0 < sector <= sectors
        if not there or cylinder != here:
            return None
        return (here * heads + head) * sectors + sector - 1

    def _transfer(self, disk: Floppy) -> None:
        """Read, write or compare sectors until the 8237 says that it is enough."""
        command = self.state.command
        number, (cylinder, head, sector, size) = command[0] & COMMAND, command[2:6]
        last, many = command[6], bool(command[0] & MULTI_TRACK)
        if number == FdcCommand.READ_TRACK:
            sector, many = 1, False
        place = cylinder, head, sector, size
        if number in WRITING and disk.read_only:
            self._end(ST1_PROTECTED, 0, place)
            return
        collected = b""
        while True:
            found = self._sector(disk, cylinder, head, sector)
            if found is None or size != SIZE_CODE or head != (head & 1):
                wrong = cylinder != self.state.cylinders[self._drive]
                st2 = ST2_WRONG_CYLINDER if wrong else 0
                self._finish(collected, ST1_NO_DATA, st2, (cylinder, head, sector, size))
                return
            ended, moved = self._move(disk, found, number)
            collected += moved
            if not ended and not self.state.no_dma and not self._dma.room(DMA_CHANNEL):
                self._end(ST1_OVERRUN, 0, (cylinder, head, sector, size))
                return
            at_end = sector == last
            sector += 1
            if at_end:
                sector, head = 1, head ^ 1 if many else head
                cylinder += not many or head == 0
            if ended or (at_end and not (many and head == 1)):
                st2 = ST2_NOT_SATISFIED if number in SCANNING else 0
                place = cylinder, head, sector, size
                self._finish(collected, 0 if ended else ST1_END, st2, place)
                return

    def _move(self, disk: Floppy, sector: int, number: int) -> tuple[bool, bytes]:
        """Move a sector; return whether that was the last, and what is to be read without DMA."""
        room = self._dma.room(DMA_CHANNEL)
        if self.state.no_dma:
            if number in WRITING:
                data, rest = self.state.data[:SECTOR_SIZE], self.state.data[SECTOR_SIZE:]
                disk.write(sector, data)
                self.state = self.state._replace(data=rest)
                return False, b""
            return False, disk.read(sector)
        if not room:
            return False, b""
        if number in WRITING:
            data = self._dma.take(DMA_CHANNEL, SECTOR_SIZE)
            disk.write(sector, data.ljust(SECTOR_SIZE, b"\0"))
        elif number in SCANNING:
            self._dma.take(DMA_CHANNEL, SECTOR_SIZE)
        else:
            self._dma.put(DMA_CHANNEL, disk.read(sector))
        return room <= SECTOR_SIZE, b""

    def _finish(self, data: bytes, st1: int, st2: int, place: tuple[int, int, int, int]) -> None:
        """End a transfer; without DMA what was read is first fetched byte by byte."""
        self._end(st1, st2, place)
        if data:
            s = self.state
            self.state = s._replace(data=data + s.result, result=b"", wanted=len(data))

    def _read_byte(self) -> int:
        s = self.state
        byte, rest, wanted = s.data[0], s.data[1:], s.wanted - 1
        if wanted:
            self.state = s._replace(data=rest, wanted=wanted)
        else:
            self.state = s._replace(data=b"", wanted=0, result=rest)
            self._irq(False)
        self._interrupt()
        return byte

    def _write_byte(self, value: int) -> None:
        s = self.state
        self.state = s._replace(data=s.data + bytes((value,)), wanted=s.wanted - 1)
        if not self.state.wanted:
            self.state = self.state._replace(due=self._after(COMMAND_MS))

    def _read_id(self, disk: Floppy) -> None:
        """Name the sector that comes by next."""
        cylinder, head = self.state.cylinders[self._drive], self._head
        cylinders, heads, sectors = disk.shape
        if cylinder >= cylinders or head >= heads:
            self._end(ST1_NO_ADDRESS, 0, (0, 0, 0, 0))
            return
        turn = self._guest.clock_hz * REVOLUTION_MS // 1000 or 1
        sector = self._guest.time % turn * sectors // turn + 1
        self._end(0, 0, (cylinder, head, sector, SIZE_CODE))

    def _format(self, disk: Floppy) -> None:
        """Fill the sectors of a track whose names come by DMA, four bytes each."""
        _, _, size, count, _, fill = self.state.command
        place = (self.state.cylinders[self._drive], self._head, count, size)
        if disk.read_only:
            self._end(ST1_PROTECTED, 0, place)
            return
        for _ in range(count):
            name = self._dma.take(DMA_CHANNEL, 4)
            if len(name) < 4:
                self._end(ST1_OVERRUN, 0, place)
                return
            found = self._sector(disk, name[0], self._head, name[2])
            if found is not None and name[3] == SIZE_CODE:
                disk.write(found, bytes((fill,)) * SECTOR_SIZE)
        self._end(0, 0, place)


def _length(command: bytes) -> int:
    number = command[0] & COMMAND
    if number not in set(FdcCommand):
        return 1
    return LENGTHS.get(FdcCommand(number), 9)


def _with(values: tuple[int, int, int, int], at: int, value: int) -> tuple[int, int, int, int]:
    a, b, c, d = (value if number == at else old for number, old in enumerate(values))
    return a, b, c, d
