"""How the packages of an extra are added, to an installation of whatever kind this is."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_INSTALLERS = (
    ("pipx_metadata.json", "pipx install --force"),
    ("uv-receipt.toml", "uv tool install"),
)
"""Files that tools leave in an environment of their own, where pip is not to be used."""


def command(extra: str) -> str:
    """Return the command that adds an extra: pip's, or that of the tool that installed us."""
    root = Path(sys.prefix)
    by = next((line for file, line in _INSTALLERS if (root / file).is_file()), "pip install")
    origin = _origin()
    if origin is None:
        return f"{by} 'blink16[{extra}]'"
    if origin.editable:
        return f"{by} -e '{unquote(urlsplit(origin.url).path)}[{extra}]'"
    return f"{by} 'blink16[{extra}] @ {origin.url}'"


class _Origin(NamedTuple):
    """From where a package came that was in no index."""

    url: str
    editable: bool


def _origin() -> _Origin | None:
    """Return ours (direct_url.json, as the Python Packaging User Guide specifies it)."""
    try:
        said = metadata.distribution("blink16").read_text("direct_url.json")
        known = json.loads(said or "{}")
        url, editable = known["url"], known.get("dir_info", {}).get("editable", False)
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(url, str) or not url.isprintable() or "'" in url:
        return None
    return _Origin(url, editable is True)
