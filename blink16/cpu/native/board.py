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
    """A function of state, time and a value; the `HotContext` of one access.

    ``otherwise``: the function that goes on where something required is not so.
    """

    parameters = PARAMETERS

    def __init__(
        self,
        symbol: str,
        emit: Callable[[HotFunction], Value | None],
        otherwise: str | None = None,
    ) -> None:
        super().__init__()
        self._symbol, self._otherwise = symbol, otherwise
        self._done = DONE
        answer = emit(self)
        self.emit(f"ret i64 {self._done if answer is None else text(answer)}")

    def text(self, linkage: str = "internal", attribute: str = "") -> str:
        """Return it in LLVM IR."""
        head = f"define {linkage} i64 @{self._symbol}({self.parameters}) {attribute} {{"
        rare = [f"ret i64 {RARE}"]
        if self._otherwise is not None:
            rare = [
                f"%other = tail call i64 @{self._otherwise}({self.parameters})",
                "ret i64 %other",
            ]
        return "\n".join([head, *self.prologue(), *self.lines, "rare:", *rare, "}\n"])

    def prologue(self) -> list[str]:
        """Return what comes before all else; only calls have variables."""
        return []

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
    parts.append(HotFunction("hot_due", board.due or _never).text())
    parts.append(_first_of("hot_advance", board.advance))
    parts.append(HotFunction("hot_acknowledge", board.acknowledge or _nothing).text())
    parts.append(tick_function(board))
    return "".join(parts)


def tick_function(board: HotBoard) -> str:
    """Return ``hot_tick``, which is part of its one caller: each tick goes by it."""
    return HotFunction("hot_tick", board.tick or _nothing).text(attribute="alwaysinline")


def usual_access(board: HotBoard, way: str, port: int) -> str:
    """Return ``usual_hot_in…`` or ``usual_hot_out…``, which is part of its callers.

    It does what is usual at the port, and goes to the port's function for the rest.
    """
    first = board.reads[port] if way == "hot_in" else partial(_write, board.writes[port][0])
    name = f"{way}{port:x}"
    return HotFunction(f"usual_{name}", first, name).text(attribute="alwaysinline")


def port_functions(board: HotBoard) -> dict[str, str]:
    """Return the functions of single ports, by name, as they are declared."""
    names = [f"hot_in{port:x}" for port in board.reads]
    names += [f"hot_out{port:x}" for port in board.writes]
    return {name: f"i64 @{name}(ptr, i64, i64)" for name in names}


def _write(write: WriteHot, m: HotFunction) -> None:
    write(m, Value("%value", WIDTH, m))


def _nothing(m: HotContext) -> None:
    m.require(m.constant(0, 1))


def _never(m: HotFunction) -> Value:
    return m.constant(NEVER)


def _first_of(name: str, ways: Sequence[Callable[[HotContext], Value | None]]) -> str:
    """Return the function that tries some, one after the other, until one does it.

    Each but the first, which is the usual one, is a function apart: what it needs of the host's
    registers is not saved in vain.
    """
    names = [name, *(f"{name}_{number}" for number in range(1, len(ways)))]
    others = [*names[1:], None]
    parts = [
        HotFunction(symbol, way, other).text("" if symbol == name else "internal", "noinline")
        for symbol, way, other in zip(names, ways or [_nothing], others, strict=True)
    ]
    return "".join(parts)


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
