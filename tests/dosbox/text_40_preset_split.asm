bits 16
org 7C00h
cli
xor ax,ax
mov ds,ax
mov es,ax
mov ss,ax
mov sp,7c00h
mov ax,1
int 10h
push es
push cs
pop es
mov bp,7c00h
mov ax,1100h
mov bx,1000h
mov cx,32
xor dx,dx
int 10h
pop es
mov ax,0b800h
mov es,ax
xor di,di
mov cx,4000h
mov ax,0700h
l: stosw
inc ax
and al,1fh
add ah,al
loop l
mov ah,1
mov cx,2000h
int 10h
mov ax,1003h
xor bx,bx
int 10h
mov si,tab
mov dx,3D4h
mov cx,(tabe-tab)/2
q: lodsw
out dx,ax
loop q
h: hlt
jmp h
tab: dw 550Dh
dw 0x08 | (9<<8)
dw 0x18 | (90<<8), 0F07h, 4F09h&0FFFFh
dw 0x09 | (0Fh<<8)
tabe:
