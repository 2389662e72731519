"""The interpreter's functions, made short: what many of them do alike is called, not repeated.

They are slower than `function`'s, but LLVM is done with them in a third of the time: the
interpreter of the very first start is made of them.
"""

from __future__ import annotations

import itertools
import re

from blink16.cpu.model import Model
from blink16.cpu.native import runtime
from blink16.cpu.native.emitter import ADDRESS
from blink16.cpu.native.function import OpcodeFunction
from blink16.cpu.native.text import tail_call
from blink16.cpu.native.text import text as handle
from blink16.cpu.opcodes import Row
from blink16.cpu.operands import Index, MemoryOperand, Repeat
from blink16.cpu.values import Value

_ASKING = "ptr noalias %state, ptr noalias %memory, i32 %ip, i32 %prefixes, ptr %left"
"""The instruction that asks, and where its meter is."""
_ASKED_BY = "ptr %state, ptr %memory, i32 %ip, i32 %prefixes, ptr %left"
_TAIL_CALL = re.compile(r"^ *musttail ", re.MULTILINE)
# How `@operand` packs what it gives, above the offset.
_SEGMENT_SHIFT, _SIZE_SHIFT = 16, 24


_SELDOM = {"SETMO", "SETMOC", "AAM"}


class ShortFunction(OpcodeFunction):
    """A function of the interpreter that leaves to others what others do too."""

    @classmethod
    def leaves(cls, row: Row, repeat: Repeat | None) -> bool:
        """Whether a row, behind such a prefix, is seldom and long."""
        return row.mnemonic in _SELDOM or (repeat is not None and row.mnemonic == "IDIV")

    def memory_operand(self, width: int) -> MemoryOperand:
        """Return the memory that ModR/M names."""
        given = f"{_ASKED_BY}, i32 {handle(self.modrm())}, ptr {self._next_byte()}"
        packed = self.value(f"call i32 @operand({given})", 32)
        self._extra = packed >> _SIZE_SHIFT
        segment = (packed >> _SEGMENT_SHIFT) & 7
        return MemoryOperand(self, segment, packed.truncate(16), width)

    def _load(self, base: Value, offset: Value, width: int) -> Value:
        where = f"i{ADDRESS} {handle(base)}, i16 {handle(offset)}"
        return self.value(f"call i{width} @load{width}({_ASKED_BY}, {where})", width)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        where = f"i{ADDRESS} {handle(self.segment_base(segment))}, i16 {handle(offset)}"
        what = f"i{value.width} {handle(value)}"
        self.emit(f"call void @store{value.width}({_ASKED_BY}, {where}, {what})")

    def dispatch(self, ip: Value, left: str, base: Value, code: str, count: bool) -> None:
        """Go to the next instruction's function, unless there is something to mind."""
        path = "@go_counting" if count else "@go"
        self.emit(tail_call(path, handle(ip), left, base=handle(base), code=code))


class _Part(OpcodeFunction):
    """What such functions call."""

    def __init__(self, model: Model, result: str, name: str, *more: str) -> None:
        """Begin it; ``more``: the parameters behind those of all."""
        super().__init__(model, name, opcode_size=0)
        self._head = f"{result} @{name}({', '.join([_ASKING, *more])})"
        self._modrm = Value("%modrm", 32, self)

    def __str__(self) -> str:
        return "\n".join([f"define internal {self._head} noinline {{", *self.lines, "}\n"])

    def segment_base(self, index: Index) -> Value:
        """Return the address of the segment's first byte, which is a parameter."""
        return Value("%base", ADDRESS, self)

    @classmethod
    def operand_in_memory(cls, model: Model) -> _Part:
        """Return the part that finds the memory that ModR/M names."""
        part = cls(model, "i32", "operand", "i32 %modrm", "ptr %code")
        operand = part.memory_operand(16)
        size, segment = part._extra, operand.segment
        assert isinstance(size, Value)
        assert isinstance(segment, Value)
        offset = operand.offset.zero_extend(32)
        packed = (size << _SIZE_SHIFT) | (segment << _SEGMENT_SHIFT) | offset
        part.emit(f"ret i32 {handle(packed)}")
        return part

    @classmethod
    def loading(cls, model: Model, width: int) -> _Part:
        """Return the part that reads memory."""
        part = cls(model, f"i{width}", f"load{width}", f"i{ADDRESS} %base", "i16 %offset")
        value = part.load(0, Value("%offset", 16, part), width)
        part.emit(f"ret i{width} {handle(value)}")
        return part

    @classmethod
    def storing(cls, model: Model, width: int) -> _Part:
        """Return the part that writes memory."""
        more = f"i{ADDRESS} %base", "i16 %offset", f"i{width} %value"
        part = cls(model, "void", f"store{width}", *more)
        part.store(0, Value("%offset", 16, part), Value("%value", width, part))
        part.emit("ret void")
        return part


def _going(model: Model, name: str, *, count: bool) -> OpcodeFunction:
    """Return the part that goes to the next instruction's function."""
    function = OpcodeFunction(model, name)
    ip, base = Value("%ip", 32, function), Value("%base", 32, function)
    function.dispatch(ip, "%meter", base, "%code", count)
    return function


def text(model: Model) -> str:
    """Return the rare paths, and what short functions call."""
    made = [
        _Part.operand_in_memory(model),
        *(_Part.loading(model, width) for width in (8, 16)),
        *(_Part.storing(model, width) for width in (8, 16)),
        _going(model, "go", count=False),
        _going(model, "go_counting", count=True),
    ]
    return runtime.text(model) + "".join(map(str, made))


def tail_calls_apart(module: str) -> str:
    """Return a module's text with a block of its own for each tail call.

    LLVM's quick instruction selection can't do tail calls, and does none of a block with one.
    """
    numbers = itertools.count()

    def apart(call: re.Match[str]) -> str:
        label = f"apart{next(numbers)}"
        return f"br label %{label}\n{label}:\n{call[0]}"

    return _TAIL_CALL.sub(apart, module)
