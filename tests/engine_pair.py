"""Two equal machines, one on the reference and one on the native engine, to be kept equal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from blink16 import Machine
from blink16.cpu.engine import NEVER, SOMEBODY, Stop, StopReason, at_once
from blink16.cpu.native.compiler import submit
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.translations import Translations
from blink16.cpu.registers import Cell
from blink16.memory import MEMORY_SIZE, Attribute


def translation_of(machine: Machine) -> Translations:
    """Return the regions of a native machine."""
    engine = machine.engine
    assert isinstance(engine, NativeEngine)
    assert engine.translation is not None
    return engine.translation


def translate_here(machine: Machine, ip: int | None = None) -> int:
    """Translate the code at CS:IP now, as if it were hot; return how many regions there are."""
    translation, registers = translation_of(machine), machine.registers
    ip = registers.ip if ip is None else ip
    machine.memory.scratch[:MEMORY_SIZE] = b"\x01" * MEMORY_SIZE  # all was jumped to once
    translation.hot(registers.cs, ip)
    submit(int).result()
    translation.see_host()
    translation.take_ready()
    return len(translation)


@dataclass
class Pair:
    """The machines; whatever is done is done to both."""

    reference: Machine
    native: Machine

    @classmethod
    def make(cls, cpu: str = "8086", *, fpu: bool = False) -> Pair:
        """Make bare machines, whose engines leave after each access to a port."""
        pair = cls(*(Machine.bare(engine, cpu, fpu=fpu) for engine in ("reference", "native")))
        for machine in pair:
            machine.engine.horizon, machine.engine.stirred = at_once, SOMEBODY
        return pair

    def __iter__(self) -> Iterator[Machine]:
        return iter((self.reference, self.native))

    def load(self, address: int, code: bytes, **registers: int) -> None:
        """Put bytes into memory and values into registers."""
        for machine in self:
            machine.memory.ram[address : address + len(code)] = code
            for name, value in registers.items():
                setattr(machine.registers, name, value)

    def mark(self, address: int, attribute: Attribute) -> None:
        """Set a breakpoint, watch or service."""
        for machine in self:
            machine.memory.mark(address, attribute)

    def run(
        self,
        budget: int,
        cycles: int | None = None,
        *,
        skip_first: bool = False,
        attention: bool = False,
        request: bool = False,
    ) -> Stop:
        """Run both engines, see that they did the same, and return why they stopped.

        ``cycles``: how many may pass; else there is no limit.
        """
        stops = []
        for machine in self:
            machine.registers.cells[Cell.ATTENTION] = attention
            machine.registers.cells[Cell.REQUEST] = request
            until = NEVER if cycles is None else machine.cycles + cycles
            stops.append(machine.engine.run(budget, until, skip_first=skip_first))
            machine.registers.cells[Cell.ATTENTION] = 0
        assert stops[1] == stops[0]
        self.compare()
        return stops[0]

    def compare(self) -> None:
        """See that both are in the same state, but for the RAM."""
        assert self.native.registers.save() == self.reference.registers.save()
        assert self.native.memory.touched == self.reference.memory.touched
        assert self.native.engine.between_rounds == self.reference.engine.between_rounds

    def compare_memory(self) -> None:
        """See that both have the same RAM, and agree on what was written since the checkpoint."""
        assert self.native.memory.ram == self.reference.memory.ram
        assert self.native.memory.written() == self.reference.memory.written()
        self.begin()

    def begin(self) -> None:
        """Record from now on what is written, as at a checkpoint."""
        for machine in self:
            machine.memory.begin()


# -- random programs ---------------------------------------------------------------------------

_BINARY = (0, 1, 2, 3, 8, 0x11, 0x13, 0x18, 0x1B, 0x20, 0x29, 0x33, 0x38, 0x3B, 0x84, 0x87, 0x88)
_UNARY = (0x8A, 0x8B, 0x8D, 0xD0, 0xD1, 0xD2, 0xD3, 0xFE, 0xF6, 0xF7)
_PLAIN = (0xA4, 0xA5, 0xA6, 0xAA, 0xAC, 0xAE, 0x98, 0x99, 0x9C, 0x9E, 0xF5, 0xF8, 0xFC, 0xFD, 0xD7)
_PORTS = (0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF)
_ODD = (0xD6, 0x27, 0x2F, 0x37, 0x3F, 0x1F, 0x1E, 0x17, 0xCE, 0xC3, 0xF3, 0x9D, 0xFB, 0xF4)
PROGRAM_AT, PROGRAM_SIZE = 0x1000, 0x200


_LATER = (0x60, 0x61, 0x62, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0xC0, 0xC1, 0xC8, 0xC9)
"""Opcodes that the 80186 has added."""


def random_program(choose: random.Random, ports: bool = False, *, later: bool = False) -> bytes:
    """Return code that computes, branches near and loops, and sometimes goes astray.

    ``ports``: whether it has many accesses to ports.  ``later``: and what the 80186 has added.
    """
    code = bytearray()
    while len(code) < PROGRAM_SIZE:
        if later and choose.random() < 0.2:
            code += bytes((choose.choice(_LATER), 0xC0 | choose.randrange(64), choose.randrange(8)))
            continue
        modrm = choose.choice((0xC0 | choose.randrange(64), choose.randrange(256)))
        kind = choose.randrange(20)
        if ports and choose.random() < 0.2:
            code.append(choose.choice(_PORTS))
        elif kind < 8:
            code += bytes((choose.choice(_BINARY + _UNARY), modrm)) + choose.randbytes(2)
        elif kind < 10:
            code += bytes((choose.choice((0x80, 0x81, 0x83, 0xC7)), modrm)) + choose.randbytes(3)
        elif kind < 13:
            code.append(0x40 + choose.randrange(32))
        elif kind < 17:
            jump = choose.choice((0x70 + choose.randrange(16), 0xE2, 0xE3, 0xEB))
            code += bytes((jump, choose.choice((choose.randrange(12), 216 + choose.randrange(40)))))
        elif kind < 18:
            distance = choose.randrange(PROGRAM_SIZE) - len(code) - 3
            code += b"\xe8" + (distance & 0xFFFF).to_bytes(2, "little")
        else:
            code.append(choose.choice(_PLAIN + _ODD))
    return bytes(code[:PROGRAM_SIZE])


def random_pair(choose: random.Random, ports: bool = False, cpu: str = "8086") -> Pair:
    """Return machines with a program and random registers, memory and points."""
    pair = Pair.make(cpu)
    memory = bytearray(choose.randbytes(MEMORY_SIZE) if choose.random() < 0.5 else MEMORY_SIZE)
    place = choose.choice(("program", "program", "anywhere", "segment end", "memory end"))
    cs, ip = choose.randrange(0x10000), choose.randrange(0x10000)
    if place == "program":
        cs, ip = 0, PROGRAM_AT + choose.randrange(64)
        memory[PROGRAM_AT : PROGRAM_AT + PROGRAM_SIZE] = random_program(
            choose, ports, later=cpu in ("80186", "80286")
        )
    elif place == "segment end":
        ip = 0x10000 - choose.randrange(1, 30)
    elif place == "memory end":
        cs = 0xF800 + choose.randrange(0x800)
        ip = (0x100000 - (cs << 4) - choose.randrange(30)) & 0xFFFF
    names = ("ax", "bx", "dx", "si", "di", "bp", "sp", "ds", "es", "ss")
    edges = (0, 1, 0xFFFF, 0xFFFE, 0x7FFF)
    values = {n: choose.choice((choose.randrange(0x10000), choose.choice(edges))) for n in names}
    flags = choose.randrange(0x10000) & (0xFFFF if choose.random() < 0.05 else 0xFEFF)
    values |= {"cs": cs, "ip": ip, "cx": choose.randrange(40), "flags": flags}
    pair.load(0, bytes(memory), **values)
    near = ((cs << 4) + ip) & 0xFFFFF
    for _ in range(choose.choice((0, 0, 20))):
        address = choose.choice((choose.randrange(MEMORY_SIZE), near + choose.randrange(100)))
        pair.mark(address % MEMORY_SIZE, choose.choice(_POINTS))
    pair.begin()
    return pair


_POINTS = (
    Attribute.BREAKPOINT,
    Attribute.SERVICE,
    Attribute.WATCH_READ,
    Attribute.WATCH_WRITE,
)


def drive(pair: Pair, choose: random.Random, steps: int, translating: bool) -> int:
    """Run both by random budgets, past every stop; return the most regions seen."""
    regions = 0
    for _ in range(steps):
        if translating and choose.random() < 0.3:
            regions = max(regions, translate_here(pair.native))
        budget = choose.choice((0, 1, 1, 2, 3, 5, 10, 50, 300))
        skip, attention = choose.random() < 0.7, choose.random() < 0.03
        request = choose.random() < 0.5
        cycles = choose.choice((None, None, 1, choose.randrange(50), choose.randrange(3000)))
        stop = pair.run(budget, cycles, skip_first=skip, attention=attention, request=request)
        for machine in pair:
            machine.registers.cells[Cell.HALTED] = 0
            machine.registers.cx &= 0x3F  # the reference needs long for a REP of many rounds
            if stop.reason is StopReason.LOCKUP:
                machine.registers.ip = PROGRAM_AT
    pair.compare_memory()
    return regions
