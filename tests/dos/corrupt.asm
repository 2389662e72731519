; CORRUPT: spoils the memory chain, asks for memory (error 7), and mends it again.
bits 16
org 100h

 mov sp,400h
 mov ah,4Ah
 mov bx,40h
 int 21h
 mov ax,cs
 add ax,40h
 mov es,ax
 mov byte [es:0],'X'
 mov ah,48h
 mov bx,10h
 int 21h
 jnc bad
 cmp ax,7
 jne bad
 mov byte [es:0],'Z'
 mov ah,48h
 mov bx,10h
 int 21h
 jc bad
 mov dx,text
 mov ah,9
 int 21h
 mov ax,4C00h
 int 21h
bad: mov ax,4C01h
 int 21h
text: db 'mended$'
