"""The attackers whose cases are carried out in their own process, by name."""

from __future__ import annotations

from importlib import import_module

from fuzz.harness import Fuzzer

NAMES = (
    "wire",
    "client",
    "dap",
    "expressions",
    "mcp",
    "loaders",
    "readers",
    "symbols",
    "recordings",
    "calls",
    "timetravel",
)
"""Each is a module here."""


def attacker(name: str) -> Fuzzer:
    """Return one of them; the others, and what they attack, are not even imported."""
    found: Fuzzer = import_module(f"fuzz.{name}").FUZZER
    return found
