"""Text that DOS shows at once stands on the screen as if each character came by itself."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from dos_guest import SCRATCH, DosGuest
from dos_programs import start
from guests import ENGINES, TestPace
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.data_area import BASE, DataArea
from blink16.bios.screen_text import BLANK
from blink16.bios.video import GuestScreen
from blink16.devices.video import Video
from blink16.history import Timeline
from blink16.machine import Machine

SCREEN, SCREEN_SIZE = 0xB8000, 0x4000
TICKS = 0x6C
"""What time does to the data area."""
TAB_STOPS = 8

TEXTS = st.lists(
    st.sampled_from(
        [b"\a", b"\b", b"\t", b"\n", b"\r", b"\r\n", b"A", b"word", b"\0\xff", b"~" * 70]
    ),
    max_size=40,
).map(b"".join)
CURSORS = st.tuples(
    st.sampled_from([0, 1, 12, 22, 23, 24]), st.sampled_from([0, 1, 38, 39, 78, 79])
)
"""On a screen of 80 columns; one of 40 has the first four columns."""
MODES = st.sampled_from([0, 1, 2, 3, 3, 3, 4, 6])


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[DosGuest, DosGuest]:
    """Return two equal machines."""
    return DosGuest(tmp_path_factory.mktemp("one")), DosGuest(tmp_path_factory.mktemp("other"))


def _prepare(guest: DosGuest, mode: int, page: int, cursor: tuple[int, int], seed: int) -> None:
    machine = guest.machine
    machine.registers.ax = mode
    _video(guest, mode)
    _video(guest, 0x0500 | page)
    content = bytes((seed + 7 * at) % 251 for at in range(SCREEN_SIZE))
    machine.memory.write(SCREEN, content)
    screen = GuestScreen(machine.memory, machine.bus)
    row, column = cursor
    screen.set_cursor(page, row, min(column, screen.columns - 1))


def _video(guest: DosGuest, ax: int) -> None:
    r = guest.registers
    guest.machine.memory.write(guest.machine.linear(guest.psp, 0x200), b"\xcd\x10")
    r.cs, r.ip, r.ax = guest.psp, 0x200, ax
    while (r.cs, r.ip) != (guest.psp, 0x202):
        guest.machine.run(1)


def _seen(guest: DosGuest) -> object:
    memory, video = guest.machine.memory, guest.machine.find(Video)
    assert video is not None
    state = video.state._replace(selected=0)
    return memory.read(SCREEN, 2 * SCREEN_SIZE), memory.read(BASE, TICKS), state


def _characters_alone(guest: DosGuest, text: bytes) -> None:
    screen = GuestScreen(guest.machine.memory, guest.machine.bus)
    area = DataArea(guest.machine.memory)
    for code in text:
        if code == ord("\t") and not screen.graphics:
            column = min(area.cursor(area.page)[1], screen.columns - 1)
            for _ in range(TAB_STOPS - column % TAB_STOPS):
                screen.teletype(area.page, BLANK[0])
        else:
            screen.teletype(area.page, code)


@settings(max_examples=examples(100))
@given(MODES, st.integers(0, 3), CURSORS, st.integers(0, 250), TEXTS, st.booleans())
def test_a_string_is_its_characters(
    twins: tuple[DosGuest, DosGuest],
    mode: int,
    page: int,
    cursor: tuple[int, int],
    seed: int,
    text: bytes,
    by_handle: bool,
) -> None:
    """Prevents a screen, a cursor or a 6845 that tell whether a text was shown at once."""
    whole, single = twins
    for guest in twins:
        _prepare(guest, mode, page if mode < 4 else 0, cursor, seed)
    whole.put(text + b"$")
    if by_handle:
        whole.call(0x4000, bx=1, cx=len(text), dx=SCRATCH)
        assert whole.registers.ax == len(text)
    else:
        whole.call(0x0900, dx=SCRATCH)
        assert whole.registers.al == ord("$")
    _characters_alone(single, text)
    assert _seen(whole) == _seen(single)


PRINTS = bytes.fromhex(
    "b409 ba2001 cd21"  # again: mov ah, 09h / mov dx, 120h / int 21h
    "b440 bb0100 b90700 ba2001 cd21"  # mov ah, 40h / mov bx, 1 / mov cx, 7 / mov dx, 120h / int 21h
    "b402 b20a cd21 b209 cd21"  # mov ah, 02h / mov dl, 10 / int 21h / mov dl, 9 / int 21h
    "ebe0"  # jmp again
)
TEXT = b"All that is said\r\n$"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_back_within_text(engine: str, tmp_path: Path) -> None:
    """Prevents a screen or a 6845 that a seek into text, or a step back there, leaves different,
    also into the midst of a scroll by code in ROM.
    """
    file = tmp_path / "prints.com"
    file.write_bytes(PRINTS.ljust(0x20, b"\x90") + TEXT)
    session = start(file, root=tmp_path, engine=engine)
    machine = session.machine
    machine.run(8000)
    area = DataArea(machine.memory)
    assert area.cursor(area.page)[0] == GuestScreen(machine.memory, machine.bus).rows - 1
    timeline = Timeline(machine, pace=TestPace())
    seen = {}
    for _ in range(400):
        seen[machine.icount] = _state(machine)
        timeline.run(1)
    for icount in random.Random(1).sample(sorted(seen), 60):
        timeline.seek(icount)
        assert _state(machine) == seen[icount]


def _state(machine: Machine) -> object:
    return machine.save(), bytes(machine.memory.ram)


def test_another_adapter_takes_over_both_ways(tmp_path: Path) -> None:
    """Prevents a cursor that goes to an adapter whose ports another device has taken."""
    guest = DosGuest(tmp_path)
    written: list[tuple[int, int]] = []
    guest.machine.bus.attach(
        [0x3D4, 0x3D5], None, lambda port, value: written.append((port, value))
    )
    guest.put(b"ab$")
    guest.call(0x0900, dx=SCRATCH)
    assert [port for port, _ in written] == [0x3D4, 0x3D5] * 2
    assert [written[0][1], written[2][1]] == [14, 15]


@settings(max_examples=examples(60))
@given(
    MODES,
    st.integers(0, 7),
    CURSORS,
    st.integers(0, 0x9FF),
    st.booleans(),
    st.sampled_from(b"A\0\x07"),
)
def test_many_cells_are_single_cells(
    twins: tuple[DosGuest, DosGuest],
    mode: int,
    page: int,
    cursor: tuple[int, int],
    count: int,
    has_attribute: bool,
    code: int,
) -> None:
    """Prevents INT 10h/09h and 0Ah from writing other cells at once than one after the other."""
    together, single = twins
    for guest in twins:
        _prepare(guest, mode, page if mode < 4 else 0, cursor, count % 251)
    screens = [GuestScreen(guest.machine.memory, guest.machine.bus) for guest in twins]
    row, column = screens[0].area.cursor(page if mode < 4 else 0)
    r = together.registers
    r.bx, r.cx = page << 8 | 0x71, count
    _video(together, (0x0900 if has_attribute else 0x0A00) | code)
    attribute = 0x71 if has_attribute or screens[1].graphics else None
    row, column = screens[1].area.cursor(page)
    first = row * screens[1].columns + column
    for at in range(first, min(first + count, 25 * screens[1].columns)):
        screens[1].put(page, *divmod(at, screens[1].columns), code, attribute)
    assert _seen(together) == _seen(single)
