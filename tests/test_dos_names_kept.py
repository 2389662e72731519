"""What a drive remembers of its folders' names is what it would find anew."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blink16.dos.errors import CallFailed
from blink16.dos.volume import Volume
from blink16.hostfs.files import FileTree

NAMES = ("ONE", "one", "TWO.TXT", "long name", "LONGNA~1", "longname.text", "con", "in")
FOLDERS = ("", "/in", "/IN", "/link")
PLACES = tuple(f"{folder}/{name}" for folder in FOLDERS for name in NAMES)
ASKED = (*(place.replace("/", "\\") for place in PLACES), "\\in\\..\\one", "in", "..\\one")

_place = st.sampled_from(PLACES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("create", "mkdir", "unlink", "rmdir")), _place),
        st.tuples(st.sampled_from(("rename", "symlink")), _place, _place),
        st.tuples(st.just("back")),
    ),
    max_size=12,
)


def _tree(root: Path) -> FileTree:
    return FileTree(root, writable=False, effect=lambda act: None)


def _seen(volume: Volume) -> list[object]:
    """Return all that a drive says of its names."""
    found: list[object] = []
    for folder in ("/", *FOLDERS[1:]):
        try:
            names = volume.names(folder)
            found.append([(known, names.entries[known]) for known in names.ordered])
            found.append((names.matching(b"????????TXT"), names.matching(b"ONE        ")))
        except CallFailed as failure:
            found.append(failure.code)
    for cwd in ("/", "/in"):
        for path in ASKED:
            try:
                found.append(volume.locate(path, cwd))
            except CallFailed as failure:
                found.append(failure.code)
    return [*found, *map(volume.dos_path, PLACES)]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the host, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "in").mkdir()
    (folder / "in" / "Two.txt").touch()
    (folder / "long name").touch()
    (folder / "link").symlink_to("in")
    return folder


@given(steps=STEPS)
@example([("create", "/LONGNA~1"), ("unlink", "/LONGNA~1")])  # another's alias comes back
@example([("rename", "/in", "/one")])
@example([("create", "/one"), ("create", "/ONE"), ("unlink", "/ONE")])
@example([("unlink", "/in/Two.txt"), ("rmdir", "/in"), ("mkdir", "/in")])
@example([("unlink", "/link"), ("mkdir", "/link"), ("create", "/link/one")])
def test_names_that_come_and_go_are_seen_as_by_a_new_drive(
    host: Path, steps: list[tuple[str, ...]]
) -> None:
    """Prevents that a path leads where it did before a name was made, moved, removed or undone."""
    files = _tree(host)
    volume = Volume(files)
    saved = files.save()
    _seen(volume)  # so that there is something to be remembered
    for name, *arguments in steps:
        if name == "back":
            files.restore(saved)
        else:
            try:
                getattr(files, name)(*arguments)
            except OSError:
                continue
        other = _tree(host)
        other.restore(files.save())
        assert _seen(volume) == _seen(Volume(other))
