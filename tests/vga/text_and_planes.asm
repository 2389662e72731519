; text and the planes are one memory: what each mode leaves for the other, on E9h
bits 16
cpu 8086
org 7c00h
        xor ax,ax
        mov ds,ax
        mov ss,ax
        mov sp,7c00h
        cld
        mov ax,3
        int 10h
        mov ax,0b800h
        mov es,ax
        xor di,di
        mov ax,1741h
        mov cx,2000
        rep stosw               ; AAA
        mov ax,8dh              ; planes, not cleared
        int 10h
        mov bx,0a000h
        call plane0
        mov dx,3ceh             ; read plane 1
        mov ax,0104h
        out dx,ax
        call show
        mov dx,3c4h
        mov ax,0302h            ; planes 0 and 1
        out dx,ax
        mov byte [es:1],5ah
        mov ax,83h              ; text, not cleared
        int 10h
        mov bx,0b800h
        call plane0
        mov ax,13h
        int 10h
        mov ax,0a000h
        mov es,ax
        xor di,di
        mov al,1
fill:   stosb
        inc al
        cmp di,64
        jb fill
        mov ax,83h
        int 10h
        mov bx,0b800h
        call plane0
        mov al,10
        out 0e9h,al
        cli
        hlt
plane0: mov es,bx
show:   xor si,si
s1:     mov al,[es:si]
        call hex
        inc si
        cmp si,4
        jb s1
        mov al,' '
        out 0e9h,al
        ret
hex:    push ax
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
