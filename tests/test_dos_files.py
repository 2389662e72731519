"""DOS' file calls: names, handles, and that nothing leads out."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from disk_images import fat_floppy
from dos_files import OTHER, made_folder, opened, read, write
from dos_guest import SCRATCH, DosGuest
from guests import TestPace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.disk import disk_of
from blink16.dos.errors import Code
from blink16.dos.fat import FatTree
from blink16.dos.volume import Volume
from blink16.history.timeline import Timeline
from blink16.memory import linear


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with some files, beside one that must stay unseen."""
    return made_folder(tmp_path)


@pytest.fixture
def guest(root: Path) -> DosGuest:
    """Return a machine with a DOS program in that folder."""
    return DosGuest(root)


# -- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "readme.txt",
        "C:\\README.TXT",
        "c:/readme.TXT",
        "sub\\..\\readme.txt",
        ".\\ReadMe.txt",
        "\\sub\\deep\\..\\..\\readme.txt",
        "C:readme.txt",
    ],
)
def test_paths_are_dos_paths(guest: DosGuest, path: str) -> None:
    """Drive letters, both slashes, dots and any case must lead to the file."""
    assert read(guest, opened(guest, path)) == b"0123456789"


def test_long_name_by_its_alias(guest: DosGuest) -> None:
    """A file whose name DOS can't have opens under the name that a search shows."""
    assert read(guest, opened(guest, "sub\\ALONGN~1.TEX")) == b"long"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nothing.txt", Code.FILE_NOT_FOUND),
        ("none\\x", Code.PATH_NOT_FOUND),
        ("readme.txt\\x", Code.PATH_NOT_FOUND),
        ("a:\\readme.txt", Code.PATH_NOT_FOUND),
        ("d:readme.txt", Code.PATH_NOT_FOUND),
        ("..\\secret.txt", Code.PATH_NOT_FOUND),
        ("\\..\\..\\secret.txt", Code.PATH_NOT_FOUND),
        ("", Code.PATH_NOT_FOUND),
        ("sub", Code.ACCESS_DENIED),
        ("x" * 200, Code.PATH_NOT_FOUND),
    ],
)
def test_opening_what_is_not_there(guest: DosGuest, path: str, code: Code) -> None:
    """Failures are CF and DOS' own code, which 59h tells again; nothing leads out."""
    assert guest.call(0x3D00, dx=guest.path(path))
    assert guest.registers.ax == code
    guest.call(0x5900)
    assert guest.registers.ax == code


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("abC:\\/.*? \x01é~"), max_size=20))
def test_no_path_leads_out_or_crashes(guest: DosGuest, path: str) -> None:
    """Any path ends in a file of the tree or an error code."""
    if not guest.call(0x3D00, dx=guest.path(path)):
        handle = guest.registers.ax
        assert b"secret" not in read(guest, handle)
        guest.call(0x3E00, bx=handle)
    guest.call(0x4E00, cx=0x3F, dx=guest.path(path))
    guest.call(0x3B00, dx=guest.path(path))
    guest.call(0x3B00, dx=guest.path("\\"))


def test_symbolic_link_out_is_closed(root: Path, guest: DosGuest) -> None:
    """A link that leads out of the root must not be followed."""
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    assert guest.call(0x3D00, dx=guest.path("link.txt"))


# -- handles ---------------------------------------------------------------------------------


def test_create_write_seek_read(root: Path, guest: DosGuest) -> None:
    """What a program writes it reads again, and the host's folder stays as it was."""
    assert not guest.call(0x3C00, cx=0, dx=guest.path("new.dat"))
    handle = guest.registers.ax
    assert handle == 5
    assert write(guest, handle, b"hello world") == 11
    assert not guest.call(0x4201, bx=handle, cx=0xFFFF, dx=-5 & 0xFFFF)
    assert (guest.registers.dx, guest.registers.ax) == (0, 6)
    assert read(guest, handle) == b"world"
    guest.call(0x4202, bx=handle, cx=0, dx=0)
    assert guest.registers.ax == 11
    guest.call(0x4200, bx=handle, cx=0, dx=5)
    assert write(guest, handle, b"") == 0  # cuts the file off
    guest.call(0x4202, bx=handle, cx=0, dx=0)
    assert guest.registers.ax == 5
    assert not (root / "new.dat").exists()


def test_writable_tree_changes_the_host(root: Path) -> None:
    """With --writable a file lands in the folder, under the name as the program wrote it."""
    guest = DosGuest(root, writable=True)
    guest.call(0x3C00, cx=0, dx=guest.path("sub\\New.txt"))
    write(guest, guest.registers.ax, b"data")
    assert (root / "Sub" / "New.txt").read_bytes() == b"data"


def test_access_modes_are_kept(guest: DosGuest) -> None:
    """A file opened for reading can't be written, nor the other way round."""
    handle = opened(guest, "readme.txt", 0)
    assert guest.call(0x4000, bx=handle, cx=1, dx=OTHER)
    assert guest.registers.ax == Code.ACCESS_DENIED
    handle = opened(guest, "readme.txt", 1)
    assert guest.call(0x3F00, bx=handle, cx=1, dx=OTHER)
    assert guest.call(0x3D03, dx=guest.path("readme.txt"))
    assert guest.registers.ax == Code.INVALID_ACCESS_CODE


def test_closed_handles_are_invalid(guest: DosGuest) -> None:
    """Calls on handles that aren't open must fail with error 6."""
    handle = opened(guest, "readme.txt")
    assert not guest.call(0x3E00, bx=handle)
    for call in (0x3E00, 0x3F00, 0x4000, 0x4200, 0x4400, 0x4500, 0x5700):
        for bad in (handle, 0x13, 0x14, 0xFFFF):
            assert guest.call(call, bx=bad, cx=0, dx=0)
            assert guest.registers.ax == Code.INVALID_HANDLE


def test_handles_run_out_with_error_4(guest: DosGuest) -> None:
    """A PSP has 20 handles; the file must not be created when there's none for it."""
    for _ in range(15):
        opened(guest, "readme.txt")
    assert guest.call(0x3C00, cx=0, dx=guest.path("readme.txt"))
    assert guest.registers.ax == Code.TOO_MANY_OPEN_FILES
    guest.call(0x3E00, bx=7)
    assert read(guest, opened(guest, "readme.txt")) == b"0123456789"


def test_duplicates_share_their_position(guest: DosGuest) -> None:
    """45h's and 46h's handles mean one open file, which closes with the last of them."""
    handle = opened(guest, "readme.txt")
    guest.call(0x4500, bx=handle)
    other = guest.registers.ax
    assert read(guest, handle, 3) == b"012"
    assert read(guest, other, 3) == b"345"
    guest.call(0x3E00, bx=handle)
    assert read(guest, other, 3) == b"678"
    guest.call(0x4600, bx=other, cx=0)
    assert read(guest, 0, 3) == b"9"


def test_redirected_output(guest: DosGuest) -> None:
    """After 46h onto handle 1, character output goes to the file, as shells rely on."""
    guest.call(0x3C00, cx=0, dx=guest.path("out"))
    handle = guest.registers.ax
    guest.call(0x4600, bx=handle, cx=1)
    guest.call(0x0200, dx=ord("x"))
    guest.call(0x4200, bx=handle, cx=0, dx=0)
    assert read(guest, handle) == b"x"
    assert guest.output() == b""


def test_devices_in_any_directory(guest: DosGuest) -> None:
    """CON and NUL are devices whatever path and extension stand around them."""
    handle = opened(guest, "c:\\sub\\con.txt", 1)
    write(guest, handle, b"to con")
    assert guest.output() == b"to con"
    handle = opened(guest, "NUL", 2)
    assert write(guest, handle, b"gone") == 4
    assert read(guest, handle) == b""


def test_ioctl_tells_devices_from_files(guest: DosGuest) -> None:
    """C libraries buffer by this: bit 7 means a device."""
    guest.call(0x4400, bx=1)
    assert guest.registers.dx & 0x83 == 0x83
    handle = opened(guest, "readme.txt")
    guest.call(0x4400, bx=handle)
    assert guest.registers.dx == 0x42
    guest.call(0x4406, bx=handle)
    assert guest.registers.al == 0xFF
    read(guest, handle)
    guest.call(0x4406, bx=handle)
    assert guest.registers.al == 0
    guest.call(0x4407, bx=handle)
    assert guest.registers.al == 0xFF


def test_file_time(guest: DosGuest) -> None:
    """A time set with 57h/1 comes back with 57h/0 and in searches."""
    handle = opened(guest, "readme.txt", 2)
    assert not guest.call(0x5701, bx=handle, cx=0x6000, dx=0x2A21)
    guest.call(0x5700, bx=handle)
    assert (guest.registers.cx, guest.registers.dx) == (0x6000, 0x2A21)
    assert guest.call(0x5701, bx=handle, cx=0, dx=0)


def test_attributes(guest: DosGuest) -> None:
    """Read-only must be shown, kept, and stop deletion and writing."""
    guest.call(0x4300, dx=guest.path("sub"))
    assert guest.registers.cx == 0x10
    assert not guest.call(0x4301, cx=0x21, dx=guest.path("readme.txt"))
    guest.call(0x4300, dx=guest.path("readme.txt"))
    assert guest.registers.cx == 0x21
    for call in (0x4100, 0x3D01, 0x3C00):
        assert guest.call(call, cx=0, dx=guest.path("readme.txt"))
        assert guest.registers.ax == Code.ACCESS_DENIED
    assert not guest.call(0x4301, cx=0x20, dx=guest.path("readme.txt"))
    assert not guest.call(0x4100, dx=guest.path("readme.txt"))


@pytest.mark.parametrize("call", [0x3C00, 0x5B00, 0x6C00])
def test_a_file_on_a_disk_is_created_with_its_attributes(tmp_path: Path, call: int) -> None:
    """Prevents a file created hidden from being seen by all on the image that is written back."""
    disk = disk_of(0, fat_floppy({}))
    guest = DosGuest(tmp_path, drives=(Volume(FatTree(lambda: disk, 0, lambda: 0), 0),))
    path = guest.path("A:\\SECRET")
    assert not guest.call(call, cx=0x06, bx=2, dx=0x12 if call == 0x6C00 else path, si=path)
    guest.registers.ax = 0
    assert not guest.call(0x4300, dx=path)
    assert guest.registers.cx == 0x26


def test_a_hidden_file_is_not_created_anew_as_one_that_all_see(tmp_path: Path) -> None:
    """Prevents 3Ch from taking attributes away in silence: error 5, as in FreeDOS."""
    disk = disk_of(0, fat_floppy({}))
    guest = DosGuest(tmp_path, drives=(Volume(FatTree(lambda: disk, 0, lambda: 0), 0),))
    path = guest.path("A:\\SECRET")
    seen = []
    for attributes in (0x02, 0x00, 0x06, 0x02, 0x07):
        failed = guest.call(0x3C00, cx=attributes, dx=path)
        code = guest.registers.ax if failed else 0
        guest.call(0x4300, dx=path)
        seen.append((code, guest.registers.cx))
    assert seen == [(0, 0x22), (5, 0x22), (0, 0x26), (5, 0x26), (0, 0x27)]


def test_attributes_that_a_folder_cannot_keep_are_told_of_once(guest: DosGuest) -> None:
    """Prevents ATTRIB +H from saying that it has done what nobody did."""
    for _ in range(2):
        assert not guest.call(0x4301, cx=0x22, dx=guest.path("readme.txt"))
        assert not guest.call(0x3C00, cx=0x02, dx=guest.path("other.txt"))
    assert guest.notices == [
        "drive C: is a folder, which keeps no attribute hidden or system; a file was to have one"
    ]


def test_a_command_interpreter_that_is_missing_is_told_of_once(guest: DosGuest) -> None:
    """Prevents C's `system` from failing while its user does not learn that COMMAND.COM is his."""
    for name in ("nothing.com", "C:\\COMMAND.COM", "c:\\none\\command.com"):
        assert guest.call(0x4B00, bx=SCRATCH + 0x80, dx=guest.path(name))
        assert guest.registers.ax in (Code.FILE_NOT_FOUND, Code.PATH_NOT_FOUND)
    (told,) = guest.notices
    assert told.startswith("C:\\COMMAND.COM is not there")


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("*.TXT", "C:\\????????.TXT"),
        ("a?b*.c*", "C:\\A?B?????.C??"),
        ("sub\\..\\t.x", "C:\\T.X"),
        ("c:sub/verylongname.text", "C:\\SUB\\VERYLONG.TEX"),
        ("none\\x", "C:\\NONE\\X"),  # nothing need be there
        (".", "C:\\"),
        ("nul", "C:/NUL"),  # the slash says that it is a device
        ("\\dev\\con.txt", "C:/CON.TXT"),
        ("none\\nul", Code.PATH_NOT_FOUND),
        ("..", Code.PATH_NOT_FOUND),
        ("x:\\y", Code.PATH_NOT_FOUND),
        ("", Code.FILE_NOT_FOUND),
        ("a..b", Code.FILE_NOT_FOUND),
        ("a,b", Code.FILE_NOT_FOUND),
    ],
)
def test_a_true_name_is_made_of_the_words_alone(
    guest: DosGuest, path: str, whole: str | Code
) -> None:
    """Prevents 60h from failing at what isn't there yet, and from hiding devices and patterns.

    All are what FreeDOS answers in QEMU.
    """
    failed = guest.call(0x6000, si=guest.path(path), di=OTHER)
    told = guest.registers.ax if failed else guest.get(80, OTHER).partition(b"\0")[0].decode()
    assert told == whole


# -- the rest --------------------------------------------------------------------------------


def test_devices_are_found_in_folders_that_there_are(guest: DosGuest) -> None:
    """Batch files ask whether a folder exists by 4Eh for DIR\\NUL; booted FreeDOS agrees."""
    guest.call(0x1A00, dx=OTHER)
    for path, name in (("con", b"CON"), ("sub\\nul.x", b"NUL"), ("\\dev\\con", b"CON")):
        assert not guest.call(0x4E00, cx=0, dx=guest.path(path)), path
        assert guest.get(1, OTHER + 0x15) == b"\x40"
        assert guest.get(len(name) + 1, OTHER + 0x1E) == name + b"\0"
        assert guest.call(0x4F00)
        assert not guest.call(0x3D00, dx=guest.path(path))
    for path in ("nodir\\nul", "nodir\\con", "one.txt\\nul"):
        assert guest.call(0x4E00, cx=0, dx=guest.path(path))
        assert guest.call(0x3D00, dx=guest.path(path))
        assert guest.registers.ax == 3


def test_files_that_are_folders_and_folders_in_themselves(root: Path) -> None:
    """Error 5, as booted FreeDOS says."""
    guest = DosGuest(root, writable=True)
    assert guest.call(0x3C00, cx=0x10, dx=guest.path("dirbit"))
    assert guest.registers.ax == 5
    guest.put(b"sub\\x\0", OTHER)
    guest.registers.es = guest.psp
    assert guest.call(0x5600, dx=guest.path("sub"), di=OTHER)
    assert guest.registers.ax == 5


def test_files_go_back_in_time(guest: DosGuest) -> None:
    """Restoring a machine restores positions, open files and their content."""
    handle = opened(guest, "readme.txt", 2)
    read(guest, handle, 4)
    saved = guest.machine.save()
    write(guest, handle, b"XX")
    guest.call(0x3E00, bx=handle)
    guest.machine.restore(saved)
    jft_entry = linear(guest.psp, 0x18 + handle)
    guest.machine.memory[jft_entry] = 4  # memory is the timeline's to put back
    assert read(guest, handle) == b"456789"


def test_host_files_with_names_of_devices_are_reached_by_others(tmp_path: Path) -> None:
    """A name like NUL.TXT is a device on DOS: the file would be listed, and never be read."""
    for name in ("CON", "nul.txt", "aux.c", "console.txt"):
        (tmp_path / name).write_bytes(name.encode())
    guest = DosGuest(tmp_path)
    guest.call(0x1A00, dx=0x5000)
    found = []
    failed = guest.call(0x4E00, cx=0, dx=guest.path("*.*"))
    while not failed:
        found.append(guest.get(13, 0x501E).split(b"\0")[0].decode())
        failed = guest.call(0x4F00)
    assert found == ["AUX~1.C", "CONSOLE.TXT", "CON~1", "NUL~1.TXT"]
    assert not guest.call(0x3D00, dx=guest.path("NUL~1.TXT"))
    guest.call(0x3F00, bx=guest.registers.ax, cx=20, dx=SCRATCH)
    assert guest.get(guest.registers.ax) == b"nul.txt"
    assert not guest.call(0x3D00, dx=guest.path("nul.txt"))
    guest.call(0x3F00, bx=guest.registers.ax, cx=20, dx=SCRATCH)
    assert guest.registers.ax == 0


def test_a_full_drive_is_told_to_program_and_user(tmp_path: Path) -> None:
    """What no longer fits must not vanish in silence: DOS returns a count, the user gets a line."""
    disk = disk_of(0, fat_floppy({"X": b"x"}))
    tree = FatTree(lambda: disk, 0, lambda: 0)
    guest = DosGuest(tmp_path, drives=(Volume(tree, 0),))
    assert not guest.call(0x3C00, cx=0, dx=guest.path("A:\\BIG"))
    handle, written = guest.registers.ax, 0
    while not guest.notices:
        assert not guest.call(0x4000, bx=handle, cx=0xF000, dx=0)
        written += guest.registers.ax
    assert written % 0xF000
    assert not guest.call(0x4000, bx=handle, cx=0x100, dx=0)
    assert guest.registers.ax == 0
    assert guest.notices == ["drive A: is full; a write failed, as its program was told"]
    assert not guest.call(0x5200)  # the system file table tells of a file on a disk, too
    sft = linear(
        *reversed(
            struct.unpack(
                "<HH",
                guest.machine.memory.read(linear(guest.registers.es, guest.registers.bx + 4), 4),
            )
        )
    )
    assert b"BIG        " in guest.machine.memory.read(sft, 6 * 59)
    assert not guest.call(0x3E00, bx=handle)
    assert tree.size(tree.lookup("/BIG")) == written


def test_a_file_that_is_too_long_to_be_read_is_told_of_once(root: Path) -> None:
    """Prevents a program that fails at a large file while its user does not learn why."""
    with (root / "large.dat").open("wb") as file:
        file.truncate((32 << 20) + 1)
    guest = DosGuest(root)
    handle = opened(guest, "LARGE.DAT")
    for _ in range(2):
        assert guest.call(0x3F00, bx=handle, cx=16, dx=OTHER)
        assert guest.registers.ax == Code.ACCESS_DENIED
    said = "drive C: a file is longer than 32 MiB; a read failed with error 5"
    assert guest.notices == [said]


CHANGES_FILES = bytes.fromhex(
    "ba2003 31c9 b43c cd21 89c3"  # create the file whose name is at 320h
    "b90500 ba2003 b440 cd21"  # write five bytes,
    "b90010 31d2 b440 cd21"  # and the program's segment behind them
    "31c9 31d2 b80042 cd21"  # seek back to the beginning
    "b90300 ba2203 b440 cd21"  # and write three
    "b43e cd21 ba3003 b439 cd21 ba3003 b43a cd21"  # close, make a directory, remove it
    "ebbb"  # and again
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(5))
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 1 << 16)), min_size=1, max_size=9))
def test_files_that_change_in_place_go_back_with_time(
    root: Path, moves: list[tuple[int, int]]
) -> None:
    """Prevents a write behind a checkpoint from showing before it."""
    guest = DosGuest(root, image=CHANGES_FILES)
    guest.path("\\FILE.DAT", 0x320)
    guest.path("\\NEW", 0x330)
    machine = guest.machine
    timeline = Timeline(machine, pace=TestPace())

    def look() -> tuple[object, ...]:
        there = "FILE.DAT" in guest.files.listdir(guest.files.lookup("/"))
        content = guest.files.read(guest.files.lookup("/FILE.DAT"), 0, 1 << 16) if there else None
        return machine.save(), content

    seen = {0: look()}
    for steps, place in moves:
        timeline.run(steps)
        seen[machine.icount] = look()
        for instant in (list(seen)[place % len(seen)], max(seen)):
            timeline.seek(instant)
            assert look() == seen[instant]
