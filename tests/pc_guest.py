"""A PC for tests: devices as after the power-on self-test, a program, and what it has shown."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from blink16.assembly import Snapshot
from blink16.cpu import engines
from blink16.devices.cards import XT, Cards
from blink16.devices.pc import IRQ_BASE, PcDevices
from blink16.devices.video import Adapter
from blink16.machine import Machine

CODE = 0x0500
HANDLERS = 0x0800
STACK = 0x7000
DATA = 0x4000
"""Where programs count: a word for each interrupt."""
CLOCK_HZ = 1_000_000
"""A round number of cycles a second."""
KEEP = 0x100
"""Bytes for each handler."""


def machine_on(engine: str, *, clock_hz: int = CLOCK_HZ, fpu: bool = False) -> Machine:
    """Return a machine, or skip the test where this host hasn't got the engine."""
    try:
        return Machine(engine, clock_hz=clock_hz, fpu=fpu)
    except ValueError as error:
        pytest.skip(str(error))


@dataclass
class PcGuest:
    """A machine with a PC's devices, about to execute ``code`` at 0:0500 with IF clear."""

    code: bytes = b""
    handlers: dict[int, bytes] = field(default_factory=dict)
    """Interrupt handlers by IRQ."""
    engine: str = engines.DEFAULT
    clock_hz: int = CLOCK_HZ
    cards: Cards = XT
    adapter: Adapter = Adapter.CGA
    fpu: bool = False

    def __post_init__(self) -> None:
        self.machine = machine_on(self.engine, clock_hz=self.clock_hz, fpu=self.fpu)
        self.devices = PcDevices(self.machine, cards=self.cards, adapter=self.adapter)
        self.devices.post(self.machine, at=self.cards.at)
        self.machine.idle_after = 1 << 62  # programs that only wait are what is tested
        self.shown: dict[str, bytes] = {}
        self.machine.on_output = self._show
        self.machine.memory.write(CODE, self.code)
        for irq, handler in self.handlers.items():
            where = HANDLERS + irq * KEEP
            self.machine.memory.write(where, handler)
            self.machine.set_vector(IRQ_BASE + irq, 0, where)
        self.machine.registers.ip = CODE
        self.machine.registers.sp = STACK

    def _show(self, channel: str, data: bytes) -> None:
        self.shown[channel] = self.shown.get(channel, b"") + data

    def word(self, address: int) -> int:
        """Return a word of memory."""
        return self.machine.memory.read_word(address)

    def state(self) -> tuple[Snapshot, bytes]:
        """All of the machine's state."""
        return self.machine.save(), bytes(self.machine.memory.ram)

    def out(self, port: int, *values: int) -> None:
        """Write to a port from outside of the program."""
        for value in values:
            self.machine.bus.write(port, value)

    def in_(self, port: int) -> int:
        """Read a port from outside of the program."""
        return self.machine.bus.read(port)


def out(port: int, value: int) -> bytes:
    """Mov dx, port; mov al, value; out dx, al."""
    return b"\xba" + port.to_bytes(2, "little") + bytes((0xB0, value, 0xEE))


EOI = bytes.fromhex("b020e620")  # mov al, 20h; out 20h, al
IRET, STI, CLI, HLT, NOP = b"\xcf", b"\xfb", b"\xfa", b"\xf4", b"\x90"
FOREVER = b"\xeb\xfe"  # jmp $
PUSH_AX, POP_AX = b"\x50", b"\x58"


def count(address: int) -> bytes:
    """Inc word [address]."""
    return b"\xff\x06" + address.to_bytes(2, "little")


def handler(body: bytes) -> bytes:
    """Return an interrupt handler that keeps AX and ends the interrupt."""
    return PUSH_AX + body + EOI + POP_AX + IRET
