"""Tools for DOSBox-X' gdb stub at our server: the Python package dbxdebug, and their packets."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector
from gdb_client import Server
from naive_debugger import NaiveDebugger
from stub_client import Client

FAR = bytes.fromhex("ea 05 00 c0 07 b83412 8ed0 bcfe00 50 5b 40 ebfd")
"""jmp 07C0h:5; mov ax,1234h; mov ss,ax; mov sp,0FEh; push ax; pop bx; inc ax; jmp $-1"""
GDB = b"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;xmlRegisters=i386"
GDB_WITHOUT_XML = b"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+"
TOOL = b"qSupported:multiprocess+"
MCDOSBOX = b"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+"
"""As mcdosbox-x 2026.9 says it."""
EAX, ESP, EIP, CS = 0, 4, 8, 10


def words(data: bytes) -> list[int]:
    """Return the registers in an answer to g."""
    content = bytes.fromhex(data.decode())
    return [int.from_bytes(content[at : at + 4], "little") for at in range(0, len(content), 4)]


def client(features: bytes) -> tuple[Client, NaiveDebugger, bytes]:
    """Return a client that has said what it can do, its machine, and the server's answer."""
    debugger = NaiveDebugger(b"\x40\x43\xf4")
    talk = Client(debugger)
    return talk, debugger, talk.ask_one(features)


@pytest.mark.parametrize("features", [TOOL, MCDOSBOX])
def test_who_names_no_feature_of_gdb_s_sees_offsets(features: bytes) -> None:
    """Prevents tools that multiply CS by sixteen themselves from reading code at another place."""
    talk, debugger, answer = client(features)
    r = debugger.machine.registers
    assert b"dosbox-x-linear-bp+" in answer
    seen = words(talk.ask_one(b"g"))
    assert len(seen) == 16
    assert (seen[CS], seen[EIP], seen[ESP]) == (r.cs, r.ip, r.sp)
    assert talk.ask_one(b"p8") == r.ip.to_bytes(4, "little").hex().encode()
    assert talk.ask_one(b"s") == b"S05"
    assert talk.ask_one(b"P8=" + (r.ip - 1).to_bytes(4, "little").hex().encode()) == b"OK"
    assert talk.ask_one(b"s") == b"S05"
    assert words(talk.ask_one(b"g"))[EAX] == 2
    assert talk.ask_one(b"p10").startswith(b"E")
    assert talk.ask_one(b"P8=0000").startswith(b"E")
    assert talk.ask_one(b"G00").startswith(b"E")


def test_all_registers_are_written_as_they_were_read() -> None:
    """Prevents a round trip of g and G from moving the program."""
    talk, debugger, _ = client(TOOL)
    before = debugger.machine.registers.save()
    assert talk.ask_one(b"G" + talk.ask_one(b"g")) == b"OK"
    assert debugger.machine.registers.save() == before


@pytest.mark.parametrize("features", [GDB, GDB_WITHOUT_XML, b""])
def test_gdb_sees_linear_addresses(features: bytes) -> None:
    """Prevents a gdb, or who says nothing at all, from taking an offset for an address."""
    talk, debugger, answer = client(features or b"qAttached")
    r = debugger.machine.registers
    assert b"dosbox" not in answer
    assert words(talk.ask_one(b"g")[:128])[EIP] == r.cs * 16 + r.ip
    assert talk.ask_one(b"s").startswith(b"T05")


def test_an_lldb_sees_linear_addresses() -> None:
    """Prevents an LLDB that names few features from being taken for such a tool."""
    talk, debugger, _ = client(TOOL)
    assert talk.ask_one(b"QListThreadsInStopReply") == b"OK"
    r = debugger.machine.registers
    assert words(talk.ask_one(b"g")[:128])[EIP] == r.cs * 16 + r.ip
    assert talk.ask_one(b"s").startswith(b"T05")


def test_who_changes_its_mind_sees_what_it_said_last() -> None:
    """Prevents a conversation that mixes both kinds of registers."""
    talk, debugger, _ = client(TOOL)
    assert b"dosbox" not in talk.ask_one(GDB)
    r = debugger.machine.registers
    assert words(talk.ask_one(b"g")[:128])[EIP] == r.cs * 16 + r.ip
    assert b"dosbox" in talk.ask_one(TOOL)
    assert words(talk.ask_one(b"g"))[EIP] == r.ip


@pytest.mark.gdb
def test_dbxdebug(tmp_path: Path) -> None:
    """The package's own client: registers, memory, breakpoints, steps, a halt of what runs."""
    gdb = pytest.importorskip("dbxdebug.gdb", reason="dbxdebug is not installed (pip install it)")
    (tmp_path / "far.img").write_bytes(sector(FAR))
    with (
        Server("--console", "none", "far.img", cwd=tmp_path) as server,
        gdb.GDBClient(host="127.0.0.1", port=server.port, timeout=20) as tool,
    ):
        tool.set_breakpoint(0x7C00)
        assert tool.continue_execution() == b"S05"
        tool.step()
        registers = tool.read_registers()
        assert (registers["cs"], registers["eip"]) == (0x7C0, 5)
        assert tool.linear_pc() == 0x7C05
        assert tool.read_memory("07c0:0005", 3) == FAR[5:8]
        tool.set_breakpoint("07c0:000f")
        assert tool.continue_execution() == b"S05"
        registers = tool.read_registers()
        assert (registers["ss"], registers["esp"], registers["ebx"]) == (0x1234, 0xFE, 0x1234)
        assert tool.remove_breakpoint("07c0:000f")
        assert tool.write_register(gdb.REGISTER_NAMES.index("eax"), 0x77)
        tool.step()
        assert tool.read_register(0) == 0x78
        tool.resume()
        assert tool.halt() == b"S02"
        assert tool.read_registers()["cs"] == 0x7C0
        tool.enable_no_ack_mode()
        tool.write_memory(0x500, b"abc")
        assert tool.read_memory(0x500, 3) == b"abc"
