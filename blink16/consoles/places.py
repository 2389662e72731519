"""Where consoles and serial lines can be, and how users write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blink16.words import numerals
from blink16.words.numerals import NumeralError

SCREEN = "screen:"
_MAX_PORT = 0xFFFF


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
class ScreenPlace:
    """A socket on which a PC's screen is painted, instead of what the BIOS prints."""

    socket: TcpPlace | UnixPlace


@dataclass(frozen=True, slots=True)
class NoPlace:
    """Nowhere: output is lost, input never comes."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Our standard streams."""


ConsolePlace = TcpPlace | UnixPlace | ScreenPlace | NoPlace | Streams


def parse(text: str) -> ConsolePlace:
    """Return the place that a user means by ``stdio``, ``tcp:PORT``, ``unix:PATH``, one of these
    two behind ``screen:``, or ``none``.  ValueError if that is none of them.
    """
    if text == "stdio":
        return Streams()
    if text == "none":
        return NoPlace()
    bare = text.removeprefix(SCREEN)
    socket = _socket(bare)
    if socket is None and bare.startswith("tcp:"):
        form = text.removesuffix(bare) + "tcp:PORT"
        raise ValueError(f"{form} has a port from 0 to {_MAX_PORT}, not {text!r}")
    if socket is None:
        raise ValueError(
            f"a console is stdio, tcp:PORT, unix:PATH, {SCREEN}tcp:PORT, {SCREEN}unix:PATH or "
            f"none, not {text!r}"
        )
    return socket if bare == text else ScreenPlace(socket)


def _socket(text: str) -> TcpPlace | UnixPlace | None:
    kind, _, rest = text.partition(":")
    if kind == "tcp":
        try:
            return TcpPlace(numerals.digits(rest, 10, _MAX_PORT))
        except NumeralError:
            return None
    return UnixPlace(Path(rest)) if kind == "unix" and rest else None
