"""What is made from the parsers: option pages, man pages, completions; and ``blink16 doctor``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from blink16.cli import doctor, manual, run_main
from blink16.cli.doctor import Finding, Verdict
from blink16.words import extras

PROJECT = Path(__file__).parents[1]
GDB_13 = "#!/bin/sh\necho 'GNU gdb (Debian 13.1-3) 13.1'\necho '  --with-expat'\n"


@pytest.fixture(params=manual.parsers(), ids=lambda parser: parser.prog)
def parser(request: pytest.FixtureRequest) -> ArgumentParser:
    """Return the parser of each command."""
    made: ArgumentParser = request.param
    return made


def test_every_option_is_on_its_commands_page(parser: ArgumentParser) -> None:
    """Prevents an option that only --help knows."""
    page, man = manual.markdown(parser), manual.troff(parser)
    options = [name for action in parser._actions for name in action.option_strings]
    assert len(options) >= 2
    assert [name for name in options if name not in page] == []
    assert [name for name in options if name.replace("-", "\\-") not in man] == []


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man here to format pages")
def test_man_formats_the_page_without_complaint(parser: ArgumentParser, tmp_path: Path) -> None:
    """Prevents a page whose markup breaks, or swallows a line that begins with a dot."""
    page = tmp_path / f"{parser.prog}.1"
    page.write_text(manual.troff(parser))
    command = ["man", "--warnings", "-l", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    text = re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout)
    assert "SYNOPSIS" in text
    assert parser.prog in text


def test_a_tables_cells_survive_what_options_say() -> None:
    """Prevents a bar in a metavar from ending a cell of the table."""
    made = ArgumentParser(prog="x")
    made.add_argument("--way", metavar="A|B", help="one | the other, as <b> or *c*")
    (line,) = [line for line in manual.markdown(made).splitlines() if "--way" in line]
    assert len(re.findall(r"(?<!\\)\|", line)) == 3


def test_completions_are_made_for_every_command(tmp_path: Path) -> None:
    """Prevents a parser that completions can't be made of."""
    pytest.importorskip("shtab", reason="completions need shtab (the extra docs)")
    command = [sys.executable, str(PROJECT / "scripts" / "manuals.py"), str(tmp_path)]
    subprocess.run(command, check=True)
    names = {path.name for path in (tmp_path / "completions").iterdir()}
    assert {f"{made.prog}.bash" for made in manual.parsers()} <= names


# -- the doctor ------------------------------------------------------------------------------------


def test_the_doctor_is_a_command_unless_there_is_a_program_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a user's program called doctor from not being run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "examine", lambda: iter([Finding(Verdict.GOOD, "all", "well")]))
    assert run_main(["doctor"]) == 0
    assert "  ok  all             well\n" in capfd.readouterr().out
    (tmp_path / "doctor").write_bytes(b"\xb8\x00\x4c\xcd\x21")
    assert run_main(["doctor"]) != 0
    assert "doctor: no 8086 program" in capfd.readouterr().err


def test_what_does_not_work_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents scripts from taking a broken computer for a sound one."""
    findings = [Finding(Verdict.LACKING, "a", ""), Finding(Verdict.BAD, "b", "")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    assert doctor.main() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the made-up gdb is a shell script")
@pytest.mark.parametrize(
    ("said", "verdict", "word"),
    [
        (GDB_13, Verdict.GOOD, "13.1"),
        (GDB_13.replace("13.1", "9.2"), Verdict.BAD, "version 12 or newer"),
        (GDB_13.replace("--with", "--without"), Verdict.BAD, "without XML"),
        ("#!/bin/sh\nexit 1\n", Verdict.BAD, "does not tell"),
    ],
)
def test_a_gdb_is_judged_by_what_it_says(
    tmp_path: Path, said: str, verdict: Verdict, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents an hour with a gdb that can't do it."""
    program = tmp_path / "gdb"
    program.write_text(said)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = next(iter(doctor._gdbs()))
    assert found.verdict is verdict
    assert word in found.text


def test_an_lldb_without_a_command_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents LLDB from being "none here" where it is installed as a Python module alone."""
    (tmp_path / "lldb.py").write_text(
        "class SBDebugger:\n    GetVersionString = staticmethod(lambda: 'lldb version 23.1.0')\n"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    found = doctor._lldb()
    assert found.verdict is Verdict.GOOD
    assert found.text.startswith("23.1, a module of this Python")


def test_an_extra_that_lacks_something_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a hint that names no extra, and one for developers' extras."""
    needs = ["trio>=0.27", "nowhere>=1; extra == 'ask'", "pytest>=8; extra == 'test'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: needs)
    assert [str(finding) for finding in doctor._extras()] == [
        f"  --  extra ask       without nowhere: {extras.command('ask')}"
    ]
