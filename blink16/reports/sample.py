"""A sample of a machine that runs: registers, memory and screen of one instant, to look at."""

from __future__ import annotations

from copy import copy

from blink16.cpu.registers import Registers
from blink16.debugger import Debugger
from blink16.devices.vga import Vga
from blink16.devices.video import Video
from blink16.memory import ADDRESS_MASK, Memory


class SampledMemory(Memory):
    """The megabyte as it was, and an adapter's planes; without attributes, and never written."""

    def __init__(self, content: bytes, planes: bytes) -> None:
        self._content = content
        self.ram = memoryview(content)
        self.planes = memoryview(planes).cast("I")

    def read(self, address: int, length: int) -> bytes:
        """Return bytes from a linear address on, wrapping at 1 MiB."""
        address &= ADDRESS_MASK
        data = self._content[address : address + length]
        while len(data) < length:
            data += self._content[: length - len(data)]
        return data


class Sample:
    """What reports need of a machine, copied (a megabyte: some 0.1 ms)."""

    def __init__(self, debugger: Debugger) -> None:
        """Take it, between two instructions, in the machine's thread."""
        machine = debugger.machine
        self.registers = Registers()
        self.registers.state[:] = machine.registers.state
        self.history = debugger.timeline.size()
        video = machine.find(Video)
        planes = bytes(machine.memory.planes.cast("B")) if isinstance(video, Vga) else b""
        self.memory: Memory = SampledMemory(bytes(machine.memory.ram), planes)
        self.video = None if video is None else copy(video)
