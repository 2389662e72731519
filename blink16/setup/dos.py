r"""DOS as its user sets it up: drives, environment, version, memory, and where the program is.

The program's folder on the host becomes a place on a drive: it lies below the root, which is
drive C, or else its folder becomes a drive of its own, so that it finds itself and its overlays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from blink16.bios.disk import Disk
from blink16.dos.fat import FatTree
from blink16.dos.program import MAX_ENVIRONMENT, Surroundings
from blink16.dos.system import VERSION
from blink16.dos.volume import DRIVE_C, DRIVE_LETTERS, Volume, letter
from blink16.hostfs.files import FileTree
from blink16.hostfs.hostfolder import HostAnswers
from blink16.machine import Machine
from blink16.setup import pc

MEMORY_KIB = 640
MIN_MEMORY_KIB = 64
EMS_KIB = 4096
MAX_BEYOND_KIB = 32768
ENVIRONMENT = {"COMSPEC": "C:\\COMMAND.COM", "PATH": "C:\\", "PROMPT": "$P$G"}
__all__ = ["ENVIRONMENT", "MAX_ENVIRONMENT", "MEMORY_KIB", "DosDrive", "DosSetup", "Spot"]


@dataclass(frozen=True, slots=True)
class DosDrive:
    """A folder of the host as a drive."""

    drive: int
    """From 0 for A."""
    folder: Path | None
    """None: in a replay, where only the recording knows it."""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A file or folder of a drive's tree."""

    drive: int
    path: str


@dataclass(frozen=True, slots=True)
class DosSetup:
    """What a DOS program finds around it."""

    environment: tuple[tuple[str, str], ...] = ()
    """Beside what is always there."""
    version: tuple[int, int] = VERSION
    memory_kib: int = MEMORY_KIB
    xms_kib: int = 0
    ems_kib: int = EMS_KIB
    """Extended and expanded memory; 0: there is no driver for it.

    Programs that find the first take the processor for an 80286, which an 8086 is not.
    """
    drives: tuple[DosDrive, ...] = ()
    """Beside the root, which is C."""
    program: Spot | None = None
    """Where the program's file is; None: not found out yet (`settled`)."""
    folder: Spot = Spot(DRIVE_C, "/")
    """The current folder."""


def settled(setup: DosSetup, root: Path | None, file: Path | None, name: str) -> DosSetup:
    """Find out where a program is, if that isn't known: ``file`` on the host, or ``name``."""
    if setup.program is not None:
        return setup
    if root is None or file is None:
        return replace(setup, program=Spot(DRIVE_C, "/" + Path(name).name))
    here = _inside(Path(), root)
    setup = replace(setup, folder=Spot(DRIVE_C, here or "/"))
    for drive, folder in ((DRIVE_C, root), *_folders(setup)):
        inside = _inside(file, folder)
        if inside is not None:
            return replace(setup, program=Spot(drive, inside))
    taken = {DRIVE_C, *(drive.drive for drive in setup.drives)}
    free = next(drive for drive in range(DRIVE_C, DRIVE_LETTERS) if drive not in taken)
    drives = (*setup.drives, DosDrive(free, file.parent))
    return replace(setup, drives=drives, program=Spot(free, "/" + file.name))


def _folders(setup: DosSetup) -> Iterator[tuple[int, Path]]:
    return ((d.drive, d.folder) for d in setup.drives if d.folder is not None)


def _inside(path: Path, folder: Path) -> str | None:
    """Return a path as the tree of ``folder`` has it; None if it isn't in there."""
    for of in (os.path.abspath, os.path.realpath):
        inner, outer = Path(of(path)), Path(of(folder))
        if inner.is_relative_to(outer):
            return "/" + "/".join(inner.relative_to(outer).parts)
    return None


def volumes(
    setup: DosSetup,
    files: FileTree,
    machine: Machine,
    answers: HostAnswers | None,
) -> Iterator[tuple[str, FileTree, Volume]]:
    """Return the drives: the name of the tree's component, the tree, and the volume."""

    def now() -> int:
        return machine.nanoseconds() // 1_000_000_000

    yield FileTree.COMPONENT, files, Volume(files, DRIVE_C)
    for drive in setup.drives:
        name = letter(drive.drive)
        tree = FileTree(
            drive.folder,
            writable=drive.writable,
            effect=machine.effect,
            clock=now,
            notice=machine.notice,
            now=lambda: machine.icount + 1,
            answers=answers,
            prefix=(f"\0{name}",),
        )
        yield f"{FileTree.COMPONENT}-{name}", tree, Volume(tree, drive.drive)


def floppy(machine: Machine, drive: int) -> Volume:
    """Return a floppy drive of the PC, whatever disk is in it, as DOS' drive of that letter."""

    def disk() -> Disk | None:
        return pc.disk_in(machine, drive)

    return Volume(FatTree(disk, drive, lambda: machine.nanoseconds() // 1_000_000_000), drive)


def start(
    setup: DosSetup, found: dict[int, Volume], arguments: tuple[str, ...], *, real_calls: bool
) -> Surroundings:
    """Return what the first program finds around it, by DOS' names."""
    assert setup.program is not None
    return Surroundings(
        found[setup.program.drive].full_path(setup.program.path),
        arguments,
        {**ENVIRONMENT, **dict(setup.environment)},
        setup.folder.drive,
        setup.folder.path,
        setup.version,
        setup.xms_kib,
        setup.ems_kib,
        real_calls,
    )
