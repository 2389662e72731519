"""Text that leaves us: whatever a guest, a file or a client has put into it, it is valid there."""

from __future__ import annotations

import re
from html import escape

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no terminal is to be sent in a sentence, and no XML document may hold."""


def printable(text: str) -> str:
    r"""Return a text in which what can't be shown is written as an escape, like ``\x1b``.

    Line feeds and tabs stay.  Names of host files that are no UTF-8 (`os.fsdecode`) come in too.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def xml(text: str) -> str:
    """Return a text as it stands in an XML document, in an attribute or between tags."""
    return escape(printable(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
