"""A little assembler for tests: the opcode map and the encodings, read the other way round."""

from __future__ import annotations

from blink16.cpu.encoding import Immediate, ModRM
from blink16.cpu.models import DEFAULT


def op(
    opcode: int,
    modrm: tuple[int, int, int] | None = None,
    displacement: int | None = None,
    immediate: Immediate | None = None,
    prefixes: tuple[int, ...] = (),
) -> bytes:
    """Encode one instruction; ``modrm`` is (mod, reg, rm)."""
    fields = None if modrm is None else ModRM(*modrm)
    immediates = () if immediate is None else (immediate,)
    return DEFAULT.encoding.build(opcode, fields, displacement, immediates, prefixes)
