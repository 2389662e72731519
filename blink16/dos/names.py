"""File names as DOS knows them: eight characters, a dot and three, case folded, in code page 437.

The file tree may hold any name; one that DOS can't have appears under an alias like
``LONGNA~1.TXT``, made from the names of its directory alone and so always the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

CODE_PAGE = "cp437"
KNOWN = 4096
"""Names and paths that need not be looked at anew: programs name the same again and again."""
BASE_LENGTH = 8
EXTENSION_LENGTH = 3
ANY_NAME = b"?" * (BASE_LENGTH + EXTENSION_LENGTH)
"""The template of ``*.*``."""
ALIAS_MARK = "~"
_FORBIDDEN = frozenset('"*+,/:;<=>?[\\]| .') | {chr(code) for code in range(32)}
_FCB_SEPARATORS = b":.;,=+ \t"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f]")
"""Where a name has ended at the latest: the control characters but for the tab."""
_FCB_TERMINATORS = b'/"[]<>|\\' + bytes(range(32))
DEVICES = {
    "CON": "CON",
    "AUX": "AUX",
    "COM1": "AUX",
    "COM2": "AUX",
    "PRN": "PRN",
    "LPT1": "PRN",
    "LPT2": "PRN",
    "LPT3": "PRN",
    "NUL": "NUL",
}
"""Names that are character devices in every directory, with any extension."""


@lru_cache(maxsize=KNOWN)
def upper(text: str) -> str:
    """Fold case as DOS does: only to characters that its code page has."""
    return "".join(map(_upper, text))


@cache
def _upper(character: str) -> str:
    folded = character.upper()
    return folded if len(folded) == 1 and _encodable(folded) else character


@lru_cache(maxsize=KNOWN)
def from_dos(raw: bytes) -> str:
    """Return a name or path of DOS' as text."""
    return raw.decode(CODE_PAGE)


@lru_cache(maxsize=KNOWN)
def to_dos(text: str) -> bytes:
    """Return a name or path as DOS has it, with ``?`` for what its code page lacks."""
    return text.encode(CODE_PAGE, "replace")


def split(name: str) -> tuple[str, str]:
    """Split a name at its last dot into base and extension."""
    base, dot, extension = name.rpartition(".")
    return (base, extension) if dot else (name, "")


def device_part(name: str) -> str:
    """Return what of a name could be a character device's: any extension may follow."""
    return upper(name.partition(".")[0].rstrip())


@lru_cache(maxsize=KNOWN)
def fits(name: str) -> bool:
    """Tell whether a name is one that DOS can have."""
    base, extension = split(name)
    return (
        0 < len(base) <= BASE_LENGTH
        and len(extension) <= EXTENSION_LENGTH
        and not name.endswith(".")
        and not _FORBIDDEN.intersection(base + extension)
        and _encodable(name)
    )


def _encodable(name: str) -> bool:
    try:
        name.encode(CODE_PAGE)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=KNOWN)
def truncated(name: str) -> str:
    """Cut a name to 8.3 as DOS cuts what a program passes."""
    base, extension = split(name)
    base, extension = base[:BASE_LENGTH], extension[:EXTENSION_LENGTH]
    return f"{base}.{extension}" if extension else base


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Map DOS' names of the entries of one directory to their real names, in DOS' order."""
    ordered = sorted(names)
    short: dict[str, str] = {}
    others: list[str] = []
    for name in ordered:
        known = own_name(name)
        if known is not None and known not in short:
            short[known] = name
        else:
            others.append(name)
    taken: dict[str, int] = {}
    for name in others:
        short[_alias(name, short, taken)] = name
    return dict(sorted(short.items()))


@lru_cache(maxsize=KNOWN)
def own_name(name: str) -> str | None:
    """Return the name in capitals if DOS can have it as it is; None if it needs an alias."""
    return upper(name) if fits(name) and device_part(name) not in DEVICES else None


def _alias(name: str, short: dict[str, str], taken: dict[str, int]) -> str:
    base, extension = split(name.lstrip("."))
    base, extension = _clean(base) or "_", _clean(extension)[:EXTENSION_LENGTH]
    # one counter for each stem, so that a large directory takes linear time
    number = taken.get(base[:4] + extension, 0)
    while True:
        number += 1
        mark = f"{ALIAS_MARK}{number}"
        alias = base[: BASE_LENGTH - len(mark)] + mark + (f".{extension}" if extension else "")
        if alias not in short:
            taken[base[:4] + extension] = number
            return alias


def _clean(part: str) -> str:
    return "".join(
        c if _encodable(c) and c not in _FORBIDDEN else "_" for c in upper(part) if c not in " ."
    )


@lru_cache(maxsize=KNOWN)
def template(pattern: str) -> bytes:
    """Return an 8.3 pattern as the eleven bytes of an FCB: ``*`` becomes ``?`` to the end."""
    base, extension = split(upper(pattern))
    return _field(base, BASE_LENGTH) + _field(extension, EXTENSION_LENGTH)


def _field(part: str, length: int) -> bytes:
    star = part.find("*")
    if star >= 0:
        part = part[:star] + "?" * length
    return part[:length].ljust(length).encode(CODE_PAGE, "replace")


def dotted(raw: bytes) -> str:
    """Return the eleven bytes of an FCB's or directory's name as it is written."""
    name = raw.decode(CODE_PAGE)
    base, extension = name[:BASE_LENGTH].rstrip(), name[BASE_LENGTH:].rstrip()
    return f"{base}.{extension}" if extension else base


@lru_cache(maxsize=KNOWN)
def matcher(pattern: bytes) -> Callable[[bytes], object]:
    """Return what tells whether a name's eleven bytes match those of a template."""
    return re.compile(re.escape(pattern).replace(rb"\?", b"."), re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class FcbName:
    """What `parse_fcb` read: a drive (0: default), the template, and how far it read."""

    drive: int | None
    name: bytes
    extension: bytes
    length: int

    @property
    def wildcards(self) -> bool:
        """Whether the name has any."""
        return b"?" in self.name + self.extension


def parse_fcb(text: bytes, *, skip_separators: bool = True) -> FcbName:
    """Read a file name as INT 21h/29h does; ``drive`` is None where the text has none."""
    end = _CONTROL.search(text)
    return _parse_fcb(text if end is None else text[: end.start()], skip_separators)


@lru_cache(maxsize=KNOWN)
def _parse_fcb(text: bytes, skip_separators: bool) -> FcbName:
    at = 0
    while at < len(text) and text[at] in b" \t":
        at += 1
    if skip_separators and at < len(text) and text[at] in _FCB_SEPARATORS:
        at += 1
        while at < len(text) and text[at] in b" \t":
            at += 1
    drive = None
    if text[at + 1 : at + 2] == b":" and text[at : at + 1].isalpha():
        drive = text[at : at + 1].upper()[0] - ord("A") + 1
        at += 2
    name, at = _fcb_part(text, at, BASE_LENGTH)
    extension = b" " * EXTENSION_LENGTH
    if text[at : at + 1] == b".":
        extension, at = _fcb_part(text, at + 1, EXTENSION_LENGTH)
    return FcbName(drive, name, extension, at)


def _fcb_part(text: bytes, at: int, length: int) -> tuple[bytes, int]:
    start = at
    while at < len(text) and text[at] not in _FCB_SEPARATORS + _FCB_TERMINATORS:
        at += 1
    return _field(upper(text[start:at].decode(CODE_PAGE)), length), at
