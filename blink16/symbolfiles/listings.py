"""Listings as symbol files: whose they are, and where the code lies that they know offsets of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from blink16.hostfiles import is_file, read_at_most
from blink16.memory import PARAGRAPH
from blink16.symbolfiles import bcc_listings, embedded, masm_listings, nasm_listings
from blink16.symbolfiles.source import (
    MAX_FILE_SIZE,
    LoadSegments,
    SymbolFile,
    SymbolFileError,
    SymbolSource,
)

MAX_NAMESAKES = 64
"""A name that lies at more places says nothing about where a listing's code lies."""


def parse(lines: list[str], source: SymbolSource, default: LoadSegments) -> SymbolFile | None:
    """Return what a listing says, None if a text is none.  SymbolFileError if it's of no use."""
    if nasm_listings.is_listing(lines):
        return _of_nasm(lines, source, source.place(default))
    if bcc_listings.is_listing(lines):
        return _of_bcc(lines, source, default)
    if masm_listings.form_of(lines) is not None:
        return _of_masm(lines, source, source.place(default))
    return None


def _of_nasm(lines: list[str], source: SymbolSource, place: LoadSegments) -> SymbolFile:
    told = nasm_listings.read(lines, _assembled(source))
    return embedded.symbol_file(told, place.text * PARAGRAPH, source.folder)


def _of_masm(lines: list[str], source: SymbolSource, place: LoadSegments) -> SymbolFile:
    """Return what a listing of one module says.

    Where its segments lie the names say that are known already.  Where they say nothing, the
    program's first instruction is in the segment of the label behind END.
    """
    file = _there(masm_listings.file_name(lines), source) or _assembled(source)
    listing = masm_listings.read(lines, file, _lines_of(file, source))
    bases = {} if source.text is not None else _bases(listing, place)
    if not bases:
        segment = listing.entry or (listing.code if source.text is not None else None)
        if segment is None:
            raise SymbolFileError(
                "nothing says where this module's code lies: it has no END with a label, and none "
                "of its names is known; give the program's map before it, or text=SEGMENT"
            )
        bases = {segment: (place.text if place.entry is None else place.entry) * PARAGRAPH}
    return embedded.symbol_file(listing.told(bases), 0, source.folder)


def _bases(listing: masm_listings.Listing, place: LoadSegments) -> dict[str, int]:
    """Return the linear addresses of a listing's segments, of whose names some are known."""
    places = _places((one.name.upper(), one.address) for one in place.names)
    bases: dict[str, int] = {}
    for name, segment in listing.segments.items():
        labels = ((label, label.upper(), offset) for label, offset, _ in segment.labels)
        if (base := _base(labels, places)) is not None:
            bases[name] = base
    return bases


def _of_bcc(lines: list[str], source: SymbolSource, default: LoadSegments) -> SymbolFile:
    """Return what a listing of one object file says; the program's own names say where it lies."""
    told = bcc_listings.read(lines, f"{source.path.stem or 'listing'}.c")
    places = _places((one.name, one.address) for one in default.names)
    base = _base(((one.name, one.name, one.address) for one in told.labels), places)
    if base is None:
        raise SymbolFileError(
            "a listing of bcc's says where code lies by the program's own symbols, and none of its "
            "functions is among them: don't strip it, or give its symbols first"
        )
    return embedded.symbol_file(told, base, source.folder)


def _places(names: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    """Return where names without C's _ lie: each module may have its own function of a name."""
    places: dict[str, set[int]] = {}
    for name, address in names:
        places.setdefault(name.removeprefix("_"), set()).add(address)
    return places


def _base(labels: Iterable[tuple[str, str, int]], places: dict[str, set[int]]) -> int | None:
    """Return the linear address from which all labels' offsets count; None if none is known.

    A label is as it is written, as places know it, and its offset.
    """
    bases: set[int] | None = None
    for written, name, offset in labels:
        known = places.get(name.removeprefix("_"))
        if known is None or len(known) > MAX_NAMESAKES:
            continue
        here = {address - offset for address in known if address >= offset}
        bases = here if bases is None else bases & here
        if not bases:
            raise SymbolFileError(
                f"{written} lies elsewhere in this listing: build it with the program"
            )
    if bases is not None and len(bases) > 1:
        raise SymbolFileError("several modules have this listing's names: it may be any of them")
    return next(iter(bases), None) if bases else None


# -- sources beside a listing ------------------------------------------------------------------


def _assembled(source: SymbolSource) -> str:
    """Return the name of the source beside a listing, or what it should be."""
    folder, stem = source.folder, source.path.stem or "listing"
    names = (f"{stem}{suffix}" for suffix in (".asm", ".ASM", ".nasm", ".s"))
    return next((name for name in names if folder and is_file(folder / name)), f"{stem}.asm")


def _there(name: str, source: SymbolSource) -> str:
    """Return a name as it is written in a listing's folder, whatever its case; "" if it isn't."""
    if source.folder is None or not name:
        return ""
    try:
        entries = islice(source.folder.iterdir(), embedded.MAX_ENTRIES)
        return next((one.name for one in entries if one.name.lower() == name.lower()), "")
    except OSError:
        return ""


def _lines_of(name: str, source: SymbolSource) -> Sequence[str] | None:
    """Return the lines of a source beside its listing, None if it can't be read."""
    path = source.folder / name if source.folder is not None else None
    try:
        if path is None or not is_file(path):
            return None
        with path.open("rb") as file:
            content = read_at_most(file, MAX_FILE_SIZE + 1)
    except OSError:
        return None
    return content.decode("latin-1").splitlines() if len(content) <= MAX_FILE_SIZE else None
