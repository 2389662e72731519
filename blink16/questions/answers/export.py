"""What a run knows of a program's code, for disassemblers: a script that Ghidra or IDA runs.

Addresses are segment:offset as the run used them, so that 16-bit segments come out right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from blink16.memory import linear
from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run

_GHIDRA = """\
# Run by Ghidra's script manager (Jython or PyGhidra), on the program loaded as x86:LE:16:Real Mode.
# blink16-ask wrote it from a run: what was executed becomes code, what was called a function.
DATA = %s
space = currentProgram.getAddressFactory().getDefaultAddressSpace()
def place(segment, offset):
    try:
        return space.getAddress(segment, offset)
    except (TypeError, AttributeError):
        return space.getAddress("%%04x:%%04x" %% (segment, offset))
for segment, offset in DATA["code"]:
    disassemble(place(segment, offset))
for segment, offset, name in DATA["functions"]:
    at = place(segment, offset)
    if getFunctionAt(at) is None:
        createFunction(at, name or None)
for segment, offset, to_segment, to_offset in DATA["jumps"]:
    source = place(segment, offset)
    from ghidra.program.model.symbol import RefType, SourceType
    currentProgram.getReferenceManager().addMemoryReference(
        source, place(to_segment, to_offset), RefType.COMPUTED_JUMP, SourceType.IMPORTED, 0)
"""
_IDA = """\
# Run in IDA by File, Script file.  blink16-ask wrote it from a run: what was executed becomes code,
# what was called a function.  Linear addresses are IDA's, counted from where the image lies.
import ida_auto, ida_bytes, ida_funcs, ida_name, ida_segment, ida_ua, ida_xref
DATA = %s
def place(segment, offset):
    return (segment << 4) + offset
for segment, offset in DATA["code"]:
    ida_ua.create_insn(place(segment, offset))
for segment, offset, name in DATA["functions"]:
    ida_funcs.add_func(place(segment, offset))
    if name:
        ida_name.set_name(place(segment, offset), name)
for segment, offset, to_segment, to_offset in DATA["jumps"]:
    ida_xref.add_cref(place(segment, offset), place(to_segment, to_offset), ida_xref.fl_JN)
ida_auto.auto_wait()
"""
_SCRIPTS = {"ghidra": _GHIDRA, "ida": _IDA}


@question("export ghidra|ida")
def export(run: Run, words: Sequence[str]) -> Product:
    """Write a script that tells Ghidra or IDA what is code, what functions, and who jumps where."""
    if len(words) != 1 or words[0].lower() not in _SCRIPTS:
        raise QuestionError("say for whom: export ghidra, or export ida")
    with run.ask(Need.of("executed", "calls", "branches")) as answer:
        code = answer.table("executed").select(["cs", "ip"]).to_pylist()
        called = answer.table("calls").select(["target_cs", "target_ip"]).to_pylist()
        jumps = answer.table("branches").filter(_is_jump(answer.table("branches"))).to_pylist()
    functions = sorted({(row["target_cs"], row["target_ip"]) for row in called})
    names = {symbol.address: symbol.name for symbol in run.symbols}
    keys = ("cs", "ip", "target_cs", "target_ip")
    data = {
        "code": sorted((row["cs"], row["ip"]) for row in code),
        "functions": [(cs, ip, names.get(linear(cs, ip), "")) for cs, ip in functions],
        "jumps": sorted({tuple(row[key] for key in keys) for row in jumps}),
    }
    text = _SCRIPTS[words[0].lower()] % json.dumps(data)
    return Product(content=text.encode(), suffix=".py", partial=answer.partial)


def _is_jump(table: pa.Table) -> pa.ChunkedArray:
    return pc.not_equal(pc.cast(table.column("kind"), "string"), "conditional")
