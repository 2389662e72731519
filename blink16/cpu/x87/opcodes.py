"""The 8087's instructions: which one an ESC is, and how long it takes.

A map has a row for each first byte, and a cell for each value of ModR/M's register field; in one
for operands in memory, and in one for registers, where the low bits are the number of the other
register.  What has no operand is known by its whole second byte.  Sources: Intel, iAPX 86/88,
186/188 User's Manual, "8087 numeric data coprocessor", its typical clock counts too; those with a
number in their names aren't documented and repeat others.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import NamedTuple

ESCAPES = range(0xD8, 0xE0)
"""The first bytes of its instructions."""
IN_REGISTERS = 0xC0
"""From here on a second byte names no memory."""


REGISTERS, REAL_SIZE, OPCODE_MASK = 8, 10, 0x7FF
"""In the stack; bytes of each; of an instruction's two bytes, what the 8087 notes."""


class CoprocessorKind(Enum):
    """Which one it is."""

    I8087 = "8087"
    I80287 = "80287"

    __hash__ = object.__hash__

    @property
    def first_control(self) -> int:
        """The control word after FINIT: all is masked, 64 bits, to nearest, projective."""
        return 0x3FF if self is CoprocessorKind.I8087 else 0x37F


class EscapeOperand(Enum):
    """What an instruction is about, beside the stack's top."""

    NONE = ""
    OTHER = "i"  # a register of the stack
    TO_TOP = "0,i"  # from a register of the stack to the top
    FROM_TOP = "i,0"  # the other way
    ACCUMULATOR = "ax"  # the processor's
    SHORT_REAL = "r32"
    LONG_REAL = "r64"
    TEMPORARY_REAL = "r80"
    WORD_INTEGER = "i16"
    SHORT_INTEGER = "i32"
    LONG_INTEGER = "i64"
    PACKED_DECIMAL = "bcd"
    WORD = "w"  # the control or the status word
    ENVIRONMENT = "env"
    STATE = "all"  # the environment and all registers

    __hash__ = object.__hash__


SIZES = {
    EscapeOperand.SHORT_REAL: 4,
    EscapeOperand.LONG_REAL: 8,
    EscapeOperand.TEMPORARY_REAL: 10,
    EscapeOperand.WORD_INTEGER: 2,
    EscapeOperand.SHORT_INTEGER: 4,
    EscapeOperand.LONG_INTEGER: 8,
    EscapeOperand.PACKED_DECIMAL: 10,
    EscapeOperand.WORD: 2,
    EscapeOperand.ENVIRONMENT: 14,
    EscapeOperand.STATE: 94,
}
"""Bytes of operands in memory."""


class Escape(NamedTuple):
    """An instruction of the 8087."""

    mnemonic: str
    operand: EscapeOperand = EscapeOperand.NONE
    clocks: int = 0
    """What it takes, without computing an address."""
    is_later: bool = False
    """Whether only a processor later than the 80287 has it."""

    @property
    def is_question(self) -> bool:
        """Whether programs find out by it whether there is an 8087 at all."""
        return self.mnemonic in _QUESTIONS

    @property
    def is_administrative(self) -> bool:
        """Whether it leaves the instruction and operand pointers alone."""
        return self.mnemonic in _ADMINISTRATIVE


_QUESTIONS = frozenset({"FINIT", "FCLEX", "FENI", "FDISI", "FSTCW", "FSTSW"})
_ADMINISTRATIVE = _QUESTIONS | {"FLDCW", "FLDENV", "FSTENV", "FRSTOR", "FSAVE", "FSETPM"}
WITHOUT_WAIT = _QUESTIONS | {"FSTENV", "FSAVE", "FSETPM"}
"""Assemblers put a WAIT before each, or name them FNINIT and so on; and before all others."""

_MEMORY = """
D8 | FADD r32 | FMUL r32 | FCOM r32 | FCOMP r32 | FSUB r32 | FSUBR r32 | FDIV r32 | FDIVR r32
D9 | FLD r32 | | FST r32 | FSTP r32 | FLDENV env | FLDCW w | FSTENV env | FSTCW w
DA | FIADD i32 | FIMUL i32 | FICOM i32 | FICOMP i32 | FISUB i32 | FISUBR i32 | FIDIV i32| FIDIVR i32
DB | FILD i32 | | FIST i32 | FISTP i32 | | FLD r80 | | FSTP r80
DC | FADD r64 | FMUL r64 | FCOM r64 | FCOMP r64 | FSUB r64 | FSUBR r64 | FDIV r64 | FDIVR r64
DD | FLD r64 | | FST r64 | FSTP r64 | FRSTOR all | | FSAVE all | FSTSW w
DE | FIADD i16 | FIMUL i16 | FICOM i16 | FICOMP i16 | FISUB i16 | FISUBR i16 | FIDIV i16| FIDIVR i16
DF | FILD i16 | | FIST i16 | FISTP i16 | FBLD bcd | FILD i64 | FBSTP bcd | FISTP i64
"""
_STACK = """
D8 | FADD 0,i | FMUL 0,i | FCOM i | FCOMP i | FSUB 0,i | FSUBR 0,i | FDIV 0,i | FDIVR 0,i
D9 | FLD i | FXCH i | | FSTP1 i | | | |
DA | | | | | | | |
DB | | | | | | | |
DC | FADD i,0 | FMUL i,0 | FCOM2 i | FCOMP3 i | FSUBR i,0 | FSUB i,0 | FDIVR i,0 | FDIV i,0
DD | FFREE i | FXCH4 i | FST i | FSTP i | | | |
DE | FADDP i,0 | FMULP i,0 | FCOMP5 i | | FSUBRP i,0 | FSUBP i,0 | FDIVRP i,0 | FDIVP i,0
DF | FFREEP i | FXCH7 i | FSTP8 i | FSTP9 i | | | |
"""
_WHOLE = {
    0xD9D0: "FNOP",
    **{0xD9E0: "FCHS", 0xD9E1: "FABS", 0xD9E4: "FTST", 0xD9E5: "FXAM", 0xD9E8: "FLD1"},
    **{0xD9E9: "FLDL2T", 0xD9EA: "FLDL2E", 0xD9EB: "FLDPI", 0xD9EC: "FLDLG2", 0xD9ED: "FLDLN2"},
    **{0xD9EE: "FLDZ", 0xD9F0: "F2XM1", 0xD9F1: "FYL2X", 0xD9F2: "FPTAN", 0xD9F3: "FPATAN"},
    **{0xD9F4: "FXTRACT", 0xD9F6: "FDECSTP", 0xD9F7: "FINCSTP", 0xD9F8: "FPREM"},
    **{0xD9F9: "FYL2XP1", 0xD9FA: "FSQRT", 0xD9FC: "FRNDINT", 0xD9FD: "FSCALE"},
    **{0xDBE0: "FENI", 0xDBE1: "FDISI", 0xDBE2: "FCLEX", 0xDBE3: "FINIT", 0xDBE4: "FSETPM"},
    0xDED9: "FCOMPP",
    0xDFE0: "FSTSW ax",
}
_LATER = {
    **{0xD9F5: "FPREM1", 0xD9FB: "FSINCOS", 0xD9FE: "FSIN", 0xD9FF: "FCOS", 0xDAE9: "FUCOMPP"},
    **{0xDDE0 + i: "FUCOM i" for i in range(8)},
    **{0xDDE8 + i: "FUCOMP i" for i in range(8)},
}
"""The 80387's."""

_CLOCKS = """
FADD,FSUB,FSUBR    | 0,i 85 | i,0 85 | r32 105 | r64 110
FADDP,FSUBP,FSUBRP | i,0 90
FMUL    | 0,i 138 | i,0 138 | r32 118 | r64 161
FMULP   | i,0 142
FDIV    | 0,i 198 | i,0 198 | r32 220 | r64 225
FDIVR   | 0,i 199 | i,0 199 | r32 221 | r64 226
FDIVP   | i,0 202
FDIVRP  | i,0 203
FIADD,FISUB,FISUBR | i16 120 | i32 125
FIMUL   | i16 130 | i32 136
FIDIV   | i16 230 | i32 236
FIDIVR  | i16 230 | i32 237
FCOM,FCOM2 | i 45 | r32 65 | r64 70
FCOMP,FCOMP3,FCOMP5 | i 47 | r32 68 | r64 72
FICOM   | i16 80 | i32 85
FICOMP  | i16 82 | i32 87
FLD     | i 20 | r32 43 | r64 46 | r80 57
FST     | i 18 | r32 87 | r64 100
FSTP,FSTP1,FSTP8,FSTP9 | i 20 | r32 89 | r64 102 | r80 55
FILD    | i16 50 | i32 56 | i64 64
FIST    | i16 86 | i32 88
FISTP   | i16 88 | i32 90 | i64 100
FBLD    | bcd 300
FBSTP   | bcd 530
FXCH,FXCH4,FXCH7 | i 12
FFREE,FFREEP | i 11
FLDCW   | w 10
FSTCW   | w 15
FSTSW   | w 15 | ax 15
FLDENV  | env 40
FSTENV  | env 45
FRSTOR,FSAVE | all 210
FNOP 13 | FCHS 15 | FABS 14 | FTST 42 | FXAM 17 | FCOMPP 50
FLD1 18 | FLDL2T 19 | FLDL2E 18 | FLDPI 19 | FLDLG2 21 | FLDLN2 20 | FLDZ 14
F2XM1 500 | FYL2X 950 | FPTAN 450 | FPATAN 650 | FXTRACT 50 | FPREM 125 | FYL2XP1 850
FSQRT 183 | FRNDINT 45 | FSCALE 35 | FDECSTP 9 | FINCSTP 9
FENI 5 | FDISI 5 | FCLEX 5 | FINIT 5 | FSETPM 5
"""
UNKNOWN_CLOCKS = 13
"""An ESC that is no instruction: as FNOP."""


def _cells(table: str) -> Iterator[tuple[str, list[str]]]:
    for line in table.strip().splitlines():
        first, *cells = (cell.strip() for cell in line.split("|"))
        yield first, cells


def _clocks() -> Iterator[tuple[tuple[str, EscapeOperand], int]]:
    for first, cells in _cells(_CLOCKS):
        if first[-1].isdigit() and " " in first:  # no operands: each cell is another instruction
            for name, clocks in (cell.split() for cell in (first, *cells)):
                yield (name, EscapeOperand.NONE), int(clocks)
            continue
        for operand, clocks in (cell.split() for cell in cells):
            for name in first.split(","):
                yield (name, EscapeOperand(operand)), int(clocks)


@cache
def _clocks_of() -> dict[tuple[str, EscapeOperand], int]:
    return dict(_clocks())


def _escape(text: str, *, is_later: bool = False) -> Escape:
    name, _, operand = text.partition(" ")
    form = EscapeOperand(operand)
    return Escape(name, form, 0 if is_later else _clocks_of()[name, form], is_later)


def _map() -> Iterator[tuple[int, Escape]]:
    """Yield what there is, by both bytes, that of ModR/M with its mod and r/m."""
    for table, seconds in ((_MEMORY, range(IN_REGISTERS)), (_STACK, range(IN_REGISTERS, 0x100))):
        for first, cells in _cells(table):
            made = [_escape(cell) if cell else None for cell in cells]
            for second in seconds:
                escape = made[second >> 3 & 7]
                if escape is not None:
                    yield bytes.fromhex(first)[0] << 8 | second, escape
    for named, is_later in ((_WHOLE, False), (_LATER, True)):
        for code, text in named.items():
            yield code, _escape(text, is_later=is_later)


@cache
def _escapes() -> dict[int, Escape]:
    return dict(_map())  # when it is asked for: most programs have none


def find(opcode: int, second: int) -> Escape | None:
    """Return the instruction that two bytes begin, None if they are none of the 8087's family."""
    return _escapes().get(opcode << 8 | second)


def find_on(kind: CoprocessorKind, opcode: int, second: int) -> Escape | None:
    """Return the instruction that two bytes begin, None if this chip has none there."""
    escape = find(opcode, second)
    if escape is None or escape.is_later:
        return None
    only_287 = escape.mnemonic == "FSETPM" or escape.operand is EscapeOperand.ACCUMULATOR
    return None if only_287 and kind is CoprocessorKind.I8087 else escape
