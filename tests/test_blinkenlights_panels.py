"""The view's other panels, its first page, and what it saves."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from PIL import Image
from textual.widgets import Static
from view_pilot import Viewer, viewed, viewing

import blink16
from blink16.blinkenlights import recent
from blink16.blinkenlights.app import Blinkenlights
from blink16.blinkenlights.panels import SLOT
from blink16.blinkenlights.tour import TOUR
from blink16.blinkenlights.widgets.chain import longest_chain
from blink16.blinkenlights.widgets.key_line import KeyLine
from blink16.blinkenlights.widgets.prompt import Prompt
from blink16.reports.devices import DevicesReport
from blink16.reports.disks import DisksReport

PRINTS = bytes.fromhex("b4 09 ba 0c 01 cd 21 b8 00 4c cd 21")
"""mov ah,9; mov dx,10Ch; int 21h; mov ax,4C00h; int 21h: what is behind it is printed."""
HALT = bytes.fromhex("fa f4 eb fd")
"""cli; hlt; jmp back."""


@pytest.fixture
def floppy(tmp_path: Path) -> Path:
    """Return the image of a floppy that boots."""
    path = tmp_path / "boot.img"
    path.write_bytes((HALT.ljust(510, b"\0") + b"\x55\xaa").ljust(1474560, b"\0"))
    return path


def test_the_chips_and_disks_of_a_pc_are_told_in_words(floppy: Path) -> None:
    """Prevents a PC whose timers and interrupts can only be guessed."""
    with blink16.launch(floppy) as target:
        devices = {line.name: line.facts for line in target.report(DevicesReport).devices}
        assert "IRQ 0 is INT 08" in devices["PIC"]
        assert "square wave" in devices["PIT 0  ticks, IRQ 0"]
        assert "18.21 Hz" in devices["PIT 0  ticks, IRQ 0"]
        assert any("bits" in fact for fact in devices["COM1"])
        drive = target.report(DisksReport).drives[0]
        assert (drive.letter, drive.name) == ("A", "boot.img")
        assert (drive.cylinders, drive.heads, drive.sectors) == (80, 2, 18)


PANELS = {
    "p": ("profile", "_start"),
    "l": ("calls", "no calls before now"),
    "v": ("vectors", "divide error"),
    "d": ("devices", ""),
    "a": ("data-area", "memory, KiB"),
    "x": ("chain", "no chain"),
    "u": ("processes", "banner"),
    "o": ("disks", "not booted"),
}


@viewed()
async def test_each_panel_has_a_key_that_brings_it_and_takes_it_away(viewer: Viewer) -> None:
    """Prevents panels that nobody finds, and two of them in one place."""
    assert {name for name, _ in PANELS.values()} == set(SLOT.values()) - {"frames"}
    await viewer.step_to(2)
    for key, (name, text) in PANELS.items():
        await viewer.press(key)
        await viewer.until(lambda name=name, text=text: text in viewer.text(name))  # type: ignore[misc]
        assert [n for n in SLOT.values() if viewer.panel(n).region.area] == [name]
    await viewer.press("o")
    await viewer.until(lambda: viewer.panel("frames").region.area)


def test_calls_are_told_with_their_results(tmp_path: Path) -> None:
    """Prevents a program whose calls can't be followed."""
    (tmp_path / "hi.com").write_bytes(PRINTS + b"hi$")

    async def test() -> None:
        async with viewing([str(tmp_path / "hi.com")]) as viewer:
            await viewer.press("l", "C")
            await viewer.told("exiting")
            await viewer.until(lambda: 'puts("hi") = ok' in viewer.text("calls"))

    asyncio.run(test())


def test_a_chain_of_memory_blocks_is_found_and_chance_is_not() -> None:
    """Prevents blocks that aren't there, and a panel that fails on destroyed ones."""
    memory = bytearray(0xA0000)
    memory[0x600:0x610] = b"M\x08\x00\x10\x00" + bytes(11)
    memory[0x710:0x720] = b"M\x72\x00\x20\x00" + bytes(3) + b"PROG\0\0\0\0"
    memory[0x920:0x930] = b"Z\x00\x00\x00\x10" + bytes(11)
    memory[0x5000] = ord("M")
    blocks = longest_chain(bytes(memory))
    assert [(b.segment, b.size, b.owner, b.name) for b in blocks] == [
        (0x60, 0x10, 8, ""), (0x71, 0x20, 0x72, "PROG"), (0x92, 0x1000, 0, ""),
    ]  # fmt: skip
    memory[0x920] = 0
    assert longest_chain(bytes(memory)) == []


@viewed()
async def test_help_tells_every_key(viewer: Viewer) -> None:
    """Prevents keys that nobody learns of."""
    await viewer.press("question_mark")
    await viewer.until(lambda: len(viewer.app.screen_stack) == 2)
    picture = viewer.app.export_screenshot()
    assert "branch" not in picture
    assert "Step" in picture
    await viewer.press("escape")
    await viewer.until(lambda: len(viewer.app.screen_stack) == 1)


def test_the_tour_leads_to_who_wrote_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a tour that asks for what does not work."""
    monkeypatch.setattr(recent, "_path", lambda: tmp_path / "recent.json")

    async def test() -> None:
        app = Blinkenlights()
        async with app.run_test(size=(160, 48)) as pilot:
            viewer = Viewer(app, pilot)
            await viewer.until(lambda: len(app.screen_stack) == 2)
            await viewer.press("enter")

            async def stage(number: int) -> None:
                await viewer.until(
                    lambda: app.tour is not None and app.tour.text.startswith(f"{number}/")
                )

            await stage(1)
            await viewer.press("s")
            await stage(2)
            await viewer.step_to(5)
            await stage(3)
            await viewer.press("up")
            await stage(4)
            await viewer.press("w")
            await viewer.enter("lines")
            await stage(5)
            await viewer.press("C")
            await stage(6)
            while app.tour is not None and app.tour.text.startswith("6/"):
                here = viewer.picture.state.icount
                await viewer.press("C")
                await viewer.until(lambda here=here: viewer.picture.state.icount != here)  # type: ignore[misc]
                await pilot.pause(0.1)
            await stage(7)
            await viewer.press("shift+f5")
            await stage(8)
            assert viewer.picture.state.at.startswith("end_line")
            await viewer.press("s")
            await viewer.until(lambda: app.tour is not None and not app.tour.text)

    asyncio.run(test())
    assert len(TOUR) == 8
    assert recent.recent() == [["banner", "HELLO"]]


async def resized(viewer: Viewer) -> None:
    """Make the window small, and large."""
    for size in ((1, 1), (500, 200)):
        await viewer.pilot.resize_terminal(*size)
        await viewer.until(lambda size=size: viewer.app.screen.size == size)  # type: ignore[misc]


def test_the_first_page_and_the_tour_have_any_size() -> None:
    """Prevents a traceback before the first picture, and a tour that is not seen any more after
    the window was small.
    """

    async def test() -> None:
        app = Blinkenlights()
        async with app.run_test(size=(160, 48)) as pilot:
            viewer = Viewer(app, pilot)
            await viewer.until(lambda: len(app.screen_stack) == 2)
            await resized(viewer)
            await viewer.press("enter")
            await viewer.until(lambda: app.picture is not None)
            await resized(viewer)
            await pilot.resize_terminal(80, 24)
            line = app.query_one("#tour", Static)
            await viewer.until(lambda: line.region.height and "Press s" in str(line.render()))
            await viewer.until(lambda: app.screen.region.contains_region(line.region))

    asyncio.run(test())


def test_recent_programs_survive_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a view that does not start because of its own notes."""
    path = tmp_path / "recent.json"
    monkeypatch.setattr(recent, "_path", lambda: path)
    for content in (b"", b"{}", b'[1, [2], [], ["a"]]', b"\xff\xfe", b"[" * 70_000):
        path.write_bytes(content)
        assert all(isinstance(line, list) for line in recent.recent())
    recent.remember(["a", "b"])
    recent.remember(["c"])
    recent.remember(["a", "b"])
    assert recent.recent() == [["a", "b"], ["c"]]


def test_what_tests_show_is_no_program_of_the_users() -> None:
    """Prevents a developer's list of recent programs from being lost to the suite."""
    path = recent._path()
    assert path is not None
    assert os.environ["XDG_STATE_HOME"] in str(path)


def test_the_view_is_saved_as_pictures_film_and_cast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents exports that are empty, overwrite each other, or leave the machine elsewhere."""
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        async with viewing(size=(120, 36)) as viewer:
            viewer.app.action_cast()
            await viewer.press("C")
            await viewer.told("exiting")
            end = viewer.picture.state.icount
            await viewer.press("P")
            await viewer.told("blinkenlights.png")
            viewer.app.action_save("png")
            viewer.app.action_save("svg")
            for kind in ("gif", "png"):
                viewer.app.action_film(kind)
                await viewer.told(f"memory.{kind}: 90 pictures")
            assert viewer.picture.state.icount == end
            viewer.app.action_cast()

    asyncio.run(test())
    with Image.open(tmp_path / "blinkenlights.png") as picture:
        assert picture.size == (120 * 9, 36 * 18)
        assert len(picture.getcolors(1 << 20) or []) > 20
    assert (tmp_path / "blinkenlights-2.png").exists()
    assert "_start" in (tmp_path / "blinkenlights.svg").read_text()
    for kind in ("gif", "png"):
        with Image.open(tmp_path / f"memory.{kind}") as film:
            assert getattr(film, "n_frames", 1) > 10
    head, *events = (tmp_path / "blinkenlights.cast").read_text().splitlines()
    assert json.loads(head)["width"] == 120
    assert all(json.loads(event)[1] == "o" for event in events)
    assert "exiting" in "".join(json.loads(event)[2] for event in events)


SIZES = [(1, 1), (2, 3), (10, 5), (40, 12), (300, 90), (80, 24), (200, 1), (1, 100)]


@viewed()
async def test_any_size_at_any_moment(viewer: Viewer) -> None:
    """Prevents a traceback for who makes the window small, or large, while it runs."""
    for number, size in enumerate(SIZES):
        await viewer.press("cCsrpm"[number % 6])
        await viewer.pilot.resize_terminal(*size)
        await viewer.pilot.pause(0.2)
    await viewer.press("escape", "question_mark")
    await viewer.pilot.resize_terminal(3, 2)
    await viewer.press("escape")
    await viewer.pilot.resize_terminal(100, 30)
    await viewer.until(lambda: "1000:" in viewer.text("code") or "F000:" in viewer.text("code"))


@viewed(size=(80, 24))
async def test_panels_are_filled_when_the_window_has_grown(viewer: Viewer) -> None:
    """Prevents empty panels until the next step: more rows want more code and memory."""
    await viewer.pilot.resize_terminal(200, 60)
    await viewer.until(lambda: viewer.text("memory-code").count("\n") >= 6)
    await viewer.until(lambda: viewer.text("code").count("\n") >= 20)


def test_a_guests_escape_sequences_stay_in_its_panel(tmp_path: Path) -> None:
    """Prevents a guest from painting our terminal, or from breaking it."""
    text = b"\x1b[2J\x1b]0;evil\x07\x1bP\x9b31m[b]bold[/b]$"
    (tmp_path / "evil.com").write_bytes(PRINTS + text)

    async def test() -> None:
        async with viewing([str(tmp_path / "evil.com")]) as viewer:
            await viewer.press("C")
            await viewer.told("exiting")
            strips = viewer.app.screen._compositor.render_strips(viewer.app.size)
            shown = "\n".join(strip.text for strip in strips)
            assert "\x1b" not in shown
            assert "\x9b" not in shown

    asyncio.run(test())


def test_no_utf_8_means_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents question marks, or a traceback, on an old terminal."""
    monkeypatch.setattr("blink16.blinkenlights.palette.encoding", lambda: "ascii")

    async def test() -> None:
        async with viewing(size=(120, 36)) as viewer:
            await viewer.step_to(2)
            strips = viewer.app.screen._compositor.render_strips(viewer.app.size)
            assert "".join(strip.text for strip in strips).isascii()

    asyncio.run(test())


@viewed(size=(100, 30))
async def test_a_large_panel_leaves_the_lines_below_and_a_place_to_type(viewer: Viewer) -> None:
    """Prevents keys that nobody can look up, and a question that nobody sees, beside a large panel;
    the guest's screen needs the whole terminal.
    """
    code, console = viewer.panel("code"), viewer.panel("console")
    status, keys = viewer.app.query_one("#status"), viewer.app.query_one(KeyLine)
    await viewer.press("z")
    await viewer.until(lambda: code.region.height == 28)
    assert (status.region.y, keys.region.y) == (28, 29)
    await viewer.press("slash")
    await viewer.until(lambda: viewer.app.query_one(Prompt).region.height == 3)
    await viewer.press("escape")
    await viewer.until(lambda: code.has_focus)
    await viewer.press("z")
    await viewer.until(lambda: viewer.panel("registers").region.area)
    await viewer.press("enter")
    await viewer.until(lambda: console.region.height == 30)
