; No single hot loop: a byte-code machine with a jump table, a CRC by table, an insertion sort,
; decimal output with DIV, a recursive function.
%include "common.inc"
PROGRAM equ 0x100           ; 256 bytes of byte code
TABLE   equ 0x200           ; 256 words of a CRC
NUMBERS equ 0x400           ; 32 words to sort
DIGITS  equ 0x500
again:
    mov bp, [left]
    push es
    pop ds
    ; a pseudo-random program and numbers
    mov ax, bp
    mov di, PROGRAM
    mov cx, 256
random:
    shl ax, 1
    jnc .no
    xor ax, 0x1021
.no:
    mov [di], ah
    mov [di+NUMBERS-PROGRAM], al
    inc di
    loop random
    ; run it
    mov si, PROGRAM
    xor dx, dx
    mov cx, 256
step:
    lodsb
    mov bl, al
    and bx, 7
    shl bx, 1
    jmp [cs:bx+operations]
op_add:
    add dl, al
    jmp short stepped
op_sub:
    sub dh, al
    jmp short stepped
op_xor:
    xor dx, ax
    jmp short stepped
op_shift:
    shr dx, 1
    jnc stepped
    xor dx, 0xa001
    jmp short stepped
op_swap:
    xchg dl, dh
    jmp short stepped
op_if:
    cmp dl, al
    jbe stepped
    inc si
    dec cx
    jz stepped_all
    jmp short stepped
op_store:
    mov bx, dx
    and bx, 0x1fe
    mov [bx+TABLE], ax
    jmp short stepped
op_load:
    mov bx, dx
    and bx, 0x1fe
    add dx, [bx+TABLE]
stepped:
    loop step
stepped_all:
    ; CRC by table over the program
    mov si, PROGRAM
    mov cx, 256
crc:
    lodsb
    mov bl, dh
    xor bl, al
    xor bh, bh
    shl bx, 1
    mov dh, dl
    xor dl, dl
    xor dx, [bx+TABLE]
    loop crc
    ; insertion sort
    mov si, NUMBERS+2
sort:
    mov ax, [si]
    mov di, si
shift:
    cmp di, NUMBERS
    je place
    mov bx, [di-2]
    cmp bx, ax
    jle place
    mov [di], bx
    dec di
    dec di
    jmp short shift
place:
    mov [di], ax
    inc si
    inc si
    cmp si, NUMBERS+64
    jb sort
    ; the numbers in decimal
    mov si, NUMBERS
    mov di, DIGITS
decimal:
    lodsw
    mov bx, 10
digit:
    xor dx, dx
    div bx
    add dl, '0'
    mov [di], dl
    inc di
    test ax, ax
    jnz digit
    cmp si, NUMBERS+32
    jb decimal
    ; Ackermann-like recursion
    mov ax, 9
    call tree
    jmp over

tree:
    dec ax
    jle .leaf
    push ax
    call tree
    pop ax
    push ax
    dec ax
    call tree
    pop bx
.leaf:
    add dx, ax
    ret

    align 2
operations: dw op_add, op_sub, op_xor, op_shift, op_swap, op_if, op_store, op_load
over:
    AGAIN again
