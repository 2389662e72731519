"""What kind of terminal this is, as far as its environment tells."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

WITHOUT_ESCAPES = ("", "dumb", "unknown")
"""Values of TERM of what can only print line by line, or of nothing at all."""
PLAIN_LOCALES = ("C", "POSIX")
UTF_8, ASCII_ONLY = "utf-8", "ascii"
LINUX_CONSOLE = "linux"
"""Its font has the 256 characters of a PC, and hardly more."""


def encoding(names: Mapping[str, str] = os.environ) -> str:
    """Return how the terminal takes text: ``utf-8`` or ``ascii``.

    By the locale that the user asks for (POSIX, 8.2: LC_ALL goes before LC_CTYPE and LANG) and by
    how Python has understood that.  Python itself takes the locale C for UTF-8, and writes that
    into its environment (PEP 538, 540).
    """
    terminal = sys.__stderr__
    if "TEXTUAL_DRIVER" in names or terminal is None or not terminal.isatty():
        return UTF_8  # a browser, or nobody
    wanted = next((names[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if names.get(name)), "")
    if wanted in PLAIN_LOCALES or (wanted == names.get("LC_CTYPE") and _is_coerced(names)):
        return ASCII_ONLY
    return UTF_8 if codecs.lookup(terminal.encoding).name == UTF_8 else ASCII_ONLY


def _is_coerced(names: Mapping[str, str]) -> bool:
    """Whether it was Python that has set LC_CTYPE, in place of the locale C."""
    with suppress(OSError):
        given = Path("/proc/self/environ").read_bytes().split(b"\0")
        asked = any(name.startswith(b"LC_CTYPE=") for name in given)
        return names.get("LANG") in PLAIN_LOCALES and not asked
    return False


def refusal(names: Mapping[str, str] = os.environ) -> str:
    """Say why no view can be drawn on this terminal; nothing if one can."""
    term = names.get("TERM", "")
    if term not in WITHOUT_ESCAPES:
        return ""
    return f"nothing can be drawn on a terminal of the kind {term!r} (TERM); --web is for browsers"


def has_characters_of_pc(names: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal has a PC's characters only: Linux's own console."""
    return names.get("TERM") == LINUX_CONSOLE and encoding(names) == UTF_8
