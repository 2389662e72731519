"""A service's end: devices that it has changed are asked when they want to act, and nobody else."""

from __future__ import annotations

import pytest

from blink16.machine import Machine
from blink16.memory import linear
from blink16.services import DONE, Guest, Outcome

VECTOR = 0x60
CODE = bytes((0xCD, VECTOR, 0x40, 0xEB, 0xFB))  # int 60h / inc ax / jmp back
SEGMENT, STACK = 0x100, 0x1000
LATER = 2000


class Alarm:
    """A device that rings once it was set, and counts how often it is asked."""

    def __init__(self) -> None:
        self.at: int | None = None
        self.rung_at = 0
        self.asked = 0

    def due(self) -> int | None:
        """Return when it rings."""
        self.asked += 1
        return self.at

    def advance(self, time: int) -> None:
        """Ring."""
        self.at, self.rung_at = None, time

    def is_heard(self) -> bool:
        """It interrupts nobody."""
        return False

    def save(self) -> int | None:
        """Return the state."""
        return self.at

    def restore(self, state: int | None) -> None:
        """Take a state."""
        self.at = state


@pytest.fixture(params=["reference", "native"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return a machine that calls a service over and over."""
    machine = Machine(request.param)
    machine.memory.write(linear(SEGMENT, 0), CODE)
    registers = machine.registers
    registers.cs = registers.ss = SEGMENT
    registers.ip, registers.sp = 0, STACK
    return machine


def test_a_service_that_changes_a_device_has_it_asked(machine: Machine) -> None:
    """An alarm set by a service must ring on time, not when somebody else has changed."""
    alarm = Alarm()
    machine.add_device("alarm", alarm, tells=True)

    def sets(guest: Guest) -> Outcome:
        if guest.registers.ax == 3:
            alarm.at = guest.time + LATER
            guest.changed(alarm)
        return DONE

    machine.hang_service(VECTOR, sets)
    began = 0
    while not alarm.rung_at:
        began = alarm.at or began
        machine.run(50)
    assert began <= alarm.rung_at < began + 100


def test_a_service_that_changes_no_device_has_nobody_asked(machine: Machine) -> None:
    """Most calls touch no device; each would take twice as long if all were asked behind it."""
    alarm = Alarm()
    machine.add_device("alarm", alarm, tells=True)
    machine.hang_service(VECTOR, lambda guest: DONE)
    machine.run(50)
    before = alarm.asked
    machine.run(1000)
    assert machine.registers.ax > 200
    assert alarm.asked - before <= 1


def test_a_device_that_never_tells_is_asked_behind_each_service(machine: Machine) -> None:
    """Who doesn't tell when it changes must not be forgotten."""
    alarm = Alarm()
    machine.add_device("alarm", alarm)

    def sets(guest: Guest) -> Outcome:
        if guest.registers.ax == 3:
            alarm.at = guest.time + LATER
        return DONE

    machine.hang_service(VECTOR, sets)
    machine.run(2000)
    assert alarm.rung_at
