"""A machine in real time: how long it waits for our clock."""

from __future__ import annotations

from blink16.governor import MAX_LAG_SECONDS, Governor


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def test_a_machine_waits_for_our_clock() -> None:
    """18.2 ticks must take a second of ours, not what executing them takes."""
    clock = Clock()
    governor = Governor(1_000_000, clock)
    governor.start(5_000_000)
    waited = 0.0
    for tick in range(1, 183):
        wait = governor.ahead(5_000_000 + tick * 54_925)
        waited += wait
        clock.seconds += wait + 0.001
    assert abs(clock.seconds - 100 - 10.0) < 0.1
    assert waited > 9


def test_a_machine_that_stood_does_not_rush_afterwards() -> None:
    """After a minute at a breakpoint the guest must not run a minute at full speed."""
    clock = Clock()
    governor = Governor(1_000_000, clock)
    governor.start(0)
    clock.seconds += 60
    assert governor.ahead(1000) == 0.0
    assert governor.ahead(1_001_000) == 1.0


def test_a_short_lag_is_caught_up() -> None:
    """A busy host may delay a tick, but not slow the guest's clock down."""
    clock = Clock()
    governor = Governor(1_000_000, clock)
    governor.start(0)
    clock.seconds += MAX_LAG_SECONDS / 2
    assert governor.ahead(0) == 0.0
    assert governor.ahead(1_000_000) == 1 - MAX_LAG_SECONDS / 2
