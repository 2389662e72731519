"""The benchmark of booting: measures what it says, or says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import boot

HASH_AND_SPACE = bytes.fromhex("b8230e cd10 b8200e cd10 ebfe")  # INT 10h, AH=0Eh, twice
FLOPPY_SIZE = 1_474_560


def image(folder: Path, code: bytes) -> Path:
    """Return a disk with a boot sector."""
    path = folder / "disk.img"
    path.write_bytes((code.ljust(510, b"\0") + b"\x55\xaa").ljust(FLOPPY_SIZE, b"\0"))
    return path


def test_a_boot_is_measured_up_to_its_prompt(tmp_path: Path) -> None:
    """Prevents a figure of something else than getting to the prompt."""
    disk = image(tmp_path, HASH_AND_SPACE)
    assert boot.ours(disk, b"# ", "reference") > 0


def test_a_boot_without_a_prompt_is_an_error(tmp_path: Path) -> None:
    """Prevents waiting for ever, or a figure, where a system does not come up."""
    disk = image(tmp_path, b"\xfa\xf4")  # cli / hlt
    with pytest.raises(RuntimeError, match="does not get to its prompt"):
        boot.ours(disk, b"# ", "reference")


def test_missing_peers_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a traceback, or silence, where there is nothing to boot or to compare with."""
    monkeypatch.setattr(boot, "QEMU", "no-such-program")
    boot.report(1, tmp_path)
    said = capsys.readouterr().out
    assert "ELKS is left out" in said
    assert "QEMU is left out: there is no no-such-program" in said
