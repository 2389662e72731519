"""Hot calls in LLVM IR: a function a call, and one that finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blink16.cpu.hot import WIDTH, HotCall
from blink16.cpu.native import slots
from blink16.cpu.native.board import RARE, HotFunction
from blink16.cpu.native.text import text
from blink16.cpu.registers import Cell
from blink16.cpu.slots import Slot
from blink16.cpu.values import Value

_PARAMETERS = "ptr %state, ptr %memory, i64 %now"


class _Local:
    """A variable (`hot.CallVariable`), which LLVM turns into a register."""

    def __init__(self, function: CallFunction, name: str) -> None:
        self._function, self._name = function, name

    def get(self) -> Value:
        """Return what it is here."""
        return self._function.value(f"load i64, ptr {self._name}", WIDTH)

    def set(self, value: Value | int) -> None:
        """Let it be another from here on."""
        written = str(value) if isinstance(value, int) else text(value)
        self._function.emit(f"store i64 {written}, ptr {self._name}")


class CallFunction(HotFunction):
    """A function of state, mapping and time; the `CallContext` of one call."""

    parameters = _PARAMETERS

    def __init__(self, symbol: str, call: HotCall) -> None:
        self._locals: list[str] = []
        super().__init__(symbol, lambda m: call.do(self))

    def prologue(self) -> list[str]:
        """Return what comes before all else."""
        return [f"{name} = alloca i64" for name in self._locals]

    def get(self, slot: Slot, index: int = 0) -> Value:
        """Read a field."""
        return super().get(slot, index).zero_extend(WIDTH)

    def register(self, cell: Cell) -> Value:
        """Read a register of 16 bits."""
        return self.load_slot(slots.of_cell(cell)).zero_extend(WIDTH)

    def set_register(self, cell: Cell, value: Value) -> None:
        """Write a register, the low 16 bits of the value."""
        self.store_slot(slots.of_cell(cell), text(value.truncate(16)))

    def _at(self, address: Value) -> str:
        return self.name(f"getelementptr inbounds i8, ptr %memory, i64 {text(address)}")

    def byte(self, address: Value) -> Value:
        """Read a byte."""
        return self.value(f"load i8, ptr {self._at(address)}", 8).zero_extend(WIDTH)

    def word(self, address: Value) -> Value:
        """Read two bytes, the low one first."""
        return self.value(f"load i16, ptr {self._at(address)}, align 1", 16).zero_extend(WIDTH)

    def put_byte(self, address: Value, value: Value) -> None:
        """Store the low 8 bits of a value."""
        self.emit(f"store i8 {text(value.truncate(8))}, ptr {self._at(address)}")

    def put_word(self, address: Value, value: Value) -> None:
        """Store the low 16 bits of a value, the low byte first."""
        self.emit(f"store i16 {text(value.truncate(16))}, ptr {self._at(address)}, align 1")

    def move(self, to: Value, source: Value, size: Value) -> None:
        """Copy bytes, which may overlap."""
        given = f"ptr {self._at(to)}, ptr {self._at(source)}, i64 {text(size)}, i1 false"
        self.emit(f"call void @llvm.memmove.p0.p0.i64({given})")

    def variable(self, value: Value | int) -> _Local:
        """Return a new variable."""
        name = f"%v{len(self._locals)}"
        self._locals.append(name)
        local = _Local(self, name)
        local.set(value)
        return local

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other, by a 1-bit condition."""
        self.both_ways(condition, then, otherwise, self.go)

    def repeat(self, condition: Callable[[], Value], body: Callable[[], None]) -> None:
        """Do something as long as a 1-bit condition holds."""
        look, again, done = self.labels(3)
        self.go(look)
        self.begin(look)
        self.fork(condition(), again, done)
        self.begin(again)
        body()
        self.go(look)
        self.begin(done)


def functions(calls: Sequence[HotCall]) -> str:
    """Return ``hot_call``, of a stub's linear address besides, and those of each call.

    It gives less than 0 where the service itself has to act; nothing has changed then.
    """
    parts, ways = [], []
    for number, call in enumerate(calls):
        parts.append(CallFunction(f"hot_call{number}", call).text(attribute="noinline"))
        ways.append(f"""
  {call.stub.load(f"stub{number}")}
  %is{number} = icmp eq i64 %stub{number}, %here
  br i1 %is{number}, label %do{number}, label %next{number}
do{number}:
  %answer{number} = call i64 @hot_call{number}({_PARAMETERS})
  ret i64 %answer{number}
next{number}:""")
    finder = f"""
define internal i64 @hot_call({_PARAMETERS}, i32 %linear) noinline {{
  %here = zext i32 %linear to i64{"".join(ways)}
  ret i64 {RARE}
}}
"""
    return "".join([*parts, finder])
