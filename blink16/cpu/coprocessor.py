"""The 8087's instructions, by name: this machine has none, and an ESC for it has no effect.

Source: Intel, iAPX 86/88, 186/188 User's Manual, "8087 numeric data coprocessor".
"""

from __future__ import annotations

ESCAPES = range(0xD8, 0xE0)
"""The first bytes of its instructions."""
_REAL = ("FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR")
_INTEGER = ("FIADD", "FIMUL", "FICOM", "FICOMP", "FISUB", "FISUBR", "FIDIV", "FIDIVR")
_OF_MEMORY = (
    _REAL,
    ("FLD", "", "FST", "FSTP", "FLDENV", "FLDCW", "FSTENV", "FSTCW"),
    _INTEGER,
    ("FILD", "", "FIST", "FISTP", "", "FLD", "", "FSTP"),
    _REAL,
    ("FLD", "", "FST", "FSTP", "FRSTOR", "", "FSAVE", "FSTSW"),
    _INTEGER,
    ("FILD", "", "FIST", "FISTP", "FBLD", "FILD", "FBSTP", "FISTP"),
)
"""By the lower bits of the first byte, and the register field of the second."""
_OF_STACK = (
    _REAL,
    ("FLD", "FXCH", "FNOP", "", "", "", "", ""),
    ("",) * 8,
    ("",) * 8,
    ("FADD", "FMUL", "", "", "FSUBR", "FSUB", "FDIVR", "FDIV"),
    ("FFREE", "", "FST", "FSTP", "", "", "", ""),
    ("FADDP", "FMULP", "", "FCOMPP", "FSUBRP", "FSUBP", "FDIVRP", "FDIVP"),
    ("", "", "", "", "FSTSW", "", "", ""),
)
_BY_SECOND_BYTE = {
    0xD9: {
        **{0xE0: "FCHS", 0xE1: "FABS", 0xE4: "FTST", 0xE5: "FXAM", 0xE8: "FLD1", 0xE9: "FLDL2T"},
        **{0xEA: "FLDL2E", 0xEB: "FLDPI", 0xEC: "FLDLG2", 0xED: "FLDLN2", 0xEE: "FLDZ"},
        **{0xF0: "F2XM1", 0xF1: "FYL2X", 0xF2: "FPTAN", 0xF3: "FPATAN", 0xF4: "FXTRACT"},
        **{0xF6: "FDECSTP", 0xF7: "FINCSTP", 0xF8: "FPREM", 0xF9: "FYL2XP1", 0xFA: "FSQRT"},
        **{0xFC: "FRNDINT", 0xFD: "FSCALE"},
    },
    0xDB: {0xE0: "FENI", 0xE1: "FDISI", 0xE2: "FCLEX", 0xE3: "FINIT"},
}
_QUESTIONS = frozenset({"FINIT", "FCLEX", "FENI", "FDISI", "FSTCW", "FSTSW"})
"""By which programs find out whether it is there."""


def calculation(code: bytes) -> str:
    """Return the name of the 8087's instruction that begins here; an empty text if there is none,
    or one by which programs ask whether there is an 8087.

    ``code``: two bytes.
    """
    opcode, second = code[0], code[1]
    if opcode not in ESCAPES:
        return ""
    table = _OF_STACK if second >= 0xC0 else _OF_MEMORY
    name = _BY_SECOND_BYTE.get(opcode, {}).get(second) if second >= 0xC0 else None
    name = name or table[opcode & 7][second >> 3 & 7]
    return "" if name in _QUESTIONS else name
