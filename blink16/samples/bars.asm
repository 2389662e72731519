; A DOS program with a screen:  blink16 bars
;
; It shows how much rain fell in each month of a year, as bars that grow, above a message that runs
; along the last line; a key ends it.  One bar is wrong (docs/tutorials/no-source.md).

        org     100h

SCREEN  equ     0B800h
WIDTH   equ     80
HEIGHT  equ     25
ROW     equ     2*WIDTH
TITLE   equ     0Fh                     ; bright white
LABEL   equ     07h                     ; grey
BAR     equ     09DBh                   ; a full block, bright blue
FIRST   equ     6*ROW + 2*8             ; where January's label stands
BARS    equ     FIRST + 2*5             ; and where its bar begins
LAST    equ     (HEIGHT-1)*ROW          ; the line of the message
MONTHS  equ     12

start:  mov     ax, 3                   ; 80 columns, colours; clears the screen
        int     10h
        mov     ah, 1                   ; no cursor
        mov     cx, 2000h
        int     10h
        cld
        call    labels
frame:  call    grow
        call    turn
        call    show
        mov     ah, 1                   ; has a key been struck?
        int     16h
        jz      frame
        mov     ah, 0
        int     16h
        mov     ax, 3
        int     10h
        mov     ax, 4C00h
        int     21h

; Write the title and the months' names on the screen.
labels: mov     ax, SCREEN
        mov     es, ax
        mov     di, 3*ROW + 2*8
        mov     si, title
        mov     ah, TITLE
        call    text
        mov     dx, FIRST
        mov     ah, LABEL
name:   mov     di, dx
        call    text
        add     dx, ROW
        cmp     byte [si], 0
        jne     name
        ret

; Put a text at ES:DI, with the attribute in AH.
text:   lodsb
        test    al, al
        jz      ended
        stosw
        jmp     text
ended:  ret

; Let each bar grow by a block until it is as long as it should be.
grow:   mov     ax, SCREEN
        mov     es, ax
        mov     bx, 0
        mov     dx, BARS
month:  call    length
        cmp     cx, [grown]
        jbe     next
        mov     di, [grown]
        shl     di, 1
        add     di, dx
        mov     ax, BAR
        stosw
next:   add     dx, ROW
        inc     bx
        cmp     bx, MONTHS
        jb      month
        inc     word [grown]
        ret

; Return in CX how long the bar of month BX is: two blocks for five millimetres.
length: mov     al, [rain + bx]
        shl     al, 1
        mov     ah, 0
        mov     cl, 5
        div     cl
        mov     cl, al
        mov     ch, 0
        ret

; Turn the message by a character.
turn:   push    ds
        pop     es
        mov     si, message
        mov     di, message
        mov     cx, WIDTH-1
        lodsb
        mov     bl, al
shift:  lodsb
        stosb
        loop    shift
        mov     al, bl
        stosb
        ret

; Show the message.
show:   mov     ax, SCREEN
        mov     es, ax
        mov     si, message
        mov     di, LAST
        mov     ah, LABEL
        mov     cx, WIDTH
letter: lodsb
        stosw
        loop    letter
        ret

title   db      'Rain in 1988, month by month', 0
        db      'Jan', 0, 'Feb', 0, 'Mar', 0, 'Apr', 0, 'May', 0, 'Jun', 0
        db      'Jul', 0, 'Aug', 0, 'Sep', 0, 'Oct', 0, 'Nov', 0, 'Dec', 0, 0
rain    db      98, 61, 79, 44, 52, 67, 83, 91, 58, 104, 131, 112
grown   dw      0
message db      '  November was the wettest month for thirty years.  Press a key to end this.    '
        times WIDTH - ($ - message) db ' '
