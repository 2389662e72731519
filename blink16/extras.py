"""How one installs an extra of this package, in the environment that it runs in."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

PACKAGE = "blink16"


def remedy(*extras: str) -> str:
    """Return the command that installs extras of this package.

    It names the folder, the archive or the repository that this package came from (PEP 610), and
    the installer that its environment belongs to: pipx, uv, or the pip of just this Python.
    """
    origin = _origin()
    wanted = shlex.quote(source(extras, origin))
    if origin.get("dir_info", {}).get("editable"):
        wanted = f"-e {wanted}"
    return f"{_installer(PurePath(sys.prefix))} {wanted}"


def source(extras: tuple[str, ...], origin: Mapping[str, object]) -> str:
    """Return what an installer is told, from what the package's direct_url.json says."""
    named = f"{PACKAGE}[{','.join(extras)}]"
    url = origin.get("url")
    if not isinstance(url, str):
        return named
    if "dir_info" in origin and url.startswith("file:"):
        folder = url2pathname(unquote(urlsplit(url).path))
        return f"{folder}[{','.join(extras)}]"
    version_control = origin.get("vcs_info")
    if isinstance(version_control, dict):
        url = f"{version_control.get('vcs', 'git')}+{url}"
    return f"{named} @ {url}"


def _origin() -> dict[str, dict[str, object]]:
    """Return what the installer noted of where this package came from; nothing if it didn't."""
    try:
        said = metadata.distribution(PACKAGE).read_text("direct_url.json")
        found = json.loads(said or "{}")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _installer(prefix: PurePath) -> str:
    parts = prefix.parts
    if "pipx" in parts and "venvs" in parts:
        return "pipx install --force"
    if "uv" in parts and "tools" in parts:
        return "uv tool install --force"
    python = shlex.quote(sys.executable)
    if find_spec("pip") is None:
        return f"uv pip install -p {python}"
    ours = shutil.which("pip")
    if ours is not None and Path(ours).parent == Path(sys.executable).parent:
        return "pip install"
    return f"{python} -m pip install"
