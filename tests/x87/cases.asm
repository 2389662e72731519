; A boot sector that lets an 8087 (or what is one) do what cases say, and writes what comes to E9h.
;
; The floppy's second sector has the number of cases, and the segment behind the last of them.  They
; are 48 bytes each and begin in the third: a control word, ST(1) and ST (temporary reals), an
; instruction of three bytes, and ten bytes of memory that it finds at ES:DI.  An answer is the 94
; bytes of FNSAVE, and those ten bytes.
        org 7C00h
        bits 16
        cpu 8086
CASES   equ 1000h               ; the segment of the second sector
PLACE   equ 0600h               ; of the ten bytes, and behind them of FNSAVE's
        xor ax, ax
        mov ss, ax
        mov sp, 7C00h
        cld
        mov ax, CASES
        mov ds, ax
        mov cx, 2               ; cylinder 0, sector 2
        xor dh, dh
read:   mov es, ax
        xor bx, bx
        push ax
        mov ax, 0201h
        int 13h
        pop ax
        jc $
        add ax, 20h
        cmp ax, [2]
        jae loaded
        inc cl
        cmp cl, 19
        jb read
        mov cl, 1
        xor dh, 1
        jnz read
        inc ch
        jmp read
loaded: mov bp, [0]
        mov ax, CASES + 20h
        mov ds, ax
        xor ax, ax
        mov es, ax
again:  mov si, 22
        mov di, patch
        movsw
        movsb
        mov si, 26
        mov di, PLACE
        mov cx, 5
        rep movsw
        mov di, PLACE
        fninit
        wait
        fld tword [2]
        wait
        fld tword [12]
        wait
        fldcw [0]
        wait
        jmp short patch
patch:  nop
        nop
        nop
        fnsave [es:PLACE + 10]
        wait
        mov dx, 0E9h
        mov si, PLACE + 10
        mov cx, 94
        call write
        mov si, PLACE
        mov cx, 10
        call write
        mov ax, ds
        add ax, 3
        mov ds, ax
        dec bp
        jnz again
        mov al, 0FEh            ; reset: the end
        out 64h, al
        hlt
write:  es lodsb
        out dx, al
        loop write
        ret
