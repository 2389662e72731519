"""INT 10h as code in ROM does what the service does, which stands in where it can't."""

from __future__ import annotations

import random

import pytest
from boot_sectors import LOOP, Powered, sector
from guests import ENGINES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.data_area import BASE, DataArea
from blink16.bios.disk import disk_of
from blink16.bios.video import GuestScreen, set_mode
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine

DISKS = [disk_of(0, sector(LOOP))]
MEMORY, MEMORY_SIZE = 0xB0000, 0x10000
TICKS = 0x6C
SCREENS = st.sampled_from(
    [
        *((Adapter.CGA, mode) for mode in (1, 3, 3, 6)),
        *((Adapter.MDA, 7), (Adapter.VGA, 3), (Adapter.EGA, 3), (Adapter.VGA, 0x13)),
    ]
)
ODD = st.sampled_from([None] * 6 + ["columns", "rows", "page_size", "page", "wide"])
"""What a guest may have written into the BIOS's data."""


def _powered(adapter: Adapter, engine: str = "native") -> Machine:
    return Powered(DISKS, adapter=adapter, engine=engine).machine


def _prepare(machine: Machine, adapter: Adapter, mode: int, odd: str | None, seed: int) -> None:
    choose = random.Random(seed)
    set_mode(machine.memory, machine.bus, mode, adapter=adapter)
    area = DataArea(machine.memory)
    if mode not in (6, 0x13):
        area.page = choose.choice((0, 0, 1, 3))
        machine.memory.write(MEMORY, choose.randbytes(0x4000) * 4)  # a CGA has it twice
    match odd:
        case "columns":
            area.columns = choose.choice((0, 1, 20, 132, 255))
        case "wide":
            area.columns = 300
        case "rows":
            area.last_row = choose.choice((0, 5, 27, 49, 255))
        case "page_size":
            area.page_size = choose.choice((0x0123, 0x1FFF, 0x3F00, 0x7FF0))
        case "page":
            area.page = choose.choice((7, 8, 200))
    for page in range(8):
        area.set_cursor(page, choose.choice((0, 5, 23, 24, 24, 30)), choose.choice((0, 7, 39, 79)))


def _by_screen(machine: Machine, ax: int, bx: int, cx: int, dx: int) -> int:
    """Do what INT 10h does by way of the screen, and return AX."""
    screen = GuestScreen(machine.memory, machine.bus)
    area, code = screen.area, ax & 0xFF
    match ax >> 8:
        case 0x01:
            screen.set_cursor_shape(cx)
        case 0x06 | 0x07 as way:
            lines = code if way == 0x06 else -code
            screen.scroll(area.page, cx >> 8, cx & 255, dx >> 8, dx & 255, lines, bx >> 8)
        case 0x08:
            code, attribute = screen.cell(bx >> 8, *area.cursor(bx >> 8))
            return attribute << 8 | code
        case 0x09 | 0x0A as way:
            shown = bx & 0xFF if way == 0x09 or screen.graphics else None
            screen.fill(bx >> 8, *area.cursor(bx >> 8), cx, code, shown)
        case 0x0E:
            screen.teletype(area.page, code, bx & 0xFF if screen.graphics else None)
    return ax


def _call(machine: Machine, ax: int, bx: int, cx: int, dx: int) -> tuple[int, ...]:
    """Do INT 10h, and return the registers behind it."""
    r = machine.registers
    machine.memory.write(0x7E00, b"\xcd\x10")
    r.cs, r.ip, r.ax, r.bx, r.cx, r.dx = 0, 0x7E00, ax, bx, cx, dx
    r.ds, r.es, r.si, r.di, r.bp, r.ss, r.sp = 0x1234, 0x2345, 1, 2, 3, 0, 0x7C00
    r.flags = 0xF402  # with DF
    for _ in range(20_000):
        machine.run(1)
        if (r.cs, r.ip) == (0, 0x7E02):
            break
    names = ("ax", "bx", "cx", "dx", "ds", "es", "si", "di", "bp", "ss", "sp", "cs", "ip", "flags")
    return tuple(getattr(r, name) for name in names)


def _seen(machine: Machine) -> object:
    video = machine.find(Video)
    assert video is not None
    state = video.state
    crtc = state._replace(selected=0) if hasattr(state, "selected") else state
    planes = bytes(machine.memory.planes.cast("B"))
    return (
        machine.memory.peek(MEMORY, MEMORY_SIZE), machine.memory.peek(BASE, TICKS), crtc, planes
    )  # fmt: skip


CALLS = st.tuples(
    st.sampled_from([0x01, 0x06, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0E, 0x0E]),
    st.sampled_from([0, 1, 2, 7, 8, 9, 10, 10, 10, 13, 24, 25, 0x41, 255]),
    st.sampled_from([0x0007, 0x1E07, 0x0155, 0x0370, 0x0807]),
    st.sampled_from([0, 1, 5, 0x0203, 0x0A05, 0x1800, 80, 2000, 0xFFFF]),
    st.sampled_from([0, 0x0508, 0x184F, 0x1827, 0x1830, 0x0103, 0xFFFF, 0x174F]),
)


@settings(max_examples=examples(200), suppress_health_check=list(HealthCheck))
@given(SCREENS, ODD, st.integers(0, 2**32 - 1), st.lists(CALLS, min_size=1, max_size=6))
def test_code_in_rom_does_what_the_service_does(
    screen: tuple[Adapter, int],
    odd: str | None,
    seed: int,
    calls: list[tuple[int, int, int, int, int]],
) -> None:
    """Prevents a screen, a cursor, a 6845 or a register that tells who has done a call."""
    adapter, mode = screen
    rom, service = _powered(adapter), _powered(adapter)
    for machine in (rom, service):
        _prepare(machine, adapter, mode, odd, seed)
    for function, al, bx, cx, dx in calls:
        ax = function << 8 | al
        after = _call(rom, ax, bx, cx, dx)
        wanted = _by_screen(service, ax, bx, cx, dx)
        assert after[1:] == (
            bx, cx, dx, 0x1234, 0x2345, 1, 2, 3, 0, 0x7C00, 0, 0x7E02, 0xF402
        )  # fmt: skip
        assert after[0] == wanted
        assert _seen(rom) == _seen(service)


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupts_come_while_the_screen_scrolls(engine: str) -> None:
    """Prevents a scroll that keeps a fast timer's ticks waiting, as no BIOS does: most are lost."""
    machine = _powered(Adapter.CGA, engine)
    memory, r = machine.memory, machine.registers
    memory.write(0x7D00, bytes.fromhex("2eff06007f50b020e62058cf"))  # inc word [7f00h] / EOI / iret
    memory.write(8 * 4, (0x7D00).to_bytes(4, "little"))
    code = bytes.fromhex("b034e643 b0a9e640 b004e640 b80106 b700 31c9 ba4f18 cd10 f4")
    memory.write(0x7E00, code)  # mode 2, 1,193 counts: a millisecond
    r.cs, r.ip, r.ds, r.ss, r.sp, r.flags = 0, 0x7E00, 0, 0, 0x7C00, 0x0202
    machine.run(400)
    assert memory.read_word(0x7F00) >= 5
