"""What programs call INT 10h for in loops, as 8086 code in ROM: the cursor, the mode, characters.

It does what `int10` does, which follows where something is unusual: dots, a tab, a line to scroll.
The teletype goes on to a service that has nothing to do but to show the character outside.
Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

from blink16.bios.int10 import CHANNEL
from blink16.bios.rom import Rom, jump
from blink16.services import DONE, Chassis, Guest, Outcome

VIDEO_VECTOR = 0x10
_FRONT = bytes.fromhex(
    "80fc0e 7412 80fc02 7417"  # front: cmp ah, 0eh / je teletype / cmp ah, 02h / je set_cursor
    "80fc03 743b 80fc0f 7452"  # cmp ah, 03h / je get_cursor / cmp ah, 0fh / je get_mode
    "e95a01"  # service: jmp the_service
    "e88f00 72f8"  # teletype: call put / jc service, or to the service `_shown`
)
_BEHIND = bytes.fromhex(
    "80ff07 77ee 1e 52 51"  # set_cursor: cmp bh, 7 / ja service / push ds / push dx / push cx
    "53 50 b84000 8ed8 88f9"  # push bx / push ax / mov ax, 40h / mov ds, ax / mov cl, bh
    "88fb b700 d1e3 895750"  # mov bl, bh / mov bh, 0 / shl bx, 1 / mov [bx+50h], dx
    "3a0e6200 7503 e83b00"  # cmp cl, [62h] / jne .done / call show
    "58 5b 59 5a 1f cf"  # .done: pop ax / pop bx / pop cx / pop dx / pop ds / iret
    "80ff07 77c5 1e 53"  # get_cursor: cmp bh, 7 / ja service / push ds / push bx
    "b94000 8ed9 88fb b700 d1e3"  # mov cx, 40h / mov ds, cx / mov bl, bh / mov bh, 0 / shl bx, 1
    "8b5750 8b0e6000 5b 1f cf"  # mov dx, [bx+50h] / mov cx, [60h] / pop bx / pop ds / iret
    "1e b84000 8ed8 a08700"  # get_mode: push ds / mov ax, 40h / mov ds, ax / mov al, [87h]
    "2480 0a064900"  # and al, 80h / or al, [49h]
    "8a264a00 8a3e6200 1f cf"  # mov ah, [4ah] / mov bh, [62h] / pop ds / iret
    "88f0 b400 89d1 f7264a00"  # show: mov al, dh / mov ah, 0 / mov cx, dx / mul word [4ah]
    "b500 01c1 8b164e00 d1ea"  # mov ch, 0 / add cx, ax / mov dx, [4eh] / shr dx, 1
    "01d1 8b166300 b00e ee 42"  # add cx, dx / mov dx, [63h] / mov al, 14 / out dx, al / inc dx
    "88e8 ee 4a b00f ee 42"  # mov al, ch / out dx, al / dec dx / mov al, 15 / out dx, al / inc dx
    "88c8 ee c3"  # mov al, cl / out dx, al / ret
    "1e 06 57 52 51 53"  # put: push ds / push es / push di / push dx / push cx / push bx
    "50 b94000 8ed9 b900b8"  # push ax / mov cx, 40h / mov ds, cx / mov cx, 0b800h
    "8a1e4900 80fb03 7607 b5b0"  # mov bl, [49h] / cmp bl, 3 / jbe .text / mov ch, 0b0h
    "80fb07 7544"  # cmp bl, 7 / jne .no
    "8ec1 8a1e6200 b700 80fb07"  # .text: mov es, cx / mov bl, [62h] / mov bh, 0 / cmp bl, 7
    "7737 d1e3 8b5750 b9183f"  # ja .no / shl bx, 1 / mov dx, [bx+50h] / mov cx, 3f18h
    "803e870000 7406 b57f 8a0e8400"  # cmp byte [87h], 0 / je .rows / mov ch, 7fh / mov cl, [84h]
    "38ce 771e 3a164a00 7318"  # .rows: cmp dh, cl / ja .no / cmp dl, [4ah] / jae .no
    "3c0d 7717 7456 3c0a 7456"  # cmp al, 13 / ja .plain / je .return / cmp al, 10 / je .feed
    "3c09 740a 3c08 7456 3c07"  # cmp al, 9 / je .no / cmp al, 8 / je .back / cmp al, 7
    "7458 eb03"  # je .move / jmp .plain
    "f9 eb5a"  # .no: stc / jmp .out
    "52 42 3a164a00 5a 7204"  # .plain: push dx / inc dx / cmp dl, [4ah] / pop dx / jb .fits
    "38ce 73f0"  # cmp dh, cl / jae .no
    "50 52 a06200 b400"  # .fits: push ax / push dx / mov al, [62h] / mov ah, 0
    "f7264c00 89c7 5a 52 88f0"  # mul word [4ch] / mov di, ax / pop dx / push dx / mov al, dh
    "b400 f7264a00 5a 00d0 80d400"  # mov ah, 0 / mul word [4ah] / pop dx / add al, dl / adc ah, 0
    "d1e0 01c7 88ec b0ff 21c7"  # shl ax, 1 / add di, ax / mov ah, ch / mov al, 0ffh / and di, ax
    "58 268805 42 3a164a00 7214"  # pop ax / mov [es:di], al / inc dx / cmp dl, [4ah] / jb .move
    "fec6"  # inc dh
    "b200 eb0e"  # .return: mov dl, 0 / jmp .move
    "38ce 73b4 fec6 eb06"  # .feed: cmp dh, cl / jae .no / inc dh / jmp .move
    "80fa01 80d2ff"  # .back: cmp dl, 1 / adc dl, 0ffh
    "895750 e817ff f8"  # .move: mov [bx+50h], dx / call show / clc
    "58 5b 59 5a 5f 07 1f"  # .out: pop ax / pop bx / pop cx / pop dx / pop di / pop es / pop ds
    "c3"  # ret
)
"""02h, 03h and 0Fh; ``show`` gives DX, column and row, to the 6845; ``put`` puts AL on the screen,
or does nothing and returns with CF set."""
SHOWN = "int10-shown"
"""The name of the service behind the teletype."""
_PUT = 169
"""Where ``put`` begins."""


def install(chassis: Chassis, rom: Rom) -> int:
    """Put the code before INT 10h's service; return the offset of ``put`` in the ROM's segment.

    ``put``: a near routine that spoils no register.
    """
    shown = chassis.add_stub(SHOWN, _shown)
    return rom.precede(VIDEO_VECTOR, _FRONT + jump(*shown) + _BEHIND) + _PUT


def _shown(guest: Guest) -> Outcome:
    guest.output(CHANNEL, bytes((guest.registers.al,)))
    return DONE
