; Copying and summing: LODS, STOS, MOVS, word and byte sums over 4 KiB.
%include "common.inc"
again:
    push es
    pop ds
    xor si, si
    mov di, 0x5000
    mov cx, 4096
copy:
    lodsb
    xor al, dl
    add dl, al
    stosb
    loop copy
    mov si, 0x5000
    mov cx, 2048
    xor bx, bx
sum:
    lodsw
    add bx, ax
    rol bx, 1
    loop sum
    mov si, 0x5000
    mov di, 0x7000
    mov cx, 2048
move:
    movsw
    loop move
    AGAIN again
