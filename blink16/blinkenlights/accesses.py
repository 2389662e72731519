"""Which memory an instruction touches, from its text and the registers before it."""

from __future__ import annotations

import re

from blink16.blinkenlights.picture import AccessedMemory
from blink16.client import CodeLine, RegisterValues

_OPERAND = re.compile(r"(byte|word|dword)?\s*(?:far\s*)?\[(?:([cdes]s):)?([^\]]+)\]")
_TERM = re.compile(r"([+-]?)\s*(?:([a-z]{2})|([0-9A-Fa-f]+)h)")
_SIZES = {"byte": 1, "word": 2, "dword": 4, "": 2}
_ONLY_READ = ("cmp", "test", "push", "call", "jmp", "mul", "imul", "div", "idiv", "les", "lds")
_STRINGS = re.compile(r"(?:rep\w*\s+)?(movs|cmps|stos|lods|scas)(b|w)")


def accesses(line: CodeLine, registers: RegisterValues) -> tuple[AccessedMemory, ...]:
    """Return the memory that an instruction touches when it is executed with these registers."""
    text = line.text.lower()
    mnemonic, _, operands = text.partition(" ")
    found: list[AccessedMemory] = []
    if string := _STRINGS.match(text):
        return _of_string(string[1], 1 if string[2] == "b" else 2, registers)
    for operand in _OPERAND.finditer(operands):
        if mnemonic == "lea":
            continue
        address = _address(operand[2], operand[3], registers)
        is_first = "," not in operands[: operand.start()]
        writes = is_first and mnemonic not in _ONLY_READ
        found.append(AccessedMemory(address, _SIZES[operand[1] or ""], writes))
    found += _of_stack(mnemonic, registers)
    return tuple(found)


def _address(segment: str | None, expression: str, registers: RegisterValues) -> int:
    offset = 0
    for sign, register, digits in _TERM.findall(expression):
        value = getattr(registers, register, 0) if register else int(digits, 16)
        offset += -value if sign == "-" else value
    base = segment or ("ss" if "bp" in expression else "ds")
    return registers.linear(getattr(registers, base), offset & 0xFFFF)


def _of_string(kind: str, size: int, registers: RegisterValues) -> tuple[AccessedMemory, ...]:
    source = AccessedMemory(registers.linear(registers.ds, registers.si), size, False)
    target = AccessedMemory(
        registers.linear(registers.es, registers.di), size, kind in ("movs", "stos")
    )
    return {
        "movs": (source, target),
        "cmps": (source, target),
        "stos": (target,),
        "scas": (target,),
        "lods": (source,),
    }[kind]


def _of_stack(mnemonic: str, registers: RegisterValues) -> list[AccessedMemory]:
    top = registers.sp
    if mnemonic in ("push", "pushf", "call", "int"):
        size = 6 if mnemonic == "int" else 2
        return [AccessedMemory(registers.linear(registers.ss, (top - size) & 0xFFFF), size, True)]
    if mnemonic in ("pop", "popf", "ret", "retn", "retf", "iret"):
        size = {"retf": 4, "iret": 6}.get(mnemonic, 2)
        return [AccessedMemory(registers.linear(registers.ss, top), size, False)]
    return []
