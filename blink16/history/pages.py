"""The RAM at an instant, as a tree whose parts are shared with those of other instants.

A checkpoint that kept the pages' old content (an undo log) would make a far jump walk all
logs in between.  One that copied all pages would cost a mebibyte.  Here each checkpoint has the
whole RAM: groups of pages, which are the very same objects as its neighbours' where nothing
changed.  So a checkpoint costs the pages that changed, a jump those that differ, however far it
goes and in either direction, and to take a checkpoint out is to forget it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_, is_not

from blink16.memory import PAGE_COUNT, PAGE_SHIFT, PAGE_SIZE, Memory

GROUP_SHIFT = 6
GROUP_PAGES = 1 << GROUP_SHIFT
MANY_PAGES = 40
"""If so many pages of a group were written, all of it is copied at once, which is quicker."""
CONTENT_SIZE = PAGE_SIZE + 48
"""Bytes that a page's content takes, with its object."""
GROUP_SIZE = 8 * GROUP_PAGES + 56
IMAGE_SIZE = 8 * (PAGE_COUNT >> GROUP_SHIFT) + 120

_ALL = b"\1" * PAGE_COUNT

PageGroup = tuple[bytes, ...] | bytes
"""The contents of neighbouring pages, by page or in one piece."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """The content of every page at one instant."""

    groups: tuple[PageGroup, ...]

    @classmethod
    def of(cls, memory: Memory) -> Image:
        """Take an image of all pages; equal ones are one object."""
        known: dict[bytes, bytes] = {}
        contents = memory.contents(range(PAGE_COUNT)).values()
        pages = [known.setdefault(content, content) for content in contents]
        starts = range(0, PAGE_COUNT, GROUP_PAGES)
        return cls(tuple(tuple(pages[n : n + GROUP_PAGES]) for n in starts))

    def page(self, number: int) -> bytes:
        """Return the content of a page."""
        group, place = self.groups[number >> GROUP_SHIFT], number & (GROUP_PAGES - 1)
        if isinstance(group, bytes):
            return group[place << PAGE_SHIFT : (place + 1) << PAGE_SHIFT]
        return group[place]

    def renewed(self, memory: Memory) -> Image:
        """Return the image of now, where this was the one of the last checkpoint.

        It shares with this one what was written and is equal all the same.
        """
        groups = list(self.groups)
        for number, pages in _by_group(memory.written_marks()):
            if isinstance(pages, range):
                groups[number] = _shared(memory.span(pages.start, len(pages)), self.groups[number])
            else:
                groups[number] = _replaced(self.groups[number], memory.contents(pages))
        return Image(tuple(groups))

    def replaced(self, contents: Mapping[int, bytes]) -> Image:
        """Return an image in which some pages have another content."""
        changed: dict[int, dict[int, bytes]] = {}
        for page, content in contents.items():
            changed.setdefault(page >> GROUP_SHIFT, {})[page] = content
        groups = list(self.groups)
        for number, pages in changed.items():
            groups[number] = _replaced(groups[number], pages)
        return Image(tuple(groups))

    def sharing(self, other: Image) -> Image:
        """Return an equal image that consists of another's objects wherever they are equal."""
        pairs = zip(self.groups, other.groups, strict=True)
        return Image(tuple([mine if mine is its else _shared(mine, its) for mine, its in pairs]))

    def at(self, marks: bytes) -> dict[int, bytes]:
        """Return contents that cover the marked pages, by the first page of each."""
        contents: dict[int, bytes] = {}
        for number, pages in _by_group(marks):
            group = self.groups[number]
            if isinstance(pages, range) and isinstance(group, bytes):
                contents[pages.start] = group
            else:
                contents.update((page, self.page(page)) for page in pages)
        return contents

    def is_in(self, memory: Memory) -> bool:
        """Whether memory has this content."""
        contents = self.at(_ALL).items()
        return all(memory.span(page, len(held) >> PAGE_SHIFT) == held for page, held in contents)

    def differences(self, other: Image) -> dict[int, bytes]:
        """Return this image's contents that aren't the other's, by the first page of each.

        Here and there are equal ones.
        """
        pages: dict[int, bytes] = {}
        for number, (mine, theirs) in enumerate(zip(self.groups, other.groups, strict=True)):
            if mine is not theirs:
                first = number << GROUP_SHIFT
                if isinstance(mine, bytes):
                    pages[first] = mine
                    continue
                parts = _pages(theirs) if isinstance(theirs, bytes) else theirs
                pages.update(compress(enumerate(mine, first), map(is_not, mine, parts)))
        return pages

    def footprint(self, known: Image | None = None) -> int:
        """Return the bytes that it takes, about, beside a known one with which it shares."""
        if known is None:
            contents = {id(c) for group in self.groups for c in _contents(group)}
            return IMAGE_SIZE + len(self.groups) * GROUP_SIZE + len(contents) * CONTENT_SIZE
        pairs = zip(self.groups, known.groups, strict=True)
        return IMAGE_SIZE + sum(_size(*pair) for pair in pairs if pair[0] is not pair[1])


def _by_group(marks: bytes) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the groups with pages that are marked by a 1, and these; a range where all count."""
    marked = marks.find(1)
    while marked >= 0:
        first = marked & -GROUP_PAGES
        end = first + GROUP_PAGES
        if marks.count(1, marked, end) >= MANY_PAGES:
            yield first >> GROUP_SHIFT, range(first, end)
        else:
            pages = list(compress(range(marked, end), marks[marked:end]))
            yield first >> GROUP_SHIFT, pages
        marked = marks.find(1, end)


def _pages(group: bytes) -> tuple[bytes, ...]:
    return tuple(group[at : at + PAGE_SIZE] for at in range(0, len(group), PAGE_SIZE))


def _contents(group: PageGroup) -> tuple[bytes, ...]:
    return (group,) * GROUP_PAGES if isinstance(group, bytes) else group


def _replaced(group: PageGroup, contents: Mapping[int, bytes]) -> PageGroup:
    """Return a group in which some pages, by their numbers, have another content, or this one."""
    pages = list(_pages(group) if isinstance(group, bytes) else group)
    is_equal = True
    for page, content in contents.items():
        place = page & (GROUP_PAGES - 1)
        if pages[place] != content:
            pages[place], is_equal = content, False
    return group if is_equal else tuple(pages)


def _size(group: PageGroup, known: PageGroup) -> int:
    """Return the bytes of a group beside a known one that is not the same."""
    if isinstance(group, bytes):
        return len(group)
    differing = GROUP_PAGES if isinstance(known, bytes) else sum(map(is_not, group, known))
    return GROUP_SIZE + differing * CONTENT_SIZE


def _shared(mine: PageGroup, theirs: PageGroup) -> PageGroup:
    if isinstance(mine, bytes) or isinstance(theirs, bytes):
        return theirs if mine == theirs else mine
    pairs = zip(mine, theirs, strict=True)
    shared = tuple([other if content == other else content for content, other in pairs])
    return theirs if all(map(is_, shared, theirs)) else shared
