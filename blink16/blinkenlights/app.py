"""The view: panels around one picture, keys that move the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from blink16.blinkenlights import recent
from blink16.blinkenlights.actions.asking import AskActions
from blink16.blinkenlights.actions.looking import LookActions
from blink16.blinkenlights.actions.moving import MoveActions
from blink16.blinkenlights.actions.saving import SaveActions
from blink16.blinkenlights.guest_mouse import GuestMouse
from blink16.blinkenlights.keys import KEYS
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.tour import Tour
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.key_line import KeyLine
from blink16.blinkenlights.widgets.welcome import Welcome
from blink16.client import Target, launch


class Blinkenlights(AskActions, SaveActions, LookActions, MoveActions):
    """The machine as a picture."""

    TITLE = "blinkenlights"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in KEYS if key.keys),
        Binding("ctrl+c", "interrupt", show=False),
    ]

    tour: Tour | None = None

    def __init__(
        self, open_target: Callable[[], Target] | None = None, *, theme: str = "dark"
    ) -> None:
        """See `PanelsApp`."""
        super().__init__(open_target, theme=theme)
        self._guest_mouse = GuestMouse(self.driver.type)

    def begin(self) -> None:
        """Open the machine that the command line names, or offer some."""
        if self._open_chosen is None:
            self.push_screen(Welcome(recent.recent()), self._chose)
        else:
            super().begin()

    def _chose(self, choice: tuple[Sequence[str], bool] | None) -> None:
        """Begin with what was chosen on the first page."""
        if choice is None:
            self.exit()
            return
        words, tour = choice
        if tour:
            self.tour = Tour()
        recent.remember(words)
        self._open_chosen = lambda: launch(None, *words, console="terminal")
        super().begin()

    def see(self, picture: Picture) -> None:
        """Go on with the tour."""
        if self.tour is None or not self.tour.see(picture):
            return
        line = self.query_one("#tour", Static)
        line.update(self.tour.text)
        line.display = bool(self.tour.text)
        self.call_after_refresh(self._want_more)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the palette what keys do."""
        for key in KEYS:
            title = f"{key.title}  ({key.shown_keys})" if key.keys else key.title
            yield SystemCommand(title, "", partial(self.run_action, key.action))

    @on(KeyLine.Pressed)
    async def _on_key_pressed(self, message: KeyLine.Pressed) -> None:
        await self.run_action(message.action_name)

    # -- the guest's keyboard and mouse ------------------------------------------------------

    @property
    def guest_has_keys(self) -> bool:
        """Whether keys are the guest's."""
        return isinstance(self.focused, ConsolePanel)

    @on(ConsolePanel.Typed)
    def _on_typed(self, message: ConsolePanel.Typed) -> None:
        self.driver.type(message.give)

    @on(ConsolePanel.Pointed)
    def _on_pointed(self, message: ConsolePanel.Pointed) -> None:
        self._guest_mouse.move(message.place)
