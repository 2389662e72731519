"""What gdb takes for commands that its users type, in code that has names and no lines."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.contestants import TIMEOUT
from benchmarks.our_server import serving

CALLS = 2200
# main: call work / jmp $ / work: mov cx, 2200 / again: call f / loop again / ret /
# f: push bp / mov bp, sp / inc ax / pop bp / ret
_CODE = bytes.fromhex("e80200 ebfe b99808 e80300 e2fb c3 55 89e5 40 5d c3")
_NAMES = """\
- NASM Map file ---------------------------------------------------------------

-- Symbols --------------------------------------------------------------------

---- Section .text ------------------------------------------------------------

Real              Virtual           Name
             100               100  main
             105               105  work
             10E               10E  f
"""
COMMANDS = {
    f"next, {CALLS:,} calls": "next",
    "stepi 1000": "stepi 1000",
    "reverse-stepi 1000": "reverse-stepi 1000",
}
WANTED = {f"next, {CALLS:,} calls": "4"}
"""Seconds."""
_TIMED = "python began = time.perf_counter(); gdb.execute({!r}, to_string=True); print('took', {!r}, time.perf_counter() - began)"  # noqa: E501


def measure(gdb: str) -> dict[str, float]:
    """Return seconds by what was typed."""
    with tempfile.TemporaryDirectory() as name:
        program, names = Path(name, "calls.com"), Path(name, "calls.map")
        program.write_bytes(_CODE)
        names.write_text(_NAMES, encoding="ascii")
        with serving("--symbols", str(names), str(program)) as port:
            typed = ["python import time", f"target remote :{port}", "tbreak work", "continue"]
            typed += [_TIMED.format(command, name) for name, command in COMMANDS.items()]
            arguments = [part for line in typed for part in ("-ex", line)]
            done = subprocess.run(
                [gdb, "-nx", "-batch", *arguments],
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=True,
            )
    return {what: float(time) for what, time in re.findall(r"took (.*) (\S+)$", done.stdout, re.M)}


def report(times: int) -> None:
    """Print a table of medians."""
    gdb = shutil.which("gdb")
    if gdb is None:
        print("(gdb is not installed)")
        return
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(times):
        for name, seconds in measure(gdb).items():
            found[name].append(seconds)
    print("| gdb takes, in seconds | blink16 | wanted |")
    print("| --- | ---: | ---: |")
    for name, seconds_each in found.items():
        median = statistics.median(seconds_each)
        print(f"| {name} | {median:.2f} | {WANTED.get(name, '')} |", flush=True)
