"""The programs that come with blink16: made from their sources, and as buggy as tutorials say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from blink16.cli import run_main
from blink16.samples import build

SOURCES = sorted((*build.SAMPLES.glob("*.asm"), *build.SAMPLES.glob("*.c")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder into which `blink16 samples` has copied them."""
    monkeypatch.chdir(tmp_path)
    assert run_main(["samples"]) == 0
    monkeypatch.chdir(tmp_path / "samples")
    return tmp_path / "samples"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_samples_are_what_their_sources_make(source: Path) -> None:
    """Prevents a program that is not its source's any more."""
    tool = "bcc" if source.suffix == ".c" else "nasm"
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool} here to build {source.name} again")
    for name, content in build.made(source).items():
        assert (build.SAMPLES / name).read_bytes() == content, name


def test_the_folder_has_programs_and_sources_and_is_made_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a copy without sources, and one that overwrites what a student has changed."""
    names = {path.name for path in folder.iterdir()}
    assert names > {"crew", "crew.c", "clock.com", "clock.asm", "clock.lst", "blink16.toml"}
    assert not names & {"build.py", "__init__.py"}
    monkeypatch.chdir(folder.parent)
    capfd.readouterr()
    assert run_main(["samples"]) != 0
    assert (
        capfd.readouterr().err
        == "blink16: samples: it exists already; blink16 samples NEW-FOLDER\n"
    )


def test_no_folder_is_named_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a folder --help for who asks how the samples are had."""
    monkeypatch.chdir(tmp_path)
    assert run_main(["samples", "--help"]) != 0
    assert "samples takes no options" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_crew_of_short_names_is_counted(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Prevents a sample that crashes where it should not."""
    assert run_main(["crew", "anna", "bert", "chloe"]) == 0
    assert capfd.readouterr().out == "a crew of 3, 13 letters\n"


@pytest.mark.parametrize(("word", "words"), [("anna", 2), ("anna@home", 3)])
def test_a_tally_miscounts_words_with_an_at_sign_alone(
    word: str, words: int, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents a sample without its bug, or with more of them."""
    assert run_main(["tally.com", word, "bert"]) == 0
    assert capfd.readouterr().out.splitlines()[:3] == [f"{words} words", "a **", "b *"]
