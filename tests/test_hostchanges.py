"""What a dropped future has done to the host's files is undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minix_disk import MinixDisk

from blink16 import elks
from blink16.debugger import Debugger, Resume
from blink16.dos.volume import DRIVE_C
from blink16.hostfs import hostchanges
from blink16.hostfs.files import FileTree
from blink16.hostfs.hostchanges import PutBack
from blink16.setup import loader
from blink16.setup.dos import DosDrive, DosSetup
from blink16.setup.loader import Options, ProgramKind

NAMES = ["a", "b", "d", "d/x", "d/y", "e"]
"""Some are there at first: a and d/x are files, d is a folder."""


class Bench:
    """A file tree that changes a folder of the host, and the time of its machine."""

    def __init__(self, root: Path) -> None:
        self.root, self.now = root, 0
        self.tree = FileTree(
            root,
            writable=True,
            effect=lambda act: act(),
            clock=lambda: 10**9 + self.now,
            now=lambda: self.now,
        )

    def look(self, *, times: bool) -> dict[str, object]:
        """Return all that is in the folder, with the files' times and modes if they are wanted."""
        found = sorted(self.root.rglob("*"))
        return {str(path.relative_to(self.root)): _seen(path, times=times) for path in found}

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write into a file, made if need be."""
        self.tree.write(self.tree.create(name), offset, data)


def _seen(path: Path, *, times: bool) -> object:
    info = path.lstat()
    if path.is_symlink():
        return str(path.readlink())
    if path.is_dir():
        return oct(info.st_mode) if times else "folder"
    told = oct(info.st_mode), int(info.st_mtime)
    return path.read_bytes(), info.st_nlink, told if times else ()


def fill(root: Path) -> Path:
    """Put files into a folder."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "d").mkdir(parents=True)
    (root / "a").write_bytes(b"the first" * 1000)
    (root / "d" / "x").write_bytes(b"another")
    return root


name = st.sampled_from(NAMES)
CHANGES: dict[str, st.SearchStrategy[Callable[[Bench], object]]] = {
    "write": st.builds(
        lambda n, at, data: lambda b: b.write(n, at, data),
        *(name, st.integers(0, 9_500), st.binary(min_size=1, max_size=5_000)),
    ),
    "truncate": st.builds(
        lambda n, size: lambda b: b.tree.truncate(b.tree.lookup(n), size),
        *(name, st.integers(0, 12_000)),
    ),
    "unlink": st.builds(lambda n: lambda b: b.tree.unlink(n), name),
    "rename": st.builds(lambda n, m: lambda b: b.tree.rename(n, m), name, name),
    "link": st.builds(lambda n, m: lambda b: b.tree.link(n, m), name, name),
    "mkdir": st.builds(lambda n: lambda b: b.tree.mkdir(n), name),
    "rmdir": st.builds(lambda n: lambda b: b.tree.rmdir(n), name),
    "symlink": st.builds(lambda n: lambda b: b.tree.symlink("a", n), name),
    "chmod": st.builds(
        lambda n, mode: lambda b: b.tree.chmod(b.tree.lookup(n), mode),
        *(name, st.sampled_from([0o644, 0o600, 0o755])),
    ),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(*CHANGES.values()), max_size=8),
    st.lists(st.one_of(*CHANGES.values()), max_size=8),
)
def test_the_folder_is_as_it_was_at_any_instant(
    tmp_path: Path,
    before: list[Callable[[Bench], object]],
    after: list[Callable[[Bench], object]],
) -> None:
    """Prevents a file, folder or link that a dropped future has made, changed or taken away."""
    bench = Bench(fill(tmp_path / "root"))
    for change in before:
        bench.now += 1
        with suppress(OSError):
            change(bench)
    times = not before  # else a file may have been written, at a time of the host's, with our umask
    kept, instant = bench.look(times=times), bench.now
    for change in after:
        bench.now += 1
        with suppress(OSError):
            change(bench)
    done = bench.tree.put_back(instant)
    assert not done.others
    now = bench.look(times=times)
    left = {path.split("/")[0] for path in done.left}
    different = {path for path in {*kept, *now} if kept.get(path) != now.get(path)}
    assert {path.split("/")[0] for path in different} <= left
    assert bench.tree.put_back(instant) == PutBack()


def test_a_name_that_is_replaced_leaves_the_files_other_names(tmp_path: Path) -> None:
    """Prevents a file with two names from being gone when another takes one of them."""
    bench = Bench(fill(tmp_path / "root"))
    bench.tree.link("d/x", "b")
    kept = bench.look(times=False)
    bench.now += 1
    content = bench.tree.read(bench.tree.lookup("d/x"), 0, 100)
    bench.tree.rename("a", "b")
    assert bench.tree.read(bench.tree.lookup("d/x"), 0, 100) == content
    bench.tree.put_back(0)
    assert bench.look(times=False) == kept


def test_what_is_forgotten_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a limit that makes files differ in silence."""
    monkeypatch.setattr(hostchanges, "MAX_KEPT", 3)
    bench = Bench(fill(tmp_path / "root"))
    for data in (b"1", b"2", b"3", b"4", b"5"):
        bench.now += 1
        bench.write("a", 0, data)
    assert bench.tree.put_back(0) == PutBack(("a",), (), others=True)


def test_what_the_host_has_lost_meanwhile_is_told(tmp_path: Path) -> None:
    """Prevents a traceback, and a word that all is well."""
    bench = Bench(fill(tmp_path / "root"))
    bench.now = 1
    bench.write("a", 0, b"new")
    (tmp_path / "root" / "a").unlink()
    assert bench.tree.put_back(0) == PutBack((), ("a",))


def test_a_changed_past_puts_files_back(shared: Path, tmp_path: Path) -> None:
    """The user changes the past behind which a guest has written files, and reads what became."""
    image = (shared / "images" / "fd1440.img").read_bytes()
    root = fill(tmp_path / "root")
    MinixDisk(image).extract(root)
    kept = (root / "a").read_bytes()
    sh = loader.Program("sh", ProgramKind.ELKS, (root / "bin" / "sh").read_bytes())
    streams = elks.ConsoleKind(input=False, output=False, error=False)
    options = Options(root=root, writable=True, engine="native", console=streams)
    made = loader.load(sh, ["-c", "echo new >/a; rm /d/x; mkdir /q"], options)
    debugger = Debugger(made.machine)
    told: list[str] = []
    debugger.on_notice = told.append
    debugger.resume(Resume(count=2_000))
    early = debugger.timeline.now
    debugger.drive(Resume())
    assert (root / "a").read_bytes() == b"new\n"
    assert (root / "q").is_dir()
    debugger.seek(early)
    debugger.write_register("flags", made.machine.registers.flags)
    assert (root / "a").read_bytes() == kept
    assert (root / "d" / "x").read_bytes() == b"another"
    assert not (root / "q").exists()
    assert told[-1] == "files on the host are put back as they were: q, d/x, a"


@pytest.mark.parametrize("letter", "CD")
def test_a_change_by_the_next_instruction_is_of_the_future(tmp_path: Path, letter: str) -> None:
    """Prevents a file that stays where history is cut right before the call's service, and one
    on any drive but the first that is never put back.
    """
    create = bytes.fromhex("b43c 31c9 ba0a01 cd21 f4")  # AH=3Ch, CX=0, DS:DX=behind the HLT
    image = create + letter.encode() + b":\\new\0"
    root = fill(tmp_path / "root")
    folders = {"C": root, "D": root / "d"}
    drive = DosDrive(DRIVE_C + 1, folders["D"], writable=True)
    options = Options(root=root, writable=True, dos=DosSetup(drives=(drive,)))
    made = loader.load(loader.Program("p.com", ProgramKind.DOS_COM, image), [], options)
    debugger, new = Debugger(made.machine), folders[letter] / "new"
    for _ in range(20):
        debugger.resume(Resume(count=1))
        if new.exists():
            break
    assert new.exists()
    debugger.seek(debugger.timeline.now - 1)
    debugger.write_register("cx", 1)
    assert not new.exists()
