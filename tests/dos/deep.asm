; DEEP n: prints n, runs itself with n-1 down to 0, prints the status of that, ends with status n.
org 100h
 mov sp,stack
 mov bx,(stack-$$+100h+15)/16
 mov ah,4Ah
 int 21h
 mov dl,[82h]          ; the digit
 mov [digit],dl
 mov ah,2
 int 21h
 cmp byte [digit],'0'
 je done
 mov al,[digit]
 dec al
 mov [tail+2],al
 mov [block+4],cs
 mov es,[2Ch]
 xor di,di
 xor al,al
 mov cx,-1
l: repne scasb
 scasb
 jne l
 lea dx,[di+2]         ; our own path
 push ds
 push es
 pop ds
 push cs
 pop es
 mov bx,block
 mov ax,4B00h
 int 21h
 pop ds
 jc bad
 mov ah,4Dh
 int 21h
 add al,'a'
 mov dl,al
 mov ah,2
 int 21h
done: mov al,[cs:digit]
 sub al,'0'
bad: mov ah,4Ch
 int 21h
block dw 0,tail,0,5Ch,0,6Ch,0
tail db 2,' 0',13
digit db 0
 times 128 db 0
stack:
