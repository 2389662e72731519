"""INT 17h, the printer, and INT 05h, which prints the screen.

Source: IBM PC/XT Technical Reference, BIOS listings of PRINTER_IO and PRINT_SCREEN.
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bios.screen_text import ROWS
from blink16.bios.unknown import no_function, no_unit
from blink16.bios.video import GuestScreen
from blink16.bus import Bus
from blink16.devices.lpt import CONTROL, DATA, NOT_BUSY, STATUS, STROBE
from blink16.lacks import Kind
from blink16.services import DONE, Guest, Outcome, caller_address

PORTS = 3
TIME_OUT = 0x01
READY = 0x0C
"""The control register: initialized and selected, no strobe."""
RESET = 0x08
STATUS_BITS, INVERTED = 0xF8, 0x48
PRINT_SCREEN_STATUS = 0x500
"""The byte at 0050:0000: 0 done, 1 busy, FFh failed."""
NEW_LINE = b"\r\n"
SEGMENT_PREFIXES, BOUND, INT = b"\x26\x2e\x36\x3e", 0x62, b"\xcd\x05"
BOUND_PRINTS = (
    "an index out of bounds enters INT 05h, which prints the screen here, and is tried again"
)


class Printer:
    """The parallel ports through their registers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def put(self, base: int, code: int) -> bool:
        """Print a character; False if the printer is busy."""
        if not self._bus.read(base + STATUS) & NOT_BUSY:
            return False
        self._bus.write(base + DATA, code)
        self._bus.write(base + CONTROL, READY | STROBE)
        self._bus.write(base + CONTROL, READY)
        return True

    def initialize(self, base: int) -> None:
        """Reset the printer."""
        self._bus.write(base + CONTROL, RESET)
        self._bus.write(base + CONTROL, READY)

    def status(self, base: int) -> int:
        """Return the status as INT 17h has it in AH."""
        return (self._bus.read(base + STATUS) & STATUS_BITS) ^ INVERTED

    def int17(self, guest: Guest) -> Outcome:
        """Do the function in AH for port DX: print AL (0), initialize (1), status (2)."""
        r = guest.registers
        base = DataArea(guest.memory).lpt_port(r.dx) if r.dx < PORTS else 0
        if r.ah > 2:
            no_function(guest, 0x17)
            return DONE
        if not base:
            if r.ah == 0x00:
                no_unit(guest, 0x17, r.dx, f"printer port {r.dx}")
            return DONE
        printed = True
        if r.ah == 0x00:
            printed = self.put(base, r.al)
        elif r.ah == 0x01:
            self.initialize(base)
        r.ah = self.status(base) | (0 if printed else TIME_OUT)
        return DONE

    def int05(self, guest: Guest) -> Outcome:
        """Print the text screen on LPT1."""
        if _is_bounds_fault(guest):
            guest.lacks(Kind.INTERRUPT, BOUND_PRINTS, place=0x05)
        screen = GuestScreen(guest.memory, self._bus)
        base = DataArea(guest.memory).lpt_port(0)
        done = bool(base) and all(
            self.put(base, code)
            for row in range(ROWS)
            for code in self._line(screen, row) + NEW_LINE
        )
        guest.memory.write(PRINT_SCREEN_STATUS, b"\0" if done else b"\xff")
        return DONE

    def _line(self, screen: GuestScreen, row: int) -> bytes:
        return screen.codes(screen.area.page, row).replace(b"\0", b" ")


def _is_bounds_fault(guest: Guest) -> bool:
    """Whether BOUND of a later processor led here: such a fault returns to its instruction."""
    segment, offset = caller_address(guest)
    code = guest.memory.read(guest.linear(segment, offset), 4).lstrip(SEGMENT_PREFIXES)
    called = guest.memory.read(guest.linear(segment, offset - 2), 2) == INT
    return code[:1] == bytes((BOUND,)) and not called
