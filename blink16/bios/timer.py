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
from blink16.bus import Bus
from blink16.cpu.registers import CF
from blink16.devices.fdc import DOR_PORT
from blink16.devices.oscillator import PIT_HZ
from blink16.devices.rtc import B_SET, DATA_PORT, INDEX_PORT, CmosRegister
from blink16.services import DONE, Guest, Outcome, set_caller_flag

TICKS_PER_DAY = 0x1800B0
PIT_COUNT = 65536
USER_VECTOR = 0x1C
MOTORS = 0x0F
MOTORS_OFF = 0x0C


class TimerInterrupt:
    """INT 08h: counts ticks and calls INT 1Ch."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._rest = 0

    def install(self, rom: Rom) -> None:
        """Put into ROM what follows the count: INT 1Ch, which may spoil AX, DX and DS, and EOI."""
        self._rest = rom.add(
            STI
            + PUSH_DS
            + PUSH_AX
            + PUSH_DX
            + interrupt(USER_VECTOR)
            + CLI
            + EOI
            + POP_DX
            + POP_AX
            + POP_DS
            + IRET
        )

    def __call__(self, guest: Guest) -> Outcome:
        """Count a tick."""
        area = DataArea(guest.memory)
        ticks = area.ticks + 1
        if ticks >= TICKS_PER_DAY:
            ticks = 0
            area.midnight = 1
        area.ticks = ticks
        if area.floppy_motor_count:
            area.floppy_motor_count -= 1
            if not area.floppy_motor_count:
                area.floppy_motors &= ~MOTORS
                self._bus.write(DOR_PORT, MOTORS_OFF)
        goto(guest, self._rest)
        return DONE


class CmosClock:
    """The real-time clock through its ports; BIOS and clock speak BCD."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

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
        hours, minutes, seconds = (
            _from_bcd(self[register])
            for register in (CmosRegister.HOURS, CmosRegister.MINUTES, CmosRegister.SECONDS)
        )
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
                r.ch, r.cl = clock[CmosRegister.HOURS], clock[CmosRegister.MINUTES]
                r.dh, r.dl = clock[CmosRegister.SECONDS], 0
            case 0x03:
                clock.set(
                    {
                        CmosRegister.HOURS: r.ch,
                        CmosRegister.MINUTES: r.cl,
                        CmosRegister.SECONDS: r.dh,
                    }
                )
            case 0x04:
                r.ch, r.cl = clock[CmosRegister.CENTURY], clock[CmosRegister.YEAR]
                r.dh, r.dl = clock[CmosRegister.MONTH], clock[CmosRegister.DAY]
            case 0x05:
                clock.set(
                    {
                        CmosRegister.CENTURY: r.ch,
                        CmosRegister.YEAR: r.cl,
                        CmosRegister.MONTH: r.dh,
                        CmosRegister.DAY: r.dl,
                    }
                )
            case _:
                failed = True  # 06h and 07h: this clock has no alarm
        set_caller_flag(guest, CF, failed)
        return DONE


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)
