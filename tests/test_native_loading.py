"""Where native code comes from: the cache on disk, the compiler, or nowhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blink16 import Machine
from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.cpu.models import DEFAULT
from blink16.cpu.native import cache, loading
from blink16.cpu.native.compiler import Compiler, NativeError
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.loading import Core

try:
    import fcntl
except ImportError:  # a host without locks of this kind
    fcntl = None  # type: ignore[assignment]

KEY = bytes(range(32))
FILE_NAME = f"{KEY.hex()[:32]}.bin"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache lie in a folder of this test."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_cache_gives_back_what_was_stored(own_cache: Path) -> None:
    """Prevents a cache that never hits."""
    assert cache.load(KEY) is None
    cache.store(KEY, b"machine code")
    assert cache.load(KEY) == b"machine code"
    assert [path.name for path in own_cache.iterdir()] == [FILE_NAME]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 83), st.integers(1, 255), st.booleans())
def test_damaged_cache_file_is_not_used(
    own_cache: Path, place: int, change: int, cut: bool
) -> None:
    """Prevents code from running that a crash, a full disk or another program has damaged."""
    cache.store(KEY, b"machine code")
    file = own_cache / FILE_NAME
    good = file.read_bytes()
    bad = bytearray(good)
    bad[place] ^= change
    file.write_bytes(good[:place] if cut else bytes(bad))
    assert cache.load(KEY) is None


def test_file_of_another_key_is_not_used(own_cache: Path) -> None:
    """Prevents code of another version or processor from running."""
    cache.store(KEY, b"machine code")
    other = bytes(31) + b"\x01"
    (own_cache / FILE_NAME).rename(own_cache / f"{other.hex()[:32]}.bin")
    assert cache.load(other) is None


def test_cache_that_cannot_be_written_is_done_without(own_cache: Path) -> None:
    """Prevents a read-only home folder from keeping the engine from running."""
    own_cache.write_bytes(b"a file where the folder should be")
    cache.store(KEY, b"machine code")
    assert cache.load(KEY) is None


def test_cache_keeps_few_bytes(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the cache from growing with every version."""
    monkeypatch.setattr(cache, "MAX_KEPT", 10_000)
    for number in range(13):
        cache.store(bytes((number,)) * 32, bytes(900))
        os.utime(own_cache / (f"{number:02x}" * 16 + ".bin"), (number, number))
    kept = sorted(path.name for path in own_cache.iterdir())
    assert kept == [f"{number:02x}" * 16 + ".bin" for number in range(3, 13)]


PROCESS = """
import sys
from pathlib import Path
from blink16.cpu.native import cache, loading
cache.folder = lambda: Path(sys.argv[1])
loading.LEVEL = 0  # it is quicker to make
from blink16 import Machine
machine = Machine.bare("native")
machine.memory[0:2] = bytes.fromhex("40f4")
print(machine.run().reason.name, machine.registers.ax, machine.engine.name)
"""


def test_two_processes_fill_an_empty_or_damaged_cache_at_once(tmp_path: Path) -> None:
    """Prevents processes that start together from reading each other's half-written files."""
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    for _ in range(2):
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        outputs = [process.communicate()[0].split() for process in running]
        assert outputs == [["HALT", "1", "native"]] * 2
        (file,) = tmp_path.glob("*.bin")
        file.write_bytes(file.read_bytes()[:1000])


@pytest.mark.skipif(fcntl is None, reason="there are no such locks here")
def test_what_a_process_makes_another_waits_for(own_cache: Path) -> None:
    """Prevents processes that start together from compiling the same beside each other."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from blink16.cpu.native import cache\n"
        "cache.folder = lambda: Path(sys.argv[1])\n"
        "with cache.made_once(bytes(range(32))):\n"
        "    print('makes', flush=True)\n"
        "    sys.stdin.read()\n"
        "    cache.store(bytes(range(32)), b'machine code')\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, str(own_cache)], stdin=pipe, stdout=pipe
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"makes\n"
        with cache.made_once(bytes(32)):  # something else
            assert cache.load(KEY) is None
        threading.Timer(0.01, other.stdin.close).start()
        with cache.made_once(KEY):
            assert cache.load(KEY) == b"machine code"


@pytest.mark.skipif(fcntl is None, reason="there are no such locks here")
def test_who_makes_it_for_too_long_is_not_waited_for(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a process that was stopped from keeping all others on the reference engine."""
    monkeypatch.setattr(cache, "PATIENCE", 3 * cache.LOOK_INTERVAL)

    def locked(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(fcntl, "lockf", locked)
    with cache.made_once(KEY):
        cache.store(KEY, b"machine code")
    assert cache.load(KEY) == b"machine code"


def _coming(monkeypatch: pytest.MonkeyPatch) -> Future[Core]:
    future: Future[Core] = Future()
    monkeypatch.setattr(loading, "core", lambda model, board: future)
    return future


def test_engine_begins_on_the_reference_and_goes_on_natively(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a first start that waits seconds for the compiler."""
    core = loading.core(DEFAULT).result()
    coming = _coming(monkeypatch)
    machine = Machine("auto")
    machine.memory[0:2] = bytes.fromhex("ebfe")
    machine.run(5)
    assert (machine.engine.name, machine.icount) == ("reference", 5)
    coming.set_result(core)
    machine.run(5)
    assert (machine.engine.name, machine.icount) == ("native", 10)


def test_engine_stays_on_the_reference_where_there_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents a missing or broken llvmlite from stopping programs; one line says so."""
    coming = _coming(monkeypatch)
    coming.set_exception(NativeError("llvmlite can't be loaded: gone"))
    machine = Machine("auto")
    machine.memory[0:2] = bytes.fromhex("ebfe")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert machine.run(5).reason is StopReason.BUDGET
    assert machine.engine.name == "reference"
    assert [record.getMessage() for record in caplog.records] == [
        "running on the slow reference engine: llvmlite can't be loaded: gone"
    ]
    with pytest.raises(ValueError, match="native engine can't run: llvmlite"):
        Machine("native")


def test_llvmlite_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a traceback where llvmlite is not installed."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    with pytest.raises(NativeError, match="llvmlite can't be loaded"):
        Compiler()


def test_unknown_engine_is_refused() -> None:
    """Prevents a typing error from choosing some engine silently."""
    with pytest.raises(ValueError, match="no engine 'turbo'"):
        Machine("turbo")
    assert engines.DEFAULT in engines.NAMES


def test_machine_is_small() -> None:
    """Prevents tables that cost memory in each of a server's machines."""
    resource = pytest.importorskip("resource")
    machines = [Machine("native")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    machines += [Machine("native") for _ in range(40)]
    for machine in machines:
        assert isinstance(machine.engine, NativeEngine)
        machine.memory[0:2] = bytes.fromhex("ebfe")
        machine.run(1000)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert used < 40 * 1024  # KiB: one mebibyte a machine
