; Resets INT 33h and says what there is; after a key, buttons, position, motion and presses of the left button.
cpu 8086
org 100h
 mov ax,0
 int 33h
 call hex
 mov ax,bx
 call hex
 mov ax,24h
 int 33h
 mov ax,bx
 call hex
 mov ax,cx
 call hex
 mov ax,1
 int 33h
 mov dl,'R'
 mov ah,2
 int 21h
.w: mov ah,1
 int 16h
 jz .w
 mov ah,0
 int 16h
 mov ax,3
 int 33h
 push dx
 push cx
 mov ax,bx
 call hex
 pop ax
 call hex
 pop ax
 call hex
 mov ax,0bh
 int 33h
 push dx
 mov ax,cx
 call hex
 pop ax
 call hex
 mov ax,5
 mov bx,0
 int 33h
 mov ax,bx
 call hex
 mov dl,'.'
 mov ah,2
 int 21h
 mov ax,4c00h
 int 21h
hex: push ax
 mov al,ah
 call b
 pop ax
 call b
 mov dl,' '
 mov ah,2
 int 21h
 ret
b: push ax
 mov cl,4
 shr al,cl
 call d
 pop ax
d: and al,15
 add al,90h
 daa
 adc al,40h
 daa
 mov dl,al
 mov ah,2
 int 21h
 ret
