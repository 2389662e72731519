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
      mov dx,3c4h
      mov ax,0604h
      out dx,ax
      mov ax,0100h
      out dx,ax
      mov dx,3c2h
      mov al,0e3h
      out dx,al
      mov dx,3c4h
      mov ax,0300h
      out dx,ax
      mov dx,3d4h
      mov al,11h
      out dx,al
      inc dx
      in al,dx
      and al,7fh
      out dx,al
      dec dx
      mov si,t
      mov cx,10
s:    lodsw
      out dx,ax
      loop s
      mov ax,0a000h
      mov es,ax
      mov dx,3c4h
      mov bl,1
pl:   mov ah,bl
      mov al,2
      out dx,ax
      xor di,di
      mov cx,19200
y:    mov ax,di
      add al,ah
      xor al,bl
      stosb
      loop y
      shl bl,1
      cmp bl,16
      jne pl
      jmp stop
t:    dw 0d06h,3e07h,4109h,0ea10h,0ac11h,0df12h,0014h,0e715h,0616h,0e317h
stop: hlt
      jmp stop
