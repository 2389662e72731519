"""BIOS routines that are 8086 code do what the services behind them do."""

from __future__ import annotations

import pytest
from boot_sectors import Pc, sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st

from blink16.assembly import CLOCK_HZ
from blink16.bios.data_area import BASE, OFFSETS
from blink16.bios.key_buffer import KeyBuffer
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.cpu.models import DEFAULT
from blink16.cpu.native.loading import core
from blink16.cpu.registers import ZF
from blink16.devices.hot import BOARD
from blink16.devices.video import Video
from blink16.services import Outcome, Service
from blink16.timekeeping import IDLE_SECONDS

SCREEN, SCREEN_SIZE = 0xB8000, 0x4000
ROUTINES = (0x10, 0x16)
MOTOR_COUNT, TICKS = 0x40, 0x6C
"""What time does to the data area: it passes faster where code is shorter."""


class Twins:
    """A PC as it is, and one whose vectors lead to the services alone."""

    def __init__(self, engine: str) -> None:
        core(DEFAULT, BOARD).result()
        self.fast, self.slow = (Pc(sector(b"\xf4"), engine=engine) for _ in range(2))
        for vector in ROUTINES:
            names = self.slow.machine.service_names.items()
            stubs = [address for address, name in names if name == f"int{vector:02x}"]
            self.slow.machine.set_vector(vector, 0xF000, min(stubs) - 0xF0000)

    def put(self, address: int, data: bytes) -> None:
        """Write to both memories."""
        for pc in (self.fast, self.slow):
            pc.machine.memory.write(address, data)

    def call(self, vector: int, ax: int, **registers: int) -> None:
        """Do a call on both, and compare what can be seen."""
        seen = []
        for pc in (self.fast, self.slow):
            pc.call(vector, ax, **registers)
            r, memory, video = pc.registers, pc.machine.memory, pc.machine.find(Video)
            assert video is not None
            if vector == 0x16 and ax >> 8 & 0xF:
                assert r.ip == 0x7E02
            seen.append(
                (
                    [getattr(r, name) for name in ("ax", "bx", "cx", "dx", "si", "di", "ds", "es")],
                    r.flags & ZF,
                    memory.read(SCREEN, SCREEN_SIZE),
                    memory.read(BASE, MOTOR_COUNT) + memory.read(BASE + 0x41, TICKS - 0x41),
                    (video.cursor, video.state),
                    list(pc.shown),
                )
            )
        assert seen[0] == seen[1]


@pytest.fixture(scope="module", params=ENGINES)
def twins(request: pytest.FixtureRequest) -> Twins:
    """Return a pair."""
    return Twins(request.param)


CHARACTERS = st.sampled_from(b"\x07\x08\t\n\rAz\x00\xff")
CURSORS = st.tuples(st.integers(0, 27), st.sampled_from([0, 1, 38, 39, 40, 78, 79, 80, 255]))
MODES = st.sampled_from([0, 1, 2, 3, 3, 4, 6])
CALLS = st.one_of(
    st.tuples(st.just(0x0E), CHARACTERS, st.integers(0, 0xFFFF), st.just((0, 0))),
    st.tuples(st.sampled_from([2, 3, 15]), st.just(0), st.integers(0, 0x0FFF), CURSORS),
)


@settings(max_examples=25, deadline=None)
@given(MODES, st.integers(0, 7), CURSORS, st.lists(CALLS, max_size=12))
def test_characters_and_cursors_are_the_services_(
    twins: Twins,
    mode: int,
    page: int,
    cursor: tuple[int, int],
    calls: list[tuple[int, int, int, tuple[int, int]]],
) -> None:
    """Memory, data area, the 6845, registers and what is shown outside must not tell them apart."""
    twins.call(0x10, mode)
    twins.call(0x10, 0x0500 | (page if mode < 4 else 0))
    twins.call(0x10, 0x0200, bx=page << 8, dx=cursor[0] << 8 | cursor[1])
    for function, al, bx, (row, column) in calls:
        twins.call(0x10, function << 8 | al, bx=bx, dx=row << 8 | column)


KEYS = st.sampled_from([0x1E61, 0x1C0D, 0x4800, 0x48E0, 0xE00D, 0x8500, 0x84FF, 0x0000, 0x00E0])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(KEYS, max_size=6),
    st.integers(0, 15),
    st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0x1000])), max_size=8),
)
def test_keys_are_the_services_(
    twins: Twins, keys: list[int], start: int, takes: list[tuple[bool, int]]
) -> None:
    """00h and 01h with keys that 83 keys can give and with others, where the ring ends too; 10h
    and 11h with all of them.
    """
    for pc in (twins.fast, twins.slow):
        area = pc.area
        area.key_head = area.key_tail = area.key_buffer_start + 2 * start
        for key in keys:
            KeyBuffer(pc.machine.memory).put(key)
    for takes_one, large in takes:
        twins.call(0x16, 0x0100 | large, dx=0)
        if takes_one and not twins.slow.registers.flags & ZF:  # else it would wait
            twins.call(0x16, large, dx=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 0xFFFF), st.integers(0, 0xFF))
def test_held_keys_are_the_services_(twins: Twins, flags: int, state: int) -> None:
    """Prevents a shift key from being seen in the wrong bit by 02h or 12h."""
    twins.put(BASE + OFFSETS["shift_flags"][0], flags.to_bytes(2, "little"))
    twins.put(BASE + OFFSETS["keyboard_state"][0], bytes((state,)))
    for ax in (0x0200, 0x1200, 0x02FF):
        twins.call(0x16, ax)


@pytest.mark.parametrize("begin", ["fb", "fa"], ids=["ticks", "no ticks"])
@pytest.mark.parametrize("function", [0x01, 0x11])
def test_a_vain_look_seldom_needs_the_host_and_a_guest_that_only_looks_is_idle(
    begin: str, function: int
) -> None:
    """Prevents a service for each look, and a guest at its prompt that burns the processor."""
    pc = Pc(sector(bytes.fromhex(f"{begin} b4{function:02x} cd16 74fa")))  # again: … jz again
    machine = pc.machine
    asked = []

    def serve(service: Service) -> Outcome:
        asked.append(machine.icount)
        return service(machine)

    machine.serve_with = serve
    while machine.run(100_000).reason is not StopReason.IDLE:
        assert machine.cycles < (IDLE_SECONDS + 1) * CLOCK_HZ
    looks = machine.icount / 30
    if begin == "fb":
        assert len(asked) <= 19 * (machine.cycles / CLOCK_HZ) + 2
    assert len(asked) < looks / 100
    idle_at = machine.cycles
    machine.run(until=idle_at + CLOCK_HZ)
    assert machine.cycles - idle_at < CLOCK_HZ / 2  # it is told again, soon


def test_a_key_is_seen_at_the_next_look() -> None:
    """Prevents keys that wait until the host is asked again."""
    pc = Pc(sector(bytes.fromhex("fb b401 cd16 74fa b400 cd16 f4")))
    machine = pc.machine
    machine.run(5000)
    machine.receive(Console.CHANNEL, b"k")
    before = machine.cycles
    while machine.pc != 0x7C00 + 11:
        machine.run(1)
    assert pc.registers.ax == 0x256B
    assert machine.cycles - before < CLOCK_HZ / 20
