"""The interpreter of the very first start: equal to the reference, though made in haste."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest
from engine_pair import drive, random_pair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples
from test_vectors import load_cases, run_case

from blink16 import Machine
from blink16.cpu import models
from blink16.cpu.model import Model
from blink16.cpu.native import loading
from blink16.cpu.native.compiler import submit
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.interpreter import module_text
from blink16.cpu.native.loading import Core
from blink16.devices.hot import BOARD

CPUS = ("8086", "80286")


@pytest.fixture(scope="module")
def cores() -> dict[str, Core]:
    """Return such interpreters, by processor."""

    def make(model: Model) -> Core:
        compiler = loading.process_compiler()
        image = compiler.compile(module_text(model, BOARD, level=loading.QUICK), loading.QUICK)
        return loading.linked(compiler, model, image, BOARD)

    return {cpu: submit(partial(make, models.find(cpu))).result() for cpu in CPUS}


def use(core: Core, machine: Machine) -> None:
    """Let a native machine execute with this interpreter, and nothing else."""
    engine = machine.engine
    assert isinstance(engine, NativeEngine)
    engine.regions = False
    engine._use(core)


@pytest.mark.parametrize("cpu", CPUS)
@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_random_programs_run_alike_at_the_first_start(
    cores: dict[str, Core], cpu: str, seed: int
) -> None:
    """Prevents a first start in which programs do what they never do again."""
    choose = random.Random(seed)
    pair = random_pair(choose, ports=True, cpu=cpu)
    use(cores[cpu], pair.native)
    drive(pair, choose, 40, translating=False)


@pytest.mark.parametrize(
    "form", ["00", "11", "8B", "A6", "C2", "D0.6", "D4", "F7.6", "F7.7", "FF.3"]
)
def test_captured_instructions_do_at_the_first_start_what_the_chip_did(
    shared: Path, cores: dict[str, Core], form: str
) -> None:
    """Prevents a short function that is not the chip's, and a long one that is left out wrongly."""
    machine = Machine.bare("native")
    use(cores["8086"], machine)
    cases = load_cases(shared / "vectors" / "8086" / f"{form}.json.gz")
    assert [run_case(machine, case) for case in cases] == [None] * len(cases)


@pytest.mark.slow
def test_all_captured_instructions_do_at_the_first_start_what_the_chip_did(
    shared: Path, cores: dict[str, Core]
) -> None:
    """Prevents the same in all forms."""
    machine = Machine.bare("native")
    use(cores["8086"], machine)
    paths = sorted((shared / "vectors" / "8086").glob("??*.json.gz"))
    failures = [run_case(machine, case) for path in paths for case in load_cases(path)]
    assert not [failure for failure in failures if failure is not None]
