"""Whole programs on both engines: the same output, the same end, the same everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from blink16 import StopReason
from blink16.assembly import Snapshot
from blink16.setup.loader import Options, load, read

LIMIT = 5_000_000


def run(name: str, arguments: list[str], engine: str, root: Path) -> tuple[Snapshot, bytes, bytes]:
    """Run a program to its end; return its machine's state, its RAM and what it printed."""
    machine = load(read(name), arguments, Options(root=root, engine=engine)).machine
    printed = bytearray()
    machine.on_output = lambda channel, data: printed.extend(data)
    assert machine.run(LIMIT).reason is StopReason.EXITED
    return machine.save(), machine.memory[:], bytes(printed)


@pytest.mark.parametrize("arguments", [[], ["HELLO", "two words"]])
def test_the_sample_ends_alike_on_both_engines(tmp_path: Path, arguments: list[str]) -> None:
    """Prevents the native engine from doing anything else than the reference in real code."""
    reference = run("banner", arguments, "reference", tmp_path)
    assert run("banner", arguments, "native", tmp_path) == reference
    assert reference[2].count(b"\n") >= 7


def test_a_program_made_by_c_ends_alike_on_both_engines(shared: Path, tmp_path: Path) -> None:
    """Prevents a difference in code that a compiler made."""
    name = str(shared / "images" / "banner")
    assert run(name, ["ELKS"], "native", tmp_path) == run(name, ["ELKS"], "reference", tmp_path)
