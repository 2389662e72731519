"""The requests of the Debug Adapter Protocol, a file a group; importing them registers them."""

from blink16.dap.requests import (
    beginning,
    code,
    history,
    memory,
    points,
    running,
    sources,
    stack,
    variables,
)

__all__ = [
    "beginning",
    "code",
    "history",
    "memory",
    "points",
    "running",
    "sources",
    "stack",
    "variables",
]
