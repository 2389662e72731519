"""Instruction encodings: what is parsed can be built, and the other way round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.cpu.encoding import EncodingError, Instruction, ModRM, parse, parse_body
from blink16.cpu.opcodes import OPCODES, PREFIXES, has_modrm, row_of
from blink16.cpu.semantics import INSTRUCTIONS


@given(st.binary(min_size=16, max_size=16))
def test_parsed_instructions_build_the_same_bytes(data: bytes) -> None:
    """Prevents an encoding that parses but does not build, or builds other bytes."""
    if all(byte in PREFIXES for byte in data[:10]):
        return
    instruction = parse(data)
    assert instruction.encode() == data[: instruction.length]


@given(st.binary(min_size=6, max_size=6))
def test_body_and_whole_parse_agree(data: bytes) -> None:
    """Prevents the engines' cached decoding from differing from the disassembler's."""
    if data[0] not in PREFIXES:
        assert parse_body(data) == parse(data)


@given(st.binary(max_size=5))
def test_bytes_that_end_early_are_an_error(data: bytes) -> None:
    """Prevents an exception of the parsing library, or a guess, where bytes are missing."""
    try:
        instruction = parse(data)
    except EncodingError:
        return
    assert instruction.length <= len(data)


def test_fields_that_do_not_fit_are_an_error() -> None:
    """Prevents a silent truncation of an immediate that is too large."""
    with pytest.raises(EncodingError):
        Instruction(0xB0, immediate=256).encode()
    with pytest.raises(EncodingError):
        Instruction(0x8B).encode()


def test_every_opcode_has_meaning() -> None:
    """Prevents an entry of the map that the semantics do not know."""
    for opcode in range(256):
        for reg in range(8):
            if opcode not in PREFIXES:
                assert row_of(opcode, reg).mnemonic in INSTRUCTIONS


def test_the_map_is_intels() -> None:
    """Prevents a shifted or mistyped table: spot checks, and which opcodes take ModR/M."""
    assert len(OPCODES) == 256
    assert str(row_of(0x81, 5)) == "Row(mnemonic='SUB', operands=('Ew', 'Iw'))"
    assert row_of(0xF6, 1).operands == ("Eb", "Ib")
    assert row_of(0xFF, 3).operands == ("Mp",)
    with_modrm = {opcode for opcode in range(256) if has_modrm(opcode)}
    arithmetic = {high | low for high in range(0, 0x40, 8) for low in range(4)}
    assert with_modrm == arithmetic | set(range(0x80, 0x90)) | {
        *(0xC4, 0xC5, 0xC6, 0xC7),
        *range(0xD0, 0xD4),
        *range(0xD8, 0xE0),
        *(0xF6, 0xF7, 0xFE, 0xFF),
    }


def test_prefixes_count_from_the_last() -> None:
    """Prevents the first of several segment or repeat prefixes from winning."""
    instruction = parse(bytes.fromhex("26f22ef3a4"))
    assert (instruction.segment_override, instruction.repeat) == ("CS", 0xF3)
    assert Instruction(0x8B, ModRM(3, 0, 1)).encode() == bytes.fromhex("8bc1")
