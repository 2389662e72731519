"""Instructions as text, many at once: what the encoding says of an opcode is asked only once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.encoding import (
    DIRECT_RM,
    IMMEDIATE_SIZES,
    REGISTER_MOD,
    SIGNED_IMMEDIATES,
    EncodingError,
    Immediate,
    Instruction,
    ModRM,
)
from blink16.cpu.model import Model
from blink16.memory import MAX_INSTRUCTION

MAX_REMEMBERED = 50_000
"""Instructions; then all are forgotten."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """The instructions of an opcode and a ModR/M byte: they differ in their numbers only."""

    first: Instruction
    """One of them."""
    head: int
    """Bytes before the displacement."""
    displacement: int
    """Bytes of it."""
    is_signed: bool
    """Whether the immediate is."""

    def with_numbers(self, code: bytes, prefixes: tuple[int, ...]) -> Instruction:
        """Return the instruction that these bytes, without prefixes, are."""
        behind = self.head + self.displacement
        displacement = self.first.displacement
        if self.displacement:
            displacement = int.from_bytes(code[self.head : behind], "little", signed=True)
        immediate = self.first.immediate
        numbers = code[behind : self.first.length]
        if isinstance(immediate, tuple):
            immediate = int.from_bytes(numbers[:2], "little"), int.from_bytes(numbers[2:], "little")
        elif immediate is not None:
            immediate = int.from_bytes(numbers, "little", signed=self.is_signed)
        first = self.first
        length = first.length + len(prefixes)
        return Instruction(
            first.row, first.opcode, first.modrm, displacement, immediate, None, prefixes, length
        )


class InstructionDecoder:
    """Decodes the instructions of a processor."""

    def __init__(self, model: Model) -> None:
        self._encoding = model.encoding
        self._opcodes = opcodes = model.encoding.opcodes
        self._prefixes = frozenset(opcodes.prefixes)
        self._escapes = frozenset(opcodes.escapes)
        self._with_modrm = frozenset(opcodes.with_modrm)
        self._patterns: dict[bytes, _Pattern] = {}
        self._texts: dict[tuple[bytes, Syntax], str] = {}

    def decode(self, code: bytes, ip: int, syntax: Syntax = Syntax.INTEL) -> tuple[str, int]:
        """Return the text and the length of the instruction that ``code`` begins with.

        ``ip`` is its offset in the code segment.  What is no instruction is shown as a byte.
        """
        at = 0
        while at < len(code) and at < MAX_INSTRUCTION and code[at] in self._prefixes:
            at += 1
        body = code[at:]
        pattern = self._pattern(body) if body else None
        if pattern is None:
            return self._slowly(code, ip, syntax)
        whole = code[: at + pattern.first.length]
        text = self._texts.get((whole, syntax))
        if text is not None:
            return text, len(whole)
        instruction = pattern.with_numbers(body, tuple(code[:at]))
        text = disassemble(instruction, ip, syntax)
        if not any(form[0] == "J" for form in instruction.row.operands):
            if len(self._texts) >= MAX_REMEMBERED:
                self._texts.clear()
            self._texts[whole, syntax] = text
        return text, len(whole)

    def _pattern(self, body: bytes) -> _Pattern | None:
        """Return the pattern of an instruction, None if it has none, or its bytes are not whole."""
        if body[0] in self._escapes:
            return None
        key = body[: 2 if body[0] in self._with_modrm else 1]
        found = self._patterns.get(key)
        if found is None:
            found = self._learn(key)
            if found is None:
                return None
            self._patterns[key] = found
        return found if found.first.length <= len(body) else None

    def _learn(self, key: bytes) -> _Pattern | None:
        """Find out what an opcode's instructions look like; None for those of two immediates."""
        opcode, modrm, size = key[0], None, 0
        if opcode in self._with_modrm:
            if len(key) < 2:
                return None
            modrm = ModRM(key[1] >> 6, key[1] >> 3 & 7, key[1] & 7)
            if modrm.mod != REGISTER_MOD:
                size = modrm.mod if modrm.mod else 2 * (modrm.rm == DIRECT_RM)
            row = self._opcodes.row(opcode, modrm.reg, modrm.mod != REGISTER_MOD)
        else:
            row = self._opcodes.row(opcode)
        if len(row.immediates) > 1:
            return None
        form = row.immediates[0] if row.immediates else None
        number: Immediate | None = None
        if form is not None:
            number = (0, 0) if form == "Ap" else 0
        displacement = 0 if size else None
        length = len(key) + size + IMMEDIATE_SIZES.get(form or "", 0)
        first = Instruction(row, opcode, modrm, displacement, number, None, (), length)
        return _Pattern(first, len(key), size, form in SIGNED_IMMEDIATES)

    def _slowly(self, code: bytes, ip: int, syntax: Syntax) -> tuple[str, int]:
        try:
            padded = code[:MAX_INSTRUCTION].ljust(MAX_INSTRUCTION, b"\0")
            instruction = self._encoding.parse(padded)
        except EncodingError:
            return data_text(code[0], syntax), 1
        if instruction.length > len(code):  # memory ends within it
            instruction = replace(instruction, length=len(code))
        return disassemble(instruction, ip, syntax), instruction.length


@cache
def decoder_for(model: Model) -> InstructionDecoder:
    """Return the one for a processor: what it has learnt holds for every machine."""
    return InstructionDecoder(model)


def data_text(byte: int, syntax: Syntax = Syntax.INTEL) -> str:
    """Return a byte as assemblers write data."""
    return f"db {byte:02X}h" if syntax is Syntax.INTEL else f".byte 0x{byte:02x}"
