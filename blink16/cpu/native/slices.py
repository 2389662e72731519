"""Slices of a run, in LLVM IR: how they begin and end, and what is due then.

A slice is what a meter has room for (`meter`).  ``spent`` ends one and does the usual tick, with
its interrupt's entry, unless a handler does it (`handler`); ``refill`` begins the next; ``time_up``
does what else hot devices want, or leaves that to the machine.

Who goes to ``spent`` says in the place of the code where an interrupt's handler is to return to.
"""

from __future__ import annotations

from blink16.cpu.native import meter, slots
from blink16.cpu.native.layout import Ignore, NativeExit
from blink16.cpu.native.text import SIGNATURE, SLOW_HINT, tail_call
from blink16.cpu.registers import Cell
from blink16.cpu.timing import Timing
from blink16.memory import ATTRIBUTES_OFFSET, Attribute

COST_SHIFT = 16
"""Of what a repeated instruction costs, where it is interrupted."""


def leave(exit_: NativeExit, at: str = "%meter") -> str:
    """Return what leaves at ``%ip``; ``at``: the meter."""
    return f"call void @leave(ptr %state, i32 %ip, i64 {at}, i32 {int(exit_)})\nret void"


_SETTLE = f"""
; Put both clocks right and end the slice, but remember whether SHADOW was set last.
define internal void @settle(ptr %state, i64 %meter) alwaysinline {{
  %retired = and i64 %meter, {meter.RETIRED}
  {slots.ICOUNT.load("icount")}
  %icount_now = add i64 %icount, %retired
  {slots.ICOUNT.store("%icount_now", "icount")}
  %left = ashr i64 %meter, {meter.SHIFT}
  {slots.GIVEN.load("given")}
  %spent = sub i64 %given, %left
  {slots.CYCLES.load("cycles")}
  %cycles_now = add i64 %cycles, %spent
  {slots.CYCLES.store("%cycles_now", "cycles")}
  {slots.GIVEN.store("0", "given")}
  {slots.SHADOW_AT.load("at")}
  %last = icmp eq i64 %at, %retired
  %at_now = select i1 %last, i64 0, i64 -1
  {slots.SHADOW_AT.store("%at_now", "at")}
  ret void
}}
"""

_SLICE = f"""
; Begin a slice, where both clocks are right and an instruction may retire; return its meter.
define internal i64 @slice(ptr %state, i64 %room) alwaysinline {{
  {slots.GOAL.load("goal")}
  {slots.ICOUNT.load("icount")}
  %more = sub i64 %goal, %icount
  %many = icmp ugt i64 %more, {meter.SLICE // meter.MIN_CYCLES}
  %count = select i1 %many, i64 {meter.SLICE // meter.MIN_CYCLES}, i64 %more
  %least = mul i64 %count, {meter.MIN_CYCLES}
  %near = icmp ult i64 %room, %least
  %given = select i1 %near, i64 %room, i64 %least
  {slots.GIVEN.store("%given", "given")}
  %slice = shl i64 %given, {meter.SHIFT}
  ret i64 %slice
}}
"""


def _enter(ip: str = "%ip", cycles: str = "%cycles") -> str:
    """Return what enters an interrupt by ``%vector``, with what is ``%planned`` behind it.

    ``ip``: where its handler returns to; ``cycles``: when.
    """
    return f"""
  %slice = call i64 @entering(ptr %state, i64 {cycles}, i64 %planned)
  %number = trunc i64 %vector to i32
  {slots.VECTOR.store("%number", "its_number")}
  {tail_call("@ENTRY", ip, "%slice", "%number")}
"""


_ENTERING = f"""
; Begin the slice with which an interrupt is entered.
define internal i64 @entering(ptr %state, i64 %cycles, i64 %planned) alwaysinline {{
  %entered = add i64 %cycles, AFTER_ENTRY  ; the handler's first instruction comes in any case
  %missed = icmp slt i64 %planned, %entered
  %until = select i1 %missed, i64 %entered, i64 %planned
  {slots.UNTIL.store("%until", "until")}
  %begun = add i64 %cycles, ACKNOWLEDGE
  {slots.CYCLES.store("%begun", "begun")}
  %room = sub i64 %until, %begun
  %slice = call i64 @slice(ptr %state, i64 %room)
  ret i64 %slice
}}
"""

_SPENT = f"""
define preserve_nonecc void @spent({SIGNATURE}) noinline {{
  {slots.HANDLER.load("handler")}
  %unknown = icmp eq i64 %handler, 0
  br i1 %unknown, label %as_any, label %as_usual
as_any:
  {tail_call("@tick", "%ip", "%meter", "%prefixes")}
as_usual:
  %handled = inttoptr i64 %handler to ptr
  {tail_call("%handled", "%ip", "%meter", "%prefixes")}
}}
"""

_TICK = f"""
; What is not the usual tick is left as it was, but for both clocks put right.
define preserve_nonecc void @TICK({SIGNATURE}) {{
  call void @settle(ptr %state, i64 %meter)
  {slots.GOAL.load("goal")}
  {slots.ICOUNT.load("icount")}
  %goes_on = icmp sgt i64 %goal, %icount
  br i1 %goes_on, label %late_too, label %otherwise
late_too:
  {slots.CYCLES.load("cycles")}
  {slots.UNTIL.load("until")}
  %is_up = icmp sge i64 %cycles, %until
  br i1 %is_up, label %due_too, label %otherwise
due_too:
  {slots.NEXT_HOT.load("next")}
  %due = icmp sge i64 %cycles, %next
  br i1 %due, label %alone_too, label %otherwise
alone_too:
  {slots.NEXT_OTHER.load("other")}
  %alone = icmp slt i64 %cycles, %other
  br i1 %alone, label %enabled_too, label %otherwise
enabled_too:
  {slots.of_cell(Cell.INTERRUPT).load("enabled")}
  %is_enabled = icmp ne i16 %enabled, 0
  br i1 %is_enabled, label %free_too, label %otherwise
free_too:
  {slots.SHADOW_AT.load("at")}
  %is_held = icmp eq i64 %at, 0
  br i1 %is_held, label %otherwise, label %unheard_too
unheard_too:
  {slots.of_cell(Cell.ATTENTION).load("attention", "monotonic")}
  {slots.WAKE.load("wake", "monotonic")}
  %wanted = zext i16 %attention to i32
  %heard = or i32 %wanted, %wake
  %is_heard = icmp ne i32 %heard, 0
  br i1 %is_heard, label %otherwise, label %tick
tick:
  %vector = call i64 @hot_tick(ptr %state, i64 %cycles, i64 0)
  %unusual = icmp slt i64 %vector, 0
  br i1 %unusual, label %otherwise, label %ticked{SLOW_HINT}
otherwise:
  {tail_call("@refill", "%ip", "0", "%prefixes")}
ticked:
  {slots.NEXT_HOT.load("following")}
  %first = icmp slt i64 %following, %other
  %planned = select i1 %first, i64 %following, i64 %other
  {_enter()}
}}
"""

_REFILL = f"""
; Both clocks are right.
define preserve_nonecc void @refill({SIGNATURE}) noinline {{
  {slots.GOAL.load("goal")}
  {slots.ICOUNT.load("icount")}
  %more = sub i64 %goal, %icount
  %some = icmp sgt i64 %more, 0
  {slots.UNTIL.load("until")}
  {slots.CYCLES.load("cycles")}
  %room = sub i64 %until, %cycles
  br i1 %some, label %wanted_more, label %budget_exit
budget_exit:
  {leave(NativeExit.BUDGET, "0")}
wanted_more:  ; where a timer ticks in every slice, it is here or never that others are heard
  {slots.of_cell(Cell.ATTENTION).load("attention", "monotonic")}
  %wanted = icmp ne i16 %attention, 0
  br i1 %wanted, label %attention_exit, label %unattended
attention_exit:
  {leave(NativeExit.ATTENTION, "0")}
unattended:
  {slots.WAKE.load("wake", "monotonic")}
  %woken = icmp ne i32 %wake, 0
  br i1 %woken, label %wake_exit, label %unwoken
wake_exit:
  {leave(NativeExit.WAKE, "0")}
unwoken:
  %time = icmp sgt i64 %room, 0
  br i1 %time, label %take, label %time_up
time_up:
  {tail_call("@time_up", "%ip", "0")}
take:
  %slice = call i64 @slice(ptr %state, i64 %room)
  {tail_call("@slow", "%ip", "%slice", "%prefixes")}
}}
"""

_ADVANCE = f"""hot:
  {slots.NEXT_HOT.load("next")}
  %due = icmp sge i64 %cycles, %next
  br i1 %due, label %advance, label %advanced
advance:
  %moved = call i64 @hot_advance(ptr %state, i64 %cycles, i64 0)
  %rare = icmp slt i64 %moved, 0
  br i1 %rare, label %leave, label %advanced
advanced:
  {slots.of_cell(Cell.REQUEST).load("request")}
  {slots.of_cell(Cell.INTERRUPT).load("open")}
  %both = and i16 %request, %open
  %asked = icmp ne i16 %both, 0
"""
"""Lets hot devices do what is due, where nobody else is; %asked: an interrupt is to be taken."""

_TIME_UP = f"""
; Somebody wants a turn.  Where it is a hot device, or an interrupt that it asks for, all is done
; here; else the machine does it.
define preserve_nonecc void @time_up({SIGNATURE}) noinline {{
  {slots.CYCLES.load("cycles")}
  {slots.NEXT_OTHER.load("other")}
  %alone = icmp slt i64 %cycles, %other
  br i1 %alone, label %hot, label %leave
leave:
  {leave(NativeExit.BUDGET, "0")}
{_ADVANCE}  br i1 %asked, label %ask, label %plan
plan:
  %until = call i64 @planned(ptr %state, i64 %cycles)
  {slots.UNTIL.store("%until", "until")}
  {tail_call("@slow", "%ip", "0", str(int(Ignore.NOTHING)))}
ask:
  {slots.SHADOW_AT.load("at")}
  %held = icmp eq i64 %at, 0
  br i1 %held, label %hold, label %take
hold:
  %next_instruction = add i64 %cycles, 1
  {slots.UNTIL.store("%next_instruction", "next_instruction")}
  {tail_call("@slow", "%ip", "0", str(int(Ignore.NOTHING)))}
take:
  %vector = call i64 @hot_acknowledge(ptr %state, i64 %cycles, i64 0)
  %none = icmp slt i64 %vector, 0
  br i1 %none, label %refused, label %acknowledged
refused:
  {leave(NativeExit.ATTENTION, "0")}
acknowledged:
  %planned = call i64 @planned(ptr %state, i64 %cycles)
  {_enter()}
}}
define internal i64 @planned(ptr %state, i64 %now) {{
  {slots.NEXT_OTHER.load("other")}
  %hot = call i64 @hot_due(ptr %state, i64 %now, i64 0)
  {slots.NEXT_HOT.store("%hot", "hot")}
  %sooner = icmp slt i64 %hot, %other
  %planned = select i1 %sooner, i64 %hot, i64 %other
  %next = add i64 %now, 1  ; an instruction comes in any case
  %missed = icmp slt i64 %planned, %next
  %until = select i1 %missed, i64 %next, i64 %planned
  ret i64 %until
}}
"""

_BETWEEN_ROUNDS = f"""
; Between two rounds of a REP instruction, where %ip is that of its first prefix.  In the place of
; prefixes are the offset of its opcode and, {COST_SHIFT} bits higher, what it costs besides rounds.
; An interrupt retires it and returns to the last prefix, as the chip does.  0: the machine sees to
; that.
define preserve_nonecc void @between_rounds({SIGNATURE}) noinline {{
  {slots.SHADOW_AT.store("-1", "at")}
  call void @settle(ptr %state, i64 %meter)
  {slots.TOUCHED.load("touched")}
  {slots.CHANGES.load("changes")}
  {slots.ROM.load("rom")}
  {slots.WAKE.load("wake", "monotonic")}
  {slots.of_cell(Cell.ATTENTION).load("attention", "monotonic")}
  %wanted = zext i16 %attention to i32
  %two = or i32 %touched, %changes
  %three = or i32 %two, %rom
  %four = or i32 %three, %wake
  %any = or i32 %four, %wanted
  %sum = add i32 %base, %ip
  %linear = call i32 @physical(ptr %state, i32 %sum)
  %here = getelementptr inbounds i8, ptr %memory, i32 %linear
  %attribute_p = getelementptr inbounds i8, ptr %here, i32 {ATTRIBUTES_OFFSET}
  %attribute = load i8, ptr %attribute_p
  %points = and i8 %attribute, {int(Attribute.BREAKPOINT | Attribute.SERVICE | Attribute.LAST)}
  %minded = zext i8 %points to i32
  %all = or i32 %any, %minded
  %quiet = icmp eq i32 %all, 0
  %is_mine = icmp ne i32 %prefixes, 0
  %plain = and i1 %quiet, %is_mine
  br i1 %plain, label %unheard, label %leave
unheard:
  {slots.CYCLES.load("cycles")}
  {slots.NEXT_OTHER.load("other")}
  %alone = icmp slt i64 %cycles, %other
  br i1 %alone, label %alone_too, label %leave
alone_too:
  {slots.GOAL.load("goal")}
  {slots.ICOUNT.load("icount")}
  %retired = add i64 %icount, 1
  %goes_on = icmp sgt i64 %goal, %retired
  br i1 %goes_on, label %hot, label %leave
leave:
  {leave(NativeExit.BETWEEN_ROUNDS, "0")}
{_ADVANCE}  br i1 %asked, label %take, label %go_on
go_on:
  %until = call i64 @planned(ptr %state, i64 %cycles)
  {slots.UNTIL.store("%until", "until")}
  %room = sub i64 %until, %cycles
  %rest = call i64 @slice(ptr %state, i64 %room)
  {tail_call("@step", "%ip", "%rest", code="%here")}
take:
  %vector = call i64 @hot_acknowledge(ptr %state, i64 %cycles, i64 0)
  %none = icmp slt i64 %vector, 0
  br i1 %none, label %leave, label %retire
retire:
  {slots.ICOUNT.store("%retired", "icount")}
  %opcode_at = and i32 %prefixes, {(1 << COST_SHIFT) - 1}
  %seen = sub i32 %opcode_at, %ip
  %of_prefixes = mul i32 %seen, PREFIX
  %of_opcode = lshr i32 %prefixes, {COST_SHIFT}
  %cost = add i32 %of_prefixes, %of_opcode
  %wide_cost = zext i32 %cost to i64
  %paid = add i64 %cycles, %wide_cost
  %last_prefix = sub i32 %opcode_at, 1
  %planned = call i64 @planned(ptr %state, i64 %paid)
  {_enter("%last_prefix", "%paid")}
}}
"""

_OF_TICKS = _SETTLE + _SLICE + _ENTERING + _TICK


def text(timing: Timing) -> str:
    """Return the functions, for a processor's clock cycles."""
    ticks = _OF_TICKS.replace("@TICK", "@tick")
    return _timed(ticks + _SPENT + _REFILL + _TIME_UP + _BETWEEN_ROUNDS, timing, "asked")


def tick(timing: Timing, symbol: str, entry: str) -> str:
    """Return one that does the usual tick; ``entry``: enters the interrupt, as `asked` does."""
    return _timed(_OF_TICKS.replace("@TICK", f"@{symbol}"), timing, entry)


def _timed(text: str, timing: Timing, entry: str) -> str:
    text = text.replace("PREFIX", str(timing.prefix))
    text = text.replace("AFTER_ENTRY", str(timing.acknowledge + timing.interrupt + 1))
    return text.replace("ACKNOWLEDGE", str(timing.acknowledge)).replace("@ENTRY", f"@{entry}")
