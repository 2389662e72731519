"""A program with names and lines, as a test writes it into its folder."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from unwind_guest import SEGMENT


@dataclass(frozen=True)
class LinedProgram:
    """A program in C, what a compiler made of it, and a linker's map of names and lines."""

    name: str
    source: str
    content: bytes
    map: str
    suffix: str = ".com"
    segment: int = SEGMENT
    """That of its code."""

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write the program, its map and its source; return what a server is started with."""
        (folder / f"{self.name}{self.suffix}").write_bytes(self.content)
        (folder / f"{self.name}.map").write_text(self.map)
        (folder / f"{self.name}.c").write_text(self.source)
        return "--symbols", f"{self.name}.map,text={self.segment:x}", self.name + self.suffix

    def built(self, folder: Path, *options: str) -> bytes:
        """Return what bcc makes of the source today; skips where there is no bcc."""
        if shutil.which("bcc") is None:
            pytest.skip("bcc is missing, so the kept bytes can't be compared with their source")
        (folder / f"{self.name}.c").write_text(self.source)
        output = folder / f"{self.name}{self.suffix}"
        build = ["bcc", "-0", *options, "-o", output.name, f"{self.name}.c"]
        subprocess.run(build, cwd=folder, check=True)
        return output.read_bytes()

    def line_of(self, text: str) -> int:
        """Return the number of the first line with some text in it."""
        return next(n for n, line in enumerate(self.source.splitlines(), 1) if text in line)
