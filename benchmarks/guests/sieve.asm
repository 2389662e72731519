; Eratosthenes: the primes below 8190, one byte a number.
%include "common.inc"
again:
    push es
    pop ds
    xor di, di
    mov cx, 4095
    mov ax, 0x0101
fill:
    mov [di], ax
    inc di
    inc di
    loop fill
    xor dx, dx
    mov si, 2
each:
    cmp byte [si], 0
    je next
    mov di, si
    add di, si
    jmp short test_end
strike:
    mov byte [di], 0
    add di, si
test_end:
    cmp di, 8190
    jb strike
    inc dx
next:
    inc si
    cmp si, 8190
    jne each
    AGAIN again
