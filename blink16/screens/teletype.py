"""Whether a program uses a PC's screen for more than a teletype would."""

from __future__ import annotations

from blink16.bios import data_area, rom, rom_video
from blink16.bios.screen_text import COLOR_SEGMENT, MONO_SEGMENT, VIDEO_MEMORY
from blink16.bios.typed import write_text
from blink16.bios.video import GuestScreen
from blink16.bus import Bus
from blink16.cpu.registers import IF
from blink16.machine import Machine
from blink16.memory import Memory, linear

AREA_SIZE = 0x100


class Teletype:
    """A screen of our own that shows only what a program prints, beside the machine's."""

    def __init__(self, machine: Machine) -> None:
        """Begin with what the machine's screen shows."""
        self._machine = machine
        self._memory = Memory()
        self._bus = Bus()
        for start, size in ((data_area.BASE, AREA_SIZE), *_SCREENS):
            self._memory.write(start, bytes(machine.memory.ram[start : start + size]))

    def show(self, data: bytes) -> None:
        """Show what the program printed."""
        write_text(self._memory, self._bus, data)

    def is_enough(self) -> bool:
        """Tell whether the machine's screen shows just that, with the cursor behind it, or may do
        so in a moment.
        """
        if self._is_behind:
            return True
        ours = GuestScreen(self._memory, self._bus)
        theirs = GuestScreen(self._machine.memory, self._bus)
        if (ours.mode, ours.columns) != (theirs.mode, theirs.columns):
            return False
        if ours.area.cursor(ours.area.page) != theirs.area.cursor(theirs.area.page):
            return False
        size = slice(ours.base, ours.base + VIDEO_MEMORY)
        return bytes(self._memory.ram[size]) == bytes(self._machine.memory.ram[size])

    @property
    def _is_behind(self) -> bool:
        """Whether the machine may have a character on its screen of which we are not told yet: it
        is in the BIOS's code, in which interrupts are off, or before the service that tells us.
        """
        machine, registers = self._machine, self._machine.registers
        if registers.cs != rom.SEGMENT or registers.flags & IF:
            return False
        next_service = machine.service_names.get(linear(registers.cs, registers.ip))
        return registers.ip >= rom.CODE_OFFSET or next_service == rom_video.SHOWN


_SCREENS = tuple((linear(segment, 0), VIDEO_MEMORY) for segment in (COLOR_SEGMENT, MONO_SEGMENT))
