"""The formats of printf, as ``dprintf`` sends them: parsed once, filled in on our side.

They say what gdb's own printf says, on a target whose long has 32 bits.  gdb checks a format
before it sends it; nobody else does, so nonsense is a `FormatError` here, and all sizes have an
end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from blink16.words import numerals
from blink16.words.numerals import NumeralError

MAX_FORMAT = 1024
"""Bytes of a format."""
MAX_FIELD = 256
"""Characters that a field may be made wide, or a number long."""
MAX_STRING = 1024
"""Bytes of a string of the guest's that are shown."""

ReadString = Callable[[int, int], bytes]
"""Bytes from a linear address on, no more than so many, up to a NUL or the end of memory."""


class FormatError(ValueError):
    """A format that can't be printed, and why."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a % stands for."""

    letter: str
    bits: int
    """So many of the argument's bits count."""
    flags: str = ""
    width: int = 0
    precision: int | None = None


Piece = bytes | Conversion

_CONVERSION = re.compile(
    rb"%(?:%|([-+ #0']*)([0-9]*)(?:\.([0-9]*))?(hh|h|ll|l|j|z|t)?([A-Za-z]))", re.DOTALL
)
_BITS = {None: 32, b"hh": 8, b"h": 16, b"l": 32, b"ll": 64, b"j": 64, b"z": 32, b"t": 32}
_KNOWN = "diuoxXcsp"
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPES = {
    **{b"a": b"\a", b"b": b"\b", b"e": b"\033", b"f": b"\f", b"n": b"\n", b"r": b"\r"},
    **{b"t": b"\t", b"v": b"\v", b"\\": b"\\", b'"': b'"', b"'": b"'"},
}
"""Those that gdb takes."""


@lru_cache(maxsize=256)
def parse(source: bytes) -> tuple[Piece, ...]:
    """Return the pieces of a format, whose escapes stand as in C's source; FormatError."""
    if len(source) > MAX_FORMAT:
        raise FormatError(f"a format has {MAX_FORMAT} bytes at most")
    return tuple(_pieces(_ESCAPE.sub(_unescape, source)))


def render(pieces: Sequence[Piece], arguments: Sequence[int], read: ReadString) -> Iterator[bytes]:
    """Yield each piece with its argument filled in; FormatError where one can't be."""
    values = iter(arguments)
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        value = next(values, None)
        if value is None:
            raise FormatError("the format wants more values than there are")
        yield _filled(piece, value & ((1 << piece.bits) - 1), read)


# -- parsing ---------------------------------------------------------------------------------


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1] not in _ESCAPES:
        raise FormatError("the format has an unknown escape")
    return _ESCAPES[found[1]]


def _pieces(text: bytes) -> Iterator[Piece]:
    at = 0
    while (percent := text.find(b"%", at)) >= 0:
        found = _CONVERSION.match(text, percent)
        if found is None:
            raise FormatError("the format has a % that makes no sense")
        yield text[at:percent]
        yield b"%" if found[5] is None else _conversion(found)
        at = found.end()
    yield text[at:]


def _conversion(found: re.Match[bytes]) -> Conversion:
    letter = found[5].decode("ascii")
    if letter not in _KNOWN:
        raise FormatError(f"%{letter} can't be printed here")
    width = _size(found[2])
    precision = None if found[3] is None else _size(found[3])
    bits = 32 if letter in "sp" else 8 if letter == "c" else _BITS[found[4]]
    flags = "".join(sorted(set(found[1].decode("ascii")) - {"'"}))
    return Conversion(letter, bits, flags, width, precision)


def _size(digits: bytes) -> int:
    try:
        return numerals.digits((digits or b"0").decode("latin-1"), 10, MAX_FIELD)
    except NumeralError:
        raise FormatError(f"a field has {MAX_FIELD} characters at most") from None


# -- filling in ------------------------------------------------------------------------------


def _filled(piece: Conversion, value: int, read: ReadString) -> bytes:
    match piece.letter:
        case "c":
            text = bytes((value,))
        case "s":
            longest = MAX_STRING if piece.precision is None else piece.precision
            text = read(value, longest) if value else b"(null)"
        case "p":
            text = b"%#x" % value if value else b"(nil)"
        case _:
            return _number(piece, value).encode("ascii")
    return text.ljust(piece.width) if "-" in piece.flags else text.rjust(piece.width)


def _number(piece: Conversion, value: int) -> str:
    """Write a number as C does; Python's % differs in what # and 0 mean."""
    flags, precision = piece.flags, piece.precision
    if piece.letter in "di" and value >> (piece.bits - 1):
        value -= 1 << piece.bits
    if precision is not None or "-" in flags:
        flags = flags.replace("0", "")
    if piece.letter == "o" and "#" in flags:
        precision = max(precision or 0, len(f"{value:o}") + (value != 0))
    if piece.letter == "o" or not value:
        flags = flags.replace("#", "")
    if piece.letter not in "di":
        flags = flags.replace("+", "").replace(" ", "")
    digits = "" if precision is None else f".{precision}"
    return f"%{flags}{piece.width or ''}{digits}{piece.letter}" % value
