"""The programs that a booted ELKS kernel has loaded, found by their texts in memory.

The kernel's own tables differ from version to version; what an executable's text is does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from blink16.elks import aout, segments
from blink16.elks.booted_tasks import BootedTask
from blink16.elks.errors import ElksError
from blink16.elks.image import Placed, symbol_table
from blink16.elks.state import DataLayout
from blink16.memory import linear
from blink16.symbols import Symbol, SymbolKind, SymbolTable

AOUT_MAGIC = b"\x01\x03"
PARAGRAPH = 16
CONVENTIONAL = 0xA0000
"""Bytes of memory in which programs can be."""
MIN_TEXT = 64
"""Bytes of a text that are enough to know it by."""
WINDOW = 16
"""Bytes of initial data that are looked for at once."""
SAME_DATA = 0.6
"""How much of a program's initial data is still as it was, at least."""


@dataclass(frozen=True, slots=True)
class BootedProgram:
    """A program in memory: its path on the disk, and where it lies."""

    path: str
    code: int
    data: int | None
    """The segments of its text and data; None: the data was not found."""
    symbols: SymbolTable

    @property
    def name(self) -> str:
        """Its file's name."""
        return PurePosixPath(self.path).name


def find(
    memory: bytes, files: Iterable[tuple[str, bytes]], tasks: Sequence[BootedTask] = ()
) -> list[BootedProgram]:
    """Return the programs among a disk's files that lie in memory, by segment.

    ``tasks``: the kernel's processes, if they are known: they tell whose data lies where.
    """
    ram = memory[:CONVENTIONAL]
    found = [program for path, content in files for program in _places(ram, path, content, tasks)]
    return sorted(found, key=lambda program: program.code)


def _places(
    ram: bytes, path: str, content: bytes, tasks: Sequence[BootedTask]
) -> Iterator[BootedProgram]:
    if content[:2] != AOUT_MAGIC:
        return
    try:
        executable = aout.parse(content)
    except ElksError:
        return
    text, name = executable.text, PurePosixPath(path).name
    running = [task for task in tasks if task.name == name]
    if running and executable.text_relocations:  # its text is not as in the file
        yield from (_placed(path, executable, task.code, task.data) for task in running)
    if len(text) < MIN_TEXT or executable.text_relocations:
        return
    head = content[content.find(text) - PARAGRAPH : content.find(text)]
    at = ram.find(text)
    while at >= 0:
        # with a file's header before it, it is a block of the disk that the kernel holds
        if at % PARAGRAPH == 0 and ram[at - PARAGRAPH : at] != head:
            code = at // PARAGRAPH
            segments = {task.data for task in tasks if task.code == code}
            if segments and executable.separate:
                yield from (_placed(path, executable, code, data) for data in sorted(segments))
            else:
                yield _program(ram, path, executable, code)
        at = ram.find(text, at + 1)


def _program(ram: bytes, path: str, executable: aout.Executable, code: int) -> BootedProgram:
    data = _data_segment(ram, executable, code) if executable.separate else code
    return _placed(path, executable, code, data)


def _placed(path: str, executable: aout.Executable, code: int, data: int | None) -> BootedProgram:
    placed = Placed(executable, code, code if data is None else data, DataLayout(0, 0, 0, 0))
    named = symbol_table(placed)
    if data is None:
        named = SymbolTable(s for s in named if s.kind is SymbolKind.CODE)
    if named.lookup(PurePosixPath(path).name) is None:
        start = Symbol(PurePosixPath(path).name, linear(code, 0), SymbolKind.CODE)
        named = SymbolTable([*named, start])
    return BootedProgram(path, code, data, named)


def _data_segment(ram: bytes, executable: aout.Executable, code: int) -> int | None:
    """Return a segment that holds what is left of a program's initial data.

    That behind its text, where the kernel puts it if there is room; else the first that is none
    of a copy of the file.  Of processes that share a text, that is one's.
    """
    data, base = executable.data, executable.data_base
    behind = code + segments.paragraphs(len(executable.text))
    if data and _is_data(ram, behind * PARAGRAPH + base, data):
        return behind
    tail = executable.text[-PARAGRAPH:]
    for offset in range(0, len(data) - WINDOW + 1, WINDOW):
        window = data[offset : offset + WINDOW]
        if len(set(window)) < WINDOW // 2:  # it may be anywhere
            continue
        at = ram.find(window)
        while at >= 0:
            start = at - offset - base
            first = start + base
            fits = start >= 0 and start % PARAGRAPH == 0
            if fits and ram[first - PARAGRAPH : first] != tail and _is_data(ram, first, data):
                return start // PARAGRAPH
            at = ram.find(window, at + 1)
    return None


def _is_data(ram: bytes, start: int, data: bytes) -> bool:
    same = sum(a == b for a, b in zip(ram[start : start + len(data)], data, strict=False))
    return same >= SAME_DATA * len(data)
