"""The server's terminal as a PC's screen: what is shown when."""

from __future__ import annotations

import signal

import pytest
from boot_sectors import sector
from test_display import SmallTerminal

from blink16.debugger import Resume
from blink16.server import ProgramSource, ScreenConsole, Slot, StreamConsole
from blink16.server.screen import MAX_LINE
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import MAX_AHEAD
from blink16.terminals.terminal import InputReader

SIZE = (80, 26)
SHOW_A_TO_Z = bytes.fromhex("b8410e cd10 40 3c5b 75f9 f4 ebfd")  # al from 'A' to 'Z'; hlt


@pytest.fixture
def slot() -> Slot:
    """Return a PC that has written the alphabet on its screen."""
    program = Program("letters.img", ProgramKind.BOOT, sector(SHOW_A_TO_Z))
    made = Slot(1, ProgramSource(program, (), Options()), StreamConsole(print), print)
    made.debugger.resume(Resume(count=2870))
    return made


@pytest.fixture
def console(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> ScreenConsole:
    """Return a console that shows it, and leaves the tests' own standard input alone."""
    monkeypatch.setattr(InputReader, "want", lambda self: None)
    made = ScreenConsole(print, lambda: None)
    made.attach(slot)
    return made


def test_it_shows_the_present(slot: Slot, console: ScreenConsole) -> None:
    """After a step back the letter that is undone must go from the screen too."""
    terminal = SmallTerminal(*SIZE)
    terminal.show(console.picture(*SIZE))
    assert terminal.text()[0] == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert terminal.text()[25].startswith(" stands |")
    for _ in range(2):
        slot.debugger.resume(Resume(backward=True, count=1200))
        terminal.show(console.picture(*SIZE))
    assert terminal.text()[0] == "ABCD"
    assert "in its past" in terminal.text()[25]


def test_it_stands_still_while_the_machine_travels(slot: Slot, console: ScreenConsole) -> None:
    """A search backward passes through thousands of pictures; none of them is the present."""
    terminal = SmallTerminal(*SIZE)
    terminal.show(console.picture(*SIZE))
    slot.hosted.runs = True
    slot.debugger.timeline.seek(104)
    terminal.show(console.picture(*SIZE))
    assert terminal.text()[0] == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert "moves through its past" in terminal.text()[25]
    slot.hosted.runs = False
    terminal.show(console.picture(*SIZE))
    assert terminal.text()[0] == "A"


def test_keys_wait_for_the_machine(slot: Slot, console: ScreenConsole) -> None:
    """Keys typed while it stands are inputs of the moment at which it runs on, and bounded."""
    for _ in range(40):
        console._take(b"x" * 65536)
    assert slot.debugger.timeline.inputs() == []
    now = slot.debugger.timeline.now
    slot.debugger.resume(Resume(count=1))
    inputs = slot.debugger.timeline.inputs()
    assert {entry.icount for entry in inputs} == {now}
    assert len(inputs) == 16


def test_lines_read_no_more_than_the_guest_takes(slot: Slot) -> None:
    """A flood must wait outside while the machine stands, and while its guest takes nothing; a
    line that is not concerned goes on.
    """
    assert slot.hosted.has_room("console")
    slot.type(b"x" * 2 * MAX_AHEAD)
    assert not slot.hosted.has_room("console")
    slot.debugger.resume(Resume(count=1))
    assert not slot.hosted.has_room("console")
    assert slot.hosted.has_room("com1")
    slot.debugger.receive("com1", b"x" * 2 * MAX_AHEAD)
    slot.debugger.resume(Resume(count=1))
    assert not slot.hosted.has_room("com1")


def test_the_quit_key_ends_the_server() -> None:
    """Ctrl-] among other keys, and a terminal that is gone, end the server; once is enough."""
    ended: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    console = ScreenConsole(print, lambda: ended.append("end"))
    console._take(b"ab\x1dcd")
    console._take(b"")
    assert len(ended) == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_said_before_the_picture_is_said_at_once() -> None:
    """Messages must not be lost in either of its states; closing without begin does nothing."""
    said: list[str] = []
    console = ScreenConsole(said.append)
    console.say("com1 is at 127.0.0.1:1")
    console.close()
    assert said == ["com1 is at 127.0.0.1:1"]


@pytest.mark.parametrize("same", [True, False])
def test_what_others_print_is_not_lost(
    same: bool,
    console: ScreenConsole,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Other machines' output goes to standard error if that is no terminal, else it is told line
    by line; our own PC's is in its picture.
    """
    monkeypatch.setattr("blink16.terminals.terminal.shows_errors", lambda: same)
    said: list[str] = []
    monkeypatch.setattr(console, "_say", said.append)
    console.show(1, "console", b"in the picture\n")
    for part in (b"one\r\ntw", b"o\n", b"\n", b"x" * 1000, b"y\nrest"):
        console.show(2, "console", part)
    console.want(1, print)
    for _ in range(3):
        console.want(2, print)
    waits = "process 2 waits for input; give it a --console of its own"
    printed = capfdbinary.readouterr().err
    if same:
        lines = ["process 2: one", "process 2: two", f"process 2: {'x' * (MAX_LINE - 1)}y", waits]
        assert said == lines
        assert printed == b""
    else:
        assert said == [waits]
        assert printed == b"one\r\ntwo\n\n" + b"x" * 1000 + b"y\nrest"
