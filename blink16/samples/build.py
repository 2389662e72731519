"""Rebuilds the sample executables from their sources: ``python -m blink16.samples.build``.

Needs nasm, and bcc with elks-libc for what is in C.  The result is the same, byte for byte,
wherever it is built.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

from blink16.elks.aout import AoutSymbol, Executable, Section, build

SAMPLES = Path(__file__).parent
STACK = 0x0400
"""Bytes of stack that the samples ask for."""
SECTIONS = {".text": Section.TEXT, ".data": Section.DATA, ".bss": Section.BSS}

_SECTION = re.compile(r"^---- Section (\.\w+) -+\n(.*?)(?=^----|\Z)", re.MULTILINE | re.DOTALL)
_SYMBOL = re.compile(r"^ *([0-9A-F]+) +([0-9A-F]+)  ([A-Za-z_]\w*)$", re.MULTILINE)
_DOS = re.compile(r"^\s+org\s+100h", re.MULTILINE)
_DOS_C = re.compile(r"^ \* A DOS program in C", re.MULTILINE)
_LENGTH = re.compile(r"^length: +([0-9A-F]+)$", re.MULTILINE)
_START = re.compile(r"^start: +([0-9A-F]+)$", re.MULTILINE)
"""Where a section lies in the flat binary; for .bss, which isn't there, in the data segment."""


class Assembled(NamedTuple):
    """What nasm or bcc makes of a source."""

    flat: bytes
    table: str
    """Its map, with all symbols, if it has one."""
    listing: str


def assemble(source: Path, nasm: str = "nasm") -> Assembled:
    """Assemble a source.  CalledProcessError if nasm finds errors, FileNotFoundError without it."""
    with tempfile.TemporaryDirectory() as folder:
        flat, table, listing = (Path(folder) / name for name in ("flat", "map", "lst"))
        # the map is asked for here, so that the source is readable without it
        asks = ["--before", f"[map all {table}]", "-o", str(flat), "-l", str(listing)]
        subprocess.run([nasm, "-f", "bin", "-O3", *asks, str(source)], check=True)
        return Assembled(flat.read_bytes(), table.read_text(), listing.read_text())


def compiled(source: Path, *, for_dos: bool) -> Assembled:
    """Compile a source in C to a DOS .COM, with ld86's map, or to an ELKS executable.

    CalledProcessError if it has errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        flat, listing = (Path(folder) / name for name in ("made", "lst"))
        listed = ["-C-t", "-A-l", f"-A{listing}"]
        system = ["-Md", "-M"] if for_dos else []
        command = ["bcc", *system, "-0", "-O", *listed, "-o", str(flat), source.name]
        done = subprocess.run(command, check=True, cwd=source.parent, stdout=PIPE, text=True)
        table = done.stdout.partition("Total memory used")[0]  # by ld86 itself
        return Assembled(flat.read_bytes(), table, listing.read_text())


def link(flat: bytes, table: str) -> bytes:
    """Return the executable of nasm's flat binary and its map."""
    lengths: dict[str, int] = {}
    starts: dict[str, int] = {}
    symbols: list[AoutSymbol] = []
    for name, body in _SECTION.findall(table):
        if name not in SECTIONS:
            continue
        length, start = _LENGTH.search(body), _START.search(body)
        if length and start:
            lengths[name], starts[name] = int(length[1], 16), int(start[1], 16)
        for _, address, label in _SYMBOL.findall(body):
            symbols.append(AoutSymbol(label, SECTIONS[name], int(address, 16)))
    data_length = lengths[".data"]
    symbols.sort(key=lambda symbol: (symbol.section.value, symbol.value, symbol.name))
    return build(
        Executable(
            text=flat[: starts[".data"]],
            data=flat[starts[".data"] : starts[".data"] + data_length],
            bss=starts[".bss"] + lengths[".bss"] - data_length,
            stack=STACK,
            symbols=tuple(symbols),
        )
    )


def made(source: Path) -> dict[str, bytes]:
    """Return the files that are made from a source, like ``snake.img`` of ``snake.img.asm``.

    One that begins at 100h, or says that it is a DOS program in C, is one, and gets a listing
    beside it; another without a suffix of its own is an ELKS executable with the sections .text,
    .data and .bss.
    """
    program = source.with_suffix("")
    if source.suffix == ".c":
        for_dos = _DOS_C.search(source.read_text()) is not None
        done = compiled(source, for_dos=for_dos)
        files = {program.name: done.flat, f"{program.name}.lst": done.listing.encode()}
        if for_dos:
            files[f"{program.name}.com"] = files.pop(program.name)
            files[f"{program.name}.map"] = done.table.encode()
        return files
    done = assemble(source)
    if _DOS.search(source.read_text()):
        return {f"{program.name}.com": done.flat, f"{program.name}.lst": done.listing.encode()}
    if program.suffix:
        return {program.name: done.flat}
    return {program.name: link(done.flat, done.table)}


def main() -> int:
    """Rebuild every sample."""
    for tool in ("nasm", "bcc"):
        if shutil.which(tool) is None:
            print(f"blink16.samples.build: {tool} is not installed", file=sys.stderr)
            return 1
    for source in sorted((*SAMPLES.glob("*.asm"), *SAMPLES.glob("*.c"))):
        for name, content in made(source).items():
            (SAMPLES / name).write_bytes(content)
            print(f"{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
