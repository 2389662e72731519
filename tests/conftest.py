"""Fixtures that many tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import line_walker
import property_examples
import pytest
import warm_python
from dap_client import Dap
from gdb_client import NO_GDB, Gdb, gdb_name, gdbs
from line_walker import Walker

from blink16.client import streams
from blink16.cpu import models
from blink16.cpu.hot import NO_BOARD
from blink16.cpu.native import ahead, cache, loading
from blink16.cpu.native.compiler import NativeError
from blink16.devices.hot import BOARD

property_examples.register()


def _let_it_pass(number: int, frame: FrameType | None) -> None:
    """Ignore a signal here, yet not in our children: an exec gives a handler up, SIG_IGN stays."""


@pytest.fixture(scope="session", autouse=True)
def children_hear_signals() -> Iterator[None]:
    """Let children hear Ctrl-C and hang-ups although the suite runs with ``&`` or under nohup,
    where it is given both to be ignored.
    """
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _let_it_pass)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session", autouse=True)
def the_users_notes_stay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have views, and the processes that tests start, note recent programs elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def native_code_is_there(worker_id: str) -> None:
    """Have the usual interpreters in the cache before short-lived servers begin to make them in
    vain; workers begin with different ones.
    """
    cores = [(models.DEFAULT, board) for board in (NO_BOARD, BOARD)]
    if worker_id.endswith(tuple("13579")):
        cores.reverse()
    for model, board in cores:
        with suppress(NativeError):
            loading.best_of(loading.core(model, board).result())
            cache.store(ahead.stamp(model.name, board.source), ahead.STAMPED)


@pytest.fixture(scope="session", autouse=True)
def servers_begin_warm() -> Iterator[None]:
    """Fork the servers of clients, too, from a process that has imported everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "open_process", warm_python.open_process)
        yield


@pytest.fixture(params=gdbs() or [NO_GDB], ids=gdb_name)
def program(request: pytest.FixtureRequest) -> Path:
    """Return a gdb's file: that of the test extra, then Debian's where it is installed."""
    path: Path = request.param
    if path == NO_GDB:
        pytest.fail("there is no gdb: install the test extra (pip install -e '.[test]')")
    return path


@pytest.fixture
def gdb(program: Path) -> Iterator[Gdb]:
    """Return a fresh gdb at its prompt."""
    with Gdb(program) as gdb:
        yield gdb


@pytest.fixture(scope="module", params=gdbs() or [NO_GDB], ids=gdb_name)
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gdb]:
    """Return a gdb attached to its module's ``PROGRAM``, which all tests of that gdb share."""
    folder = tmp_path_factory.mktemp("lined")
    with line_walker.session(request.param, request.module.PROGRAM, folder) as gdb:
        yield gdb


@pytest.fixture
def attached(session: Gdb) -> Gdb:
    """Return the module's gdb at main's first instruction."""
    return line_walker.at_main(session)


@pytest.fixture
def walker(attached: Gdb) -> Walker:
    """Return who goes from line to line there."""
    return Walker(attached)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared test inputs: $BLINK16_SHARED, or ../shared beside the project."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BLINK16_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared test inputs at {folder} (set BLINK16_SHARED)")
    return folder


@pytest.fixture
def dap(tmp_path: Path) -> Iterator[Dap]:
    """Return an adapter that has not been told anything."""
    with Dap(tmp_path) as dap:
        yield dap
