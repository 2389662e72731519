"""The first page of a view that was given no program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from blink16.blinkenlights.plain_text import harmless
from blink16.blinkenlights.recent import SAMPLE

TITLE = """\
[#ffab40]●[/] [#4cb8ff]●[/] [#7fd6a2]●[/] [#ffab40]●[/]  [b]blinkenlights[/b]  [#4cb8ff]●[/] \
[#ffab40]●[/] [#7fd6a2]●[/] [#4cb8ff]●[/]

An 8086 that you can watch, and whose past is all there."""


class Welcome(ModalScreen[tuple[Sequence[str], bool] | None]):
    """Offers the tour, the sample, and what was shown last.

    Its result: the words of a command line, and whether the tour is wanted; None to quit.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "quit")]

    def __init__(self, recent: Sequence[Sequence[str]]) -> None:
        super().__init__()
        self._choices: list[tuple[Sequence[str], bool]] = [
            (SAMPLE, True),
            (SAMPLE, False),
            *((words, False) for words in recent if tuple(words) != SAMPLE),
        ]

    def compose(self) -> ComposeResult:
        """Place the page."""
        titles = ["A tour of two minutes", f"The sample: {' '.join(SAMPLE)}"]
        titles += [" ".join(map(_short, words)) for words, _ in self._choices[2:]]
        with Vertical(id="welcome"):
            yield Static(TITLE)
            yield OptionList(*(Option(Content(harmless(title))) for title in titles))
            yield Static(
                "blinkenlights PROGRAM shows a program or a disk image;\n"
                "--connect :1234 a machine that gdb drives; --help tells more."
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the choice."""
        event.stop()
        self.dismiss(self._choices[event.option_index])


def _short(word: str) -> str:
    """Return a word as one reads it: a file of the user's below ``~``."""
    home = str(Path.home())
    return f"~{word.removeprefix(home)}" if word.startswith(f"{home}/") else word
