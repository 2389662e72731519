"""A stretch of memory, a character a byte; what was just touched glows, and fades."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from blink16.blinkenlights.palette import style
from blink16.blinkenlights.picture import MemoryWish, Picture, Stretch
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import offset_in
from blink16.memory import MEMORY_SIZE

MODES = ("text", "hex", "words", "code")
AGES = 4
"""Pictures after which a byte glows no more."""
MAX_ZOOM = 14
"""16 KiB a cell: the megabyte is a row."""
BYTES_A_LINE_OF_CODE = 8

Glow = tuple[int, bool]
"""How many pictures ago a byte was touched, and whether it was written."""


class MemoryPanel(Panel):
    """Bytes as code page 437 shows them, as hex, as words, as code, or by density."""

    HELP = (
        "Memory, a character a byte; 00 is blank. Orange bytes were just written, blue ones read; "
        "they fade. The next instruction has a bright ground, the top of the stack a green one. "
        "The wheel scrolls; with ctrl, or + and -, it zooms by powers of two up to the "
        "whole megabyte. m: characters, hex, words, code. g goes to an address, / finds. A click "
        "chooses a byte: e changes it, W goes to who wrote it last. CODE, READ, WRITE and STACK "
        "follow the machine until you scroll; backspace lets them follow again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(1)", show=False),
        Binding("minus", "zoom(-1)", show=False),
        Binding("pageup", "scroll_rows(-1)", show=False),
        Binding("pagedown", "scroll_rows(1)", show=False),
        Binding("backspace", "follow", show=False),
    ]

    class Changed(Message):
        """The panel is to look elsewhere, or otherwise."""

    class Chosen(Message):
        """A byte was chosen, by its linear address; None: no more."""

        def __init__(self, address: int | None) -> None:
            super().__init__()
            self.address = address

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self.mode = "text"
        self.zoom = 0
        self.address: int | None = None
        """Where the user wants to look; None: where the machine is at work."""
        self.chosen: int | None = None
        self._ages: dict[int, Glow] = {}
        self._last: Stretch | None = None
        self._seen: int | None = None
        self._icount: int | None = None
        self._end = MEMORY_SIZE
        """Where the machine's memory ends."""

    def on_mount(self) -> None:
        """Give it a title."""
        self._name_it()

    # -- what there is room for --------------------------------------------------------------

    @property
    def _digits(self) -> int:
        """Of an address."""
        return 5 if self._end == MEMORY_SIZE else 6

    @property
    def _address_columns(self) -> int:
        return self._digits + 1

    @property
    def cells_a_row(self) -> int:
        """Cells in a row: bytes, or stretches of ``1 << zoom`` bytes."""
        columns = max(self.content_size.width - self._address_columns, 1)
        each = 1.0 if self.zoom else {"text": 1, "hex": 3, "words": 2.5, "code": 1}[self.mode]
        count = 1
        while count * 2 * each <= columns and count < 64:
            count *= 2
        return count

    @property
    def bytes_a_row(self) -> int:
        """Bytes in a row."""
        if self.mode == "code" and not self.zoom:
            return BYTES_A_LINE_OF_CODE
        return self.cells_a_row << self.zoom

    @property
    def wishes(self) -> tuple[MemoryWish, ...]:
        """The stretch that it shows."""
        rows = max(self.content_size.height, 1)
        name = self.name or ""
        what = name.lower() if self.address is None else self.address
        step = 1 if self.mode == "code" else min(self.bytes_a_row, 1 << self.zoom + 6)
        return (MemoryWish(name, what, min(self.bytes_a_row * rows, self._end), step),)

    # -- the user ----------------------------------------------------------------------------

    def next_mode(self) -> None:
        """Show bytes in the next way."""
        self.zoom = 0
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        self._change()

    def look_at(self, address: int) -> None:
        """Look at a linear address."""
        self.address = max(0, address)
        self._change()

    def action_zoom(self, by: int) -> None:
        """Let a cell be twice as many bytes, or half as many."""
        here = self._last.address if self._last else 0
        zoom = max(0, min(self.zoom + by, MAX_ZOOM))
        rows = max(self.content_size.height, 1)
        while zoom and self.cells_a_row * rows << zoom - 1 >= self._end:
            zoom -= 1
        if zoom != self.zoom:
            self.zoom = zoom
            self.address = here if self.address is not None or zoom else None
            self._change()

    def action_scroll_rows(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll(pages * max(self.content_size.height - 1, 1))

    def action_follow(self) -> None:
        """Look at where the machine is at work again."""
        self.address, self.zoom = None, 0
        self._choose(None)
        self._change()

    def _scroll(self, rows: int) -> None:
        if self._last is not None:
            most = self._end - len(self._last.data)
            self.address = max(0, min(self._last.address + rows * self.bytes_a_row, most))
            self._change()

    def _change(self) -> None:
        self._name_it()
        self.refresh()
        self.post_message(self.Changed())

    def _choose(self, address: int | None) -> None:
        self.chosen = address
        self._name_it()
        self.refresh()
        self.post_message(self.Chosen(address))

    def _name_it(self) -> None:
        self.head(self.name or "")
        size = 1 << self.zoom
        cell = f"{size} bytes a cell" if size < 1024 else f"{size >> 10} KiB a cell"
        told = [cell] if self.zoom else [] if self.mode == "text" else [self.mode]
        told += ["stays" if self.address is not None else ""]
        self.foot("  ".join(filter(None, told)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look at lower addresses, or closer."""
        event.stop()
        if event.ctrl:
            self.action_zoom(-1)
        else:
            self._scroll(-2)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look at higher addresses, or from farther away."""
        event.stop()
        if event.ctrl:
            self.action_zoom(1)
        else:
            self._scroll(2)

    def on_click(self, event: events.Click) -> None:
        """Choose a byte."""
        at = None if self.has_selection else event.get_content_offset(self)
        if at is None or self._last is None or self.mode == "code":
            return
        cell = self._cell_at(at.x - self._address_columns)
        address = self._last.address + at.y * self.bytes_a_row + (cell << self.zoom)
        if at.x >= self._address_columns and cell < self.cells_a_row and address < self._end:
            self._choose(None if address == self.chosen else address)

    def _cell_at(self, column: int) -> int:
        if self.zoom or self.mode == "text":
            return column
        return column // 3 if self.mode == "hex" else column // 5 * 2 + column % 5 // 2

    # -- glowing -----------------------------------------------------------------------------

    def take(self, picture: Picture) -> None:
        """Let what was touched glow; what only differs at an instant that was sought does not."""
        stretch = picture.memory.get(self.name or "")
        if stretch is None:
            return
        generation, icount = picture.state.generation, picture.state.icount
        moved = icount != self._icount
        sought = moved and picture.is_sought
        if picture.again or sought:
            self._seen = generation
        if sought:
            self._ages.clear()
        elif moved:
            self._ages = {a: (age + 1, w) for a, (age, w) in self._ages.items() if age + 1 < AGES}
        if generation != self._seen and self._last is not None:
            for address in _changed(self._last, stretch):
                self._ages[address] = (0, True)
        if moved or self._seen is None:
            for access in picture.touched:
                for address in range(access.address, access.address + access.length):
                    written = access.writes or self._ages.get(address) == (0, True)
                    self._ages[address] = (0, written)
        self._seen, self._icount = generation, icount
        self._last, self._end = stretch, picture.state.memory_end

    # -- drawing -----------------------------------------------------------------------------

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Draw rows of bytes, the address before each."""
        stretch = picture.memory.get(self.name or "")
        if stretch is None:
            return []
        if self.mode == "code" and not self.zoom:
            return self._code(picture, stretch, rows)
        width = self.bytes_a_row
        glows = self._glows(picture)
        top = picture.registers.stack
        count = min(rows, (len(stretch.data) + width - 1) // width)
        strips = []
        for row in range(count):
            address = stretch.address + row * width
            chunk = stretch.data[row * width : (row + 1) * width]
            strips.append(self._row(address, chunk, glows, top))
        return strips

    def _row(self, address: int, chunk: bytes, glows: dict[int, str], top: int) -> Strip:
        """Draw a row, or return it as it was drawn before."""
        end = address + len(chunk)
        cells = range(address >> self.zoom, (end - 1 >> self.zoom) + 1)
        glow = tuple((cell, name) for cell, name in glows.items() if cell in cells)
        near = top if address - 2 < top < end else -1
        colors = self.palette

        def draw() -> Strip:
            drawn = (
                self._dense(address, chunk, glows)
                if self.zoom
                else self._bytes(address, chunk, glows, top)
            )
            return Strip([Segment(f"{address:0{self._digits}X} ", style(colors.dim)), *drawn])

        shape = self.mode, self.zoom, self._digits
        return self.known((address, chunk, glow, near, shape, colors), draw)

    def _glows(self, picture: Picture) -> dict[int, str]:
        """Return what cells look like that are more than memory, by their numbers."""
        colors, pc = self.palette, picture.registers.pc
        length = next((len(line.code) for line in picture.code if line.address == pc), 1)
        here = f"{colors.text} {colors.here}".strip()
        glows = {address >> self.zoom: here for address in range(pc, pc + length)}
        glows |= {
            address >> self.zoom: (colors.written if written else colors.read)[age]
            for address, (age, written) in self._ages.items()
        }
        if self.chosen is not None:
            glows[self.chosen >> self.zoom] = colors.chosen
        return glows

    def _bytes(
        self, address: int, chunk: bytes, glows: dict[int, str], top: int
    ) -> Iterator[Segment]:
        """Draw bytes; those next to each other that look alike as one piece."""
        colors, glyphs = self.palette, self.palette.glyphs
        styles = [
            glows.get(address + i)
            or (colors.stack_top if top <= address + i < top + 2 else colors.byte(byte))
            for i, byte in enumerate(chunk)
        ]
        at = 0
        for name, group in groupby(styles):
            count = len(list(group))
            part = chunk[at : at + count]
            if self.mode == "text":
                yield Segment("".join([glyphs[byte] for byte in part]), style(name))
            else:
                every = 1 if self.mode == "hex" else 2
                for i, byte in enumerate(part, at):
                    yield Segment(f"{byte:02X}", style(name))
                    if (i + 1) % every == 0:
                        yield Segment(" ", None)
            at += count

    def _dense(self, address: int, chunk: bytes, glows: dict[int, str]) -> Iterator[Segment]:
        """Draw how full stretches are of other bytes than 0."""
        colors, size = self.palette, 1 << self.zoom
        shades, plain = colors.density, style(colors.ascii)
        steps = len(shades) - 1
        for at in range(0, len(chunk), size):
            part = chunk[at : at + size]
            full = len(part) - part.count(0)
            shade = shades[-(-full * steps // len(part))]
            glow = glows.get(address + at >> self.zoom)
            yield Segment(shade, style(glow) if glow else plain)

    def _code(self, picture: Picture, stretch: Stretch, rows: int) -> list[Strip]:
        colors = self.palette
        registers = picture.registers
        cs, offset = offset_in(registers.cs, stretch.address, registers.line_20)
        line_20 = int(self._end > MEMORY_SIZE)
        return [
            Strip(
                [
                    Segment(f"{line.address:0{self._digits}X} ", style(colors.dim)),
                    Segment(f"{line.code[:6].hex():<13}", style(colors.control)),
                    Segment(line.text, style(colors.text)),
                ]
            )
            for line in picture.decoder.lines(cs, offset, stretch.data, rows, line_20=line_20)
        ]


def _changed(before: Stretch, now: Stretch) -> Iterator[int]:
    """Yield where bytes that both show differ."""
    start = max(before.address, now.address)
    stop = min(before.address + len(before.data), now.address + len(now.data))
    for at in range(start, stop, 256):
        end = min(at + 256, stop)
        old = before.data[at - before.address : end - before.address]
        new = now.data[at - now.address : end - now.address]
        if old != new:
            yield from (at + i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
