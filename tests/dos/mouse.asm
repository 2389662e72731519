; MOUSE: installs a handler for moves and the left button, waits for it, and prints what it got.
org 100h
 xor ax,ax
 int 33h
 mov ax,0Ch
 mov cx,3
 mov dx,handler
 push ds
 pop es
 int 33h
wait1: mov ah,1
 int 16h
 sti
 hlt
 cmp byte [seen],0
 je wait1
 mov ax,[event]
 call hex
 call space
 mov ax,[event+2]
 call hex
 call space
 mov ax,[event+4]
 call hex
 call space
 mov ax,[event+6]
 call hex
 mov ax,4C00h
 int 21h
handler: mov [cs:event],ax
 mov [cs:event+2],bx
 mov [cs:event+4],cx
 mov [cs:event+6],dx
 mov byte [cs:seen],1
 xor ax,ax
 xor bx,bx
 retf
space: mov dl,' '
 mov ah,2
 int 21h
 ret
hex: mov cx,4
.next: push cx
 mov cl,4
 rol ax,cl
 pop cx
 push ax
 and al,0Fh
 add al,'0'
 cmp al,'9'
 jbe .show
 add al,7
.show: mov dl,al
 mov ah,2
 int 21h
 pop ax
 loop .next
 ret
seen db 0
event dw 0,0,0,0
