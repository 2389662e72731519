"""The keyboard, the 8255A that reads it, and the scan codes of keys and text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pc_guest import PcGuest

from blink16.devices import keys
from blink16.devices.keyboard import MAX_WAITING
from blink16.devices.pc import KEYBOARD_IRQ
from blink16.devices.ppi import Display, switches

ACKNOWLEDGE = (0xC8, 0x48)


class Kit:
    """A PC's keyboard, with time in the test's hands."""

    def __init__(self) -> None:
        self.pc = PcGuest()
        self.keyboard = self.pc.devices.keyboard

    def wait(self, milliseconds: int = 10) -> None:
        """Let time pass."""
        machine = self.pc.machine
        machine.registers.cycles += milliseconds * 1000
        due = self.keyboard.due()
        if due is not None and due <= machine.time:
            self.keyboard.advance(machine.time)

    def interrupts(self) -> bool:
        """Whether IRQ 1 is high."""
        return bool(self.pc.devices.pic.state.lines & 1 << KEYBOARD_IRQ)


def test_a_code_waits_for_the_one_before_it() -> None:
    """Prevents a code from being overwritten before the program has seen it."""
    kit = Kit()
    kit.pc.machine.receive("keyboard", b"\x1e\x9e")
    kit.wait(1000)
    assert kit.interrupts()
    assert kit.pc.devices.keyboard.state.code == 0x1E
    kit.pc.out(0x61, *ACKNOWLEDGE)
    assert not kit.interrupts()
    assert kit.pc.in_(0x60) == 0  # the register has been cleared
    kit.wait()
    assert kit.interrupts()
    assert kit.pc.in_(0x60) == 0x9E


def test_reading_the_code_will_do_as_an_acknowledgement() -> None:
    """Prevents programs written for an AT from getting a single key only."""
    kit = Kit()
    kit.pc.machine.receive("keyboard", b"\x1e\x9e")
    assert [kit.pc.in_(0x60), kit.pc.in_(0x60)] == [0x1E, 0x1E]
    kit.wait()
    assert kit.pc.in_(0x60) == 0x9E


def test_an_interrupt_follows_each_code() -> None:
    """Prevents edges that the 8259A can't see."""
    kit = Kit()
    kit.pc.machine.receive("keyboard", b"\x1e\x9e")
    pic = kit.pc.devices.pic
    for _ in range(2):
        assert pic.acknowledge() == 0x09
        kit.pc.in_(0x60)
        kit.pc.out(0x61, *ACKNOWLEDGE)
        kit.pc.out(0x20, 0x20)
        assert not pic.pending()
        kit.wait()


def test_a_keyboard_whose_clock_was_held_low_tests_itself() -> None:
    """Prevents a BIOS's keyboard test from failing."""
    kit = Kit()
    kit.pc.out(0x61, 0x08)
    kit.wait(20)
    kit.pc.out(0x61, *ACKNOWLEDGE)
    kit.wait()
    assert kit.pc.in_(0x60) == 0xAA


def test_a_held_keyboard_sends_nothing() -> None:
    """Prevents codes while the program holds the clock or the register."""
    for held in (0x08, 0xC8):
        kit = Kit()
        kit.pc.out(0x61, held)
        kit.pc.machine.receive("keyboard", b"\x1e")
        kit.wait()
        assert not kit.interrupts()
        kit.pc.out(0x61, 0x48)
        kit.wait()
        assert kit.interrupts()


def test_too_much_typing_is_dropped() -> None:
    """Prevents an endless paste from filling the memory."""
    kit = Kit()
    for _ in range(20):
        kit.pc.machine.receive("keyboard", bytes(MAX_WAITING // 8))
    assert len(kit.keyboard.state.waiting) <= MAX_WAITING


def test_the_switches_are_the_equipment() -> None:
    """Prevents a BIOS from reading another screen or number of drives than there is."""
    assert switches(Display.COLOR_80X25, 2) == 0b0110_1101
    pc = PcGuest()
    pc.out(0x61, 0x48)
    high = pc.in_(0x62) & 0xF
    pc.out(0x61, 0x40)
    low = pc.in_(0x62) & 0xF
    assert high << 4 | low == switches(Display.COLOR_80X25, 1) == 0b0010_1101


def test_the_refresh_bit_toggles() -> None:
    """Prevents delay loops of AT programs from hanging."""
    pc = PcGuest()
    seen = set()
    for _ in range(40):
        seen.add(pc.in_(0x61) & 0x10)
        pc.machine.registers.cycles += 1
    assert seen == {0, 0x10}


# -- scan codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (b"a", "1e 9e"),
        (b"A", "2a 1e 9e aa"),
        (b"\r\n", "1c 9c"),
        (b"\n", "1c 9c"),
        (b"\x03", "1d 2e ae 9d"),
        (b"\x7f", "0e 8e"),
        (b"\x1b", "01 81"),
        (b"\x1b[A", "48 c8"),
        (b"\x1b[15~x", "3f bf 2d ad"),
        (b"\x80", "38 4f cf 50 d0 48 c8 b8"),  # Alt and the digits of 128 on the keypad
        (b"?", "2a 35 b5 aa"),
    ],
)
def test_text_is_typed_as_people_type_it(text: bytes, codes: str) -> None:
    """Prevents wrong keys, and modifiers that stay down or come too late."""
    assert keys.typed(text) == bytes.fromhex(codes)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("ctrl-alt-del", "1d 38 53 d3 b8 9d"),
        ("F1", "3b bb"),
        ("-", "0c 8c"),
        ("shift-minus", "2a 0c 8c aa"),
        ("ctrl-break", "1d 46 c6 9d"),
        ("f12", "58 d8"),
        ("keypad7", "47 c7"),
        ("shift-keypad-", "2a 4a ca aa"),
        ("ctrl--", "1d 0c 8c 9d"),
        ("keypad/", "e0 35 e0 b5"),
        ("rctrl-greyup", "e0 1d e0 48 e0 c8 e0 9d"),
        ("alt-keypadenter", "38 e0 1c e0 9c b8"),
        ("pause", "1d 45 c5 9d"),
    ],
)
def test_chords_by_name(name: str, codes: str) -> None:
    """Prevents a chord whose keys go up before all are down."""
    assert keys.chord(name) == bytes.fromhex(codes)


def test_an_unknown_key_is_named() -> None:
    """Prevents a misspelt key from being ignored."""
    with pytest.raises(ValueError, match="no key 'hyper'"):
        keys.chord("ctrl-hyper-x")
    for name in ("", "-a", "ctrl-"):
        with pytest.raises(ValueError, match="no key"):
            keys.chord(name)


@given(st.binary(max_size=100))
def test_whatever_is_typed_ends_with_all_keys_up(text: bytes) -> None:
    """Prevents a key, above all a modifier, from staying down."""
    down: set[int] = set()
    for code in keys.typed(text):
        assert (code & keys.BREAK == 0) != (code & 0x7F in down)
        down ^= {code & 0x7F}
    assert not down
