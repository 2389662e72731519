"""The child of `trial`: makes the interpreter's object file, tries it, and writes it out."""

from __future__ import annotations

import sys

from blink16.bus import Bus
from blink16.cpu import hot, models
from blink16.cpu.hot import HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import cache, loading
from blink16.cpu.native.compiler import Compiler, NativeError, submit
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.interpreter import module_text
from blink16.cpu.native.probed_engine import ProbedEngine
from blink16.cpu.probes import Probe, Probes, Tape
from blink16.cpu.registers import Registers
from blink16.memory import Memory

COUNT = 20_000
GUEST = bytes((0xB9, *COUNT.to_bytes(2, "little"), 0x40, 0xE2, 0xFD, 0xF4))
"""mov cx, COUNT; again: inc ax; loop again; hlt."""
_AGAIN = 3


def make(model: Model, level: int, board: HotBoard, *, probed: bool = False) -> bytes:
    """Return a processor's object file, optimised as said; NativeError if it runs wrongly."""
    compiler = Compiler()
    image = compiler.compile(module_text(model, board, probed=probed, level=level), level)
    loading.use(loading.linked(compiler, model, image, board, probed=probed))
    registers, memory = Registers(), Memory()
    tape = Tape(Probes(Probe.EXECUTED | Probe.BRANCHES), lambda events: None)
    engine = (
        ProbedEngine(model, registers, memory, Bus(), board, tape)
        if probed
        else NativeEngine(model, registers, memory, Bus(), board, wait=True)
    )
    memory.write(0, GUEST)
    engine.run(COUNT)
    translation = engine.translation
    assert translation is not None
    translation.hot(0, _AGAIN)
    submit(lambda: None).result()  # behind the request to translate
    engine.run(2 * COUNT)
    if (registers.ax, registers.cx) != (COUNT, 0) or not len(translation):
        raise NativeError(f"native code computes wrongly here: {registers.ax} of {COUNT}")
    if probed and tape.counts[_AGAIN] != COUNT:
        raise NativeError(f"probes count wrongly here: {tape.counts[_AGAIN]} of {COUNT}")
    return image


def give(image: bytes, key: bytes) -> None:
    """Write an object file out; if nobody is there to read it, put it into the cache."""
    try:
        with open(sys.stdout.fileno(), "wb", closefd=False) as out:
            out.write(image)
    except BrokenPipeError:
        cache.store(key, image)


if __name__ == "__main__":
    try:
        name, level, board, key, *rest = sys.argv[1:]
        made = make(models.find(name), int(level), hot.find(board), probed=bool(rest))
    except NativeError as error:
        sys.exit(str(error))
    give(made, bytes.fromhex(key))
