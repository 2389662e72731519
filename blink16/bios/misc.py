"""The small BIOS services: equipment, memory size, absent ports, and what ends in nothing."""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bus import Bus
from blink16.cpu.model import Model
from blink16.devices.pic import COMMAND_PORT, DATA_PORT, OCW3, OCW3_READ, OCW3_READ_ISR, SLAVE_PORT
from blink16.lacks import Kind
from blink16.services import DONE, Exit, Guest, Outcome, Service, caller_address

UNSUPPORTED = 0x86
NO_SYSTEM_STATUS = 1
EOI = 0x20
INT_OPCODE = 0xCD
FLOPPY_INTERRUPTED = 0x80
INVALID_OPCODE, PROTECTION = 0x06, 0x0D


class UnexpectedSlaveInterrupt:
    """Ends an interrupt of an AT's second 8259A that nobody handles."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self, guest: Guest) -> Outcome:
        """End it on both chips."""
        self._bus.write(SLAVE_PORT, EOI)
        self._bus.write(COMMAND_PORT, EOI)
        return DONE


def equipment(guest: Guest) -> Outcome:
    """INT 11h: the equipment word in AX."""
    guest.registers.ax = DataArea(guest.memory).equipment
    return DONE


def memory_size(guest: Guest) -> Outcome:
    """INT 12h: KiB of memory in AX."""
    guest.registers.ax = DataArea(guest.memory).memory_kib
    return DONE


class FloppyInterrupt:
    """INT 0Eh: notes that the floppy controller has done something."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self, guest: Guest) -> Outcome:
        """Set the flag that programs wait for, and end the interrupt."""
        DataArea(guest.memory).floppy_calibrated |= FLOPPY_INTERRUPTED
        self._bus.write(COMMAND_PORT, EOI)
        return DONE


class UnexpectedInterrupt:
    """Ends a hardware interrupt that nobody handles, and masks it, as the BIOS does."""

    def __init__(self, bus: Bus, fault: Service | None = None) -> None:
        """``fault``: does what is to be done if none is in service."""
        self._bus = bus
        self._fault = fault

    def __call__(self, guest: Guest) -> Outcome:
        """Mask what the 8259A says is in service."""
        self._bus.write(COMMAND_PORT, OCW3 | OCW3_READ | OCW3_READ_ISR)
        in_service = self._bus.read(COMMAND_PORT)
        if in_service:  # else it was spurious
            lowest = in_service & -in_service
            self._bus.write(DATA_PORT, self._bus.read(DATA_PORT) | lowest)
            self._bus.write(COMMAND_PORT, EOI)
        elif self._fault is not None:
            return self._fault(guest)
        return DONE


QUIET_VECTORS = frozenset({0x1B, 0x1C, 0x23, 0x24, 0x28, 0x2A, 0x2F, 0x4A, *range(0xF1, 0xF9)})
"""Interrupts that are made for programs to hook, or to ask with whether somebody is there."""


def nobody_handles(guest: Guest) -> Outcome:
    """Return from an interrupt whose vector nobody has set, and say so."""
    segment, offset = caller_address(guest)
    opcode, vector = guest.memory.read(guest.linear(segment, offset - 2), 2)
    if opcode == INT_OPCODE and vector not in QUIET_VECTORS:
        guest.lacks(Kind.INTERRUPT, f"nobody handles INT {vector:02X}h", place=vector)
    return DONE


class UnhandledFault:
    """Says that a later processor has refused an instruction, and nobody handles that.

    Such a fault returns to its instruction, which is refused again, and so on.
    """

    def __init__(self, vector: int, why: str) -> None:
        self._vector = vector
        self._why = why

    def __call__(self, guest: Guest) -> Outcome:
        """Say so, unless a program has called the interrupt."""
        segment, offset = caller_address(guest)
        if guest.memory.read(guest.linear(segment, offset - 2), 1)[0] == INT_OPCODE:
            return nobody_handles(guest)
        what = f"{self._why}: it enters INT {self._vector:02X}h, and nobody handles that"
        guest.lacks(Kind.INTERRUPT, what, place=self._vector)
        return DONE


def invalid_opcode(model: Model) -> UnhandledFault:
    """Return what answers INT 6 of a processor that has it."""
    mode = " in real mode" if model.reaches_high else ""
    return UnhandledFault(INVALID_OPCODE, f"the {model.name}{mode} has no such instruction")


def protection(model: Model) -> UnhandledFault:
    """Return what answers INT 13 of a processor that has it."""
    why = f"to the {model.name} an operand or the instruction goes beyond its segment's end"
    return UnhandledFault(PROTECTION, why)


def no_system(guest: Guest) -> Outcome:
    """INT 18h: nothing could be booted, and there is no BASIC in ROM."""
    return Exit(NO_SYSTEM_STATUS, "the machine found no system to boot (INT 18h)")
