; Links upper memory, allocates by each strategy and prints what came of it; then the chain.
cpu 8086
org 100h
        mov ah, 4Ah             ; keep 4 KiB
        mov bx, 100h
        int 21h
        mov ax, 5802h
        int 21h
        call low                ; unlinked: 00
        mov ax, 5803h
        mov bx, 1
        int 21h
        mov al, 0
        adc al, 0
        call low                ; linked, no error: 00
        mov ax, 5802h
        int 21h
        call low                ; 01
        mov si, strategies
.next:  lodsb
        mov bl, al
        mov bh, 0
        mov ax, 5801h
        int 21h
        mov ax, 5800h
        int 21h
        call low
        mov ah, 48h
        mov bx, 10h
        int 21h
        call place
        cmp si, strategies_end
        jb .next
        mov ax, 5801h           ; upper memory alone has no room for half a megabyte
        mov bx, 40h
        int 21h
        mov ah, 48h
        mov bx, 8000h
        int 21h
        mov al, 0
        adc al, 0
        call low                ; 01
        mov ax, 5801h           ; memory below has
        mov bx, 80h
        int 21h
        mov ah, 48h
        mov bx, 7000h
        int 21h
        call place              ; low
        mov es, ax
        mov ah, 49h
        int 21h
        mov ax, 5801h
        mov bx, 0
        int 21h
        mov ax, 5803h
        mov bx, 0
        int 21h
        call walk
        mov ax, 5803h
        mov bx, 1
        int 21h
        call walk
        mov ax, 4C00h
        int 21h

low:    push ax                 ; AL and a blank
        push ax
        mov cl, 4
        shr al, cl
        call digit
        pop ax
        call digit
        mov dl, ' '
        mov ah, 2
        int 21h
        pop ax
        ret
digit:  and al, 0Fh
        add al, 90h
        daa
        adc al, 40h
        daa
        mov dl, al
        mov ah, 2
        int 21h
        ret

place:  push ax                 ; whether the segment AX is upper memory
        mov dl, 'L'
        jnc .there
        mov dl, '?'
.there: cmp ax, 0A000h
        jb .say
        mov dl, 'U'
.say:   mov ah, 2
        int 21h
        mov dl, ' '
        int 21h
        pop ax
        ret

walk:   mov ah, 52h             ; how many blocks lie below and above, and whether it ends with Z
        int 21h
        mov ax, [es:bx - 2]
        xor bp, bp
        xor di, di
.next:  mov es, ax
        cmp ax, 0A000h
        jae .upper
        cmp word [es:1], 8
        je .on                  ; DOS' own
        inc bp
        jmp .on
.upper: inc di
.on:    cmp byte [es:0], 'M'
        jne .end
        add ax, [es:3]
        inc ax
        jmp .next
.end:   mov dl, [es:0]
        mov ah, 2
        int 21h
        mov ax, di
        or ax, ax
        jz .none
        mov al, 1
.none:  call low
        ret

strategies: db 0, 40h, 41h, 80h, 81h, 82h, 42h, 1
strategies_end:
