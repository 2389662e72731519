"""DOS' calls one by one: FCBs, drives as disks, INT 24h, and what DOS 5 adds to 3.3."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from disk_images import fat_floppy
from dos_guest import SCRATCH, DosGuest
from dos_programs import run

from blink16.bios.geometry import BPB
from blink16.bios.tables import DISKETTE_PARAMETERS, DISKETTE_VECTOR
from blink16.dos.errors import Code
from blink16.dos.volume import Volume
from blink16.hostfs.files import FileTree
from blink16.memory import linear
from blink16.setup import loader
from blink16.setup.dos import DosDrive, DosSetup
from blink16.setup.pc import DiskImage, PcSetup

FCB = 0x3000
DTA = 0x5000


@pytest.fixture
def guest(tmp_path: Path) -> DosGuest:
    """Return a guest with two files."""
    (tmp_path / "one.txt").write_bytes(b"0123456789" * 20)
    (tmp_path / "two.dat").write_bytes(b"two")
    made = DosGuest(tmp_path)
    made.call(0x1A00, dx=DTA)
    return made


def fcb(guest: DosGuest, name: str, *, extended: int | None = None, drive: int = 0) -> int:
    """Put a fresh FCB there; return its offset, of the extension if it has one."""
    base, _, extension = name.partition(".")
    raw = bytes((drive,)) + f"{base:8}{extension:3}".encode() + bytes(25)
    if extended is not None:
        raw = bytes((0xFF, 0, 0, 0, 0, 0, extended)) + raw
    return guest.put(raw, FCB)


def al(guest: DosGuest, ax: int, **registers: int) -> int:
    """Do a call and return AL."""
    guest.call(ax, **registers)
    return guest.registers.al


# -- FCBs ------------------------------------------------------------------------------------


def test_fcb_open_tells_size_and_drive(guest: DosGuest) -> None:
    """0Fh fills in what programs read from the FCB: drive, record size, file size, date."""
    assert al(guest, 0x0F00, dx=fcb(guest, "ONE.TXT")) == 0
    raw = guest.get(37, FCB)
    assert (raw[0], raw[12:16], raw[16:20]) == (3, b"\0\0\x80\0", (200).to_bytes(4, "little"))
    assert al(guest, 0x0F00, dx=fcb(guest, "NONE.TXT")) == 0xFF


def test_fcb_sequential_read_pads_the_last_record(guest: DosGuest) -> None:
    """14h gives 128 bytes, then a part with zeros (3), then nothing (1)."""
    at = fcb(guest, "ONE.TXT")
    al(guest, 0x0F00, dx=at)
    assert al(guest, 0x1400, dx=at) == 0
    assert guest.get(4, DTA) == b"0123"
    assert al(guest, 0x1400, dx=at) == 3
    assert guest.get(128, DTA) == (b"0123456789" * 20)[128:].ljust(128, b"\0")
    assert al(guest, 0x1400, dx=at) == 1
    assert guest.get(1, FCB + 0x20) == b"\2"


def test_fcb_writes_and_random_records(guest: DosGuest) -> None:
    """16h, 15h, 22h, 21h, 23h, 28h and 10h: a file written record by record is read back."""
    at = fcb(guest, "NEW.DAT")
    assert al(guest, 0x1600, dx=at) == 0
    guest.put(b"A" * 128, DTA)
    assert al(guest, 0x1500, dx=at) == 0
    guest.put((4).to_bytes(4, "little"), FCB + 0x21)
    guest.put(b"E" * 128, DTA)
    assert al(guest, 0x2200, dx=at) == 0
    guest.put(b"\0", FCB + 0x21)
    assert al(guest, 0x2100, dx=at) == 0
    assert guest.get(128, DTA) == b"A" * 128
    assert al(guest, 0x1000, dx=at) == 0
    assert guest.files.size(guest.files.lookup("/NEW.DAT")) == 5 * 128
    at = fcb(guest, "NEW.DAT")
    guest.put((128).to_bytes(2, "little"), FCB + 14)
    assert al(guest, 0x2300, dx=at) == 0
    assert guest.get(3, FCB + 0x21) == b"\5\0\0"
    at = fcb(guest, "NEW.DAT")
    al(guest, 0x0F00, dx=at)
    assert al(guest, 0x2700, dx=at, cx=100) == 1
    assert guest.registers.cx == 5
    guest.put((2).to_bytes(4, "little"), FCB + 0x21)
    assert al(guest, 0x2800, dx=at, cx=0) == 0
    assert guest.files.size(guest.files.lookup("/NEW.DAT")) == 256


def test_fcb_search_gives_directory_entries(guest: DosGuest) -> None:
    """11h and 12h find by ``?``, and the entry is as a disk has it."""
    at = fcb(guest, "????????.???")
    assert al(guest, 0x1100, dx=at) == 0
    found = guest.get(33, DTA)
    assert (found[0], found[1:12]) == (3, b"ONE     TXT")
    assert int.from_bytes(found[29:33], "little") == 200
    assert al(guest, 0x1200, dx=at) == 0
    assert guest.get(11, DTA + 1) == b"TWO     DAT"
    assert al(guest, 0x1200, dx=at) == 0xFF


def test_a_search_by_fcb_goes_on_behind_a_file_that_was_deleted(guest: DosGuest) -> None:
    """Prevents 12h from leaving out the file behind one that a program found and deleted."""
    at = fcb(guest, "????????.???")
    assert al(guest, 0x1100, dx=at) == 0
    raw = b"\0" + guest.get(11, DTA + 1) + bytes(25)
    assert al(guest, 0x1300, dx=guest.put(raw, FCB + 0x40)) == 0
    assert al(guest, 0x1200, dx=at) == 0
    assert guest.get(11, DTA + 1) == b"TWO     DAT"
    assert al(guest, 0x1200, dx=at) == 0xFF


def test_a_record_read_over_its_fcb_stays(guest: DosGuest) -> None:
    """Prevents a read from writing more into the FCB than which record comes next."""
    at = fcb(guest, "ONE.TXT")
    al(guest, 0x0F00, dx=at)
    guest.put((12).to_bytes(2, "little"), FCB + 14)
    guest.call(0x1A00, dx=FCB)
    assert al(guest, 0x1400, dx=at) == 0
    assert guest.get(12, FCB) == b"012345678901"


def test_fcb_rename_and_delete(guest: DosGuest) -> None:
    """17h keeps what stands under ``?``; 13h deletes all that fit."""
    at = fcb(guest, "ONE.TXT")
    guest.put(b"T??     BAK", FCB + 0x11)
    assert al(guest, 0x1700, dx=at) == 0
    assert "TNE.BAK" in guest.files.listdir(1)
    assert al(guest, 0x1300, dx=fcb(guest, "????????.???")) == 0
    assert guest.files.listdir(1) == ()
    assert al(guest, 0x1300, dx=fcb(guest, "????????.???")) == 0xFF


def test_a_star_in_an_fcb_fits_the_rest_of_its_field(guest: DosGuest) -> None:
    """Prevents 11h, 13h and 17h from looking for a file that is really called ``*``.

    Source: dosemu2's tests of DOS; FreeDOS in QEMU.
    """
    at = fcb(guest, "O*.TXT")
    guest.put(b"*       OUT", FCB + 0x11)
    assert al(guest, 0x1700, dx=at) == 0
    assert guest.files.listdir(1) == ("ONE.OUT", "two.dat")
    assert al(guest, 0x1100, dx=fcb(guest, "*.D*")) == 0
    assert guest.get(11, DTA + 1) == b"TWO     DAT"
    assert al(guest, 0x1300, dx=fcb(guest, "*.*")) == 0
    assert guest.files.listdir(1) == ()


def test_a_copied_fcb_goes_on(guest: DosGuest) -> None:
    """Programs copy FCBs, and fill them in without opening."""
    at = fcb(guest, "TWO.DAT")
    guest.put((1).to_bytes(2, "little"), FCB + 14)
    assert al(guest, 0x1400, dx=at) == 0
    assert guest.get(1, DTA) == b"t"


def test_labels(guest: DosGuest) -> None:
    """An extended FCB of attribute 8 makes, finds, renames and removes the volume's label."""
    label = fcb(guest, "MY DISK", extended=8)
    assert al(guest, 0x1600, dx=label) == 0
    assert al(guest, 0x1000, dx=label) == 0
    assert al(guest, 0x1100, dx=fcb(guest, "????????.???", extended=8)) == 0
    assert guest.get(12, DTA + 8) == b"MY DISK    \x08"
    assert not guest.call(0x4E00, cx=8, dx=guest.path("C:\\*.*"))
    assert guest.get(8, DTA + 0x1E) == b"MY DISK\0"
    assert al(guest, 0x1300, dx=fcb(guest, "????????.???", extended=8)) == 0
    assert guest.call(0x4E00, cx=8, dx=guest.path("C:\\*.*"))


def test_the_diskette_table_lies_where_programs_can_change_it(guest: DosGuest) -> None:
    """Prevents FORMAT from writing into ROM: DOS has moved INT 1Eh's table to 0000:0522."""
    memory = guest.machine.memory
    assert struct.unpack("<HH", memory.read(DISKETTE_VECTOR * 4, 4)) == (0x522, 0)
    memory.write(0x522 + 4, b"\x09")
    assert (
        DISKETTE_PARAMETERS.parse(memory.read(0x522, DISKETTE_PARAMETERS.sizeof())).last_sector == 9
    )


# -- drives as disks -------------------------------------------------------------------------


def test_drive_data(guest: DosGuest) -> None:
    """1Bh and 1Ch tell the media byte's address, 32h the parameter block's."""
    assert al(guest, 0x1C00, dx=3) == 32
    r = guest.registers
    assert (r.cx, guest.machine.memory[linear(r.ds, r.bx)]) == (512, 0xF8)
    r.ds = guest.psp
    assert al(guest, 0x1C00, dx=9) == 0xFF
    assert al(guest, 0x3200, dx=0) == 0
    block = guest.machine.memory.read(linear(r.ds, r.bx), 6)
    assert block == b"\2\2\0\2\x1f\5"
    r.ds = guest.psp


def test_the_list_of_lists_leads_to_drives_and_files(guest: DosGuest) -> None:
    """Diagnostic tools walk DPBs, CDSs and SFTs from 52h's list."""
    assert not guest.call(0x3D00, dx=guest.path("one.txt"))
    guest.call(0x5200)
    r, memory = guest.registers, guest.machine.memory

    def pointer(at: int) -> int:
        return linear(memory.read_word(at + 2), memory.read_word(at))

    sysvars = linear(r.es, r.bx)
    assert memory[pointer(sysvars)] == 2  # C's parameter block
    cds = pointer(sysvars + 0x16) + 2 * 88
    assert memory.read(cds, 4) == b"C:\\\0"
    assert memory.read_word(cds + 0x43) & 0x4000
    sft = pointer(sysvars + 4) + 6
    names = [memory.read(sft + n * 59 + 0x20, 11) for n in range(6)]
    assert b"ONE     TXT" in names
    assert memory.read(sysvars + 0x22 + 10, 8) == b"NUL     "
    con = pointer(sysvars + 0x0C)
    assert memory.read(con + 10, 8) == b"CON     "


@pytest.mark.parametrize(
    ("version", "nul", "cds", "dpb", "sft", "position"),
    [
        ((2, 11), 0x17, None, 94, 40, 0x24),
        ((3, 0), 0x28, (0x17, 81), 32, 56, 0x15),
        ((3, 30), 0x22, (0x16, 81), 32, 53, 0x15),
        ((4, 0), 0x22, (0x16, 88), 33, 59, 0x15),
        ((5, 0), 0x22, (0x16, 88), 33, 59, 0x15),
    ],
)
def test_tables_are_those_of_the_version(
    tmp_path: Path,
    version: tuple[int, int],
    nul: int,
    cds: tuple[int, int] | None,
    dpb: int,
    sft: int,
    position: int,
) -> None:
    """Tools look for tables by the version that DOS tells; in another's they would find noise."""
    (tmp_path / "one.txt").write_bytes(b"one")
    folder = FileTree(tmp_path, writable=False, effect=lambda act: None)
    guest = DosGuest(tmp_path, version=version, drives=(Volume(folder, 3),))
    assert not guest.call(0x3D00, dx=guest.path("one.txt"))
    guest.call(0x3F00, bx=guest.registers.ax, cx=2, dx=SCRATCH)
    guest.call(0x5200)
    r, memory = guest.registers, guest.machine.memory

    def pointer(at: int) -> int:
        return linear(memory.read_word(at + 2), memory.read_word(at))

    sysvars = linear(r.es, r.bx)
    assert memory.read(sysvars + nul + 10, 8) == b"NUL     "
    block = pointer(sysvars)
    after = pointer(block + (0x19 if dpb == 33 else 0x18))
    assert (after, memory[block], memory[after]) == (block + dpb, 2, 3)
    if cds is not None:
        place = pointer(sysvars + cds[0]) + 2 * cds[1]
        assert memory.read(place, 4) == b"C:\\\0"
        assert pointer(place + 0x45) == block
        assert memory.read_word(place + 0x4F) == 2
    files = pointer(sysvars + 4) + 6
    at = 4 if version < (3, 0) else 0x20
    entries = [memory.read(files + n * sft, sft) for n in range(6)]
    entry = next(entry for entry in entries if entry[at : at + 11] == b"ONE     TXT")
    assert int.from_bytes(entry[position : position + 4], "little") == 2
    if version < (3, 0):  # Ralf Brown's Interrupt List, table 01639
        assert (entry[0], entry[3], entry[0x13:0x17]) == (1, 3, b"\3\0\0\0")
        assert entry[0x1C:0x20] == bytes(4)  # clusters, which no folder has
        console = entries[0]
        assert (console[3], console[4:15], console[0x1B] & 0x80) == (0, b"CON        ", 0x80)
        header = int.from_bytes(console[0x1C:0x1E], "little")
        assert memory.read(pointer(sysvars + 0x0C) + 10, 8) == b"CON     "
        assert header == memory.read_word(sysvars + 0x0C)


def absolute(guest: DosGuest, vector: int, drive: int, first: int, count: int) -> bool:
    """Do INT 25h or 26h; return whether it failed.  The flags must be left on the stack."""
    r = guest.registers
    guest.put(bytes((0xCD, vector, 0xEB, 0xFC)), 0x200)
    r.cs, r.ip, r.ax, r.cx, r.dx, r.bx, r.ds = guest.psp, 0x200, drive, count, first, DTA, guest.psp
    sp = r.sp
    guest.machine.run(2)
    assert r.sp == sp - 2
    r.sp = sp
    return bool(r.flags & 1)


def test_a_folder_as_sectors(guest: DosGuest) -> None:
    """INT 25h shows a folder as a FAT disk: the file is found by the boot sector's numbers."""
    assert not absolute(guest, 0x25, 2, 0, 1)
    bpb = BPB.parse(guest.get(512, DTA))
    root = bpb.reserved_sectors + bpb.fats * bpb.fat_sectors
    assert not absolute(guest, 0x25, 2, root, 1)
    entry = guest.get(32, DTA)
    assert entry[:11] == b"ONE     TXT"
    cluster = int.from_bytes(entry[26:28], "little")
    data = root + bpb.root_entries // 16 + (cluster - 2) * bpb.cluster_sectors
    assert not absolute(guest, 0x25, 2, data, 1)
    assert guest.get(200, DTA) == b"0123456789" * 20
    assert absolute(guest, 0x26, 2, data, 1)
    assert absolute(guest, 0x25, 9, 0, 1)


def test_sectors_of_a_folder_follow_what_changes_there(guest: DosGuest) -> None:
    """Prevents INT 25h from showing a folder as it was: a file longer, gone, or back in time."""

    def shown() -> bytes:
        assert not absolute(guest, 0x25, 2, 0, 1)
        bpb = BPB.parse(guest.get(512, DTA))
        root = bpb.reserved_sectors + bpb.fats * bpb.fat_sectors
        assert not absolute(guest, 0x25, 2, root, 1)
        return guest.get(64, DTA)

    before, saved = shown(), guest.files.save()
    guest.files.write(guest.files.lookup("/one.txt"), 0, bytes(1000))
    longer = shown()
    assert int.from_bytes(longer[28:32], "little") == 1000
    guest.files.unlink("/one.txt")
    assert shown()[:11] == b"TWO     DAT"
    guest.files.restore(saved)
    assert shown() == before


# -- what DOS 5 adds -------------------------------------------------------------------------


def test_temporary_files_have_new_names(guest: DosGuest) -> None:
    """5Ah appends the name that it made to the path."""
    names = set()
    for _ in range(3):
        assert not guest.call(0x5A00, cx=0, dx=guest.path("C:\\"))
        names.add(guest.get(11).rstrip(b"\0"))
    assert len(names) == 3


@pytest.mark.parametrize(
    ("name", "dx", "carry", "result"),
    [
        ("one.txt", 0x01, False, 1),
        ("one.txt", 0x02, False, 3),
        ("one.txt", 0x10, True, Code.FILE_EXISTS),
        ("new.txt", 0x10, False, 2),
        ("new.txt", 0x01, True, Code.FILE_NOT_FOUND),
    ],
)
def test_extended_open(guest: DosGuest, name: str, dx: int, carry: bool, result: int) -> None:
    """6Ch opens, creates or replaces as DX allows, and tells which."""
    failed = guest.call(0x6C00, bx=2, cx=0, dx=dx, si=guest.path(name))
    assert failed is carry
    assert (guest.registers.ax if carry else guest.registers.cx) == result


def test_many_handles(guest: DosGuest) -> None:
    """67h makes room for more than 20 files."""
    guest.call(0x4A00, bx=0x1000, es=guest.psp)
    assert not guest.call(0x6700, bx=60)
    path = guest.path("one.txt")
    handles = set()
    for _ in range(50):
        assert not guest.call(0x3D00, dx=path)
        handles.add(guest.registers.ax)
    assert max(handles) > 50


def test_extended_errors_are_those_of_the_last_failure(guest: DosGuest) -> None:
    """59h tells class, action and locus of the error that the program met."""
    guest.call(0x3D00, dx=guest.path("nothere"))
    guest.call(0x5900, bx=0)
    r = guest.registers
    assert (r.ax, r.bh, r.bl, r.ch) == (2, 8, 3, 2)


@pytest.mark.parametrize("ax", [0x5C00, 0x5E00, 0x5F02])
def test_no_network_and_no_share(guest: DosGuest, ax: int) -> None:
    """What SHARE and networks do fails with error 1."""
    assert guest.call(ax, bx=0)
    assert guest.registers.ax == 1


@pytest.mark.parametrize("ax", [0x18FF, 0x1DFF, 0x61FF, 0x6BFF, 0x6DFF])
def test_empty_numbers_return_zero(guest: DosGuest, ax: int) -> None:
    """Numbers without a call return 0 in AL, and say nothing."""
    guest.call(ax)
    assert (guest.registers.al, guest.notices) == (0, [])


# -- disks in drives -------------------------------------------------------------------------

PROBE = bytes.fromhex("ba2001 b8003d cd21 7206 b44c b000 cd21 b44c cd21".replace(" ", ""))
"""mov dx,120h; mov ax,3D00h; int 21h; jc +5; mov ah,4Ch; mov al,0; int 21h; mov ah,4Ch; ..."""


def probe(tmp_path: Path, name: bytes, **options: Any) -> int | None:
    """Run a program that opens a file; its status is the error."""
    program = tmp_path / "probe.com"
    program.write_bytes(PROBE.ljust(0x20, b"\x90") + name + b"\0")
    return run(program, root=tmp_path, **options).status


def test_a_floppy_is_drive_a(tmp_path: Path) -> None:
    """-A is a drive for programs, too."""
    image = fat_floppy({"HELLO.TXT": b"hello"})
    setup = PcSetup(disks=(DiskImage(0, Path("a.img"), image),))
    assert probe(tmp_path, b"A:\\HELLO.TXT", setup=setup) == 0
    assert probe(tmp_path, b"A:\\NOTHERE", setup=setup) == Code.FILE_NOT_FOUND
    assert probe(tmp_path, b"A:\\NO\\WHERE", setup=setup) == Code.PATH_NOT_FOUND
    assert probe(tmp_path, b"B:HELLO.TXT") == Code.PATH_NOT_FOUND


def test_a_folder_may_be_drive_a(tmp_path: Path) -> None:
    """Prevents the empty floppy drive that DOS always has from hiding a folder's files."""
    (tmp_path / "HELLO.TXT").write_bytes(b"hello")
    dos = DosSetup(drives=(DosDrive(0, tmp_path),))
    assert probe(tmp_path, b"A:\\HELLO.TXT", dos=dos) == 0


@pytest.mark.parametrize("others", [(0, 3, 3), (0, 0)])
def test_a_drive_is_given_once(others: tuple[int, ...], tmp_path: Path) -> None:
    """Prevents a letter given twice from ending in a traceback, or hiding one of the two."""
    disks = (DiskImage(0, Path("a.img"), fat_floppy({})),) if others == (0, 0) else ()
    dos = DosSetup(drives=tuple(DosDrive(drive, tmp_path) for drive in others[len(disks) :]))
    with pytest.raises(loader.LoadError, match=r"drive [AD]: is given 2 times"):
        probe(tmp_path, b"A:\\X", dos=dos, setup=PcSetup(disks=disks))


def test_an_unreadable_floppy_is_a_critical_error(tmp_path: Path) -> None:
    """INT 24h is asked, and its default fails the call."""
    setup = PcSetup(disks=(DiskImage(0, Path("a.img"), bytes(1440 << 10)),))
    assert probe(tmp_path, b"A:\\HELLO.TXT", setup=setup) == Code.UNKNOWN_MEDIA


def test_options_and_environment(tmp_path: Path) -> None:
    """--env, --dos-version and --memory reach the program."""
    setup = DosSetup(environment=(("ANSWER", "42"),), version=(3, 30), memory_kib=256)
    loaded = loader.load(
        loader.Program("x.com", loader.ProgramKind.DOS_COM, b"\xcd\x21\xc3"),
        [],
        loader.Options(root=tmp_path, dos=setup),
    )
    machine = loaded.machine
    psp = machine.registers.ds
    environment = machine.memory.read_word(linear(psp, 0x2C))
    assert b"ANSWER=42\0" in machine.memory.read(linear(environment, 0), 200)
    assert machine.memory.read_word(linear(psp, 2)) == 256 * 64
    machine.registers.ax = 0x3000
    machine.run(2)
    assert (machine.registers.al, machine.registers.ah) == (3, 30)


def test_free_memory_is_that_of_a_real_machine(guest: DosGuest) -> None:
    """A program has at least 600 KB."""
    guest.call(0x4A00, bx=0xFFFF, es=guest.psp)
    assert guest.registers.bx * 16 >= 600 << 10
