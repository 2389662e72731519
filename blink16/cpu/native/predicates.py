"""Compiled conditions of breakpoints: a false one costs nanoseconds, and no way out to Python.

A predicate becomes a function of state and mapping.  Its address stands in a table by linear
address, where `runtime` looks before it stops at a breakpoint.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import ClassVar

from blink16.cpu.model import Model
from blink16.cpu.native.compiler import Library, NativeError, submit
from blink16.cpu.native.layout import PREDICATES_OFFSET, cell_offset
from blink16.cpu.native.loading import Core
from blink16.cpu.native.text import DECLARATIONS, IRBuilder
from blink16.cpu.predicates import Predicate, UntranslatableError
from blink16.cpu.registers import ICOUNT_OFFSET, Cell
from blink16.cpu.values import MASK, Value
from blink16.memory import MEMORY_SIZE, RAM_SIZE, SCRATCH_OFFSET, Memory

LOG = logging.getLogger("blink16")
LEVEL = 1
"""How much LLVM optimises a predicate."""
PATIENCE = 0.1
"""Seconds to wait for the compiler, which takes a few milliseconds if we leave it the GIL and
a second if we run from one breakpoint to the next meanwhile."""
MAX_COMPILED = 4096
"""Compiled predicates that are kept, since debuggers take breakpoints out at every stop."""
NAME = "predicate"
"""The symbol of a predicate's function."""


class PredicateFunction(IRBuilder):
    """The function of a predicate, which returns 1 to stop; the `predicates.Context` of it."""

    def __init__(self, predicate: Predicate, model: Model) -> None:
        super().__init__()
        self.fixed_flags = model.fixed_flags
        self.memory_end = RAM_SIZE if model.reaches_high else MEMORY_SIZE
        self._alternative = 0
        self.go("A1")
        predicate.emit(self)
        self.begin(f"A{self._alternative + 1}")
        self.emit("ret i32 0")

    def __str__(self) -> str:
        head = f"define i32 @{NAME}(ptr noalias %state, ptr noalias %memory) {{"
        return "\n".join([head, *self.lines, "yes:", "ret i32 1", "}", DECLARATIONS])

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        return Value(value & MASK[width], width)

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        return self.value(f"load i16, ptr {self.address('%state', cell_offset(cell))}", 16)

    def icount(self) -> Value:
        """Return the instructions retired."""
        return self.value(f"load i64, ptr {self.address('%state', ICOUNT_OFFSET)}", 64)

    def load(self, address: Value, width: int) -> Value:
        """Read memory."""
        here = self.address("%memory", address.truncate(32))
        return self.value(f"load i{width}, ptr {here}, align 1", width).zero_extend(64)

    def require(self, condition: Value) -> None:
        """Go on where a condition holds, and stop elsewhere."""
        (go,) = self.labels(1)
        self.fork(condition, go, "yes")
        self.begin(go)

    def decide(
        self, condition: Value, then: Callable[[], None], otherwise: Callable[[], None]
    ) -> None:
        """Go one way or the other."""
        yes, no = self.labels(2)
        self.fork(condition, yes, no)
        self.begin(yes)
        then()
        self.begin(no)
        otherwise()

    def conclude(self, holds: Value) -> None:
        """Stop, or try the next alternative."""
        self.fork(holds, "yes", f"A{self._alternative + 1}")

    def begin_alternative(self) -> None:
        """Begin where nothing before held."""
        self._alternative += 1
        self.begin(f"A{self._alternative}")


class ArmedPredicates:
    """The predicates at the breakpoints of one machine; they are compiled in the background.

    All is for the engine's thread.  Until its function is there, a breakpoint stops each time.
    """

    _compiled: ClassVar[OrderedDict[tuple[str, Predicate], Future[Library | None]]] = OrderedDict()
    """By processor and predicate."""
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, core: Core, memory: Memory) -> None:
        self._core = core
        self._table = memory.scratch[PREDICATES_OFFSET - SCRATCH_OFFSET :][: 8 * MEMORY_SIZE].cast(
            "Q"
        )
        self._armed: dict[int, Library] = {}
        self.coming: deque[tuple[int, Future[Library | None]]] = deque()
        """What the compiler has not finished yet, as far as that was looked at."""

    def arm(self, wanted: Mapping[int, Predicate]) -> None:
        """Use these predicates, by linear address, and no others.

        Code above the first mebibyte is the reference's, which stops at each breakpoint.
        """
        for address in self._armed:
            self._table[address] = 0
        self._armed.clear()
        self.coming = deque((at, self._compile(wanted[at])) for at in wanted if at < MEMORY_SIZE)
        wait([future for _, future in self.coming], PATIENCE)
        self.take_ready()

    def take_ready(self) -> None:
        """Use what the compiler has finished."""
        while self.coming and self.coming[0][1].done():
            address, future = self.coming.popleft()
            library = future.result()
            if library is not None:
                self._armed[address] = library
                self._table[address] = library.addresses[NAME]

    def _compile(self, predicate: Predicate) -> Future[Library | None]:
        core, compiled = self._core, self._compiled
        with self._lock:
            wanted = core.model.name, predicate
            if wanted not in compiled:
                compiled[wanted] = submit(lambda: _compile(core, predicate))
                if len(compiled) > MAX_COMPILED:
                    compiled.popitem(last=False)
            compiled.move_to_end(wanted)
            return compiled[wanted]


def _compile(core: Core, predicate: Predicate) -> Library | None:
    """Return the compiled predicate, in the compiler's thread; None if that can't be."""
    try:
        image = core.compiler.compile(str(PredicateFunction(predicate, core.model)), LEVEL)
        return core.compiler.link(image, (NAME,), {})
    except UntranslatableError:
        return None
    except NativeError as error:
        LOG.warning("the condition of a breakpoint is evaluated slowly: %s", error)
        return None
