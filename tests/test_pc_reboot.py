"""Resets at any instant of a boot do the same on both engines."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pc_guest import machine_on

from blink16.bios.post import ResetSwitch
from blink16.devices.keyboard import Keyboard
from blink16.devices.keys import chord
from blink16.machine import Machine
from blink16.setup import loader
from blink16.setup.loader import Options

INSTANTS = ((7, 1501), (6000, 3000), (9000, 50), (5001, 4000))
"""Instructions before a reset, and from there to the comparison."""


def state(machine: Machine) -> tuple[object, bytes]:
    """All of the machine's state, the memory hashed."""
    return machine.save(), hashlib.sha256(machine.memory.ram).digest()


def go(machine: Machine, instructions: int) -> None:
    """Run exactly so many instructions."""
    end = machine.icount + instructions
    while machine.icount < end:
        machine.run(end - machine.icount)


@pytest.mark.parametrize("name", ["fd1440.img", "freedos.img"])
def test_a_reset_does_the_same_on_both_engines(shared: Path, name: str) -> None:
    """Code of the previous boot that is still translated must not run in the next one."""
    program = loader.read(str(shared / "images" / name))
    machine_on("native")  # or skip
    options = [Options(engine=engine, epoch_ns=10**18) for engine in ("native", "reference")]
    machines = [loader.load(program, [], option).machine for option in options]
    for number, (before, after) in enumerate(INSTANTS):
        for machine in machines:
            go(machine, before)
            if number % 2:
                machine.receive(Keyboard.CHANNEL, chord("ctrl-alt-del"))
            else:
                machine.receive(ResetSwitch.CHANNEL, b"\0")
        for _ in range(2):
            for machine in machines:
                go(machine, after)
            assert state(machines[0]) == state(machines[1])
