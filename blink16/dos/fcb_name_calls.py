"""INT 21h's calls on names by file control blocks: searches, delete, rename.

A search's FCB keeps its number, and where it goes on, in its reserved bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from blink16.dos import clock
from blink16.dos.directory_calls import (
    LINKS,
    begin,
    begun,
    check_deletable,
    found,
    label_entry,
    matching,
    move,
    next_found,
)
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fcbs import (
    EXTENDED,
    NEW_NAME,
    OK,
    PACKED_ENTRY,
    PACKED_SEARCH,
    SEARCH_MAGIC,
    Fcb,
    FcbPlace,
    answer,
    argument,
    pattern,
    place_of,
)
from blink16.dos.names import CODE_PAGE, dotted, template
from blink16.dos.system import DosSystem, Located, Search
from blink16.dos.volume import MAX_KNOWN, VOLUME, Entry, Volume
from blink16.hostfs.files import FileKind
from blink16.services import Guest, Outcome

_IS_FILE = FileKind.FILE


def _matching(dos: DosSystem, attributes: int, fcb: Fcb) -> tuple[str, ...]:
    """Return what an FCB's pattern finds in its drive's current directory, in order."""
    volume, wanted = dos.volume(fcb.drive), pattern(fcb.name)
    if attributes == VOLUME:
        label = label_entry(dos, volume)
        return (label[0],) if label is not None and _fits(wanted, label[0]) else ()
    search = _search(dos, volume, attributes, wanted)
    listing = volume.names(search.directory).entries
    return tuple(name for name in search.names if found(volume, search, name, listing))


def _search(dos: DosSystem, volume: Volume, attributes: int, wanted: bytes) -> Search:
    place = Located(volume, dos.cwd(volume))
    names = matching(place, wanted.upper())
    return Search(0, volume.drive, place.real, names, attributes)


def _fits(wanted: bytes, label: str) -> bool:
    name = label.encode(CODE_PAGE, "replace")[:11].ljust(11)
    return all(w in (ord("?"), n) for w, n in zip(wanted, name, strict=True))


def find_first(dos: DosSystem, guest: Guest) -> Outcome:
    """11h: find the first entry that the FCB's pattern fits; it comes into the transfer area."""
    place = place_of(guest)
    drive, name, *_ = _head(guest, place)
    volume, wanted = dos.volume(drive), pattern(name)
    if place.attributes == VOLUME:
        label = label_entry(dos, volume)
        if label is None or not _fits(wanted, label[0]):
            raise CallFailed(Code.NO_MORE_FILES)
        return _tell(dos, guest, place, Search(0, volume.drive, "", (), VOLUME), 0, *label)
    search = begin(dos, _search(dos, volume, place.attributes, wanted))
    return _find(dos, guest, place, search, 0)


def find_next(dos: DosSystem, guest: Guest) -> Outcome:
    """12h: find the next one."""
    place = place_of(guest)
    *_, magic, number, following = _head(guest, place)
    search = begun(dos, number) if magic == SEARCH_MAGIC else None
    if search is None:
        raise CallFailed(Code.NO_MORE_FILES)
    return _find(dos, guest, place, search, following)


def _head(guest: Guest, place: FcbPlace) -> tuple[int, bytes, int, int, int]:
    """Return `SEARCH_FCB`'s fields."""
    drive, name, magic, number, following = PACKED_SEARCH.unpack(
        guest.memory.read(place.address, PACKED_SEARCH.size)
    )
    return drive, name, magic, number, following


def _find(dos: DosSystem, guest: Guest, place: FcbPlace, search: Search, at: int) -> Outcome:
    """Tell the search's next entry from ``at`` on."""
    following, name, entry = next_found(dos, search, at)
    return _tell(dos, guest, place, search, following, name, entry)


def _tell(
    dos: DosSystem,
    guest: Guest,
    place: FcbPlace,
    search: Search,
    following: int,
    name: str,
    entry: Entry,
) -> Outcome:
    """Put an entry into the transfer area, and where the search goes on into the FCB."""
    drive, wanted, *_ = _head(guest, place)
    head = PACKED_SEARCH.pack(drive, wanted, SEARCH_MAGIC, search.number, following)
    guest.memory.write(place.address, head)
    record = bytes((drive or dos.state.drive + 1,)) + directory_entry(name, entry)
    if place.extended:
        record = bytes((EXTENDED, 0, 0, 0, 0, 0, place.attributes)) + record
    guest.memory.write(guest.linear(dos.state.dta_segment, dos.state.dta_offset), record)
    return answer(guest, OK)


@lru_cache(maxsize=MAX_KNOWN)
def directory_entry(name: str, entry: Entry) -> bytes:
    """Return an entry as a directory on a disk has it, without a first cluster."""
    date, time = clock.pack(entry.stat.mtime)
    raw = name.encode(CODE_PAGE, "replace")[:11].ljust(11)
    return PACKED_ENTRY.pack(
        raw if entry.attributes & VOLUME or name in LINKS else template(name),
        entry.attributes,
        time,
        date,
        0,
        entry.stat.size if entry.stat.kind is _IS_FILE else 0,
    )


def delete(dos: DosSystem, guest: Guest) -> Outcome:
    """13h: delete all files that the FCB's pattern fits, or the label."""
    fcb = argument(guest)
    attributes = fcb.place.attributes
    names = _matching(dos, attributes, fcb)
    if not names:
        raise CallFailed(Code.FILE_NOT_FOUND)
    volume = dos.volume(fcb.drive)
    if attributes == VOLUME:
        dos.set_label(volume, b"")
        return answer(guest, OK)
    for name in names:
        place = Located(volume, volume.locate(name, dos.cwd(volume)))
        check_deletable(place)
        place.files.unlink(place.real)
    return answer(guest, OK)


def rename(dos: DosSystem, guest: Guest) -> Outcome:
    """17h: rename all files that the FCB's pattern fits; ``?`` in the new name keeps what is."""
    fcb = argument(guest)
    attributes = fcb.place.attributes
    new = pattern(guest.memory.read(fcb.place.address + NEW_NAME, 11).upper())
    volume = dos.volume(fcb.drive)
    names = _matching(dos, attributes, fcb)
    if not names:
        raise CallFailed(Code.FILE_NOT_FOUND)
    if attributes == VOLUME:
        dos.set_label(volume, new)
        return answer(guest, OK)
    for name in names:
        pairs = zip(new, template(name), strict=True)
        target = dotted(bytes(o if n == ord("?") else n for n, o in pairs))
        cwd = dos.cwd(volume)
        places = (Located(volume, volume.locate(part, cwd)) for part in (name, target))
        move(*places)
    return answer(guest, OK)


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x11: find_first,
    0x12: find_next,
    0x13: delete,
    0x17: rename,
}
