"""The attackers: each fault that they have found stays mended, and they go on looking."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from fuzz.__main__ import FUZZERS
from fuzz.harness import CORPUS, BrokenError, Fuzzer, attack, say_result

MINUTE = 60.0
FEW = {
    "wire": 250,
    "client": 100,
    "dap": 100,
    "loaders": 5,
    "readers": 300,
    "symbols": 300,
    "recordings": 5,
}
FEW |= {"readers": 300, "mcp": 80, "calls": 3000, "timetravel": 1000}
"""Units that do for every run of the tests."""


@pytest.mark.parametrize("name", FUZZERS)
def test_what_was_found_stays_mended(name: str) -> None:
    """Prevents each fault from coming back, and attackers that no longer attack anything."""
    result = attack(FUZZERS[name], seed="test", budget=MINUTE, count=FEW[name], corpus=CORPUS)
    assert result.failure is None, say_result(FUZZERS[name], result)
    assert result.units >= FEW[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", FUZZERS)
def test_a_minute_of_attacks_breaks_nothing(name: str) -> None:
    """Prevents what nobody has thought of."""
    result = attack(FUZZERS[name], seed=str(Random().random()), budget=MINUTE)
    assert result.failure is None, say_result(FUZZERS[name], result)


def test_attackers_make_the_same_cases_of_a_seed() -> None:
    """Prevents a fault that nobody finds again."""
    for fuzzer in FUZZERS.values():
        assert fuzzer.generate(Random("a")) == fuzzer.generate(Random("a"))
        assert fuzzer.invariant.endswith(".")


def test_what_breaks_becomes_a_seed(tmp_path: Path) -> None:
    """Prevents a case from being lost, and a fault from going unnoticed."""

    def run(case: int) -> int:
        if case % 7 == 3:
            raise BrokenError("three")
        return 1

    fuzzer = Fuzzer("test", "It holds.", "things", lambda random: random.randrange(100), run)
    result = attack(fuzzer, seed="1", budget=MINUTE, count=1000, corpus=tmp_path)
    assert result.failure is not None
    assert "three" in result.failure
    assert "BROKEN: It holds." in say_result(fuzzer, result)
    (kept,) = (tmp_path / "test").iterdir()
    again = attack(fuzzer, seed="2", budget=MINUTE, count=1000, corpus=tmp_path)
    assert (again.cases, again.units) == (1, 0)
    kept.unlink()


def test_a_case_that_takes_long_breaks(tmp_path: Path) -> None:
    """Prevents hangs from passing as slowness."""
    fuzzer = Fuzzer("test", "It is quick.", "things", lambda random: 0, lambda case: 1, slowest=0.0)
    result = attack(fuzzer, seed="1", budget=MINUTE, count=10, corpus=tmp_path)
    assert result.failure is not None
    assert "it took" in result.failure
