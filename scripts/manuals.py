"""Writes the man pages and shell completions of all commands: ``python scripts/manuals.py DIR``.

It makes DIR/man/man1/*.1 and DIR/completions/*.{bash,zsh}.  Completions need shtab (the extra
``docs``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from blink16.blinkenlights.main import parser as view_parser
from blink16.cli import manual
from blink16.cli.ask import ask_parser
from blink16.cli.main import run_parser, server_parser
from blink16.dap.main import parser as dap_parser
from blink16.mcp.main import parser as mcp_parser

SHELLS = ("bash", "zsh")


def parsers() -> list[argparse.ArgumentParser]:
    """Return the parser of each command."""
    return [
        run_parser(),
        server_parser(),
        ask_parser(),
        dap_parser(),
        mcp_parser(),
        view_parser(),
    ]


def main(folder: str) -> int:
    """Write them all."""
    import shtab

    pages, completions = Path(folder, "man", "man1"), Path(folder, "completions")
    for made in (pages, completions):
        made.mkdir(parents=True, exist_ok=True)
    for parser in parsers():
        (pages / f"{parser.prog}.1").write_text(manual.troff(parser))
        for shell in SHELLS:
            text = shtab.complete(parser, shell=shell)
            (completions / f"{parser.prog}.{shell}").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
