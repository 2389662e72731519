"""A machine in real time: how long it waits for our clock."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from boot_sectors import sector

from blink16 import bios
from blink16.bios.data_area import DataArea
from blink16.cli import config_file, values
from blink16.cli.options import RUN
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.governor import MAX_LAG_SECONDS, Governor
from blink16.history import Timeline
from blink16.inbox import Inbox
from blink16.machine import Machine


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


# -- a machine's history in real time --------------------------------------------------------


class Hurry(Inbox):
    """An inbox whose waits take no time: they move the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.on_wait: Callable[[], None] = lambda: None

    def wait(self, seconds: float | None) -> None:
        """Let the time pass."""
        assert seconds is not None
        self.clock.seconds += seconds
        self.on_wait()


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


def timeline_of(code: bytes, clock: Clock) -> tuple[Timeline, Hurry]:
    """Return a PC in real time."""
    machine = Machine()
    machine.idle_after = 0
    bios.boot(machine, sector(code), Console())
    timeline = Timeline(machine)
    timeline.governor = Governor(machine.clock_hz, clock)
    timeline.inbox = hurry = Hurry(clock)
    return timeline, hurry


@pytest.mark.parametrize("code", ["f4ebfd", "ebfe"], ids=["sleeping", "busy"])
def test_a_guest_takes_the_time_it_should(code: str, clock: Clock) -> None:
    """Ten of 18.2 ticks a second are 0.55 s, whether the guest sleeps or counts for them."""
    timeline, hurry = timeline_of(bytes.fromhex(code), clock)
    ticks = DataArea(timeline.machine.memory)
    last = ticks.ticks + 10
    hurry.on_wait = lambda: timeline.interrupt() if ticks.ticks >= last else None
    assert timeline.run().reason is StopReason.INTERRUPTED
    assert 0.45 < clock.seconds - 100 < 0.65


def test_time_travel_is_not_held_up(clock: Clock) -> None:
    """What has happened before takes no time of ours when it is replayed."""
    timeline, hurry = timeline_of(bytes.fromhex("ebfe"), clock)
    timeline.run(100_000)
    now = clock.seconds
    timeline.seek(0)
    timeline.run(90_000)
    assert clock.seconds == now
    hurry.on_wait = lambda: pytest.fail("a wait in the past")
    timeline.seek(50_000)


def test_a_request_to_stop_ends_the_wait(clock: Clock) -> None:
    """Ctrl-C must not wait for the guest's next tick."""
    timeline, hurry = timeline_of(bytes.fromhex("f4ebfd"), clock)
    hurry.on_wait = timeline.interrupt
    assert timeline.run(1_000_000).reason is StopReason.INTERRUPTED
    assert timeline.now < 10
    hurry.on_wait = lambda: None
    assert timeline.run(5).reason is StopReason.BUDGET


@pytest.mark.parametrize(
    ("said", "mhz"), [("4772727", 4.772727), ("4.77MHz", 4.77), ("8M", 8.0), ("500 khz", 0.5)]
)
def test_a_speed_is_said_in_the_usual_ways(said: str, mhz: float) -> None:
    """Prevents a clock that is a thousand times off."""
    assert values.speed(said) == pytest.approx(mhz)


@pytest.mark.parametrize(
    "said", ["", "fast", "0", "-1", "1e6", "nan", "99999999999", "8 GHz", "4,77"]
)
def test_what_is_no_speed_is_refused(said: str) -> None:
    """Prevents a traceback, or a machine that never moves."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"speed is|clock of"):
        values.speed(said)


def test_megahertz_without_their_name_are_understood() -> None:
    """Prevents `--cpu-speed 4.77` from being answered with a number that nobody typed, alone."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"4\.77MHz one of MHz"):
        values.speed("4.77")


def said(*words: str) -> tuple[float | None, bool]:
    """Return the clock in MHz and the pace that words for ``blink16`` ask for."""
    parsed = config_file.parse(RUN, [*words, "banner"])
    return parsed.mhz, parsed.realtime


def test_cpu_speed_is_clock_and_real_time_in_one_word(tmp_path: Path) -> None:
    """Prevents a speed that changes the timers' view alone, or the pace alone; the folder's clock
    gives way to it.
    """
    assert said("--cpu-speed", "8M") == (8.0, True)
    assert said("--cpu-speed", "max") == (None, False)
    assert said("--cpu-speed", "max", "--mhz", "8") == (8.0, False)
    assert said("--mhz", "8", "--cpu-speed", "8M", "--realtime") == (8.0, True)
    assert said("--realtime", "--mhz", "8") == (8.0, True)
    (tmp_path / "blink16.toml").write_text("mhz = 4")
    (tmp_path / "p.com").write_bytes(b"\xc3")
    for words, clock in (((), 4.0), (("--cpu-speed", "8M"), 8.0), (("--mhz", "6"), 6.0)):
        assert config_file.parse(RUN, [*words, str(tmp_path / "p.com")]).mhz == clock


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--cpu-speed 8M --mhz 4", "two clocks, 8 and 4 MHz"),
        ("--mhz 4 --cpu-speed 8M", "two clocks, 8 and 4 MHz"),
        ("--cpu-speed max --realtime", "leave one away"),
        ("--realtime --cpu-speed max", "leave one away"),
        ("--machine-type xt --card ps2mouse", "leave one away"),
    ],
)
def test_speeds_that_contradict_each_other_are_refused(
    words: str, complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prevents one of two clocks from being ignored in silence, by their order."""
    with pytest.raises(SystemExit):
        said(*words.split())
    assert complaint in capfd.readouterr().err
