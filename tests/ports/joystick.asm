; A boot sector that calibrates a joystick as games do: at each press of button A it counts how often
; bits 0 and 1 of port 201h are still set, and how long that took in ticks of the 8253.
bits 16
cpu 8086
org 7c00h
start:  cli
        cld
        xor ax,ax
        mov ds,ax
        mov es,ax
        mov al,34h              ; timer 0, mode 2, 65536
        out 43h,al
        mov al,0
        out 40h,al
        out 40h,al
        mov di,600h
        mov dx,201h
press:  in al,dx
        test al,10h
        jnz press
        call measure
let_go: in al,dx
        test al,10h
        jz let_go
        jmp press
measure:
        xor bx,bx
        xor bp,bp
        mov cx,2000             ; a stick that is not there ends it
        call ticks
        mov si,ax
        out dx,al
still:  in al,dx
        test al,3
        jz over
        shr al,1
        adc bx,0
        shr al,1
        adc bp,0
        loop still
over:   call ticks
        sub si,ax
        mov ax,bx
        stosw
        mov ax,bp
        stosw
        mov ax,si
        stosw
        ret
ticks:  mov al,0
        out 43h,al
        in al,40h
        mov ah,al
        in al,40h
        xchg al,ah
        ret
