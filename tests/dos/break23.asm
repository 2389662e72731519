; BREAK23: hooks INT 23h; Ctrl-C while it waits prints C and goes on waiting (IRET), the second
; time ends it by RETF with CF.
org 100h
 mov ax,2523h
 mov dx,h
 int 21h
 mov ah,8
 int 21h
 mov dl,al
 mov ah,2
 int 21h
 mov ax,4C07h
 int 21h
h: push ax
 push dx
 mov dl,'C'
 mov ah,2
 int 21h
 pop dx
 pop ax
 inc byte [cs:n]
 cmp byte [cs:n],2
 je second
 iret
second: stc
 retf
n db 0
