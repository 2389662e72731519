"""What README.md and docs/ show is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from gdb_client import PROJECT, Gdb, Server

from blink16.cli import run_main

DOCS = PROJECT / "docs"
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page: str, language: str) -> list[str]:
    """Return a page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (PROJECT / page).read_text(), re.DOTALL)


HISTORY_ENDS = re.compile(
    r"Reached end of recorded history; stopping\.\nBackward execution from here not possible\."
    r"|No more reverse-execution history\."
)
"""What gdb 18 says, and what gdb 13 does."""
THREADS = re.compile(
    r" \(id \d+\)(?=[ \]])|\[Thread \S+( \(id \d+\))? exited\]\n|thread \d+ \((?=Thread)|\)(?=\]$)",
    re.MULTILINE,
)
"""What gdb 18 says of threads besides."""
READING = re.compile(r"Reading /\S+ from remote target\.\.\.\n")
"""What is read anew, under a name by its content, paths in it included."""


def _common(said: str) -> list[str]:
    """Return lines as both gdbs have them."""
    text = said
    for only_one_says in (READING, HISTORY_ENDS, THREADS):
        text = only_one_says.sub("", text)
    text = text.expandtabs().strip()
    return [line.rstrip() for line in text.splitlines()]


SESSIONS = {
    "docs/first-session.md": ("banner", "HI"),
    "docs/tutorials/boot-sector.md": ("--console", "none", "snake"),
    "docs/tutorials/dos-c.md": ("--console", "none", "tally.com", "anna@home", "bert"),
    "docs/tutorials/fork.md": ("--strict", "crew", "anna", "bert", "maximilian"),
    "docs/tutorials/resident.md": ("--console", "none", "clock.com", "bars.com"),
    "docs/tutorials/no-source.md": ("--console", "none", "bars.com"),
}
TAKEN_AWAY = {"docs/tutorials/no-source.md": ("bars.asm", "bars.lst")}
"""Files that are not in the folder of samples in which a page's session is."""


@pytest.fixture
def samples(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the samples, as its user has it on that page."""
    monkeypatch.chdir(tmp_path)
    assert run_main(["samples"]) == 0
    for name in TAKEN_AWAY.get(page, ()):
        (tmp_path / "samples" / name).unlink()
    return tmp_path / "samples"


@pytest.mark.gdb
@pytest.mark.parametrize(("page", "machine"), SESSIONS.items(), ids=lambda value: str(value))
def test_the_session_shown_is_a_real_one(
    gdb: Gdb, page: str, machine: tuple[str, ...], samples: Path
) -> None:
    """Prevents a transcript that a user types after and gets something else, in either gdb."""
    (transcript,) = blocks(page, "gdb")
    commands = re.split(r"^\(gdb\) ", transcript, flags=re.MULTILINE)[1:]
    with Server(*machine, cwd=samples) as server:
        gdb.run(server.target)
        for command in commands[1:]:
            line, _, shown = command.partition("\n")
            assert _common(gdb.run(line)) == _common(shown), line


PYTHON = re.findall(
    r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", (DOCS / "python.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize(("example", "printed"), PYTHON)
def test_the_python_shown_runs(
    example: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prevents an example of the API that doesn't work, or does something else."""
    exec(compile(example, "docs/python.md", "exec"), {"__name__": "docs"})
    assert capsys.readouterr().out == printed


def test_all_the_python_shown_is_run() -> None:
    """Prevents an example that nobody tries, since what it prints is not shown."""
    assert len(PYTHON) == len(blocks("docs/python.md", "python")) > 5


def test_the_first_commands_are_what_ci_does() -> None:
    """Prevents README's second command and .ci/run from testing different things."""
    _, tests = blocks("README.md", "sh")
    wanted = [shlex.join(part) for part in _commands(tests)]
    run = (PROJECT / ".ci/run").read_text().replace("--quiet --disable-pip-version-check ", "")
    for command in wanted:
        assert command.removeprefix(".venv/bin/") in run


def _commands(block: str) -> list[list[str]]:
    return [shlex.split(command) for command in block.split("&&")]


@pytest.mark.parametrize(
    "page", ["README.md", *(str(p.relative_to(PROJECT)) for p in DOCS.rglob("*.md"))]
)
def test_links_lead_to_files(page: str) -> None:
    """Prevents a page that sends its reader nowhere."""
    folder = (PROJECT / page).parent
    links = LINK.findall((PROJECT / page).read_text())
    assert [link for link in links if not (folder / link).exists()] == []
