; Prints by every way that DOS programs know: INT 17h, INT 21h/05h, LPT1, handle 4, the ports with
; polling and with IRQ 7; then by DOS while it hooks INT 17h itself, and shows the status bytes.
cpu 8086
org 100h
        mov dx, 0
        mov ah, 1
        int 17h
        mov [status], ah
        mov ax, 'B'             ; INT 17h
        int 17h
        mov [status + 1], ah
        mov ah, 5               ; DOS
        mov dl, 'D'
        int 21h
        mov ax, 3D01h
        mov dx, name
        int 21h
        jc fail
        mov bx, ax
        mov cx, 3
        mov dx, text
        mov ah, 40h
        int 21h
        mov ah, 3Eh
        int 21h
        mov bx, 4
        mov ah, 40h
        int 21h

        mov dx, 379h            ; the ports: not busy; strobe
.busy:  in al, dx
        test al, 80h
        jz .busy
        mov [status + 2], al
        dec dx
        mov al, 'P'
        out dx, al
        in al, dx
        mov [status + 3], al
        inc dx
        inc dx
        mov al, 0Dh
        out dx, al
        dec ax
        out dx, al

        mov ax, 250Fh           ; IRQ 7 acknowledges
        mov dx, acknowledged
        int 21h
        in al, 21h
        and al, 7Fh
        out 21h, al
        sti
        mov si, text
        mov cx, 3
.next:  lodsb
        mov byte [done], 0
        mov dx, 378h
        out dx, al
        mov dx, 37Ah
        mov al, 1Dh
        out dx, al
        dec ax
        out dx, al
.wait:  cmp byte [done], 0
        je .wait
        loop .next
        mov al, 0Ch
        out dx, al

        mov ax, 3517h           ; a spooler sees what DOS prints
        int 21h
        mov [old], bx
        mov [old + 2], es
        mov ax, 2517h
        mov dx, spooler
        int 21h
        mov ah, 5
        mov dl, 'x'
        int 21h
        mov bx, 4
        mov cx, 3
        mov dx, text
        mov ah, 40h
        int 21h
        push ds
        mov ax, 2517h
        lds dx, [old]
        int 21h
        pop ds
        mov si, status
        mov cx, 4
.hex:   lodsb
        push cx
        push ax
        mov cl, 4
        shr al, cl
        call digit
        pop ax
        call digit
        pop cx
        loop .hex
        mov ax, 4C00h
        int 21h
fail:   mov ax, 4C01h
        int 21h

digit:  and al, 0Fh
        add al, 90h
        daa
        adc al, 40h
        daa
        mov dl, al
        mov ah, 2
        int 21h
        ret

acknowledged:
        push ax
        mov byte [cs:done], 1
        mov al, 20h
        out 20h, al
        pop ax
        iret

spooler: or ah, ah              ; capitals
        jnz .on
        and al, 0DFh
.on:    jmp far [cs:old]

name:   db "LPT1", 0
text:   db "abc"
done:   db 0
old:    dw 0, 0
status: db 0, 0, 0, 0
