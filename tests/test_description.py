"""What gdb reads about the machine."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16.gdbstub import description
from blink16.gdbstub.registers import REGISTERS, SIZE
from blink16.memory import MEMORY_SIZE

I386_CORE = [
    *("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags"),
    *("cs", "ss", "ds", "es", "fs", "gs"),
    *("st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"),
    *("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"),
]


def test_core_has_all_registers_in_gdbs_order() -> None:
    """With one fewer, or another order, gdb falls back to a 32-bit i386."""
    root = ElementTree.fromstring(description.target_xml())
    core = root.find("feature[@name='org.gnu.gdb.i386.core']")
    assert core is not None
    assert [register.get("name") for register in core.findall("reg")] == I386_CORE


def test_description_agrees_with_g() -> None:
    """`g` must have the bytes that target.xml says, or gdb refuses the packet."""
    root = ElementTree.fromstring(description.target_xml())
    registers = root.findall("feature/reg")
    assert [r.get("name") for r in registers] == [r.name for r in REGISTERS]
    assert sum(int(r.get("bitsize", "0")) for r in registers) == 8 * SIZE


def test_description_chooses_sixteen_bit_code() -> None:
    """Gdb must disassemble 16-bit code and not suppose GNU/Linux, with nothing typed."""
    root = ElementTree.fromstring(description.target_xml())
    assert root.findtext("architecture") == "i8086"
    assert root.findtext("osabi") == "none"


def test_no_small_register_is_a_pointer() -> None:
    """Gdb gives data_ptr 32 bits whatever bitsize says, and misreads all behind it."""
    assert not [r.name for r in REGISTERS if r.type.endswith("_ptr") and r.bits != 32]


def test_every_type_is_known() -> None:
    """An undefined type makes gdb drop the whole description."""
    root = ElementTree.fromstring(description.target_xml())
    defined = {flags.get("id") for flags in root.iter("flags")}
    known = {"int", "int32", "uint16", "uint64", "code_ptr", "data_ptr", "i387_ext"}
    assert {r.type for r in REGISTERS} <= known | defined


def test_memory_map_has_one_mebibyte_of_ram() -> None:
    """Gdb must not ask for addresses that the 8086 has not, nor miss any that it has."""
    root = ElementTree.fromstring(description.memory_map(MEMORY_SIZE))
    region = root.find("memory[@type='ram']")
    assert region is not None
    assert region.attrib == {"type": "ram", "start": "0x0", "length": "0x100000"}


@given(st.integers(1, 0x2000))
def test_objects_are_the_same_in_any_chunks(length: int) -> None:
    """Old gdbs ask in pieces of 0FFFh; the pieces must join without loss or overlap."""
    client = Client()
    text, offset = b"", 0
    while True:
        reply = client.ask_one(b"qXfer:features:read:target.xml:%x,%x" % (offset, length))
        text += reply[1:]
        offset += len(reply) - 1
        if reply[:1] == b"l":
            break
        assert len(reply) == length + 1
    assert text.decode() == description.target_xml()


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b"qXfer:features:read:other.xml:0,100", b"E16"),
        (b"qXfer:auxv:read::0,100", b""),
        (b"qXfer:features:read:target.xml:ffffffff,10", b"l"),
    ],
)
def test_other_objects_are_refused_or_unknown(body: bytes, reply: bytes) -> None:
    """An unknown object is an empty answer, an unknown annex an error, the end an l."""
    assert Client().ask_one(body) == reply


def test_features_name_each_object() -> None:
    """Objects must be announced, and only those that there are."""
    client = Client()
    features = client.ask_one(b"qSupported:multiprocess+").decode().split(";")
    objects = {name.split(":")[1] for name in features if name.startswith("qXfer:")}
    known = {"features", "memory-map", "threads", "exec-file", "libraries", "osdata", "blink16"}
    assert objects == known
    annexes = {"features": "target.xml", "osdata": "processes", "blink16": "state"}
    for name in objects:
        annex = annexes.get(name, "")
        assert client.ask_one(f"qXfer:{name}:read:{annex}:0,1000".encode()).startswith(b"l")
