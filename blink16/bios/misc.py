"""The small BIOS services: equipment, memory size, absent ports, and what ends in nothing."""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.cpu.registers import CF
from blink16.services import DONE, Exit, Guest, Outcome, set_caller_flag

UNSUPPORTED = 0x86
COM_TIME_OUT = 0x80
LPT_TIME_OUT = 0x01
NO_SYSTEM_STATUS = 1


def equipment(guest: Guest) -> Outcome:
    """INT 11h: the equipment word in AX."""
    guest.registers.ax = DataArea(guest.memory).equipment
    return DONE


def memory_size(guest: Guest) -> Outcome:
    """INT 12h: KiB of memory in AX."""
    guest.registers.ax = DataArea(guest.memory).memory_kib
    return DONE


def serial(guest: Guest) -> Outcome:
    """INT 14h: there is no serial port; every call times out."""
    guest.registers.ah = COM_TIME_OUT
    return DONE


def system(guest: Guest) -> Outcome:
    """INT 15h: an XT has none of these services."""
    guest.registers.ah = UNSUPPORTED
    set_caller_flag(guest, CF, True)
    return DONE


def printer(guest: Guest) -> Outcome:
    """INT 17h: there is no printer; every call times out."""
    guest.registers.ah = LPT_TIME_OUT
    return DONE


def no_system(guest: Guest) -> Outcome:
    """INT 18h: nothing could be booted, and there is no BASIC in ROM."""
    guest.notice("the machine found no system to boot (INT 18h)")
    return Exit(NO_SYSTEM_STATUS)


def reboot(guest: Guest) -> Outcome:
    """INT 19h: the guest wants to be booted again, which ends this run of it."""
    guest.notice("the machine asked to be booted again (INT 19h)")
    return Exit(0)
