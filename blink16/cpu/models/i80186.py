"""The 80186 in the place of an 8086: its instructions, without the devices on its chip.

What it does not know enters INT 6: 0F, 63 to 67, F1, FE /2-/7 and FF /7.  D6 is SALC and 82 is
80, as on all its relatives; D0 to D3 /6 shift left.
"""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.models import i8086
from blink16.cpu.opcodes import OpcodeMap
from blink16.cpu.semantics_80186 import SEMANTICS
from blink16.cpu.timing import Timing

_MAP = """
0F | UD
60 | PUSHA     | POPA      | BOUND Gw,M | UD       | UD        | UD        | UD      | UD
68 | PUSH Iw   | IMUL Gw,Ew,Iw | PUSH Ibs | IMUL Gw,Ew,Ibs | INS Yb,DX | INS Yw,DX | OUTS DX,Xb | OUTS DX,Xw
C0 | #2 Eb,Ib  | #2 Ew,Ib
C8 | ENTER Iw,Ib | LEAVE
D0 | #2 Eb,1   | #2 Ew,1   | #2 Eb,CL  | #2 Ew,CL
F1 | UD
FE | #4 Eb     | #5 Ew
"""

_GROUPS = """
#2 | ROL | ROR | RCL | RCR | SHL | SHR | SHL | SAR
#4 | INC | DEC | UD | UD | UD | UD | UD | UD
#5 | INC | DEC | CALL | CALLF Mp | JMP | JMPF Mp | PUSH | UD
"""

_TIMING = """
MOV E,G   | 2     | 12/1
MOV G,E   | 2     | 9/1
MOV E,S   | 2     | 11/1
MOV S,E   | 2     | 9/1
MOV R,O   | 8/1
MOV O,R   | 9/1
MOV R,I   | 4
MOV E,I   | 4     | 13/1
PUSH R    | 10/1
PUSH I    | 10/1
PUSH E    | 10/1  | 16/2
PUSHA     | 36/8
POP R     | 10/1
POP E     | 10/1  | 20/2
POPA      | 51/8
XCHG R,R  | 3
XCHG G,E  | 4     | 17/2
XLAT      | 11
LEA G,M   | 6     | 6
LES,LDS G,M | 18/2 | 18/2
PUSHF     | 9/1
POPF      | 8/1
SAHF      | 3
CWD       | 4
IN R,I    | 10/1
IN R,DX   | 8/1
OUT I,R   | 9/1
OUT DX,R  | 7/1
ADD,OR,ADC,SBB,AND,SUB,XOR E,G | 3 | 10/2
ADD,OR,ADC,SBB,AND,SUB,XOR,CMP G,E | 3 | 10/1
CMP,TEST E,G | 3  | 10/1
ADD,OR,ADC,SBB,AND,SUB,XOR E,I | 4 | 16/2
CMP E,I   | 3     | 10/1
TEST E,I  | 4     | 10/1
INC,DEC R | 3
INC,DEC,NOT,NEG E | 3 | 15/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,1 | 2 | 15/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,CL | 5+1 | 17+1/2
ROL,ROR,RCL,RCR,SHL,SHR,SAR E,I | 5+1 | 17+1/2
AAS       | 7
MUL Eb    | 27    | 33
MUL Ew    | 36    | 42/1
IMUL Eb   | 27    | 33
IMUL Ew   | 36    | 42/1
IMUL G,E,I | 26   | 32/1
DIV Eb    | 8+21  | 14+21
DIV Ew    | 8+30  | 14+30/1
IDIV Eb   | 18+30 | 24+30
IDIV Ew   | 18+39 | 24+39/1
AAM I     | 6+13
AAD I     | 15
ESC E     | 6     | 6/1
BOUND G,M | 34/2  | 34/2
ENTER I,I | 15+16/2
LEAVE     | 8/1
JMP J     | 14
JMP E     | 11    | 17/1
JMPF A    | 14
JMPF M    | 26/2  | 26/2
CALL J    | 15/1
CALL E    | 13/1  | 19/2
CALLF A   | 23/2
CALLF M   | 38/4  | 38/4
RET       | 16/1
RET I     | 18/1
RETF      | 22/2
RETF I    | 25/2
INT R     | 2
INT I     | 4
IRET      | 28/3
UD        | 4
LOOP J    | 6>10
LOOPZ,LOOPNZ J | 6>10
JCXZ J    | 5>10
JO,JNO,JB,JNB,JZ,JNZ,JBE,JNBE,JS,JNS,JP,JNP,JL,JNL,JLE,JNLE J | 4>9
MOVS Y,X  | 14/2
CMPS X,Y  | 22/2
STOS Y,R  | 10/1
LODS R,X  | 12/1
INS Y,DX  | 14/2
OUTS DX,X | 14/2
REP MOVS Y,X | 8+8/2
REP CMPS X,Y | 5+22/2
REP STOS Y,R | 6+9/1
REP LODS R,X | 6+11/1
REP SCAS R,Y | 5+15/1
REP INS Y,DX | 8+8/2
REP OUTS DX,X | 8+8/2
"""
"""Roughly those of Intel's 80186 data sheet, means where it gives a range; nothing was measured."""

OPCODES = OpcodeMap.parse(_MAP, _GROUPS, i8086.OPCODES)
I80186 = Model(
    "80186",
    OPCODES,
    SEMANTICS,
    Timing(
        Timing.parse(_TIMING, i8086.I8086.timing),
        word=2,
        odd=4,
        fetch=0,
        interrupt=43,
        acknowledge=8,
        computes_addresses=False,
    ),
    fixed_flags=0xF002,
)
