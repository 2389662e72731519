"""INT 15h/C2h and INT 74h: a PS/2 mouse, as the BIOS offers it to programs.

The handler of IRQ 12 is code in ROM: it gathers a packet's bytes and calls the program's routine.
Source: IBM PS/2 and PC BIOS Interface Technical Reference, INT 15h/C2h.
"""

from __future__ import annotations

from blink16.bios.rom import SEGMENT, Rom
from blink16.bios.unknown import no_function
from blink16.cpu.registers import CF
from blink16.devices import ps2mouse
from blink16.devices.kbc import AUX_INTERRUPT, AUX_OFF, Kbc
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.services import DONE, Chassis, Guest, Outcome, set_caller_flag

VECTOR, IRQ = 0x74, 12
DATA_SEGMENT = 0x004A
"""Where the BIOS keeps its data, as others have it in an extended data area."""
HANDLER, INDEX, SIZE = 0x22, 0x26, 0x27
"""Offsets there: the program's routine; bytes that have come; HAS_HANDLER and a packet's last."""
HAS_HANDLER = 0x80
MAX_SIZE = 8
LAST_OF_THREE = 2
"""The index of a packet's last byte, where no program has said how long packets are."""
OK, BAD_FUNCTION, BAD_INPUT, NO_HANDLER = 0, 1, 2, 5
RATES = (10, 20, 40, 60, 80, 100, 200)

INT74 = bytes.fromhex(
    "50 53 51 52 56 57 55 1e 06 fc"  # push ax, bx, cx, dx, si, di, bp, ds, es / cld
    "e464 2421 3c21 7546"  # in al, 64h / and al, 21h / cmp al, 21h / jne done: not the mouse's
    "e460 bb4a00 8edb"  # in al, 60h / mov bx, DATA_SEGMENT / mov ds, bx
    "f606270080 7438"  # test byte [27h], 80h / jz done
    "8a1e2600 83e307 884728"  # mov bl, [26h] / and bx, 7 / mov [bx+28h], al
    "8a262700 80e407 38e3 7306"  # mov ah, [27h] / and ah, 7 / cmp bl, ah / jae full
    "fe062600 eb1d"  # inc byte [26h] / jmp done
    "c606260000 31c0"  # full: mov byte [26h], 0 / xor ax, ax
    "a02800 50 a02900 50 a02a00 50 31c0 50"  # push status, x, y, 0
    "ff1e2200 83c408"  # call far [22h] / add sp, 8
    "fa b020 e6a0 e620"  # done: cli / mov al, 20h / out 0A0h, al / out 20h, al
    "07 1f 5d 5f 5e 5a 59 5b 58 cf"  # pop es, ds, bp, di, si, dx, cx, bx, ax / iret
)


class PointingDevice:
    """INT 15h/C2h."""

    def __init__(self, mouse: Ps2Mouse, controller: Kbc) -> None:
        self._mouse = mouse
        self._controller = controller

    def install(self, chassis: Chassis, rom: Rom) -> None:
        """Hang the handler of IRQ 12."""
        chassis.set_vector(VECTOR, SEGMENT, rom.add(INT74, "int74"))

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AL."""
        r = guest.registers
        result = self._do(guest)
        if result == BAD_FUNCTION:
            no_function(guest, 0x15, "al")
        r.ah = result
        set_caller_flag(guest, CF, result != OK)
        return DONE

    def _do(self, guest: Guest) -> int:
        r, mouse = guest.registers, self._mouse
        match r.al:
            case 0x00 if r.bh <= 1:
                return self._enable(guest, on=bool(r.bh))
            case 0x01:
                mouse.reset()
                r.bx = ps2mouse.IDENTITY << 8 | ps2mouse.PASSED
            case 0x02 if r.bh < len(RATES):
                mouse.set(ps2mouse.SET_RATE, RATES[r.bh])
            case 0x03 if r.bh <= 3:
                mouse.set(ps2mouse.SET_RESOLUTION, r.bh)
            case 0x04:
                r.bh = ps2mouse.IDENTITY
            case 0x05 if 1 <= r.bh <= MAX_SIZE:
                mouse.reset()
                has = self._read(guest, SIZE) & HAS_HANDLER
                self._write(guest, INDEX, 0, has | r.bh - 1)
            case 0x06 if r.bh == 0:
                r.bl, r.cl, r.dl = mouse.status()
            case 0x06 if r.bh <= 2:
                mouse.switch(ps2mouse.SCALING_1 if r.bh == 1 else ps2mouse.SCALING_2)
            case 0x07:
                self._set_handler(guest)
            case function:
                return BAD_INPUT if function <= 0x07 else BAD_FUNCTION
        return OK

    def _enable(self, guest: Guest, *, on: bool) -> int:
        if on and not self._read(guest, SIZE) & HAS_HANDLER:
            return NO_HANDLER
        self._mouse.switch(ps2mouse.ENABLE if on else ps2mouse.DISABLE)
        self._controller.set_command_bits(on=AUX_INTERRUPT, off=AUX_OFF)
        self._controller.unmask(IRQ)
        self._write(guest, INDEX, 0)
        return OK

    def _set_handler(self, guest: Guest) -> None:
        r = guest.registers
        there = bool(r.es or r.bx)
        self._write(guest, HANDLER, r.bl, r.bh, r.es & 0xFF, r.es >> 8)
        size = self._read(guest, SIZE) & ~HAS_HANDLER
        self._write(guest, SIZE, (size or LAST_OF_THREE) | (HAS_HANDLER if there else 0))

    @staticmethod
    def _read(guest: Guest, offset: int) -> int:
        return guest.memory.read((DATA_SEGMENT << 4) + offset, 1)[0]

    @staticmethod
    def _write(guest: Guest, offset: int, *values: int) -> None:
        guest.memory.write((DATA_SEGMENT << 4) + offset, bytes(values))
