"""A view whose keys and mouse a test presses, and what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from unittest import mock

from textual import app as textual_app
from textual._wait import wait_for_idle
from textual.pilot import Pilot

from blink16.blinkenlights.app import Blinkenlights
from blink16.blinkenlights.main import arguments, opener
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel

PATIENCE = 1200
"""Turns of the loop, each of 50 ms at most, in which a picture has to come."""
BUSY_SECONDS = 0.15
"""How long a key is waited for where pictures of a running machine leave the process no rest; a
second, as Textual has it, is for each key of ten too long.
"""
UNCHANGING = 4
"""Pictures, one like the other, after which a screen is taken to stay so."""
SIZE = 160, 48
SAMPLE = ("banner", "HI")


class Viewer:
    """A view, and who sits before it."""

    def __init__(self, app: Blinkenlights, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def picture(self) -> Picture:
        """What is on the screen."""
        assert self.app.picture is not None
        return self.app.picture

    def panel(self, name: str) -> Panel:
        """Return a panel by its identifier."""
        return self.app.query_one(f"#{name}", Panel)

    def text(self, name: str) -> str:
        """Return what a panel shows."""
        return "\n".join(self.panel(name).plain_lines())

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        for _ in range(PATIENCE):
            if holds():
                return
            await self.pilot.pause(0.05)
        raise AssertionError("what was waited for never came")

    async def settled(self) -> None:
        """Wait until nothing more is to come: all is asked, answered and drawn."""

        def is_settled() -> bool:
            return self.app.driver.knows_all and self.app.is_drawn

        await self.until(is_settled)
        await self.pilot.pause()
        await self.until(is_settled)

    async def unchanging(self) -> str:
        """Return the screen as SVG once it stays as it is: dialogs are laid out more than once, and
        nobody says when that is over.
        """
        before, same = "", 0
        for _ in range(PATIENCE):
            await self.pilot.pause(0.05)
            now = self.app.export_screenshot(title="blinkenlights")
            before, same = now, same + 1 if now == before else 0
            if same == UNCHANGING:
                return now
        raise AssertionError("the screen never stood still")

    async def at(self, icount: int) -> None:
        """Wait until an instant is shown."""
        await self.until(lambda: self.picture.state.icount == icount)

    async def named(self, name: str) -> None:
        """Wait until the next instruction is the one of that name."""
        await self.until(lambda: self.picture.state.at == name)

    async def told(self, text: str) -> None:
        """Wait until the user is told something."""
        await self.until(lambda: text in self.app.told)

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        await self.pilot.press(*keys)

    async def enter(self, text: str) -> None:
        """Type a line, quicker than anybody: only Enter waits until all is drawn."""
        with mock.patch.object(textual_app, "wait_for_idle", _no_rest):
            await self.pilot.press(*[_KEYS.get(c, c) for c in text])
        await self.pilot.press("enter")

    async def step_to(self, icount: int) -> None:
        """Step to an instant, and see each one before it."""
        for instant in range(self.picture.state.icount + 1, icount + 1):
            await self.press("s")
            await self.at(instant)


async def _no_rest(min_sleep: float = 0) -> None:
    """Wait for nothing between one key and the next: they are read in their order."""
    await asyncio.sleep(0)


_KEYS = {" ": "space", ":": "colon", "=": "equals_sign", '"': "quotation_mark"}


@asynccontextmanager
async def viewing(
    words: Sequence[str] = SAMPLE, size: tuple[int, int] = SIZE, theme: str = "dark"
) -> AsyncIterator[Viewer]:
    """Open a view as the command does with these words, and wait for its first picture."""
    app = Blinkenlights(opener(arguments(words)), theme=theme)
    idle = partial(wait_for_idle, max_sleep=BUSY_SECONDS)
    with mock.patch.object(textual_app, "wait_for_idle", idle):
        async with app.run_test(size=size) as pilot:
            viewer = Viewer(app, pilot)
            await viewer.until(lambda: app.picture is not None or bool(app.told))
            yield viewer


def viewed(
    *words: str, size: tuple[int, int] = SIZE, theme: str = "dark"
) -> Callable[[Callable[[Viewer], Awaitable[None]]], Callable[[], None]]:
    """Give a test a view of a program, of the sample unless it says another."""

    def decorate(test: Callable[[Viewer], Awaitable[None]]) -> Callable[[], None]:
        async def view() -> None:
            async with viewing(words or SAMPLE, size, theme) as viewer:
                await test(viewer)

        def run() -> None:
            asyncio.run(view())

        run.__name__, run.__doc__ = test.__name__, test.__doc__  # without its parameter
        return run

    return decorate
