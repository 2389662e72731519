"""The disassembler against the names in the captured vectors, and against GNU's for AT&T."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_vectors import load_cases

from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.models import DEFAULT


def test_intel_syntax_is_that_of_the_vectors(shared: Path) -> None:
    """Prevents a wrong mnemonic, operand, size, segment or jump target in any opcode form."""
    wrong = []
    for path in sorted((shared / "vectors" / "8086").glob("*.json.gz")):
        for case in load_cases(path):
            instruction = DEFAULT.encoding.parse(bytes(case["bytes"]))
            text = disassemble(instruction, 0)
            if (text, instruction.length) != (case["name"], len(case["bytes"])):
                wrong.append((text, case["name"], bytes(case["bytes"]).hex()))
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("b80500", "mov $0x5,%ax"),
        ("8b4604", "mov 0x4(%bp),%ax"),
        ("268a04", "mov %es:(%si),%al"),
        ("c6070a", "movb $0xa,(%bx)"),
        ("83e909", "sub $0x9,%cx"),
        ("86a8fd4a", "xchg %ch,0x4afd(%bx,%si)"),
        ("e875f4", "call 0xf578"),
        ("9ad333532a", "lcall $0x2a53,$0x33d3"),
        ("ff9ac7d5", "lcall *-0x2a39(%bp,%si)"),
        ("ff5665", "call *0x65(%bp)"),
        ("ffd2", "call *%dx"),
        ("f3a4", "rep movsb %ds:(%si),%es:(%di)"),
        ("f2ae", "repnz scas %es:(%di),%al"),
        ("7405", "je 0x107"),
        ("ec", "in (%dx),%al"),
        ("cd21", "int $0x21"),
        ("2ed7", "xlat %cs:(%bx)"),
        ("d1e0", "shl %ax"),
        ("d3e0", "shl %cl,%ax"),
    ],
)
def test_att_syntax_is_that_of_gnu_tools(code: str, text: str) -> None:
    """Prevents text that differs from what gdb's x/i shows for the same bytes at 0100h."""
    assert (
        disassemble(DEFAULT.encoding.parse(bytes.fromhex(code) + bytes(6)), 0x100, Syntax.ATT)
        == text
    )
