"""The source lines of a program, by the address of their code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from blink16.client import ClientError, Target
from blink16.client.program import ProgramMap, read_program
from blink16.hostfiles import is_file
from blink16.words import numerals
from blink16.words.numerals import NumeralError

MAX_FILE = 1 << 22
"""Bytes of a source file that are read."""

MAX_LINE = 999_999


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a source file."""

    file: str
    number: int
    text: str
    """Empty if the file is not here."""


class SourceText:
    """What debugging information and the files of this computer tell of a program's lines."""

    def __init__(self, program: ProgramMap | None = None) -> None:
        self._program = program or ProgramMap()
        self._files: dict[str, list[str]] = {}

    @classmethod
    def of(cls, target: Target) -> SourceText:
        """Ask a server for it; nothing, if it can't tell."""
        try:
            program, _ = target.within(read_program)
        except ClientError:
            return cls()
        return cls(program)

    @property
    def is_known(self) -> bool:
        """Whether any line is known."""
        return bool(self._program.spans)

    def code_of(self, text: str) -> int | None:
        """Return where the code of FILE:LINE begins, or of the next line that has any.

        None if that is not what the text says, or no such line is known.
        """
        file, _, line = text.rpartition(":")
        try:
            number = numerals.digits(line, 10, MAX_LINE)
        except NumeralError:
            return None
        for name in self._program.matching(file):
            _, addresses = self._program.breakable(name, number)
            if addresses:
                return addresses[0]
        return None

    def line_from(self, address: int) -> SourceLine | None:
        """Return the line whose code begins at a linear address."""
        span = self._program.line_at(address)
        if span is None or span.start != address:
            return None
        lines = self._lines(span.file)
        text = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
        return SourceLine(PureWindowsPath(span.file).name, span.line, text)

    def _lines(self, file: str) -> list[str]:
        if file not in self._files:
            self._files[file] = self._read(file)
        return self._files[file]

    def _read(self, file: str) -> list[str]:
        name = PureWindowsPath(file).name
        folders = [*map(Path, self._program.folders_of(file)), Path()]
        for path in (folder / part for folder in folders for part in (file, name, name.lower())):
            try:
                if not is_file(path):
                    continue
                with path.open("rb") as found:
                    text = found.read(MAX_FILE).decode("utf-8", "replace")
            except (OSError, ValueError):
                continue
            return ["".join(c if c.isprintable() else " " for c in line.expandtabs(4))
                    for line in text.splitlines()]  # fmt: skip
        return []
