"""Monitor commands that move mice and joysticks, as a user types them."""

from __future__ import annotations

import pytest
from boot_sectors import sector

from blink16 import monitor
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import XT, Cards
from blink16.devices.gameport import GamePort, held
from blink16.devices.mouse import FARTHEST, movement, movements
from blink16.dos.mouse import Mouse
from blink16.screens.input import TerminalInput
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

READS_STICK = bytes.fromhex("31c08ed8ba0102eeb9000031dbeca80174094381fb0010 72f4ebe9 891e0006 ebe3")
"""out 201h / count in BX while bit 0 of in al, 201h is set / mov [600h], bx / again."""
READS_LINE = bytes.fromhex(
    "fa31c08ed88ec0fcbf0006"  # cli; es:di = 0:600h
    "bafb03b080eebaf803b060ee42b000eebafb03b002eebafc03b003ee"  # 1200 baud, 7N1; DTR and RTS
    "bafd03eca80174f8baf803ecaaebf1"  # each byte that comes
)
POLLS_INT33 = bytes.fromhex("31c0cd33b80300cd33ebf9")
"""mov ax,0 / int 33h / again: mov ax,3 / int 33h / jmp again"""


def debugger_of(code: bytes, kind: ProgramKind, cards: Cards = XT) -> Debugger:
    """Return a debugger of a boot sector or a DOS program."""
    content = sector(code) if kind is ProgramKind.BOOT else code
    options = Options(setup=PcSetup(cards=cards))
    machine = loader.load(Program("m.com", kind, content), (), options).machine
    machine.idle_after = 1 << 62
    return Debugger(machine)


def say(debugger: Debugger, line: str) -> str:
    """Carry out a monitor command, and let the machine run on."""
    said = monitor.execute(debugger, line)
    debugger.resume(Resume(count=30_000))
    return said


def test_a_serial_mouse_sends_what_the_user_moves() -> None:
    """No user without a terminal's mouse could move one, nor any script."""
    debugger = debugger_of(READS_LINE, ProgramKind.BOOT, Cards(mouse=True))
    debugger.resume(Resume(count=30_000))
    assert debugger.machine.memory.read(0x600, 1) == b"M"
    assert say(debugger, "mouse 5 -3 left") == ""
    assert debugger.machine.memory.read(0x601, 3) == bytes((0x6C, 0x05, 0x3D))
    before = debugger.timeline.now, debugger.machine.save()
    debugger.seek(100)
    assert debugger.machine.memory.read(0x601, 3) == bytes(3)
    debugger.seek(before[0])
    assert debugger.machine.save() == before[1]


def test_a_dos_programs_mouse_moves_in_mickeys() -> None:
    """Eight mickeys are eight dots across, sixteen eight down; what makes no dot isn't lost."""
    debugger = debugger_of(POLLS_INT33, ProgramKind.DOS_COM)
    debugger.resume(Resume(count=1_000))
    say(debugger, "mouse -20 1 right")
    mouse = debugger.machine.find(Mouse)
    assert mouse is not None
    assert (mouse.state.buttons, mouse.state.x, mouse.state.y) == (2, 300, 100)
    say(debugger, "mouse 0 1")
    assert (mouse.state.buttons, mouse.state.x, mouse.state.y) == (0, 300, 101)
    assert (mouse.state.moved_x, mouse.state.moved_y) == (-20, 2)
    say(debugger, "mouse -10000 10000")
    assert (mouse.state.x, mouse.state.y) == (0, 199)


def test_a_joystick_is_held_where_the_user_says() -> None:
    """A joystick in the slot could not be moved at all."""
    debugger = debugger_of(READS_STICK, ProgramKind.BOOT, Cards(joystick=True))
    counts = []
    for line in ("joystick 0 128", "joystick", "joystick 255 0 a"):
        assert say(debugger, line) == ""
        counts.append(debugger.machine.memory.read_word(0x600))
    assert 0 < counts[0] < counts[1] < counts[2]
    assert debugger.machine.bus.read(0x201) & 0xF0 == 0xE0


@pytest.mark.parametrize(
    ("cards", "line", "said"),
    [
        (XT, "mouse 1 1", "no mouse: --card mouse"),
        (XT, "joystick", "no joystick: --card joystick"),
        (Cards(mouse=True), "mouse", "usage:"),
        (Cards(mouse=True), "mouse 1", "usage:"),
        (Cards(mouse=True), "mouse 1 x", "'x' is no number"),
        (Cards(mouse=True), "mouse 1 --2", "'--2' is no number"),
        (Cards(mouse=True), "mouse 10001 0", "no number from -10000 to 10000"),
        (Cards(mouse=True), "mouse 1 1 upper", "usage:"),
        (Cards(joystick=True), "joystick 1", "usage:"),
        (Cards(joystick=True), "joystick 1 2 3", "usage:"),
        (Cards(joystick=True), "joystick 1 256", "no number from 0 to 255"),
        (Cards(joystick=True), "joystick a 5", "usage:"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(cards: Cards, line: str, said: str) -> None:
    """Nonsense must not move anything."""
    debugger = debugger_of(b"\xeb\xfe", ProgramKind.BOOT, cards)
    answer = monitor.execute(debugger, line)
    assert said in answer
    assert answer.count("\n") == 1
    assert not debugger.timeline.inbox.queued


def test_long_ways_come_in_pieces() -> None:
    """A mouse's protocol has seven bits; what was beyond was cut off."""
    sent = movements(300, -2, 1)
    pieces = [sent[at : at + 3] for at in range(0, len(sent), 3)]
    assert sum(piece[0] for piece in pieces) == 300
    assert max(piece[0] for piece in pieces) <= FARTHEST
    assert movements(0, 0, 4) == movement(0, 0, middle=True)


def test_a_terminals_mouse_holds_the_joystick() -> None:
    """The screen's edges are the stick's; two buttons are its own."""
    terminal = TerminalInput()
    _, events = terminal.take(b"\x1b[<0;1;25M")
    assert events[GamePort.CHANNEL] == held(0, 255, pressed=1)
    _, events = terminal.take(b"\x1b[<32;80;1M")
    assert events[GamePort.CHANNEL] == held(255, 0, pressed=1)
    _, events = terminal.take(b"\x1b[<0;200;90m")
    assert events[GamePort.CHANNEL] == held(255, 255)


def test_a_dos_programs_mouse_is_put_somewhere() -> None:
    """Prevents a view whose pointer is elsewhere than the guest's, and a place for mice that have
    none.
    """
    debugger = debugger_of(POLLS_INT33, ProgramKind.DOS_COM)
    debugger.resume(Resume(count=2_000))
    assert say(debugger, "mouse to 100 60 left") == ""
    mouse = debugger.machine.component(Mouse.CHANNEL)
    assert isinstance(mouse, Mouse)
    assert (mouse.state.x, mouse.state.y, mouse.state.buttons) == (100, 60, 1)
    assert say(debugger, "mouse to 9000 9000") == ""
    assert (mouse.state.x, mouse.state.y, mouse.state.buttons) == (639, 199, 0)
    for wrong in ("to", "to 1", "to -1 1", "to 1 2 3", "to 1 99999"):
        assert "usage" in (said := say(debugger, f"mouse {wrong}")) or "no number" in said
    booted = debugger_of(READS_LINE, ProgramKind.BOOT, Cards(mouse=True))
    assert "INT 33h" in say(booted, "mouse to 1 1")
