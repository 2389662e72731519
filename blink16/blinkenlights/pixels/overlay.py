"""The guest's dots over the panel that shows its screen: when they are drawn, and drawn again.

Textual knows characters only.  The panel's are blank where dots lie, so what Textual writes does
not touch them; where it does (a dialog has gone, the terminal has another size) they are sent
again.  Below dialogs and messages the panel draws in halves of characters.
"""

from __future__ import annotations

import io
import json
import time
from base64 import standard_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from textual.geometry import Region

from blink16.blinkenlights import guest_screen
from blink16.blinkenlights.pixels import kitty, sixel
from blink16.blinkenlights.pixels.terminal import Ability, PixelKind, cell_size
from blink16.reports.screen import ScreenReport

if TYPE_CHECKING:
    from PIL import Image

WIDE, HIGH = guest_screen.WIDE, guest_screen.HIGH
MAX_COLORS = 256
REST = 2
"""So many times as long as a picture took to draw, the next one waits."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A screen of dots, and the cells of the terminal over which it is to lie."""

    screen: ScreenReport
    cells: Region
    gray: bool = False
    """Whether the user wants no colors."""


class Surface(Protocol):
    """What dots are drawn on."""

    def draw(self, wish: Wish) -> None:
        """Show dots; ValueError if they are damaged."""

    def clear(self) -> None:
        """Show none, where characters do not replace them by themselves."""


class Overlay:
    """Keeps dots over a panel."""

    def __init__(
        self,
        surface: Surface,
        later: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``later``: has us told in so many seconds what is wanted then."""
        self._surface = surface
        self._later = later
        self._clock = clock
        self._shown: Wish | None = None
        self._rests_until = 0.0

    def follow(self, wish: Wish | None, overwritten: Callable[[Region], bool]) -> None:
        """Show what is wanted now, unless it is there already, and nothing was written over it."""
        before = self._shown
        if wish is None:
            if before is not None:
                self._surface.clear()
        elif before is None or wish.cells != before.cells or overwritten(wish.cells):
            if before is not None and wish.cells != before.cells:
                self._surface.clear()
            self._draw(wish)
        elif wish != before:
            left = self._rests_until - self._clock()
            if left > 0:
                self._later(left)
                return
            self._draw(wish)
        self._shown = wish

    def _draw(self, wish: Wish) -> None:
        """Draw, and then leave the thread to others for longer than that took."""
        began = self._clock()
        self._surface.draw(wish)
        ended = self._clock()
        self._rests_until = ended + REST * (ended - began)


class TerminalSurface:
    """A terminal that shows sixels, or knows kitty's protocol."""

    def __init__(self, ability: Ability, write: Callable[[str], None]) -> None:
        self._kind, self._cell = ability.kind, ability.cell
        self._write = write

    def draw(self, wish: Wish) -> None:
        """Show dots, as large as there is room for in the shape of a PC's screen."""
        cell = cell_size(self._cell)
        wide, high = fitted(wish.cells, cell)
        picture = enlarged(_picture(wish), wide, high)
        columns, rows = -(-wide // cell[0]), -(-high // cell[1])
        left = wish.cells.x + (wish.cells.width - columns) // 2
        if self._kind is PixelKind.KITTY:
            drawn = kitty.encode(_png(picture), columns, rows)
        else:
            dots = picture.tobytes()
            lines = [dots[y * wide : (y + 1) * wide] for y in range(high)]
            drawn = sixel.encode(lines, bytes(picture.getpalette() or ()))
        self._write(f"\x1b7\x1b[{wish.cells.y + 1};{left + 1}H{drawn}\x1b8")

    def clear(self) -> None:
        """Take them away: sixels go by themselves where characters are written."""
        if self._kind is PixelKind.KITTY:
            self._write(kitty.REMOVE)


class PageSurface:
    """A page in a browser, which has an element for them (web/script/page.js)."""

    def __init__(self, write: Callable[[dict[str, Any]], None], size: Callable[[], Any]) -> None:
        """``write``: sends the page what it knows how to read; ``size``: of the whole terminal."""
        self._write = write
        self._size = size

    def draw(self, wish: Wish) -> None:
        """Show dots: the page makes them as large as there is room for."""
        data = standard_b64encode(_png(_picture(wish))).decode("ascii")
        self._write(
            {"type": DOTS, "png": data, "cells": list(wish.cells), "of": list(self._size())}
        )

    def clear(self) -> None:
        """Take them away."""
        self._write({"type": DOTS})


DOTS = "dots"
"""The kind of what the page is told."""


def for_page(told: dict[str, Any]) -> str:
    """Return what a tab is sent; see `PageSurface`."""
    return json.dumps([DOTS, {name: value for name, value in told.items() if name != "type"}])


# -- pictures --------------------------------------------------------------------------------


def fitted(cells: Region, cell: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height in dots of a PC's screen that fits over cells."""
    wide = min(cells.width * cell[0], cells.height * cell[1] * WIDE // HIGH)
    return max(wide, 1), max(wide * HIGH // WIDE, 1)


def enlarged(picture: Image.Image, wide: int, high: int) -> Image.Image:
    """Return a picture in another size: larger, each dot as it is; smaller, means of dots."""
    from PIL import Image

    if wide >= picture.width and high >= picture.height:
        return picture.resize((wide, high), Image.Resampling.NEAREST)
    smaller = picture.convert("RGB").resize((wide, high), Image.Resampling.BOX)
    few = smaller.getcolors(MAX_COLORS) is not None  # then each is kept, and else it would be slow
    method = Image.Quantize.MEDIANCUT if few else Image.Quantize.FASTOCTREE
    return smaller.quantize(MAX_COLORS, method, dither=Image.Dither.NONE)


def _picture(wish: Wish) -> Image.Image:
    picture = guest_screen.image(wish.screen)
    if wish.gray:
        picture = picture.copy()
        palette = picture.getpalette() or []
        parts = zip(palette[::3], palette[1::3], palette[2::3], strict=True)
        grays = [(299 * red + 587 * green + 114 * blue) // 1000 for red, green, blue in parts]
        picture.putpalette(bytes(gray for gray in grays for _ in range(3)))
    return picture


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
