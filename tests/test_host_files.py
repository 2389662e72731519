"""Files of the host: never half written, never more memory than they have bytes."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16 import hostfiles
from blink16.bios.geometry import SECTOR_SIZE
from blink16.console import Console
from blink16.machine import Machine
from blink16.monitor.folder import FolderError
from blink16.server.folder import ServerFolder
from blink16.setup import loader, pc
from blink16.setup.loader import LoadError

OLD = b"old"


def litter(folder: Path) -> list[str]:
    """Return what lies in a folder beside the image."""
    return [path.name for path in folder.iterdir() if path.name != "image"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a file."""
    path = tmp_path / "image"
    path.write_bytes(OLD)
    return path


PACKAGE = Path(hostfiles.__file__).parent
PREDICATES = {"exists", "is_file", "is_dir"}
THEIR_OWN = {
    "hostfiles.py",
    "setup/finding.py",
    "hostfs/hostfolder.py",
    "words/extras.py",
    "client/launching.py",
}
"""Who asks only for what is ours, or wants the error."""


def test_nobody_is_surprised_by_a_name() -> None:
    """Prevents a traceback for a name that is too long or leads where we may not look: pathlib
    raises OSError where `os.path` says no.
    """
    found = {
        str(path.relative_to(PACKAGE)): node.lineno
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in PREDICATES
        if path.relative_to(PACKAGE).as_posix() not in THEIR_OWN
    }
    assert found == {}


@pytest.mark.parametrize("name", ["a" * 5000, "loop/x", "a\0b", "\udcff", "file/below"])
def test_what_cannot_be_looked_at_is_not_there(tmp_path: Path, name: str) -> None:
    """Prevents the same, where the system says it in another way."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    path = tmp_path / name
    assert not hostfiles.is_there(path)
    assert not hostfiles.is_file(path)
    assert not hostfiles.is_folder(path)


@pytest.mark.skipif(os.name == "nt", reason="there a current folder can't be removed")
def test_a_current_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a server that does not start there, though its program lies elsewhere."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert hostfiles.current_folder() == Path()
    folder = ServerFolder()
    with pytest.raises(FolderError, match="is no file in"):
        folder.read(Path("x"), 1)
    with pytest.raises(FolderError, match="can't write"):
        folder.write_picture("x.png", b"")
    with pytest.raises(LoadError, match="there is no such program"):
        loader.read("nothing")


def test_a_file_is_replaced_with_its_rights(image: Path) -> None:
    """Prevents an image that its owner, or a group, can no longer open."""
    image.chmod(0o640)
    hostfiles.replace_content(image, [b"ne", b"w"])
    assert image.read_bytes() == b"new"
    assert image.stat().st_mode & 0o777 == 0o640
    assert litter(image.parent) == []


def test_a_link_is_followed(image: Path) -> None:
    """Prevents a link from being replaced by a file, and the image from being left as it was."""
    link = image.with_name("link")
    link.symlink_to(image)
    hostfiles.replace_content(link, [b"new"])
    assert link.is_symlink()
    assert image.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["fsync", "fchmod"])
def test_a_full_disk_leaves_the_old_content(
    image: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Prevents an image of which half is new."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, full)
    with pytest.raises(OSError, match="No space"):
        hostfiles.replace_content(image, [b"new"])
    assert image.read_bytes() == OLD
    assert litter(image.parent) == []


def test_a_disk_that_is_really_full_leaves_the_old_content(tmp_path: Path) -> None:
    """Prevents the same, where the system says it while the content is written."""
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    script = (
        "import resource, signal, sys; from pathlib import Path; from blink16 import hostfiles\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))\n"
        "try: hostfiles.replace_content(Path(sys.argv[1]), [b'x' * (1 << 18)] * 4)\n"
        "except OSError as error: print(error.strerror)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(image)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "File too large\n"
    assert image.read_bytes() == bytes(1 << 20)
    assert litter(tmp_path) == []


def test_what_a_killed_process_left_is_used_again(image: Path) -> None:
    """Prevents one more copy of a large image with each server that is killed."""
    left = image.with_name(".image.blink16-new")
    left.write_bytes(b"half of something much longer")
    hostfiles.replace_content(image, [b"new"])
    assert image.read_bytes() == b"new"
    assert litter(image.parent) == []


def test_two_processes_do_not_write_at_once(image: Path) -> None:
    """Prevents two servers from mixing their disks."""
    fcntl = pytest.importorskip("fcntl")
    with image.with_name(".image.blink16-new").open("wb") as other:
        fcntl.flock(other.fileno(), fcntl.LOCK_EX)
        with pytest.raises(OSError, match=r"unavailable|another process"):
            hostfiles.replace_content(image, [b"new"])
        assert image.read_bytes() == OLD


def test_reading_asks_for_no_more_memory_than_there_are_bytes() -> None:
    """Prevents a program of five kilobytes from asking for the memory of the largest image."""
    asked: list[int] = []

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(-1 if size is None else size)
            return super().read(size)

    assert hostfiles.read_at_most(File(b"x" * 5000), 1 << 40) == b"x" * 5000
    assert max(asked) <= hostfiles.PIECE
    assert hostfiles.read_at_most(File(b"x" * 5000), 10) == b"x" * 10


@given(st.dictionaries(st.integers(0, 2879), st.binary(min_size=512, max_size=512), max_size=20))
def test_committed_sectors_are_where_they_should_be(changed: dict[int, bytes]) -> None:
    """Prevents sectors in a wrong place where they straddle the pieces that are written."""
    whole = bytearray(b"\x11" * 1_474_560)
    for number, data in changed.items():
        whole[number * SECTOR_SIZE : (number + 1) * SECTOR_SIZE] = data
    for size in (1024, hostfiles.PIECE):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hostfiles, "PIECE", size)
            assert b"".join(pc._content(b"\x11" * 1_474_560, changed)) == bytes(whole)


def test_large_images_say_that_they_take_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a server that seems to hang at its end."""
    monkeypatch.setattr(pc, "LARGE", 1000)
    path = tmp_path / "a.img"
    content = (b"\xf4".ljust(510, b"\0") + b"\x55\xaa").ljust(1_474_560, b"\0")
    path.write_bytes(content)
    machine = Machine()
    pc.boot(machine, content, Console(), pc.PcSetup(), str(path))
    disk = pc.disk_in(machine, 0)
    assert disk is not None
    disk.write(5, b"5" * SECTOR_SIZE)
    said: list[str] = []
    assert pc.commit_all(machine, [path], said.append) == [f"{path}: 1 sector written"]
    assert said == [f"{path}: writing 1 MiB, which may take a while"]
    assert path.read_bytes()[5 * SECTOR_SIZE : 6 * SECTOR_SIZE] == b"5" * SECTOR_SIZE
