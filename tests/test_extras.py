"""Advice on how to add what is not installed."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from blink16.words import extras


class Installed(NamedTuple):
    """What is known of an installed package."""

    direct_url: str | None

    def read_text(self, name: str) -> str | None:
        """Return a file beside its metadata."""
        assert name == "direct_url.json"
        return self.direct_url


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
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(None))
    assert extras.command("view") == command


@pytest.mark.parametrize(
    ("direct", "wanted"),
    [
        ('{"url": "file:///me/b", "dir_info": {}}', "'blink16[view] @ file:///me/b'"),
        ('{"url": "file:///my%20b", "dir_info": {"editable": true}}', "-e '/my b[view]'"),
        ('{"url": "file:///it\'s"}', "'blink16[view]'"),
        ('{"url": 7}', "'blink16[view]'"),
        ("[", "'blink16[view]'"),
        ("[]", "'blink16[view]'"),
    ],
)
def test_an_extra_comes_from_where_blink16_did(
    direct: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents an index from being asked for what came from a checkout, and trust in that file."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(direct))
    assert extras.command("view") == f"pip install {wanted}"
