"""A socket that lets one peer at a time at a console or a serial line.

What is put out while nobody is connected is lost, as on a line without a terminal.
"""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from blink16.consoles.places import ConsoleError, TcpPlace, UnixPlace
from blink16.consoles.showing import Picture, Showing
from blink16.consoles.telnet import ASK_SIZE, HELLO, Telnet
from blink16.socketfile import BoundSocket

LOOPBACK = "127.0.0.1"
CHUNK = 4096
BACKLOG = 8
MAX_UNSENT = 1 << 16
"""Bytes that wait for a peer that doesn't read; the guest doesn't wait for it."""
PICTURE_BUFFER = 1 << 15
"""Bytes of pictures that the system may keep for a peer that doesn't read."""
CLOSING_SECONDS = 1.0
"""How long, at our end, a peer may take to read what is left for it."""
ROOM_SECONDS = 0.05
"""How soon we look again whether the machine has room for what a peer sends."""
ACCEPT_PAUSE = 0.1


class SocketLine:
    """Listens at a place; ``deliver`` gets what the peer sends, in a thread of our own.

    One peer at a time: others are told so and hung up on, unless the first has ended its side.
    """

    def __init__(
        self,
        place: TcpPlace | UnixPlace,
        name: str,
        deliver: Callable[[bytes], None],
        *,
        has_room: Callable[[], bool] = lambda: True,
        picture: Callable[[], Picture] | None = None,
    ) -> None:
        """Listen.  ConsoleError if that can't be.

        ``has_room``: whether `CHUNK` bytes more may come; else we don't read, and the peer waits.
        ``picture`` begins what a peer is shown; None: what is put out.  Both are called in our
        thread.
        """
        self._name = name
        self._deliver = deliver
        self._has_room = has_room
        self._new_picture = picture
        self._showing: Showing | None = None
        self._telnet = Telnet() if isinstance(place, TcpPlace) else None
        self._file: BoundSocket | None = None
        try:
            if isinstance(place, UnixPlace):
                self._file = BoundSocket(place.path, BACKLOG)
                self._listener = self._file.socket
            else:
                self._listener = socket.create_server((LOOPBACK, place.port))
        except OSError as error:
            reason = error.strerror or error
            raise ConsoleError(f"can't listen for {name}: {reason}") from None
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
        kept up to `MAX_UNSENT`, and lost beyond.  Nothing to send where the peer has a picture.
        """
        with self._lock:
            if self._peer is None or self._new_picture is not None:
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
        while not self._is_over():
            for key, events in self._selector.select(self._patience()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_end:
                    self._attend()
                elif key.fileobj is self._peer:
                    self._serve(self._peer, events)
            self._paint()
            self._watch()
        self._drop()
        self._selector.close()
        if self._file is not None:
            self._file.remove()
        for ours in (self._listener, self._wakes, self._wake_end):
            ours.close()

    def _is_over(self) -> bool:
        if self._closing is None or self._showing is not None:
            return False
        return not self._unsent or time.monotonic() >= self._closing

    def _patience(self) -> float | None:
        """Return how many seconds may pass before there is something to do of our own."""
        waits = [] if self._closing is None else [CLOSING_SECONDS]
        if self._is_full():
            waits.append(ROOM_SECONDS)
        if self._showing is not None and not self._unsent:
            waits.append(self._showing.rest(time.monotonic()))
        return min(waits, default=None)

    def _is_full(self) -> bool:
        """Whether the peer has to wait until the machine has taken what came before."""
        return self._hears and not self._has_room()

    def _paint(self) -> None:
        """Show the peer the newest picture once it has taken those before, the last at the end."""
        if self._showing is None:
            return
        size = self._telnet.size if self._telnet else None
        if self._closing is not None:
            data = self._showing.end(size)
            self._showing = None
        else:
            data = b"" if self._unsent else self._showing.paint(time.monotonic(), size)
        with self._lock:
            self._unsent += data

    def _attend(self) -> None:
        with self._lock:
            self._wake_end.recv(1)
            self._woken = False

    def _watch(self) -> None:
        """Wait for what is wanted of the peer: its bytes, room for ours."""
        if self._peer is None:
            return
        wanted = selectors.EVENT_READ if self._hears and self._has_room() else 0
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
        if self._hears and not (self._is_full() and _has_left(self._peer)):
            with suppress(OSError):
                peer.send(f"{self._name} is in use\r\n".encode())
            peer.close()
            return
        self._drop()
        hello = b""
        if self._telnet is not None:
            self._telnet = Telnet()
            hello = HELLO
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._new_picture is not None:
            self._showing = Showing(self._new_picture(), time.monotonic())
            hello += ASK_SIZE if hello else b""
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PICTURE_BUFFER)
        with self._lock:
            self._unsent += hello
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
            self._end_picture()
        keys = self._telnet.feed(data) if self._telnet else data
        if keys:
            self._deliver(keys)

    def _end_picture(self) -> None:
        """Leave a peer that has ended its input its terminal, as far as it takes that now."""
        if self._showing is None or self._peer is None:
            return
        end = self._showing.end(self._telnet.size if self._telnet else None)
        with suppress(OSError):
            self._peer.send(bytes(self._unsent) + end)
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            peer, self._peer = self._peer, None
            self._hears = False
            self._showing = None
            self._unsent.clear()
        if peer is not None:
            with suppress(KeyError):
                self._selector.unregister(peer)
            peer.close()


def _where(listener: socket.socket, place: TcpPlace | UnixPlace) -> str:
    if isinstance(place, UnixPlace):
        return str(place.path)
    address, port = listener.getsockname()[:2]
    return f"{address}:{port}"


def _has_left(peer: socket.socket | None) -> bool:
    """Whether a peer has ended its side behind bytes that we don't read; False if unknown."""
    if peer is None or not hasattr(select, "POLLRDHUP"):
        return peer is None
    poll = select.poll()
    poll.register(peer, select.POLLRDHUP)
    return bool(poll.poll(0))
