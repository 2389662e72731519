"""The sandboxed file tree: confinement, overlay, state, writing through."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.hostfs import changedfiles, chunks, filenodes, files, hostfolder
from blink16.hostfs.files import ROOT, FileKind, FileTree

SECRET = b"secret of the host"
PIECES = ["..", ".", "", "a", "deep", "out", "etc", "up", "loop", "file", "away", "a" * 300, "\0"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with files, folders and links that try to lead out."""
    (tmp_path / "secret").write_bytes(SECRET)
    top = tmp_path / "root"
    (top / "a" / "deep").mkdir(parents=True)
    (top / "file").write_bytes(b"hello")
    (top / "a" / "deep" / "file").write_bytes(b"deep")
    (top / "out").symlink_to("../secret")
    (top / "etc").symlink_to(tmp_path)
    (top / "a" / "up").symlink_to("../../../../..")
    (top / "loop").symlink_to("loop")
    (top / "in").symlink_to(top / "a" / "deep")
    return top


def tree(root: Path, *, writable: bool = False) -> FileTree:
    """Return a tree over a folder whose effects happen at once."""
    return FileTree(root, writable=writable, effect=lambda act: act(), clock=lambda: 1000)


def content(files: FileTree, path: str) -> bytes:
    """Return what a file holds."""
    node = files.lookup(path)
    return files.read(node, 0, files.size(node))


def error_of(act: Callable[[], object]) -> int | None:
    """Return the errno that an action fails with."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 (the errno is what is asserted)
        act()
    return caught.value.errno


def test_dot_dot_at_the_root_stays_there(root: Path) -> None:
    """A guest must not climb out of its root with '..'."""
    files = tree(root)
    assert files.lookup("/../../..") == ROOT
    assert content(files, "../../file") == b"hello"


def test_links_that_lead_out_find_nothing(root: Path) -> None:
    """A link on the host, last in a path or amid it, must not open the host's files."""
    files = tree(root)
    for path in ("out", "etc/secret", "a/up/secret", "etc/etc/secret"):
        assert error_of(partial(files.lookup, path)) == errno.ENOENT


def test_absolute_links_into_the_root_work(root: Path) -> None:
    """A link that names a place inside the root by its host path must not dangle."""
    assert content(tree(root), "in/file") == b"deep"


def test_folder_swapped_for_a_link_is_not_followed(root: Path) -> None:
    """A host folder that becomes a link between two looks must not lead out (a race)."""
    files = tree(root)
    files.lookup("a/deep")
    (root / "a" / "deep" / "file").unlink()
    (root / "a" / "deep").rmdir()
    (root / "a" / "deep").symlink_to(root.parent)
    refusal = error_of(lambda: files.lookup("a/deep/secret"))
    assert refusal in (errno.ENOTDIR, errno.ELOOP)  # Linux, macOS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(150))
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("/".join), st.booleans())
def test_no_path_reads_the_secret(root: Path, path: str, absolute: bool) -> None:
    """No combination of names, '..' and links may reach a file outside."""
    files = tree(root)
    try:
        node = files.lookup("/" * absolute + path + "/secret")
        found = files.read(node, 0, 100)
    except OSError:
        return
    assert found != SECRET


def test_endless_links_are_refused(root: Path) -> None:
    """A link to itself must not hang the server."""
    assert error_of(lambda: tree(root).lookup("loop")) == errno.ELOOP


def test_too_long_paths_and_names_are_refused(root: Path) -> None:
    """Guest paths of any length must not reach the host."""
    files = tree(root)
    assert error_of(lambda: files.lookup("x/" * filenodes.MAX_PATH)) == errno.ENAMETOOLONG
    assert error_of(lambda: files.create("x" * 256)) == errno.ENAMETOOLONG
    assert error_of(lambda: files.create("x\0y")) == errno.ENOENT
    assert error_of(lambda: files.create("\ud800")) == errno.ENOENT


def test_fifo_is_seen_but_not_opened(root: Path) -> None:
    """Opening a fifo of the host would block for ever; a device would have effects."""
    os.mkfifo(root / "fifo")
    files = tree(root)
    node = files.lookup("fifo")
    assert files.stat(node).kind is FileKind.OTHER
    assert error_of(lambda: files.read(node, 0, 1)) == errno.EACCES
    assert error_of(lambda: files.create("fifo")) == errno.EACCES


def test_host_content_is_frozen_on_first_use(root: Path) -> None:
    """A replay must see what the first run saw, even if the file changed since."""
    files = tree(root)
    assert content(files, "file") == b"hello"
    before = files.save()
    (root / "file").write_bytes(b"other")
    (root / "new").write_bytes(b"")
    files.restore(before)
    assert content(files, "file") == b"hello"
    assert "new" not in files.listdir(ROOT)


def test_host_errors_are_frozen_too(root: Path) -> None:
    """A file that was gone at its first use must stay unreadable in a replay."""
    files = tree(root)
    node = files.lookup("file")
    (root / "file").unlink()
    assert error_of(lambda: files.read(node, 0, 1)) == errno.ENOENT
    (root / "file").write_bytes(b"back")
    assert error_of(lambda: files.read(node, 0, 1)) == errno.ENOENT


def test_writes_stay_in_the_overlay(root: Path) -> None:
    """Without --writable no change may reach the host."""
    files = tree(root)
    node = files.lookup("file")
    files.write(node, 5, b" world")
    files.create("new")
    files.unlink("a/deep/file")
    files.rename("a", "b")
    files.mkdir("c")
    assert content(files, "file") == b"hello world"
    assert files.listdir(ROOT) == ("b", "c", "etc", "file", "in", "loop", "new", "out")
    assert files.listdir(files.lookup("b/deep")) == ()
    assert (root / "file").read_bytes() == b"hello"
    assert (root / "a" / "deep" / "file").exists()
    assert not (root / "new").exists()


def test_renamed_host_folder_keeps_its_files(root: Path) -> None:
    """What lies below a renamed folder must still be found, even if never looked at before."""
    files = tree(root)
    files.rename("a", "file2")
    assert content(files, "file2/deep/file") == b"deep"
    assert error_of(lambda: files.lookup("a")) == errno.ENOENT
    assert error_of(lambda: files.rename("file2", "file2/deep/x")) == errno.EINVAL


def test_unlinked_open_file_lives_on(root: Path) -> None:
    """A program may go on with a file that it has removed, and its space returns after that."""
    files = tree(root)
    node = files.create("tmp")
    files.hold(node)
    files.write(node, 0, b"x" * 10000)
    files.unlink("tmp")
    assert files.read(node, 9998, 10) == b"xx"
    assert files.stat(node).nlink == 0
    files.release(node)
    assert error_of(lambda: files.read(node, 0, 1)) == errno.EBADF
    assert files.save()[1] == 0


def test_removed_and_made_anew(root: Path) -> None:
    """A file made where the host's was removed must be empty, not the host's again."""
    files = tree(root)
    files.unlink("file")
    assert error_of(lambda: files.lookup("file")) == errno.ENOENT
    assert content(files, files.path(files.create("file"))) == b""


def test_errors_are_those_of_posix(root: Path) -> None:
    """Programs act on errno: each mistake must have its own."""
    files = tree(root)
    assert error_of(lambda: files.lookup("file/x")) == errno.ENOTDIR
    assert error_of(lambda: files.lookup("file/")) == errno.ENOTDIR
    assert error_of(lambda: files.lookup("")) == errno.ENOENT
    assert error_of(lambda: files.create("no/file")) == errno.ENOENT
    assert error_of(lambda: files.create("a")) == errno.EISDIR
    assert error_of(lambda: files.create("file", exclusive=True)) == errno.EEXIST
    assert error_of(lambda: files.mkdir("a")) == errno.EEXIST
    assert error_of(lambda: files.rmdir("a")) == errno.ENOTEMPTY
    assert error_of(lambda: files.rmdir("file")) == errno.ENOTDIR
    assert error_of(lambda: files.unlink("a")) == errno.EISDIR
    assert error_of(lambda: files.unlink("/")) == errno.EBUSY
    assert error_of(lambda: files.readlink("file")) == errno.EINVAL
    assert error_of(lambda: files.rename("a", "file")) == errno.ENOTDIR


def test_limits_end_in_errno(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that writes without end must get an error, not the host's memory."""
    files_ = tree(root)
    node = files_.create("big")
    beyond = hostfolder.MAX_FILE_SIZE
    assert error_of(lambda: files_.write(node, beyond, b"x")) == errno.EFBIG
    monkeypatch.setattr(changedfiles, "MAX_OVERLAY_BYTES", 10000)
    assert error_of(lambda: files_.truncate(node, 10001)) == errno.ENOSPC
    monkeypatch.setattr(files, "MAX_NODES", 4)
    files_.mkdir("one")
    files_.mkdir("two")
    assert error_of(lambda: files_.mkdir("three")) == errno.ENOSPC


def test_huge_host_file_is_refused(root: Path) -> None:
    """A host file larger than the limit must not be read into memory."""
    with (root / "huge").open("wb") as file:
        file.truncate(hostfolder.MAX_FILE_SIZE + 1)
    files = tree(root)
    node = files.lookup("huge")
    assert error_of(lambda: files.read(node, 0, 1)) == errno.EFBIG


def test_saving_shares_unchanged_content(root: Path) -> None:
    """A checkpoint after each small write must not copy the whole file."""
    files = tree(root)
    node = files.create("big")
    files.write(node, 0, bytes(1 << 20))
    first = dict(files.save()[2])[node].chunks
    assert files.save() is files.save()
    files.write(node, 5000, b"x")
    second = dict(files.save()[2])[node].chunks
    assert first is not None
    assert second is not None
    assert [a is b for a, b in zip(first, second, strict=True)].count(False) == 1


operation = st.tuples(
    st.sampled_from(["write", "truncate", "read", "save", "restore"]),
    st.integers(0, 3 * chunks.CHUNK),
    st.binary(min_size=1, max_size=9000),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(st.booleans(), st.lists(operation, max_size=12))
def test_content_is_like_that_of_a_real_file(
    root: Path, fresh: bool, operations: list[tuple[str, int, bytes]]
) -> None:
    """Chunks must never show: any order of writes, cuts and restores reads like a plain file."""
    files = tree(root)
    node = files.create("fresh") if fresh else files.lookup("file")
    model = bytearray() if fresh else bytearray(b"hello")
    saved, saved_model = files.save(), bytes(model)
    states = [(saved, saved_model)]
    for what, offset, data in operations:
        match what:
            case "write":
                model.extend(bytes(max(0, offset - len(model))))
                model[offset : offset + len(data)] = data
                assert files.write(node, offset, data) == len(data)
            case "truncate":
                model[:] = model[:offset].ljust(offset, b"\0")
                files.truncate(node, offset)
            case "save":
                saved, saved_model = files.save(), bytes(model)
                states.append((saved, saved_model))
            case "restore":
                files.restore(saved)
                model[:] = saved_model
        assert files.size(node) == len(model)
        assert files.read(node, offset, len(data)) == model[offset : offset + len(data)]
    assert files.read(node, 0, 1 << 20) == model
    for state, content in (*states, *reversed(states)):
        files.restore(state)
        assert files.read(node, 0, 1 << 20) == content
        files.write(node, 0, b"changed since")
        files.restore(state)
        assert files.read(node, 0, 1 << 20) == content
        assert files.save() == state


def test_writable_tree_changes_the_host(root: Path) -> None:
    """With --writable every change must arrive, and only inside the root."""
    files = tree(root, writable=True)
    node = files.create("new")
    files.write(node, 0, b"0123456789")
    files.truncate(node, 4)
    files.chmod(node, 0o600)
    files.mkdir("dir")
    files.rename("new", "dir/moved")
    files.write(node, 4, b"!")
    files.utime(node, 12345)
    files.unlink("file")
    files.mkdir("gone")
    files.rmdir("gone")
    files.symlink("moved", "dir/link")
    moved = root / "dir" / "moved"
    assert moved.read_bytes() == b"0123!"
    assert (moved.stat().st_mode & 0o777, int(moved.stat().st_mtime)) == (0o600, 12345)
    assert (root / "dir" / "link").readlink() == Path("moved")
    for number, target in enumerate(("/etc/passwd", "../../outside", "dir/../../..", "..")):
        files.symlink(target, f"dir/out{number}")  # there for the guest, and not on the host
        assert not (root / "dir" / f"out{number}").is_symlink()
        assert files.readlink(f"dir/out{number}") == target
    assert not (root / "file").exists()
    assert not (root / "gone").exists()
    before = files.listdir(files.lookup("a"))
    files.rename("a", "b")
    assert (root / "b").is_dir()
    assert not (root / "a").exists()
    assert files.listdir(files.lookup("b")) == before


def test_replay_leaves_the_host_alone(root: Path) -> None:
    """In a replay the effects have happened before: nothing may be written a second time."""
    files = FileTree(root, writable=True, effect=lambda act: None)
    files.write(files.lookup("file"), 0, b"J")
    assert content(files, "file") == b"Jello"
    assert (root / "file").read_bytes() == b"hello"


def test_removed_file_comes_back_with_time(root: Path) -> None:
    """Going back to before a file was removed from the host must still find its content."""
    files = tree(root, writable=True)
    before = files.save()
    files.unlink("file")
    assert not (root / "file").exists()
    files.restore(before)
    assert content(files, "file") == b"hello"


def test_host_failures_are_told_to_guest_and_user(root: Path) -> None:
    """A host write that failed must fail for the guest as well, in a replay as the first time."""
    told: list[str] = []
    live = True

    def effect(act: Callable[[], None]) -> None:
        if live:
            act()

    files = FileTree(root, writable=True, effect=effect, notice=told.append)
    node = files.create("new")
    before = files.save()
    (root / "new").unlink()
    for turn in (True, False):
        live = turn
        files.restore(before)
        assert error_of(lambda: files.write(node, 0, b"x")) == errno.ENOENT
        assert files.size(node) == 0
    assert told == ["can't change new on the host: No such file or directory"]


def test_changed_root_folder_lets_nothing_out(root: Path) -> None:
    """After chroot neither `..` nor an absolute link may lead out of the folder."""
    files = tree(root)
    files.mkdir("jail")
    files.symlink("/", "jail/up")
    files.create("jail/inside")
    files.enter("/jail")
    assert files.listdir(files.lookup("/../..")) == ("inside", "up")
    assert files.listdir(files.lookup("up/")) == ("inside", "up")
    assert files.path(files.lookup("inside")) == "/inside"
    files.enter("/")
    assert files.path(files.lookup("jail/inside")) == "/jail/inside"


def test_missing_root_is_an_error(tmp_path: Path) -> None:
    """A root that is no folder must be refused at once."""
    (tmp_path / "file").touch()
    assert error_of(lambda: tree(tmp_path / "none")) == errno.ENOENT
    assert error_of(lambda: tree(tmp_path / "file")) == errno.ENOTDIR
