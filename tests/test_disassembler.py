"""The disassembler against the names in the captured vectors, and against GNU's for AT&T."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_vectors import load_cases

from blink16.cpu.disassembler import Syntax, disassemble
from blink16.cpu.models import DEFAULT
from blink16.cpu.x87.opcodes import find


def test_intel_syntax_is_that_of_the_vectors(shared: Path) -> None:
    """Prevents a wrong mnemonic, operand, size, segment or jump target in any opcode form.

    But for ESC: the vectors know no names of an 8087's instructions.
    """
    wrong = []
    for path in sorted((shared / "vectors" / "8086").glob("*.json.gz")):
        if path.name.startswith(ESCAPES):
            continue
        for case in load_cases(path):
            instruction = DEFAULT.encoding.parse(bytes(case["bytes"]))
            text = disassemble(instruction, 0)
            if (text, instruction.length) != (case["name"], len(case["bytes"])):
                wrong.append((text, case["name"], bytes(case["bytes"]).hex()))
    assert wrong == []


ESCAPES = tuple(f"{opcode:X}" for opcode in range(0xD8, 0xE0))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("d8470a", "fadd dword [ds:bx+Ah]"),
        ("26dd1e3412", "fstp qword [es:1234h]"),
        ("db6efe", "fld tword [ss:bp-2h]"),
        ("df07", "fild word [ds:bx]"),
        ("df27", "fbld tword [ds:bx]"),
        ("dd37", "fnsave [ds:bx]"),
        ("d93f", "fnstcw word [ds:bx]"),
        ("d8e1", "fsub st, st(1)"),
        ("dee9", "fsubp st(1), st"),
        ("d9c1", "fld st(1)"),
        ("d9fa", "fsqrt"),
        ("dfe0", "fnstsw ax"),
        ("dbe3", "fninit"),
        ("9b", "wait"),
        ("ddff", "esc di"),
    ],
)
def test_the_8087s_instructions_have_their_names(code: str, text: str) -> None:
    """Prevents ``esc`` with a word operand for all of them."""
    assert disassemble(DEFAULT.encoding.parse(bytes.fromhex(code) + bytes(6)), 0x100) == text


def test_att_names_of_the_8087_are_those_of_objdump(tmp_path: Path) -> None:
    """Prevents a size, an order of operands, or a subtraction that GNU's tools write otherwise."""
    objdump = shutil.which("objdump")
    if objdump is None:
        pytest.skip("there is no objdump")
    seconds = [0x47 | reg << 3 for reg in range(8)] + list(range(0xC0, 0x100))
    codes = [
        bytes((first, second, 0x10 if second < 0xC0 else 0x90))
        for first in range(0xD8, 0xE0)
        for second in seconds
    ]
    known = [code for code in codes if find(*code[:2]) is not None]
    binary = tmp_path / "all.bin"
    binary.write_bytes(b"".join(code.ljust(4, b"\x90") for code in known))
    command = [objdump, "-D", "-b", "binary", "-m", "i8086", "--no-show-raw-insn", str(binary)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^\s*([0-9a-f]+):\s+(.*)$", listing, re.MULTILINE)
    theirs = {int(at, 16): re.sub(r"\(\d+ only\)|\s+(?=$)", "", text) for at, text in rows}
    for number, code in enumerate(known):
        text = re.sub(r"\s+", " ", theirs[4 * number])
        mine = disassemble(DEFAULT.encoding.parse(code + bytes(6)), 0, Syntax.ATT)
        assert text == mine or text.startswith("(bad)")


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
