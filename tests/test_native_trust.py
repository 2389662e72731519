"""Compiled code that is executed: whose it is, and what happens where it kills the process."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from blink16 import Machine
from blink16.cpu import models
from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import cache, first_start, loading, trial
from blink16.cpu.native.compiler import Linker, NativeError
from blink16.cpu.native.interpreter import module_text
from blink16.devices.hot import BOARD

KEY = bytes(range(32))
FILE_NAME = f"{KEY.hex()[:32]}.bin"
CODE = b"machine code"

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are POSIX's")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache lie in a folder of this test, with one file in it."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE
    return tmp_path / "cache"


def _link_to_file(place: Path) -> None:
    (place / FILE_NAME).rename(place / "other")
    (place / FILE_NAME).symlink_to(place / "other")


def _link_to_folder(place: Path) -> None:
    place.rename(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))


def _fifo(place: Path) -> None:
    (place / FILE_NAME).unlink()
    os.mkfifo(place / FILE_NAME)


def _device(place: Path) -> None:
    (place / FILE_NAME).unlink()
    (place / FILE_NAME).symlink_to("/dev/zero")


def _folder(place: Path) -> None:
    (place / FILE_NAME).unlink()
    (place / FILE_NAME).mkdir()


def _large(place: Path) -> None:
    with (place / FILE_NAME).open("r+b") as file:
        file.truncate(1 << 40)


def _someone_elses(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(place / FILE_NAME, 54321, 54321)


DOUBTFUL: dict[str, Callable[[Path], object]] = {
    "is no plain file (link)": _link_to_file,
    "is no plain folder": _link_to_folder,
    "is no plain file (fifo)": _fifo,
    "is no plain file (device)": _device,
    "is no plain file (folder)": _folder,
    "is too large": _large,
    "belongs to somebody else": _someone_elses,
    "others may write to (file)": lambda place: (place / FILE_NAME).chmod(0o666),
    "others may write to (group)": lambda place: (place / FILE_NAME).chmod(0o620),
    "others may write to (folder)": lambda place: place.chmod(0o777),
}


@posix
@pytest.mark.parametrize("why", DOUBTFUL)
def test_what_others_may_have_written_is_not_executed(
    own_cache: Path, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    """Prevents code of somebody else from running as us, and a FIFO from hanging us."""
    DOUBTFUL[why](own_cache)
    with caplog.at_level(logging.WARNING):
        assert cache.load(KEY) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert why.partition(" (")[0] in line


@posix
def test_the_cache_is_for_us_alone(own_cache: Path) -> None:
    """Prevents a folder or file that others may write to, whatever the umask."""
    before = os.umask(0)
    try:
        (own_cache / FILE_NAME).unlink()
        own_cache.rmdir()
        cache.store(KEY, CODE)
    finally:
        os.umask(before)
    assert own_cache.stat().st_mode & 0o777 == 0o700
    assert (own_cache / FILE_NAME).stat().st_mode & 0o777 == 0o600


@posix
def test_nothing_is_stored_in_a_doubtful_folder(own_cache: Path) -> None:
    """Prevents writing through a link that somebody has put there."""
    (own_cache / FILE_NAME).unlink()
    _link_to_folder(own_cache)
    cache.store(KEY, CODE)
    assert list(own_cache.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents half a file, and litter."""

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache.store(KEY, b"other code")
    assert cache.load(KEY) == CODE
    assert [path.name for path in own_cache.iterdir()] == [FILE_NAME]


def test_without_a_home_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a folder called ~ in the current folder, whose content would be executed."""
    pwd = pytest.importorskip("pwd")
    for name in ("HOME", "XDG_CACHE_HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: {}[number])
    monkeypatch.chdir(tmp_path)
    assert cache.folder() is None
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert list(tmp_path.iterdir()) == []


# -- the first start ---------------------------------------------------------------------------


def _child(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(
        trial, "command", lambda model, level, board: [sys.executable, "-c", script]
    )


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let there be no native code yet."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@posix
@pytest.mark.parametrize("emulator", ["", "qemu: uncaught target signal 6 (Aborted) - core dumped"])
@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV", "SIGILL"])
def test_a_first_start_that_crashes_is_remembered(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, emulator: str
) -> None:
    """Prevents LLVM from taking the server with it, now and at each start from now on; and
    an emulator's line (qemu-user's) that hides what LLVM said.
    """
    number = int(getattr(signal, name))
    script = f"import os, sys; print('Assertion failed\\n{emulator}', file=sys.stderr);"
    script += f"os.kill(os.getpid(), {number})"
    _child(monkeypatch, script)
    expected = rf"its first start crashed \({name}: Assertion failed\)"
    with pytest.raises(NativeError, match=expected + "$"):
        loading._make(models.DEFAULT, NO_BOARD)
    _child(monkeypatch, "raise SystemExit('tried again')")
    with pytest.raises(NativeError, match=expected + ", when it was tried here before"):
        loading._make(models.DEFAULT, NO_BOARD)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit('LLVM refused a module')", "LLVM refused a module"),
        ("", "ended with status 0"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
def test_a_first_start_that_fails_otherwise_is_tried_again(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    """Prevents a shortage of memory on one day from being taken for a broken LLVM."""
    _child(monkeypatch, script)
    for _ in range(2):
        with pytest.raises(NativeError, match=reason):
            loading._make(models.DEFAULT, NO_BOARD)
    assert not list(empty_cache.glob("*.bin"))


def test_the_first_start_makes_what_later_ones_use(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents compiling at each start, or linking what nobody has tried."""
    monkeypatch.setattr(loading, "LEVEL", 0)  # it is quicker to make
    loading._make(models.DEFAULT, NO_BOARD)
    assert len(list(empty_cache.glob("*.bin"))) == 1
    _child(monkeypatch, "raise SystemExit('compiled again')")
    assert loading._make(models.DEFAULT, NO_BOARD).library.addresses


@pytest.fixture
def usual_image() -> bytes:
    """Return the interpreter that is in the cache of all tests."""
    recipe = loading.Recipe(models.DEFAULT, BOARD, False, loading.LEVEL)
    image = cache.load(loading.keys(recipe).image)
    assert image is not None
    return image


def test_what_is_made_quickly_goes_on_as_the_good_one(
    usual_image: bytes, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a first start of ten seconds on the reference, one that stays with what LLVM hardly
    optimised, and a change of native code that changes what the guest does.
    """
    allowed, levels = threading.Event(), []

    def make(model: Model, level: int, board: HotBoard, **more: object) -> bytes:
        levels.append(level)
        assert level == loading.QUICK or allowed.wait(60)
        return usual_image

    monkeypatch.setattr(trial, "first_start", make)
    monkeypatch.setattr(loading, "_cores", {})
    machines = [Machine.bare("auto"), Machine.bare("reference")]
    for machine in machines:
        machine.memory[0:7] = bytes.fromhex("05030031c3ebf9")  # add ax, 3 / xor bx, ax / jmp 0
    machine = machines[0]
    quick = loading.core(machine.model, BOARD).result()
    machine.run(50_000)
    assert machine.engine.name == "native"
    assert quick.better is not None
    assert not quick.better.done()
    allowed.set()
    quick.better.result(60)
    machine.run(50_000)
    machines[1].run(100_000)
    assert levels == [loading.QUICK, loading.LEVEL]
    assert loading.core(machine.model, BOARD) is quick.better
    assert machines[0].save() == machines[1].save()
    assert len(list(empty_cache.glob("*.bin"))) == 2


def test_a_good_interpreter_that_nobody_waits_for_is_there_at_the_next_start(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a program that ends in a second from waiting ten for its native code, and many such
    programs from never having any.
    """
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        first_start.give(CODE, KEY)
    assert cache.load(KEY) == CODE


def test_a_module_that_llvm_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a child that runs wrong code from being taken for a good one."""
    monkeypatch.setattr(trial, "PATIENCE", 0.0)
    with pytest.raises(NativeError, match="took more than"):
        trial.first_start(models.DEFAULT, 0)


# -- other platforms ---------------------------------------------------------------------------

PLATFORMS = {
    "aarch64-unknown-linux-gnu": (b"\x7fELF", Linker.JIT_LINK),
    "arm64-apple-darwin23": (b"\xcf\xfa\xed\xfe", Linker.JIT_LINK),
    "x86_64-pc-windows-msvc": (b"d\x86", Linker.RUNTIME_DYLD),
    "x86_64-apple-darwin23": (b"\xcf\xfa\xed\xfe", Linker.RUNTIME_DYLD),
}


@pytest.mark.parametrize("triple", PLATFORMS)
def test_native_code_is_made_for_each_platform(triple: str) -> None:
    """Prevents instructions for LLVM that only the developers' processors have."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    magic, linker = PLATFORMS[triple]
    assert Linker.of(triple) is linker
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=0, reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(module_text(models.DEFAULT))
    module.verify()
    assert machine.emit_object(module).startswith(magic)
