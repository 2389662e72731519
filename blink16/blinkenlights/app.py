"""The view: panels around one picture, keys that move the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Footer, Static

from blink16.blinkenlights import commands, exports, recent
from blink16.blinkenlights.driver import Command, Driver
from blink16.blinkenlights.keys import KEYS
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.picture import Picture, Wanted
from blink16.blinkenlights.plain_text import AsciiFilter
from blink16.blinkenlights.tour import Tour
from blink16.blinkenlights.widgets.calls import CallsPanel
from blink16.blinkenlights.widgets.chain import ChainPanel
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.data_area import DataAreaPanel
from blink16.blinkenlights.widgets.devices import DevicesPanel
from blink16.blinkenlights.widgets.disks import DisksPanel
from blink16.blinkenlights.widgets.frames import FramesPanel
from blink16.blinkenlights.widgets.help import HelpScreen
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.blinkenlights.widgets.points import PointsPanel
from blink16.blinkenlights.widgets.processes import ProcessesPanel
from blink16.blinkenlights.widgets.profile import ProfilePanel
from blink16.blinkenlights.widgets.prompt import Prompt, Purpose
from blink16.blinkenlights.widgets.registers import RegisterPanel
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.blinkenlights.widgets.vectors import VectorsPanel
from blink16.blinkenlights.widgets.welcome import Welcome
from blink16.client import Syntax, Target, launch

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


class Blinkenlights(App[None]):
    """The machine as a picture."""

    CSS_PATH = "blinkenlights.tcss"
    TITLE = "blinkenlights"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in KEYS if key.keys),
        Binding("ctrl+c", "interrupt", show=False),
    ]

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
        self._open_chosen: Callable[[], Target] | None = open_target
        self.driver = Driver(self._open, self._picture_came, self._failure_came)
        self.tour: Tour | None = None
        self.picture: Picture | None = None
        """The last one."""
        self._syntax = Syntax.INTEL
        self._asked_in: Widget | None = None
        """Where the focus was when the user was asked something."""
        self._to_confirm: Command | None = None
        self._monitor_commands: tuple[str, ...] = ()
        self._found: int | None = None
        self._cast: exports.Asciicast | None = None
        self.told = ""
        """What the user was told last."""

    def compose(self) -> ComposeResult:
        """Place the panels."""
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield CodePanel(id="code")
            with Vertical(id="middle"):
                for kind, name in SLOT.items():
                    yield kind(id=name)
                yield PointsPanel(id="points")
                yield ConsolePanel(id="console")
            with Vertical(id="right"):
                yield RegisterPanel(id="registers")
                for name in MEMORY_PANELS:
                    yield MemoryPanel(name, id=f"memory-{name.lower()}")
        yield TimeBar(id="time")
        yield Static(id="tour", markup=False)
        yield Static(id="status")
        yield Prompt(id="prompt")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin."""
        self._dress()
        self.query_one(Prompt).display = False
        self.query_one("#tour").display = False
        for name in list(SLOT.values())[1:]:
            self.query_one(f"#{name}").display = False
        self.query_one(CodePanel).focus()
        self._tell_wanted()
        if self._open_chosen is None:
            self.push_screen(Welcome(recent.recent()), self._chose)
        else:
            self.driver.start()

    def _open(self) -> Target:
        assert self._open_chosen is not None
        return self._open_chosen()

    def _chose(self, choice: tuple[Sequence[str], bool] | None) -> None:
        """Begin with what was chosen on the first page."""
        if choice is None:
            self.exit()
            return
        words, tour = choice
        if tour:
            self.tour = Tour()
        recent.remember(words)
        self._open_chosen = lambda: launch(None, *words)
        self.driver.start()

    def on_unmount(self) -> None:
        """Let the machine go."""
        if self._cast is not None:
            self._cast.close()
        self.driver.close()

    def on_resize(self) -> None:
        """Take a picture for the new sizes."""
        self.call_after_refresh(self._want_more)

    @on(MemoryPanel.Changed)
    def _want_more(self) -> None:
        self._tell_wanted()
        self.driver.refresh()

    def _dress(self) -> None:
        self.theme = "textual-light" if self._theme_name == "light" else "textual-dark"
        self.set_class(self._theme_name == "light", "-light")
        self.palette = Palette.named(self._theme_name)
        self.set_class(self.palette.in_ascii_only, "-ascii")
        for panel in self.query(Panel):
            panel.refresh()

    def _tell_wanted(self) -> None:
        panels = [panel for panel in self.query(Panel) if panel.display and panel.size.area]
        self.driver.wanted = Wanted(
            code_rows=max(self.query_one(CodePanel).content_size.height, 4),
            syntax=self._syntax,
            memories=tuple(wish for panel in panels for wish in panel.wishes),
            reports=tuple(dict.fromkeys(shape for panel in panels for shape in panel.SHAPES)),
        )

    # -- pictures ----------------------------------------------------------------------------

    def _picture_came(self, picture: Picture) -> None:
        """Take a picture, in the driver's thread."""
        self._later(self._draw, picture)

    def _failure_came(self, text: str, lost: bool) -> None:
        self._later(self._fail, text, lost)

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

    def _draw(self, picture: Picture) -> None:
        self.picture = picture
        for panel in self.query(Panel):
            panel.show(picture)
        if picture.told:
            self._say(picture.told)
        self.query_one("#status", Static).update(self._status(picture))
        self._go_on_touring(picture)
        self.call_after_refresh(self.on_shown)

    def _go_on_touring(self, picture: Picture) -> None:
        if self.tour is None or not self.tour.see(picture):
            return
        line = self.query_one("#tour", Static)
        line.update(self.tour.text)
        line.display = bool(self.tour.text)
        self.call_after_refresh(self._want_more)

    def _fail(self, text: str, lost: bool) -> None:
        if self.driver.only_watches and not lost:
            text += "; T asks for the machine"
        self._say(text, "error")
        self.set_class(lost, "-lost")

    def _say(self, text: str, severity: SeverityLevel | None = None) -> None:
        self.told = text
        if self.picture is not None:
            self.query_one("#status", Static).update(self._status(self.picture))
        if severity or "\n" in text:
            severity = severity or "information"
            self.notify(text, severity=severity, timeout=6, markup=False)

    def _status(self, picture: Picture) -> str:
        state = picture.state
        words = [f"[b]{_escaped(state.command)}[/b]", _escaped(state.at), state.processor]
        if self.has_class("-lost"):
            words.append("[b]the machine is gone: q quits[/b]")
        elif picture.running:
            words.append("[b]runs[/b]")
        elif picture.in_past:
            words.append("[b]in the past[/b]")
        if state.holder == "another" and self.driver.only_watches:
            words.append("[b]another debugger holds it: T asks for it[/b]")
        if state.wanted:
            words.append("[b]somebody asks for the machine: Y lets it go[/b]")
        words.append(_escaped(self.told.partition("\n")[0]))
        return " " + "  ".join(filter(None, words))

    # -- moving ------------------------------------------------------------------------------

    def _do(self, command: Command) -> None:
        self.told = ""
        self._tell_wanted()
        self.driver.interrupt()
        self.driver.do(command)

    def action_move(self, how: str) -> None:
        """Step, call over, finish: forward or backward."""
        self._do(lambda target: getattr(target, how)())

    def action_run(self, backward: bool) -> None:
        """Run at full speed."""
        self._before_going()
        self.driver.run(backward=backward)

    def action_animate(self, backward: bool) -> None:
        """Run so that one can watch."""
        self._before_going()
        self.driver.animate(backward=backward)

    def _before_going(self) -> None:
        self.told = ""
        self._tell_wanted()
        self.driver.interrupt()

    def action_interrupt(self) -> None:
        """Stop what runs."""
        self.driver.interrupt()

    def action_turbo(self) -> None:
        """Animate faster."""
        self._say_speed(self.driver.faster())

    def action_slow(self) -> None:
        """Animate slower."""
        self._say_speed(self.driver.slower())

    def _say_speed(self, speed: float) -> None:
        self._say(
            f"{speed:,.3g} instructions a second" if speed < 100 else f"{speed:,.0f} a second"
        )

    def action_seek(self, where: str) -> None:
        """Go to the beginning or the end of the recorded run."""
        self._do(lambda target: commands.sought(target, where))

    def action_bookmark(self) -> None:
        """Name the present instant by its number."""
        self._do(commands.bookmarked)

    def action_restart(self) -> None:
        """Load the program afresh."""

        def restart(target: Target) -> str:
            target.restart()
            self.driver.forget()
            return "loaded afresh; breakpoints have to be set again"

        self._do(restart)

    def action_take_over(self) -> None:
        """Ask for the machine that we watch."""
        if self.driver.only_watches:
            self._say("asked for the machine; it comes when its holder lets it go")
            self.driver.take_over()
        else:
            self._say("you hold the machine")

    def action_let_go(self) -> None:
        """Let another client have the machine."""
        self._do(commands.let_go)

    @on(CodePanel.TimeWheel)
    def _on_wheel(self, message: CodePanel.TimeWheel) -> None:
        self.action_move("step" if message.count > 0 else "step_back")

    @on(TimeBar.Sought)
    def _on_sought(self, message: TimeBar.Sought) -> None:
        self._do(lambda target: commands.sought(target, message.icount))

    # -- breakpoints -------------------------------------------------------------------------

    def action_breakpoint(self) -> None:
        """Set or remove a breakpoint at the next instruction."""
        if self.picture is not None:
            pc = self.picture.registers.pc
            self._do(lambda target: commands.toggled(target, pc))

    @on(CodePanel.BreakpointWanted)
    def _on_breakpoint(self, message: CodePanel.BreakpointWanted) -> None:
        self._do(lambda target: commands.toggled(target, message.address))

    def action_pop_breakpoint(self) -> None:
        """Remove the breakpoint that was set last."""
        self._do(commands.popped)

    # -- looking -----------------------------------------------------------------------------

    def action_memory_mode(self) -> None:
        """Show memory as characters, hex, words, code: in the panel with the focus, or in all."""
        focused = self.focused
        panels = [focused] if isinstance(focused, MemoryPanel) else list(self.query(MemoryPanel))
        for panel in panels:
            panel.next_mode()

    def action_panel(self, name: str) -> None:
        """Show a panel where the frames are; the same key brings these back."""
        wanted = self.query_one(f"#{name}", Panel)
        show = "frames" if wanted.display else name
        for other in SLOT.values():
            self.query_one(f"#{other}").display = other == show
        self.query_one("#middle").display = True
        self.screen.set_class(show != "frames", "-peek")
        self.call_after_refresh(self._want_more)

    def action_syntax(self) -> None:
        """Write code in the other syntax."""
        self._syntax = Syntax.ATT if self._syntax is Syntax.INTEL else Syntax.INTEL
        self._want_more()

    def action_column(self, name: str) -> None:
        """Show or hide a column."""
        column = self.query_one(f"#{name}")
        column.display = not column.display
        self.call_after_refresh(self._want_more)

    def action_enlarge(self) -> None:
        """Give the panel with the focus the whole terminal, or take it back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif isinstance(self.focused, Panel):
            self.screen.maximize(self.focused)
        self.call_after_refresh(self._want_more)

    def action_theme(self) -> None:
        """Change between dark and light."""
        self._theme_name = "light" if self._theme_name == "dark" else "dark"
        self._dress()

    def action_help(self) -> None:
        """Say what the panel under the mouse shows, or the one with the focus."""
        panel = self._under_cursor() or self.query_one(CodePanel)
        self.push_screen(HelpScreen(str(panel.border_title or ""), panel.HELP, self.palette))

    def _under_cursor(self) -> Panel | None:
        under = self.mouse_over
        while under is not None and not isinstance(under, Panel):
            under = under.parent if isinstance(under.parent, Widget) else None
        return under or (self.focused if isinstance(self.focused, Panel) else None)

    # -- exports -----------------------------------------------------------------------------

    def _strips(self) -> list[Strip]:
        """What stands on the terminal."""
        return self.screen._compositor.render_strips(self.size)

    def action_save(self, kind: str) -> None:
        """Save a picture of the view, in the folder where we were started."""
        path = exports.free_name("blinkenlights", f".{kind}")
        try:
            if kind == "svg":
                path.write_text(self.export_screenshot(title=self._title()), encoding="utf-8")
            else:
                ground, ink = exports.GROUNDS[self._theme_name]
                exports.png(self._strips(), ground, ink, path)
        except (OSError, ImportError) as error:
            self._say(f"{path.name}: {error}", "error")
            return
        self._say(f"saved {path}")

    def _title(self) -> str:
        return f"blinkenlights {self.picture.state.command}" if self.picture else "blinkenlights"

    def action_film(self, kind: str) -> None:
        """Save what the memory panel with the focus shows, through the whole run."""
        panel = self.focused if isinstance(self.focused, MemoryPanel) else None
        name = panel.name if panel and panel.name else "STACK"
        stretch = self.picture.memory.get(name) if self.picture else None
        if stretch is None:
            self._say("no memory is shown")
            return
        film = exports.Film.of(stretch, exports.free_name("memory", f".{kind}"))
        self._say("the film is being made…")
        self._do(film.shoot)

    def action_cast(self) -> None:
        """Begin to record the session, or end that."""
        if self._cast is not None:
            self._cast.close()
            self._say(f"saved {self._cast.path}")
            self._cast = None
            return
        path = exports.free_name("blinkenlights", ".cast")
        try:
            self._cast = exports.Asciicast(path, (self.size.width, self.size.height))
        except OSError as error:
            self._say(f"{path.name}: {error}", "error")
            return
        self._say(f"recording {path.name}; the same command ends it")

    def on_shown(self) -> None:
        """The last picture is on the terminal."""
        if self._cast is not None:
            self._cast.take(self._strips())
        self.driver.shown.set()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the palette what keys do."""
        for key in KEYS:
            title = f"{key.title}  ({key.shown_keys})" if key.keys else key.title
            yield SystemCommand(title, "", partial(self.run_action, key.action))

    # -- questions to the user ---------------------------------------------------------------

    def action_ask(self, purpose: str, value: str = "") -> None:
        """Open the line below for a command, an address, a text."""
        self._asked_in = self.focused
        wanted = Purpose(purpose)
        if wanted is Purpose.EDIT and not value and (chosen := self._chosen()) is not None:
            value = f"{chosen:05X}="
        if wanted is Purpose.COMMAND and not self._monitor_commands:
            self.driver.do(self._learn_commands)
        names = [symbol.name for symbol in self.picture.symbols] if self.picture else []
        self.query_one(Prompt).ask(wanted, value, commands=self._monitor_commands, names=names)

    def _learn_commands(self, target: Target) -> None:
        """Ask for the names of the server's commands, once."""
        words = [line.split() for line in target.monitor("help").splitlines()]
        self._monitor_commands = tuple(line[1] for line in words if len(line) > 1)

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
                self._do(lambda target: commands.broken(target, text))
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
            case Purpose.GO:
                self._look(panel, lambda target: commands.place(target, text))
            case Purpose.FIND:
                behind = self._found if panel.address == self._found else None
                self._look(panel, lambda target: commands.found(target, text, behind))

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

    # -- the guest's keyboard ----------------------------------------------------------------

    @on(ConsolePanel.Typed)
    def _on_typed(self, message: ConsolePanel.Typed) -> None:
        self.driver.type(message.give)

    @on(ConsolePanel.Left)
    def _on_console_left(self) -> None:
        self.query_one(CodePanel).focus()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[")
