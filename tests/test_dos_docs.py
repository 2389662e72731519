"""docs/dos.md against the code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from blink16.dos.call_traits import TRAITS
from blink16.dos.calls import ABSENT, CALLS

PROJECT = Path(__file__).resolve().parents[1]


def test_the_table_of_calls_is_that_of_the_code() -> None:
    """A call that is there and not in the table, or the other way round, misleads whoever reads."""
    spec = importlib.util.spec_from_file_location("dos_calls", PROJECT / "scripts/dos_calls.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dos_calls"] = module
    spec.loader.exec_module(module)
    assert module.table() in (PROJECT / "docs/dos.md").read_text()


def test_every_call_has_a_name_for_traces() -> None:
    """A trace line without a name is a number to look up."""
    assert {*CALLS, *ABSENT} <= TRAITS.keys() | {0x73}
