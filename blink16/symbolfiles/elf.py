"""ELF for 32 bits, little-endian, in construct: what symbol files have, and the board.

The board has one for 64 bits too, which nobody but gdb reads.

Source: Tool Interface Standard, Executable and Linking Format, version 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from construct import (
    Byte,
    Bytes,
    Const,
    ConstError,
    Construct,
    Container,
    Int16ul,
    Int32ul,
    Int64ul,
    Padding,
    StreamError,
    Struct,
)

MAGIC = b"\x7fELF"
MAGIC_64 = MAGIC + b"\x02"
EM_NONE = 0
EM_386 = 3
EM_X86_64 = 62
ET_EXEC = 2
EV_CURRENT = 1


def _header_with(word: Construct, kind: bytes) -> Struct:
    """Return the header with words of a class, whose EI_CLASS is ``kind``."""
    return Struct(
        "magic" / Const(MAGIC),
        "class" / Const(kind),
        "data" / Const(b"\x01"),  # little-endian
        "version" / Const(b"\x01"),
        "abi" / Padding(9),
        "e_type" / Int16ul,
        "e_machine" / Int16ul,
        "e_version" / Int32ul,
        "e_entry" / word,
        "e_phoff" / word,
        "e_shoff" / word,
        "e_flags" / Int32ul,
        "e_ehsize" / Int16ul,
        "e_phentsize" / Int16ul,
        "e_phnum" / Int16ul,
        "e_shentsize" / Int16ul,
        "e_shnum" / Int16ul,
        "e_shstrndx" / Int16ul,
    )


def _section_header_with(word: Construct) -> Struct:
    return Struct(
        "sh_name" / Int32ul,
        "sh_type" / Int32ul,
        "sh_flags" / word,
        "sh_addr" / word,
        "sh_offset" / word,
        "sh_size" / word,
        "sh_link" / Int32ul,
        "sh_info" / Int32ul,
        "sh_addralign" / word,
        "sh_entsize" / word,
    )


HEADER = _header_with(Int32ul, b"\x01")
PROGRAM_HEADER = Struct(
    "p_type" / Int32ul,
    "p_offset" / Int32ul,
    "p_vaddr" / Int32ul,
    "p_paddr" / Int32ul,
    "p_filesz" / Int32ul,
    "p_memsz" / Int32ul,
    "p_flags" / Int32ul,
    "p_align" / Int32ul,
)
PT_LOAD = 1
SECTION_HEADER = _section_header_with(Int32ul)
SYMBOL = Struct(
    "st_name" / Int32ul,
    "st_value" / Int32ul,
    "st_size" / Int32ul,
    "st_info" / Byte,
    "st_other" / Byte,
    "st_shndx" / Int16ul,
).compile()
SYMBOL_64 = Struct(
    "st_name" / Int32ul,
    "st_info" / Byte,
    "st_other" / Byte,
    "st_shndx" / Int16ul,
    "st_value" / Int64ul,
    "st_size" / Int64ul,
).compile()
BUILD_ID_SIZE = 20
BUILD_ID = Struct(
    "n_namesz" / Const(4, Int32ul),
    "n_descsz" / Const(BUILD_ID_SIZE, Int32ul),
    "n_type" / Const(3, Int32ul),  # NT_GNU_BUILD_ID
    "name" / Const(b"GNU\0"),
    "identity" / Bytes(BUILD_ID_SIZE),
)
MAX_SECTIONS = 10_000
MAX_SYMBOLS = 200_000
"""Symbols in a table, those of no use included."""


class ElfError(ValueError):
    """An ELF that can't be read, and why."""


class SectionType(IntEnum):
    """sh_type."""

    NULL = 0
    PROGBITS = 1
    SYMTAB = 2
    STRTAB = 3
    NOTE = 7
    NOBITS = 8


class SectionFlag(IntFlag):
    """sh_flags."""

    WRITE = 1
    ALLOC = 2
    EXECINSTR = 4
    TLS = 0x400
    COMPRESSED = 0x800


class SymbolType(IntEnum):
    """The low half of st_info."""

    NOTYPE = 0
    OBJECT = 1
    FUNC = 2


SHN_ABS = 0xFFF1
"""The section of a symbol that is no address."""
STB_GLOBAL = 1
FIRST_GLOBAL = 1
"""All our symbols are global; the one before them is the null symbol."""


@dataclass(frozen=True, slots=True)
class ElfSection:
    """A section: its content, or for NOBITS just its place."""

    name: str
    type: int
    flags: int = 0
    address: int = 0
    content: bytes = b""
    size: int = 0
    """Bytes of a NOBITS section."""
    link: int = 0
    info: int = 0
    entry_size: int = 0


@dataclass(frozen=True, slots=True)
class ElfSymbol:
    """A symbol of a section."""

    name: str
    address: int
    size: int
    type: int
    section: int
    """The index of its section; 1 is the first."""


@dataclass(frozen=True, slots=True)
class ElfClass:
    """The structures of an ELF, by the width of its words."""

    header: Construct
    section_header: Construct
    symbol: Construct


CLASS_32 = ElfClass(HEADER, SECTION_HEADER, SYMBOL)
CLASS_64 = ElfClass(_header_with(Int64ul, b"\x02"), _section_header_with(Int64ul), SYMBOL_64)


@dataclass
class _Strings:
    """A string table that grows."""

    content: bytearray = field(default_factory=lambda: bytearray(1))

    def add(self, text: str) -> int:
        at = len(self.content)
        self.content += text.encode("utf-8") + b"\0"
        return at


def build(
    sections: Sequence[ElfSection],
    symbols: Sequence[ElfSymbol],
    entry: int,
    *,
    segment: range | None = None,
) -> bytes:
    """Return an executable with these sections, in order from 1 on.

    The symbol table and the string tables are put behind them.  Its ``e_machine`` is EM_NONE, but
    with a ``segment`` EM_386: these are the addresses of its one segment, which has no content.
    """
    program = b"" if segment is None else _program_header(segment)
    machine = EM_NONE if segment is None else EM_386
    whole = _with_symbols(sections, symbols, CLASS_32)
    return _lay_out(whole, entry, program, machine, CLASS_32)


def build_64(sections: Sequence[ElfSection], symbols: Sequence[ElfSymbol], entry: int) -> bytes:
    """Return the same for 64 bits and an x86-64, without a segment."""
    whole = _with_symbols(sections, symbols, CLASS_64)
    return _lay_out(whole, entry, b"", EM_X86_64, CLASS_64)


def build_id(identity: bytes) -> ElfSection:
    """Return the note that tells files apart, by 20 bytes."""
    content = bytes(BUILD_ID.build({"identity": identity}))
    return ElfSection(".note.gnu.build-id", SectionType.NOTE, content=content)


def _with_symbols(
    sections: Sequence[ElfSection], symbols: Sequence[ElfSymbol], kind: ElfClass
) -> list[ElfSection]:
    """Return sections from 0 on, with a symbol table and its strings behind."""
    strings, size = _Strings(), kind.symbol.sizeof()
    rows = (_symbol(symbol, strings.add(symbol.name), kind) for symbol in symbols)
    symtab = ElfSection(
        ".symtab",
        SectionType.SYMTAB,
        content=bytes(size) + b"".join(rows),
        link=len(sections) + 2,
        info=FIRST_GLOBAL,
        entry_size=size,
    )
    strtab = ElfSection(".strtab", SectionType.STRTAB, content=bytes(strings.content))
    return [ElfSection("", SectionType.NULL), *sections, symtab, strtab]


def _symbol(symbol: ElfSymbol, name: int, kind: ElfClass) -> bytes:
    return bytes(
        kind.symbol.build(
            {
                "st_name": name,
                "st_value": symbol.address,
                "st_size": symbol.size,
                "st_info": STB_GLOBAL << 4 | symbol.type,
                "st_other": 0,
                "st_shndx": symbol.section,
            }
        )
    )


def _program_header(segment: range) -> bytes:
    return bytes(
        PROGRAM_HEADER.build(
            {
                "p_type": PT_LOAD,
                "p_offset": 0,
                "p_vaddr": segment.start,
                "p_paddr": segment.start,
                "p_filesz": 0,
                "p_memsz": len(segment),
                "p_flags": 0,
                "p_align": 1,
            }
        )
    )


def _lay_out(
    sections: list[ElfSection], entry: int, program: bytes, machine: int, kind: ElfClass
) -> bytes:
    """Put the headers, the contents and the section headers one behind the other."""
    names = _Strings()
    name_offsets = [names.add(section.name) if section.name else 0 for section in sections]
    name_offsets.append(names.add(".shstrtab"))
    sections.append(ElfSection(".shstrtab", SectionType.STRTAB, content=bytes(names.content)))
    size = kind.header.sizeof()
    contents, headers = bytearray(size) + program, bytearray()
    for section, name in zip(sections, name_offsets, strict=True):
        headers += _section_header(section, name, len(contents), kind)
        contents += section.content
    segments = len(program) // PROGRAM_HEADER.sizeof()
    contents[:size] = kind.header.build(
        {
            "e_type": ET_EXEC,
            "e_machine": machine,
            "e_version": EV_CURRENT,
            "e_entry": entry,
            "e_phoff": size if segments else 0,
            "e_shoff": len(contents),
            "e_flags": 0,
            "e_ehsize": size,
            "e_phentsize": PROGRAM_HEADER.sizeof() if segments else 0,
            "e_phnum": segments,
            "e_shentsize": kind.section_header.sizeof(),
            "e_shnum": len(sections),
            "e_shstrndx": len(sections) - 1,
        }
    )
    return bytes(contents + headers)


def _section_header(section: ElfSection, name: int, offset: int, kind: ElfClass) -> bytes:
    return bytes(
        kind.section_header.build(
            {
                "sh_name": name,
                "sh_type": section.type,
                "sh_flags": section.flags,
                "sh_addr": section.address,
                "sh_offset": offset if section.type is not SectionType.NULL else 0,
                "sh_size": section.size or len(section.content),
                "sh_link": section.link,
                "sh_info": section.info,
                "sh_addralign": 1 if section.type is not SectionType.NULL else 0,
                "sh_entsize": section.entry_size,
            }
        )
    )


# -- reading ---------------------------------------------------------------------------------


def parse(image: bytes) -> tuple[list[ElfSection], list[ElfSymbol]]:
    """Return the sections, from 0 on, and the symbols of an ELF.  ElfError if it lies."""
    try:
        header = HEADER.parse(image)
    except (ConstError, StreamError):
        raise ElfError("this is no ELF for 32 bits, little-endian") from None
    if header.e_shentsize != SECTION_HEADER.sizeof() or header.e_shnum > MAX_SECTIONS:
        raise ElfError("the ELF has no section headers, or too many")
    table = _slice(image, header.e_shoff, header.e_shnum * SECTION_HEADER.sizeof(), "headers")
    rows = SECTION_HEADER[header.e_shnum].parse(table)
    if header.e_shstrndx >= len(rows):
        raise ElfError("the ELF's sections have no names")
    names = _content(image, rows[header.e_shstrndx])
    sections = [
        ElfSection(
            _string(names, row.sh_name),
            row.sh_type,
            row.sh_flags,
            row.sh_addr,
            _content(image, row),
            row.sh_size,
            row.sh_link,
            row.sh_info,
            row.sh_entsize,
        )
        for row in rows
    ]
    return sections, _symbols(sections)


def is_linked(image: bytes) -> bool:
    """Tell whether a linker has given an ELF its addresses."""
    return int(HEADER.parse(image).e_type) == ET_EXEC


def _symbols(sections: list[ElfSection]) -> list[ElfSymbol]:
    table = next((s for s in sections if s.type == SectionType.SYMTAB), None)
    if table is None:
        return []
    count, rest = divmod(len(table.content), SYMBOL.sizeof())
    if rest or count > MAX_SYMBOLS or table.link >= len(sections):
        raise ElfError("the ELF's symbol table is damaged")
    names = sections[table.link].content
    return [
        ElfSymbol(
            _string(names, row.st_name), row.st_value, row.st_size, row.st_info & 0xF, row.st_shndx
        )
        for row in SYMBOL[count].parse(table.content)
    ]


def _content(image: bytes, row: Container) -> bytes:
    if row.sh_type in (SectionType.NULL, SectionType.NOBITS) or (
        row.sh_flags & SectionFlag.COMPRESSED
    ):
        return b""
    return _slice(image, row.sh_offset, row.sh_size, "section")


def _slice(image: bytes, start: int, length: int, what: str) -> bytes:
    if start + length > len(image):
        raise ElfError(f"the ELF is cut off: a {what} lies behind its end")
    return image[start : start + length]


def _string(table: bytes, start: int) -> str:
    end = table.find(b"\0", start)
    return table[start : end if end >= 0 else len(table)].decode("utf-8", "replace")
