; ROBBED: runs ROBBER, which frees its memory; then it goes on, and asks for memory.
bits 16
org 100h

 mov sp,400h
 mov ah,4Ah
 mov bx,40h
 int 21h
 mov [block+4],cs
 mov [block+8],cs
 mov [block+12],cs
 mov dx,child
 mov bx,block
 mov ax,4B00h
 int 21h
 jc bad
 mov ah,4Dh
 int 21h
 cmp ax,7
 jne bad
 mov ah,48h
 mov bx,0FFFFh
 int 21h
 jnc bad
 cmp ax,8
 jne bad
 cmp bx,1000h
 jb bad
 mov dx,text
 mov ah,9
 int 21h
 mov ax,4C00h
 int 21h
bad: mov ax,4C01h
 int 21h
child: db 'ROBBER.COM',0
text: db 'and back$'
block: dw 0,tail,0,5Ch,0,6Ch,0
tail: db 0,13
