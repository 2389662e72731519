"""Sessions with a real gdb, as a user has them: nothing typed before `target remote`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gdb_client import DEBIAN_GDB, PROJECT, Gdb, Server

pytestmark = pytest.mark.gdb

NO_GDB = Path("no gdb")
MEMORY_SIZE = 1 << 20
HISTORY_START = "No more reverse-execution history|Reached end of recorded history"
"""What gdb 13 says, and what gdb 18 does."""
COUNT_FOR_EVER = bytes.fromhex(
    "c7 06 00 02 00 00"  # 100h: mov word [200h], 0
    "ff 06 00 02"  # 106h: inc word [200h]
    "eb fa"  # 10Ah: jmp 106h
)


def _name(gdb: Path) -> str:
    return "debian" if gdb == DEBIAN_GDB else gdb.name if gdb == NO_GDB else "extra"


@pytest.fixture
def gdb(program: Path) -> Iterator[Gdb]:
    """Return a fresh gdb at its prompt."""
    with Gdb(program) as gdb:
        yield gdb


@pytest.fixture
def banner(gdb: Gdb) -> Iterator[Server]:
    """Return a server of the sample, with gdb attached."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        yield server


@pytest.fixture
def counter(tmp_path: Path, gdb: Gdb) -> Iterator[Server]:
    """Return a server of a program that counts for ever at DS:0200, with gdb attached."""
    (tmp_path / "count.com").write_bytes(COUNT_FOR_EVER)
    with Server("count.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        yield server


def dump(gdb: Gdb, folder: Path) -> bytes:
    """Return all of the machine's memory, as gdb reads it."""
    path = folder / "memory.bin"
    gdb.run(f"dump binary memory {path} 0 {MEMORY_SIZE:#x}")
    return path.read_bytes()


def registers(gdb: Gdb) -> str:
    """Return all registers as gdb shows them."""
    return gdb.run("info registers")


# -- attaching -------------------------------------------------------------------------------


def test_target_remote_alone_gives_16_bit_code(gdb: Gdb, banner: Server) -> None:
    """Prevents 32-bit disassembly, which users of other servers get without set-up."""
    assert "i8086" in gdb.run("show architecture")
    code = gdb.run("x/5i $pc")
    assert code.lstrip().startswith("=>")
    assert len(code.splitlines()) == 5
    assert not re.search(r"%e[a-ds]|\bdata32\b|\baddr32\b", code), code


def test_attaching_says_nothing_alarming(gdb: Gdb) -> None:
    """Prevents warnings about the OS, the packet sizes or the register layout."""
    with Server("banner") as server:
        said = gdb.run(server.target)
    assert "Remote debugging using" in said
    assert not re.search("(?i)error|truncated|too long|malformed|GNU/Linux", said), said


def test_registers_are_the_8086s(gdb: Gdb, banner: Server) -> None:
    """Prevents eip and esp from being offsets, which breaks gdb's breakpoints and stack."""
    shown = registers(gdb)
    for name in ("eax", "esp", "eip", "eflags", "cs", "ss", "ds", "es", "ip", "icount"):
        assert re.search(rf"^{name} ", shown, re.MULTILINE), shown
    assert gdb.value("$eip") == (gdb.value("$cs") * 16 + gdb.value("$ip")) % MEMORY_SIZE
    assert gdb.value("$icount") == 0


# -- forward ---------------------------------------------------------------------------------


def test_break_continue_and_step(gdb: Gdb, counter: Server) -> None:
    """Prevents breakpoints that are missed or hit twice, and steps that miscount."""
    start = gdb.value("$pc")
    gdb.run(f"break *{start + 6:#x}")
    assert "Breakpoint 1" in gdb.run("continue")
    assert gdb.value("$pc") == start + 6
    assert gdb.value("$icount") == 1
    gdb.run("stepi")
    assert gdb.value("$pc") == start + 10
    assert "Breakpoint 1" in gdb.run("continue")
    assert gdb.value("$icount") == 3
    gdb.run("delete")
    gdb.run("stepi 1000")
    assert gdb.value("$icount") == 1003


def test_a_watchpoint_tells_old_and_new(gdb: Gdb, counter: Server) -> None:
    """Prevents software watchpoints, which single-step, and stops at the wrong store."""
    gdb.run("set can-use-hw-watchpoints 1")
    address = gdb.value("$ds") * 16 + 0x200
    gdb.run("stepi")
    assert "Hardware watchpoint" in gdb.run(f"watch *(short*){address:#x}")
    said = gdb.run("continue")
    assert re.search(r"Old value = 0\s+New value = 1", said), said
    assert gdb.value("$icount") == 2


@pytest.mark.parametrize("command", ["rwatch", "awatch"])
def test_read_and_access_watchpoints_stop(gdb: Gdb, counter: Server, command: str) -> None:
    """Prevents Z3 and Z4 from being accepted and never hit."""
    address = gdb.value("$ds") * 16 + 0x200
    gdb.run("stepi")
    gdb.run(f"{command} *(short*){address:#x}")
    assert re.search("(?i)value =", gdb.run("continue"))
    assert gdb.value("$icount") == 2


def test_ctrl_c_stops_a_running_guest(gdb: Gdb, counter: Server) -> None:
    """Prevents a guest in an endless loop from being out of reach."""
    gdb.send("continue")
    gdb.expect("Continuing")
    gdb.interrupt()
    assert "SIGINT" in gdb.expect(r"\(gdb\) ")
    assert gdb.value("$icount") >= 0
    gdb.run("stepi")
    start = 0x3000 + 0x100
    assert start <= gdb.value("$pc") < start + len(COUNT_FOR_EVER)


# -- backward --------------------------------------------------------------------------------


def test_round_trip_leaves_memory_byte_for_byte(gdb: Gdb, banner: Server, tmp_path: Path) -> None:
    """Prevents a past that differs from what was: the promise of time travel."""
    memory, state = dump(gdb, tmp_path), registers(gdb)
    gdb.run("stepi 1000")
    later_memory, later_state = dump(gdb, tmp_path), registers(gdb)
    assert later_state != state
    gdb.run("reverse-stepi 500")
    assert gdb.value("$icount") == 500
    assert re.search(HISTORY_START, gdb.run("reverse-continue"))
    assert gdb.value("$icount") == 0
    assert registers(gdb) == state
    assert dump(gdb, tmp_path) == memory
    gdb.run("stepi 1000")
    assert registers(gdb) == later_state
    assert dump(gdb, tmp_path) == later_memory


def test_reverse_continue_stops_at_the_last_breakpoint(gdb: Gdb, counter: Server) -> None:
    """Prevents a reverse search that finds the first hit, or none."""
    start = gdb.value("$pc")
    gdb.run("stepi 100")
    gdb.run(f"break *{start + 10:#x}")
    assert "Breakpoint 1" in gdb.run("reverse-continue")
    assert gdb.value("$icount") == 98
    assert "Breakpoint 1" in gdb.run("reverse-continue")
    assert gdb.value("$icount") == 96


def test_a_reverse_watchpoint_stops_before_the_write(gdb: Gdb, counter: Server) -> None:
    """Prevents stopping behind the culprit: pc must be on the writing instruction."""
    address = gdb.value("$ds") * 16 + 0x200
    gdb.run("stepi 100")
    gdb.run(f"watch *(short*){address:#x}")
    said = gdb.run("reverse-continue")
    assert re.search(r"Old value = 50\s+New value = 49", said), said
    assert "inc" in gdb.run("x/i $pc")


def test_a_refusal_says_why(gdb: Gdb, banner: Server) -> None:
    """Prevents numbers of errors, which is what gdb 13 makes of them."""
    assert "to move in time use monitor seek" in gdb.run("set $icount = 5")
    assert "an 8086 has no fop" in gdb.run("set $fop = 1")


# -- endings ---------------------------------------------------------------------------------


def test_the_program_can_be_examined_before_it_is_gone(gdb: Gdb, banner: Server) -> None:
    """Prevents an exit that leaves nothing to look at, and a W that gdb can't take."""
    said = gdb.run("continue")
    assert "exited with status 0 at instruction" in said
    end = gdb.value("$icount")
    gdb.run("reverse-stepi")
    assert gdb.value("$icount") == end - 1
    gdb.run("continue")
    assert "exited normally" in gdb.run("continue")


def test_after_the_end_the_next_client_finds_a_fresh_machine(gdb: Gdb, banner: Server) -> None:
    """Prevents a server that is of no use after its program has ended."""
    gdb.run("continue")
    gdb.run("continue")
    gdb.run(banner.target)
    assert gdb.value("$icount") == 0


def test_kill_leaves_a_server_with_a_fresh_machine(gdb: Gdb, counter: Server) -> None:
    """Prevents `kill` from ending the server."""
    gdb.run("stepi 10")
    gdb.run("kill")
    gdb.run(counter.target)
    assert gdb.value("$icount") == 0


def test_detach_leaves_the_machine_as_it_is(gdb: Gdb, counter: Server) -> None:
    """Prevents losing one's place, or meeting the breakpoints of the session before."""
    start = gdb.value("$pc")
    gdb.run(f"break *{start + 6:#x}")
    gdb.run("continue")
    gdb.run("continue")
    assert "Detaching" in gdb.run("detach")
    gdb.run("delete")
    gdb.run(counter.target)
    assert gdb.value("$icount") == 3
    gdb.run("stepi 100")
    assert gdb.value("$icount") == 103


def test_a_gdb_that_dies_in_a_run_leaves_a_stopped_machine(
    program: Path, gdb: Gdb, counter: Server
) -> None:
    """Prevents a guest that runs for ever with nobody there, and a seat that stays taken."""
    gdb.send("continue")
    gdb.expect("Continuing")
    gdb.process.kill()
    gdb.wait()
    with Gdb(program) as second:
        second.run(counter.target)
        before = second.value("$icount")
        second.run("stepi")
        assert second.value("$icount") == before + 1


def test_a_second_gdb_is_told_why_it_is_refused(program: Path, gdb: Gdb, counter: Server) -> None:
    """Prevents two debuggers from moving one machine, and a refusal without a reason."""
    with Gdb(program) as second:
        assert "another debugger" in second.run(counter.target)
    gdb.run("stepi 7")
    assert gdb.value("$icount") == 7


def test_the_server_ends_while_a_guest_runs(gdb: Gdb, counter: Server) -> None:
    """Prevents a runaway guest from keeping the server alive against SIGTERM."""
    gdb.send("continue")
    gdb.expect("Continuing")
    counter.process.terminate()
    assert counter.wait() == 0
    assert "Traceback" not in counter.expect_end()


# -- programs --------------------------------------------------------------------------------


def test_output_is_the_same_with_and_without_gdb(gdb: Gdb, shared: Path, tmp_path: Path) -> None:
    """Prevents a debugger from changing what the real `banner` prints, once and in order."""
    program = str(shared / "images/banner")
    with Server(program, "ELKS") as server:
        gdb.run(server.target)
        gdb.run("stepi 300")
        gdb.run("reverse-stepi 100")
        gdb.run("continue")
        gdb.run("continue")
        server.process.terminate()
        under_gdb = server.expect_end()
    code = "from blink16.cli import run_main; raise SystemExit(run_main())"
    alone = subprocess.run(
        [sys.executable, "-c", code, program, "ELKS"],
        capture_output=True,
        cwd=PROJECT,
        check=True,
        text=True,
    )
    assert alone.stdout
    assert under_gdb == alone.stdout


def test_typed_input_reaches_the_guest_and_is_replayed(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents input from getting lost when a guest goes back before it was typed."""
    (tmp_path / "echo.com").write_bytes(
        bytes.fromhex("b8 00 08 cd 21 88 c3 b8 00 08 cd 21 88 c7 90 eb fe")
    )  # AH = 8: read a key to BL, another to BH
    with Server("echo.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        start = gdb.value("$pc")
        gdb.run(f"break *{start + 0x0E:#x}")
        gdb.send("continue")
        gdb.expect("Continuing")
        server.send("xy")
        gdb.expect(r"Breakpoint 1.*[\s\S]*\(gdb\) ")
        assert gdb.value("$ebx & 0xffff") == 0x7978
        assert re.search(HISTORY_START, gdb.run("reverse-continue"))
        assert "Breakpoint 1" in gdb.run("continue")
        assert gdb.value("$ebx & 0xffff") == 0x7978


def test_ctrl_c_stops_a_guest_that_waits_for_input(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents a blocking read from locking the debugger out."""
    (tmp_path / "ask.com").write_bytes(bytes.fromhex("b8 00 08 cd 21 eb fe"))
    with Server("ask.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        gdb.send("continue")
        gdb.expect("Continuing")
        gdb.interrupt()
        assert "SIGINT" in gdb.expect(r"\(gdb\) ")
