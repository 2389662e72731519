"""Time travel over HLT: a processor that slept until an input came sleeps no longer in the past."""

from __future__ import annotations

from random import Random

import guests
import pytest
from boot_sectors import Pc, sector
from pc_guest import CLI, DATA, HLT, IRET, STI, PcGuest, count, handler, out

from blink16 import monitor
from blink16.cpu.engine import StopReason
from blink16.debugger import WAITING, Debugger, EventKind, Resume
from blink16.devices.nmi import CHANNEL_ERROR
from blink16.history.pace import MAX_INTERVAL, Pace
from blink16.history.timeline import Timeline

KEYS, BYTES, NMIS, LOOPS = DATA, DATA + 2, DATA + 4, DATA + 6
NMI_HANDLER = 0x3000
A_KEY = b"\x1e"
MASK_ALL_BUT_KEYBOARD = out(0x21, 0xFD)
RECEIVE = out(0x3FC, 0x0B) + out(0x3F9, 0x01)  # OUT2, and an interrupt for each byte
LOOP = HLT + count(LOOPS) + b"\xeb\xf9"
INPUTS = {
    "keyboard": (MASK_ALL_BUT_KEYBOARD + STI + LOOP, ("keyboard", A_KEY), KEYS),
    "serial line": (out(0x21, 0xEF) + RECEIVE + STI + LOOP, ("com1", b"x"), BYTES),
    "error": (CLI + LOOP, ("nmi", bytes((CHANNEL_ERROR,))), NMIS),
}
HANDLERS = {
    1: handler(b"\xe4\x60" + count(KEYS)),  # in al, 60h
    4: handler(b"\x52\xba\xf8\x03\xec\x5a" + count(BYTES)),  # in al, 3F8h
}


def pc(code: bytes, engine: str) -> PcGuest:
    """Return a PC that counts its interrupts."""
    guest = PcGuest(code, HANDLERS, engine)
    error_done = out(0x61, 0x68) + out(0x61, 0x48)
    guest.machine.memory.write(NMI_HANDLER, count(NMIS) + b"\x50\x52" + error_done + b"\x5a\x58")
    guest.machine.memory.write(NMI_HANDLER + 4 + 2 + len(error_done) + 2, IRET)
    guest.machine.set_vector(2, 0, NMI_HANDLER)
    return guest


@pytest.mark.parametrize("engine", guests.ENGINES)
@pytest.mark.parametrize("what", INPUTS)
def test_the_past_goes_on_where_an_input_ended_hlt(what: str, engine: str) -> None:
    """Prevents a replay that differs, since it stops where the machine once waited."""
    code, entry, counter = INPUTS[what]
    guest = pc(code, engine)
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    rest = StopReason.HALT if what == "error" else StopReason.WAITING
    assert timeline.run().reason is rest
    states = {timeline.now: guest.state()}
    slept = []
    for _ in range(5):
        slept.append(timeline.now)
        timeline.receive(*entry)
        assert timeline.run().reason is rest
        states[timeline.now] = guest.state()
    assert guest.word(counter) == guest.word(LOOPS) == 5
    end = timeline.now
    for icount in (0, end, slept[2] + 1, slept[2] - 1, end, slept[3], slept[1], end):
        timeline.seek(icount)
        if icount == end:
            assert guest.state() == states[end]
    timeline.seek(0)
    assert timeline.run().reason is rest  # through all of the past without a stop
    assert (timeline.now, guest.state()) == (end, states[end])


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_questions_about_the_past_pass_hlt(engine: str) -> None:
    """Prevents answers that say that the replay differs, and a step back that goes to the HLT."""
    guest = pc(INPUTS["keyboard"][0], engine)
    debugger = Debugger(guest.machine)
    debugger.resume(Resume())
    for _ in range(2):
        debugger.receive("keyboard", A_KEY)
        assert debugger.resume(Resume()) is WAITING
    end = debugger.timeline.end
    for line in (f"trace {end}", f"last-write {LOOPS:#x} 2", f"hits {LOOPS:#x}", "profile"):
        assert "differs" not in monitor.execute(debugger, line)
    assert debugger.drive(Resume(backward=True, count=1)).kind is EventKind.STEPPED
    assert debugger.timeline.now == end - 1
    assert debugger.drive(Resume(backward=True)).kind is EventKind.HISTORY_START
    assert debugger.resume(Resume()) is WAITING
    assert debugger.timeline.now == end


def test_a_step_over_hlt_in_the_past_is_a_step() -> None:
    """Prevents a step that waits for ever for a key that was pressed long ago."""
    guest = pc(INPUTS["keyboard"][0], "reference")
    debugger = Debugger(guest.machine)
    debugger.resume(Resume())
    halted = debugger.timeline.now
    debugger.receive("keyboard", A_KEY)
    debugger.resume(Resume())
    debugger.seek(halted - 1)
    assert debugger.drive(Resume(count=1)).kind is EventKind.STEPPED
    assert debugger.timeline.now == halted


def test_an_input_that_wakes_nobody_leaves_it_waiting() -> None:
    """Prevents a machine that goes on without an interrupt, since some input has come."""
    guest = pc(out(0x21, 0xFF - 0x10) + RECEIVE + STI + LOOP, "reference")  # the keyboard is masked
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    assert timeline.run().reason is StopReason.WAITING
    halted = timeline.now
    for _ in range(3):
        timeline.receive("keyboard", A_KEY)
        assert timeline.run().reason is StopReason.WAITING
        assert timeline.now == halted
    timeline.seek(0)
    assert timeline.run().reason is StopReason.WAITING
    timeline.receive("com1", b"x")
    assert timeline.run().reason is StopReason.WAITING
    assert guest.word(LOOPS) == 1
    timeline.seek(0)
    assert timeline.run().reason is StopReason.WAITING
    assert guest.word(LOOPS) == 1


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_walks_over_hlt_find_each_instant_as_it_was(engine: str) -> None:
    """Prevents any difference between the past and what happened, where machines sleep."""
    random = Random(11)
    code = out(0x21, 0xED) + RECEIVE + STI + LOOP
    guest = pc(code, engine)
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    for _ in range(80):
        match random.randrange(5):
            case 0:
                timeline.receive("keyboard", bytes((random.randrange(128),)))
            case 1:
                timeline.receive("com1", bytes(random.randrange(1, 4)))
            case 2 | 3:
                timeline.run(random.choice((5, 60, 1000)))
            case _:
                timeline.seek(random.randint(timeline.start, timeline.end))
        fresh = pc(code, "reference")
        for entry in timeline.inputs():
            if entry.icount <= timeline.now:
                guests.run_to(fresh.machine, entry.icount)
                entry.apply(fresh.machine)
        guests.run_to(fresh.machine, timeline.now)
        assert guest.state() == fresh.state()


SOME = 3000
"""Instructions of a guest that waits: half a minute."""


def idle_at(slice_: int) -> list[int]:
    """Return where a guest that waits for a key is idle, if slices have so many instructions."""

    class Sliced(Pace):
        def _settle(self) -> None:
            self.interval = self.fine = self.far = MAX_INTERVAL
            self.slice = slice_

    machine = Pc(sector(bytes.fromhex("b400 cd16")), engine="reference").machine
    timeline = Timeline(machine, pace=Sliced())
    found = []
    while timeline.now < SOME:
        if timeline.run(SOME - timeline.now).reason is StopReason.IDLE:
            found.append(timeline.now)
    return found


@pytest.mark.parametrize("slice_", range(1, 24))
def test_a_guest_is_idle_at_the_same_instants_however_it_is_cut(slice_: int) -> None:
    """Prevents `wait-screen`, which looks whenever a guest is idle, from naming another instant
    where this computer is slower: an end of a slice hid that, so that it was told a tick later.
    """
    assert idle_at(slice_) == idle_at(1 << 20)
