"""What all commands say about a mistaken command line: one line, and the option that is near."""

from __future__ import annotations

import argparse
from typing import NoReturn

from blink16.words.texts import meant

USAGE = 2
"""Exit status when the command line makes no sense."""
UNKNOWN = "unrecognized arguments: "
"""How argparse begins to speak of what no option takes."""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """End with a line and the status for mistaken arguments."""
        self.exit(
            USAGE, f"{self.prog}: {message}{self._nearest(message)} (try {self.prog} --help)\n"
        )

    def _nearest(self, message: str) -> str:
        typed = message.removeprefix(UNKNOWN).partition(" ")[0].partition("=")[0]
        if not message.startswith(UNKNOWN) or not typed.startswith("--"):
            return ""
        options = [name for action in self._actions for name in action.option_strings]
        return meant(typed, options)
