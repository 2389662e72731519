"""A PC as its user sets it up: its speed, the disks in its drives, the ROMs on its cards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blink16 import bios, hostfiles
from blink16.bios.disk import Disk
from blink16.bios.drives import Drives
from blink16.bios.geometry import SECTOR_SIZE
from blink16.console import Console
from blink16.devices.cards import XT, Cards
from blink16.devices.pc import DEFAULT_MHZ, clock_hz
from blink16.devices.uart import Uart
from blink16.devices.video import Adapter
from blink16.machine import Machine
from blink16.words.texts import counted

DRIVE_A, DRIVE_B, DRIVE_C, DRIVE_D = 0x00, 0x01, 0x80, 0x81
MAX_AHEAD = 1 << 16
"""Bytes of input that may wait for a guest before more is fetched for it."""


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A disk for a drive, in it if none was given for it before, or else beside it."""

    drive: int
    path: Path
    content: bytes
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class PcSetup:
    """What a PC consists of, but for the disk that it boots from."""

    mhz: float = DEFAULT_MHZ
    adapter: Adapter = Adapter.CGA
    disks: tuple[DiskImage, ...] = ()
    roms: tuple[bios.OptionRom, ...] = ()
    cards: Cards = XT
    bios: bytes = b""
    """Another BIOS than ours, which tests the machine and boots by itself."""

    @property
    def clock_hz(self) -> int:
        """The machine's speed; ValueError if there is no such clock."""
        return clock_hz(self.mhz)


def boot(
    machine: Machine, image: bytes, console: Console, setup: PcSetup, name: str = "PROGRAM"
) -> None:
    """Make a machine a PC that stands before an image's boot sector.

    ``name``: what users call that image.  BootError if it can't be.
    """
    disks = [bios.disk_of(DRIVE_A, image, name=name), *disks_of(setup)]
    others = {"adapter": setup.adapter, "roms": setup.roms, "cards": setup.cards}
    if setup.bios:
        bios.run_bios(machine, setup.bios, console, disks, **others)  # type: ignore[arg-type]
    else:
        bios.power_on(machine, console, disks, **others)  # type: ignore[arg-type]


def disks_of(setup: PcSetup) -> list[Disk]:
    """Return the disks of a PC but for the one that it boots from; BootError names one that is
    none.
    """
    disks = []
    for other in setup.disks:
        try:
            disk = bios.disk_of(
                other.drive, other.content, name=str(other.path), read_only=other.read_only
            )
        except bios.BootError as error:
            raise bios.BootError(f"{other.path}: {error}") from None
        disks.append(disk)
    return disks


def drives_of(machine: Machine) -> Drives | None:
    """Return a PC's drives; None if the machine is no PC."""
    return machine.find(Drives)


def disk_in(machine: Machine, drive: int) -> Disk | None:
    """Return the disk in a PC's drive, if there is one."""
    drives = drives_of(machine)
    return None if drives is None else drives.disk(drive)


def has_room(machine: Machine, channel: str, queued: int = 0) -> bool:
    """Return whether more input is to be fetched for a channel, of which the guest has not taken
    what came; ``queued``: bytes that wait before the machine.  From any thread.
    """
    receiver = machine.component(channel)
    waiting = receiver.waiting if isinstance(receiver, Console | Uart) else b""
    return queued + len(waiting) < MAX_AHEAD


# -- writing back ----------------------------------------------------------------------------

LARGE = 64 << 20
"""Bytes of an image that are not written in a moment."""


class CommitError(Exception):
    """Sectors that can't be written back, and why."""


def commit(disk: Disk, path: Path) -> int:
    """Write the sectors that the guest changed back to the image's file; return how many.

    A file shorter than its disk grows as far as it has to.  Whatever happens on the way, there is
    the old image or the new one.  Raises CommitError, also if the file is no longer what the
    machine was started with.
    """
    changed = dict(disk.written())
    try:
        if not hostfiles.holds(path, disk.image):
            raise CommitError(f"{path}: the file has changed meanwhile; nothing is written")
        hostfiles.replace_content(path, _content(disk.image, changed))
    except OSError as error:
        raise CommitError(f"{path}: can't write it: {error.strerror}") from None
    return len(changed)


def _content(image: bytes, changed: Mapping[int, bytes]) -> Iterator[bytes]:
    """Return an image in which some sectors, by number, have another content."""
    end = max(len(image), *((number + 1) * SECTOR_SIZE for number in changed), 0)
    old, numbers = memoryview(image), sorted(changed)
    for start in range(0, end, hostfiles.PIECE):
        size = min(hostfiles.PIECE, end - start)
        piece = bytearray(old[start : start + size])
        piece.extend(bytes(size - len(piece)))
        first, last = start // SECTOR_SIZE, -(-(start + size) // SECTOR_SIZE)
        for number in numbers[bisect_left(numbers, first) : bisect_left(numbers, last)]:
            at = number * SECTOR_SIZE - start
            piece[at : at + SECTOR_SIZE] = changed[number]
        yield bytes(piece)


def commit_all(
    machine: Machine, paths: Sequence[Path], say: Callable[[str], None] = lambda text: None
) -> list[str]:
    """Write all changed disks, in drives or beside them, back to their files; say what was done.

    ``say`` is told of what takes its time.  ``paths``: of the images, in the order in which they
    were given, PROGRAM's before all.
    Raises CommitError, after all others are written, if some can't be.
    """
    drives = drives_of(machine)
    done: list[str] = []
    failed: list[str] = []
    for disk, path in zip(drives.disks if drives else (), paths, strict=False):
        if any(disk.written()):
            if len(disk.image) >= LARGE:
                say(f"{path}: writing {len(disk.image) >> 20} MiB, which may take a while")
            try:
                count = commit(disk, path)
                done.append(f"{path}: {counted(count, 'sector')} written")
            except CommitError as error:
                failed.append(str(error))
    if failed:
        raise CommitError("; ".join([*done, *failed]))
    return done
