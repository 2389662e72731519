bits 16
org 7c00h
      cli
      xor ax,ax
      mov ds,ax
      mov es,ax
      mov ss,ax
      mov sp,7c00h
      mov ax,10h
      int 10h
      mov ax,0a000h
      mov es,ax
      mov dx,3ceh
      mov ax,0305h   ; write mode 3
      out dx,ax
      xor di,di
      mov bl,0
l:    mov al,0
      mov ah,bl
      out dx,ax      ; set/reset color
      mov al,8
      mov ah,bl
      rol ah,1
      or ah,81h
      out dx,ax      ; bit mask
      mov ax,0303h
      add ah,bl
      and ah,1fh
      out dx,ax      ; rotate + function
      mov cx,120
m:    mov al,[es:di]
      mov al,cl
      mov [es:di],al
      inc di
      loop m
      inc bl
      cmp bl,200
      jne l
      mov dx,3ceh
      mov ax,0005h
      out dx,ax
      mov ax,0003h
      out dx,ax
      mov ax,0ff08h
      out dx,ax
      ; 16 palette registers by INT 10h/1002
      push ds
      pop es
      mov dx,pal
      mov ax,1002h
      int 10h
      jmp stop
pal:  db 0,9,18,27,36,45,54,63,7,14,21,28,35,42,49,56,5
stop: hlt
      jmp stop
