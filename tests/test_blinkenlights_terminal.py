"""The terminal panel: what escape sequences do there, at any instant, and where keys go."""

from __future__ import annotations

import asyncio
import string
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from minix_disk import MinixDisk
from textual import events
from textual._xterm_parser import XTermParser
from view_pilot import viewing

from blink16.blinkenlights import guest_keys, guest_screen
from blink16.blinkenlights.emulator import ROWS, Emulator
from blink16.blinkenlights.glyphs import CP437
from blink16.blinkenlights.output import Output
from blink16.devices.keys import chord
from blink16.reports.screen import ScreenReport


def text(emulator: Emulator, first: int = 0, count: int = ROWS) -> list[str]:
    """Return what stands on a terminal, without blanks at the ends."""
    rows = emulator.rows(first, count)
    return ["".join(cell.text for cell in row).rstrip() for row in rows]


def showing(output: bytes) -> Emulator:
    """Return a terminal that was shown something."""
    emulator = Emulator()
    emulator.show(output)
    return emulator


def test_escape_sequences_move_color_and_clear() -> None:
    """Prevents a screen editor from being a heap of brackets."""
    emulator = showing(b"gone\x1b[2J\x1b[3;5H\x1b[1;31mred\x1b[m\x1b[1;1Htop\x1b(0q\x1b(B\xc4")
    assert text(emulator)[:3] == ["top\u2500\u2500", "", "    red"]
    cell = next(iter(emulator.rows(2, 1)))[4]
    assert (cell.text, cell.ink, cell.bold) == ("r", "red", True)
    assert emulator.cursor == (0, 5)
    assert showing(b"\x1b[?25l").cursor is None


def test_a_console_that_sends_no_cr_shows_lines_and_no_stairs() -> None:
    """Prevents stairs where a server's output goes to a pipe, or to somebody's terminal."""
    emulator = showing(b"a\nb")
    assert text(emulator)[:2] == ["a", " b"]
    emulator.return_at_line_feeds(True)
    emulator.show(b"a\nb")
    assert text(emulator)[:2] == ["a", "b"]
    emulator.show(b"c\nd")  # another past
    assert text(emulator)[:2] == ["c", "d"]


def test_lines_that_leave_the_top_are_kept() -> None:
    """Prevents the beginning of a long output from being lost."""
    emulator = showing(b"".join(b"line %d\r\n" % n for n in range(60)))
    assert text(emulator, -36, 3) == ["line 0", "line 1", "line 2"]
    assert text(emulator)[-2:] == ["line 59", ""]


def test_the_terminal_answers_where_its_cursor_is_but_not_in_the_past() -> None:
    """Prevents a program from waiting for an answer, and answers to questions of long ago."""
    emulator = Emulator()
    assert emulator.show(b"\x1b[5;9H\x1b[6n") == b"\x1b[5;9R"
    assert emulator.show(b"\x1b[5;9H") == b""
    assert emulator.show(b"\x1b[5;9H\x1b[6nx") == b"\x1b[5;9R"


PIECES = st.one_of(
    st.sampled_from(
        [
            b"\r\n",
            b"\x1b[2J",
            b"\x1b[H",
            b"\x1b[7m",
            b"\x1b[10;20H",
            b"\x1b[2;8r",
            b"\x1b[L",
            b"\x1b[3P",
        ]
    ),
    st.text(string.ascii_letters, min_size=1, max_size=30).map(str.encode),
    st.binary(max_size=6).map(lambda data: b"\x1b[" + data),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PIECES, max_size=30), st.lists(st.floats(0, 1), max_size=4), st.integers(0, 8))
@example([b"A", b"\x1b[M"], [0.0], 0)
def test_a_terminal_seen_at_an_instant_is_as_it_was_then(
    pieces: list[bytes], instants: list[float], repeated: int
) -> None:
    """Prevents a picture of the past that depends on where one has been since."""
    output = b"".join(pieces) * (repeated + 1)
    travelled = showing(output)
    for instant in (*instants, 1.0):
        now = output[: int(instant * len(output))]
        travelled.show(now)
        straight = showing(now)
        assert list(travelled.rows(-50, 50 + ROWS)) == list(straight.rows(-50, 50 + ROWS))
        assert travelled.cursor == straight.cursor


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"A\x1b[M", ["", "", ""]),
        (b"A\r\n\nC\x1b[H\x1b[2M", ["C", "", ""]),
        (b"A\r\n\nC\x1b[2;1H\x1b[L", ["A", "", "", "C"]),
        (b"\r\nB\x1b[H\x1b[L", ["", "", "B"]),
    ],
)
def test_lines_are_deleted_and_inserted_where_others_are_empty(
    output: bytes, shown: list[str]
) -> None:
    """Prevents lines that stay where they were deleted since nothing was ever written below."""
    assert text(showing(output))[: len(shown)] == shown


def test_a_long_output_is_gone_back_in_and_its_beginning_forgotten() -> None:
    """Prevents kept instants from being taken for those of other bytes."""
    output = b"".join(b"\x1b[3%dmline %d\r\n" % (n % 8, n) for n in range(2500))
    emulator = showing(output)
    emulator.show(output[:20_000])
    assert list(emulator.rows(-30, 55)) == list(showing(output[:20_000]).rows(-30, 55))
    emulator.show(output[5_000:30_000], 5_000)
    assert list(emulator.rows(-30, 55)) == list(showing(output[:30_000]).rows(-30, 55))
    emulator.show(b"other", 0)
    assert text(emulator)[0] == "other"


def test_output_is_put_right_when_the_history_tells_when_it_came() -> None:
    """Prevents a terminal that is empty in the past of a run at full speed, and doubled output."""
    output = Output()
    output.add(b"abc", 100)
    output.correct(50, [(10, b"a"), (20, b"b")])
    output.correct(100, [(60, b"c")])
    assert [output.until(at) for at in (9, 10, 20, 59, 60, 100)] == [
        b"",
        b"a",
        b"ab",
        b"ab",
        b"abc",
        b"abc",
    ]
    output.end(15)
    output.add(b"X", 16)
    assert output.until(99) == b"aX"
    output.correct(16, [(16, b"X")])
    output.add(b"Y", 30)
    assert output.until(30) == b"aXY"
    assert output.known == 16


@pytest.mark.parametrize(
    ("key", "character", "on_pc", "on_terminal"),
    [
        ("a", "a", None, "a"),
        ("enter", "\r", "enter", "\r"),
        ("escape", "\x1b", "esc", "\x1b"),
        ("up", None, "up", "\x1b[A"),
        ("pageup", None, "pgup", "\x1b[5~"),
        ("delete", None, "del", "\x1b[3~"),
        ("ctrl+c", None, "ctrl-c", "\x03"),
        ("alt+x", None, "alt-x", "\x1bx"),
        ("alt+shift+x", None, "alt-shift-x", "\x1bX"),
        ("alt+minus", "-", "alt-minus", "\x1b-"),
        ("alt+enter", None, "alt-enter", "\x1b\r"),
        ("alt+ctrl+a", None, "alt-ctrl-a", "\x1b\x01"),
        ("alt+ctrl+delete", None, "alt-ctrl-del", None),
        ("ctrl+backslash", None, "ctrl-\\", "\x1c"),
        ("ctrl+@", None, "ctrl-2", None),
        ("ctrl+pause", None, "ctrl-break", None),
        ("print_screen", None, "prtsc", None),
        ("add", None, "keypad+", None),
        ("ctrl+left", None, "ctrl-left", None),
        ("f1", None, "f1", "\x1bOP"),
        ("shift+tab", None, "shift-tab", "\x1b[Z"),
        ("full_stop", ".", None, "."),
    ],
)
def test_a_key_is_what_a_keyboard_or_a_terminal_sends(
    key: str, character: str | None, on_pc: str | None, on_terminal: str | None
) -> None:
    """Prevents names that `monitor key` does not know, and programs that get other codes."""
    event = events.Key(key, character)
    assert guest_keys.on_pc(event) == on_pc
    assert on_pc is None or chord(on_pc)
    assert guest_keys.on_terminal(event, application=False) == on_terminal
    if key == "up":
        assert guest_keys.on_terminal(event, application=True) == "\x1bOA"


@pytest.mark.parametrize(
    ("key", "character", "text"),
    [
        ("a", "a", "a"),
        ("enter", "\r", "\r"),
        ("space", " ", " "),
        ("tab", "\t", "\t"),
        ("backspace", "\x7f", "\b"),
        ("escape", "\x1b", None),
        ("alt+x", None, None),
        ("alt+minus", "-", None),
        ("shift+tab", None, None),
        ("up", None, None),
    ],
)
def test_text_for_a_pc_keeps_its_order(key: str, character: str | None, text: str | None) -> None:
    """Prevents Enter from overtaking the word before it, which waits until the guest reads."""
    assert guest_keys.text_on_pc(events.Key(key, character)) == text


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("\x1bf", ["alt+f"]),
        ("\x1bb", ["alt+b"]),
        ("\x1b1", ["alt+1"]),
        ("\x1b-", ["alt+minus"]),
        ("\x1b\r", ["alt+enter"]),
        ("\x1bF", ["alt+shift+f"]),
        ("\x1b\x01", ["alt+ctrl+a"]),
        ("\x1bf\x1bx", ["alt+f", "alt+x"]),
        ("\x1b", ["escape"]),
        ("\x1b[A", ["up"]),
        ("\x1bOP", ["f1"]),
        ("\x1b[3;7~", ["alt+ctrl+delete"]),
        ("f", ["f"]),
    ],
)
def test_alt_and_a_key_is_not_what_textual_makes_of_it(sent: str, keys: list[str]) -> None:
    """Prevents alt-f, which opens a DOS program's menu, from being ctrl-right there, and alt-1 from
    being what it is on a Macintosh.
    """
    parser = XTermParser()
    events_ = [*parser.feed(guest_keys.with_alt(sent)), *parser.feed("")]
    assert [event.key for event in events_ if isinstance(event, events.Key)] == keys


@given(st.text("\x1b[O;~0123456789abM\r", max_size=8))
def test_only_alt_and_a_key_is_told_otherwise(sent: str) -> None:
    """Prevents the mouse, the arrows or what is pasted from being taken for Alt."""
    if sent.count("\x1b") * 2 != len(sent) or "\x1b[" in sent or "\x1bO" in sent:
        assert guest_keys.with_alt(sent) == sent


SHOWS_KEYS = bytes.fromhex(
    "b80300cd10"  # again: mov ah,10h / int 16h / bx as four digits and a blank, by int 10h
    "b410cd1689c3b9040051b104d3c35988d8240f04303c3976020407b40e53bb0700cd105be2e3b8200ecd10ebd3"
)


def test_a_dos_program_that_waits_for_a_key_gets_all_kinds_of_them(tmp_path: Path) -> None:
    """Prevents a view in which characters come to a program, but neither F1 nor alt-f."""
    program = tmp_path / "keys.com"
    program.write_bytes(SHOWS_KEYS)

    async def test() -> None:
        async with viewing([str(program)]) as viewer:

            def is_there(text: str) -> bool:
                return text in viewer.text("console")

            await viewer.press("C")
            viewer.panel("console").focus()
            await viewer.until(lambda: viewer.app.guest_has_keys)
            for key, code in (("a", "1E61"), ("alt+f", "2100"), ("f1", "3B00"), ("end", "4F00")):
                await viewer.press(key)
                await viewer.until(partial(is_there, code))
            await viewer.press("f12", "escape")
            await viewer.until(lambda: not viewer.picture.running)

    asyncio.run(test())


def test_a_pcs_screen_has_its_colors_its_palette_and_an_mdas_look() -> None:
    """Prevents a monochrome screen in blue, and the loss of a palette that the guest has set."""
    cells = bytes.fromhex("41 1e 42 07 43 70 44 01")
    screen = ScreenReport(0, 4, 1, cells=cells, cursor=(0, 1))
    drawn = guest_screen.text_cells(screen, 0, CP437)
    assert "".join(glyph for glyph, _ in drawn) == "ABCD"
    assert drawn[0][1].color is not None
    assert drawn[0][1].color.name == "#ffff55"
    assert drawn[1][1].reverse
    mono = ScreenReport(0, 4, 1, cells=cells, mono=True)
    assert guest_screen.text_cells(mono, 0, CP437)[3][1].underline
    own = ScreenReport(0, 4, 1, cells=cells, palette=bytes(14 * 3) + b"\1\2\3" + bytes(3))
    color = guest_screen.text_cells(own, 0, CP437)[0][1].color
    assert color is not None
    assert color.name == "#010203"


def test_vi_of_the_elks_floppy_is_used_in_the_panel(shared: Path, tmp_path: Path) -> None:
    """Prevents screen editors, and what they need (Escape, twice too), from working in gdb only."""
    disk = MinixDisk((shared / "images" / "fd1440.img").read_bytes())
    (tmp_path / "tmp").mkdir()
    (tmp_path / "etc").mkdir()
    for path, there in (("/bin/vi", "vi"), ("/etc/termcap", "etc/termcap")):
        file = disk.find(path)
        (tmp_path / there).write_bytes(disk.content(file.inode)[: file.size])
    (tmp_path / "notes").write_bytes(b"hello\n")
    words = ["--root", str(tmp_path), "--writable", str(tmp_path / "vi"), "/notes"]

    async def test() -> None:
        async with viewing(words, size=(80, 24)) as viewer:
            await viewer.press("C", "enter")
            await viewer.until(lambda: "hello" in viewer.text("console"))
            for keys, answer in (
                ("iab", "abhello"),  # each is answered before the next is pressed: Escape and a
                (["escape"], "\x1b[1;2H"),  # key that come together are a function key
                (["escape"], "\a"),
                ("x", "ahello"),
            ):
                seen = len(viewer.picture.output)
                await viewer.press(*keys)
                await viewer.until(
                    lambda seen=seen, answer=answer: answer.encode() in viewer.picture.output[seen:]  # type: ignore[misc]
                )
            await viewer.until(lambda: viewer.text("console").startswith("ahello"))
            await viewer.enter(":wq")
            await viewer.until(lambda: not viewer.app.driver.is_running)
            await viewer.press("f12")
            await viewer.until(lambda: viewer.app.focused is viewer.panel("code"))
            assert (tmp_path / "notes").read_bytes() == b"ahello\n"
            assert "\x1b" not in viewer.app.export_screenshot()

    asyncio.run(test())
