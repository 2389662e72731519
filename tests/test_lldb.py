"""Sessions with real LLDBs: that of the test extra, and Debian's 14 where it is installed."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gdb_client import PROJECT, TIMEOUT, Server, lldbs
from packet_relay import WithoutXml
from unwind_guest import SEGMENT

from blink16 import board
from blink16.board import ProgramFacts
from blink16.setup import loader

pytestmark = pytest.mark.gdb

EM_386 = 3
MACHINE_FIELD = 18
"""Where e_machine lies in an ELF."""
NO_LLDB = Path("no-lldb")


@pytest.fixture(params=lldbs() or [NO_LLDB], ids=lambda path: path.name)
def program(request: pytest.FixtureRequest) -> Path:
    """Return an LLDB's file."""
    path: Path = request.param
    if path == NO_LLDB:
        if sys.platform in ("linux", "darwin"):
            pytest.fail("there is no lldb: install the test extra (pip install -e '.[test]')")
        pytest.skip("the test extra has no lldb for this system")
    return path


Talk = Callable[..., str]


@pytest.fixture
def lldb(program: Path) -> Talk:
    """Return a function that says what LLDB answers to commands, attached to the sample."""

    def talk(*commands: str, before: tuple[str, ...] = ()) -> str:
        with Server("banner", "HI") as server:
            return run(program, *before, f"gdb-remote 127.0.0.1:{server.port}", *commands)

    return talk


@pytest.fixture
def names(tmp_path: Path) -> str:
    """Return the command that loads the sample's names: our ELF, with a processor LLDB knows."""
    options = loader.Options(root=PROJECT)
    loaded = loader.load(loader.read("banner"), ["HI"], options)
    program = ProgramFacts.of(loaded.machine, loaded.symbols)
    content = bytearray(board.build(loaded.machine, program).content)
    struct.pack_into("<H", content, MACHINE_FIELD, EM_386)
    (tmp_path / "banner.elf").write_bytes(content)
    return f"target create {tmp_path / 'banner.elf'}"


def version(program: Path) -> int:
    """Return the number of an LLDB's version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)", said)
    assert found, said
    return int(found[1])


def run(program: Path, *typed: str) -> str:
    """Return what LLDB says to these commands."""
    options = [part for command in typed for part in ("-o", command)]
    return subprocess.run(
        [program, "--no-lldbinit", "--batch", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    ).stdout


def test_lldb_disassembles_16_bit_code_and_steps(lldb: Talk) -> None:
    """Prevents 32-bit disassembly for want of a triple, and steps without a thread."""
    said = lldb("disassemble -s $pc -c 5", "si", "register read eip")
    assert re.search(r"0x10000: movw +%sp, %bx", said), said
    assert "callw" in said
    assert "instruction step into" in said
    assert "eip = 0x00010002" in said


def test_lldb_stops_at_breakpoints(lldb: Talk) -> None:
    """Prevents breakpoints that LLDB sets and never recognises."""
    said = lldb("breakpoint set -a 0x10015", "continue", "register read cs eip")
    assert "stop reason = breakpoint 1.1" in said, said
    assert "eip = 0x00010015" in said


def test_an_lldb_without_xml(program: Path, names: str) -> None:
    """Prevents registers of a 32-bit PC in editors whose lldb-dap was built without libxml2."""
    with Server("banner", "HI") as server, WithoutXml(server.port) as relay:
        said = run(
            *(program, names, f"gdb-remote 127.0.0.1:{relay.port}", "register read eip icount cs"),
            *("si", "register read ip icount", "breakpoint set -n draw_letters", "continue"),
            *("bt", "register write eax 0x1234", "register read eax ax"),
        )
    assert "eip = 0x00010000" in said, said
    assert "icount = 0x0000000000000001" in said
    assert "ip = 0x0002" in said
    assert "stop reason = breakpoint 1.1" in said
    assert "eax = 0x00001234" in said
    if version(program) >= 15:
        frames = re.findall(r"frame #\d: 0x[0-9a-f]+ banner.elf`(\w+)", said)
        assert frames[-5:] == ["draw_letters", "print_letters", "print_text", "main", "_start"]
    assert relay.asked(b"qRegisterInfo")
    assert not relay.asked(b"qXfer:features")


def test_lldb_goes_backward(lldb: Talk, program: Path) -> None:
    """Prevents the oldest instant from being an error, in an LLDB that can go back."""
    if version(program) < 21:
        pytest.skip("this LLDB can't go backward")
    said = lldb("si", "si", "process continue --reverse")
    assert "history boundary" in said, said


def test_lldb_writes_registers_and_memory(lldb: Talk) -> None:
    """Prevents writes that LLDB shows and the machine does not have."""
    said = lldb(
        *("register write eax 0x1234", "register read eax"),
        *("register write eip 0x10002", "disassemble -s $pc -c 1"),
        *("memory write 0x11000 0x41 0x42", "memory read -c 2 0x11000"),
    )
    assert "eax = 0x00001234" in said, said
    assert re.search(r"-> +0x10002: leaw", said), said
    assert "0x00011000: 41 42" in said


def test_lldb_stops_at_watchpoints(lldb: Talk) -> None:
    """Prevents watchpoints that LLDB sets and never recognises."""
    lines = 0x10160 + 0x1C4  # the sample's counter of lines
    said = lldb(f"watchpoint set expression -w write -s 2 -- {lines:#x}", "continue")
    assert "Watchpoint 1 hit" in said, said
    assert "stop reason = watchpoint 1" in said
    assert "0x10157" in said


def test_lldb_knows_where_memory_ends(lldb: Talk) -> None:
    """Prevents LLDB from reading on and on where there is nothing."""
    said = lldb("memory region 0x10000", "memory region 0x100000")
    assert re.search(r"\[0x0+-0x0*100000\) rwx", said), said
    assert re.search(r"\[0x0*100000-0x0*100000000\) ---", said), said


def test_lldb_has_names_from_an_elf_for_the_i386(lldb: Talk, names: str) -> None:
    """Prevents 32-bit code for want of our triple, and a prologue that LLDB skips too far."""
    said = lldb("breakpoint set -n draw_letters", "continue", "disassemble -c 2", before=(names,))
    assert "stop reason = breakpoint 1.1" in said, said
    assert re.search(r"0x10084 <\+0>: pushw +%bp", said), said
    assert "frame #0: 0x00010084 banner.elf`draw_letters" in said


def test_lldb_unwinds_by_the_board(lldb: Talk, names: str, program: Path) -> None:
    """LLDB reads many rows of the unwind window at once: they must not end at the first."""
    stop = ("breakpoint set -n draw_letters", "continue", "continue", "bt", "breakpoint disable")
    said = lldb(*stop, "finish", "ni", before=(names,))
    assert re.search(r"frame #1: 0x000100b0 banner.elf`draw_letters \+ 44", said), said
    if version(program) < 15:
        return  # it finds no more than one caller
    frames = re.findall(r"frame #\d: 0x[0-9a-f]+ banner.elf`(\w+) \+", said)
    assert frames[:5] == ["draw_letters", "print_letters", "print_text", "main", "_start"], said
    assert "stop reason = step out" in said
    assert "stop reason = instruction step over" in said


def test_lldb_unwinds_whatever_the_stack_pointer(lldb: Talk, names: str, program: Path) -> None:
    """LLDB gives up where a frame's address is not divisible by 4, as half of ours are not."""
    if version(program) < 15:
        pytest.skip("this LLDB finds no more than one caller")
    said = lldb("breakpoint set -n draw_letters", "continue", "bt", before=(names,))
    frames = re.findall(r"frame #\d: 0x[0-9a-f]+ banner.elf`(\w+)", said)
    assert frames[-5:] == ["draw_letters", "print_letters", "print_text", "main", "_start"], said


def test_lldb_shows_why_a_write_was_refused(lldb: Talk) -> None:
    """Prevents errors that are numbers to LLDB's user."""
    said = lldb("process plugin packet send P1f=01000000")
    assert "E16;" + b"an 8086 has no fop".hex() in said, said


def test_two_machines_in_one_lldb(program: Path, names: str) -> None:
    """Prevents a second target that gets the first one's machine, or none."""
    machines = ("--machine", "banner HI", "--machine", "banner OO")
    with Server(*machines) as server:
        connect = f"process connect -p gdb-remote connect://127.0.0.1:{server.port}"
        typed = (names, connect, names, connect, "si", "si", "target select 0", "si")
        said = run(program, *typed, "target list", "register read icount", "detach")
    assert re.search(r"\* target #0.*pid=8086001, state=stopped", said), said
    assert re.search(r"  target #1.*pid=8086002, state=stopped", said), said
    assert said.count("instruction step into") >= 3
    assert "icount = 0x0000000000000001" in said


def test_lldb_detaches_and_leaves_the_machine(program: Path) -> None:
    """Prevents a machine that is lost with its LLDB, or that keeps its breakpoints."""
    with Server("banner", "HI") as server:
        attach = f"gdb-remote 127.0.0.1:{server.port}"
        run(program, attach, "breakpoint set -a 0x10015", "si", "detach")
        said = run(program, attach, "register read icount", "continue", "continue")
    assert "icount = 0x0000000000000001" in said, said
    assert "exited with status 0 at instruction" in said, said
    assert "stop reason = signal SIGINT" in said, said  # the end is a pause at first
    assert "exited with status = 0" in said, said


def test_the_script_for_lldb_attaches_with_names(program: Path) -> None:
    """Prevents a script that LLDB can't load, and one that keeps the machine for itself."""
    if version(program) < 15:
        pytest.skip("LLDB 14 needs a Python of its own for scripts")
    script = f"command script import {PROJECT / 'scripts' / 'lldb_8086.py'}"
    with Server("banner", "HI") as server:
        stop = (f"b16-connect {server.port}", "breakpoint set -n print_letters", "continue")
        said = run(program, script, *stop, "bt", "detach", "b16-connect nowhere")
    frames = re.findall(r"frame #\d: 0x[0-9a-f]+ blink16.elf`(\w+)", said)
    assert frames[-4:] == ["print_letters", "print_text", "main", "_start"], said


def test_breakpoints_in_lldb_move_with_a_new_build(program: Path, tmp_path: Path) -> None:
    """Prevents breakpoints by name that are lost, or stay where a function was; and a kill that
    LLDB says has failed.
    """
    if version(program) < 15:
        pytest.skip("LLDB 14 needs a Python of its own for scripts")
    (tmp_path / "work.com").write_bytes(bytes.fromhex("e80100 c3 40 c3"))  # call work; ret
    (tmp_path / "work.nm").write_text("0000 T begin\n0104 T work\n")
    script = f"command script import {PROJECT / 'scripts' / 'lldb_8086.py'}"
    rebuild = "script open('work.com', 'wb').write(bytes.fromhex('909090e80100c343c3'))"
    names = "script open('work.nm', 'w').write('0000 T begin\\n0107 T work\\n')"
    options = ("--symbols", f"work.nm,text={SEGMENT:x}")
    with Server(*options, "work.com", cwd=tmp_path) as server:
        attach = f"b16-connect {server.port}"
        before = (script, f"script import os; os.chdir({str(tmp_path)!r})", attach)
        again = ("process kill", rebuild, names, attach, "continue", "disassemble -c 1")
        said = run(program, *before, "breakpoint set -n work", "continue", *again)
    assert said.count("stop reason = breakpoint 1.") == 2, said
    assert "incw   %bx" in said, said
    assert "exited with status = 9" in said, said
