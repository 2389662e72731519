; DIVIDE: runs itself once more with an argument; the child divides by zero, the parent says so.
org 100h
 cmp byte [80h],0
 je parent
 xor cx,cx
 div cx
parent: mov sp,stack
 mov bx,(stack-$$+100h+15)/16
 mov ah,4Ah
 int 21h
 mov [block+4],cs
 mov ax,4B00h
 mov bx,block
 mov dx,name
 push cs
 pop es
 int 21h
 jc bad
 mov dx,m
 mov ah,9
 int 21h
 mov al,0
bad: mov ah,4Ch
 int 21h
block dw 0,tail,0,5Ch,0,6Ch,0
tail db 1,'x',13
name db 'DIVIDE.COM',0
m db 'parent$'
 times 128 db 0
stack:
