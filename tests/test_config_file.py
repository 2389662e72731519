"""``blink16.toml``: what a program's folder may say of the machine, and what it may not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.cli import config_file, run_main
from blink16.cli.options import RUN, SERVER
from blink16.setup.loader import LoadError

EXIT = b"\xb8\x00\x4c\xcd\x21"
PUSHA_EXIT = b"\x60\x61\xb8\x07\x4c\xcd\x21"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where we are, with a program."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.com").write_bytes(PUSHA_EXIT)
    return tmp_path


def say(folder: Path, text: str) -> None:
    """Write the file."""
    (folder / config_file.NAME).write_text(text)


def words(folder: Path, program: str = "game.com") -> list[str]:
    """Return what the file stands for."""
    return config_file.options_for(folder / program, RUN)


def test_a_folders_options_are_taken_and_what_is_typed_wins(folder: Path) -> None:
    """Prevents a file without effect, and one that can't be overruled."""
    say(folder, 'cpu = "80186"\nstrict = true\n')
    assert run_main(["game.com"]) == 7
    parsed = config_file.parse(RUN, ["--cpu", "8088", "game.com"])
    assert (parsed.cpu, parsed.strict) == ("8088", True)
    assert config_file.parse(SERVER, ["game.com"]).cpu == "80186"


def test_a_programs_own_table_wins_over_the_folders(folder: Path) -> None:
    """Prevents one program's options from being another's."""
    say(folder, 'cpu = "8088"\n["game.com"]\ncpu = "80286"\nenv = ["A=1", "B=2"]\n')
    assert config_file.parse(RUN, ["game.com"]).cpu == "80286"
    assert words(folder, "other.com") == ["--cpu=8088"]
    assert words(folder)[-2:] == ["--env=A=1", "--env=B=2"]


def test_breakpoints_are_for_the_server_alone(folder: Path) -> None:
    """Prevents a file that serves all commands from being refused by those without a view."""
    say(folder, 'break = ["plot if al == 72", "game.c:21"]\n')
    assert words(folder) == []
    assert config_file.parse(SERVER, ["game.com"]).breakpoints == ["plot if al == 72", "game.c:21"]


def test_files_are_found_beside_it_from_wherever_we_are(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents names that are looked for in another folder."""
    say(folder, 'A = "disk.img,ro"\n')
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert words(folder) == ["-A", f"{(folder / 'disk.img').resolve()},ro"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("writable = true", "writable is no option that a folder may choose"),
        ('root = "/"', "root is no option"),
        ('drive = "D:=/"', "drive is no option"),
        ('A = "/etc/passwd"', "lies outside of the folder"),
        ('A = "../x.img"', "lies outside of the folder"),
        ('A = "a\\u0000b"', "is no file's name"),
        ("mhz = true", "mhz wants a value, not true"),
        ("strict = 1", "strict is true or false, not 1"),
        ("cpu = [[]]", "cpu can't be []"),
        (f"cpu = {'[' * 5000}", "nested too deeply"),
        ("cpu = ", "blink16.toml: "),
        ("# " + "x" * (65 << 10), "longer than"),
    ],
)
def test_what_it_may_not_say_is_one_line(
    folder: Path, text: str, complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a folder from the net that reaches the host, and tracebacks."""
    say(folder, text)
    assert run_main(["game.com"]) == 2
    said = capfd.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_value_that_the_option_refuses_is_the_options_complaint(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a processor that there isn't from being taken."""
    say(folder, 'cpu = "z80"\n')
    assert run_main(["game.com"]) == 2
    assert "--cpu" in capfd.readouterr().err


@given(text=st.text(max_size=200))
def test_any_text_is_options_or_a_complaint(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Prevents exceptions that nobody foresaw."""
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / config_file.NAME).write_bytes(text.encode(errors="replace"))
    with suppress(LoadError):
        words(folder)


def test_the_samples_have_what_they_need() -> None:
    """Prevents `blink16 snake` from needing an option."""
    assert config_file.parse(RUN, ["snake"]).cpu == "80186"
    assert config_file.parse(RUN, ["banner"]).cpu == "8086"


def test_a_folder_can_ask_for_an_8087(folder: Path) -> None:
    """Prevents its users from typing --fpu for each of their compiler's programs."""
    say(folder, "fpu = true\n")
    assert config_file.parse(RUN, ["game.com"]).fpu
