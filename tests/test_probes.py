"""Probes: what the native engine writes on its tape is what the reference does, in order."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest
from engine_pair import Pair, drive, random_pair, translate_here
from property_examples import examples

from blink16 import Machine
from blink16.assembly import FOREVER
from blink16.cpu.engine import SOMEBODY, at_once
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.probes import EVENT, EVENT_SIZE, Probe, ProbeEvent, Probes, Tape, Way
from blink16.memory import MEMORY_SIZE, Attribute
from blink16.questions.probed import probed

ALL = Probe(255)
EVERYWHERE = (range(MEMORY_SIZE),)
WATCHES = Attribute.WATCH_READ | Attribute.WATCH_WRITE


class Noted:
    """A tape and what came of it."""

    def __init__(self, probes: Probes, capacity: int) -> None:
        self._parts: list[bytes] = []
        self.tape = Tape(probes, lambda events: self._parts.append(bytes(events)), capacity)

    def events(self) -> list[bytes]:
        """Return the events in order; those that count executions before all others."""
        self.tape.flush()
        whole = b"".join(self._parts)
        events = [whole[at : at + EVENT_SIZE] for at in range(0, len(whole), EVENT_SIZE)]
        return sorted(events, key=lambda event: event[8] != ProbeEvent.FIRST)

    def counts(self) -> dict[int, int]:
        """Return how often what was executed."""
        return {at: count for at, count in enumerate(self.tape.counts) if count}


def compare(reference: Noted, native: Noted) -> list[bytes]:
    """See that both tapes hold the same, and return the events."""
    expected, found = reference.events(), native.events()
    for mine, theirs in zip(expected, found, strict=False):
        assert mine == theirs, f"{EVENT.parse(mine)} on the reference, {EVENT.parse(theirs)}"
    assert len(expected) == len(found)
    assert reference.counts() == native.counts()
    return expected


def random_probes(choose: random.Random) -> Probes:
    """Return some probes, in all memory or in parts of it."""
    wanted = choose.choice((ALL, Probe(choose.randrange(1, 256))))
    starts = [choose.randrange(MEMORY_SIZE) for _ in range(choose.randrange(1, 4))]
    parts = tuple(range(s, min(s + choose.randrange(1, 5000), MEMORY_SIZE)) for s in starts)
    some = choose.choice((EVERYWHERE, parts))
    return Probes(wanted, some, some)


CASES = [
    *(("8086", seed) for seed in range(examples(30))),
    *((cpu, seed) for cpu in ("80186", "80286") for seed in range(examples(12))),
]


@pytest.mark.parametrize(("cpu", "seed"), CASES)
def test_random_programs_are_noted_alike(cpu: str, seed: int) -> None:
    """Prevents an event that native code forgets, makes up, or has in another place."""
    choose = random.Random(seed)
    pair = random_pair(choose, ports=seed % 3 == 0, cpu=cpu)
    for machine in pair:
        machine.memory.unmark(0, Attribute.WATCH_READ, MEMORY_SIZE)
        machine.memory.unmark(0, Attribute.WATCH_WRITE, MEMORY_SIZE)
    probes = random_probes(choose)
    sides = [Noted(probes, choose.choice((1, 7, 1 << 12))) for _ in pair]
    with ExitStack() as stack:
        for machine, side, engine in zip(pair, sides, ("reference", "native"), strict=True):
            stack.enter_context(probed(machine, side.tape, engine))
        horizons(pair)
        native_engine = pair.native.engine
        assert isinstance(native_engine, NativeEngine)
        # That of an 80286 which notes accesses has no regions.
        has_regions = native_engine.translation is not None
        drive(pair, choose, 60, translating=seed % 2 == 0 and has_regions)
    compare(*sides)


def horizons(pair: Pair) -> None:
    """Let engines that came later leave after each access to a port, as the pair's own do."""
    for machine in pair:
        machine.engine.horizon, machine.engine.stirred = at_once, SOMEBODY


CALLS = bytes.fromhex("b90004 50 58 a30002 8b1e0102 e80800 e2f2 f7f1 cd20 ebfe 40 d1c0 c3")
"""again: push, pop, a store, a load, a call; loop again; div cx (CX is 0); int 20h; for ever."""


def calling_machine() -> Machine:
    """Return a machine before `CALLS`, in all of whose vectors stands an IRET."""
    machine = Machine.bare("reference")
    machine.memory.write(0x1000, CALLS)
    machine.memory.write(0x500, b"\xcf")
    for vector in range(256):
        machine.set_vector(vector, 0, 0x500)
    for name, value in {"cs": 0x100, "ip": 0, "ss": 0x300, "sp": 0x800}.items():
        setattr(machine.registers, name, value)
    return machine


def run_calls(engine: str, *, translated: bool = False) -> Noted:
    """Run `CALLS` with all probes."""
    machine = calling_machine()
    noted = Noted(Probes(ALL, EVERYWHERE, EVERYWHERE), 100)
    with probed(machine, noted.tape, engine):
        if translated:
            assert translate_here(machine, 3)
        machine.run(12_000)
    return noted


@pytest.mark.parametrize("translated", [False, True], ids=["interpreted", "translated"])
def test_calls_faults_and_interrupts_are_noted_alike(translated: bool) -> None:
    """Prevents regions that forget a call's target, or where a division was refused."""
    events = compare(run_calls("reference"), run_calls("native", translated=translated))
    parsed = [EVENT.parse(event) for event in events]
    calls = [e for e in parsed if e.kind == ProbeEvent.CALL]
    assert len(calls) == 1024
    assert {(e.cs, e.ip, e.target, e.was, e.now) for e in calls} == {
        (0x100, 0x0C, 0x0100_0017, 0x300, 0x7FE)
    }
    ways = [(e.detail, e.by) for e in parsed if e.kind == ProbeEvent.INTERRUPT]
    assert ways[:2] == [(Way.FAULT, 0), (Way.SOFTWARE, 0x20)]


def test_all_instructions_are_counted_once() -> None:
    """Prevents a total that is not the number of instructions."""
    noted = run_calls("native", translated=True)
    assert sum(noted.counts().values()) == 12_000
    firsts = [EVENT.parse(e) for e in noted.events() if e[8] == ProbeEvent.FIRST]
    assert {e.target for e in firsts} == noted.counts().keys()


def test_probes_change_nothing(tmp_path: object) -> None:
    """Prevents a machine that goes another way because somebody looks on."""
    plain, looked_at = calling_machine(), calling_machine()
    plain.run(12_000)
    with probed(looked_at, Noted(Probes(ALL, EVERYWHERE, EVERYWHERE), 64).tape, "native"):
        looked_at.run(12_000)
    assert looked_at.registers.save() == plain.registers.save()
    assert looked_at.memory[:] == plain.memory[:]
    assert not any(a & WATCHES for a in bytes(looked_at.memory.attributes))
    assert looked_at.run(5).reason is plain.run(5).reason
    assert FOREVER > 0


def test_who_takes_events_may_fail() -> None:
    """Prevents an error that is lost in native code, and one that ends the process."""

    def take(events: memoryview) -> None:
        raise OSError("the disk is full")

    machine = calling_machine()
    tape = Tape(Probes(ALL, EVERYWHERE, EVERYWHERE), take, 16)
    with probed(machine, tape, "native"):
        machine.run(9000)
        with pytest.raises(OSError, match="the disk is full"):
            tape.flush()
