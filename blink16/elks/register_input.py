"""Registers that a debugger gives to a process which has not the processor, as an input."""

from __future__ import annotations

from construct import Int8ul, Int16ul, Struct

from blink16.elks.kernel import Kernel
from blink16.elks.state import REGISTERS

REGISTER = Struct("pid" / Int16ul, "register" / Int8ul, "value" / Int16ul)
"""``register``: its place in `REGISTERS`."""


class RegisterInput:
    """The channel on which that comes (`services.Receiver`), so that it is a part of history."""

    CHANNEL = "process_registers"

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def receive(self, data: bytes) -> None:
        """Give a process a register, if it still waits."""
        if len(data) != REGISTER.sizeof():
            return
        told = REGISTER.parse(data)
        task = self._kernel.state.tasks.get(told.pid)
        waits = task is not None and task.registers and task.pid != self._kernel.state.current
        if task is None or not waits or told.register >= len(REGISTERS):
            return
        registers = list(task.registers)
        registers[told.register] = told.value
        self._kernel.journal.begin()
        self._kernel.journal.alter(task, registers=tuple(registers))

    def save(self) -> tuple[()]:
        """Return nothing: the kernel has it."""
        return ()

    def restore(self, state: object) -> None:
        """Take nothing."""
