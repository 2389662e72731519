"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared test inputs: $BLINK16_SHARED, or ../shared beside the project."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BLINK16_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared test inputs at {folder} (set BLINK16_SHARED)")
    return folder
