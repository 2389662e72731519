"""The guest's graphics as real dots: what terminals are sent, and when."""

from __future__ import annotations

import base64
import io
import os
import pty
import random
import re
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sixel_picture import decoded, pictures
from textual.geometry import Region
from view_pilot import Viewer, viewed
from view_terminal import ViewTerminal

from blink16.blinkenlights.pixels import kitty, sixel, terminal
from blink16.blinkenlights.pixels.overlay import REST, Overlay, TerminalSurface, Wish, fitted
from blink16.blinkenlights.pixels.terminal import Ability, Asking, PixelKind
from blink16.reports.screen import ScreenReport

RAMP = bytes.fromhex("b81300 cd10 b800a0 8ec0 31ff  aa 40 81ff00fa 75f8  ebfe")
"""Mode 13h, and a dot after the other in the next color: a .COM file."""
DRAWN = 300_000
"""An instant at which all dots have been drawn."""
COLORS = bytes(range(3, 195)) * 4
"""Red, green and blue of 256 colors."""


@dataclass
class Sheet:
    """Takes what would be drawn."""

    drawn: list[Wish] = field(default_factory=list)
    cleared: int = 0

    def draw(self, wish: Wish) -> None:
        """Take it."""
        self.drawn.append(wish)

    def clear(self) -> None:
        """Count it."""
        self.cleared += 1


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Return a program that shows graphics."""
    program = tmp_path / "ramp.com"
    program.write_bytes(RAMP)
    return program


def percent(color: int) -> tuple[int, int, int]:
    """Return a color of `COLORS` as sixels have it."""
    red, green, blue = ((part * 100 + 127) // 255 for part in COLORS[3 * color : 3 * color + 3])
    return red, green, blue


# -- what is sent ----------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 9).flatmap(lambda w: st.lists(st.binary(min_size=w, max_size=w), min_size=1)))
def test_sixels_are_the_dots_that_were_to_be_shown(rows: list[bytes]) -> None:
    """Prevents dots that are missing, in another place or in another color."""
    (picture,) = pictures(sixel.encode(rows, COLORS))
    assert decoded(picture) == [[percent(color) for color in row] for row in rows]


def test_bands_of_many_colors_are_the_same_dots() -> None:
    """Prevents what is quicker for noise from being another picture."""
    noise = random.Random(8086)
    rows = [noise.randbytes(90) for _ in range(5)]
    rows = [row for row in rows for _ in range(3)]
    (picture,) = pictures(sixel.encode(rows, COLORS))
    assert decoded(picture) == [[percent(color) for color in row] for row in rows]


def test_long_runs_and_pictures_made_larger_are_said_shortly() -> None:
    """Prevents a picture of some KiB from taking a megabyte of the line to the terminal."""
    rows = [bytes([y // 3 % 4]) * 640 for y in range(480)]
    said = sixel.encode(rows, COLORS)
    assert decoded(pictures(said)[0]) == [[percent(color) for color in row] for row in rows]
    assert len(said) < 2500


def test_kittys_pieces_are_one_png_file() -> None:
    """Prevents pieces that are too long, or of which the last is not said to be the last."""
    dots = bytes(n * n * n // 7919 & 0xFF for n in range(320 * 200))
    file = io.BytesIO()
    Image.frombytes("L", (320, 200), dots).save(file, "PNG")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty.encode(file.getvalue(), 40, 15))
    assert len(pieces) > 1
    assert all(len(data) <= kitty.PIECE for _, data in pieces)
    assert [head.rpartition("m=")[2] for head, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    assert "c=40,r=15" in pieces[0][0]
    whole = base64.standard_b64decode("".join(data for _, data in pieces))
    assert Image.open(io.BytesIO(whole)).tobytes() == dots


@pytest.mark.parametrize("size", [(320, 200), (640, 200), (640, 480), (720, 348)])
def test_a_terminal_is_sent_the_screen_in_its_shape(size: tuple[int, int]) -> None:
    """Prevents pictures that are not four to three, that reach out of the panel, or lose dots."""
    dots = bytes((x // 40 + y // 50) % 16 for y in range(size[1]) for x in range(size[0]))
    screen = ScreenReport(0, *size, packed=zlib.compress(dots), palette=COLORS)
    written: list[str] = []
    cells = Region(4, 30, 80, 25)
    TerminalSurface(Ability(PixelKind.SIXEL, (9, 18)), written.append).draw(Wish(screen, cells))
    rows = decoded(pictures(written[0])[0])
    wide, high = len(rows[0]), len(rows)
    assert (wide, high) == fitted(cells, (9, 18))
    assert wide <= 80 * 9
    assert high <= 25 * 18
    assert abs(wide / high - 4 / 3) < 0.01
    assert None not in {dot for row in rows for dot in row}
    assert rows[0][0] == percent(dots[0])
    assert written[0].startswith("\x1b7\x1b[31;")
    assert written[0].endswith("\x1b8")


# -- what a terminal says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ({"TERM": "xterm-kitty"}, PixelKind.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, PixelKind.KITTY),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "TMUX": "/x"}, PixelKind.AUTO),
        ({"TERM": "screen", "KITTY_WINDOW_ID": "1"}, PixelKind.AUTO),
        ({"TERM": "xterm-256color"}, PixelKind.AUTO),
        ({"TERM": "dumb"}, PixelKind.BLOCKS),
        ({}, PixelKind.BLOCKS),
    ],
)
def test_what_the_environment_tells_is_not_asked(names: dict[str, str], kind: PixelKind) -> None:
    """Prevents escape sequences for a terminal behind another, or for one that knows none."""
    assert terminal.by_environment(names) is kind


@pytest.mark.parametrize(
    ("answer", "ability"),
    [
        (b"\x1b[6;18;9t\x1b[?64;1;4;22c", Ability(PixelKind.SIXEL, (9, 18))),
        (b"\x1b[?4c", Ability(PixelKind.SIXEL)),
        (b"\x1b[6;0;0t\x1b[?62;4c", Ability(PixelKind.SIXEL)),
        (b"\x1b[?64;1;22;44c", Ability()),
        (b"\x1b[?6c", Ability()),
        (b"", Ability()),
        (b"garbage" * 700, Ability()),
    ],
)
def test_a_terminal_is_asked_and_left_as_it_was(
    answer: bytes, ability: Ability, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents sixels where there are none, a view that waits for an answer, and a lost echo."""
    termios = pytest.importorskip("termios")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("KITTY_WINDOW_ID", raising=False)
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stderr__", stream)
        before = termios.tcgetattr(theirs)
        asking = Asking(PixelKind.AUTO)
        asked = b""
        while not asked.endswith(b"\x1b[c"):
            asked += os.read(ours, 100)
        os.write(ours, answer)
        assert asking.answer() == ability
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


# -- when it is sent -------------------------------------------------------------------------


def test_dots_are_sent_when_they_change_and_when_something_was_written_over_them() -> None:
    """Prevents a picture a step where nothing has changed, and one that stays half erased."""
    sheet = Sheet()
    overlay = Overlay(sheet, lambda seconds: None, lambda: 0.0)
    wish = Wish(ScreenReport(0, 2, 1, packed=b"x"), Region(0, 0, 8, 4))
    other = Wish(ScreenReport(0, 2, 1, packed=b"y"), wish.cells)
    moved = Wish(other.screen, Region(1, 0, 8, 4))
    for wanted, overwritten in ((wish, False), (wish, False), (wish, True), (other, False)):
        overlay.follow(wanted, lambda cells, said=overwritten: said)  # type: ignore[misc]
    assert sheet.drawn == [wish, wish, other]
    assert sheet.cleared == 0
    overlay.follow(moved, lambda cells: False)
    assert sheet.cleared == 1
    overlay.follow(None, lambda cells: True)
    overlay.follow(None, lambda cells: True)
    assert sheet.cleared == 2
    assert sheet.drawn[-1] == moved


def test_pictures_that_take_long_leave_time_for_all_else() -> None:
    """Prevents a view that draws dots and does nothing else any more, and a last one not drawn."""
    now, waits, sheet = [0.0], list[float](), Sheet()

    class Slow(Sheet):
        def draw(self, wish: Wish) -> None:
            sheet.draw(wish)
            now[0] += 1.0

    overlay = Overlay(Slow(), waits.append, lambda: now[0])
    first, *others = [
        Wish(ScreenReport(0, 2, 1, packed=bytes([n])), Region(0, 0, 8, 4)) for n in range(4)
    ]
    for wish in (first, *others[:2]):
        overlay.follow(wish, lambda cells: False)
    assert sheet.drawn == [first]
    assert waits == [REST, REST]
    now[0] += REST
    overlay.follow(others[2], lambda cells: False)
    assert sheet.drawn == [first, others[2]]


async def _draws(viewer: Viewer) -> None:
    sheet, console = Sheet(), viewer.panel("console")
    viewer.app._overlay = viewer.app.overlay_on(sheet)
    viewer.app.driver.do(lambda target: target.step(DRAWN))
    await viewer.at(DRAWN)
    await viewer.until(lambda: sheet.drawn)
    await viewer.settled()
    assert sheet.drawn[-1].cells == console.content_region
    assert sheet.drawn[-1].screen.dots[:300] == bytes(n & 0xFF for n in range(0xA0 << 8, 0xA12C))
    assert not viewer.text("console").strip()
    count = len(sheet.drawn)
    await viewer.press("s")
    await viewer.at(DRAWN + 1)
    await viewer.settled()
    assert len(sheet.drawn) == count
    await viewer.press("question_mark")
    await viewer.until(lambda: sheet.cleared and "▀" in viewer.text("console"))
    await viewer.press("escape")
    await viewer.until(lambda: len(sheet.drawn) > count)
    assert not viewer.text("console").strip()
    with viewer.app.in_blocks():
        assert "▀" in "\n".join(strip.text for strip in viewer.app._strips())
    await viewer.press("home")
    await viewer.at(0)
    await viewer.until(lambda: sheet.cleared == 2)


def test_dots_lie_over_the_guests_screen_but_not_over_dialogs(ramp: Path) -> None:
    """Prevents pictures over a dialog, files without them, and graphics that stay in the past."""
    viewed("--display", "vga", str(ramp))(_draws)()


def test_a_terminal_that_knows_sixels_is_sent_them(ramp: Path) -> None:
    """Prevents a view that asks a terminal, and then shows it halves of characters all the same."""
    words = ("-m", "blink16.blinkenlights", "--display", "vga", str(ramp))
    view = ViewTerminal(*words, rows=48, columns=160)
    view.until(terminal.QUESTION.encode())
    view.press(b"\x1b[6;20;10t\x1b[?64;4c")
    view.until("▶".encode())
    view.press(b"C")
    view.until(b"\x1bP0;1q")
    view.until(b"\x1b\\\x1b8")
    rows = decoded(pictures(view.seen.decode(errors="replace"))[-1])
    assert abs(len(rows[0]) / len(rows) - 4 / 3) < 0.02
    view.press(b"q")
    assert view.status() == 0
