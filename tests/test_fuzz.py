"""The attackers: each fault that they have found stays mended, and they go on looking."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from fuzz import told
from fuzz.attackers import NAMES, attacker
from fuzz.campaign import PARTS, PIECES, Piece, Summary, pieces
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
FEW |= {"expressions": 500, "mcp": 80, "calls": 3000, "timetravel": 1000}
"""Units that do for every run of the tests."""


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_stays_mended(name: str) -> None:
    """Prevents each fault from coming back, and attackers that no longer attack anything."""
    result = attack(attacker(name), seed="test", budget=MINUTE, count=FEW[name], corpus=CORPUS)
    assert result.failure is None, say_result(attacker(name), result)
    assert result.units >= FEW[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_minute_of_attacks_breaks_nothing(name: str) -> None:
    """Prevents what nobody has thought of."""
    result = attack(attacker(name), seed=str(Random().random()), budget=MINUTE)
    assert result.failure is None, say_result(attacker(name), result)


def test_attackers_make_the_same_cases_of_a_seed() -> None:
    """Prevents a fault that nobody finds again."""
    for fuzzer in map(attacker, NAMES):
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


def test_a_campaign_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    """Prevents hours of attacks from being lost, and those on other sources from being counted."""
    work = pieces(PARTS, 1.0, "seed")
    assert len({piece.name for piece in work}) == len(work)
    path = tmp_path / "all.json"
    summary = Summary(path, 1.0, "seed")
    wire = [piece for piece in work if piece.part == "wire"]
    for piece in wire[1:]:
        summary.add(piece, found(piece))
    assert "wire" in summary.told()["missing"]
    again = Summary(path, 1.0, "seed")
    again.take_up()
    assert again.pieces == summary.pieces
    again.add(wire[0], found(wire[0]) | {"faults": ["broken"]})
    assert again.told()["parts"]["wire"]["units"] == PIECES * 5
    assert again.told()["faults"] == 1
    assert "| wire | 20 packets | 7 ms | 3 MiB | 1 |" in told.lines(again.told())
    other = Summary(path, 1.0, "seed", tree="other sources")
    other.take_up()
    assert not other.pieces


def found(piece: Piece) -> dict[str, object]:
    """Return what a piece might say of itself."""
    assert piece.words[0] == "wire"
    return {
        "units": 5,
        "unit": "packets",
        "cases": 1,
        "seconds": 1,
        "slowest_ms": 1.0,
        "operation_ms": 7.0,
        "memory_mib": 3,
        "faults": [],
    }
