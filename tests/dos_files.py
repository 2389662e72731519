"""A folder with files, and what a DOS program does with files there."""

from __future__ import annotations

from pathlib import Path

from dos_guest import DosGuest

OTHER = 0x5000
"""Where what is read and written lies."""


def made_folder(tmp_path: Path) -> Path:
    """Return a folder with some files, beside one that must stay unseen."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "Sub" / "deep").mkdir(parents=True)
    (root / "ReadMe.txt").write_bytes(b"0123456789")
    (root / "Sub" / "x.c").write_bytes(b"int x;")
    (root / "Sub" / "a long name.text").write_bytes(b"long")
    (root / ".hidden").write_bytes(b"")
    return root


def opened(guest: DosGuest, path: str, access: int = 0) -> int:
    """Open a file and return its handle."""
    assert not guest.call(0x3D00 | access, dx=guest.path(path)), guest.registers.ax
    return guest.registers.ax


def read(guest: DosGuest, handle: int, count: int = 0x100) -> bytes:
    """Read from a handle."""
    assert not guest.call(0x3F00, bx=handle, cx=count, dx=OTHER)
    return guest.get(guest.registers.ax, OTHER)


def write(guest: DosGuest, handle: int, data: bytes) -> int:
    """Write to a handle and return how many bytes went."""
    assert not guest.call(0x4000, bx=handle, cx=len(data), dx=guest.put(data, OTHER))
    return guest.registers.ax
