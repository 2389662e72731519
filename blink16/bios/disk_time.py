"""How long a drive takes for a call of INT 13h, where the user wants real drives.

A floppy turns 300 times a minute and its motor takes half a second to get there; a hard disk is
one of an AT's time, at 3,600 turns.  The disk turns with the machine's time, so how long a sector
takes to come by depends on when it is asked for.
Source: IBM PC/XT Technical Reference, diskette parameters.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk
from blink16.bios.geometry import Geometry
from blink16.bios.rom import goto
from blink16.services import Guest


class DriveTimes(NamedTuple):
    """How a drive moves, in microseconds."""

    turn: int
    """One revolution."""
    step: int
    """The head's way from one cylinder to the next."""
    settling: int
    """Until the head is quiet after it has moved."""
    start: int
    """Until a motor that stood turns fast enough."""


FLOPPY = DriveTimes(turn=200_000, step=3_000, settling=15_000, start=500_000)
HARD_DISK = DriveTimes(turn=16_667, step=50, settling=8_000, start=0)
MICROSECONDS = 1_000_000
GAP = 10
"""The part of a sector's room that is a gap: who reads the sector before it can ask in time."""


class SectorRun(NamedTuple):
    """What is asked of a drive."""

    cylinder: int
    sector: int
    """From 1, the first."""
    sectors: int


def microseconds(
    drive: DriveTimes,
    geometry: Geometry,
    access: SectorRun,
    *,
    head_at: int,
    turning: bool,
    now: int,
) -> int:
    """Return how long an access takes.

    ``head_at``: the cylinder where the head is; ``turning``: whether the motor runs; ``now``:
    microseconds since the disk began to turn.
    """
    steps = abs(access.cylinder - head_at)
    before = (0 if turning else drive.start) + (steps * drive.step + drive.settling if steps else 0)
    if not access.sectors:
        return before
    slot = drive.turn // geometry.sectors
    gap = slot // GAP
    until_sector = (slot * (access.sector - 1) + gap - now - before) % drive.turn
    return before + until_sector + slot * access.sectors - gap


class TurningState(NamedTuple):
    """A call that waits for its drive, and where hard disks' heads are."""

    until: int = 0
    """When the drive is done, in the machine's time; 0: no call waits."""
    stack: tuple[int, int] = (0, 0)
    """The waiting call's SS:SP: who calls meanwhile, in an interrupt, does not wait."""
    heads: tuple[tuple[int, int], ...] = ()
    """By drive number, those that have moved."""


class TurningDisks:
    """Disks that take their time (`services.Component`)."""

    COMPONENT = "bios-disks"

    def __init__(self, again: int) -> None:
        """``again``: the offset of a routine in ROM that lets time pass and calls anew."""
        self._again = again
        self.state = TurningState()

    def save(self) -> TurningState:
        """Return the state."""
        return self.state

    def restore(self, state: TurningState) -> None:
        """Take the state of a `save`."""
        self.state = TurningState(*state)

    def is_busy(self, guest: Guest, disk: Disk, access: SectorRun) -> bool:
        """Whether the caller has to wait on; the routine in ROM comes again then."""
        r, s = guest.registers, self.state
        stack = r.ss, r.sp
        if s.until and s.stack != stack:
            return False
        if not s.until:
            self.state = s = s._replace(until=self._done_at(guest, disk, access), stack=stack)
        if guest.time < s.until:
            goto(guest, self._again)
            return True
        heads = dict(s.heads) | {r.dl: access.cylinder}
        self.state = TurningState(heads=tuple(sorted(heads.items())))
        return False

    def _done_at(self, guest: Guest, disk: Disk, access: SectorRun) -> int:
        number, now = guest.registers.dl, guest.time
        turning = not disk.is_floppy or bool(DataArea(guest.memory).floppy_motors & 1 << number)
        taken = microseconds(
            FLOPPY if disk.is_floppy else HARD_DISK,
            disk.geometry,
            access,
            head_at=dict(self.state.heads).get(number, 0),
            turning=turning,
            now=now * MICROSECONDS // guest.clock_hz,
        )
        return now + max(1, taken * guest.clock_hz // MICROSECONDS)
