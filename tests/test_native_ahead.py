"""Native code that begins to be made before a command has imported itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blink16 import cli
from blink16.cpu import models
from blink16.cpu.hot import HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import ahead, cache, children, loading, made_ahead, trial
from blink16.cpu.native.compiler import NativeError
from blink16.devices.hot import BOARD

CODE = b"machine code"
GOOD = loading.Recipe(models.DEFAULT, BOARD, False, loading.LEVEL)
QUICK = loading.Recipe(models.DEFAULT, BOARD, False, loading.QUICK)
Started = list[list[str]]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let there be no native code yet, for us and our children; none of these outlives a test."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    yield tmp_path / "cache"
    ahead.wait()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Return what was started; it does nothing, and fails."""
    commands: Started = []

    def start(command: list[str], output: int) -> subprocess.Popen[bytes]:
        assert output == subprocess.DEVNULL
        commands.append(command)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])

    monkeypatch.setattr(children, "start", start)
    return commands


def test_a_command_begins_before_it_imports_what_it_needs() -> None:
    """Prevents half a second from passing before the compiler begins."""
    code = "import sys; from blink16.cli import run_main; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in found.stdout.split() if name.startswith("blink16")}
    assert "blink16.cpu.native.ahead" in ours
    assert not ours & {
        "blink16.machine",
        "blink16.cpu.model",
        "blink16.setup.loader",
        "blink16.cli.main",
    }


@pytest.mark.parametrize(
    ("words", "processor"),
    [
        (["banner"], models.DEFAULT.name),
        (["--cpu", "80186", "banner"], "80186"),
        (["--cpu=80286", "banner"], "80286"),
        (["banner", "--cpu"], models.DEFAULT.name),
        (["--cpu", "\udcff", "banner"], "\udcff"),  # a byte that is no text: to be refused later
    ],
)
def test_what_is_begun_is_what_the_machine_asks_for(
    started: Started, monkeypatch: pytest.MonkeyPatch, words: list[str], processor: str
) -> None:
    """Prevents a child that makes native code for another processor, or for other devices."""
    cli._begin(words)
    (command,) = started
    assert command[-3:-1] == [processor, BOARD.source]


def test_what_is_there_is_not_begun_again(started: Started) -> None:
    """Prevents a second process at every start of a command."""
    stamp = ahead.stamp(models.DEFAULT.name, BOARD.source)
    cache.store(stamp, ahead.STAMPED)
    cli._begin(["banner"])
    assert not started
    cli._begin(["banner", "--cpu", "80186"])
    assert len(started) == 1


@pytest.mark.parametrize("place", [None, "a file/native", "anybody's"])
def test_where_nothing_can_be_kept_nothing_is_begun(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str | None
) -> None:
    """Prevents a compiler at each start whose work nobody can have, and that is waited for."""
    (tmp_path / "a file").touch()
    (tmp_path / "anybody's").mkdir()
    (tmp_path / "anybody's").chmod(0o777)
    monkeypatch.setattr(cache, "folder", lambda: place and tmp_path / place)
    cli._begin(["banner"])
    assert not started


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["--version"], ["--engine", "reference", "banner"]]
)
def test_a_command_that_executes_nothing_natively_begins_nothing(
    started: Started, words: list[str]
) -> None:
    """Prevents a compiler that outlives `blink16 --version`."""
    cli._begin(words)
    cli._begin(["--engine=reference", "banner"])
    assert not started


def test_the_machine_waits_for_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents two compilers beside each other, of which the later one is waited for."""
    places = loading.keys(QUICK)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from blink16.cpu.native import cache\n"
        "cache.folder = lambda: Path(sys.argv[1])\n"
        "cache.store(bytes.fromhex(sys.argv[2]), b'machine code')\n"
    )
    folder = str(cache.folder())
    command = [sys.executable, "-c", script, folder, places.image.hex()]
    monkeypatch.setattr(children, "python", lambda *words: command)
    ahead.begin(models.DEFAULT.name, BOARD.source)
    assert loading._first_image(QUICK, None) == CODE


def test_what_fails_ahead_is_tried_in_the_usual_way(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a child of which nobody hears from deciding that there is no native code."""
    monkeypatch.setattr(trial, "first_start", lambda *made_of, **more: CODE)
    ahead.begin(models.DEFAULT.name, BOARD.source)
    assert loading._first_image(QUICK, None) == CODE
    assert cache.load(loading.keys(QUICK).image) == CODE


def test_the_child_makes_what_there_is_not(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents compiling what is there, and another trial of what has crashed."""
    made = []

    def make(model: Model, level: int, board: HotBoard) -> bytes:
        made.append((model, level, board))
        return CODE

    monkeypatch.setattr("blink16.cpu.native.first_start.make", make)
    cache.store(loading.keys(GOOD).verdict, b"it crashed")
    made_ahead.make(models.DEFAULT, BOARD)
    assert not made
    (verdict,) = empty_cache.glob("*.bin")
    verdict.unlink()
    for _ in range(2):
        made_ahead.make(models.DEFAULT, BOARD)
    assert made == [(models.DEFAULT, loading.QUICK, BOARD)]
    assert cache.load(loading.keys(QUICK).image) == CODE


@pytest.mark.skipif(sys.platform != "linux", reason="the cache's folder is named as on Linux")
def test_a_first_start_has_native_code_from_its_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a child that makes what nobody asks for, or can't run as it is started."""

    def refuse(*made_of: object, **more: object) -> bytes:
        raise NativeError("compiled again")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trial, "first_start", refuse)
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "blink16" / "native")
    cli._begin(["banner"])
    core = loading._make(models.DEFAULT, BOARD)
    assert core.better is not None
    with pytest.raises(NativeError, match="compiled again"):
        core.better.result(60)
    assert cache.load(ahead.stamp(models.DEFAULT.name, BOARD.source)) == ahead.STAMPED
