"""What programs call INT 16h for in loops, as 8086 code in ROM: keys, and which are held down.

It does what `int16` does, which follows where something is unusual: a key that 83 keys don't have,
and a wait.  A look at the empty ring is answered here too.  The service, which knows whether a
guest is idle and what a pipe has, is asked only at the first vain look after a tick, and where no
ticks are counted at each 4096th.
Source: IBM PC/XT Technical Reference, BIOS listing of KEYBOARD_IO.
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.memory import Memory

USUAL_KEYS = bytes.fromhex(
    "80fc02 7211 745b 80fc12"  # front: cmp ah, 2 / jb keys / je shifts / cmp ah, 12h
    "7463 7705 80fc10 7303"  # je states / ja leave / cmp ah, 10h / jae keys
    "e99300"  # leave: jmp service
    "1e 53 bb4000 8edb"  # keys: push ds / push bx / mov bx, 40h / mov ds, bx
    "8b1e1a00 3b1e1c00 7461 8b1f"  # mov bx, [1ah] / cmp bx, [1ch] / je none / mov bx, [bx]
    "f6c410 750a 80ff84 7774"  # test ah, 10h / jnz given / cmp bh, 84h / ja other
    "80fbe0 746f"  # cmp bl, 0e0h / je other
    "f6c401 7519 89d8 8b1e1a00"  # given: test ah, 1 / jnz look / mov ax, bx / mov bx, [1ah]
    "43 43 3b1e8200 7504 8b1e8000"  # inc bx / inc bx / cmp bx, [82h] / jne taken / mov bx, [80h]
    "891e1a00 5b 1f cf"  # taken: mov [1ah], bx / pop bx / pop ds / iret
    "89d8 89e3 36806708bf 5b"  # look: mov ax, bx / mov bx, sp / and byte [ss:bx+8], 0bfh / pop bx
    "1f cf"  # pop ds / iret
    "1e 53 bb4000 8edb"  # shifts: push ds / push bx / mov bx, 40h / mov ds, bx
    "a01700 5b 1f cf"  # mov al, [17h] / pop bx / pop ds / iret
    "1e 53 bb4000 8edb"  # states: push ds / push bx / mov bx, 40h / mov ds, bx
    "a11700 80e473 8a1e9600 80e30c"  # mov ax, [17h] / and ah, 73h / mov bl, [96h] / and bl, 0ch
    "08dc 5b 1f cf"  # or ah, bl / pop bx / pop ds / iret
    "f6c401 741a ff06ac00 7814"  # none: test ah, 1 / jz other / inc word [0ach] / js other
    "8a1e6c00 3a1eae00 750a 89e3"  # mov bl, [6ch] / cmp bl, [0aeh] / jne other / mov bx, sp
    "36804f0840 5b 1f cf"  # or byte [ss:bx+8], 40h / pop bx / pop ds / iret
    "5b 1f"  # other: pop bx / pop ds
)
"""00h to 02h and 10h to 12h; behind it comes the service."""
MOST_LOOKS = 4096
EACH_LOOK = 0xC000
"""What ``vain_looks`` is where the service must be asked each time: anything negative."""
_FRESH = 0x8000 - MOST_LOOKS


def looks_in_vain(memory: Memory) -> int:
    """Return at how many looks there was no key since `let_look`, with this one."""
    looks = DataArea(memory).vain_looks - _FRESH
    return looks if 0 < looks <= MOST_LOOKS else 1


def let_look(memory: Memory) -> None:
    """Let the ROM answer vain looks by itself, until the next tick or to `MOST_LOOKS`."""
    area = DataArea(memory)
    area.vain_looks = _FRESH
    area.asked_at = area.ticks & 0xFF


def ask_each_time(memory: Memory) -> None:
    """Let the service be asked at the next vain look."""
    DataArea(memory).vain_looks = EACH_LOOK
