"""A server of ours in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.contestants import TIMEOUT


class OurServer(NamedTuple):
    """A server that runs."""

    port: int
    process: int
    """Its number for the operating system."""


@contextmanager
def running(*arguments: str) -> Iterator[OurServer]:
    """Let a server of ours run."""
    command = [sys.executable, "-c", "from blink16.cli import server_main; server_main()"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--console", "none", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"Listening on .*:(\d+)", line):
                yield OurServer(int(found[1]), process.pid)
                return
        raise RuntimeError("the server did not start")
    finally:
        process.kill()
        process.wait(TIMEOUT)
        process.stderr.close()


@contextmanager
def serving(*arguments: str) -> Iterator[int]:
    """Let a server of ours run; yield its port."""
    with running(*arguments) as server:
        yield server.port
