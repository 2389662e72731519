"""The view in files: a picture of it, a session as an asciicast, memory over time as a film."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

from blink16.blinkenlights.picture import Stretch
from blink16.client import Target
from blink16.hostfiles import current_folder, is_there
from blink16.memory import RAM_SIZE
from blink16.words.texts import counted

if TYPE_CHECKING:
    from PIL import Image, ImageFont

FONTS = Path(__file__).parent / "web" / "font"
CELL = 9, 18
"""Dots of a character."""
FONT_SIZE = 15
FILM_PICTURES = 90
FILM_SECONDS = 6.0
FILM_WIDTH = 64
"""Bytes in a row."""
MAX_FILM_ROWS = 256
DOT = 6
"""Dots of a byte's side."""
FADE = 0.75
"""How much of its glow a byte keeps from picture to picture."""
RGB = tuple[int, int, int]
GROUNDS: dict[str, tuple[RGB, RGB]] = {
    "dark": ((11, 14, 20), (198, 208, 220)),
    "light": ((251, 252, 254), (39, 49, 61)),
}
"""What stands behind the view, and what is written on that, by theme."""


def free_name(stem: str, suffix: str, folder: Path | None = None) -> Path:
    """Return a name that no file has yet."""
    folder = folder or current_folder()
    names = (f"{stem}{'' if n == 1 else f'-{n}'}{suffix}" for n in range(1, 10_000))
    return next(folder / name for name in names if not is_there(folder / name))


# -- a picture of the view -------------------------------------------------------------------


def png(strips: Sequence[Strip], ground: RGB, ink: RGB, path: Path) -> None:
    """Draw what stands on the terminal, as a PNG file."""
    from PIL import Image, ImageDraw

    width, height = CELL
    columns = max((strip.cell_length for strip in strips), default=1)
    image = Image.new("RGB", (max(columns, 1) * width, max(len(strips), 1) * height), ground)
    draw, fonts = ImageDraw.Draw(image), _fonts()
    for row, strip in enumerate(strips):
        column = 0
        for segment in strip:
            style = segment.style or Style.null()
            fore, back = _colors(style, ground, ink)
            end = column + segment.cell_length
            box = (column * width, row * height, end * width - 1, (row + 1) * height - 1)
            if back != ground and end > column:
                draw.rectangle(box, fill=back)
            font = fonts[bool(style.bold)]
            for at, character in enumerate(segment.text, column):
                if character != " ":
                    draw.text((at * width, row * height), character, fill=fore, font=font)
            column = end
    image.save(path)


def _fonts() -> tuple[ImageFont.FreeTypeFont, ImageFont.FreeTypeFont]:
    from PIL import ImageFont

    plain, bold = (
        ImageFont.truetype(FONTS / f"DejaVuSansMono{kind}.woff2", FONT_SIZE)
        for kind in ("", "-Bold")
    )
    return plain, bold


def _colors(style: Style, ground: RGB, ink: RGB) -> tuple[RGB, RGB]:
    theme = DIMMED_MONOKAI
    fore = tuple(style.color.get_truecolor(theme)) if style.color else ink
    back = tuple(style.bgcolor.get_truecolor(theme, foreground=False)) if style.bgcolor else ground
    if style.color and style.color.is_default:
        fore = ink
    if style.bgcolor and style.bgcolor.is_default:
        back = ground
    if style.reverse:
        fore, back = back, fore
    return (fore[0], fore[1], fore[2]), (back[0], back[1], back[2])


# -- a session -------------------------------------------------------------------------------


class Asciicast:
    """A session in asciicast's second format: what changes on the terminal, and when."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        """Begin a file; OSError if that can't be."""
        self.path = path
        self._console = Console(color_system="truecolor", force_terminal=True)
        self._began = time.monotonic()
        self._shown: list[str] = []
        self._file: TextIO = path.open("w", encoding="utf-8")
        head = {
            "version": 2,
            "width": size[0],
            "height": size[1],
            "env": {"TERM": "xterm-256color"},
        }
        self._file.write(json.dumps(head) + "\n")

    def take(self, strips: Sequence[Strip]) -> None:
        """Add the lines that are not as they were."""
        lines = [strip.render(self._console) for strip in strips]
        before = self._shown or [""] * len(lines)
        changed = [
            f"\x1b[{row + 1};1H{line}"
            for row, (line, old) in enumerate(zip(lines, before, strict=False))
            if line != old
        ]
        if changed:
            text = ("" if self._shown else "\x1b[2J\x1b[?25l") + "".join(changed)
            event = (round(time.monotonic() - self._began, 4), "o", text)
            self._file.write(json.dumps(event) + "\n")
        self._shown = lines

    def close(self) -> None:
        """End the file."""
        self._file.close()


# -- memory over time ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Film:
    """What a film shows: a stretch of memory, through the whole recorded run."""

    address: int
    length: int
    path: Path

    @classmethod
    def of(cls, stretch: Stretch, path: Path) -> Film:
        """Return a film of what a panel shows, in whole rows."""
        rows = max(1, min(-(-len(stretch.data) // FILM_WIDTH), MAX_FILM_ROWS))
        length = min(rows * FILM_WIDTH, RAM_SIZE)
        return cls(min(stretch.address, RAM_SIZE - length), length, path)

    def shoot(self, target: Target) -> str:
        """Go through the past, take the pictures, come back; GIF, or APNG by the file's name."""
        now, history = target.icount, target.history()
        count = min(FILM_PICTURES, history.end - history.start + 1)
        span = history.end - history.start
        instants = [history.start + span * i // max(count - 1, 1) for i in range(count)]
        try:
            memories = []
            for instant in instants:
                target.seek(instant)
                memories.append(target.read_memory(self.address, self.length))
        finally:
            target.seek(now)
        self._write(list(_glowing(memories)))
        return f"{self.path.name}: {counted(count, 'picture')} of {self.length:,} bytes"

    def _write(self, pictures: Sequence[Image.Image]) -> None:
        duration = max(20, int(1000 * FILM_SECONDS / len(pictures)))
        pictures[0].save(
            self.path, save_all=True, append_images=pictures[1:], duration=duration, loop=0
        )


def _glowing(memories: Iterable[bytes]) -> Iterable[Image.Image]:
    """Yield a picture for each: gray by value, orange where bytes were written, fading."""
    from PIL import Image

    before, glow = b"", [0.0] * RAM_SIZE
    for memory in memories:
        dots = bytearray()
        for at, byte in enumerate(memory):
            glow[at] = 1.0 if before and before[at] != byte else glow[at] * FADE
            base = 14 + byte * 3 // 5 if byte else 11
            heat = glow[at]
            dots += bytes(int(base + (top - base) * heat) for top in (255, 171, 64))
        rows = len(memory) // FILM_WIDTH
        image = Image.frombytes("RGB", (FILM_WIDTH, rows), bytes(dots))
        yield image.resize((FILM_WIDTH * DOT, rows * DOT), Image.Resampling.NEAREST)
        before = memory
