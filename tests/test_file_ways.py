"""Ways and listings that the file tree remembers are those that it would find anew."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.hostfs.files import FileTree

PATHS = (
    "/a",
    "/b",
    "/a/",
    "/b/c/",
    "/a/c",
    "/b/c",
    "/l",
    "/l/",
    "/l/c",
    "/a/../b",
    "c",
    "/host/f",
    "/host",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["create", "unlink", "mkdir", "rmdir", "rename", "link", "symlink", "enter", "look"]
        ),
        st.sampled_from(PATHS),
        st.sampled_from(PATHS),
    ),
    max_size=25,
)


def _answer(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def _seen(files: FileTree) -> list[object]:
    """Return where all paths lead, what lies there, and how many folders it has."""
    found: list[object] = []
    for path in PATHS:
        for follow in (True, False):
            node = _answer(lambda p=path, f=follow: files.lookup(p, "/a", follow=f))  # type: ignore[misc]
            found.append(node)
            if isinstance(node, int):
                found.append(_answer(lambda n=node: files.stat(n)))  # type: ignore[misc]
                found.append(_answer(lambda n=node: files.listdir(n)))  # type: ignore[misc]
                found.append(_answer(lambda n=node: files.count_folders(n)))  # type: ignore[misc]
    return found


def _do(files: FileTree, what: str, one: str, other: str) -> None:
    match what:
        case "create":
            files.create(one, "/a")
        case "unlink":
            files.unlink(one, "/a")
        case "mkdir":
            files.mkdir(one, "/a")
        case "rmdir":
            files.rmdir(one, "/a")
        case "rename":
            files.rename(one, other, "/a")
        case "link":
            files.link(one, other, "/a")
        case "symlink":
            files.symlink(one, other, "/a")
        case "enter":
            files.enter("/host" if one == "/host" else "/")
        case _:
            _seen(files)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40))
@given(STEPS)
def test_what_is_remembered_is_what_would_be_found_anew(
    tmp_path: Path, steps: list[tuple[str, str, str]]
) -> None:
    """Prevents a path that leads where it led before a name was made, moved or removed."""
    (tmp_path / "host").mkdir(exist_ok=True)
    (tmp_path / "host" / "f").touch()
    files = FileTree(tmp_path, writable=False, effect=lambda act: act())
    for what, one, other in steps:
        with suppress(OSError):
            _do(files, what, one, other)
        remembered = _seen(files)
        files.restore(files.save())  # which forgets all that was found
        assert remembered == _seen(files), what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40))
@given(STEPS)
def test_a_saved_tree_is_whole(tmp_path: Path, steps: list[tuple[str, str, str]]) -> None:
    """Prevents a change that nobody noted from being lost on the way back to an instant."""
    (tmp_path / "host").mkdir(exist_ok=True)
    (tmp_path / "host" / "f").touch()
    files, other_tree = (
        FileTree(tmp_path, writable=False, effect=lambda act: act()) for _ in range(2)
    )
    states = []
    for what, one, other in steps:
        if what == "enter":  # which is no state
            continue
        with suppress(OSError):
            _do(files, what, one, other)
        seen = _seen(files)
        states.append((files.save(), seen))
    for state, seen in (*states, *reversed(states)):
        files.restore(state)
        other_tree.restore(state)
        assert _seen(files) == _seen(other_tree) == seen
