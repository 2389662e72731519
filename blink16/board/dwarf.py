"""The debugging information of the board: compilation units that are nearly all of memory.

It has two purposes, and both are about gdb taking 16-bit code for 32-bit code:

- `break f` shall stop at f's first instruction.  gdb would look for the end of a 32-bit prologue,
  and find it within an instruction.  It leaves that alone where a function has debugging
  information without line numbers, from a compiler whose variables can be found at any
  instruction: GCC 4.5 or later, with a location list anywhere in the unit (skip_prologue_sal in
  symtab.c; locations_valid in dwarf2/read.c).  So each function has an entry, and a variable
  that lies above memory has a list.
- gdb 13 takes a RET for a sign that it may unwind the frame by its own 32-bit rules, in spite of
  call frame information, unless the code comes from such a compiler too (i386-tdep.c,
  i386_stack_frame_destroyed_p; dwarf2/read.c, set_epilogue_unwind_valid).  So the unit covers
  also what lies between the functions.

Where gdb reads libraries it is different, for `until`.  In a function that has debugging
information without lines gdb 13 to 17 look for its line's end for ever, and gdb 18 fails
(until_next_command in infcmd.c); where there is none, but a symbol, `until` does what it should.
So functions' entries lie in a unit whose addresses are above memory, `ASIDE` (`by_name`): gdb
finds them by their names and not by addresses, and the units about memory have none.  What gdb
finds by a name it takes for a breakpoint's place as it is, since the section aside has no symbol.
But gdb 13 to 17 take the symbol of that name for a second place, and look for the end of its
prologue, which is as the architecture of the symbol's file has it.  So that file is for an x86-64,
whose prologues have a prefix (48h) that in 16-bit code never stands there.

What the user has debugging information of his own for is left out; each gap between that is one
unit.  (Of two units about one address gdb takes the shorter one, but a unit of several ranges
before all others, and what users add later must not go unseen.)

Source: DWARF Debugging Information Format, version 4, sections 2.6.2, 2.17.3, 3.1.1, 3.3, 3.5 and
7.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from construct import (
    Byte,
    Const,
    CString,
    GreedyBytes,
    Int16ul,
    Int32ul,
    Prefixed,
    Struct,
)

from blink16.memory import RAM_SIZE
from blink16.symbolfiles.dwarf_names import (
    ABBREVIATION,
    DW_LANG_MIPS_ASSEMBLER,
    PRODUCER,
    At,
    Form,
    Tag,
)

START = 4
"""What is below, the vector of INT 0, is no code; gdb takes address 0 for "discarded"."""
UNIT_NAME = "blink16"
ASIDE = range(0xF000_0000, 0xF000_0010)
"""Addresses of nothing."""


class Abbreviation(IntEnum):
    """The kinds of entries, by their codes in .debug_abbrev."""

    END_OF_CHILDREN = 0
    UNIT = 1
    BLOCK = 2
    VARIABLE = 3
    FUNCTION = 4
    FUNCTION_WITH_BLOCK = 5


END_OF_CHILDREN = bytes([Abbreviation.END_OF_CHILDREN])
_NAME, _LOW_PC = (At.NAME, Form.STRING), (At.LOW_PC, Form.ADDRESS)
_HIGH_PC = (At.HIGH_PC, Form.DATA4)
_FUNCTION = (
    _NAME,
    (At.EXTERNAL, Form.PRESENT),
    (At.MAIN_SUBPROGRAM, Form.FLAG),
    _LOW_PC,
    _HIGH_PC,
)
_ABBREVIATIONS = (
    (
        Abbreviation.UNIT,
        Tag.UNIT,
        True,
        (
            (At.PRODUCER, Form.STRING),
            _NAME,
            (At.LANGUAGE, Form.DATA2),
            _LOW_PC,
            _HIGH_PC,
        ),
    ),
    (Abbreviation.BLOCK, Tag.BLOCK, True, (_LOW_PC, _HIGH_PC)),
    (
        Abbreviation.VARIABLE,
        Tag.VARIABLE,
        False,
        (_NAME, (At.LOCATION, Form.SECTION_OFFSET)),
    ),
    (Abbreviation.FUNCTION, Tag.FUNCTION, False, _FUNCTION),
    (Abbreviation.FUNCTION_WITH_BLOCK, Tag.FUNCTION, True, _FUNCTION),
)
UNIT = Prefixed(
    Int32ul,
    Struct(
        "version" / Const(4, Int16ul),
        "abbreviations" / Int32ul,
        "address_size" / Const(4, Byte),
        "code" / Const(Abbreviation.UNIT, Byte),
        "producer" / CString("ascii"),
        "name" / CString("ascii"),
        "language" / Int16ul,
        "low_pc" / Int32ul,
        "size" / Int32ul,
        "children" / GreedyBytes,
    ),
)
FUNCTION = Struct(
    "code" / Byte,
    "name" / CString("utf-8"),
    "is_main" / Byte,
    "low_pc" / Int32ul,
    "size" / Int32ul,
).compile()
BLOCK = Struct(
    "code" / Const(Abbreviation.BLOCK, Byte),
    "low_pc" / Int32ul,
    "size" / Int32ul,
    "variable" / Const(Abbreviation.VARIABLE, Byte),
    "name" / CString("ascii"),
    "locations" / Int32ul,
    "end" / Const(Abbreviation.END_OF_CHILDREN, Byte),
)
"""A block with the variable that has a list of locations."""
END_OF_LOCATIONS = bytes(8)


@dataclass(frozen=True, slots=True)
class Subprogram:
    """A function of which nothing is known but where it is."""

    name: str
    address: int
    size: int
    is_main: bool = False
    """Whether gdb shall take it for main, at which backtraces end."""


_TRUSTWORTHY = re.compile(rb"GNU (?!AS )\S+ \D*\d+\.\d")
"""What gdb takes for GCC (producer.c): "GNU", a language, and a version."""
_TRUSTED = b"GNU x 5.0"


def all_trusted(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sections of debugging information by name, whose producers gdb takes for a GCC.

    No text changes its length, so no offset changes; those shorter than a GCC's name stay.
    """
    result = dict(contents)
    from blink16.symbolfiles.elf_dwarf import producers  # pyelftools takes its time

    for section, offset, text in producers(contents):
        if len(text) >= len(_TRUSTED) and not _TRUSTWORTHY.match(text):
            end = offset + len(text)
            whole = result[section]
            if whole[offset:end] == text:
                result[section] = whole[:offset] + _TRUSTED.ljust(len(text), b"0") + whole[end:]
    return result


def extend(
    contents: Mapping[str, bytes], functions: Iterable[Subprogram], holes: Iterable[range]
) -> dict[str, bytes]:
    """Return sections of debugging information by name: the user's, with our units behind his.

    ``functions`` don't overlap.  ``holes``: the linear addresses that users' are about.
    """
    known = list(functions)
    units = [(gap, [f for f in known if f.address in gap]) for gap in gaps(holes)]
    ours = _sections(units, *(len(contents.get(name, b"")) for name in _SHARED))
    users = all_trusted(contents)
    return users | {name: users.get(name, b"") + content for name, content in ours.items()}


def by_name(functions: Iterable[Subprogram], holes: Iterable[range]) -> dict[str, bytes]:
    """Return sections of debugging information by name, in which gdb finds functions by theirs.

    ``holes``: see `extend`.
    """
    return _sections([*((gap, []) for gap in gaps(holes)), (ASIDE, functions)])


def nothing() -> dict[str, bytes]:
    """Return sections of debugging information about nothing.

    gdb asks for that of files that have none: us, and then servers in the internet.
    """
    return _sections([(ASIDE, [])])


_SHARED = (".debug_abbrev", ".debug_loc")


def _sections(
    units: Iterable[tuple[range, Iterable[Subprogram]]], abbreviations: int = 0, locations: int = 0
) -> dict[str, bytes]:
    """Return the sections of units, each with its place and functions; see `debug_info`."""
    info = (debug_info(functions, place, abbreviations, locations) for place, functions in units)
    contents = (debug_abbrev(), END_OF_LOCATIONS)
    return dict(zip(_SHARED, contents, strict=True)) | {".debug_info": b"".join(info)}


def debug_abbrev() -> bytes:
    """Return the section .debug_abbrev."""
    kinds = (
        {
            "code": code,
            "tag": tag,
            "children": children,
            "attributes": [{"name": name, "form": form} for name, form in attributes],
        }
        for code, tag, children, attributes in _ABBREVIATIONS
    )
    return b"".join(map(ABBREVIATION.build, kinds)) + b"\0"


def debug_info(
    functions: Iterable[Subprogram], place: range, abbreviations: int, locations: int
) -> bytes:
    """Return the unit about some place.

    ``abbreviations``, ``locations``: where ours begin in .debug_abbrev and .debug_loc.
    """
    children, code = bytearray(), Abbreviation.FUNCTION_WITH_BLOCK
    for f in functions:
        fields = {"code": code, "name": f.name, "is_main": f.is_main}
        fields |= {"low_pc": f.address, "size": f.size}
        children += FUNCTION.build(fields)
        if code is Abbreviation.FUNCTION_WITH_BLOCK:  # the first
            # above memory, or gdb would list it among variables, or the function's locals
            block = {"low_pc": RAM_SIZE, "size": 1, "name": UNIT_NAME, "locations": locations}
            children += BLOCK.build(block) + END_OF_CHILDREN
            code = Abbreviation.FUNCTION
    return bytes(
        UNIT.build(
            {
                "abbreviations": abbreviations,
                "producer": PRODUCER,
                "name": UNIT_NAME,
                "language": DW_LANG_MIPS_ASSEMBLER,
                "low_pc": place.start,
                "size": len(place),
                "children": bytes(children + END_OF_CHILDREN),
            }
        )
    )


def gaps(holes: Iterable[range], begin: int = START) -> Iterator[range]:
    """Yield memory from ``begin`` on but for the holes."""
    for hole in (*merged(holes), range(RAM_SIZE, RAM_SIZE)):
        if begin < hole.start:
            yield range(begin, hole.start)
        begin = max(begin, hole.stop)


def merged(ranges: Iterable[range]) -> list[range]:
    """Return the same numbers in ranges that ascend and don't overlap."""
    result: list[range] = []
    for one in sorted(ranges, key=lambda one: one.start):
        if result and one.start <= result[-1].stop:
            result[-1] = range(result[-1].start, max(result[-1].stop, one.stop))
        elif one:
            result.append(one)
    return result
