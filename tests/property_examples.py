"""How many examples hypothesis makes of a property.

By default each property has a third of its examples, so that the whole suite stays within minutes;
``pytest --hypothesis-profile=thorough`` makes all of them.
"""

from __future__ import annotations

from hypothesis import settings

QUICK, THOROUGH = "quick", "thorough"
USUAL = 100
"""Examples of a property that says nothing."""
PART = 3


def register() -> None:
    """Let hypothesis know both ways, and take the quick one if the command line says none."""
    # no deadlines: a busy machine is no failure
    settings.register_profile(QUICK, deadline=None, max_examples=USUAL // PART)
    settings.register_profile(THOROUGH, deadline=None, max_examples=USUAL)
    settings.load_profile(QUICK)


def examples(count: int) -> int:
    """Return how many examples to make of a property that deserves ``count``."""
    return count if settings().max_examples >= USUAL else -(-count // PART)
