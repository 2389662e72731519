; USEHOOK: runs HOOK.COM, waits for a key, and prints how many interrupts that were.
org 100h
 mov sp,stack
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
 mov ah,4Dh
 int 21h
 mov al,ah
 add al,'0'
 mov dl,al
 mov ah,2
 int 21h
 mov ah,0
 int 16h
 mov ah,0DEh
 int 21h
 add al,'0'
 mov dl,al
 mov ah,2
 int 21h
 mov al,0
bad: mov ah,4Ch
 int 21h
block dw 0,80h,0,5Ch,0,6Ch,0
name db 'HOOK.COM',0
 times 128 db 0
stack:
