"""Small DOS programs that a real DOS passes, and their right results."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from disk_images import fat_floppy
from dos_programs import FOLDER, path, run, start

from blink16.cpu.engine import StopReason
from blink16.debugger import Debugger, Resume
from blink16.memory import linear
from blink16.monitor import execute
from blink16.setup import loader
from blink16.setup.pc import DiskImage, PcSetup


@pytest.mark.skipif(shutil.which("nasm") is None, reason="nasm is not installed")
@pytest.mark.parametrize("source", sorted(FOLDER.glob("*.asm")), ids=lambda p: p.stem)
def test_programs_are_what_nasm_makes_of_their_sources(source: Path, tmp_path: Path) -> None:
    """A binary that isn't its source's would test something that nobody can read."""
    made = tmp_path / "made"
    subprocess.run(["nasm", "-f", "bin", "-o", made, source], check=True)
    assert made.read_bytes() == path(source.stem).read_bytes()


@pytest.mark.skipif(shutil.which("bcc") is None, reason="bcc is not installed")
@pytest.mark.parametrize("source", sorted(FOLDER.glob("*.c")), ids=lambda p: p.stem)
def test_c_programs_are_what_bcc_makes_of_their_sources(source: Path, tmp_path: Path) -> None:
    """The same of programs in C."""
    shutil.copy(source, tmp_path)
    made = [*["bcc", "-Md", "-0", "-o", "made"], source.name]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "made").read_bytes() == path(source.stem).read_bytes()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_c_program_with_its_library(engine: str, tmp_path: Path) -> None:
    """Standard I/O, the heap, arguments and the exit status, as a compiler's library uses DOS."""
    session = run("tally", ["out.txt"], root=tmp_path, engine=engine)
    assert session.output() == b"1 apple 70000\r\n2 fig ff\r\n3 pear 3\r\n"
    assert session.status == 3
    session = run("tally", [], root=tmp_path, engine=engine)
    assert (session.output(), session.status) == (b"usage: tally file\r\n", 99)


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


# -- processes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "output", "status"),
    [
        ("exec", [], b"5", 0),
        ("deep", ["3"], b"3210abc", 3),
        ("psp26", [], b"PSP made", 0),
        ("tsr", [], b"", 0),
        ("overlay", [], b"7", 0),
        ("stepper", [], b"15", 0),
        ("short", [], b"runs", 0),
        ("robbed", [], b"robbed, and back", 0),
        ("corrupt", [], b"mended", 0),
    ],
)
def test_processes(name: str, arguments: list[str], output: bytes, status: int) -> None:
    """A child gets its arguments, its parent the status; DOS had no processes at all."""
    session = run(name, arguments)
    assert (session.output(), session.status) == (output, status)


def test_a_short_program_is_told() -> None:
    """A file that was cut off runs, but its user ought to know."""
    program = loader.load(loader.read(str(path("short"))), [], loader.Options(root=FOLDER))
    assert "promises 2 bytes more" in program.notices[0]


@pytest.mark.parametrize("typed", [False, True])
def test_a_resident_program_is_called_after_it_stays(typed: bool) -> None:
    """A TSR that hooks INT 9 and INT 21h counts the key that went down, typed or piped."""
    session = start("usehook", stdin=None if typed else b"k")
    session.run()
    if typed:
        session.type(b"k")
    assert session.output() == b"31"


def test_control_c_can_be_handled() -> None:
    """INT 23h that IRETs goes on with the call, one that RETFs with CF ends the program."""
    assert run("break23", stdin=b"\x03x").output() == b"^C\r\nCx"
    assert run("break23", stdin=b"\x03x").status == 7
    session = run("break23", stdin=b"\x03\x03x")
    assert (session.output(), session.status) == (b"^C\r\nC^C\r\nC", 0)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_dos_shows_goes_through_hooks(engine: str) -> None:
    """A TSR that hooks INT 29h or INT 10h sees each character; registers are kept.

    FreeDOS, booted on our own PC, prints the same.
    """
    session = run("shout", engine=engine)
    assert session.output() == b"LINE\r\nLINEYZline\r\n6"
    assert session.status == 0


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_process_that_moves_to_another_psp_goes_back_to_its_parent(engine: str) -> None:
    """Prevents all from ending in silence with a child that DEVLOAD-like made itself a new PSP.

    55h takes the way back from INT 22h, which 4Bh therefore has to set.  FreeDOS gives 9, too.
    """
    assert run("movexec", engine=engine).status == 9


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_is_written_to_handle_2_is_an_error_through_hooks_too(engine: str) -> None:
    """Prevents errors from coming on standard output while a program hooks INT 10h or 29h.

    Nor may all that comes by INT 10h be an error once a program has ended in its hook.
    """
    session = run("errhook", engine=engine)
    assert session.output("stderr") == 3 * b"err\t"
    assert session.output() == 2 * b"out\t." + b"out\t" + b"out\t."
    assert session.status == 0


@pytest.mark.parametrize(
    ("answer", "place", "output"),
    [
        ("F", "", b"0001 001C 0007 001A FFFF 0053 "),
        ("R", "", b"0003 001C 0007 001A FFFF 0053 "),
        ("I", "", b"0001 001C 0007 001A FFFF 0053 "),  # not allowed for a directory
        ("A", "", b""),
        ("*", "", b"0200 "),
        ("F", "D", b"0001 003F 0000 0013 FFFF 0053 "),
        ("R", "D", b"0003 003F 0000 0013 FFFF 0053 "),
        ("I", "D", b"0001 003F 0000 0003 0000 0013 "),
        ("A", "D", b""),
    ],
)
def test_critical_errors_do_what_the_program_answers(
    answer: str, place: str, output: bytes
) -> None:
    """Abort, Retry, Ignore, Fail for a disk that is none and for one that is write-protected."""
    image = fat_floppy({"X": b"x"}) if place else bytes(1440 << 10)
    disk = DiskImage(0, Path("a.img"), image, read_only=True)
    session = run("ask24", [answer, *place], setup=PcSetup(disks=(disk,)))
    assert (session.output(), session.status) == (output, 0)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("F", b"0001 001C 0002 0015 FFFF 0053 "),
        ("R", b"0003 001C 0002 0015 FFFF 0053 "),
        ("A", b""),
    ],
)
def test_drive_a_is_not_ready_without_a_disk(answer: str, output: bytes) -> None:
    """Prevents an INT 24h that the program brings from staying without its call.

    DOS has a drive A on any PC; FreeDOS under QEMU calls INT 24h for its empty drives, too.
    """
    session = run("ask24", [answer])
    assert (session.output(), session.status) == (output, 0)


def test_a_childs_divide_error_ends_the_child_alone() -> None:
    """The parent goes on; the debugger gets the signal first."""
    session = run("divide")
    assert session.stop is not None
    assert session.stop.reason is StopReason.TRAPPED
    session.machine.run(1, through_traps=True)
    session.run()
    assert session.output().endswith(b"Divide overflow\r\nparent")


def test_time_goes_back_through_exec() -> None:
    """The law of time travel: any instant of nested processes again, and its future."""
    session = start("deep", ["3"], stdin=b"")
    machine = session.machine
    whole = run("deep", ["3"]).output()
    instants = []
    while True:
        instants.append((machine.save(), bytes(machine.memory.ram), len(session.output())))
        if machine.run(37).reason is StopReason.EXITED:
            break
    for saved, ram, length in reversed(instants[::5]):
        machine.restore(saved)
        machine.memory.write(0, ram)
        session.shown.clear()
        session.run()
        assert session.output() == whole[length:]


# -- where am I ------------------------------------------------------------------------------


@pytest.mark.parametrize("root", [FOLDER, FOLDER.parent, FOLDER.parent / "nowhere", Path("/")])
def test_a_program_finds_itself(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a program lies, the path behind its environment leads to it."""
    monkeypatch.chdir(tmp_path)
    assert run("self", root=root if root.is_dir() else tmp_path).status == 0


def test_a_child_finds_itself_too(tmp_path: Path) -> None:
    """DEEP runs itself by its own path, from another drive than the current one."""
    assert run("deep", ["2"], root=tmp_path).output() == b"210ab"


# -- traces ----------------------------------------------------------------------------------


def test_calls_are_traced_with_arguments_and_results() -> None:
    """A trace tells what a program asked of DOS and what it got, as strace does."""
    session = start("exec", stdin=b"")
    lines: list[str] = []
    session.machine.on_call = lines.append
    session.run()
    child = lines[1].rpartition(" ")[2]
    assert lines == [
        "EXEC.COM[0300] resize(0300, 0100) = 0100",
        f'EXEC.COM[0300] exec("CHILD.COM", 00, 0300:0133) = in {child}',
        f"{child} exit(05) = in EXEC.COM[0300]",
        "EXEC.COM[0300] child_status() = 0005",
        "EXEC.COM[0300] putch(35) = ok",
        "EXEC.COM[0300] exit(00) = exit 0",
    ]


def test_a_call_that_waits_is_traced_once() -> None:
    """A line that is typed wakes the call many times, and is one call."""
    session = start("line")
    lines: list[str] = []
    session.machine.on_call = lines.append
    session.run()
    for key in (b"h", b"i", b"\r", b"Q"):
        session.type(key)
    assert [line.split("(")[0].split()[1] for line in lines[:3]] == ["puts", "gets", "puts"]


def test_errors_are_traced_by_name() -> None:
    """What failed, and why, is what one looks for in a trace."""
    session = start("self", stdin=b"")
    session.machine.memory.write(linear(session.machine.registers.ds, 0x2C), b"\0\0")
    lines: list[str] = []
    session.machine.on_call = lines.append
    session.run()
    assert "= error" in lines[0]


def test_monitor_calls_looks_back() -> None:
    """Calls of the past are told without having been traced, and nothing moves."""
    session = start("deep", ["3"], stdin=b"")
    debugger = Debugger(session.machine)
    debugger.drive(Resume())
    now = debugger.timeline.now
    text = execute(debugger, "calls 3")
    assert text.splitlines()[-1].endswith("putch(63) = ok")
    assert len(text.splitlines()) == 3
    assert debugger.timeline.now == now
