"""Lets guests call their systems with any registers and any memory."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from blink16.cpu.engine import StopReason
from blink16.memory import linear
from fuzz.harness import BrokenError, Case, Fuzzer
from fuzz.machines import PCS, load, sandbox

CALLS = 3000
ROM_SEGMENT = 0xF000
"""Calls of one guest."""
VECTORS = {
    "elks": (0x80,),
    "com": (0x21, 0x21, 0x21, 0x21, 0x10, 0x16, 0x1A, 0x20, 0x25, 0x26, 0x27, 0x29, 0x2F, 0x33),
    "boot": (0x10, 0x11, 0x12, 0x13, 0x13, 0x14, 0x15, 0x16, 0x17, 0x19, 0x1A),
}
VECTORS |= dict.fromkeys(("i186", "i286"), VECTORS["com"]) | dict.fromkeys(PCS, VECTORS["boot"])
POINTERS = (0x1D, 0x1E, 0x1F, 0x41, 0x43, 0x44, 0x46, 0x4F)
"""Vectors that lead to tables."""
NAMES: tuple[bytes, ...] = (
    b"file.txt",
    b"sub/other",
    b"SUB\\OTHER",
    b"/etc/passwd",
    b"../secret",
    b"out",
    b"new",
    b"",
)
NAMES += (
    b"*.*",
    b"????????.???",
    b"A" * 200,
    b"CON",
    b"NUL",
    b"C:\\..\\..\\secret",
    b"\xff\xfe",
    b".",
)
_EDGES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFF0, 0xFFFE, 0xFFFF)
_REGISTERS = ("bx", "cx", "dx", "si", "di", "bp", "ds", "es")


def generate(random: Random) -> Case:
    """Make calls: a vector, AX, the other registers, and a text where DS:DX and DS:BX point."""
    kind = random.choice(tuple(VECTORS))
    calls = []
    for _ in range(CALLS):
        vector = random.choice(VECTORS[kind])
        ax = random.randrange(0x100) if kind == "elks" else random.getrandbits(16)
        if kind == "com" and vector == 0x21 and random.random() < 0.9:
            ax = random.randrange(0x6D) << 8 | random.choice((0, 1, 2, 3, random.getrandbits(8)))
        values = [_value(random) for _ in _REGISTERS]
        calls.append([vector, ax, values, random.choice(NAMES).hex(), *_poke(random)])
    return [kind, random.choice(("reference", "native")), calls]


def _poke(random: Random) -> list[Any]:
    """Return an address and what is written there before a call, if anything is: where the BIOS
    and DOS keep what they know.
    """
    data = random.randbytes(random.choice((1, 1, 2, 4))).hex()
    match random.randrange(40):
        case 0:
            return [0x400 + random.randrange(0x100), data]
        case 1:
            return [0x449 + random.randrange(30), data]
        case 2:
            return [4 * random.choice(POINTERS), random.randbytes(4).hex()]
        case 3:  # from the program's block of memory on
            return [random.randrange(0x500, 0x2000), data]
    return []


def _value(random: Random) -> int | None:
    """Return what a register is to be; None for as it is."""
    if random.random() < 0.4:
        return None
    return random.choice(_EDGES) if random.random() < 0.5 else random.getrandbits(16)


def run(case: Case) -> int:
    """Make the calls, one after the other; what has ended is started anew."""
    kind, engine, calls = case
    with sandbox() as root:
        guest = _Caller(kind, engine, root)
        for vector, ax, values, name, *poke in calls:
            if poke and kind != "elks":
                guest.machine.memory.write(poke[0], bytes.fromhex(poke[1]))
            if guest.call(vector, ax, values, bytes.fromhex(name)) in _OVER or guest.is_nobody:
                guest.machine.save()
                guest = _Caller(kind, engine, root)
        guest.machine.save()
    return len(calls)


_OVER = (StopReason.EXITED, StopReason.TRAPPED, StopReason.HALT)


class _Caller:
    """A machine whose program does nothing but call."""

    def __init__(self, kind: str, engine: str, root: Path) -> None:
        loaded = load(kind, engine, root)
        self.machine = loaded.machine
        self._returns = kind == "elks"
        """Whether the next call is made where the last came back to: maybe in another process."""
        loaded.console.receive(b"some input\r\n" * 4)
        self._start = self.machine.registers.save()

    @property
    def is_nobody(self) -> bool:
        """Whether all processes wait, so that none can call."""
        return self._returns and self.machine.registers.cs >= ROM_SEGMENT

    def call(self, vector: int, ax: int, values: list[int | None], name: bytes) -> StopReason:
        """Make a call; return why the machine stopped then."""
        machine, registers = self.machine, self.machine.registers
        if not self._returns:
            now = registers.icount
            registers.restore(self._start)
            registers.icount = now
        code = bytes((0xCD, vector, 0xEB, 0xFC))
        machine.memory.write(linear(registers.cs, registers.ip), code)
        registers.ax = ax
        for register, value in zip(_REGISTERS, values, strict=True):
            if value is not None:
                setattr(registers, register, value)
        if name and registers.ds < ROM_SEGMENT:
            machine.memory.write(linear(registers.ds, registers.dx), name + b"\0")
        before = machine.icount
        stop = machine.run(3, through_traps=True)
        if not before <= machine.icount <= before + 3:
            raise BrokenError("a budget was not kept")
        return stop.reason


FUZZER = Fuzzer(
    "calls",
    "Whatever a guest asks of its system, there is an answer, and nothing outside of its folder"
    " changes.",
    "calls",
    generate,
    run,
    slowest=60.0,
)
