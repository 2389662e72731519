"""The ticks (INT 08h) and the time of day (INT 1Ah) of a PC with a timer and a clock.

Source: IBM PC/XT and AT Technical References, BIOS listings of TIMER_INT and TIME_OF_DAY.
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bios.rom import (
    CLI,
    EOI,
    IRET,
    POP_AX,
    POP_DS,
    POP_DX,
    PUSH_AX,
    PUSH_DS,
    PUSH_DX,
    STI,
    Rom,
    goto,
    interrupt,
)
from blink16.bios.unknown import no_function
from blink16.bus import Bus
from blink16.cpu.registers import CF
from blink16.devices.oscillator import PIT_HZ
from blink16.devices.pic import COMMAND_PORT, SLAVE_PORT
from blink16.devices.rtc import ALARM, B_SET, C_ALARM, DATA_PORT, INDEX_PORT, CmosRegister
from blink16.services import DONE, Guest, Outcome, set_caller_flag

TICKS_PER_DAY = 0x1800B0
PIT_COUNT = 65536
PROBES = frozenset({0xB101})
"""Whether there is a PCI bus."""
TIME = (CmosRegister.HOURS, CmosRegister.MINUTES, CmosRegister.SECONDS)
DATE = (CmosRegister.CENTURY, CmosRegister.YEAR, CmosRegister.MONTH, CmosRegister.DAY)
NO_DAYLIGHT_SAVING = 0
USER_VECTOR, ALARM_VECTOR = 0x1C, 0x4A


_TO_DATA_AREA = bytes.fromhex("b84000 8ed8")  # mov ax, 40h / mov ds, ax
_COUNT_TICK = bytes.fromhex(
    "83066c0001"  # add word [6Ch], 1
    "83166e0000"  # adc word [6Eh], 0
    "833e6e0018 7515"  # cmp word [6Eh], 18h / jne +15h: not midnight
    "813e6c00b000 720d"  # cmp word [6Ch], 0B0h / jb +0Dh
    "31c0 a36c00 a36e00"  # xor ax, ax / mov [6Ch], ax / mov [6Eh], ax
    "c606700001"  # mov byte [70h], 1
)
_COUNT_MOTOR = bytes.fromhex(
    "803e400000 7411"  # cmp byte [40h], 0 / je +11h: it stands
    "fe0e4000 750b"  # dec byte [40h] / jnz +0Bh
    "80263f00f0"  # and byte [3Fh], 0F0h
    "b00c baf203 ee"  # mov al, 0Ch / mov dx, 3F2h / out dx, al: motors off
)
TICK = (
    STI + PUSH_DS + PUSH_AX + PUSH_DX + _TO_DATA_AREA + _COUNT_TICK + _COUNT_MOTOR
    + interrupt(USER_VECTOR) + CLI + EOI + POP_DX + POP_AX + POP_DS + IRET
)  # fmt: skip
"""INT 08h: counts a tick, stops the floppy's motor in time, and calls INT 1Ch.

INT 1Ch may spoil AX, DX and DS.
"""
READ_TICKS = bytes.fromhex(
    "84e4 751e"  # test ah, ah / jnz +1Eh: to the service
    "1e 55 b84000 8ed8"  # push ds / push bp / mov ax, 40h / mov ds, ax
    "31c0 86067000"  # xor ax, ax / xchg al, [70h]
    "8b0e6e00 8b166c00"  # mov cx, [6Eh] / mov dx, [6Ch]
    "89e5 806608fe"  # mov bp, sp / and byte [bp+8], 0FEh: the caller's CF
    "5d 1f cf"  # pop bp / pop ds / iret
)
"""INT 1Ah, AH=0: the ticks, and whether it was midnight since they were read."""


class ClockInterrupt:
    """INT 70h: an AT's clock interrupts; its alarm calls INT 4Ah."""

    def __init__(self, bus: Bus, rom: Rom) -> None:
        self._clock = CmosClock(bus)
        self._bus = bus
        self._alarm = rom.add(STI + interrupt(ALARM_VECTOR) + IRET)

    def __call__(self, guest: Guest) -> Outcome:
        """Read what has happened, which lets the next come, and end the interrupt."""
        happened = self._clock[CmosRegister.C]
        self._bus.write(SLAVE_PORT, EOI[1])
        self._bus.write(COMMAND_PORT, EOI[1])
        if happened & C_ALARM:
            goto(guest, self._alarm)
        return DONE


class CmosClock:
    """The real-time clock through its ports; BIOS and clock speak BCD."""

    def __init__(self, bus: Bus, *, has_alarm: bool = False) -> None:
        self._bus = bus
        self.has_alarm = has_alarm

    def write(self, index: int, value: int) -> None:
        """Write a register by its number."""
        self._bus.write(INDEX_PORT, index)
        self._bus.write(DATA_PORT, value)

    def __getitem__(self, register: CmosRegister) -> int:
        self._bus.write(INDEX_PORT, register)
        return self._bus.read(DATA_PORT)

    def __setitem__(self, register: CmosRegister, value: int) -> None:
        self._bus.write(INDEX_PORT, register)
        self._bus.write(DATA_PORT, value)

    def set(self, values: dict[CmosRegister, int]) -> None:
        """Set several registers at once."""
        control = self[CmosRegister.B]
        self[CmosRegister.B] = control | B_SET
        for register, value in values.items():
            self[register] = value
        self[CmosRegister.B] = control & ~B_SET

    def ticks(self) -> int:
        """Return the ticks since midnight."""
        hours, minutes, seconds = (_from_bcd(self[register]) for register in TIME)
        return ((hours * 60 + minutes) * 60 + seconds) * PIT_HZ // PIT_COUNT


class TimeService:
    """INT 1Ah."""

    def __init__(self, clock: CmosClock) -> None:
        self._clock = clock

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH: ticks (0, 1), the clock's time (2, 3) and date (4, 5)."""
        r, clock, area = guest.registers, self._clock, DataArea(guest.memory)
        failed = False
        match r.ah:
            case 0x00:
                ticks = area.ticks
                r.cx, r.dx, r.al = ticks >> 16, ticks, area.midnight
                area.midnight = 0
            case 0x01:
                area.ticks = (r.cx << 16 | r.dx) % TICKS_PER_DAY
                area.midnight = 0
            case 0x02:
                r.ch, r.cl, r.dh = (clock[register] for register in TIME)
                r.dl = NO_DAYLIGHT_SAVING
            case 0x03:
                clock.set(dict(zip(TIME, (r.ch, r.cl, r.dh), strict=True)))
            case 0x04:
                r.ch, r.cl, r.dh, r.dl = (clock[register] for register in DATE)
            case 0x05:
                clock.set(dict(zip(DATE, (r.ch, r.cl, r.dh, r.dl), strict=True)))
            case 0x06 | 0x07 if not clock.has_alarm:
                no_function(guest, 0x1A, remedy="--machine-type at has it")
                failed = True
            case 0x06 if clock[CmosRegister.B] & C_ALARM:
                failed = True  # one that is set stays
            case 0x06:
                for register, value in zip(ALARM, (r.ch, r.cl, r.dh), strict=True):
                    clock.write(register, value)
                clock[CmosRegister.B] = clock[CmosRegister.B] | C_ALARM
            case 0x07:
                clock[CmosRegister.B] = clock[CmosRegister.B] & ~C_ALARM
            case _:
                if r.ax not in PROBES:
                    no_function(guest, 0x1A)
                failed = True
        set_caller_flag(guest, CF, failed)
        return DONE


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)
