"""The two commands, ``blink16`` and ``blink16-server``, and what their arguments mean."""

from blink16.cli.main import run_main, server_main

__all__ = ["run_main", "server_main"]
