"""Opcodes of later processors, which an 8086 executes as something else, or not at all.

Source: Intel, iAPX 86/88, 186/188 User's Manual; iAPX 286 and 80386 Programmer's Reference
Manuals; what the 8086 does instead is in `opcodes`.
"""

from __future__ import annotations

from typing import NamedTuple

I186, I286, I386 = "80186", "80286", "80386"


class Later(NamedTuple):
    """An instruction of a later processor."""

    name: str
    processor: str
    """The first that has it."""


_186 = {
    0x60: "PUSHA",
    0x61: "POPA",
    0x62: "BOUND",
    0x68: "PUSH imm16",
    0x69: "IMUL r16, r/m16, imm16",
    0x6A: "PUSH imm8",
    0x6B: "IMUL r16, r/m16, imm8",
    0x6C: "INSB",
    0x6D: "INSW",
    0x6E: "OUTSB",
    0x6F: "OUTSW",
    0xC8: "ENTER",
    0xC9: "LEAVE",
}
_SHIFTS = ("ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SHL", "SAR")
_386 = {0x64: "the prefix FS:", 0x65: "the prefix GS:", 0x66: "the prefix for 32-bit operands"}
_386 |= {0x67: "the prefix for 32-bit addresses"}
_TWO_BYTES = {0x02: "LAR", 0x03: "LSL", 0x05: "LOADALL", 0x06: "CLTS"}
_GROUP_00 = ("SLDT", "STR", "LLDT", "LTR", "VERR", "VERW")
_GROUP_01 = ("SGDT", "SIDT", "LGDT", "LIDT", "SMSW", "", "LMSW")
_TWO_BYTES_386 = {
    **dict.fromkeys(range(0x20, 0x27), "MOV of a control or debug register"),
    **dict.fromkeys(range(0x80, 0x90), "Jcc rel16"),
    **dict.fromkeys(range(0x90, 0xA0), "SETcc"),
    0xA0: "PUSH FS",
    0xA1: "POP FS",
    0xA2: "CPUID",
    0xA3: "BT",
    0xA4: "SHLD",
    0xA5: "SHLD",
    0xA8: "PUSH GS",
    0xA9: "POP GS",
    0xAB: "BTS",
    0xAC: "SHRD",
    0xAD: "SHRD",
    0xAF: "IMUL r16, r/m16",
    0xB2: "LSS",
    0xB3: "BTR",
    0xB4: "LFS",
    0xB5: "LGS",
    0xB6: "MOVZX",
    0xB7: "MOVZX",
    0xBA: "BT imm8",
    0xBB: "BTC",
    0xBC: "BSF",
    0xBD: "BSR",
    0xBE: "MOVSX",
    0xBF: "MOVSX",
}
ARPL = 0x63
ESCAPE = 0x0F
"""The first byte of two; alone it is an 8086's POP CS."""
OPCODES = frozenset({*range(0x60, 0x70), 0xC0, 0xC1, 0xC8, 0xC9, ESCAPE})
"""The opcodes that `later` looks at."""


LOW_END = 0x400
"""Below lies the vector table, which is no place for code."""


_EMPTY = (bytes(4), b"\xff" * 4)


def suspicious(code: bytes) -> bool:
    """Return whether an instruction can hardly be meant; ``code``: its first four bytes."""
    return code[0] in OPCODES or code in _EMPTY


def later(code: bytes) -> Later | None:
    """Return the instruction of a later processor with which ``code`` begins, if it is one.

    ``code``: three bytes, without prefixes.
    """
    opcode, second = code[0], code[1]
    if opcode in _186:
        return Later(_186[opcode], I186)
    if opcode in (0xC0, 0xC1):
        return Later(f"{_SHIFTS[second >> 3 & 7]} by a count", I186)
    if opcode == ARPL:
        return Later("ARPL", I286)
    if opcode in _386:
        return Later(_386[opcode], I386)
    return _two_bytes(second, code[2]) if opcode == ESCAPE else None


def _two_bytes(second: int, modrm: int) -> Later | None:
    if second in (0x00, 0x01):
        group, member = (_GROUP_00, _GROUP_01)[second], modrm >> 3 & 7
        name = group[member] if member < len(group) else ""
        return Later(name, I286) if name else None
    if second in _TWO_BYTES:
        return Later(_TWO_BYTES[second], I286)
    name = _TWO_BYTES_386.get(second, "")
    return Later(name, I386) if name else None
