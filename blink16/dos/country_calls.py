"""INT 21h's calls about the country, which is the USA, and the code page, which is 437."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from construct import Bytes, Int8ul, Int16ul, Padding, Struct

from blink16.dos import layout
from blink16.dos.errors import CallFailed, Code
from blink16.dos.executable import FAR_POINTER
from blink16.dos.names import CODE_PAGE, upper
from blink16.dos.system import SEGMENT, DosSystem, string_before
from blink16.memory import Memory, linear
from blink16.services import DONE, Guest, Outcome

COUNTRY = 1
CODE_PAGE_NUMBER = 437
CURRENT = 0xFFFF
"""In DX of 38h: set the country instead of asking for it."""

COUNTRY_INFORMATION = Struct(
    "date_format" / Int16ul,  # 0: month, day, year
    "currency" / Bytes(5),
    "thousands" / Bytes(2),
    "decimal" / Bytes(2),
    "date" / Bytes(2),
    "time" / Bytes(2),
    "currency_format" / Int8ul,
    "currency_digits" / Int8ul,
    "time_format" / Int8ul,  # 0: twelve hours
    "case_map" / FAR_POINTER,
    "list" / Bytes(2),
    Padding(10),
)
EXTENDED_INFORMATION = Struct("size" / Int16ul, "country" / Int16ul, "code_page" / Int16ul)
EXTENDED_POINTER = Struct("kind" / Int8ul, "table" / FAR_POINTER)
POINTER_SIZE = EXTENDED_POINTER.sizeof()

_UPPER = bytes(upper(bytes((code,)).decode(CODE_PAGE)).encode(CODE_PAGE)[0] for code in range(256))
_TERMINATORS = b'."/\\[]:|<>+=;,'
TABLES = {
    0x02: (128).to_bytes(2, "little") + _UPPER[128:],
    0x04: (128).to_bytes(2, "little") + _UPPER[128:],
    # characters allowed in names: all; not in them: up to the space, and the terminators
    0x05: bytes((22, 0, 1, 0, 255, 0, 0, 32, 2, len(_TERMINATORS))) + _TERMINATORS,
    0x06: (256).to_bytes(2, "little") + _UPPER,
    0x07: bytes(4),  # no characters of two bytes
}
"""65h's tables by number: upper case, file names' upper case, terminators, order, lead bytes."""
FAR_RETURN = 0xCB


def _table_offsets() -> dict[int, int]:
    offset = layout.TABLES_OFFSET
    offsets: dict[int, int] = {}
    for number, table in TABLES.items():
        offsets[number] = offset
        offset += len(table)
    return offsets


_OFFSETS = _table_offsets()
_CASE_MAP = layout.TABLES_OFFSET - 1  # a far return: AL stays as it is


def install(memory: Memory) -> None:
    """Write the tables that programs look up."""
    memory[linear(layout.DOS_SEGMENT, _CASE_MAP)] = FAR_RETURN
    for number, table in TABLES.items():
        memory.write(linear(layout.DOS_SEGMENT, _OFFSETS[number]), table)


@cache
def _information() -> bytes:
    raw: bytes = COUNTRY_INFORMATION.build(
        {
            "date_format": 0,
            "currency": b"$\0\0\0\0",
            "thousands": b",\0",
            "decimal": b".\0",
            "date": b"-\0",
            "time": b":\0",
            "currency_format": 0,
            "currency_digits": 2,
            "time_format": 0,
            "case_map": {"offset": _CASE_MAP, "segment": layout.DOS_SEGMENT},
            "list": b",\0",
        }
    )
    return raw


@cache
def _extended_information() -> bytes:
    head = {"size": 38, "country": COUNTRY, "code_page": CODE_PAGE_NUMBER}
    raw: bytes = EXTENDED_INFORMATION.build(head)
    return b"\1" + raw + _information()


@cache
def _pointer(number: int) -> bytes:
    table = {"offset": _OFFSETS[number], "segment": layout.DOS_SEGMENT}
    raw: bytes = EXTENDED_POINTER.build({"kind": number, "table": table})
    return raw


def country(dos: DosSystem, guest: Guest) -> Outcome:
    """38h: the country's information to DS:DX; error 2 if that country's isn't here."""
    r = guest.registers
    asked = r.bx if r.al == 0xFF else r.al
    if asked not in (0, COUNTRY):
        raise CallFailed(Code.FILE_NOT_FOUND)
    if r.dx != CURRENT:
        guest.memory.write(guest.linear(r.ds, r.dx), _information())
    r.bx = r.ax = COUNTRY
    return DONE


def extended(dos: DosSystem, guest: Guest) -> Outcome:
    """65h: information or a table's address to ES:DI; 20h to 22h: make DL or DS:DX upper case;
    23h: whether DL means no (0), yes (1) or neither (2).
    """
    r, memory = guest.registers, guest.memory
    ours = r.bx in (CURRENT, CODE_PAGE_NUMBER) and r.dx in (CURRENT, COUNTRY)
    if r.al in (0x01, *TABLES) and not ours:
        raise CallFailed(Code.FILE_NOT_FOUND)
    match r.al:
        case 0x01:
            _answer(guest, _extended_information())
        case number if number in TABLES:
            _answer(guest, _pointer(number))
        case 0x20:
            r.dl = _UPPER[r.dl]
        case 0x21:
            memory.write(
                memory.linear(r.ds, r.dx),
                memory.read(memory.linear(r.ds, r.dx), r.cx).translate(_UPPER),
            )
        case 0x22:
            text = string_before(guest, r.ds, r.dx, b"\0", SEGMENT) or b""
            memory.write(memory.linear(r.ds, r.dx), text.translate(_UPPER))
        case 0x23:
            r.ax = {ord("N"): 0, ord("Y"): 1}.get(_UPPER[r.dl], 2)
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    return DONE


def _answer(guest: Guest, data: bytes) -> None:
    """Give as many bytes as CX has room for."""
    r = guest.registers
    if r.cx < POINTER_SIZE:
        raise CallFailed(Code.INVALID_FUNCTION)
    r.cx = min(r.cx, len(data))
    guest.memory.write(guest.linear(r.es, r.di), data[: r.cx])


def code_page(dos: DosSystem, guest: Guest) -> Outcome:
    """66h: get (1) the code page, or set (2) the only one that there is."""
    r = guest.registers
    if r.al == 2 and r.bx == CODE_PAGE_NUMBER:
        return DONE
    if r.al != 1:
        raise CallFailed(Code.INVALID_FUNCTION)
    r.bx = r.dx = CODE_PAGE_NUMBER
    return DONE


def lead_bytes(dos: DosSystem, guest: Guest) -> Outcome:
    """63h: the table of characters of two bytes, which is empty, at DS:SI (AL 0)."""
    r = guest.registers
    if r.al == 0:
        r.ds, r.si = layout.DOS_SEGMENT, _OFFSETS[7] + 2
    return DONE


def switch_character(dos: DosSystem, guest: Guest) -> Outcome:
    """37h: options begin with a slash, whatever a program would like."""
    guest.registers.al, guest.registers.dl = 0, ord("/")
    return DONE


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x37: switch_character,
    0x38: country,
    0x63: lead_bytes,
    0x65: extended,
    0x66: code_page,
}
