"""DOS' character calls: what programs read from and write to the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from dos_guest import SCRATCH, DosGuest

from blink16.bios.key_buffer import KeyBuffer
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.cpu.registers import ZF
from blink16.devices.keyboard import Keyboard
from blink16.devices.keys import chord
from blink16.dos.mouse import EVENT, Mouse

READS_A_LINE = bytes.fromhex("ba0002 c606000208 b40a cd21 cd20")
"""mov dx,200h; mov byte [200h],8; mov ah,0Ah; int 21h; int 20h"""
TAKES_A_KEY = bytes.fromhex("b400 cd16 3c0d 75f8 cd20")
"""key: mov ah,0; int 16h; cmp al,13; jne key; int 20h"""
HANDLES_MOUSE = bytes.fromhex("eb07 2ec60600024d cb b80000 cd33 b80c00 b90100 ba0201 cd33")
"""jmp start; handler: mov byte [cs:200h],'M'; retf; start: int 33h/00h; int 33h/0Ch, of moves"""


@pytest.fixture
def guest(tmp_path: Path) -> DosGuest:
    """Return a machine with a DOS program."""
    return DosGuest(tmp_path)


def test_output_goes_to_its_channel(guest: DosGuest) -> None:
    """Characters, strings and handles 1 and 2 must come out where they belong, unchanged."""
    guest.call(0x0200, dx=ord("a"))
    guest.put(b"b\xe9\r\n$no")
    guest.call(0x0900, dx=SCRATCH)
    guest.call(0x4000, bx=1, cx=2, dx=SCRATCH)
    guest.call(0x4000, bx=2, cx=1, dx=SCRATCH)
    assert guest.output() == b"ab\xe9\r\nb\xe9"
    assert guest.output("stderr") == b"b"


def test_int_29h_shows_al(tmp_path: Path) -> None:
    """Fast console output is used by ANSI programs."""
    guest = DosGuest(tmp_path, b"\xb0Q\xcd\x29\xc3")
    guest.machine.run(1000)
    assert guest.output() == b"Q"


@pytest.mark.parametrize("call", [0x01, 0x06, 0x07, 0x08])
def test_reading_a_character(guest: DosGuest, call: int) -> None:
    """Enter is CR for DOS programs, whether a terminal sends LF or a file has CR LF."""
    guest.console.receive(b"x\ny\r\nz")
    read = []
    for _ in range(5):
        guest.call(call << 8, dx=0xFF)
        read.append(guest.registers.al)
    assert bytes(read) == b"x\ry\rz"


@pytest.mark.parametrize("call", [0x01, 0x07, 0x08, 0x0A, 0x3F])
def test_a_blocking_read_waits_and_changes_nothing(guest: DosGuest, call: int) -> None:
    """A read on an empty console must stop the machine in a state that can be run again."""
    guest.put(b"\x10\x55\x55")
    guest.try_call(call << 8, bx=0, cx=8, dx=SCRATCH)
    before = guest.machine.save(), bytes(guest.machine.memory.ram)
    stop = guest.machine.run(1)
    assert stop.reason is StopReason.WAITING
    assert (guest.machine.save(), bytes(guest.machine.memory.ram)) == before
    guest.machine.receive(Console.CHANNEL, b"k\n")
    assert guest.machine.run(1).reason is StopReason.BUDGET


def test_direct_input_says_when_nothing_waits(guest: DosGuest) -> None:
    """06h must not block: ZF tells that there's no key."""
    guest.call(0x0600, dx=0xFF)
    assert guest.registers.flags & ZF
    assert guest.registers.al == 0
    guest.call(0x0B00)
    assert guest.registers.al == 0
    guest.console.receive(b"k")
    guest.call(0x0B00)
    assert guest.registers.al == 0xFF
    guest.call(0x0600, dx=0xFF)
    assert not guest.registers.flags & ZF
    assert guest.registers.al == ord("k")


def test_buffered_line(guest: DosGuest) -> None:
    """0Ah returns the length without CR, the line with CR, and no more than fits."""
    guest.console.receive(b"hello\nlonger than that\n")
    guest.put(b"\x08" + b"\xcc" * 12)
    guest.call(0x0A00, dx=SCRATCH)
    assert guest.get(9) == b"\x08\x05hello\r\xcc"
    guest.call(0x0A00, dx=SCRATCH)
    assert guest.get(11) == b"\x08\x07longer \r\xcc"


def test_read_from_handle_0_is_by_line(guest: DosGuest) -> None:
    """3Fh gives lines ending in CR LF, in pieces if the buffer is small, and 0 at Ctrl-Z."""
    guest.console.receive(b"ab\ncd\r\n\x1a\n")
    pieces = []
    for _ in range(4):
        guest.call(0x3F00, bx=0, cx=3, dx=SCRATCH)
        pieces.append(guest.get(guest.registers.ax))
    assert pieces == [b"ab\r", b"\n", b"cd\r", b"\n"]
    guest.call(0x3F00, bx=0, cx=3, dx=SCRATCH)
    assert guest.registers.ax == 0


@pytest.mark.parametrize("pressed", [b"key\r", b"ke"], ids=["a line", "its beginning"])
def test_a_line_of_keys_comes_in_spite_of_a_pipe(guest: DosGuest, pressed: bytes) -> None:
    """Prevents keys, of `monitor key` for one, that a program which reads lines never sees."""
    pipe = b"key\n"[len(pressed) :] + b"pipe\n"
    for call, end in ((0x0A, b""), (0x3F, b"\r\n")):
        guest.console.receive(pipe)
        for code in pressed:
            KeyBuffer(guest.machine.memory).put(code)
        lines = []
        for _ in range(2):
            guest.put(b"\x10\0")
            guest.call(call << 8, bx=0, cx=16, dx=SCRATCH)
            size = guest.registers.ax if end else guest.get(1, SCRATCH + 1)[0]
            lines.append(guest.get(size, SCRATCH + (0 if end else 2)))
        assert lines == [b"key" + end, b"pipe" + end]
    assert guest.output() == b"key\rkey\r\n"


def test_a_line_waits_for_keys_that_were_pressed(tmp_path: Path) -> None:
    """Prevents a read that asks for more of a pipe while the keyboard still sends its codes."""
    guest = DosGuest(tmp_path, READS_A_LINE)
    for key in ("h", "i", "enter"):
        guest.machine.receive(Keyboard.CHANNEL, chord(key))
    stop = guest.machine.run(100_000)
    assert stop.reason is StopReason.EXITED
    assert guest.get(5, 0x200) == b"\x08\x02hi\r"


@pytest.mark.parametrize("program", [READS_A_LINE, TAKES_A_KEY], ids=["21h/0Ah", "16h/00h"])
@pytest.mark.parametrize("key", ["h", "shift-h", "f1"])
def test_a_program_that_waits_for_a_pipe_sees_a_key(
    program: bytes, key: str, tmp_path: Path
) -> None:
    """Prevents a key that is never seen: it came while the program waited for its pipe."""
    guest = DosGuest(tmp_path, program)
    for chord_ in (key, "enter"):
        assert guest.machine.run(100_000).reason is StopReason.WAITING
        guest.machine.receive(Keyboard.CHANNEL, chord(chord_))
    assert guest.machine.run(100_000).reason is StopReason.EXITED


@pytest.mark.parametrize(
    ("call", "begun"),
    [("b400 cd16", b""), ("b408 cd21", b""), ("b43f b90800 31db ba1002 cd21", b"li")],
    ids=["16h/00h", "21h/08h", "21h/3Fh"],
)
def test_a_program_that_waits_for_a_pipe_is_interrupted(
    call: str, begun: bytes, tmp_path: Path
) -> None:
    """Prevents a mouse's handler that isn't called while the program waits for its pipe.

    Nor may what was interrupted take anything of a line that isn't whole.
    """
    guest = DosGuest(tmp_path, HANDLES_MOUSE + bytes.fromhex(call) + b"\xcd\x20")
    if begun:
        guest.console.receive(begun)
    assert guest.machine.run(100_000).reason is StopReason.WAITING
    moved = EVENT.build({"buttons": 0, "x": 200, "y": 5})
    guest.machine.receive(Mouse.CHANNEL, moved)
    assert guest.machine.run(100_000).reason is StopReason.WAITING
    assert guest.get(1, 0x200) == b"M"
    guest.console.receive(b"ne\n")
    assert guest.machine.run(100_000).reason is StopReason.EXITED
    assert guest.get(6, 0x210) == (b"line\r\n" if begun else bytes(6))


def test_keys_before_the_end_of_a_pipe_are_a_line(guest: DosGuest) -> None:
    """Prevents a read that waits for ever for the line's end."""
    KeyBuffer(guest.machine.memory).put(ord("k"))
    guest.console.receive(b"")
    guest.put(b"\x10\0")
    guest.call(0x0A00, dx=SCRATCH)
    assert guest.get(3) == b"\x10\x01k"


def test_end_of_input(guest: DosGuest) -> None:
    """At the end of input reads return 0 and Ctrl-Z; a program that wants ever more is stopped."""
    guest.console.receive(b"tail")
    guest.console.receive(b"")
    guest.call(0x3F00, bx=0, cx=80, dx=SCRATCH)
    assert guest.get(guest.registers.ax) == b"tail"
    guest.call(0x3F00, bx=0, cx=80, dx=SCRATCH)
    assert guest.registers.ax == 0
    for _ in range(64):
        guest.call(0x0800)
        assert guest.registers.al == 0x1A
    stop = guest.try_call(0x0800)
    assert (stop.reason, stop.status) == (StopReason.TRAPPED, 1)


def test_ctrl_c_ends_the_program_by_default(guest: DosGuest) -> None:
    """Ctrl-C at a read is INT 23h, which ends the program."""
    guest.console.receive(b"\x03")
    guest.call(0x0800)
    assert guest.machine.run(10).reason is StopReason.EXITED


def test_ctrl_c_handler_returns_to_the_read(guest: DosGuest) -> None:
    """A program's INT 23h that returns must come back to the call, which reads on."""
    guest.put(b"\x2e\xfe\x06\x00\x40\xcf", 0x200)  # inc byte [cs:4000h]; iret
    guest.put(b"\0")
    guest.call(0x2523, dx=0x200)
    guest.console.receive(b"\x03k")
    guest.call(0x0800)
    guest.machine.run(3)
    assert (guest.get(1), guest.registers.al) == (b"\1", ord("k"))
    assert (guest.registers.cs, guest.registers.ip) == (guest.psp, 0x102)
    assert guest.registers.sp == 0xFFFE


def test_flush_keeps_what_comes_while_it_waits(guest: DosGuest) -> None:
    """0Ch throws away what was typed before the call, and nothing after."""
    guest.console.receive(b"old")
    guest.call(0x0C08)
    assert guest.machine.run(1).reason is StopReason.WAITING
    guest.console.receive(b"n")
    assert guest.machine.run(1).reason is StopReason.BUDGET
    assert guest.registers.al == ord("n")


def test_state_goes_back_in_time(guest: DosGuest) -> None:
    """Restoring a machine must bring back input that was read since."""
    guest.console.receive(b"one\ntwo\n")
    guest.call(0x3F00, bx=0, cx=2, dx=SCRATCH)
    saved = guest.machine.save()
    guest.call(0x3F00, bx=0, cx=20, dx=SCRATCH)
    first = guest.get(guest.registers.ax)
    guest.machine.restore(saved)
    guest.call(0x3F00, bx=0, cx=20, dx=SCRATCH)
    assert guest.get(guest.registers.ax) == first == b"e\r\n"


@pytest.mark.parametrize("code", ["b8004ccd21", "b408cd21"], ids=["ends", "waits"])
def test_a_call_that_leaves_the_machine_before_itself_changes_nothing(
    tmp_path: Path, code: str
) -> None:
    """Prevents a state at one instant that depends on whether the call there was tried.

    mov ax,4C00h; int 21h, or mov ah,08h; int 21h
    """
    tried, untried = (DosGuest(tmp_path, bytes.fromhex(code)).machine for _ in range(2))
    stop = tried.run(100)
    assert stop.reason in (StopReason.EXITED, StopReason.WAITING)
    untried.run(tried.icount)
    assert untried.save() == tried.save()
