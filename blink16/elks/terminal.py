"""ELKS' terminal: what becomes of keys on their way to a reader, and of output on its way out.

Pure functions on a `TerminalState`.  Source: ELKS' drivers/char/ntty.c and linuxmt/termios.h.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import NamedTuple

from construct import Bytes, Int8ul, Int32ul, Struct

from blink16.elks.signals import ElksSignal
from blink16.elks.state import TerminalState

TERMIOS = Struct(
    "input_flags" / Int32ul,
    "output_flags" / Int32ul,
    "control_flags" / Int32ul,
    "local_flags" / Int32ul,
    "line" / Int8ul,
    "characters" / Bytes(17),
)
TERMIOS_SIZE: int = TERMIOS.sizeof()
ICRNL = 0o400
XTABS = 0o14000
MAX_TYPED = 4096
"""Bytes that may wait for a reader; what comes beyond is dropped."""


class Output(IntFlag):
    """Output flags."""

    OPOST = 0o1
    ONLCR = 0o4


class Local(IntFlag):
    """Local flags."""

    ISIG = 0o1
    ICANON = 0o2
    ECHO = 0o10
    ECHOE = 0o20
    ECHONL = 0o100


class Character(IntEnum):
    """Where special characters stand among the seventeen."""

    INTERRUPT = 0
    QUIT = 1
    ERASE = 2
    KILL = 3
    END_OF_FILE = 4
    TIME = 5
    MINIMUM = 6
    SUSPEND = 10
    END_OF_LINE = 11
    ERASE2 = 16


INITIAL_MODES: bytes = TERMIOS.build(
    {
        "input_flags": ICRNL | 0o2,  # BRKINT
        "output_flags": Output.OPOST | Output.ONLCR,
        "control_flags": 0o75,  # 9600 baud, CS8
        "local_flags": Local.ISIG | Local.ICANON | Local.ECHO | Local.ECHOE,
        "line": 0,
        "characters": bytes((3, 28, 8, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 127)),
    }
)
_SIGNALS = {
    Character.INTERRUPT: ElksSignal.SIGINT,
    Character.QUIT: ElksSignal.SIGQUIT,
    Character.SUSPEND: ElksSignal.SIGTSTP,
}


KNOWN_MODES = 16
"""Structures that need not be taken apart anew at each key and write."""


class Modes(NamedTuple):
    """A termios structure, taken apart."""

    input_flags: int
    output_flags: int
    local: Local
    characters: bytes

    @classmethod
    @lru_cache(maxsize=KNOWN_MODES)
    def of(cls, modes: bytes) -> Modes:
        """Parse one."""
        parsed = TERMIOS.parse(modes)
        return cls(
            parsed.input_flags, parsed.output_flags, Local(parsed.local_flags), parsed.characters
        )

    @property
    def canonical(self) -> bool:
        """Whether input comes line by line."""
        return Local.ICANON in self.local


class Keyed(NamedTuple):
    """What keys have done: to the terminal, on the screen, and to the foreground group."""

    terminal: TerminalState
    echo: bytes
    signals: tuple[ElksSignal, ...]


def keyed(terminal: TerminalState, keys: bytes) -> Keyed:
    """Take what was typed; no keys at all are the end of input."""
    if not keys:
        last = (terminal.line,) if terminal.line else ()
        ended = terminal._replace(ended=True, line=b"", typed=(*terminal.typed, *last))
        return Keyed(ended, b"", ())
    modes = Modes.of(terminal.modes)
    echo, signals = bytearray(), []
    line, typed = bytearray(terminal.line), list(terminal.typed)
    room = MAX_TYPED - len(line) - sum(map(len, typed))
    for key in keys:
        signal = _signal(modes, key)
        if signal is not None:
            # as the kernel does, the key is eaten and the line goes
            signals.append(signal)
            line.clear()
            continue
        if key == 13 and modes.input_flags & ICRNL:
            key = 10
        if modes.canonical:
            room -= _edit(modes, key, line, typed, echo, room)
        elif room > 0:
            room -= 1
            typed.append(bytes((key,)))
            echo += _echo(modes, key)
    if not modes.canonical and typed:
        typed = [b"".join(typed)]
    return Keyed(
        terminal._replace(line=bytes(line), typed=tuple(typed)), bytes(echo), tuple(signals)
    )


def _signal(modes: Modes, key: int) -> ElksSignal | None:
    if Local.ISIG not in modes.local or not key:
        return None
    for place, signal in _SIGNALS.items():
        if key == modes.characters[place]:
            return signal
    return None


def _edit(
    modes: Modes, key: int, line: bytearray, typed: list[bytes], echo: bytearray, room: int
) -> int:
    """Edit a line by one key; return how much room it took."""
    characters = modes.characters
    if key in (characters[Character.ERASE], characters[Character.ERASE2]):
        if not line:
            return 0
        erased = line.pop()
        echo += _echo(modes, key) * (8 if erased == 9 else 1)
        return -1
    if key == characters[Character.END_OF_FILE]:
        typed.append(bytes(line))
        line.clear()
        return 0
    if room <= 0:
        return 0
    line.append(key)
    echo += _echo(modes, key)
    if key == 10 or key == characters[Character.END_OF_LINE] != 0:
        typed.append(bytes(line))
        line.clear()
    return 1


def _echo(modes: Modes, key: int) -> bytes:
    if Local.ECHO not in modes.local and not (key == 10 and Local.ECHONL in modes.local):
        return b""
    erases = key in (modes.characters[Character.ERASE], modes.characters[Character.ERASE2])
    if erases and Local.ECHOE in modes.local:
        return b"\b \b"
    return bytes((key,))


def with_modes(terminal: TerminalState, modes: bytes) -> TerminalState:
    """Set the modes; what was typed and not read yet becomes lines, or keys, as they say."""
    was, is_ = Modes.of(terminal.modes).canonical, Modes.of(modes).canonical
    if was == is_:
        return terminal._replace(modes=modes)
    keys = b"".join(terminal.typed) + terminal.line
    if not is_:
        return terminal._replace(modes=modes, line=b"", typed=(keys,) if keys else ())
    *lines, line = keys.split(b"\n")
    return terminal._replace(modes=modes, line=line, typed=tuple(part + b"\n" for part in lines))


def waiting_bytes(terminal: TerminalState) -> int:
    """Return how many bytes a reader could have at once."""
    return sum(map(len, terminal.typed))


def take(terminal: TerminalState, limit: int) -> tuple[TerminalState, bytes]:
    """Return what a read of at most ``limit`` bytes gets; there must be something to read."""
    if not terminal.typed:
        return terminal, b""
    first, *rest = terminal.typed
    data, left = first[:limit], first[limit:]
    return terminal._replace(typed=(*([left] if left else []), *rest)), data


def printed(terminal: TerminalState, data: bytes) -> bytes:
    """Return what comes out of a terminal into which ``data`` is written."""
    flags = Modes.of(terminal.modes).output_flags
    if not flags & Output.OPOST:
        return data
    if flags & XTABS == XTABS:
        data = data.replace(b"\t", b" " * 8)
    return data.replace(b"\n", b"\r\n") if flags & Output.ONLCR else data
