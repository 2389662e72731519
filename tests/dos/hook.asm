; HOOK: counts keys (INT 9), answers INT 21h/DEh with the count in AL, and stays.
org 100h
 jmp start
old9 dd 0
old21 dd 0
count db 0
int9: inc byte [cs:count]
 jmp far [cs:old9]
int21: cmp ah,0DEh
 jne .other
 mov al,[cs:count]
 iret
.other: jmp far [cs:old21]
start: mov ax,3509h
 int 21h
 mov [old9],bx
 mov [old9+2],es
 mov ax,3521h
 int 21h
 mov [old21],bx
 mov [old21+2],es
 mov dx,int9
 mov ax,2509h
 int 21h
 mov dx,int21
 mov ax,2521h
 int 21h
 mov dx,start+15
 int 27h
