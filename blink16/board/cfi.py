"""Call frame information that sends gdb to the unwind window, in construct.

Rules in DWARF are fixed when gdb reads them, but how a frame is unwound depends on the code in
memory, which may come and change later.  So FDEs cover all of memory, and their expressions
fetch what a frame's caller has from the frame's row in the `window`, where the server answers
from the machine as it is at that moment.  Only where nobody can have called a function, at the
program's entry, the rule is fixed: there is no return address, and backtraces end.

Source: DWARF Debugging Information Format, version 4, sections 6.4, 7.7 and 7.23.
"""

from __future__ import annotations

from collections.abc import Iterable

from construct import (
    Byte,
    Const,
    GreedyBytes,
    GreedyRange,
    If,
    Int8sl,
    Int32ul,
    Prefixed,
    Struct,
    VarInt,
    this,
)

from blink16.board import dwarf, window
from blink16.symbolfiles.dwarf_names import Op

CIE_ID = 0xFFFFFFFF
DW_CFA_UNDEFINED = 0x07
DW_CFA_DEF_CFA_EXPRESSION = 0x0F
DW_CFA_VAL_EXPRESSION = 0x16

# A VarInt is what DWARF calls unsigned LEB128.
EXPRESSION = Struct(
    "base" / Struct("operation" / Byte, "offset" / Int8sl),
    "shift" / Byte,
    "shl" / Const(Op.SHL, Byte),
    "plus" / Struct("operation" / Const(Op.PLUS_UCONST, Byte), "addend" / VarInt),
    "deref" / Const(Op.DEREF, Byte),
)
"""The value of a field in the row of a frame: what lies at ``(register << shift) + addend``."""
RULE = Struct(
    "instruction" / Byte,
    "column" / If(this.instruction == DW_CFA_VAL_EXPRESSION, VarInt),
    "expression" / Prefixed(VarInt, EXPRESSION),
)
CIE = Prefixed(
    Int32ul,
    Struct(
        "id" / Const(CIE_ID, Int32ul),
        "version" / Const(1, Byte),
        "augmentation" / Const(b"\0"),
        "code_alignment" / Const(1, VarInt),
        "data_alignment" / Const(b"\x7f"),  # -1
        "return_column" / Byte,
        "instructions" / GreedyRange(RULE),
    ),
)
FDE = Prefixed(
    Int32ul,
    Struct(
        "cie" / Int32ul,
        "initial_location" / Int32ul,
        "address_range" / Int32ul,
        "instructions" / GreedyBytes,
    ),
)

COLUMNS = {
    window.Field.EAX: 0,
    window.Field.ECX: 1,
    window.Field.EDX: 2,
    window.Field.EBX: 3,
    window.Field.ESP: 4,
    window.Field.EBP: 5,
    window.Field.ESI: 6,
    window.Field.EDI: 7,
    window.Field.EIP: 8,
    window.Field.EFLAGS: 9,
    window.Field.ES: 40,
    window.Field.CS: 41,
    window.Field.SS: 42,
    window.Field.DS: 43,
}
"""The numbers that gdb's i386 gives registers in DWARF (i386-tdep.c, svr4)."""


NO_CALLER = bytes((DW_CFA_UNDEFINED, COLUMNS[window.Field.EIP]))


def debug_frame(outermost: Iterable[range] = ()) -> bytes:
    """Return the section .debug_frame.

    ``outermost``: linear addresses of functions without callers, none overlapping another.
    """
    rules = [_rule(DW_CFA_DEF_CFA_EXPRESSION, None, window.Field.CFA)]
    rules += [_rule(DW_CFA_VAL_EXPRESSION, column, field) for field, column in COLUMNS.items()]
    cie = CIE.build({"return_column": COLUMNS[window.Field.EIP], "instructions": rules})
    ends = list(outermost)
    rows = [_fde(place, b"") for place in dwarf.gaps(ends, 0)]
    return bytes(cie + b"".join(rows + [_fde(end, NO_CALLER) for end in ends]))


def _fde(place: range, instructions: bytes) -> bytes:
    fields = {"cie": 0, "initial_location": place.start, "address_range": len(place)}
    return bytes(FDE.build(fields | {"instructions": instructions}))


def _rule(instruction: int, column: int | None, field: window.Field) -> dict[str, object]:
    return {"instruction": instruction, "column": column, "expression": _fetch(field)}


def _fetch(field: window.Field) -> dict[str, object]:
    """Return the expression whose value is a field in the row of a frame's SP."""
    return {
        "base": {"operation": Op.BREG0 + COLUMNS[window.Field.ESP], "offset": 0},
        "shift": Op.LIT0 + window.ROW_SHIFT,
        "plus": {"addend": window.field_address(0, field)},
    }
