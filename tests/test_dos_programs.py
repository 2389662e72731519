"""How DOS programs stand in memory when they start, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from dos_guest import DosGuest
from test_dos_formats import mz

from blink16.cpu.engine import StopReason
from blink16.dos import arena
from blink16.dos.errors import DosError
from blink16.memory import linear


def test_com_registers_and_stack(tmp_path: Path) -> None:
    """A COM has all segments at its PSP, and a zero word on its stack for RET."""
    guest = DosGuest(tmp_path)
    r = guest.registers
    assert (r.cs, r.ds, r.es, r.ss) == (0x0300,) * 4
    assert (r.ip, r.sp) == (0x100, 0xFFFE)
    assert guest.get(2, 0xFFFE) == b"\0\0"
    assert guest.get(4, 0x100) == guest.image


def test_ret_ends_a_com_with_status_0(tmp_path: Path) -> None:
    """RET leads to INT 20h at PSP:0; it was missing in other emulators."""
    stop = DosGuest(tmp_path, b"\xc3").machine.run(100)
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0)


def test_exit_status_is_al(tmp_path: Path) -> None:
    """4Ch's status must reach the user, not be lost."""
    stop = DosGuest(tmp_path).try_call(0x4C2A)
    assert (stop.reason, stop.status) == (StopReason.EXITED, 42)


def test_exe_segments_and_relocations(tmp_path: Path) -> None:
    """DS and ES are the PSP's; CS, SS and relocated words are the image's."""
    image = bytes(16) + b"\x00\x00\x34\x12" + bytes(12)
    file = mz(image, relocations=((1, 2),), cs=1, ip=4, ss=2, sp=0x80)
    guest = DosGuest(tmp_path, file, name="prog.exe")
    r = guest.registers
    assert r.ds == r.es == 0x0300
    assert (r.cs, r.ip, r.ss, r.sp) == (0x0311, 4, 0x0312, 0x80)
    assert guest.machine.memory.read_word(linear(0x0311, 2)) == 0x1234 + 0x0310


@pytest.mark.parametrize(
    ("minalloc", "maxalloc", "end"),
    [(0, 0xFFFF, 0xA000), (0, 0x20, 0x0312 + 0x20), (0x30, 0x20, 0x0312 + 0x30)],
)
def test_exe_gets_the_memory_it_asks_for(
    tmp_path: Path, minalloc: int, maxalloc: int, end: int
) -> None:
    """Ignoring minalloc and maxalloc leaves no memory for 48h, or too little for the program."""
    file = mz(bytes(32), minalloc=minalloc, maxalloc=maxalloc)
    guest = DosGuest(tmp_path, file)
    assert int.from_bytes(guest.get(2, 2), "little") == end


def test_exe_that_asks_for_nothing_lies_high(tmp_path: Path) -> None:
    """With minalloc and maxalloc 0 DOS loads at the end of memory."""
    guest = DosGuest(tmp_path, mz(bytes(32), minalloc=0, maxalloc=0))
    assert guest.registers.cs == 0xA000 - 2


def test_exe_larger_than_memory(tmp_path: Path) -> None:
    """A program that can't fit must be refused in one line."""
    with pytest.raises(DosError, match="not enough memory"):
        DosGuest(tmp_path, mz(b"x", minalloc=0xA000))


def test_command_tail(tmp_path: Path) -> None:
    """The tail has its leading space, all arguments and a CR; its length doesn't count the CR."""
    guest = DosGuest(tmp_path, arguments=["first", "second"])
    assert guest.get(15, 0x80) == b"\x0d first second\r"


def test_no_arguments_is_an_empty_tail(tmp_path: Path) -> None:
    """Programs test the length byte for zero."""
    assert DosGuest(tmp_path).get(2, 0x80) == b"\0\r"


@pytest.mark.parametrize("arguments", [["x" * 127], ["a\rb"], ["a\0"], ["漢"]])
def test_impossible_arguments_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    """What doesn't fit into a PSP must not be cut silently."""
    with pytest.raises(DosError, match="argument"):
        DosGuest(tmp_path, arguments=arguments)


def test_fcbs_and_drive_check(tmp_path: Path) -> None:
    """The first two arguments are parsed into FCBs; a drive that is absent shows in AX."""
    guest = DosGuest(tmp_path, arguments=["c:foo.txt", "b:*.c", "third"])
    assert guest.get(12, 0x5C) == b"\3FOO     TXT"
    assert guest.get(12, 0x6C) == b"\2????????C  "
    assert guest.registers.ax == 0xFF00


def test_environment_with_program_path(tmp_path: Path) -> None:
    """C programs find argv[0] behind the environment's strings."""
    guest = DosGuest(tmp_path, environment={"PATH": "C:\\", "A": "b"})
    segment = int.from_bytes(guest.get(2, 0x2C), "little")
    expected = b"PATH=C:\\\0A=b\0\0\1\0C:\\PROG.COM\0"
    assert guest.machine.memory.read(linear(segment, 0), len(expected)) == expected
    assert segment < 0x0300


def test_empty_environment_ends_in_two_zeros(tmp_path: Path) -> None:
    """A walk over the strings must find the end at once."""
    guest = DosGuest(tmp_path, environment={})
    segment = int.from_bytes(guest.get(2, 0x2C), "little")
    assert guest.machine.memory.read(linear(segment, 0), 4) == b"\0\0\1\0"


def test_environment_limit(tmp_path: Path) -> None:
    """An environment larger than DOS' 32 KiB must be refused, not overwrite DOS."""
    with pytest.raises(DosError, match="environment"):
        DosGuest(tmp_path, environment={"A": "x" * 32768})


def test_memory_chain_from_sysvars(tmp_path: Path) -> None:
    """Memory browsers walk from 52h's list: environment, program, free memory, to 640 KiB."""
    guest = DosGuest(tmp_path, mz(bytes(32), maxalloc=0x20))
    guest.psp = guest.registers.ds
    guest.machine.memory.write(linear(guest.psp, 0x100), b"\xcd\x21")
    guest.call(0x5200)
    r = guest.registers
    first = guest.machine.memory.read_word(linear(r.es, r.bx - 2))
    chain = list(arena.blocks(guest.machine.memory, first))
    assert [block.owner for block in chain] == [8, 0x0300, 0x0300, 0]
    assert chain[2].data == 0x0300
    assert chain[2].name == "PROG"
    assert chain[-1].next == 0xA000


def test_call_5_is_int_21h(tmp_path: Path) -> None:
    """CP/M style programs call PSP:5 with the function in CL."""
    code = b"\xb2A\xb1\x02\xe8\xfe\xfe\xc3"  # mov dl,'A'; mov cl,2; call 5; ret
    guest = DosGuest(tmp_path, code)
    stop = guest.machine.run(200)
    assert (stop.reason, guest.output()) == (StopReason.EXITED, b"A")


def test_psp_50h_calls_dos(tmp_path: Path) -> None:
    """A far call to PSP:50h is INT 21h."""
    assert DosGuest(tmp_path).get(3, 0x50) == b"\xcd\x21\xcb"


def test_divide_error_is_a_trap(tmp_path: Path) -> None:
    """A division by zero must stop with a signal, not run wild."""
    stop = DosGuest(tmp_path, b"\x31\xc9\xf7\xf1").machine.run(100)
    assert (stop.reason, stop.status) == (StopReason.TRAPPED, 8)


def test_hooked_int_21h_chains(tmp_path: Path) -> None:
    """A guest must be able to hook INT 21h and jump on to DOS."""
    guest = DosGuest(tmp_path)
    memory = guest.machine.memory
    old = memory.read(0x21 * 4, 4)
    # inc byte [cs:4000h]; jmp far old
    guest.put(b"\x2e\xfe\x06\x00\x40\xea" + old, 0x200)
    assert not guest.call(0x2521, dx=0x200)
    guest.put(b"\0")
    guest.registers.cs, guest.registers.ip = guest.psp, 0x100
    guest.registers.ax, guest.registers.dx = 0x0200, ord("x")
    guest.machine.run(4)
    assert (guest.get(1), guest.output()) == (b"\1", b"x")
