"""The commands and what their arguments mean."""

from blink16.cli.main import ask_main, run_main, server_main

__all__ = ["ask_main", "run_main", "server_main"]
