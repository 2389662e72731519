"""How the packages of an extra are added, to an installation of whatever kind this is."""

from __future__ import annotations

import sys
from pathlib import Path

_INSTALLERS = (
    ("pipx_metadata.json", "pipx install --force"),
    ("uv-receipt.toml", "uv tool install"),
)
"""Files that tools leave in an environment of their own, where pip is not to be used."""


def command(extra: str) -> str:
    """Return the command that adds an extra: pip's, or that of the tool that installed us."""
    root = Path(sys.prefix)
    by = next((line for file, line in _INSTALLERS if (root / file).is_file()), "pip install")
    return f"{by} 'blink16[{extra}]'"
