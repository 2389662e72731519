"""What programs call INT 10h for in loops, as 8086 code in ROM: the cursor, cells, windows.

It does what `int10` does, which follows where something is unusual: dots, a tab, a page that does
not lie in one piece.  The teletype goes on to a service that has nothing to do but to show the
character outside, and where nothing is unusual native code does that (`hot_text`).  As in IBM's
BIOS interrupts are let in where much is moved, and only there.
Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

from blink16.bios.int10 import CHANNEL, Outlet
from blink16.bios.rom import Rom, jump
from blink16.devices.cells import USUAL, USUAL_SHOWN
from blink16.memory import linear
from blink16.services import DONE, Chassis, Guest, Outcome

VIDEO_VECTOR = 0x10
_FRONT = bytes.fromhex(
    "80fc0e 7421 80fc02 743d"  # front: cmp ah, 0eh / je teletype / cmp ah, 02h / je set_cursor
    "80fc03 7461 80fc0f 7478"  # cmp ah, 03h / je get_cursor / cmp ah, 0fh / je get_mode
    "80fc06 7223 80fc08 7212"  # cmp ah, 06h / jb shape / cmp ah, 08h / jb window
    "80fc0a 7613"  # cmp ah, 0ah / jbe cells
    "e9f402"  # service: jmp the_service
    "e87d02 72f8"  # teletype: call put / jc service
)
_BEHIND = bytes.fromhex(
    "e8a801 72ee cf"  # window: call scroll / jc service / iret
    "e83201 72e8 cf"  # cells: call write_cells / jc service / iret
    "80fc01 75e2 e80701 72dd"  # shape: cmp ah, 01h / jne service / call set_shape / jc service
    "cf"  # iret
    "80ff07 77d7 1e 52 51"  # set_cursor: cmp bh, 7 / ja service / push ds / push dx / push cx
    "53 50 b84000 8ed8 88f9"  # push bx / push ax / mov ax, 40h / mov ds, ax / mov cl, bh
    "88fb b700 d1e3 895750"  # mov bl, bh / mov bh, 0 / shl bx, 1 / mov [bx+50h], dx
    "3a0e6200 7503 e83b00 58"  # cmp cl, [62h] / jne .done / call show / .done: pop ax
    "5b 59 5a 1f cf"  # pop bx / pop cx / pop dx / pop ds / iret
    "80ff07 77ae 1e 53"  # get_cursor: cmp bh, 7 / ja service / push ds / push bx
    "b94000 8ed9 88fb b700 d1e3"  # mov cx, 40h / mov ds, cx / mov bl, bh / mov bh, 0 / shl bx, 1
    "8b5750 8b0e6000 5b 1f cf"  # mov dx, [bx+50h] / mov cx, [60h] / pop bx / pop ds / iret
    "1e b84000 8ed8 a08700"  # get_mode: push ds / mov ax, 40h / mov ds, ax / mov al, [87h]
    "2480 0a064900 8a264a00"  # and al, 80h / or al, [49h] / mov ah, [4ah]
    "8a3e6200 1f cf"  # mov bh, [62h] / pop ds / iret
    "88f0 b400 89d1 f7264a00"  # show: mov al, dh / mov ah, 0 / mov cx, dx / mul word [4ah]
    "b500 01c1 8b164e00 d1ea"  # mov ch, 0 / add cx, ax / mov dx, [4eh] / shr dx, 1
    "01d1 b00e"  # add cx, dx / mov al, 14
    "8b166300 ee 42 86c5"  # pair: mov dx, [63h] / out dx, al / inc dx / xchg al, ch
    "ee 4a 86c5 40 ee 42"  # out dx, al / dec dx / xchg al, ch / inc ax / out dx, al / inc dx
    "88c8 ee c3"  # mov al, cl / out dx, al / ret
    "bb4000 8edb bb00b8"  # text: mov bx, 40h / mov ds, bx / mov bx, 0b800h
    "8a0e4900 80f903 7607 b7b0"  # mov cl, [49h] / cmp cl, 3 / jbe .text / mov bh, 0b0h
    "80f907 7525 8ec3 803e4b0000"  # cmp cl, 7 / jne .no / .text: mov es, bx / cmp byte [4bh], 0
    "751c 8a1e6200 b700 80fb07 7711"  # jne .no / mov bl, [62h] / mov bh, 0 / cmp bl, 7 / ja .no
    "b9183f 803e870000 7406 b57f"  # mov cx, 3f18h / cmp byte [87h], 0 / je .done / mov ch, 7fh
    "8a0e8400 c3 f9 c3"  # mov cl, [84h] / .done: ret / .no: stc / ret
    "89df d1e7 8b5550 38f1"  # cursor: mov di, bx / shl di, 1 / mov dx, [di+50h] / cmp cl, dh
    "7221 3a164a00 f5 721a"  # jb place.done / cmp dl, [4ah] / cmc / jb place.done
    "52 a04a00 f6e6 b600"  # place: push dx / mov al, [4ah] / mul dh / mov dh, 0
    "01d0 d1e0 89c7 a14c00 f7e3"  # add ax, dx / shl ax, 1 / mov di, ax / mov ax, [4ch] / mul bx
    "01f8 20ec 97 5a f8 c3"  # add ax, di / and ah, ch / xchg ax, di / pop dx / clc / .done: ret
    "48 80fc40 f5 7207 d1e0"  # fits: dec ax / cmp ah, 40h / cmc / jc .done / shl ax, 1
    "40 01f8 38e5 c3"  # inc ax / add ax, di / cmp ch, ah / .done: ret
    "1e 52 51 50 b84000"  # set_shape: push ds / push dx / push cx / push ax / mov ax, 40h
    "8ed8 803e870001 f5 720a"  # mov ds, ax / cmp byte [87h], 1 / cmc / jc .done
    "890e6000 b00a e858ff f8 58"  # mov [60h], cx / mov al, 10 / call pair / clc / .done: pop ax
    "59 5a 1f c3"  # pop cx / pop dx / pop ds / ret
    "80ff08 f5 7269 1e 06"  # write_cells: cmp bh, 8 / cmc / jc leave.done / push ds / push es
    "56 57 52 51 53 50 55"  # push si / push di / push dx / push cx / push bx / push ax / push bp
    "89e5 e851ff 7250 8a5e05"  # mov bp, sp / call text / jc leave / mov bl, [bp+5]
    "e888ff 7248 807e0309 723b"  # call cursor / jc leave / cmp byte [bp+3], 09h / jb .read
    "88c8 28f0 f6264a00 03064a00"  # mov al, cl / sub al, dh / mul byte [4ah] / add ax, [4ah]
    "b600 29d0 3b4606 7603"  # mov dh, 0 / sub ax, dx / cmp ax, [bp+6] / jbe .few
    "8b4606 89c2 e890ff 7223"  # mov ax, [bp+6] / .few: mov dx, ax / call fits / jc leave
    "89d1 8b4602 80fc09 8a6604"  # mov cx, dx / mov ax, [bp+2] / cmp ah, 09h / mov ah, [bp+4]
    "9c fb fc 7504 f3ab eb04"  # pushf / sti / cld / jne .codes / rep stosw / jmp .done
    "aa 47 e2fc 9d f8"  # .codes: stosb / inc di / loop .codes / .done: popf / clc
    "eb07 268b05 894602 f8"  # jmp leave / .read: mov ax, [es:di] / mov [bp+2], ax / clc
    "5d 58 5b 59 5a 5f 5e"  # leave: pop bp / pop ax / pop bx / pop cx / pop dx / pop di / pop si
    "07 1f c3"  # pop es / pop ds / .done: ret
    "1e 06 56 57 52 51"  # scroll: push ds / push es / push si / push di / push dx / push cx
    "53 50 55 89e5 e8e7fe"  # push bx / push ax / push bp / mov bp, sp / call text
    "72e6 ba0000 e830ff 88c8 b400"  # jc leave / mov dx, 0 / call place / mov al, cl / mov ah, 0
    "40 f7264a00 e83fff 72d2"  # inc ax / mul word [4ah] / call fits / jc leave
    "8b5608 38ce 7602 88ce"  # mov dx, [bp+8] / cmp dh, cl / jbe .high / mov dh, cl
    "a04a00 48 38c2 7602"  # .high: mov al, [4ah] / dec ax / cmp dl, al / jbe .wide
    "88c2 8b4e06 28ee 7269"  # mov dl, al / .wide: mov cx, [bp+6] / sub dh, ch / jb .none
    "28ca 7265 a04a00 f6e5 b500"  # sub dl, cl / jb .none / mov al, [4ah] / mul ch / mov ch, 0
    "01c8 d1e0 01c7 8b1e4a00"  # add ax, cx / shl ax, 1 / add di, ax / mov bx, [4ah]
    "d1e3 807e0306 740b a04a00"  # shl bx, 1 / cmp byte [bp+3], 06h / je .up / mov al, [4ah]
    "f6e6 d1e0 01c7 f7db"  # mul dh / shl ax, 1 / add di, ax / neg bx
    "8a4e02 88f0 b400 b600"  # .up: mov cl, [bp+2] / mov al, dh / mov ah, 0 / mov dh, 0
    "40 42 e304 39c1 7202"  # inc ax / inc dx / jcxz .all / cmp cx, ax / jb .some
    "89c1 29c8 9c fb fc"  # .all: mov cx, ax / .some: sub ax, cx / pushf / sti / cld
    "ff7604 06 1f 50 52"  # push word [bp+4] / push es / pop ds / push ax / push dx
    "89d8 f7e1 89fe 01c6 5a"  # mov ax, bx / mul cx / mov si, di / add si, ax / pop dx
    "58 29d3 29d3 7516 89d5"  # pop ax / sub bx, dx / sub bx, dx / jnz .rows / mov bp, dx
    "f7e2 91 f3a5 f7e5 89c1"  # mul dx / xchg ax, cx / rep movsw / mul bp / mov cx, ax
    "58 b020 f3ab eb1f f8"  # pop ax / mov al, 20h / rep stosw / jmp .filled / .none: clc
    "e94bff 89cd 48 780a"  # jmp leave / .rows: mov bp, cx / .move: dec ax / js .rest
    "89d1 f3a5 01de 01df ebf3"  # mov cx, dx / rep movsw / add si, bx / add di, bx / jmp .move
    "58 b020 89d1 f3ab"  # .rest: pop ax / mov al, 20h / .fill: mov cx, dx / rep stosw
    "01df 4d 75f7 9d f8"  # add di, bx / dec bp / jnz .fill / .filled: popf / clc
    "e92bff"  # jmp leave
    "1e 06 56 57 52 51"  # put: push ds / push es / push si / push di / push dx / push cx
    "53 50 55 89e5 e81cfe 724b"  # push bx / push ax / push bp / mov bp, sp / call text / jc .out
    "e856fe 7246 8a4602 3c0d"  # call cursor / jc .out / mov al, [bp+2] / cmp al, 13
    "7712 7440 3c0a 7418 3c09"  # ja .plain / je .return / cmp al, 10 / je .feed / cmp al, 9
    "7434 3c08 7438 3c07 743a"  # je .no / cmp al, 8 / je .back / cmp al, 7 / je .move
    "268805 42 3a164a00 7230"  # .plain: mov [es:di], al / inc dx / cmp dl, [4ah] / jb .move
    "b200 38ce 7304 fec6"  # mov dl, 0 / .feed: cmp dh, cl / jae .scroll / inc dh
    "eb26 e836fe 52 53"  # jmp .move / .scroll: call place / push dx / push bx
    "268a7d01 b90000 b2ff b80106"  # mov bh, [es:di+1] / mov cx, 0 / mov dl, 0ffh / mov ax, 0601h
    "e8dffe 5b 5a 730e f9"  # call scroll / pop bx / pop dx / jnc .move / .no: stc
    "e9cdfe b200 eb06"  # .out: jmp leave / .return: mov dl, 0 / jmp .move
    "80fa01 80d2ff d1e3"  # .back: cmp dl, 1 / adc dl, 0ffh / .move: shl bx, 1
    "895750 e88ffd f8 e9b7fe"  # mov [bx+50h], dx / call show / clc / jmp leave
)
"""The functions, and near routines, which return with CF set where they have done nothing.

``put`` puts AL on the screen, ``scroll`` and ``write_cells`` do 06h to 0Ah, ``set_shape`` 01h.

``text``: to DS the data area, to ES the screen, to BX the page that is seen, to CL the last row,
to CH the high byte of the last offset in the adapter's memory; CF: something there is unusual.
``cursor``: to DX where page BX has its cursor, to DI that cell's offset; CF: it is off the screen.
``place``: to DI the offset of cell DX.  ``fits``: CF if the AX cells from DI on don't lie in one
piece.  ``show`` gives DX, column and row, to the 6845, ``pair`` CX to registers AL and AL+1.
"""
SHOWN = "int10-shown"
"""The name of the service behind the teletype."""


def install(chassis: Chassis, rom: Rom, outlet: Outlet) -> None:
    """Put the code before INT 10h's service."""
    usual = USUAL.view(chassis.registers.state)

    def show(guest: Guest) -> Outcome:
        channel = outlet.show(guest, bytes((guest.registers.al,)))
        if channel == CHANNEL and guest.may_say_later:
            usual[USUAL_SHOWN] = linear(*shown)  # native code does the next
        return DONE

    shown = chassis.add_stub(SHOWN, show)
    rom.precede(VIDEO_VECTOR, _FRONT + jump(*shown) + _BEHIND)
