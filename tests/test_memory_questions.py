"""Searches, checksums and regions of memory, and the refusal of inferior calls: as packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client, text_of

from blink16.gdbstub.answers import CALL_DEPTH, checksum
from blink16.gdbstub.packets import escape
from blink16.memory import MEMORY_SIZE


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


def test_an_inferior_call_is_stopped_at_its_first_write() -> None:
    """Prevents gdb's 32-bit calls from writing anything, and other writes from being refused."""
    client = Client()
    stack = client.debugger.machine.registers
    top = stack.ss * 16 + stack.sp
    before = client.debugger.read_memory(0, MEMORY_SIZE)
    assert client.ask_one(b"X%x,1:\xcc" % (top - 3)).startswith(b"E")
    assert client.debugger.read_memory(0, MEMORY_SIZE) == before
    assert "can't call functions" in text_of(client.ask(b"s"))
    for address in (top, top - CALL_DEPTH - 1, 0x500):
        assert client.ask_one(b"X%x,1:\xcc" % address) == b"OK"
    assert client.ask_one(b"X%x,1:\xcd" % (top - 3)) == b"OK"
