"""Where DOS keeps what programs look for: its variables and the entry for CP/M's CALL 5."""

from __future__ import annotations

from typing import Any

from construct import Const, Struct

from blink16.dos import arena
from blink16.dos.arena import OWNER_DOS, MemoryBlock
from blink16.dos.executable import FAR_POINTER
from blink16.dos.table_layouts import layouts
from blink16.memory import Memory, linear

DOS_SEGMENT = 0x0070
FIRST_MCB = 0x0260
"""Segments below belong to the vectors, the BIOS data area and DOS."""
SYSTEM_PARAGRAPHS = 4
"""What the first block holds, which is DOS' own."""
FIRST_FREE = FIRST_MCB + 1 + SYSTEM_PARAGRAPHS
"""The control block behind that."""
PSP_SEGMENT = 0x0300
"""The first program's, unless its environment is larger than that leaves room for."""
PARAGRAPHS_PER_KIB = 64
SYSVARS = (DOS_SEGMENT, 0x0026)
INDOS = (DOS_SEGMENT, 0x0010)
DISKETTE_TABLE = (0x0000, 0x0522)
"""Where INT 1Eh's table is while DOS runs (RBIL, MEMORY.LST)."""
CALL5_ENTRY = (DOS_SEGMENT, 0x0100)
TABLES_OFFSET = 0x0201
"""Where the country's tables begin, behind a far return that they share the place with."""
CALL5_JUMP = 0x000C0
"""The linear address that a PSP's far call (F01D:FEF0) means: a jump in the vector table."""
LAST_DRIVE = 3

CALL5 = bytes.fromhex(
    "80F924"  # cmp cl,24h
    "7604"  #   jbe known
    "B000"  #   mov al,0
    "EB02"  #   jmp short frame
    "88CC"  # known: mov ah,cl
    "55"  #   frame: push bp         ; the stack has: far return to PSP:0Ah, near return
    "89E5"  #   mov bp,sp
    "50"  #     push ax
    "8B4606"  # mov ax,[bp+6]        ; the near return
    "894602"  # mov [bp+2],ax        ; becomes an interrupt's: offset, PSP, flags
    "9C"  #     pushf
    "8F4606"  # pop word [bp+6]
    "58"  #     pop ax
    "5D"  #     pop bp
    "80F924"  # cmp cl,24h
    "7702"  #   ja done
    "CD21"  #   int 21h
    "CF"  # done: iret
)
"""CALL 5 with the function in CL, as CP/M programs have it, becomes INT 21h."""
JUMP_FAR = Struct("opcode" / Const(b"\xea"), "target" / FAR_POINTER)


def list_of_lists(version: tuple[int, int], fields: dict[str, Any]) -> bytes:
    """Return a version's list of lists, from the word before it on, with these fields."""
    always = {"sector_size": 512, "protected_fcbs": 0, "boot_drive": LAST_DRIVE}
    raw: bytes = layouts(version).list_of_lists.build({**always, **fields})
    return raw


def install(memory: Memory, memory_kib: int, version: tuple[int, int], *, upper: bool) -> None:
    """Write DOS' variables and code, and the chain of memory blocks up to the end of memory.

    ``upper``: leave room there for a control block that leads to upper memory.
    """
    system = MemoryBlock(FIRST_MCB, SYSTEM_PARAGRAPHS, OWNER_DOS, False, "SD")
    arena.put(memory, system)
    rest = memory_kib * PARAGRAPHS_PER_KIB - upper - system.next - 1
    arena.put(memory, MemoryBlock(system.next, rest, arena.FREE, True))
    nowhere = {"offset": 0, "segment": 0}
    fields = {
        "first_mcb": FIRST_MCB,
        "clock": nowhere,
        "con": nowhere,
        "block_devices": 1,
        "last_drive": LAST_DRIVE,
        "nul_strategy": 0,
        "nul_interrupt": 0,
    }
    memory.write(linear(*SYSVARS) - 2, list_of_lists(version, fields))
    memory.write(linear(*CALL5_ENTRY), CALL5)
    segment, offset = CALL5_ENTRY
    memory.write(CALL5_JUMP, JUMP_FAR.build({"target": {"offset": offset, "segment": segment}}))
