"""Telnet's side of a stream of keys: options are answered, refused or swallowed, never shown to
the guest (RFC 854, 857, 858, 1073).
"""

from __future__ import annotations

from enum import Enum, auto

IAC, DO, WILL, SB, SE = 0xFF, 0xFD, 0xFB, 0xFA, 0xF0
ECHO, NO_GO_AHEAD, WINDOW_SIZE = 1, 3, 31
HELLO = bytes((IAC, WILL, ECHO, IAC, WILL, NO_GO_AHEAD))
"""We echo, and say no go-ahead: so telnet sends each key as it is pressed."""
ASK_SIZE = bytes((IAC, DO, WINDOW_SIZE))
"""Who knows this option tells his window's size, and tells it again when it changes."""
NUL, LF, CR = 0x00, 0x0A, 0x0D
SIZE_LENGTH = 5
"""The option, and two bytes each for columns and lines."""


class TelnetState(Enum):
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
        self._state = TelnetState.KEYS
        self._text = b""
        """The beginning of an option's text."""
        self.size: tuple[int, int] | None = None
        """The peer's columns and lines as it told them, if it did; 0 is a size it doesn't know."""

    def feed(self, data: bytes) -> bytes:
        """Return the keys in what came."""
        return bytes(byte for byte in data if self._is_key(byte))

    def _is_key(self, byte: int) -> bool:
        state, self._state = self._state, TelnetState.KEYS
        match state:
            case TelnetState.COMMAND:
                self._state = _COMMANDS.get(byte, TelnetState.KEYS)
                self._text = b""
                return byte == IAC
            case TelnetState.OPTION:
                return False
            case TelnetState.TEXT | TelnetState.TEXT_COMMAND:
                self._take_text(byte, after_iac=state is TelnetState.TEXT_COMMAND)
                return False
        if byte == IAC:
            self._state = TelnetState.COMMAND
        elif byte == CR:
            self._state = TelnetState.AFTER_CR
        return byte != IAC and not (state is TelnetState.AFTER_CR and byte in (LF, NUL))

    def _take_text(self, byte: int, *, after_iac: bool) -> None:
        """Take a byte of an option's text, where IAC stands doubled and ends it with SE."""
        if after_iac and byte == SE:
            if len(self._text) == SIZE_LENGTH and self._text[0] == WINDOW_SIZE:
                size = self._text[1:]
                self.size = int.from_bytes(size[:2], "big"), int.from_bytes(size[2:], "big")
            return
        if byte == IAC and not after_iac:
            self._state = TelnetState.TEXT_COMMAND
            return
        self._state = TelnetState.TEXT
        self._text = (self._text + bytes((byte,)))[: SIZE_LENGTH + 1]


_COMMANDS = {SB: TelnetState.TEXT, **dict.fromkeys(range(WILL, IAC), TelnetState.OPTION)}
