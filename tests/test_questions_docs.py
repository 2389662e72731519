"""docs/questions.md against the command: what the page shows is what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from blink16 import recording
from blink16.cli import ask_main
from blink16.questions.answers import QUESTIONS
from blink16.questions.tables import TABLES
from blink16.setup import loader

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "questions.md").read_text()
_CODE = bytes.fromhex(
    "b9204ee80e00e2fbba1305b409cd21b8004ccd21"  # the listing of the page, assembled by nasm
    "8b1e2a01888f2c014381fbe803720231db891e2a01c30000"
)
HUNT = _CODE + bytes(999) + b"Hello from 1988\r\n$"
MAP = """
- NASM Map file ---------------------------------------------------------------

Source file:  hunt.asm
Output file:  hunt.com

-- Symbols --------------------------------------------------------------------

---- Section .text ------------------------------------------------------------

Real              Virtual           Name
             100               100  start
             103               103  again
             114               114  remember
             125               125  kept
             12A               12A  place
             12C               12C  ring
             513               513  title
"""
SHOWN = re.findall(r"```\n\$ blink16-ask (.*)\n((?:.*\n)*?)```", PAGE)


@pytest.mark.parametrize(("command", "expected"), SHOWN, ids=["who", "what"])
def test_the_hunt_ends_as_the_page_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    expected: str,
) -> None:
    """Prevents a tutorial that doesn't work."""
    (tmp_path / "hunt.com").write_bytes(HUNT)
    (tmp_path / "hunt.map").write_text(MAP)
    monkeypatch.chdir(tmp_path)
    assert ask_main(shlex.split(command)) == 0
    out, error = capfd.readouterr()
    assert out == expected
    assert "ello from 1988" in error


BOOT = re.search(r"```text\n\$ blink16-ask freedos.b16 (.*)\n((?:.*\n)*?)```", PAGE)
BOOTED = 1_200_000
"""Instructions in which FreeDOS has come to its prompt."""


def test_a_booted_letter_comes_from_where_the_page_says(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Prevents a page whose instants are those of an older BIOS."""
    assert BOOT is not None
    (tmp_path / "freedos.img").write_bytes((shared / "images" / "freedos.img").read_bytes())
    monkeypatch.chdir(tmp_path)
    options = loader.Options(root=tmp_path, engine="native", epoch_ns=10**18)
    program = loader.read("freedos.img")
    _, debugger, recorder = recording.record(Path("freedos.b16"), program, [], options)
    while debugger.timeline.now < BOOTED:
        debugger.timeline.run(BOOTED - debugger.timeline.now)
    recorder.close()
    assert ask_main(["freedos.b16", *shlex.split(BOOT[1])]) == 0
    assert capfd.readouterr().out == BOOT[2]


def test_the_page_knows_all_tables_and_questions() -> None:
    """Prevents a table or question that nobody is told of."""
    for name in (*TABLES, *QUESTIONS):
        assert f"`{name}" in PAGE, name
