org 100h
 mov sp,1000h
 mov bx,100h
 mov ah,4Ah
 int 21h
 mov [p+4],cs
 mov ax,4B00h
 mov bx,p
 mov dx,n
 push cs
 pop es
 int 21h
 jc bad
 mov ah,4Dh
 int 21h
 mov dl,al
 add dl,'0'
 mov ah,2
 int 21h
 mov ax,4C00h
 int 21h
bad: mov ah,4Ch
 int 21h
p dw 0,t,0,0,0,0,0
t db 0,13
n db 'CRASH.COM',0
