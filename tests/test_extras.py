"""Advice on how to add what is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blink16 import extras


@pytest.mark.parametrize(
    ("left", "command"),
    [
        (None, "pip install 'blink16[view]'"),
        ("pipx_metadata.json", "pipx install --force 'blink16[view]'"),
        ("uv-receipt.toml", "uv tool install 'blink16[view]'"),
    ],
)
def test_the_tool_that_installed_us_is_advised(
    left: str | None, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents pip's command where it adds packages to another environment."""
    if left is not None:
        (tmp_path / left).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.command("view") == command
