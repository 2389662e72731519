"""Clock cycles: the table of costs against the captured chip, and both clocks on both engines."""

from __future__ import annotations

import json
import random
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from engine_pair import Pair, translate_here
from test_vectors import REGISTERS, load_cases

from blink16 import Machine
from blink16.cpu.engine import StopReason
from blink16.cpu.model import Model
from blink16.cpu.models import MODELS
from blink16.cpu.native.meter import MIN_CYCLES
from blink16.cpu.registers import Cell

LOOP_AT = 0x1000


def cycles_of(machine: Machine, case: dict[str, Any]) -> int:
    """Return how many cycles a captured instruction takes here."""
    registers = machine.registers
    for name in REGISTERS:
        setattr(registers, name, case["initial"]["regs"][name])
    registers.cells[Cell.SHADOW] = registers.cells[Cell.HALTED] = 0
    for address, byte in case["initial"]["ram"]:
        machine.memory.ram[address] = byte
    before = machine.cycles
    machine.run(1)
    return machine.cycles - before


@pytest.fixture(scope="module")
def taken(shared: Path) -> dict[str, tuple[float, float]]:
    """For each form: the mean of its captured cases here and on the chip.

    Prevents engines that count otherwise from each other, too.
    """
    folder = shared / "vectors" / "8086"
    captured = json.loads((folder / "cycles.json").read_text())
    reference, native = Machine.bare("reference"), Machine.bare("native")
    means = {}
    for form, known in captured.items():
        cases = load_cases(folder / f"{form}.json.gz")
        ours = [cycles_of(reference, case) for case in cases]
        assert ours == [cycles_of(native, case) for case in cases], form
        means[form] = mean(ours), mean(known["cycles"])
    return means


def test_forms_take_as_long_as_on_the_chip(taken: dict[str, tuple[float, float]]) -> None:
    """Prevents a cost that is not the 8086's: nearly all within 5 %, the rest within 15 %."""
    off = {form: ours / chip - 1 for form, (ours, chip) in taken.items()}
    far = {form: error for form, error in off.items() if abs(error) > 0.05}
    assert len(far) <= len(off) * 0.05, far
    assert all(abs(error) <= 0.15 for error in far.values()), far


@pytest.mark.parametrize("form", ["A6", "A7", "AA", "AB", "AC", "AD", "AE", "AF"])
def test_rounds_take_what_they_took_the_chip(shared: Path, form: str) -> None:
    """Prevents words at even addresses that cost as those at odd ones: each case to two cycles."""
    folder = shared / "vectors" / "8086"
    captured = json.loads((folder / "cycles.json").read_text())[form]["cycles"]
    machine = Machine.bare("reference")
    repeated = 0
    for case, chip in zip(load_cases(folder / f"{form}.json.gz"), captured, strict=True):
        if {0xF2, 0xF3} & set(case["bytes"][:-1]):
            repeated += 1
            assert 0 <= cycles_of(machine, case) - chip <= 2, case["name"]
    assert repeated > 20


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_no_instruction_is_cheaper_than_native_code_relies_on(model: Model) -> None:
    """Prevents a slice that retires more instructions than it was given."""
    for opcode, rows in model.opcodes.rows.items():
        if opcode in model.opcodes.prefixes | model.opcodes.escapes:
            continue
        for row in rows:
            for in_memory in (False, True):
                for repeated in (False, True):
                    assert model.timing.cost(row, in_memory, repeated).cycles >= MIN_CYCLES


def test_an_8088_pays_for_its_bus() -> None:
    """Prevents an 8088 that is as fast as an 8086: words go over in two halves, code in bytes."""
    code = bytes.fromhex("90 50 8b04 40")  # nop / push ax / mov ax, [si] / inc ax
    taken: dict[str, list[int]] = {}
    for cpu in ("8086", "8088"):
        machine = Machine.bare("reference", cpu)
        machine.memory[LOOP_AT : LOOP_AT + len(code)] = code
        machine.registers.ip = LOOP_AT
        machine.registers.sp = 0x100
        taken[cpu] = []
        for _ in range(4):
            before = machine.cycles
            machine.run(1)
            taken[cpu].append(machine.cycles - before)
    assert taken == {"8086": [3, 12, 15, 2], "8088": [4, 14, 17, 4]}


@pytest.mark.parametrize("code", ["f3a4", "f3ab", "26f3a5", "f2ae", "f3ad", "f326a7"])
def test_rounds_are_paid_one_by_one(code: str) -> None:
    """Prevents a REP in which no time passes, and one that costs more if it is looked at."""
    registers = {"cx": 200, "ds": 0x2000, "es": 0x3000, "si": 0, "di": 0, "ax": 0x5A}
    whole, pieces = Pair.make(), Pair.make()
    for pair in (whole, pieces):
        pair.load(LOOP_AT, bytes.fromhex(code) + b"\xf4", cs=0, ip=LOOP_AT, **registers)
        pair.load(0x20000, bytes(400))
        pair.load(0x30000, bytes(400))
    whole.run(1)
    stops = 0
    while pieces.native.icount == 0:
        stop = pieces.run(1, 101)
        stops += stop.reason is StopReason.ATTENTION and pieces.native.between_rounds
    assert pieces.native.registers.save() == whole.native.registers.save()
    assert stops > 10


def test_exact_stops_by_both_clocks_in_translated_code() -> None:
    """Prevents a region that runs past the end of its time, or of its instructions."""
    choose = random.Random(5)
    # again: shl ax, cl / mul bl / or bl, 1 / add ax, [bx] / jc on / nop / on: loop again / jmp
    code = bytes.fromhex("d3e0 f6e3 80cb01 0307 7201 90 e2f3 ebf1")
    pair = Pair.make()
    pair.load(LOOP_AT, code, cs=0, ip=LOOP_AT, cx=300, bx=0x77, ds=0x2000, ss=0x3000)
    assert translate_here(pair.native) == 1
    for _ in range(300):
        budget = choose.choice((1, 7, 60, 1_000))
        pair.run(budget, choose.choice((None, choose.randrange(4000))) if budget < 100 else 3000)
