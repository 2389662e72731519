"""What the view asks of the past in the background, and what others tell that only watch."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from unittest import mock

import pytest
from gdb_client import Server
from textual.geometry import Size
from view_pilot import Viewer, viewed, viewing

import blink16
from blink16.blinkenlights.commands import place
from blink16.blinkenlights.layout import Shown, places
from blink16.blinkenlights.past import LayerKind, LayerWish, PastKnown
from blink16.client import SearchStoppedError, Target
from blink16.reports.calls import RecentCallsReport
from blink16.reports.history import HistoryReport
from blink16.reports.past import HitsQuery, HitsReport
from blink16.reports.points import PointsReport
from blink16.reports.printed import PrintedQuery, PrintedReport


@viewed()
async def test_calls_and_writes_are_layers_of_the_time_bar(viewer: Viewer) -> None:
    """Prevents a time bar on which one can't see where something happened."""
    await viewer.press("C")
    await viewer.told("exiting")
    await viewer.press("y")
    await viewer.enter("plot")
    await viewer.until(lambda: "14 calls of plot" in str(viewer.panel("time").border_title))
    assert viewer.text("time").count("█") == 1 + 14
    writes = viewer.panel("memory-write")
    await viewer.pilot.click(writes, offset=(10, 1))
    await viewer.until(lambda: "writes to" in str(viewer.panel("time").border_title))
    await viewer.press("y")
    await viewer.enter("plot")
    await viewer.until(lambda: "calls of" not in str(viewer.panel("time").border_title))


def test_the_terminal_shows_what_had_been_printed_at_each_instant(tmp_path: Path) -> None:
    """Prevents a recording whose program prints nothing, and output that is there too early."""
    path = tmp_path / "session.b16"
    with blink16.launch("banner", "HI", record=path) as target:
        end = target.run().icount
        pieces = target.report(PrintedReport, PrintedQuery()).pieces
    assert b"".join(piece.data for piece in pieces).startswith(b"H   H  III\nH   H   I\n")

    async def test() -> None:
        async with viewing(["--replay", str(path)]) as viewer:
            assert not viewer.text("console").strip()
            await viewer.press("end")
            await viewer.at(end)
            await viewer.until(lambda: viewer.text("console").startswith("H   H  III"))
            viewer.app.driver.do(lambda target: str(target.seek(pieces[0].icount)))
            await viewer.at(pieces[0].icount)
            assert not viewer.text("console").strip()
            await viewer.press("s")
            await viewer.until(lambda: viewer.text("console").strip() == "H   H  III")

    asyncio.run(test())


def test_who_watches_sees_calls_points_and_the_terminal_of_an_elks_program(tmp_path: Path) -> None:
    """Prevents a server that ends when somebody looks at an ELKS program, and empty panels."""
    place = f"unix:{tmp_path / 'socket'}"
    with (
        Server("--listen", place, "--console", "terminal", "banner", "HI"),
        blink16.connect(place) as holder,
        blink16.connect(place, watch=True) as watcher,
    ):
        assert watcher.report(RecentCallsReport).calls == ()
        holder.break_at("end_line")
        holder.run()
        assert watcher.report(PointsReport).points[0].name == "end_line"
        holder.remove_all()
        holder.run()
        told = watcher.report(RecentCallsReport).calls
        assert 'write(1, "H   H  III\\n", 11) = 11' in told[0].text
        assert "exit(0)" in told[-1].text
        holder.seek(told[0].icount)
        assert watcher.report(RecentCallsReport).calls == told[:1]
        assert watcher.screen() is not None


@pytest.mark.parametrize(
    "shown", [Shown(), Shown("calls"), Shown(middle=False), Shown(right=False)]
)
def test_panels_fill_the_terminal_whatever_its_size(shown: Shown) -> None:
    """Prevents panels over each other, holes between them, and none at all in small terminals."""
    for width in (1, 2, 20, 39, 47, 48, 80, 99, 100, 120, 159, 160, 200, 250, 500):
        for height in (1, 2, 5, 6, 12, 18, 24, 35, 54, 64, 200):
            found = places(Size(width, height), shown)
            regions = list(found.values())
            assert sum(region.area for region in regions) == width * height
            assert not any(a.overlaps(b) for a in regions for b in regions if a is not b)
            assert found.get("code", found.get(shown.slot))


def test_a_layer_that_is_chosen_does_not_wait_for_all_output_of_a_long_run() -> None:
    """Prevents a time bar that shows a layer a minute after it was asked for.

    What the layer says is what `hits` says, and the output comes with it.
    """
    with blink16.launch("banner", "HI") as target:
        target.run()
        history = target.report(HistoryReport)
        query = HitsQuery(place(target, "plot"))
        past, pieces = PastKnown(), 0
        past.want([LayerWish(LayerKind.CALLS, query.address, "plot")])
        past.output.correct(1, [])  # of a run whose output comes in many pieces
        assert past.ask(target, history)
        assert not past.output.is_known(history.end)
        assert past.layers[0].known == history.end
        assert past.layers[0].count == target.report(HitsReport, query).count == 14
        while past.ask(target, history):
            pieces += 1
        assert past.output.is_known(history.end)
        assert 0 < pieces < 10


def test_whoever_moves_does_not_wait_for_a_layer_that_is_searched_for() -> None:
    """Prevents a key, or a click on the time bar, that comes only when a search has ended."""
    began, stops = threading.Event(), threading.Semaphore(0)
    interrupt = Target.interrupt

    def search(past: PastKnown, target: Target, history: HistoryReport) -> bool:
        began.set()
        if not stops.acquire(timeout=60):
            raise AssertionError("nobody stopped the search")
        raise SearchStoppedError

    def note(target: Target) -> None:
        stops.release()
        interrupt(target)

    async def test() -> None:
        async with viewing() as viewer:
            for instant in (1, 2):
                await viewer.until(began.is_set)
                began.clear()
                await viewer.press("s")
                await viewer.at(instant)
            await viewer.until(began.is_set)
            await viewer.pilot.click(viewer.panel("time"), offset=(3, 1))
            await viewer.at(0)

    with mock.patch.object(PastKnown, "ask", search), mock.patch.object(Target, "interrupt", note):
        asyncio.run(test())
