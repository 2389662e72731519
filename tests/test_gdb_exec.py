"""DOS processes in a real gdb: stops where a program is loaded, its symbols, its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dos_programs import FOLDER
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb
CRASHES = ("PARENT.COM", "CRASH.COM", "CRASH.MAP")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a program that runs another, which crashes, and that one's symbols."""
    for name in CRASHES:
        shutil.copy(FOLDER / name.lower(), tmp_path / name)
    return tmp_path


def test_a_childs_crash_is_traced_back_into_its_parent(gdb: Gdb, folder: Path) -> None:
    """The child is met before its first instruction, by name; from its crash time goes back to
    the parent's EXEC, and the crash comes again.
    """
    with Server("--root", str(folder), str(folder / "PARENT.COM")) as server:
        gdb.run(server.target)
        assert "PARENT.COM[0300]" in gdb.run("info threads")
        parent = gdb.value("$pc")
        assert "catch 1: exec" in gdb.run("monitor catch exec")
        said = gdb.run("continue")
        assert "catch 1: C:\\CRASH.COM is loaded as" in said
        assert "3 symbols added from CRASH.MAP" in said
        assert "CRASH.COM[" in gdb.run("info threads")
        assert "SIGFPE" in gdb.run("continue")
        assert "in boom ()" in gdb.run("bt")
        assert 'exec("CRASH.COM"' in gdb.run("monitor calls")
        crashed = gdb.value("$icount")
        assert "CRASH.COM is loaded" in gdb.run("reverse-continue")
        gdb.run("reverse-stepi")
        assert "PARENT.COM[0300]" in gdb.run("info threads")
        assert parent < gdb.value("$pc") or "int21" in gdb.run("x/i $pc")
        gdb.run("monitor catch delete all")
        assert "SIGFPE" in gdb.run("continue")
        assert gdb.value("$icount") == crashed
        assert "exited with status 0" in gdb.run("continue") + gdb.run("continue")
