"""A DOS program with functions of every kind, for tests of backtraces.

``COM`` is what ``nasm -f bin`` makes of ``SOURCE``; tests need no assembler.
"""

SOURCE = """\
    org 100h
    jmp start
hook:                       ; an interrupt handler without a frame
    push ax
    push ds
    inc word [cs:count]
    pop ds
    pop ax
    iret
far_function:               ; far, with a BP frame, calls an interrupt
    push bp
    mov bp, sp
    push si
    mov si, [bp+6]
    int 60h
    pop si
    pop bp
    retf 2
frameless:                  ; without a BP frame, BP kept for the caller
    push cx
    push bp
    mov cx, 3
    xor bp, bp
.again:
    call leaf
    loop .again
    pop bp
    pop cx
    ret
leaf:
    inc dx
    jz .never
    ret
.never:
    jmp $
pascal:                     ; takes its two arguments with it
    push bp
    mov bp, sp
    sub sp, 200h
    mov ax, [bp+4]
    add ax, [bp+6]
    mov sp, bp
    pop bp
    ret 4
choose:                     ; jumps through a table
    push bp
    mov bp, sp
    mov bx, [bp+4]
    shl bx, 1
    jmp [cs:bx+table]
.one:
    mov ax, 1
    jmp .done
.two:
    mov ax, 2
.done:
    pop bp
    ret
table:
    dw choose.one, choose.two
factorial:
    push bp
    mov bp, sp
    mov ax, [bp+4]
    cmp ax, 1
    jbe .one
    dec ax
    push ax
    call factorial
    pop cx
    mul word [bp+4]
.one:
    mov sp, bp
    pop bp
    ret
tail:                       ; ends in another function
    push di
    call leaf
    pop di
    jmp leaf
start:
    mov ax, 4
    push ax
    call factorial
    add sp, 2
    call frameless
    call tail
    push ax
    push ax
    call pascal
    push ax
    mov ax, 1
    push ax
    call choose
    pop cx
    pop cx
    xor ax, ax
    mov es, ax
    mov word [es:60h*4], hook
    mov [es:60h*4+2], cs
    push ax
    push cs                 ; a far function called near
    call far_function
    mov ax, cs              ; and in another segment than ours
    add ax, 10h
    mov [pointer+2], ax
    push ax
    call far [pointer]
    push bp
    mov bp, sp
    pop bp
    mov ax, 4C00h
    int 21h
count: dw 0
pointer: dw far_function - 100h, 0
"""

COM = bytes.fromhex(
    "eb7a501e2eff06c6011f58cf5589e5568b7606cd605e5dca02005155b9030031ede80500e2fb5d59"
    "c3427401c3ebfe5589e581ec00028b460403460689ec5dc204005589e58b5e04d1e32effa75901b8"
    "0100eb03b802005dc34f0154015589e58b460483f80176094850e8f0ff59f7660489ec5dc357e8b0"
    "ff5febadb8040050e8daff83c402e891ffe8e9ff5050e89eff50b8010050e8a9ff595931c08ec026"
    "c70680010201268c0e8201500ee85cff8cc883c010a3ca0150ff1ec8015589e55db8004ccd210000"
    "0c000000"
)

LABELS = {
    "hook": 0x102,
    "far_function": 0x10C,
    "frameless": 0x11A,
    "leaf": 0x129,
    "pascal": 0x12F,
    "choose": 0x142,
    "factorial": 0x15D,
    "tail": 0x175,
    "start": 0x17C,
}
"""Offsets of the functions in their segment."""

SEGMENT = 0x0300
"""Where .COM programs are loaded: the segment of their PSP."""
