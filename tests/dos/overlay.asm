; OVERLAY: loads ADDER.COM as an overlay and calls it.
org 100h
 mov sp,stack
 mov bx,(stack-$$+100h+15)/16
 mov ah,4Ah
 int 21h
 mov ah,48h
 mov bx,10h
 int 21h
 jc bad
 mov [block],ax
 mov [block+2],ax
 mov [entry+2],ax
 mov ax,4B03h
 mov bx,block
 mov dx,name
 push cs
 pop es
 int 21h
 jc bad
 mov al,3
 call far [entry]
 add al,'0'
 mov dl,al
 mov ah,2
 int 21h
 mov al,0
bad: mov ah,4Ch
 int 21h
block dw 0,0
entry dd 0
name db 'ADDER.COM',0
 times 128 db 0
stack:
