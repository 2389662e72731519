"""A little assembler for tests: the opcode map and the encodings, read the other way round."""

from __future__ import annotations

from blink16.cpu.encoding import Instruction, ModRM


def op(
    opcode: int,
    modrm: tuple[int, int, int] | None = None,
    displacement: int | None = None,
    immediate: int | tuple[int, int] | None = None,
    prefixes: tuple[int, ...] = (),
) -> bytes:
    """Encode one instruction; ``modrm`` is (mod, reg, rm)."""
    fields = None if modrm is None else ModRM(*modrm)
    return Instruction(opcode, fields, displacement, immediate, prefixes).encode()
