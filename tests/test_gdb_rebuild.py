"""A working day: a program is edited, built and run again, in one gdb and one server."""

from __future__ import annotations

from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from unwind_guest import SEGMENT

pytestmark = pytest.mark.gdb
FIRST = bytes.fromhex("e80100 c3 40 c3")  # call work; ret; work: inc ax; ret
SECOND = bytes.fromhex("90 90 90 e80100 c3 43 c3")  # the same further on, with inc bx


def build(folder: Path, code: bytes, work: int) -> None:
    """Write the program, and where its function is."""
    (folder / "work.com").write_bytes(code)
    (folder / "work.nm").write_text(f"{0x100:08x} T start\n{work:08x} T work\n")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return the folder of the program as it was built first."""
    build(tmp_path, FIRST, 0x104)
    return tmp_path


def serve(folder: Path) -> Server:
    """Serve the program with its names."""
    return Server("--symbols", f"work.nm,text={SEGMENT:x}", "work.com", cwd=folder)


@pytest.mark.parametrize("before", [(), ("kill",)])
def test_run_reads_what_was_built(gdb: Gdb, built: Path, before: tuple[str, ...]) -> None:
    """Prevents `run` from running old bytes, and breakpoints that stay where names were."""
    gdb.run("set confirm off")
    with serve(built) as server:
        gdb.run(server.extended)
        gdb.run("break work")
        assert "work ()" in gdb.run("continue")
        first = gdb.value("$pc")
        assert "inc    %ax" in gdb.run("x/i $pc")
        for code, at, shown in ((SECOND, 0x107, "%bx"), (FIRST, 0x104, "%ax")):
            build(built, code, at)
            for command in before:
                gdb.run(command)
            assert "work ()" in gdb.run("run")
            assert gdb.value("$pc") == first + at - 0x104
            assert f"inc    {shown}" in gdb.run("x/i $pc")


def test_the_next_debugger_finds_what_was_built(gdb: Gdb, built: Path) -> None:
    """Prevents a server that has to be restarted for each build."""
    with serve(built) as server:
        build(built, SECOND, 0x107)
        gdb.run(server.target)
        gdb.run("break work")
        assert "work ()" in gdb.run("continue")
        assert "inc    %bx" in gdb.run("x/i $pc")
        gdb.run("kill")
        build(built, FIRST, 0x104)
        gdb.run(server.target)
        assert "work ()" in gdb.run("continue")
        assert "inc    %ax" in gdb.run("x/i $pc")


def test_a_program_that_is_missing_is_said(gdb: Gdb, built: Path) -> None:
    """Prevents a server that dies, or serves old bytes, while the compiler has failed."""
    gdb.run("set confirm off")
    with serve(built) as server:
        gdb.run(server.extended)
        gdb.run("break work")
        gdb.run("kill")
        (built / "work.com").unlink()
        gdb.run("run")
        build(built, SECOND, 0x107)
        assert "work ()" in gdb.run("run")
        assert "inc    %bx" in gdb.run("x/i $pc")
