"""What the mouse does in the view: text is selected, points and frames are clicked."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from view_pilot import Viewer, viewed, viewing

from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.client import Target


@viewed(size=(120, 36))
async def test_text_is_selected_within_a_panel_and_copied(viewer: Viewer) -> None:
    """Prevents a selection over all panels, a click where one was drawn, and a key that copies for
    ever what is to interrupt.
    """
    pilot, app = viewer.pilot, viewer.app
    await viewer.until(lambda: len(viewer.text("memory-stack").splitlines()) > 1)
    lines = viewer.text("memory-stack").splitlines()
    await pilot.mouse_down("#memory-stack", offset=(2, 1))
    await pilot.hover("#code", offset=(3, 2))
    await pilot.hover("#memory-stack", offset=(6, 2))
    await pilot.mouse_up("#memory-stack", offset=(6, 2))
    await viewer.until(lambda: app.screen.selections)
    await viewer.press("ctrl+c")
    await viewer.until(lambda: app.clipboard and not app.screen.selections)
    assert app.clipboard == f"{lines[0]}\n{lines[1][:5]}"
    assert app.query_one("#memory-stack", MemoryPanel).chosen is None
    await pilot.click("#memory-stack", offset=(12, 1))
    panel = app.query_one("#memory-stack", MemoryPanel)
    await viewer.until(lambda: panel.chosen is not None)
    await viewer.press("ctrl+c")
    assert app.clipboard == f"{lines[0]}\n{lines[1][:5]}"


@viewed()
async def test_a_click_on_a_point_takes_it_away(viewer: Viewer) -> None:
    """Prevents a list of breakpoints that one can only look at."""
    await viewer.press("b", "s", "b")
    await viewer.until(lambda: len(viewer.picture.points) == 2)
    first = viewer.picture.points[0]
    await viewer.pilot.click("#points", offset=(4, 1))
    await viewer.until(lambda: len(viewer.picture.points) == 1)
    assert first not in viewer.picture.points


POLLS_MOUSE = bytes.fromhex("cd10 31c0cd33 b80300cd33 890e0003 89160203 891e0403 ebed")
"""int 10h / mov ax,0 / int 33h
again: mov ax,3 / int 33h / mov [300h],cx / mov [302h],dx / mov [304h],bx / jmp again"""


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        pytest.param(0x03, [(332, 28, 0), (348, 36, 1), (156, 36, 1), (156, 36, 0)], id="text"),
        pytest.param(0x04, [(337, 50, 0), (371, 64, 1), (8, 64, 1), (8, 64, 0)], id="dots"),
    ],
)
def test_the_guests_mouse_is_where_the_users_is(
    tmp_path: Path, mode: int, seen: list[tuple[int, int, int]]
) -> None:
    """Prevents programs that want a mouse from being seen and not used, in text and in dots."""
    program = tmp_path / "mouse.com"
    program.write_bytes(bytes((0xB8, mode, 0)) + POLLS_MOUSE)

    async def test() -> None:
        async with viewing([str(program)]) as viewer:

            def is_there(place: tuple[int, int, int]) -> Callable[[], bool]:
                """Ask again and again where the guest sees its mouse."""
                found: list[tuple[int, ...]] = []

                def ask(target: Target) -> None:
                    segment = target.read_registers().ds
                    stored = target.read_memory((segment, 0x300), 6)
                    found.append(struct.unpack("<3H", stored))

                def there() -> bool:
                    viewer.app.driver.ask(ask)
                    return place in found

                return there

            await viewer.press("C")
            is_text = mode < 4
            await viewer.until(
                lambda: (
                    viewer.picture.running
                    and viewer.picture.screen is not None
                    and viewer.picture.screen.width > 0
                    and viewer.picture.screen.is_text is is_text
                )
            )
            console = viewer.panel("console")
            console.focus()
            await viewer.until(lambda: console.has_focus)
            assert console.allow_select is False
            for act, place in zip(MOVES, seen, strict=True):
                await viewer.until(lambda: viewer.picture.running)
                await act(viewer.pilot)
                await viewer.until(is_there(place))
            await viewer.press("f12", "escape")
            await viewer.until(lambda: not viewer.picture.running)

    asyncio.run(test())


MOVES: tuple[Callable[[Pilot[None]], Awaitable[bool]], ...] = (
    lambda pilot: pilot.hover("#console", offset=(43, 4)),
    lambda pilot: pilot.mouse_down("#console", offset=(45, 5)),
    lambda pilot: pilot.hover("#console", offset=(21, 5)),
    lambda pilot: pilot.mouse_up("#console", offset=(21, 5)),
)
