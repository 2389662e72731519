"""Checkpoints: what they hold and share, how much that is, and how far apart they lie."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from operator import is_
from random import Random

import guests
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples
from test_timeline import COUNTER, travel

from blink16.history.checkpoints import CHECKPOINT_SIZE, MIN_LIMIT, Checkpoint, Ring, footprint
from blink16.history.pace import MAX_INTERVAL, MIN_INTERVAL, Pace
from blink16.history.pages import GROUP_PAGES, GROUP_SIZE, IMAGE_SIZE, Image
from blink16.history.timeline import Timeline
from blink16.memory import MEMORY_SIZE, PAGE_SIZE, Memory

CONTENTS = st.lists(st.tuples(*[st.sampled_from("ab")] * 3), min_size=2, max_size=12)
"""What three pages hold at each instant, often the same as at an earlier one."""


def page_of(letter: str) -> bytes:
    """Return a page's content."""
    return letter.encode() * PAGE_SIZE


@settings(max_examples=examples(150))
@given(CONTENTS, st.randoms(use_true_random=False))
def test_pages_at_checkpoints_are_what_they_were(
    contents: list[tuple[str, str, str]], random: Random
) -> None:
    """Prevents wrong RAM after checkpoints were put between others, or taken out."""
    memory = Memory()
    snapshot = guests.make(b"").machine.save()
    memory.put_pages({page: page_of(letter) for page, letter in enumerate(contents[0])})
    first = Image.of(memory)
    ring = Ring(Checkpoint(0, snapshot, 0, first, 0))
    order = list(range(1, len(contents)))
    random.shuffle(order)
    for icount in order:
        image = first.replaced({page: page_of(x) for page, x in enumerate(contents[icount])})
        ring.add(Checkpoint(icount, snapshot, 0, image, 0))
        if random.random() < 0.3:
            ring.limit = ring.size * 9 // 10
            ring.thin((icount,), ())
        check_ring(ring, contents)


def check_ring(ring: Ring, contents: list[tuple[str, str, str]]) -> None:
    """Go from each checkpoint to each other."""
    for here in ring._checkpoints:
        for there in ring._checkpoints:
            pages = [page_of(x) for x in contents[here.icount]]
            for page, content in there.image.differences(here.image).items():
                pages[page] = content
            assert pages == [page_of(x) for x in contents[there.icount]]


def test_footprint_counts_what_is_not_shared() -> None:
    """Prevents counting a disk overlay again with each checkpoint that shares it."""
    chunk, other = bytes(1000), bytes(2000)
    state = (1, (chunk, chunk))
    assert footprint(state, state) == 0
    grown = footprint((1, (chunk, other)), state)
    assert sys.getsizeof(other) <= grown < sys.getsizeof(other) + 300
    assert footprint({"a": chunk}, {"a": chunk}) < CHECKPOINT_SIZE


def test_spacing_follows_the_pace() -> None:
    """Prevents checkpoints too dense for a fast engine, or too sparse for a slow one."""
    pace = Pace()
    for _ in range(40):
        pace.ran(1_000_000_000, 1.0)
    assert 560_000 < pace.interval < 840_000
    for _ in range(40):
        pace.ran(10**12, 1.0)
    assert pace.interval == MAX_INTERVAL
    for _ in range(100):
        pace.ran(100, 1.0)
    assert pace.interval == pace.fine == MIN_INTERVAL


def test_costly_checkpoints_are_rarer() -> None:
    """Prevents a guest that writes everywhere from being slowed down by its own history."""
    pace = Pace()
    before = pace.interval
    for _ in range(40):
        pace.checkpointed(0.01)
    assert pace.interval > 20 * before


def test_images_of_groups_in_one_piece_are_those_of_pages() -> None:
    """Prevents pages from being lost or mixed up where all of a group is kept at once."""
    memory, choose = Memory(), Random(7)
    memory.begin()
    images, contents = [Image.of(memory)], [bytes(memory.ram)]
    for share in (0.02, 1, 0.9, 0.5, 0.1, 1, 0.7):
        for page in range(MEMORY_SIZE >> 8):
            if choose.random() < share:
                memory.write(page << 8, choose.randbytes(2))
        image = images[-1].renewed(memory)
        memory.begin()
        images.append(image.sharing(images[choose.randrange(len(images))]))
        contents.append(bytes(memory.ram))
        assert image.footprint(images[-2]) <= images[0].footprint() + 2 * MEMORY_SIZE
    now = len(images) - 1
    for goal in (0, 5, 3, 6, 1, 4, 2, 7):
        memory.write(choose.randrange(MEMORY_SIZE), b"lost")
        memory.put_pages(images[goal].at(memory.written_marks()))
        memory.put_pages(images[goal].differences(images[now]))
        memory.begin()
        now = goal
        assert bytes(memory.ram) == contents[goal]
        assert all(
            images[goal].page(page) == contents[goal][page << 8 : (page + 1) << 8]
            for page in choose.sample(range(MEMORY_SIZE >> 8), 64)
        )


def test_images_share_what_is_equal() -> None:
    """Prevents a history that keeps a mebibyte for each checkpoint."""
    memory = Memory()
    image = Image.of(memory)
    assert image.footprint() < MEMORY_SIZE // 8
    other = image.replaced({7: page_of("x"), 4000: page_of("y"), 4001: bytes(PAGE_SIZE)})
    assert other.page(7) == page_of("x")
    assert other.sharing(image).differences(image).keys() == {7, 4000}
    assert other.footprint(image) < 5 * PAGE_SIZE + 2 * GROUP_SIZE + IMAGE_SIZE
    same = image.replaced({7: bytes(PAGE_SIZE)})
    assert same.footprint(image) == IMAGE_SIZE


@pytest.mark.parametrize("pages", [3, GROUP_PAGES])
def test_what_is_written_again_as_it_was_is_shared(pages: int) -> None:
    """Prevents checkpoints of a mebibyte where a guest draws the same picture again and again."""
    memory = Memory()
    memory.begin()
    image = Image.of(memory).renewed(memory)
    memory.write(0x10000, bytes(range(256)) * pages)
    image = image.renewed(memory)
    memory.begin()
    memory.write(0x10000, bytes(range(256)) * pages)
    assert len(memory.written()) == pages
    assert image.renewed(memory).footprint(image) == IMAGE_SIZE


def test_snapshots_share_what_is_equal() -> None:
    """Prevents each checkpoint from holding, and measuring, the state of devices that rest."""
    machine = guests.make(b"").machine
    before = machine.save()
    parts = tuple((name, state) for name, state in before.components)
    again = replace(before, components=parts)
    assert again.sharing(before).components is before.components
    changed = replace(before, components=((parts[0][0], "other"), *parts[1:]))
    shared = changed.sharing(before)
    assert shared == changed
    assert all(map(is_, shared.components[1:], before.components[1:]))
    machine.add_component("late", Files())
    assert machine.save().sharing(before) == machine.save()


class Files:
    """A component whose state grows as a guest writes a large file."""

    def __init__(self) -> None:
        self.chunks: tuple[bytes, ...] = ()

    def save(self) -> tuple[bytes, ...]:
        """Return the state, which shares what it can."""
        return self.chunks

    def restore(self, state: tuple[bytes, ...]) -> None:
        """Take a state."""
        self.chunks = state


def test_a_large_file_of_the_guest_is_not_the_historys() -> None:
    """Prevents a history without checkpoints, and seeks without end, behind a file of 31 MiB."""
    guest, timeline = travel(COUNTER)
    files = Files()
    guest.machine.add_component("files", files)
    timeline = Timeline(guest.machine, pace=guests.TestPace(), limit=MIN_LIMIT)
    for number in range(310):
        files.chunks += (bytes((number & 0xFF,)) * 100_000,)
        timeline.run(100)
    size = timeline.size()
    assert size.state > 30_000_000
    assert size.used < MIN_LIMIT
    assert size.checkpoints > 100
    gaps = [high - low for low, high in pairwise(timeline.icounts())]
    assert max(gaps) < 2000
