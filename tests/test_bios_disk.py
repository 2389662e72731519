"""Disks: geometry by size, INT 13h's functions and statuses, and the overlay."""

from __future__ import annotations

import pytest
from boot_sectors import Pc, sector
from disk_images import boot_sector, partitioned
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.disk import Disk
from blink16.bios.geometry import (
    BPB,
    FLOPPIES,
    MAX_IMAGE_SIZE,
    SECTOR_SIZE,
    BootError,
    Geometry,
    geometry_of,
)
from blink16.bios.int13 import DRIVE_PARAMETERS
from blink16.history.checkpoints import footprint
from blink16.recording import plain

BUFFER = 0x1000


def numbered(geometry: Geometry) -> bytes:
    """Return an image in which each sector says its number."""
    return b"".join(n.to_bytes(4, "little") * 128 for n in range(geometry.total))


FLOPPY_360 = numbered(FLOPPIES[3])


def bpb(sectors: int, track: int = 9, heads: int = 2) -> bytes:
    """Return a boot sector with a BIOS parameter block."""
    raw: bytes = BPB.build(
        {
            "jump": b"\xeb\x3c\x90",
            "oem": b"TEST    ",
            "sector_size": 512,
            "cluster_sectors": 1,
            "reserved_sectors": 1,
            "fats": 2,
            "root_entries": 112,
            "sectors16": sectors,
            "media": 0xFD,
            "fat_sectors": 2,
            "track_sectors": track,
            "heads": heads,
            "hidden": 0,
            "sectors32": 0,
        }
    )
    return raw.ljust(512, b"\0")


# -- geometry --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kib", "shape"),
    [
        (160, (40, 1, 8)),
        (180, (40, 1, 9)),
        (320, (40, 2, 8)),
        (360, (40, 2, 9)),
        (720, (80, 2, 9)),
        (1200, (80, 2, 15)),
        (1440, (80, 2, 18)),
        (2880, (80, 2, 36)),
    ],
)
def test_floppy_geometry_by_size(kib: int, shape: tuple[int, int, int]) -> None:
    """Each floppy format has its own cylinders, heads and sectors."""
    geometry = geometry_of(bytes(kib * 1024))
    assert (geometry.cylinders, geometry.heads, geometry.sectors) == shape


def test_hard_disk_geometry() -> None:
    """Hard disks are n/16/63, the last cylinder counted even if it's not whole."""
    cylinder = 16 * 63 * 512
    assert geometry_of(bytes(8 * cylinder)) == Geometry(8, 16, 63)
    assert geometry_of(bytes(8 * cylinder + 512)) == Geometry(9, 16, 63)
    assert geometry_of(bytes(512), hard_disk=True) == Geometry(1, 16, 63)


def test_short_images_are_floppies() -> None:
    """A boot sector with a few sectors behind it is what people assemble by hand."""
    assert geometry_of(sector(b"")).total == 2880
    assert geometry_of(bytes(8 * 512)).total == 2880


def test_bpb_tells_truncated_from_odd() -> None:
    """An image shorter than its own boot sector promises is a damaged download."""
    with pytest.raises(BootError, match="truncated: 100 sectors of the 720"):
        geometry_of(bpb(720) + bytes(99 * 512))
    odd = bpb(82 * 2 * 10, track=10)
    assert geometry_of(odd + bytes((82 * 2 * 10 - 1) * 512)) == Geometry(82, 2, 10, 4)


class Huge(bytes):
    """Bytes that claim to be more than they are, to spare the memory."""

    def __len__(self) -> int:
        return MAX_IMAGE_SIZE + SECTOR_SIZE


def test_images_beyond_int_13h_are_refused() -> None:
    """A disk that can't be addressed must be refused, not read in wrong places."""
    with pytest.raises(BootError, match="too large"):
        geometry_of(Huge())


@given(st.binary(min_size=30, max_size=40), st.integers(1, 40))
def test_any_boot_sector_has_a_geometry_or_an_error(start: bytes, sectors: int) -> None:
    """Nonsense in a boot sector must not divide by zero."""
    image = start.ljust(512 * sectors, b"\0")
    try:
        geometry = geometry_of(image)
    except BootError:
        return
    assert geometry.total >= sectors


# -- INT 13h ---------------------------------------------------------------------------------


@pytest.fixture
def pc() -> Pc:
    """Return a PC with a 360K floppy."""
    return Pc(FLOPPY_360)


def number(pc: Pc, index: int = 0) -> int:
    """Return the number of the sector that was read."""
    return pc.machine.memory.read_word(BUFFER + index * 512)


@pytest.mark.parametrize(
    ("cylinder", "head", "first", "expected"),
    [(0, 0, 1, 0), (0, 0, 9, 8), (0, 1, 1, 9), (1, 0, 1, 18), (39, 1, 9, 719)],
)
def test_reading_by_cylinder_head_sector(
    pc: Pc, cylinder: int, head: int, first: int, expected: int
) -> None:
    """A sector's number follows from cylinder, head and sector, which count from 0, 0 and 1."""
    pc.call(0x13, 0x0201, cx=cylinder << 8 | first, dx=head << 8, es=0, bx=BUFFER)
    assert (pc.failed, pc.registers.ax) == (False, 1)
    assert number(pc) == expected


def test_reading_on_over_the_track(pc: Pc) -> None:
    """A transfer goes on with the next head."""
    pc.call(0x13, 0x0204, cx=0x0008, dx=0, es=0, bx=BUFFER)
    assert [number(pc, i) for i in range(4)] == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("ax", "cx", "dx", "status"),
    [
        (0x0201, 0x000A, 0x0000, 0x04),
        (0x0201, 0x0000, 0x0000, 0x04),
        (0x0201, 0x2801, 0x0000, 0x04),
        (0x0201, 0x0001, 0x0200, 0x04),
        (0x0202, 0x2709, 0x0100, 0x04),
        (0x0301, 0x2801, 0x0000, 0x04),
        (0x0200, 0x0001, 0x0000, 0x01),
        (0x7700, 0x0001, 0x0000, 0x01),
        (0x0201, 0x0001, 0x0001, 0x80),
        (0x0201, 0x0001, 0x0080, 0x80),
        (0x0800, 0x0001, 0x0080, 0x80),
    ],
)
def test_failures_have_their_status(pc: Pc, ax: int, cx: int, dx: int, status: int) -> None:
    """What isn't on the disk fails with the controller's status, no sector moved."""
    pc.machine.memory.write(BUFFER, b"untouched")
    pc.call(0x13, ax, cx=cx, dx=dx, es=0, bx=BUFFER)
    assert (pc.failed, pc.registers.ah) == (True, status)
    assert pc.machine.memory.read(BUFFER, 9) == b"untouched"
    pc.call(0x13, 0x0100, dx=dx)
    assert pc.registers.ah == status


def test_parameters(pc: Pc) -> None:
    """08h gives the last cylinder, head, sector and the drive's type."""
    pc.call(0x13, 0x0800, dx=0)
    r = pc.registers
    assert (r.ch, r.cl, r.dh, r.dl, r.bl, pc.failed) == (39, 9, 1, 1, 1, False)
    table = pc.machine.memory.read((r.es << 4) + r.di, 11)
    assert table[3] == 2


def test_hard_disk_parameters() -> None:
    """Cylinders above 255 use the two high bits of CL; 15h tells the sectors."""
    pc = Pc(bytes(600 * 16 * 63 * 512), 0x80)
    pc.call(0x13, 0x0800, dx=0x80)
    r = pc.registers
    assert (r.ch, r.cl, r.dh, r.dl) == (599 & 0xFF, 63 | (599 >> 8) << 6, 15, 1)
    pc.call(0x13, 0x1500, dx=0x80)
    assert (r.ah, r.cx << 16 | r.dx, pc.failed) == (3, 600 * 16 * 63, False)
    pc.call(0x13, 0x1500, dx=1)
    assert r.ah == 0


def test_writes_stay_in_the_overlay(pc: Pc) -> None:
    """A write is read again, goes back in time with the machine, and spares the image."""
    saved = pc.machine.save()
    pc.machine.memory.write(BUFFER, b"W" * 1024)
    pc.call(0x13, 0x0302, cx=0x0001, dx=0, es=0, bx=BUFFER)
    assert (pc.failed, pc.registers.al) == (False, 2)
    written = pc.machine.save()
    pc.call(0x13, 0x0203, cx=0x0001, dx=0, es=0, bx=BUFFER)
    assert pc.machine.memory.read(BUFFER, 1024) == b"W" * 1024
    assert number(pc, 2) == 2
    pc.machine.restore(saved)
    pc.call(0x13, 0x0201, cx=0x0001, dx=0, es=0, bx=BUFFER)
    assert number(pc) == 0
    pc.machine.restore(written)
    pc.call(0x13, 0x0201, cx=0x0002, dx=0, es=0, bx=BUFFER)
    assert pc.machine.memory.read(BUFFER, 512) == b"W" * 512
    assert FLOPPY_360[512:516] == b"\1\0\0\0"


def test_saving_an_unchanged_disk_costs_nothing() -> None:
    """Checkpoints are frequent: the overlay must not be copied for each."""
    disk = Disk(0, FLOPPY_360, FLOPPIES[3])
    disk.write(3, bytes(512))
    assert disk.save() is disk.save()


def test_what_an_image_lacks_reads_as_zeros() -> None:
    """A loader that reads whole tracks must work on an image that isn't padded."""
    pc = Pc(sector(b"\x90"))
    pc.machine.memory.write(BUFFER, b"x" * 512)
    pc.call(0x13, 0x0201, cx=0x0002, dx=0, es=0, bx=BUFFER)
    assert (pc.failed, pc.machine.memory.read(BUFFER, 512)) == (False, bytes(512))


@given(*[st.integers(0, 0xFFFF)] * 5)
def test_no_disk_call_crashes(ax: int, bx: int, cx: int, dx: int, es: int) -> None:
    """Any registers lead to a status."""
    pc = Pc(bytes(160 * 1024))
    pc.call(0x13, ax & 0x1FFF, bx=bx, cx=cx, dx=dx & 0xFF81, es=es)
    pc.machine.restore(pc.machine.save())


# -- hard disks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heads", "sectors", "parts"),
    [
        (16, 63, [(63, 16 * 63 * 9 - 63)]),
        (4, 17, [(17, 4 * 17 * 300 - 17)]),
        (255, 63, [(2048, 10240)]),  # aligned as today's tools do, to no cylinder
        (64, 32, [(32, 64 * 32 * 2 - 32), (64 * 32 * 2, 64 * 32)]),
        (5, 40, [(40, 5 * 40 * 20 - 40)]),
    ],
)
def test_partitions_tell_the_geometry(
    heads: int, sectors: int, parts: list[tuple[int, int]]
) -> None:
    """A system boots by CHS from its partition only in the geometry that fdisk had."""
    shape = Geometry(1024, heads, sectors)
    image = partitioned(shape, *parts) + bytes(8 << 20)
    geometry = geometry_of(image)
    assert (geometry.heads, geometry.sectors) == (heads, sectors)
    assert geometry.total * 512 >= len(image) > (geometry.total - heads * sectors) * 512


def test_a_partition_without_chs_is_asked_by_its_boot_sector() -> None:
    """Tools that write no CHS leave the geometry in the partition's BPB."""
    shape = Geometry(20, 8, 32)
    record = bytearray(partitioned(Geometry(1024, 16, 63), (63, 4000)))
    record[0x1BF:0x1C2] = record[0x1C3:0x1C6] = b"\xfe\xff\xff"
    image = bytes(record) + bytes(62 * 512) + boot_sector(shape, sectors=4000, hidden=63)
    assert geometry_of(image.ljust(4 << 20, b"\0")) == Geometry(32, 8, 32)


def test_a_hard_disk_without_partitions_may_have_a_bpb() -> None:
    """A file system on the bare disk tells its geometry too."""
    image = boot_sector(Geometry(20, 8, 32), sectors=5120).ljust(8 << 20, b"\0")
    assert geometry_of(image) == Geometry(64, 8, 32)


def test_the_disks_of_an_xt_have_their_own_geometry() -> None:
    """The 10 and 20 MB drives of the time had four heads."""
    assert geometry_of(bytes(306 * 4 * 17 * 512)) == Geometry(306, 4, 17)
    assert geometry_of(bytes(615 * 4 * 17 * 512)) == Geometry(615, 4, 17)


def test_lies_about_the_geometry_are_not_believed() -> None:
    """No heads, too many cylinders or two stories at once lead to the usual geometry."""
    size, usual = 8 << 20, Geometry(17, 16, 63)
    record = bytearray(partitioned(Geometry(1024, 16, 63), (63, 4000)))
    for place, value in ((0x1BF, 7), (0x1C3, 0xFF), (0x1C4, 0)):
        lying = bytes(record[:place]) + bytes((value,)) + bytes(record[place + 1 :])
        assert geometry_of(lying.ljust(size, b"\0")) == usual
    for shape in (Geometry(1, 0, 63), Geometry(1, 16, 0), Geometry(1, 999, 63), Geometry(1, 1, 1)):
        assert geometry_of(boot_sector(shape, sectors=9).ljust(size, b"\0")) == usual


@given(st.binary(max_size=30), st.binary(min_size=64, max_size=64), st.integers(0, 5000))
def test_any_boot_record_has_a_geometry(begin: bytes, table: bytes, sectors: int) -> None:
    """Nonsense on a hard disk must not crash, nor make it smaller than it is."""
    image = begin.ljust(0x1BE, b"\0") + table + b"\x55\xaa" + bytes(512 * sectors)
    geometry = geometry_of(image, hard_disk=True)
    assert geometry.total > sectors
    assert geometry.cylinders <= 1024
    assert 0 < geometry.heads <= 255
    assert 0 < geometry.sectors <= 63


def test_calls_agree_on_a_hard_disk() -> None:
    """08h, 15h, 48h and what can be read must be about one and the same disk."""
    shape = Geometry(1024, 4, 17)
    image = partitioned(shape, (17, 4 * 17 * 90 - 17)).ljust((4 * 17 * 90 + 5) * 512, b"\0")
    pc = Pc(image, 0x80)
    r = pc.registers
    pc.call(0x13, 0x0800, dx=0x80)
    assert (r.ch, r.cl, r.dh) == (90, 17, 3)
    pc.call(0x13, 0x1500, dx=0x80)
    assert r.cx << 16 | r.dx == len(image) // 512
    pc.machine.memory.write_word(0x700, 30)
    pc.call(0x13, 0x4800, dx=0x80, ds=0, si=0x700)
    parameters = DRIVE_PARAMETERS.parse(pc.machine.memory.read(0x700, 30))
    assert (parameters.cylinders, parameters.heads, parameters.sectors) == (91, 4, 17)
    assert parameters.total == len(image) // 512
    for cx, status in ((0x5A05, 0), (0x5A06, 4)):
        for function in (2, 3, 4):
            pc.call(0x13, function << 8 | 1, cx=cx, dx=0x80, es=0, bx=BUFFER)
            assert r.ah == status


# -- the overlay -----------------------------------------------------------------------------


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(st.integers(0, 699), st.binary(min_size=1, max_size=2)), max_size=8))
def test_the_overlay_is_the_disk_that_was_written(writes: list[tuple[int, bytes]]) -> None:
    """What is read is what was written last, at every instant that was saved."""
    geometry = Geometry(35, 2, 10, 3)
    disk = Disk(0, numbered(geometry)[: 690 * 512 + 100], geometry)
    model = bytearray(disk.image.ljust(700 * 512, b"\0"))
    saved = []
    for number, data in writes:
        saved.append((disk.save(), bytes(model)))
        disk.write(number, data.ljust(512, b"."))
        model[number * 512 : (number + 1) * 512] = data.ljust(512, b".")
    saved.append((disk.save(), bytes(model)))
    for state, content in reversed(saved):
        disk.restore(state)
        assert b"".join(disk.read(number) for number in range(700)) == content
        sectors = {n: content[n * 512 : (n + 1) * 512] for n in range(700)}
        first = disk.image.ljust(700 * 512, b"\0")
        changed = {n: s for n, s in sectors.items() if s != first[n * 512 : (n + 1) * 512]}
        assert dict(disk.written()) == changed
    disk.restore(plain.parse(plain.build(saved[-1][0])))
    assert disk.save() == saved[-1][0]


def test_the_overlay_is_bounded_by_the_disk() -> None:
    """A guest that writes for ever must not fill the host's memory."""
    disk = Disk(0, b"", FLOPPIES[0])
    states = []
    for turn in range(3):
        for number in range(disk.total):
            disk.write(number, bytes((turn + 1,)) * 512)
        states.append(disk.save())
        assert 160 << 10 <= footprint(disk.save()) < 180 << 10
    disk.write(5, bytes(512))
    assert footprint(disk.save(), states[-1]) < 6000


@pytest.mark.parametrize(
    "state", [(), (5,), 5, ((None,) * 63,), ((b"x", *(None,) * 63),), ((5, *(None,) * 63),)]
)
def test_damaged_overlays_are_refused(state: object) -> None:
    """A recording that lies must not make a disk that can't be read."""
    with pytest.raises(ValueError, match="overlay"):
        Disk(0, b"", FLOPPIES[0]).restore(state)


def test_small_images_need_not_be_whole_sectors() -> None:
    """Boot sectors with code behind them are padded with zeros; damaged downloads are refused."""
    assert geometry_of(bytes(1300)).total == 2880
    pc = Pc(sector(b"") + b"end")
    pc.call(0x13, 0x0201, cx=2, dx=0, es=0, bx=BUFFER)
    assert pc.machine.memory.read(BUFFER, 512) == b"end".ljust(512, b"\0")
    with pytest.raises(BootError, match="whole sectors"):
        geometry_of(bytes((1440 << 10) + 1))
