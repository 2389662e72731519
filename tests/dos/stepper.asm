; STEPPER: loads CHILD.COM by 4B01h and executes it step by step; prints how many steps it took.
org 100h
 mov sp,stack
 mov bx,(stack-$$+100h+15)/16
 mov ah,4Ah
 int 21h
 mov [block+4],cs
 mov ax,4B01h
 mov bx,block
 mov dx,name
 push cs
 pop es
 int 21h
 jc bad
 mov ah,51h            ; the child is current
 int 21h
 mov es,bx
 mov word [es:0Ah],back
 mov [es:0Ch],cs
 push es
 mov ax,2501h
 mov dx,trace
 int 21h
 pop es
 mov ss,[block+16]
 mov sp,[block+14]
 pop ax
 mov bx,100h|2         ; TF and IF
 push word [block+12+8]   ; CS at block+20
 pop cx
 pushf
 pop dx
 or dh,3
 push dx
 push word [cs:block+20]
 push word [cs:block+18]
 push es
 pop ds
 iret
trace: inc word [cs:steps]
 iret
back: push cs
 pop ds
 push cs
 pop ss
 mov sp,stack
 mov al,[steps]
 add al,'0'
 mov dl,al
 mov ah,2
 int 21h
 mov ah,4Dh
 int 21h
 add al,'0'
 mov dl,al
 mov ah,2
 int 21h
 mov al,0
bad: mov ah,4Ch
 int 21h
block dw 0,80h,0,5Ch,0,6Ch,0,0,0,0,0
name db 'CHILD.COM',0
steps dw 0
 times 128 db 0
stack:
