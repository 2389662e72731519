"""ELKS programs for tests: made by hand, loaded into a machine, asked for system calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from blink16 import elks
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.engine import Stop
from blink16.elks.aout import Executable, build
from blink16.hostfs.files import FileTree
from blink16.machine import Machine
from blink16.memory import linear
from blink16.symbols import SymbolTable

EPOCH = 1_000_000_000
INT80_FOR_EVER = bytes((0xCD, 0x80, 0xEB, 0xFC))
SCRATCH = 0x100
"""Where in its data `ElksGuest.call` finds room for arguments."""


@dataclass
class ElksGuest:
    """A machine with an ELKS program in it, and what it has shown."""

    machine: Machine
    console: Console
    files: FileTree
    symbols: SymbolTable
    shown: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def run(self, budget: int = 1_000_000) -> Stop:
        """Run the program."""
        return self.machine.run(budget)

    def call(self, number: int, bx: int = 0, cx: int = 0, dx: int = 0) -> int:
        """Let a program of `INT80_FOR_EVER` make a system call; return AX, signed."""
        registers = self.machine.registers
        registers.ax, registers.bx, registers.cx, registers.dx = number, bx, cx, dx
        self.machine.run(3)
        return registers.ax - 0x10000 if registers.ax & 0x8000 else registers.ax

    def put(self, text: str | bytes, offset: int = SCRATCH) -> int:
        """Store a string with a NUL behind it in the data segment; return its offset."""
        data = text.encode() if isinstance(text, str) else text
        self.machine.memory.write(self.address(offset), data + b"\0")
        return offset

    def get(self, offset: int, length: int) -> bytes:
        """Read the data segment."""
        return self.machine.memory.read(self.address(offset), length)

    def address(self, offset: int) -> int:
        """Return the linear address of an offset in the data segment."""
        return linear(self.machine.registers.ds, offset)


def start(
    program: Executable | bytes,
    root: Path,
    arguments: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
    engine: str = engines.DEFAULT,
) -> ElksGuest:
    """Return a machine in which a program stands at its entry point."""
    image = program if isinstance(program, bytes) else build(program)
    machine, console = Machine(engine, epoch_ns=EPOCH * 1_000_000_000), Console()
    files = FileTree(root, writable=False, effect=machine.effect, clock=lambda: EPOCH)
    argv = ["prog", *arguments]
    symbols = elks.load(machine, image, argv, environment or {}, files, console)
    guest = ElksGuest(machine, console, files, symbols)

    def show(channel: str, data: bytes) -> None:
        guest.shown[channel] = guest.shown.get(channel, b"") + data

    machine.on_output = show
    machine.on_notice = guest.told.append
    return guest


def caller(root: Path) -> ElksGuest:
    """Return a guest that can `call`."""
    program = Executable(INT80_FOR_EVER, data=bytes(0x400), heap=0x1000, stack=0x800)
    return start(program, root)
