"""What a newcomer is told who mistypes something."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from blink16.blinkenlights import main as blinkenlights
from blink16.cli import ask_main, run_main
from blink16.dap.main import main as dap_main
from blink16.mcp.main import main as mcp_main
from blink16.monitor.registry import COMMANDS, ELSEWHERE, MonitorError, find
from blink16.questions import sql
from blink16.questions.needs import QuestionError
from blink16.samples import build
from blink16.words import texts

SAMPLE = build.SAMPLES / "banner"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["baner"], "baner: there is no such program (did you mean banner?)"),
        (["./note.tx"], "./note.tx: there is no such program (did you mean note.txt?)"),
        ([""], "the program's name is empty"),
        (["note.txt"], "note.txt: this is text, not a program"),
        (["--root", "note.txt", "banner"], "note.txt: this is a file, no folder to be the guest's"),
        (["--stat", "banner"], "unrecognized arguments: --stat (did you mean --stats?)"),
        (["--drive", "D:=note.txt", "banner"], "note.txt: this is a file, no folder"),
        (["--drive", f"D:={'a' * 300}", "banner"], "a: there is no such folder"),
        (["--sound", "no/x.wav", "snake"], "x.wav: can't write it: No such file"),
        (["--sound", "x.mp3", "snake"], "x.mp3: sound is written as WAV, so call it .wav"),
        (["--lpt", "no/x", "snake"], "x: can't write it: No such file"),
        (["doctor", "banner"], "doctor takes no arguments"),
        (["samples", "folder"], "folder: it exists already"),
        (["samples", "no/where"], "where: can't make it: No such file"),
        (["-A", "note.txt", "banner", "X"], "-A does nothing for an ELKS program"),
    ],
)
def test_a_mistake_is_told_with_what_is_meant(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Prevents a line that says no more than that something is wrong, and options in silence."""
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("org 100h\n")
    Path("folder").mkdir()
    run_main(words)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_a_new_folder_gets_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents ``blink16 samples FOLDER`` from looking for a program called samples."""
    monkeypatch.chdir(tmp_path)
    assert run_main(["samples", "mine"]) == 0
    assert (tmp_path / "mine" / "banner").read_bytes() == SAMPLE.read_bytes()


def test_who_asks_a_program_learns_to_run_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Prevents a newcomer from making a recording first, since a program is no recording."""
    assert ask_main([str(SAMPLE), "writes"]) == 1
    assert f"blink16-ask --run {SAMPLE} -- QUESTION" in capfd.readouterr().err


@pytest.mark.parametrize(("main", "prog"), [(dap_main, "blink16-dap"), (mcp_main, "blink16-mcp")])
def test_all_commands_complain_in_one_voice(
    main: Callable[[Sequence[str]], int], prog: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents usage in six lines from some commands, and one line from others."""
    with pytest.raises(SystemExit) as end:
        main(["--prt", "1"])
    assert end.value.code == 2
    mistake = "unrecognized arguments: --prt 1 (did you mean --port?)"
    assert capfd.readouterr().err == f"{prog}: {mistake} (try {prog} --help)\n"


def test_the_view_says_that_it_needs_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents escape sequences in a file, and a view that waits for keys that never come."""
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.__stdin__", nothing)
        assert blinkenlights.main(["banner"]) == 1
    assert "this needs a terminal" in capfd.readouterr().err


def test_monitor_names_the_near_command() -> None:
    """Prevents a walk through forty commands for a slip of two letters."""
    with pytest.raises(MonitorError, match=r"'symbol' \(did you mean symbols\?\); try"):
        find("symbol")
    with pytest.raises(MonitorError, match="no monitor command 'frobnicate'; try monitor help"):
        find("frobnicate")


def test_monitor_knows_what_other_servers_are_told() -> None:
    """Prevents a hunt through the list for what QEMU calls by another name."""
    with pytest.raises(MonitorError, match="system_reset is another server's; here: monitor reset"):
        find("system_reset")
    assert not ELSEWHERE.keys() & COMMANDS.keys()
    named = {word for ours in ELSEWHERE.values() for word in re.findall(r"monitor (\w+)", ours)}
    assert named <= COMMANDS.keys()


def test_a_query_names_the_near_table() -> None:
    """Prevents a hunt through the list for a slip of one letter."""
    with pytest.raises(QuestionError, match=r"no table of the run \(did you mean writes\?\); "):
        sql.need_of("select * from writs")


def test_a_long_name_is_not_compared_for_long() -> None:
    """Prevents seconds of comparing what a client sent, a megabyte in one word."""
    assert texts.meant("x" * (1 << 20), ["x" * texts.LONGEST_NAME]) != ""
