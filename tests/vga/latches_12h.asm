bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,12h
      int 10h
      mov ax,0a000h
      mov es,ax
      mov ds,ax
      mov dx,3c4h
      mov bx,0102h
pp:   mov ax,bx
      out dx,ax
      mov di,0
      mov cx,3200
q:    mov al,cl
      xor al,ch
      add al,bh
      stosb
      loop q
      shl bh,1
      cmp bh,10h
      jne pp
      mov ax,0f02h
      out dx,ax
      mov dx,3ceh
      mov ax,0105h
      out dx,ax
      mov si,0
      mov di,8000
      mov cx,3200
      rep movsb
      mov ax,0a05h
      out dx,ax   ; read mode 1, write mode 2
      mov ax,0502h
      out dx,ax   ; compare 5
      mov ax,0707h
      out dx,ax   ; care 7
      mov si,0
      mov di,16000
      mov cx,3000
r:    lodsb
      mov [es:di],al
      inc di
      loop r
      mov ax,0005h
      out dx,ax
      mov ax,0f01h
      out dx,ax
      mov ax,0900h
      out dx,ax
      mov ax,1003h
      out dx,ax
      mov ax,3c08h
      out dx,ax
      mov di,24000
      mov cx,3000
u:    mov al,[es:di-8000]
      mov [es:di],al
      inc di
      loop u
stop: hlt
      jmp stop
