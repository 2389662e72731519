"""The site: it builds without network, its links lead somewhere, its reference is the code's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gdb_client import PROJECT


def test_the_site_builds_with_every_page_and_link(tmp_path: Path) -> None:
    """Prevents a site that can't be built: a hook or a page that is missing, a link to nowhere, and
    pages of the reference with what no reader wants to know.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command, cwd=PROJECT, env=quiet, capture_output=True, text=True, timeout=300, check=False
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    for page in re.findall(r"reference/[a-z-]+(?=\.md)", (PROJECT / "mkdocs.yml").read_text()):
        text = (tmp_path / f"{page}.html").read_text()
        assert len(text) > 10_000
        assert "partial(" not in text
        assert "<td></td>\n<td></td>" not in text  # a table without rows


def test_the_site_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Prevents a page that is broken offline, or that tells others who reads it."""
    config = (PROJECT / "mkdocs.yml").read_text()
    assert "font: false" in config
    assert not re.search("extra_(css|javascript)", config)
