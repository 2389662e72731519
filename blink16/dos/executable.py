"""DOS' own formats: the MZ header, the program segment prefix, the memory control block.

Sources: MS-DOS Programmer's Reference (EXE header, PSP); Ralf Brown's Interrupt List, tables
01378 (PSP), 01594 (EXE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from construct import (
    Array,
    Bytes,
    Const,
    ConstructError,
    Default,
    Int8ul,
    Int16ul,
    Padding,
    Struct,
)

from blink16.dos.errors import DosError
from blink16.memory import PARAGRAPH
from blink16.packing import packing

PAGE = 512
PSP_SIZE = 256
COM_ORIGIN = 0x100
MAX_COM_SIZE = 0x10000 - PSP_SIZE - 2
"""A .COM program shares 64 KiB with its PSP and the zero word on its stack."""
MAX_EXE_SIZE = 0xA0000
"""No program is larger than DOS' memory."""

FAR_POINTER = Struct("offset" / Int16ul, "segment" / Int16ul)
_FAR_POINTER = packing(FAR_POINTER)
"""The same, since a program may have thousands of relocations."""

MZ_HEADER = Struct(
    "signature" / Bytes(2),  # MZ, and ZM as old linkers had it
    "last_page_bytes" / Int16ul,  # bytes in the last page, 0: all 512
    "pages" / Int16ul,  # of 512 bytes, header included
    "relocation_count" / Int16ul,
    "header_paragraphs" / Int16ul,
    "minalloc" / Int16ul,  # paragraphs needed behind the image
    "maxalloc" / Int16ul,  # paragraphs wanted behind the image
    "ss" / Int16ul,  # relative to the image
    "sp" / Int16ul,
    "checksum" / Int16ul,
    "ip" / Int16ul,
    "cs" / Int16ul,  # relative to the image
    "relocations_offset" / Int16ul,
    "overlay" / Int16ul,
)

FCB = Struct(
    "drive" / Default(Int8ul, 0),  # 0: the default drive, 1: A
    "name" / Default(Bytes(8), b" " * 8),
    "extension" / Default(Bytes(3), b" " * 3),
)
"""An unopened file control block: what DOS parses a program's first two arguments into."""

JFT_SIZE = 20
CLOSED = 0xFF
"""In the job file table: this handle is not open."""

PSP = Struct(
    "int20" / Const(b"\xcd\x20"),
    "memory_end" / Int16ul,  # segment behind the program's memory
    Padding(1),
    "call5" / Const(b"\x9a\xf0\xfe\x1d\xf0"),  # F01D:FEF0 wraps to 0000:00C0; FEF0h = "size"
    "int22" / FAR_POINTER,
    "int23" / FAR_POINTER,
    "int24" / FAR_POINTER,
    "parent" / Int16ul,
    "jft" / Array(JFT_SIZE, Int8ul),  # handle -> number in the system file table
    "environment" / Int16ul,
    "stack" / FAR_POINTER,  # SS:SP at the last INT 21h
    "jft_size" / Const(JFT_SIZE, Int16ul),
    "jft_pointer" / FAR_POINTER,
    "previous" / Const(b"\xff" * 4),
    Padding(4),
    "version" / Int16ul,
    Padding(14),
    "int21_retf" / Const(b"\xcd\x21\xcb"),
    Padding(9),
    "fcb1" / FCB,
    Padding(4),
    "fcb2" / FCB,
    Padding(8),
    "tail_length" / Int8ul,
    "tail" / Bytes(127),  # ends with a carriage return
)


@dataclass(frozen=True, slots=True)
class MzExecutable:
    """A program as DOS loads it: an image and where it starts, relative to the image."""

    image: bytes
    cs: int
    ip: int
    ss: int
    sp: int
    minalloc: int = 0
    maxalloc: int = 0xFFFF
    relocations: tuple[tuple[int, int], ...] = ()
    """(segment, offset) of words in the image to which the load segment is added."""
    is_com: bool = False
    missing: int = 0
    """Bytes that the header promises and the file lacks."""

    @property
    def is_high(self) -> bool:
        """Whether it wants to lie at the end of memory."""
        return not self.is_com and self.minalloc == self.maxalloc == 0

    @property
    def paragraphs(self) -> int:
        """Paragraphs that the image takes."""
        return -(-len(self.image) // PARAGRAPH)

    def relocated(self, segment: int) -> bytes:
        """Return the image as it is when loaded at a segment."""
        image = bytearray(self.image)
        for where, offset in self.relocations:
            at = where * PARAGRAPH + offset
            if at + 2 > len(image):  # of a file that is too short
                continue
            word = int.from_bytes(image[at : at + 2], "little") + segment
            image[at : at + 2] = (word & 0xFFFF).to_bytes(2, "little")
        return bytes(image)


def is_mz(data: bytes) -> bool:
    """Tell whether a program file is an MZ executable, by its content, whatever its name."""
    return data[:2] in (b"MZ", b"ZM")


def parse_mz(data: bytes) -> MzExecutable:
    """Read an MZ .EXE file; DosError says which part of it can't be right."""
    try:
        header = MZ_HEADER.parse(data)
    except ConstructError:
        raise DosError(
            f"MZ header is truncated: {len(data)} bytes, it needs {MZ_HEADER.sizeof()}"
        ) from None
    start = header.header_paragraphs * PARAGRAPH
    end = _image_end(header)
    if start > len(data):
        raise DosError(f"EXE is truncated: its header has {start} bytes, the file {len(data)}")
    if not MZ_HEADER.sizeof() <= start <= end:
        raise DosError(f"MZ header is damaged: {start} bytes of header in {end} bytes of program")
    image = data[start:end]
    return MzExecutable(
        image,
        header.cs,
        header.ip,
        header.ss,
        header.sp,
        header.minalloc,
        header.maxalloc,
        _relocations(header, data, end - start),
        missing=max(0, end - len(data)),
    )


def _image_end(header: Any) -> int:
    """Return where the image ends in the file; debug information may lie behind it."""
    if header.last_page_bytes > PAGE:
        raise DosError(f"MZ header is damaged: {header.last_page_bytes} bytes in its last page")
    end: int = header.pages * PAGE
    if header.last_page_bytes:
        end -= PAGE - header.last_page_bytes
    if end > MAX_EXE_SIZE:
        raise DosError(f"EXE is too large: {end} bytes, DOS has room for {MAX_EXE_SIZE}")
    return end


def _relocations(header: Any, data: bytes, image_size: int) -> tuple[tuple[int, int], ...]:
    if not header.relocation_count:
        return ()
    start, size = header.relocations_offset, header.relocation_count * _FAR_POINTER.size
    table = data[start : start + size]
    if len(table) < size:
        raise DosError(
            f"EXE is truncated: {header.relocation_count} relocations at "
            f"{header.relocations_offset:#x} lie outside its {len(data)} bytes"
        )
    relocations = tuple((segment, offset) for offset, segment in _FAR_POINTER.iter_unpack(table))
    for segment, offset in relocations:
        if segment * PARAGRAPH + offset + 2 > image_size:
            raise DosError(f"MZ relocation at {segment:04X}:{offset:04X} lies outside the image")
    return relocations


def parse_com(data: bytes) -> MzExecutable:
    """Read a .COM file, which is nothing but an image; DosError if it's empty or too large."""
    if not data:
        raise DosError("the program is empty")
    if len(data) > MAX_COM_SIZE:
        raise DosError(f"COM program is too large: {len(data)} bytes, at most {MAX_COM_SIZE}")
    return MzExecutable(data, 0, COM_ORIGIN, 0, 0xFFFE, is_com=True)


def parse(data: bytes) -> MzExecutable:
    """Read a program file of either kind."""
    return parse_mz(data) if is_mz(data) else parse_com(data)
