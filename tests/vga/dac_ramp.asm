bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,13h
      int 10h
      mov dx,3c8h
      mov al,10h
      out dx,al
      inc dx
      mov cx,600
p:    mov al,cl
      mul ch
      add al,cl
      out dx,al
      loop p
      mov ax,0a000h
      mov es,ax
      xor di,di
f:    mov ax,di
      mov dx,0
      mov bx,320
      div bx
      xor al,dl
      add al,dh
      stosb
      test di,di
      jnz f
      mov dx,3c6h
      mov al,0ffh
      out dx,al
      mov dx,3d4h
      mov ax,100ch
      out dx,ax
      mov ax,050dh
      out dx,ax
stop: hlt
      jmp stop
