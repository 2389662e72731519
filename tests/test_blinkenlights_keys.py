"""Every key of the view, pressed by its user; and the help, the page and the palette about them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from view_pilot import Viewer, viewing

from blink16.blinkenlights.keys import KEYS, Key
from blink16.blinkenlights.widgets.key_line import KeyLine
from blink16.blinkenlights.widgets.prompt import Prompt
from blink16.client import Syntax

PAGE = (Path(__file__).parents[1] / "docs" / "blinkenlights.md").read_text()
Check = Callable[[Viewer], object]


def at(icount: int) -> Check:
    """Return a check: that the machine stands at an instant."""
    return lambda v: v.picture.state.icount == icount and not v.app.driver.is_running


def asks(purpose: str) -> Check:
    """Return a check: that the user is asked for something."""
    return lambda v: v.app.query_one(Prompt).display and v.app.query_one(Prompt).purpose == purpose


def slot(name: str) -> Check:
    """Return a check: that a panel is in the place that several share."""
    return lambda v: v.app.board.shown.slot == name and v.panel(name).region.area


CASES: tuple[tuple[str, Check], ...] = (
    # what is pressed in this order, on the sample from its beginning, and what is to come of it
    ("s", at(1)),
    ("f11", at(2)),
    ("down", at(3)),
    ("up", at(2)),
    ("S", at(1)),
    ("shift+f11", at(0)),
    ("end", at(3)),
    ("home", at(0)),
    ("end", at(3)),
    ("n", at(4)),
    ("f10", lambda v: v.picture.state.at == "_start+11"),
    ("N", at(4)),
    ("s", lambda v: v.picture.state.at == "main"),
    ("shift+f10", at(4)),
    ("s", at(5)),
    ("f", lambda v: v.picture.state.at == "_start+11"),
    ("up", lambda v: v.picture.state.at != "_start+11"),
    ("F", lambda v: v.picture.state.at == "_start+8"),
    ("b", lambda v: len(v.picture.points) == 1),
    ("f9", lambda v: not v.picture.points),
    ("b", lambda v: len(v.picture.points) == 1),
    ("B", lambda v: not v.picture.points),
    ("k", lambda v: "at4" in v.picture.bookmarks),
    ("C", lambda v: "exiting" in v.app.told),
    ("shift+f5", at(0)),
    ("f5", lambda v: "exiting" in v.app.told),
    ("home", at(0)),
    ("ctrl+t", lambda v: v.app.driver.steps_a_frame == 4),
    ("alt+t", lambda v: v.app.driver.steps_a_frame == 1),
    ("c", lambda v: v.picture.state.icount > 8),
    ("escape", lambda v: v.app.driver.is_still),
    ("r", at(0)),
    *((key, slot(name)) for key, name in (
        ("p", "profile"), ("l", "calls"), ("d", "devices"), ("v", "vectors"), ("a", "data-area"),
        ("x", "chain"), ("u", "processes"), ("o", "disks"), ("o", "frames"), ("h", "frames"),
    )),
    ("m", lambda v: v.panel("memory-read").mode == "hex"),  # type: ignore[attr-defined]
    ("i", lambda v: v.app.driver.wanted.syntax is Syntax.ATT),
    ("z", lambda v: v.app.screen.maximized is v.panel("code")),
    ("escape", lambda v: v.app.screen.maximized is None),
    ("t", lambda v: v.app.theme == "textual-light"),
    ("2", lambda v: not v.panel("console").region.area),
    ("2", lambda v: v.panel("console").region.area),
    ("3", lambda v: not v.panel("registers").region.area),
    ("3", lambda v: v.panel("registers").region.area),
    *((key, asks(purpose)) for key, purpose in (
        ("w", "watch"), ("shift+f9", "break"), ("I", "catch"), ("g", "go"), ("G", "code"),
        ("slash", "find"), ("e", "edit"), ("colon", "command"), ("y", "mark"),
    )),
    ("ctrl+z", lambda v: "no shell" in v.app.told),
    ("ctrl+l", lambda v: not v.app.told or v.app.is_drawn),
    ("W", lambda v: "click a byte first" in v.app.told),
    ("T", lambda v: "you hold the machine" in v.app.told),
    ("Y", lambda v: "you watch from now on" in v.app.told),
    ("T", lambda v: "the machine is yours" in v.app.told),
    ("P", lambda v: "saved" in v.app.told),
    ("alt+c", lambda v: "mov" in v.app.clipboard and "copied: code" in v.app.told),
    ("M", lambda v: "the mouse is the terminal's" in v.app.told),
    ("M", lambda v: "the mouse is ours" in v.app.told),
    ("question_mark", lambda v: len(v.app.screen_stack) == 2),
    ("escape", lambda v: len(v.app.screen_stack) == 1),
    ("ctrl+p", lambda v: len(v.app.screen_stack) == 2),
    ("escape", lambda v: len(v.app.screen_stack) == 1),
    ("ctrl+l", lambda v: v.app.driver.is_still),
    ("ctrl+z", lambda v: v.app.is_running),  # a view without a terminal has no shell to go to
    ("R", lambda v: "loaded afresh" in v.app.told),
    ("enter", lambda v: v.app.focused is v.panel("console")),
    ("f12", lambda v: v.app.focused is v.panel("code")),
    ("q", lambda v: not v.app.is_running),
)  # fmt: skip
OF_PANELS = {"f12"}
"""Keys that a panel knows, not the table."""


def test_each_key_does_what_the_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a key of the help that does nothing, or something else."""
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        async with viewing() as viewer:
            for key, check in CASES:
                await viewer.press(key)
                try:
                    await viewer.until(lambda check=check: check(viewer))  # type: ignore[misc]
                except AssertionError:
                    raise AssertionError(f"{key} did not do what it should") from None
                if viewer.app.is_running and viewer.app.query_one(Prompt).display:
                    await viewer.press("escape")

    asyncio.run(test())


def test_each_key_is_pressed_above() -> None:
    """Prevents a key that no test has ever pressed."""
    pressed = {key for key, _ in CASES}
    assert {name for key in KEYS for name in key.keys.split(",") if name} == pressed - OF_PANELS


def test_no_key_does_two_things() -> None:
    """Prevents a key that hides another."""
    names = [name for key in KEYS for name in key.keys.split(",") if name]
    assert len(names) == len(set(names))


_FUNCTION_KEY = re.compile(r"\b(?:shift-)?F\d+\b")
_OTHERS = {"+", "-", "ctrl-wheel", "backspace", "ctrl-]", "f12"}
"""Keys of panels, and the wheel."""


_NAMED = {"ctrl-t", "alt-t", "ctrl-]", "backspace"}
"""Those that are told in another key's row."""


def shown(key: Key) -> set[str]:
    """Return a key's names as the page writes them."""
    named = {"colon": ":", "slash": "/", "question_mark": "?"}
    return {named.get(name, name).replace("+", "-") for name in key.keys.split(",") if name}


def test_the_page_tells_every_key_and_no_other() -> None:
    """Prevents keys that nobody learns of, and promises of keys that do nothing."""
    rows = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("|")][2:]
    told: set[str] = set()
    for keys, what in rows:
        told |= set(re.findall("`([^`]+)`", keys))
        told |= {word.lower() for word in _FUNCTION_KEY.findall(keys + what)}
        told |= {word for word in re.findall("`([^`]+)`", what) if word in _NAMED}
    assert {name for key in KEYS for name in shown(key)} - told == set()
    assert told - {name for key in KEYS for name in shown(key)} - _OTHERS == set()


def test_keys_that_come_at_once_keep_their_order() -> None:
    """Prevents `:lacks`, Enter and s, which come together on a slow line, from giving `lackss`."""

    async def test() -> None:
        async with viewing(size=(80, 24)) as viewer:
            await viewer.press(":")
            await viewer.until(lambda: asks("command")(viewer))
            for key in (*"lacks", "enter", "s"):
                viewer.app.post_message(events.Key(key, None if key == "enter" else key))
            await viewer.at(1)
            assert viewer.app.query_one(Prompt).value == "lacks"
            assert "no monitor command" not in viewer.app.told

    asyncio.run(test())


def test_the_line_below_has_whole_words_in_any_width_and_can_be_clicked() -> None:
    """Prevents half a word at its end, and help and quit from being what there is no room for."""

    async def test() -> None:
        async with viewing(size=(80, 24)) as viewer:
            for width in (30, 80, 200):
                await viewer.pilot.resize_terminal(width, 24)
                line = viewer.app.query_one(KeyLine)
                await viewer.until(lambda line=line, width=width: line.size.width == width)  # type: ignore[misc]
                text = line.render().plain
                assert text.endswith(" ? help  q quit ")
                assert len(text) == width
            await viewer.pilot.click(KeyLine, offset=(2, 0))
            await viewer.at(1)

    asyncio.run(test())
