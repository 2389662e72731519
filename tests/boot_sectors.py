"""PCs whose boot sector does what a test wants, on the BIOS and the devices."""

from __future__ import annotations

from blink16 import bios
from blink16.assembly import CLOCK_HZ
from blink16.bios.data_area import DataArea
from blink16.bios.disk import Disk
from blink16.bios.roms import OptionRom
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import CF, ZF, Registers
from blink16.devices import keys
from blink16.devices.video import Adapter
from blink16.machine import Machine
from blink16.memory import Attribute

EPOCH = 1_000_000_000 * 1_000_000_000  # 2001-09-09 01:46:40
SCREEN = 0xB8000
COUNTER = 0x600
HANDLER = 0x7D00
MAX_CALL = 1000
"""Instructions after which a call does not come back by itself: it waits."""
SECOND = CLOCK_HZ
"""Cycles in a second of the guest."""
LOOP = bytes.fromhex("ebfe")  # jmp $
HALT_FOREVER = bytes.fromhex("f4ebfd")  # again: hlt; jmp again
PUT_COUNTER = bytes.fromhex("2eff060006cf")  # inc word cs:[0600h]; iret


def sector(code: bytes) -> bytes:
    """Return a boot sector with this code."""
    return code.ljust(510, b"\0") + b"\x55\xaa"


def run_to_halt(machine: Machine, code: bytes, most: int = 1_000_000) -> None:
    """Run a PC until its boot sector, with this code, halts for ever: what comes then is ticks.

    ``most``: instructions that this may take.
    """
    halt = 0x7C00 + code.rindex(HALT_FOREVER)
    machine.memory.mark(halt, Attribute.BREAKPOINT)
    stop = machine.run(most)
    machine.memory.unmark(halt, Attribute.BREAKPOINT)
    assert stop.reason is StopReason.BREAKPOINT, stop


class Pc:
    """A booted machine whose boot sector does the interrupts that a test wants."""

    def __init__(
        self, image: bytes = sector(b""), drive: int = 0, engine: str = engines.DEFAULT
    ) -> None:
        self.machine = Machine(engine, epoch_ns=EPOCH)
        self.console = Console()
        self.shown: list[tuple[str, bytes]] = []
        self.notices: list[str] = []
        self.machine.on_output = lambda channel, data: self.shown.append((channel, data))
        self.machine.on_notice = self.notices.append
        bios.boot(self.machine, image, self.console, drive=drive)
        self.machine.run(1)  # the jump in ROM

    @property
    def registers(self) -> Registers:
        """The machine's registers."""
        return self.machine.registers

    @property
    def area(self) -> DataArea:
        """The BIOS data area."""
        return DataArea(self.machine.memory)

    def let_pass(self, seconds: float) -> None:
        """Run for so long in the guest's time, to the next instruction."""
        end = self.machine.cycles + round(seconds * SECOND)
        while self.machine.cycles < end:
            self.machine.run(max(1, (end - self.machine.cycles) // 100))

    def call(self, vector: int, ax: int = 0, **registers: int) -> Stop:
        """Do an interrupt and its service; whether it failed is CF."""
        r = self.registers
        self.machine.memory.write(0x7E00, bytes((0xCD, vector)))
        r.cs, r.ip, r.ax = 0, 0x7E00, ax
        r.flags &= ~(CF | ZF)
        for name, value in registers.items():
            setattr(r, name, value)
        for _ in range(MAX_CALL):
            stop = self.machine.run(1)
            if stop.reason is not StopReason.BUDGET or (r.cs, r.ip) == (0, 0x7E02):
                break
        return stop

    @property
    def failed(self) -> bool:
        """CF."""
        return bool(self.registers.flags & CF)

    def row(self, number: int) -> str:
        """Return a line of the screen."""
        return self.machine.memory.read(SCREEN + 160 * number, 160)[::2].decode("cp437").rstrip()


def hook(vector: int) -> bytes:
    """Let a vector lead to 0:7D00.  mov word [vector*4], 7D00h; mov word [vector*4+2], 0."""
    at = vector * 4
    return (
        b"\xc7\x06" + at.to_bytes(2, "little") + b"\x00\x7d"
        b"\xc7\x06" + (at + 2).to_bytes(2, "little") + b"\x00\x00"
    )


def program(code: bytes, handler: bytes = b"") -> bytes:
    """Return a boot sector with code, and a handler at 0:7D00."""
    return sector(code.ljust(HANDLER - 0x7C00, b"\x90") + handler)


def counter(machine: Pc) -> int:
    """Return how often the handler ran."""
    return machine.machine.memory.read_word(COUNTER)


def press(machine: Pc, chord: str) -> Stop:
    """Press keys together and let the guest take them."""
    machine.machine.receive("keyboard", keys.chord(chord))
    return machine.machine.run(SECOND // 2)


class Powered(Pc):
    """A PC with disks, ROMs and an adapter of the test's choice."""

    def __init__(
        self,
        disks: list[Disk],
        roms: list[OptionRom] | None = None,
        adapter: Adapter = Adapter.CGA,
        speed: int = SECOND,
        engine: str = engines.DEFAULT,
    ) -> None:
        self.machine = Machine(engine, epoch_ns=EPOCH, clock_hz=speed)
        self.console = Console()
        self.shown = []
        self.notices = []
        self.machine.on_output = lambda channel, data: self.shown.append((channel, data))
        self.machine.on_notice = self.notices.append
        bios.power_on(self.machine, self.console, disks, adapter=adapter, roms=roms or [])
