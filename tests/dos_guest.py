"""A DOS machine for tests, whose program does nothing but the calls that a test makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from blink16 import bios, dos
from blink16.assembly import ROM_SEGMENT
from blink16.bios.rom import CODE_OFFSET
from blink16.console import Console
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import CF, Registers
from blink16.dos.system import VERSION
from blink16.dos.volume import Volume
from blink16.hostfs.files import FileTree
from blink16.machine import Machine
from blink16.memory import linear

CALLER = b"\xcd\x21\xeb\xfc"  # again: int 21h; jmp again
MAX_IN_ROM = 100
"""Instructions of routines in ROM that a call goes on with."""
SCRATCH = 0x4000
"""An offset in the program's segment that tests use."""


@dataclass
class DosGuest:
    """A machine with a DOS program, and what it has shown."""

    root: Path
    image: bytes = CALLER
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "C:\\"})
    writable: bool = False
    name: str = "prog.com"
    version: tuple[int, int] = VERSION
    drives: tuple[Volume, ...] = ()
    """Beside C."""
    epoch_ns: int = 1_000_000_000 * 1_000_000_000  # 2001-09-09 01:46:40, a Sunday

    def __post_init__(self) -> None:
        self.machine = Machine(epoch_ns=self.epoch_ns)
        self.console = Console()
        self.shown: list[tuple[str, bytes]] = []
        self.notices: list[str] = []
        self.machine.on_output = lambda channel, data: self.shown.append((channel, data))
        self.machine.on_notice = self.notices.append
        self.files = FileTree(self.root, writable=self.writable, effect=self.machine.effect)
        standing = bios.stand_by(self.machine, self.console)
        self.machine.add_component(FileTree.COMPONENT, self.files)
        start = dos.Surroundings(
            "C:\\" + self.name.upper(), self.arguments, self.environment, version=self.version
        )
        volumes = [Volume(self.files), *self.drives]
        self.dos = dos.load(self.machine, standing, self.image, start, volumes, self.console)
        self.psp = self.machine.registers.ds

    @property
    def registers(self) -> Registers:
        """The machine's registers."""
        return self.machine.registers

    def output(self, channel: str = "console") -> bytes:
        """Everything shown on a channel."""
        return b"".join(data for where, data in self.shown if where == channel)

    def put(self, data: bytes, offset: int = SCRATCH) -> int:
        """Put bytes into the program's segment, and return where."""
        self.machine.memory.write(linear(self.psp, offset), data)
        return offset

    def get(self, length: int, offset: int = SCRATCH) -> bytes:
        """Return bytes of the program's segment."""
        return self.machine.memory.read(linear(self.psp, offset), length)

    def path(self, path: str, offset: int = SCRATCH) -> int:
        """Put a path there as DOS wants it."""
        return self.put(path.encode("cp437") + b"\0", offset)

    def call(self, ax: int, **registers: int) -> bool:
        """Do INT 21h; return whether it failed (CF).  It must not wait or end."""
        stop = self.try_call(ax, **registers)
        assert stop.reason is StopReason.BUDGET, stop
        return bool(self.registers.flags & CF)

    def try_call(self, ax: int, **registers: int) -> Stop:
        """Do INT 21h from the program's start, and say how that ended."""
        r = self.registers
        r.cs, r.ip, r.ax = self.psp, 0x100, ax
        r.flags &= ~CF
        for name, value in registers.items():
            setattr(r, name, value)
        stop = self.machine.run(2)
        for _ in range(MAX_IN_ROM):
            in_routine = r.cs == ROM_SEGMENT and r.ip >= CODE_OFFSET
            if stop.reason is not StopReason.BUDGET or not in_routine:
                break
            stop = self.machine.run(1)
        return stop
