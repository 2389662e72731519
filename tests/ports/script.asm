; A boot sector that does what a script at 0000:8000 says to the ports, and prints what it reads on E9h.
bits 16
cpu 8086
org 7c00h
start:  cli
        xor ax,ax
        mov ds,ax
        mov es,ax
        mov ss,ax
        mov sp,7c00h
        sti
        mov ax,0210h            ; 16 sectors of script to 8000h
        mov bx,8000h
        mov cx,2
        xor dx,dx
        int 13h
        cli
        mov si,8000h
        cld
        ; count interrupts 6, 14, 8, 7, 15 in bytes 600h + irq
        mov di,0eh*4
        mov ax,irq6
        call hook
        mov di,76h*4
        mov ax,irq14
        call hook
        mov di,70h*4
        mov ax,irq8
        call hook
        mov di,0fh*4
        mov ax,irq7
        call hook
        mov di,77h*4
        mov ax,irq15
        call hook
        xor ax,ax
        mov di,600h
        mov cx,16
        rep stosw
next:   lodsb
        cmp al,(tend-table)/2
        jae done
        cbw
        shl ax,1
        mov bx,ax
        lodsw
        mov dx,ax
        call [table+bx]
        jmp next
table:  dw done,o_out,o_in,o_wait,o_fill,o_dump,o_ins,o_outs,o_outw,o_inw,o_mark,o_irq,o_delay
tend:
hook:   stosw
        xor ax,ax
        stosw
        ret
done:   mov al,10
        out 0e9h,al
        cli
        mov al,0feh
        out 64h,al
h:      hlt
        jmp h
o_out:  lodsb
        out dx,al
        ret
o_in:   in al,dx
emit:   push ax
        mov cl,4
        shr al,cl
        call nib
        pop ax
nib:    and al,15
        add al,90h
        daa
        adc al,40h
        daa
        out 0e9h,al
        ret
o_wait: lodsw                   ; al mask, ah value
        mov bx,ax
        xor cx,cx
        mov di,40
w1:     in al,dx
        and al,bl
        cmp al,bh
        je w2
        loop w1
        dec di
        jnz w1
        mov al,'T'
        out 0e9h,al
w2:     ret
o_fill: mov es,dx               ; dx segment; offset, length, byte
        lodsw
        mov di,ax
        lodsw
        mov cx,ax
        lodsb
f1:     stosb
        add al,[si]
        loop f1
        inc si
        xor ax,ax
        mov es,ax
        ret
o_dump: lodsw
        mov di,ax
        lodsw
        mov cx,ax
        mov es,dx
        xor bx,bx
d1:     rol bx,1
        add bl,[es:di]
        adc bh,0
        inc di
        loop d1
        xor ax,ax
        mov es,ax
        mov al,bh
        push bx
        call emit
        pop ax
        jmp emit
o_ins:  lodsw                   ; port; segment, offset, words
        mov es,ax
        lodsw
        mov di,ax
        lodsw
        mov cx,ax
i1:     in ax,dx
        stosw
        loop i1
        xor ax,ax
        mov es,ax
        ret
o_outs: lodsw
        mov bx,ax
        lodsw
        mov di,ax
        lodsw
        mov cx,ax
        mov es,bx
u1:     mov ax,[es:di]
        inc di
        inc di
        out dx,ax
        loop u1
        xor ax,ax
        mov es,ax
        ret
o_outw: lodsw
        out dx,ax
        ret
o_inw:  in ax,dx
        push ax
        mov al,ah
        call emit
        pop ax
        jmp emit
o_mark: mov al,dl
        out 0e9h,al
        ret
o_irq:  mov bx,dx               ; irq: wait for one, emit the count, and clear it
        sti
        xor cx,cx
        mov di,10
q1:     cmp byte [600h+bx],0
        jne q2
        loop q1
        dec di
        jnz q1
q2:     cli
        mov al,[600h+bx]
        mov byte [600h+bx],0
        jmp emit
o_delay:mov cx,dx
y1:     in al,61h
        loop y1
        ret
irq6:   push ax
        inc byte [cs:606h]
        jmp eoi
irq7:   inc byte [cs:607h]
        iret
irq8:   push ax
        inc byte [cs:608h]
        jmp eoi2
irq14:  push ax
        inc byte [cs:60eh]
        jmp eoi2
irq15:  push ax
        inc byte [cs:60fh]
        jmp eoi
eoi2:   mov al,20h
        out 0a0h,al
eoi:    mov al,20h
        out 20h,al
        pop ax
        iret
        times 510-($-$$) db 0
        dw 0aa55h
