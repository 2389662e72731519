bits 16
org 7c00h
      mov ax,5
      int 10h
      mov ax,0B800h
      mov es,ax
      xor di,di
      mov cx,4000h
l: mov ax,di
      add al,ah
      stosb
      loop l
      mov dx,3D9h
      mov al,36h
      out dx,al
h: hlt
      jmp h
