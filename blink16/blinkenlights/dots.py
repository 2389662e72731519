"""The view where the terminal or the browser shows real dots: they lie over the guest's screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets._toast import Toast

from blink16.blinkenlights.panels import PanelsApp
from blink16.blinkenlights.pixels.overlay import (
    Overlay,
    PageSurface,
    Surface,
    TerminalSurface,
    Wish,
)
from blink16.blinkenlights.pixels.terminal import Ability, PixelKind
from blink16.blinkenlights.widgets.console import ConsolePanel


class ShowsDots(PanelsApp):
    """What Textual has drawn is followed by dots, where they are wanted."""

    ability: Ability | None = None
    """What the terminal can show; None: nobody has asked it."""
    _overlay: Overlay | None = None
    _only_blocks = False

    def on_mount(self) -> None:
        """See what dots can be drawn on."""
        ability, driver = self.ability or Ability(), self._driver
        if driver is not None and ability.kind is not PixelKind.BLOCKS:
            tell_page = getattr(driver, "write_meta", None)  # the web driver has it
            if tell_page is not None:
                self._overlay = self.overlay_on(PageSurface(tell_page, lambda: self.size))
            elif ability.kind is not PixelKind.AUTO:
                self._overlay = self.overlay_on(TerminalSurface(ability, driver.write))

    def overlay_on(self, surface: Surface) -> Overlay:
        """Return what keeps dots there."""
        return Overlay(surface, lambda seconds: self.set_timer(seconds, lambda: self._follow(None)))

    def on_shown(self) -> None:
        """Show the dots of a picture whose characters are as they were."""
        self._follow(None)
        super().on_shown()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Show dots over what Textual has written."""
        super()._display(screen, renderable)
        if renderable is not None:
            self._follow(renderable)

    def _follow(self, written: RenderableType | None) -> None:
        overlay = self._overlay
        if overlay is None or not self._running or self._batch_count or self.is_behind:
            return
        wish = self._wish()
        for console in self.query(ConsolePanel):
            console.leave_dots(wish is not None)
        overlay.follow(wish, lambda cells: _overlaps(written, cells))

    def _wish(self) -> Wish | None:
        """Return what is to be shown: nothing below a dialog or a message."""
        if self._only_blocks or len(self.screen_stack) != 1:
            return None
        for console in self.query(ConsolePanel):
            screen, cells = console.dots, console.content_region
            messages = (toast.region for toast in self.screen.query(Toast))
            if screen is None or not cells.area or any(map(cells.overlaps, messages)):
                return None
            return Wish(replace(screen, icount=0), cells, self.no_color)
        return None

    @contextmanager
    def in_blocks(self) -> Iterator[None]:
        """Have dots drawn as halves of characters, for who looks at these only."""
        self._only_blocks = True
        for console in self.query(ConsolePanel):
            console.leave_dots(False)
        try:
            yield
        finally:
            self._only_blocks = False


def _overlaps(written: RenderableType | None, cells: Region) -> bool:
    """Whether Textual has written over cells."""
    if isinstance(written, LayoutUpdate):
        return written.region.overlaps(cells)
    if isinstance(written, ChopsUpdate):
        return any(
            cells.y <= y < cells.bottom and left < cells.right and right > cells.x
            for y, left, right in written.spans
        )
    return False
