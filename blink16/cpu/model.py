"""What a processor is: a value that the engines, the disassembler and the unwinder are given.

A model is data and the semantics that really differ from those of the processor before it; no
reader of the description knows of a processor by any other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from blink16.cpu.encoding import Encoding
from blink16.cpu.opcodes import UNDEFINED, OpcodeMap
from blink16.cpu.semantics import Semantics
from blink16.cpu.timing import Timing
from blink16.cpu.x87.opcodes import CoprocessorKind

MAX_PREFIXES = 14
"""Instructions with more prefixes are the reference engine's."""
MAX_LIMITED_BODY = 6
"""Bytes of the longest instruction without prefixes on a processor that limits lengths."""


@dataclass(frozen=True, eq=False)
class Model:
    """A processor of the family."""

    name: str
    """What its maker calls it, like ``8086``."""
    opcodes: OpcodeMap
    semantics: Mapping[str, Semantics]
    """By mnemonic: what an instruction does."""
    timing: Timing
    fixed_flags: int
    """Bits of the flags word that read as ones whatever is loaded."""
    limit: int | None = None
    """The most bytes of an instruction, prefixes and all; a longer one, or one that goes on beyond
    the segment's end, enters INT 13.  None: there are no such faults."""

    coprocessor: CoprocessorKind = CoprocessorKind.I8087
    """Which one can be put beside it."""
    reaches_high: bool = False
    """Whether addresses have more than 20 bits: FFFF:0010 is then 100000h, if A20 is open."""

    @cached_property
    def refuses(self) -> bool:
        """Whether it enters INT 6 for what is no instruction of its; an 8086 executes all."""
        return bool(self.opcodes.named(frozenset({UNDEFINED})))

    @property
    def reset(self) -> tuple[int, int]:
        """CS:IP after a reset."""
        return (0xF000, 0xFFF0) if self.reaches_high else (0xFFFF, 0x0000)

    @property
    def max_prefixes(self) -> int:
        """So many prefixes are nothing special."""
        return MAX_PREFIXES if self.limit is None else self.limit - MAX_LIMITED_BODY

    @cached_property
    def maybe_long(self) -> frozenset[int]:
        """First bytes of instructions that may take their time: with REP, or as devices act."""
        return self.opcodes.prefixes | self.opcodes.named(frozenset({"OUT", "OUTS", "HLT"}))

    @cached_property
    def encoding(self) -> Encoding:
        """How its instructions are encoded."""
        return Encoding(self.opcodes)
