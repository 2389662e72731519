"""The view of a machine that runs, or that another debugger moves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gdb_client import Server
from textual.events import MouseMove
from textual.widgets import Static
from view_pilot import Viewer, viewed, viewing

import blink16
from blink16.blinkenlights.widgets.timebar import TimeBar
from blink16.client import Target

COUNT = bytes.fromhex("40 a3 00 05 89 c3 eb f8")
"""inc ax; mov [500h],ax; mov bx,ax; jmp back."""
ENOUGH = 4
"""Samples that are looked at."""
Test = Callable[[Viewer, Target, Server], Awaitable[None]]


@asynccontextmanager
async def moved_by_another(folder: Path) -> AsyncIterator[tuple[Viewer, Target, Server]]:
    """Return a view of a machine that another client holds, that client, and the server."""
    (folder / "count.com").write_bytes(COUNT)
    place = f"unix:{folder / 'socket'}"
    with (
        Server("--listen", place, str(folder / "count.com")) as server,
        blink16.connect(place) as holder,
    ):
        async with viewing(["--connect", place]) as viewer:
            yield viewer, holder, server


def samples(viewer: Viewer) -> Callable[[], bool]:
    """Return a condition: that the running machine was seen at several instants."""
    seen: set[int] = set()

    def enough() -> bool:
        if viewer.picture.running:
            seen.add(viewer.picture.state.icount)
        return len(seen) >= ENOUGH

    return enough


def test_a_machine_that_another_moves_is_seen_live_and_taken_over(tmp_path: Path) -> None:
    """Prevents a view that has to stop a machine to see it, or that can never have it."""

    async def test() -> None:
        async with moved_by_another(tmp_path) as (viewer, holder, _):
            await asyncio.to_thread(holder.step, 3)
            await viewer.at(3)
            running = threading.Thread(target=holder.run)
            running.start()
            await viewer.until(samples(viewer))
            await viewer.press("s")
            await viewer.told("T asks for the machine")
            holder.interrupt()
            running.join()
            await viewer.press("T")
            await viewer.until(lambda: viewer.picture.state.wanted)
            await asyncio.to_thread(holder.yield_control)
            await viewer.told("the machine is yours")
            here = viewer.picture.state.icount
            await viewer.press("s")
            await viewer.at(here + 1)

    asyncio.run(test())


def test_a_machine_that_we_let_run_is_seen_live_and_interrupted(tmp_path: Path) -> None:
    """Prevents a screen on which nothing moves until the machine stops."""
    (tmp_path / "count.com").write_bytes(COUNT)

    async def test() -> None:
        async with viewing([str(tmp_path / "count.com")]) as viewer:
            await viewer.press("C")
            await viewer.until(samples(viewer))
            await viewer.press("g")
            await viewer.enter("0000:0500")
            await viewer.told("looks at 00500")
            await viewer.until(lambda: viewer.text("memory-read").startswith("00500"))
            assert viewer.picture.running
            await viewer.press("escape")
            await viewer.until(lambda: not viewer.picture.running)
            await viewer.told("interrupted")

    asyncio.run(test())


class Curtain(threading.Event):
    """Hides from the driver that a picture is on the screen, until it is lifted."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        """How often the driver has come before it."""

    def set(self) -> None:
        """The picture is there; nobody sees it."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, however long it takes."""
        self.waits += 1
        return super().wait()

    def lift(self) -> None:
        """Let it be seen."""
        super().set()


def test_a_machine_that_runs_is_looked_at_as_often_as_can_be_drawn(tmp_path: Path) -> None:
    """Prevents a slow terminal from costing a machine pictures that nobody sees."""

    async def test() -> None:
        async with moved_by_another(tmp_path) as (viewer, holder, _):
            running = threading.Thread(target=holder.run)
            running.start()
            driver, curtain, drawn = viewer.app.driver, Curtain(), viewer.app.driver.shown
            driver.shown = curtain
            await viewer.until(lambda: curtain.waits)
            with holder.watch_too() as another:
                for _ in range(2 * ENOUGH):
                    await asyncio.to_thread(another.wait_change)
            assert curtain.waits == 1
            driver.shown = drawn
            curtain.lift()
            await viewer.until(samples(viewer))
            holder.interrupt()
            running.join()

    asyncio.run(test())


def test_a_server_that_dies_is_one_line(tmp_path: Path) -> None:
    """Prevents a traceback, and a view that waits for ever."""

    async def test() -> None:
        async with moved_by_another(tmp_path) as (viewer, _, server):
            server.process.kill()
            await viewer.until(lambda: viewer.app.has_class("-lost"))
            assert "Traceback" not in viewer.app.told
            await viewer.press("s", "C", "g", "escape", "q")
            await viewer.until(lambda: not viewer.app.is_running)

    asyncio.run(test())


def test_a_recording_is_shown_with_its_future_ahead(tmp_path: Path) -> None:
    """Prevents a recording that can only be seen in gdb."""
    path = tmp_path / "session.b16"
    with blink16.launch("banner", "HI", record=path) as target:
        end = target.run().icount

    async def test() -> None:
        async with viewing(["--replay", str(path)]) as viewer:
            assert viewer.picture.state.icount == 0
            assert viewer.picture.state.end == end
            await viewer.press("end")
            await viewer.at(end)

    asyncio.run(test())


@viewed()
async def test_a_machine_that_is_ours_is_not_asked_for(viewer: Viewer) -> None:
    """Prevents a view that waits for itself."""
    await viewer.press("T")
    await viewer.told("you hold the machine")


def held_up(viewer: Viewer) -> threading.Event:
    """Have the thread that moves the machine wait; return what lets it go on."""
    go_on = threading.Event()
    viewer.app.driver.do(lambda target: None if go_on.wait(60) else "nobody let it go on")
    return go_on


@viewed()
async def test_what_came_of_a_command_is_told_though_another_waits(viewer: Viewer) -> None:
    """Prevents a stop without a reason where a panel was opened, or the window resized, meanwhile:
    only the last of several commands is followed by a picture.
    """
    go_on = held_up(viewer)
    viewer.app.driver.do(lambda target: "what came of it")
    viewer.app.driver.do(lambda target: None)
    go_on.set()
    await viewer.told("what came of it")


@viewed()
async def test_a_run_that_is_stopped_before_it_begins_does_not_begin(viewer: Viewer) -> None:
    """Prevents Escape from being lost right after C, so that the machine runs on."""
    go_on = held_up(viewer)
    viewer.app.driver.run()
    viewer.app.driver.interrupt()
    go_on.set()
    await viewer.until(lambda: viewer.app.driver.is_still)
    assert viewer.picture.state.icount == 0


@viewed()
async def test_the_mouse_on_the_time_bar_goes_to_its_newest_place(viewer: Viewer) -> None:
    """Prevents a queue of all places on the way, through which the machine goes long after, and a
    place from being overtaken by one that was wanted before another command.
    """
    await viewer.press("C")
    await viewer.told("exiting")
    sought: list[int] = []
    go_on = held_up(viewer)
    driver = viewer.app.driver
    for icount in (5, 9, 7):
        driver.go_to(icount)
    driver.do(lambda target: sought.append(target.icount))
    driver.go_to(3)
    driver.go_to(4)
    driver.do(lambda target: sought.append(target.icount))
    go_on.set()
    await viewer.until(lambda: len(sought) == 2)
    assert sought == [7, 4]


@viewed()
async def test_each_notch_of_the_wheel_on_the_time_bar_counts(viewer: Viewer) -> None:
    """Prevents quick turns from being one, since the machine is still on its way."""
    await viewer.press("C")
    await viewer.told("exiting")
    await viewer.press("home")
    await viewer.at(0)
    bar = viewer.app.query_one(TimeBar)
    end = viewer.picture.history.end
    part = max(end // bar.room[0], 1)
    go_on = held_up(viewer)
    for count in (1, 1, 1, -1, 1):
        bar.post_message(TimeBar.Turned(count))
    await viewer.until(lambda: viewer.app._heading == 3 * part)
    go_on.set()
    await viewer.at(3 * part)


@viewed()
async def test_a_drag_over_the_time_bar_is_followed_and_nothing_else(viewer: Viewer) -> None:
    """Prevents each move from drawing the whole terminal, as if text were being selected, a place
    from being gone to twice, and a button that was let go of elsewhere from being held for ever.
    """
    await viewer.press("C")
    await viewer.told("exiting")
    bar = viewer.app.query_one(TimeBar)
    sought: list[int] = []
    viewer.app.driver.go_to = sought.append  # type: ignore[method-assign, assignment]
    await viewer.pilot.mouse_down(bar, offset=(20, 1))
    await viewer.until(lambda: viewer.app.mouse_captured is bar)
    assert viewer.app.screen._select_state is None
    place = bar.region
    for column, button in ((40, 1), (40, 1), (41, 1), (60, 0), (70, 0)):
        at = place.x + column, place.y + 1
        bar.post_message(MouseMove(bar, column, 1, 0, 0, button, False, False, False, *at))
    await viewer.until(lambda: viewer.app.mouse_captured is None)
    for mark in (-1, -2):  # each comes behind all that came of what was before it
        bar.post_message(TimeBar.Sought(mark))
        await viewer.until(lambda mark=mark: sought[-1:] == [mark])  # type: ignore[misc]
    assert len(sought) == 5
    assert sought[3:] == [-1, -2]


@viewed()
async def test_an_answer_that_is_late_is_told_of(viewer: Viewer) -> None:
    """Prevents a view that looks as if it had not seen a key, before a server that is silent."""

    def status() -> str:
        return str(viewer.app.query_one("#status", Static).render())

    await viewer.settled()
    await viewer.until(lambda: "no answer" not in status())
    go_on = held_up(viewer)
    await viewer.until(lambda: "no answer for" in status())
    go_on.set()
    await viewer.until(lambda: "no answer" not in status())


@viewed()
async def test_a_breakpoint_is_where_the_keys_before_it_lead(viewer: Viewer) -> None:
    """Prevents one at the old place, where somebody types faster than pictures come."""
    go_on = held_up(viewer)
    await viewer.press("G")
    await viewer.enter("print_text")
    await viewer.press("b")
    go_on.set()
    await viewer.until(lambda: viewer.picture.points)
    found = viewer.picture.symbols.lookup("print_text")
    assert found is not None
    assert [point.address for point in viewer.picture.points] == [found.address]
    go_on = held_up(viewer)
    await viewer.press("s", "s", "b")
    go_on.set()
    await viewer.until(lambda: len(viewer.picture.points) == 2)
    assert viewer.picture.state.icount == 2
    assert viewer.picture.points[1].address == viewer.picture.registers.pc
