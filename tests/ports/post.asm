; A BIOS of 8 KiB for an XT: it tests the chips as IBM's self-test does, prints a letter on E9h for
; each that passes, and loads a boot sector through the floppy controller.
bits 16
cpu 8086
org 0e000h
start:  cli
        xor ax,ax
        mov ds,ax
        mov es,ax
        mov ss,ax
        mov sp,500h
        cld
        mov al,99h              ; 8255A
        out 63h,al
        mov al,0a5h
        out 61h,al
        ; timer 1: all bits of its count come and go
        mov al,54h
        out 43h,al
        mov al,0
        out 41h,al
        xor bx,bx
        mov cx,1000h
t1:     mov al,40h
        out 43h,al
        in al,41h
        or bl,al
        cmp bl,0ffh
        je t2
        loop t1
        jmp bad
t2:     mov al,'T'
        out 0e9h,al
        ; 8237: each address and count keeps what is written
        out 0dh,al
        mov dx,0
d1:     mov ax,55aah
        out dx,al
        mov al,ah
        out dx,al
        in al,dx
        mov bl,al
        in al,dx
        mov bh,al
        cmp bx,55aah
        jne bad
        inc dx
        cmp dx,8
        jne d1
        mov al,'D'
        out 0e9h,al
        ; refresh: channel 0, and timer 1 at 18
        mov al,0ffh
        out 1,al
        out 1,al
        mov al,58h
        out 0bh,al
        mov al,0
        out 8,al
        out 0ah,al
        mov al,12h
        out 41h,al
        in al,8
        mov cx,0
r1:     in al,8
        test al,1
        jnz r2
        nop
        loop r1
        mov cx,0
r3:     in al,8
        test al,1
        jnz r2
        loop r3
        jmp bad
r2:     mov al,'R'
        out 0e9h,al
        ; 8259A: its mask, and no interrupt while all is masked
        mov di,0
        mov cx,32
v1:     mov ax,wrong
        stosw
        mov ax,cs
        stosw
        loop v1
        mov al,13h
        out 20h,al
        mov al,8
        out 21h,al
        mov al,9
        out 21h,al
        mov al,0
        out 21h,al
        in al,21h
        or al,al
        jnz bad
        mov al,0ffh
        out 21h,al
        in al,21h
        inc al
        jnz bad
        sti
        xor cx,cx
i1:     loop i1
        cli
        mov al,'I'
        out 0e9h,al
        ; timer 0 interrupts, neither too soon nor never
        mov word [8*4],tick
        mov al,0feh
        out 21h,al
        mov al,10h
        out 43h,al
        mov al,0ffh
        out 40h,al
        mov byte [600h],0
        sti
        mov cx,0
kk1:     cmp byte [600h],0
        jne kk2
        loop kk1
        jmp bad
kk2:     cli
        mov al,'C'
        out 0e9h,al
        ; keyboard: its clock is held, and it says AAh
        mov word [9*4],key
        mov al,0fch
        out 21h,al
        mov al,08h
        out 61h,al
        mov cx,2a00h
b1:     loop b1
        mov al,0c8h
        out 61h,al
        mov al,48h
        out 61h,al
        mov byte [601h],0
        sti
        mov dx,20
b2:     mov cx,0
b3:     cmp byte [601h],0aah
        je b4
        loop b3
        dec dx
        jnz b2
        jmp bad
b4:     cli
        mov al,'K'
        out 0e9h,al
        ; floppy: reset, sense, specify, recalibrate, read the boot sector by DMA
        mov word [0eh*4],disk
        mov al,0bfh
        out 21h,al
        mov byte [602h],0
        mov dx,3f2h
        mov al,0
        out dx,al
        mov al,1ch
        out dx,al
        call waits
        mov bp,4
s1:     mov al,8
        call put
        call get
        mov bl,al
        call get
        dec bp
        jnz s1
        cmp bl,0c3h
        jne bad
        mov si,spec
        mov bp,3
        call puts
        mov si,recal
        mov bp,2
        call puts
        call waits
        mov al,8
        call put
        call get
        cmp al,20h
        jne bad
        call get
        mov al,6
        out 0ah,al
        out 0ch,al
        mov al,46h
        out 0bh,al
        mov al,0
        out 4,al
        mov al,7ch
        out 4,al
        mov al,0
        out 81h,al
        mov al,0ffh
        out 5,al
        mov al,1
        out 5,al
        mov al,2
        out 0ah,al
        mov si,read
        mov bp,9
        call puts
        call waits
        call get
        test al,0c0h
        jnz bad
        mov bp,6
e1:     call get
        dec bp
        jnz e1
        cmp word [7dfeh],0aa55h
        jne bad
        mov al,'B'
        out 0e9h,al
        jmp 0:7c00h
bad:    mov al,'!'
        out 0e9h,al
        hlt
        jmp bad
wrong:  jmp bad
tick:   inc byte [600h]
eoi:    push ax
        mov al,20h
        out 20h,al
        pop ax
        iret
key:    push ax
        in al,60h
        mov [601h],al
        mov al,0c8h
        out 61h,al
        mov al,48h
        out 61h,al
        pop ax
        jmp eoi
disk:   inc byte [602h]
        jmp eoi
waits:  sti
w1:     cmp byte [602h],0
        je w1
        cli
        mov byte [602h],0
        ret
puts:
        mov al,[cs:si]
        inc si
        call put
        dec bp
        jnz puts
        ret
put:    push ax
        mov dx,3f4h
p1:     in al,dx
        and al,0c0h
        cmp al,80h
        jne p1
        pop ax
        inc dx
        out dx,al
        ret
get:    mov dx,3f4h
g1:     in al,dx
        and al,0c0h
        cmp al,0c0h
        jne g1
        inc dx
        in al,dx
        ret
spec:   db 3,0dfh,2
recal:  db 7,0
read:   db 0e6h,0,0,0,1,2,18,1bh,0ffh
        times 1ff0h-($-$$) db 0
        jmp 0f000h:start
        times 2000h-($-$$) db 0
