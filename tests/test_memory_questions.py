"""Searches, checksums and regions of memory, and the refusal of inferior calls: as packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16.gdbstub.answers import checksum
from blink16.gdbstub.inferior_call import CALL_DEPTH
from blink16.memory import MEMORY_SIZE
from blink16.packets import escape


@pytest.fixture
def client() -> Client:
    """Return a client that has attached."""
    return Client()


def test_a_search_finds_the_first_place() -> None:
    """Prevents places outside the stretch, and a miss at its very end."""
    client = Client()
    client.debugger.write_memory(0x20000, b"abc#$}*abc")
    assert client.ask_one(b"qSearch:memory:0;100000;abc") == b"1,20000"
    assert client.ask_one(b"qSearch:memory:20001;9;abc") == b"1,20007"
    assert client.ask_one(b"qSearch:memory:20001;8;abc") == b"0"
    assert client.ask_one(b"qSearch:memory:0;100000;" + escape(b"#$}*")) == b"1,20003"
    assert client.ask_one(b"qSearch:memory:0;0;a") == b"0"


@pytest.mark.parametrize(
    "packet",
    [
        *(b"qSearch:memory:0;100000;", b"qSearch:memory:0;100001;a", b"qSearch:memory:x;1;a"),
        *(b"qSearch:memory", b"qSearch", b"qSearch:memory:0;ffffffffffffffff;a"),
        *(b"qCRC:0,100001", b"qCRC:", b"qCRC", b"qCRC:100000,1", b"qMemoryRegionInfo:"),
    ],
)
def test_nonsense_is_an_error(packet: bytes) -> None:
    """Prevents bad fields and memory that isn't there from ending a session."""
    client = Client()
    assert client.ask_one(packet).startswith(b"E")
    assert client.ask_one(b"qCRC:0,0") == b"Cffffffff"


def test_the_checksum_is_gdb_s() -> None:
    """Prevents another CRC-32: this is the catalogue's check value of CRC-32/MPEG-2."""
    assert checksum(b"123456789") == 0x0376E6E7


@given(st.binary(max_size=64))
def test_the_checksum_is_what_gdb_computes(data: bytes) -> None:
    """Prevents a mirrored computation that differs from the bit by bit one."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    assert checksum(data) == crc


def test_regions_cover_all_addresses() -> None:
    """Prevents LLDB from asking again and again, or for ever."""
    client = Client()
    assert client.ask_one(b"qMemoryRegionInfo:ffff") == b"start:0;size:100000;permissions:rwx;"
    assert client.ask_one(b"qMemoryRegionInfo:100000") == b"start:100000;size:fff00000;"


def called(client: Client, *, esp: int, home: int) -> bytes:
    """Do what gdb does to call a function; return the answer to its last packet."""
    top = home + 3
    assert client.ask(b"X%x,1:\xcc" % home, b"X%x,4:\5\0\0\0" % (top - 16)) == [b"OK", b"OK"]
    assert client.ask_one(b"M%x,4:%s" % (esp, home.to_bytes(4, "little").hex().encode())) == b"OK"
    return client.ask_one(b"P4=%s" % esp.to_bytes(4, "little").hex().encode())


def test_an_inferior_call_is_refused_with_its_reason(client: Client) -> None:
    """Prevents gdb's 32-bit calls from changing anything, and "Cannot access memory"."""
    registers = client.debugger.machine.registers
    registers.ss, registers.sp = 0x2000, 0x100
    before = client.debugger.read_memory(0, MEMORY_SIZE)
    assert called(client, esp=0x200E0, home=0x200FD).startswith(b"E.gdb can't call functions")
    assert client.ask_one(b"P4=00010200") == b"OK"
    assert client.debugger.read_memory(0, MEMORY_SIZE) == before
    assert registers.sp == 0x100


@pytest.mark.parametrize(
    "packet", [b"m200fd,1", b"s", b"vCont;s", b"qRcmd,68656c70", b"P4=e0000200", b"M5,1:00", b"D"]
)
def test_what_only_looks_like_a_call_is_done(client: Client, packet: bytes) -> None:
    """Prevents writes below the stack from getting lost, or from coming late."""
    registers = client.debugger.machine.registers
    registers.ss, registers.sp = 0x2000, 0x100
    assert client.ask(b"X200fd,1:\xcc", b"X200f0,1:\x01") == [b"OK", b"OK"]
    client.ask(packet)
    assert client.debugger.read_memory(0x200FD, 1) == b"\xcc"
    assert client.debugger.read_memory(0x200F0, 1) == b"\x01"


def test_other_writes_are_done_at_once(client: Client) -> None:
    """Prevents a breakpoint that is written by hand from being taken for the start of a call."""
    registers = client.debugger.machine.registers
    registers.ss, registers.sp = 0x2000, 0x100
    for address in (0x20100, 0x20100 - CALL_DEPTH - 1, 0x500):
        assert client.ask_one(b"X%x,1:\xcc" % address) == b"OK"
        assert client.debugger.read_memory(address, 1) == b"\xcc"
    assert client.ask_one(b"X200fd,1:\xcd") == b"OK"
    assert client.debugger.read_memory(0x200FD, 1) == b"\xcd"
