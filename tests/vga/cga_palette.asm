bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,4
      int 10h
      mov ah,0bh
      mov bx,0101h
      int 10h
      mov ah,0bh
      mov bx,0014h
      int 10h
      mov ax,0b800h
      mov es,ax
      xor di,di
      mov cx,16384
l:    mov ax,di
      xor al,ah
      stosb
      loop l
      mov ax,0c03h
      mov cx,100
      mov dx,50
k:    int 10h
      loop k
      mov ax,0e57h
      mov bx,3
      int 10h
stop: hlt
      jmp stop
