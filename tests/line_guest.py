"""A boot sector with line numbers, for tests of source-level stepping.

``ELF`` is what ``nasm -f elf32 -g -F dwarf`` and ``ld -m elf_i386 -Ttext 0x7c00 -e main`` make of
``SOURCE``, and ``IMAGE`` the bytes of its section .text; tests need no assembler.
"""

import base64
import zlib

SOURCE_NAME = "count.asm"
SOURCE = """\
bits 16
global main
section .text
main: push bp
 mov bp,sp
 mov ax,3
 push ax
 call countdown
 add sp,2
 pop bp
.stop: hlt
 jmp .stop
countdown:
 push bp
 mov bp,sp
 mov ax,[bp+4]
 test ax,ax
 jz .done
 dec ax
 push ax
 call countdown
 pop cx
.done:
 inc word [counter]
 pop bp
 ret
counter: dw 1
times 510-($-$$) db 0
dw 0AA55h
"""

ELF = zlib.decompress(
    base64.b64decode(
        "eNqrd/VxY2RkZIABJgZmBjCvhoHBBEipCEDETRgUgHIaDJwMHAxw1QVAnMDAUMIAwSwgMaB6sDwPxAww"
        "ZoJgVqj8KBgFo2AUjIJRMApGwSgYBaNgYEBo59MdzAwBL9gZmo8wxX55/Rco0O3G0nqghM0j4MXH/5H/"
        "2dRrYg8zjobUsIz9VTLQ7hm094bor0GBM0KeESxXBxFPzi/NK9FLLM5l0NOHQwY/x2BfBSM9QzM9A0MG"
        "xgYmsA4QYBQEQiFGATZmDmkOVQ5hYFeQSY9BkNGBDSjpD7ZDAaSM8TcfL5AEd0gZQQhhDxiwgo0UVdS3"
        "VbS1VVQ0ADL09RUVbZW8FRX1mRmZrgIxEwMjZnJFFmFh+PifG0jz1SBkRYGkIBJfHkgqIvH1gKR6DSQs"
        "GIHQDCTcAJEVAPKdYGEH5bujyfuh8ZE8lpuYmadXXJJfABFLyS/PQ7D0UvLzUiHc1CKG+Pik4uL44pLE"
        "ohKwNob41JTEkkQglZfCwKBXXJlbkpgEpEuKIHQGjFWSWlHCoJeSmlSaHp9YlJiXnloM42bmpeXDpZKS"
        "ilLLYLycTKDVJABpaDizwcKCBzUtwbr+imjxwcDHAI599LgyQFOnAFTnjkWdDZq6dKA6WSzqvNDUtQDV"
        "BWNRx4jqbIYbQHULgDQ71G8sUL9wAjEzkroKfuzmCaKpOw1UF4ZFHQAepXxd"
    )
)

IMAGE = ELF[0xC00:0xE00]
