"""What instructions cost on an 80286, beside Intel's manual.

Source: Intel, iAPX 286 Programmer's Reference Manual (210498), appendix B, real mode.  There ``m``
is the size of the instruction behind a jump, here two bytes; a word at an odd address takes two
clocks more, and we take one for each word in the mean, wherever it is.  Nothing was measured.
"""

from __future__ import annotations

from blink16.machine import Machine

CODE, DATA, STACK = 0x1000, 0x4000, 0x8000
FORMS = {
    # form: code, clocks of the manual, words that go to memory
    "MOV r,r": ("89c8", 2, 0), "MOV m,r8": ("8807", 3, 0), "MOV m,r16": ("8907", 3, 1),
    "MOV r8,m": ("8a07", 5, 0), "MOV r16,m": ("8b07", 5, 1), "MOV r,i": ("b83412", 2, 0),
    "MOV m8,i": ("c60712", 3, 0), "MOV al,o": ("a00040", 5, 0), "MOV o,al": ("a20040", 3, 0),
    "MOV s,r": ("8ec0", 2, 0), "MOV s,m": ("8e07", 5, 1), "MOV r,s": ("8cc0", 2, 0),
    "MOV m,s": ("8c07", 3, 1), "PUSH r": ("50", 3, 1), "PUSH m": ("ff37", 5, 2),
    "PUSH s": ("06", 3, 1), "PUSH i": ("6a05", 3, 1), "PUSHA": ("60", 17, 8),
    "POP r": ("58", 5, 1), "POP m": ("8f07", 5, 2), "POP s": ("07", 5, 1), "POPA": ("61", 19, 8),
    "XCHG r,r": ("87c8", 3, 0), "XCHG ax,r": ("91", 3, 0), "XCHG r8,m": ("8607", 5, 0),
    "XLAT": ("d7", 5, 0), "LEA": ("8d07", 3, 0), "LES": ("c407", 7, 2), "LDS": ("c537", 7, 2),
    "LAHF": ("9f", 2, 0), "SAHF": ("9e", 2, 0), "PUSHF": ("9c", 3, 1), "POPF": ("9d", 5, 1),
    "IN al,i": ("e4ee", 5, 0), "IN al,dx": ("ec", 5, 0), "OUT i,al": ("e6ee", 3, 0),
    "ADD r,r": ("01c8", 2, 0), "ADD r8,m": ("0207", 7, 0), "ADD m,r8": ("0007", 7, 0),
    "ADD r16,m": ("0307", 7, 1), "ADD m,r16": ("0107", 7, 2), "ADD r,i": ("83c105", 3, 0),
    "ADD al,i": ("0405", 3, 0), "ADD m8,i": ("800705", 7, 0), "AND m8,i": ("802705", 7, 0),
    "INC r": ("40", 2, 0), "INC m8": ("fe07", 7, 0), "NOT r": ("f7d0", 2, 0),
    "NEG m8": ("f61f", 7, 0), "CMP r,r": ("39c8", 2, 0), "CMP r8,m": ("3a07", 6, 0),
    "CMP m,r8": ("3807", 7, 0), "CMP r,i": ("83f905", 3, 0), "CMP m8,i": ("803f05", 6, 0),
    "TEST r,r": ("85c8", 2, 0), "TEST r8,m": ("8407", 6, 0), "TEST r,i": ("f6c305", 3, 0),
    "TEST m8,i": ("f60705", 6, 0), "DAA": ("27", 3, 0), "DAS": ("2f", 3, 0), "AAA": ("37", 3, 0),
    "AAS": ("3f", 3, 0), "AAM": ("d40a", 16, 0), "AAD": ("d50a", 14, 0), "CBW": ("98", 2, 0),
    "CWD": ("99", 2, 0), "MUL r8": ("f6e1", 13, 0), "MUL r16": ("f7e1", 21, 0),
    "MUL m8": ("f627", 16, 0), "MUL m16": ("f727", 24, 1), "IMUL r8": ("f6e9", 13, 0),
    "IMUL r16": ("f7e9", 21, 0), "IMUL r,i": ("6bc905", 21, 0), "IMUL m,i": ("6b0f05", 24, 1),
    "DIV r8": ("f6f1", 14, 0), "DIV r16": ("f7f1", 22, 0), "DIV m8": ("f637", 17, 0),
    "DIV m16": ("f737", 25, 1), "IDIV r8": ("f6f9", 17, 0), "IDIV r16": ("f7f9", 25, 0),
    "SHL r,1": ("d1e0", 2, 0), "SHL m8,1": ("d027", 7, 0), "SHL r,CL (3)": ("d3e0", 8, 0),
    "SHL m8,CL (3)": ("d227", 11, 0), "ROR r,4": ("c1c804", 9, 0), "ROR m8,4": ("c00f04", 12, 0),
    "RCL r,CL (3)": ("d3d0", 8, 0), "MOVSB": ("a4", 5, 0), "CMPSB": ("a6", 8, 0),
    "SCASB": ("ae", 7, 0), "LODSB": ("ac", 5, 0), "STOSB": ("aa", 3, 0), "INSB": ("6c", 5, 0),
    "OUTSB": ("6e", 5, 0), "REP MOVSB (3)": ("f3a4", 5 + 4 * 3, 0),
    "REPE CMPSB (3)": ("f3a6", 5 + 9 * 3, 0), "REPNE SCASB (3)": ("f2ae", 5 + 8 * 3, 0),
    "REP STOSB (3)": ("f3aa", 4 + 3 * 3, 0), "REP LODSB (3)": ("f3ac", 5 + 4 * 3, 0),
    "REP INSB (3)": ("f36c", 5 + 4 * 3, 0), "JMP short": ("eb00", 7 + 2, 0),
    "JMP near": ("e90000", 7 + 2, 0), "JMP r": ("ffe0", 7 + 2, 0), "JMP m": ("ff27", 11 + 2, 1),
    "JMP far": ("ea00200000", 11 + 2, 0), "JMP m far": ("ff2f", 15 + 2, 2),
    "CALL near": ("e80000", 7 + 2, 1), "CALL r": ("ffd0", 7 + 2, 1), "CALL m": ("ff17", 11 + 2, 2),
    "CALL far": ("9a00200000", 13 + 2, 2), "CALL m far": ("ff1f", 16 + 2, 4),
    "RET": ("c3", 11 + 2, 1), "RET i": ("c20200", 11 + 2, 1), "RETF": ("cb", 15 + 2, 2),
    "JZ, not taken": ("7400", 3, 0), "JNZ, taken": ("7500", 7 + 2, 0),
    "LOOP, taken": ("e200", 8 + 2, 0), "JCXZ, not taken": ("e300", 4, 0),
    "ENTER 4,0": ("c8040000", 11, 1), "LEAVE": ("c9", 5, 1), "INT i": ("cd40", 23 + 2, 5),
    "INT 3": ("cc", 23 + 2, 5), "INTO, not taken": ("ce", 3, 0), "IRET": ("cf", 17 + 2, 3),
    "BOUND": ("6207", 13, 2), "CLC": ("f8", 2, 0), "CMC": ("f5", 2, 0), "STD": ("fd", 2, 0),
    "CLI": ("fa", 3, 0), "STI": ("fb", 2, 0), "NOP": ("90", 3, 0), "WAIT": ("9b", 3, 0),
    "HLT": ("f4", 2, 0), "SMSW r": ("0f01e0", 2, 0), "SGDT": ("0f0107", 11, 3),
    "LIDT": ("0f011f", 12, 3), "CLTS": ("0f06", 2, 0), "ES: MOV r8,m": ("268a07", 5, 0),
}  # fmt: skip
"""Registers: AX 20h, BX 4000h, CX 3, DX EEh; at DS:BX there are 9, 0, 0 and 20h."""


def cost(machine: Machine, code: str) -> int:
    """Return the clock cycles that an instruction takes here."""
    r = machine.registers
    machine.memory.write(CODE, bytes.fromhex(code))
    machine.memory.write(DATA, bytes((9, 0, 0, 0x20)))
    machine.memory.write(0x40 * 4, bytes((0, 0x20, 0, 0)))
    r.cs = r.ds = r.es = r.ss = 0
    r.ip, r.sp, r.bp, r.ax, r.bx, r.cx, r.dx = CODE, STACK, STACK, 0x20, DATA, 3, 0
    r.dx = 0 if "f7" in code[:2] else 0xEE
    r.si = r.di = DATA + 0x100
    before = machine.cycles
    machine.run(1)
    return machine.cycles - before


def test_forms_cost_what_intel_says() -> None:
    """Of 138 forms 100 cost what the manual says, and the rest a clock more for each word that
    goes to memory, at most.  Both engines take costs from one table.
    """
    machine = Machine.bare("reference", cpu="80286")
    fresh, costs = machine.save(), {}
    for name, (code, _, _) in FORMS.items():
        machine.restore(fresh)
        costs[name] = cost(machine, code)
    apart = {
        name: (costs[name], intel)
        for name, (_, intel, words) in FORMS.items()
        if not intel <= costs[name] <= intel + words
    }
    assert apart == {}
    exact = sum(costs[name] == intel for name, (_, intel, _) in FORMS.items())
    assert (len(FORMS), exact) == (138, 100)
