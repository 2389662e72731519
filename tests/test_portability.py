"""Systems that are no POSIX: all modules do without its names, and work as far as they can.

They are imported, and used, with an `os`, `signal`, `socket` and `select` that have what Windows'
have, and without the modules that it lacks (Python's library reference, "Availability").
"""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from blink16.hostfs import folderhandles
from blink16.hostfs.hostfolder import FileKind, HostFolder

CHILD = Path(__file__).parent / "without_posix.py"


def test_every_module_does_without_posix(tmp_path: Path) -> None:
    """Prevents a server that can't start, or a guest's file that can't be read, on Windows."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(CHILD), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "all is well"
    assert (tmp_path / "OUT.TXT").read_bytes() == b"OUT.T"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostFolder:
    """Return a folder on a system whose folders are nothing but their paths."""
    monkeypatch.setattr(folderhandles, "HAS_HANDLES", False)
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "file").write_bytes(b"abc")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "out").symlink_to("../secret")
    (root / "up").symlink_to("..")
    return HostFolder(root)


def test_files_can_be_used_by_their_paths(folder: HostFolder, tmp_path: Path) -> None:
    """Prevents a fallback that nobody has tried."""
    root = tmp_path / "root"
    assert folder.names(()) == {"sub", "file", "out", "up"}
    assert folder.entry(("file",)).size == 3
    assert folder.entry(("sub",)).kind is FileKind.DIRECTORY
    assert folder.entry(("out",)).target == "../secret"
    assert folder.content(("file",)) == b"abc"
    folder.write(("file",), 1, b"xyz")
    folder.truncate(("file",), 3)
    assert (root / "file").read_bytes() == b"axy"
    folder.create(("sub", "new"), 0o644)
    folder.link(("sub", "new"), ("other",))
    folder.rename(("sub", "new"), ("sub", "newer"))
    folder.chmod(("other",), 0o600)
    folder.utime(("sub",), 100)
    assert (root / "other").stat().st_mode & 0o777 == 0o600
    assert (root / "sub").stat().st_mtime == 100
    folder.unlink(("sub", "newer"))
    folder.mkdir(("sub", "inner"), 0o755)
    folder.rmdir(("sub", "inner"))
    folder.symlink(("sub", "link"), "x")
    assert {path.name for path in root.rglob("*")} == {"sub", "file", "out", "up", "other", "link"}


def test_links_are_not_followed_without_handles_either(folder: HostFolder, tmp_path: Path) -> None:
    """Prevents the way out by a link, as a file or as a folder on the way."""
    for act in (
        lambda: folder.write(("out",), 0, b"x"),
        lambda: folder.truncate(("out",), 0),
        lambda: folder.chmod(("out",), 0),
        lambda: folder.utime(("out",), 1),
        lambda: folder.create(("up", "new"), 0o644),
        lambda: folder.unlink(("up", "secret")),
        lambda: folder.rename(("file",), ("up", "secret")),
        lambda: folder.names(("up",)),
        lambda: folder.content(("up", "secret")),
    ):
        with pytest.raises(OSError, match=r"."):
            act()
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "name",
    ["a:b", "C:", "..\\secret", "a/b", "nul", "NUL.txt", "con", "com1", "LPT9.x", "a.", "a ", "a*"],
)
def test_names_that_mean_something_else_on_windows_are_none(folder: HostFolder, name: str) -> None:
    """Prevents a guest from reaching other drives, devices and streams by a name."""
    with pytest.raises(OSError, match="no name") as caught:
        folder.create((name,), 0o644)
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(OSError, match=r"."):
        folder.entry((name,))
    with pytest.raises(OSError, match=r"."):
        folder.mkdir((name, "x"), 0o755)
