"""The memory of an EGA or VGA as its registers want it: planes, the window to them, and text.

Text and CGA's modes lie in RAM at B8000h (monochrome text at B0000h) as on a CGA; as they come and
go, planes 0 and 1 take and give its even and odd bytes.  Behind the window at A0000h are either the
four planes (`cpu.planar`), or, as long as nothing stands between a byte and its place in mode 13h,
RAM again.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.planar import PlanarRegister
from blink16.devices.vga_map import MemoryMap, Window, arranged
from blink16.devices.video import COLOR_MEMORY, GRAPHICS_MEMORY, MEMORY_END, MONO_MEMORY
from blink16.memory import DIRTY_SHIFT, OPEN_BUS, PLANES_SIZE, Memory

WINDOW = range(GRAPHICS_MEMORY, MONO_MEMORY)
MONO_TEXT = range(MONO_MEMORY, COLOR_MEMORY)
TEXT_SIZE = MEMORY_END - COLOR_MEMORY
TEXT_CELLS = 2 * TEXT_SIZE
"""Bytes of the planes that hold text: of each four a character and its attribute."""
PART = 4 << DIRTY_SHIFT
"""Bytes of a part of the planes, as states share them."""
EMPTY_PLANES = (bytes(PART),) * (PLANES_SIZE // PART)
_USED = slice(PlanarRegister.MAP_MASK, PlanarRegister.CHAINED + 1)


class VgaMemory:
    """Where the memory of an EGA or VGA is, and how its planes are used."""

    def __init__(self, memory: Memory, is_vga: bool, on_window: Callable[[], None]) -> None:
        """``on_window``: called when something else comes to A0000h."""
        self._memory = memory
        self._is_vga = is_vga
        self._on_window = on_window
        self._map = MemoryMap(Window.NOTHING, None, False)

    @property
    def window(self) -> Window:
        """What is at A0000h."""
        return self._map.window

    @property
    def latch(self) -> int:
        """The cell of the planes that was read last."""
        return self._memory.planar[PlanarRegister.LATCH]

    def plane_bytes(self) -> memoryview:
        """Return the planes, a byte of each one behind the other."""
        return self._memory.planes.cast("B")

    def place(self) -> None:
        """Have memory where a monitor that is turned on finds text, and nothing elsewhere."""
        memory = self._memory
        memory.have_nothing(range(GRAPHICS_MEMORY, MEMORY_END))
        memory.have_ram(range(MONO_MEMORY, MEMORY_END))
        memory.ram[COLOR_MEMORY:MEMORY_END] = bytes(TEXT_SIZE)
        memory.have_nothing(MONO_TEXT)

    # -- what the registers want -------------------------------------------------------------

    def follow(self, graphics: bytes, sequencer: bytes) -> None:
        """Be as the graphics controller and the sequencer want it."""
        wanted, used = arranged(graphics, sequencer, self._is_vga)
        if wanted is not self._map:
            self._rearrange(wanted)
        self._memory.planar[_USED] = used

    def _rearrange(self, wanted: MemoryMap) -> None:
        """Put memory where the registers want it, with what it held elsewhere."""
        before, self._map = self._map, wanted
        if wanted.text != before.text and before.text is not None:
            self._put_text(before.text)
        if wanted.window is not before.window:
            self._move_window(before.window, wanted.window)
        if wanted.text != before.text and wanted.text is not None:
            self._memory.write(wanted.text, self._text_in_planes())
        self._mark_mono()

    def _text_in_planes(self) -> bytes:
        """Return planes 0 and 1 as text sees them, in even and odd bytes."""
        planes, text = self.plane_bytes(), bytearray(TEXT_SIZE)
        for plane in (0, 1):
            text[plane::2] = planes[plane:TEXT_CELLS:4].tobytes()
        return bytes(text)

    def _put_text(self, address: int) -> None:
        """Give the planes the text that lies at an address."""
        planes, memory = self.plane_bytes(), self._memory
        text = bytes(memory.ram[address : address + TEXT_SIZE])
        if text == self._text_in_planes():
            return
        for plane in (0, 1):
            planes[plane:TEXT_CELLS:4] = text[plane::2]
        self._mark_written(TEXT_CELLS)

    def _move_window(self, before: Window, wanted: Window) -> None:
        """Put at A0000h what the registers want there, with what it held."""
        memory, planes = self._memory, self.plane_bytes()
        if before is Window.RAM:
            planes[: len(WINDOW)] = memory.ram[WINDOW.start : WINDOW.stop]
            self._mark_written(len(WINDOW))
        if wanted is Window.RAM:
            memory.write(WINDOW.start, bytes(planes[: len(WINDOW)]))
        elif wanted is Window.NOTHING:
            memory.write(WINDOW.start, OPEN_BUS * len(WINDOW))
        self._mark_window()

    def _mark_written(self, size: int) -> None:
        """Note that so many bytes of the planes, from the first on, were written."""
        self._memory.planes_dirty[: size // PART] = b"\x01" * (size // PART)

    def _mark_window(self) -> None:
        self._on_window()
        memory = self._memory
        memory.have_planes(WINDOW, self.window is Window.PLANES)
        if self.window is Window.NOTHING:
            memory.protect(WINDOW)
        else:
            memory.have_ram(WINDOW)

    def _mark_mono(self) -> None:
        """Have memory at B0000h where the registers want it, as a monochrome adapter has."""
        if self._map.mono:
            self._memory.have_ram(MONO_TEXT)
        else:
            self._memory.protect(MONO_TEXT)

    # -- state -------------------------------------------------------------------------------

    def parts(self, before: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the planes in parts; what was not written since ``before`` is shared with it."""
        parts, dirty = list(before), self._memory.planes_dirty
        for number, is_dirty in enumerate(bytes(dirty)):
            if is_dirty:
                parts[number] = self._cells_of(number).tobytes()
                dirty[number] = 0
        return tuple(parts)

    def put_parts(self, parts: tuple[bytes, ...], before: tuple[bytes, ...]) -> None:
        """Put back planes that `parts` gave; ``before``: what it gave last."""
        dirty = self._memory.planes_dirty
        for number, part in enumerate(parts):
            if part is not before[number] or dirty[number]:
                self._cells_of(number)[:] = memoryview(part).cast("I")
                dirty[number] = 0

    def _cells_of(self, number: int) -> memoryview:
        return self._memory.planes[number << DIRTY_SHIFT : (number + 1) << DIRTY_SHIFT]

    def put_map(self, graphics: bytes, sequencer: bytes, latch: int) -> None:
        """Be as the registers of a state want it; the contents are put back by others."""
        self._map, used = arranged(graphics, sequencer, self._is_vga)
        self._memory.planar[PlanarRegister.LATCH] = latch
        self._memory.planar[_USED] = used
        self._mark_window()
        self._mark_mono()
