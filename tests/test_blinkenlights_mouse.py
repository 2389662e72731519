"""What the mouse does in the view: text is selected, points and frames are clicked."""

from __future__ import annotations

from view_pilot import Viewer, viewed

from blink16.blinkenlights.widgets.memory import MemoryPanel


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
