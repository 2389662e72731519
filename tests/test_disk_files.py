"""The files of disk images: read once, written only by --commit, and only if nobody else did."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import assert_one_line, run

from blink16.bios.geometry import FLOPPIES
from blink16.setup import loader, pc
from blink16.setup.loader import Loaded, Options

SIZE = FLOPPIES[3].total * 512


def copier(source: int, target: int, sector: int = 2) -> bytes:
    """Return a floppy whose boot sector copies a sector from a drive to another and halts."""
    code = "b80102bb0010b9%02x00ba%02x00cd13 b80103b9%02x00ba%02x00cd13 faf4"
    boot = bytes.fromhex((code % (sector, source, sector, target)).replace(" ", ""))
    return boot.ljust(510, b"\0") + b"\x55\xaa" + b"A" * 512


def load(*images: Path) -> Loaded:
    """Return a PC that boots from the first image, with the others in drive B or beside it."""
    others = tuple(pc.DiskImage(1, path, path.read_bytes()) for path in images[1:])
    setup = pc.PcSetup(disks=others)
    return loader.load(loader.read(str(images[0])), [], Options(engine="reference", setup=setup))


def run_to_halt(loaded: Loaded) -> None:
    """Let the guest copy its sector."""
    loaded.machine.run(1000)
    assert loaded.machine.memory.read_word(0x1000) != 0


@pytest.fixture
def a(tmp_path: Path) -> Path:
    """Return a floppy that copies its second sector to drive B."""
    path = tmp_path / "a.img"
    path.write_bytes(copier(0, 1).ljust(SIZE, b"\0"))
    return path


@pytest.fixture
def b(tmp_path: Path) -> Path:
    """Return a blank floppy."""
    path = tmp_path / "b.img"
    path.write_bytes(bytes(SIZE))
    return path


@pytest.mark.parametrize("change", ["truncate", "replace", "delete"])
def test_a_file_that_changes_while_the_machine_runs_changes_nothing(
    a: Path, b: Path, change: str
) -> None:
    """The machine must be what it was started with, as its history is."""
    loaded = load(a, b)
    if change == "truncate":
        a.write_bytes(b"")
    elif change == "replace":
        a.write_bytes(b"X" * SIZE)
    else:
        a.unlink()
    run_to_halt(loaded)
    assert loaded.machine.memory.read(0x1000, 512) == b"A" * 512
    disk = pc.disk_in(loaded.machine, 1)
    assert disk is not None
    assert list(disk.written()) == [(1, b"A" * 512)]


@pytest.mark.parametrize("content", [b"", bytes(SIZE - 1), bytes(SIZE + 1), b"x" + bytes(SIZE - 1)])
def test_nothing_is_committed_over_a_file_that_somebody_else_changed(
    a: Path, b: Path, content: bytes
) -> None:
    """Sectors of one file system among those of another are the end of both."""
    loaded = load(a, b)
    run_to_halt(loaded)
    b.write_bytes(content)
    with pytest.raises(pc.CommitError, match="has changed meanwhile; nothing is written"):
        pc.commit_all(loaded.machine, [a, b])
    assert b.read_bytes() == content


def test_equal_images_are_not_mistaken_for_each_other(tmp_path: Path, a: Path, b: Path) -> None:
    """Two blank floppies are two files: only the one that was written may change."""
    other = tmp_path / "other.img"
    other.write_bytes(bytes(SIZE))
    loaded = load(a, b, other)
    run_to_halt(loaded)
    assert pc.commit_all(loaded.machine, [a, b, other]) == [f"{b}: 1 sector written"]
    assert b.read_bytes()[512:1024] == b"A" * 512
    assert other.read_bytes() == bytes(SIZE)


def test_one_file_that_fails_does_not_keep_others_from_being_committed(
    tmp_path: Path, a: Path, b: Path
) -> None:
    """What can be saved must be saved, and the rest be told."""
    loaded = load(a, b)
    run_to_halt(loaded)
    disk = pc.disk_in(loaded.machine, 0)
    assert disk is not None
    disk.write(9, b"9" * 512)
    a.unlink()
    with pytest.raises(pc.CommitError, match=r"1 sector written; .*can't write"):
        pc.commit_all(loaded.machine, [a, b])
    assert b.read_bytes()[512:1024] == b"A" * 512


def test_a_short_image_grows_with_what_was_written_behind_its_end(tmp_path: Path) -> None:
    """A sector behind an unpadded image's end must not be lost, nor its last one cut off."""
    path = tmp_path / "short.img"
    path.write_bytes(copier(0, 0, sector=5) + b"tail")
    loaded = load(path)
    disk = pc.disk_in(loaded.machine, 0)
    assert disk is not None
    disk.write(2, b"T" * 512)
    disk.write(4, b"G" * 512)
    pc.commit_all(loaded.machine, [path])
    assert path.read_bytes()[1024:] == b"T" * 512 + bytes(512) + b"G" * 512


def test_further_images_lie_beside_the_drive(tmp_path: Path, a: Path, b: Path) -> None:
    """-B given twice must not be a usage error; ,ro protects, and --commit knows the files."""
    protected, plain = a.read_bytes(), tmp_path / "second.img"
    plain.write_bytes(bytes(SIZE))
    done = run("--commit", "-B", str(b), "-B", str(plain), str(a))
    assert f"{b}: 1 sector written" in done.stderr
    assert plain.read_bytes() == bytes(SIZE)
    b.write_bytes(bytes(SIZE))
    done = run("--commit", "-B", f"{b},ro", "-B", str(plain), str(a))
    assert_one_line(done.stderr, "halted")
    assert b.read_bytes() == bytes(SIZE)
    assert a.read_bytes() == protected
