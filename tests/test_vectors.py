"""The captured single-instruction tests of a real 8086 (SingleStepTests), case by case."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blink16 import Machine
from blink16.cpu.registers import Cell

REGISTERS = ("ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags")
OPCODE_FORMS = 321
ENGINES = ("reference", "native")


@dataclass(frozen=True)
class Failure:
    """A case whose outcome is not the chip's."""

    name: str
    registers: dict[str, tuple[int, int]]
    memory: dict[int, tuple[int, int]]


def run_case(machine: Machine, case: dict[str, Any]) -> Failure | None:
    """Run one case on every register, flag and byte of memory; None if all are the chip's."""
    initial, final = case["initial"], case["final"]
    registers = machine.registers
    for name in REGISTERS:
        setattr(registers, name, initial["regs"][name])
    registers.cells[Cell.SHADOW] = registers.cells[Cell.HALTED] = 0
    for address, byte in initial["ram"]:
        machine.memory.ram[address] = byte
    machine.run(1)
    wanted = {**initial["regs"], **final["regs"]}
    wrong = {
        name: (getattr(registers, name), wanted[name])
        for name in REGISTERS
        if getattr(registers, name) != wanted[name]
    }
    bad_bytes = {
        address: (machine.memory.ram[address], byte)
        for address, byte in final["ram"]
        if machine.memory.ram[address] != byte
    }
    return Failure(case["name"], wrong, bad_bytes) if wrong or bad_bytes else None


def load_cases(path: Path) -> list[dict[str, Any]]:
    """Return the cases of one opcode form."""
    with gzip.open(path, "rt") as file:
        cases: list[dict[str, Any]] = json.load(file)
    return cases


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("high", range(16), ids=lambda high: f"{high:X}x")
def test_captured_instructions_do_what_the_chip_did(shared: Path, high: int, engine: str) -> None:
    """Prevents any instruction that differs from the chip: registers, memory, IP, all flags.

    Also the flags that Intel leaves undefined are the chip's, in every case that we have.
    """
    folder = shared / "vectors" / "8086"
    machine = Machine.bare(engine)
    failures = {}
    for path in sorted(folder.glob(f"{high:X}*.json.gz")):
        found = [run_case(machine, case) for case in load_cases(path)]
        bad = [failure for failure in found if failure is not None]
        if bad:
            failures[path.name] = (len(bad), bad[0])
    assert failures == {}


def test_all_vector_files_are_there(shared: Path) -> None:
    """Prevents a run that looks complete because files are missing."""
    assert len(list((shared / "vectors" / "8086").glob("*.json.gz"))) == OPCODE_FORMS
