"""Print the table of INT 21h's calls that docs/dos.md has, made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from blink16.dos.call_traits import TRAITS
from blink16.dos.calls import ABSENT, CALLS

HEAD = "| AH | call | what it does |\n|---|---|---|"
EMPTY = "only a number: it returns 0 in AL, as DOS 5 does"


def rows() -> Iterator[str]:
    """Return the table's rows, by number."""
    for number in sorted({*CALLS, *ABSENT}):
        call = CALLS.get(number)
        body = call.func if isinstance(call, partial) else call
        text = EMPTY if body is None else (body.__doc__ or "").partition("\n")[0]
        heads, colon, rest = text.partition(": ")
        text = rest if colon and f"{number:02X}" in heads else text
        name = TRAITS[number].name if number in TRAITS else ""
        yield f"| {number:02X}h | `{name}` | {text} |"


def table() -> str:
    """Return the table."""
    return "\n".join((HEAD, *rows()))


if __name__ == "__main__":
    print(table())
