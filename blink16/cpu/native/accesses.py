"""Stores and loads that are not plain, in LLVM IR, shared by interpreter and regions.

They do byte by byte what the reference engine does: pages written, translated code and watched
bytes are noticed.
"""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.native import meter, slots
from blink16.memory import (
    ADDRESS_MASK,
    ATTRIBUTES_OFFSET,
    MIRROR_BIT,
    PAGE_SHIFT,
    PAGES_OFFSET,
    Attribute,
    PageState,
)

_TOUCH = f"""
; Note the first watched byte that was touched; returns 1 if this address is watched.
define internal i32 @touch(ptr %state, ptr %here, i32 %linear, i32 %mark, i32 %by_read) {{
  %attribute_p = getelementptr inbounds i8, ptr %here, i32 {ATTRIBUTES_OFFSET}
  %attribute = load i8, ptr %attribute_p
  %wide = zext i8 %attribute to i32
  %masked = and i32 %wide, %mark
  %watched = icmp ne i32 %masked, 0
  br i1 %watched, label %yes, label %no
no:
  ret i32 0
yes:
  {slots.TOUCHED.load("touched")}
  %first = icmp eq i32 %touched, 0
  br i1 %first, label %note, label %done
note:
  %noted = add i32 %linear, 1
  {slots.TOUCHED.store("%noted", "noted")}
  {slots.TOUCHED_BY_READ.store("%by_read", "read")}
  br label %done
done:
  ret i32 1
}}
"""

_STORE = f"""
; Store a byte, and again where the page has a mirror; to planes only where these are.
define internal i32 @put(ptr %state, ptr %memory, i32 %sum, i32 %value) {{
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %page = lshr i32 %linear, {PAGE_SHIFT}
  %pages = getelementptr inbounds i8, ptr %memory, i32 {PAGES_OFFSET}
  %mind_p = getelementptr inbounds i8, ptr %pages, i32 %page
  %mind = load i8, ptr %mind_p
  %adapter_bits = and i8 %mind, {int(PageState.MIRROR | PageState.PLANAR)}
  %plain = icmp eq i8 %adapter_bits, 0
  br i1 %plain, label %once, label %adapter
once:
  %event = call i32 @put_at(ptr %state, ptr %memory, i32 %linear, i32 %value)
  ret i32 %event
adapter:
  %planar_bit = and i8 %mind, {int(PageState.PLANAR)}
  %planar = icmp ne i8 %planar_bit, 0
  br i1 %planar, label %planes, label %twice
planes:
  call void @planar_store(ptr %memory, i32 %linear, i32 %value)
  %touched = call i32 @touch_written(ptr %state, ptr %memory, i32 %linear)
  ret i32 %touched
twice:
  %first = call i32 @put_at(ptr %state, ptr %memory, i32 %linear, i32 %value)
  %twin = xor i32 %linear, {MIRROR_BIT}
  %second = call i32 @put_at(ptr %state, ptr %memory, i32 %twin, i32 %value)
  %either = or i32 %first, %second
  ret i32 %either
}}
define internal i32 @touch_written(ptr %state, ptr %memory, i32 %linear) {{
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %hit = call i32 @touch(ptr %state, ptr %here, i32 %linear, i32 {int(Attribute.WATCH_WRITE)},
      i32 0)
  ret i32 %hit
}}
define internal i32 @put_at(ptr %state, ptr %memory, i32 %linear, i32 %value) {{
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %byte = trunc i32 %value to i8
  %page = lshr i32 %linear, {PAGE_SHIFT}
  %pages = getelementptr inbounds i8, ptr %memory, i32 {PAGES_OFFSET}
  %mind_p = getelementptr inbounds i8, ptr %pages, i32 %page
  %mind = load i8, ptr %mind_p
  %rom_bit = and i8 %mind, {int(PageState.ROM)}
  %rom = icmp ne i8 %rom_bit, 0
  br i1 %rom, label %in_rom, label %ram
in_rom:
  %tell_bit = and i8 %mind, {int(PageState.TELL)}
  %quiet = icmp eq i8 %tell_bit, 0
  {slots.ROM.load("earlier")}
  %later = icmp ne i32 %earlier, 0
  %nothing_new = or i1 %quiet, %later
  br i1 %nothing_new, label %nothing, label %tell
nothing:
  ret i32 0
tell:
  %told_of = add i32 %linear, 1
  {slots.ROM.store("%told_of", "rom")}
  {slots.STORE_AT.load("store_at")}
  {slots.ROM_AT.store("%store_at", "rom_by")}
  ret i32 1
ram:
  %watch_bit = and i8 %mind, {int(PageState.WATCH_WRITE)}
  %watched_page = icmp ne i8 %watch_bit, 0
  br i1 %watched_page, label %watch, label %unwatched
watch:
  %hit = call i32 @touch(ptr %state, ptr %here, i32 %linear, i32 {int(Attribute.WATCH_WRITE)},
      i32 0)
  br label %unwatched
unwatched:
  %event = phi i32 [ 0, %ram ], [ %hit, %watch ]
  %written = and i8 %mind, {~PageState.CLEAN & 0xFF}
  store i8 %written, ptr %mind_p
  %was = load i8, ptr %here
  store i8 %byte, ptr %here
  %same = icmp eq i8 %was, %byte
  br i1 %same, label %done, label %differs
differs:
  %attribute_p = getelementptr inbounds i8, ptr %here, i32 {ATTRIBUTES_OFFSET}
  %attribute = load i8, ptr %attribute_p
  %code_bit = and i8 %attribute, {int(Attribute.CODE)}
  %code = icmp ne i8 %code_bit, 0
  br i1 %code, label %changed, label %done
done:
  ret i32 %event
changed:
  {slots.CHANGES.load("changes")}
  %more = add i32 %changes, 1
  {slots.CHANGES.store("%more", "more")}
  %room = icmp ult i32 %changes, {slots.CHANGED.count}
  br i1 %room, label %note, label %told
note:
  {slots.CHANGED.pointer("changed_p")}
  %place = getelementptr inbounds i32, ptr %changed_p, i32 %changes
  store i32 %linear, ptr %place
  br label %told
told:
  ret i32 1
}}
define preserve_mostcc i32 @store_byte(ptr %state, ptr %memory, i32 %base, i32 %offset,
    i32 %value) noinline cold {{
  %sum = add i32 %base, %offset
  %event = call i32 @put(ptr %state, ptr %memory, i32 %sum, i32 %value)
  ret i32 %event
}}
define preserve_mostcc i32 @store_word(ptr %state, ptr %memory, i32 %base, i32 %offset,
    i32 %value) noinline cold {{
  %sum = add i32 %base, %offset
  %event = call i32 @put(ptr %state, ptr %memory, i32 %sum, i32 %value)
  %next = add i32 %offset, 1
  %next16 = and i32 %next, 65535
  %next_sum = add i32 %base, %next16
  %high = lshr i32 %value, 8
  %next_event = call i32 @put(ptr %state, ptr %memory, i32 %next_sum, i32 %high)
  %any = or i32 %event, %next_event
  ret i32 %any
}}
"""

_LOAD = f"""
define internal i32 @get(ptr %state, ptr %memory, i32 %sum) {{
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %hit = call i32 @touch(ptr %state, ptr %here, i32 %linear, i32 {int(Attribute.WATCH_READ)},
      i32 1)
  %page = lshr i32 %linear, {PAGE_SHIFT}
  %pages = getelementptr inbounds i8, ptr %memory, i32 {PAGES_OFFSET}
  %mind_p = getelementptr inbounds i8, ptr %pages, i32 %page
  %mind = load i8, ptr %mind_p
  %planar_bit = and i8 %mind, {int(PageState.PLANAR)}
  %planar = icmp ne i8 %planar_bit, 0
  br i1 %planar, label %planes, label %ram
planes:
  %plane_byte = call i32 @planar_load(ptr %memory, i32 %linear)
  br label %done
ram:
  %byte = load i8, ptr %here
  %ram_byte = zext i8 %byte to i32
  br label %done
done:
  %wide = phi i32 [ %plane_byte, %planes ], [ %ram_byte, %ram ]
  %event = shl i32 %hit, 16
  %both = or i32 %wide, %event
  ret i32 %both
}}
define preserve_mostcc i32 @load_byte(ptr %state, ptr %memory, i32 %base, i32 %offset)
    noinline cold {{
  %sum = add i32 %base, %offset
  %both = call i32 @get(ptr %state, ptr %memory, i32 %sum)
  ret i32 %both
}}
define preserve_mostcc i32 @load_word(ptr %state, ptr %memory, i32 %base, i32 %offset)
    noinline cold {{
  %sum = add i32 %base, %offset
  %low = call i32 @get(ptr %state, ptr %memory, i32 %sum)
  %next = add i32 %offset, 1
  %next16 = and i32 %next, 65535
  %next_sum = add i32 %base, %next16
  %both = call i32 @get(ptr %state, ptr %memory, i32 %next_sum)
  %byte = and i32 %both, 255
  %high = shl i32 %byte, 8
  %next_event = and i32 %both, 65536
  %upper = or i32 %high, %next_event
  %all = or i32 %low, %upper
  ret i32 %all
}}
; Make sure that the run ends after this instruction: the slice ends here.
define preserve_mostcc i64 @hurry(ptr %state, i64 %meter) noinline cold {{
  %left = ashr i64 %meter, {meter.SHIFT}
  {slots.GIVEN.load("given")}
  %spent = sub i64 %given, %left
  {slots.GIVEN.store("%spent", "given")}
  %retired = and i64 %meter, {meter.RETIRED}
  ret i64 %retired
}}
"""

_PHYSICAL = f"""
define internal i32 @physical(ptr %state, i32 %sum) alwaysinline {{
  {slots.A20.load("open")}
  %open32 = zext i16 %open to i32
  %line = shl i32 %open32, {ADDRESS_MASK.bit_length()}
  %mask = or i32 %line, {ADDRESS_MASK}
  %linear = and i32 %sum, %mask
  ret i32 %linear
}}
"""
"""The address that leaves a processor with more than twenty address lines."""
_WRAPPED = f"""
define internal i32 @physical(ptr %state, i32 %sum) alwaysinline {{
  %linear = and i32 %sum, {ADDRESS_MASK}
  ret i32 %linear
}}
"""

TEXT = _TOUCH + _STORE + _LOAD


def physical(model: Model) -> str:
    """Return the function that wraps an address, for a processor."""
    return _PHYSICAL if model.reaches_high else _WRAPPED
