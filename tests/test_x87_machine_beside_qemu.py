"""Machines with an 8087, or an 80287, beside QEMU's: every form of its instructions.

The boot sector of `x87_cases` does them on either.  Left out is where the chips are documented to
differ, or QEMU 7.2 does what no chip does: see `test_x87_beside_qemu`; it also rounds operands that
it loads to the control word's precision.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from test_x87_beside_qemu import (
    TRANSCENDENTAL,
    finite,
    is_a_last_place_off,
    number,
    positive,
    small_integer,
    within,
)
from x87_cases import ANSWER_SIZE, Answer, Case, answers, ask_qemu, floppy
from x87_numbers import ALL

from blink16 import bios
from blink16.console import Console
from blink16.cpu.x87 import formats, opcodes
from blink16.cpu.x87.opcodes import Escape, EscapeOperand
from blink16.cpu.x87.reals import INFINITY, ZERO, Real
from blink16.cpu.x87.rounding import Control, Rounding
from blink16.devices.cards import Cards
from blink16.devices.video import Adapter
from blink16.machine import Machine

COUNT = 8000
MOST_INSTRUCTIONS = 500
"""For one case, and more than enough."""
AT_ADDRESS, IN_REGISTERS = 0x05, 0xC0
PLAIN = Control(Rounding.NEAREST, 64, ALL, affine=True)
WORDS = {"FINIT", "FCLEX", "FENI", "FDISI", "FSETPM", "FLDCW", "FSTCW", "FSTSW"}
LARGE = {"FSAVE", "FRSTOR", "FLDENV", "FSTENV"}
OTHERWISE = {"FBSTP", "FPTAN", "FXTRACT"}
"""They differ: see above."""
TURNING = {"FDECSTP", "FINCSTP"}
"""What is behind the top then is what cases before have left."""
LEFT_OUT = WORDS | LARGE | OTHERWISE | TURNING
AT_FULL_PRECISION = {"FRNDINT", "FPREM", "FSCALE"}
STORES = {"FST", "FSTP", "FIST", "FISTP"}


def forms() -> list[tuple[bytes, Escape]]:
    """Return the instructions, with the memory at [DI], or ST and ST(1)."""
    found = []
    for opcode in opcodes.ESCAPES:
        for second in range(0x100):
            escape = opcodes.find(opcode, second)
            if escape is None or escape.is_later or escape.mnemonic in LEFT_OUT:
                continue
            if second < IN_REGISTERS:
                is_one = second & 0xC7 == AT_ADDRESS
            else:
                is_one = escape.operand is EscapeOperand.NONE or second & 7 < 2
            if is_one:
                found.append((bytes((opcode, second)), escape))
    return found


def memory(escape: Escape, random: Random) -> bytes:
    """Return an operand in memory that both chips load alike: no denormal and no NaN."""
    a = random.choice((within(-70, 70)(random), ZERO, INFINITY))
    match escape.operand:
        case EscapeOperand.SHORT_REAL:
            data = formats.to_short(a, PLAIN).data
        case EscapeOperand.LONG_REAL:
            data = formats.to_long(a, PLAIN).data
        case EscapeOperand.TEMPORARY_REAL:
            data = formats.to_temporary(a)
        case EscapeOperand.PACKED_DECIMAL:
            digits = (random.randrange(10) << 4 | random.randrange(10) for _ in range(9))
            data = bytes((*digits, random.choice((0, 0x80))))
        case _:
            data = (random.getrandbits(80) >> random.randrange(80)).to_bytes(10, "little")
    return data.ljust(10, b"\0")


def stack(escape: Escape, random: Random) -> tuple[Real, Real]:
    """Return ST and ST(1) within the ranges of an instruction."""
    match escape.mnemonic:
        case "F2XM1":
            return within(-90, -1)(random), number(random)
        case "FYL2X":
            return positive(random), finite(random)
        case "FYL2XP1":
            return within(-90, -3)(random), finite(random)
        case "FSCALE":
            return number(random), small_integer(random)
        case "FSQRT":  # where it is invalid QEMU sets C2
            return positive(random), number(random)
        case _:
            return number(random), number(random)


def cases() -> list[Case]:
    """Return some of each form."""
    random, made, found = Random(387), [], forms()
    for n in range(COUNT):
        code, escape = found[n % len(found)]
        rounding, precision = Rounding(random.randrange(4)), random.choice((24, 53, 64))
        loads = code[1] < IN_REGISTERS and escape.mnemonic not in STORES
        if loads or escape.mnemonic in AT_FULL_PRECISION:
            precision = 64
        if escape.mnemonic.startswith("FLD") and escape.operand is EscapeOperand.NONE:
            rounding = Rounding.NEAREST  # the 8087's constants are never rounded otherwise
        control = Control(rounding, precision, ALL, affine=True)
        made.append(Case(code, control, *stack(escape, random), memory(escape, random)))
    return made


def ask(cpu: str, engine: str, asked: list[Case]) -> list[Answer]:
    """Return what a machine of ours leaves."""
    made = Machine(engine, cpu=cpu, epoch_ns=10**18, fpu=True)
    disks = [bios.disk_of(0, floppy(asked))]
    cards = Cards(at=cpu == "80286")
    bios.power_on(made, Console(), disks, adapter=Adapter.VGA, cards=cards)
    shown = bytearray()
    made.on_output = lambda channel, data: shown.extend(data if channel == "debug" else b"")
    made.run(MOST_INSTRUCTIONS * len(asked))
    # behind its reset it begins again
    return answers(bytes(shown[: ANSWER_SIZE * len(asked)]))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """Return QEMU's answers."""
    if not shutil.which("qemu-system-i386"):
        pytest.skip("QEMU is not installed")
    return ask_qemu(cases(), Path(tmp_path_factory.mktemp("x87")))


@pytest.mark.slow
@pytest.mark.parametrize("cpu", ["8086", "80286"])
def test_every_form_leaves_what_qemus_leaves(cpu: str, real: list[Answer]) -> None:
    """Prevents operands that are exchanged, a register popped too many, or a wrong tag or flag."""
    asked = cases()
    given = ask(cpu, "native", asked)
    assert len(given) == len(real) == COUNT
    differing = []
    for case, ours, other in zip(asked, given, real, strict=True):
        close = case.code in TRANSCENDENTAL and is_a_last_place_off(ours.st, other.st)
        if (ours._replace(st=other.st) if close else ours) != other:
            differing.append((case, ours, other))
    assert differing == []


def test_both_engines_leave_the_same() -> None:
    """Prevents an engine that hands the 8087 other operands: some of each form, without QEMU."""
    asked = cases()[: len(forms())]
    answered = [ask("8086", engine, asked) for engine in ("native", "reference")]
    assert len(answered[0]) == len(asked)
    assert answered[0] == answered[1]
