; ROBBER: frees its parent's memory and environment, takes memory, writes over it and ends with 7.
bits 16
org 100h

 mov ah,4Ah
 mov bx,20h
 int 21h
 mov es,[16h]
 mov ax,[es:2Ch]
 push ax
 mov ah,49h
 int 21h
 pop es
 jc .no
 mov ah,49h
 int 21h
 jc .no
 mov ah,48h
 mov bx,4
 int 21h
 jc .no
 mov dx,text
 mov ah,9
 int 21h
.no: mov ax,4C07h
 int 21h
text: db 'robbed, $'
