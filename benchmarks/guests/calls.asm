; Recursive Fibonacci numbers: calls, stack frames and returns.
%include "common.inc"
    jmp short again

fibonacci:
    push bp
    mov bp, sp
    mov ax, [bp+4]
    cmp ax, 2
    jb known
    dec ax
    push ax
    call fibonacci
    push ax
    mov ax, [bp+4]
    sub ax, 2
    push ax
    call fibonacci
    pop dx
    add ax, dx
known:
    pop bp
    ret 2

again:
    mov ax, 14
    push ax
    call fibonacci
    AGAIN again
