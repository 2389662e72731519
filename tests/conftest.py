"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import DEBIAN_GDB, Gdb, gdbs
from hypothesis import settings

NO_GDB = Path("no-gdb")

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")


def _gdb_name(path: Path) -> str:
    return "debian" if path == DEBIAN_GDB else "extra"


@pytest.fixture(params=gdbs() or [NO_GDB], ids=_gdb_name)
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


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared test inputs: $BLINK16_SHARED, or ../shared beside the project."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BLINK16_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared test inputs at {folder} (set BLINK16_SHARED)")
    return folder
