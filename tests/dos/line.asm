org 100h
 mov dx,p
 mov ah,9
 int 21h
 mov dx,b
 mov ah,0Ah
 int 21h
 mov dx,nl
 mov ah,9
 int 21h
 mov si,b+2
 mov al,[b+1]
 cbw
 mov cx,ax
l: lodsb
 mov dl,al
 mov ah,2
 int 21h
 loop l
 mov ah,1
 int 21h
 ret
p db 'name? $'
nl db 13,10,'got $'
b db 20,0
 times 30 db 0
