"""The line below the panels completes what is written there."""

from __future__ import annotations

import asyncio

import pytest
from view_pilot import Viewer, viewed

from blink16.blinkenlights.completion import LastWord, known_commands
from blink16.blinkenlights.widgets.prompt import Prompt


@viewed()
async def test_commands_are_completed_with_what_belongs_behind_them(viewer: Viewer) -> None:
    """Prevents commands that one has to know by heart."""
    await viewer.press("colon", "l", "a", "s", "t", "minus", "w")
    prompt = viewer.app.query_one(Prompt)
    await viewer.until(lambda: prompt._suggestion == "last-write")
    await viewer.press("tab")
    await viewer.until(lambda: prompt.value == "last-write")
    await viewer.until(lambda: "ADDR [LEN]" in str(prompt.border_subtitle))
    await viewer.press("space", "l", "i", "n")
    await viewer.until(lambda: prompt._suggestion == "last-write lines")
    await viewer.press("tab", "enter")
    await viewer.told("nobody")


HELP_LINES = """monitor seek N|+N|-N|start|end|NAME        Move the machine.
monitor help [NAME]    List the commands.
monitor last-write ADDR [LEN]   Show.
monitor nmi   Report.
"""


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("se", "seek"),
        ("seek st", "seek start"),
        ("help la", "help last-write"),
        ("last-write ma", "last-write main"),
        ("nmi ", None),
        ("", None),
        ("x", None),
        ("seek start", None),
    ],
)
def test_a_line_is_completed_word_by_word(text: str, completed: str | None) -> None:
    """Prevents completions that a command does not take."""
    suggester = LastWord(known_commands(HELP_LINES), ["main"])
    assert asyncio.run(suggester.get_suggestion(text)) == completed
