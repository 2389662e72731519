"""Which engines there are, and how to make one."""

from __future__ import annotations

from blink16.bus import Bus
from blink16.cpu.engine import Engine
from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.probes import Tape
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.registers import Registers
from blink16.memory import Memory

NAMES = ("auto", "native", "reference")
"""``auto`` begins on the reference and goes on natively as soon as there is compiled code."""
DEFAULT = "auto"


def make(
    name: str,
    model: Model,
    registers: Registers,
    memory: Memory,
    bus: Bus,
    board: HotBoard = NO_BOARD,
) -> Engine:
    """Return an engine for a processor, over shared state.

    ``board``: the hot devices that there may be.

    ``native`` waits for compiled code, which takes seconds the first time.  ValueError if there
    is no engine of that name, or no native code on this host.
    """
    if name not in NAMES:
        raise ValueError(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if name == "reference":
        return ReferenceEngine(model, registers, memory, bus)
    from blink16.cpu.native.compiler import NativeError
    from blink16.cpu.native.engine import NativeEngine

    try:
        return NativeEngine(model, registers, memory, bus, board, wait=name == "native")
    except NativeError as error:
        raise ValueError(f"the native engine can't run: {error}") from error


def make_probed(
    name: str,
    model: Model,
    registers: Registers,
    memory: Memory,
    bus: Bus,
    tape: Tape,
    board: HotBoard = NO_BOARD,
) -> Engine:
    """Return an engine that writes on a tape (`blink16.cpu.probes`); else as `make`.

    ``auto`` is ``native`` where native code can run, which is waited for.
    """
    from blink16.cpu.probed_reference import ProbedReference

    if name != "reference":
        from blink16.cpu.native.compiler import NativeError
        from blink16.cpu.native.probed_engine import ProbedEngine

        try:
            return ProbedEngine(model, registers, memory, bus, board, tape)
        except NativeError as error:
            if name == "native":
                raise ValueError(f"the native engine can't run: {error}") from error
    return ProbedReference(model, registers, memory, bus, tape)
