"""Many rounds of REP MOVS and REP STOS at once, in LLVM IR: where all of them are plain.

That is upwards within one page that has nothing to mind but a mirror, out of one that is RAM to
who reads it, and not into what is read later.  So nothing can be told apart from single rounds.
The last round is never among them, nor one behind which the cycles are used up: what ends a REP
instruction, or interrupts it, is the business of single rounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from blink16.cpu.native.text import SLOW_HINT, text
from blink16.cpu.opcodes import Row
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import AX, CX, DI, DS, ES, SI
from blink16.cpu.values import Value
from blink16.memory import (
    MEMORY_SIZE,
    MIRROR_BIT,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGES_OFFSET,
    PageState,
)

if TYPE_CHECKING:
    from blink16.cpu.native.function import OpcodeFunction

MIN_ROUNDS = 8
"""With fewer to come it is not worth while."""
NAMES = {"MOVS": "copy_rounds", "STOS": "fill_rounds"}
"""The function by mnemonic: of the mapping, the source's segment base and offset, the target's,
the logarithm of an element's size, the element (of STOS), the rounds that may be done, the cycles
that there are and what a round takes.  It returns how many rounds it has done."""

_MINDED_READ = int(PageState.WATCH_READ | PageState.PLANAR)
_UNPLAIN = ~PageState.MIRROR & 0xFF
_PARAMETERS = """ptr %memory, i32 %source, i32 %from, i32 %target, i32 %to, i32 %shift,
    i32 %element, i32 %most, i64 %room, i64 %each"""


def emit(m: OpcodeFunction, row: Row, each: Value) -> None:
    """Emit, before a round, the call that does many, and what follows of it for the registers.

    ``m``: the function, whose local ``%room`` has the cycles; ``each``: those of a round.
    """
    ask, some, done = m.labels(3)
    left = m.get_register(CX, 16).zero_extend(32)
    many = m.value(f"icmp ugt i32 {text(left)}, {MIN_ROUNDS}", 1)
    m.fork(many & m.get_cell(Cell.DIRECTION).equals(1), ask, done)
    m.begin(ask)
    shift = int(row.operands[0].endswith("w"))
    room, cycles = m.value("load i64, ptr %room", 64), each.zero_extend(64)
    given = ["ptr %memory"]
    for segment, index in ((m.override(DS), SI), (ES, DI)):
        offset = m.get_register(index, 16).zero_extend(32)
        given += [f"i32 {text(m.segment_base(segment))}", f"i32 {text(offset)}"]
    element = m.get_register(AX, 16).zero_extend(32)
    given += [f"i32 {shift}", f"i32 {text(element)}", f"i32 {text(left - 1)}"]
    given += [f"i64 {text(room)}", f"i64 {text(cycles)}"]
    done_now = m.value(f"call i32 @{NAMES[row.mnemonic]}({', '.join(given)})", 32)
    m.fork(done_now.is_not_zero(), some, done)
    m.begin(some)
    rounds = done_now.truncate(16)
    m.set_register(CX, 16, m.get_register(CX, 16) - rounds)
    for index in (SI, DI) if row.mnemonic == "MOVS" else (DI,):
        m.set_register(index, 16, m.get_register(index, 16) + (rounds << shift))
    rest = room - done_now.zero_extend(64) * cycles
    m.emit(f"store i64 {text(rest)}, ptr %room")
    m.go(done)
    m.begin(done)


_PAGE_STATE = f"""
define internal i8 @page_state(ptr %memory, i32 %linear) alwaysinline {{
  %page = lshr i32 %linear, {PAGE_SHIFT}
  %pages = getelementptr inbounds i8, ptr %memory, i32 {PAGES_OFFSET}
  %state_p = getelementptr inbounds i8, ptr %pages, i32 %page
  %state = load i8, ptr %state_p
  ret i8 %state
}}
; The bytes from an address on that lie in its page and, by offset, in its segment; 0: in no memory.
define internal i32 @bytes_there(i32 %linear, i32 %offset) alwaysinline {{
  %in_page = and i32 %linear, {PAGE_SIZE - 1}
  %page_rest = sub i32 {PAGE_SIZE}, %in_page
  %segment_rest = sub i32 65536, %offset
  %rest = call i32 @llvm.umin.i32(i32 %page_rest, i32 %segment_rest)
  %beyond = icmp uge i32 %linear, {MEMORY_SIZE}
  %there = select i1 %beyond, i32 0, i32 %rest
  ret i32 %there
}}
"""


class _Way(NamedTuple):
    """Where copying and filling differ."""

    source: str
    """What can be read at once, and the state of the page it is read from."""
    ahead: str
    """Whether what is written is read later."""
    do: str


_COPY = _Way(
    """
  %here = add i32 %source, %from
  %readable = call i32 @bytes_there(i32 %here, i32 %from)
  %fitting = call i32 @llvm.umin.i32(i32 %readable, i32 %writable)
  %read_state = call i8 @page_state(ptr %memory, i32 %here)""",
    """
  %distance = sub i32 %there, %here
  %twin_distance = sub i32 %twin, %here
  %into_later = icmp ult i32 %distance, %size
  %twin_into_later = icmp ult i32 %twin_distance, %size
  %mirrored_into_later = and i1 %twin_into_later, %mirrored
  %ahead = or i1 %into_later, %mirrored_into_later""",
    """%get = getelementptr inbounds i8, ptr %memory, i32 %here
  call void @llvm.memmove.p0.p0.i64(ptr %put, ptr %get, i64 %wide_size, i1 false)""",
)
_FILL = _Way(
    """
  %fitting = add i32 %writable, 0
  %read_state = add i8 0, 0""",
    "\n  %ahead = icmp eq i1 true, false",
    """%byte = trunc i32 %element to i8
  %low = and i32 %element, 255
  %high = lshr i32 %element, 8
  %alike = icmp eq i32 %low, %high
  %is_byte = icmp eq i32 %shift, 0
  %by_bytes = or i1 %alike, %is_byte
  br i1 %by_bytes, label %bytes, label %words
bytes:
  call void @llvm.memset.p0.i64(ptr %put, i8 %byte, i64 %wide_size, i1 false)
  br label %filled
words:
  %word = trunc i32 %element to i16
  %any = icmp ne i32 %rounds, 0
  br i1 %any, label %fill, label %filled
fill:
  %index = phi i32 [ 0, %words ], [ %next, %fill ]
  %place = getelementptr inbounds i16, ptr %put, i32 %index
  store i16 %word, ptr %place, align 1
  %next = add i32 %index, 1
  %more = icmp ult i32 %next, %rounds
  br i1 %more, label %fill, label %filled
filled:""",
)


def _rounds(name: str, way: _Way) -> str:
    """Return one of the two functions."""
    return f"""
define internal i32 @{name}({_PARAMETERS}) noinline {{
  %there = add i32 %target, %to
  %twin = xor i32 %there, {MIRROR_BIT}
  %writable = call i32 @bytes_there(i32 %there, i32 %to){way.source}
  %state = call i8 @page_state(ptr %memory, i32 %there)
  %mirror_bit = and i8 %state, {int(PageState.MIRROR)}
  %mirrored = icmp ne i8 %mirror_bit, 0
  %twin_state = call i8 @page_state(ptr %memory, i32 %twin)
  %twin_counts = select i1 %mirrored, i8 %twin_state, i8 0
  %both = or i8 %state, %twin_counts
  %unplain = and i8 %both, {_UNPLAIN}
  %minded_read = and i8 %read_state, {_MINDED_READ}
  %minded = or i8 %unplain, %minded_read
  %is_plain = icmp eq i8 %minded, 0
  br i1 %is_plain, label %plain, label %none
none:
  ret i32 0
plain:
  %elements = lshr i32 %fitting, %shift
  %rounds_there = call i32 @llvm.umin.i32(i32 %elements, i32 %most)
  %wide_rounds = zext i32 %rounds_there to i64
  %cycles = mul i64 %wide_rounds, %each
  %late = icmp sge i64 %cycles, %room
  br i1 %late, label %short, label %enough{SLOW_HINT}
short:
  %has_room = icmp sgt i64 %room, 1
  br i1 %has_room, label %some, label %none
some:
  %before_end = sub i64 %room, 1
  %payable = udiv i64 %before_end, %each
  %payable32 = trunc i64 %payable to i32
  br label %enough
enough:
  %rounds = phi i32 [ %rounds_there, %plain ], [ %payable32, %some ]
  %size = shl i32 %rounds, %shift
  %wide_size = zext i32 %size to i64
  %put = getelementptr inbounds i8, ptr %memory, i32 %there
  %again = getelementptr inbounds i8, ptr %memory, i32 %twin{way.ahead}
  br i1 %ahead, label %none, label %do
do:
  {way.do}
  br i1 %mirrored, label %mirror, label %done
mirror:
  call void @llvm.memcpy.p0.p0.i64(ptr %again, ptr %put, i64 %wide_size, i1 false)
  ret i32 %rounds
done:
  ret i32 %rounds
}}
"""


TEXT = (
    _PAGE_STATE
    + _rounds(NAMES["MOVS"], _COPY)
    + _rounds(NAMES["STOS"], _FILL)
    + """
declare i32 @llvm.umin.i32(i32, i32)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""
)
