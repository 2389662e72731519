"""Bare processors for tests: a machine whose handlers halt, and captures of an 80286 to run."""

from __future__ import annotations

from typing import Any

from test_vectors import REGISTERS

from blink16 import Machine, StopReason
from blink16.cpu.registers import Cell

CODE, STACK, HANDLERS = 0x1000, 0x8000, 0x500
HLT = b"\xf4"
STATUS_FLAGS = 0x0FFF
"""The top four bits were not compared: an 80286 shows some in the captures of interrupts."""


def bench(engine: str, cpu: str) -> Machine:
    """Return a machine in which vector N leads to a HLT at 0000:0500+N."""
    made = Machine.bare(engine, cpu=cpu)
    made.memory.write(HANDLERS, HLT * 256)
    for vector in range(256):
        made.set_vector(vector, 0, HANDLERS + vector)
    made.registers.ip, made.registers.sp = CODE, STACK
    return made


def run(machine: Machine, code: bytes) -> None:
    """Execute code up to a HLT behind it, or in a handler."""
    machine.memory.write(CODE, code + HLT)
    assert machine.run(100).reason is StopReason.HALT


def run_capture(machine: Machine, case: dict[str, Any], flags: int = STATUS_FLAGS) -> set[str]:
    """Run an instruction and the HLT behind it, or in a handler; return what differs.

    ``flags``: those that are compared.
    """
    initial, final = case["initial"], case["final"]
    registers, ram = machine.registers, machine.memory.whole
    for name in REGISTERS:
        setattr(registers, name, initial["regs"][name])
    registers.cells[Cell.SHADOW] = registers.cells[Cell.HALTED] = 0
    for address, byte in initial["ram"]:
        ram[address] = byte
    machine.run(2)
    wanted = {**initial["regs"], **final["regs"]}
    wrong = {name for name in REGISTERS[:-1] if getattr(registers, name) != wanted[name]}
    if (registers.flags ^ wanted["flags"]) & flags:
        wrong.add("flags")
    high_flags = case.get("exception", {}).get("flag_address", -2) + 1
    high_flags += initial["regs"]["sp"] & 1  # the address is told as that of an even word
    return wrong | {f"{a:06X}" for a, b in final["ram"] if ram[a] != b and a != high_flags}
