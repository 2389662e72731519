"""The BIOS of a PC's keyboard: INT 09h, INT 16h and what chords do."""

from __future__ import annotations

import pytest
from boot_sectors import (
    LOOP,
    PUT_COUNTER,
    SECOND,
    Pc,
    counter,
    hook,
    press,
    program,
    sector,
)
from hypothesis import given
from hypothesis import strategies as st

from blink16.bios.key_table import Modifiers, word_of
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.cpu.registers import ZF
from blink16.devices import keys
from blink16.timekeeping import IDLE_SECONDS


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (b"a", [0x1E61]),
        (b"A!", [0x1E41, 0x0221]),
        (b"\n", [0x1C0D]),
        (b"\r\n", [0x1C0D]),
        (b"\x7f\t\x1b", [0x0E08, 0x0F09, 0x011B]),
        (b"\x03", [0x2E03]),
        (b"\x1b[A\x1bOP", [0x4800, 0x3B00]),
        (b"\xe9", [0x00E9]),
    ],
)
def test_typed_text_comes_through_the_keyboard(typed: bytes, words: list[int]) -> None:
    """Text typed on the console goes through scan codes, IRQ 1, INT 09h and the buffer."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive(Console.CHANNEL, typed)
    pc_.machine.run(SECOND)
    for word in words:
        pc_.call(0x16, 0x0100)
        assert (pc_.registers.ax, pc_.registers.flags & ZF) == (word, 0)
        pc_.call(0x16, 0x0000)
        assert pc_.registers.ax == word
    pc_.call(0x16, 0x0100)
    assert pc_.registers.flags & ZF


def test_long_input_is_typed_as_it_is_read() -> None:
    """A pipe must not overrun the BIOS's buffer of fifteen keys while the guest computes."""
    text = bytes(range(ord("a"), ord("z") + 1)) * 2
    pc_ = Pc(sector(bytes.fromhex("b400cd16b40ecd10ebf6")))  # read a key, show it, again
    pc_.machine.receive(Console.CHANNEL, text)
    while pc_.machine.run(SECOND).reason is StopReason.BUDGET:
        pass
    assert b"".join(data for _, data in pc_.shown) == text


def test_pasted_text_waits_for_a_guest_that_computes_for_long() -> None:
    """Prevents a script's command from losing its end while CHKDSK takes a minute."""
    text = b"copy one.txt two.txt\r"
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive(Console.CHANNEL, text)
    pc_.let_pass(100)
    read = bytearray()
    while len(read) < len(text):
        pc_.call(0x16, 0x0100)
        assert not pc_.registers.flags & ZF
        pc_.call(0x16, 0x0000)
        read.append(pc_.registers.al)
        pc_.registers.ip = 0x7C00
        pc_.let_pass(0.1)
    assert read == text


def test_keys_pressed_one_by_one_come_at_once_though_nobody_reads_the_buffer() -> None:
    """Prevents a game that looks at port 60h from seeing one key a second after the eighth."""
    pc_ = Pc(sector(LOOP))
    for _ in range(30):
        pc_.machine.receive(Console.CHANNEL, b"a")
        pc_.let_pass(0.1)
        assert not pc_.console.waiting


def test_waiting_for_a_key_lets_time_pass() -> None:
    """INT 16h/00 waits with interrupts on, asleep; the key ends it and is returned."""
    pc_ = Pc(program(hook(0x1C) + bytes.fromhex("b400cd16") + LOOP, PUT_COUNTER))
    assert pc_.machine.run(SECOND).reason is StopReason.IDLE
    assert counter(pc_) >= 18 * IDLE_SECONDS
    assert pc_.machine.icount < 10_000
    pc_.machine.receive(Console.CHANNEL, b"k")
    pc_.machine.run(5000)
    assert pc_.registers.ax == 0x256B


def test_shift_states_are_in_the_data_area() -> None:
    """Programs look at 40:17 for Shift, Ctrl, Alt and the locks."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive("keyboard", bytes((0x2A, 0x1D, 0x3A, 0xBA)))
    pc_.machine.run(SECOND // 2)
    assert pc_.area.shift_flags & 0x46 == 0x46
    pc_.machine.receive("keyboard", bytes((0xAA, 0x9D)))
    pc_.machine.run(SECOND // 2)
    pc_.call(0x16, 0x0200)
    assert pc_.registers.al == 0x40


def test_ctrl_break_calls_its_interrupt() -> None:
    """Ctrl-Break must set 40:71 and call INT 1Bh, which DOS hooks."""
    pc_ = Pc(program(hook(0x1B) + LOOP, PUT_COUNTER))
    pc_.machine.run(100)
    press(pc_, "ctrl-break")
    assert counter(pc_) == 1
    assert pc_.machine.memory[0x471] & 0x80


def test_print_screen_prints_the_screen() -> None:
    """Shift-PrtSc must call INT 05h, which prints 25 lines on LPT1."""
    pc_ = Pc(sector(bytes.fromhex("b8410ecd10") + LOOP))
    pc_.machine.run(100)
    press(pc_, "shift-prtsc")
    printed = b"".join(data for channel, data in pc_.shown if channel == "lpt1")
    assert printed == b"\r\n".join([b"A".ljust(80)] + [b" " * 80] * 24) + b"\r\n"


def test_pause_holds_the_program_until_a_key() -> None:
    """Ctrl-NumLock stops the program, not the clock; the key that ends it is nobody's."""
    pc_ = Pc(sector(bytes.fromhex("ff060006ebfa")))  # inc word [0600h]; jmp
    press(pc_, "ctrl-numlock")
    held = counter(pc_)
    before = pc_.area.ticks
    pc_.machine.run(1000)
    assert (counter(pc_), pc_.area.ticks > before) == (held, True)
    press(pc_, "space")
    assert counter(pc_) != held
    pc_.call(0x16, 0x0100)
    assert pc_.registers.flags & ZF


@given(
    st.integers(0, 0x7F), st.builds(Modifiers, *[st.booleans()] * 5)
)  # fmt: skip
def test_every_key_gives_a_word_or_nothing(scan: int, held: Modifiers) -> None:
    """No key with whatever modifiers may crash INT 09h or give more than 16 bits."""
    word = word_of(scan, held)
    assert word is None or 0 <= word <= 0xFFFF


@given(st.binary(max_size=40))
def test_no_scan_codes_crash_the_machine(codes: bytes) -> None:
    """Any bytes from a keyboard must leave a machine that still ticks."""
    pc_ = Pc(sector(LOOP))
    pc_.machine.receive("keyboard", codes)
    pc_.machine.run(SECOND // 2)
    before = pc_.area.ticks
    pc_.machine.run(SECOND // 2)
    assert pc_.area.ticks != before


# -- 101 keys --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chord", "new", "old"),
    [
        ("f11", 0x8500, None),
        ("shift-f12", 0x8800, None),
        ("ctrl-f11", 0x8900, None),
        ("alt-f12", 0x8C00, None),
        ("greyup", 0x48E0, 0x4800),
        ("ctrl-greyleft", 0x73E0, 0x7300),
        ("ctrl-greydel", 0x93E0, None),
        ("alt-greyhome", 0x9700, None),
        ("keypad/", 0xE02F, 0x352F),
        ("keypadenter", 0xE00D, 0x1C0D),
        ("ctrl-keypadenter", 0xE00A, 0x1C0A),
        ("rctrl-a", 0x1E01, 0x1E01),
        ("ralt-a", 0x1E00, 0x1E00),
        ("up", 0x4800, 0x4800),
        ("ctrl-pgup", 0x8400, 0x8400),
        ("alt-=", 0x8300, 0x8300),
    ],
)
def test_keys_of_the_large_keyboard(chord: str, new: int, old: int | None) -> None:
    """10h and 11h give all 101 keys; 00h and 01h only what programs know of 83."""
    pc_ = Pc(sector(LOOP))
    press(pc_, chord)
    pc_.call(0x16, 0x1100)
    assert (pc_.registers.ax, pc_.registers.flags & ZF) == (new, 0)
    pc_.call(0x16, 0x0100)
    assert pc_.registers.flags & ZF == (ZF if old is None else 0)
    if old is not None:
        assert pc_.registers.ax == old
        pc_.call(0x16, 0x0000)
        assert pc_.registers.ax == old
    assert pc_.area.key_head == pc_.area.key_tail


def test_grey_keys_are_no_digits() -> None:
    """With NumLock on, the keypad types digits and the grey keys move the cursor."""
    pc_ = Pc(sector(LOOP))
    for chord in ("numlock", "keypad8", "greyup"):
        press(pc_, chord)
    words = []
    for _ in range(2):
        pc_.call(0x16, 0x0000)
        words.append(pc_.registers.ax)
    assert words == [0x4838, 0x4800]


def test_left_and_right_are_told_apart() -> None:
    """12h must show which Ctrl and Alt are down; letting one go leaves the other's effect."""
    pc_ = Pc(sector(LOOP))
    states = []
    for codes in ("1d", "e01d", "9d", "e038", "e09d", "e0b8"):
        pc_.machine.receive("keyboard", bytes.fromhex(codes))
        pc_.machine.run(SECOND // 10)
        pc_.call(0x16, 0x1200)
        states.append(pc_.registers.ax)
        pc_.registers.ip = 0x7C00
    assert states == [0x0104, 0x0504, 0x0404, 0x0C0C, 0x0808, 0x0000]


def test_alt_and_digits_give_a_character() -> None:
    """Alt with the keypad's digits gives any character, with code 0 as the key."""
    pc_ = Pc(sector(LOOP))
    codes = b"\x38" + b"".join(keys.chord(f"keypad{digit}") for digit in "224") + b"\xb8"
    pc_.machine.receive("keyboard", codes)
    pc_.machine.run(SECOND)
    pc_.call(0x16, 0x0000)
    assert pc_.registers.ax == 0x00E0


def test_keys_can_be_stored_and_the_buffer_has_an_end() -> None:
    """INT 16h/05 puts fifteen keys into the buffer and refuses the sixteenth."""
    pc_ = Pc(sector(LOOP))
    said = []
    for number in range(16):
        pc_.call(0x16, 0x0500, cx=0x1E61 + number)
        said.append(pc_.registers.al)
    assert said == [0] * 15 + [1]
    pc_.call(0x16, 0x1000)
    assert pc_.registers.ax == 0x1E61


def test_every_key_that_has_a_name_leaves_the_keyboard_at_rest() -> None:
    """No key may leave a modifier down in the data area."""
    pc_ = Pc(sector(LOOP))
    for name in keys.NAMES:
        pc_.machine.receive("keyboard", keys.chord(name))
        pc_.machine.run(SECOND // 20)
        assert (name, pc_.area.shift_flags & 0xFF0F, pc_.area.keyboard_state) == (name, 0, 0x10)
