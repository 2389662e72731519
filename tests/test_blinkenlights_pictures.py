"""The main screens as they were last looked at and found good: kept as text.

``BLINK16_NEW_PICTURES=1 pytest tests/test_blinkenlights_pictures.py`` writes them anew; look at the
differences then, and at pictures of them (``P`` in the view, or scripts/pictures.py).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from view_pilot import Viewer, viewing

from blink16.blinkenlights.app import Blinkenlights

FOLDER = Path(__file__).parent / "pictures"
HELLO = bytes.fromhex("b409 ba0c01 cd21 b8004c cd21") + b"Hello from 1981$"
"""mov ah,9; mov dx,10Ch; int 21h; mov ax,4C00h; int 21h: a .COM file that prints."""
BOOT = bytes.fromhex("b8 0e 41 cd 10 b8 13 00 cd 10 f4 eb fd").ljust(510, b"\0") + b"\x55\xaa"
"""mov ax,0E41h; int 10h; mov ax,13h; int 10h; hlt; jmp: a floppy that prints A and shows dots."""


def screen(app: Blinkenlights) -> str:
    """Return what stands on the terminal, without colors."""
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


async def settled(viewer: Viewer) -> str:
    """Return the screen when nothing on it changes any more."""
    last, same = "", 0
    while same < 6:
        await viewer.pilot.pause(0.05)
        now = screen(viewer.app)
        same = same + 1 if now == last else 0
        last = now
    return last


CASES = {
    "sample-80x24": ((80, 24), ["banner", "HI"], "s s s"),
    "sample-120x35": ((120, 35), ["banner", "HI"], "C up up"),
    "sample-200x60": ((200, 60), ["banner", "HI"], "C up k"),
    "dos-160x46": ((160, 46), ["hello.com"], "s s s"),
    "floppy-120x35": ((120, 35), ["boot.img"], "s s d"),
    "help-120x35": ((120, 35), ["banner", "HI"], "question_mark"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_screen_is_as_it_was_found_good(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a screen that changes without anybody looking at it."""
    size, words, keys = CASES[name]
    (tmp_path / "hello.com").write_bytes(HELLO)
    (tmp_path / "boot.img").write_bytes(BOOT.ljust(1440 * 1024, b"\0"))
    monkeypatch.chdir(tmp_path)
    shown = asyncio.run(_shown(size, words, keys.split()))
    path = FOLDER / f"{name}.txt"
    if os.environ.get("BLINK16_NEW_PICTURES"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


async def _shown(size: tuple[int, int], words: Sequence[str], keys: Sequence[str]) -> str:
    async with viewing(words, size=size) as viewer:
        for key in keys:
            await viewer.press(key)
            await viewer.until(lambda: viewer.app.driver.is_still)
            await viewer.pilot.pause(0.05)
        return await settled(viewer)
