"""DOS' formats: MZ headers, names and wildcards, FCBs, memory control blocks, dates."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from construct import Struct
from hypothesis import given
from hypothesis import strategies as st

from blink16.dos import arena, clock, names
from blink16.dos.arena import MemoryBlock
from blink16.dos.errors import CallFailed, Code, DosError
from blink16.dos.executable import (
    FAR_POINTER,
    MZ_HEADER,
    PSP,
    MzExecutable,
    parse,
    parse_com,
    parse_mz,
)
from blink16.memory import Memory, linear


def mz(image: bytes, *, relocations: tuple[tuple[int, int], ...] = (), **fields: int) -> bytes:
    """Build an MZ file around an image."""
    table = b"".join(FAR_POINTER.build({"segment": s, "offset": o}) for s, o in relocations)
    header_size = -(-(MZ_HEADER.sizeof() + len(table)) // 16) * 16
    size = header_size + len(image)
    header = {
        "signature": b"MZ",
        "last_page_bytes": size % 512,
        "pages": -(-size // 512),
        "relocation_count": len(relocations),
        "header_paragraphs": header_size // 16,
        "minalloc": 0,
        "maxalloc": 0xFFFF,
        "ss": 0,
        "sp": 0x100,
        "checksum": 0,
        "ip": 0,
        "cs": 0,
        "relocations_offset": MZ_HEADER.sizeof(),
        "overlay": 0,
    }
    raw: bytes = MZ_HEADER.build(header | fields)
    return (raw + table).ljust(header_size, b"\0") + image


# -- programs --------------------------------------------------------------------------------


def test_mz_round_trip() -> None:
    """A linker's header must be read field by field, not shifted or swapped."""
    program = parse_mz(mz(b"abcdefgh", relocations=((0, 4),), cs=1, ip=2, ss=3, sp=4, minalloc=5))
    assert program == MzExecutable(b"abcdefgh", 1, 2, 3, 4, 5, 0xFFFF, ((0, 4),))


def test_many_relocations_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents an EXEC (INT 21h/4Bh) that takes most of a second, which nobody can stop: a program
    may have 65,535 relocations.
    """
    file, parsed, parse_struct = mz(bytes(64), relocations=((1, 2),) * 1000), [], Struct._parse

    def counted(self: Any, *arguments: Any) -> Any:
        parsed.append(self)
        return parse_struct(self, *arguments)

    monkeypatch.setattr(Struct, "_parse", counted)
    assert parse_mz(file).relocations == ((1, 2),) * 1000
    assert len(parsed) == 1  # the header


def test_relocation_adds_the_load_segment() -> None:
    """Relocated words must carry the segment, wrapped at 16 bits, and no other byte change."""
    program = parse_mz(mz(b"\1\2\xff\xff\5\6", relocations=((0, 2),)))
    assert program.relocated(0x1000) == b"\1\2\xff\x0f\5\6"


def test_debug_information_behind_the_image_is_not_loaded() -> None:
    """What a file has behind the size in its header is not part of the program."""
    assert parse_mz(mz(b"code") + b"debug").image == b"code"


def test_a_file_that_is_too_short_is_loaded_as_far_as_it_is_there() -> None:
    """DOS loads what there is; it was refused, and with it programs that run on every DOS."""
    program = parse_mz(mz(b"x" * 40)[:-2])
    assert (program.image, program.missing) == (b"x" * 38, 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ", "truncated"),
        (mz(b"x", last_page_bytes=600), "last page"),
        (mz(b"x", pages=0xFFFF), "too large"),
        (mz(b"x", header_paragraphs=0x1000), "header"),
        (mz(b"x", header_paragraphs=0), "header"),
        (mz(b"x", relocation_count=9999), "relocations"),
        (mz(b"xy", relocations=((0, 1),)), "0000:0001"),
        (mz(b"xy", relocations=((0xFFFF, 0xFFFF),)), "FFFF:FFFF"),
    ],
)
def test_a_lying_header_is_named(data: bytes, words: str) -> None:
    """Each lie in a header must lead to a line that names it, not to a traceback."""
    with pytest.raises(DosError, match=words) as error:
        parse_mz(data)
    assert "\n" not in str(error.value)


def test_com_limits() -> None:
    """An empty COM and one that leaves no room for its stack can't run."""
    with pytest.raises(DosError, match="empty"):
        parse_com(b"")
    with pytest.raises(DosError, match="too large"):
        parse_com(bytes(0xFFFF))
    assert parse_com(bytes(0xFEFE)).ip == 0x100


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_parse_or_fail_cleanly(data: bytes, as_mz: bool) -> None:
    """Whatever a file holds, reading it ends in a program or a DosError."""
    try:
        program = parse(b"MZ" * as_mz + data)
    except DosError:
        return
    assert len(program.relocated(0x1000)) == len(program.image)


@given(st.data())
def test_mutated_headers_parse_or_fail_cleanly(data: st.DataObject) -> None:
    """Any value in any header field must be survived."""
    fields = ["last_page_bytes", "pages", "relocation_count", "header_paragraphs"]
    fields += ["relocations_offset", "minalloc", "maxalloc", "ss", "cs"]
    field = data.draw(st.sampled_from(fields))
    value = data.draw(st.integers(0, 0xFFFF))
    try:
        program = parse_mz(mz(bytes(64), relocations=((0, 0), (1, 3)), **{field: value}))
    except DosError:
        return
    assert len(program.relocated(1)) == len(program.image)


def test_format_sizes() -> None:
    """PSP and header have fixed sizes; a field too much would move all that follow."""
    assert PSP.sizeof() == 256
    assert MZ_HEADER.sizeof() == 28


# -- names -----------------------------------------------------------------------------------


def test_long_names_get_short_aliases() -> None:
    """Files with names that DOS can't have must be reachable, each under its own name."""
    short = names.short_names(["readme.txt", "a long name.text", "a long nest.text", ".profile"])
    assert short == {
        "README.TXT": "readme.txt",
        "ALONGN~1.TEX": "a long name.text",
        "ALONGN~2.TEX": "a long nest.text",
        "PROFIL~1": ".profile",
    }


def test_names_equal_but_for_case_both_appear() -> None:
    """On a host that tells case apart, none of two such files may vanish."""
    assert sorted(names.short_names(["foo", "FOO"]).values()) == ["FOO", "foo"]


@given(st.sets(st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=20)))
def test_every_name_has_one_valid_alias(real: set[str]) -> None:
    """Aliases must be valid DOS names, one for each file, whatever the host calls it."""
    short = names.short_names(real)
    assert sorted(short.values()) == sorted(real)
    assert all(names.fits(name) and names.upper(name) == name for name in short)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.*", ["A.TXT", "README", "X.C"], []),
        ("*", ["README"], ["A.TXT"]),
        ("*.", ["README"], ["A.TXT"]),
        ("A?C.*", ["ABC.TXT", "ABC", "A1C.X"], ["ABCD.TXT", "BBC"]),
        ("*.C", ["X.C", "LONGNAME.C"], ["X.CC", "C"]),
        ("t*.exe", ["TEST.EXE"], ["EXE.T"]),
        ("FILE?", ["FILE", "FILE1"], ["FILE12"]),
    ],
)
def test_wildcards(pattern: str, matching: list[str], others: list[str]) -> None:
    """Patterns must match as DOS' FCBs do, not as shells do."""
    matches = names.matcher(names.template(pattern))
    assert all(matches(names.template(name)) for name in matching)
    assert not any(matches(names.template(name)) for name in others)


@given(st.text(max_size=30))
def test_template_is_eleven_bytes(pattern: str) -> None:
    """A pattern of any length and alphabet must not write past an FCB's fields."""
    assert len(names.template(pattern)) == 11


def test_parse_fcb() -> None:
    """Drive, name and extension must come apart as INT 21h/29h does it."""
    name = names.parse_fcb(b"  c:file*.tx rest")
    assert (name.drive, name.name, name.extension) == (3, b"FILE????", b"TX ")
    assert name.length == len(b"  c:file*.tx")
    assert name.wildcards


@given(st.binary(max_size=40), st.booleans())
def test_parse_fcb_survives_any_text(text: bytes, skip: bool) -> None:
    """A command line of any bytes gives an FCB of fixed size."""
    name = names.parse_fcb(text, skip_separators=skip)
    assert (len(name.name), len(name.extension)) == (8, 3)
    assert 0 <= name.length <= len(text)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_dates_round_trip(date: int, time: int) -> None:
    """A packed date either isn't one or comes back as it was."""
    try:
        seconds = clock.unpack(date, time)
    except ValueError:
        return
    assert clock.pack(seconds) == (date, time)


def test_dates_before_dos_are_its_first() -> None:
    """A host file from 1970 must not make the year negative."""
    assert clock.pack(0) == (0x0021, 0)


# -- memory blocks ---------------------------------------------------------------------------

FIRST = 0x1000


def fresh(size: int = 0x100) -> Memory:
    """Return memory with one free block."""
    memory = Memory()
    arena.put(memory, MemoryBlock(FIRST, size, arena.FREE, True))
    return memory


def test_allocate_free_and_join() -> None:
    """Freed neighbours must become one block again, or memory crumbles."""
    memory = fresh()
    a = arena.allocate(memory, FIRST, 0x10, 7)
    b = arena.allocate(memory, FIRST, 0x20, 7)
    assert (a.data, b.data) == (FIRST + 1, FIRST + 0x12)
    arena.release(memory, FIRST, a.data)
    arena.release(memory, FIRST, b.data)
    assert list(arena.blocks(memory, FIRST)) == [MemoryBlock(FIRST, 0x100, 0, True)]


def test_too_large_says_how_much_there_is() -> None:
    """Programs ask for FFFFh paragraphs to learn the largest block."""
    with pytest.raises(CallFailed) as failed:
        arena.allocate(fresh(), FIRST, 0xFFFF, 7)
    assert (failed.value.code, failed.value.bx) == (Code.NOT_ENOUGH_MEMORY, 0x100)


def test_resize_grows_into_free_memory_only() -> None:
    """A block must not grow over its neighbour, and must grow over what is free."""
    memory = fresh()
    a = arena.allocate(memory, FIRST, 0x10, 7)
    arena.resize(memory, FIRST, a.data, 0x100)
    assert list(arena.blocks(memory, FIRST)) == [MemoryBlock(FIRST, 0x100, 7, True)]
    arena.resize(memory, FIRST, a.data, 0x08)
    b = arena.allocate(memory, FIRST, 0x08, 7)
    with pytest.raises(CallFailed) as failed:
        arena.resize(memory, FIRST, a.data, 0x09)
    assert failed.value.bx == 0x08
    assert arena.get(memory, b.segment) == b


def test_last_fit_takes_the_end() -> None:
    """Strategy 2 must leave low memory alone."""
    memory = fresh()
    block = arena.allocate(memory, FIRST, 0x10, 7, arena.Strategy.LAST_FIT)
    assert block == MemoryBlock(FIRST + 0xF0, 0x10, 7, True)
    assert list(arena.blocks(memory, FIRST)) == [MemoryBlock(FIRST, 0xEF, 0, False), block]


def test_destroyed_chain_is_error_7() -> None:
    """A program that overwrites a control block must not hang or crash the host."""
    memory = fresh()
    arena.allocate(memory, FIRST, 0x10, 7)
    memory.write(linear(FIRST + 0x11, 0), b"X")
    with pytest.raises(CallFailed) as failed:
        arena.allocate(memory, FIRST, 1, 7)
    assert failed.value.code is Code.MEMORY_DESTROYED
    with pytest.raises(CallFailed):
        arena.release(memory, FIRST, 0x4321)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 0x60)), max_size=30))
def test_chain_always_covers_the_memory(actions: list[tuple[int, int]]) -> None:
    """After any calls the blocks must lie end to end, as memory browsers expect."""
    memory = fresh()
    mine: list[int] = []
    for kind, size in actions:
        # the one way to fail here is a lack of room
        with suppress(CallFailed):
            if kind == 0:
                mine.append(arena.allocate(memory, FIRST, size, 7, size % 3).data)
            elif mine and kind == 1:
                arena.release(memory, FIRST, mine.pop(size % len(mine)))
            elif mine:
                arena.resize(memory, FIRST, mine[size % len(mine)], size)
    chain = list(arena.blocks(memory, FIRST))
    assert [b.next for b in chain[:-1]] == [b.segment for b in chain[1:]]
    assert chain[-1].next == FIRST + 0x101
    assert sorted(b.data for b in chain if b.owner) == sorted(mine)
