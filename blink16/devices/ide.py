"""An AT's hard disk ports, 1F0h to 1F7h and 3F6h: sectors by programmed input and output.

The disks are those that INT 13h sees: two drives on one cable, which share the registers.  Between
a command and its first sector, and between sectors, a drive is busy for a moment.  Source: ANSI
X3.221, AT Attachment; IBM PC/AT Technical Reference, "Fixed disk and diskette drive adapter".
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices.disk_drives import DiskDrives, SectorDisk
from blink16.devices.fields import with_fields
from blink16.devices.ide_drive import SECTOR_SIZE, DriveSettings, Place, identity
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

BASE, CONTROL_PORT = 0x1F0, 0x3F6
FIRST_HARD_DISK = 0x80
BUSY, READY, SEEK_DONE, REQUEST, ERROR = 0x80, 0x40, 0x10, 0x08, 0x01
IDLE = READY | SEEK_DONE
PASSED, ABORTED, NOT_FOUND = 0x01, 0x04, 0x10
"""The error register: after a reset or diagnosis, and after commands."""
NO_INTERRUPT, RESET = 0x02, 0x04
SLAVE, DRIVE_UNUSED = 0x10, 0xA0
"""In the drive register: which drive, and bits that are always ones."""
SIGNATURE = bytes((0, 0, 1, 1, 0, 0, DRIVE_UNUSED, 0))
MAX_MULTIPLE = 16
NO_POWER_SAVED = 0xFF
PIO_MODES = range(0x10)
FEATURES = (0x02, 0x82, 0x55, 0xAA, 0x66, 0xCC)
"""Of SET FEATURES: write cache, read ahead, defaults after a reset; all make no difference."""
SET_TRANSFER_MODE = 0x03
DELAY_MS = 1
NEVER = -1
OPEN_WORD = 0xFFFF


class IdeRegister(IntEnum):
    """Offsets from 1F0h; written, 1 is what SET FEATURES wants and 7 the command."""

    DATA = 0
    ERROR = 1
    COUNT = 2
    SECTOR = 3
    CYLINDER_LOW = 4
    CYLINDER_HIGH = 5
    DRIVE = 6
    STATUS = 7


class IdeCommand(IntEnum):
    """The commands; `_known` finds those that leave lower bits free."""

    RECALIBRATE = 0x10
    READ = 0x20
    WRITE = 0x30
    WRITE_VERIFY = 0x3C
    VERIFY = 0x40
    FORMAT_TRACK = 0x50
    SEEK = 0x70
    DIAGNOSE = 0x90
    SET_PARAMETERS = 0x91
    READ_MULTIPLE = 0xC4
    WRITE_MULTIPLE = 0xC5
    SET_MULTIPLE = 0xC6
    STANDBY_NOW = 0xE0
    IDLE_NOW = 0xE1
    STANDBY = 0xE2
    IDLE = 0xE3
    READ_BUFFER = 0xE4
    CHECK_POWER = 0xE5
    SLEEP = 0xE6
    FLUSH = 0xE7
    WRITE_BUFFER = 0xE8
    IDENTIFY = 0xEC
    SET_FEATURES = 0xEF


OLD_POWER_COMMANDS = {
    0x94: IdeCommand.STANDBY_NOW,
    0x95: IdeCommand.IDLE_NOW,
    0x96: IdeCommand.STANDBY,
    0x97: IdeCommand.IDLE,
    0x98: IdeCommand.CHECK_POWER,
    0x99: IdeCommand.SLEEP,
}
WRITING = (IdeCommand.WRITE, IdeCommand.WRITE_VERIFY, IdeCommand.WRITE_MULTIPLE)
READING = (IdeCommand.READ, IdeCommand.READ_MULTIPLE)


class IdeState(NamedTuple):
    """The registers, the block on its way, and what the drives were told."""

    registers: bytes = SIGNATURE
    """As written; the error and the status are apart."""
    error: int = PASSED
    control: int = 0
    status: int = IDLE
    command: int = 0
    buffer: bytes = b""
    """The block of sectors that the host reads, or what it has written of one."""
    taken: int = 0
    """How many bytes of it have been read."""
    wanted: int = 0
    """How many bytes the host is to write."""
    due: int = NEVER
    left: int = 0
    """Sectors of the command that have not been read from the disk, or written to it."""
    asks: bool = False
    """Whether INTRQ would be high, were it let through."""
    settings: tuple[DriveSettings, DriveSettings] = (DriveSettings(), DriveSettings())


# Members of the enum by names of our own: looking them up takes as long as much of an access.
_DATA, _ERROR, _DRIVE, _STATUS = map(
    int, (IdeRegister.DATA, IdeRegister.ERROR, IdeRegister.DRIVE, IdeRegister.STATUS)
)
_REGISTERS, _CONTROL, _BUFFER, _TAKEN, _ASKS = map(
    IdeState._fields.index, ("registers", "control", "buffer", "taken", "asks")
)


class Ide(Telling[IdeState]):
    """The adapter: a device (`services.Device`)."""

    COMPONENT = "ide"

    def __init__(self, guest: Guest, bus: Bus, irq: RequestLine, drives: DiskDrives) -> None:
        self._guest = guest
        self._irq = irq
        self._drives = drives
        self.state = IdeState()
        bus.attach(range(BASE, BASE + 8), self._read, self._write, what="AT hard disk")
        bus.attach([CONTROL_PORT], self._read_status, self._control, what="AT hard disk, control")
        bus.attach_words(BASE, lambda port: self._take_word(), lambda port, v: self._put_word(v))

    def save(self) -> IdeState:
        """Return the state."""
        return self.state

    def restore(self, state: IdeState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- drives ------------------------------------------------------------------------------

    @property
    def _selected(self) -> int:
        return int(bool(self._state.registers[_DRIVE] & SLAVE))

    @property
    def _disk(self) -> SectorDisk | None:
        return self._drives.disk(FIRST_HARD_DISK + self._selected)

    @property
    def _settings(self) -> DriveSettings:
        return self.state.settings[self._selected]

    def _set(self, settings: DriveSettings) -> None:
        one, two = self.state.settings
        both = (one, settings) if self._selected else (settings, two)
        self.state = self.state._replace(settings=both)

    # -- time --------------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when a drive is no longer busy."""
        return None if self.state.due == NEVER else self.state.due

    def is_heard(self) -> bool:
        """Return whether its interrupt would be passed on."""
        return not self.state.control & NO_INTERRUPT and self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Do what the drive is busy with."""
        self.state = self.state._replace(due=NEVER)
        self._execute()

    def _later(self) -> None:
        time = max(1, self._guest.clock_hz * DELAY_MS // 1000)
        self.state = self.state._replace(status=BUSY, due=self._guest.time + time)

    def _ask(self, asks: bool) -> None:
        if not asks and not self._state.asks:
            return  # the line is low
        if asks != self._state.asks:
            self._note(with_fields(self._state, _ASKS, asks))
        self._irq(asks and not self._state.control & NO_INTERRUPT)

    # -- ports -------------------------------------------------------------------------------

    def _read_status(self, port: int) -> int:
        return self.state.status if self._disk is not None else 0

    def _read(self, port: int) -> int:
        register = port - BASE
        if register == _DATA:  # the drive hands out a word all the same
            return self._take_word() & 0xFF
        if register == _STATUS:
            self._ask(False)
            return self._read_status(port)
        return self._state.error if register == _ERROR else self._state.registers[register]

    def _write(self, port: int, value: int) -> None:
        register, s = port - BASE, self._state
        if register == _DATA:
            self._put_word(value)
        elif s.status & BUSY:
            pass
        elif register == _STATUS:
            self._command(value)
        else:
            if register == _DRIVE:
                value |= DRIVE_UNUSED
            before = s.registers
            registers = before[:register] + bytes((value,)) + before[register + 1 :]
            self._note(with_fields(s, _REGISTERS, registers))

    def _note(self, state: IdeState) -> None:
        """Change what says nothing of when a drive is done, and so need not be told."""
        self._state = state

    def _control(self, port: int, value: int) -> None:
        asked = self._state.asks
        if value & RESET:
            self.state = IdeState(control=value, status=BUSY)
        elif self._state.control & RESET:
            self.state = IdeState(control=value)
        elif value != self._state.control:
            self._note(with_fields(self._state, _CONTROL, value))
        if asked:
            self._irq(self._state.asks and not value & NO_INTERRUPT)

    def _take_word(self) -> int:
        s = self.state
        if not s.status & REQUEST or s.wanted:
            return OPEN_WORD
        word = s.buffer[s.taken] | s.buffer[s.taken + 1] << 8
        self._note(with_fields(s, _TAKEN, s.taken + 2))
        if self.state.taken == len(s.buffer):
            self.state = self.state._replace(status=IDLE)
            if s.left:
                self._later()
        return word

    def _put_word(self, value: int) -> None:
        s = self.state
        if s.status & REQUEST and s.wanted:
            self._note(with_fields(s, _BUFFER, s.buffer + value.to_bytes(2, "little")))
            if len(self.state.buffer) == s.wanted:
                self._later()

    # -- commands ----------------------------------------------------------------------------

    def _command(self, code: int) -> None:
        command = _known(code)
        if self._disk is None and command is not IdeCommand.DIAGNOSE:
            return
        self._ask(False)
        count = self.state.registers[IdeRegister.COUNT] or 256
        moves = command in (*READING, *WRITING, IdeCommand.VERIFY)
        self.state = self.state._replace(
            command=NEVER if command is None else command,
            left=count if moves else 0,
            error=0,
            buffer=self.state.buffer if command is IdeCommand.READ_BUFFER else b"",
            wanted=0,
        )
        if command in WRITING and self._block():
            self._want(self._block())
        elif command in (IdeCommand.FORMAT_TRACK, IdeCommand.WRITE_BUFFER):
            self._want(1)
        else:
            self._later()

    def _block(self) -> int:
        """Return how many sectors move between two interrupts; 0: none can."""
        multiple = self.state.command in (IdeCommand.READ_MULTIPLE, IdeCommand.WRITE_MULTIPLE)
        return min(self.state.left, self._settings.multiple if multiple else 1)

    def _want(self, sectors: int) -> None:
        """Let the host write sectors."""
        self.state = self.state._replace(
            status=IDLE | REQUEST, buffer=b"", wanted=sectors * SECTOR_SIZE
        )

    def _execute(self) -> None:
        disk, s = self._disk, self.state
        r = s.registers
        if s.command == IdeCommand.DIAGNOSE:
            self.state = s._replace(registers=SIGNATURE, error=PASSED)
            self._done()
            return
        if disk is None:  # the other drive has been selected meanwhile
            return
        match s.command:
            case IdeCommand.READ | IdeCommand.READ_MULTIPLE if self._block():
                self._read_block(disk)
            case IdeCommand.WRITE | IdeCommand.WRITE_VERIFY | IdeCommand.WRITE_MULTIPLE if s.wanted:
                self._write_block(disk)
            case IdeCommand.VERIFY:
                self._verify(disk)
            case IdeCommand.SEEK:
                found = self._place(disk).cylinder < disk.shape[0]
                self._done() if found else self._fail(NOT_FOUND)
            case IdeCommand.FORMAT_TRACK:
                self._format(disk)
            case IdeCommand.READ_BUFFER:
                self._hand_out(s.buffer[-SECTOR_SIZE:].ljust(SECTOR_SIZE, b"\0"))
            case IdeCommand.IDENTIFY:
                self._hand_out(identity(disk.shape, disk.total, self._settings))
            case IdeCommand.SET_PARAMETERS:
                heads = (r[IdeRegister.DRIVE] & 0x0F) + 1
                self._set(self._settings._replace(heads=heads, sectors=r[IdeRegister.COUNT]))
                self._done()
            case IdeCommand.SET_MULTIPLE:
                self._set_multiple(r[IdeRegister.COUNT])
            case IdeCommand.SET_FEATURES:
                mode = r[IdeRegister.COUNT] in PIO_MODES
                feature = r[IdeRegister.ERROR]
                good = mode if feature == SET_TRANSFER_MODE else feature in FEATURES
                self._done() if good else self._fail(ABORTED)
            case IdeCommand.CHECK_POWER:
                self._register(IdeRegister.COUNT, NO_POWER_SAVED)
                self._done()
            case command if command in NOTHING_TO_DO:
                self._done()
            case _:
                self._fail(ABORTED)

    def _register(self, register: IdeRegister, value: int) -> None:
        registers = bytearray(self.state.registers)
        registers[register] = value
        self.state = self.state._replace(registers=bytes(registers))

    def _done(self) -> None:
        self.state = self.state._replace(status=IDLE, wanted=0)
        self._ask(True)

    def _fail(self, error: int) -> None:
        self.state = self.state._replace(status=IDLE | ERROR, error=error, left=0, wanted=0)
        self._ask(True)

    def _hand_out(self, block: bytes) -> None:
        """Let the host read a block."""
        self.state = self.state._replace(status=IDLE | REQUEST, buffer=block, taken=0)
        self._ask(True)

    def _set_multiple(self, sectors: int) -> None:
        if sectors > MAX_MULTIPLE or sectors & sectors - 1:
            self._set(self._settings._replace(multiple=0))
            self._fail(ABORTED)
        else:
            self._set(self._settings._replace(multiple=sectors))
            self._done()

    # -- sectors -----------------------------------------------------------------------------

    def _place(self, disk: SectorDisk) -> Place:
        return Place(self.state.registers, disk.shape, disk.total, self._settings)

    def _step(self, disk: SectorDisk) -> None:
        """Count a sector, and name the next; the last one stays named."""
        left = self.state.left - 1
        self._register(IdeRegister.COUNT, left & 0xFF)
        registers = self._place(disk).next() if left else self.state.registers
        self.state = self.state._replace(registers=registers, left=left)

    def _read_block(self, disk: SectorDisk) -> None:
        block = b""
        for _ in range(self._block()):
            number = self._place(disk).number
            if number is None:
                break
            block += disk.read(number)
            self._step(disk)
        if block:
            self._hand_out(block)
        else:
            self._fail(NOT_FOUND)

    def _write_block(self, disk: SectorDisk) -> None:
        data = self.state.buffer
        for start in range(0, len(data), SECTOR_SIZE):
            number = self._place(disk).number
            if number is None or disk.read_only:
                self._fail(NOT_FOUND if number is None else ABORTED)
                return
            disk.write(number, data[start : start + SECTOR_SIZE])
            self._step(disk)
        if self.state.left:
            self._want(self._block())
            self._ask(True)
        else:
            self._done()

    def _verify(self, disk: SectorDisk) -> None:
        while self.state.left:
            if self._place(disk).number is None:
                self._fail(NOT_FOUND)
                return
            self._step(disk)
        self._done()

    def _format(self, disk: SectorDisk) -> None:
        """Fill a track with zeros; how the host wants it interleaved makes no difference."""
        track = self._place(disk).track
        if track is None or disk.read_only:
            self._fail(NOT_FOUND if track is None else ABORTED)
            return
        for number in track:
            disk.write(number, bytes(SECTOR_SIZE))
        self._done()


NOTHING_TO_DO = (
    IdeCommand.RECALIBRATE,
    IdeCommand.WRITE_BUFFER,
    IdeCommand.STANDBY_NOW,
    IdeCommand.IDLE_NOW,
    IdeCommand.STANDBY,
    IdeCommand.IDLE,
    IdeCommand.SLEEP,
    IdeCommand.FLUSH,
)


def _known(code: int) -> IdeCommand | None:
    """Return the command of a code; None if there is none of that code."""
    if code & 0xF0 in (IdeCommand.RECALIBRATE, IdeCommand.SEEK):
        return IdeCommand(code & 0xF0)
    if code & 0xFE in (IdeCommand.READ, IdeCommand.WRITE, IdeCommand.VERIFY):  # 1: no retries
        return IdeCommand(code & 0xFE)
    if code in OLD_POWER_COMMANDS:
        return OLD_POWER_COMMANDS[code]
    return IdeCommand(code) if code in set(IdeCommand) else None
