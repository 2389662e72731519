; ERRHOOK: writes to handles 1 and 2 and by INT 10h while it hooks INT 10h, then INT 29h.  Then a
; child, itself with an argument, ends in its hook while DOS shows what it wrote to handle 2.
cpu 8086
org 100h
        mov sp, stack
        mov bx, (stack - $$ + 100h + 15) / 16
        mov ah, 4Ah
        int 21h
        mov si, old10
        mov ax, 3510h
        call get
        mov si, old29
        mov ax, 3529h
        call get
        cmp byte [80h], 0
        jne child
        mov dx, int10
        mov ax, 2510h
        int 21h
        call write
        mov ax, 2510h
        call restore10
        mov dx, int29
        mov ax, 2529h
        int 21h
        call write
        lds dx, [old29]
        mov ax, 2529h
        int 21h
        push cs
        pop ds
        mov [block + 4], cs
        mov ax, 4B00h
        mov bx, block
        mov dx, name
        push cs
        pop es
        int 21h
        jc fail
        call write
        mov ax, 4C00h
        int 21h
fail:   mov ax, 4C01h
        int 21h

child:  mov dx, last
        mov ax, 2510h
        int 21h
        call write
        jmp fail

write:  mov bx, 1
        mov dx, said
        call show
        inc bx
        mov dx, erred
        call show
        mov ax, 0E00h + '.'
        mov bx, 7
        int 10h
        ret
show:   mov cx, 4
        mov ah, 40h
        int 21h
        cmp ax, 4
        jne fail
        ret
get:    int 21h
        mov [si], bx
        mov [si + 2], es
        ret
restore10:
        lds dx, [old10]
        int 21h
        push cs
        pop ds
        ret

last:   cmp al, 'e'             ; the first character of what goes to handle 2
        jne int10
        push cs
        pop ds
        mov ax, 2510h
        call restore10
        mov ax, 4C00h
        int 21h
int10:  jmp far [cs:old10]
int29:  jmp far [cs:old29]

old10   dd 0
old29   dd 0
said    db 'out', 9
erred   db 'err', 9
block   dw 0, tail, 0, 5Ch, 0, 6Ch, 0
tail    db 1, 'x', 13
name    db 'ERRHOOK.COM', 0
        times 128 db 0
stack:
