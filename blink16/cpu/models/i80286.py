"""The 80286 in real mode.

What it does not know enters INT 6: 0F xx but for the few that real mode has, 63 to 67, unused
members of groups, and a register where only memory makes sense.  F1 is a prefix without effect,
D6 is SALC, 82 is 80, and F6 /1 and D0 /6 repeat their neighbours, as on all its relatives.
"""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.models import i80186
from blink16.cpu.opcodes import OpcodeMap
from blink16.cpu.semantics_80286 import SEMANTICS
from blink16.cpu.timing import Timing

_UNDEFINED = " | ".join(("UD",) * 256)
_MAP = f"""
0F | 2BYTE
0F00 | {_UNDEFINED}
0F01 | #system Ew
0F05 | LOADALL | CLTS
8C | #from Ew,Sw
8E | #to Sw,Ew | #pop Ew
C6 | #move Eb,Ib | #move Ew,Iw
F1 | LOCK
"""
_GROUPS = """
#system | SGDT Mp | SIDT Mp | LGDT Mp | LIDT Mp | SMSW Ew | UD | LMSW Ew | UD
#from | MOV | MOV | MOV | MOV | UD | UD | UD | UD
#to   | MOV | UD | MOV | MOV | UD | UD | UD | UD
#pop  | POP | UD | UD | UD | UD | UD | UD | UD
#move | MOV | UD | UD | UD | UD | UD | UD | UD
"""
_TIMING = """
"""
OPCODES = OpcodeMap.parse(_MAP, _GROUPS, i80186.OPCODES, memory_only=True)
I80286 = Model(
    "80286",
    OPCODES,
    SEMANTICS,
    Timing(
        Timing.parse(_TIMING, i80186.I80186.timing) if _TIMING.strip() else i80186.I80186.timing.forms,
        word=2,
        fetch=0,
        interrupt=23,
        acknowledge=8,
        computes_addresses=False,
        prefix=0,
    ),
    fixed_flags=0x0002,
    limit=10,
)
