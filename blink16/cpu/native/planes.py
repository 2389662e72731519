"""Stores to and loads from the planes of an EGA or VGA, emitted from `cpu.planar`."""

from __future__ import annotations

from blink16.cpu.native.text import IRBuilder
from blink16.cpu.native.text import text as written
from blink16.cpu.planar import CELL, PlanarRegister, loaded, place, stored
from blink16.cpu.values import Value
from blink16.memory import DIRTY_OFFSET, DIRTY_SHIFT, PLANAR_OFFSET, PLANES_OFFSET


class _Planes(IRBuilder):
    """The body of a function of the mapping and a linear address."""

    def get(self, register: PlanarRegister) -> Value:
        """Read one of the adapter's registers."""
        at = self.address("%memory", PLANAR_OFFSET + 4 * register)
        return self.value(f"load i32, ptr {at}", CELL)

    def cell(self) -> tuple[str, Value, Value]:
        """Return where the cell of the address lies, its index, and the byte in it."""
        index, shift = place(Value("%linear", CELL, self), self.get)
        planes = self.address("%memory", PLANES_OFFSET)
        return self.address(planes, index << 2), index, shift


def text() -> str:
    """Return ``planar_load`` and ``planar_store`` in LLVM IR."""
    return _load() + _store()


def _load() -> str:
    body = _Planes()
    where, _, shift = body.cell()
    cell = body.value(f"load i32, ptr {where}", CELL)
    latch = body.address("%memory", PLANAR_OFFSET + 4 * PlanarRegister.LATCH)
    body.emit(f"store i32 {written(cell)}, ptr {latch}")
    body.emit(f"ret i32 {written(loaded(cell, shift, body.get))}")
    return _function("i32 @planar_load(ptr %memory, i32 %linear)", body)


def _store() -> str:
    body = _Planes()
    where, index, shift = body.cell()
    cell = body.value(f"load i32, ptr {where}", CELL)
    byte = Value("%value", CELL, body) & 0xFF
    body.emit(f"store i32 {written(stored(cell, byte, shift, body.get))}, ptr {where}")
    dirty = body.address("%memory", DIRTY_OFFSET)
    body.emit(f"store i8 1, ptr {body.address(dirty, index >> DIRTY_SHIFT)}")
    body.emit("ret void")
    return _function("void @planar_store(ptr %memory, i32 %linear, i32 %value)", body)


def _function(head: str, body: IRBuilder) -> str:
    lines = "\n".join(body.lines)
    return f"define internal {head} noinline cold {{\n{lines}\n}}\n"
