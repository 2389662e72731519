"""The view, driven by keys and mouse as its user does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from textual.pilot import Pilot

from blink16 import client
from blink16.blinkenlights.accesses import accesses
from blink16.blinkenlights.app import Blinkenlights
from blink16.blinkenlights.glyphs import ASCII, CP437
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.picture import AccessedMemory, Picture
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import CodeLine, RegisterValues

PATIENCE = 2400
"""Turns of the loop, each of 50 ms at most, in which a picture has to come."""
SIZES = [(80, 24), (120, 36), (200, 60)]


def shown(app: Blinkenlights) -> Picture:
    """Return the picture that is on the screen."""
    picture = app.query_one(CodePanel).picture
    assert picture is not None
    return picture


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(PATIENCE):
        if holds():
            return
        await pilot.pause(0.05)
    raise AssertionError("what was waited for never came")


async def first_picture(pilot: Pilot[None], app: Blinkenlights) -> None:
    """Wait until the machine is shown."""
    await until(pilot, lambda: app.query_one(CodePanel).picture is not None)


async def at(pilot: Pilot[None], app: Blinkenlights, icount: int) -> None:
    """Wait until an instant is shown."""
    await until(pilot, lambda: shown(app).state.icount == icount)


def view() -> Blinkenlights:
    """Return a view of the sample."""
    return Blinkenlights(lambda: client.launch("banner", "HI"))


def text_of(panel: Panel) -> str:
    """Return what a panel draws."""
    return panel.render().plain


def run(test: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a test in Textual's loop, which is asyncio's."""
    asyncio.run(test())


@pytest.mark.parametrize("size", SIZES)
def test_the_next_instruction_is_shown_at_any_size(size: tuple[int, int]) -> None:
    """Prevents a first screen without the instruction that is executed next."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=size) as pilot:
            await first_picture(pilot, app)
            code = app.query_one(CodePanel)
            await until(pilot, lambda: "▶1000:0000" in text_of(code))
            assert "_start:" in text_of(code)

    run(test)


def test_keys_step_forward_and_backward() -> None:
    """Prevents a step that isn't one, and a past that can't be reached by the same fingers."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            for icount in (1, 2, 3):
                await pilot.press("s")
                await at(pilot, app, icount)
            await pilot.press("up")
            await until(pilot, lambda: shown(app).state.icount == 2)
            assert shown(app).in_past
            await pilot.press("home")
            await until(pilot, lambda: shown(app).state.icount == 0)
            await pilot.press("end")
            await until(pilot, lambda: shown(app).state.icount == 3)

    run(test)


def test_next_goes_over_calls_and_finish_out_of_them() -> None:
    """Prevents n from entering functions, and f from staying in one."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            for icount in range(1, 6):
                await pilot.press("s")
                await at(pilot, app, icount)
            assert shown(app).state.at == "main"
            await pilot.press("f")
            await until(pilot, lambda: shown(app).state.at == "_start+11")
            await pilot.press("N")
            await until(pilot, lambda: shown(app).state.at == "_start+8")
            await pilot.press("n")
            await until(pilot, lambda: shown(app).state.at == "_start+11")

    run(test)


def test_breakpoints_stop_a_run_at_full_speed_in_both_directions() -> None:
    """Prevents b, C and shift-F5 from doing nothing that one could see."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            for icount in range(1, 6):
                await pilot.press("s")
                await at(pilot, app, icount)
            await pilot.press("b")
            await until(pilot, lambda: bool(shown(app).points))
            await pilot.press("home")
            await until(pilot, lambda: shown(app).state.icount == 0)
            await pilot.press("C")
            await until(pilot, lambda: shown(app).state.at == "main")
            assert "●" in text_of(app.query_one(CodePanel))
            await pilot.press("B")
            await until(pilot, lambda: not shown(app).points)

    run(test)


def test_animation_moves_and_stops_by_itself_in_both_directions() -> None:
    """Prevents c from hanging at the end, and r from not going back to the beginning."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            app.driver.steps_a_frame = 400
            await pilot.press("c")
            await until(pilot, lambda: "exiting" in (shown(app).told or ""))
            await pilot.press("r")
            await until(pilot, lambda: shown(app).state.icount == 0)

    run(test)


def test_the_command_line_takes_monitor_commands() -> None:
    """Prevents a view in which the server's own commands can't be reached."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            await pilot.press("s", "s", "colon")
            await pilot.press(*"seek", "space", "1", "enter")
            await until(pilot, lambda: shown(app).state.icount == 1)

    run(test)


def test_a_program_that_is_not_there_is_one_line() -> None:
    """Prevents a traceback over the whole screen."""

    async def test() -> None:
        app = Blinkenlights(lambda: client.launch("no-such-program"))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: bool(app.told))
            assert "no such program" in app.told

    run(test)


REGISTERS = RegisterValues(
    ax=1, bx=0x100, cx=0, dx=0, si=0x20, di=0x30, bp=0x200, sp=0x1FE, cs=0x1000, ds=0x2000,
    es=0x3000, ss=0x4000, ip=0, flags=0xF002,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mov word [ds:bx+2h], ax", [AccessedMemory(0x20102, 2, True)]),
        ("mov al, byte [ss:bp-4h]", [AccessedMemory(0x401FC, 1, False)]),
        ("cmp byte [ds:si], 0h", [AccessedMemory(0x20020, 1, False)]),
        ("push ax", [AccessedMemory(0x401FC, 2, True)]),
        ("retn", [AccessedMemory(0x401FE, 2, False)]),
        ("rep movsw", [AccessedMemory(0x20020, 2, False), AccessedMemory(0x30030, 2, True)]),
        ("lea ax, [ds:bx+2h]", []),
        ("mov ax, bx", []),
    ],
)
def test_what_an_instruction_touches_is_known(text: str, expected: list[AccessedMemory]) -> None:
    """Prevents the wrong bytes from glowing."""
    line = CodeLine(0x10000, 0x1000, 0, b"\x90", text, "")
    assert list(accesses(line, REGISTERS)) == expected


def test_there_is_a_glyph_of_one_column_for_each_byte() -> None:
    """Prevents rows of memory that shift because of one byte in them."""
    assert len(CP437) == len(ASCII) == 256
    assert "\n" not in CP437
    assert all(character.isprintable() for character in CP437)


def test_no_color_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents colors for users who asked for none."""
    monkeypatch.setenv("NO_COLOR", "1")
    palette = Palette.named("dark")
    assert "#" not in f"{palette}"


def test_a_watchpoint_leads_back_to_who_wrote() -> None:
    """Prevents the hunt that all this is for from needing another tool."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            await pilot.press("w", *"lines", "enter")
            await until(pilot, lambda: bool(shown(app).points))
            await pilot.press("C")
            await until(pilot, lambda: "watchpoint" in shown(app).told)
            first = shown(app).state.icount
            await pilot.press("C")
            await until(pilot, lambda: shown(app).state.icount > first)
            await pilot.press("shift+f5")
            await until(pilot, lambda: shown(app).state.at.startswith("end_line"))

    run(test)


def test_memory_is_found_and_looked_at() -> None:
    """Prevents / and g from showing another place than they say."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            await pilot.press("slash", *"TERM", "enter")
            await until(pilot, lambda: "READ looks at" in app.told)
            panel = app.query_one("#memory-read", Panel)
            await until(pilot, lambda: "TERM=" in text_of(panel))
            await pilot.press("g", *"0040", "colon", *"0000", "enter")
            await until(pilot, lambda: text_of(panel).startswith("00400"))

    run(test)


def test_keys_go_to_the_guest_while_its_screen_has_the_focus() -> None:
    """Prevents a q for the guest from ending the view, and a step from being typed."""

    async def test() -> None:
        app = view()
        async with app.run_test(size=(160, 48)) as pilot:
            await first_picture(pilot, app)
            app.query_one(ConsolePanel).focus()
            await pilot.press("q", "s")
            await pilot.pause(0.3)
            assert app.is_running
            assert shown(app).state.icount == 0
            await pilot.press("escape", "escape")
            await until(pilot, lambda: app.focused is app.query_one(CodePanel))

    run(test)
