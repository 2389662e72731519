"""The rarely taken paths of native code with probes, in LLVM IR: what is noted goes on the tape."""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.native import runtime, slots
from blink16.cpu.probes import (
    CURSOR_WORD,
    END_WORD,
    FLUSH_WORD,
    NOW_WORD,
    OPAQUE,
    TAPE,
    ProbeEvent,
)
from blink16.cpu.registers import Cell
from blink16.memory import ATTRIBUTES_OFFSET, PAGE_SHIFT, PAGES_OFFSET, Attribute, PageState

HELPERS = {"note": "void @note(ptr, i64, i64, i64, i64)"}
"""What regions with probes call besides: state, and the four words of an event."""

_NOTE = f"""
define preserve_mostcc void @note(ptr %state, i64 %icount, i64 %what, i64 %where, i64 %by)
    noinline {{
  %tape_at = getelementptr inbounds i8, ptr %state, i32 {TAPE.offset}
  %tape = load ptr, ptr %tape_at
  %cursor_at = getelementptr inbounds i64, ptr %tape, i32 {CURSOR_WORD}
  %end_at = getelementptr inbounds i64, ptr %tape, i32 {END_WORD}
  %first = load i64, ptr %cursor_at
  %end = load i64, ptr %end_at
  %full = icmp eq i64 %first, %end
  br i1 %full, label %flush, label %put, !prof !0
flush:
  %flush_at = getelementptr inbounds i64, ptr %tape, i32 {FLUSH_WORD}
  %empty = load ptr, ptr %flush_at
  call void %empty()
  br label %put
put:
  %cursor = load i64, ptr %cursor_at
  %event = inttoptr i64 %cursor to ptr
  store i64 %icount, ptr %event
  %what_at = getelementptr inbounds i64, ptr %event, i32 1
  store i64 %what, ptr %what_at
  %where_at = getelementptr inbounds i64, ptr %event, i32 2
  store i64 %where, ptr %where_at
  %by_at = getelementptr inbounds i64, ptr %event, i32 3
  store i64 %by, ptr %by_at
  %next = add i64 %cursor, 32
  store i64 %next, ptr %cursor_at
  ret void
}}
define internal void @note_access(ptr %state, i64 %kind, i32 %linear, i32 %rest) {{
  %tape_at = getelementptr inbounds i8, ptr %state, i32 {TAPE.offset}
  %tape = load ptr, ptr %tape_at
  %now_at = getelementptr inbounds i64, ptr %tape, i32 {NOW_WORD}
  %icount = load i64, ptr %now_at
  {slots.of_cell(Cell.CS).load("cs16")}
  %cs = zext i16 %cs16 to i64
  {slots.STORE_AT.load("ip32")}
  %ip16 = and i32 %ip32, 65535
  %ip = zext i32 %ip16 to i64
  %cs_up = shl i64 %cs, 32
  %ip_up = shl i64 %ip, 48
  %place = or i64 %cs_up, %ip_up
  %what = or i64 %place, %kind
  %rest64 = zext i32 %rest to i64
  %rest_up = shl i64 %rest64, 32
  %address = zext i32 %linear to i64
  %where = or i64 %rest_up, %address
  call preserve_mostcc void @note(ptr %state, i64 %icount, i64 %what, i64 %where, i64 0)
  ret void
}}
define internal i32 @is_wanted(ptr %memory, i32 %linear, i32 %mark) {{
  %attributes = getelementptr inbounds i8, ptr %memory, i32 {ATTRIBUTES_OFFSET}
  %attribute_p = getelementptr inbounds i8, ptr %attributes, i32 %linear
  %attribute = load i8, ptr %attribute_p
  %wide = zext i8 %attribute to i32
  %hit = and i32 %wide, %mark
  ret i32 %hit
}}
define internal i32 @adapter(ptr %memory, i32 %linear) {{
  %page = lshr i32 %linear, {PAGE_SHIFT}
  %pages = getelementptr inbounds i8, ptr %memory, i32 {PAGES_OFFSET}
  %mind_p = getelementptr inbounds i8, ptr %pages, i32 %page
  %mind = load i8, ptr %mind_p
  %bits = and i8 %mind, {int(PageState.ROM | PageState.PLANAR)}
  %wide = zext i8 %bits to i32
  ret i32 %wide
}}
; Note a store of %bits (8 or 16) bits to addresses beside each other, if it has an effect.
define internal void @note_store(ptr %state, ptr %memory, i32 %linear, i32 %value, i32 %bits) {{
  %kind = call i32 @adapter(ptr %memory, i32 %linear)
  %rom_bit = and i32 %kind, {int(PageState.ROM)}
  %rom = icmp ne i32 %rom_bit, 0
  br i1 %rom, label %done, label %ram
ram:
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %byte = load i8, ptr %here
  %low = zext i8 %byte to i32
  %is_word = icmp eq i32 %bits, 16
  br i1 %is_word, label %word, label %known
word:
  %both = load i16, ptr %here, align 1
  %wide = zext i16 %both to i32
  br label %known
known:
  %plain_was = phi i32 [ %low, %ram ], [ %wide, %word ]
  %planar_bit = and i32 %kind, {int(PageState.PLANAR)}
  %planar = icmp ne i32 %planar_bit, 0
  %was = select i1 %planar, i32 0, i32 %plain_was
  %opaque = select i1 %planar, i32 {OPAQUE}, i32 0
  %detail = or i32 %opaque, %bits
  %detail64 = zext i32 %detail to i64
  %detail_up = shl i64 %detail64, 16
  %what = or i64 %detail_up, {int(ProbeEvent.WRITE)}
  %now = shl i32 %value, 16
  %rest = or i32 %was, %now
  call void @note_access(ptr %state, i64 %what, i32 %linear, i32 %rest)
  br label %done
done:
  ret void
}}
define internal void @note_byte(ptr %state, ptr %memory, i32 %linear, i32 %value) {{
  %hit = call i32 @is_wanted(ptr %memory, i32 %linear, i32 {int(Attribute.WATCH_WRITE)})
  %no = icmp eq i32 %hit, 0
  br i1 %no, label %done, label %note
note:
  %byte = and i32 %value, 255
  call void @note_store(ptr %state, ptr %memory, i32 %linear, i32 %byte, i32 8)
  br label %done
done:
  ret void
}}
define preserve_mostcc i32 @store_byte(ptr %state, ptr %memory, i32 %base, i32 %offset,
    i32 %value) noinline cold {{
  %sum = add i32 %base, %offset
  %linear = call i32 @physical(ptr %state, i32 %sum)
  call void @note_byte(ptr %state, ptr %memory, i32 %linear, i32 %value)
  %event = call preserve_mostcc i32 @plain_store_byte(ptr %state, ptr %memory, i32 %base,
      i32 %offset, i32 %value)
  ret i32 %event
}}
define preserve_mostcc i32 @store_word(ptr %state, ptr %memory, i32 %base, i32 %offset,
    i32 %value) noinline cold {{
  %sum = add i32 %base, %offset
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %next = add i32 %offset, 1
  %next16 = and i32 %next, 65535
  %next_sum = add i32 %base, %next16
  %next_linear = call i32 @physical(ptr %state, i32 %next_sum)
  %behind = add i32 %linear, 1
  %beside = icmp eq i32 %behind, %next_linear
  %kind = call i32 @adapter(ptr %memory, i32 %linear)
  %next_kind = call i32 @adapter(ptr %memory, i32 %next_linear)
  %same_kind = icmp eq i32 %kind, %next_kind
  %one = and i1 %beside, %same_kind
  br i1 %one, label %word, label %bytes
word:
  %hit = call i32 @is_wanted(ptr %memory, i32 %linear, i32 {int(Attribute.WATCH_WRITE)})
  %next_hit = call i32 @is_wanted(ptr %memory, i32 %next_linear, i32 {int(Attribute.WATCH_WRITE)})
  %any_hit = or i32 %hit, %next_hit
  %no = icmp eq i32 %any_hit, 0
  br i1 %no, label %store, label %note
note:
  call void @note_store(ptr %state, ptr %memory, i32 %linear, i32 %value, i32 16)
  br label %store
bytes:
  call void @note_byte(ptr %state, ptr %memory, i32 %linear, i32 %value)
  %high = lshr i32 %value, 8
  call void @note_byte(ptr %state, ptr %memory, i32 %next_linear, i32 %high)
  br label %store
store:
  %event = call preserve_mostcc i32 @plain_store_word(ptr %state, ptr %memory, i32 %base,
      i32 %offset, i32 %value)
  ret i32 %event
}}
define internal void @note_load(ptr %state, ptr %memory, i32 %linear, i32 %value, i32 %bits) {{
  %detail64 = zext i32 %bits to i64
  %detail_up = shl i64 %detail64, 16
  %what = or i64 %detail_up, {int(ProbeEvent.READ)}
  %rest = shl i32 %value, 16
  call void @note_access(ptr %state, i64 %what, i32 %linear, i32 %rest)
  ret void
}}
define internal void @note_loaded_byte(ptr %state, ptr %memory, i32 %linear, i32 %value) {{
  %hit = call i32 @is_wanted(ptr %memory, i32 %linear, i32 {int(Attribute.WATCH_READ)})
  %no = icmp eq i32 %hit, 0
  br i1 %no, label %done, label %note
note:
  %byte = and i32 %value, 255
  call void @note_load(ptr %state, ptr %memory, i32 %linear, i32 %byte, i32 8)
  br label %done
done:
  ret void
}}
define preserve_mostcc i32 @load_byte(ptr %state, ptr %memory, i32 %base, i32 %offset)
    noinline cold {{
  %value = call preserve_mostcc i32 @plain_load_byte(ptr %state, ptr %memory, i32 %base,
      i32 %offset)
  %sum = add i32 %base, %offset
  %linear = call i32 @physical(ptr %state, i32 %sum)
  call void @note_loaded_byte(ptr %state, ptr %memory, i32 %linear, i32 %value)
  ret i32 %value
}}
define preserve_mostcc i32 @load_word(ptr %state, ptr %memory, i32 %base, i32 %offset)
    noinline cold {{
  %value = call preserve_mostcc i32 @plain_load_word(ptr %state, ptr %memory, i32 %base,
      i32 %offset)
  %sum = add i32 %base, %offset
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %next = add i32 %offset, 1
  %next16 = and i32 %next, 65535
  %next_sum = add i32 %base, %next16
  %next_linear = call i32 @physical(ptr %state, i32 %next_sum)
  %behind = add i32 %linear, 1
  %beside = icmp eq i32 %behind, %next_linear
  br i1 %beside, label %word, label %bytes
word:
  %hit = call i32 @is_wanted(ptr %memory, i32 %linear, i32 {int(Attribute.WATCH_READ)})
  %next_hit = call i32 @is_wanted(ptr %memory, i32 %next_linear, i32 {int(Attribute.WATCH_READ)})
  %any_hit = or i32 %hit, %next_hit
  %no = icmp eq i32 %any_hit, 0
  br i1 %no, label %done, label %note
note:
  call void @note_load(ptr %state, ptr %memory, i32 %linear, i32 %value, i32 16)
  br label %done
bytes:
  call void @note_loaded_byte(ptr %state, ptr %memory, i32 %linear, i32 %value)
  %high = lshr i32 %value, 8
  call void @note_loaded_byte(ptr %state, ptr %memory, i32 %next_linear, i32 %high)
  br label %done
done:
  ret i32 %value
}}
define internal i32 @untouched(ptr %state, ptr %here, i32 %linear, i32 %mark, i32 %by_read) {{
  ret i32 0
}}
"""


def text(model: Model) -> str:
    """Return the rare paths, whose stores and loads are noted, and where nothing is a watchpoint.

    Breakpoints and watches of debuggers are out of the way while probes are in.
    """
    plain = runtime.text(model).replace("call i32 @touch(", "call i32 @untouched(")
    for name in runtime.HELPERS:
        plain = plain.replace(f"@{name}(", f"@plain_{name}(")
    return plain + _NOTE
