; Calls every function of EMS 4.0, as programs do, and prints the number of each check that fails,
; with what there was instead; then a point.
cpu 8086
org 100h

%macro ems 1                    ; a call with AX
        mov ax, %1
        int 67h
%endmacro

%macro is 3                     ; check number, place, value
        push ax
        mov ax, %2
        cmp ax, %3
        pop ax
        je %%fine
        push ax
        mov ax, %2
        mov word [actual], ax
        mov al, %1
        call fails
        pop ax
%%fine:
%endmacro

%macro done 1                   ; check that AH is 0
        mov [ah_word], ah
        is %1, [ah_word], 0
%endmacro

%macro refused 2                ; check that AH is an error
        mov [ah_word], ah
        is %1, [ah_word], %2
%endmacro

start:  cld
        mov ax, 3D00h           ; the device, as the specification has programs find it
        mov dx, device
        int 21h
        jnc .there
        mov al, 1
        call fails
        jmp finish
.there: mov bx, ax
        mov ax, 4400h
        int 21h
        and dx, 80h
        is 2, dx, 80h
        mov ax, 4407h
        int 21h
        mov ah, 0
        is 3, ax, 0FFh
        mov ah, 3Eh
        int 21h
        mov ax, 3567h           ; and by its name in the handler's segment
        int 21h
        mov di, 10
        mov si, device
        mov cx, 8
        repe cmpsb
        is 4, cx, 0
        push ds
        pop es

        ems 4000h
        done 5
        ems 4100h
        done 6
        mov [frame], bx
        ems 4600h
        is 7, ax, 40h
        ems 4200h
        done 8
        mov [free], bx
        mov [total], dx

        mov bx, 0               ; handles
        ems 4300h
        refused 10h, 89h
        mov bx, [total]
        inc bx
        ems 4300h
        refused 11h, 87h
        mov bx, 5
        ems 4300h
        done 12h
        mov [one], dx
        mov bx, [free]
        sub bx, 4
        ems 4300h
        refused 13h, 88h
        mov bx, 0
        ems 5A00h
        done 14h
        mov [two], dx
        mov bx, 1
        ems 5A01h
        done 15h
        ems 4500h
        done 16h
        ems 4500h
        refused 17h, 83h
        mov bx, 1
        ems 5A02h
        refused 18h, 8Fh
        ems 4B00h
        is 19h, bx, 3
        mov dx, [one]
        ems 4C00h
        is 1Ah, bx, 5
        mov di, buffer
        ems 4D00h
        is 1Bh, bx, 3
        is 1Ch, [buffer], 0
        mov ax, [one]
        is 1Dh, [buffer + 4], ax
        is 1Eh, [buffer + 6], 5
        mov dx, [two]
        mov bx, 3
        ems 5100h
        done 1Fh
        is 20h, bx, 3
        mov bx, [total]
        inc bx
        ems 5100h
        refused 21h, 87h
        ems 4C00h
        is 22h, bx, 3
        ems 4900h
        refused 23h, 84h

        mov dx, [one]           ; mapping
        mov bx, 0
        ems 4400h
        done 30h
        mov es, [frame]
        mov word [es:0], 1111h
        mov bx, 1
        ems 4401h
        mov word [es:4000h], 2222h
        mov bx, 0
        ems 4403h
        is 31h, [es:0C000h], 1111h
        mov word [es:0C002h], 3333h     ; through the second window of a page
        mov bx, 2
        ems 4403h
        mov bx, 1
        ems 4400h
        mov bx, 0
        ems 4402h
        is 32h, [es:8000h], 1111h
        is 33h, [es:8002h], 3333h
        is 34h, [es:0], 2222h
        mov bx, 5
        ems 4400h
        refused 35h, 8Ah
        mov bx, 0
        ems 4404h
        refused 36h, 8Bh
        mov bx, 0FFFFh
        ems 4402h
        done 37h
        push ds
        pop es
        mov si, list_numbers
        mov cx, 3
        ems 5000h
        done 38h
        mov es, [frame]
        is 39h, [es:4000h], 1111h
        is 3Ah, [es:8000h], 2222h
        push ds
        pop es
        mov ax, [frame]
        mov [list_segments + 2], ax
        add ax, 0C00h
        mov [list_segments + 6], ax
        mov si, list_segments
        mov cx, 2
        ems 5001h
        done 3Bh
        mov es, [frame]
        is 3Ch, [es:0], 1111h
        is 3Dh, [es:0C000h], 2222h
        push ds
        pop es
        inc word [list_segments + 2]
        ems 5001h
        refused 3Eh, 8Bh
        ems 5002h
        refused 3Fh, 8Fh

        ; saving: windows 0 and 3 have pages 0 and 1
        mov dx, [one]
        ems 4700h
        done 40h
        ems 4700h
        refused 41h, 8Dh
        ems 4500h
        refused 42h, 86h
        mov bx, 4
        ems 4400h
        ems 4800h
        done 43h
        ems 4800h
        refused 44h, 8Eh
        mov es, [frame]
        is 45h, [es:0], 1111h
        push ds
        pop es
        ems 4E03h
        mov ah, 0
        mov [size], ax
        mov di, buffer
        ems 4E00h
        done 46h
        mov bx, 3
        ems 4400h
        mov si, buffer
        mov di, buffer2
        ems 4E02h
        done 47h
        mov es, [frame]
        is 48h, [es:0], 1111h
        push ds
        pop es
        mov si, buffer2
        ems 4E01h
        done 49h
        mov es, [frame]
        is 4Ah, [es:0], 0
        push ds
        pop es
        mov si, buffer
        ems 4E01h
        ems 4E04h
        refused 4Bh, 8Fh
        mov bx, 2
        ems 4F02h
        done 4Ch
        mov bx, 1000
        ems 4F02h
        refused 4Dh, 8Bh
        mov ax, [frame]
        mov [partial + 2], ax
        mov si, partial
        mov di, buffer2
        ems 4F00h
        done 4Eh
        mov bx, 3
        ems 4400h
        mov bx, 4
        ems 4403h
        mov si, buffer2
        ems 4F01h
        done 4Fh
        mov es, [frame]
        is 50h, [es:0], 1111h
        is 51h, [es:0C000h], 0  ; the other window stays
        push ds
        pop es
        inc word [partial + 2]
        mov si, partial
        ems 4F00h
        refused 52h, 8Bh
        mov word [partial], 1000
        ems 4F00h
        refused 53h, 0A3h

        ; names
        mov si, name
        ems 5301h
        done 58h
        mov di, buffer
        ems 5300h
        is 59h, [buffer], 'NA'
        mov dx, [two]
        ems 5301h
        refused 5Ah, 0A1h
        ems 5401h
        done 5Bh
        mov ax, [one]
        is 5Ch, dx, ax
        mov si, zeros
        ems 5401h
        refused 5Dh, 0A1h
        mov si, device
        ems 5401h
        refused 5Eh, 0A0h
        mov di, buffer
        ems 5400h
        is 5Fh, ax, 3
        is 60h, [buffer + 12], 'NA'
        ems 5402h
        done 61h
        mov dx, [one]
        ems 5200h
        is 62h, ax, 0
        ems 5202h
        is 63h, ax, 0
        mov bl, 1
        ems 5201h
        refused 64h, 91h

        ; regions
        mov ax, [one]
        mov [region + 5], ax
        mov [region + 12], ax
        mov word [buffer], 0ABCDh
        mov si, region_in
        mov [region_in + 9], ds
        mov ax, [one]
        mov [region_in + 12], ax
        ems 5700h
        done 68h
        mov word [buffer], 0
        mov si, region_out
        mov [region_out + 16], ds
        mov ax, [one]
        mov [region_out + 5], ax
        ems 5701h
        done 69h
        is 6Ah, [buffer], 0ABCDh
        ems 5700h
        is 6Bh, [buffer], 0
        mov si, region
        ems 5700h
        refused 6Ch, 92h
        ems 5701h
        refused 6Dh, 97h
        mov word [region + 7], 4000h
        ems 5700h
        refused 6Eh, 95h
        mov word [region + 7], 0
        mov word [region + 9], 5
        ems 5700h
        refused 6Fh, 8Ah
        mov word [region + 9], 4
        mov word [region], 4001h
        ems 5700h
        refused 70h, 93h
        mov word [region + 2], 10h
        ems 5700h
        refused 71h, 96h
        mov word [region + 2], 0
        mov byte [region + 4], 2
        ems 5700h
        refused 72h, 98h
        mov byte [region + 4], 0
        mov word [region + 9], 0FFFFh
        ems 5700h
        refused 73h, 0A2h
        ems 5702h
        refused 74h, 8Fh

        mov di, buffer          ; windows
        ems 5801h
        is 78h, cx, 4
        ems 5800h
        is 79h, cx, 4
        mov ax, [frame]
        is 7Ah, [buffer], ax
        is 7Bh, [buffer + 2], 0
        is 7Ch, [buffer + 14], 3

        ; a routine in a page: what it does with AX, and the flags
        mov ax, [one]
        mov [region_code + 12], ax
        mov [region_code + 9], ds
        mov si, region_code
        ems 5700h
        done 80h
        mov dx, [one]
        ems 5602h
        done 81h
        mov ax, [frame]
        mov [call_it + 2], ax
        mov [call_it + 7], ds
        mov [call_it + 12], ds
        mov si, call_it
        mov di, 7
        mov [stack], sp
        stc
        ems 5600h
        done 82h
        mov ax, [stack]
        is 83h, sp, ax
        is 84h, di, 8
        mov es, [frame]
        is 85h, [es:0], 1111h   ; the old pages again
        push ds
        pop es
        mov ax, [frame]
        mov [jump_it + 2], ax
        mov [jump_it + 7], ds
        mov si, jump_it
        mov di, 40
        mov bp, .back
        push cs
        push bp
        ems 5500h
        refused 86h, 0FFh       ; it jumps, and does not come here
.back:  is 87h, di, 41
        mov byte [call_it + 4], 1
        mov word [call_list + 2], 9
        mov si, call_it
        ems 5600h
        refused 88h, 8Bh

        ; the operating system's
        mov di, buffer
        ems 5900h
        done 90h
        is 91h, [buffer], 400h
        mov ax, [size]
        is 92h, [buffer + 4], ax
        ems 5901h
        mov ax, [total]
        is 93h, dx, ax
        ems 5B02h
        mov ax, [size]
        is 94h, dx, ax
        mov bl, 0
        mov di, buffer
        ems 5B01h
        done 95h
        mov di, 0
        ems 5B00h
        done 96h
        is 97h, di, buffer
        push ds
        pop es
        ems 5B03h
        done 98h
        mov bl, 1
        ems 5B01h
        refused 99h, 9Ch
        ems 5B06h
        refused 9Ah, 9Eh
        ems 5C00h
        done 9Bh
        ems 5D01h               ; nobody may
        done 9Ch
        mov [key], bx
        mov [key + 2], cx
        ems 5900h
        refused 9Dh, 0A4h
        ems 5B00h
        refused 9Eh, 0A4h
        inc cx
        ems 5D00h
        refused 9Fh, 0A4h
        mov bx, [key]
        mov cx, [key + 2]
        ems 5D00h
        done 0A0h
        ems 5900h
        done 0A1h
        ems 5D02h
        done 0A2h
        ems 5E00h
        refused 0A3h, 84h

        mov dx, [one]
        ems 4500h
        done 0A8h
        mov dx, [two]
        ems 4500h
        done 0A9h
        ems 4200h
        mov ax, [free]
        is 0AAh, bx, ax
finish: mov ah, 2
        mov dl, '.'
        int 21h
        mov ax, 4C00h
        int 21h

fails:  push bx
        push cx
        push dx
        push es
        push ds
        push cs
        pop ds
        call byte_
        mov dl, '='
        mov ah, 2
        int 21h
        mov al, [actual + 1]
        call byte_
        mov al, [actual]
        call byte_
        mov dl, ' '
        mov ah, 2
        int 21h
        pop ds
        pop es
        pop dx
        pop cx
        pop bx
        ret
byte_:  push ax
        mov cl, 4
        shr al, cl
        call digit
        pop ax
digit:  and al, 0Fh
        add al, 90h
        daa
        adc al, 40h
        daa
        mov dl, al
        mov ah, 2
        int 21h
        ret

routine:
        inc di
        retf
routine_size equ $ - routine

device: db "EMMXXXX0", 0
name:   db "NAME    "
zeros:  times 8 db 0
ah_word: dw 0
actual: dw 0
frame:  dw 0
free:   dw 0
total:  dw 0
one:    dw 0
two:    dw 0
size:   dw 0
stack:  dw 0
key:    dw 0, 0
list_numbers: dw 0, 1, 1, 2, 0FFFFh, 3
list_segments: dw 0, 0, 1, 0
partial: dw 1, 0
region: dd 100h
        db 1
        dw 0, 0, 0
        db 1
        dw 0, 80h, 0
region_in: dd 2
        db 0
        dw 0, buffer, 0
        db 1
        dw 0, 3FFFh, 2
region_out: dd 2
        db 1
        dw 0, 3FFFh, 2
        db 0
        dw 0, buffer, 0
region_code: dd routine_size
        db 0
        dw 0, routine, 0
        db 1
        dw 0, 100h, 4
call_it: dw 100h, 0
        db 1
        dw call_list, 0
        db 1
        dw old_list, 0
        dw 0, 0, 0, 0
call_list: dw 4, 0
old_list: dw 0, 0
jump_it: dw 100h, 0
        db 1
        dw call_list, 0
buffer: times 64 db 0
buffer2: times 64 db 0
