"""The registers and flags, those that changed with the value they had."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.reports.state import FLAG_BITS, StateReport

_ROWS = (("ax", "si", "cs"), ("bx", "di", "ds"), ("cx", "bp", "es"), ("dx", "sp", "ss"))
_HALVES = ("ax", "bx", "cx", "dx")
_FLAGS = ("OF", "DF", "IF", "TF", "SF", "ZF", "AF", "PF", "CF")
_WITH_OLD, _ROOMY, _WITH_DECIMAL = 38, 44, 66
"""Columns from which on there is room for the values before, for air, and for decimal ones."""


class RegisterPanel(Panel):
    """Three columns of registers, the instruction pointer, the flags, and the guest's time."""

    HELP = (
        "The registers in hexadecimal; in wide terminals decimal behind (signed), and the value "
        "before. Orange is what the last instruction has changed: of AX to DX, the half. Flags "
        "that are set are bright capitals. Below, the instructions executed, and the guest's time."
    )

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("registers")

    def take(self, picture: Picture) -> None:
        """Say what the processor is."""
        state = picture.state
        clock = f" at {state.clock_hz / 1e6:.2f} MHz" if state.clock_hz else ""
        self.foot(f"{state.processor}{clock}")

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw them."""
        lines = []
        for names in _ROWS:
            line = Text(no_wrap=True)
            for name in names:
                line.append_text(self._register(name, picture, columns))
            line.rstrip()
            lines.append(line)
        last = self._register("ip", picture, columns)
        last.append_text(self._flags(picture, columns))
        lines.append(last)
        if rows > len(lines):
            lines.append(self._time(picture.state))
        return lines

    def _register(self, name: str, picture: Picture, columns: int) -> Text:
        colors, now = self.palette, getattr(picture.registers, name)
        before = getattr(picture.before, name) if picture.before else now
        text = Text(f"{name.upper()} ", colors.dim, no_wrap=True)
        parts = ((8, 0xFF), (0, 0xFF)) if name in _HALVES else ((0, 0xFFFF),)
        for shift, mask in parts:
            new, old = now >> shift & mask, before >> shift & mask
            width = 2 if mask == 0xFF else 4
            text.append(f"{new:0{width}X}", colors.changed if new != old else colors.text)
        if columns >= _WITH_OLD:
            text.append(f" {before:04X}" if before != now else " " * 5, colors.dim)
        if columns >= _WITH_DECIMAL:
            signed = now - 0x10000 if now & 0x8000 else now
            shown = f" {signed:>6}" if name not in ("cs", "ds", "es", "ss", "ip") else " " * 7
            text.append(shown, colors.control)
        air = 3 if columns >= _WITH_DECIMAL else 1 if _WITH_OLD <= columns < _ROOMY else 2
        return text.append(" " * air)

    def _flags(self, picture: Picture, columns: int) -> Text:
        colors, text = self.palette, Text()
        before = picture.before or picture.registers
        for flag in _FLAGS:
            bit = FLAG_BITS[flag]
            now, then = picture.registers.flags >> bit & 1, before.flags >> bit & 1
            style = colors.changed if now != then else colors.good if now else colors.dim
            name = flag if columns >= _WITH_DECIMAL else flag[0]
            text.append(name.upper() if now else name.lower(), style)
            text.append(" ")
        return text

    def _time(self, state: StateReport) -> Text:
        colors = self.palette
        text = Text(f"{state.icount:,}", colors.text, no_wrap=True)
        text.append(" instructions", colors.dim)
        if state.clock_hz:
            text.append("  ").append(duration(state.cycles / state.clock_hz), colors.text)
        return text


def duration(seconds: float) -> str:
    """Return a time in the unit that fits."""
    for size, unit in ((1e-3, "µs"), (1.0, "ms")):
        if seconds < size:
            return f"{seconds / size * 1000:.4g} {unit}"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {rest:04.1f} s" if minutes else f"{seconds:.3f} s"
