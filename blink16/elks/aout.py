"""ELKS executables: the Minix a.out header, far text, relocations and symbol tables.

Sources: ELKS' linuxmt/minix.h and fs/exec.c; the a.out.h of dev86, whose linker ld86 makes the
files of bcc.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Any

from construct import (
    Bytes,
    Const,
    ConstError,
    Construct,
    Container,
    Int8ul,
    Int16ul,
    Int32ul,
    PascalString,
    StreamError,
    Struct,
)

from blink16.elks.errors import ElksError
from blink16.elks.exomizer import decompress

MAX_SEGMENT = 0x10000
MAX_SYMBOLS_SIZE = 1 << 18
"""Bytes in a symbol table."""
SEPARATE, EXECUTABLE = 0x20, 0x10
"""Flags in the header: instructions and data have segments of their own; may be run."""
CPU_8086 = 0x04

HEADER = Struct(
    "magic" / Const(0x0301, Int16ul),
    "flags" / Int8ul,
    "cpu" / Int8ul,
    "header_length" / Int8ul,
    "reserved" / Int8ul,
    "version" / Int16ul,
    "text" / Int32ul,
    "data" / Int32ul,
    "bss" / Int32ul,
    "entry" / Int32ul,
    "heap" / Int16ul,  # version 0: all of data, bss, heap and stack
    "stack" / Int16ul,
    "symbols" / Int32ul,
)
RELOCATION_HEADER = Struct(
    "text_relocations" / Int32ul,
    "data_relocations" / Int32ul,
    "text_base" / Int32ul,
    "data_base" / Int32ul,
)
FAR_TEXT_HEADER = Struct(
    "far_text" / Int32ul,
    "far_text_relocations" / Int32ul,
    "compressed_text" / Int16ul,
    "compressed_data" / Int16ul,
    "compressed_far_text" / Int16ul,
    "reserved" / Int16ul,
)
RELOCATION = Struct("address" / Int32ul, "segment" / Int16ul, "type" / Int16ul)
SEGMENT_WORD = 80
"""The one type of relocation: the word at ``address`` becomes a segment."""

ELKS_SYMBOL = Struct("type" / Bytes(1), "value" / Int16ul, "name" / PascalString(Int8ul, "latin1"))
LD86_SYMBOL = Struct(
    "name" / Bytes(8), "value" / Int32ul, "symbol_class" / Int8ul, "aux" / Int8ul, "type" / Int16ul
)

HEADER_LENGTH: int = HEADER.sizeof()
RELOCATION_HEADER_LENGTH: int = HEADER_LENGTH + RELOCATION_HEADER.sizeof()
FAR_TEXT_HEADER_LENGTH: int = RELOCATION_HEADER_LENGTH + FAR_TEXT_HEADER.sizeof()


class Section(Enum):
    """Where in a program something lies."""

    TEXT = "text"
    FAR_TEXT = "far text"
    DATA = "data"
    BSS = "bss"


@dataclass(frozen=True, slots=True)
class AoutSymbol:
    """A name and its offset in the segment of its section."""

    name: str
    section: Section
    value: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """A word at ``address`` in its section that must hold the segment of ``target``."""

    address: int
    target: Section


@dataclass(frozen=True, slots=True)
class Executable:
    """An executable's content.  ``heap`` and ``stack`` are as in the header."""

    text: bytes
    data: bytes = b""
    bss: int = 0
    entry: int = 0
    heap: int = 0
    stack: int = 0
    version: int = 1
    separate: bool = True
    data_base: int = 0
    """Where data begins in its segment; not 0 if the stack lies below it."""
    far_text: bytes = b""
    text_relocations: tuple[Relocation, ...] = ()
    far_text_relocations: tuple[Relocation, ...] = ()
    data_relocations: tuple[Relocation, ...] = ()
    symbols: tuple[AoutSymbol, ...] = ()
    damage: str = ""
    """What is wrong with the symbol table, if there are no symbols for that reason."""


_ELKS_SECTIONS = {
    **dict.fromkeys("TtWw", Section.TEXT),
    **dict.fromkeys("Ff", Section.FAR_TEXT),
    **dict.fromkeys("DdVv", Section.DATA),
    **dict.fromkeys("Bb", Section.BSS),
}
_ELKS_TYPES = {
    Section.TEXT: b"T",
    Section.FAR_TEXT: b"F",
    Section.DATA: b"D",
    Section.BSS: b"B",
}
_LD86_SECTIONS = {2: Section.TEXT, 3: Section.DATA, 4: Section.BSS, 5: Section.BSS}
_LD86_CLASSES = {linkage | section for linkage in (0, 0x10, 0x18) for section in range(6)}
_RELOCATION_TARGETS = {0xFFFE: Section.TEXT, 0xFFFD: Section.DATA, 0xFFFB: Section.FAR_TEXT}


def parse(image: bytes) -> Executable:
    """Take an executable apart, ElksError if its header promises what isn't there."""
    file = BytesIO(image)
    header, more, far = _headers(file, len(image))
    text = _section(file, header.text, "text", far.compressed_text if far else 0)
    far_text = b""
    if far:
        far_text = _section(file, far.far_text, "far text", far.compressed_far_text)
    data = _section(file, header.data, "data", far.compressed_data if far else 0)
    text_relocations = _relocations(file, more.text_relocations, text) if more else ()
    far_relocations = _relocations(file, far.far_text_relocations, far_text) if far else ()
    data_relocations = _relocations(file, more.data_relocations, data) if more else ()
    symbols, damage = _symbols_of(image, header.symbols, file.tell())
    return Executable(
        text=text,
        data=data,
        bss=header.bss,
        entry=header.entry,
        heap=header.heap,
        stack=header.stack,
        version=header.version,
        separate=bool(header.flags & SEPARATE),
        data_base=more.data_base if more else 0,
        far_text=far_text,
        text_relocations=text_relocations,
        far_text_relocations=far_relocations,
        data_relocations=data_relocations,
        symbols=symbols,
        damage=damage,
    )


def _headers(
    file: BytesIO, size: int
) -> tuple[Container[Any], Container[Any] | None, Container[Any] | None]:
    """Return the header, and those for relocations and far text if there are; checked.

    ``size``: the bytes that there are.
    """
    more = far = None
    try:
        header = HEADER.parse_stream(file)
        length = header.header_length
        if length not in (HEADER_LENGTH, RELOCATION_HEADER_LENGTH, FAR_TEXT_HEADER_LENGTH):
            raise ElksError(f"the a.out header has an unknown length of {length} bytes")
        if length >= RELOCATION_HEADER_LENGTH:
            more = RELOCATION_HEADER.parse_stream(file)
        if length >= FAR_TEXT_HEADER_LENGTH:
            far = FAR_TEXT_HEADER.parse_stream(file)
    except StreamError:
        raise ElksError(f"the a.out header is cut off at {size} bytes") from None
    except ConstError:
        raise ElksError("this is no ELKS executable: it lacks the magic number 0301h") from None
    if header.cpu != CPU_8086:
        raise ElksError(f"the a.out header names processor {header.cpu:02X}h, not the 8086 (04h)")
    if header.version > 1:
        raise ElksError(f"a.out version {header.version} is unknown; 0 and 1 are known")
    if header.text == 0:
        raise ElksError("the executable has no text")
    if header.entry >= header.text:
        raise ElksError(f"the entry point {header.entry:X}h lies outside the text")
    if more and more.text_base:
        raise ElksError("text that doesn't begin at offset 0 is not supported")
    if header.bss > MAX_SEGMENT:
        raise ElksError(f"the bss of {header.bss} bytes is larger than a segment")
    return header, more, far


def _symbols_of(image: bytes, size: int, start: int) -> tuple[tuple[AoutSymbol, ...], str]:
    """Return the symbols, or what is wrong with them: that costs them, not the program."""
    if size > MAX_SYMBOLS_SIZE:
        return (), f"the symbol table of {size} bytes is too large"
    if size > len(image) - start:
        return (), _cut_off("symbol table", size, len(image) - start)
    try:
        return parse_symbols(image[len(image) - size :]), ""
    except ElksError as error:
        return (), str(error)


def build(executable: Executable) -> bytes:
    """Write an executable with the short header and ELKS' own form of symbol table."""
    symbols = build_symbols(executable.symbols)
    flags = EXECUTABLE | (SEPARATE if executable.separate else 0)
    header: bytes = HEADER.build(
        {
            "flags": flags,
            "cpu": CPU_8086,
            "header_length": HEADER_LENGTH,
            "reserved": 0,
            "version": executable.version,
            "text": len(executable.text),
            "data": len(executable.data),
            "bss": executable.bss,
            "entry": executable.entry,
            "heap": executable.heap,
            "stack": executable.stack,
            "symbols": len(symbols),
        }
    )
    return header + executable.text + executable.data + symbols


def _take(file: BytesIO, length: int, what: str) -> bytes:
    if length > MAX_SEGMENT:
        raise ElksError(f"the {what} of {length} bytes is larger than a segment")
    content = file.read(length)
    if len(content) < length:
        raise ElksError(_cut_off(what, length, len(content)))
    return content


def _section(file: BytesIO, length: int, what: str, compressed: int) -> bytes:
    """Read a section; one that is stored in fewer bytes is unpacked."""
    if not compressed:
        return _take(file, length, what)
    if length > MAX_SEGMENT:
        raise ElksError(f"the {what} of {length} bytes is larger than a segment")
    return decompress(_take(file, compressed, f"compressed {what}"), length)


def _cut_off(what: str, promised: int, there: int) -> str:
    return f"the file is cut off: of {promised} bytes of {what} only {there} are there"


def _relocations(file: BytesIO, length: int, section: bytes) -> tuple[Relocation, ...]:
    if length % RELOCATION.sizeof():
        raise ElksError(f"{length} bytes of relocations are no whole number of records")
    records = []
    table = _take(file, length, "relocations")
    for start in range(0, length, RELOCATION.sizeof()):
        record = RELOCATION.parse(table[start : start + RELOCATION.sizeof()])
        target = _RELOCATION_TARGETS.get(record.segment)
        if record.type != SEGMENT_WORD or target is None:
            raise ElksError(f"unknown relocation: type {record.type}, segment {record.segment:X}h")
        if record.address + 2 > len(section):
            raise ElksError(f"a relocation at {record.address:X}h lies outside its section")
        records.append(Relocation(record.address, target))
    return tuple(records)


# -- symbol tables ---------------------------------------------------------------------------


def parse_symbols(table: bytes) -> tuple[AoutSymbol, ...]:
    """Read a symbol table of either form, told apart by content."""
    try:
        return _parse_elks(table)
    except ElksError:
        # no table of ld86's is one of ELKS' as well: its names have NUL bytes behind them
        if not _is_ld86(table):
            raise
    return _parse_ld86(table)


def build_symbols(symbols: tuple[AoutSymbol, ...]) -> bytes:
    """Write a symbol table in ELKS' own form; nothing for no symbols."""
    records = b"".join(
        ELKS_SYMBOL.build({"type": _ELKS_TYPES[s.section], "value": s.value, "name": s.name})
        for s in symbols
    )
    return records + b"\0" if records else b""


def _parse_elks(table: bytes) -> tuple[AoutSymbol, ...]:
    symbols = []
    stream = BytesIO(table)
    while (start := stream.tell()) < len(table) and table[start]:
        try:
            record = ELKS_SYMBOL.parse_stream(stream)
        except StreamError:
            raise ElksError(f"the symbol table is cut off in its record at {start}") from None
        section = _ELKS_SECTIONS.get(record.type.decode("latin1"))
        if section is None or not record.name.isprintable():
            raise ElksError(f"the symbol table has a damaged record at {start}")
        symbols.append(AoutSymbol(record.name, section, record.value))
    if any(table[start:]):
        raise ElksError(f"the symbol table goes on behind its end at {start}")
    return tuple(symbols)


def _is_ld86(table: bytes) -> bool:
    size = LD86_SYMBOL.sizeof()
    if not table or len(table) % size:
        return False
    return all(table[at + 12] in _LD86_CLASSES for at in range(0, len(table), size))


def _parse_ld86(table: bytes) -> tuple[AoutSymbol, ...]:
    """Read ld86's records; a name goes on in the records behind it that have no class."""
    symbols: list[AoutSymbol] = []
    name, pending = "", None
    for at in range(0, len(table), LD86_SYMBOL.sizeof()):
        record = LD86_SYMBOL.parse(table[at : at + LD86_SYMBOL.sizeof()])
        part = record.name.rstrip(b"\0").decode("latin1")
        if record.symbol_class == 0 and record.value == 0 and part:
            name += part
            continue
        _finish(symbols, name, pending)
        name, pending = part, record
    _finish(symbols, name, pending)
    return tuple(symbols)


def _finish(symbols: list[AoutSymbol], name: str, record: Construct | None) -> None:
    section = _LD86_SECTIONS.get(record.symbol_class & 7) if record else None
    if record and section and name:
        symbols.append(AoutSymbol(name, section, record.value & 0xFFFF))
