"""A boot sector that calls a driver, each an ELF with line numbers of its own.

``MAIN`` and ``DRIVER`` are what ``nasm -f elf32 -g -F dwarf`` and ``ld -m elf_i386`` make of their
sources (``-Ttext 0x7c00 -e main``; ``-Ttext 0x7d00 -Tdata 0x7d30 -e driver``), and ``IMAGE`` has
their sections .text and .data where they belong; tests need no assembler.
"""

import base64
import zlib

MAIN_SOURCE = """\
bits 16
global main
section .text
main: push bp
 mov bp,sp
 mov ax,3
 push ax
 call 0x7d0:0
 add sp,2
 pop bp
.stop: hlt
 jmp .stop
"""

DRIVER_SOURCE = """\
bits 16
global driver
global helper
section .text
driver: push bp
 mov bp,sp
 mov ax,[bp+6]
 push ax
 call helper
 pop cx
 pop bp
 retf
helper:
 push bp
 mov bp,sp
 mov ax,[bp+4]
 inc word [cs:count]
 pop bp
 ret
section .data
global count
count: dw 1
"""

MAIN = zlib.decompress(
    base64.b64decode(
        "eNrtl79Lw0AUx9+l2h9SpbU6VbEZBAdJrBYHUbFgHURFEAUHiQmNtWDT0lylQkHByT/Axb/EP8DRwcF/wclJ"
        "cBPRl7tcqiGDm8t9kpeX996XS+4uQ95lZWuDEAICBWLAoh5ACd3jMM+XoIC1GUhBEgJ1C+0YgAK3AS+XAV5P"
        "8zE8ywG3Qb8ukUgkEolEIpFI/of9m5f7GOzeATwlrh+Uo/fXzwnWBoD4oQ9+4QXlfp2wWo/nG2bd0Uy3ATpt"
        "tPSzrl7TYae8t12Y14qL2lwRyJUCvhZIFo9RkonHkvnkdDKHvYGiQZasxbG4xJ4w5cnIx8gwXlmHQrwzeApj"
        "kI04ruor6uGKqioK/OhlBD8zA/D2NeS1Ib1+dcxzVzzKYFzwJy3i6VB9NhT334nduLTZAsOwXNdwqdmmLAuG"
        "XTWpic6pAmjuRYOaFnra5v5U3FG7S0Gr2lanZpht06nZrgjrzkkzKFlW2z4X0Vndsf++53l/TeJinunfGyxa"
        "NDW0djnUFSLWdS6kW0BdJUK3HNJ1UTcZodsM6W5RtxqhI8GHyHlO85Y0gRbzP19vLik/FqxjT1uMGC8b0nVQ"
        "dxCh+wZ0nl5Z"
    )
)
DRIVER = zlib.decompress(
    base64.b64decode(
        "eNrtl0FLG0EUx/+TxDWWRhOFHrSFrGDroezGKNKLoC1JL62I0oNQ2e6abQwka9gdRaGhXsVP0O9R+gV67Oco"
        "9NpzC/btzE6yLnvozcv8k8nbN+/HzL7JXP6fW2/ajDEoFVCEyEbABoXqnJzfQJ1qq3iAGYzpIY0PAIccpXiu"
        "ClmvyDXi0YQc00ldS0tLS0tLS0tLS0vrPvTu+udN29j7VcTh0Q+RlKxbozE6+p7PMzwWLgnK7wiHs5giXk3q"
        "TNRGcr4T9s790HKjAWw+GNr9C7trY3fn4G29aa1tWo01sKsCRmqjGn3mWdUolpfKK+WFKVrVQo1tG1TcEXuY"
        "Mcb+zFboV1g4Fn9T+whNiTUfmfaWuWWayxQPzQJDyvNNepuohN+3D5PupG1jWIhtXSqPu26O8wKeUmyk8ueZ"
        "+nrsI1N5+lXlI078/pCC43hR5ETcDTmOT88CDsfvuNylEHQAK7occNejyEMZT9QT9y84LMFaHd876zpu6AZd"
        "P1JpL/h4Oi55Xuifq6zfC/z/vjdLyXkZ6owqd2+BsrlmwhWTs2lU1O1A+g7hWeb8m8TVc/6bzQy3T9zrHO5l"
        "hvtC3JMcbi/DfSOulcMx3H3vv8RdUSwn86Wk55mkV6VPs8CLnPVqGe4rce9zuH+Cq2uG"
    )
)

_CODE = MAIN[0xC00:0xC13].ljust(0x100, b"\0") + DRIVER[0xD00:0xD1A].ljust(0x30, b"\0")
IMAGE = (_CODE + DRIVER[0xD30:0xD32]).ljust(510, b"\0") + b"\x55\xaa"
