"""The rarely taken paths of native code, in LLVM IR, shared by interpreter and regions.

``enter`` runs guest code, ``answer`` does so after a port was accessed, ``interrupt`` enters an
interrupt; ``slow`` looks at everything that may be due before an instruction; ``leave`` puts
registers in place.
"""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.native import accesses, bulk, meter, planes, slices, slots
from blink16.cpu.native.layout import (
    CS_SHIFT,
    ENTRIES_OFFSET,
    ENTRY_MASK,
    LAST_IP,
    PREDICATES_OFFSET,
    Ignore,
    NativeExit,
)
from blink16.cpu.native.slices import leave
from blink16.cpu.native.text import SIGNATURE, SLOW_HINT, tail_call
from blink16.cpu.registers import Cell
from blink16.memory import (
    ADDRESS_MASK,
    ATTRIBUTES_OFFSET,
    Attribute,
)

HOT = {
    "hot_in": "i64 @hot_in(i32, ptr, i64, i64)",
    "hot_out": "i64 @hot_out(i32, ptr, i64, i64)",
}
"""Ports of hot devices by name (`board`); less than 0: the device itself has to act."""
HELPERS = {
    "store_byte": "i32 @store_byte(ptr, ptr, i32, i32, i32)",
    "store_word": "i32 @store_word(ptr, ptr, i32, i32, i32)",
    "load_byte": "i32 @load_byte(ptr, ptr, i32, i32)",
    "load_word": "i32 @load_word(ptr, ptr, i32, i32)",
}
"""Helpers by name.  A store takes state, mapping, segment base, offset and value, and returns
whether the run must end after the instruction.  A load returns the value, and in bit 16 that."""
WAYS_IN = ("enter", "answer", "interrupt")
"""Functions for the host.  Their number is an `Ignore`, what a port gave, an interrupt's vector."""
PATHS = ("slow", "spent", "refill", "step", "opened", "jumped", "hot", "asked")
"""Functions of the common signature that instructions end in."""

_POINTS = Attribute.BREAKPOINT | Attribute.SERVICE


def _leave_before(name: str, exit_: NativeExit, prefix: int) -> str:
    """Return a path that leaves before the instruction, of which prefixes may have been seen.

    ``prefix``: what one has cost, which is given back.
    """
    return f"""
define preserve_nonecc void @{name}({SIGNATURE}) noinline cold {{
  %none = icmp eq i32 %prefixes, 0
  {slots.START.load("start")}
  %first = select i1 %none, i32 %ip, i32 %start
  %count = sub i32 %ip, %first
  %wide = zext i32 %count to i64
  %paid = mul i64 %wide, {prefix << meter.SHIFT}
  %all = add i64 %meter, %paid
  call void @leave(ptr %state, i32 %first, i64 %all, i32 {int(exit_)})
  ret void
}}
"""


def _way_in(name: str, path: str) -> str:
    """Return a function for the host, of state, mapping and a number; it gives a `NativeExit`.

    It goes to ``path``, with the number in the place of prefixes, and a slice without cycles.
    """
    return f"""
define i32 @{name}(ptr %state, ptr %memory, i32 %number) {{
  {slots.of_cell(Cell.IP).load("ip16")}
  %ip = zext i16 %ip16 to i32
  {slots.of_cell(Cell.CS).load("cs16")}
  %cs = zext i16 %cs16 to i32
  %base = shl i32 %cs, 4
  {slots.of_cell(Cell.SHADOW).load("shadow")}
  %held = icmp ne i16 %shadow, 0
  %at = select i1 %held, i64 0, i64 -1
  {slots.SHADOW_AT.store("%at", "at")}
  {slots.GIVEN.store("0", "given")}
  call preserve_nonecc void @{path}(ptr %state, ptr %memory, i32 %ip, i64 0, ptr @table,
      i32 %number, i32 %base, ptr %memory)
  {slots.EXIT.load("exit")}
  ret i32 %exit
}}
"""


_LEAVE = f"""
define internal void @leave(ptr %state, i32 %ip, i64 %meter, i32 %exit) noinline cold {{
  %ip16 = trunc i32 %ip to i16
  {slots.of_cell(Cell.IP).store("%ip16", "ip")}
  {slots.EXIT.store("%exit", "exit")}
  call void @settle(ptr %state, i64 %meter)
  {slots.SHADOW_AT.load("at")}
  %last = icmp eq i64 %at, 0
  %shadow = zext i1 %last to i16
  {slots.of_cell(Cell.SHADOW).store("%shadow", "shadow")}
  ret void
}}
"""

_SLOW = f"""
define preserve_nonecc void @slow({SIGNATURE}) noinline {{
  {slots.TOUCHED.load("touched")}
  {slots.CHANGES.load("changes")}
  {slots.ROM.load("rom")}
  %either = or i32 %touched, %changes
  %any = or i32 %either, %rom
  %told = icmp ne i32 %any, 0
  br i1 %told, label %events, label %untold{SLOW_HINT}
events:
  %watch = icmp ne i32 %touched, 0
  br i1 %watch, label %watchpoint, label %untouched
watchpoint:
  {leave(NativeExit.WATCHPOINT)}
untouched:
  %any_changes = icmp ne i32 %changes, 0
  br i1 %any_changes, label %changed, label %rom_exit
changed:
  {leave(NativeExit.CHANGED)}
rom_exit:
  {leave(NativeExit.ROM)}
untold:
  %spent = icmp slt i64 %meter, {meter.ONE_LEFT}
  br i1 %spent, label %out_of_cycles, label %look
out_of_cycles:
  {tail_call("@spent", "%ip", "%meter", "%prefixes", code="@jumped")}
look:
  %ip16 = and i32 %ip, 65535
  %sum = add i32 %base, %ip16
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %attribute_p = getelementptr inbounds i8, ptr %here, i32 {ATTRIBUTES_OFFSET}
  %attribute = load i8, ptr %attribute_p
  %points = icmp uge i32 %prefixes, {int(Ignore.POINTS)}
  %seen = select i1 %points, i8 {Attribute.LAST}, i8 {Attribute.LAST | _POINTS}
  %minded = and i8 %attribute, %seen
  %breakpoint = and i8 %minded, {int(Attribute.BREAKPOINT)}
  %at_breakpoint = icmp ne i8 %breakpoint, 0
  br i1 %at_breakpoint, label %breakpoint_exit, label %no_breakpoint
breakpoint_exit:
  {tail_call("@conditional", "%ip16", "%meter", code="%here")}
no_breakpoint:
  %service = and i8 %minded, {int(Attribute.SERVICE)}
  %at_service = icmp ne i8 %service, 0
  br i1 %at_service, label %service_exit, label %no_service
service_exit:
  {slots.CYCLES.load("cycles")}
  {slots.GIVEN.load("given")}
  %left = ashr i64 %meter, {meter.SHIFT}
  %until_end = add i64 %cycles, %given
  %now = sub i64 %until_end, %left
  %answer = call i64 @hot_call(ptr %state, ptr %memory, i64 %now, i32 %linear)
  %unusual = icmp slt i64 %answer, 0
  br i1 %unusual, label %unserved, label %instruction{SLOW_HINT}
unserved:
  call void @leave(ptr %state, i32 %ip, i64 %meter, i32 {int(NativeExit.SERVICE)})
  ret void
no_service:
  %last = and i8 %minded, {int(Attribute.LAST)}
  %memory_end = icmp ne i8 %last, 0
  %segment_end = icmp ugt i32 %ip16, {LAST_IP}
  %beyond = icmp ugt i32 %sum, LAST_ADDRESS
  %either_end = or i1 %memory_end, %segment_end
  %edge = or i1 %either_end, %beyond
  br i1 %edge, label %edge_exit, label %inside
edge_exit:
  call void @leave(ptr %state, i32 %ip, i64 %meter, i32 {int(NativeExit.DELEGATE)})
  ret void
inside:
  %entry_bit = and i8 %attribute, {int(Attribute.ENTRY)}
  %is_entry = icmp ne i8 %entry_bit, 0
  %wants_entry = icmp eq i32 %prefixes, {int(Ignore.NOTHING)}
  %enters = and i1 %is_entry, %wants_entry
  br i1 %enters, label %region, label %instruction
region:
  %index = shl i32 %linear, 3
  %entries = getelementptr inbounds i8, ptr %memory, i32 {ENTRIES_OFFSET}
  %entry_p = getelementptr inbounds i8, ptr %entries, i32 %index
  %word = load i64, ptr %entry_p
  %own_cs = lshr i64 %word, {CS_SHIFT}
  %own_cs32 = trunc i64 %own_cs to i32
  %own_base = shl i32 %own_cs32, 4
  %is_own = icmp eq i32 %own_base, %base
  br i1 %is_own, label %own_region, label %instruction
own_region:
  %address = and i64 %word, {ENTRY_MASK}
  %entry = inttoptr i64 %address to ptr
  {tail_call("%entry", "%ip16", "%meter", code="%here")}
instruction:
  {tail_call("@step", "%ip16", "%meter", code="%here")}
}}
"""

_CONDITIONAL = f"""
; At a breakpoint: stop, but where its predicate is false execute the instruction.  Predicates
; read the state, so it is put in place first.  At services the machine is to have a look.
define preserve_nonecc void @conditional({SIGNATURE}) noinline cold {{
  call void @leave(ptr %state, i32 %ip, i64 %meter, i32 {int(NativeExit.BREAKPOINT)})
  %attribute_p = getelementptr inbounds i8, ptr %code, i32 {ATTRIBUTES_OFFSET}
  %attribute = load i8, ptr %attribute_p
  %service = and i8 %attribute, {int(Attribute.SERVICE)}
  %at_service = icmp ne i8 %service, 0
  %sum = add i32 %base, %ip
  %linear = and i32 %sum, {ADDRESS_MASK}
  %index = shl i32 %linear, 3
  %predicates = getelementptr inbounds i8, ptr %memory, i32 {PREDICATES_OFFSET}
  %predicate_p = getelementptr inbounds i8, ptr %predicates, i32 %index
  %predicate = load ptr, ptr %predicate_p
  %none = icmp eq ptr %predicate, null
  %known = or i1 %none, %at_service
  %high = icmp ugt i32 %sum, LAST_ADDRESS  ; where the table does not reach
  %always = or i1 %known, %high
  br i1 %always, label %stop, label %ask
stop:
  ret void
ask:
  %holds = call i32 %predicate(ptr %state, ptr %memory)
  %false = icmp eq i32 %holds, 0
  br i1 %false, label %overlook, label %stop
overlook:
  {tail_call("@slow", "%ip", "0", str(int(Ignore.POINTS)))}
}}
"""

_STEP = f"""
define preserve_nonecc void @step({SIGNATURE}) {{
  %sum = add i32 %base, %ip
  %linear = and i32 %sum, {ADDRESS_MASK}
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %opcode = load i8, ptr %here
  %number = zext i8 %opcode to i64
  %function_p = getelementptr ptr, ptr %table, i64 %number
  %function = load ptr, ptr %function_p
  {tail_call("%function", "%ip", "%meter", code="%here")}
}}
"""

_ENDS = f"""
define preserve_nonecc void @hot({SIGNATURE}) noinline cold {{
  {leave(NativeExit.HOT)}
}}
define preserve_nonecc void @halted({SIGNATURE}) noinline cold {{
  {leave(NativeExit.HALT)}
}}
define preserve_nonecc void @answered({SIGNATURE}) {{
  {slots.VALUE.store("%prefixes", "value")}
  {slots.ANSWERED.store("1", "answered")}
  {tail_call("@step", "%ip", "%meter")}
}}
define preserve_nonecc void @entered({SIGNATURE}) {{
  {leave(NativeExit.BUDGET)}
}}
; IF or TF has been set, or a device asks for an interrupt.
define preserve_nonecc void @opened({SIGNATURE}) noinline cold {{
  {slots.TOUCHED.load("touched")}
  %watch = icmp ne i32 %touched, 0
  br i1 %watch, label %watchpoint, label %untouched
watchpoint:
  {leave(NativeExit.WATCHPOINT)}
untouched:
  call void @settle(ptr %state, i64 %meter)
  {slots.of_cell(Cell.TRAP).load("trap")}
  %traps = icmp ne i16 %trap, 0
  {slots.CYCLES.load("cycles")}
  {slots.NEXT_OTHER.load("other")}
  %due = icmp sge i64 %cycles, %other
  %outside = or i1 %traps, %due
  br i1 %outside, label %leave, label %hot
leave:
  {leave(NativeExit.ATTENTION, "0")}
hot:
  {slots.UNTIL.store("0", "at_once")}
  {tail_call("@slow", "%ip", "0")}
}}
"""

_WAYS_IN = _way_in("enter", "slow") + _way_in("answer", "answered")
_WAYS_IN += _way_in("interrupt", "interrupted")

_TEXT = (
    _LEAVE
    + _SLOW
    + _CONDITIONAL
    + _STEP
    + _ENDS
    + _WAYS_IN
    + accesses.TEXT
    + planes.text()
    + bulk.TEXT
)


def text(model: Model) -> str:
    """Return the functions, for a processor."""
    timing = model.timing
    before = {"delegate": NativeExit.DELEGATE, "port": NativeExit.PORT}
    text = _TEXT + slices.text(timing) + accesses.physical(model)
    text = text.replace("LAST_ADDRESS", str(ADDRESS_MASK if model.reaches_high else 2**32 - 1))
    return text + "".join(
        _leave_before(name, exit_, timing.prefix) for name, exit_ in before.items()
    )
