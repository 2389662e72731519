"""The language of opcode maps: Intel's tables as text, and what else is known of a mnemonic.

A map is written as in Intel's manuals, eight opcodes a line.  Operand forms are Intel's: E the
register or memory that ModR/M names, G the register and S the segment register of its reg
field, M memory only, I an immediate, J a relative target, O a direct offset, A a direct far
address; b byte, w word, bs a byte that is sign-extended to a word, p a far pointer.  X and Y are
the string operands DS:SI and ES:DI.  Names in capitals stand for themselves.  ``#1`` names a
group, whose members stand in a table of their own, by the reg field of ModR/M.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

SEGMENT_OVERRIDES = {0x26: "ES", 0x2E: "CS", 0x36: "SS", 0x3E: "DS"}
REPNZ, REPZ = 0xF2, 0xF3
_PREFIX_NAMES = frozenset({"ES:", "CS:", "SS:", "DS:", "LOCK", "REPNZ", "REPZ"})
ESCAPE = "2BYTE"
"""Stands in a map for an opcode that a second byte continues: 0F xx."""
UNDEFINED = "UD"
"""Stands in a map for what the processor refuses: it enters INT 6."""

WORD_REGISTERS = ("AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI")
BYTE_REGISTERS = ("AL", "CL", "DL", "BL", "AH", "CH", "DH", "BH")
SEGMENT_REGISTERS = ("ES", "CS", "SS", "DS")
WORD_NAMES, BYTE_NAMES, SEGMENT_NAMES = (
    tuple(name.lower() for name in names)
    for names in (WORD_REGISTERS, BYTE_REGISTERS, SEGMENT_REGISTERS)
)
"""The same as fields and debuggers call them, by their numbers in instructions."""
IMMEDIATE_FORMS = frozenset({"Ib", "Iw", "Ibs", "Jb", "Jw", "Ob", "Ow", "Ap"})
"""Operands whose bytes stand behind ModR/M and displacement."""
MODRM_FORMS = frozenset({"Eb", "Ew", "Gb", "Gw", "Sw", "M", "Mp"})
"""Operands that ModR/M names."""
MEMORY_FORMS = frozenset({"M", "Mp"})
"""Those of them that are no registers."""


# -- what is known of a mnemonic -----------------------------------------------------------------


class ControlFlow(Enum):
    """Where control goes from an instruction."""

    NEXT = auto()  # to what follows
    BRANCH = auto()  # to what follows, or elsewhere in the segment
    JUMP = auto()  # elsewhere in the segment
    FAR_JUMP = auto()
    CALL = auto()  # elsewhere in the segment, and back behind it
    FAR_CALL = auto()
    INTERRUPT = auto()  # to a handler, and back behind it
    RETURN = auto()
    FAR_RETURN = auto()
    INTERRUPT_RETURN = auto()
    HALT = auto()  # nowhere, before an interrupt


_ENDINGS = ("O", "B", "Z", "BE", "S", "P", "L", "LE")
CONDITIONAL_JUMPS = frozenset(f"J{n}{ending}" for n in ("", "N") for ending in _ENDINGS)
LOOPS = frozenset({"LOOP", "LOOPZ", "LOOPNZ"})
_CONTROL_FLOWS: Mapping[str, ControlFlow] = {
    **dict.fromkeys((*CONDITIONAL_JUMPS, *LOOPS, "JCXZ"), ControlFlow.BRANCH),
    "JMP": ControlFlow.JUMP,
    "JMPF": ControlFlow.FAR_JUMP,
    "CALL": ControlFlow.CALL,
    "CALLF": ControlFlow.FAR_CALL,
    "INT": ControlFlow.INTERRUPT,
    "INTO": ControlFlow.INTERRUPT,
    "RET": ControlFlow.RETURN,
    "RETF": ControlFlow.FAR_RETURN,
    "IRET": ControlFlow.INTERRUPT_RETURN,
    "HLT": ControlFlow.HALT,
    UNDEFINED: ControlFlow.FAR_JUMP,
}
NOTHING_FOLLOWS = frozenset(
    {
        ControlFlow.JUMP,
        ControlFlow.FAR_JUMP,
        ControlFlow.RETURN,
        ControlFlow.FAR_RETURN,
        ControlFlow.INTERRUPT_RETURN,
    }
)
"""Behind these there need not be code."""
SETS_CS = frozenset(
    {
        ControlFlow.FAR_JUMP,
        ControlFlow.FAR_CALL,
        ControlFlow.INTERRUPT,
        ControlFlow.FAR_RETURN,
        ControlFlow.INTERRUPT_RETURN,
    }
)
STRING_INSTRUCTIONS = frozenset({"MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS"})
COMPARING_STRINGS = frozenset({"CMPS", "SCAS"})
"""Their repeat prefix also asks for ZF."""
PORT_INSTRUCTIONS = frozenset({"IN", "OUT", "INS", "OUTS"})
MAY_INTERRUPT = frozenset({"INT", "INTO", "DIV", "IDIV", "AAM", "BOUND"})
"""They may enter an interrupt by themselves."""
SYSTEM_INSTRUCTIONS = frozenset({"SGDT", "SIDT", "LGDT", "LIDT", "SMSW", "LMSW", "CLTS", "LOADALL"})
"""The 80286's for protection; some are there in real mode."""
STRING_PORT_INSTRUCTIONS = STRING_INSTRUCTIONS & PORT_INSTRUCTIONS


# -- maps ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a map: an opcode, or a member of the group that an opcode opens."""

    mnemonic: str
    operands: tuple[str, ...]

    @property
    def width(self) -> int:
        """8 or 16: the width of the operation, from its first sized operand.

        A port in DX says nothing of what is moved.
        """
        is_port = self.mnemonic in PORT_INSTRUCTIONS
        for form in self.operands:
            if is_port and form == "DX":
                continue
            if form in BYTE_REGISTERS or form in _BYTE_FORMS:
                return 8
            if form in WORD_REGISTERS or form[1:] in ("w", "p"):
                return 16
        return 16

    @property
    def control_flow(self) -> ControlFlow:
        """Where control goes from here."""
        return _CONTROL_FLOWS.get(self.mnemonic, ControlFlow.NEXT)

    @property
    def is_prefix(self) -> bool:
        """Whether an instruction goes on behind it."""
        return self.mnemonic in _PREFIX_NAMES

    @property
    def has_modrm(self) -> bool:
        """Whether an operand is named by ModR/M."""
        return any(form in MODRM_FORMS for form in self.operands)

    @property
    def immediates(self) -> tuple[str, ...]:
        """The forms of its operands that stand behind ModR/M and displacement: two at most."""
        return tuple(form for form in self.operands if form in IMMEDIATE_FORMS)


_BYTE_FORMS = frozenset({"Eb", "Gb", "Ob", "Xb", "Yb"})


def _row(text: str) -> Row:
    mnemonic, _, operands = text.strip().partition(" ")
    return Row(mnemonic, tuple(operands.strip().split(",")) if operands.strip() else ())


_UNSIZED = frozenset({"E", "I"})
"""Forms that take the opcode's width in the member of a group."""


def _member(text: str, operands: tuple[str, ...]) -> Row:
    """Return a group's member: its own operand forms, or those of the opcode."""
    row = _row(text)
    if not row.operands:
        return Row(row.mnemonic, operands)
    width = operands[0][1] if operands else ""
    return Row(row.mnemonic, tuple(f + width if f in _UNSIZED else f for f in row.operands))


def _lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


@dataclass(frozen=True, eq=False)
class OpcodeMap:
    """The opcodes of a processor: for each its row, or the eight rows of its group.

    An opcode of two bytes, 0F xx, is the number 0Fxxh here.
    """

    rows: Mapping[int, tuple[Row, ...]]
    memory_only: bool = False
    """Whether M and Mp with a register in ModR/M are undefined."""

    @classmethod
    def parse(
        cls,
        opcodes: str,
        groups: str = "",
        base: OpcodeMap | None = None,
        memory_only: bool = False,
    ) -> OpcodeMap:
        """Read a map; what it does not name is as in ``base``, the processor before it.

        A line of ``opcodes`` is an opcode in hexadecimal and the cells from there on; ``groups``
        has a line for each group.  ``.`` stands for what does not change.
        """
        members_of = {line[0]: line[1:] for line in _lines(groups)} if groups else {}
        rows = dict(base.rows) if base is not None else {}
        for first, *cells in _lines(opcodes):
            for opcode, cell in enumerate(cells, int(first, 16)):
                if cell == ".":
                    continue
                row = _row(cell)
                members = members_of.get(row.mnemonic)
                if members is None:
                    rows[opcode] = (row,)
                else:
                    rows[opcode] = tuple(_member(member, row.operands) for member in members)
        return cls(rows, memory_only)

    def row(self, opcode: int, reg: int = 0, in_memory: bool = True) -> Row:
        """Return the row of an opcode.

        ``reg``, the field of ModR/M, chooses a group's member; ``in_memory``: its mod is not 3.
        """
        rows = self.members(opcode, in_memory)
        return rows[reg] if len(rows) > 1 else rows[0]

    def members(self, opcode: int, in_memory: bool) -> tuple[Row, ...]:
        """Return the rows of an opcode, with an operand in memory or in a register."""
        rows = self.rows[opcode]
        if in_memory or not self.memory_only:
            return rows
        return tuple(
            Row(UNDEFINED, row.operands) if MEMORY_FORMS & {*row.operands} else row for row in rows
        )

    @cached_property
    def with_modrm(self) -> frozenset[int]:
        """The opcodes behind which a ModR/M byte follows."""
        return frozenset(
            opcode for opcode, rows in self.rows.items() if len(rows) > 1 or rows[0].has_modrm
        )

    @cached_property
    def prefixes(self) -> frozenset[int]:
        """The opcodes that are prefixes."""
        return frozenset(code for code, rows in self.rows.items() if rows[0].is_prefix)

    @cached_property
    def escapes(self) -> frozenset[int]:
        """The opcodes that a second byte continues."""
        return frozenset(code for code, rows in self.rows.items() if rows[0].mnemonic == ESCAPE)

    def named(self, mnemonics: frozenset[str]) -> frozenset[int]:
        """Return the opcodes that may mean one of some mnemonics."""
        return frozenset(
            opcode
            for opcode, rows in self.rows.items()
            if any(row.mnemonic in mnemonics for row in rows)
        )
