; runs MOVER.COM and ends with its status and 2
org 100h
 mov bx,100h
 mov ah,4Ah
 int 21h
 mov [block+4],cs
 mov [block+8],cs
 mov [block+12],cs
 mov dx,name
 mov bx,block
 mov ax,4B00h
 int 21h
 mov ah,4Dh
 int 21h
 add al,2
 mov ah,4Ch
 int 21h
block dw 0,80h,0,5Ch,0,6Ch,0
name db 'MOVER.COM',0
