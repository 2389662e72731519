"""Small DOS programs that a real DOS passes, and their right results."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from dos_programs import FOLDER, path, run, start

from blink16.cpu.engine import StopReason


@pytest.mark.skipif(shutil.which("nasm") is None, reason="nasm is not installed")
@pytest.mark.parametrize("source", sorted(FOLDER.glob("*.asm")), ids=lambda p: p.stem)
def test_programs_are_what_nasm_makes_of_their_sources(source: Path, tmp_path: Path) -> None:
    """A binary that isn't its source's would test something that nobody can read."""
    made = tmp_path / "made"
    subprocess.run(["nasm", "-f", "bin", "-o", made, source], check=True)
    assert made.read_bytes() == path(source.stem).read_bytes()


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("tick", b"ticked"),
        ("int1c", b"int 1Ch"),
        ("retr", b"retrace"),
        ("pit", b"PIT counts"),
        ("wait86", b""),
        ("self", b""),
        ("int3", b"after int 3"),
    ],
)
def test_program_prints(name: str, output: bytes) -> None:
    """Programs that wait for a tick, the beam or the timer hung, or found another machine."""
    session = run(name)
    if name == "int3":  # whoever has no debugger goes on
        assert session.stop is not None
        assert session.stop.reason is StopReason.TRAPPED
        session.machine.run(1, through_traps=True)
        session.run()
    assert (session.output(), session.status) == (output, 0)


def test_a_cursor_key_is_a_zero_and_its_scan_code() -> None:
    """Programs that read keys by 07h get the two parts of a key without a character."""
    assert run("key7", stdin=b"\x1b[A").output() == b"Up"
    session = start("key7")
    session.run()
    session.type(b"\x1b[A")
    assert session.output() == b"Up"


def test_escape_and_a_letter_is_alt() -> None:
    """Menus are opened by Alt and a letter, which terminals send that way."""
    assert run("alt", stdin=b"\x1bf").output() == b"Alt-F"
    session = start("alt")
    session.run()
    session.type(b"\x1bf")
    assert session.output() == b"Alt-F"


def test_polling_past_the_end_of_input_ends_the_program() -> None:
    """A program that polls for a key that can't come would run for ever."""
    stop = run("peek").stop
    assert stop is not None
    assert stop.reason is StopReason.TRAPPED
    assert "input has ended" in stop.text


def test_a_line_is_edited_and_shown() -> None:
    """On a keyboard DOS itself shows what is typed, and Backspace takes it back."""
    session = start("line")
    assert session.run().reason is StopReason.IDLE
    session.type(b"hellp\x7fo\r")
    session.type(b"Q")
    assert session.output() == b"name? hellp\b \bo\r\r\ngot helloQ"
    assert session.status == 0


def test_a_line_from_a_pipe_is_not_shown() -> None:
    """Whoever pipes text into a program sees what the program makes of it, not the text."""
    assert run("line", stdin=b"hello\nQ").output() == b"name? \r\ngot hello"


def test_control_c_ends_a_program_that_waits_for_a_line() -> None:
    """Ctrl-C is INT 23h, whose default ends the program."""
    session = start("line")
    session.run()
    session.type(b"abc\x03")
    assert session.output() == b"name? abc^C\r\n"
    assert session.stop is not None
    assert session.stop.reason is StopReason.EXITED


def test_the_past_of_a_typed_line_comes_back() -> None:
    """The law of time travel for a line that is half typed: it goes on as it did."""
    session = start("line")
    session.run()
    session.type(b"he")
    before = session.machine.save(), bytes(session.machine.memory.ram)
    shown = len(session.shown)
    session.type(b"llo\rQ")
    after = session.output()
    session.machine.restore(before[0])
    session.machine.memory.write(0, before[1])
    del session.shown[shown:]
    session.type(b"llo\rQ")
    assert session.output() == after
