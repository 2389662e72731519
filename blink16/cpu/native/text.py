"""LLVM IR as text: the builder that values ask for instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blink16.cpu.slots import Slot
from blink16.cpu.values import Computation, Handle, Value, signed

SLOW_HINT = ", !prof !0"
"""Marks a branch whose first way is hardly ever taken."""
PARAMETERS = (
    ("ptr noalias", "state"),
    ("ptr noalias", "memory"),
    ("i32", "ip"),
    ("i64", "meter"),
    ("ptr", "table"),
    ("i32", "prefixes"),
    ("i32", "base"),
    ("ptr", "code"),
)
"""What every instruction's function takes: the state, the mapping, the offset of the opcode,
the meter, the table of functions by opcode, the prefixes in front, CS * 16, and where
the opcode lies.  With LLVM's ``preserve_none`` convention all of them stay in registers."""
SIGNATURE = ", ".join(f"{kind} %{name}" for kind, name in PARAMETERS)
TYPES = ", ".join(kind.split()[0] for kind, _ in PARAMETERS)
METADATA = '!0 = !{!"branch_weights", i32 1, i32 4000}\n'
DECLARATIONS = "declare i8 @llvm.ctpop.i8(i8)\ndeclare i8 @llvm.uadd.sat.i8(i8, i8)\n"

_OPERATIONS = {"eq": "icmp eq", "ult": "icmp ult"}


def operand(handle: Handle, width: int) -> str:
    """Return a handle as LLVM writes it."""
    if isinstance(handle, int):
        return str(handle if width == 1 else signed(handle, width))
    return handle


def text(value: Value) -> str:
    """Return a value as LLVM writes it, without its type."""
    return operand(value.handle, value.width)


def tail_call(
    function: str,
    ip: str,
    meter: str,
    prefixes: str = "0",
    base: str = "%base",
    code: str = "%code",
) -> str:
    """Return the text that goes on in another function of the common signature."""
    arguments = (
        f"ptr %state, ptr %memory, i32 {ip}, i64 {meter}, ptr %table, i32 {prefixes}, "
        f"i32 {base}, ptr {code}"
    )
    return f"musttail call preserve_nonecc void {function}({arguments})\nret void"


class IRBuilder:
    """Collects the instructions of one function; a `values.Builder`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0

    def emit(self, line: str) -> None:
        """Add a line as it is."""
        self.lines.append(line)

    def name(self, expression: str) -> str:
        """Add an instruction and return the name of its result."""
        self._count += 1
        result = f"%t{self._count}"
        self.lines.append(f"{result} = {expression}")
        return result

    def value(self, expression: str, width: int) -> Value:
        """Add an instruction and return its result as a value."""
        return Value(self.name(expression), width, self)

    def labels(self, count: int) -> list[str]:
        """Return new labels."""
        self._count += 1
        return [f"L{self._count}_{index}" for index in range(count)]

    def begin(self, label: str) -> None:
        """Begin a basic block."""
        self.lines.append(f"{label}:")

    def go(self, label: str) -> None:
        """Jump to a basic block."""
        self.lines.append(f"br label %{label}")

    def fork(self, condition: Value, yes: str, no: str, rare: bool = False) -> None:
        """Branch by a 1-bit value; ``rare``: the first way is hardly ever taken."""
        hint = SLOW_HINT if rare else ""
        self.lines.append(f"br i1 {text(condition)}, label %{yes}, label %{no}{hint}")

    def both_ways(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None,
        end: Callable[[str], None],
    ) -> None:
        """Emit what is done where a 1-bit value holds, and else, and go on behind both.

        ``end``: emits the end of a way, to where both meet.
        """
        yes, no, join = self.labels(3)
        self.fork(condition, yes, no)
        for label, action in ((yes, then), (no, otherwise)):
            self.begin(label)
            if action is not None:
                action()
            end(join)
        self.begin(join)

    def address(self, base: str, offset: Value | int) -> str:
        """Return a pointer to a byte offset (an int, or a value of 32 bits) from a pointer."""
        at = str(offset) if isinstance(offset, int) else text(offset)
        return self.name(f"getelementptr inbounds i8, ptr {base}, i32 {at}")

    def load_slot(self, slot: Slot) -> Value:
        """Read a field of the packed state."""
        return self.value(f"load {slot.type}, ptr {self.address('%state', slot.offset)}", slot.bits)

    def store_slot(self, slot: Slot, value: str) -> None:
        """Write a field of the packed state."""
        self.emit(f"store {slot.type} {value}, ptr {self.address('%state', slot.offset)}")

    # -- values.Builder ----------------------------------------------------------------------

    def binary(self, op: str, a: Handle, b: Handle, width: int) -> Handle:
        """Emit an arithmetic instruction."""
        llvm = _OPERATIONS.get(op, op)
        return self.name(f"{llvm} i{width} {operand(a, width)}, {operand(b, width)}")

    def extend(self, op: str, a: Handle, width: int, to: int) -> Handle:
        """Emit a change of width."""
        return self.name(f"{op} i{width} {operand(a, width)} to i{to}")

    def parity(self, a: Handle) -> Handle:
        """Emit the test for an even number of ones."""
        ones = self.name(f"call i8 @llvm.ctpop.i8(i8 {operand(a, 8)})")
        return self.name(f"xor i1 {self.name(f'trunc i8 {ones} to i1')}, true")

    def select(self, condition: Handle, a: Handle, b: Handle, width: int) -> Handle:
        """Emit a choice."""
        yes, no = operand(a, width), operand(b, width)
        return self.name(f"select i1 {condition}, i{width} {yes}, i{width} {no}")

    def either(self, condition: Handle, rare: Computation, usual: Computation) -> Sequence[Value]:
        """Emit two ways that come together again."""
        first, first_end, second, second_end, join = self.labels(5)
        self.fork(Value(condition, 1, self), first, second, rare=True)
        found = []
        for label, end, compute in ((first, first_end, rare), (second, second_end, usual)):
            self.begin(label)
            found.append(compute())
            self.go(end)
            self.begin(end)
            self.go(join)
        self.begin(join)
        return [
            self.value(
                f"phi i{a.width} [ {text(a)}, %{first_end} ], [ {text(b)}, %{second_end} ]", a.width
            )
            for a, b in zip(*found, strict=True)
        ]
