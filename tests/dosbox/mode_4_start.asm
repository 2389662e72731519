bits 16
org 7c00h
      mov ax,4
      int 10h
      mov ax,0B800h
      mov es,ax
      xor di,di
      mov cx,4000h
l: mov ax,di
      xor al,ah
      stosb
      loop l
      mov dx,3D9h
      mov al,11h
      out dx,al
      mov dx,3D4h
      mov ax,280Dh
      out dx,ax
h: hlt
      jmp h
