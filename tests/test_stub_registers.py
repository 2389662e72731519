"""The 8086's registers as gdb sees and sets them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_debugger import NaiveDebugger

from blink16.gdbstub import registers as stub
from blink16.gdbstub.replies import RefusedError

NUMBER = {register.name: number for number, register in enumerate(stub.REGISTERS)}
WORDS = st.integers(0, 0xFFFF)


def make(**values: int) -> NaiveDebugger:
    """Return a debugger over a machine with these registers."""
    debugger = NaiveDebugger()
    for name, value in values.items():
        setattr(debugger.machine.registers, name, value)
    return debugger


def read(debugger: NaiveDebugger, name: str) -> int:
    """Read a register as p does."""
    return int.from_bytes(stub.read(debugger.machine.registers, NUMBER[name]), "little")


def write(debugger: NaiveDebugger, name: str, value: int) -> None:
    """Write a register as P does."""
    number = NUMBER[name]
    stub.write(debugger, number, value.to_bytes(stub.REGISTERS[number].bits // 8, "little"))


def test_program_counter_and_stack_pointer_are_linear() -> None:
    """With offsets there, gdb does not know its own breakpoints and reads the wrong stack."""
    debugger = make(cs=0x1234, ip=0x0010, ss=0x2000, sp=0xFFFE, bp=0x1111)
    assert read(debugger, "eip") == 0x12350
    assert read(debugger, "esp") == 0x2FFFE
    assert read(debugger, "ebp") == 0x1111
    assert (read(debugger, "ip"), read(debugger, "sp16")) == (0x0010, 0xFFFE)


def test_linear_registers_wrap_at_one_mebibyte() -> None:
    """FFFF:0010 is address 0 on an 8086."""
    debugger = make(cs=0xFFFF, ip=0x0010)
    assert read(debugger, "eip") == 0


@given(WORDS, WORDS, st.integers(0, 0xFFFFF))
def test_written_pc_reads_back_and_keeps_the_segment_where_it_can(
    cs: int, ip: int, address: int
) -> None:
    """`jump` and `set $pc` must land where they say; a changed CS would break near calls."""
    debugger = make(cs=cs, ip=ip)
    write(debugger, "eip", address)
    assert read(debugger, "eip") == address
    if (address - cs * 16) & 0xFFFFF <= 0xFFFF:
        assert read(debugger, "cs") == cs
    else:
        assert (read(debugger, "cs"), read(debugger, "ip")) == (address >> 4, address & 15)


@given(WORDS, st.integers(0, 0xFFFFF))
def test_written_stack_pointer_reads_back(ss: int, address: int) -> None:
    """`set $sp -= 2` is linear, like what `$sp` shows."""
    debugger = make(ss=ss)
    write(debugger, "esp", address)
    assert read(debugger, "esp") == address


@pytest.mark.parametrize("name", [r.name for r in stub.REGISTERS if r.writes and r.bits])
def test_plain_registers_read_back_sixteen_bits(name: str) -> None:
    """A write must reach the right register, and only its sixteen bits."""
    debugger = make()
    others = [n for n in NUMBER if n not in (name, "eip", "esp")]
    before = {other: read(debugger, other) for other in others}
    write(debugger, name, 0x0AD7)
    assert read(debugger, name) == (0xFAD7 if name == "eflags" else 0x0AD7)
    assert {other: read(debugger, other) for other in others} == before


def test_upper_halves_are_lost() -> None:
    """There is nowhere to keep them."""
    debugger = make()
    write(debugger, "eax", 0x12345678)
    assert read(debugger, "eax") == 0x5678


@pytest.mark.parametrize("name", ["st0", "fctrl", "fs", "gs", "icount"])
def test_registers_that_are_not_there_refuse_writes(name: str) -> None:
    """Silently losing a value would be a lie; an empty answer would upset gdb."""
    debugger = make()
    with pytest.raises(RefusedError, match=r"8086|icount"):
        write(debugger, name, 1)


def test_wrong_size_and_number_are_refused() -> None:
    """Values of another width would be misread."""
    debugger = make()
    with pytest.raises(RefusedError, match="32 bits"):
        stub.write(debugger, 0, b"\0\0")
    with pytest.raises(RefusedError, match="no register 35"):
        stub.read(debugger.machine.registers, len(stub.REGISTERS))
    with pytest.raises(RefusedError, match="bytes"):
        stub.write_all(debugger, b"\0" * (stub.SIZE - 1))


_STATES = st.fixed_dictionaries(
    dict.fromkeys(("ax", "bp", "di", "cs", "ip", "ss", "sp", "ds", "flags"), WORDS)
)


@given(_STATES, _STATES)
def test_saved_registers_are_restored_whole(old: dict[str, int], new: dict[str, int]) -> None:
    """What g said, G must bring back, though it holds IP and SP twice."""
    debugger = make(**old)
    saved = stub.read_all(debugger.machine.registers)
    for name, value in new.items():
        setattr(debugger.machine.registers, name, value)
    stub.write_all(debugger, saved)
    assert stub.read_all(debugger.machine.registers) == saved


def test_writing_all_changes_what_differs_only() -> None:
    """A changed eip must not be undone by the raw ip that comes after it in G."""
    debugger = make(cs=0x1000, ip=0)
    data = bytearray(stub.read_all(debugger.machine.registers))
    data[8 * 4 : 8 * 4 + 4] = (0x10042).to_bytes(4, "little")
    stub.write_all(debugger, bytes(data))
    assert debugger.machine.registers.ip == 0x42


def test_writing_all_is_all_or_nothing() -> None:
    """A refused register must not leave half the others changed."""
    debugger = make(ax=1)
    data = bytearray(stub.read_all(debugger.machine.registers))
    data[0] = 2
    data[-1] = 1  # icount
    with pytest.raises(RefusedError, match="icount"):
        stub.write_all(debugger, bytes(data))
    assert debugger.machine.registers.ax == 1


def test_single_registers_agree_with_all() -> None:
    """P, p and g are about the same layout."""
    debugger = make(ax=1, bx=2, cs=3, ip=4, flags=0xFFFF)
    registers = debugger.machine.registers
    parts = [stub.read(registers, number) for number in range(len(stub.REGISTERS))]
    assert b"".join(parts) == stub.read_all(registers)
    assert [len(part) * 8 for part in parts] == [r.bits for r in stub.REGISTERS]
