"""What a run knows of a program's code, for disassemblers: a script that Ghidra or IDA runs.

Addresses are segment:offset as the run used them, so that 16-bit segments come out right; the
script moves them to where the disassembler has the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blink16.memory import MEMORY_SIZE, RAM_SIZE
from blink16.questions.answers.export_scripts import GHIDRA, IDA
from blink16.questions.asking import Answer
from blink16.questions.dataflow.deliveries import placed
from blink16.questions.gathering import TableRows
from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run
from blink16.symbols import SymbolKind

_SCRIPTS = {"ghidra": GHIDRA, "ida": IDA}
LARGEST = 0xA0000
"""Bytes of a program; a larger file is a disk."""
MZ, MZ_HEADER = b"MZ", slice(8, 10)
"""What an .EXE begins with, and where it has the paragraphs of its header."""
TEXT = re.compile(rb"[\t\r\n -~]{4,}(?:\0|(?<=\$))")
"""What may be a string of C or DOS, or several."""
ENDS = b"\0$"
MAX_STRINGS = 4096
"""So many of them are looked at, the first ones."""
LEAST_READ = 4
"""Bytes of a string of which somebody must have read so many."""
PREFIXES = bytes((0x26, 0x2E, 0x36, 0x3E, 0xF0, 0xF2, 0xF3))
BY_VALUE, FIRST_WAY, LAST_WAY = 0xFF, 2, 5
"""The opcode of indirect calls and jumps, and its second byte's bits 3 to 5 for these."""


@question("export ghidra|ida")
def export(run: Run, words: Sequence[str]) -> Product:
    """Write a script that tells Ghidra or IDA what is code, what are functions and strings, what
    all that is called, and where indirect jumps and calls lead.
    """
    if len(words) != 1 or words[0].lower() not in _SCRIPTS:
        raise QuestionError("say for whom: export ghidra, or export ida")
    image = _image(run)
    need = Need.of("executed", "calls", "branches", "reads", reads=image.texts)
    with run.ask(need) as answer:
        data = _data(run, answer, image)
    lines = ",\n".join(f"    {name!r}: {value!r}" for name, value in data.items())
    text = _SCRIPTS[words[0].lower()] % f"{{\n{lines},\n}}"
    return Product(content=text.encode(), suffix=".py", partial=answer.partial)


@dataclass(frozen=True, slots=True)
class _Image:
    """The program, as a disassembler loads it, and as it lies in memory."""

    content: bytes
    """What the disassembler loads; empty: a dump of all memory."""
    first: int | None
    """The linear address of its first byte where the program began; None: it lies at 0."""
    before: memoryview
    """Memory when the program began."""
    after: bytes
    """Memory at the end."""
    texts: tuple[range, ...]
    """What may be strings, as they lie in memory at the end."""

    def place(self, address: int) -> tuple[int, int] | None:
        """Return where something lies, as segment and offset: data may lie apart from code."""
        if self.first is None:
            return address >> 4, address & 15
        at = placed(self.content, self.before, address)
        if at is None:
            return None
        return (self.first + at) >> 4, (self.first + at) & 15


def _image(run: Run) -> _Image:
    with run.at(run.span.start) as timeline:
        before = memoryview(bytes(timeline.machine.memory.whole))
        entry = timeline.machine.pc
    with run.at(run.span.stop) as timeline:
        after = bytes(timeline.machine.memory.whole)
    content, first = b"", None
    program = run.program
    if program is not None and len(program.image) <= LARGEST:
        content = program.image
        if content[:2] == MZ:
            content = content[16 * int.from_bytes(content[MZ_HEADER], "little") :]
        at = placed(content, before, entry)
        first = None if at is None else entry - at
    found = [range(*match.span()) for match in TEXT.finditer(after[:MEMORY_SIZE])]
    image = _Image(content if first is not None else b"", first, before, after, ())
    inside = [text for text in found if image.place(text.start) is not None]
    return _Image(image.content, first, before, after, tuple(inside[:MAX_STRINGS]))


def _data(run: Run, answer: Answer, image: _Image) -> dict[str, object]:
    jumps = set(_unique(answer.tables["branches"], ("cs", "ip", "target_cs", "target_ip")))
    calls = set(_unique(answer.tables["calls"], ("cs", "ip", "target_cs", "target_ip")))
    called = {(cs, ip) for _, _, cs, ip in calls}
    names = {symbol.address: symbol.name for symbol in reversed(list(run.symbols))}
    code = sorted(set(_unique(answer.tables["executed"], ("cs", "ip"))))
    own = {cs: _reach(code, cs) for cs in sorted({cs for cs, _ in code})}
    return {
        "first": image.first,
        "code": code,
        "own": own,
        "functions": [(cs, ip, names.get((cs << 4) + ip, "")) for cs, ip in sorted(called)],
        "symbols": sorted(set(_symbols(run, image, called, own))),
        "jumps": sorted(row for row in jumps if _is_indirect(image.after, row[0], row[1])),
        "calls": sorted(row for row in calls if _is_indirect(image.after, row[0], row[1])),
        "strings": list(_strings(answer.tables["reads"], image)),
    }


def _reach(code: Iterable[tuple[int, ...]], cs: int) -> tuple[int, int]:
    offsets = [ip for segment, ip in code if segment == cs]
    return min(offsets), max(offsets)


def _unique(rows: TableRows, columns: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
    """Yield what some columns hold; of many rows alike few, or one."""
    for table in rows.tables():
        few = table.group_by(list(columns)).aggregate([])
        yield from zip(*(few.column(name).to_pylist() for name in columns), strict=True)


def _symbols(
    run: Run, image: _Image, called: set[tuple[int, int]], own: Mapping[int, tuple[int, int]]
) -> Iterator[tuple[int, int, str]]:
    """Yield names of what is no function that was called; ``own``: the reach of each CS."""
    functions = {(cs << 4) + ip for cs, ip in called}
    for symbol in run.symbols:
        address = symbol.address
        if address in functions:
            continue
        if symbol.kind is SymbolKind.CODE:
            here = (cs for cs, (low, high) in own.items() if low <= address - (cs << 4) <= high)
            cs = next(here, address >> 4)
            yield cs, address - (cs << 4), symbol.name
        elif (place := image.place(address)) is not None:
            yield *place, symbol.name


def _is_indirect(memory: bytes, cs: int, ip: int) -> bool:
    """Return whether an instruction takes control to where a register or memory says."""
    at = (cs << 4) + ip
    while at < len(memory) - 1 and memory[at] in PREFIXES:
        at += 1
    if at >= len(memory) - 1 or memory[at] != BY_VALUE:
        return False
    return FIRST_WAY <= memory[at + 1] >> 3 & 7 <= LAST_WAY


def _strings(reads: TableRows, image: _Image) -> Iterator[tuple[int, int, int]]:
    """Yield the places of what was read, and how long it is with its end."""
    read = np.zeros(RAM_SIZE + 1, bool)
    for table in reads.tables():
        address, size = (table.column(name).to_numpy() for name in ("address", "size"))
        read[address] = True
        read[address[size == 2] + 1] = True
    for text in image.texts:
        length = int(np.append(read[text.start : text.stop], False).argmin())
        if length < LEAST_READ or (place := image.place(text.start)) is None:
            continue
        yield *place, length + (image.after[text.start + length] in ENDS and length < len(text))
