; ASK24 A|R|I|F [D]: opens A:\X (D: writes to a write-protected A:\X) with an INT 24h that answers
; so, R twice and then F.  Prints how often it was asked, AH and DI, and AX, CF and 59h's AX then.
; ASK24 *: executes ASK24 A and prints what 4Dh tells.
cpu 8086
org 100h
 mov sp,stack
 mov bx,(stack-$$+100h+15)/16
 mov ah,4Ah
 int 21h
 mov al,[82h]
 cmp al,'*'
 je parent
 mov dx,int24
 mov ax,2524h
 int 21h
 cmp byte [84h],'D'
 je data
 mov dx,name
 mov ax,3D00h
 int 21h
 jmp tell
data: mov dx,name
 mov ax,3D02h
 int 21h
 jc tell
 mov bx,ax
 mov dx,name
 mov cx,3
 mov ah,40h
 int 21h
tell: pushf
 push ax
 mov al,[asked]
 cbw
 call hex
 mov al,[how]
 cbw
 call hex
 mov ax,[code]
 call hex
 pop ax
 call hex
 popf
 sbb ax,ax
 call hex
 mov ah,59h
 xor bx,bx
 int 21h
 call hex
 mov ax,4C00h
 int 21h
int24: inc byte [cs:asked]
 mov [cs:how],ah
 mov [cs:code],di
 mov al,2
 cmp byte [cs:82h],'A'
 je .back
 mov al,0
 cmp byte [cs:82h],'I'
 je .back
 mov al,3
 cmp byte [cs:82h],'F'
 je .back
 cmp byte [cs:asked],3
 je .back
 mov al,1
.back: iret
parent: mov [block+4],cs
 mov dx,self
 mov bx,block
 mov ax,4B00h
 int 21h
 jc failed
 mov ah,4Dh
 int 21h
failed: call hex
 mov ax,4C00h
 int 21h
hex: push cx
 mov cx,4
.digit: push cx
 mov cl,4
 rol ax,cl
 push ax
 and al,15
 add al,'0'
 cmp al,'9'
 jbe .show
 add al,7
.show: mov dl,al
 mov ah,2
 int 21h
 pop ax
 pop cx
 loop .digit
 mov dl,' '
 mov ah,2
 int 21h
 pop cx
 ret
asked db 0
how db 0
code dw 0
block dw 0,tail,0,0,0,0,0
tail db 2,' A',13
self db 'ASK24.COM',0
name db 'A:\X',0
 times 256 db 0
stack:
