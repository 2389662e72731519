bits 16
org 7c00h
      mov ax,3
      int 10h
      mov dx,3D8h
      mov al,1
      out dx,al
      mov si,tab
      mov dx,3D4h
      mov cx,(tabe-tab)/2
q: lodsw
      out dx,ax
      loop q
      mov ax,0B800h
      mov es,ax
      xor di,di
      mov cx,8000
      mov ax,00DEh
l: stosw
      add ah,7
      mov bx,di
      test bx,001Fh
      jnz n
      add ah,33h
n: loop l
      mov dx,3D8h
      mov al,9
      out dx,al
h: hlt
      jmp h
tab: dw 7F04h,6406h,7007h,0109h,200Ah
tabe:
