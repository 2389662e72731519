"""Keys that ask the user for a word, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual import on
from textual.widget import Widget

from blink16.blinkenlights import commands
from blink16.blinkenlights.completion import KnownCommand, known_commands
from blink16.blinkenlights.driver import Command
from blink16.blinkenlights.panels import PanelsApp
from blink16.blinkenlights.past import LayerKind
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.blinkenlights.widgets.prompt import Prompt, Purpose
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.client import Target


class AskActions(PanelsApp):
    """The line below the panels: commands, places, texts, bytes."""

    _asked_in: Widget | None = None
    """Where the focus was when the user was asked something."""
    _to_confirm: Command | None = None
    _monitor_commands: Mapping[str, KnownCommand] = {}
    _found: int | None = None
    """Where a text was found last."""

    def action_ask(self, purpose: str, value: str = "") -> None:
        """Open the line below for a command, an address, a text."""
        self._asked_in = self.focused
        wanted = Purpose(purpose)
        if wanted is Purpose.EDIT and not value and (chosen := self._chosen()) is not None:
            value = f"{chosen:05X}="
        if wanted is Purpose.COMMAND and not self._monitor_commands:
            self.driver.ask(self._learn_commands)
        if wanted is Purpose.MARK and not value and self.picture is not None:
            value = self.picture.state.at.partition("+")[0]
        prompt = self.query_one(Prompt)
        prompt.ask(wanted, value)
        prompt.complete(self._monitor_commands, self._names)

    def _learn_commands(self, target: Target) -> None:
        """Ask for the names of the server's commands, once."""
        self._monitor_commands = known_commands(target.monitor("help"))
        self._later(self._complete_commands)

    def _complete_commands(self) -> None:
        """Have the line complete what it could not when it was opened."""
        prompt = self.query_one(Prompt)
        if prompt.display and prompt.purpose is Purpose.COMMAND:
            prompt.complete(self._monitor_commands, self._names)

    @property
    def _names(self) -> list[str]:
        """What places and instants are called."""
        picture = self.picture
        if picture is None:
            return []
        return [*(symbol.name for symbol in picture.symbols), *picture.bookmarks]

    def _chosen(self) -> int | None:
        return next((p.chosen for p in self.query(MemoryPanel) if p.chosen is not None), None)

    @on(Prompt.Closed)
    def _on_prompt_closed(self, message: Prompt.Closed) -> None:
        back = self._asked_in if isinstance(self._asked_in, Panel) else self.query_one(CodePanel)
        back.focus()
        if not message.text:
            return
        panel = back if isinstance(back, MemoryPanel) else self.query_one("#memory-read")
        assert isinstance(panel, MemoryPanel)
        text = message.text
        match message.purpose:
            case Purpose.COMMAND:
                self._do(lambda target: target.monitor(text))
            case Purpose.BREAK:
                lines = self.source_text
                self._do(lambda target: commands.broken(target, text, lines))
            case Purpose.CATCH:
                self._do(lambda target: str(target.catch(text)))
            case Purpose.WATCH:
                self._do(lambda target: commands.watched(target, text))
            case Purpose.EDIT:
                self._edit(text)
            case Purpose.CONFIRM:
                if text.lower() in ("y", "yes") and self._to_confirm is not None:
                    self._do(self._to_confirm)
                self._to_confirm = None
            case Purpose.MARK:
                self._mark(text)
            case Purpose.GO:
                self._look(panel, lambda target: commands.place(target, text))
            case Purpose.CODE:
                self._look_at_code(text)
            case Purpose.FIND:
                behind = self._found if panel.address == self._found else None
                self._look(panel, lambda target: commands.found(target, text, behind))

    def _mark(self, text: str) -> None:
        """Show when a function was called."""
        bar = self.query_one(TimeBar)

        def mark(target: Target) -> str:
            address = commands.place(target, text)
            self._later(bar.choose, LayerKind.CALLS, address, text)
            return ""

        self.told = ""
        self.driver.ask(mark)

    def _edit(self, text: str) -> None:
        """Store bytes; in the past, ask before."""
        try:
            where, data = commands.edit_of(text)
        except ValueError as error:
            self._say(str(error), "error")
            return
        self._changing(lambda target: commands.edited(target, where, data))

    def _changing(self, command: Command) -> None:
        """Carry out what changes the machine; in the past, ask before."""
        if self.picture is not None and self.picture.in_past:
            self._to_confirm = command
            self.action_ask("confirm")
        else:
            self._do(command)

    def _look(self, panel: MemoryPanel, where: Callable[[Target], int]) -> None:
        """Have a memory panel look at an address."""

        def look(target: Target) -> str:
            self._later(self._looked, panel, where(target))
            return ""

        self.told = ""
        self.driver.ask(look)

    def _look_at_code(self, text: str) -> None:
        """Have the code panel look at a place."""
        panel, lines = self.query_one(CodePanel), self.source_text

        def look(target: Target) -> str:
            self._later(panel.look_at, commands.code_place(target, text, lines))
            return ""

        self.told = ""
        self.driver.ask(look)

    def _looked(self, panel: MemoryPanel, address: int) -> None:
        self._found = address
        panel.look_at(address)
        self._say(f"{panel.name} looks at {address:05X}")

    def action_last_writer(self) -> None:
        """Go to the instruction that wrote the chosen byte last."""
        chosen = self._chosen()
        if chosen is None:
            self._say("click a byte first")
        else:
            self._do(lambda target: commands.last_writer(target, chosen))
