"""What DOS programs find beside DOS: XMS, the printer and the mouse."""

from __future__ import annotations

import pytest
from dos_drivers import BUFFER, Drivers, xms_of
from dos_programs import start
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.cpu.registers import CF
from blink16.devices.cards import Cards
from blink16.dos.errors import Code
from blink16.dos.mouse import EVENT, Mouse
from blink16.dos.xms import MOVE
from blink16.memory import linear
from blink16.setup.pc import PcSetup

MOVE_FIELDS = [part.name for part in MOVE.subcons]

# -- XMS -------------------------------------------------------------------------------------


def test_xms_blocks_keep_what_is_moved_there() -> None:
    """Allocate, move there and back, resize, free: and what is free is told."""
    guest = Drivers(xms_kib=1024)
    entry, r = xms_of(guest), guest.machine.registers
    guest.far(entry, 0x0000)
    assert r.ax == 0x0300
    guest.far(entry, 0x0900, dx=100)
    handle = r.dx
    assert r.ax == 1
    guest.put(b"extended memory.")

    def move(source: int, there: int, target: int, here: int) -> bool:
        fields = {
            "length": 16,
            "source": source,
            "source_offset": there,
            "target": target,
            "target_offset": here,
        }
        guest.far(entry, 0x0B00, si=guest.put(MOVE.build(fields), 0x2000))
        return r.ax == 1

    pointer = guest.psp << 16 | BUFFER
    assert move(0, pointer, handle, 50_000)
    guest.put(bytes(16))
    assert move(handle, 50_000, 0, pointer)
    assert guest.get(16) == b"extended memory."
    assert not move(handle, 102_400 - 8, 0, pointer)
    assert r.bl == 0xA4
    guest.far(entry, 0x0800)
    assert (r.ax, r.dx) == (924, 924)
    guest.far(entry, 0x0F00, dx=handle, bx=2000)
    assert (r.ax, r.bl) == (0, 0xA0)
    guest.far(entry, 0x0A00, dx=handle)
    assert r.ax == 1
    guest.far(entry, 0x0A00, dx=handle)
    assert (r.ax, r.bl) == (0, 0xA2)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 4095), st.integers(1, 9000)),
        st.tuples(st.just("resize"), st.integers(0, 16), st.just(0)),
        st.tuples(st.just("save"), st.just(0), st.just(0)),
        st.tuples(st.just("restore"), st.integers(0, 9), st.just(0)),
    ),
    max_size=20,
)


@settings(max_examples=examples(20), deadline=None)
@given(STEPS)
def test_a_block_of_xms_holds_what_any_instant_had_there(steps: list[tuple[str, int, int]]) -> None:
    """Prevents a block that is written in place from changing the states saved before."""
    guest, kib, expected = Drivers(xms_kib=64), 16, bytearray(16 << 10)
    entry, r = xms_of(guest), guest.machine.registers
    guest.far(entry, 0x0900, dx=kib)
    handle = r.dx
    here = guest.psp << 16 | BUFFER

    def move(length: int, source: int, there: int, target: int, goal: int) -> None:
        raw = MOVE.build(dict(zip(MOVE_FIELDS, (length, source, there, target, goal), strict=True)))
        guest.far(entry, 0x0B00, dx=handle, si=guest.put(raw, 0x2000))
        assert r.ax == 1

    kept = []
    for number, (what, one, other) in enumerate(steps, 1):
        if what == "write" and 2 * one + 2 * other <= len(expected):
            data = bytes((number,)) * (2 * other)
            guest.put(data)
            move(len(data), 0, here, handle, 2 * one)
            expected[2 * one : 2 * one + len(data)] = data
        elif what == "resize":
            guest.far(entry, 0x0F00, dx=handle, bx=one)
            expected = expected[: one << 10].ljust(one << 10, b"\0")
        elif what == "save":
            kept.append((guest.machine.save(), bytes(expected)))
        elif what == "restore" and kept:
            state, before = kept[one % len(kept)]
            guest.machine.restore(state)
            expected = bytearray(before)
        for at in range(0, len(expected), 8192):
            size = min(8192, len(expected) - at)
            move(size, handle, at, 0, here)
            assert guest.get(size) == expected[at : at + size]


@pytest.mark.parametrize(("ems_kib", "first"), [(0, 0xD000), (1024, 0xE000)])
def test_xms_gives_upper_memory_out(ems_kib: int, first: int) -> None:
    """``--card umb`` was RAM that no program could find: functions 10h to 12h give it out."""
    guest = Drivers(cards=Cards(umb=True), ems_kib=ems_kib)
    entry, r = xms_of(guest), guest.machine.registers
    guest.far(entry, 0x1000, dx=0xFFFF)
    assert (r.ax, r.bl, r.dx) == (0, 0xB0, 0x1000)
    guest.far(entry, 0x1000, dx=0x800)
    assert (r.ax, r.bx, r.dx) == (1, first, 0x800)
    guest.machine.memory.write(first << 4, b"RAM")
    assert guest.machine.memory.read(first << 4, 3) == b"RAM"
    guest.far(entry, 0x1000, dx=0x100)
    assert (r.ax, r.bx) == (1, first + 0x800)
    guest.far(entry, 0x1200, dx=first, bx=0x900)
    assert (r.ax, r.bl, r.dx) == (0, 0xB0, 0x800)
    before = guest.machine.save()
    guest.far(entry, 0x1100, dx=first)
    assert r.ax == 1
    guest.far(entry, 0x1100, dx=first)
    assert (r.ax, r.bl) == (0, 0xB2)
    guest.machine.restore(before)
    guest.far(entry, 0x1200, dx=first, bx=0x10)
    assert r.ax == 1
    guest.far(entry, 0x1000, dx=0x7F0)
    assert (r.ax, r.bx) == (1, first + 0x10)


@pytest.mark.parametrize("engine", ENGINES)
def test_dos_links_upper_memory(engine: str) -> None:
    """5803h was refused, and strategies with 40h and 80h meant nothing: as DOSBox 0.74 has them."""
    session = start("umblink", engine=engine, setup=PcSetup(cards=Cards(umb=True)))
    session.run()
    assert session.output() == (b"00 00 01 00 L 40 U 41 U 80 U 81 U 82 U 42 U 01 U 01 L Z00 Z01 ")


def test_without_upper_memory_there_is_nothing_to_link() -> None:
    """5803h fails as on a DOS without it, and memory is found below by every strategy."""
    session = start("umblink")
    session.run()
    assert session.output().startswith(b"00 01 00 00 L 40 L 41 L 80 L 81 L 82 L 42 L 01 L 00 ")


def test_dos_takes_what_upper_memory_is_left() -> None:
    """Before its first link the blocks are XMS's, and then DOS' until the machine ends."""
    guest = Drivers(cards=Cards(umb=True), ems_kib=0)
    entry, r = xms_of(guest), guest.machine.registers
    guest.far(entry, 0x1000, dx=0x800)
    assert (r.ax, r.bx) == (1, 0xD000)
    before = guest.machine.save(), bytes(guest.machine.memory.ram)
    guest.interrupt(0x21, 0x5803, bx=1)
    guest.interrupt(0x21, 0x5801, bx=0x40)
    guest.interrupt(0x21, 0x4800, bx=0x10)
    assert r.ax == 0xD801
    guest.interrupt(0x21, 0x4900, es=0xD801)
    guest.interrupt(0x21, 0x4800, bx=0x7FF)
    assert r.ax == 0xD801
    guest.far(entry, 0x1000, dx=1)
    assert (r.ax, r.bl, r.dx) == (0, 0xB1, 0)
    guest.interrupt(0x21, 0x5803, bx=0)
    guest.interrupt(0x21, 0x4900, es=0xD801)  # free, though it is not linked
    assert not r.flags & CF
    guest.machine.restore(before[0])
    guest.machine.memory.write(0, before[1])
    guest.far(entry, 0x1000, dx=0x800)
    assert (r.ax, r.bx) == (1, 0xD800)


@pytest.mark.parametrize("first", [True, False], ids=["first link", "later link"])
def test_a_spoiled_chain_is_not_linked(first: bool) -> None:
    """Prevents a chain that ends above upper memory, or never leads there, from ending us."""
    guest = Drivers(cards=Cards(umb=True), ems_kib=0)
    r = guest.machine.registers
    if not first:
        guest.interrupt(0x21, 0x5803, bx=1)
        guest.interrupt(0x21, 0x5803, bx=0)
    guest.interrupt(0x21, 0x5200)
    chain = guest.machine.memory.read_word(linear(r.es, r.bx - 2))
    size = 0xFFF0 - chain if first else 0x10
    guest.machine.memory.write(linear(chain, 0), b"Z\0\0" + size.to_bytes(2, "little"))
    guest.interrupt(0x21, 0x5803, bx=1)
    assert r.flags & CF
    assert r.ax == Code.MEMORY_DESTROYED


def test_address_line_20_stays_open_while_somebody_needs_it() -> None:
    """Two programs that each open it for themselves (05h): the first to close it closed it."""
    guest = Drivers(cpu="80286", xms_kib=64)
    entry, r = xms_of(guest), guest.machine.registers
    states = []
    for function in (5, 5, 6, 3, 6, 4):
        guest.far(entry, function << 8)
        assert r.ax == 1
        guest.far(entry, 0x0700)
        states.append(r.ax)
    assert states == [1, 1, 1, 1, 1, 0]
    guest.far(entry, 0x0600)
    assert (r.ax, r.bl) == (0, 0x82)


def test_no_xms_without_memory() -> None:
    """--xms 0 is a machine whose multiplex interrupt says nothing."""
    guest = Drivers(xms_kib=0)
    guest.interrupt(0x2F, 0x4300)
    assert guest.machine.registers.al == 0


# -- printer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_all_ways_lead_to_the_printer(engine: str) -> None:
    """What DOS printed went elsewhere than what INT 17h and the ports did, and past its hooks."""
    session = start("printer", engine=engine)
    session.run()
    assert session.output("lpt1") == b"BDabcabcPabcXABC"
    assert session.output() == b"9090DF50"


# -- mouse -----------------------------------------------------------------------------------


def event(buttons: int, column: int, row: int) -> bytes:
    """Return a mouse event at a cell."""
    raw: bytes = EVENT.build({"buttons": buttons, "x": column * 8, "y": row * 8})
    return raw


def test_mouse_position_and_buttons() -> None:
    """03h tells where it is, 05h how often a button went down, 07h keeps it in a window."""
    guest = Drivers()
    r = guest.machine.registers
    guest.interrupt(0x33, 0)
    assert (r.ax, r.bx) == (0xFFFF, 2)
    guest.machine.receive(Mouse.CHANNEL, event(1, 10, 5))
    guest.interrupt(0x33, 3)
    assert (r.bx, r.cx, r.dx) == (1, 80, 40)
    guest.interrupt(0x33, 5, bx=0)
    assert (r.ax, r.bx, r.cx, r.dx) == (1, 1, 80, 40)
    guest.interrupt(0x33, 7, cx=0, dx=100)
    guest.machine.receive(Mouse.CHANNEL, event(0, 70, 5))
    guest.interrupt(0x33, 3)
    assert (r.bx, r.cx) == (0, 100)


def test_mouse_cursor_is_on_the_screen_while_it_is_shown() -> None:
    """The cell under the mouse is inverted, and is as it was once the mouse has moved on."""
    guest = Drivers()
    memory = guest.machine.memory
    guest.interrupt(0x33, 0)
    guest.interrupt(0x33, 1)
    before = memory.read_word(0xB8000 + 2 * (5 * 80 + 10))
    guest.machine.receive(Mouse.CHANNEL, event(0, 10, 5))
    assert memory.read_word(0xB8000 + 2 * (5 * 80 + 10)) == before & 0x77FF ^ 0x7700
    guest.machine.receive(Mouse.CHANNEL, event(0, 11, 5))
    assert memory.read_word(0xB8000 + 2 * (5 * 80 + 10)) == before


def test_mouse_handler_is_called() -> None:
    """0Ch's handler is called with the event, the buttons and the place, and nothing is lost."""
    session = start("mouse")
    session.run()
    session.machine.receive(Mouse.CHANNEL, event(1, 3, 2))
    session.run()
    assert session.output() == b"0003 0001 0018 0010"
    assert session.status == 0
