"""Processes of our own that compile: how they are started, with little imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = Path(__file__).resolve().parents[3]


def can_start() -> bool:
    """Whether there is a Python that can be started."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def python(*words: str) -> list[str]:
    """Return the command that lets this Python execute one of our modules."""
    return [sys.executable, "-P", "-m", *words]


def start(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    """Start a process that finds our modules; an OSError if that can't be.

    ``output``: where its two streams lead, in `subprocess`'s terms.
    """
    paths = os.pathsep.join([str(_PACKAGES), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=os.environ | {"PYTHONPATH": paths},
        start_new_session=True,  # Ctrl-C on our terminal is not for it
    )
