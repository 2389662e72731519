"""The interrupt vectors."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import MemoryWish, Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.memory import linear

NAME = "vectors"
VECTORS = 256
NAMES = {
    0x00: "divide error", 0x01: "single step", 0x02: "NMI", 0x03: "breakpoint", 0x04: "overflow",
    0x05: "print screen", 0x08: "IRQ 0, timer", 0x09: "IRQ 1, keyboard", 0x0A: "IRQ 2",
    0x0B: "IRQ 3, COM2", 0x0C: "IRQ 4, COM1", 0x0D: "IRQ 5", 0x0E: "IRQ 6, floppy",
    0x0F: "IRQ 7, LPT1", 0x10: "video", 0x11: "equipment", 0x12: "memory size", 0x13: "disk",
    0x14: "serial", 0x15: "system", 0x16: "keyboard", 0x17: "printer", 0x18: "ROM BASIC",
    0x19: "bootstrap", 0x1A: "time", 0x1B: "Ctrl-Break", 0x1C: "tick", 0x1D: "video table",
    0x1E: "floppy table", 0x1F: "graphics font", 0x20: "DOS exit", 0x21: "DOS", 0x22: "DOS end",
    0x23: "DOS Ctrl-C", 0x24: "DOS critical error", 0x25: "DOS disk read", 0x26: "DOS disk write",
    0x27: "DOS stay resident", 0x28: "DOS idle", 0x29: "DOS fast output", 0x2F: "multiplex",
    0x33: "mouse", 0x67: "EMS", 0x70: "IRQ 8, clock", 0x80: "ELKS",
}  # fmt: skip
"""What the vectors are for, by IBM's and Microsoft's documentation."""


class VectorsPanel(ListPanel):
    """A vector a line: number, address, what it is for, and the name of what is there."""

    TITLE = "interrupt vectors"
    EMPTY = "all are 0"
    HELP = "The 256 vectors at 0000:0000, but for those that are 0:0, with what each is for."

    @property
    def wishes(self) -> tuple[MemoryWish, ...]:
        """The table."""
        return (MemoryWish(NAME, 0, 4 * VECTORS),)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw those that lead somewhere."""
        stretch, colors = picture.memory.get(NAME), self.palette
        lines = []
        for number in range(VECTORS if stretch else 0):
            assert stretch is not None
            entry = stretch.data[4 * number : 4 * number + 4]
            offset, segment = (int.from_bytes(entry[i : i + 2], "little") for i in (0, 2))
            if not segment and not offset:
                continue
            text = Text(f"{number:02X} ", colors.number, no_wrap=True)
            text.append(f"{segment:04X}:{offset:04X} ", colors.dim)
            found = picture.symbols.find(linear(segment, offset))
            text.append(found[0].name + " " if found and not found[1] else "", colors.target)
            lines.append(text.append(NAMES.get(number, ""), colors.text))
        return lines
