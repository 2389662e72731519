; banner: prints its arguments in large letters.
;
;     banner HELLO WORLD
;
; A program for ELKS on the 8086, and the first one to try blink16 on.  Things worth a look
; in a debugger:
;
;   break draw_letters     it calls itself for each further letter: see `backtrace`
;   break plot             a small loop, worth stepping through with `stepi`
;   watch lines            a word in memory that counts the lines printed; then go back to
;                          who changed it with `reverse-continue`
;
; Functions take their arguments on the stack, first argument lowest, as C compilers do:
; behind PUSH BP / MOV BP,SP the first is at [BP+4], the next at [BP+6].  They keep SI, DI
; and BP, and the caller removes the arguments.
;
; build.py makes the executable `banner` from this file.

        cpu     8086
        bits    16

SYS_EXIT        equ     1
SYS_WRITE       equ     4
STDOUT          equ     1

ROWS            equ     7               ; of a letter
COLUMNS         equ     5
PER_LINE        equ     13              ; letters that fit into 80 columns
FIRST           equ     ' '             ; the font's first character,
LAST            equ     '_'             ; and its last

        section .text vstart=0

; The system enters here.  On the stack lie argc, the pointers of argv, 0, the pointers of
; the environment, 0.
_start: mov     bx, sp
        lea     ax, [bx+2]              ; argv
        push    ax
        push    word [bx]               ; argc
        call    main
        add     sp, 4
        mov     bx, ax
        mov     ax, SYS_EXIT
        int     80h

; int main(int argc, char **argv)
main:   push    bp
        mov     bp, sp
        push    si
        mov     si, [bp+6]
        add     si, 2                   ; the first argument is behind the program's name
        cmp     word [si], 0
        jne     .next
        mov     ax, greeting            ; none at all: print something nevertheless
        push    ax
        call    print_text
        add     sp, 2
        jmp     .done
.next:  push    word [si]
        call    print_text
        add     sp, 2
        add     si, 2
        cmp     word [si], 0
        jne     .next
.done:  xor     ax, ax
        pop     si
        pop     bp
        ret

; void print_text(char *text): in pieces that fit on the screen
print_text:
        push    bp
        mov     bp, sp
        push    si
        mov     si, [bp+4]
.piece: push    si
        call    print_letters
        pop     si
        mov     cx, PER_LINE
.skip:  cmp     byte [si], 0
        je      .done
        inc     si
        loop    .skip
        cmp     byte [si], 0
        jne     .piece
.done:  pop     si
        pop     bp
        ret

; void print_letters(char *text): at most PER_LINE of them, row by row
print_letters:
        push    bp
        mov     bp, sp
        push    si
        xor     si, si
.row:   push    si                      ; row
        mov     ax, PER_LINE
        push    ax                      ; letters that still fit
        push    word [bp+4]             ; text
        call    draw_letters
        add     sp, 6
        inc     si
        cmp     si, ROWS
        jb      .row
        call    end_line                ; an empty one
        pop     si
        pop     bp
        ret

; void draw_letters(char *text, int room, int row): the first letter's row, then, by calling
; itself, the rest of the line
draw_letters:
        push    bp
        mov     bp, sp
        mov     bx, [bp+4]
        mov     al, [bx]
        test    al, al
        jz      .end
        cmp     word [bp+6], 0
        je      .end
        push    word [bp+8]
        push    ax
        call    plot
        add     sp, 4
        push    word [bp+8]             ; row
        mov     ax, [bp+6]
        dec     ax
        push    ax                      ; room
        mov     ax, [bp+4]
        inc     ax
        push    ax                      ; text
        call    draw_letters
        add     sp, 6
        pop     bp
        ret
.end:   call    end_line
        pop     bp
        ret

; void plot(char letter, int row): one row of a letter's dots, and the gap behind it
plot:   push    bp
        mov     bp, sp
        push    di
        cmp     byte [bp+4], '~'        ; draw with what every screen can show
        jbe     .ascii
        mov     byte [bp+4], '?'
.ascii: push    word [bp+4]
        call    glyph
        add     sp, 2
        mov     bx, ax
        add     bx, [bp+6]
        mov     ah, [bx]                ; the row's dots, leftmost in bit 4
        mov     cl, 8 - COLUMNS
        shl     ah, cl
        mov     di, [length]
        mov     cx, COLUMNS
.dot:   mov     al, ' '
        shl     ah, 1                   ; the next dot into the carry
        jnc     .blank
        mov     al, [bp+4]              ; letters are drawn with themselves
.blank: mov     [line+di], al
        inc     di
        loop    .dot
        mov     byte [line+di], ' '
        inc     di
        mov     [length], di
        pop     di
        pop     bp
        ret

; char *glyph(char letter): its rows in the font
glyph:  push    bp
        mov     bp, sp
        mov     al, [bp+4]
        cmp     al, 'a'
        jb      .upper
        cmp     al, 'z'
        ja      .upper
        sub     al, 'a' - 'A'
.upper: cmp     al, FIRST
        jb      .odd
        cmp     al, LAST
        jbe     .known
.odd:   mov     al, '?'                 ; stands for what the font lacks
.known: sub     al, FIRST
        mov     ah, ROWS
        mul     ah
        add     ax, font
        pop     bp
        ret

; void end_line(void): writes the line out, without the blanks at its end
end_line:
        push    bp
        mov     bp, sp
        mov     bx, [length]
.trim:  test    bx, bx
        jz      .write
        cmp     byte [line+bx-1], ' '
        jne     .write
        dec     bx
        jmp     .trim
.write: mov     byte [line+bx], 10
        inc     bx
        mov     dx, bx
        mov     cx, line
        mov     bx, STDOUT
        mov     ax, SYS_WRITE
        int     80h
        mov     word [length], 0
        inc     word [lines]
        pop     bp
        ret

        section .data vstart=0 align=1

greeting:
        db      "BLINK16", 0

; Five dots a row, seven rows a letter, from ' ' to '_'.
font:
        db      00000b, 00000b, 00000b, 00000b, 00000b, 00000b, 00000b  ; space
        db      00100b, 00100b, 00100b, 00100b, 00100b, 00000b, 00100b  ; !
        db      01010b, 01010b, 01010b, 00000b, 00000b, 00000b, 00000b  ; "
        db      01010b, 01010b, 11111b, 01010b, 11111b, 01010b, 01010b  ; #
        db      00100b, 01111b, 10100b, 01110b, 00101b, 11110b, 00100b  ; $
        db      11000b, 11001b, 00010b, 00100b, 01000b, 10011b, 00011b  ; %
        db      01100b, 10010b, 10100b, 01000b, 10101b, 10010b, 01101b  ; &
        db      00100b, 00100b, 01000b, 00000b, 00000b, 00000b, 00000b  ; '
        db      00010b, 00100b, 01000b, 01000b, 01000b, 00100b, 00010b  ; (
        db      01000b, 00100b, 00010b, 00010b, 00010b, 00100b, 01000b  ; )
        db      00000b, 00100b, 10101b, 01110b, 10101b, 00100b, 00000b  ; *
        db      00000b, 00100b, 00100b, 11111b, 00100b, 00100b, 00000b  ; +
        db      00000b, 00000b, 00000b, 00000b, 01100b, 00100b, 01000b  ; ,
        db      00000b, 00000b, 00000b, 11111b, 00000b, 00000b, 00000b  ; -
        db      00000b, 00000b, 00000b, 00000b, 00000b, 01100b, 01100b  ; .
        db      00000b, 00001b, 00010b, 00100b, 01000b, 10000b, 00000b  ; /
        db      01110b, 10001b, 10011b, 10101b, 11001b, 10001b, 01110b  ; 0
        db      00100b, 01100b, 00100b, 00100b, 00100b, 00100b, 01110b  ; 1
        db      01110b, 10001b, 00001b, 00010b, 00100b, 01000b, 11111b  ; 2
        db      11111b, 00010b, 00100b, 00010b, 00001b, 10001b, 01110b  ; 3
        db      00010b, 00110b, 01010b, 10010b, 11111b, 00010b, 00010b  ; 4
        db      11111b, 10000b, 11110b, 00001b, 00001b, 10001b, 01110b  ; 5
        db      00110b, 01000b, 10000b, 11110b, 10001b, 10001b, 01110b  ; 6
        db      11111b, 00001b, 00010b, 00100b, 01000b, 01000b, 01000b  ; 7
        db      01110b, 10001b, 10001b, 01110b, 10001b, 10001b, 01110b  ; 8
        db      01110b, 10001b, 10001b, 01111b, 00001b, 00010b, 01100b  ; 9
        db      00000b, 01100b, 01100b, 00000b, 01100b, 01100b, 00000b  ; :
        db      00000b, 01100b, 01100b, 00000b, 01100b, 00100b, 01000b  ; ;
        db      00010b, 00100b, 01000b, 10000b, 01000b, 00100b, 00010b  ; <
        db      00000b, 00000b, 11111b, 00000b, 11111b, 00000b, 00000b  ; =
        db      01000b, 00100b, 00010b, 00001b, 00010b, 00100b, 01000b  ; >
        db      01110b, 10001b, 00001b, 00010b, 00100b, 00000b, 00100b  ; ?
        db      01110b, 10001b, 10111b, 10101b, 10111b, 10000b, 01110b  ; @
        db      01110b, 10001b, 10001b, 11111b, 10001b, 10001b, 10001b  ; A
        db      11110b, 10001b, 10001b, 11110b, 10001b, 10001b, 11110b  ; B
        db      01110b, 10001b, 10000b, 10000b, 10000b, 10001b, 01110b  ; C
        db      11110b, 10001b, 10001b, 10001b, 10001b, 10001b, 11110b  ; D
        db      11111b, 10000b, 10000b, 11110b, 10000b, 10000b, 11111b  ; E
        db      11111b, 10000b, 10000b, 11110b, 10000b, 10000b, 10000b  ; F
        db      01110b, 10001b, 10000b, 10111b, 10001b, 10001b, 01111b  ; G
        db      10001b, 10001b, 10001b, 11111b, 10001b, 10001b, 10001b  ; H
        db      01110b, 00100b, 00100b, 00100b, 00100b, 00100b, 01110b  ; I
        db      00111b, 00010b, 00010b, 00010b, 00010b, 10010b, 01100b  ; J
        db      10001b, 10010b, 10100b, 11000b, 10100b, 10010b, 10001b  ; K
        db      10000b, 10000b, 10000b, 10000b, 10000b, 10000b, 11111b  ; L
        db      10001b, 11011b, 10101b, 10101b, 10001b, 10001b, 10001b  ; M
        db      10001b, 10001b, 11001b, 10101b, 10011b, 10001b, 10001b  ; N
        db      01110b, 10001b, 10001b, 10001b, 10001b, 10001b, 01110b  ; O
        db      11110b, 10001b, 10001b, 11110b, 10000b, 10000b, 10000b  ; P
        db      01110b, 10001b, 10001b, 10001b, 10101b, 10010b, 01101b  ; Q
        db      11110b, 10001b, 10001b, 11110b, 10100b, 10010b, 10001b  ; R
        db      01111b, 10000b, 10000b, 01110b, 00001b, 00001b, 11110b  ; S
        db      11111b, 00100b, 00100b, 00100b, 00100b, 00100b, 00100b  ; T
        db      10001b, 10001b, 10001b, 10001b, 10001b, 10001b, 01110b  ; U
        db      10001b, 10001b, 10001b, 10001b, 10001b, 01010b, 00100b  ; V
        db      10001b, 10001b, 10001b, 10101b, 10101b, 10101b, 01010b  ; W
        db      10001b, 10001b, 01010b, 00100b, 01010b, 10001b, 10001b  ; X
        db      10001b, 10001b, 01010b, 00100b, 00100b, 00100b, 00100b  ; Y
        db      11111b, 00001b, 00010b, 00100b, 01000b, 10000b, 11111b  ; Z
        db      01110b, 01000b, 01000b, 01000b, 01000b, 01000b, 01110b  ; [
        db      00000b, 10000b, 01000b, 00100b, 00010b, 00001b, 00000b  ; \
        db      01110b, 00010b, 00010b, 00010b, 00010b, 00010b, 01110b  ; ]
        db      00100b, 01010b, 10001b, 00000b, 00000b, 00000b, 00000b  ; ^
        db      00000b, 00000b, 00000b, 00000b, 00000b, 00000b, 11111b  ; _
        align   2, db 0
.end:

        section .bss nobits start=(font.end - greeting)

length: resw    1                       ; bytes in `line`
lines:  resw    1                       ; lines written so far
line:   resb    (COLUMNS + 1) * PER_LINE + 1
