bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,5
      int 10h
      mov ax,0b800h
      mov es,ax
      xor di,di
      mov cx,16384
l:    mov ax,di
      add al,ah
      stosb
      loop l
      mov dx,3d4h
      mov ax,010dh
      out dx,ax
      mov ax,100ch
      out dx,ax
stop: hlt
      jmp stop
