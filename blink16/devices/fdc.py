"""The floppy controller, a uPD765A at ports 3F2h to 3F7h, with its drives.

A command's bytes come through the data port; when it has taken its time, sectors move through
the 8237's channel 2 (or, in the non-DMA mode, byte by byte through the data port), the result
waits at the data port, and IRQ 6 is raised.  The disks are those that INT 13h sees.  A drive
without a disk, or whose motor is off, sends no index pulses: what waits for them never ends,
until a reset.  Source: NEC uPD765A data sheet; IBM PC/XT Technical Reference, "5-1/4 inch diskette
drive adapter"; Intel 82077AA data sheet for the change line.  It is longer than other files as one
chip is one thing: its commands share phases, registers and drives; its codes are in `fdc_codes`.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices.disk_drives import DiskDrives, SectorDisk
from blink16.devices.dma import Dma
from blink16.devices.fdc_codes import (
    BY_NAME,
    COMMAND,
    FROM_HOST,
    MSR_BUSY,
    MSR_NO_DMA,
    MSR_REQUEST,
    MSR_TO_HOST,
    MULTI_TRACK,
    SCANNING,
    SKIP,
    ST0_ABNORMAL,
    ST0_ATTENTION,
    ST0_CHECK,
    ST0_HEAD,
    ST0_INVALID,
    ST0_SEEK_END,
    ST1_END,
    ST1_NO_ADDRESS,
    ST1_NO_DATA,
    ST1_OVERRUN,
    ST1_PROTECTED,
    ST2_EQUAL,
    ST2_NOT_SATISFIED,
    ST2_OTHER_MARK,
    ST2_WRONG_CYLINDER,
    ST3_PROTECTED,
    ST3_READY,
    ST3_TRACK_0,
    ST3_TWO_SIDES,
    WRITING,
    FdcCommand,
    SectorId,
    length,
    satisfies,
)
from blink16.devices.fields import with_fields
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

DOR_PORT, STATUS_PORT, DATA_PORT, INPUT_PORT = 0x3F2, 0x3F4, 0x3F5, 0x3F7
DMA_CHANNEL = 2
DRIVES = 4
SECTOR_SIZE, SIZE_CODE, NAME_SIZE = 512, 2, 4
DOR_ENABLED, DOR_GATE, DOR_DRIVE, DOR_MOTORS = 0x04, 0x08, 0x03, 0x10
"""The gate lets the controller's interrupts and its requests to the 8237 through."""
INPUT_CHANGED = 0x80
RECALIBRATE_STEPS = 77
RESULT_SIZE = 7
REVOLUTION_MS, STEP_MS, COMMAND_MS = 200, 3, 1
NO_SEEK = "a uPD765A never seeks by itself, as those of many emulators do"
NEVER = -1
_NO_SEEKS = (NEVER, NEVER, NEVER, NEVER)


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


_DOR = FdcState._fields.index("dor")


class Fdc(Telling[FdcState]):
    """A uPD765A: a device (`services.Device`)."""

    COMPONENT = "fdc"

    def __init__(
        self, guest: Guest, bus: Bus, dma: Dma, irq: RequestLine, drives: DiskDrives
    ) -> None:
        self._guest = guest
        self._dma = dma
        self._irq = irq
        self._drives = drives
        self.state = FdcState()
        self.seeks_itself = False
        """Whether it is like those of emulators, on which their BIOSes rely."""
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
        dor = DOR_ENABLED | DOR_GATE | drive | DOR_MOTORS << drive
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
        return bool(self.state.dor & DOR_GATE) and self._irq.is_heard()

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
        self._irq(bool(self.state.dor & DOR_GATE))

    # -- the digital output register ---------------------------------------------------------

    def _write_dor(self, port: int, value: int) -> None:
        before = self._state
        if not value & DOR_ENABLED:
            self._irq(False)
            if before.dor & DOR_ENABLED:
                self.state = FdcState(dor=value, cylinders=before.cylinders)
            else:
                self._state = with_fields(before, _DOR, value)
            return
        self._state = with_fields(before, _DOR, value)  # of which no plan hangs
        if not before.dor & DOR_ENABLED:
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
        return idle and bool(s.command) and len(s.command) == length(s.command)

    # -- ports -------------------------------------------------------------------------------

    def _read_status(self, port: int) -> int:
        s = self.state
        if not s.dor & DOR_ENABLED:
            return 0
        busy = sum(1 << drive for drive in range(DRIVES) if s.seeks[drive] != NEVER)
        if s.wanted:
            to_host = 0 if s.command[0] & COMMAND in FROM_HOST else MSR_TO_HOST
            return busy | MSR_REQUEST | MSR_NO_DMA | MSR_BUSY | to_host
        if s.result:
            return busy | MSR_REQUEST | MSR_TO_HOST | MSR_BUSY
        if s.command and len(s.command) == length(s.command):
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
        if s.wanted and s.command[0] & COMMAND not in FROM_HOST:
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
            if s.command[0] & COMMAND in FROM_HOST:
                self._write_byte(value)
        elif not s.command or len(s.command) < length(s.command):
            self.state = s._replace(command=s.command + bytes((value,)))
            if len(self.state.command) == length(self.state.command):
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
        if drive not in self._drives:
            return bytes((status,))
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
            steps = min(steps, RECALIBRATE_STEPS) if drive in self._drives else RECALIBRATE_STEPS
        ends = self._after(COMMAND_MS + STEP_MS * steps)
        self.state = s._replace(
            command=b"",
            seeks=_with(s.seeks, drive, ends),
            targets=_with(s.targets, drive, cylinder),
        )

    def _end_seek(self, drive: int) -> None:
        s = self.state
        target, st0 = s.targets[drive], ST0_SEEK_END | drive
        if target == 0 and drive not in self._drives:  # nobody says that it is on track 0
            st0 |= ST0_ABNORMAL | ST0_CHECK
        elif target == 0 and s.cylinders[drive] > RECALIBRATE_STEPS:
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
        if number in BY_NAME and s.command[2] != s.cylinders[self._drive]:
            self._want_seek(s.command[2])
        track = disk.shape[2]
        sectors = 1
        if number == FdcCommand.FORMAT:
            sectors = track
        elif number != FdcCommand.READ_ID:
            asked = -(-self._room() // SECTOR_SIZE) or 1
            sectors = min(self._ahead(), asked)
        due = self._after(REVOLUTION_MS * (sectors + 1) / track)
        self.state = self.state._replace(due=due)

    def _want_seek(self, cylinder: int) -> None:
        """Tell that a command wants a cylinder where the head isn't; perhaps move it there."""
        before = self.state.cylinders
        where = f"cylinder {cylinder} with the head on {before[self._drive]}"
        self._guest.device_lacks(DATA_PORT, f"wants a sector of {where}: {NO_SEEK}")
        if self.seeks_itself:
            self.state = self.state._replace(cylinders=_with(before, self._drive, cylinder))

    def _ahead(self) -> int:
        """Return how many sectors a command names, up to the end of the track or the cylinder."""
        command = self.state.command
        last, first = command[6], command[4]
        both = command[0] & MULTI_TRACK and not self._head
        return max(1, last - first + 1) + (last if both else 0)

    def _execute(self) -> None:
        disk = self._drives.disk(self._drive)
        if disk is None:  # it was taken out meanwhile
            return
        number = FdcCommand(self.state.command[0] & COMMAND)
        if number is FdcCommand.READ_ID:
            self._read_id(disk)
        elif number is FdcCommand.FORMAT:
            self._format(disk)
        else:
            self._transfer(disk, number)

    def _end(self, st1: int, st2: int, place: SectorId, side: int | None = None) -> None:
        """End a command with its seven result bytes and an interrupt.

        ``side``: under which head the disk is; by default the command's.
        """
        side = self._head if side is None else side
        st0 = self._drive | (ST0_HEAD if side else 0)
        st0 |= ST0_ABNORMAL if st1 or st2 & ST2_WRONG_CYLINDER else 0
        self._answer(bytes((st0, st1, st2, *(part & 0xFF for part in place))))
        self._interrupt()

    # -- the host's bytes --------------------------------------------------------------------

    def _room(self) -> int:
        """Return how many bytes the 8237 would move."""
        return self._dma.room(DMA_CHANNEL) if self.state.dor & DOR_GATE else 0

    def _from_host(self, size: int) -> bytes:
        """Return at most so many bytes from the host."""
        if not self.state.no_dma:
            return self._dma.take(DMA_CHANNEL, size) if self.state.dor & DOR_GATE else b""
        data, rest = self.state.data[:size], self.state.data[size:]
        self.state = self.state._replace(data=rest)
        return data

    def _wants(self, size: int) -> bool:
        """Return whether the host has yet to write a command's bytes, without DMA; ask it to."""
        if not self.state.no_dma or self.state.data:
            return False
        self.state = self.state._replace(wanted=size)
        self._interrupt()
        return True

    def _finish(self, data: bytes, st1: int, st2: int, place: SectorId, side: int) -> None:
        """End a transfer; without DMA what was read is first fetched byte by byte."""
        self.state = self.state._replace(data=b"")
        self._end(st1, st2, place, side)
        if data:
            s = self.state
            self.state = s._replace(data=data + s.result, result=b"", wanted=len(data))

    def _read_byte(self) -> int:
        s = self.state
        byte, wanted = s.data[len(s.data) - RESULT_SIZE - s.wanted], s.wanted - 1
        if wanted:
            self.state = s._replace(wanted=wanted)
        else:
            self.state = s._replace(data=b"", wanted=0, result=s.data[-RESULT_SIZE:])
            self._irq(False)
        self._interrupt()
        return byte

    def _write_byte(self, value: int) -> None:
        s = self.state
        self.state = s._replace(data=s.data + bytes((value,)), wanted=s.wanted - 1)
        if not self.state.wanted:
            self.state = self.state._replace(due=self._after(COMMAND_MS))

    # -- sectors -----------------------------------------------------------------------------

    def _sector(self, disk: SectorDisk, name: SectorId, side: int) -> int | None:
        """Return the number of a sector under a head; None if there is none of that name."""
        cylinders, heads, sectors = disk.shape
        here = self.state.cylinders[self._drive]
        if here >= cylinders or side >= heads or not 0 < name.sector <= sectors:
            return None
        if name.cylinder != here or name.head != side or name.size != SIZE_CODE:
            return None
        return (here * heads + side) * sectors + name.sector - 1

    def _transfer(self, disk: SectorDisk, number: FdcCommand) -> None:
        """Read, write or compare sectors until the 8237 says that it is enough."""
        command, side = self.state.command, self._head
        last, many = command[6], bool(command[0] & MULTI_TRACK)
        name = SectorId(*command[2:6])
        if number is FdcCommand.READ_TRACK:
            name, many = name._replace(sector=1), False
        step = max(1, command[8]) if number in SCANNING else 1
        if number in WRITING and disk.read_only:
            self._end(ST1_PROTECTED, 0, name)
            return
        there = self._sector(disk, name, side) is not None
        if there and number in FROM_HOST and self._wants(self._ahead() * SECTOR_SIZE):
            return
        collected, st2 = b"", 0
        while True:
            found = self._sector(disk, name, side)
            if found is None:
                wrong = name.cylinder != self.state.cylinders[self._drive]
                st2 |= ST2_WRONG_CYLINDER if wrong else 0
                self._finish(collected, ST1_NO_DATA, st2, name, side)
                return
            moved = self._move(disk, found, number)
            if moved is None:
                self._end(ST1_OVERRUN, 0, name, side)
                return
            collected += moved.data
            at_end, both_sides = name.sector == last, many and side == 0
            name = name.after(last, many=many, step=step)
            side = side ^ 1 if at_end and many else side
            if moved.ends or (at_end and not both_sides):
                st1 = 0 if moved.ends or number in SCANNING else ST1_END
                self._finish(collected, st1, moved.st2, name, side)
                return

    def _move(self, disk: SectorDisk, sector: int, number: FdcCommand) -> Moved | None:
        """Move a sector; None if the 8237 took none of it in time."""
        if number not in WRITING and number is not FdcCommand.READ_TRACK:
            other = disk.is_deleted(sector) != (number is FdcCommand.READ_DELETED)
            if other and self.state.command[0] & SKIP:
                return Moved()
        else:
            other = False
        st2 = ST2_OTHER_MARK if other else 0
        room = self._room()
        if not self.state.no_dma and not room:
            return None
        ends = other or (not self.state.no_dma and room <= SECTOR_SIZE)
        if number in WRITING:
            disk.write(sector, self._from_host(SECTOR_SIZE).ljust(SECTOR_SIZE, b"\0"))
            if number is FdcCommand.WRITE_DELETED:
                disk.delete(sector)
        elif number in SCANNING:
            good, equal = satisfies(number, disk.read(sector), self._from_host(SECTOR_SIZE))
            st2 |= (ST2_EQUAL if equal else 0) if good else ST2_NOT_SATISFIED
            ends = ends or good
        elif self.state.no_dma:
            return Moved(ends, st2, disk.read(sector))
        else:
            self._dma.put(DMA_CHANNEL, disk.read(sector))
        return Moved(ends, st2)

    def _read_id(self, disk: SectorDisk) -> None:
        """Name the sector that comes by next."""
        cylinder, head = self.state.cylinders[self._drive], self._head
        cylinders, heads, sectors = disk.shape
        if cylinder >= cylinders or head >= heads:
            self._end(ST1_NO_ADDRESS, 0, SectorId(0, 0, 0, 0))
            return
        turn = self._guest.clock_hz * REVOLUTION_MS // 1000 or 1
        sector = self._guest.time % turn * sectors // turn + 1
        self._end(0, 0, SectorId(cylinder, head, sector, SIZE_CODE))

    def _format(self, disk: SectorDisk) -> None:
        """Fill the sectors of a track whose names the host gives, four bytes each.

        An image has room for the sectors of its own shape; others are formatted in vain.
        """
        _, _, size, count, _, fill = self.state.command
        place = SectorId(self.state.cylinders[self._drive], self._head, count, size)
        if disk.read_only:
            self._end(ST1_PROTECTED, 0, place)
            return
        if count and self._wants(count * NAME_SIZE):
            return
        for _ in range(count):
            name = self._from_host(NAME_SIZE)
            if len(name) < NAME_SIZE:
                self._finish(b"", ST1_OVERRUN, 0, place, self._head)
                return
            found = self._sector(disk, SectorId(*name), self._head)
            if found is not None:
                disk.write(found, bytes((fill,)) * SECTOR_SIZE)
        self._finish(b"", 0, 0, place, self._head)


class Moved(NamedTuple):
    """What became of a sector."""

    ends: bool = False
    """Whether it was the last."""
    st2: int = 0
    data: bytes = b""
    """What the host is to read without DMA."""


def _with(values: tuple[int, int, int, int], at: int, value: int) -> tuple[int, int, int, int]:
    a, b, c, d = (value if number == at else old for number, old in enumerate(values))
    return a, b, c, d
