"""An AT's hard disk ports, 1F0h to 1F7h and 3F6h: sectors by programmed input and output.

The disks are those that INT 13h sees.  Source: IBM PC/AT Technical Reference, "Fixed disk and
diskette drive adapter"; ANSI X3.221, AT Attachment.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices.fdc import Floppy, FloppyDrives
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

BASE, CONTROL_PORT = 0x1F0, 0x3F6
FIRST_HARD_DISK = 0x80
SECTOR_SIZE = 512
BUSY, READY, SEEK_DONE, REQUEST, ERROR = 0x80, 0x40, 0x10, 0x08, 0x01
ABORTED, NOT_FOUND = 0x04, 0x10
NO_INTERRUPT, RESET = 0x02, 0x04
HEAD, SLAVE, BY_NUMBER = 0x0F, 0x10, 0x40
DELAY_MS = 1


class IdeRegister(IntEnum):
    """Offsets from 1F0h; written, 1 is precompensation and 7 the command."""

    DATA = 0
    ERROR = 1
    COUNT = 2
    SECTOR = 3
    CYLINDER_LOW = 4
    CYLINDER_HIGH = 5
    DRIVE = 6
    STATUS = 7


class IdeState(NamedTuple):
    """The registers, and the sector on its way."""

    registers: bytes = bytes((0, 1, 1, 1, 0, 0, 0xA0, 0))
    control: int = 0
    status: int = READY | SEEK_DONE
    command: int = 0
    buffer: bytes = b""
    due: int = -1
    left: int = 0
    """Sectors that are still to come."""


class Ide(Telling[IdeState]):
    """The adapter: a device (`services.Device`)."""

    COMPONENT = "ide"

    def __init__(self, guest: Guest, bus: Bus, irq: RequestLine, drives: FloppyDrives) -> None:
        self._guest = guest
        self._irq = irq
        self._drives = drives
        self.state = IdeState()
        bus.attach(range(BASE, BASE + 8), self._read, self._write, what="AT hard disk")
        bus.attach([CONTROL_PORT], self._read_status, self._control, what="AT hard disk, control")

    def save(self) -> IdeState:
        """Return the state."""
        return self.state

    def restore(self, state: IdeState) -> None:
        """Take the state of a `save`."""
        self.state = state

    @property
    def _disk(self) -> Floppy | None:
        drive = bool(self.state.registers[IdeRegister.DRIVE] & SLAVE)
        return self._drives.disk(FIRST_HARD_DISK + drive)

    # -- time --------------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when a command is done."""
        return self.state.due if self.state.due >= 0 else None

    def is_heard(self) -> bool:
        """Return whether its interrupt would be passed on."""
        return not self.state.control & NO_INTERRUPT and self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Do the command."""
        self.state = self.state._replace(due=-1)
        self._execute()

    def _later(self) -> None:
        time = max(1, self._guest.clock_hz * DELAY_MS // 1000)
        self.state = self.state._replace(status=BUSY, due=self._guest.time + time)

    def _interrupt(self) -> None:
        self._irq(not self.state.control & NO_INTERRUPT)

    # -- ports -------------------------------------------------------------------------------

    def _read_status(self, port: int) -> int:
        return self.state.status if self._disk is not None else 0

    def _read(self, port: int) -> int:
        register = IdeRegister(port - BASE)
        if register is IdeRegister.DATA or (register is IdeRegister.ERROR and self._is_reading()):
            return self._take_byte()
        if register is IdeRegister.STATUS:
            self._irq(False)
            return self._read_status(port)
        return self.state.registers[register]

    def _is_reading(self) -> bool:
        """Whether a word is being read: its high byte is at the next port."""
        return bool(len(self.state.buffer) % 2 and self.state.status & REQUEST)

    def _write(self, port: int, value: int) -> None:
        s, register = self.state, IdeRegister(port - BASE)
        writing = s.status & REQUEST and s.command & 0xF0 == 0x30
        if register is IdeRegister.DATA or (
            register is IdeRegister.ERROR and writing and len(s.buffer) % 2
        ):
            if writing:
                self._put_byte(value)
        elif register is IdeRegister.STATUS:
            self._command(value)
        elif not s.status & BUSY and register is not IdeRegister.ERROR:
            registers = bytearray(s.registers)
            registers[register] = value
            self.state = s._replace(registers=bytes(registers))

    def _control(self, port: int, value: int) -> None:
        if value & RESET:
            self.state = IdeState(control=value, status=BUSY)
        elif self.state.control & RESET:
            self.state = IdeState(control=value)
        else:
            self.state = self.state._replace(control=value)

    # -- commands ----------------------------------------------------------------------------

    def _command(self, command: int) -> None:
        if self._disk is None or self.state.status & BUSY:
            return
        self._irq(False)
        count = self.state.registers[IdeRegister.COUNT] or 256
        self.state = self.state._replace(command=command, left=count, buffer=b"")
        if command & 0xFE == 0x30:
            self.state = self.state._replace(status=READY | SEEK_DONE | REQUEST)
        else:
            self._later()

    def _execute(self) -> None:
        command, disk = self.state.command, self._disk
        if disk is None:
            return
        match command:
            case 0x20 | 0x21:
                self._read_sector(disk)
            case 0x30 | 0x31:
                self._write_sector(disk)
            case 0x40 | 0x41 if self._sector(disk) is None:
                self._fail(NOT_FOUND)
            case 0xEC:
                self._done(REQUEST, _identity(disk))
            case 0x90:
                registers = bytearray(self.state.registers)
                registers[IdeRegister.ERROR] = 1
                self.state = self.state._replace(registers=bytes(registers))
                self._done()
            case 0x40 | 0x41 | 0x91:
                self._done()
            case _ if command & 0xF0 in (0x10, 0x70):
                self._done()
            case _:
                self._fail(ABORTED)

    def _done(self, status: int = 0, buffer: bytes = b"") -> None:
        self.state = self.state._replace(status=READY | SEEK_DONE | status, buffer=buffer)
        self._interrupt()

    def _fail(self, error: int) -> None:
        registers = bytearray(self.state.registers)
        registers[IdeRegister.ERROR] = error
        self.state = self.state._replace(registers=bytes(registers), left=0)
        self._done(ERROR)

    def _sector(self, disk: Floppy) -> int | None:
        """Return the number of the sector that the registers name."""
        r = self.state.registers
        cylinders, heads, sectors = disk.shape
        cylinder = r[IdeRegister.CYLINDER_LOW] | r[IdeRegister.CYLINDER_HIGH] << 8
        head, sector = r[IdeRegister.DRIVE] & HEAD, r[IdeRegister.SECTOR]
        if r[IdeRegister.DRIVE] & BY_NUMBER:
            number = head << 24 | cylinder << 8 | sector
            return number if number < cylinders * heads * sectors else None
        if cylinder >= cylinders or head >= heads or not 0 < sector <= sectors:
            return None
        return (cylinder * heads + head) * sectors + sector - 1

    def _step(self, disk: Floppy) -> None:
        """Let the registers name the next sector."""
        number = self._sector(disk)
        r = bytearray(self.state.registers)
        r[IdeRegister.COUNT] = (r[IdeRegister.COUNT] - 1) & 0xFF
        if number is not None and self.state.left > 1:
            _, heads, sectors = disk.shape
            number += 1
            if r[IdeRegister.DRIVE] & BY_NUMBER:
                head, cylinder, sector = number >> 24, number >> 8 & 0xFFFF, number & 0xFF
            else:
                track, sector = number // sectors, number % sectors + 1
                cylinder, head = divmod(track, heads)
            r[IdeRegister.SECTOR] = sector
            r[IdeRegister.CYLINDER_LOW], r[IdeRegister.CYLINDER_HIGH] = (
                cylinder & 0xFF,
                cylinder >> 8 & 0xFF,
            )
            r[IdeRegister.DRIVE] = r[IdeRegister.DRIVE] & ~HEAD | head & HEAD
        self.state = self.state._replace(registers=bytes(r), left=self.state.left - 1)

    def _read_sector(self, disk: Floppy) -> None:
        number = self._sector(disk)
        if number is None:
            self._fail(NOT_FOUND)
            return
        self._step(disk)
        self._done(REQUEST, disk.read(number))

    def _take_byte(self) -> int:
        s = self.state
        if not s.status & REQUEST or not s.buffer:
            return 0xFF
        self.state = s._replace(buffer=s.buffer[1:])
        if len(s.buffer) == 1:
            self.state = self.state._replace(status=READY | SEEK_DONE)
            if s.left and s.command in (0x20, 0x21):
                self._later()
        return s.buffer[0]

    def _put_byte(self, value: int) -> None:
        s = self.state
        self.state = s._replace(buffer=s.buffer + bytes((value,)))
        if len(self.state.buffer) == SECTOR_SIZE:
            self._later()

    def _write_sector(self, disk: Floppy) -> None:
        number = self._sector(disk)
        if number is None or disk.read_only:
            self._fail(NOT_FOUND if number is None else ABORTED)
            return
        disk.write(number, self.state.buffer)
        self._step(disk)
        self._done(REQUEST if self.state.left else 0)


def _identity(disk: Floppy) -> bytes:
    """Return what IDENTIFY DRIVE tells."""
    cylinders, heads, sectors = disk.shape
    words = [0] * 256
    words[0], words[1], words[3], words[6] = 0x0040, cylinders, heads, sectors
    words[47], words[49], words[53] = 0, 0x0200, 1
    words[54], words[55], words[56] = cylinders, heads, sectors
    total = cylinders * heads * sectors
    words[57], words[58], words[60], words[61] = (total & 0xFFFF, total >> 16) * 2
    for at, text in ((10, "1".rjust(20)), (23, "1.0".ljust(8)), (27, "blink16 disk".ljust(40))):
        for number in range(len(text) // 2):
            words[at + number] = ord(text[2 * number]) << 8 | ord(text[2 * number + 1])
    return b"".join(word.to_bytes(2, "little") for word in words)
