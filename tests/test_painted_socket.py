"""A PC's screen painted on a console's socket: what is sent, to whom, and how often."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from gdb_client import TIMEOUT, Talker
from hypothesis import given
from hypothesis import strategies as st
from test_cli import ENVIRONMENT, RUN, SERVE, assert_one_line, command, run
from test_consoles import receive
from test_display import SmallTerminal
from test_lines import Debugger, image

from blink16.consoles import HELLO, ScreenPlace, Showing, TcpPlace, Telnet, UnixPlace, parse
from blink16.consoles.showing import LARGEST, PICTURE_SECONDS, USUAL_SIZE
from blink16.consoles.telnet import ASK_SIZE, IAC, SB, SE, WILL, WINDOW_SIZE

KEYS_TO_VIDEO_MEMORY = bytes.fromhex(
    "b800b8 8ec0 31ff fc b82a1e ab"  # es = B800h, di = 0; a yellow asterisk
    "b400 cd16 b41e ab ebf7"  # then whatever key comes
)
"""Not a word through the BIOS."""


def told(columns: int, lines: int) -> bytes:
    """Return what telnet says of its window, as RFC 1073 has it."""
    size = columns.to_bytes(2, "big") + lines.to_bytes(2, "big")
    size = size.replace(bytes((IAC,)), bytes((IAC, IAC)))
    will = bytes((IAC, WILL, WINDOW_SIZE))
    return will + bytes((IAC, SB, WINDOW_SIZE)) + size + bytes((IAC, SE))


# -- telnet's window size --------------------------------------------------------------------


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(1, 20))
def test_a_window_tells_its_size(columns: int, lines: int, cut: int) -> None:
    """Every size is understood, 255 doubled too, wherever the network cuts it; none is a key."""
    telnet = Telnet()
    sent = b"a" + told(columns, lines) + b"b"
    assert telnet.feed(sent[:cut]) + telnet.feed(sent[cut:]) == b"ab"
    assert telnet.size == (columns, lines)


@given(
    st.lists(
        st.sampled_from([b"\xff\xfa", b"\xff\xf0", b"\xff", b"\x1f", b"\0P", b"x" * 9, b"\xff\xfd"])
        | st.binary(max_size=9)
    )
)
def test_nonsense_as_a_size_is_swallowed(parts: list[bytes]) -> None:
    """No bytes may crash the line, be kept without bound, or give a size that isn't one."""
    telnet = Telnet()
    for part in parts:
        telnet.feed(part)
    assert len(telnet._text) < 10
    assert telnet.size is None or all(0 <= side <= 0xFFFF for side in telnet.size)


# -- what to send, and when ------------------------------------------------------------------


class Sketch:
    """A picture that tells the size it is painted for."""

    def paint(self, size: tuple[int, int]) -> str:
        """Return it."""
        return f"{size[0]}x{size[1]} "

    def end(self) -> str:
        """Return what ends it."""
        return "end"


def test_pictures_have_a_bounded_rate() -> None:
    """A screen that changes all the time must not fill the network."""
    showing = Showing(Sketch(), 10.0)
    painted = [showing.paint(10.0 + step / 1000, None) for step in range(1000)]
    assert len([data for data in painted if data]) <= 1 / PICTURE_SECONDS
    assert showing.rest(11.0) <= PICTURE_SECONDS
    assert showing.rest(99.0) == 0


@pytest.mark.parametrize(
    ("size", "used"),
    [(None, USUAL_SIZE), ((0, 0), USUAL_SIZE), ((40, 0), (40, 25)), ((65535, 1), (LARGEST, 1))],
)
def test_a_size_is_used_within_reason(size: tuple[int, int] | None, used: tuple[int, int]) -> None:
    """Who tells no size, or an absurd one, gets a picture all the same."""
    expected = f"{used[0]}x{used[1]} ".encode()
    assert Showing(Sketch(), 0.0).paint(1.0, size) == expected
    assert Showing(Sketch(), 0.0).end(size) == expected + b"end"


def test_places_of_painted_screens() -> None:
    """`screen:` must be known before a socket, and nowhere else."""
    assert parse("screen:tcp:5000") == ScreenPlace(TcpPlace(5000))
    assert parse("screen:unix:a:b") == ScreenPlace(UnixPlace(Path("a:b")))
    for text in ("screen:", "screen:stdio", "screen:none", "screen:screen:tcp:1", "screen:tcp:"):
        with pytest.raises(ValueError, match="screen:tcp:PORT"):
            parse(text)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--serial", "com1=screen:tcp:0", "disk.img"), "no screen to paint"),
        (("--console", "screen:tcp:0", "banner"), "only a PC"),
    ],
)
@pytest.mark.parametrize("code", [RUN, SERVE])
def test_what_has_no_screen_says_so(code: str, arguments: tuple[str, ...], word: str) -> None:
    """A picture that stays empty for ever would be a riddle."""
    done = run(*arguments, code=code)
    assert done.returncode in (1, 2)
    assert_one_line(done.stderr.rpartition("Listening")[0] or done.stderr, word)


# -- end to end ------------------------------------------------------------------------------


class Telnetter:
    """A peer with a terminal."""

    def __init__(self, address: tuple[str, int] | str, size: tuple[int, int] = (80, 25)) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(address)
        if family == socket.AF_INET:
            assert receive(self.socket, len(HELLO + ASK_SIZE)) == HELLO + ASK_SIZE
        self.terminal = SmallTerminal(*size)
        self.sent = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def until(self, text: str) -> None:
        """Take what comes until a text stands on the terminal."""
        while text not in "\n".join(self.terminal.text()):
            assert self._more(), self.terminal.text()

    def until_end(self) -> None:
        """Take what comes until the other side hangs up."""
        while self._more():
            pass

    def _more(self) -> bool:
        data = self.socket.recv(1 << 16)
        while data[-1:] >= b"\x80" or re.search(rb"\x1b[^A-Za-z]*$", data):
            data += receive(self.socket, 1)  # nothing is cut
        self.sent += data.decode()
        self.terminal.show(data.decode())
        return bool(data)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        self.socket.sendall(keys)


@contextmanager
def pc(code: str, folder: Path, *options: str, place: str = "tcp:0") -> Iterator[Talker]:
    """Run a command with a PC whose screen is painted on a socket."""
    disk = image(folder, KEYS_TO_VIDEO_MEMORY)
    words = command(code, *options, "--console", f"screen:{place}", disk)
    with Talker(words, cwd=folder, environment=ENVIRONMENT) as talker:
        yield talker


def where(talker: Talker) -> tuple[str, int]:
    """Return where the command says that the console is."""
    said = talker.expect(r"console is at .*\n").rpartition(" ")[2].strip()
    host, _, port = said.rpartition(":")
    return host, int(port)


def test_video_memory_is_seen_again_and_again(tmp_path: Path) -> None:
    """What bypasses the BIOS must be seen, by whoever connects next from the first moment on, in
    a window of any size; the terminal that we leave has its colors and its cursor.
    """
    with pc(RUN, tmp_path) as talker:
        address = where(talker)
        with Telnetter(address) as first:
            first.until("*")
            first.type(b"abc\r\n")
            first.until("*abc♪")  # Enter's code is a note, and came once
        with Telnetter(address, (4, 2)) as second:
            second.type(told(4, 2))
            second.until("*abc")
            second.type(b"\x1b[A!")  # the arrow is one key
            second.terminal = SmallTerminal(80, 25)
            second.type(told(80, 25))
            second.until("*abc♪ !")
            assert "\x1b[0;93;44m" in second.sent
            talker.signal(signal.SIGINT)
            second.until_end()
            assert re.search(r"\x1b\[0m[^m]*\x1b\[\?25h\x1b\[J$", second.sent)
            assert "\x1b[?25l" not in second.sent
        assert talker.wait() == 130


def test_a_socket_file_has_the_picture_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without telnet nothing is negotiated; a half-closed peer gets its terminal back."""
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    with pc(RUN, tmp_path, place="unix:pc") as talker:
        talker.expect("console is at pc\n")
        with Telnetter("pc") as peer:
            peer.type(b"x\xff")
            peer.until("*x")
            peer.socket.shutdown(socket.SHUT_WR)
            peer.until_end()
            assert peer.sent.startswith("\x1b[0m\x1b[2J")
            assert peer.sent.endswith("\x1b[?25h\x1b[J")


def test_the_picture_under_a_debugger(tmp_path: Path) -> None:
    """It must be there while the machine stands, tell so where there is a line to spare, and wait
    with its keys until it runs; backward it follows.
    """
    with pc(SERVE, tmp_path, "--port", "0") as server:
        address = where(server)
        debugger = Debugger(server)
        with Telnetter(address, (80, 30)) as peer:
            peer.type(told(80, 30) + b"k")
            debugger.send(b"?")
            peer.until("stands, stopped by the debugger")
            debugger.send(b"vCont;c")
            peer.until("*k")
            peer.until(" runs")
            debugger.stop()
            debugger.until(rb"\$T02")
            peer.until("stands, stopped by the debugger")
        with Telnetter(address) as late:
            late.until("*k")
            debugger.send(b"bc")
            debugger.until(rb"\$T0[05]")
            debugger.close()
            server.signal(signal.SIGTERM)
            late.until_end()
            assert "*" not in late.terminal.text()[0]
        assert server.wait() == 0
