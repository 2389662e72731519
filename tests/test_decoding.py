"""The decoder that remembers, beside the encoding: every instruction, whatever its bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blink16.client.decoding import data_text, decoder_for
from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.encoding import EncodingError
from blink16.cpu.models import DEFAULT, MODELS
from blink16.memory import MAX_INSTRUCTION

CODE = st.binary(min_size=MAX_INSTRUCTION, max_size=MAX_INSTRUCTION)


@given(st.sampled_from(sorted(MODELS)), CODE, st.integers(0, 0xFFFF), st.sampled_from(list(Syntax)))
def test_it_says_what_the_encoding_says(name: str, code: bytes, ip: int, syntax: Syntax) -> None:
    """Prevents another instruction from being shown than the one that would be executed."""
    model = MODELS[name]
    try:
        instruction = model.encoding.parse(code)
        expected = disassemble(instruction, ip, syntax), instruction.length
    except EncodingError:
        expected = data_text(code[0], syntax), 1
    decoder = decoder_for(model)
    assert decoder.decode(code, ip, syntax) == expected
    assert decoder.decode(code, ip, syntax) == expected


def test_every_opcode_with_every_modrm() -> None:
    """Prevents a gap that random bytes don't find."""
    model = DEFAULT
    decoder = decoder_for(model)
    for opcode in range(0x100):
        with_modrm = opcode in model.encoding.opcodes.with_modrm
        for second in range(0x100 if with_modrm else 1):
            code = bytes((opcode, second, 0x80, 0xFF, 0x12, 0xFE)).ljust(MAX_INSTRUCTION, b"\x90")
            instruction = model.encoding.parse(code)
            expected = disassemble(instruction, 0x100), instruction.length
            assert decoder.decode(code, 0x100) == expected
