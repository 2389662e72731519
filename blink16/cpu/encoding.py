"""How 8086 instructions are encoded, in construct: one description that parses and builds.

An instruction is: prefixes, opcode, ModR/M with its displacement, immediate (Intel, The 8086
Family User's Manual, 4-18 ff.).  The decoder of the engines, the disassembler and the little
assembler of the tests all read this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Computed,
    ConstructError,
    GreedyRange,
    If,
    Int8sl,
    Int8ul,
    Int16sl,
    Int16ul,
    OneOf,
    Pass,
    Struct,
    Switch,
    this,
)

from blink16.cpu.opcodes import (
    PREFIXES,
    REPNZ,
    REPZ,
    SEGMENT_OVERRIDES,
    Row,
    has_modrm,
    row_of,
)

MAX_BODY = 6
"""Bytes of the longest instruction without its prefixes."""

_FORMATS = {
    "Ib": Int8ul,
    "Iw": Int16ul,
    "Ibs": Int8sl,
    "Jb": Int8sl,
    "Jw": Int16sl,
    "Ob": Int16ul,
    "Ow": Int16ul,
    "Ap": Struct("offset" / Int16ul, "segment" / Int16ul),
}
_MODRM = BitStruct("mod" / BitsInteger(2), "reg" / BitsInteger(3), "rm" / BitsInteger(3))
_HAS_MODRM = tuple(has_modrm(opcode) for opcode in range(256))
DIRECT_RM = 6
"""With mod 0, the r/m that means a direct 16-bit offset."""


def _displacement_size(context: Any) -> int:
    modrm = context.modrm
    if modrm is None or modrm.mod == 3:
        return 0
    return 2 if modrm.mod == 0 and modrm.rm == DIRECT_RM else int(modrm.mod)


def _immediate_form(context: Any) -> str | None:
    row = row_of(context.opcode, context.modrm.reg if context.modrm else 0)
    return next((form for form in row.operands if form in _FORMATS), None)


BODY = Struct(
    "opcode" / Byte,
    "modrm" / If(lambda context: _HAS_MODRM[context.opcode], _MODRM),
    "size" / Computed(_displacement_size),
    "displacement" / Switch(this.size, {1: Int8sl, 2: Int16sl}, default=Pass),
    "immediate" / Switch(_immediate_form, _FORMATS, default=Pass),
)
INSTRUCTION = Struct("prefixes" / GreedyRange(OneOf(Byte, PREFIXES)), *BODY.subcons)


class EncodingError(ValueError):
    """Bytes that end within an instruction, or fields that no encoding holds."""


@dataclass(frozen=True, slots=True)
class ModRM:
    """The ModR/M byte's three fields."""

    mod: int
    reg: int
    rm: int


@dataclass(frozen=True)
class Instruction:
    """A decoded instruction."""

    opcode: int
    modrm: ModRM | None = None
    displacement: int | None = None
    """Signed, as encoded: 8 or 16 bits."""
    immediate: int | tuple[int, int] | None = None
    """A number, signed for Ibs and J forms; (offset, segment) for a direct far address."""
    prefixes: tuple[int, ...] = ()
    length: int = 0
    """Bytes with prefixes; 0 if made by hand."""

    @cached_property
    def row(self) -> Row:
        """The entry of the opcode map."""
        return row_of(self.opcode, self.modrm.reg if self.modrm else 0)

    @property
    def segment_override(self) -> str | None:
        """The segment register that the last override prefix names."""
        names = [SEGMENT_OVERRIDES[p] for p in self.prefixes if p in SEGMENT_OVERRIDES]
        return names[-1] if names else None

    @property
    def repeat(self) -> int | None:
        """The last repeat prefix, REPNZ or REPZ."""
        repeats = [p for p in self.prefixes if p in (REPNZ, REPZ)]
        return repeats[-1] if repeats else None

    def encode(self) -> bytes:
        """Return the instruction's bytes.  EncodingError if a field does not fit."""
        if _HAS_MODRM[self.opcode & 0xFF] != (self.modrm is not None):
            raise EncodingError(f"opcode {self.opcode:02X} with a ModR/M byte too few or too many")
        immediate: Any = self.immediate
        if isinstance(immediate, tuple):
            immediate = {"offset": immediate[0], "segment": immediate[1]}
        fields = {
            "prefixes": list(self.prefixes),
            "opcode": self.opcode,
            "modrm": _fields(self.modrm),
            "displacement": self.displacement,
            "immediate": immediate,
        }
        try:
            return bytes(INSTRUCTION.build(fields))
        except (ConstructError, TypeError) as error:
            raise EncodingError(f"can't encode {self}: {error}") from error


def _fields(modrm: ModRM | None) -> dict[str, int] | None:
    """Return the fields of ModR/M as construct takes them."""
    return None if modrm is None else {"mod": modrm.mod, "reg": modrm.reg, "rm": modrm.rm}


def parse(data: bytes) -> Instruction:
    """Decode the instruction at the start of ``data``, prefixes and all.

    EncodingError if the bytes end within it.
    """
    try:
        fields = INSTRUCTION.parse(data)
    except ConstructError as error:
        raise EncodingError("the bytes end within an instruction") from error
    return _instruction(fields, tuple(fields.prefixes))


@lru_cache(maxsize=1 << 16)
def parse_body(data: bytes) -> Instruction:
    """Decode an instruction without prefixes; ``data`` should be `MAX_BODY` bytes.

    The result is kept: construct is too slow to be asked on every step.
    """
    return _instruction(BODY.parse(data), ())


def _instruction(fields: Any, prefixes: tuple[int, ...]) -> Instruction:
    modrm = fields.modrm and ModRM(fields.modrm.mod, fields.modrm.reg, fields.modrm.rm)
    immediate = fields.immediate
    if immediate is not None and not isinstance(immediate, int):
        immediate = (immediate.offset, immediate.segment)
    length = len(prefixes) + 1 + (modrm is not None) + fields.size + _immediate_size(fields)
    return Instruction(fields.opcode, modrm, fields.displacement, immediate, prefixes, length)


def _immediate_size(fields: Any) -> int:
    form = _immediate_form(fields)
    return 0 if form is None else int(_FORMATS[form].sizeof())
