"""Monitor commands of who sits in front of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector

from blink16 import bios, monitor
from blink16.bios import picture
from blink16.breakpoints import Point, PointKind
from blink16.console import Console
from blink16.debugger import IDLE, Debugger, EventKind, Resume
from blink16.machine import Machine
from blink16.server.folder import ServerFolder

ECHO = bytes.fromhex("b400cd16b40ecd10ebf6")  # read a key, show it, again


def execute(debugger: Debugger, line: str) -> str:
    """Carry out a monitor command that may reach the current folder."""
    return monitor.execute(debugger, line, ServerFolder())


@pytest.fixture
def debugger() -> Debugger:
    """Return a PC that shows what one types."""
    machine = Machine()
    bios.boot(machine, sector(ECHO), Console())
    return Debugger(machine)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_typed_text_arrives_and_can_be_waited_for(debugger: Debugger) -> None:
    """A script types and waits for the answer; it must learn when that stood there."""
    assert execute(debugger, r'type "a  b\x21"') == "5 characters to type\n"
    said = execute(debugger, 'wait-screen "a  b!" 2000000')
    assert said == f"'a  b!' is on the screen at instruction {debugger.timeline.now}\n"
    assert execute(debugger, "screen").startswith("a  b!\n")
    assert "[80x25, cursor at row 0, column 5]" in execute(debugger, "screen")


def test_waiting_ends_after_the_instructions_given(debugger: Debugger) -> None:
    """Text that never comes must not be waited for any longer, to the instruction."""
    said = execute(debugger, "wait-screen nope 500")
    assert said == "'nope' is not on the screen at instruction 500\n"


def test_waiting_ends_when_the_machine_stops() -> None:
    """A machine that halts for good is a reason to say so."""
    machine = Machine()
    bios.boot(machine, sector(b"\xfa\xf4"), Console())
    said = execute(Debugger(machine), "wait-screen x")
    assert "the machine stopped at instruction 3: halted" in said


def test_waiting_gives_an_idle_machine_up() -> None:
    """A machine that is idle for a minute of its time shows nothing more by itself."""
    machine = Machine(clock_hz=10_000)
    bios.boot(machine, sector(ECHO), Console())
    assert "idle" in execute(Debugger(machine), "wait-screen x")


def test_keys_are_pressed_together(debugger: Debugger) -> None:
    """A chord must reach the BIOS as scan codes, and the reset be seen."""
    assert execute(debugger, "key ctrl-alt-del") == ""
    event = debugger.drive(Resume(count=20_000))
    assert event.kind is EventKind.RESTARTED
    assert "Ctrl-Alt-Del" in event.text
    assert "no key 'hyper'" in execute(debugger, "key hyper-x")


def test_reset_starts_anew_and_can_be_undone(debugger: Debugger) -> None:
    """The reset is an input like others: backward of it the machine is as before."""
    execute(debugger, "type x")
    execute(debugger, 'wait-screen "x" 2000000')
    before = debugger.timeline.now
    execute(debugger, "reset")
    execute(debugger, "wait-screen nope 200")
    assert not execute(debugger, "screen").startswith("x")
    execute(debugger, f"seek {before}")
    assert execute(debugger, "screen").startswith("x")


@pytest.mark.parametrize(
    "line",
    [
        "type",
        r'type "\q"',
        "key",
        "key a b",
        "wait-screen",
        "wait-screen a b c",
        "screen a.png b",
        "reset now",
    ],
)
def test_mistakes_get_one_line(debugger: Debugger, line: str) -> None:
    """A mistyped command must be answered by one line and move nothing."""
    assert execute(debugger, line).count("\n") == 1
    assert debugger.timeline.now == 0


def test_a_picture_is_written(debugger: Debugger, folder: Path) -> None:
    """`screen FILE.png` writes a picture, and over an older one."""
    for _ in range(2):
        execute(debugger, "screen shot.png")
    assert (folder / "shot.png").read_bytes().startswith(picture.SIGNATURE)


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/b.png", r"a\b.png", "x.txt", ".png/"])
def test_pictures_come_nowhere_else(debugger: Debugger, folder: Path, name: str) -> None:
    """Whoever reaches the server must not choose where it writes."""
    assert "is not a plain file name" in execute(debugger, f"screen {name}")
    assert not list(folder.iterdir())


def test_no_other_file_is_overwritten(debugger: Debugger, folder: Path) -> None:
    """A file that is no picture stays, and links are not followed."""
    (folder / "notes.png").write_text("dear diary")
    assert "no picture" in execute(debugger, "screen notes.png")
    assert (folder / "notes.png").read_text() == "dear diary"
    (folder / "link.png").symlink_to(folder / "target.png")
    assert "can't write" in execute(debugger, "screen link.png")
    assert not (folder / "target.png").exists()


def test_programs_without_a_pc_say_so() -> None:
    """Keys and reset need a PC."""
    debugger = Debugger(Machine.bare())
    for line in ("key a", "reset"):
        assert "no PC" in execute(debugger, line)
    assert "no console" in execute(debugger, "type a")


def test_a_breakpoint_behind_an_idle_stop_is_hit(debugger: Debugger) -> None:
    """After IDLE the machine goes on where it moved to: a breakpoint there is a new one."""
    how = Resume()
    assert debugger.resume(how) is IDLE
    debugger.insert(Point(PointKind.EXECUTE, debugger.machine.pc))
    assert debugger.drive(how).kind is EventKind.BREAKPOINT
