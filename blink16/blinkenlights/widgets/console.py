"""What the program shows its user: a PC's screen, or what it prints."""

from __future__ import annotations

from typing import TypeGuard

from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message

from blink16.blinkenlights.glyphs import CP437
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import Target
from blink16.reports.screen import ScreenReport

CGA = (
    "#000000", "#0000aa", "#00aa00", "#00aaaa", "#aa0000", "#aa00aa", "#aa5500", "#aaaaaa",
    "#555555", "#5555ff", "#55ff55", "#55ffff", "#ff5555", "#ff55ff", "#ffff55", "#ffffff",
)  # fmt: skip
MIN_COLUMNS = 20
"""A machine without a display adapter reports less."""
_STYLES: dict[tuple[int, bool], Style] = {}
_CHARACTERS = {"enter": "\n", "tab": "\t", "space": " ", "backspace": "\b"}
_KEYS = {
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete",
    *(f"f{number}" for number in range(1, 13)),
}  # fmt: skip
"""Keys that have the same name at the guest's keyboard."""


class ConsolePanel(Panel):
    """The guest's own screen; with the focus in it, keys are the guest's."""

    HELP = (
        "What the program shows. With the focus here (click it, or tab) your keys are the guest's, "
        "which takes them while it runs (C, before you come here); esc esc leaves."
    )

    class Typed(Message):
        """A key for the guest: a character, or the name of a key."""

        def __init__(self, text: str = "", key: str = "") -> None:
            super().__init__()
            self.text = text
            self.key_name = key

        def give(self, target: Target) -> None:
            """Give it to the guest."""
            if self.key_name:
                target.key(self.key_name)
            else:
                target.type(self.text)

    class Left(Message):
        """The user is done with the guest's keyboard."""

    def on_mount(self) -> None:
        """Give it a title."""
        self.border_title = "screen"
        self._escaped = False

    def on_key(self, event: events.Key) -> None:
        """Hand a key to the guest; Escape twice leaves, and the first is the guest's too."""
        escaped, self._escaped = self._escaped, event.key == "escape"
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.post_message(self.Left() if escaped else self.Typed(key="esc"))
        elif event.key in _CHARACTERS:
            self.post_message(self.Typed(_CHARACTERS[event.key]))
        elif event.key in _KEYS or event.key.startswith(("ctrl+", "alt+")):
            self.post_message(self.Typed(key=event.key.replace("+", "-")))
        elif event.character and event.is_printable:
            self.post_message(self.Typed(event.character))

    def take(self, picture: Picture) -> None:
        """Say what is shown."""
        screen = picture.screen
        self.border_title = f"screen {screen.width}×{screen.height}" if _shows(screen) else "output"

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw the screen of a PC, in dots of half a character, or what was printed."""
        screen = picture.screen
        if not _shows(screen):
            return self._printed(picture.output, columns, rows)
        return _cells(screen) if screen.is_text else _dots(screen, columns, rows)

    def _printed(self, output: bytes, columns: int, rows: int) -> list[Text]:
        """Draw what was printed; control characters have no power here."""
        text = output.decode("cp437")
        shown = [""]
        for character in text:
            if character == "\n":
                shown.append("")
            elif character == "\r":
                pass
            elif character == "\b":
                shown[-1] = shown[-1][:-1]
            else:
                shown[-1] += character if character >= " " else CP437[ord(character)]
        lines = [line[i : i + columns] for line in shown for i in range(0, len(line) or 1, columns)]
        return [Text(line, self.palette.text, no_wrap=True) for line in lines[-rows:]]


def _shows(screen: ScreenReport | None) -> TypeGuard[ScreenReport]:
    return screen is not None and not screen.is_off and screen.width >= MIN_COLUMNS


def _style(attribute: int, blinking: bool) -> Style:
    key = attribute, blinking
    if key not in _STYLES:
        ground = attribute >> 4 & (7 if blinking else 15)
        _STYLES[key] = Style(
            color=Color.parse(CGA[attribute & 15]), bgcolor=Color.parse(CGA[ground])
        )
    return _STYLES[key]


def _cells(screen: ScreenReport) -> list[Text]:
    lines = []
    for row in range(screen.height):
        line = Text(no_wrap=True)
        start = row * screen.width * 2
        cells = screen.cells[start : start + screen.width * 2]
        run, last = "", -1
        for character, attribute in zip(cells[::2], cells[1::2], strict=True):
            if attribute != last and run:
                line.append(run, _style(last, screen.blinking))
                run = ""
            run, last = run + CP437[character], attribute
        line.append(run, _style(last, screen.blinking))
        if screen.cursor and screen.cursor[0] == row:
            line.stylize("reverse", screen.cursor[1], screen.cursor[1] + 1)
        lines.append(line)
    return lines


def _dots(screen: ScreenReport, columns: int, rows: int) -> list[Text]:
    """Draw dots as upper halves of characters, as many of them as there is room for."""
    dots, width, height = screen.dots, screen.width, screen.height
    across, down = min(columns, width), min(rows * 2, height)
    lines = []
    for y in range(0, down - 1, 2):
        line = Text(no_wrap=True)
        above, below = (y * height // down) * width, ((y + 1) * height // down) * width
        for x in range(across):
            at = x * width // across
            upper, lower = CGA[dots[above + at] & 15], CGA[dots[below + at] & 15]
            line.append("▀", Style(color=Color.parse(upper), bgcolor=Color.parse(lower)))
        lines.append(line)
    return lines
