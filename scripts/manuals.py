"""Writes the man pages and shell completions of all commands: ``python scripts/manuals.py DIR``.

It makes DIR/man/man1/*.1 and DIR/completions/*.{bash,zsh}.  Completions need shtab (the extra
``docs``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from blink16.cli import manual

SHELLS = ("bash", "zsh")


def main(folder: str) -> int:
    """Write them all."""
    import shtab

    pages, completions = Path(folder, "man", "man1"), Path(folder, "completions")
    for made in (pages, completions):
        made.mkdir(parents=True, exist_ok=True)
    for parser in manual.parsers():
        (pages / f"{parser.prog}.1").write_text(manual.troff(parser))
        for shell in SHELLS:
            text = shtab.complete(parser, shell=shell)
            (completions / f"{parser.prog}.{shell}").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
