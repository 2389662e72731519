"""The RAM at an instant, as a tree whose parts are shared with those of other instants.

A checkpoint that kept the pages' old content (an undo log) would make a far jump walk all
logs in between.  One that copied all pages would cost a mebibyte.  Here each checkpoint has the
whole RAM: groups of pages, which are the very same objects as its neighbours' where nothing
changed.  So a checkpoint costs the pages that changed, a jump those that differ, however far it
goes and in either direction, and to take a checkpoint out is to forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from operator import is_not

from blink16.memory import PAGE_COUNT, PAGE_SIZE, Memory

GROUP_SHIFT = 6
GROUP_PAGES = 1 << GROUP_SHIFT
CONTENT_SIZE = PAGE_SIZE + 48
"""Bytes that a page's content takes, with its object."""
GROUP_SIZE = 8 * GROUP_PAGES + 56
IMAGE_SIZE = 8 * (PAGE_COUNT >> GROUP_SHIFT) + 120

PageGroup = tuple[bytes, ...]
"""The contents of neighbouring pages."""


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
        return self.groups[number >> GROUP_SHIFT][number & (GROUP_PAGES - 1)]

    def replaced(self, contents: Mapping[int, bytes]) -> Image:
        """Return an image in which some pages have another content."""
        changed: dict[int, list[bytes]] = {}
        for page, content in contents.items():
            number = page >> GROUP_SHIFT
            if number not in changed:
                changed[number] = list(self.groups[number])
            changed[number][page & (GROUP_PAGES - 1)] = content
        groups = list(self.groups)
        for number, group in changed.items():
            groups[number] = tuple(group)
        return Image(tuple(groups))

    def sharing(self, other: Image) -> Image:
        """Return an equal image that consists of another's objects wherever they are equal."""
        return Image(tuple(map(_shared, self.groups, other.groups)))

    def differences(self, other: Image) -> dict[int, bytes]:
        """Return this image's pages that aren't the other's; here and there are equal ones."""
        pages: dict[int, bytes] = {}
        for number, (mine, theirs) in enumerate(zip(self.groups, other.groups, strict=True)):
            if mine is not theirs:
                first = number << GROUP_SHIFT
                contents = enumerate(mine, first)
                pages.update(compress(contents, map(is_not, mine, theirs)))
        return pages

    def footprint(self, known: Image | None = None) -> int:
        """Return the bytes that it takes, about, beside a known one with which it shares."""
        if known is None:
            contents = {id(content) for group in self.groups for content in group}
            return IMAGE_SIZE + len(self.groups) * GROUP_SIZE + len(contents) * CONTENT_SIZE
        pairs = zip(self.groups, known.groups, strict=True)
        differing = [pair for pair in pairs if pair[0] is not pair[1]]
        contents_ = sum(sum(map(is_not, *pair)) for pair in differing)
        return IMAGE_SIZE + len(differing) * GROUP_SIZE + contents_ * CONTENT_SIZE


def _shared(mine: PageGroup, theirs: PageGroup) -> PageGroup:
    if mine is theirs or mine == theirs:
        return theirs
    pairs = zip(mine, theirs, strict=True)
    return tuple([other if content == other else content for content, other in pairs])
