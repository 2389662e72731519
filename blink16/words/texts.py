"""Text that leaves us: whatever a guest, a file or a client has put into it, it is valid there,
and who mistyped a name is told the one that is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from html import escape

LONGEST_NAME = 40
"""Characters of a mistyped name that are compared and repeated."""
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What no terminal is to be sent in a sentence, and no XML document may hold; and what ends a line
or turns the direction of all that follows it.
"""


def printable(text: str) -> str:
    r"""Return a text in which what can't be shown is written as an escape, like ``\x1b``.

    Line feeds and tabs stay.  Names of host files that are no UTF-8 (`os.fsdecode`) come in too.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def xml(text: str) -> str:
    """Return a text as it stands in an XML document, in an attribute or between tags."""
    return escape(printable(text))


def counted(count: int, noun: str, form: str = "") -> str:
    """Return a count and its noun, ``1 time`` or ``2 times``; ``form``: how numbers are written."""
    return f"{count:{form}} {noun}{'' if count == 1 else 's'}"


def meant(typed: str, known: Iterable[str]) -> str:
    """Return a question that names what a mistyped name may stand for; nothing if none is near.

    It goes behind a sentence: ``no option --spede (did you mean --speed?)``.
    """
    names = {name.lower(): name for name in known if name != typed}
    found = get_close_matches(typed[:LONGEST_NAME].lower(), names, n=1)
    return f" (did you mean {names[found[0]]}?)" if found else ""


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
