"""DOS programs under the server, with a person at their keyboard and screen: terminal, telnet."""

from __future__ import annotations

import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dos_programs import path
from gdb_client import Talker
from test_cli import ENVIRONMENT, SERVE, command
from test_display import SmallTerminal
from test_lines import Debugger, Pty, connect_plainly, on_a_terminal, plug
from test_painted_socket import Telnetter, told, where

from blink16.debugger import Resume
from blink16.packets import frame
from blink16.server import Fittings, ProgramSource, ScreenConsole, Slot
from blink16.setup.loader import Options, read

SIZE = (80, 26)


@contextmanager
def running(terminal: Pty) -> Iterator[None]:
    """Have a debugger that lets the first machine of a server run."""
    said = terminal.expect(r"Listening on 127\.0\.0\.1:\d+")
    with connect_plainly(said.rpartition(" ")[2]) as debugger:
        debugger.sendall(frame(b"vCont;c"))
        yield


def test_a_program_that_prints_is_text_on_the_servers_terminal(tmp_path: Path) -> None:
    """Keys must come raw, be echoed and edited by DOS, and no picture be painted for that."""
    with on_a_terminal(str(path("line")), cwd=tmp_path) as terminal:
        with running(terminal):
            terminal.expect(r"name\? ")
            assert not termios.tcgetattr(terminal.slave)[3] & (termios.ECHO | termios.ICANON)
            terminal.type("Axü".encode() + b"\x1b[D\r")  # left takes back a character
            shown = terminal.expect(r"got Ax")
            assert "Axü" in shown
            assert "\x1b[2J" not in shown
        terminal.type(b"\x1d")
        assert terminal.wait() == 0


def test_a_program_that_uses_the_screen_is_a_picture(tmp_path: Path) -> None:
    """What bypasses DOS would not be seen at all; afterwards the terminal is usable."""
    with on_a_terminal(str(path("vid")), cwd=tmp_path) as terminal:
        with running(terminal):
            terminal.expect(r"\x1b\[2J")
            terminal.expect("HI|H.*I")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 0


@contextmanager
def served(name: str, place: str, folder: Path) -> Iterator[Talker]:
    """Run a server with a program whose console is a socket."""
    words = command(SERVE, "--port", "0", "--console", place, str(path(name)))
    with Talker(words, cwd=folder, environment=ENVIRONMENT) as talker:
        yield talker


def test_keys_over_a_painted_socket(tmp_path: Path) -> None:
    """A telnet peer's chords and characters must be keys, and its mouse INT 33h's."""
    with served("alt", "screen:tcp:0", tmp_path) as server:
        address = where(server)
        debugger = Debugger(server)
        with Telnetter(address) as peer:
            peer.type(told(80, 25) + b"\x1bf")
            debugger.send(b"vCont;c")
            peer.until("Alt-F")
            debugger.close()
    with served("mouse", "screen:tcp:0", tmp_path) as server:
        address = where(server)
        debugger = Debugger(server)
        with Telnetter(address) as peer:
            peer.type(told(80, 25))
            debugger.send(b"vCont;c")
            while "\x1b[?1006h" not in peer.sent:
                assert peer._more()
            peer.type(b"\x1b[<0;11")
            peer.type(b";6M")
            peer.until("0001 0050 0028")
            debugger.close()


def test_keys_over_a_plain_socket(tmp_path: Path) -> None:
    """A console's socket is somebody's keyboard, and what is printed comes back as it is."""
    with served("line", "tcp:0", tmp_path) as server, plug(server, "console", tmp_path) as peer:
        debugger = Debugger(server)
        debugger.send(b"vCont;c")
        said = b""
        peer.sendall(b"Ab\x08c\rz")
        while b"got Ac" not in said:
            said += peer.recv(1000)
        assert b"Ab\x08 \x08c" in said
        debugger.close()


# -- text or picture -------------------------------------------------------------------------


@pytest.fixture
def slot() -> Slot:
    """Return a program that prints, waits for a line, and prints it, with its keyboard."""
    console = ScreenConsole(print, lambda: None)
    source = ProgramSource(read(str(path("line"))), (), Options())
    made = Slot(1, source, console, print, fittings=Fittings(keyboard=True))
    console.attach(made)
    made.type(b"abc\rd")
    return made


def test_time_travel_leaves_text_text(slot: Slot, capfd: pytest.CaptureFixture[str]) -> None:
    """A past screen and another future differ from what was printed last, and are no picture."""
    console = slot._console
    assert isinstance(console, ScreenConsole)
    slot.debugger.resume(Resume())
    assert capfd.readouterr().out.startswith("name? abc")
    console._look()
    slot.debugger.resume(Resume(backward=True, count=20))
    console._look()
    assert console.picture(*SIZE) == ""
    slot.debugger.timeline.write_memory(0x90000, b"x")  # which drops the future
    slot.debugger.resume(Resume())
    assert "d" in capfd.readouterr().out
    console._look()
    assert console.picture(*SIZE) == ""


def test_a_character_that_is_half_printed_is_no_touch_of_the_screen(
    slot: Slot, capfd: pytest.CaptureFixture[str]
) -> None:
    """The BIOS writes a character into the screen's memory before we are told it: a look at any
    instant between must not take a program's text for a picture.
    """
    console = slot._console
    assert isinstance(console, ScreenConsole)
    said = ""
    while "got abc" not in said:
        slot.debugger.resume(Resume(count=1))
        console._look()
        assert console.picture(*SIZE) == "", slot.debugger.machine.icount
        said += capfd.readouterr().out


def test_a_touch_of_the_screen_is_a_picture(slot: Slot) -> None:
    """A program that writes into the screen's memory and prints no more must be seen, too."""
    console = slot._console
    assert isinstance(console, ScreenConsole)
    slot.debugger.resume(Resume())
    slot.debugger.machine.memory.write(0xB8F00, b"!\x07")
    console._look()
    terminal = SmallTerminal(*SIZE)
    terminal.show(console.picture(*SIZE))
    assert terminal.text()[24].startswith("!")
