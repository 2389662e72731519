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

OPCODES = OpcodeMap.parse(_MAP, _GROUPS)
I8086 = Model("8086", OPCODES, INSTRUCTIONS, fixed_flags=0xF002)
I8088 = Model("8088", OPCODES, INSTRUCTIONS, fixed_flags=0xF002)
