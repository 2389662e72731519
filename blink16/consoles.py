"""Consoles and serial lines on sockets: a byte pipe to whoever connects, one at a time.

Friendly to telnet: on TCP its options are answered, refused or swallowed, never shown to the
guest (RFC 854, 857, 858).  What is put out while nobody is connected is lost, as on a line
without a terminal.
"""

from __future__ import annotations

import os
import selectors
import socket
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from pathlib import Path

LOOPBACK = "127.0.0.1"
CHUNK = 4096
MAX_UNSENT = 1 << 16
"""Bytes that wait for a peer that doesn't read; the guest doesn't wait for it."""
CLOSING_SECONDS = 1.0
"""How long, at our end, a peer may take to read what is left for it."""
ACCEPT_PAUSE = 0.1

IAC, WILL, SB, SE = 0xFF, 0xFB, 0xFA, 0xF0
HELLO = bytes((IAC, WILL, 1, IAC, WILL, 3))
"""We echo, and say no go-ahead: so telnet sends each key as it is pressed."""
NUL, LF, CR = 0x00, 0x0A, 0x0D


class ConsoleError(Exception):
    """A place where no console can be, and why, in one line."""


@dataclass(frozen=True, slots=True)
class TcpPlace:
    """A port on loopback; 0 takes a free one."""

    port: int


@dataclass(frozen=True, slots=True)
class UnixPlace:
    """A socket file."""

    path: Path


@dataclass(frozen=True, slots=True)
class NoPlace:
    """Nowhere: output is lost, input never comes."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Our standard streams."""


Place = TcpPlace | UnixPlace | NoPlace | Streams


def parse(text: str) -> Place:
    """Return the place that a user means by ``stdio``, ``tcp:PORT``, ``unix:PATH`` or ``none``.

    ValueError if that is none of them.
    """
    kind, _, rest = text.partition(":")
    if text == "stdio":
        return Streams()
    if text == "none":
        return NoPlace()
    if kind == "tcp" and rest.isascii() and rest.isdigit() and int(rest) <= 0xFFFF:
        return TcpPlace(int(rest))
    if kind == "unix" and rest:
        return UnixPlace(Path(rest))
    raise ValueError(f"a console is stdio, tcp:PORT, unix:PATH or none, not {text!r}")


class State(Enum):
    """Where telnet's stream of bytes stands."""

    KEYS = auto()
    AFTER_CR = auto()  # LF or NUL belongs to it
    COMMAND = auto()  # after IAC
    OPTION = auto()  # after WILL, WONT, DO, DONT
    TEXT = auto()  # between IAC SB and IAC SE
    TEXT_COMMAND = auto()  # after IAC there


class Telnet:
    """Takes telnet's options out of what a peer sends, and its way to write Enter."""

    def __init__(self) -> None:
        self._state = State.KEYS

    def feed(self, data: bytes) -> bytes:
        """Return the keys in what came."""
        return bytes(byte for byte in data if self._is_key(byte))

    def _is_key(self, byte: int) -> bool:
        state, self._state = self._state, State.KEYS
        match state:
            case State.COMMAND:
                self._state = _COMMANDS.get(byte, State.KEYS)
                return byte == IAC
            case State.OPTION:
                return False
            case State.TEXT:
                self._state = State.TEXT_COMMAND if byte == IAC else State.TEXT
                return False
            case State.TEXT_COMMAND:
                self._state = State.KEYS if byte == SE else State.TEXT
                return False
        if byte == IAC:
            self._state = State.COMMAND
        elif byte == CR:
            self._state = State.AFTER_CR
        return byte != IAC and not (state is State.AFTER_CR and byte in (LF, NUL))


_COMMANDS = {SB: State.TEXT, **dict.fromkeys(range(WILL, IAC), State.OPTION)}


class SocketLine:
    """Listens at a place; ``deliver`` gets what the peer sends, in a thread of our own.

    One peer at a time: others are told so and hung up on, unless the first has ended its side.
    """

    def __init__(
        self, place: TcpPlace | UnixPlace, name: str, deliver: Callable[[bytes], None]
    ) -> None:
        """Listen.  ConsoleError if that can't be."""
        self._name = name
        self._deliver = deliver
        self._telnet = Telnet() if isinstance(place, TcpPlace) else None
        self._path = place.path if isinstance(place, UnixPlace) else None
        try:
            self._listener = _listen(place)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConsoleError(f"can't listen for {name}: {reason or error}") from None
        self.where = _where(self._listener, place)
        """Where it listens, as one tells it to others."""
        self._peer: socket.socket | None = None
        self._hears = False
        """Whether more may come from the peer."""
        self._unsent = bytearray()
        self._lock = threading.Lock()  # of the four around here, and of the wake-up call
        self._woken = False
        self._closing: float | None = None
        """When to stop sending, once we were asked to close."""
        self._wakes, self._wake_end = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for ours in (self._listener, self._wake_end):
            ours.setblocking(False)
            self._selector.register(ours, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def show(self, data: bytes) -> None:
        """Send output to the peer, if there is one.  Never waits: what a peer leaves unread is
        kept up to `MAX_UNSENT`, and lost beyond.
        """
        with self._lock:
            if self._peer is None:
                return
            data = data[: max(0, MAX_UNSENT - len(self._unsent))]
            self._unsent += data.replace(b"\xff", b"\xff\xff") if self._telnet else data
            self._wake()

    def close(self) -> None:
        """Send what is left, as far as the peer takes it soon; hang up and listen no more."""
        with self._lock:
            if self._closing is None:
                self._closing = time.monotonic() + CLOSING_SECONDS
                self._wake()
        self._thread.join()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._wakes.send(b"\0")

    # -- in our thread -----------------------------------------------------------------------

    def _work(self) -> None:
        while self._closing is None or (self._unsent and time.monotonic() < self._closing):
            waits = None if self._closing is None else CLOSING_SECONDS
            for key, events in self._selector.select(waits):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_end:
                    self._attend()
                elif key.fileobj is self._peer:
                    self._serve(self._peer, events)
            self._watch()
        self._drop()
        self._selector.close()
        for ours in (self._listener, self._wakes, self._wake_end):
            ours.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _attend(self) -> None:
        with self._lock:
            self._wake_end.recv(1)
            self._woken = False

    def _watch(self) -> None:
        """Wait for what is wanted of the peer: its bytes, room for ours."""
        if self._peer is None:
            return
        wanted = selectors.EVENT_READ if self._hears else 0
        wanted |= selectors.EVENT_WRITE if self._unsent else 0
        there = self._selector.get_map().get(self._peer)
        if there is None and wanted:
            self._selector.register(self._peer, wanted)
        elif there is not None and not wanted:
            self._selector.unregister(self._peer)
        elif there is not None and there.events != wanted:
            self._selector.modify(self._peer, wanted)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # out of descriptors, most likely: it would be told again at once
            time.sleep(ACCEPT_PAUSE)
            return
        peer.setblocking(False)
        if self._hears:
            with suppress(OSError):
                peer.send(f"{self._name} is in use\r\n".encode())
            peer.close()
            return
        self._drop()
        if self._telnet is not None:
            self._telnet = Telnet()
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with self._lock:
            self._unsent += HELLO if self._telnet else b""
            self._peer, self._hears = peer, True

    def _serve(self, peer: socket.socket, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                with self._lock:
                    del self._unsent[: peer.send(self._unsent)]
            if events & selectors.EVENT_READ:
                self._take(peer.recv(CHUNK))
        except BlockingIOError:
            pass
        except OSError:
            self._drop()

    def _take(self, data: bytes) -> None:
        if not data:  # it may still listen, as `printf x | nc` does
            self._hears = False
        keys = self._telnet.feed(data) if self._telnet else data
        if keys:
            self._deliver(keys)

    def _drop(self) -> None:
        with self._lock:
            peer, self._peer = self._peer, None
            self._hears = False
            self._unsent.clear()
        if peer is not None:
            with suppress(KeyError):
                self._selector.unregister(peer)
            peer.close()


class Lines:
    """The channels of a machine that lead to sockets, or nowhere."""

    def __init__(
        self,
        places: Mapping[str, Place],
        deliver: Callable[[str, bytes], None],
        say: Callable[[str], None],
        has: Callable[[str], bool],
    ) -> None:
        """Listen where that is wanted, and say where.  ConsoleError if that can't be.

        ``deliver`` gets input and the channel it came on, in a thread of ours.  ``has``: whether
        the machine has such a channel.
        """
        self._lines: dict[str, SocketLine | None] = {}
        for channel, place in places.items():
            if not has(channel):
                raise ConsoleError(f"{channel}: only a PC, which boots from a disk, has that")
            match place:
                case NoPlace():
                    self._lines[channel] = None
                case TcpPlace() | UnixPlace():
                    try:
                        line = SocketLine(place, channel, partial(deliver, channel))
                    except ConsoleError:
                        self.close()
                        raise
                    self._lines[channel] = line
                    say(f"{channel} is at {line.where}")

    def __contains__(self, channel: str) -> bool:
        """Whether a channel is one of these."""
        return channel in self._lines

    @property
    def live(self) -> bool:
        """Whether anything may come on one of them."""
        return any(line is not None for line in self._lines.values())

    def show(self, channel: str, data: bytes) -> None:
        """Put output on its line.  Never waits."""
        line = self._lines[channel]
        if line is not None:
            line.show(data)

    def close(self) -> None:
        """Hang up all lines."""
        for line in self._lines.values():
            if line is not None:
                line.close()
        self._lines.clear()


def _listen(place: TcpPlace | UnixPlace) -> socket.socket:
    if isinstance(place, TcpPlace):
        return socket.create_server((LOOPBACK, place.port))
    if not hasattr(socket, "AF_UNIX"):
        raise ValueError("this system has no socket files")
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(place.path.lstat().st_mode) and not _answers(place.path):
            place.path.unlink()  # left behind by somebody who is gone
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # for us alone
    try:
        listener.bind(str(place.path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _where(listener: socket.socket, place: TcpPlace | UnixPlace) -> str:
    if isinstance(place, UnixPlace):
        return str(place.path)
    address, port = listener.getsockname()[:2]
    return f"{address}:{port}"
