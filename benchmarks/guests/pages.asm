; Walks over 512 KiB and stores to all of it, again and again: 2048 pages change in a round.
%include "common.inc"
again:
    mov bx, 0x1000
    mov dx, [left]
segment_:
    mov ds, bx
    xor di, di
store:
    mov [di], dx
    add dx, 0x9e37
    inc di
    inc di
    jnz store
    add bx, 0x1000
    cmp bx, 0x9000
    jne segment_
    AGAIN again
