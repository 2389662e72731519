"""A stretch of memory, a character a byte; what was just touched glows, and fades."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message

from blink16.blinkenlights.glyphs import CP437
from blink16.blinkenlights.picture import Picture, Stretch
from blink16.blinkenlights.widgets.panel import Panel

MODES = ("text", "hex", "words")
AGES = 4
"""Pictures after which a byte glows no more."""
ADDRESS_COLUMNS = 6


class MemoryPanel(Panel):
    """Bytes as code page 437 shows them, as hex, or as words."""

    HELP = (
        "Memory, a character a byte. Orange bytes were just written, blue ones read; they fade. "
        "m changes between characters, hex and words; the wheel scrolls, ctrl-wheel zooms."
    )

    class Scrolled(Message):
        """The panel is to look elsewhere: so many rows on."""

        def __init__(self, panel: str, rows: int) -> None:
            super().__init__()
            self.panel = panel
            self.rows = rows

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self.border_title = name
        self.mode = "text"
        self._ages: dict[int, tuple[int, bool]] = {}
        """By linear address: how many pictures ago it was touched, and whether it was written."""
        self._last: Stretch | None = None
        self._seen: int | None = None

    @property
    def width_in_bytes(self) -> int:
        """Bytes in a row."""
        columns = max(self.content_size.width - ADDRESS_COLUMNS, 8)
        each = {"text": 1, "hex": 3, "words": 2.5}[self.mode]
        count = 8
        while count * 2 * each <= columns and count < 64:
            count *= 2
        return count

    @property
    def bytes_shown(self) -> int:
        """How many bytes there is room for."""
        return self.width_in_bytes * max(self.content_size.height, 1)

    def next_mode(self) -> None:
        """Show bytes in the next way."""
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        self.refresh()

    def watch_picture(self, picture: Picture | None) -> None:
        """Let what was touched glow."""
        stretch = picture.memory.get(self.name or "") if picture else None
        if picture is None or stretch is None or picture.state.generation == self._seen:
            return
        self._seen = picture.state.generation
        self._ages = {a: (age + 1, w) for a, (age, w) in self._ages.items() if age + 1 < AGES}
        if self._last is not None:
            for address in _changed(self._last, stretch):
                self._ages[address] = (0, True)
        for access in picture.touched:
            for address in range(access.address, access.address + access.length):
                self._ages[address] = (
                    0,
                    access.writes or self._ages.get(address, (1, False)) == (0, True),
                )
        self._last = stretch

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw rows of bytes, the address before each."""
        stretch = picture.memory.get(self.name or "")
        if stretch is None:
            return []
        width = self.width_in_bytes
        lines = []
        for row in range(min(rows, len(stretch.data) // width)):
            address = stretch.address + row * width
            line = Text(f"{address:05X} ", self.palette.dim, no_wrap=True)
            chunk = stretch.data[row * width : (row + 1) * width]
            self._bytes(line, address, chunk, picture)
            lines.append(line)
        return lines

    def _bytes(self, line: Text, address: int, chunk: bytes, picture: Picture) -> None:
        colors = self.palette
        top = picture.registers.stack
        for index, byte in enumerate(chunk):
            at = address + index
            glow = self._ages.get(at)
            if glow is not None:
                style = (colors.written if glow[1] else colors.read)[min(glow[0], AGES - 1)]
            elif at in (top, top + 1):
                style = colors.stack_top
            else:
                style = colors.ascii if 0x20 <= byte < 0x7F else colors.control
            if self.mode == "text":
                line.append(CP437[byte], style)
            elif self.mode == "hex":
                line.append(f"{byte:02X}", style)
                line.append(" ")
            else:
                line.append(f"{byte:02X}", style)
                line.append(" " if index % 2 else "")

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look at lower addresses."""
        event.stop()
        self.post_message(self.Scrolled(self.name or "", -2))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look at higher addresses."""
        event.stop()
        self.post_message(self.Scrolled(self.name or "", 2))


def _changed(before: Stretch, now: Stretch) -> list[int]:
    start = max(before.address, now.address)
    stop = min(before.address + len(before.data), now.address + len(now.data))
    old = before.data[start - before.address : max(stop - before.address, 0)]
    new = now.data[start - now.address : max(stop - now.address, 0)]
    if old == new:
        return []
    return [start + i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
