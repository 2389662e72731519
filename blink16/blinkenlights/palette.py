"""Colors by what they mean; orange and blue are told apart by nearly everybody."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from rich.style import Style

from blink16.blinkenlights.glyphs import ASCII, CP437, DENSITY
from blink16.blinkenlights.terminal_kind import ASCII_ONLY, encoding


@lru_cache(maxsize=1024)
def style(name: str | Style) -> Style:
    """Return a style of Rich's by its name."""
    return Style.parse(name) if isinstance(name, str) else name


@dataclass(frozen=True, slots=True)
class Palette:
    """What each kind of thing is drawn in, as styles of Rich's."""

    dim: str
    faint: str
    hint: str
    """What is said beside."""
    text: str
    mnemonic: str
    register: str
    number: str
    symbol: str
    source: str
    """A line of the program's source."""
    target: str
    here: str
    """The row of the next instruction."""
    breakpoint: str
    changed: str
    ascii: str
    control: str
    written: tuple[str, ...]
    """By age, the newest first."""
    read: tuple[str, ...]
    """The same; underlined, since to some people no color tells it from what is beside it."""
    stack_top: str
    good: str
    bar_past: str
    bar_future: str
    bar_checkpoint: str
    """Where the machine is kept whole."""
    bar_now: str
    mark: str
    chosen: str
    """A byte that the user has chosen."""
    glyphs: str = field(default=CP437, repr=False)
    """By byte."""
    density: str = DENSITY
    bars: str = "▁▂▃▄▅▆▇█"
    """From few to many."""
    block: str = "█"
    track: str = "━"
    tick: str = "╵"
    print_mark: str = "·"
    diamond: str = "◆"
    dot: str = "●"
    arrow: str = "▶"
    more: str = "…"
    in_ascii_only: bool = False

    def byte(self, byte: int) -> str:
        """Return the style of a byte that nothing is to be said of."""
        return self.ascii if 0x20 <= byte < 0x7F else self.control

    @classmethod
    def dark(cls) -> Self:
        """Return the colors on a dark ground."""
        return cls(
            dim="#56657a",
            faint="#425064",
            hint="#8494a8",
            text="#c6d0dc",
            mnemonic="#e6edf5 bold",
            register="#e8c07a",
            number="#b69cf0",
            symbol="#7fd6a2 bold",
            source="#9fb8d8 italic",
            target="#7fd6a2",
            here="on #17304d",
            breakpoint="#ff5d5d bold",
            changed="#ffab40 bold",
            ascii="#c6d0dc",
            control="#5f7590",
            written=("#0b0e14 on #ffab40", "#ffc680 on #7a4a10", "#ffd29c on #43290c", "#ffd9ad"),
            read=(
                "#0b0e14 on #4cb8ff underline",
                "#b5e0ff on #124a70 underline",
                "#a9d8f7 on #0d2c44 underline",
                "#a9d8f7",
            ),
            stack_top="#0b0e14 on #7fd6a2",
            good="#7fd6a2",
            bar_past="#3d6ea8",
            bar_future="#27364a",
            bar_checkpoint="#7fb2ec",
            bar_now="#ffab40 bold",
            mark="#b69cf0 bold",
            chosen="#0b0e14 on #e6d9ff bold",
        )

    @classmethod
    def light(cls) -> Self:
        """Return the colors on a light ground."""
        return cls(
            dim="#8a94a3",
            faint="#b3bdc9",
            hint="#5a6675",
            text="#27313d",
            mnemonic="#0b1622 bold",
            register="#8a5a00",
            number="#6338b8",
            symbol="#0a7a45 bold",
            source="#3a5a80 italic",
            target="#0a7a45",
            here="on #d5e6fa",
            breakpoint="#c81e1e bold",
            changed="#b85a00 bold",
            ascii="#27313d",
            control="#9aa5b3",
            written=("#ffffff on #c46200", "#5c2e00 on #ffd6a6", "#5c2e00 on #ffeedd", "#8a4a00"),
            read=(
                "#ffffff on #0b6cb3 underline",
                "#0b3c66 on #b9defa underline",
                "#0b3c66 on #e3f2fd underline",
                "#0b4f85",
            ),
            stack_top="#ffffff on #0a7a45",
            good="#0a7a45",
            bar_past="#6b9bd1",
            bar_future="#d3d9e1",
            bar_checkpoint="#24507f",
            bar_now="#b85a00 bold",
            mark="#6338b8 bold",
            chosen="#ffffff on #3d1a85 bold",
        )

    @classmethod
    def plain(cls) -> Self:
        """Return no colors, where NO_COLOR asks for that: bold, reverse and underline only."""
        return cls(
            dim="",
            faint="",
            hint="",
            text="",
            mnemonic="bold",
            register="",
            number="",
            symbol="bold",
            source="italic",
            target="",
            here="reverse",
            breakpoint="bold",
            changed="bold underline",
            ascii="",
            control="",
            written=("reverse", "bold underline", "underline", ""),
            read=("underline bold", "underline", "", ""),
            stack_top="reverse",
            good="",
            bar_past="",
            bar_future="",
            bar_checkpoint="bold",
            bar_now="bold",
            mark="bold",
            chosen="reverse bold",
        )

    @classmethod
    def named(cls, theme: str) -> Self:
        """Return the palette of a theme, or none where the user wants no color."""
        if os.environ.get("NO_COLOR"):
            found = cls.plain()
        else:
            found = cls.light() if theme == "light" else cls.dark()
        return found.in_ascii() if encoding() == ASCII_ONLY else found

    def in_ascii(self) -> Self:
        """Return the same for terminals without UTF-8."""
        return replace(
            self,
            glyphs=ASCII,
            density=" .:+#@",
            bars=".:+#",
            block="#",
            track="-",
            tick="'",
            print_mark=".",
            diamond="^",
            dot="*",
            arrow=">",
            more="...",
            in_ascii_only=True,
        )
