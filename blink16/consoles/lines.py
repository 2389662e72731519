"""The channels of a machine that lead to sockets, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from blink16.consoles.places import (
    ConsoleError,
    ConsolePlace,
    NoPlace,
    ScreenPlace,
    TcpPlace,
    UnixPlace,
)
from blink16.consoles.showing import Picture
from blink16.consoles.sockets import SocketLine


@dataclass(frozen=True, slots=True)
class Side:
    """The machine's side of its lines.  All but ``has`` is called in their threads."""

    has: Callable[[str], bool]
    """Whether the machine has such a channel."""
    deliver: Callable[[str, bytes], None]
    """Takes input, and the channel it came on."""
    has_room: Callable[[str], bool]
    """Whether `sockets.CHUNK` bytes of input more may come on a channel."""
    picture: Callable[[], Picture] | None
    """Begins a picture of the machine's screen for one peer; None if it has no screen."""


class Lines:
    """The channels of a machine that lead to sockets, or nowhere."""

    def __init__(
        self, places: Mapping[str, ConsolePlace], side: Side, say: Callable[[str], None]
    ) -> None:
        """Listen where that is wanted, and say where.  ConsoleError if that can't be."""
        self._lines: dict[str, SocketLine | None] = {}
        for channel, place in places.items():
            if not side.has(channel):
                raise ConsoleError(f"{channel}: only a PC, which boots from a disk, has that")
            match place:
                case NoPlace():
                    self._lines[channel] = None
                case TcpPlace() | UnixPlace() | ScreenPlace():
                    try:
                        line = _line(channel, place, side)
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


def _line(channel: str, place: TcpPlace | UnixPlace | ScreenPlace, side: Side) -> SocketLine:
    painted = isinstance(place, ScreenPlace)
    if painted and side.picture is None:
        raise ConsoleError(f"{channel}: only a PC, which boots from a disk, has a screen to paint")
    return SocketLine(
        place.socket if isinstance(place, ScreenPlace) else place,
        channel,
        partial(side.deliver, channel),
        has_room=partial(side.has_room, channel),
        picture=side.picture if painted else None,
    )
