"""Consoles and serial lines on sockets: a byte pipe to whoever connects, one at a time.

Friendly to telnet: on TCP its options are answered, refused or swallowed, never shown to the
guest (RFC 854, 857, 858).  What is put out while nobody is connected is lost, as on a line
without a terminal.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

LOOPBACK = "127.0.0.1"
CHUNK = 4096

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
    """Listens at a place; ``deliver`` gets what the peer sends, in a thread of our own."""

    def __init__(
        self, place: TcpPlace | UnixPlace, name: str, deliver: Callable[[bytes], None]
    ) -> None:
        """Listen.  ConsoleError if that can't be."""
        self._deliver = deliver
        self._peer: socket.socket | None = None
        self._lock = threading.Lock()
        self._telnet = isinstance(place, TcpPlace)
        self._path = place.path if isinstance(place, UnixPlace) else None
        try:
            self._listener = _listen(place)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConsoleError(f"can't listen for {name}: {reason}") from None
        self.where = _where(self._listener, place)
        """Where it listens, as one tells it to others."""
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    def show(self, data: bytes) -> None:
        """Send output to the peer, if there is one."""
        with self._lock:
            peer = self._peer
        if peer is None:
            return
        try:
            peer.sendall(data.replace(b"\xff", b"\xff\xff") if self._telnet else data)
        except OSError:  # gone, or doesn't read: the reader's thread sees it too
            self._drop(peer)

    def close(self) -> None:
        """Hang up and listen no more."""
        with suppress(OSError):
            self._listener.close()
        with self._lock:
            peer = self._peer
        if peer is not None:
            self._drop(peer)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            peer.settimeout(None)
            with self._lock:
                self._peer = peer
            if self._telnet:
                with suppress(OSError):
                    peer.sendall(HELLO)
            self._read(peer)

    def _read(self, peer: socket.socket) -> None:
        telnet = Telnet()
        while True:
            try:
                data = peer.recv(CHUNK)
            except OSError:
                data = b""
            if not data:
                self._drop(peer)
                return
            keys = telnet.feed(data) if self._telnet else data
            if keys:
                self._deliver(keys)

    def _drop(self, peer: socket.socket) -> None:
        with self._lock:
            if self._peer is peer:
                self._peer = None
        with suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()


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
