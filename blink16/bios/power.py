"""INT 15h/53h, APM 1.1 in real mode: as much of it as a system takes to switch the PC off.

The PC stands on its plug: it has no battery, and nothing ever happens to its power.

Source: Intel and Microsoft, APM BIOS Interface Specification 1.2, chapter 4.
"""

from __future__ import annotations

from blink16.cpu.registers import CF
from blink16.services import DONE, Exit, Guest, Outcome, set_caller_flag

VERSION = 0x0101
SIGNATURE = int.from_bytes(b"MP", "little")
UNKNOWN_DEVICE, NOT_SUPPORTED, NO_EVENT = 0x09, 0x0C, 0x80
ALL_DEVICES, STATE_OFF = 0x0001, 0x0003
ON_LINE, NO_BATTERY, UNKNOWN = 0x01, 0x80, 0xFF


def power_management(guest: Guest) -> Outcome:
    """Do the function in AL; whoever switches the PC off ends its run."""
    r = guest.registers
    set_caller_flag(guest, CF, False)
    match r.al:
        case 0x00:  # installation check
            r.ax, r.bx, r.cx = VERSION, SIGNATURE, 0
        case 0x0E:  # driver version
            r.ax = VERSION
        case 0x07 if (r.bx, r.cx) == (ALL_DEVICES, STATE_OFF):
            return Exit(0, "the machine was switched off by its program (INT 15h, AX=5307h)")
        case 0x01 | 0x04 | 0x05 | 0x06 | 0x07 | 0x08:  # connect, disconnect, idle, busy, ...
            r.ah = 0
        case 0x0A if r.bx == ALL_DEVICES:  # power status
            r.bh, r.bl = ON_LINE, UNKNOWN
            r.ch, r.cl = NO_BATTERY, UNKNOWN  # and how full one would be
            r.dx = 0xFFFF  # and how long it would last
        case function:
            r.ah = {0x0A: UNKNOWN_DEVICE, 0x0B: NO_EVENT}.get(function, NOT_SUPPORTED)
            set_caller_flag(guest, CF, True)
    return DONE
