"""What the calls of INT 21h take an 8086, in clock cycles, and calls that take it.

Source: FreeDOS' kernel on this machine, from a floppy, rounded: from before the INT until behind
it, without what its disk and the BIOS' services take.  What depends on a directory's length or a
disk's fullness is that of a floppy with some dozens of files.
"""

from __future__ import annotations

from functools import partial

from blink16.bios.delay import NUMBER_IN_AH, NUMBERS, Delay
from blink16.bios.rom import Rom
from blink16.cpu.registers import CF, Cell
from blink16.dos import handles
from blink16.dos.system import SEGMENT, DosSystem
from blink16.services import Chassis, Done, Guest, Outcome, Service, caller_flags_address

VECTOR = 0x21
USUAL = 5_500
CHARACTER = 7_900
"""Each of a string's (09h)."""
WRITTEN_CHARACTER = 2_100
"""Each that is written to a device by its handle (40h)."""
READ_BYTE, WRITTEN_BYTE = 38, 100
"""Each of a file's."""

_QUICK, _TO_A_PATH, _NEW_FILE = 900, 110_000, 220_000
_CYCLES = {
    **dict.fromkeys((0x25, 0x33, 0x35, 0x50, 0x51, 0x62, 0x64), _QUICK),
    0x01: 20_000,
    **dict.fromkeys((0x02, 0x07, 0x08, 0x0A, 0x0C, 0x40), 12_000),
    0x06: 9_400,  # where no key waits
    0x0B: 8_600,
    0x0D: 15_000,
    **dict.fromkeys(range(0x0F, 0x18), _TO_A_PATH),
    0x29: 28_000,
    0x2A: 23_000,
    0x2C: 11_000,
    0x36: 10_000,
    0x38: 8_300,
    0x39: 340_000,
    0x3A: 220_000,
    0x3B: 85_000,
    **dict.fromkeys((0x3C, 0x5A, 0x5B, 0x6C), _NEW_FILE),
    **dict.fromkeys((0x3D, 0x43), _TO_A_PATH),
    0x3E: 20_000,
    0x3F: 17_000,
    **dict.fromkeys((0x41, 0x56), 280_000),
    0x42: 7_900,
    0x44: 6_700,
    0x45: 7_900,
    0x47: 20_000,
    0x48: 9_200,
    0x49: 6_200,
    0x4A: 7_900,
    0x4B: _TO_A_PATH,  # without what its file's bytes take
    0x4E: 71_000,
    0x4F: 20_000,
    0x57: 6_700,
    0x60: 61_000,
    0x65: 8_400,
    0x68: 55_000,
}
CYCLES = tuple(_CYCLES.get(number, USUAL) for number in range(NUMBERS))
"""By the call's number, without what each character or byte takes."""

_AX, _BX, _DX, _DS, _CS, _IP = map(int, (Cell.AX, Cell.BX, Cell.DX, Cell.DS, Cell.CS, Cell.IP))


def install(chassis: Chassis, dos: DosSystem, rom: Rom, int21: Service) -> None:
    """Let INT 21h, whose service is ``int21``, take its time."""
    delay = Delay(chassis, rom)
    chassis.hang_service(VECTOR, partial(_with_each, dos, delay, int21))
    delay.precede(VECTOR, NUMBER_IN_AH, CYCLES)


def _with_each(dos: DosSystem, delay: Delay, int21: Service, guest: Guest) -> Outcome:
    """Do a call, whose own time has passed, and let that of its bytes pass before it returns."""
    cells = guest.registers.cells
    number, stub = cells[_AX] >> 8, (cells[_CS], cells[_IP])
    outcome = int21(guest)
    if isinstance(outcome, Done) and (cells[_CS], cells[_IP]) == stub:
        delay.spend(guest, _of_each(dos, guest, number))
    return outcome


def _of_each(dos: DosSystem, guest: Guest, number: int) -> int:
    """Return what the characters or bytes of a call that is done take."""
    cells, memory = guest.registers.cells, guest.memory
    match number:
        case 0x09:
            start = guest.linear(cells[_DS], cells[_DX])
            end = memory.find(b"$", start, start + SEGMENT)
            return CHARACTER * (end - start if end >= 0 else SEGMENT)
        case 0x3F | 0x40 if memory.whole[caller_flags_address(guest)] & CF:
            return 0
        case 0x3F:
            return READ_BYTE * cells[_AX]
        case 0x40:
            is_device = handles.lookup(dos, guest, cells[_BX])[1].device
            return cells[_AX] * (WRITTEN_CHARACTER if is_device else WRITTEN_BYTE)
    return 0
