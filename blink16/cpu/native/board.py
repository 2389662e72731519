"""Hot devices in LLVM IR: a function a port, and one that finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from blink16.cpu.engine import NEVER
from blink16.cpu.hot import WIDTH, HotBoard, HotContext, WriteHot
from blink16.cpu.native import slots
from blink16.cpu.native.text import IRBuilder, text
from blink16.cpu.registers import Cell
from blink16.cpu.slots import Slot
from blink16.cpu.values import MASK, Value

PARAMETERS = "ptr %state, i64 %now, i64 %value"
RARE = -1
"""What a function returns where the device itself has to act; nothing has changed then."""
DONE, PLANNED = 0, 1
"""What it returns that has no value: whether there may be something to do sooner than before."""


class HotFunction(IRBuilder):
    """A function of state, time and a value; the `HotContext` of one access."""

    def __init__(self, symbol: str, emit: Callable[[HotFunction], Value | None]) -> None:
        super().__init__()
        self._symbol = symbol
        self._done = DONE
        answer = emit(self)
        self.emit(f"ret i64 {self._done if answer is None else text(answer)}")

    def __str__(self) -> str:
        head = f"define internal i64 @{self._symbol}({PARAMETERS}) {{"
        return "\n".join([head, *self.lines, "rare:", f"ret i64 {RARE}", "}\n"])

    def constant(self, value: int, width: int = WIDTH) -> Value:
        """Return a known value."""
        return Value(value & MASK[width], width)

    def get(self, slot: Slot, index: int = 0) -> Value:
        """Read a field."""
        return self.load_slot(slot.element(index))

    def set(self, slot: Slot, value: Value, index: int = 0) -> None:
        """Write a field."""
        self.store_slot(slot.element(index), text(value))

    def now(self) -> Value:
        """Return the clock cycles since the machine started."""
        return Value("%now", WIDTH, self)

    def require(self, condition: Value) -> None:
        """Go on where a condition holds."""
        (go,) = self.labels(1)
        self.fork(condition, go, "rare")
        self.begin(go)

    def request(self, asks: Value) -> None:
        """Let the processor know whether the controller asks for an interrupt."""
        self.store_slot(slots.of_cell(Cell.REQUEST), text(asks.zero_extend(16)))

    def plan(self, at: Value) -> None:
        """Let the engine know at how many cycles there is something to do next."""
        self.store_slot(slots.NEXT_HOT, text(at))
        self._done = PLANNED


def functions(board: HotBoard, *, briefly: bool = False) -> str:
    """Return ``hot_in``, ``hot_out``, ``hot_due``, ``hot_advance``, …: what `runtime` calls.

    ``briefly``: no port but those that are polled is hot, and what is written there in one way.
    """
    parts = []
    for port, read in board.reads.items():
        hot = not briefly or port in board.polled
        parts.append(_first_of(f"hot_in{port:x}", [read] if hot else []))
    for port, write in board.writes.items():
        most = len(write) if not briefly else int(port in board.polled)
        ways = [partial(_write, way) for way in write[:most]]
        parts.append(_first_of(f"hot_out{port:x}", ways))
    parts.append(_finder("hot_in", board.reads))
    parts.append(_finder("hot_out", board.writes))
    parts.append(str(HotFunction("hot_due", board.due or _never)))
    parts.append(_first_of("hot_advance", board.advance))
    parts.append(str(HotFunction("hot_acknowledge", board.acknowledge or _nothing)))
    parts.append(str(HotFunction("hot_tick", board.tick or _nothing)))
    return "".join(parts)


def port_functions(board: HotBoard) -> dict[str, str]:
    """Return the functions of single ports, by name, as they are declared."""
    names = [f"hot_in{port:x}" for port in board.reads]
    names += [f"hot_out{port:x}" for port in board.writes]
    return {name: f"i64 @{name}(ptr, i64, i64)" for name in names}


def _write(write: WriteHot, m: HotFunction) -> None:
    write(m, Value("%value", WIDTH, m))


def _nothing(m: HotFunction) -> None:
    m.require(m.constant(0, 1))


def _never(m: HotFunction) -> Value:
    return m.constant(NEVER)


def _first_of(name: str, ways: Sequence[Callable[[HotContext], Value | None]]) -> str:
    """Return the function that tries some, one after the other, until one does it."""
    parts, body = [], []
    for number, way in enumerate(ways):
        parts.append(str(HotFunction(f"{name}_{number}", way)))
        body += [
            f"%r{number} = call i64 @{name}_{number}(ptr %state, i64 %now, i64 %value)",
            f"%done{number} = icmp sge i64 %r{number}, 0",
            f"br i1 %done{number}, label %way{number}, label %else{number}",
            f"way{number}:",
            f"ret i64 %r{number}",
            f"else{number}:",
        ]
    lines = "\n".join([*body, f"ret i64 {RARE}"])
    return f"{''.join(parts)}define i64 @{name}({PARAMETERS}) noinline {{\n{lines}\n}}\n"


def _finder(name: str, ports: Iterable[int]) -> str:
    """Return the function that finds a port's."""
    ports = tuple(ports)
    given = "ptr %state, i64 %now, i64 %value"
    ways = " ".join(f"i32 {port}, label %p{port:x}" for port in ports)
    cases = "".join(
        f"p{port:x}:\n%r{port:x} = tail call i64 @{name}{port:x}({given})\nret i64 %r{port:x}\n"
        for port in ports
    )
    return f"""
define i64 @{name}(i32 %port, {PARAMETERS}) noinline {{
  switch i32 %port, label %rare [ {ways} ]
{cases}
rare:
  ret i64 {RARE}
}}
"""
