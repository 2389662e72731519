; Snake in a boot sector, for an 80186 or later:  blink16 --cpu 80186 snake.img
;
; The arrow keys steer, * is food, and whatever else the head meets ends the game; any key starts
; the next one.  The program uses what an 8086 hasn't got (PUSH and IMUL with a constant, PUSHA,
; ENTER, LEAVE, shifts by a constant), so that on one it goes wrong: that is told.

        cpu     186
        org     7C00h

SCREEN  equ     0B800h
WIDTH   equ     80
HEIGHT  equ     25
ROW     equ     2*WIDTH
WALL    equ     0823h                   ; '#', grey
BODY    equ     0A4Fh                   ; 'O', green
FOOD    equ     0C2Ah                   ; '*', red
SPACE   equ     0720h
TICKS   equ     2                       ; timer ticks a step

RING    equ     8000h                   ; where the body is, tail first: words, 4 KiB in a circle
head    equ     7E00h                   ; where in the ring the next part goes
tail    equ     7E02h                   ; where in the ring the last part is
place   equ     7E04h                   ; where the head is on the screen
step    equ     7E06h                   ; how far it moves
score   equ     7E08h
seed    equ     7E0Ah                   ; of where food appears; chance is what memory held

start:  jmp     0:game                  ; some BIOSes begin at 07C0:0000

game:   xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 7C00h
        mov     ax, 3                   ; 80 columns, colours; clears the screen
        int     10h
        mov     ah, 1                   ; no cursor
        mov     cx, 2000h
        int     10h
        push    SCREEN
        pop     es
        cld

        mov     ax, WALL
        xor     di, di
        mov     cx, WIDTH
        rep     stosw
        mov     bx, HEIGHT-2
.sides: imul    di, bx, ROW
        stosw
        mov     [es:di+ROW-4], ax
        dec     bx
        jnz     .sides
        mov     di, (HEIGHT-1)*ROW
        mov     cx, WIDTH
        rep     stosw

        mov     word [head], RING
        mov     word [tail], RING
        mov     word [step], 2
        mov     word [score], 0
        mov     di, 12*ROW+40
        mov     cx, 4
.grow:  call    add_head
        add     di, 2
        loop    .grow
        sub     di, 2
        mov     [place], di
        call    feed
        call    tell

again:  call    pause
        call    steer
        mov     di, [place]
        add     di, [step]
        mov     al, [es:di]
        cmp     al, '*'
        je      .eats
        cmp     al, ' '
        jne     over
        mov     bx, [tail]
        mov     si, [bx]
        mov     word [es:si], SPACE
        call    next
        mov     [tail], bx
        call    add_head
        jmp     .moved
.eats:  call    add_head
        inc     word [score]
        call    feed
        call    tell
.moved: mov     [place], di
        jmp     again

over:   push    word 12*ROW+(WIDTH-10)  ; in the middle of the screen
        pop     di
        mov     si, text
        mov     ah, 4Fh
.show:  lodsb
        stosw
        cmp     si, text_end
        jb      .show
        mov     ah, 0
        int     16h
        jmp     game

; Let TICKS ticks of the timer pass.
pause:  pusha
        mov     ah, 0
        int     1Ah
        mov     bx, dx
        add     bx, TICKS
.wait:  hlt
        mov     ah, 0
        int     1Ah
        cmp     dx, bx
        js      .wait
        popa
        ret

; Take the keys that were pressed: the last one steers, unless it points backward.
steer:  mov     ah, 1
        int     16h
        jz      .done
        mov     ah, 0
        int     16h
        mov     bx, -ROW
        cmp     ah, 48h                 ; up
        je      .turn
        neg     bx
        cmp     ah, 50h                 ; down
        je      .turn
        mov     bx, -2
        cmp     ah, 4Bh                 ; left
        je      .turn
        neg     bx
        cmp     ah, 4Dh                 ; right
        jne     steer
.turn:  mov     ax, bx
        add     ax, [step]
        jz      steer                   ; backward
        mov     [step], bx
        jmp     steer
.done:  ret

; Put a part of the body at DI, and into the ring.
add_head:
        mov     word [es:di], BODY
        mov     bx, [head]
        mov     [bx], di
        call    next
        mov     [head], bx
        ret

; Step BX on in the ring.
next:   inc     bx
        inc     bx
        and     bh, 0Fh
        or      bh, RING>>8
        ret

; Put food on a free place.
feed:   pusha
.try:   imul    ax, [seed], 25173
        add     ax, 13849
        mov     [seed], ax
        shr     ax, 4                   ; the low bits repeat too soon
        cmp     ax, WIDTH*HEIGHT
        jae     .try
        shl     ax, 1
        xchg    ax, di
        cmp     byte [es:di], ' '
        jne     .try
        mov     word [es:di], FOOD
        popa
        ret

; Show the score in the upper wall.
tell:   enter   2, 0
        pusha
        mov     ax, [score]
        mov     di, 10
.digit: xor     dx, dx
        mov     bx, 10
        div     bx
        mov     [bp-2], dl
        add     byte [bp-2], '0'
        mov     dl, [bp-2]
        mov     dh, 0Fh
        mov     [es:di], dx
        sub     di, 2
        or      ax, ax
        jnz     .digit
        popa
        leave
        ret

text:   db      'GAME OVER'
text_end:

        times   510-($-$$) db 0
        dw      0AA55h
