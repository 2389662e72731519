"""The scripts that Ghidra and IDA run; `%s` becomes what is known of the program, as JSON.

Both place the run's addresses by where the first byte of the program lies with them.  What they
call is in Ghidra's FlatProgramAPI and ReferenceManager, and in IDAPython since 7.4.
"""

from __future__ import annotations

COMMON = '''\
DATA = %s


def moved(segment, offset, lowest):
    """Where the run's segment:offset lies, if the program's first byte is at linear `lowest`."""
    by = 0 if DATA["first"] is None else lowest - DATA["first"]
    linear = (segment << 4) + offset + by
    segment += by >> 4
    offset += by & 15
    if not 0 <= linear <= 0x10FFEF:
        return None
    if not 0 <= segment <= 0xFFFF or offset > 0xFFFF:
        segment, offset = linear >> 4, linear & 15
    return segment, offset

'''

GHIDRA = (
    """\
# Run by Ghidra's script manager (Jython or PyGhidra), on the program loaded as x86:LE:16:Real Mode.
# blink16-ask wrote it from a run: what was executed becomes code, what was called a function, what
# was read a string.  A COM file is loaded as raw binary, with its first byte at XXXX:0100.
"""
    + COMMON
    + """\
from ghidra.program.model.symbol import RefType, SourceType

space = currentProgram.getAddressFactory().getDefaultAddressSpace()
lowest = 0 if DATA["first"] is None else currentProgram.getMinAddress().getOffset()
memory = currentProgram.getMemory()
listing = currentProgram.getListing()
references = currentProgram.getReferenceManager()


def place(segment, offset):
    found = moved(segment, offset, lowest)
    if found is None:
        return None
    at = space.getAddress("%%04x:%%04x" %% found)
    return at if memory.contains(at) else None


for segment, offset in DATA["code"]:
    at = place(segment, offset)
    if at is not None and getInstructionAt(at) is None:
        disassemble(at)
for segment, offset, name in DATA["functions"]:
    at = place(segment, offset)
    if at is not None and getFunctionAt(at) is None:
        createFunction(at, name or None)
for segment, offset, name in DATA["symbols"]:
    at = place(segment, offset)
    if at is not None:
        createLabel(at, name, True)
for kinds, flow in (("jumps", RefType.COMPUTED_JUMP), ("calls", RefType.COMPUTED_CALL)):
    for segment, offset, to_segment, to_offset in DATA[kinds]:
        at, to = place(segment, offset), place(to_segment, to_offset)
        if at is not None and to is not None:
            references.addMemoryReference(at, to, flow, SourceType.IMPORTED, 0)
for segment, offset, length in DATA["strings"]:
    at = place(segment, offset)
    if at is not None and listing.isUndefined(at, at.add(length - 1)):
        createAsciiString(at, length)
"""
)

IDA = (
    """\
# Run in IDA by File, Script file.  blink16-ask wrote it from a run: what was executed becomes code,
# what was called a function, what was read a string.
"""
    + COMMON
    + """\
import ida_auto
import ida_bytes
import ida_funcs
import ida_ida
import ida_name
import ida_nalt
import ida_segment
import ida_ua
import ida_xref

lowest = 0 if DATA["first"] is None else ida_ida.inf_get_min_ea()


def place(segment, offset):
    found = moved(segment, offset, lowest)
    if found is None:
        return None
    at = (found[0] << 4) + found[1]
    return at if ida_bytes.is_loaded(at) else None


for segment, offset in DATA["code"]:
    at = place(segment, offset)
    if at is None:
        continue
    base = moved(segment, offset, lowest)[0]
    here = ida_segment.getseg(at)
    if here is not None and ida_segment.get_segm_base(here) != base << 4:
        # IDA has the code in another segment than it ran in: near jumps would be wrong
        first, last = DATA["own"][segment]
        ida_segment.add_segm(
            base, (base << 4) + first, (base << 4) + last + 1, "run%%04X" %% segment, "CODE"
        )
    if not ida_bytes.is_code(ida_bytes.get_flags(at)):
        ida_bytes.del_items(at)
        ida_ua.create_insn(at)
for segment, offset, name in DATA["functions"] + DATA["symbols"]:
    at = place(segment, offset)
    if at is not None and name:
        ida_name.set_name(at, name, ida_name.SN_NOWARN)
for segment, offset, name in DATA["functions"]:
    at = place(segment, offset)
    if at is not None:
        ida_funcs.add_func(at)
for kinds, flow in (("jumps", ida_xref.fl_JN), ("calls", ida_xref.fl_CN)):
    for segment, offset, to_segment, to_offset in DATA[kinds]:
        at, to = place(segment, offset), place(to_segment, to_offset)
        if at is not None and to is not None:
            ida_xref.add_cref(at, to, flow | ida_xref.XREF_USER)
for segment, offset, length in DATA["strings"]:
    at = place(segment, offset)
    if at is not None:
        ida_bytes.create_strlit(at, length, ida_nalt.STRTYPE_C)
ida_auto.auto_wait()
"""
)
