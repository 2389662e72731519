"""What the program shows its user: a PC's screen, or the terminal that it prints to."""

from __future__ import annotations

from typing import TypeGuard

from textual import events
from textual.message import Message
from textual.strip import Strip

from blink16.blinkenlights import guest_keys, guest_screen
from blink16.blinkenlights.emulator import COLUMNS, ROWS, Emulator
from blink16.blinkenlights.guest_mouse import (
    BUTTONS,
    MousePlace,
    place_of_cell,
    place_of_dots,
)
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import Target
from blink16.reports.screen import ScreenReport
from blink16.words.texts import counted

MIN_COLUMNS = 20
"""A machine without a display adapter reports less."""
LEAVING = ("f12", "ctrl+right_square_bracket")
"""Keys with which the user takes the keyboard back; a PC of 1981 has no F12."""
WHEEL = 3
"""Rows."""


class ConsolePanel(Panel):
    """The guest's own screen; with the focus in it, keys are the guest's."""

    HELP = (
        "What the program shows: a PC's screen, characters or dots, or the terminal that it prints "
        "to, with all that escape sequences do there. Enter, or a click, gives your keys to the "
        "guest, which takes them while it runs (C), and a PC your mouse; F12 or ctrl-] takes them "
        "back. z: as large as the terminal. The wheel shows lines that have left the top."
    )

    class Typed(Message):
        """Something for the guest: a text, or a key of a PC's keyboard."""

        def __init__(self, text: str = "", key: str = "") -> None:
            super().__init__()
            self.text = text
            self.key_name = key

        def give(self, target: Target) -> None:
            """Give it to the guest."""
            if self.key_name:
                target.key(self.key_name)
            else:
                guest_keys.typed(target, self.text)

    class Pointed(Message):
        """The mouse was moved over a PC's screen, or a button of it pressed or let go."""

        def __init__(self, place: MousePlace) -> None:
            super().__init__()
            self.place = place

    class Left(Message):
        """The user is done with the guest's keyboard."""

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("screen")
        self._emulator = Emulator()
        self._back = 0
        """Rows that the user has scrolled back."""
        self._drawn_for: object = None
        self._drawn_lines: list[Strip] = []
        self._corner = 0, 0
        """The row and column of the guest's screen that are seen first."""
        self._leaves_dots = False
        self._pressed: tuple[str, ...] = ()
        """The buttons of the mouse that the guest was told are down."""

    # -- the guest's keyboard ----------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Hand a key to the guest."""
        event.stop()
        event.prevent_default()
        self._back = 0
        if event.key in LEAVING:
            self.post_message(self.Left())
        elif self._is_pc:
            if text := guest_keys.text_on_pc(event):
                self.post_message(self.Typed(text))
            elif key := guest_keys.on_pc(event):
                self.post_message(self.Typed(key=key))
        else:
            application = self._emulator.takes_application_keys
            if text := guest_keys.on_terminal(event, application=application):
                self.post_message(self.Typed(text))

    def on_paste(self, event: events.Paste) -> None:
        """Type what was pasted."""
        event.stop()
        self.post_message(self.Typed(event.text.replace("\r\n", "\n").replace("\n", "\r")))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show earlier lines."""
        event.stop()
        self._back = min(self._back + WHEEL, self._emulator.scrolled + ROWS)
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show later lines."""
        event.stop()
        self._back = max(self._back - WHEEL, 0)
        self.refresh()

    # -- the guest's mouse -------------------------------------------------------------------

    @property
    def _takes_mouse(self) -> bool:
        """Whether the guest does: it runs, and has the focus."""
        return self.has_focus and self._is_pc and self.picture is not None and self.picture.running

    @property
    def allow_select(self) -> bool:
        """Whether text is selected with the mouse."""
        return super().allow_select and not self._takes_mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press a button of the guest's mouse."""
        name = BUTTONS.get(event.button)
        if self._takes_mouse and name is not None and event.get_content_offset(self) is not None:
            self.capture_mouse()
            self._pressed = (*self._pressed, name)
            self._point(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of one that was pressed, wherever that is."""
        name = BUTTONS.get(event.button)
        if name in self._pressed:
            self._pressed = tuple(button for button in self._pressed if button != name)
            self._point(event)
            if not self._pressed:
                self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move it."""
        if self._takes_mouse:
            self._point(event)

    def _point(self, event: events.MouseEvent) -> None:
        screen = self.picture.screen if self.picture is not None else None
        if not _shows(screen):
            return
        x, y = event.x - self.gutter.left, event.y - self.gutter.top
        if screen.is_text:
            top, left = self._corner
            place = place_of_cell(screen, x + left, y + top)
        else:
            place = place_of_dots(screen, self.room, x, y)
        self.post_message(self.Pointed(MousePlace(*place, self._pressed)))

    @property
    def _is_pc(self) -> bool:
        return self.picture is not None and _shows(self.picture.screen)

    # -- drawing -----------------------------------------------------------------------------

    @property
    def dots(self) -> ScreenReport | None:
        """The guest's screen, if it shows dots."""
        screen = self.picture.screen if self.picture is not None else None
        return screen if _shows(screen) and not screen.is_text else None

    def leave_dots(self, leave: bool) -> None:
        """Draw nothing where dots lie, for somebody else does; or draw them again."""
        if leave != self._leaves_dots:
            self._leaves_dots = leave
            self.refresh()

    def take(self, picture: Picture) -> None:
        """Show the terminal what was printed, and say what is shown."""
        screen = picture.screen
        self._emulator.return_at_line_feeds(picture.state.bare_line_feeds)
        said = self._emulator.show(picture.output, picture.output_start)
        if said and not picture.in_past:
            self.post_message(self.Typed(said.decode("ascii")))
        if _shows(screen):
            what = "text" if screen.is_text else "dots"
            self.head(f"screen  {screen.width}×{screen.height} {what}")
        else:
            self.head(f"terminal  {COLUMNS}×{ROWS}")

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Draw the part of the guest's screen that there is room for."""
        screen, part = picture.screen, ""
        if not _shows(screen):
            drawn, part = self._terminal(columns, rows)
        elif screen.is_text:
            drawn, part = self._text(screen, columns, rows)
        else:
            try:
                drawn = self._dots(screen, columns, rows)
            except ValueError as error:
                drawn = [Strip.blank(columns)]
                part = str(error)
        self.foot("  ".join(filter(None, (part, self._hint(picture)))))
        return drawn

    def _dots(self, screen: ScreenReport, columns: int, rows: int) -> list[Strip]:
        if not self._leaves_dots:
            return list(guest_screen.halves(screen, columns, rows))
        guest_screen.image(screen)  # ValueError if there is none
        return []

    def _hint(self, picture: Picture) -> str:
        if not self.has_focus:
            return ""
        return "F12 leaves" if picture.running else "it stands: F12, then C runs it"

    def _terminal(self, columns: int, rows: int) -> tuple[list[Strip], str]:
        emulator = self._emulator
        cursor = emulator.cursor
        bottom = ROWS if emulator.scrolled else emulator.last_row + 1
        top, left = self._look(cursor, (COLUMNS, bottom), columns, rows)
        if rows > bottom:  # there is room for what has left it
            top = max(bottom - rows, -emulator.scrolled)
        first = max(top - self._back, -emulator.scrolled)
        lines = self._terminal_lines(first, rows, left, columns)
        back = f"{counted(self._back, 'row')} back" if first < top else ""
        parts = (
            back or _told_part(left, columns, COLUMNS, "columns"),
            "" if emulator.scrolled else _told_part(first, rows, bottom, "rows"),
        )
        return lines, "  ".join(filter(None, parts))

    def _terminal_lines(self, first: int, rows: int, left: int, columns: int) -> list[Strip]:
        """Draw rows of the terminal, or return them as they were drawn before."""
        emulator, cursor = self._emulator, self._emulator.cursor
        key = emulator.version, first, rows, left, columns
        if key != self._drawn_for:
            self._drawn_for = key
            self._drawn_lines = [
                guest_screen.strip(
                    guest_screen.terminal_cells(cells, y, cursor)[left : left + columns]
                )
                for y, cells in enumerate(emulator.rows(first, rows), first)
            ]
        return self._drawn_lines

    def _text(self, screen: ScreenReport, columns: int, rows: int) -> tuple[list[Strip], str]:
        size = screen.width, screen.height
        top, left = self._look(screen.cursor, size, columns, rows)
        lines = [
            self._text_line(screen, y, left, columns)
            for y in range(top, min(top + rows, screen.height))
        ]
        parts = (
            _told_part(left, columns, screen.width, "columns"),
            _told_part(top, rows, screen.height, "rows"),
        )
        return lines, "  ".join(filter(None, parts))

    def _text_line(self, screen: ScreenReport, y: int, left: int, columns: int) -> Strip:
        """Draw a row of a PC's screen, or return it as it was drawn before."""
        glyphs, cells = self.palette.glyphs, guest_screen.row_of(screen, y)
        cursor = screen.cursor if screen.cursor is not None and screen.cursor[0] == y else None
        looks = screen.mono, screen.blinking, screen.palette, glyphs

        def draw() -> Strip:
            drawn = guest_screen.text_cells(screen, y, glyphs)
            return guest_screen.strip(drawn[left : left + columns])

        return self.known((cells, cursor, left, columns, looks), draw)

    def _look(
        self, cursor: tuple[int, int] | None, size: tuple[int, int], columns: int, rows: int
    ) -> tuple[int, int]:
        """Return the first row and column to be seen, so that the cursor is."""
        y, x = cursor or self._corner
        top, left = self._corner
        top = max(min(top, y, size[1] - rows), y - rows + 1, 0)
        left = max(min(left, x, size[0] - columns), x - columns + 1, 0)
        self._corner = top, left
        return self._corner


def _shows(screen: ScreenReport | None) -> TypeGuard[ScreenReport]:
    return screen is not None and not screen.is_off and screen.width >= MIN_COLUMNS


def _told_part(first: int, shown: int, whole: int, name: str) -> str:
    return f"{name} {first + 1}–{min(first + shown, whole)} of {whole}" if shown < whole else ""
