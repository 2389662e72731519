"""Make the pictures of the view that README shows: `python scripts/pictures.py`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blink16.blinkenlights.app import Blinkenlights
from blink16.blinkenlights.main import arguments, opener
from blink16.blinkenlights.widgets.code import CodePanel

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""What the export would load from elsewhere."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: what is pressed before it is taken."""

    name: str
    size: tuple[int, int]
    theme: str
    keys: Sequence[str]


SHOTS = (
    Shot(
        "watch.svg",
        (168, 46),
        "dark",
        ["w", *"lines", "enter", "C", "C", "k", "C", "shift+f5"],
    ),
    Shot("light.svg", (116, 34), "light", ["s", "s", "s", "s", "s", "s", "s", "s", "s", "up"]),
)


async def take(shot: Shot) -> None:
    """Take one picture of the sample."""
    app = Blinkenlights(opener(arguments(["banner", "HELLO"])), theme=shot.theme)
    async with app.run_test(size=shot.size) as pilot:
        while app.query_one(CodePanel).picture is None:
            await pilot.pause(0.05)
        await pilot.pause(0.5)
        for key in shot.keys:
            await pilot.press(key)
            await pilot.pause(0.7)
        await pilot.pause(1.5)
        picture = FONTS.sub("", app.export_screenshot(title="blinkenlights banner HELLO"))
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / shot.name).write_text(picture, encoding="utf-8")


def main() -> None:
    """Take all pictures."""
    for shot in SHOTS:
        asyncio.run(take(shot))


if __name__ == "__main__":
    main()
