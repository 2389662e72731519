"""The panels on the terminal, and how pictures of the machine come to them."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from tempfile import NamedTemporaryFile

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.content import Content
from textual.css.query import NoMatches
from textual.driver import Driver as TextualDriver
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Static

from blink16.blinkenlights import terminal_kind
from blink16.blinkenlights.driver import Command, Driver
from blink16.blinkenlights.garbage import Garbage
from blink16.blinkenlights.layout import MEDIUM, Board
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.past import LayerKind
from blink16.blinkenlights.picture import Picture, Wanted
from blink16.blinkenlights.plain_text import AsciiFilter, PcFilter, harmless
from blink16.blinkenlights.selecting import PanelScreen
from blink16.blinkenlights.source_text import SourceText
from blink16.blinkenlights.widgets.calls import CallsPanel
from blink16.blinkenlights.widgets.chain import ChainPanel
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.data_area import DataAreaPanel
from blink16.blinkenlights.widgets.devices import DevicesPanel
from blink16.blinkenlights.widgets.disks import DisksPanel
from blink16.blinkenlights.widgets.frames import FramesPanel
from blink16.blinkenlights.widgets.key_line import KeyLine
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.blinkenlights.widgets.points import PointsPanel
from blink16.blinkenlights.widgets.processes import ProcessesPanel
from blink16.blinkenlights.widgets.profile import ProfilePanel
from blink16.blinkenlights.widgets.prompt import Prompt
from blink16.blinkenlights.widgets.registers import RegisterPanel
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.blinkenlights.widgets.vectors import VectorsPanel
from blink16.client import Syntax, Target
from blink16.words.texts import printable

LEAVE_SECONDS = 5.0
"""What is written to the terminal at the end may take so long."""
BEHIND_SECONDS = 0.05
"""After which it is seen whether a slow terminal has taken what was drawn."""
SILENT_SECONDS = 3.0
"""An answer that is so late is told of."""
NOTE_SECONDS = 10.0
"""So long it is shown what the server says."""
MEMORY_PANELS = ("CODE", "READ", "WRITE", "STACK")
SLOT: dict[type[Panel], str] = {
    FramesPanel: "frames",
    ProfilePanel: "profile",
    CallsPanel: "calls",
    DevicesPanel: "devices",
    VectorsPanel: "vectors",
    DataAreaPanel: "data-area",
    ChainPanel: "chain",
    ProcessesPanel: "processes",
    DisksPanel: "disks",
}
"""The panels that share one place, with their identifiers: one of them is there at a time."""


class PanelsApp(App[None]):
    """Panels around one picture; what keys do comes on top of it."""

    CSS_PATH = "blinkenlights.tcss"
    ALLOW_IN_MAXIMIZED_VIEW = "Prompt, .-beside-large"
    ESCAPE_TO_MINIMIZE = False  # it may be the guest's
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (MEDIUM, "-medium")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012

    def __init__(
        self, open_target: Callable[[], Target] | None = None, *, theme: str = "dark"
    ) -> None:
        """``open_target``: connects to the machine, in a thread of the view's own.

        None: the user is offered programs.
        """
        super().__init__()
        self._theme_name = theme
        self.palette = Palette.named(theme)
        if self.palette.in_ascii_only:
            self._filters.append(AsciiFilter())
        elif terminal_kind.has_characters_of_pc():
            self._filters.append(PcFilter())
        self._open_chosen: Callable[[], Target] | None = open_target
        self.driver = Driver(
            self._open, self._picture_came, self._failure_came, self._note_came, self._fault_came
        )
        self.picture: Picture | None = None
        """The last one."""
        self.pictures_taken = self._pictures_drawn = self._pictures_shown = 0
        self._syntax = Syntax.INTEL
        self._was_silent = False
        self.garbage: Garbage | None = None
        """Where it is ours to collect."""
        self.told = ""
        """What the user was told last."""

    def get_default_screen(self) -> PanelScreen:
        """Return what holds the panels."""
        return PanelScreen(id=self.DEFAULT_MODE)

    def compose(self) -> ComposeResult:
        """Place the panels."""
        with Board(id="board"):
            yield CodePanel(id="code")
            for kind, name in SLOT.items():
                yield kind(id=name)
            yield PointsPanel(id="points")
            yield ConsolePanel(id="console")
            yield RegisterPanel(id="registers")
            for name in MEMORY_PANELS:
                yield MemoryPanel(name, id=f"memory-{name.lower()}")
        yield TimeBar(id="time")
        yield Static(id="tour", markup=False)
        yield Static(id="status")
        yield Prompt(id="prompt")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Begin."""
        self._mind_signals()
        self._dress()
        self.query_one(Prompt).display = False
        self.query_one("#tour").display = False
        self.query_one(CodePanel).focus()
        self._tell_wanted()
        self.set_interval(1, self._mind_silence)
        self.set_interval(1, self._mind_garbage)
        self.begin()

    def _mind_signals(self) -> None:
        """Leave the terminal as it was when we are told to end, or when it is gone."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"):
            number = getattr(signal, name, 0)
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """End soon, or at last: what writes to a terminal that is gone waits for it for ever."""
        if not self.is_headless:
            last = threading.Timer(LEAVE_SECONDS, self._abandon, (return_code,))
            last.daemon = True
            last.start()
        super().exit(result, return_code, message)

    def _abandon(self, return_code: int) -> None:
        """End at once, with what can be put right without waiting for anybody."""
        if (put_right := getattr(self._driver, "put_right", None)) is not None:
            put_right()
        os._exit(return_code)

    def get_driver_class(self) -> type[TextualDriver]:
        """Return our own way to a terminal, where it is Textual's for terminals that is wanted."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from blink16.blinkenlights.terminal_driver import TerminalDriver  # not for Windows

        return TerminalDriver

    # -- terminals that take less than is drawn ----------------------------------------------

    _draws_later = False

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken the last frames yet."""
        return bool(getattr(self._driver, "is_behind", False))

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Draw a frame; none on a terminal that is behind, and all again once it is not."""
        if self.is_behind:
            self._draw_later()
        else:
            super()._display(screen, renderable)

    def _draw_later(self) -> None:
        if not self._draws_later:
            self._draws_later = True
            self.set_timer(BEHIND_SECONDS, self._draw_all)

    def _draw_all(self) -> None:
        self._draws_later = False
        if self.is_behind:
            self._draw_later()
        else:
            self.refresh(repaint=True, layout=True)

    def _fatal_error(self) -> None:
        """Say in one line that there is a fault of ours, and where it is told of in full."""
        error = self._exception
        with NamedTemporaryFile(
            "w", prefix="blinkenlights-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            traceback.print_exception(error, file=file)
        line = f"blinkenlights: a fault of ours, {type(error).__name__}: {file.name} tells more"
        self._exit_renderables.append(Text(line))
        self._close_messages_no_wait()

    def begin(self) -> None:
        """Open the machine."""
        self.driver.start()

    def _open(self) -> Target:
        assert self._open_chosen is not None
        return self._open_chosen()

    def on_unmount(self) -> None:
        """Let the machine go."""
        self.driver.close()

    @on(Panel.Resized)
    def _on_panel_resized(self) -> None:
        """Take a picture for the new sizes, one for all panels that have them."""
        if not self.query(CodePanel):  # the view ends, its panels are gone already
            return
        before = self.driver.wanted
        self._tell_wanted()
        if self.driver.wanted != before:
            self.driver.refresh()

    @on(MemoryPanel.Chosen)
    def _on_chosen(self, message: MemoryPanel.Chosen) -> None:
        self.query_one(TimeBar).choose(LayerKind.WRITES, message.address)

    @on(CodePanel.FunctionChosen)
    def _on_function_chosen(self, message: CodePanel.FunctionChosen) -> None:
        self.query_one(TimeBar).choose(LayerKind.CALLS, message.address, message.name)

    @on(Panel.CodeWanted)
    def _on_code_wanted(self, message: Panel.CodeWanted) -> None:
        self.query_one(CodePanel).look_at(message.address)

    @on(TimeBar.Wished)
    @on(CodePanel.Changed)
    @on(MemoryPanel.Changed)
    def _want_more(self) -> None:
        self._tell_wanted()
        self.driver.refresh()

    def _dress(self) -> None:
        self.theme = "textual-light" if self._theme_name == "light" else "textual-dark"
        self.set_class(self._theme_name == "light", "-light")
        self.palette = Palette.named(self._theme_name)
        self.set_class(self.palette.in_ascii_only, "-ascii")
        for widget in (*self.query(Panel), self.query_one(KeyLine)):
            widget.refresh()

    def _tell_wanted(self) -> None:
        panels = [panel for panel in self.query(Panel) if panel.region.area]
        code = self.query_one(CodePanel)
        self.driver.wanted = Wanted(
            code_rows=max(code.content_size.height, 4),
            code_at=code.address,
            syntax=self._syntax,
            memories=tuple(wish for panel in panels for wish in panel.wishes),
            layers=self.query_one(TimeBar).wishes_of_past,
            reports=tuple(dict.fromkeys(shape for panel in panels for shape in panel.SHAPES)),
        )

    @property
    def source_text(self) -> SourceText:
        """The program's source lines, as far as they are known by now."""
        known = None if self.picture is None else self.picture.sources
        return known or SourceText()

    # -- pictures ----------------------------------------------------------------------------

    def _picture_came(self, picture: Picture) -> None:
        """Take a picture, in the driver's thread."""
        self.pictures_taken += 1
        self._later(self._draw, picture)

    def _failure_came(self, text: str, lost: bool) -> None:
        self._later(self._fail, text, lost)

    def _note_came(self, text: str) -> None:
        self._later(self._note, text)

    def _fault_came(self, error: Exception) -> None:
        self._later(self._handle_exception, error)

    def _later(self, function: Callable[..., object], *values: object) -> None:
        """Have the user interface's thread do something."""
        loop = self._loop
        if self.is_running and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._do_later, function, *values)

    def _do_later(self, function: Callable[..., object], *values: object) -> None:
        if not self.is_running:
            return
        with self._context():
            try:
                function(*values)
            except NoMatches:
                return  # it is being taken down
            except Exception as error:
                self._handle_exception(error)

    def _draw(self, picture: Picture) -> None:
        self._pictures_drawn += 1
        self.picture = picture
        for panel in self.query(Panel):
            panel.show(picture)
        if picture.told and not picture.again:
            self._say(picture.told)
        self._show_status()
        self.see(picture)
        self.call_after_refresh(self.on_shown)

    def see(self, picture: Picture) -> None:
        """Do what else a picture gives reason for."""

    def _fail(self, text: str, lost: bool) -> None:
        if self.driver.only_watches and not lost:
            text += "; T asks for the machine"
        self.set_class(lost, "-lost")
        self._say(text, "error")

    def _note(self, text: str) -> None:
        """Show for a while what the server says, and keep it where nothing else is told."""
        text = printable(text)
        self._say(self.told or text)
        self.notify(text, severity="warning", timeout=NOTE_SECONDS, markup=False)

    def _mind_silence(self) -> None:
        """Say that an answer is long in coming: of a search, or of a server that is silent."""
        is_silent = self.driver.silence >= SILENT_SECONDS
        if is_silent or self._was_silent:
            self._was_silent = is_silent
            self._show_status()

    def _mind_garbage(self) -> None:
        if self.garbage is not None:
            self.garbage.look(self._pictures_drawn)

    def _say(self, text: str, severity: SeverityLevel | None = None) -> None:
        self.told = text = printable(text)
        self._show_status()
        if severity or "\n" in text:
            severity = severity or "information"
            if any(one.message == text for one in self._notifications):
                return  # it stands there
            self.notify(text, severity=severity, timeout=6, markup=False)

    def _show_status(self) -> None:
        words = [*self._status(), (self.told.partition("\n")[0], self.palette.changed)]
        told = [Content.styled(harmless(text), style) for text, style in words if text]
        line = Content.assemble(" ", Content("  ").join(told))
        self.query_one("#status", Static).update(line)

    def _status(self) -> Iterator[tuple[str, str]]:
        """Yield what is to be said of the machine, each with its style."""
        picture = self.picture
        if picture is not None:
            yield picture.state.command, "b"
            yield picture.state.at, ""
            yield picture.state.processor, ""
        if self.has_class("-lost"):
            gone = "there is no machine" if picture is None else "the machine is gone"
            yield f"{gone}: q quits", "b"
        elif picture is not None and (picture.running or picture.in_past):
            yield "runs" if picture.running else "in the past", "b"
        if picture is not None and picture.state.holder == "another" and self.driver.only_watches:
            yield "another debugger holds it: T asks for it", "b"
        if not self.has_class("-lost") and (silence := self.driver.silence) >= SILENT_SECONDS:
            yield f"no answer for {silence:.0f} s", "b"
        if picture is not None and picture.state.wanted:
            yield "somebody asks for the machine: Y lets it go", "b"

    @property
    def board(self) -> Board:
        """What holds the panels."""
        return self.query_one(Board)

    def _do(self, command: Command) -> None:
        self.told = ""
        self._tell_wanted()
        self.driver.interrupt()
        self.driver.do(command)

    def on_shown(self) -> None:
        """The last picture is on the terminal."""
        self._pictures_shown = self._pictures_drawn
        self.driver.shown.set()

    @property
    def is_drawn(self) -> bool:
        """Whether all pictures that were taken are on the terminal."""
        return self._pictures_shown == self.pictures_taken
