"""Questions that people know, a module each; `QUESTIONS` has them by name."""

from blink16.questions.answers import (
    calls_made,
    calls_tree,
    coverage,
    difference,
    export,
    heatmap,
    origin,
    who,
)
from blink16.questions.registry import QUESTIONS, Product, perform

__all__ = [
    "QUESTIONS",
    "Product",
    "calls_made",
    "calls_tree",
    "coverage",
    "difference",
    "export",
    "heatmap",
    "origin",
    "perform",
    "who",
]
