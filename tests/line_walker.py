"""Going from line to line in a real gdb, in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gdb_client import NO_GDB, Gdb, Server
from lined_program import LinedProgram

LINE = re.compile(r"^(\d+)\t(.*)$", re.MULTILINE)
MIDST = re.compile(r"^0x[0-9a-f]+\t(\d+)\t", re.MULTILINE)
ANY = re.compile(r"^(?:0x[0-9a-f]+\t)?(\d+)\t(.*)$", re.MULTILINE)
"""A line, or its midst."""
NO_MORE = "No more reverse-execution history|Reached end of recorded history"


class Walker:
    """Goes from line to line.

    A line's end backward is gdb's affair: where the instruction before a line has one byte, gdb 18
    stops there first, in the midst of that line (with programs of the host's too), which is passed
    over here.
    """

    def __init__(self, gdb: Gdb) -> None:
        self._gdb = gdb

    def run(self, command: str) -> str:
        """Type a command, again where that stops in the midst of a line; return what it says."""
        said = self._gdb.run(command)
        is_midst = command.startswith("reverse") and MIDST.search(said)
        return self._gdb.run(command) if is_midst else said

    def to_line(self, command: str) -> int:
        """Type a command; return the line at which it stops, 0 for none."""
        found = LINE.search(self.run(command))
        return int(found[1]) if found else 0

    def to_text(self, command: str) -> str:
        """Type a command; return what stands in the line at which it stops.

        Backward its midst will do, but for a function's entry, which is no line to stop at there.
        """
        is_back = command.startswith("reverse")
        pattern = ANY if is_back else LINE
        found = pattern.search(said := self._gdb.run(command))
        if is_back and found and found[2] == "{":
            found = pattern.search(said := self._gdb.run(command))
        assert found, f"{command}: {said}"
        return found[2].strip()

    def until(self, command: str, end: int) -> list[int]:
        """Repeat a command up to a line; return all lines at which it stops."""
        lines = [self.to_line(command)]
        while lines[-1] not in (end, 0):
            lines.append(self.to_line(command))
        return lines

    def over(self, command: str, end: int) -> list[int]:
        """Do the same, counting stops in the midst of lines, whose start gdb 18 then leaves out."""
        lines: list[int] = []
        while not lines or lines[-1] not in (end, 0):
            said = self._gdb.run(command)
            found = LINE.search(said) or MIDST.search(said)
            line = int(found[1]) if found else 0
            lines += [line] * (lines[-1:] != [line])
        return lines


@contextmanager
def session(gdb_file: Path, program: LinedProgram, folder: Path) -> Iterator[Gdb]:
    """Serve a program and attach a gdb to it, for many tests: see `at_main`."""
    if gdb_file == NO_GDB:
        pytest.fail("there is no gdb: install the test extra (pip install -e '.[test]')")
    with Server(*program.write(folder), cwd=folder) as server, Gdb(gdb_file) as gdb:
        gdb.run(f"cd {folder}")
        gdb.run("set confirm off")
        gdb.run(server.target)
        yield gdb


def at_main(gdb: Gdb) -> Gdb:
    """Return gdb at main's first instruction, whatever was typed before."""
    gdb.run("delete")
    gdb.run("set exec-direction forward")
    gdb.run("set can-use-hw-watchpoints 1")
    gdb.run("monitor seek start")
    gdb.run("stepi")  # shows the seek, if there was any
    run_to(gdb, "main")
    return gdb


def run_to(gdb: Gdb, place: str, command: str = "continue") -> None:
    """Run to a place."""
    gdb.run(f"tbreak {place}")
    assert "Temporary breakpoint" in gdb.run(command)
