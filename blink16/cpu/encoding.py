"""How instructions are encoded, in construct: one description that parses and builds.

An instruction is: prefixes, opcode of one or two bytes, ModR/M with its displacement, up to two
immediates (Intel, The 8086 Family User's Manual, 4-18 ff.; iAPX 286 Programmer's Reference,
B-1).  Which of these there are, the opcode map says.  The decoder of the engines, the
disassembler and the little assembler of the tests all use this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Computed,
    Construct,
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

from blink16.cpu.opcodes import REPNZ, REPZ, SEGMENT_OVERRIDES, OpcodeMap, Row

MAX_BODY = 8
"""Bytes of the longest instruction without its prefixes: 0F xx, ModR/M, and twice a word."""

FarAddress = tuple[int, int]
Immediate = int | FarAddress
"""A number, signed for Ibs and J forms; (offset, segment) for a direct far address."""

_FORMATS: dict[str | None, Construct[Any, Any]] = {
    "Ib": Int8ul,
    "Iw": Int16ul,
    "Ibs": Int8sl,
    "Jb": Int8sl,
    "Jw": Int16sl,
    "Ob": Int16ul,
    "Ow": Int16ul,
    "Ap": Struct("offset" / Int16ul, "segment" / Int16ul),
}
IMMEDIATE_SIZES = {form: int(format_.sizeof()) for form, format_ in _FORMATS.items() if form}
"""Bytes of immediates, by their form."""
SIGNED_IMMEDIATES = frozenset({"Ibs", "Jb", "Jw"})
_MODRM = BitStruct("mod" / BitsInteger(2), "reg" / BitsInteger(3), "rm" / BitsInteger(3))
REGISTER_MOD = 3
"""The mod with which r/m names a register."""
DIRECT_RM = 6
"""With mod 0, the r/m that means a direct 16-bit offset."""


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

    row: Row
    """The entry of the opcode map."""
    opcode: int
    """One byte, or 0Fxxh."""
    modrm: ModRM | None = None
    displacement: int | None = None
    """Signed, as encoded: 8 or 16 bits."""
    immediate: Immediate | None = None
    second_immediate: Immediate | None = None
    prefixes: tuple[int, ...] = ()
    length: int = 0
    """Bytes with prefixes."""

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


class Encoding:
    """The encoding of the instructions of one map."""

    def __init__(self, opcodes: OpcodeMap) -> None:
        self.opcodes = opcodes
        escapes, with_modrm = opcodes.escapes, opcodes.with_modrm
        body = Struct(
            "first" / Byte,
            "second" / If(lambda context: context.first in escapes, Byte),
            "opcode" / Computed(_opcode),
            "modrm" / If(lambda context: context.opcode in with_modrm, _MODRM),
            "size" / Computed(_displacement_size),
            "displacement" / Switch(this.size, {1: Int8sl, 2: Int16sl}, default=Pass),
            "immediate" / Switch(lambda context: self._form(context, 0), _FORMATS, default=Pass),
            "second_immediate"
            / Switch(lambda context: self._form(context, 1), _FORMATS, default=Pass),
        )
        self._body = body
        self._whole = Struct("prefixes" / GreedyRange(OneOf(Byte, opcodes.prefixes)), *body.subcons)
        self._bodies: dict[bytes, Instruction] = {}

    def parse(self, data: bytes) -> Instruction:
        """Decode the instruction at the start of ``data``, prefixes and all.

        EncodingError if the bytes end within it.
        """
        try:
            fields = self._whole.parse(data)
        except ConstructError as error:
            raise EncodingError("the bytes end within an instruction") from error
        return self._instruction(fields, tuple(fields.prefixes))

    def parse_body(self, data: bytes) -> Instruction:
        """Decode an instruction without prefixes; ``data`` should be `MAX_BODY` bytes.

        The result is kept: construct is too slow to be asked on every step.
        """
        known = self._bodies.get(data)
        if known is None:
            if len(self._bodies) >= MAX_KNOWN:
                self._bodies.clear()
            known = self._bodies[data] = self._instruction(self._body.parse(data), ())
        return known

    def build(
        self,
        opcode: int,
        modrm: ModRM | None = None,
        displacement: int | None = None,
        immediates: tuple[Immediate, ...] = (),
        prefixes: tuple[int, ...] = (),
    ) -> bytes:
        """Return an instruction's bytes.  EncodingError if a field does not fit."""
        if (opcode in self.opcodes.with_modrm) != (modrm is not None):
            raise EncodingError(f"opcode {opcode:02X} with a ModR/M byte too few or too many")
        first, second = _immediates(*immediates)
        fields = {
            "prefixes": list(prefixes),
            "first": opcode >> 8 or opcode,
            "second": opcode & 0xFF if opcode > 0xFF else None,
            "modrm": modrm and {"mod": modrm.mod, "reg": modrm.reg, "rm": modrm.rm},
            "displacement": displacement,
            "immediate": first,
            "second_immediate": second,
        }
        try:
            return bytes(self._whole.build(fields))
        except (ConstructError, TypeError) as error:
            raise EncodingError(f"can't encode {fields}: {error}") from error

    def encode(self, instruction: Instruction) -> bytes:
        """Return the bytes of an instruction."""
        i = instruction
        immediates = tuple(x for x in (i.immediate, i.second_immediate) if x is not None)
        return self.build(i.opcode, i.modrm, i.displacement, immediates, i.prefixes)

    def _row(self, fields: Any) -> Row:
        modrm = fields.modrm
        if not modrm:
            return self.opcodes.row(fields.opcode)
        return self.opcodes.row(fields.opcode, modrm.reg, modrm.mod != REGISTER_MOD)

    def _form(self, fields: Any, number: int) -> str | None:
        forms = self._row(fields).immediates
        return forms[number] if number < len(forms) else None

    def _instruction(self, fields: Any, prefixes: tuple[int, ...]) -> Instruction:
        row = self._row(fields)
        modrm = fields.modrm and ModRM(fields.modrm.mod, fields.modrm.reg, fields.modrm.rm)
        length = len(prefixes) + 1 + (fields.second is not None) + (modrm is not None)
        length += fields.size + sum(int(_FORMATS[form].sizeof()) for form in row.immediates)
        return Instruction(
            row,
            fields.opcode,
            modrm,
            fields.displacement,
            _immediate(fields.immediate),
            _immediate(fields.second_immediate),
            prefixes,
            length,
        )


MAX_KNOWN = 1 << 16
"""Decoded instructions that are kept."""


def _opcode(context: Any) -> int:
    second = context.second
    return int(context.first if second is None else context.first << 8 | second)


def _displacement_size(context: Any) -> int:
    modrm = context.modrm
    if modrm is None or modrm.mod == REGISTER_MOD:
        return 0
    return 2 if modrm.mod == 0 and modrm.rm == DIRECT_RM else int(modrm.mod)


def _immediate(field: Any) -> Immediate | None:
    if field is None or isinstance(field, int):
        return field
    return int(field.offset), int(field.segment)


def _immediates(first: Any = None, second: Any = None) -> tuple[Any, Any]:
    """Return immediates as construct takes them."""
    if isinstance(first, tuple):
        first = {"offset": first[0], "segment": first[1]}
    return first, second
