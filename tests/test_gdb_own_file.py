"""A file of the user's in a real gdb: what the server says of the program gives way to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from line_guest import ELF, IMAGE, SOURCE, SOURCE_NAME

pytestmark = pytest.mark.gdb
COMMANDS = {
    "file": "file count.elf",
    "symbol-file": "symbol-file count.elf",
}


@pytest.fixture
def folder(gdb: Gdb, tmp_path: Path) -> Path:
    """Return a folder with a boot sector and its ELF, in which gdb works."""
    (tmp_path / "count.img").write_bytes(IMAGE)
    (tmp_path / "count.elf").write_bytes(ELF)
    (tmp_path / SOURCE_NAME).write_text(SOURCE)
    gdb.run("set confirm off")
    gdb.run(f"cd {tmp_path}")
    return tmp_path


def check_lines(gdb: Gdb) -> None:
    """Step in the ELF's source; its function is called by main."""
    gdb.run("tbreak countdown")
    assert "push bp" in gdb.run("continue")
    assert re.search(r"#0  countdown .*\n#1 .* main \(\) at count.asm", gdb.run("bt"))
    assert "mov bp,sp" in gdb.run("next")
    assert "push bp" in gdb.run("reverse-stepi")
    assert "<int13" in gdb.run("info symbol int13") + gdb.run("x/i int13")  # the BIOS' are ours
    gdb.run("monitor restart")


def test_lines_of_the_file_with_which_gdb_was_started(gdb: Gdb, folder: Path) -> None:
    """Prevents names from memory that hide the lines of a file which the user has brought."""
    with Server("count.img", cwd=folder) as server:
        gdb.run("file count.elf")
        gdb.run("set architecture i8086")
        gdb.run(server.target)
        check_lines(gdb)
        gdb.run("disconnect")
        gdb.run(server.target)
        check_lines(gdb)
        gdb.run("disconnect")
        gdb.run("file")
        gdb.run(server.target)
        assert "in start ()" in gdb.run("stepi")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_lines_of_a_file_that_comes_later(gdb: Gdb, folder: Path, command: str) -> None:
    """Prevents the lines of a file that is read after attaching from never being seen."""
    with Server("count.img", cwd=folder) as server:
        gdb.run(server.target)
        assert "in start ()" in gdb.run("stepi")
        gdb.run(command)
        gdb.run("set architecture i8086")
        gdb.run("stepi")
        check_lines(gdb)


def test_names_that_the_server_was_given_stay(gdb: Gdb, folder: Path) -> None:
    """Prevents a kernel's names from being lost for a program's file."""
    (folder / "given.nm").write_text("00007c00 T given\n00007c03 T behind\n")
    with Server("--symbols", "given.nm", "count.img", cwd=folder) as server:
        gdb.run("file count.elf")
        gdb.run(server.target)
        assert "given" in gdb.run("info symbol 0x7c00")
