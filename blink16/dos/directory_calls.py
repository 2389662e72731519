"""INT 21h's calls on names: directories, delete, rename, attributes, searches, drives."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from construct import Bytes, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.dos import clock
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fat import FatTree
from blink16.dos.names import CODE_PAGE, device_part, dotted, matcher, template, to_dos, upper
from blink16.dos.system import NANOSECONDS, DosSystem, Located, Search, path_argument
from blink16.dos.volume import (
    DIRECTORY,
    HIDDEN,
    MAX_DIRECTORY,
    MAX_KNOWN,
    READ_ONLY,
    SYSTEM,
    VOLUME,
    Entry,
    Volume,
    letter,
)
from blink16.hostfs.filenodes import OWNER_WRITE
from blink16.hostfs.files import GONE, FileKind
from blink16.packing import packing
from blink16.services import DONE, Guest, Outcome

MAX_SEARCHES = 256
"""Searches that may go on at once; beginning more ends the oldest."""
NAME_SIZE = 13

DEVICE = 0x40
"""The attribute of a character device."""
FIND_DATA = Struct(
    # 21 bytes are DOS' own; ours say where the search goes on
    "number" / Int32ul,
    "next" / Int32ul,
    Padding(13),
    "attributes" / Int8ul,
    "time" / Int16ul,
    "date" / Int16ul,
    "size" / Int32ul,
    "name" / Bytes(NAME_SIZE),
)
"""What 4Eh and 4Fh leave in the disk transfer area."""
_PACKED, _ITS_OWN = packing(FIND_DATA), packing(Struct(*FIND_DATA.subcons[:2]))
"""The same, and its first part, for 4Fh, which comes by the thousand."""
LINKS = {".": b".".ljust(11), "..": b"..".ljust(11)}
"""What every folder but the root has besides, and their templates."""

LARGEST = 0xFFFFFFFF
_SHOWN = (FileKind.FILE, FileKind.DIRECTORY)
_SPECIAL = HIDDEN | SYSTEM | DIRECTORY
_IN_NO_NAME = frozenset('"+,;<=>[]|')
"""Attributes with which a search finds only what it asks for."""

# 36h: a disk of 512 MiB, half of it free, in clusters of 16 KiB
SECTOR_SIZE, CLUSTER_SECTORS, CLUSTERS, FREE_CLUSTERS = 512, 32, 32768, 16384
NO_SUCH_DRIVE = 0xFFFF
HARD_DISK_MEDIA = 0xF8


def _locate(dos: DosSystem, guest: Guest, segment: int, offset: int) -> Located:
    return dos.locate(path_argument(guest, segment, offset))


def _argument(dos: DosSystem, guest: Guest) -> Located:
    return _locate(dos, guest, guest.registers.ds, guest.registers.dx)


def make_directory(dos: DosSystem, guest: Guest) -> Outcome:
    """39h: make the directory at DS:DX."""
    place = _argument(dos, guest)
    place.volume.check_new(place.real)
    try:
        place.files.mkdir(place.real)
    except FileExistsError:
        raise CallFailed(Code.ACCESS_DENIED) from None
    return DONE


def remove_directory(dos: DosSystem, guest: Guest) -> Outcome:
    """3Ah: remove the empty directory at DS:DX; not the current one (error 16)."""
    place = _argument(dos, guest)
    if place.real == dos.cwd(place.volume):
        raise CallFailed(Code.CURRENT_DIRECTORY)
    try:
        place.files.rmdir(place.real)
    except FileNotFoundError:
        raise CallFailed(Code.PATH_NOT_FOUND) from None
    return DONE


def change_directory(dos: DosSystem, guest: Guest) -> Outcome:
    """3Bh: make the directory at DS:DX the current one."""
    place = _argument(dos, guest)
    try:
        is_directory = place.entry().stat.kind is FileKind.DIRECTORY
    except CallFailed:
        is_directory = False
    if not is_directory or len(place.volume.dos_path(place.real)) > MAX_DIRECTORY:
        raise CallFailed(Code.PATH_NOT_FOUND)
    if place.real != dos.cwd(place.volume):
        cwds = {**dict(dos.state.cwds), place.volume.drive: place.real}
        dos.change(cwds=tuple(sorted(cwds.items())))
    return DONE


def current_directory(dos: DosSystem, guest: Guest) -> Outcome:
    r"""47h: the current directory of drive DL to DS:SI, without drive and first ``\``."""
    r = guest.registers
    volume = dos.volume(r.dl)
    path = to_dos(volume.dos_path(dos.cwd(volume)))
    guest.memory.write(guest.linear(r.ds, r.si), path[:MAX_DIRECTORY] + b"\0")
    r.ax = 0x0100
    return DONE


def delete(dos: DosSystem, guest: Guest) -> Outcome:
    """41h: delete the file at DS:DX."""
    place = _argument(dos, guest)
    check_deletable(place)
    place.files.unlink(place.real)
    return DONE


def check_deletable(place: Located) -> None:
    """Refuse folders and what is read-only (error 5)."""
    if place.entry().attributes & (DIRECTORY | READ_ONLY):
        raise CallFailed(Code.ACCESS_DENIED)


def rename(dos: DosSystem, guest: Guest) -> Outcome:
    """56h: rename DS:DX to ES:DI, in another directory if wanted; what is there stays."""
    r = guest.registers
    old, new = _argument(dos, guest), _locate(dos, guest, r.es, r.di)
    move(old, new)
    return DONE


def move(old: Located, new: Located) -> None:
    """Rename a file or folder; what is there stays (error 5), other drives are another device."""
    old.node()  # for its errors
    if old.volume is not new.volume:
        raise CallFailed(Code.NOT_SAME_DEVICE)
    before, then = old.real.lower(), new.real.lower()
    if before != then:
        new.volume.check_new(new.real)
        if new.volume.find(new.real) != GONE:
            raise CallFailed(Code.ACCESS_DENIED)
    if then.startswith(before + "/"):
        raise CallFailed(Code.ACCESS_DENIED)  # into itself
    old.files.rename(old.real, new.real)


def attributes(dos: DosSystem, guest: Guest) -> Outcome:
    """43h: get (AL 0) or set (1) the attributes CX of DS:DX; of those only read-only is kept."""
    r = guest.registers
    if r.al > 1:
        raise CallFailed(Code.INVALID_FUNCTION)
    place = _argument(dos, guest)
    entry = place.entry()
    if r.al == 0:
        r.cx = r.ax = entry.attributes
        return DONE
    if entry.stat.kind is FileKind.DIRECTORY or r.cx & (DIRECTORY | VOLUME):
        raise CallFailed(Code.ACCESS_DENIED)
    if isinstance(place.files, FatTree):
        place.files.set_attributes(entry.stat.node, r.cx & 0xFF)
        return DONE
    dos.tell_unkept(guest, place, r.cx)
    write = 0o222 if entry.stat.mode & OWNER_WRITE == 0 else 0
    read_only = r.cx & READ_ONLY
    mode = entry.stat.mode & ~0o222 if read_only else entry.stat.mode | write
    if mode != entry.stat.mode:
        place.files.chmod(entry.stat.node, mode)
    return DONE


# -- searches --------------------------------------------------------------------------------


def find_first(dos: DosSystem, guest: Guest) -> Outcome:
    """4Eh: find the first entry that matches DS:DX and the attributes CX."""
    r = guest.registers
    path, wanted = path_argument(guest, r.ds, r.dx), r.cx
    if wanted & 0x3F == VOLUME:
        return _find_label(dos, guest, path.replace("/", "\\"))
    directory, pattern = _folder_and_name(path)
    if dos.device_at(path) is not None:
        return _find_device(dos, guest, pattern)
    place = dos.locate(directory or ".")
    try:
        names = matching(place, template(pattern))
    except CallFailed:
        raise CallFailed(Code.PATH_NOT_FOUND) from None
    search = begin(dos, Search(0, place.volume.drive, place.real, names, wanted & 0xFF))
    return _find(dos, guest, search, 0, _transfer_area(dos, guest))


@lru_cache(maxsize=MAX_KNOWN)
def _folder_and_name(path: str) -> tuple[str, str]:
    """Split a path before its last name."""
    path = path.replace("/", "\\")
    cut = max(path.rfind("\\"), path.rfind(":")) + 1
    return path[:cut], path[cut:]


def begin(dos: DosSystem, search: Search) -> Search:
    """Remember a search that goes on with later calls; return it with its number."""
    number = dos.state.next_search
    begun = Search(number, *search[1:])
    before = dos.state.searches
    if len(before) >= MAX_SEARCHES:
        before = before[1:]
    dos.change(searches=(*before, begun), next_search=number + 1)
    return begun


def begun(dos: DosSystem, number: int) -> Search | None:
    """Return a search by its number, None if it has ended."""
    searches = dos.state.searches
    if searches and searches[-1].number == number:  # most often it is the last
        return searches[-1]
    at = bisect_left(searches, (number,))
    return searches[at] if at < len(searches) and searches[at].number == number else None


def _find_device(dos: DosSystem, guest: Guest, name: str) -> Outcome:
    """Put a character device into the disk transfer area: batch files look for DIR\\NUL."""
    date, time = clock.pack(dos.nanoseconds(guest) // NANOSECONDS)
    raw = _PACKED.pack(0, 0, DEVICE, time, date, 0, device_part(upper(name)).encode(CODE_PAGE))
    guest.memory.write(_transfer_area(dos, guest), raw)
    guest.registers.ax = 0
    return DONE


def label_entry(dos: DosSystem, volume: Volume) -> tuple[str, Entry] | None:
    """Return a volume's label as a directory entry; None if it has none."""
    label = dos.label(volume)
    if not label:
        return None
    name = label.decode(CODE_PAGE)
    stat = volume.files.stat(volume.files.lookup("/"))
    return name, Entry(name, stat, is_label=True)


def _find_label(dos: DosSystem, guest: Guest, path: str) -> Outcome:
    """Put the label into the disk transfer area; there is no other."""
    drive, colon, _ = path.rpartition(":")
    volume = dos.locate(f"{drive}:\\" if colon else "\\").volume
    found = label_entry(dos, volume)
    if found is None:
        raise CallFailed(Code.NO_MORE_FILES)
    name, entry = found
    name = name if len(name) <= 8 else f"{name[:8]}.{name[8:]}"
    search = Search(0, volume.drive, "/", (), VOLUME)
    guest.memory.write(_transfer_area(dos, guest), _find_data(search, 0, name, entry))
    guest.registers.ax = 0
    return DONE


def matching(place: Located, pattern: bytes) -> tuple[str, ...]:
    """Return the names in a directory that match the eleven bytes of a template."""
    names = place.volume.names(place.real).matching(pattern)
    if place.real == "/":
        return names
    matches = matcher(pattern)
    return (*(link for link, raw in LINKS.items() if matches(raw)), *names)


def find_next(dos: DosSystem, guest: Guest) -> Outcome:
    """4Fh: find the next entry of the search in the disk transfer area."""
    where = _transfer_area(dos, guest)
    number, following = _ITS_OWN.unpack(guest.memory.read(where, _ITS_OWN.size))
    search = begun(dos, number)
    if search is None:
        raise CallFailed(Code.NO_MORE_FILES)
    return _find(dos, guest, search, following, where)


def _transfer_area(dos: DosSystem, guest: Guest) -> int:
    return guest.linear(dos.state.dta_segment, dos.state.dta_offset)


def _find(dos: DosSystem, guest: Guest, search: Search, at: int, where: int) -> Outcome:
    """Put the search's next entry from ``at`` on into the disk transfer area, at ``where``."""
    following, name, entry = next_found(dos, search, at)
    guest.memory.write(where, _find_data(search, following, name, entry))
    guest.registers.ax = 0
    return DONE


def next_found(dos: DosSystem, search: Search, at: int) -> tuple[int, str, Entry]:
    """Return a search's next entry from ``at`` on, and where it goes on; error 18 at its end."""
    volume, names = dos.volumes[search.drive], search.names
    listing = volume.names(search.directory).entries
    while at < len(names):
        name = names[at]
        entry = found(volume, search, name, listing)
        at += 1
        if entry is not None:
            return at, name, entry
    raise CallFailed(Code.NO_MORE_FILES)


def found(volume: Volume, search: Search, name: str, listing: dict[str, str]) -> Entry | None:
    """Return an entry if it's still there and of the kinds that the search is for."""
    real = search.directory if name in LINKS else listing.get(name)
    if real is None or search.attributes & 0x3F == VOLUME:
        return None
    try:
        entry = volume.entry(real)
    except CallFailed:
        return None  # deleted since, or a link that leads nowhere
    if entry.hidden and name in LINKS:
        entry = replace(entry, hidden=False)
    if entry.stat.kind not in _SHOWN or entry.attributes & _SPECIAL & ~search.attributes:
        return None
    return entry


def _find_data(search: Search, following: int, name: str, entry: Entry) -> bytes:
    return _ITS_OWN.pack(search.number, following) + _described(name, entry)


@lru_cache(maxsize=MAX_KNOWN)
def _described(name: str, entry: Entry) -> bytes:
    """Return what a search tells of an entry: the same as long as nothing changes there."""
    stat = entry.stat
    date, time = clock.pack(stat.mtime)
    size = 0 if stat.kind is FileKind.DIRECTORY else min(stat.size, LARGEST)
    raw = to_dos(name)[: NAME_SIZE - 1]
    return _PACKED.pack(0, 0, entry.attributes, time, date, size, raw)[_ITS_OWN.size :]


def set_transfer_area(dos: DosSystem, guest: Guest) -> Outcome:
    """1Ah: the disk transfer area is at DS:DX."""
    dos.change(dta_segment=guest.registers.ds, dta_offset=guest.registers.dx)
    return DONE


def get_transfer_area(dos: DosSystem, guest: Guest) -> Outcome:
    """2Fh: the disk transfer area, in ES:BX."""
    guest.registers.es, guest.registers.bx = dos.state.dta_segment, dos.state.dta_offset
    return DONE


# -- drives ----------------------------------------------------------------------------------


def reset_disk(dos: DosSystem, guest: Guest) -> Outcome:
    """0Dh: nothing is held back."""
    return DONE


def select_drive(dos: DosSystem, guest: Guest) -> Outcome:
    """0Eh: make DL (0: A) the current drive if it is there; how many letters there are, in AL."""
    if guest.registers.dl in dos.volumes:
        dos.change(drive=guest.registers.dl)
    guest.registers.al = dos.last_drive
    return DONE


def current_drive(dos: DosSystem, guest: Guest) -> Outcome:
    """19h: the current drive in AL."""
    guest.registers.al = dos.state.drive
    return DONE


def free_space(dos: DosSystem, guest: Guest) -> Outcome:
    """36h: drive DL's cluster size AX, free clusters BX, sector size CX, clusters DX."""
    r = guest.registers
    try:
        volume = dos.volume(r.dl)
    except CallFailed:
        r.ax = NO_SUCH_DRIVE
        return DONE
    space = space_of(volume)
    r.ax, r.bx, r.cx, r.dx = space.cluster_sectors, space.free, SECTOR_SIZE, space.clusters
    return DONE


class Space(NamedTuple):
    """How much a volume has."""

    cluster_sectors: int
    clusters: int
    free: int
    media: int


def space_of(volume: Volume) -> Space:
    """Return a volume's size; a folder is as large as many programs can tell."""
    if not isinstance(volume.files, FatTree):
        return Space(CLUSTER_SECTORS, CLUSTERS, FREE_CLUSTERS, HARD_DISK_MEDIA)
    layout = volume.files.disk.layout()
    free = volume.files.disk.free_clusters()
    return Space(layout.cluster_sectors, layout.clusters, free, layout.media)


def true_name(dos: DosSystem, guest: Guest) -> Outcome:
    """60h: the whole path of DS:SI to ES:DI."""
    r = guest.registers
    path = path_argument(guest, r.ds, r.si).replace("/", "\\")
    if not path:
        raise CallFailed(Code.FILE_NOT_FOUND)
    head, colon, rest = path.rpartition(":")
    drive = ord(upper(head)) - ord("A") if len(head) == 1 else dos.state.drive
    if drive not in dos.volumes or len(head) > 1 or (colon and not head):
        raise CallFailed(Code.PATH_NOT_FOUND)
    if dos.device_at(path) is not None:
        whole = f"{letter(drive)}:/{upper(_folder_and_name(path)[1])}"  # by which one knows it
    else:
        whole = f"{letter(drive)}:\\" + "\\".join(_true_parts(dos, drive, rest))
    guest.memory.write(guest.linear(r.es, r.di), to_dos(whole)[:127] + b"\0")
    return DONE


def _true_parts(dos: DosSystem, drive: int, path: str) -> list[str]:
    """Return a path's names from the root on, as DOS would look for them: none need be there."""
    volume = dos.volumes[drive]
    start = "" if path.startswith("\\") else volume.dos_path(dos.cwd(volume))
    parts = start.split("\\") if start else []
    for name in path.split("\\"):
        if name == "..":
            if not parts:
                raise CallFailed(Code.PATH_NOT_FOUND)
            parts.pop()
        elif name.count(".") > 1 or not _IN_NO_NAME.isdisjoint(name):
            raise CallFailed(Code.FILE_NOT_FOUND)
        elif name not in ("", "."):
            parts.append(dotted(template(name)))
    return parts


def long_names(dos: DosSystem, guest: Guest) -> Outcome:
    """71h: programs ask whether there are long file names, and do without."""
    raise CallFailed(Code.NO_LONG_NAMES)


CALLS = {
    0x0D: reset_disk,
    0x0E: select_drive,
    0x19: current_drive,
    0x1A: set_transfer_area,
    0x2F: get_transfer_area,
    0x36: free_space,
    0x39: make_directory,
    0x3A: remove_directory,
    0x3B: change_directory,
    0x41: delete,
    0x43: attributes,
    0x47: current_directory,
    0x4E: find_first,
    0x4F: find_next,
    0x56: rename,
    0x60: true_name,
    0x71: long_names,
}
