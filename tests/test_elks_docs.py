"""docs/elks.md against the code."""

from __future__ import annotations

from pathlib import Path

from blink16.elks.calls import table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "elks.md"


def test_the_table_of_calls_is_the_codes() -> None:
    """Prevents a page that promises calls which are not there, or hides one that is."""
    assert PAGE.read_text().endswith(table())
