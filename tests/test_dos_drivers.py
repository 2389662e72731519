"""What DOS programs find beside DOS: XMS, EMS and the mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from dos_programs import start

from blink16.devices.cards import XT, Cards
from blink16.dos.ems import PAGE, REGION
from blink16.dos.mouse import EVENT, Mouse
from blink16.dos.xms import MOVE
from blink16.dos_setup import DosSetup
from blink16.loader import Options, Program, ProgramKind, load
from blink16.machine import Machine
from blink16.memory import linear
from blink16.pc import PcSetup

BUFFER = 0x3000


class Drivers:
    """A machine whose program calls drivers."""

    def __init__(self, cpu: str = "8086", cards: Cards = XT, **setup: int) -> None:
        options = Options(
            root=Path(__file__).parent,
            cpu=cpu,
            setup=PcSetup(cards=cards),
            dos=DosSetup(**setup),  # type: ignore[arg-type]
        )
        program = Program("x.com", ProgramKind.DOS_COM, b"\x90")
        self.machine: Machine = load(program, [], options).machine
        self.psp = self.machine.registers.ds

    def interrupt(self, vector: int, ax: int, **registers: int) -> None:
        """Do an interrupt."""
        self._run(bytes((0xCD, vector, 0xEB, 0xFE)), ax, registers)

    def far(self, entry: tuple[int, int], ax: int, **registers: int) -> None:
        """Call a far entry."""
        segment, offset = entry
        code = b"\x9a" + offset.to_bytes(2, "little") + segment.to_bytes(2, "little") + b"\xeb\xfe"
        self._run(code, ax, registers)

    def _run(self, code: bytes, ax: int, registers: dict[str, int]) -> None:
        r = self.machine.registers
        self.machine.memory.write(linear(self.psp, 0x100), code)
        r.cs, r.ip, r.ax, r.flags, r.sp = self.psp, 0x100, ax, 0, 0xF000
        r.ds = r.es = self.psp
        for name, value in registers.items():
            setattr(r, name, value)
        self.machine.run(20)

    def put(self, data: bytes, offset: int = BUFFER) -> int:
        """Put bytes into the program's segment."""
        self.machine.memory.write(linear(self.psp, offset), data)
        return offset

    def get(self, length: int, offset: int = BUFFER) -> bytes:
        """Return bytes of the program's segment."""
        return self.machine.memory.read(linear(self.psp, offset), length)


# -- XMS -------------------------------------------------------------------------------------


def xms_of(guest: Drivers) -> tuple[int, int]:
    """Return the driver's entry as programs find it."""
    guest.interrupt(0x2F, 0x4300)
    assert guest.machine.registers.al == 0x80
    guest.interrupt(0x2F, 0x4310)
    return guest.machine.registers.es, guest.machine.registers.bx


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


# -- EMS -------------------------------------------------------------------------------------


def test_ems_pages_keep_what_is_written_in_the_frame() -> None:
    """Pages are mapped in and out of the frame, and are found as they were left."""
    guest = Drivers(ems_kib=256)
    r, memory = guest.machine.registers, guest.machine.memory
    assert memory.read(linear(memory.read_word(0x67 * 4 + 2), 10), 8) == b"EMMXXXX0"
    guest.interrupt(0x67, 0x4100)
    frame = r.bx
    guest.interrupt(0x67, 0x4200)
    assert (r.bx, r.dx) == (16, 16)
    guest.interrupt(0x67, 0x4300, bx=3)
    handle = r.dx
    for page in range(3):
        guest.interrupt(0x67, 0x4401, dx=handle, bx=page)
        assert r.ah == 0
        memory.write(linear(frame, PAGE), bytes((page,)) * 100)
    for page in range(3):
        guest.interrupt(0x67, 0x4400 + page, dx=handle, bx=page)
        assert memory.read(linear(frame, page * PAGE), 100) == bytes((page,)) * 100
    guest.interrupt(0x67, 0x4400, dx=handle, bx=3)
    assert r.ah == 0x8A
    guest.interrupt(0x67, 0x4500, dx=handle)
    guest.interrupt(0x67, 0x4200)
    assert (r.ah, r.bx) == (0, 16)


def test_ems_moves_regions() -> None:
    """57h moves between memory and pages, across page boundaries."""
    guest = Drivers(ems_kib=256)
    r = guest.machine.registers
    guest.interrupt(0x67, 0x4300, bx=2)
    handle = r.dx
    guest.put(b"expanded memory!")
    there = {"type": 1, "handle": handle, "offset": PAGE - 8, "segment": 0}
    here = {"type": 0, "handle": 0, "offset": BUFFER, "segment": guest.psp}

    def move(source: dict[str, int], target: dict[str, int]) -> None:
        fields = {f"source_{name}": value for name, value in source.items()}
        fields |= {f"target_{name}": value for name, value in target.items()}
        at = guest.put(REGION.build({"length": 16, **fields}), 0x2000)
        guest.interrupt(0x67, 0x5700, si=at)
        assert r.ah == 0

    move(here, there)
    guest.put(bytes(16))
    move(there, here)
    assert guest.get(16) == b"expanded memory!"


def test_memory_beyond_goes_back_in_time() -> None:
    """What a page held comes back with the machine's state."""
    guest = Drivers(ems_kib=64)
    r, memory = guest.machine.registers, guest.machine.memory
    guest.interrupt(0x67, 0x4300, bx=2)
    handle = r.dx
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    memory.write(linear(0xD000, 0), b"then")
    guest.interrupt(0x67, 0x4400, dx=handle, bx=1)
    saved, ram = guest.machine.save(), bytes(memory.ram)
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    memory.write(linear(0xD000, 0), b"now!")
    guest.interrupt(0x67, 0x4400, dx=handle, bx=1)
    guest.machine.restore(saved)
    memory.write(0, ram)
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    assert memory.read(linear(0xD000, 0), 4) == b"then"


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
