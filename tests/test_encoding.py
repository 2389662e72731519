"""Instruction encodings: what is parsed can be built, and the other way round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.cpu.encoding import Encoding, EncodingError, ModRM
from blink16.cpu.model import Model
from blink16.cpu.models import DEFAULT, MODELS
from blink16.cpu.opcodes import OpcodeMap

OPCODES, PREFIXES = DEFAULT.opcodes, DEFAULT.opcodes.prefixes
parse, parse_body = DEFAULT.encoding.parse, DEFAULT.encoding.parse_body


@given(st.binary(min_size=16, max_size=16))
def test_parsed_instructions_build_the_same_bytes(data: bytes) -> None:
    """Prevents an encoding that parses but does not build, or builds other bytes."""
    if all(byte in PREFIXES for byte in data[:10]):
        return
    instruction = parse(data)
    assert DEFAULT.encoding.encode(instruction) == data[: instruction.length]


@given(st.binary(min_size=8, max_size=8))
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
        DEFAULT.encoding.build(0xB0, immediates=(256,))
    with pytest.raises(EncodingError):
        DEFAULT.encoding.build(0x8B)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_every_opcode_has_meaning(model: Model) -> None:
    """Prevents an entry of the map that the semantics do not know."""
    opcodes = model.opcodes
    assert set(range(256)) <= opcodes.rows.keys()
    for opcode, rows in opcodes.rows.items():
        if opcode not in opcodes.prefixes | opcodes.escapes:
            assert {row.mnemonic for row in rows} <= model.semantics.keys()


def test_the_map_is_intels() -> None:
    """Prevents a shifted or mistyped table: spot checks, and which opcodes take ModR/M."""
    assert len(OPCODES.rows) == 256
    assert str(OPCODES.row(0x81, 5)) == "Row(mnemonic='SUB', operands=('Ew', 'Iw'))"
    assert OPCODES.row(0xF6, 1).operands == ("Eb", "Ib")
    assert OPCODES.row(0xFF, 3).operands == ("Mp",)
    with_modrm = OPCODES.with_modrm
    arithmetic = {high | low for high in range(0, 0x40, 8) for low in range(4)}
    assert set(with_modrm) == arithmetic | set(range(0x80, 0x90)) | {
        *(0xC4, 0xC5, 0xC6, 0xC7),
        *range(0xD0, 0xD4),
        *range(0xD8, 0xE0),
        *(0xF6, 0xF7, 0xFE, 0xFF),
    }


def test_prefixes_count_from_the_last() -> None:
    """Prevents the first of several segment or repeat prefixes from winning."""
    instruction = parse(bytes.fromhex("26f22ef3a4"))
    assert (instruction.segment_override, instruction.repeat) == ("CS", 0xF3)
    assert DEFAULT.encoding.build(0x8B, ModRM(3, 0, 1)) == bytes.fromhex("8bc1")


def test_later_processors_have_two_byte_opcodes_and_two_immediates() -> None:
    """Prevents a description that holds the 8086 only: ENTER, SMSW and their like are data."""
    later = OpcodeMap.parse(
        "C8 | ENTER Iw,Ib\n0F | 2BYTE\n0F00 | #6 Ew | #7 Ew | LAR Gw,Ew",
        "#6 | SLDT | STR | LLDT | LTR | VERR | VERW | . | .\n"
        "#7 | SGDT M | SIDT M | LGDT M | LIDT M | SMSW | . | LMSW | .",
        base=OPCODES,
    )
    encoding = Encoding(later)
    enter = encoding.parse(bytes.fromhex("c8341205 90"))
    assert (enter.immediate, enter.second_immediate, enter.length) == (0x1234, 5, 4)
    assert encoding.encode(enter) == bytes.fromhex("c8341205")
    smsw = encoding.parse(bytes.fromhex("2e 0f01 66 10"))
    assert (smsw.row.mnemonic, smsw.opcode, smsw.displacement) == ("SMSW", 0x0F01, 0x10)
    assert encoding.encode(smsw) == bytes.fromhex("2e0f016610")
    assert encoding.parse(bytes.fromhex("b8341200")).length == 3
    assert OPCODES.row(0x0F).mnemonic == "POP"
