bits 16
org 7c00h
      mov dx,3BFh
      mov al,3
      out dx,al
      mov dx,3B8h
      mov al,2
      out dx,al
      mov si,tab
      mov dx,3B4h
      xor cx,cx
c: mov al,cl
      out dx,al
      inc dx
      cs lodsb
      out dx,al
      dec dx
      inc cx
      cmp cx,12
      jb c
      mov ax,0B000h
      mov es,ax
      xor di,di
      mov cx,8000h
f: mov ax,di
      xor al,ah
      stosb
      loop f
      mov ax,0B800h
      mov es,ax
      xor di,di
      mov cx,8000h
      mov al,55h
      rep stosb
      mov dx,3B8h
      mov al,8Ah
      out dx,al
h: hlt
      jmp h
tab: db 35h,2Dh,2Eh,07h,5Bh,02h,57h,57h,02h,03h,00h,00h
