"""The opcode map of the 8086 as data, to be read beside Intel's own table.

Operand forms are Intel's: E the register or memory that ModR/M names, G the register and S the
segment register of its reg field, M memory only, I an immediate, J a relative target, O a
direct offset, A a direct far address; b byte, w word, bs a byte that is sign-extended to a
word, p a far pointer.  X and Y are the string operands DS:SI and ES:DI.  Names in capitals
stand for themselves.

What Intel left out behaves as captured from a real chip: 60-6F are 70-7F, C0 C1 C8 C9 are
C2 C3 CA CB, D6 is SALC, F1 is LOCK, 82 is 80, and unused members of a group repeat others.
FE /2-/7, LEA, LES and LDS of a register, and far calls through one depend on what the chip's
internal registers held; here they take the word forms, and the register as the offset.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAP = """
00 | ADD Eb,Gb | ADD Ew,Gw | ADD Gb,Eb | ADD Gw,Ew | ADD AL,Ib | ADD AX,Iw | PUSH ES | POP ES
08 | OR Eb,Gb  | OR Ew,Gw  | OR Gb,Eb  | OR Gw,Ew  | OR AL,Ib  | OR AX,Iw  | PUSH CS | POP CS
10 | ADC Eb,Gb | ADC Ew,Gw | ADC Gb,Eb | ADC Gw,Ew | ADC AL,Ib | ADC AX,Iw | PUSH SS | POP SS
18 | SBB Eb,Gb | SBB Ew,Gw | SBB Gb,Eb | SBB Gw,Ew | SBB AL,Ib | SBB AX,Iw | PUSH DS | POP DS
20 | AND Eb,Gb | AND Ew,Gw | AND Gb,Eb | AND Gw,Ew | AND AL,Ib | AND AX,Iw | ES:     | DAA
28 | SUB Eb,Gb | SUB Ew,Gw | SUB Gb,Eb | SUB Gw,Ew | SUB AL,Ib | SUB AX,Iw | CS:     | DAS
30 | XOR Eb,Gb | XOR Ew,Gw | XOR Gb,Eb | XOR Gw,Ew | XOR AL,Ib | XOR AX,Iw | SS:     | AAA
38 | CMP Eb,Gb | CMP Ew,Gw | CMP Gb,Eb | CMP Gw,Ew | CMP AL,Ib | CMP AX,Iw | DS:     | AAS
40 | INC AX    | INC CX    | INC DX    | INC BX    | INC SP    | INC BP    | INC SI  | INC DI
48 | DEC AX    | DEC CX    | DEC DX    | DEC BX    | DEC SP    | DEC BP    | DEC SI  | DEC DI
50 | PUSH AX   | PUSH CX   | PUSH DX   | PUSH BX   | PUSH SP   | PUSH BP   | PUSH SI | PUSH DI
58 | POP AX    | POP CX    | POP DX    | POP BX    | POP SP    | POP BP    | POP SI  | POP DI
60 | JO Jb     | JNO Jb    | JB Jb     | JNB Jb    | JZ Jb     | JNZ Jb    | JBE Jb  | JNBE Jb
68 | JS Jb     | JNS Jb    | JP Jb     | JNP Jb    | JL Jb     | JNL Jb    | JLE Jb  | JNLE Jb
70 | JO Jb     | JNO Jb    | JB Jb     | JNB Jb    | JZ Jb     | JNZ Jb    | JBE Jb  | JNBE Jb
78 | JS Jb     | JNS Jb    | JP Jb     | JNP Jb    | JL Jb     | JNL Jb    | JLE Jb  | JNLE Jb
80 | #1 Eb,Ib  | #1 Ew,Iw  | #1 Eb,Ib  | #1 Ew,Ibs | TEST Eb,Gb | TEST Ew,Gw | XCHG Gb,Eb | XCHG Gw,Ew
88 | MOV Eb,Gb | MOV Ew,Gw | MOV Gb,Eb | MOV Gw,Ew | MOV Ew,Sw | LEA Gw,M  | MOV Sw,Ew | POP Ew
90 | NOP       | XCHG CX,AX | XCHG DX,AX | XCHG BX,AX | XCHG SP,AX | XCHG BP,AX | XCHG SI,AX | XCHG DI,AX
98 | CBW       | CWD       | CALLF Ap  | WAIT      | PUSHF     | POPF      | SAHF    | LAHF
A0 | MOV AL,Ob | MOV AX,Ow | MOV Ob,AL | MOV Ow,AX | MOVS Yb,Xb | MOVS Yw,Xw | CMPS Xb,Yb | CMPS Xw,Yw
A8 | TEST AL,Ib | TEST AX,Iw | STOS Yb,AL | STOS Yw,AX | LODS AL,Xb | LODS AX,Xw | SCAS AL,Yb | SCAS AX,Yw
B0 | MOV AL,Ib | MOV CL,Ib | MOV DL,Ib | MOV BL,Ib | MOV AH,Ib | MOV CH,Ib | MOV DH,Ib | MOV BH,Ib
B8 | MOV AX,Iw | MOV CX,Iw | MOV DX,Iw | MOV BX,Iw | MOV SP,Iw | MOV BP,Iw | MOV SI,Iw | MOV DI,Iw
C0 | RET Iw    | RET       | RET Iw    | RET       | LES Gw,Mp | LDS Gw,Mp | MOV Eb,Ib | MOV Ew,Iw
C8 | RETF Iw   | RETF      | RETF Iw   | RETF      | INT 3     | INT Ib    | INTO    | IRET
D0 | #2 Eb,1   | #2 Ew,1   | #2 Eb,CL  | #2 Ew,CL  | AAM Ib    | AAD Ib    | SALC    | XLAT
D8 | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew  | ESC Ew
E0 | LOOPNZ Jb | LOOPZ Jb  | LOOP Jb   | JCXZ Jb   | IN AL,Ib  | IN AX,Ib  | OUT Ib,AL | OUT Ib,AX
E8 | CALL Jw   | JMP Jw    | JMPF Ap   | JMP Jb    | IN AL,DX  | IN AX,DX  | OUT DX,AL | OUT DX,AX
F0 | LOCK      | LOCK      | REPNZ     | REPZ      | HLT       | CMC       | #3 Eb   | #3 Ew
F8 | CLC       | STC       | CLI       | STI       | CLD       | STD       | #4 Eb   | #5 Ew
"""

_GROUPS = """
#1 | ADD | OR | ADC | SBB | AND | SUB | XOR | CMP
#2 | ROL | ROR | RCL | RCR | SHL | SHR | SETMO | SAR
#3 | TEST E,I | TEST E,I | NOT | NEG | MUL | IMUL | DIV | IDIV
#4 | INC | DEC | CALL Ew | CALLF Mp | JMP Ew | JMPF Mp | PUSH Ew | PUSH Ew
#5 | INC | DEC | CALL | CALLF Mp | JMP | JMPF Mp | PUSH | PUSH
"""

SEGMENT_OVERRIDES = {0x26: "ES", 0x2E: "CS", 0x36: "SS", 0x3E: "DS"}
REPNZ, REPZ = 0xF2, 0xF3
PREFIXES = frozenset({*SEGMENT_OVERRIDES, 0xF0, 0xF1, REPNZ, REPZ})

WORD_REGISTERS = ("AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI")
BYTE_REGISTERS = ("AL", "CL", "DL", "BL", "AH", "CH", "DH", "BH")
SEGMENT_REGISTERS = ("ES", "CS", "SS", "DS")
STRING_INSTRUCTIONS = frozenset({"MOVS", "CMPS", "STOS", "LODS", "SCAS"})


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the map: an opcode, or a member of the group that an opcode opens."""

    mnemonic: str
    operands: tuple[str, ...]

    @property
    def width(self) -> int:
        """8 or 16: the width of the operation, from its first sized operand."""
        for form in self.operands:
            if form in BYTE_REGISTERS or form in _BYTE_FORMS:
                return 8
            if form in WORD_REGISTERS or form[1:] in ("w", "p"):
                return 16
        return 16


_BYTE_FORMS = frozenset({"Eb", "Gb", "Ob", "Xb", "Yb"})


def _row(text: str) -> Row:
    mnemonic, _, operands = text.strip().partition(" ")
    return Row(mnemonic, tuple(operands.strip().split(",")) if operands.strip() else ())


def _member(text: str, operands: tuple[str, ...]) -> Row:
    """Return a group's member: its own operand forms, or those of the opcode."""
    row = _row(text)
    if not row.operands:
        return Row(row.mnemonic, operands)
    width = operands[0][1]
    return Row(row.mnemonic, tuple(f + width if len(f) == 1 else f for f in row.operands))


def _table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def _expand() -> tuple[tuple[Row, ...], ...]:
    groups = {line[0]: line[1:] for line in _table(_GROUPS)}
    rows: list[tuple[Row, ...]] = []
    for line in _table(_MAP):
        for cell in line[1:]:
            row = _row(cell)
            members = groups.get(row.mnemonic)
            if members is None:
                rows.append((row,))
            else:
                rows.append(tuple(_member(member, row.operands) for member in members))
    return tuple(rows)


OPCODES: tuple[tuple[Row, ...], ...] = _expand()
"""For each opcode its row, or the eight rows of its group."""


def row_of(opcode: int, reg: int = 0) -> Row:
    """Return the row of an opcode; ``reg``, the field of ModR/M, chooses a group's member."""
    rows = OPCODES[opcode]
    return rows[reg] if len(rows) > 1 else rows[0]


def has_modrm(opcode: int) -> bool:
    """Return whether a ModR/M byte follows the opcode."""
    return any(
        form[0] in "EGSM"
        and form not in WORD_REGISTERS + BYTE_REGISTERS
        and form not in SEGMENT_REGISTERS
        for form in OPCODES[opcode][0].operands
    )
