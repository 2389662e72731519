"""The BIOS data area."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import MemoryWish, Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel

NAME, START, LENGTH = "bios data", 0x400, 0x100
FIELDS = (
    (0x00, 2, "COM1 port"), (0x02, 2, "COM2 port"), (0x08, 2, "LPT1 port"),
    (0x10, 2, "equipment"), (0x13, 2, "memory, KiB"), (0x17, 1, "shift flags"),
    (0x18, 1, "shift flags, held"), (0x1A, 2, "keys from"), (0x1C, 2, "keys to"),
    (0x3E, 1, "floppies to recalibrate"), (0x3F, 1, "floppy motors"), (0x40, 1, "motor count"),
    (0x41, 1, "floppy status"), (0x49, 1, "video mode"), (0x4A, 2, "columns"),
    (0x4C, 2, "page size"), (0x4E, 2, "page start"), (0x50, 2, "cursor, row and column"),
    (0x60, 2, "cursor shape"), (0x62, 1, "page"), (0x63, 2, "CRTC port"), (0x65, 1, "CRT mode"),
    (0x66, 1, "palette"), (0x6C, 4, "ticks since midnight"), (0x70, 1, "midnight passed"),
    (0x71, 1, "break"), (0x72, 2, "reset flag"), (0x74, 1, "hard disk status"),
    (0x75, 1, "hard disks"), (0x80, 2, "key buffer from"), (0x82, 2, "key buffer to"),
    (0x84, 1, "last row"), (0x85, 2, "character height"),
)  # fmt: skip
"""Offset from 0040:0000, bytes, and what it is, by IBM's technical reference."""
DECIMAL = ("KiB", "columns", "ticks", "hard disks", "row", "height", "count")


class DataAreaPanel(ListPanel):
    """A field a line."""

    TITLE = "BIOS data area"
    HELP = "What the BIOS keeps at 0040:0000: ports, keys, the screen, ticks, disks."

    @property
    def wishes(self) -> tuple[MemoryWish, ...]:
        """The area."""
        return (MemoryWish(NAME, START, LENGTH),)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw each field with its value."""
        stretch, colors = picture.memory.get(NAME), self.palette
        if stretch is None:
            return []
        lines = []
        for offset, size, name in FIELDS:
            value = int.from_bytes(stretch.data[offset : offset + size], "little")
            text = Text(f"40:{offset:02X} ", colors.dim, no_wrap=True)
            text.append(f"{value:>8X} ", colors.number)
            text.append(name, colors.text)
            if any(word in name for word in DECIMAL):
                text.append(f"  {value:,}", colors.dim)
            lines.append(text)
        return lines
