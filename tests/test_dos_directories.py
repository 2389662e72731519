"""DOS' directories: searches, what is current, made, renamed and removed, and drives."""

from __future__ import annotations

from pathlib import Path

import pytest
from dos_files import OTHER, made_folder, opened, read
from dos_guest import DosGuest

from blink16.dos.directory_calls import FIND_DATA
from blink16.dos.errors import Code

DTA = 0x80


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with some files, beside one that must stay unseen."""
    return made_folder(tmp_path)


@pytest.fixture
def guest(root: Path) -> DosGuest:
    """Return a machine with a DOS program in that folder."""
    return DosGuest(root)


def found(guest: DosGuest, pattern: str, attributes: int = 0) -> list[str]:
    """Return the names of a whole search."""
    names = []
    failed = guest.call(0x4E00, cx=attributes, dx=guest.path(pattern))
    while not failed:
        data = FIND_DATA.parse(guest.get(FIND_DATA.sizeof(), DTA))
        names.append(data.name.split(b"\0")[0].decode("cp437"))
        failed = guest.call(0x4F00)
    assert guest.registers.ax == Code.NO_MORE_FILES
    return names


def test_searches(guest: DosGuest) -> None:
    """Searches must show upper case 8.3 names, and special files only when asked for."""
    assert found(guest, "*.*") == ["README.TXT"]
    assert found(guest, "*.*", 0x10) == ["README.TXT", "SUB"]
    assert found(guest, "*.*", 0x12) == ["HIDDEN~1", "README.TXT", "SUB"]
    assert found(guest, "c:\\sub\\*.*", 0x10) == [".", "..", "ALONGN~1.TEX", "DEEP", "X.C"]
    assert found(guest, "sub\\?.c") == ["X.C"]
    assert found(guest, "*.*", 0x08) == []


def test_search_record(guest: DosGuest) -> None:
    """Size, attributes and name must lie where programs read them in the DTA."""
    guest.call(0x1A00, dx=OTHER)
    assert not guest.call(0x4E00, cx=0, dx=guest.path("readme.*"))
    record = guest.get(43, OTHER)
    assert record[21] == 0x20
    assert record[26:30] == b"\x0a\0\0\0"
    assert record[30:43] == b"README.TXT\0\0\0"


def test_deleting_while_searching(root: Path, guest: DosGuest) -> None:
    """DEL *.* deletes what it finds and must find the rest all the same."""
    for name in "abcd":
        (root / "Sub" / "deep" / name).write_bytes(b"")
    count = 0
    failed = guest.call(0x4E00, cx=0, dx=guest.path("sub\\deep\\*.*"))
    while not failed:
        name = guest.get(13, DTA + 30).split(b"\0")[0].decode()
        assert not guest.call(0x4100, dx=guest.path("sub\\deep\\" + name))
        count += 1
        failed = guest.call(0x4F00)
    assert count == 4
    assert not guest.call(0x3A00, dx=guest.path("sub\\deep"))


def test_nested_searches_by_copied_dta(guest: DosGuest) -> None:
    """Programs walk a tree by saving and restoring the DTA around an inner search."""
    guest.call(0x4E00, cx=0x10, dx=guest.path("*.*"))
    saved = guest.get(43, DTA)
    found(guest, "sub\\*.*", 0x10)
    guest.put(saved, DTA)
    assert not guest.call(0x4F00)
    assert guest.get(4, DTA + 30) == b"SUB\0"


def test_names_found_before_are_no_longer_meant_once_files_come_and_go(guest: DosGuest) -> None:
    """What is remembered of a folder must not outlive a name that is made, moved or deleted."""
    assert found(guest, "sub\\*.tmp") == []
    assert guest.call(0x3D00, dx=guest.path("SUB\\new.tmp"))
    assert not guest.call(0x3C00, cx=0, dx=guest.path("sub\\New.tmp"))
    guest.call(0x3E00, bx=guest.registers.ax)
    assert found(guest, "sub\\*.tmp") == ["NEW.TMP"]
    assert not guest.call(0x3D00, dx=guest.path("SUB\\NEW.TMP"))
    guest.call(0x3E00, bx=guest.registers.ax)
    guest.put(b"sub\\other.tmp\0", OTHER)
    guest.registers.es = guest.psp
    assert not guest.call(0x5600, dx=guest.path("sub\\new.tmp"), di=OTHER)
    assert found(guest, "sub\\*.tmp") == ["OTHER.TMP"]
    assert guest.call(0x3D00, dx=guest.path("SUB\\NEW.TMP"))
    assert not guest.call(0x4100, dx=guest.path("sub\\other.tmp"))
    assert found(guest, "sub\\*.tmp") == []
    assert guest.call(0x3D00, dx=guest.path("sub\\other.tmp"))


def test_names_found_later_are_not_there_at_an_earlier_instant(guest: DosGuest) -> None:
    """Going back in time, a file that was made since must be gone again, however it was found."""
    before = guest.machine.save()
    assert not guest.call(0x3C00, cx=0, dx=guest.path("sub\\late.tmp"))
    assert found(guest, "sub\\*.tmp") == ["LATE.TMP"]
    guest.machine.restore(before)
    assert guest.call(0x3D00, dx=guest.path("sub\\LATE.TMP"))
    assert found(guest, "sub\\*.tmp") == []


def test_current_directory(guest: DosGuest) -> None:
    r"""47h gives the directory without drive and first ``\``, in DOS' names."""
    assert not guest.call(0x3B00, dx=guest.path("sub\\deep"))
    assert not guest.call(0x4700, dx=0, si=OTHER)
    assert guest.get(9, OTHER) == b"SUB\\DEEP\0"
    assert read(guest, opened(guest, "..\\x.c")) == b"int x;"
    assert guest.call(0x3B00, dx=guest.path("nowhere"))
    assert guest.registers.ax == Code.PATH_NOT_FOUND
    assert guest.call(0x3A00, dx=guest.path("\\sub\\deep"))
    assert guest.registers.ax == Code.CURRENT_DIRECTORY
    assert guest.call(0x4700, dx=1, si=OTHER)
    assert guest.registers.ax == Code.INVALID_DRIVE


def test_make_rename_remove(guest: DosGuest) -> None:
    """Directories and files can be made, moved and removed; what is there isn't overwritten."""
    assert not guest.call(0x3900, dx=guest.path("newdir"))
    assert guest.call(0x3900, dx=guest.path("newdir"))
    assert guest.registers.ax == Code.ACCESS_DENIED
    old, new = guest.path("readme.txt"), guest.path("newdir\\moved.txt", OTHER)
    guest.registers.es = guest.psp
    assert not guest.call(0x5600, dx=old, di=new)
    assert read(guest, opened(guest, "newdir\\moved.txt")) == b"0123456789"
    assert guest.call(0x5600, dx=guest.path("sub\\x.c"), di=guest.path("newdir\\moved.txt", OTHER))
    assert guest.registers.ax == Code.ACCESS_DENIED
    assert guest.call(0x3A00, dx=guest.path("newdir"))
    assert not guest.call(0x4100, dx=guest.path("newdir\\moved.txt"))
    assert not guest.call(0x3A00, dx=guest.path("newdir"))


def test_drives(guest: DosGuest) -> None:
    """C is the current drive; others are absent."""
    guest.call(0x1900)
    assert guest.registers.al == 2
    guest.call(0x3600, dx=1)
    assert guest.registers.ax == 0xFFFF
    guest.call(0x3600, dx=0)
    assert guest.registers.ax == 32
