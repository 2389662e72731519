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
USER_TICK = "int1c"
WRITERS = ("int10_rom",)
"""The names of code in ROM in which interrupts may come while it writes to the screen."""


class Teletype:
    """A screen of our own that shows only what a program prints, beside the machine's."""

    def __init__(self, machine: Machine) -> None:
        """Begin with what the machine's screen shows."""
        self._machine = machine
        self._memory = Memory()
        self._bus = Bus()
        for start, size in ((data_area.BASE, AREA_SIZE), *_SCREENS):
            self._memory.write(start, bytes(machine.memory.ram[start : start + size]))
        self._writers = tuple(
            range(symbol.address, symbol.address + symbol.size)
            for symbol in machine.rom_symbols
            if symbol.name in WRITERS
        )
        """Where the BIOS writes to the screen."""

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
        is in the BIOS's code, in which interrupts are off but where the screen is written, or
        before the service that tells us.
        """
        machine, registers = self._machine, self._machine.registers
        if registers.cs != rom.SEGMENT:
            return False
        here = linear(registers.cs, registers.ip)
        if registers.flags & IF:
            return any(here in code for code in self._writers)
        return registers.ip >= rom.CODE_OFFSET or machine.service_names.get(here) in _SERVICES


_SERVICES = (rom_video.SHOWN, USER_TICK)
"""Services before which it may be: a tick may come while the screen scrolls."""
_SCREENS = tuple((linear(segment, 0), VIDEO_MEMORY) for segment in (COLOR_SEGMENT, MONO_SEGMENT))
