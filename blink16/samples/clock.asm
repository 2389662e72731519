; A program that stays resident:  blink16 clock bars.com
;
; It shows, in the last corner of the screen, how many seconds it has been there.  Alone it ends and
; stays (INT 21h/31h); with a program's name it runs that program below itself and then leaves.
; What it does eighteen times a second is not as harmless as it looks (docs/tutorials/resident.md).

        org     100h

SCREEN  equ     0B800h
PLACE   equ     2*(80 - 6)              ; where the six digits begin
COLOUR  equ     1Eh                     ; yellow on blue
TICK    equ     1Ch                     ; INT 08h calls it, 18.2 times a second
TICKS   equ     18
SIZE    equ     400h                    ; what we need, the stack at its end

        jmp     start

; What INT 1Ch comes to.
tick:   push    ax
        push    bx
        push    cx
        push    dx
        push    di
        push    ds
        push    cs
        pop     ds
        dec     byte [left]
        jnz     done
        mov     byte [left], TICKS
        inc     word [seconds]
        call    show
done:   pop     ds
        pop     di
        pop     dx
        pop     cx
        pop     bx
        pop     ax
        jmp     far [cs:old]

; Show the seconds, the last digit first.
show:   mov     ax, SCREEN
        mov     es, ax
        mov     di, PLACE + 2*5
        mov     ax, [seconds]
        mov     bx, 10
        mov     cx, 6
digit:  mov     dx, 0
        div     bx
        add     dl, '0'
        mov     dh, COLOUR
        mov     [es:di], dx
        sub     di, 2
        loop    digit
        ret

old     dd      0
seconds dw      0
left    db      TICKS

start:  mov     sp, SIZE
        mov     ax, 3500h + TICK        ; who was asked until now?
        int     21h
        mov     [old], bx
        mov     [old + 2], es
        mov     dx, tick
        mov     ax, 2500h + TICK
        int     21h
        call    name
        jc      stay

        push    ds                      ; give back the memory behind us
        pop     es
        mov     bx, SIZE / 16
        mov     ah, 4Ah
        int     21h
        mov     [tail + 2], ds
        mov     dx, program
        mov     bx, block
        mov     ax, 4B00h
        int     21h
        lds     dx, [cs:old]
        mov     ax, 2500h + TICK
        int     21h
        mov     ax, 4C00h
        int     21h

stay:   mov     dx, SIZE / 16
        mov     ax, 3100h
        int     21h

; Copy the program's name from the command line; CF: there is none.
name:   push    cs
        pop     es
        mov     si, 81h
        mov     di, program
blank:  lodsb
        cmp     al, ' '
        je      blank
letter: cmp     al, ' '
        jbe     last
        stosb
        lodsb
        jmp     letter
last:   mov     byte [di], 0
        cmp     di, program + 1         ; CF if it is empty
        ret

block   dw      0                       ; EXEC: our environment,
tail    dw      empty, 0                ; and no arguments
        times 8 db 0
empty   db      0, 13
program times 128 db 0
