"""A sample of a machine that runs: registers, memory and screen of one instant, to look at."""

from __future__ import annotations

from copy import copy

from blink16.cpu.registers import Registers
from blink16.debugger import Debugger
from blink16.devices.video import Video
from blink16.memory import MEMORY_SIZE, Memory


class SampledMemory(Memory):
    """Memory as it was; without attributes, and never written."""

    def __init__(self, memory: Memory) -> None:
        self.end, self.line_20 = memory.end, bytes(memory.line_20)
        self._content = bytes(memory.whole[: self.end])
        self.whole = memoryview(self._content)
        self.ram = self.whole[:MEMORY_SIZE]
        self.planes = memory.planes

    def read(self, address: int, length: int) -> bytes:
        """Return bytes from a linear address on; nobody watches them here."""
        return self.peek(address, length)

    def peek(self, address: int, length: int) -> bytes:
        """Return the same: there is no arena to take them from."""
        end = address + length
        if address >= 0 and end <= MEMORY_SIZE:
            return self._content[address:end]
        return super().peek(address, length)

    def find(self, what: bytes, start: int, end: int) -> int:
        """Return the address of the first such bytes before ``end``, -1 if there are none."""
        return self._content.find(what, start, end)


class Sample:
    """What reports need of a machine, copied (a megabyte: some 0.1 ms)."""

    def __init__(self, debugger: Debugger) -> None:
        """Take it, between two instructions, in the machine's thread."""
        machine = debugger.machine
        self.registers = Registers()
        self.registers.state[:] = machine.registers.state
        self.history = debugger.timeline.size()
        self.memory: Memory = SampledMemory(machine.memory)
        video = machine.find(Video)
        self.video = None if video is None else copy(video)
