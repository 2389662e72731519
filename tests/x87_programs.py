"""Programs for an 8087, and machines that have one."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from blink16 import Machine
from blink16.cpu.x87.formats import to_long
from blink16.cpu.x87.reals import Real
from blink16.cpu.x87.state import Coprocessor

CODE, DATA = 0x100, 0x800


def with_8087(code: bytes, engine: str = "reference", cpu: str = "8086") -> Machine:
    """Return a bare machine before this code at 0:0100, with a stack."""
    machine = Machine.bare(engine, cpu, fpu=True)
    machine.memory.write(CODE, code)
    machine.registers.ip, machine.registers.sp = CODE, 0x8000
    return machine


def run(code: str | bytes, cpu: str = "8086", data: bytes = b"") -> Machine:
    """Return a machine that has run this code, in hexadecimal, up to a HLT behind it.

    ``data``: what is in memory at `DATA`.
    """
    body = bytes.fromhex(code) if isinstance(code, str) else code
    machine = with_8087(body + b"\xf4", cpu=cpu)
    machine.memory.write(DATA, data)
    machine.run(1000)
    return machine


def x87_of(machine: Machine) -> Coprocessor:
    """Return a machine's 8087."""
    x87 = machine.registers.x87
    assert x87 is not None
    return x87


def stack_of(machine: Machine) -> list[float]:
    """Return what is in the registers, the top first, as far as it goes."""
    x87 = x87_of(machine)
    values = [x87.get(number) for number in range(8)]
    return [as_float(value, x87) for value in values if value is not None]


def as_float(value: Real, x87: Coprocessor) -> float:
    """Return the double that is nearest to a temporary real."""
    stored = to_long(value, x87.mode)
    return float(struct.unpack("<d", stored.data)[0])


def assembled(source: str, folder: Path) -> bytes:
    """Return what nasm makes of a program; the test is skipped without it."""
    nasm = shutil.which("nasm")
    if nasm is None:
        pytest.skip("there is no nasm")
    text, binary = folder / "program.asm", folder / "program.bin"
    text.write_text(f"bits 16\norg {CODE:#x}\n{source}\n")
    subprocess.run([nasm, "-f", "bin", "-o", binary, text], check=True)
    return binary.read_bytes()
