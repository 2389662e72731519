"""The view: panels around one picture, keys that move the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Footer, Static

from blink16.blinkenlights import questions
from blink16.blinkenlights.driver import Command, Driver, without
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.frames import FramesPanel
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.blinkenlights.widgets.points import PointsPanel
from blink16.blinkenlights.widgets.prompt import Prompt, Purpose
from blink16.blinkenlights.widgets.registers import RegisterPanel
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.client import PointRole, Target

MEMORY_PANELS = ("CODE", "READ", "WRITE", "STACK")
ROW_OF_SCROLL = 64


class Blinkenlights(App[None]):
    """The machine as a picture."""

    CSS_PATH = "blinkenlights.tcss"
    TITLE = "blinkenlights"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,f11", "move('step')", "step"),
        Binding("up,shift+f11,S", "move('step_back')", "back"),
        Binding("down", "move('step')", show=False),
        Binding("n,f10", "move('next')", "next"),
        Binding("N,shift+f10", "move('next_back')", show=False),
        Binding("f", "move('finish')", "finish"),
        Binding("F", "move('finish_back')", show=False),
        Binding("c", "animate(False)", "run"),
        Binding("r", "animate(True)", "run back"),
        Binding("C,f5", "move('run')", "full speed"),
        Binding("shift+f5", "move('run_back')", show=False),
        Binding("ctrl+t", "turbo", show=False),
        Binding("alt+t", "slow", show=False),
        Binding("b,f9", "breakpoint", "break"),
        Binding("B", "pop_breakpoint", show=False),
        Binding("home", "seek('start')", show=False),
        Binding("end", "seek('end')", show=False),
        Binding("k", "bookmark", show=False),
        Binding("m", "memory_mode", "memory"),
        Binding("t", "theme", show=False),
        Binding("2", "column('middle')", show=False),
        Binding("3", "column('right')", show=False),
        Binding("R", "restart", show=False),
        Binding("colon", "ask('command')", "command"),
        Binding("g", "ask('go')", "go to"),
        Binding("slash", "ask('find')", "find"),
        Binding("w", "ask('watch')", "watch"),
        Binding("e", "ask('edit')", show=False),
        Binding("question_mark", "help", "help"),
        Binding("ctrl+c,escape", "interrupt", show=False),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, open_target: Callable[[], Target], *, theme: str = "dark") -> None:
        """``open_target``: connects to the machine, in a thread of the view's own."""
        super().__init__()
        self._theme_name = theme
        self.palette = Palette.named(theme)
        self.driver = Driver(open_target, self._picture_came, self._failure_came)
        self._scrolled: dict[str, int] = {}
        self._asked_in: Widget | None = None
        """Where the focus was when the user was asked something."""
        self.told = ""
        """What the user was told last."""

    def compose(self) -> ComposeResult:
        """Place the panels."""
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield CodePanel(id="code")
            with Vertical(id="middle"):
                yield FramesPanel(id="frames")
                yield PointsPanel(id="points")
                yield ConsolePanel(id="console")
            with Vertical(id="right"):
                yield RegisterPanel(id="registers")
                for name in MEMORY_PANELS:
                    yield MemoryPanel(name, id=f"memory-{name.lower()}")
        yield TimeBar(id="time")
        yield Static(id="status")
        yield Prompt(id="prompt")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin."""
        self._dress()
        self.query_one(Prompt).display = False
        self.query_one(CodePanel).focus()
        self._tell_wanted()
        self.driver.start()

    def on_unmount(self) -> None:
        """Let the machine go."""
        self.driver.close()

    def on_resize(self) -> None:
        """Take a picture for the new sizes."""
        self.call_after_refresh(self._want_more)

    def _want_more(self) -> None:
        self._tell_wanted()
        self.driver.refresh()

    def _dress(self) -> None:
        self.theme = "textual-light" if self._theme_name == "light" else "textual-dark"
        self.set_class(self._theme_name == "light", "-light")
        self.palette = Palette.named(self._theme_name)

    def _tell_wanted(self) -> None:
        panels = list(self.query(MemoryPanel))
        shown = max((panel.bytes_shown for panel in panels), default=1024)
        self.driver.wanted = without(
            self.driver.wanted,
            code_rows=max(self.query_one(CodePanel).content_size.height, 4),
            memory_bytes=max(shown, 64),
            panels=tuple(
                (panel.name or "", self._scrolled.get(panel.name or "", (panel.name or "").lower()))
                for panel in panels
            ),
        )

    # -- pictures ----------------------------------------------------------------------------

    def _picture_came(self, picture: Picture) -> None:
        """Take a picture, in the driver's thread."""
        if self.is_running:
            self.call_from_thread(self._draw, picture)

    def _failure_came(self, text: str, lost: bool) -> None:
        if self.is_running:
            self.call_from_thread(self._say, text, "lost" if lost else "error")

    def _draw(self, picture: Picture) -> None:
        for panel in self.query(Panel):
            panel.picture = picture
        if picture.told:
            self._say(picture.told)
        self.query_one("#status", Static).update(self._status(picture))
        self.driver.shown.set()

    def _say(self, text: str, kind: str = "") -> None:
        self.told = text
        if kind:
            self.notify(text, severity="error", timeout=6)

    def _status(self, picture: Picture) -> str:
        state = picture.state
        where = f"[b]{state.at}[/b]  " if state.at else ""
        past = "  [b]in the past[/b]" if picture.in_past else ""
        told = self.told.replace("[", "\\[")
        return f" {state.command}  {where}{state.processor}{past}  {told}"

    # -- moving ------------------------------------------------------------------------------

    def _do(self, command: Command) -> None:
        self.told = ""
        self._tell_wanted()
        self.driver.do(command)

    def action_move(self, how: str) -> None:
        """Step, call over, run: forward or backward."""
        self.driver.interrupt()
        self._do(lambda target: getattr(target, how)())

    def action_animate(self, backward: bool) -> None:
        """Run so that one can watch; the same key stops it."""
        self.told = ""
        self._tell_wanted()
        self.driver.interrupt()
        self.driver.animate(backward=backward)

    def action_interrupt(self) -> None:
        """Stop what runs."""
        self.driver.interrupt()

    def action_turbo(self) -> None:
        """More instructions a frame."""
        self.driver.steps_a_frame = min(self.driver.steps_a_frame * 4, 1 << 20)
        self.notify(f"{self.driver.steps_a_frame:,} instructions a frame", timeout=2)

    def action_slow(self) -> None:
        """Fewer instructions a frame."""
        self.driver.steps_a_frame = max(self.driver.steps_a_frame // 4, 1)
        self.notify(f"{self.driver.steps_a_frame:,} instructions a frame", timeout=2)

    def action_seek(self, where: str) -> None:
        """Go to the beginning or the end of the recorded run."""
        self._do(lambda target: _sought(target, where))

    def action_bookmark(self) -> None:
        """Name the present instant by its number."""
        self._do(lambda target: _bookmarked(target))

    def action_restart(self) -> None:
        """Load the program afresh."""
        self._do(lambda target: _restarted(target))

    @on(CodePanel.TimeWheel)
    def _on_wheel(self, message: CodePanel.TimeWheel) -> None:
        self.action_move("step" if message.count > 0 else "step_back")

    @on(TimeBar.Sought)
    def _on_sought(self, message: TimeBar.Sought) -> None:
        self._do(lambda target: _sought(target, message.icount))

    # -- breakpoints -------------------------------------------------------------------------

    def action_breakpoint(self) -> None:
        """Set or remove a breakpoint at the next instruction."""
        picture = self.query_one(CodePanel).picture
        if picture is not None:
            self._do(lambda target: _toggled(target, picture.registers.pc))

    @on(CodePanel.BreakpointWanted)
    def _on_breakpoint(self, message: CodePanel.BreakpointWanted) -> None:
        self._do(lambda target: _toggled(target, message.address))

    def action_pop_breakpoint(self) -> None:
        """Remove the breakpoint that was set last."""
        self._do(lambda target: _popped(target))

    # -- looking -----------------------------------------------------------------------------

    def action_memory_mode(self) -> None:
        """Show memory as characters, hex or words."""
        for panel in self.query(MemoryPanel):
            panel.next_mode()
        self.call_after_refresh(self._want_more)

    @on(MemoryPanel.Scrolled)
    def _on_scrolled(self, message: MemoryPanel.Scrolled) -> None:
        panel = self.query_one(f"#memory-{message.panel.lower()}", MemoryPanel)
        picture = panel.picture
        if picture is None or message.panel not in picture.memory:
            return
        start = picture.memory[message.panel].address + message.rows * panel.width_in_bytes
        self._scrolled[message.panel] = max(0, start)
        self._want_more()

    def action_column(self, name: str) -> None:
        """Show or hide a column."""
        column = self.query_one(f"#{name}")
        column.display = not column.display
        self.call_after_refresh(self._want_more)

    def action_theme(self) -> None:
        """Change between dark and light."""
        self._theme_name = "light" if self._theme_name == "dark" else "dark"
        self._dress()
        for panel in self.query(Panel):
            panel.refresh()

    def action_help(self) -> None:
        """Say what the panel with the focus shows."""
        focused = self.focused
        if isinstance(focused, Panel):
            self.notify(focused.HELP, title=str(focused.border_title or ""), timeout=12)

    # -- questions to the user ---------------------------------------------------------------

    def action_ask(self, purpose: str) -> None:
        """Open the line below for a command, an address, a text."""
        self._asked_in = self.focused
        self.query_one(Prompt).ask(Purpose(purpose))

    @on(Prompt.Closed)
    def _on_prompt_closed(self, message: Prompt.Closed) -> None:
        back = self._asked_in if isinstance(self._asked_in, Panel) else self.query_one(CodePanel)
        back.focus()
        if not message.text:
            return
        panel = back.name if isinstance(back, MemoryPanel) else None
        match message.purpose:
            case Purpose.COMMAND:
                self._do(lambda target: target.monitor(message.text))
            case Purpose.WATCH:
                self._do(lambda target: questions.watched(target, message.text))
            case Purpose.EDIT:
                self._do(lambda target: questions.edited(target, message.text))
            case Purpose.GO:
                self._look(panel, lambda target: questions.place(target, message.text))
            case Purpose.FIND:
                self._look(panel, lambda target: questions.found(target, message.text))

    def _look(self, panel: str | None, where: Callable[[Target], int]) -> None:
        """Have a memory panel, or the code, look at an address."""

        def look(target: Target) -> str:
            address = where(target)
            self.call_from_thread(self._looked, panel or "READ", address)
            return ""

        self._do(look)

    def _looked(self, panel: str, address: int) -> None:
        self._scrolled[panel] = address
        self._say(f"{panel} looks at {address:05X}")
        self._want_more()

    # -- the guest's keyboard ----------------------------------------------------------------

    @on(ConsolePanel.Typed)
    def _on_typed(self, message: ConsolePanel.Typed) -> None:
        if message.key_name:
            self.driver.do(lambda target: target.key(message.key_name))
        else:
            self.driver.do(lambda target: target.type(message.text))

    @on(ConsolePanel.Left)
    def _on_console_left(self) -> None:
        self.query_one(CodePanel).focus()


def _sought(target: Target, where: str | int) -> str:
    target.seek(where)
    return ""


def _bookmarked(target: Target) -> str:
    name = f"at{target.icount}"
    target.bookmark(name)
    return f"bookmark {name}"


def _restarted(target: Target) -> str:
    target.restart()
    return "restarted"


def _toggled(target: Target, address: int) -> str:
    for point in target.points:
        if point.role is PointRole.EXECUTE and point.address == address:
            target.remove(point)
            return f"removed {point}"
    return str(target.break_at(address))


def _popped(target: Target) -> str:
    if not target.points:
        return "there is no breakpoint"
    last = target.points[-1]
    target.remove(last)
    return f"removed {last}"
