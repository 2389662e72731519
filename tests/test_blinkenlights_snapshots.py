"""The main screens as pictures: what they showed when somebody last looked at them and liked them.

``BLINK16_SNAPSHOTS=write pytest tests/test_blinkenlights_snapshots.py`` makes the pictures anew, in
tests/snapshots/.  Look at them, in a browser, before you keep them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest
from boot_sectors import sector
from view_pilot import viewing

from blink16.blinkenlights.driver import Driver
from blink16.blinkenlights.widgets.prompt import Prompt
from blink16.blinkenlights.widgets.timebar import TimeBar

FOLDER = Path(__file__).with_name("snapshots")
SAMPLES = Path(__file__).parents[1] / "blink16" / "samples"
BOOTED = bytes.fromhex(
    # registers are 0, sp 7C00h; the text goes to B800:0000, a character at a time
    "31c089c389c189c289c589c78ed88ed0bc007cb800b88ec0be277cb41eac"
    "08c07403abebf8ebfe"
    "626f6f7465642066726f6d206120666c6f70707900"
)
DATE = ("--date", "2026-01-01T12:00:00")


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen: what is shown, how large, and how one comes there."""

    words: Sequence[str]
    size: tuple[int, int]
    icount: int
    """Where the machine is to stand, when that is over which the view has opened."""
    theme: str = "dark"
    keys: Sequence[str] = ()
    """What is pressed then, one after the other."""


SCENES = {
    "sample": Scene(("banner", "HI"), (160, 48), 30),
    "sample-light": Scene(("banner", "HI"), (120, 36), 30, theme="light"),
    "sample-help": Scene(("banner", "HI"), (120, 36), 30, keys=("question_mark",)),
    "sample-command": Scene(("banner", "HI"), (80, 24), 30, keys=("colon", *"seek", "space", "s")),
    "sample-at-its-end": Scene(("banner", "HI"), (80, 24), 1719),
    "elks": Scene(("crew",), (200, 60), 150),
    "dos": Scene((*DATE, str(SAMPLES / "tally.com")), (120, 36), 900),
    "booted": Scene((*DATE, "FLOPPY"), (120, 36), 82),
}


@pytest.fixture(autouse=True)
def nothing_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what depends on how fast this computer is: where checkpoints lie, and whether a
    picture of the machine was taken on its way, after which what glowed before has faded; and the
    blinking of a cursor.
    """
    monkeypatch.setattr(Prompt, "cursor_blink", False)
    monkeypatch.setattr(TimeBar, "checkpoints", staticmethod(lambda picture, column: set()))
    monkeypatch.setattr(Driver, "_watch", lambda driver: None)


@pytest.mark.parametrize("name", SCENES)
def test_the_screen_looks_as_it_did(name: str, tmp_path: Path) -> None:
    """Prevents panels, colors and frames from changing while nobody looks at them."""
    floppy = tmp_path / "floppy.img"
    floppy.write_bytes(sector(BOOTED))
    svg = asyncio.run(_shown(SCENES[name], str(floppy)))
    kept = FOLDER / f"{name}.svg"
    if os.environ.get("BLINK16_SNAPSHOTS") == "write":
        kept.write_text(svg, encoding="utf-8")
    before, made = kept.read_text(encoding="utf-8"), tmp_path / kept.name
    if svg != before:
        made.write_text(svg, encoding="utf-8")
    pairs = zip_longest(before.splitlines(), svg.splitlines())
    differing = [(old, new) for old, new in pairs if old != new]
    assert not differing, f"{kept} is not {made}: {len(differing)} lines differ"


async def _shown(scene: Scene, floppy: str) -> str:
    """Return a screen once nothing more will change on it."""
    words = [floppy if word == "FLOPPY" else word for word in scene.words]
    async with viewing(words, scene.size, scene.theme) as viewer:
        app = viewer.app
        app._do(lambda target: target.step(scene.icount) and None)
        await viewer.settled()
        assert viewer.picture.state.icount == scene.icount
        await viewer.press(*scene.keys)
        await viewer.settled()
        return _normal(await viewer.unchanging())


def _normal(svg: str) -> str:
    """Return a picture without what differs from time to time, the name of its styles, and without
    what only makes it long.
    """
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    svg = re.sub(r' clip-path="url\(#terminal-line-\d+\)"', "", svg)
    return re.sub(r'<clipPath id="terminal-line-\d+">\s*<rect [^>]*/>\s*</clipPath>\s*', "", svg)
