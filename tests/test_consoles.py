"""Consoles on sockets: telnet's ways, peers that come and go, places that can't be."""

from __future__ import annotations

import queue
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cli import assert_one_line, run

from blink16 import consoles
from blink16.consoles import ConsoleError, SocketLine, TcpPlace, Telnet, UnixPlace, sockets
from blink16.socketfile import BoundSocket

PATIENCE = 20.0
"""Seconds, for what comes at once unless something is wrong."""


class Line:
    """A line at a place, and what came on it."""

    def __init__(self, place: TcpPlace | UnixPlace) -> None:
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.line = SocketLine(place, "com1", self._came.put)

    def expect(self, data: bytes) -> None:
        """Check that just this comes."""
        got = b""
        while len(got) < len(data):
            got += self._came.get(timeout=PATIENCE)
        assert got == data

    def connect(self) -> socket.socket:
        """Return a peer on TCP that has been greeted."""
        return connect_to(self.line)


def connect_to(line: SocketLine) -> socket.socket:
    """Return a peer on TCP that has been greeted."""
    host, _, port = line.where.rpartition(":")
    peer = socket.create_connection((host, int(port)), PATIENCE)
    assert receive(peer, len(consoles.HELLO)) == consoles.HELLO
    return peer


def receive(peer: socket.socket, length: int) -> bytes:
    """Return so many bytes."""
    data = b""
    while len(data) < length:
        data += peer.recv(length - len(data))
    return data


@pytest.fixture
def line() -> Iterator[Line]:
    """Return a line on a free port."""
    made = Line(TcpPlace(0))
    yield made
    made.line.close()


# -- telnet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"ls\r\n", b"ls\r"),
        (b"ls\r\0", b"ls\r"),
        (b"ls\r", b"ls\r"),
        (b"\xff\xfd\x01\xff\xfb\x18ls", b"ls"),
        (b"a\xff\xfa\x18\x00xterm\xff\xf0b", b"ab"),
        (b"\xff\xff", b"\xff"),
        (b"\xff\xf1x", b"x"),
    ],
)
def test_telnet_options_are_no_keys(sent: bytes, keys: bytes) -> None:
    """What telnet tells and how it writes Enter must not be typed into the guest."""
    assert Telnet().feed(sent) == keys


@given(st.lists(st.sampled_from([b"k", b"\xff\xfd\x01", b"\xff\xff", b"\xff\xfaxy\xff\xf0"])))
def test_telnet_byte_by_byte(parts: list[bytes]) -> None:
    """Where the network cuts makes no difference."""
    data = b"".join(parts)
    telnet = Telnet()
    assert b"".join(telnet.feed(data[i : i + 1]) for i in range(len(data))) == Telnet().feed(data)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_any_bytes_are_bounded(chunks: list[bytes]) -> None:
    """No bytes may crash it or come out more than they went in."""
    telnet = Telnet()
    for chunk in chunks:
        assert len(telnet.feed(chunk)) <= len(chunk)


# -- lines -----------------------------------------------------------------------------------


def test_bytes_go_both_ways(line: Line) -> None:
    """A terminal's keys come in, output goes out, FFh doubled as telnet wants it."""
    with line.connect() as peer:
        peer.sendall(b"key\r\n")
        line.expect(b"key\r")
        line.line.show(b"out\xff")
        assert receive(peer, 5) == b"out\xff\xff"


def test_peers_come_and_go(line: Line) -> None:
    """A line outlives its peers; output without one is lost."""
    for word in (b"one", b"two"):
        with line.connect() as peer:
            peer.sendall(word)
            line.expect(word)
    line.line.show(b"to nobody")


def test_socket_files_are_plain_pipes(tmp_path: Path) -> None:
    """On a socket file bytes pass as they are; the file is ours alone and goes in the end."""
    path = tmp_path / "com1"
    made = Line(UnixPlace(path))
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b"\xff\r\n")
        made.expect(b"\xff\r\n")
        made.line.show(b"\xff")
        assert receive(peer, 1) == b"\xff"
    made.line.close()
    assert not path.exists()


def test_impossible_places_are_told(line: Line, tmp_path: Path) -> None:
    """A port in use and a file in the way get one line each, and the file stays."""
    port = int(line.line.where.rpartition(":")[2])
    with pytest.raises(ConsoleError, match="can't listen for com1"):
        Line(TcpPlace(port))
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ConsoleError, match="can't listen for com1"):
        Line(UnixPlace(file))
    assert file.read_text() == "mine"


def test_a_second_peer_is_told_and_hung_up_on(line: Line) -> None:
    """Prevents a terminal that waits for ever, and one that types into another's session."""
    with line.connect() as first:
        first.sendall(b"a")
        line.expect(b"a")
        for _ in range(200):
            host, _, port = line.line.where.rpartition(":")
            with socket.create_connection((host, int(port)), PATIENCE) as second:
                assert receive(second, 16) == b"com1 is in use\r\n"
                assert second.recv(1) == b""
        line.line.show(b"for the first")
        assert receive(first, 13) == b"for the first"


def test_a_peer_that_ends_its_input_still_hears(line: Line) -> None:
    """`printf 'ls' | nc` must see the answer, and must not be in the next one's way."""
    with line.connect() as first:
        first.sendall(b"ls")
        first.shutdown(socket.SHUT_WR)
        line.expect(b"ls")
        line.line.show(b"answer")
        assert receive(first, 6) == b"answer"
        with line.connect() as second:
            second.sendall(b"x")
            line.expect(b"x")


def test_a_peer_that_does_not_read_costs_a_bounded_buffer(line: Line) -> None:
    """Prevents a guest that waits for a stuck terminal, and output that fills our memory."""
    with line.connect() as deaf:
        for _ in range(1000):
            line.line.show(b"x" * 65536)
        assert len(line.line._unsent) <= sockets.MAX_UNSENT
        deaf.sendall(b"still heard")
        line.expect(b"still heard")


def test_what_is_left_is_sent_at_the_end(line: Line) -> None:
    """The last words of a guest must arrive before the line is hung up."""
    with line.connect() as peer:
        peer.sendall(b"x")
        line.expect(b"x")
        line.line.show(b"y" * 50_000)
        line.line.close()
        assert receive(peer, 50_000) == b"y" * 50_000
        assert peer.recv(1) == b""


class Flood:
    """A line to a machine that has no room after the first bytes, until it is told."""

    def __init__(self, place: TcpPlace | UnixPlace) -> None:
        self.room = threading.Event()
        self.came = bytearray()
        self.some = threading.Event()
        self.all = threading.Event()
        self.line = SocketLine(place, "com1", self._take, has_room=self._has_room)

    def _has_room(self) -> bool:
        return self.room.is_set() or not self.came

    def _take(self, data: bytes) -> None:
        self.came += data
        self.some.set()
        if self.came.endswith(b"."):
            self.all.set()


def test_a_flood_waits_for_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Input that the machine has no room for must stay with the peer, all of it and in order."""
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    flood = Flood(UnixPlace(Path("line")))
    data = b"0123456789" * 500_000 + b"."
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect("line")
        sender = threading.Thread(target=peer.sendall, args=(data,))
        sender.start()
        assert flood.some.wait(PATIENCE)
        flood.line.show(b"x")  # it still gets what is put out
        assert receive(peer, 1) == b"x"
        assert len(flood.came) <= sockets.CHUNK
        assert sender.is_alive()
        flood.room.set()
        assert flood.all.wait(PATIENCE)
        sender.join()
    assert flood.came == data
    flood.line.close()


@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="only Linux tells")
def test_a_peer_that_left_unread_bytes_is_in_nobodys_way() -> None:
    """A line that reads no more must see that the peer has gone when the next one comes."""
    flood = Flood(TcpPlace(0))
    with connect_to(flood.line) as first:
        first.sendall(b"1" * 50_000)
        assert flood.some.wait(PATIENCE)
    connect_to(flood.line).close()
    flood.line.close()


class Wheel:
    """A picture that is never the same twice."""

    def __init__(self) -> None:
        self.count = 0

    def paint(self, size: tuple[int, int]) -> str:
        """Return the next one."""
        self.count += 1
        return f"{self.count}".rjust(40_000)

    def end(self) -> str:
        """Return the end."""
        return "end"


def test_a_slow_reader_gets_the_newest_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal that stood still must not see, afterwards, all that it has missed."""
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    wheel = Wheel()
    line = SocketLine(UnixPlace(Path("pc")), "console", print, picture=lambda: wheel)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect("pc")
        receive(peer, 400_000)
        seen = wheel.count
        assert seen <= 10 + 3 * sockets.PICTURE_BUFFER // 40_000 + 2
        line.show(b"not in the picture")
        closer = threading.Thread(target=line.close)
        closer.start()
        rest = b"".join(iter(lambda: peer.recv(65536), b""))
        closer.join()
    assert rest.endswith(b"end")
    assert b"not in" not in rest


@pytest.mark.parametrize("text", ["", "tcp", "tcp:", "tcp:x", "tcp:65536", "unix:", "file:x"])
def test_nonsense_is_no_place(text: str) -> None:
    """A mistyped console must be refused with the forms that there are."""
    with pytest.raises(ValueError, match="tcp:PORT"):
        consoles.parse(text)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--console", "tcp:x"), "tcp:PORT"),
        (("--serial", "com9=none"), "com1="),
        (("--mhz", "0"), "MHz"),
        (("--rom", "x"), "FILE@ADDR"),
        (("-B", "nowhere.img"), "nowhere.img"),
        (("--rom", "nowhere.rom@0xC8000"), "nowhere.rom"),
    ],
)
def test_mistaken_options_get_one_line(arguments: tuple[str, ...], word: str) -> None:
    """A PC's options must not end in a traceback."""
    done = run(*arguments, "banner")
    assert done.returncode in (1, 2)
    assert_one_line(done.stderr, word)


def test_a_pc_with_disks_roms_and_commit(tmp_path: Path) -> None:
    """The command's options reach the machine: B: is read, and committed only when asked."""
    # read sector 1 of B: to 0:1000, write it to sector 1 of A:, halt
    code = "b80102bb0010b90100ba0100cd13b80103b90100ba0000cd13faf4"
    boot = bytes.fromhex(code).ljust(510, b"\0") + b"\x55\xaa"
    a, b = tmp_path / "a.img", tmp_path / "b.img"
    image = boot.ljust(368640, b"\0")
    a.write_bytes(image)
    b.write_bytes(b"B" * 368640)
    done = run("-B", str(b), "--mhz", "8", "--display", "mda", str(a))
    assert_one_line(done.stderr, "halted")
    assert a.read_bytes() == image
    done = run("--commit", "-B", str(b), str(a))
    assert "1 sector written" in done.stderr
    assert a.read_bytes() == b"B" * 512 + image[512:]


def test_a_socket_file_of_somebody_else_s_stays(tmp_path: Path) -> None:
    """Prevents a line that ends from removing the file where another listens by now."""
    path = tmp_path / "line"
    first = BoundSocket(path, 1)
    path.unlink()
    second = BoundSocket(path, 1)
    first.remove()
    first.socket.close()
    assert path.exists()
    second.remove()
    second.socket.close()
    assert not path.exists()


def test_a_socket_file_is_taken_over_only_from_who_is_gone(tmp_path: Path) -> None:
    """Prevents two who listen on one file, and a file of another kind from being lost."""
    path = tmp_path / "line"
    first = BoundSocket(path, 1)
    with pytest.raises(OSError, match="in use"):
        BoundSocket(path, 1)
    first.socket.close()  # as after a crash: the file stays
    BoundSocket(path, 1).socket.close()
    path.unlink()
    path.write_text("dear diary")
    with pytest.raises(OSError, match="no socket"):
        BoundSocket(path, 1)
    assert path.read_text() == "dear diary"
