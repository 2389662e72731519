"""The cursor of INT 33h: a character's other colors, a shape of dots, and what programs keep."""

from __future__ import annotations

import pytest
from dos_drivers import BUFFER, Drivers
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.video import GuestScreen
from blink16.devices.video import Adapter
from blink16.dos import mouse
from blink16.dos.mouse import SAVED, Mouse, put
from blink16.dos.mouse_cursor import MASKS, SIZE, Shown, show_dots

DOT_MODES = (0x04, 0x05, 0x06, 0x0D, 0x0E, 0x10, 0x12, 0x13)
NARROW = (0x04, 0x05, 0x0D, 0x13)
BLOCK = MASKS.pack(*(0,) * SIZE, *(0xFFFF,) * SIZE)
"""All dots white."""
COORDINATES = st.integers(-40, 700)


def _guest(mode: int) -> Drivers:
    guest = Drivers(adapter=Adapter.VGA)
    guest.interrupt(0x10, mode)
    guest.interrupt(0x33, 0x00)
    return guest


def _move(guest: Drivers, x: int, y: int) -> None:
    guest.machine.receive(Mouse.CHANNEL, put(x, y))
    guest.machine.run(10)


def _picture(guest: Drivers) -> bytes:
    """Return all dots of the mode, or all cells."""
    memory = guest.machine.memory
    screen = GuestScreen(memory, guest.machine.bus)
    if not screen.graphics:
        return memory.read(screen.base, 2 * screen.columns * screen.rows)
    dots = screen.dots()
    return bytes(dots.dot(x, y) for y in range(480) for x in range(640))


def _paint(guest: Drivers) -> None:
    """Give the picture some colors."""
    dots = GuestScreen(guest.machine.memory, guest.machine.bus).dots()
    for number in range(2000):
        dots.set_dot(number * 7 % 640, number * 13 % 200, number % 4)


@pytest.mark.parametrize("mode", DOT_MODES)
def test_the_cursor_of_dots_is_where_the_mouse_is(mode: int) -> None:
    """Prevents a pointer that nobody sees, one at another place, and one of another shape."""
    guest = _guest(mode)
    before = _picture(guest)
    guest.put(BLOCK)
    guest.interrupt(0x33, 0x09, bx=3, cx=2, dx=BUFFER)
    guest.interrupt(0x33, 0x01)
    _move(guest, 120, 50)
    x, y = (117 >> 1 if mode in NARROW else 117), 48
    white = {0x04: 3, 0x05: 3, 0x06: 1}.get(mode, 15)
    after = _picture(guest)
    lit = [at for at in range(len(after)) if after[at] != before[at]]
    assert lit == [(y + down) * 640 + x + across for down in range(SIZE) for across in range(SIZE)]
    assert {after[at] for at in lit} == {white}


@pytest.mark.parametrize("mode", [*DOT_MODES, 0x03])
@settings(max_examples=examples(6))
@given(places=st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=4))
def test_what_was_under_the_cursor_comes_back(mode: int, places: list[tuple[int, int]]) -> None:
    """Prevents trails of a pointer that moves, leaves the picture's edge or is hidden."""
    guest = _guest(mode)
    if mode != 0x03:
        _paint(guest)
    before = _picture(guest)
    guest.interrupt(0x33, 0x01)
    for x, y in places:
        _move(guest, max(x, 0), max(y, 0))
    guest.put(BLOCK)
    guest.interrupt(0x33, 0x09, bx=0xFFF0, cx=8, dx=BUFFER)
    guest.interrupt(0x33, 0x0A, bx=0, cx=0, dx=0x4041)
    assert _picture(guest) != before or mode != 0x03
    guest.interrupt(0x33, 0x02)
    assert _picture(guest) == before


def test_many_events_at_once_draw_one_pointer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a client that sends thousands of movements from holding the machine for seconds."""
    guest = _guest(0x13)
    guest.interrupt(0x33, 0x01)
    drawn: list[int] = []

    def noted(screen: GuestScreen, shape: bytes, x: int, y: int) -> Shown:
        drawn.append(x)
        return show_dots(screen, shape, x, y)

    monkeypatch.setattr(mouse, "show_dots", noted)
    guest.machine.receive(Mouse.CHANNEL, b"".join(put(x, 50) for x in range(100, 500)))
    guest.machine.run(10)
    assert drawn == [499]


def test_what_the_program_draws_over_the_cursor_stays() -> None:
    """Prevents a pointer that moves on from taking the program's picture with it."""
    guest = _guest(0x13)
    guest.interrupt(0x33, 0x01)
    _move(guest, 100, 100)
    guest.interrupt(0x10, 0x0C2A, bx=0, cx=51, dx=101)
    guest.interrupt(0x33, 0x02)
    guest.interrupt(0x10, 0x0D00, bx=0, cx=51, dx=101)
    assert guest.machine.registers.al == 0x2A


def test_another_mode_has_no_cursor_of_the_one_before() -> None:
    """Prevents dots of a pointer from being put back into a picture that never had them."""
    guest = _guest(0x13)
    guest.interrupt(0x33, 0x01)
    guest.interrupt(0x10, 0x12)
    before = _picture(guest)
    guest.interrupt(0x33, 0x02)
    assert _picture(guest) == before


def test_the_cursor_spares_where_the_program_draws() -> None:
    """Prevents function 10h from doing nothing: programs draw there without hiding it."""
    guest = _guest(0x12)
    before = _picture(guest)
    guest.interrupt(0x33, 0x01)
    _move(guest, 100, 100)
    shown = _picture(guest)
    guest.interrupt(0x33, 0x10, cx=90, dx=90, si=120, di=120)
    assert _picture(guest) == before != shown
    guest.interrupt(0x33, 0x01)
    assert _picture(guest) == shown


def test_a_program_gets_the_driver_back_as_it_was() -> None:
    """Prevents a program from finding a child's bounds, handler and pointer in place of its own."""
    guest = _guest(0x12)
    r = guest.machine.registers
    guest.interrupt(0x33, 0x07, cx=10, dx=300)
    guest.interrupt(0x33, 0x1A, bx=20, cx=30, dx=40)
    guest.interrupt(0x33, 0x15)
    assert r.bx == SAVED.sizeof()
    guest.interrupt(0x33, 0x16, dx=BUFFER)
    before = guest.get(SAVED.sizeof())
    guest.interrupt(0x33, 0x00)
    guest.interrupt(0x33, 0x01)
    guest.put(BLOCK, BUFFER + 0x400)
    guest.interrupt(0x33, 0x09, bx=5, cx=5, dx=BUFFER + 0x400)
    guest.interrupt(0x33, 0x17, dx=BUFFER)
    guest.interrupt(0x33, 0x16, dx=BUFFER + 0x200)
    assert guest.get(SAVED.sizeof(), BUFFER + 0x200) == before
    guest.interrupt(0x33, 0x1B)
    assert (r.bx, r.cx, r.dx) == (20, 30, 40)
    guest.interrupt(0x33, 0x26)
    assert (r.bx, r.cx, r.dx) == (0, 639, 479)


@settings(max_examples=examples(20))
@given(nonsense=st.binary(min_size=SAVED.sizeof(), max_size=SAVED.sizeof()))
def test_nonsense_in_a_programs_copy_does_no_harm(nonsense: bytes) -> None:
    """Prevents a division by zero, and a cursor that ends the machine, by what a guest made up."""
    guest = _guest(0x13)
    guest.put(nonsense)
    guest.interrupt(0x33, 0x17, dx=BUFFER)
    guest.interrupt(0x33, 0x0C, cx=0)
    guest.interrupt(0x33, 0x01)
    for x, y in ((0, 0), (0xFFFF, 0xFFFF), (300, 100)):
        _move(guest, x, y)
    guest.interrupt(0x33, 0x03)


def test_the_cursor_is_part_of_the_machines_state() -> None:
    """Prevents a way back to an instant whose pointer, or what is under it, is another's."""
    guest = _guest(0x13)
    guest.interrupt(0x33, 0x01)
    _move(guest, 100, 100)
    kept = guest.machine.save()
    guest.interrupt(0x33, 0x02)
    guest.machine.restore(kept)
    again = guest.machine.save()
    assert dict(again.components)[Mouse.CHANNEL] == dict(kept.components)[Mouse.CHANNEL]
    assert dict(kept.components)[Mouse.CHANNEL].shown.x == 50


def test_a_call_that_is_not_here_is_told_once() -> None:
    """Prevents a program that needs a newer driver from going wrong in silence."""
    guest = _guest(0x03)
    told: list[str] = []
    guest.machine.on_notice = told.append
    for function in (0x2A, 0x2A, 0x13, 0x26):
        guest.interrupt(0x33, function)
    assert told == ["INT 33h/002Ah is a mouse call that is not here"]
