"""Opcodes of later processors, which an 8086 executes as something else, or not at all.

Source: Intel, iAPX 86/88, 186/188 User's Manual; iAPX 286 and 80386 Programmer's Reference
Manuals; what the 8086 does instead is in `opcodes`.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.cpu.x87.opcodes import ESCAPES

I186, I286, I386, I486, PENTIUM = "80186", "80286", "80386", "80486", "Pentium"


class LaterInstruction(NamedTuple):
    """An instruction of a later processor."""

    name: str
    processor: str
    """The first that has it."""

    @property
    def is_protected(self) -> bool:
        """Whether it is one of protected mode alone, and enters INT 6 in real mode."""
        return self.name in _PROTECTED


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
_386 = {0x64: "the prefix FS", 0x65: "the prefix GS", 0x66: "the prefix for 32-bit operands"}
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
_TWO_BYTES_LATER = {
    **{0x08: ("INVD", I486), 0x09: ("WBINVD", I486), 0xA2: ("CPUID", I486)},
    **{0xB0: ("CMPXCHG", I486), 0xB1: ("CMPXCHG", I486), 0xC0: ("XADD", I486)},
    **{0xC1: ("XADD", I486), **dict.fromkeys(range(0xC8, 0xD0), ("BSWAP", I486))},
    **{0x30: ("WRMSR", PENTIUM), 0x31: ("RDTSC", PENTIUM), 0x32: ("RDMSR", PENTIUM)},
    **{0xC7: ("CMPXCHG8B", PENTIUM), **dict.fromkeys(range(0x40, 0x50), ("CMOVcc", PENTIUM))},
}
_PROTECTED = frozenset({*_GROUP_00, "LAR", "LSL", "ARPL"})
ARPL = 0x63
ESCAPE = 0x0F
"""The first byte of two; alone it is an 8086's POP CS."""
LOW_END = 0x400
"""Below lies the vector table, which is no place for code."""
EMPTY = {0x00: bytes(4), 0xFF: b"\xff" * 4}
"""What memory is full of where there is nothing: no program has such an instruction twice."""
_FIRST = {"8086": I186, "8088": I186, I186: I286, I286: I386}
"""For each processor the one after it."""


def suspects(processor: str) -> frozenset[int]:
    """Return the opcodes with which instructions begin that a processor hasn't got."""
    lacking = {ESCAPE, *_386, *ESCAPES}
    if processor != I286:
        lacking.add(ARPL)
    if _FIRST.get(processor) == I186:
        lacking |= {*_186, 0xC0, 0xC1}
    return frozenset(lacking)


def is_suspicious(code: bytes, opcodes: frozenset[int]) -> bool:
    """Return whether an instruction can hardly be meant.

    ``code``: its first four bytes.  ``opcodes``: the processor's `suspects`.
    """
    return code[0] in opcodes or code == EMPTY.get(code[0])


def later(code: bytes, processor: str) -> LaterInstruction | None:
    """Return the instruction of a processor later than ``processor`` that begins here, if any.

    ``code``: three bytes, without prefixes.
    """
    opcode, second = code[0], code[1]
    if opcode in _186:
        found = LaterInstruction(_186[opcode], I186)
    elif opcode in (0xC0, 0xC1):
        found = LaterInstruction(f"{_SHIFTS[second >> 3 & 7]} by a count", I186)
    elif opcode == ARPL:
        found = LaterInstruction("ARPL", I286)
    elif opcode in _386:
        found = LaterInstruction(_386[opcode], I386)
    else:
        there = _two_bytes(second, code[2]) if opcode == ESCAPE else None
        if there is None:
            return None
        found = there
    return found if found.processor >= _FIRST.get(processor, I386) else None


def _two_bytes(second: int, modrm: int) -> LaterInstruction | None:
    if second in (0x00, 0x01):
        group, member = (_GROUP_00, _GROUP_01)[second], modrm >> 3 & 7
        name = group[member] if member < len(group) else ""
        return LaterInstruction(name, I286) if name else None
    if second in _TWO_BYTES:
        return LaterInstruction(_TWO_BYTES[second], I286)
    name, first = _TWO_BYTES_LATER.get(second) or (_TWO_BYTES_386.get(second, ""), I386)
    return LaterInstruction(name, first) if name else None
