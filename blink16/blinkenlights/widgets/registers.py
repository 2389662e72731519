"""The registers and flags, those that changed with the value they had."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.reports.state import FLAG_BITS

_ROWS = (("ax", "si", "cs"), ("bx", "di", "ds"), ("cx", "bp", "es"), ("dx", "sp", "ss"))
_FLAGS = ("OF", "DF", "IF", "TF", "SF", "ZF", "AF", "PF", "CF")


class RegisterPanel(Panel):
    """Three columns of registers, the instruction pointer, and the flags by their letters."""

    HELP = (
        "The registers in hexadecimal. Orange ones were changed by the last instruction; the value "
        "before it stands behind. Flags that are set are bright."
    )

    def on_mount(self) -> None:
        """Give it a title."""
        self.border_title = "registers"

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw them."""
        lines = []
        for names in _ROWS:
            line = Text()
            for name in names:
                line.append_text(self._register(name, picture, columns))
            lines.append(line)
        last = self._register("ip", picture, columns)
        last.append_text(self._flags(picture))
        lines.append(last)
        return lines

    def _register(self, name: str, picture: Picture, columns: int) -> Text:
        colors, now = self.palette, getattr(picture.registers, name)
        before = getattr(picture.before, name) if picture.before else now
        text = Text()
        text.append(f"{name.upper()} ", colors.dim)
        changed = before != now
        text.append(f"{now:04X}", colors.changed if changed else colors.text)
        if columns >= 44:
            text.append(f" {before:04X} " if changed else "      ", colors.faint)
        return text.append("  ")

    def _flags(self, picture: Picture) -> Text:
        colors, text = self.palette, Text()
        before = picture.before or picture.registers
        for flag in _FLAGS:
            bit = FLAG_BITS[flag]
            now, then = picture.registers.flags >> bit & 1, before.flags >> bit & 1
            style = colors.changed if now != then else colors.good if now else colors.faint
            text.append(flag[0], style)
            text.append(" ")
        return text
