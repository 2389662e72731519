; SHOUT: makes what DOS shows upper case by INT 29h; then counts the INT 10h/0Eh of a line.
org 100h
 mov ax,3529h
 int 21h
 mov [old29],bx
 mov [old29+2],es
 mov dx,int29
 mov ax,2529h
 int 21h
 mov dx,line           ; 09h, 40h, 02h, 06h: each keeps its registers
 mov cx,1234h
 mov ah,9
 int 21h
 cmp cx,1234h
 jne fail
 mov bx,1
 mov cx,4
 mov ah,40h
 int 21h
 jc fail
 cmp ax,4
 jne fail
 mov dl,'y'
 mov ah,2
 int 21h
 mov dl,'z'
 mov ah,6
 int 21h
 lds dx,[old29]
 mov ax,2529h
 int 21h
 push cs
 pop ds
 mov ax,3510h
 int 21h
 mov [old10],bx
 mov [old10+2],es
 mov dx,int10
 mov ax,2510h
 int 21h
 mov dx,line
 mov ah,9
 int 21h
 lds dx,[old10]
 mov ax,2510h
 int 21h
 push cs
 pop ds
 mov dl,[count]
 add dl,'0'
 mov ah,2
 int 21h
 mov ax,4C00h
 int 21h
fail: mov ax,4C01h
 int 21h
int29: cmp al,'a'
 jb .old
 cmp al,'z'
 ja .old
 sub al,32
.old: jmp far [cs:old29]
int10: cmp ah,0Eh
 jne .old
 inc byte [cs:count]
.old: jmp far [cs:old10]
old29 dd 0
old10 dd 0
count db 0
line db 'line',13,10,'$'
