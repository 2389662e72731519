"""INT 15h/84h: the switches and positions of the joysticks at the game port.

Source: IBM PC/XT and AT Technical References (1986), BIOS listings of JOY_STICK.
"""

from __future__ import annotations

from blink16.bios.misc import UNSUPPORTED
from blink16.bios.unknown import no_function
from blink16.cpu.registers import CF
from blink16.devices.gameport import AXES, GamePort
from blink16.devices.oscillator import PIT_HZ
from blink16.services import DONE, Guest, Outcome, set_caller_flag

SWITCHES, POSITIONS = 0, 1
SCALE, LARGEST = 16, 0x1FF
"""A position is the counts of timer 0 by this, of nine bits; the timer's mode 3 counts by two."""


class JoystickSupport:
    """INT 15h/84h, where there is a joystick."""

    def __init__(self, port: GamePort) -> None:
        self._port = port

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in DX."""
        r = guest.registers
        is_there = r.dx in (SWITCHES, POSITIONS)
        if r.dx == SWITCHES:
            r.ah, r.al = 0, self._port.switches
        elif r.dx == POSITIONS:
            r.ax, r.bx, r.cx, r.dx = (self._position(axis) for axis in range(AXES))
        else:
            no_function(guest, 0x15, "dx")
            r.ah = UNSUPPORTED
        set_caller_flag(guest, CF, not is_there)
        return DONE

    def _position(self, axis: int) -> int:
        counts = int(self._port.lasts_us(axis) * 2 * PIT_HZ / 1_000_000)
        return counts // SCALE & LARGEST
