"""Strings on the BIOS's screen: the same as their characters one by one, and sooner."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from boot_sectors import LOOP, Powered, sector
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios import graphics
from blink16.bios.data_area import DataArea
from blink16.bios.disk import disk_of
from blink16.bios.screen_text import PLANES_TEXT_MEMORY
from blink16.bios.typed import show, write_text
from blink16.bios.video import GuestScreen, set_mode
from blink16.devices.video import Adapter

DISKS = [disk_of(0, sector(LOOP))]


def _counted(done: Callable[..., None], calls: list[object], *arguments: object) -> None:
    calls.append(arguments)
    done(*arguments)


@settings(max_examples=examples(60))
@given(
    st.sampled_from([(Adapter.CGA, 1), (Adapter.CGA, 3), (Adapter.CGA, 4), (Adapter.CGA, 6)])
    | st.sampled_from([(Adapter.VGA, 3), (Adapter.VGA, 0x12), (Adapter.VGA, 0x13)]),
    st.lists(
        st.tuples(st.sampled_from(b"AB \n\n\r\b\x07"), st.sampled_from([7, 0x1E, 0x84, 0x9B]))
    ),
    st.sampled_from([0, 1, 60]),
    st.sampled_from([0, 1, 23, 24, 29, 30, 99]),
    st.sampled_from([0, 38, 39, 79, 80, 255]),
)
def test_a_string_is_many_characters(
    screen: tuple[Adapter, int], typed: list[tuple[int, int]], times: int, row: int, column: int
) -> None:
    """Prevents a string that is shown at once from looking other than one shown bit by bit."""
    adapter, mode = screen
    typed = typed + [(0x43, 0x35)] * times + typed[:5] * times
    memories = []
    for at_once in (True, False):
        machine = Powered(DISKS, adapter=adapter).machine
        set_mode(machine.memory, machine.bus, mode, adapter=adapter)
        shown = GuestScreen(machine.memory, machine.bus)
        for code in b"before\r\n" * 30:
            shown.teletype(0, code, 0x42)
        shown.set_cursor(0, row, column)
        if at_once:
            codes, attributes = (bytes(pair[n] for pair in typed) for n in (0, 1))
            show(shown, 0, codes, attributes)
        else:
            for code, attribute in typed:
                shown.teletype(0, code, attribute)
        memories.append((bytes(machine.memory.ram), bytes(machine.memory.planes.cast("B"))))
    assert memories[0] == memories[1]


@pytest.mark.parametrize("mode", [3, 4, 6])
@pytest.mark.parametrize("codes", [b"A", b"\n", b"A\r", bytes(range(0x20, 0x100))])
@pytest.mark.parametrize("attribute", [0, 0x87])
def test_a_string_of_65535_characters_draws_little(
    monkeypatch: pytest.MonkeyPatch, mode: int, codes: bytes, attribute: int
) -> None:
    """Prevents one call that nobody can stop for ten seconds, also where all characters are XORed
    into a cell.
    """
    machine = Powered(DISKS).machine
    set_mode(machine.memory, machine.bus, mode)
    shown = GuestScreen(machine.memory, machine.bus)
    calls: list[object] = []
    for name in ("put", "scroll"):
        done = getattr(shown, name)
        monkeypatch.setattr(shown, name, partial(_counted, done, calls))
    monkeypatch.setattr(graphics, "xor", partial(_counted, graphics.xor, calls))
    show(shown, 0, (codes * 0xFFFF)[:0xFFFF], bytes((attribute,)) * 0xFFFF)
    assert len(calls) <= shown.rows * (shown.columns + 1) + 1


@pytest.mark.parametrize("columns", [0, 1, 0x100, 0x1FF, 0xFFFF])
def test_a_screen_is_no_larger_than_its_memory(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Prevents line feeds that move 33 MiB each, by what a guest wrote into the BIOS' data."""
    machine = Powered(DISKS, adapter=Adapter.VGA).machine
    memory, area = machine.memory, DataArea(machine.memory)
    area.columns, area.last_row = columns, 0xFF
    shown = GuestScreen(memory, machine.bus)
    assert 1 <= shown.columns <= 0xFF
    assert 2 * shown.columns * shown.rows <= PLANES_TEXT_MEMORY
    moved: list[int] = []
    write = memory.write

    def counted(address: int, data: bytes) -> None:
        moved.append(len(data))
        write(address, data)

    monkeypatch.setattr(memory, "write", counted)
    shown.scroll(0, 0, 0, 0xFF, 0xFF, 1, 7)
    write_text(memory, machine.bus, b"A\n" * 1000)
    assert sum(moved) <= 3 * PLANES_TEXT_MEMORY


@settings(max_examples=examples(30))
@given(
    st.sampled_from([(Adapter.CGA, 4), (Adapter.CGA, 6), (Adapter.VGA, 0x0D)])
    | st.sampled_from([(Adapter.VGA, 0x10), (Adapter.VGA, 0x12), (Adapter.VGA, 0x13)]),
    st.lists(st.tuples(st.integers(0, 319), st.integers(0, 199), st.integers(1, 3)), max_size=9),
    st.integers(0, 26),
)
def test_rows_are_recognized_as_their_dots_say(
    mode: tuple[Adapter, int], spots: list[tuple[int, int, int]], row: int
) -> None:
    """Prevents characters that are read back, or printed, other than they stand on the screen."""
    adapter, number = mode
    machine = Powered(DISKS, adapter=adapter).machine
    set_mode(machine.memory, machine.bus, number, adapter=adapter)
    shown = GuestScreen(machine.memory, machine.bus)
    for code in b"Recognized\r\n" * 20 + bytes(range(128, 256)):
        shown.teletype(0, code, 2)
    dots = shown.dots()
    for spot in spots:
        dots.set_dot(*spot)
    height, expected = len(dots.shape(0)), bytearray()
    for column in range(shown.columns):
        lines = bytes(
            sum(bool(dots.dot(column * 8 + x, y)) << (7 - x) for x in range(8))
            for y in range(row * height, (row + 1) * height)
        )
        expected.append(next((code for code in range(256) if dots.shape(code) == lines), 0))
    assert shown.codes(0, row) == expected
    assert [shown.cell(0, row, column)[0] for column in (0, 5)] == [expected[0], expected[5]]


@pytest.mark.parametrize(("adapter", "mode"), [(Adapter.CGA, 4), (Adapter.VGA, 0x12)])
def test_to_print_a_picture_little_is_read(
    monkeypatch: pytest.MonkeyPatch, adapter: Adapter, mode: int
) -> None:
    """Prevents a print screen (INT 05h) that works for a second on what dots look like."""
    machine = Powered(DISKS, adapter=adapter).machine
    set_mode(machine.memory, machine.bus, mode, adapter=adapter)
    reads, read = 0, machine.memory.read

    def counted(address: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return read(address, length)

    monkeypatch.setattr(machine.memory, "read", counted)
    shown = GuestScreen(machine.memory, machine.bus)
    lines = [shown.codes(0, row) for row in range(shown.rows)]
    assert reads < shown.rows * 800
    assert {len(line) for line in lines} == {shown.columns}
