"""Small guests for tests of time travel: a bare machine with a console and a few services."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from blink16.assembly import Snapshot
from blink16.console import Console
from blink16.cpu import models
from blink16.cpu.engine import Stop, StopReason
from blink16.history.inputs import Input, Received
from blink16.history.pace import Pace
from blink16.machine import Machine
from blink16.services import DONE, WAIT, Exit, Guest, Outcome, Trap

ENGINES = ("reference", "native")
"""Time travel must be exact on each of them."""
CODE = 0x100
READ, WRITE, TRAP, FAULT, EXIT = 0x20, 0x21, 0x22, 0x23, 0x24
"""Interrupts: AL from the console; AL to the console; a trap that can be passed; one that
can't; the end of the program with status AL."""


class TestPace(Pace):
    """Checkpoints every few instructions, so that short runs have many."""

    __test__ = False

    def _settle(self) -> None:
        self.interval, self.fine, self.far, self.slice = 23, 4, 8, 40


@dataclass
class TestGuest:
    """A machine and what it has shown."""

    __test__ = False

    machine: Machine
    shown: bytearray

    def state(self) -> tuple[Snapshot, bytes]:
        """All of the machine's state."""
        return self.machine.save(), bytes(self.machine.memory.ram)


def make(
    code: bytes, engine: str = "reference", *, cpu: str = models.DEFAULT.name, fpu: bool = False
) -> TestGuest:
    """Return a guest about to execute ``code`` at 0:0100."""
    machine = Machine.bare(engine, cpu, fpu=fpu)
    console = Console()
    machine.add_component(Console.CHANNEL, console)

    def read(guest: Guest) -> Outcome:
        data = console.read(1)
        if data is None:
            return WAIT
        guest.registers.ax = data[0] if data else 0xFFFF
        return DONE

    def write(guest: Guest) -> Outcome:
        guest.output(Console.CHANNEL, bytes((guest.registers.al,)))
        return DONE

    def leave(guest: Guest) -> Outcome:
        return Exit(guest.registers.al)

    machine.hang_service(READ, read)
    machine.hang_service(WRITE, write)
    machine.hang_service(TRAP, lambda guest: Trap(5, "trap", resumable=True))
    machine.hang_service(FAULT, lambda guest: Trap(8, "fault"))
    machine.hang_service(EXIT, leave)
    machine.memory.write(CODE, code)
    machine.registers.ip = CODE
    machine.registers.sp = 0x8000
    machine.registers.bx = 0x3000
    machine.registers.si = 0x3100
    machine.registers.di = 0x3200
    shown = bytearray()
    machine.on_output = lambda channel, data: shown.extend(data)
    return TestGuest(machine, shown)


def replay(
    code: bytes, inputs: list[Input], icount: int, engine: str = "reference", *, fpu: bool = False
) -> TestGuest:
    """Return a fresh guest run to ``icount``, with inputs at their times."""
    guest = make(code, engine, fpu=fpu)
    for entry in inputs:
        if entry.icount <= icount:
            run_to(guest.machine, entry.icount)
            entry.apply(guest.machine)
    run_to(guest.machine, icount)
    return guest


def run_to(machine: Machine, icount: int) -> Stop | None:
    """Run to an instruction count and no further."""
    stop = None
    while machine.icount < icount:
        before = machine.icount
        stop = machine.run(icount - before, skip_breakpoint=True, through_traps=True)
        assert machine.icount > before or stop.reason is StopReason.INTERRUPTED, stop
    return stop


def received(text: bytes, icount: int = 0) -> Received:
    """Return console input as the log has it."""
    return Received(icount, Console.CHANNEL, text)


FRAGMENTS = [
    bytes((0xCD, READ)),
    bytes((0xCD, WRITE)),
    bytes((0xCD, TRAP)),
    bytes.fromhex("40"),  # inc ax
    bytes.fromhex("43"),  # inc bx
    bytes.fromhex("0107"),  # add [bx], ax
    bytes.fromhex("8907"),  # mov [bx], ax
    bytes.fromhex("8b07"),  # mov ax, [bx]
    bytes.fromhex("81c30101"),  # add bx, 101h
    bytes.fromhex("b90500f3a4"),  # mov cx, 5; rep movsb
    bytes.fromhex("b90300f3ab"),  # mov cx, 3; rep stosw
    bytes.fromhex("50"),  # push ax
    bytes.fromhex("5a"),  # pop dx
    bytes.fromhex("01d0"),  # add ax, dx
    bytes.fromhex("d1e0"),  # shl ax, 1
    bytes.fromhex("7502"),  # jnz over two bytes, into an instruction or not
    bytes.fromhex("ff060040"),  # inc word [4000h]
    bytes.fromhex("fe07"),  # inc byte [bx]
    bytes.fromhex("9c"),  # pushf
    bytes.fromhex("f7e2"),  # mul dx
]
"""Harmless instructions, single or few."""


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Draw a loop of harmless fragments, now and then with any bytes at all among them."""
    parts = st.sampled_from(FRAGMENTS) | st.binary(min_size=1, max_size=3)
    body = b"".join(draw(st.lists(parts, min_size=3, max_size=30)))
    back = -(len(body) + 3) & 0xFFFF
    return body + b"\xe9" + back.to_bytes(2, "little")
