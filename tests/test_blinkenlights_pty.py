"""The view on real terminals of all kinds: whatever comes, they are left as they were before."""

from __future__ import annotations

import errno
import io
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from view_terminal import PATIENCE, VIEW, ViewTerminal

from blink16.blinkenlights import main, terminal_kind
from blink16.blinkenlights.terminal_driver import TerminalDriver, _Sheet

FAULTY = (
    "from blink16.blinkenlights.app import Blinkenlights as B; "
    "B.action_theme = lambda self: 1 / 0; "
    "from blink16.blinkenlights.main import main; main(['banner', 'HI'])"
)
ARROW = "▶"
ROUND, SQUARE = "╭", "┌"
FIRST = "bx, sp"
"""The sample's first instruction."""
SUSPEND, REDRAW, ESCAPE = b"\x1a", b"\x0c", b"\x1b"
End = Callable[[ViewTerminal], object]


def sent(*numbers: int) -> End:
    """Return who sends signals."""

    def end(view: ViewTerminal) -> None:
        for number in numbers:
            view.signal(number)

    return end


def pressed(*keys: bytes) -> End:
    """Return who presses keys, one after the other."""

    def end(view: ViewTerminal) -> None:
        for key in keys:
            view.press(key)

    return end


def both(*ends: End) -> End:
    """Return who does several things."""

    def end(view: ViewTerminal) -> None:
        for one in ends:
            one(view)

    return end


def to_server(number: int, *then: bytes) -> End:
    """Return who sends the view's server a signal, and presses keys."""

    def end(view: ViewTerminal) -> None:
        (server,) = view.children
        os.kill(server, number)
        pressed(*then)(view)

    return end


def killed_server(view: ViewTerminal) -> None:
    """Kill the view's server, and quit when that is told."""
    to_server(signal.SIGKILL, b"s")(view)
    view.until("the machine is gone")
    view.press(b"q")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        pytest.param(sent(signal.SIGTERM), 143, id="SIGTERM"),
        pytest.param(killed_server, 0, id="server killed"),
        pytest.param(to_server(signal.SIGSTOP, b"s", b"q"), 0, id="server silent"),
        *(
            pytest.param(end, status, id=name, marks=pytest.mark.slow)
            for name, end, status in (
                ("q", pressed(b"q"), 0),
                ("SIGHUP", sent(signal.SIGHUP), 129),
                ("SIGINT", sent(signal.SIGINT), 130),
                ("SIGQUIT", sent(signal.SIGQUIT), 131),
                ("impatient", sent(*[signal.SIGTERM] * 5), 143),
                ("of two kinds", sent(signal.SIGINT, signal.SIGINT), 130),
                ("running", both(pressed(b"C"), sent(signal.SIGTERM)), 143),
                ("animated", both(pressed(b"c"), sent(signal.SIGINT)), 130),
                (
                    "silent, told to end",
                    both(to_server(signal.SIGSTOP, b"C"), sent(signal.SIGTERM)),
                    143,
                ),
                ("asked something", pressed(b":", b"lacks", b"\r", b"q"), 0),
                ("in help", both(pressed(b"?"), sent(signal.SIGTERM)), 143),
            )
        ),
    ],
)
def test_the_terminal_is_as_before(end: End, status: int) -> None:
    """Prevents a shell without echo and cursor after the view, and servers that outlive it."""
    with ViewTerminal(*VIEW, "banner", "HI") as view:
        view.until(ARROW)
        servers = view.children
        end(view)
        assert view.status() == status
        assert view.left_behind() == []
        assert not [pid for pid in servers if Path(f"/proc/{pid}").exists()]


def test_it_is_stopped_and_continued_like_other_programs() -> None:
    """Prevents a shell on which nothing is seen after ctrl-z, half a screen after fg, two threads
    that read the keyboard after kill -STOP, and a terminal that is another in the end.
    """
    with ViewTerminal(*VIEW, "banner", "HI") as view:
        view.until(ARROW)
        before = view.at_rest()
        view.press(SUSPEND)
        view.stopped()
        assert view.left_behind() == []
        for number in (signal.SIGCONT, signal.SIGSTOP):  # of which the second needs another
            view.wipe()
            view.signal(number)
            if number == signal.SIGSTOP:
                view.stopped()
                view.signal(signal.SIGCONT)
            view.until(lambda: view.text == before)
        view.wipe()
        view.press(REDRAW)
        view.until(lambda: view.text == before)
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


@pytest.mark.slow
def test_a_storm_of_signals_leaves_it_whole() -> None:
    """Prevents signals from coming between the halves of what another one does."""
    storm = random.Random(16)
    numbers = [signal.SIGTSTP, signal.SIGCONT, signal.SIGCONT, signal.SIGWINCH, signal.SIGSTOP]
    with ViewTerminal(*VIEW, "banner", "HI") as view:
        view.until(ARROW)
        before = view.at_rest()
        for _ in range(300):
            view.signal(storm.choice(numbers))
            view.read(0)
        for _ in range(3):
            view.signal(signal.SIGCONT)
            view.watch(1)
        view.wipe()
        view.press(REDRAW)
        view.until(lambda: view.text == before)
        view.press(b"s")
        view.until("time  1")
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


def test_bytes_that_are_no_text_do_not_end_it() -> None:
    """Prevents a traceback where a terminal without UTF-8 sends a letter, or an old mouse."""
    with ViewTerminal(*VIEW, "banner", "HI") as view:
        view.until(ARROW)
        view.press(
            b"\xff\xe9\x80\x1b[M \xf0\xf0\x1b[M#\xe5\xe5\x1b[<999999999999;;M\x1b[;;;;~\x1b]"
        )
        view.press(b"\x07\x1b[200~\xc3\x1b[201~\x9b1;2R")
        view.watch(0.5)
        view.press(b"\x1b\x1b")
        view.watch(0.5)
        # keys by numbers that no character has; what is typed behind them is no part of them
        view.press(b"\x1b[99999999u\x1b[99999999999999999999u\x1b[57344;1;55296us")
        view.until("time  1")
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


def test_a_size_that_no_terminal_has_is_not_believed() -> None:
    """Prevents some bytes of nonsense from taking all memory: they say how large a window is."""
    driver = object.__new__(TerminalDriver)
    sent: list[Resize] = []
    nonsense = Resize.from_dimensions((3_000_000, 24), (1, 1))
    with mock.patch.object(LinuxDriver, "process_message", sent.append):
        driver.process_message(nonsense)
    assert [message.size for message in sent] == [(1000, 24)]


KINDS: dict[str, tuple[dict[str, str | None], str]] = {
    # what is other in the environment, and what the frames are drawn with
    "LC_ALL=C": ({"LC_ALL": "C"}, "+"),
    "LC_ALL=POSIX": ({"LC_ALL": "POSIX"}, "+"),
    "LANG=C": ({"LC_ALL": None, "LC_CTYPE": None, "LANG": "C"}, "+"),
    "no locale": ({"LC_ALL": None, "LC_CTYPE": None, "LANG": None}, ROUND),
    "no coercion": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "+"),
    "ascii": ({"PYTHONIOENCODING": "ascii"}, "+"),
    "latin-1": ({"PYTHONIOENCODING": "latin-1"}, "+"),
    "utf-16": ({"PYTHONIOENCODING": "utf-16"}, "+"),
    "vt100": ({"TERM": "vt100"}, ROUND),
    "linux": ({"TERM": "linux"}, SQUARE),
    "of no known kind": ({"TERM": "frobnicator-9"}, ROUND),
    "screen": ({"TERM": "screen"}, ROUND),
    "no color": ({"NO_COLOR": "1"}, ROUND),
    "true color": ({"COLORTERM": "truecolor"}, ROUND),
    "wrong size": ({"COLUMNS": "-5", "LINES": "x"}, ROUND),
}
CHEAP = ("LC_ALL=C",)


@pytest.mark.parametrize(
    ("environment", "corner"),
    [
        pytest.param(*kind, id=name, marks=() if name in CHEAP else pytest.mark.slow)
        for name, kind in KINDS.items()
    ],
)
def test_it_is_drawn_on_terminals_of_all_kinds(
    environment: dict[str, str | None], corner: str
) -> None:
    """Prevents heaps of question marks, and characters that a terminal hasn't."""
    with ViewTerminal(*VIEW, "banner", "HI", environment=environment) as view:
        view.until(FIRST)
        view.until("q quit")
        assert view.text.startswith(corner)
        view.press(b"s")
        view.until("time  1")
        if corner == "+":
            assert view.text.isascii()
            assert "?" not in view.text.replace("? help", "")
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 50), (0, 0), (500, 200)], ids=str)
@pytest.mark.slow
def test_it_begins_on_terminals_of_all_sizes(size: tuple[int, int]) -> None:
    """Prevents a fault where there is room for nothing, and one where there is too much."""
    with ViewTerminal(*VIEW, "banner", "HI", columns=size[0], rows=size[1]) as view:
        view.until(terminal_drawn(view))
        view.resize(80, 24)
        view.until(FIRST)
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


SIZES = ((1, 1), (2, 1), (1, 50), (0, 0), (3, 3), (10, 4), (500, 200), (30, 10), (80, 3), (80, 24))
STATES = {
    # keys that lead there, and those that lead away
    "standing": (b"", b""),
    "help": (b"?", ESCAPE),
    "palette": (b"\x10", ESCAPE),
    "asked": (b":monitor", ESCAPE),
    "searching": (b"/", ESCAPE),
    "animated": (b"c", ESCAPE),
    "animated back": (b"r", ESCAPE),
    "full speed": (b"C", ESCAPE),
    "large": (b"z", ESCAPE),
    "keyboard": (b"\r", b"\x1b[24~"),
    "calls": (b"l", b"l"),
    "no column": (b"2", b"2"),
}


@pytest.mark.slow
def test_it_is_resized_in_any_state(tmp_path: Path) -> None:
    """Prevents a fault in a dialog, or of a machine that runs, where a window has no room left."""
    program = tmp_path / "loop.com"
    program.write_bytes(bytes.fromhex("40 a3 00 05 89 c3 eb f8"))
    with ViewTerminal(*VIEW, str(program)) as view:
        view.until(ARROW)
        for enter, leave in STATES.values():
            view.press(enter)
            view.watch(0.2)
            for size in SIZES:
                view.resize(*size)
                view.watch(0.25)
                assert view.is_alive
            view.press(leave)
            view.watch(0.3)
            view.press(REDRAW)
            view.until(lambda: "q quit" in view.text and ARROW in view.text)
        view.press(b"q")
        assert view.status() == 0
        assert view.left_behind() == []


def terminal_drawn(view: ViewTerminal) -> Callable[[], bool]:
    """Return a condition: that a first picture was drawn, however little of it there is."""
    return lambda: b"\x1b[1;1H" in view.seen


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_what_cant_be_drawn_on_is_told_in_a_line(
    term: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prevents escape sequences as garbage in an editor's shell window."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    monkeypatch.setattr(main, "_has_terminal", lambda: True)
    assert main.main(["banner"]) == 1
    assert f"kind {term!r}" in capsys.readouterr().err


@pytest.mark.slow
def test_standard_output_may_go_elsewhere(tmp_path: Path) -> None:
    """Prevents a view of 80 columns on a larger terminal, and a full disk from ending it."""
    for place in ("/dev/full", str(tmp_path / "file"), "/dev/null"):
        code = f"import sys, os; os.dup2(os.open({place!r}, os.O_RDWR | os.O_CREAT), 1); "
        code += "from blink16.blinkenlights.main import main; sys.exit(main(['banner', 'HI']))"
        with ViewTerminal("-c", code, columns=120, rows=36) as view:
            view.until(FIRST)
            view.until(lambda view=view: view.text.startswith(ROUND) and len(view.text) > 100 * 36)  # type: ignore[misc]
            assert view.text.splitlines()[0].rstrip().endswith("╮")
            view.press(b"q")
            assert view.status() == 0
            assert view.left_behind() == []


def test_a_terminal_that_is_gone_ends_it() -> None:
    """Prevents a view that nobody sees any more and that waits for its terminal for ever."""
    view = ViewTerminal(*VIEW, "banner", "HI", rows=60, columns=200)
    view.until(ARROW)
    view.press(b"q")
    view.signal(signal.SIGTERM)
    view.vanish()
    end = time.monotonic() + PATIENCE
    while os.waitpid(view.pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it is still there"
        time.sleep(0.05)


def test_a_terminal_that_goes_while_it_is_drawn_on_ends_it(tmp_path: Path) -> None:
    """Prevents a view that waits for ever for who writes to a terminal that is no more: its window
    was closed, or who had started it was killed.
    """
    program = tmp_path / "loop.com"
    program.write_bytes(bytes.fromhex("40 a3 00 05 89 c3 eb f8"))
    view = ViewTerminal(*VIEW, str(program), rows=60, columns=200)
    view.until(ARROW)
    view.press(b"c")
    view.until("time  9")
    view.vanish()
    end = time.monotonic() + PATIENCE
    while os.waitpid(view.pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it is still there"
        time.sleep(0.05)


HELD = "import subprocess, sys; "
HELD += "subprocess.call([sys.executable, *sys.argv[1:]]); print('ENDED', file=open(sys.argv[-1], "
HELD += "'w')); sys.stdin.readline()"
"""As a shell does: starts a view, and stays when that has ended."""


def test_a_terminal_that_takes_nothing_is_left_as_it_was(tmp_path: Path) -> None:
    """Prevents a view that hears neither keys nor signals while a connection hangs or a terminal
    is held: it would draw frames for nobody, and wait for each to be taken.
    """
    program, ended = tmp_path / "loop.com", tmp_path / "ended"
    program.write_bytes(bytes.fromhex("40 a3 00 05 89 c3 eb f8"))
    with ViewTerminal("-c", HELD, *VIEW, str(program), str(ended), rows=60, columns=200) as view:
        view.until(ARROW)
        view.press(b"c")
        view.until("time  9")
        time.sleep(1)  # in which nothing is taken of what is drawn
        view.press(b"q")
        last = time.monotonic() + PATIENCE
        while not ended.exists():
            assert time.monotonic() < last, "it does not end"
            time.sleep(0.05)
        view.until(lambda: 1049 not in view.modes and 25 in view.modes)
        view.press(b"\n")
        assert view.status() == 0
        assert view.left_behind() == []


def test_a_fault_of_ours_is_a_line_that_names_a_file() -> None:
    """Prevents a traceback over the terminal, and a fault whose cause nobody can look up."""
    with ViewTerminal("-c", FAULTY) as view:
        view.until(ARROW)
        view.press(b"t")
        assert view.status() == 0
        assert view.left_behind() == []
        behind = view.seen.decode().rpartition("\x1b[?1049l")[2]
        name = re.search(r"ZeroDivisionError: (.*) tells", behind, re.DOTALL)
        assert name is not None
        path = Path("".join(name[1].split()))
        assert "ZeroDivisionError: division by zero" in path.read_text()
        path.unlink()


def test_a_locale_says_what_a_terminal_takes() -> None:
    """Prevents the locale C, which Python takes for UTF-8, from being overlooked, or preferred."""
    assert terminal_kind.encoding({"TEXTUAL_DRIVER": "x", "LC_ALL": "C"}) == "utf-8"
    assert not terminal_kind.has_characters_of_pc({"TERM": "xterm"})
    assert terminal_kind.refusal({"TERM": "xterm"}) == ""


def test_what_is_drawn_on_a_terminal_that_is_gone_is_lost() -> None:
    """Prevents the thread that draws from dying: the view would then wait for it for ever, and mind
    no signal.
    """

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, text)

        def flush(self) -> None:
            raise OSError(errno.EIO, "gone")

    sheet = _Sheet(Gone())
    sheet.write("x")
    sheet.flush()
