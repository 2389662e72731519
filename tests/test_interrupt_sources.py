"""A boot sector for each source of interrupts: both engines, every instruction, back in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from boot_sectors import COUNTER, EPOCH, HANDLER, LOOP, hook, program
from guests import ENGINES, TestPace
from pc_guest import EOI, IRET, POP_AX, PUSH_AX, count, handler, machine_on, out

from blink16 import bios
from blink16.assembly import Snapshot
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.devices import keys
from blink16.devices.nmi import CHANNEL_ERROR
from blink16.history import Timeline
from blink16.machine import Machine

SPEED = 16 * 20_000
"""Instructions a second: 200 between two scan codes, 60 cycles of the timer in each."""
IN_CS = b"\x2e"
"""A prefix: as on the IBM BIOS, INT 1Ch comes with DS at the data area."""
LENGTH = 700
DONE = COUNTER + 2
STORE = COUNTER + 0x10
"""Where handlers put what they read, by the number of interrupts before."""
COUNTED = count(COUNTER)
PUT_AL = b"\x8b\x1e" + COUNTER.to_bytes(2, "little") + b"\x88\x87" + STORE.to_bytes(2, "little")
"""Mov bx, [COUNTER]; mov [bx + STORE], al."""
ACKNOWLEDGE_KEY = bytes.fromhex("e4618ae00c80e6618ac4e661")
FAST_TIMER = out(0x43, 0x34) + out(0x40, 0x00) + out(0x40, 0x08)  # mode 2, 2048 cycles: 34 steps
FAST_BIOS_TIMER = out(0x43, 0x36) + out(0x40, 0x00) + out(0x40, 0x20)  # mode 3, 137 steps
FASTEST_LINE = out(0x3FB, 0x83) + out(0x3F8, 1) + out(0x3F9, 0) + out(0x3FB, 3)
SLOW_LINE_2 = out(0x2FB, 0x83) + out(0x2F8, 24) + out(0x2F9, 0) + out(0x2FB, 3)  # 42 steps a byte


def com_handler(base: int, body: bytes) -> bytes:
    """Return a handler that stores IIR, does ``body`` with DX at the data port, and counts."""
    iir = b"\xba" + (base + 2).to_bytes(2, "little") + b"\xec" + PUT_AL  # mov dx, IIR; in al, dx
    return (
        PUSH_AX + b"\x52\x53" + iir + b"\xba" + base.to_bytes(2, "little") + body
        + COUNTED + EOI + b"\x5b\x5a" + POP_AX + IRET
    )  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A boot sector that has an interrupt happen, and how often it must."""

    vector: int
    code: bytes
    handler: bytes
    times: range
    """How often within LENGTH instructions."""
    inputs: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """What comes from outside, by instruction count."""
    stored: bytes = b""
    """What the handler's first rounds must have stored."""
    printed: bytes = b""
    """What must begin to be printed."""

    @property
    def image(self) -> bytes:
        """The boot sector."""
        return program(hook(self.vector) + self.code, self.handler)


def once(vector: int, code: bytes) -> Source:
    """Return a source that an instruction causes, once."""
    return Source(vector, code + count(DONE) + LOOP, COUNTED + IRET, range(1, 2))


CHORDS = {
    "print screen": (0x05, "shift-prtsc"),
    "Ctrl-Break": (0x1B, "ctrl-break"),
}
SOURCES = {
    "divide": once(0x00, bytes.fromhex("b80100b300f6f3")),  # mov ax, 1; mov bl, 0; div bl
    "divide overflow": once(0x00, bytes.fromhex("ba0100b80000bb0100f7f3")),  # div bx of 10000h
    "trap": Source(
        0x01,
        # pushf; pop ax; or ah, 1; push ax; popf; four NOPs; and ah, FEh; push ax; popf
        bytes.fromhex("9c5880cc01509d 90909090 80e4fe509d") + LOOP,
        COUNTED + IRET,
        range(6, 7),  # behind the instruction after POPF, and so on until POPF clears it
    ),
    "breakpoint": once(0x03, b"\xcc"),
    "overflow": once(0x04, bytes.fromhex("b07f0401ce")),  # mov al, 7Fh; add al, 1; into
    "int 60h": once(0x60, b"\xcd\x60"),
    **{
        name: Source(
            vector, LOOP, COUNTED + IRET, range(1, 2), {20: ("keyboard", keys.chord(chord))}
        )
        for name, (vector, chord) in CHORDS.items()
    },
    "timer": Source(0x08, FAST_TIMER + LOOP, handler(COUNTED), range(18, 25)),
    "user timer": Source(0x1C, FAST_BIOS_TIMER + LOOP, IN_CS + COUNTED + IRET, range(4, 7)),
    "keyboard": Source(
        0x09,
        LOOP,
        handler(b"\x53\xe4\x60" + PUT_AL + ACKNOWLEDGE_KEY + COUNTED + b"\x5b"),
        range(4, 5),
        {30: ("keyboard", b"\x1e\x9e\x1f"), 500: ("keyboard", b"\x9f")},
        b"\x1e\x9e\x1f\x9f",
    ),
    "COM1 receives": Source(
        0x0C,
        FASTEST_LINE + out(0x21, 0xEF) + out(0x3FC, 0x0B) + out(0x3F9, 0x01) + LOOP,
        com_handler(0x3F8, b"\xec\x40\xee"),  # in al, dx; inc ax; out dx, al
        range(8, 9),
        {60: ("com1", b"HAL-9000")},
        bytes((4,)) * 8,
        b"IBM.:111",
    ),
    "COM2 sends": Source(
        0x0B,
        SLOW_LINE_2 + out(0x21, 0xF7) + out(0x2FC, 0x0B) + out(0x2F9, 0x02) + LOOP,
        com_handler(0x2F8, b"\xb0\x55\xee"),  # mov al, 'U'; out dx, al
        range(8, 18),
        {},
        bytes((2,)) * 4,
        b"UUUU",
    ),
    "COM1's four, by priority": Source(
        0x0C,
        # loop back: a byte, an overrun, an empty holding register and changed modem lines wait
        FASTEST_LINE + out(0x3FC, 0x1A) + out(0x3F8, 0x41) + b"\x90" * 8 + out(0x3F8, 0x42)
        + b"\x90" * 8 + out(0x3FC, 0x0B) + out(0x21, 0xEF) + out(0x3F9, 0x0F) + LOOP,
        # LSR, the byte, IIR itself and MSR are read in turn; OUT2 off and on makes a new edge
        PUSH_AX + b"\x52\x53"
        + b"\xba\xfa\x03\xec" + PUT_AL  # IIR
        + bytes.fromhex("3c067504 bafd03ec 3c047504 baf803ec 3c007504 bafe03ec")
        + out(0x3FC, 0x03) + out(0x3FC, 0x0B)
        + COUNTED + EOI + b"\x5b\x5a" + POP_AX + IRET,
        range(4, 5),
        {},
        bytes((6, 4, 2, 0)),
    ),
    "printer": Source(
        0x0F,
        out(0x21, 0x7F)
        + (out(0x378, ord("P")) + out(0x37A, 0x1D) + out(0x37A, 0x1C)) * 3
        + LOOP,
        handler(COUNTED),
        range(3, 4),
        {},
        b"",
        b"PPP",
    ),
    "NMI": Source(
        0x02,
        b"\xfa" + LOOP,
        PUSH_AX + COUNTED + bytes.fromhex("e4610c30e66124cfe661") + POP_AX + IRET,
        range(2, 3),
        {100: ("nmi", bytes((CHANNEL_ERROR,))), 300: ("nmi", bytes((CHANNEL_ERROR,)))},
    ),
}  # fmt: skip


class Run:
    """A PC that runs a source's boot sector, step by step, with its history."""

    def __init__(self, source: Source, engine: str) -> None:
        self.machine: Machine = machine_on(engine, clock_hz=SPEED)
        self.machine.epoch_ns = EPOCH
        self.printed = b""
        self.machine.on_output = self._print
        bios.boot(self.machine, source.image, Console())
        self.timeline = Timeline(self.machine, pace=TestPace())
        self._inputs = source.inputs

    def _print(self, channel: str, data: bytes) -> None:
        self.printed += data

    def state(self) -> tuple[Snapshot, bytes]:
        """All of the machine's state."""
        return self.machine.save(), bytes(self.machine.memory.ram)

    def steps(self, count: int) -> list[bytes]:
        """Run instruction by instruction; return the registers after each."""
        trace = []
        for _ in range(count):
            if self.timeline.now in self._inputs:
                self.timeline.receive(*self._inputs[self.timeline.now])
            assert self.timeline.run(1).reason in (StopReason.BUDGET, StopReason.RESTARTED)
            trace.append(self.machine.registers.save())
        return trace

    def bulk(self, count: int) -> None:
        """Run with as few stops as there can be."""
        for at in [*self._inputs, count]:
            self.timeline.run(at - self.timeline.now)
            if at in self._inputs:
                self.timeline.receive(*self._inputs[at])

    def in_handler(self) -> bool:
        """Whether CS:IP is in the boot sector's handler, but not at its beginning."""
        return HANDLER < self.machine.pc < HANDLER + 0x80

    def word(self, address: int) -> int:
        """Return a word of memory."""
        return self.machine.memory.read_word(address)


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_interrupts_alike_on_both_engines(name: str) -> None:
    """Prevents an interrupt that is lost, doubled, late, or that differs between the engines."""
    source = SOURCES[name]
    stepped = [Run(source, engine) for engine in ENGINES]
    traces = [run.steps(LENGTH) for run in stepped]
    assert traces[1] == traces[0]
    states = [run.state() for run in stepped]
    for engine in ENGINES:
        run = Run(source, engine)
        run.bulk(LENGTH)
        states.append(run.state())
    assert all(state == states[0] for state in states)
    run = stepped[0]
    assert run.word(COUNTER) in source.times
    stored = run.machine.memory.read(STORE, len(source.stored))
    assert stored == source.stored
    assert run.printed.startswith(source.printed)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SOURCES)
def test_time_travel_goes_into_the_middle_of_each_handler(name: str, engine: str) -> None:
    """Prevents a past in which an interrupt comes at another instant or from another source."""
    run = Run(SOURCES[name], engine)
    known: dict[int, tuple[Snapshot, bytes]] = {}
    for _ in range(LENGTH):
        run.steps(1)
        if run.in_handler() and len(known) < 6:
            known[run.timeline.now] = run.state()
    known[run.timeline.now] = run.state()
    assert len(known) > 1
    printed = run.printed
    for icount in (*known, *reversed(known)):
        run.timeline.seek(icount)
        assert run.state() == known[icount]
    middle = min(known)
    run.timeline.seek(middle - 1)
    assert run.timeline.run(1).reason is StopReason.BUDGET
    assert run.state() == known[middle]
    run.timeline.seek(run.timeline.end)
    assert run.state() == known[run.timeline.end]
    assert run.printed == printed


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_alt_del_boots_anew_and_can_be_undone(engine: str) -> None:
    """Prevents a warm boot from which there is no way back."""
    keys_at_50 = {50: ("keyboard", keys.chord("ctrl-alt-del"))}
    run = Run(Source(0x60, count(COUNTER) + LOOP, IRET, range(0), keys_at_50), engine)
    run.steps(300)
    before = run.state()
    assert run.word(COUNTER) == 1
    run.steps(LENGTH)
    end, after = run.timeline.now, run.state()
    assert run.word(COUNTER) == 2
    run.timeline.seek(300)
    assert run.state() == before
    run.timeline.seek(end)
    assert run.state() == after
