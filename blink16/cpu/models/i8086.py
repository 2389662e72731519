"""The 8086, and the 8088, which differs in its bus only.

What Intel left out behaves as captured from a real chip: 60-6F are 70-7F, C0 C1 C8 C9 are
C2 C3 CA CB, D6 is SALC, F1 is LOCK, 82 is 80, and unused members of a group repeat others.
FE /2-/7, LEA, LES and LDS of a register, and far calls through one depend on what the chip's
internal registers held; here they take the word forms, and the register as the offset.
"""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.opcodes import OpcodeMap
from blink16.cpu.semantics import INSTRUCTIONS
from blink16.cpu.timing import Timing

_MAP = """
00 | ADD Eb,Gb | ADD Ew,Gw | ADD Gb,Eb | ADD Gw,Ew | ADD AL,Ib | ADD AX,Iw | PUSH ES | POP ES
08 | OR Eb,Gb  | OR Ew,Gw  | OR Gb,Eb  | OR Gw,Ew  | OR AL,Ib  | OR AX,Iw  | PUSH CS | POP CS
10 | ADC Eb,Gb | ADC Ew,Gw | ADC Gb,Eb | ADC Gw,Ew | ADC AL,Ib | ADC AX,Iw | PUSH SS | POP SS
18 | SBB Eb,Gb | SBB Ew,Gw | SBB Gb,Eb | SBB Gw,Ew | SBB AL,Ib | SBB AX,Iw | PUSH DS | POP DS
20 | AND Eb,Gb | AND Ew,Gw | AND Gb,Eb | AND Gw,Ew | AND AL,Ib | AND AX,Iw | ES:     | DAA
28 | SUB Eb,Gb | SUB Ew,Gw | SUB Gb,Eb | SUB Gw,Ew | SUB AL,Ib | SUB AX,Iw | CS:     | DAS
30 | XOR Eb,Gb | XOR Ew,Gw | XOR Gb,Eb | XOR Gw,Ew | XOR AL,Ib | XOR AX,Iw | SS:     | AAA
38 | CMP Eb,Gb | CMP Ew,Gw | CMP Gb,Eb | CMP Gw,Ew | CMP AL,Ib | CMP AX,Iw | DS:     | AAS
40 | INC AX    | INC CX    | INC DX    | INC BX    | INC SP    | INC BP    | INC SI  | INC DI
48 | DEC AX    | DEC CX    | DEC DX    | DEC BX    | DEC SP    | DEC BP    | DEC SI  | DEC DI
50 | PUSH AX   | PUSH CX   | PUSH DX   | PUSH BX   | PUSH SP   | PUSH BP   | PUSH SI | PUSH DI
58 | POP AX    | POP CX    | POP DX    | POP BX    | POP SP    | POP BP    | POP SI  | POP DI
60 | JO Jb     | JNO Jb    | JB Jb     | JNB Jb    | JZ Jb     | JNZ Jb    | JBE Jb  | JNBE Jb
68 | JS Jb     | JNS Jb    | JP Jb     | JNP Jb    | JL Jb     | JNL Jb    | JLE Jb  | JNLE Jb
70 | JO Jb     | JNO Jb    | JB Jb     | JNB Jb    | JZ Jb     | JNZ Jb    | JBE Jb  | JNBE Jb
78 | JS Jb     | JNS Jb    | JP Jb     | JNP Jb    | JL Jb     | JNL Jb    | JLE Jb  | JNLE Jb
80 | #1 Eb,Ib  | #1 Ew,Iw  | #1 Eb,Ib  | #1 Ew,Ibs | TEST Eb,Gb | TEST Ew,Gw | XCHG Gb,Eb | XCHG Gw,Ew
88 | MOV Eb,Gb | MOV Ew,Gw | MOV Gb,Eb | MOV Gw,Ew | MOV Ew,Sw | LEA Gw,M  | MOV Sw,Ew | POP Ew
90 | NOP       | XCHG CX,AX | XCHG DX,AX | XCHG BX,AX | XCHG SP,AX | XCHG BP,AX | XCHG SI,AX | XCHG DI,AX
98 | CBW       | CWD       | CALLF Ap  | WAIT      | PUSHF     | POPF      | SAHF    | LAHF
A0 | MOV AL,Ob | MOV AX,Ow | MOV Ob,AL | MOV Ow,AX | MOVS Yb,Xb | MOVS Yw,Xw | CMPS Xb,Yb | CMPS Xw,Yw
A8 | TEST AL,Ib | TEST AX,Iw | STOS Yb,AL | STOS Yw,AX | LODS AL,Xb | LODS AX,Xw | SCAS AL,Yb | SCAS AX,Yw
B0 | MOV AL,Ib | MOV CL,Ib | MOV DL,Ib | MOV BL,Ib | MOV AH,Ib | MOV CH,Ib | MOV DH,Ib | MOV BH,Ib
B8 | MOV AX,Iw | MOV CX,Iw | MOV DX,Iw | MOV BX,Iw | MOV SP,Iw | MOV BP,Iw | MOV SI,Iw | MOV DI,Iw
C0 | RET Iw    | RET       | RET Iw    | RET       | LES Gw,Mp | LDS Gw,Mp | MOV Eb,Ib | MOV Ew,Iw
C8 | RETF Iw   | RETF      | RETF Iw   | RETF      | INT 3     | INT Ib    | INTO    | IRET
D0 | #2 Eb,1   | #2 Ew,1   | #2 Eb,CL  | #2 Ew,CL  | AAM Ib    | AAD Ib    | SALC    | XLAT
D8 | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew    | ESC Ew  | ESC Ew
E0 | LOOPNZ Jb | LOOPZ Jb  | LOOP Jb   | JCXZ Jb   | IN AL,Ib  | IN AX,Ib  | OUT Ib,AL | OUT Ib,AX
E8 | CALL Jw   | JMP Jw    | JMPF Ap   | JMP Jb    | IN AL,DX  | IN AX,DX  | OUT DX,AL | OUT DX,AX
F0 | LOCK      | LOCK      | REPNZ     | REPZ      | HLT       | CMC       | #3 Eb   | #3 Ew
F8 | CLC       | STC       | CLI       | STI       | CLD       | STD       | #4 Eb   | #5 Ew
"""

_GROUPS = """
#1 | ADD | OR | ADC | SBB | AND | SUB | XOR | CMP
#2 | ROL | ROR | RCL | RCR | SHL | SHR | SETMO | SAR
#3 | TEST E,I | TEST E,I | NOT | NEG | MUL | IMUL | DIV | IDIV
#4 | INC | DEC | CALL Ew | CALLF Mp | JMP Ew | JMPF Mp | PUSH Ew | PUSH Ew
#5 | INC | DEC | CALL | CALLF Mp | JMP | JMPF Mp | PUSH | PUSH
"""

_TIMING = """
MOV E,G   | 2     | 9/1
MOV G,E   | 2     | 8/1
MOV E,S   | 2     | 8/1
MOV S,E   | 2     | 8/1
MOV R,O   | 10/1
MOV O,R   | 11/1
MOV R,I   | 4
MOV E,I   | 4     | 10/1
PUSH R    | 10/1
PUSH E    | 11/1  | 16/2
POP R     | 8/1
POP E     | 11/1  | 17/2
XCHG R,R  | 3
XCHG G,E  | 4     | 17/2
XLAT      | 11
LEA G,M   | 2     | 2
LES,LDS G,M | 16/2 | 16/2
PUSHF     | 10/1
POPF      | 8/1
SAHF      | 4
LAHF,CBW,CMC,CLC,STC,CLI,STI,CLD,STD,HLT | 2
NOP       | 3
WAIT      | 4
CWD       | 5
SALC      | 4
IN R,I    | 10/1
IN R,DX   | 8/1
OUT I,R   | 11/1
OUT DX,R  | 8/1
ADD,OR,ADC,SBB,AND,SUB,XOR E,G | 3 | 16/2
ADD,OR,ADC,SBB,AND,SUB,XOR,CMP G,E | 3 | 9/1
CMP,TEST E,G | 3  | 9/1
ADD,OR,ADC,SBB,AND,SUB,XOR,CMP,TEST R,I | 4
ADD,OR,ADC,SBB,AND,SUB,XOR E,I | 4 | 17/2
CMP E,I   | 4     | 11/1
TEST E,I  | 5     | 11/1
INC,DEC R | 2
INC,DEC,NOT,NEG E | 3 | 15/2
ROL,ROR,RCL,RCR,SHL,SHR,SETMO,SAR E,1 | 2 | 15/2
ROL,ROR,RCL,RCR,SHL,SHR,SETMO,SAR E,CL | 8+4 | 20+4/2
DAA,DAS   | 4
AAA,AAS   | 8
MUL Eb    | 73    | 78
MUL Ew    | 124   | 130/1
IMUL Eb   | 87    | 94
IMUL Ew   | 140   | 146/1
DIV Eb    | 14+69 | 19+69
DIV Ew    | 14+135 | 18+136/1
IDIV Eb   | 21+86 | 25+86
IDIV Ew   | 20+153 | 25+154/1
AAM I     | 9+69
AAD I     | 63
ESC E     | 2     | 8/1
JMP J     | 16
JMP E     | 12    | 17/1
JMPF A    | 16
JMPF M    | 23/2  | 23/2
CALL J    | 19/1
CALL E    | 18/1  | 22/2
CALLF A   | 31/2
CALLF M   | 37/4  | 37/4
RET       | 16/1
RET I     | 21/1
RETF      | 26/2
RETF I    | 28/2
INT R     | 5
INT I     | 6
INTO      | 4
IRET      | 32/3
LOOP J    | 5>12
LOOPZ,LOOPNZ J | 6>13
JCXZ J    | 6>12
JO,JNO,JB,JNB,JZ,JNZ,JBE,JNBE,JS,JNS,JP,JNP,JL,JNL,JLE,JNLE J | 4>14
MOVS Y,X  | 18/2
CMPS X,Y  | 22/2
STOS Y,R  | 11/1
LODS R,X  | 13/1
SCAS R,Y  | 15/1
REP MOVS Y,X | 9+17/2
REP CMPS X,Y | 9+22/2
REP STOS Y,R | 9+10/1
REP LODS R,X | 9+13/1
REP SCAS R,Y | 9+15/1
"""
"""As captured: vectors 8086/cycles.json, with the prefetch queue full or empty at random."""

OPCODES = OpcodeMap.parse(_MAP, _GROUPS)
FORMS = Timing.parse(_TIMING)
I8086 = Model(
    "8086",
    OPCODES,
    INSTRUCTIONS,
    Timing(FORMS, word=2, odd=4, fetch=0, interrupt=53, acknowledge=8),
    fixed_flags=0xF002,
)
I8088 = Model(
    "8088",
    OPCODES,
    INSTRUCTIONS,
    Timing(FORMS, word=4, odd=0, fetch=4, interrupt=63, acknowledge=8),
    fixed_flags=0xF002,
)
