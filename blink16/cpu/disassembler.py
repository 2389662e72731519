"""Instructions as text, in Intel's and in AT&T's syntax, from the same encodings.

Intel's form names the segment of every memory operand, as the captured vectors do:
``mov ax, word [ss:bp+4h]``.  AT&T's is what GNU tools print for the i8086.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from blink16.cpu.decoder import EFFECTIVE_ADDRESSES, effective_segment
from blink16.cpu.encoding import DIRECT_RM, Immediate, Instruction
from blink16.cpu.opcodes import (
    BYTE_REGISTERS,
    COMPARING_STRINGS,
    IMMEDIATE_FORMS,
    REPNZ,
    SEGMENT_OVERRIDES,
    SEGMENT_REGISTERS,
    STRING_INSTRUCTIONS,
    UNDEFINED,
    WORD_REGISTERS,
)
from blink16.cpu.semantics import ESC
from blink16.cpu.x87.opcodes import WITHOUT_WAIT, Escape, EscapeOperand, find


class Syntax(Enum):
    """How to write an instruction."""

    INTEL = "intel"
    ATT = "att"


@dataclass(frozen=True, slots=True)
class MemoryText:
    """A memory operand: explicit segment if a prefix gave it, registers and displacement."""

    segment: str
    overridden: bool
    registers: tuple[str, ...]
    displacement: int | None

    def intel(self, size: str) -> str:
        """``word [ss:bp+4h]``."""
        displacement = self.displacement or 0
        if not self.registers:
            return f"{size} [{self.segment}:{displacement & 0xFFFF:X}h]".lstrip()
        sign = "-" if displacement < 0 else "+"
        offset = "" if self.displacement is None else f"{sign}{abs(displacement):X}h"
        return f"{size} [{self.segment}:{'+'.join(self.registers)}{offset}]".lstrip()

    def att(self) -> str:
        """``%ss:0x4(%bp)``."""
        prefix = f"%{self.segment}:" if self.overridden else ""
        displacement = self.displacement or 0
        if not self.registers:
            return f"{prefix}{displacement & 0xFFFF:#x}"
        sign = "-" if displacement < 0 else ""
        offset = "" if self.displacement is None else f"{sign}{abs(displacement):#x}"
        return f"{prefix}{offset}({','.join('%' + name for name in self.registers)})"


def disassemble(instruction: Instruction, ip: int, syntax: Syntax = Syntax.INTEL) -> str:
    """Return an instruction's text; ``ip`` is its offset in the code segment."""
    if instruction.row.mnemonic == UNDEFINED:
        return "(bad)"
    writer = _Intel(instruction, ip) if syntax is Syntax.INTEL else _Att(instruction, ip)
    return writer.text()


class _Writer:
    """What both syntaxes share."""

    def __init__(self, instruction: Instruction, ip: int) -> None:
        self.i = instruction
        self.row = instruction.row
        self.next_ip = (ip + instruction.length) & 0xFFFF
        self.is_string = self.row.mnemonic in STRING_INSTRUCTIONS
        self.forms = [form for form in self.row.operands if form != "1"]

    def operands(self, forms: list[str]) -> list[str]:
        """Return the operands' texts; the second immediate belongs to the second form."""
        immediates = iter((self.i.immediate, self.i.second_immediate))
        return [
            self.operand(form, next(immediates) if form in IMMEDIATE_FORMS else None)
            for form in forms
        ]

    def operand(self, form: str, immediate: Immediate | None) -> str:
        """Return an operand's text; ``immediate``: its number, where it has one."""
        raise NotImplementedError

    def memory(self) -> MemoryText:
        modrm = self.i.modrm
        assert modrm is not None
        names: tuple[str, ...] = ()
        if not (modrm.mod == 0 and modrm.rm == DIRECT_RM):
            base, index, _ = EFFECTIVE_ADDRESSES[modrm.rm]
            names = tuple(WORD_REGISTERS[n].lower() for n in (base, index) if n is not None)
        default = SEGMENT_REGISTERS[effective_segment(modrm)]
        return self._with_segment(default, names, self.i.displacement)

    def offset(self) -> MemoryText:
        assert isinstance(self.i.immediate, int)
        return self._with_segment("DS", (), self.i.immediate)

    def _with_segment(
        self, default: str, names: tuple[str, ...], displacement: int | None
    ) -> MemoryText:
        override = self.i.segment_override
        segment = (override or default).lower()
        return MemoryText(segment, override is not None, names, displacement)

    def register(self, form: str) -> str | None:
        """Return the register that a form and ModR/M name, None where it is memory."""
        modrm = self.i.modrm
        names = BYTE_REGISTERS if form.endswith("b") else WORD_REGISTERS
        if form in BYTE_REGISTERS or form in WORD_REGISTERS or form in SEGMENT_REGISTERS:
            return form.lower()
        if modrm is None:
            return None
        if form[0] == "G":
            return names[modrm.reg].lower()
        if form[0] == "S":
            return SEGMENT_REGISTERS[modrm.reg & 3].lower()
        if form[0] in "EM" and modrm.mod == 3:
            return names[modrm.rm].lower()
        return None

    def target(self) -> int:
        assert isinstance(self.i.immediate, int)
        return (self.next_ip + self.i.immediate) & 0xFFFF

    def repeat_prefix(self) -> str:
        if self.i.repeat is None or not self.is_string:
            return ""
        if self.row.mnemonic in COMPARING_STRINGS:
            return "repne " if self.i.repeat == REPNZ else "repe "
        return "rep "

    def escape(self) -> Escape | None:
        """Return what an ESC is to an 8087, if it is that and has a name."""
        modrm = self.i.modrm
        if self.row.mnemonic != ESC or modrm is None:
            return None
        return find(self.i.opcode, modrm.mod << 6 | modrm.reg << 3 | modrm.rm)

    def other_register(self) -> int:
        """Return the number of the 8087's register that an ESC names."""
        assert self.i.modrm is not None
        return self.i.modrm.rm


def _escape_name(escape: Escape) -> str:
    """Return an 8087's instruction as assemblers name it that put no WAIT before it."""
    name = escape.mnemonic.lower()
    return f"fn{name[1:]}" if escape.mnemonic in WITHOUT_WAIT else name


_INTEL_NAMES = {"LOOPZ": "loope", "LOOPNZ": "loopne", "RET": "retn"}


_ESCAPE_SIZES = {
    EscapeOperand.SHORT_REAL: "dword",
    EscapeOperand.LONG_REAL: "qword",
    EscapeOperand.TEMPORARY_REAL: "tword",
    EscapeOperand.WORD_INTEGER: "word",
    EscapeOperand.SHORT_INTEGER: "dword",
    EscapeOperand.LONG_INTEGER: "qword",
    EscapeOperand.PACKED_DECIMAL: "tword",
    EscapeOperand.WORD: "word",
}


class _Intel(_Writer):
    def text(self) -> str:
        escape = self.escape()
        if escape is not None:
            return f"{_escape_name(escape)} {self._escape_operands(escape)}".rstrip()
        name = _INTEL_NAMES.get(self.row.mnemonic, self.row.mnemonic.lower())
        if self.row.is_prefix:
            return name.rstrip(":")
        if self.is_string:
            override = self.i.segment_override
            segment = f"{override.lower()} " if override else ""
            return f"{segment}{self.repeat_prefix()}{name}{'b' if self.row.width == 8 else 'w'}"
        if self.i.opcode == 0xCC:
            return "int3"
        if name == "setmo" and self.i.opcode >= 0xD2:
            name = "setmoc"
        return f"{name} {', '.join(self.operands(self.forms))}".rstrip()

    def operand(self, form: str, immediate: Immediate | None) -> str:
        register = self.register(form)
        if register is not None:
            return register
        if form[0] == "J":
            return f"{self.target():04X}h"
        if isinstance(immediate, tuple):
            return f"{immediate[1]:04X}h:{immediate[0]:04X}h"
        if form[0] == "I":
            assert immediate is not None
            return f"{immediate & (0xFF if form == 'Ib' else 0xFFFF):X}h"
        if form[0] == "O":
            return self.offset().intel(_SIZES[form[1]])
        if self.row.mnemonic in ("LES", "LDS"):
            return self.memory().intel("dword")
        return self.memory().intel("word" if form == "Mp" else _SIZES[form[1:]])

    def _escape_operands(self, escape: Escape) -> str:
        other = f"st({self.other_register()})"
        match escape.operand:
            case EscapeOperand.NONE:
                return ""
            case EscapeOperand.OTHER:
                return other
            case EscapeOperand.TO_TOP:
                return f"st, {other}"
            case EscapeOperand.FROM_TOP:
                return f"{other}, st"
            case EscapeOperand.ACCUMULATOR:
                return "ax"
        return self.memory().intel(_ESCAPE_SIZES.get(escape.operand, ""))


_SIZES = {"b": "byte", "w": "word", "": ""}

_ATT_NAMES = {
    "JZ": "je", "JNZ": "jne", "JNB": "jae", "JNBE": "ja", "JNL": "jge", "JNLE": "jg",
    "LOOPZ": "loope", "LOOPNZ": "loopne", "CALLF": "lcall", "JMPF": "ljmp", "RETF": "lret",
    "CBW": "cbtw", "CWD": "cwtd", "WAIT": "fwait", "REPZ": "repz", "REPNZ": "repnz",
}  # fmt: skip
_IN_INTELS_ORDER = frozenset({"BOUND", "ENTER"})
"""As GNU's tools leave it, and also where a register is exchanged with memory."""
_ONE_SIZE = frozenset(
    {"LES", "LDS", "LEA", "CALL", "CALLF", "JMP", "JMPF", "PUSH", "POP", "ESC"}
)  # fmt: skip


_ESCAPE_SUFFIXES = {
    EscapeOperand.SHORT_REAL: "s",
    EscapeOperand.LONG_REAL: "l",
    EscapeOperand.TEMPORARY_REAL: "t",
    EscapeOperand.WORD_INTEGER: "s",
    EscapeOperand.SHORT_INTEGER: "l",
    EscapeOperand.LONG_INTEGER: "ll",
}
_EXCHANGED = {
    one: other
    for name in ("fsub", "fdiv")
    for pop in ("", "p")
    for one, other in ((name + pop, f"{name}r{pop}"), (f"{name}r{pop}", name + pop))
}
"""What AT&T's assembler calls a subtraction or division whose result isn't the stack's top."""


class _Att(_Writer):
    def text(self) -> str:
        escape = self.escape()
        if escape is not None:
            return self._escape_text(escape)
        name = _ATT_NAMES.get(self.row.mnemonic, self.row.mnemonic.lower())
        if self.row.is_prefix:
            return name.rstrip(":")
        if self.i.opcode == 0xCC:
            return "int3"
        if self.is_string:
            return self._string(name)
        forms = self.forms
        if self.row.mnemonic == "XLAT":
            return f"xlat %{(self.i.segment_override or 'DS').lower()}:(%bx)"
        operands = self.operands(forms)
        is_exchange = self.row.mnemonic == "XCHG" and "E" in forms[-1]
        if not (is_exchange or self.row.mnemonic in _IN_INTELS_ORDER):
            forms, operands = forms[::-1], operands[::-1]
        if self._size_is_unsaid(forms):
            name += "b" if self.row.width == 8 else "w"
        prefix = "" if self._uses_segment(forms) else self._bare_override()
        return f"{prefix}{name} {','.join(operands)}".rstrip()

    def _escape_text(self, escape: Escape) -> str:
        name, other = _escape_name(escape), f"%st({self.other_register()})"
        match escape.operand:
            case EscapeOperand.NONE:
                return name
            case EscapeOperand.OTHER:
                return f"{name} {other}"
            case EscapeOperand.TO_TOP:
                return f"{name} {other},%st"
            case EscapeOperand.FROM_TOP:
                return f"{_EXCHANGED.get(name, name)} %st,{other}"
            case EscapeOperand.ACCUMULATOR:
                return f"{name} %ax"
        return f"{name}{_ESCAPE_SUFFIXES.get(escape.operand, '')} {self.memory().att()}"

    def _string(self, name: str) -> str:
        segment = (self.i.segment_override or "DS").lower()
        width = self.row.width
        texts = {
            "X": f"%{segment}:(%si)",
            "Y": "%es:(%di)",
            "A": "%al" if width == 8 else "%ax",
            "D": "(%dx)",
        }
        operands = ",".join(texts[form[0]] for form in reversed(self.row.operands))
        repeat = self.repeat_prefix()
        if self.row.mnemonic in COMPARING_STRINGS:
            repeat = repeat.replace("repe ", "repz ").replace("repne ", "repnz ")
        suffix = "" if "A" in {form[0] for form in self.row.operands} else "bw"[width // 16]
        return f"{repeat}{name}{suffix} {operands}"

    def operand(self, form: str, immediate: Immediate | None) -> str:
        register = self.register(form)
        jumps = self.row.mnemonic in ("JMP", "CALL", "JMPF", "CALLF")
        star = "*" if jumps else ""
        if register is not None:
            port = form == "DX" and self.row.mnemonic in ("IN", "OUT")
            return f"(%{register})" if port else f"{star}%{register}"
        if form[0] == "J":
            return f"{self.target():#x}"
        if isinstance(immediate, tuple):
            return f"${immediate[1]:#x},${immediate[0]:#x}"
        if form.isdigit():
            return f"${int(form):#x}"
        if form[0] == "I":
            assert immediate is not None
            return f"${immediate & (0xFF if form == 'Ib' else 0xFFFF):#x}"
        return star + (self.offset() if form[0] == "O" else self.memory()).att()

    def _size_is_unsaid(self, forms: list[str]) -> bool:
        """Return whether no register operand tells the width of a memory operand."""
        if self.row.mnemonic in _ONE_SIZE:
            return False
        in_memory = any(form[0] == "E" and self.register(form) is None for form in forms)
        others = [form for form in forms if form[0] != "E" and form != "CL"]
        return in_memory and not any(self.register(form) for form in others)

    def _uses_segment(self, forms: list[str]) -> bool:
        return any(form[0] in "EMO" and self.register(form) is None for form in forms)

    def _bare_override(self) -> str:
        names = [SEGMENT_OVERRIDES[p] for p in self.i.prefixes if p in SEGMENT_OVERRIDES]
        return "".join(f"{name.lower()} " for name in names)
