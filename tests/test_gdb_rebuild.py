"""A working day: a program is edited, built and run again, in one gdb and one server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from gdb_client import Gdb, Server
from unwind_guest import SEGMENT

from blink16.server.rebuilds import LOOK_SECONDS

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


def test_start_waits_for_main(gdb: Gdb, built: Path) -> None:
    """Prevents `start` from complaining of a missing file, or of running on past a moved main."""
    gdb.run("set confirm off")
    with serve(built) as server:
        gdb.run(server.extended)
        (built / "work.nm").write_text("00000104 T main\n")
        assert 'Function "main" not defined' in gdb.run("start")
        gdb.run("set breakpoint pending on")
        assert "main ()" in gdb.run("start")
        assert "inc    %ax" in gdb.run("x/i $pc")
        build(built, SECOND, 0x107)
        (built / "work.nm").write_text("00000107 T main\n")
        assert "main ()" in gdb.run("start")
        assert "inc    %bx" in gdb.run("x/i $pc")


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


def test_a_restart_reads_what_was_built(gdb: Gdb, built: Path) -> None:
    """Prevents `monitor restart` from running old bytes, and breakpoints that stay behind."""
    with serve(built) as server:
        gdb.run(server.target)
        gdb.run("break work")
        assert "work ()" in gdb.run("continue")
        first = gdb.value("$pc")
        build(built, SECOND, 0x107)
        assert "the machine stands at its start" in gdb.run("monitor restart")
        assert "moved to instruction 0" in gdb.run("continue")
        assert "start ()" in gdb.run("frame")
        assert "work ()" in gdb.run("continue")
        assert gdb.value("$pc") == first + 3
        assert "inc    %bx" in gdb.run("x/i $pc")
        assert "#1  0x" in gdb.run("backtrace")
        assert "start ()" in gdb.run("reverse-continue") + gdb.run("frame")
        assert gdb.value("$icount") == 0


def test_a_restart_of_what_can_not_be_loaded_changes_nothing(gdb: Gdb, built: Path) -> None:
    """Prevents a machine that is lost with the program that the compiler has not made."""
    with serve(built) as server:
        gdb.run(server.target)
        gdb.run("stepi")
        (built / "work.com").unlink()
        assert "work.com" in gdb.run("monitor restart")
        assert gdb.value("$icount") == 1
        gdb.run("stepi")
        assert gdb.value("$icount") == 2


@pytest.mark.parametrize("at_end", [False, True])
def test_a_watched_program_is_read_as_it_is_built(gdb: Gdb, built: Path, at_end: bool) -> None:
    """Prevents --watch from serving old bytes, or taking a machine away in the midst of a run."""
    with watching(built) as server:
        gdb.run(server.target)
        gdb.run("stepi")
        build(built, SECOND, 0x107)
        settle()
        assert gdb.value("$icount") == 1
        assert "inc    %ax" in gdb.run("x/i $pc")
        if at_end:
            gdb.run("continue")
        else:
            gdb.run("kill")
            gdb.run(server.target)
            build(built, FIRST, 0x104)
        settle()
        gdb.run("break work")
        if at_end:
            assert "moved to instruction 0" in gdb.run("continue")
        assert "work ()" in gdb.run("continue")
        assert ("inc    %bx" if at_end else "inc    %ax") in gdb.run("x/i $pc")


def test_a_half_written_program_is_not_read(gdb: Gdb, built: Path) -> None:
    """Prevents --watch from running the half of a program that the linker has written so far."""
    with watching(built) as server:
        gdb.run(server.target)
        gdb.run("break work")
        with (built / "work.com").open("wb", buffering=0) as linker:
            linker.write(SECOND[:4])
            (built / "work.nm").write_text(f"{0x107:08x} T work\n")
            settle()
            assert gdb.bytes_at(gdb.value("$pc"), 6) == [f"0x{byte:02x}" for byte in FIRST]
            linker.write(SECOND[4:])
        settle()
        assert "work ()" in gdb.run("continue")
        assert "inc    %bx" in gdb.run("x/i $pc")


def watching(folder: Path) -> Server:
    """Serve the program, to be read again as it is built."""
    options = ("--watch", "--symbols", f"work.nm,text={SEGMENT:x}")
    return Server(*options, "work.com", cwd=folder)


def settle() -> None:
    """Let a server look at what was built, several times."""
    time.sleep(4 * LOOK_SECONDS)


def test_why_run_failed_is_told(gdb: Gdb, built: Path) -> None:
    """Prevents a `run` of which nobody learns why it failed: gdb 13 shows no text of it."""
    gdb.run("set confirm off")
    with serve(built) as server:
        gdb.run(server.extended)
        (built / "work.com").rename(built / "away.com")
        said = gdb.run("run") + gdb.run("monitor why")
        assert "there is no program here: attach to one, or run one" in said
        assert "work.com: there is no such program" in said
        (built / "away.com").rename(built / "work.com")
        assert "no such program" not in gdb.run("run") + gdb.run("monitor help")
