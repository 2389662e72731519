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
from blink16.cpu.x87.opcodes import CoprocessorKind

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
#system | SGDT M | SIDT M | LGDT M | LIDT M | SMSW Ew | UD | LMSW Ew | UD
#from | MOV | MOV | MOV | MOV | UD | UD | UD | UD
#to   | MOV | UD | MOV | MOV | UD | UD | UD | UD
#pop  | POP | UD | UD | UD | UD | UD | UD | UD
#move | MOV | UD | UD | UD | UD | UD | UD | UD
"""
_TIMING = """
MOV E,G   | 2     | 3/1
MOV G,E   | 2     | 5/1
MOV E,S   | 2     | 3/1
MOV S,E   | 2     | 5/1
MOV R,O   | 5/1
MOV O,R   | 3/1
MOV R,I   | 2
MOV E,I   | 2     | 3/1
PUSH R    | 3/1
PUSH I    | 3/1
PUSH E    | 3/1   | 5/2
PUSHA     | 17/8
POP R     | 5/1
POP E     | 5/1   | 5/2
POPA      | 19/8
XCHG R,R  | 3
XCHG G,E  | 3     | 5/2
XLAT      | 5
LEA G,M   | 3     | 3
LES,LDS G,M | 7/2 | 7/2
PUSHF     | 3/1
POPF      | 5/1
SAHF,LAHF | 2
CBW,CWD   | 2
IN R,I    | 5/1
IN R,DX   | 5/1
OUT I,R   | 3/1
OUT DX,R  | 3/1
ADD,OR,ADC,SBB,AND,SUB,XOR E,G | 2 | 7/2
ADD,OR,ADC,SBB,AND,SUB,XOR G,E | 2 | 7/1
CMP G,E   | 2     | 6/1
CMP E,G   | 2     | 7/1
TEST E,G  | 2     | 6/1
ADD,OR,ADC,SBB,AND,SUB,XOR,CMP,TEST R,I | 3
ADD,OR,ADC,SBB,AND,SUB,XOR E,I | 3 | 7/2
CMP,TEST E,I | 3  | 6/1
INC,DEC R | 2
INC,DEC,NOT,NEG E | 2 | 7/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,1 | 2 | 7/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,CL | 5+1 | 8+1/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,I | 5+1 | 8+1/2
DAA,DAS   | 3
AAA,AAS   | 3
MUL Eb    | 13    | 16
MUL Ew    | 21    | 24/1
IMUL Eb   | 13    | 16
IMUL Ew   | 21    | 24/1
IMUL G,E,I | 21   | 24/1
DIV Eb    | 6+8   | 9+8
DIV Ew    | 6+16  | 9+16/1
IDIV Eb   | 9+8   | 12+8
IDIV Ew   | 9+16  | 12+16/1
AAM I     | 8+8
AAD I     | 14
ESC E     | 9     | 9/1
BOUND G,M | 13/2  | 13/2
ENTER I,I | 11+4/1
LEAVE     | 5/1
CLI       | 3
WAIT      | 3
JMP J     | 9
JMP E     | 9     | 13/1
JMPF A    | 13
JMPF M    | 17/2  | 17/2
CALL J    | 9/1
CALL E    | 9/1   | 13/2
CALLF A   | 15/2
CALLF M   | 18/4  | 18/4
RET       | 13/1
RET I     | 13/1
RETF      | 17/2
RETF I    | 17/2
INT R     | 4
INT I     | 4
INTO      | 3
IRET      | 19/3
UD        | 2
LOOP J    | 4>6
LOOPZ,LOOPNZ J | 4>6
JCXZ J    | 4>6
JO,JNO,JB,JNB,JZ,JNZ,JBE,JNBE,JS,JNS,JP,JNP,JL,JNL,JLE,JNLE J | 3>6
MOVS Y,X  | 5/2
CMPS X,Y  | 8/2
STOS Y,R  | 3/1
LODS R,X  | 5/1
SCAS R,Y  | 7/1
INS Y,DX  | 5/2
OUTS DX,X | 5/2
REP MOVS Y,X | 5+4/2
REP CMPS X,Y | 5+9/2
REP STOS Y,R | 4+3/1
REP LODS R,X | 5+4/1
REP SCAS R,Y | 5+8/1
REP INS Y,DX | 5+4/2
REP OUTS DX,X | 5+4/2
SGDT,LGDT M | 11/3 | 11/3
SIDT,LIDT M | 12/3 | 12/3
SMSW E    | 2     | 3/1
LMSW E    | 3     | 6/1
CLTS      | 2
"""
"""Intel's figures (iAPX 286 Programmer's Reference, appendix B), two bytes behind a jump."""

OPCODES = OpcodeMap.parse(_MAP, _GROUPS, i80186.OPCODES, memory_only=True)
I80286 = Model(
    "80286",
    OPCODES,
    SEMANTICS,
    Timing(
        Timing.parse(_TIMING, i80186.I80186.timing),
        word=1,
        odd=0,
        fetch=0,
        interrupt=21,
        acknowledge=8,
        computes_addresses=False,
        prefix=0,
    ),
    fixed_flags=0x0002,
    limit=10,
    coprocessor=CoprocessorKind.I80287,
    reaches_high=True,
)
