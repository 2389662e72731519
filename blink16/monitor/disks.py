"""Monitor commands for the disks in a PC's drives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from blink16.bios.disk import Disk
from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK
from blink16.debugger import Debugger
from blink16.monitor.registry import MonitorError, command, give, no_arguments
from blink16.words.texts import counted

NOTHING = ("none", "eject")
"""What one types to leave a drive empty."""


@command("disk DRIVE NAME|none", whole=True)
def disk(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Put another disk into a PC's floppy drive, or none; `monitor disks` lists what there is.

    NAME is that of an image that the command line gave with -A or -B, or as PROGRAM: they were
    read at the start, and no other file can be reached from here.  A disk keeps what was written
    on it while it lies beside the drive.  The disk is in with the next resume; before that
    instant, the old one is in again.
    """
    name, _, wanted = (arguments[0] if arguments else "").partition(" ")
    drives, wanted = _drives(debugger), wanted.strip()
    if not wanted:
        raise MonitorError("usage: monitor disk DRIVE NAME, like disk A games.img; NAME or none")
    drive = _drive(drives, name)
    number = None if wanted.lower() in NOTHING else _find(drives, wanted)
    give(debugger, Drives.CHANNEL, Drives.change(drive, number))
    what = "empty" if number is None else f"has {_name(drives.disks[number])}"
    return f"drive {_letter(drive)} {'is ' if number is None else ''}{what} with the next resume"


@command("disks")
def disks(debugger: Debugger, arguments: Sequence[str]) -> str:
    """List a PC's drives and disks: cylinders/heads/sectors, what the guest has changed."""
    no_arguments(arguments)
    drives = _drives(debugger)
    inside = {drive: drives.disk(drive) for drive in drives}
    lines = []
    for drive, there in inside.items():
        changed = ", changed" if drives.has_changed(drive) else ""
        text = "empty" if there is None else _described(there)
        lines.append(f"{_letter(drive)}  {text}{changed}")
    lines += [f"-  {_described(d)}" for d in drives.disks if d not in inside.values()]
    return "\n".join(lines)


def _drives(debugger: Debugger) -> Drives:
    drives = debugger.machine.find(Drives)
    if drives is None:
        raise MonitorError("this machine is no PC: the program was not booted from a disk")
    return drives


def _drive(drives: Drives, name: str) -> int:
    floppies = [drive for drive in drives if drive < FIRST_HARD_DISK]
    for drive in floppies:
        if name.upper().removesuffix(":") == _letter(drive):
            return drive
    letters = " and ".join(map(_letter, floppies))
    raise MonitorError(f"no floppy drive {name[:40]!r}; this PC has {letters}")


def _letter(drive: int) -> str:
    return "CDEF"[drive - FIRST_HARD_DISK] if drive >= FIRST_HARD_DISK else "AB"[drive]


def _find(drives: Drives, wanted: str) -> int:
    """Return the number of the floppy that a name means: as it was given, or without folders."""
    floppies = [(number, d) for number, d in enumerate(drives.disks) if d.is_floppy]
    for match in (lambda d: d.name == wanted, lambda d: _name(d) == wanted):
        found = [number for number, d in floppies if match(d)]
        if len(found) == 1:
            return found[0]
        if found:
            raise MonitorError(f"several disks are called {wanted[:80]!r}; say which, with folders")
    known = ", ".join(_name(d) for _, d in floppies) or "none"
    raise MonitorError(f"no floppy {wanted[:80]!r}; the command line gave {known}")


def _name(there: Disk) -> str:
    return PurePath(there.name).name


def _described(there: Disk) -> str:
    count = sum(1 for _ in there.written())
    sectors = f"{counted(count, 'sector')} written"
    protected = ", write-protected" if there.read_only else ""
    return f"{_name(there)}  {there.geometry}, {there.total // 2} KiB, {sectors}{protected}"
