"""Sessions with a real LLDB, where one is installed (pip install lldb-for-pwndbg)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gdb_client import TIMEOUT, Server

pytestmark = pytest.mark.gdb


def lldb(*commands: str) -> str:
    """Return what LLDB says to these commands, attached to a server of the sample."""
    beside = Path(sys.executable).with_name("lldb")
    program = str(beside) if beside.exists() else shutil.which("lldb")
    if program is None:
        pytest.skip("no lldb is installed")
    with Server("banner", "HI") as server:
        typed = [f"gdb-remote 127.0.0.1:{server.port}", *commands]
        options = [part for command in typed for part in ("-o", command)]
        done = subprocess.run(
            [program, "--no-lldbinit", "--batch", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    return done.stdout


def test_lldb_disassembles_16_bit_code_and_steps() -> None:
    """Prevents 32-bit disassembly for want of a triple, and steps without a thread."""
    said = lldb("disassemble -s $pc -c 5", "si", "register read eip")
    assert re.search(r"0x10000: movw +%sp, %bx", said), said
    assert "callw" in said
    assert "instruction step into" in said
    assert "eip = 0x00010002" in said


def test_lldb_stops_at_breakpoints() -> None:
    """Prevents breakpoints that LLDB sets and never recognises."""
    said = lldb("breakpoint set -a 0x10015", "continue", "register read cs eip")
    assert "stop reason = breakpoint 1.1" in said, said
    assert "eip = 0x00010015" in said


def test_lldb_goes_backward() -> None:
    """Prevents the oldest instant from being an error, in an LLDB that can go back."""
    said = lldb("si", "si", "process continue --reverse")
    if "unknown or ambiguous option" in said or "invalid option" in said:
        pytest.skip("this lldb can't go backward")
    assert "history boundary" in said, said


def test_lldb_writes_registers_and_memory() -> None:
    """Prevents writes that LLDB shows and the machine does not have."""
    said = lldb(
        *("register write eax 0x1234", "register read eax"),
        *("register write eip 0x10002", "disassemble -s $pc -c 1"),
        *("memory write 0x11000 0x41 0x42", "memory read -c 2 0x11000"),
    )
    assert "eax = 0x00001234" in said, said
    assert re.search(r"-> +0x10002: leaw", said), said
    assert "0x00011000: 41 42" in said


def test_lldb_stops_at_watchpoints() -> None:
    """Prevents watchpoints that LLDB sets and never recognises."""
    lines = 0x10160 + 0x1C4  # the sample's counter of lines
    said = lldb(f"watchpoint set expression -w write -s 2 -- {lines:#x}", "continue")
    assert "Watchpoint 1 hit" in said, said
    assert "stop reason = watchpoint 1" in said
    assert "0x10157" in said


def test_lldb_knows_where_memory_ends() -> None:
    """Prevents LLDB from reading on and on where there is nothing."""
    said = lldb("memory region 0x10000", "memory region 0x100000")
    assert re.search(r"\[0x0+-0x0*100000\) rwx", said), said
    assert re.search(r"\[0x0*100000-0x0*100000000\) ---", said), said
