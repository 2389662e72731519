bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,6
      int 10h
      mov ax,0b800h
      mov es,ax
      xor di,di
      mov cx,4000h
l:    mov ax,di
      rol al,1
      xor al,ah
      stosb
      loop l
      mov cx,300
      mov ax,0c81h
      mov dx,90
k:    int 10h
      loop k
      mov ah,0bh
      mov bx,5
      int 10h
      mov ax,0601h
      mov cx,0203h
      mov dx,0a20h
      mov bh,0
      int 10h
stop: hlt
      jmp stop
