"""What stands on the screen: as text, as a picture, as ANSI."""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from boot_sectors import Pc, sector
from hypothesis import example, given
from hypothesis import strategies as st

from blink16.bios import display, font, picture
from blink16.bios.screen_content import (
    GLYPHS,
    MAX_COLUMNS,
    MAX_ROWS,
    DotScreen,
    ScreenContent,
    TextScreen,
)
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine
from blink16.screens.painter import Painter

SCREEN = 0xB8000


def shown(pc: Pc) -> ScreenContent | None:
    """Return what a PC shows."""
    return display.read(pc.machine.memory, pc.machine.find(Video))


def text_of(pc: Pc) -> TextScreen:
    """Return a PC's text screen."""
    screen = shown(pc)
    assert isinstance(screen, TextScreen)
    return screen


def decode(data: bytes) -> tuple[int, int, bytes]:
    """Return width, height and dots of a PNG file like ours, every checksum compared."""
    assert data.startswith(picture.SIGNATURE)
    at, parts = len(picture.SIGNATURE), {}
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + content),)
        parts[kind] = content
        at += 12 + length
    assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = struct.unpack_from(">II", parts[b"IHDR"])
    raw = zlib.decompress(parts[b"IDAT"])
    lines = [raw[at + 1 : at + 1 + width] for at in range(0, len(raw), width + 1)]
    assert len(lines) == height
    return width, height, b"".join(lines)


# -- text ------------------------------------------------------------------------------------


def test_text_and_cursor_are_read() -> None:
    """The dump must show what the guest printed, and where it would go on."""
    pc = Pc()
    for code in b"Hi\r\n>":
        pc.call(0x10, 0x0E00 | code)
    screen = text_of(pc)
    assert screen.lines()[:2] == ["Hi", ">"]
    assert (screen.columns, screen.rows, screen.cursor) == (80, 25, (1, 1))


def test_direct_writes_and_pages_are_seen() -> None:
    """Programs write to video memory themselves, and show other pages."""
    pc = Pc()
    pc.machine.memory.write(SCREEN + 0x1000 + 2, b"\x03\x1e")
    pc.call(0x10, 0x0501)
    assert text_of(pc).lines()[0] == " ♥"


def test_forty_columns() -> None:
    """Mode 1 has 40 columns."""
    pc = Pc()
    pc.call(0x10, 0x0001)
    pc.call(0x10, 0x0E58)
    assert (text_of(pc).columns, text_of(pc).lines()[0]) == (40, "X")


def test_every_code_is_one_character() -> None:
    """A control character that moved the reader's cursor would spoil the dump."""
    assert len(GLYPHS) == 256
    assert all(glyph.isprintable() for glyph in GLYPHS)


def test_a_screen_that_is_off_is_none() -> None:
    """With video disabled there is nothing to see."""
    pc = Pc()
    pc.machine.bus.write(0x3D8, 0x21)
    assert shown(pc) is None


def test_without_an_adapter_the_data_area_tells() -> None:
    """DOS programs have a screen in memory, but no 6845."""
    machine = Machine()
    machine.memory.write(0x44A, b"\x50")
    machine.memory.write(SCREEN, b"O\7K\7")
    screen = display.read(machine.memory, None)
    assert isinstance(screen, TextScreen)
    assert screen.lines()[0] == "OK"


@given(st.lists(st.tuples(st.integers(0, 17), st.integers(0, 255)), max_size=20), st.binary())
@example([(6, 106), (12, 31)], b"").via("a long screen late in the memory passes its end twice")
def test_nonsense_in_the_6845_is_bounded(writes: list[tuple[int, int]], mode: bytes) -> None:
    """Any registers must lead to some picture of bounded size."""
    pc = Pc(sector(b""))
    for register, value in writes:
        pc.machine.bus.write(0x3D4, register)
        pc.machine.bus.write(0x3D5, value)
    for value in mode[:2]:
        pc.machine.bus.write(0x3D8, value)
    screen = shown(pc)
    if isinstance(screen, TextScreen):
        assert len(screen.cells) == 2 * screen.columns * screen.rows
        assert screen.columns <= MAX_COLUMNS
        assert screen.rows <= MAX_ROWS
        assert screen.text().count("\n") == screen.rows - 1


# -- pictures --------------------------------------------------------------------------------


def test_text_picture_has_the_characters_dots() -> None:
    """An A in yellow on blue must have the font's dots in these colors."""
    cells = b"A\x1e" + b" \x07" * 1999
    screen = TextScreen(80, 25, cells, None, range(0))
    width, height, dots = decode(picture.png(screen))
    assert (width, height) == (640, 400)
    for y in range(16):
        line = font.large()[ord("A") * 16 + y]
        expected = bytes(14 if line >> bit & 1 else 1 for bit in range(7, -1, -1))
        assert dots[y * 640 : y * 640 + 8] == expected


def test_the_cursor_is_drawn() -> None:
    """The cursor is the last two lines of a cell of eight."""
    screen = TextScreen(80, 25, b" \x07" * 2000, (0, 1), range(6, 8))
    _, _, dots = decode(picture.png(screen))
    assert [y for y in range(16) if dots[y * 640 + 8]] == [12, 13, 14, 15]


def test_color_graphics_picture() -> None:
    """Mode 4: two bits a dot, lines interleaved, the palette of the color register."""
    pc = Pc()
    pc.call(0x10, 0x0004)
    pc.machine.memory.write(SCREEN, b"\x1b")
    pc.machine.memory.write(SCREEN + 0x2000, b"\xc0")
    screen = shown(pc)
    assert isinstance(screen, DotScreen)
    assert (screen.width, screen.height) == (320, 200)
    assert screen.dots[:4] == bytes((0, 11, 13, 15))
    assert screen.dots[320:324] == bytes((15, 0, 0, 0))
    width, height, dots = decode(picture.png(screen))
    assert (width, height, dots[:4]) == (640, 400, bytes((0, 0, 11, 11)))


def test_fine_and_hercules_pictures() -> None:
    """Mode 6 has 640 dots a line, Hercules 720x348."""
    pc = Pc()
    pc.call(0x10, 0x0006)
    pc.machine.memory.write(SCREEN, b"\x81")
    screen = shown(pc)
    assert isinstance(screen, DotScreen)
    assert (screen.width, screen.dots[0], screen.dots[7]) == (640, 15, 15)
    machine = Machine()
    video = Video(machine, machine.bus, Adapter.HERCULES)
    video.state = video.state._replace(crtc=b"\x01" * 18, mode=0x0A)
    machine.memory.write(0xB2000, b"\x80")
    hercules = display.read(machine.memory, video)
    assert isinstance(hercules, DotScreen)
    assert (hercules.width, hercules.height, hercules.dots[720]) == (720, 348, 7)
    assert decode(picture.png(hercules))[:2] == (720, 348)


def test_a_dark_screen_is_a_black_picture() -> None:
    """No picture at all would be no PNG."""
    width, height, dots = decode(picture.png(None))
    assert not any(dots)
    assert (width, height) == (640, 400)


def test_the_font_has_all_characters() -> None:
    """256 characters; those that can be seen have dots, blanks have none."""
    large = font.large()
    assert len(large) == 256 * 16
    dark = [code for code in range(256) if not any(large[code * 16 : code * 16 + 16])]
    assert dark == [0x00, 0x20, 0xFF]
    assert len(font.small()) == 256 * 8


# -- a terminal ------------------------------------------------------------------------------


class Terminal:
    """Understands what `Painter` sends, and no more."""

    def __init__(self, lines: int = 25) -> None:
        self.rows = [[" "] * 80 for _ in range(lines)]
        self.at = (0, 0)

    def show(self, text: str) -> None:
        """Take what is sent."""
        for sequence, character in re.findall(r"(\x1b\[\??[0-9;]*[A-Za-z])|(.)", text):
            if character:
                row, column = self.at
                self.rows[row][column] = character
                self.at = row, column + 1
            elif sequence == "\x1b[2J":
                self.rows = [[" "] * 80 for _ in self.rows]
            elif sequence.endswith("H"):
                row, _, column = sequence[2:-1].partition(";")
                self.at = int(row or 1) - 1, int(column or 1) - 1


CELLS = st.lists(
    st.tuples(st.integers(0, 1999), st.integers(0, 255), st.integers(0, 255)), max_size=30
)


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_terminal_shows_the_screen(pictures: list[list[tuple[int, int, int]]]) -> None:
    """After any changes the terminal must show just what the screen has, and the cursor."""
    painter, terminal = Painter(), Terminal()
    cells = bytearray(b" \x07" * 2000)
    for changes in pictures:
        for place, code, attribute in changes:
            cells[2 * place : 2 * place + 2] = bytes((code, attribute))
        screen = TextScreen(80, 25, bytes(cells), (3, 4), range(6, 8))
        terminal.show(painter.paint(screen))
        assert ["".join(row).rstrip() for row in terminal.rows] == screen.lines()
        assert terminal.at == (3, 4)
        assert painter.paint(screen) == ""


class SmallTerminal(Terminal):
    """A terminal on which not all of the screen has room."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(max(25, lines))
        self.size = columns, lines

    def text(self) -> list[str]:
        """Return what it shows; IndexError if something was written beyond its edges."""
        columns, lines = self.size
        beyond = [row[columns:] for row in self.rows] + [row[:] for row in self.rows[lines:]]
        assert not any("".join(row).strip() for row in beyond)
        return ["".join(row).rstrip() for row in self.rows[:lines]]


def numbered(cursor: tuple[int, int] | None) -> TextScreen:
    """Return a screen whose rows tell their numbers, at both ends."""
    rows = [f"{row:<78}{row:>2}" for row in range(25)]
    cells = b"".join(bytes((ord(c), 7)) for c in "".join(rows))
    return TextScreen(80, 25, cells, cursor, range(6, 8))


def test_a_small_terminal_follows_the_cursor() -> None:
    """On 80x24, the usual size, the line that one types on must not be beyond the edge."""
    painter, terminal = Painter(), SmallTerminal(60, 10)
    for row, top in ((24, 15), (20, 15), (3, 3), (12, 3), (13, 4)):
        terminal.show(painter.paint(numbered((row, 5)), terminal.size))
        assert [int(line) for line in terminal.text()] == list(range(top, top + 10))
        assert terminal.at == (row - top, 5)
    painter.paint(numbered((13, 70)), terminal.size)  # a cursor beyond the edge is not shown
    painter.paint(numbered(None), terminal.size)


def test_the_status_has_the_last_line() -> None:
    """What the server tells must not be written over the picture."""
    painter, terminal = Painter(), SmallTerminal(80, 25)
    terminal.show(painter.paint(numbered((24, 0)), terminal.size, "Listening"))
    assert terminal.text()[:24] == numbered(None).lines()[1:]
    assert terminal.text()[24] == "Listening"
    terminal.show(painter.paint(numbered((24, 0)), terminal.size, "x"))
    assert terminal.text()[24] == "x"
    assert terminal.at == (23, 0)
    assert painter.paint(numbered((24, 0)), terminal.size, "x") == ""


@pytest.mark.parametrize("size", [(0, 0), (0, 25)])
def test_a_terminal_of_unknown_size_has_no_status(size: tuple[int, int]) -> None:
    """A terminal that had lost its size, as one that is gone, ended the thread that paints."""
    text = TextScreen(2, 1, b"A\7B\7", (0, 0), range(7, 8))
    assert Painter().paint(text, size, "status") == Painter().paint(text)


def test_a_resized_terminal_is_painted_anew() -> None:
    """A terminal loses its picture when its window changes."""
    painter = Painter()
    painter.paint(numbered((0, 0)), (80, 25))
    terminal = SmallTerminal(70, 20)
    terminal.show(painter.paint(numbered((0, 0)), (70, 20)))
    assert len([line for line in terminal.text() if line]) == 20


QUARTERS = DotScreen(8, 6, (bytes((4,)) * 4 + bytes((2,)) * 4) * 3 + (b"\1" * 4 + b"\x0f" * 4) * 3)
"""Red and green above blue and white."""


@pytest.mark.parametrize(
    ("colors", "red", "white"),
    [
        (1 << 24, "38;2;170;0;0", "48;2;255;255;255"),
        (256, "38;5;124", "48;5;231"),
        (16, "31", "107"),
    ],
)
def test_dots_are_halves_of_characters(colors: int, red: str, white: str) -> None:
    """Prevents a line that says how many dots there would be to see."""
    painted = Painter(colors=colors).paint(QUARTERS, (2, 3), "x")
    first, second = painted.partition(f"\x1b[{red};")[2].split("▀")[:2]
    assert first.endswith("m")
    assert second.endswith(f";{white}m")
    assert painted.count("▀") == 2


def test_only_rows_of_dots_that_change_are_sent() -> None:
    """Prevents a terminal that is sent the whole picture 25 times a second."""
    painter = Painter()
    painter.paint(QUARTERS, (80, 25))
    changed = QUARTERS.dots[:-1] + b"\0"
    painted = painter.paint(DotScreen(8, 6, changed), (80, 25))
    assert 0 < painted.count("▀") < 80 * 6
    assert painter.paint(DotScreen(8, 6, changed), (80, 25)) == ""
    assert painter.paint(numbered(None), (80, 25)).count("▀") == 0
    assert painter.paint(QUARTERS, (80, 25)).count("▀") > 80 * 20


def test_characters_of_two_lines_are_dots() -> None:
    """160x100: a picture of half characters, of which a terminal shows a quarter otherwise."""
    screen = TextScreen(80, 100, b"\xde\x1c" * 8000, None, range(0), height=2)
    painted = Painter(colors=256).paint(screen, (80, 30))
    assert painted.count("▀") == 80 * 30


@given(
    st.builds(
        lambda width, height, palette: DotScreen(width, height, bytes(width * height), palette),
        st.integers(1, 700),
        st.integers(1, 40),
        st.binary(max_size=10),
    ),
    st.tuples(st.integers(0, 300), st.integers(0, 100)),
)
def test_any_dots_have_room_on_any_terminal(screen: DotScreen, size: tuple[int, int]) -> None:
    """Prevents an error, or a picture that is larger than its terminal."""
    painted = Painter().paint(screen, size)
    if size[0] > 0:
        assert painted.count("▀") <= max(1, size[0]) * max(1, size[1])
